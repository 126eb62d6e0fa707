"""How long a duplicate waits, how often it looks, and when a handler is stopped: on a clock that the test turns."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define, field

from gopay_async.clock import SystemClock
from gopay_async.simulator.clock import VirtualClock
from gopay_async.webhooks.handling import Handling, Outcome
from gopay_async.webhooks.replay import Claim, MemoryReplayStore, Standing, identity_key
from tests.webhooks.events import Shop, notification


class Watch(VirtualClock):
    """A clock that remembers who waited on it."""

    def __init__(self) -> None:
        super().__init__(datetime(2026, 11, 20, tzinfo=UTC))
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        await super().sleep(seconds)


async def busy_elsewhere() -> MemoryReplayStore:
    """A store in which another process holds the claim."""
    store = MemoryReplayStore()
    await store.claim(identity_key(notification()), lease=timedelta(hours=1))
    return store


async def test_a_duplicate_looks_soon_and_then_ever_more_seldom_until_its_patience_ends() -> None:
    watch, shop = Watch(), Shop()
    handling = Handling(await busy_elsewhere(), shop, watch, lease=30, limit=12, patience=5)

    assert await handling.process(notification()) is Outcome.BUSY
    assert watch.slept == [0.02, 0.04, 0.08, 0.16, 0.32, *[0.5] * 8, 0.38]
    assert (watch.monotonic(), shop.seen) == (5.0, [])


@pytest.mark.parametrize("patience", [0.0, -1.0])
async def test_without_patience_a_duplicate_does_not_wait_at_all(patience: float) -> None:
    watch = Watch()
    handling = Handling(await busy_elsewhere(), Shop(), watch, lease=30, limit=12, patience=patience)

    assert (await handling.process(notification()), watch.slept) == (Outcome.BUSY, [])


@define
class Slow:
    """A handler that waits until the test lets it go, the first time as often as it is told to fail."""

    fails: int = 0
    calls: int = 0
    begun: asyncio.Event = field(factory=asyncio.Event)
    go: asyncio.Event = field(factory=asyncio.Event)

    async def __call__(self, given: Any) -> None:
        self.calls += 1
        self.begun.set()
        await self.go.wait()
        if self.calls <= self.fails:
            raise ValueError


class Counting(MemoryReplayStore):
    """A store that counts how often it was asked."""

    claims = 0

    async def claim(self, key: str, *, lease: timedelta, for_good: bool = False) -> Claim | Standing:
        self.claims += 1
        return await super().claim(key, lease=lease, for_good=for_good)


def handling(handler: Any, store: MemoryReplayStore | None = None) -> Handling:
    given = MemoryReplayStore() if store is None else store
    return Handling(given, handler, SystemClock(), lease=30, limit=12, patience=5)


async def turns() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_duplicates_in_one_process_learn_the_result_without_asking_the_store() -> None:
    slow, store = Slow(), Counting()
    work = handling(slow, store)
    tasks = [asyncio.create_task(work.process(notification())) for _ in range(3)]
    await slow.begun.wait()
    await turns()
    slow.go.set()

    assert [await one for one in tasks] == [Outcome.HANDLED, Outcome.DUPLICATE, Outcome.DUPLICATE]
    assert (store.claims, slow.calls) == (1, 1)


async def test_of_two_duplicates_of_one_that_fails_one_is_handled_and_the_other_waits_for_it() -> None:
    slow, store = Slow(fails=1), Counting()
    work = handling(slow, store)
    tasks = [asyncio.create_task(work.process(notification())) for _ in range(3)]
    await slow.begun.wait()
    await turns()
    slow.go.set()

    assert [await one for one in tasks] == [Outcome.FAILED, Outcome.HANDLED, Outcome.DUPLICATE]
    assert (store.claims, slow.calls) == (2, 2)


async def test_a_duplicate_of_one_whose_handler_was_cancelled_is_handled() -> None:
    slow = Slow()
    work = handling(slow)
    first, second = (asyncio.create_task(work.process(notification())) for _ in range(2))
    await slow.begun.wait()
    await turns()
    next(iter(work.running.values())).cancel()
    slow.go.set()

    assert (await second, slow.calls) == (Outcome.HANDLED, 2)
    assert first.cancelled() or first.cancel()


async def test_a_cancelled_caller_waits_for_the_handler_that_it_brought() -> None:
    slow = Slow()
    work = handling(slow)
    caller = asyncio.create_task(work.process(notification()))
    await slow.begun.wait()
    caller.cancel()
    await turns()
    left_early = caller.done()
    slow.go.set()
    with pytest.raises(asyncio.CancelledError):
        await caller

    assert (left_early, work.running, await work.process(notification())) == (False, {}, Outcome.DUPLICATE)
