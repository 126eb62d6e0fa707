"""When a store lets go: of a claim with its lease, of an event after its time, and of what is for good never."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gopay_async.errors import StoreFailed
from gopay_async.webhooks.database import create_tables
from gopay_async.webhooks.redis import RedisReplayStore
from gopay_async.webhooks.replay import Claim, Standing
from gopay_async.webhooks.sql import SqlReplayStore
from tests.webhooks.test_stores import claimed

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@define
class Calendar:
    """A database that takes the day from here, so that a lease ends exactly when it ends."""

    engine: AsyncEngine
    day: float = 0.0

    def julian(self, _: str) -> float:
        return 2_440_587.5 + self.day

    def use(self, connection: Any, _: object) -> None:
        connection.create_function("julianday", 1, self.julian)


@pytest.fixture
async def calendar(tmp_path: Path) -> AsyncIterator[Calendar]:
    made = Calendar(create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'shop.db'}"))
    event.listen(made.engine.sync_engine, "connect", made.use)
    await create_tables(made.engine)
    yield made
    await made.engine.dispose()


@pytest.mark.parametrize(("day", "found"), [(0.5, Standing.BUSY), (1.0, Claim("k", 2, for_good=False))])
async def test_a_lease_lasts_until_its_end_and_no_longer(calendar: Calendar, day: float, found: object) -> None:
    store = SqlReplayStore(calendar.engine)
    await claimed(store, lease=DAY)
    calendar.day = day

    assert await store.claim("k", lease=DAY) == found


@pytest.mark.parametrize(("day", "found"), [(6.5, Standing.HANDLED), (7.0, Claim("k", 2, for_good=False))])
async def test_an_event_is_remembered_for_its_time_after_it_was_handled(
    calendar: Calendar, day: float, found: object
) -> None:
    store = SqlReplayStore(calendar.engine, keeps=5 * DAY)
    claim = await claimed(store, lease=4 * DAY)
    calendar.day = 2
    await store.commit(claim)
    calendar.day = day

    assert await store.claim("k", lease=DAY) == found


async def test_a_lease_that_is_longer_than_the_memory_is_kept_all_the_same(calendar: Calendar) -> None:
    store = SqlReplayStore(calendar.engine, keeps=DAY)
    await claimed(store, lease=4 * DAY)
    calendar.day = 3

    assert (await store.purge(), await store.claim("k", lease=DAY)) == (0, Standing.BUSY)


@pytest.mark.parametrize(("day", "gone"), [(4.5, 0), (5.0, 1), (5000.0, 1)])
async def test_only_what_has_had_its_time_is_purged_and_never_what_is_for_good(
    calendar: Calendar, day: float, gone: int
) -> None:
    store = SqlReplayStore(calendar.engine, keeps=5 * DAY)
    await store.commit(await claimed(store, "debit"))
    await store.commit(await claimed(store, "payout", for_good=True))
    await claimed(store, "a payout whose process died", for_good=True)
    calendar.day = day

    assert (await store.purge(), await store.purge()) == (gone, 0)
    assert await store.claim("payout", lease=DAY, for_good=True) is Standing.HANDLED


def test_shared_stores_keep_thirty_days(calendar: Calendar) -> None:
    assert SqlReplayStore(calendar.engine).keeps == RedisReplayStore(Redis()).keeps == 30 * DAY


@pytest.fixture
async def client(redis_socket: str) -> AsyncIterator["Redis"]:
    async with Redis(unix_socket_path=redis_socket) as made:
        await made.flushall()
        yield made


async def left(client: "Redis", key: str = "gopay:claim:k") -> timedelta | None:
    """Return for how long Redis keeps the key, in whole minutes that began; None for ever."""
    found = await client.pttl(key)
    return None if found == -1 else -(-timedelta(milliseconds=found) // MINUTE) * MINUTE


async def test_redis_keeps_a_claim_for_lease_and_memory_and_a_handled_event_for_the_memory(client: "Redis") -> None:
    store = RedisReplayStore(client, keeps=5 * DAY)
    claim = await claimed(store, lease=4 * DAY)
    before = await left(client)
    await store.commit(claim)

    assert (before, await left(client)) == (9 * DAY, 5 * DAY)


async def test_redis_keeps_what_is_for_good_for_ever(client: "Redis") -> None:
    store = RedisReplayStore(client)
    claim = await claimed(store, for_good=True)
    before = await left(client)
    await store.commit(claim)

    assert (before, await left(client)) == (None, None)


async def test_redis_never_forgets_what_turns_out_to_be_for_good(client: "Redis") -> None:
    store = RedisReplayStore(client)
    await store.release(await claimed(store))
    claim = await claimed(store, for_good=True)
    before = await left(client)
    await client.pexpire("gopay:claim:k", DAY)
    await store.commit(claim)

    assert (before, await left(client)) == (None, None)


@pytest.mark.parametrize(("options", "key"), [({}, b"gopay:claim:k"), ({"prefix": "shop:"}, b"shop:k")])
async def test_the_keys_in_redis_begin_as_they_are_told(client: "Redis", options: Any, key: bytes) -> None:
    await claimed(RedisReplayStore(client, **options))

    assert await client.keys() == [key]


async def test_a_store_that_is_away_says_that_it_is_the_store(tmp_path: Path) -> None:
    stores = (
        SqlReplayStore(create_async_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")),
        RedisReplayStore(Redis(unix_socket_path=str(tmp_path / "nobody"), retry=Retry(NoBackoff(), 0))),
    )
    for one in stores:
        with pytest.raises(StoreFailed) as caught:
            await one.claim("k", lease=DAY)

        assert caught.value.reason == "store"
