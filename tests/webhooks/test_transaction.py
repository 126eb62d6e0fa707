"""Handled exactly once in effect: the claim stands in the user's own transaction."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from gopay_async.webhooks import Notification, NotificationApp
from gopay_async.webhooks.sql import SqlReplayStore, first_time
from tests.webhooks.events import body, notification, post, verifier


@pytest.fixture
async def till(engine: AsyncEngine) -> AsyncEngine:
    async with engine.begin() as connection:
        await connection.execute(text("DROP TABLE IF EXISTS till"))
        await connection.execute(text("CREATE TABLE till (rupiah INTEGER)"))
    return engine


async def taken(engine: AsyncEngine) -> int:
    async with engine.begin() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM till"))).scalar_one())


async def credit(engine: AsyncEngine, given: Notification, *, fail: bool = False) -> bool:
    """What a user writes: the claim and the effect in one transaction."""
    async with engine.begin() as connection:
        first = await first_time(connection, given)
        if first:
            await connection.execute(text("INSERT INTO till VALUES (10000)"))
        if fail:
            raise RuntimeError("crashed before the commit")
    return first


async def test_the_second_time_is_not_the_first(till: AsyncEngine) -> None:
    assert [await credit(till, notification()), await credit(till, notification())] == [True, False]
    assert await taken(till) == 1


async def test_a_rollback_takes_the_claim_back_with_the_effect(till: AsyncEngine) -> None:
    with pytest.raises(RuntimeError):
        await credit(till, notification(), fail=True)

    assert (await taken(till), await credit(till, notification())) == (0, True)


async def test_of_twenty_at_once_one_is_the_first(till: AsyncEngine) -> None:
    found = await asyncio.gather(*(credit(till, notification()) for _ in range(20)))

    assert (sum(found), await taken(till)) == (1, 1)


async def test_it_goes_together_with_a_store_of_the_same_database(till: AsyncEngine) -> None:
    app = NotificationApp(verifier(), Credit(till), store=SqlReplayStore(till))

    assert [await post(app, body()), await post(app, body())] == [(200, "2005600")] * 2
    assert await taken(till) == 1


class Credit:
    """A handler as a class."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def __call__(self, given: Notification) -> None:
        await credit(self._engine, given)


async def test_what_may_be_forgotten_is_deleted_and_the_rest_stays(engine: AsyncEngine) -> None:
    store = SqlReplayStore(engine)
    async with engine.begin() as connection:
        for key, forget in (("old", 1.0), ("new", 1e12), ("payout", None)):
            row = {"key": key, "forget": forget}
            await connection.execute(text("INSERT INTO gopay_claims VALUES (:key, 1, NULL, :forget)"), row)

    assert [await store.purge(), await store.purge()] == [1, 0]
