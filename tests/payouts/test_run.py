"""One run, step by step: what it looks at, how many it claims and asks, how long it waits, and how it ends."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from gopay_async.clock import Clock
from gopay_async.errors import LedgerCorrupt
from gopay_async.payouts import Ended, How, Job, Moved, Payout, Runner, Started, State, Waiting
from gopay_async.payouts.lock import lock_path
from gopay_async.payouts.runner import _Run
from gopay_async.simulator import VirtualClock

from .test_alike import claimed
from .test_runner import notice
from .world import World, some, world

AT_ONCE = timedelta(0)


@define
class Slept:
    """A clock that stands still but for sleep, and notes it."""

    inner: VirtualClock
    times: list[float] = field(factory=list)

    def now(self) -> Any:
        return self.inner.now()

    def monotonic(self) -> float:
        return self.inner.monotonic()

    async def sleep(self, seconds: float) -> None:
        self.times.append(seconds)
        await self.inner.sleep(seconds)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        # It stands still from now on, for everybody.
        made.clock = VirtualClock(made.clock.now())
        made.ledger.clock = made.clock
        yield made


def slept(here: World, runner: Runner) -> list[float]:
    """Let *runner* note how long it sleeps."""
    clock = runner.clock = Slept(here.clock)
    return clock.times


async def run_of(here: World, job: Job, **settings: Any) -> _Run:
    run = _Run(here.runner(**settings), job)
    await run.desk.open()
    return run


async def accepted(here: World, number: int, *, lost: int = 0) -> Job:
    """Return a job of so many accepted payouts, after so many that are unknown, all of them due."""
    for one in range(1, lost + 1):
        here.provider.plan(f"pay-{one}", "drop")
    job = await here.submit(some(lost + number))
    await here.run(job, wait=AT_ONCE)
    here.clock.advance(timedelta(minutes=11))
    return job


# --- what it looks at ------------------------------------------------------------------------------------------------


async def test_while_something_is_under_way_it_looks_once_a_second(here: World) -> None:
    job = await here.submit(some(1))
    run = await run_of(here, job)
    run.crew.underway.add(99)

    unread = []
    for number, seconds in enumerate([0.0, 0.0, 0.75, 0.25, 0.5]):
        here.clock.advance(seconds)
        await here.ledger.receive(notice(f"nobody-{number}", "completed"), here.account)
        await run._look()
        unread.append(len(await here.ledger.unread(here.account)))

    assert unread == [0, 1, 2, 0, 1]


async def test_while_nothing_is_under_way_it_looks_every_time(here: World) -> None:
    job = await here.submit(some(1))
    run = await run_of(here, job)
    for number in range(3):
        await here.ledger.receive(notice(f"nobody-{number}", "completed"), here.account)
        await run._look()
        assert await here.ledger.unread(here.account) == []


async def test_no_more_is_asked_than_there_are_workers(here: World) -> None:
    job = await accepted(here, 10)
    run = await run_of(here, job, concurrency=4)

    assert [await run._look(), len(run.crew.underway)] == [4, 4]
    here.clock.advance(2)
    assert [await run._look(), len(run.crew.underway)] == [0, 4]


async def test_accepted_payouts_are_asked_first_until_one_has_proved_the_inquiry(here: World) -> None:
    job = await accepted(here, 1, lost=2)
    first, second, third = await here.ledger.rows(job.id)
    run = await run_of(here, job)

    assert [await run._look(), run.crew.underway] == [1, {third.id}]
    await here.ledger.prove(job, "QueryTransfer", third.id)
    proved = await run_of(here, job)
    assert [await proved._look(), proved.crew.underway] == [3, {first.id, second.id, third.id}]


async def test_where_nothing_was_accepted_the_others_are_asked(here: World) -> None:
    job = await accepted(here, 0, lost=2)
    run = await run_of(here, job)

    assert await run._look() == 2


# --- how many it claims ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("concurrency", "rate", "chunk"),
    [(4, None, 4), (4, 1_000.0, 4), (20, 100.0, 10), (20, 109.0, 10), (20, 110.0, 11), (20, 9.0, 1), (20, 0.5, 1)],
)
async def test_it_claims_what_starts_in_a_tenth_of_a_second(
    here: World, concurrency: int, rate: float | None, chunk: int
) -> None:
    run = await run_of(here, await here.submit(some(1)), concurrency=concurrency, rate=rate)

    assert (run._chunk(), run._enough()) == (chunk, 2 * chunk)


async def test_rows_are_sent_in_their_order(here: World) -> None:
    job = await here.submit(some(12))
    sent: list[str] = []
    here.provider.before = sent.append

    await here.run(job, concurrency=1, wait=AT_ONCE)

    assert sent == [f"pay-{one}" for one in range(1, 13)]


async def test_rows_that_cannot_be_sent_any_more_name_the_first_of_them(here: World) -> None:
    job = await here.submit(some(2))
    here.clock.advance(timedelta(days=52))

    ended = await here.run(job)

    assert ended.reason == "pay-1 is not sent: it is older than the window in which its reference is unique"
    assert (await here.ledger.job(job.id)).paused == ended.reason


# --- how long it waits -----------------------------------------------------------------------------------------------


async def followed(here: World, job: Job, **settings: Any) -> tuple[list[float], list[Any]]:
    runner = here.runner(**settings)
    times = slept(here, runner)
    return times, [event async for event in runner.run(job)]


async def test_it_waits_for_the_next_inquiry_and_looks_for_notifications_meanwhile(here: World) -> None:
    job = await here.submit(some(1))

    times, events = await followed(here, job, wait=timedelta(minutes=10))

    waits = [one.seconds for one in events if isinstance(one, Waiting)]
    assert times == [30.0] * 20
    assert waits == [600.0 - 30.0 * one for one in range(20)]
    assert events[-1].how is How.PAID


async def test_it_does_not_wait_where_that_would_not_be_enough(here: World) -> None:
    job = await here.submit(some(1))

    times, events = await followed(here, job, wait=timedelta(minutes=10) - timedelta(microseconds=1))

    assert (times, events[-1].how) == ([], How.OPEN)


async def test_it_waits_less_than_a_second_too(here: World) -> None:
    job = await here.submit(some(1))
    await here.run(job, wait=AT_ONCE)
    here.clock.advance(599.6)

    times, events = await followed(here, job, wait=timedelta(seconds=0.5))

    assert times == pytest.approx([0.4])
    assert events[-1].how is How.PAID


async def test_all_its_waiting_counts(here: World) -> None:
    here.provider.statuses["pay-1"] = "03"
    job = await here.submit(some(1))

    times, events = await followed(here, job, wait=timedelta(minutes=25))

    # Asked after 10 and 20 minutes; the next time would be after 40.
    assert (sum(times), events[-1].how, len(here.provider.asked)) == (1_200.0, How.OPEN, 2)


# --- how it ends -----------------------------------------------------------------------------------------------------


async def test_it_tells_what_there_is_first_and_what_became_of_it_last(here: World) -> None:
    job = await here.submit(some(2))

    events = [event async for event in here.runner(wait=AT_ONCE).run(job)]

    assert events[0] == Started(job=job, counts={State.PLANNED: (2, 2_000_300)})
    assert events[-1] == Ended(job=job, how=How.OPEN, counts={State.ACCEPTED: (2, 2_000_300)})
    assert {type(one) for one in events[1:-1]} == {Moved}


async def test_the_lock_says_which_job_runs(here: World) -> None:
    job = await here.submit(some(1), name="march")

    await here.run(job, wait=AT_ONCE)

    assert json.loads(lock_path(here.ledger.path).read_text())["purpose"] == f"job {job.id[:12]} (march)"


async def test_a_pause_is_over_when_the_job_is_run_again(here: World) -> None:
    here.provider.plan("pay-1", "4033814")
    job = await here.submit(some(1))
    first = await here.run(job, wait=AT_ONCE)
    before = await here.ledger.job(job.id)

    second = await here.run(job, wait=AT_ONCE)

    assert (first.how, first.job.paused, before.paused) == (How.PAUSED, first.reason, first.reason)
    assert (second.how, second.job.paused, second.reason) == (How.OPEN, "", "")


async def test_the_first_reason_to_pause_is_the_one_that_counts(here: World) -> None:
    run = await run_of(here, await here.submit(some(1)))

    run._pause("the first")
    run._pause("the second")

    assert run._paused == "the first"


async def test_what_a_killed_process_left_is_unknown_and_asked_about(here: World) -> None:
    job = await here.submit(some(1))
    run = await run_of(here, job)
    await claimed(run.desk, await here.ledger.rows(job.id))

    ended = await here.run(job)

    kinds = [one.kind for one in await here.ledger.history(1)]
    # Nothing was ever accepted: an inquiry that does not find it is not believed.
    assert (kinds[:3], ended.how) == (["claimed", "recovered", "asked"], How.OPEN)
    assert here.provider.external_ids == []


async def test_a_stop_before_and_after_a_run_does_nothing(here: World) -> None:
    job = await here.submit(some(1))
    runner = here.runner(wait=AT_ONCE)
    runner.stop()

    first = [event async for event in runner.run(job)][-1]
    runner.stop()
    second = [event async for event in runner.run(job)][-1]

    assert isinstance(first, Ended)
    assert isinstance(second, Ended)
    assert (first.how, second.how) == (How.OPEN, How.OPEN)


def others() -> list[str]:
    return [one.get_name() for one in asyncio.all_tasks() if one is not asyncio.current_task()]


async def test_a_run_that_waited_leaves_no_task_behind(here: World) -> None:
    job = await here.submit(some(3))

    await here.run(job, rate=2.0)
    await asyncio.sleep(0)

    assert others() == []


async def test_a_run_that_is_stopped_while_it_waits_leaves_no_task_behind(here: World) -> None:
    job = await here.submit(some(3))
    runner = here.runner(rate=2.0)
    here.provider.statuses["pay-1"] = "03"
    clock = runner.clock = _Stopping(here.clock, runner)

    ended = [event async for event in runner.run(job)][-1]
    await asyncio.sleep(0)

    assert isinstance(ended, Ended)
    assert (ended.how, clock.rests > 0, others()) == (How.INTERRUPTED, True, [])


@define
class _Stopping:
    """A clock of which nobody wakes: the run is stopped instead."""

    inner: Clock
    runner: Runner
    rests: int = 0

    def now(self) -> Any:
        return self.inner.now()

    def monotonic(self) -> float:
        return self.inner.monotonic()

    async def sleep(self, seconds: float) -> None:
        self.rests += 1
        if self.rests == 3:
            self.runner.stop()
            await asyncio.Event().wait()
        await self.inner.sleep(seconds)


async def test_a_reader_that_leaves_goes_when_the_run_is_over(here: World) -> None:
    job = await here.submit(some(10))
    here.provider.plan("*", *["hang"] * 10)
    events = here.runner().run(job)
    async for _ in events:
        if here.provider.started.is_set():
            break

    await events.aclose()  # type: ignore[attr-defined]  # it is a generator

    assert others() == []
    with here.ledger.lock("somebody else"):
        assert here.provider.in_flight == 0


async def test_an_error_that_nobody_hears_is_not_complained_about(here: World) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    run = await run_of(here, await here.submit(some(1)))

    async def fail() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise LedgerCorrupt("damaged")

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await run.leave(task)
    del task
    gc.collect()

    assert complaints == []


async def test_a_page_of_rows_is_claimed_bit_by_bit(here: World) -> None:
    job = await here.submit(some(5))
    run = await run_of(here, job, concurrency=2)

    pages: list[list[Payout]] = [await run._planned(0) for _ in range(3)]

    assert [[one.line for one in page] for page in pages] == [[1, 2], [3, 4], [5]]
