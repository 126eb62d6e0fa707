"""The workers of a run: what they record, when they ask for more, and what they do when they are stopped."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from gopay_async.exchange import Response
from gopay_async.payouts import Job, Payout, Settings, Slowed, State
from gopay_async.payouts.crew import Crew
from gopay_async.payouts.desk import Desk
from gopay_async.payouts.pacer import Pacer
from gopay_async.payouts.plan import Trust
from gopay_async.simulator import VirtualClock

from .facts import START
from .provider import Provider
from .test_alike import claimed, desk_of
from .test_writer import busy
from .world import World, some, world


@define
class Team:
    """A crew, with payouts that are claimed already."""

    here: World
    job: Job
    desk: Desk
    payouts: list[Payout]
    concurrency: int
    rate: float | None = None
    paused: list[str] = field(factory=list)
    slowed: list[float] = field(factory=list)
    clock: VirtualClock = field(factory=lambda: VirtualClock(START))
    pacer: Pacer = field(init=False)
    crew: Crew = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.pacer = Pacer(self.clock, self.rate)
        self.crew = Crew(
            self.here.session,
            Settings(concurrency=self.concurrency, timeout=5.0),
            self.desk,
            self.pacer,
            asyncio.Event(),
            pause=self.paused.append,
            tell=self._tell,
        )

    async def _tell(self, event: Slowed) -> None:
        self.slowed.append(event.rate)

    async def send_all(self) -> None:
        for one in self.payouts:
            self.crew.send(one)

    async def ask_all(self) -> None:
        for one in self.payouts:
            self.crew.ask(one)

    async def kinds(self) -> list[list[str]]:
        return [[one.kind for one in await self.here.ledger.history(each.id)] for each in self.payouts]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


async def team(here: World, size: int, *, concurrency: int = 1, **more: Any) -> Team:
    job = await here.submit(some(size))
    desk = desk_of(here, job, [])
    return Team(here, job, desk, await claimed(desk, await here.ledger.rows(job.id, limit=size)), concurrency, **more)


async def cancelled(here: World, work: Awaitable[None], *, at: str) -> None:
    """Run *work* until the top-up *at* reaches the provider, and cancel it there."""
    task = asyncio.ensure_future(work)
    here.provider.before = lambda reference: reference == at and task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    # What waits for the disk is on it once this is.
    await here.ledger._writer.transact(lambda _: None)


# --- what is recorded ------------------------------------------------------------------------------------------------


async def test_nothing_is_under_way_once_everything_is_recorded(here: World) -> None:
    one = await team(here, 5, concurrency=2)
    here.provider.plan("pay-3", "4003801")

    await one.crew.run(one.send_all)

    assert (one.crew.ahead, one.crew.waiting, one.crew.underway, one.crew.enough) == (0, 0, set(), 0)
    assert (await here.states(one.job))["pay-3"] is State.REFUSED
    assert await one.kinds() == [["claimed", "answered"]] * 5


async def test_what_is_handed_out_is_counted_until_it_begins(here: World) -> None:
    one = await team(here, 3)
    seen: list[tuple[int, int, set[int]]] = []

    async def look() -> None:
        await one.send_all()
        seen.append((one.crew.ahead, one.crew.waiting, set(one.crew.underway)))
        await one.ask_all()
        seen.append((one.crew.ahead, one.crew.waiting, set(one.crew.underway)))

    await one.crew.run(look)

    assert seen == [(3, 3, {1, 2, 3}), (3, 6, {1, 2, 3})]


async def test_there_is_news_when_few_enough_have_not_begun_though_none_has_ended(here: World) -> None:
    one = await team(here, 3)
    here.provider.plan("*", "hang")
    seen: list[tuple[int, int]] = []

    async def look() -> None:
        one.crew.enough = 2
        await one.send_all()
        await one.crew.news.wait()
        seen.append((one.crew.ahead, one.crew.waiting))
        here.provider.release.set()

    await one.crew.run(look)

    assert seen == [(2, 2)]


async def test_what_the_end_of_a_run_overtook_was_not_begun(here: World) -> None:
    one = await team(here, 2)
    one.crew.halted.set()

    await one.crew.run(one.send_all)

    assert here.provider.external_ids == []
    assert set((await here.states(one.job)).values()) == {State.PLANNED}
    last = (await here.ledger.history(1))[-1]
    assert (last.kind, last.said) == ("answered", "the run ended before it was sent")
    assert one.paused == []


async def test_whoever_waits_for_inquiries_learns_that_the_end_of_a_run_overtook_them(here: World) -> None:
    one = await team(here, 2)

    async def ask() -> None:
        await one.ask_all()
        one.crew.halted.set()
        # Without news it would wait for ever.
        async with asyncio.timeout(60):
            await one.crew.news.wait()

    await one.crew.run(ask)

    assert (here.provider.asked, one.crew.underway) == ([], set())


async def test_what_was_claimed_at_once_is_sent_though_the_inquiry_proved_wrong(here: World) -> None:
    one = await team(here, 1)
    one.desk.trust = Trust(proved=True, distrust="it was wrong")
    (payout,) = one.payouts

    # It was not claimed after a "not found": the inquiry has no part in it.
    await one.crew.run(one.send_all)

    assert here.provider.external_ids == [payout.external_id]


# --- 429 -------------------------------------------------------------------------------------------------------------


class Patient(Provider):
    """Says 429 once, and for how long."""

    async def _answer(self, happening: str, reference: str, departure: Any) -> Response:
        answer = await super()._answer(happening, reference, departure)
        return Response(answer.status, {"Retry-After": "30"}, answer.body) if answer.status == 429 else answer


async def test_429_is_waited_for_as_long_as_it_says_and_forgotten_in_time(here: World) -> None:
    one = await team(here, 310)
    patient = Patient()
    patient.plan("pay-2", "4293800")
    here.session._transport = patient

    await one.crew.run(one.send_all)

    assert one.slowed == [50.0]
    assert 30 < one.clock.monotonic() < 34
    assert one.pacer.rate is None


async def test_429_to_an_inquiry_slows_down_too(here: World) -> None:
    one = await team(here, 1, rate=10.0)
    await one.crew.run(one.send_all)
    here.provider.refusals = 1_000

    await one.crew.run(one.ask_all)

    assert one.slowed == [5.0, 2.5, 1.25]


async def test_an_inquiry_that_was_refused_for_its_rate_is_made_again_and_forgotten_in_time(here: World) -> None:
    one = await team(here, 1, rate=10.0)
    await one.crew.run(one.send_all)
    # The session itself tries three times.
    here.provider.refusals = 3

    await one.crew.run(one.ask_all)

    assert here.provider.asked == ["pay-1"] * 4
    assert one.slowed == [5.0]
    assert one.pacer.rate == pytest.approx(5.0 * 1.01)


# --- cancelled -------------------------------------------------------------------------------------------------------


async def test_answers_that_wait_to_be_recorded_are_written_when_a_run_is_cancelled(here: World) -> None:
    one = await team(here, 3)
    here.provider.plan("pay-2", "4003801")
    here.provider.plan("pay-3", "hang")

    await cancelled(here, one.crew.run(one.send_all), at="pay-3")

    assert await here.states(one.job) == {
        "pay-1": State.ACCEPTED,
        "pay-2": State.REFUSED,
        "pay-3": State.UNKNOWN,
    }
    assert await one.kinds() == [["claimed", "answered"], ["claimed", "answered"], ["claimed", "cancelled"]]


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_what_was_claimed_and_has_not_begun_when_a_run_is_cancelled_waits_to_be_sent(
    here: World, concurrency: int
) -> None:
    # The first one is under way; of the others one waits for its turn, or all for a worker.
    one = await team(here, 4, concurrency=concurrency, rate=1.0)
    one.pacer.rest = _for_ever
    here.provider.plan("pay-1", "hang")

    await cancelled(here, one.crew.run(one.send_all), at="pay-1")

    assert await here.states(one.job) == {
        "pay-1": State.UNKNOWN,
        "pay-2": State.PLANNED,
        "pay-3": State.PLANNED,
        "pay-4": State.PLANNED,
    }
    last = (await here.ledger.history(4))[-1]
    assert (last.kind, last.said) == ("answered", "the run ended before it was sent")


async def _for_ever(_: float) -> None:
    await asyncio.Event().wait()


async def test_questions_that_have_not_begun_when_a_run_is_cancelled_change_nothing(here: World) -> None:
    one = await team(here, 3)
    here.provider.plan("pay-1", "hang")

    async def ask_and_send() -> None:
        one.crew.send(one.payouts[0])
        one.crew.ask(one.payouts[1])

    await cancelled(here, one.crew.run(ask_and_send), at="pay-1")

    assert [len(await here.ledger.history(number)) for number in (1, 2, 3)] == [2, 1, 1]


async def test_answers_that_are_just_being_recorded_are_written_once_when_a_run_is_cancelled(here: World) -> None:
    one = await team(here, 2)
    here.provider.plan("pay-2", "4003801")
    with busy(here):
        running = asyncio.ensure_future(one.crew.run(one.send_all))
        while len(here.provider.external_ids) < 2 or one.crew._taken or one.crew._steps:  # noqa: ASYNC110  # it has no event
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running})
    await here.ledger._writer.transact(lambda _: None)

    assert running.cancelled()
    assert await here.states(one.job) == {"pay-1": State.ACCEPTED, "pay-2": State.REFUSED}
    assert await one.kinds() == [["claimed", "answered"], ["claimed", "answered"]]
