"""Where facts become entries: what is written, what is told, and what the clock has to do with it."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from attrs import define, evolve

from gopay_async.api import TopUpAccepted
from gopay_async.payouts import Moved, Rules, State, settle
from gopay_async.payouts.desk import Taken, Watch, groups
from gopay_async.payouts.lock import lock_path
from gopay_async.payouts.plan import Answered, Asked, Claimed, Crashed, Finding, Outcome, Trust
from gopay_async.payouts.records import Happened

from .facts import START
from .test_alike import all_taken, claimed, desk_of, taken
from .world import World, some, world


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


# --- clocks ----------------------------------------------------------------------------------------------------------


@define
class Set:
    """A clock that can be set."""

    time: datetime = START

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return 7.0

    async def sleep(self, seconds: float) -> None:
        pytest.fail("nobody sleeps")


def test_a_moment_names_both_clocks_and_the_process() -> None:
    first, second = Watch(Set()), Watch(Set())
    code = "from gopay_async.payouts.desk import Watch; print(Watch(None).runner)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    assert (first.moment().at, first.moment().mono, first.moment().runner) == (START, 7.0, first.runner)
    assert first.runner == second.runner
    assert first.runner != other
    assert len(first.runner) == len(other) >= 16


@pytest.mark.parametrize("seconds", [-3_600, 0, 60])
def test_a_clock_that_is_hardly_set_back_is_not_complained_about(seconds: int) -> None:
    watch = Watch(Set())

    watch.begin(START + timedelta(seconds=seconds))

    assert watch.set_back == ""
    assert watch.moment().at == START + timedelta(seconds=max(0, seconds))


def test_a_clock_that_was_set_back_is_complained_about() -> None:
    watch = Watch(Set())
    watch.begin(None)
    watch.begin(START + timedelta(seconds=61))

    assert watch.set_back == ("the clock was set back by 0:01:01: it said 2026-11-20T12:01:01+00:00 before; mend it")


def test_a_clock_that_is_set_back_later_is_noticed_too() -> None:
    clock = Set()
    watch = Watch(clock)
    watch.moment()
    clock.time -= timedelta(minutes=5)

    assert watch.set_back.startswith("the clock was set back by 0:05:00")
    assert watch.moment().at == START
    clock.time += timedelta(minutes=6)
    assert (watch.set_back, watch.moment().at) == ("", START + timedelta(minutes=1))


# --- what is written -------------------------------------------------------------------------------------------------


async def test_payouts_that_stand_alike_are_of_one_group(here: World) -> None:
    job = await here.submit(some(3))
    await claimed(desk_of(here, job, []), [await here.ledger.payout(2)])

    found = groups(await here.ledger.rows(job.id))

    assert [[one.id for one in group] for group in found] == [[1, 3], [2]]
    assert groups([]) == []


async def test_an_answer_without_a_reference_leaves_it_empty(here: World) -> None:
    job = await here.submit(some(2))
    desk = desk_of(here, job, [])
    first, second = await claimed(desk, await here.ledger.rows(job.id))
    found = Taken()
    found.add(first, TopUpAccepted(reference_no=None, response_code="2023800"))
    found.add(second, taken(second))

    await desk.accept(found)

    assert [one.alike.reference_no for one in await here.ledger.rows(job.id)] == ["", "Apay-2"]


async def test_answers_with_different_codes_stand_so_in_the_history(here: World) -> None:
    job = await here.submit(some(2))
    desk = desk_of(here, job, [])
    first, second = await claimed(desk, await here.ledger.rows(job.id))
    found = Taken()
    found.add(first, TopUpAccepted(reference_no="A", response_code="2023800"))
    found.add(second, TopUpAccepted(reference_no="B", response_code="2003800"))

    await desk.accept(found)

    codes = [(await here.ledger.history(one.id))[-1].code for one in (first, second)]
    assert codes == ["2023800", "2003800"]


async def test_a_fact_that_changes_nothing_says_why(here: World) -> None:
    job = await here.submit(some(1))
    desk = desk_of(here, job, [])
    (payout,) = await claimed(desk, await here.ledger.rows(job.id))
    old = Answered(when=desk.watch.moment(), attempt=7, outcome=Outcome.REFUSED)

    await desk.enter(payout, old, Happened(at=START, kind="answered", attempt=7))
    await desk.enter(payout, old, Happened(at=START, kind="answered", attempt=7, said="4003801"))

    said = [one.said for one in (await here.ledger.history(payout.id))[1:]]
    assert said == ["it answers attempt 7 of 1", "4003801"]


async def test_a_fact_that_changes_something_says_no_more_than_it_does(here: World) -> None:
    job = await here.submit(some(1))
    desk = desk_of(here, job, [])
    (payout,) = await claimed(desk, await here.ledger.rows(job.id))

    await desk.accept(all_taken([payout]))

    assert (await here.ledger.history(payout.id))[-1].said == ""


async def test_what_is_told_is_the_reason_or_why_nothing_changed(here: World) -> None:
    job = await here.submit(some(1))
    told: list[Moved] = []
    desk = desk_of(here, job, told)
    (payout,) = await claimed(desk, await here.ledger.rows(job.id))
    when = desk.watch.moment()

    await desk.enter(
        payout, Answered(when=when, attempt=1, outcome=Outcome.UNKNOWN, said="no answer"), _event("answered")
    )
    unknown = (await here.ledger.rows(job.id))[0]
    await desk.enter(unknown, Asked(when=when, attempt=7, finding=Finding.PAID), _event("asked"))

    assert [(one.state, one.said) for one in told[1:]] == [
        (State.UNKNOWN, "no answer"),
        (State.UNKNOWN, "it is unknown in attempt 1"),
    ]


def _event(kind: str) -> Happened:
    return Happened(at=START, kind=kind, attempt=1)


async def test_only_what_was_found_proves_the_inquiry(here: World) -> None:
    job = await here.submit(some(2))
    desk = desk_of(here, job, [])
    rows = await claimed(desk, await here.ledger.rows(job.id))
    await desk.accept(all_taken(rows))
    when = evolve(desk.watch.moment(), at=START + timedelta(minutes=20), mono=1_200.0)
    first, second = await here.ledger.rows(job.id)

    await desk.enter(first, Asked(when=when, attempt=1, finding=Finding.NOTHING), _event("asked"))
    before = desk.trust
    await desk.enter(second, Asked(when=when, attempt=1, finding=Finding.PAID), _event("asked"))

    assert (before, desk.trust) == (Trust(), Trust(proved=True))
    assert await here.ledger.is_proved(job, "QueryTransfer")


async def test_what_is_entered_together_stands_in_the_history_with_its_reason(here: World) -> None:
    job = await here.submit(some(2))
    desk = desk_of(here, job, [])
    rows = await claimed(desk, await here.ledger.rows(job.id))

    await desk.enter_all(rows, Crashed(when=desk.watch.moment()), "recovered")

    last = (await here.ledger.history(2))[-1]
    assert (last.kind, last.attempt, last.external_id) == ("recovered", 1, "2")
    assert last.said == "the process that sent it ended before it had the answer"


async def test_what_is_not_sent_gets_no_new_id(here: World) -> None:
    job = await here.submit(some(1))
    desk = desk_of(here, job, [])
    (payout,) = await here.ledger.rows(job.id)

    (crashed,) = await desk.enter_all([payout], Crashed(when=desk.watch.moment()), "recovered", lambda: "9")
    (sent,) = await desk.enter_all([payout], Claimed(when=desk.watch.moment()), "claimed", lambda: "10")

    assert (crashed.external_id, sent.external_id) == ("", "10")


# --- a person --------------------------------------------------------------------------------------------------------


async def test_who_settles_holds_the_ledger_and_says_what_for(here: World) -> None:
    here.provider.plan("pay-1", "lost-500")
    job = await here.submit(some(1))
    await here.run(job, wait=timedelta(0))

    await settle(here.ledger, await here.only(job), state=State.PAID, who=" Rina ", note=" why ", rules=Rules())

    last = (await here.ledger.history(1))[-1]
    assert json.loads(lock_path(here.ledger.path).read_text())["purpose"] == "settling pay-1"
    assert (last.kind, last.attempt, last.outcome, last.said) == ("settled", 1, "paid", "settled by Rina: why")
    assert (last.before, last.state) == ("unknown", "paid")
