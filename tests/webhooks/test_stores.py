"""Every replay store keeps the same promises: one claim at a time, a fence, and a memory."""

import asyncio
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from gopay_async.errors import StoreFailed
from gopay_async.webhooks import NotificationApp, PayoutNotification, Unrecognised
from gopay_async.webhooks.redis import RedisReplayStore
from gopay_async.webhooks.replay import Claim, MemoryReplayStore, ReplayStore, Standing, identity_key, is_for_good
from gopay_async.webhooks.typed import build
from tests.webhooks.events import Shop, body, notification, post, verifier

LEASE = timedelta(seconds=30)
GONE = timedelta(0)
NOW = datetime(2026, 11, 20, tzinfo=UTC)


async def claimed(store: ReplayStore, key: str = "k", lease: timedelta = LEASE, *, for_good: bool = False) -> Claim:
    found = await store.claim(key, lease=lease, for_good=for_good)
    assert isinstance(found, Claim)
    return found


async def test_of_two_claims_one_is_given(store: ReplayStore) -> None:
    await claimed(store)

    assert await store.claim("k", lease=LEASE) is Standing.BUSY


async def test_a_claim_is_not_for_good_unless_it_is_asked_for(store: ReplayStore) -> None:
    assert await store.claim("k", lease=LEASE) == Claim("k", 1, for_good=False)
    assert await store.claim("payout", lease=LEASE, for_good=True) == Claim("payout", 1, for_good=True)


async def test_what_was_committed_is_handled(store: ReplayStore) -> None:
    assert await store.commit(await claimed(store))

    assert await store.claim("k", lease=LEASE) is Standing.HANDLED


async def test_another_event_has_its_own_claim(store: ReplayStore) -> None:
    await store.commit(await claimed(store))

    assert (await claimed(store, "other")).key == "other"


async def test_what_was_released_can_be_claimed_again_with_a_higher_fence(store: ReplayStore) -> None:
    first = await claimed(store)
    await store.release(first)

    assert (await claimed(store)).fence == first.fence + 1


async def test_a_lease_that_ran_out_is_taken_over_and_the_late_commit_does_not_count(store: ReplayStore) -> None:
    late = await claimed(store, lease=GONE)
    new = await claimed(store)

    assert [await store.commit(late), await store.commit(new)] == [False, True]


async def test_a_late_release_does_not_free_the_claim_of_another(store: ReplayStore) -> None:
    late = await claimed(store, lease=GONE)
    await claimed(store)
    await store.release(late)

    assert await store.claim("k", lease=LEASE) is Standing.BUSY


async def test_a_release_cannot_undo_a_commit(store: ReplayStore) -> None:
    claim = await claimed(store)
    await store.commit(claim)
    await store.release(claim)

    assert await store.claim("k", lease=LEASE) is Standing.HANDLED


async def test_the_fence_outlives_a_release_so_that_an_old_claim_never_counts_again(store: ReplayStore) -> None:
    old = await claimed(store, lease=GONE)
    await store.release(await claimed(store))
    await claimed(store)

    assert not await store.commit(old)


@pytest.mark.parametrize("for_good", [False, True])
async def test_nothing_is_committed_twice(store: ReplayStore, for_good: bool) -> None:
    claim = await claimed(store, for_good=for_good)

    assert [await store.commit(claim), await store.commit(claim)] == [True, False]


async def test_a_hundred_claims_at_once_give_one(store: ReplayStore) -> None:
    found = await asyncio.gather(*(store.claim("k", lease=LEASE) for _ in range(100)))

    assert sum(isinstance(one, Claim) for one in found) == 1


async def test_a_hundred_parallel_duplicates_reach_the_handler_once(store: ReplayStore) -> None:
    shop = Shop()
    # Five processes: each application knows only what the store tells.
    apps = [NotificationApp(verifier(), shop, store=store) for _ in range(5)]

    answers = await asyncio.gather(*(post(apps[number % 5], body()) for number in range(100)))

    assert (set(answers), len(shop.seen)) == ({(200, "2005600")}, 1)


async def test_a_duplicate_of_one_that_fails_is_handled_itself(store: ReplayStore) -> None:
    started, fail, calls = asyncio.Event(), asyncio.Event(), list[str]()

    async def handler(given: object) -> None:
        calls.append("called")
        if len(calls) == 1:
            started.set()
            await fail.wait()
            raise RuntimeError("the first one fails")

    one, other = (NotificationApp(verifier(), handler, store=store) for _ in range(2))
    first = asyncio.create_task(post(one, body()))
    await started.wait()
    second = asyncio.create_task(post(other, body()))
    fail.set()

    assert [await first, await second, len(calls)] == [(500, "5005600"), (200, "2005600"), 2]


async def test_a_redis_that_is_away_is_said_without_its_text() -> None:
    client = Redis(unix_socket_path="/nowhere/at/all", retry=Retry(NoBackoff(), 0))

    with pytest.raises(StoreFailed) as caught:
        await RedisReplayStore(client).claim("k", lease=LEASE)

    assert caught.value.detail == "ConnectionError"


async def test_a_memory_that_forgets_much_at_once_does_so_step_by_step() -> None:
    now = [0.0]
    store = MemoryReplayStore(keeps=timedelta(seconds=10), monotonic=lambda: now[0])
    for number in range(10):
        await store.commit(await claimed(store, str(number)))
    now[0] = 100.0
    await claimed(store, "new")

    assert len(store) == 9


async def test_a_memory_forgets_after_its_time_and_stays_small() -> None:
    now = [0.0]
    store = MemoryReplayStore(keeps=timedelta(seconds=10), monotonic=lambda: now[0])
    for number in range(100):
        now[0] += 1
        await store.commit(await claimed(store, str(number)))

    assert len(store) <= 12
    assert isinstance(await store.claim("0", lease=LEASE), Claim)


class Hours:
    """A memory of ten seconds, and the clock that it looks at."""

    def __init__(self) -> None:
        self.now = 0.0
        self.store = MemoryReplayStore(keeps=timedelta(seconds=10), monotonic=lambda: self.now)

    async def handle(self, key: str, at: float, *, for_good: bool = False) -> None:
        self.now = at
        assert await self.store.commit(await claimed(self.store, key, for_good=for_good))


async def test_a_memory_forgets_the_oldest_and_not_the_newest() -> None:
    hours = Hours()
    await hours.handle("old", 0)
    await hours.handle("new", 9)
    await hours.handle("another", 11)

    assert len(hours.store) == 2
    assert await hours.store.claim("new", lease=LEASE) is Standing.HANDLED


async def test_a_memory_counts_from_when_an_event_was_handled_and_not_from_its_claim() -> None:
    hours = Hours()
    slow = await claimed(hours.store, "slow")
    await hours.handle("quick", 1)
    hours.now = 5
    await hours.store.commit(slow)
    await hours.handle("another", 12)

    assert len(hours.store) == 2
    assert await hours.store.claim("slow", lease=LEASE) is Standing.HANDLED


@pytest.mark.parametrize(("at", "left"), [(9.9, 2), (10.0, 1)])
async def test_a_memory_keeps_an_event_for_its_time_and_no_longer(at: float, left: int) -> None:
    hours = Hours()
    await hours.handle("k", 0)
    await hours.handle("another", at)

    assert len(hours.store) == left


async def test_a_memory_counts_what_it_keeps_for_good_too() -> None:
    hours = Hours()
    await hours.handle("k", 0)
    await hours.handle("payout", 0, for_good=True)

    assert len(hours.store) == 2


async def test_a_memory_never_forgets_what_is_for_good() -> None:
    now = [0.0]
    store = MemoryReplayStore(keeps=timedelta(seconds=10), monotonic=lambda: now[0])
    await store.commit(await claimed(store, for_good=True))
    now[0] = 1e9

    assert await store.claim("k", lease=LEASE, for_good=True) is Standing.HANDLED


def test_the_key_of_an_identity_is_the_same_for_every_delivery_and_tells_nothing() -> None:
    assert identity_key(notification()) == identity_key(notification())
    assert identity_key(notification()) != identity_key(notification("04"))
    assert len(identity_key(notification())) == 64


def test_only_what_carries_no_time_is_kept_for_good() -> None:
    payout = build(PayoutNotification, {"reference_no": "p", "status": "completed"}, timestamp=NOW)

    assert [is_for_good(payout), is_for_good(notification()), is_for_good(Unrecognised())] == [True, False, True]


def test_the_key_of_an_identity_stays_the_same_over_versions() -> None:
    given = build(PayoutNotification, {"reference_no": "p", "status": "completed"})
    text = "".join(f"{len(part)}:{part}" for part in ("payout", "p", "completed", "", ""))

    assert identity_key(given) == sha256(text.encode()).hexdigest()


async def test_a_lease_ends_when_its_time_has_come_and_not_before() -> None:
    now = [0.0]
    store = MemoryReplayStore(monotonic=lambda: now[0])
    first = await claimed(store, lease=timedelta(seconds=10))
    now[0] = 9.9
    busy = await store.claim("k", lease=LEASE)
    now[0] = 10.0

    assert (busy, (await claimed(store)).fence, first.fence) == (Standing.BUSY, 2, 1)


def test_a_memory_keeps_a_day() -> None:
    assert MemoryReplayStore().keeps == timedelta(hours=24)
