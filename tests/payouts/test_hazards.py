"""What happens seldom, and must not cost anybody money: late bookings, cancelled records, clocks, other jobs."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from attrs import define, evolve

from gopay_async.errors import JobRefused, LedgerFull, SessionMisuse
from gopay_async.payouts import (
    Difference,
    Ended,
    How,
    Job,
    Moved,
    Reconciler,
    Rules,
    Settings,
    State,
    settle,
)
from gopay_async.payouts.accounts import verify_accounts
from gopay_async.payouts.crew import Crew
from gopay_async.payouts.draft import new_draft
from gopay_async.payouts.pacer import Pacer
from gopay_async.payouts.plan import Answered, Asked, Finding, Outcome, Reach, Trust
from gopay_async.payouts.records import Happened
from gopay_async.payouts.rows import ReadRow
from gopay_async.simulator import VirtualClock

from .facts import moment
from .test_alike import claimed, desk_of
from .test_runner import Back, notice
from .world import World, some, top_up, world

AT_ONCE = timedelta(0)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


async def reconciled(here: World, job: Job, **settings: object) -> list[Difference]:
    chosen = Settings(**settings)  # type: ignore[arg-type]  # as its attributes have it
    reconciler = Reconciler(here.ledger, here.session, here.account, chosen, clock=here.clock)
    return [one async for one in reconciler.differences(job)]


# --- the provider knows better ---------------------------------------------------------------------------------------


@define
class Ahead:
    """A clock of which the wall was set on by so much."""

    inner: VirtualClock
    by: timedelta

    def now(self) -> datetime:
        return self.inner.now() + self.by

    def monotonic(self) -> float:
        return self.inner.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self.inner.sleep(seconds)


async def test_a_clock_that_is_set_on_between_two_runs_of_a_process_lets_nothing_be_sent_again(here: World) -> None:
    job = await here.submit(some(2))
    here.provider.plan("pay-2", "lost-drop")
    await here.run(job, wait=AT_ONCE)
    runner = here.runner(wait=AT_ONCE)
    runner.clock = Ahead(here.clock, timedelta(minutes=11))

    ended = [event async for event in runner.run(job)][-1]

    assert sorted(here.provider.asked) == ["pay-1", "pay-2"]
    assert isinstance(ended, Ended)
    assert (await here.states(job))["pay-2"] is State.UNKNOWN
    assert len(here.provider.external_ids) == 2


async def test_what_was_booked_after_it_was_not_found_is_never_sent_again(here: World) -> None:
    job = await here.submit(some(2))
    # Lost at first, not found ten minutes later, and without funds when it is sent again.
    here.provider.plan("pay-2", "lost-drop", "4033814")
    paused = await here.run(job, concurrency=1)
    here.provider.paid["pay-2"].append("10002.00")

    (found,) = await reconciled(here, job)
    ended = await here.run(job, concurrency=1)

    assert paused.how is How.PAUSED
    assert (found.reference, found.ledger, found.provider) == ("pay-2", State.DISPUTED, Finding.PAID)
    assert here.payments() == [1, 1]
    assert (await here.states(job))["pay-2"] is State.DISPUTED
    assert ended.job.distrust == "the provider holds a reference that the inquiry did not find"


async def test_what_was_claimed_to_be_sent_again_is_not_once_the_inquiry_proved_wrong(here: World) -> None:
    job = await here.submit(some(2))
    desk = desk_of(here, job, [])
    first, second = await claimed(desk, await here.ledger.rows(job.id))
    desk.trust = Trust(proved=True, distrust="it was wrong about another one")
    settings = Settings(concurrency=1)
    crew = Crew(here.session, settings, desk, Pacer(here.clock), asyncio.Event(), pause=pytest.fail, tell=_nobody)

    async def hand_out() -> None:
        crew.send(first)
        crew.send(evolve(second, alike=evolve(second.alike, reach=Reach.NOT_FOUND)))

    await crew.run(hand_out)

    assert await here.states(job) == {"pay-1": State.ACCEPTED, "pay-2": State.PLANNED}
    said = (await here.ledger.history(second.id))[-1].said
    assert said == "the inquiry that did not find it has been wrong meanwhile"
    assert here.provider.external_ids == [first.external_id]


async def _nobody(_: object) -> None:
    raise AssertionError("nothing is slowed down")


@pytest.mark.parametrize(
    ("between", "reason"),
    [("429", "20 unknown outcomes in a row"), ("unsent", "20 attempts in a row did not get through")],
)
async def test_unknown_outcomes_pause_a_job_whatever_comes_between_them(here: World, between: str, reason: str) -> None:
    job = await here.submit(some(100))
    here.provider.plan("*", *([between, "lost-drop"] * 1_000))

    ended = await here.run(job, concurrency=1, wait=AT_ONCE)

    assert (ended.how, ended.reason) == (How.PAUSED, reason)
    assert ended.counts[State.UNKNOWN][0] in (19, 20)


# --- nobody reads any more -------------------------------------------------------------------------------------------


async def test_refusals_that_wait_behind_what_was_accepted_are_written_when_the_reader_leaves(here: World) -> None:
    job = await here.submit(some(40))
    refused: set[str] = set()
    for number in range(2, 41, 2):
        here.provider.plan(f"pay-{number}", "4003801")
    here.provider.before = lambda reference: refused.add(reference) if int(reference[4:]) % 2 == 0 else None

    events = here.runner(concurrency=20).run(job)
    async for event in events:
        if isinstance(event, Moved) and event.state is State.ACCEPTED:
            break
    await events.aclose()  # type: ignore[attr-defined]  # it is a generator
    await here.ledger.pause(job.id, "")

    states = await here.states(job)
    assert refused
    assert {states[one] for one in refused} == {State.REFUSED}


async def test_what_proves_the_inquiry_wrong_is_written_without_waiting_too(here: World) -> None:
    job = await here.submit(some(1))
    payout = await here.only(job)
    again = evolve(payout, alike=evolve(payout.alike, reach=Reach.NOT_FOUND, attempt=1))
    desk = desk_of(here, job, [])
    fact = Asked(when=moment(30), attempt=1, finding=Finding.PAID)

    desk.submit([desk.judge(again, fact, Happened(at=moment(30).at, kind="asked"))])
    await here.ledger.pause(job.id, "")

    assert (await here.ledger.job(job.id)).distrust == "the provider holds a reference that the inquiry did not find"


async def test_what_proves_the_inquiry_wrong_is_written_though_its_record_is_cancelled(here: World) -> None:
    job = await here.submit(some(1))
    desk = desk_of(here, job, [])
    (payout,) = await claimed(desk, await here.ledger.rows(job.id))
    again = evolve(payout, alike=evolve(payout.alike, reach=Reach.NOT_FOUND))
    fact = Answered(when=moment(30), attempt=1, outcome=Outcome.HELD, said="4093801")
    record = asyncio.create_task(
        desk.record([desk.judge(again, fact, Happened(at=moment(30).at, kind="answered", attempt=1))])
    )

    await asyncio.sleep(0)
    record.cancel()
    await asyncio.wait({record})
    await here.ledger.pause(job.id, "")

    assert record.cancelled()
    assert (await here.only(job)).state is State.DISPUTED
    assert (await here.ledger.job(job.id)).distrust == "the provider holds a reference that the inquiry did not find"
    assert [one.kind for one in await here.ledger.history(payout.id)] == ["claimed", "answered"]


async def test_a_stop_that_comes_before_the_run_has_begun_is_heard(here: World) -> None:
    job = await here.submit(some(50))
    runner = here.runner(wait=AT_ONCE)

    async def follow() -> Ended:
        last = [event async for event in runner.run(job)][-1]
        assert isinstance(last, Ended)
        return last

    task = asyncio.create_task(follow())
    # The run has begun: it has the lock, and looks at the ledger.
    await asyncio.sleep(0)
    runner.stop()

    assert ((await task).how, here.provider.external_ids) == (How.INTERRUPTED, [])


# --- clocks ----------------------------------------------------------------------------------------------------------


async def test_nobody_settles_by_a_clock_that_was_set_back(here: World) -> None:
    clock = Back(here.clock, timedelta(0))
    here.clock = here.ledger.clock = clock  # type: ignore[assignment]  # a clock
    here.provider.plan("pay-1", "lost-drop")
    here.provider.plan("pay-2", "4033814")
    here.provider.finds = False
    job = await here.submit(some(2))
    await here.run(job, wait=AT_ONCE, concurrency=1)
    await clock.sleep(60 * 86_400)
    assert "older than the window" in (await here.run(job, wait=AT_ONCE)).reason

    clock.by = timedelta(days=59)
    (first, _) = await here.ledger.rows(job.id)
    with pytest.raises(JobRefused, match="Nothing was settled: the clock was set back by 58 days"):
        await settle(here.ledger, first, state=State.FAILED, who="Rina", note="so the bank says", rules=Rules())
    with pytest.raises(JobRefused, match="Nothing was sent: the clock was set back"):
        await here.run(job, wait=AT_ONCE)

    assert len(here.provider.external_ids) == 2


# --- other jobs, and other people ------------------------------------------------------------------------------------


async def test_a_run_tells_nothing_about_payouts_of_other_jobs(here: World) -> None:
    other = await here.submit([top_up(f"other-{one}", amount=10_001) for one in range(3)], name="other")
    await here.run(other, wait=AT_ONCE)
    for one in range(3):
        await here.ledger.receive(notice(f"other-{one}", "completed"), here.account)
    job = await here.submit(some(1))
    here.provider.plan("pay-1", "4003801")

    await here.run(job, wait=AT_ONCE)

    assert {one.reference for one in here.told if isinstance(one, Moved)} == {"pay-1"}
    assert set((await here.states(other)).values()) == {State.PAID}


async def test_a_reconciliation_lists_what_only_a_notification_knows(here: World) -> None:
    before = notice("long-ago", "completed")
    await here.ledger.receive(before, here.account)
    await here.clock.sleep(60)
    job = await here.submit(some(2))
    await here.ledger.receive(notice("pay-1", "completed"), here.account)
    await here.ledger.receive(notice("nobodys", "completed"), here.account)
    await here.ledger.receive(notice("balance", "topup"), here.account)

    found = await reconciled(here, job)

    assert [(one.line, one.reference, one.ledger, one.provider, one.notification) for one in found] == [
        (1, "pay-1", State.DISPUTED, None, "completed"),
        (None, "nobodys", None, None, "completed"),
    ]
    assert found[0].said == "a notification says completed, and yet nothing is under way"
    assert found[1].said == "no payout of this ledger has its reference"
    assert here.provider.asked == []


async def test_a_reconciliation_keeps_to_its_rate_and_asks_again_after_429(here: World) -> None:
    job = await here.submit(some(3))
    await here.run(job, wait=AT_ONCE)
    here.provider.refusals = 2
    began = here.clock.monotonic()

    found = await reconciled(here, job, rate=1.0)

    assert found == []
    assert here.clock.monotonic() - began >= 2
    assert len(here.provider.asked) == 5


async def test_a_provider_that_never_has_time_is_a_difference(here: World) -> None:
    job = await here.submit(some(1))
    await here.run(job, wait=AT_ONCE)
    here.provider.refusals = 1_000

    (found,) = await reconciled(here, job)

    assert (found.ledger, found.provider) == (State.ACCEPTED, None)
    # Three times, and three requests each time: a session repeats a read that got a 429.
    assert len(here.provider.asked) == 9


# --- errors ----------------------------------------------------------------------------------------------------------


async def test_one_error_stops_a_reconciliation_and_not_a_group_of_them(here: World) -> None:
    job = await here.submit(some(5))
    await here.run(job, wait=AT_ONCE)
    await here.session.aclose()

    with pytest.raises(SessionMisuse, match="closed"):
        await reconciled(here, job)


async def test_one_error_stops_the_questions_about_accounts(here: World) -> None:
    await here.session.aclose()
    with new_draft() as draft:
        draft.add(ReadRow(line, one) for line, one in enumerate(some(5), start=1))

        with pytest.raises(SessionMisuse, match="closed"):
            async for _ in verify_accounts(draft, here.session):
                pass


def test_no_room_for_the_rows_of_a_file_is_said_in_a_sentence() -> None:
    def fill_the_disk() -> None:
        with new_draft() as draft:
            draft._connection.execute("PRAGMA max_page_count=3")
            draft.add(ReadRow(line, one) for line, one in enumerate(some(500), start=1))

    with pytest.raises(LedgerFull, match=r"kept in a temporary file \(database or disk is full\): make room"):
        fill_the_disk()


def test_no_folder_for_temporary_files_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))

    with pytest.raises(LedgerFull, match="TMPDIR"), new_draft():
        pass
