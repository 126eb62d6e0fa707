"""Whole jobs: through refusals, lost answers, pauses, notifications and interruptions."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from attrs import define

from gopay_async import InvalidInput
from gopay_async.api import PayoutNotification, QueryTopUp, TopUp
from gopay_async.clock import Clock
from gopay_async.errors import JobRefused, LedgerBusy, SessionMisuse
from gopay_async.payouts import Account, How, Job, Payout, Rules, Slowed, State, Waiting, settle
from gopay_async.payouts.inbox import read_notice
from gopay_async.simulator import DROP_AFTER, ERROR_BEFORE

from .world import World, simulated, some, top_up, world


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


# --- nobody twice, nobody lost ---------------------------------------------------------------------------------------


async def test_everybody_is_paid_once(here: World) -> None:
    ended = await here.pay(some(20))

    assert (ended.how, ended.reason) == (How.PAID, "")
    assert ended.counts == {State.PAID: (20, sum(1_000_000 + 100 * one for one in range(1, 21)))}
    assert here.payments() == [1] * 20


async def test_every_attempt_has_its_own_numeric_id_which_the_ledger_holds(here: World) -> None:
    job = await here.submit(some(8))

    await here.run(job)

    ids = [one.external_id for one in await here.ledger.rows(job.id)]
    assert sorted(ids) == sorted(here.provider.external_ids)
    assert len(set(ids)) == 8
    assert all(one.isdigit() for one in ids)


async def test_the_intent_is_on_the_disk_before_the_first_byte(here: World, tmp_path: Path) -> None:
    job = await here.submit(some(1))
    import_states: list[tuple[str, str]] = []

    def look(_: str) -> None:
        import_states.extend(_read(tmp_path / "ledger.db"))

    here.provider.before = look
    await here.run(job)

    assert import_states == [("sending", here.provider.external_ids[0])]


@pytest.mark.parametrize("lost", ["drop", "500"])
async def test_what_was_paid_and_not_answered_is_found_and_not_sent_again(here: World, lost: str) -> None:
    here.provider.plan("pay-3", lost)

    ended = await here.pay(some(5))

    assert ended.how is How.PAID
    assert here.payments() == [1] * 5


@pytest.mark.parametrize("lost", ["lost-drop", "lost-500"])
async def test_what_is_not_found_after_ten_minutes_is_sent_again_with_the_same_reference(
    here: World, lost: str
) -> None:
    here.provider.plan("pay-3", lost)

    ended = await here.pay(some(5))

    assert ended.how is How.PAID
    assert here.payments() == [1] * 5
    assert len(here.provider.external_ids) == 6


@pytest.mark.parametrize("resends", [0, 1, 3])
async def test_what_is_never_found_is_sent_so_many_times_more_and_then_disputed(here: World, resends: int) -> None:
    here.provider.plan("pay-2", *["lost-500"] * 9)
    job = await here.submit(some(3))

    ended = await here.run(job, rules=Rules(resends=resends))

    assert (ended.how, await here.states(job)) == (
        How.DONE,
        {"pay-1": State.PAID, "pay-2": State.DISPUTED, "pay-3": State.PAID},
    )
    assert len(here.provider.external_ids) == 2 + 1 + resends


async def test_an_inquiry_that_never_finds_anything_sends_nothing_again(here: World) -> None:
    here.provider.finds = False
    here.provider.plan("pay-2", "lost-500")
    job = await here.submit(some(3))

    ended = await here.run(job)

    payout = await here.ledger.row(job.id, "pay-2")
    assert (ended.how, payout.state) == (How.OPEN, State.UNKNOWN)
    assert "not believed" in payout.standing.reason
    assert len(here.provider.external_ids) == 3


async def test_the_other_contract_asks_at_the_other_path(here: World) -> None:
    ended = await here.pay(some(2), contract=QueryTopUp)

    assert ended.how is How.PAID


async def test_the_proof_is_for_one_contract_and_one_account(here: World) -> None:
    job = await here.submit(some(2))

    await here.run(job)

    assert await here.ledger.is_proved(job, "QueryTransfer")
    assert not await here.ledger.is_proved(job, "QueryTopUp")


async def test_the_simulator_agrees(tmp_path: Path) -> None:
    async with simulated(tmp_path) as (simulator, here):
        simulator.faults.add(DROP_AFTER, on=TopUp, nth=3)
        simulator.faults.add(ERROR_BEFORE, on=TopUp, nth=5)

        ended = await here.pay(some(8))

        assert (ended.how, ended.counts[State.PAID][0]) == (How.PAID, 8)
        simulator.check()


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["4003800", "4003801", "4033802", "4033803", "4033809", "4043811", "4013802"])
async def test_a_no_about_a_row_stops_only_that_row(here: World, code: str) -> None:
    here.provider.plan("pay-2", code)
    job = await here.submit(some(4))

    ended = await here.run(job)

    assert ended.how is How.DONE
    assert [one.value for one in (await here.states(job)).values()] == ["paid", "refused", "paid", "paid"]


@pytest.mark.parametrize("code", ["4033814", "4033806", "4033801", "4043808", "4223802", "4013800"])
async def test_a_no_about_the_merchant_pauses_the_job_until_it_is_resumed(here: World, code: str) -> None:
    here.provider.plan("*", code)
    job = await here.submit(some(6))

    paused = await here.run(job, concurrency=1)
    again = await here.run(job)

    assert (paused.how, paused.reason, paused.job.paused) == (How.PAUSED, f"{code} said", f"{code} said")
    assert paused.counts[State.PLANNED][0] >= 4
    assert (again.how, again.job.paused) == (How.PAID, "")
    assert here.payments() == [1] * 6


async def test_no_token_pauses_the_job_and_sends_nothing(here: World) -> None:
    here.provider.tokens = False

    ended = await here.pay(some(3))

    assert (ended.how, list(ended.counts)) == (How.PAUSED, [State.PLANNED])
    assert here.provider.external_ids == []


async def test_no_token_for_an_inquiry_pauses_the_job(here: World) -> None:
    job = await here.submit(some(1))
    await here.run(job, wait=timedelta(0))
    here.provider.tokens = False
    here.clock.advance(timedelta(days=2))

    ended = await here.run(job)

    assert (ended.how, list(ended.counts)) == (How.PAUSED, [State.ACCEPTED])


async def test_429_slows_the_job_and_loses_nobody(here: World) -> None:
    here.provider.plan("pay-2", "4293800", "4293800")

    ended = await here.pay(some(4))

    assert ended.how is How.PAID
    assert next(one.rate for one in here.told if isinstance(one, Slowed)) == 50.0
    assert len(here.provider.external_ids) == 6


@pytest.mark.parametrize("happening", ["unsent", "4013801"])
async def test_what_proved_nothing_was_sent_is_sent_again_at_once(here: World, happening: str) -> None:
    here.provider.plan("pay-2", happening)

    ended = await here.pay(some(4))

    assert ended.how is How.PAID
    assert here.payments() == [1] * 4


@pytest.mark.parametrize(
    ("happening", "rows", "reason"),
    [
        ("lost-500", 40, "20 unknown outcomes in a row"),
        ("4093801", 40, "10 references in a row were used elsewhere"),
        ("unsent", 40, "20 attempts in a row did not get through"),
    ],
)
async def test_what_goes_wrong_in_a_row_pauses_the_job(here: World, happening: str, rows: int, reason: str) -> None:
    here.provider.plan("*", *[happening] * 1_000)

    ended = await here.pay(some(rows), concurrency=1)

    assert (ended.how, ended.reason) == (How.PAUSED, reason)


async def test_a_reference_used_elsewhere_is_a_dispute_whatever_the_inquiry_says(here: World) -> None:
    here.provider.plan("pay-2", "4093801")
    here.provider.statuses["pay-2"] = "00"
    job = await here.submit(some(3))

    ended = await here.run(job)

    assert (ended.how, (await here.states(job))["pay-2"]) == (How.DONE, State.DISPUTED)


async def test_a_reference_that_the_inquiry_missed_stops_every_resend_of_the_job(here: World) -> None:
    here.provider.plan("pay-2", "lost-500", "4093801")
    here.provider.plan("pay-3", "lost-500", "lost-500")
    job = await here.submit(some(4))

    ended = await here.run(job, concurrency=1)

    assert ended.how is How.OPEN
    assert ended.job.distrust == "the provider holds a reference that the inquiry did not find"
    assert (await here.states(job))["pay-3"] is State.UNKNOWN
    assert len(here.provider.external_ids) <= 4 + 2


async def test_after_a_refusal_for_funds_a_held_reference_is_asked_about(here: World) -> None:
    here.provider.plan("pay-1", "4033814", "4093801")
    here.provider.statuses["pay-1"] = "00"
    job = await here.submit(some(1))

    await here.run(job)
    ended = await here.run(job)

    assert ended.how is How.PAID


async def test_202_and_failed_later_is_failed(here: World) -> None:
    here.provider.statuses["pay-2"] = "06"

    ended = await here.pay(some(3))

    assert (ended.how, ended.counts[State.FAILED][0]) == (How.DONE, 1)


async def test_what_stays_under_way_is_asked_after_10_20_40_minutes_and_hourly(here: World) -> None:
    here.provider.statuses["pay-1"] = "03"
    began = here.clock.now()
    job = await here.submit(some(1))

    ended = await here.run(job, wait=timedelta(hours=3))

    payout = await here.only(job)
    times = [one.at - began for one in await here.ledger.history(payout.id) if one.kind == "asked"]
    assert ended.how is How.OPEN
    assert [round(one.total_seconds() / 60) for one in times] == [10, 20, 40, 100, 160]


async def test_a_run_waits_no_longer_than_it_is_told(here: World) -> None:
    ended = await here.pay(some(2), wait=timedelta(minutes=9))

    assert (ended.how, here.provider.asked) == (How.OPEN, [])
    assert not [one for one in here.told if isinstance(one, Waiting)]


async def test_an_inquiry_that_fails_changes_nothing(here: World) -> None:
    here.provider.statuses["pay-1"] = "error"

    ended = await here.pay(some(1), wait=timedelta(minutes=15))

    assert (ended.how, list(ended.counts)) == (How.OPEN, [State.ACCEPTED])


# --- notifications ---------------------------------------------------------------------------------------------------


def notice(reference: str, status: str, amount: str = "10001.00") -> PayoutNotification:
    body = {"reference_no": f"A{reference}", "partner_reference_no": reference, "amount": amount, "status": status}
    return read_notice(json.dumps({**body, "updated_at": "2026-11-20T12:00:00Z"}))


@pytest.mark.parametrize(
    ("status", "then"), [("completed", State.PAID), ("failed", State.FAILED), ("processed", State.ACCEPTED)]
)
async def test_a_notification_settles_without_an_inquiry(here: World, status: str, then: State) -> None:
    job = await here.submit(some(1))
    await here.run(job, wait=timedelta(0))

    assert await here.ledger.receive(notice("pay-1", status), here.account)
    await here.run(job, wait=timedelta(0))

    assert ((await here.only(job)).state, here.provider.asked) == (then, [])


async def test_a_repeated_notification_is_stored_once(here: World) -> None:
    await here.submit(some(1))

    stored = [await here.ledger.receive(notice("pay-1", "completed"), here.account) for _ in range(2)]

    assert stored == [True, False]


async def test_a_notification_that_comes_before_the_answer_is_not_taken_back(here: World) -> None:
    job = await here.submit(some(1))
    here.provider.plan("pay-1", "hang")
    running = asyncio.create_task(here.run(job, timeout=30.0))
    await here.provider.started.wait()
    await here.ledger.receive(notice("pay-1", "completed"), here.account)
    here.provider.release.set()

    ended = await running

    assert (ended.how, here.payments()) == (How.PAID, [1])


async def test_a_notification_about_nobody_is_noted(here: World) -> None:
    job = await here.submit(some(1))
    await here.ledger.receive(notice("stranger", "completed"), here.account)

    await here.run(job)

    assert await here.ledger.unread(here.account) == []


async def test_a_notification_for_another_account_is_left_alone(here: World) -> None:
    job = await here.submit(some(1))
    other = Account("PRODUCTION", "somebody")
    await here.ledger.receive(notice("pay-1", "failed"), other)

    ended = await here.run(job)

    assert (ended.how, len(await here.ledger.unread(other))) == (How.PAID, 1)


async def test_a_notification_about_what_was_never_sent_is_a_dispute(here: World) -> None:
    job = await here.submit(some(2))
    await here.ledger.receive(notice("pay-1", "completed"), here.account)

    await here.run(job)

    assert (await here.states(job))["pay-1"] is State.DISPUTED
    assert here.payments() == [1]


# --- interruption and recovery ---------------------------------------------------------------------------------------


async def test_a_stop_finishes_what_is_in_flight_and_the_next_run_goes_on(here: World) -> None:
    job = await here.submit(some(30))
    runner = here.runner(concurrency=2)
    here.provider.before = lambda reference: runner.stop()

    events = [event async for event in runner.run(job)]
    again = await here.run(job)

    assert events[-1].how is How.INTERRUPTED  # type: ignore[union-attr]  # the last event of every run
    assert len(here.provider.external_ids) == 30
    assert (again.how, here.payments()) == (How.PAID, [1] * 30)


async def test_a_slow_rate_claims_hardly_more_than_it_sends(here: World, tmp_path: Path) -> None:
    job = await here.submit(some(30))
    runner = here.runner(rate=5.0, concurrency=10, wait=timedelta(0))
    ahead: list[int] = []

    async def look() -> None:
        counts = await here.ledger.counts(job.id)
        claimed = job.rows - counts.get(State.PLANNED, (0, 0))[0]
        ahead.append(claimed - len(here.provider.external_ids))

    runner.clock = Resting(here.clock, look)
    ended = [event async for event in runner.run(job)][-1]

    assert ended.how is How.OPEN  # type: ignore[union-attr]  # the last event of every run
    assert max(ahead) <= 3


async def test_a_stop_does_not_wait_for_the_turn_of_what_has_not_begun(here: World) -> None:
    job = await here.submit(some(30))
    runner = here.runner(rate=0.01)

    async def never() -> None:
        runner.stop()
        await asyncio.Event().wait()

    runner.clock = Resting(here.clock, never)
    ended = [event async for event in runner.run(job)][-1]

    assert ended.how is How.INTERRUPTED  # type: ignore[union-attr]  # the last event of every run
    assert ended.counts[State.ACCEPTED][0] + ended.counts[State.PLANNED][0] == 30  # type: ignore[union-attr]  # the same


async def test_a_cancelled_run_leaves_what_was_in_flight_unknown(here: World) -> None:
    job = await here.submit(some(1))
    here.provider.plan("pay-1", "hang")
    running = asyncio.create_task(here.run(job, timeout=30.0))
    await here.provider.started.wait()

    running.cancel()
    await asyncio.wait({running})
    again = await here.run(job)

    assert (again.how, here.payments()) == (How.PAID, [1])
    kinds = [one.kind for one in await here.ledger.history((await here.only(job)).id)]
    assert kinds == ["claimed", "cancelled", "asked"]


async def test_a_cancelled_run_keeps_the_answers_that_it_has(here: World) -> None:
    job = await here.submit(some(2))
    here.provider.plan("pay-2", "hang")
    running = asyncio.create_task(here.run(job, concurrency=1, timeout=30.0))
    here.provider.before = lambda reference: reference == "pay-2" and running.cancel()

    await asyncio.wait({running})
    again = await here.run(job)

    first, _ = await here.ledger.rows(job.id)
    assert [one.kind for one in await here.ledger.history(first.id)] == ["claimed", "answered", "asked"]
    assert (again.how, here.payments()) == (How.PAID, [1, 1])


async def test_a_reader_that_leaves_ends_the_run(here: World) -> None:
    job = await here.submit(some(10))
    events = here.runner(concurrency=1).run(job)

    await anext(events)
    await events.aclose()  # type: ignore[attr-defined]  # an async generator has it

    assert (await here.run(job)).how is How.PAID


async def test_concurrency_is_bounded(here: World) -> None:
    await here.pay(some(40), concurrency=3)

    assert here.provider.most_in_flight <= 3


async def test_a_closed_session_pauses_the_job_and_sends_nothing(here: World) -> None:
    job = await here.submit(some(3))
    await here.session.aclose()

    ended = await here.run(job, wait=timedelta(0))

    assert (ended.how, ended.reason) == (How.PAUSED, str(SessionMisuse("This session is closed; make a new one.")))
    assert ended.counts.keys() == {State.PLANNED}


async def test_a_second_runner_says_who_has_the_ledger(here: World) -> None:
    job = await here.submit(some(2))
    with here.ledger.lock("job one"), pytest.raises(LedgerBusy, match="job one, process"):
        await here.run(job)

    assert here.provider.external_ids == []


async def test_a_job_refuses_other_credentials(here: World) -> None:
    job = await here.submit(some(2))
    here.account = Account(here.account.environment, "somebody-else")

    with pytest.raises(JobRefused, match="belongs to"):
        await here.run(job)
    assert here.provider.external_ids == []


async def test_a_job_older_than_the_window_sends_nothing(here: World) -> None:
    job = await here.submit(some(2))
    here.clock.advance(timedelta(days=52))

    ended = await here.run(job)

    assert (ended.how, here.provider.external_ids) == (How.PAUSED, [])
    assert "older than the window" in ended.reason


async def test_a_clock_that_was_set_back_stops_the_job(here: World) -> None:
    job = await here.submit(some(2))
    back = Back(here.clock)
    runner = here.runner()
    runner.clock = back

    with pytest.raises(JobRefused, match="set back"):
        [event async for event in runner.run(job)]
    assert here.provider.external_ids == []


async def test_a_clock_that_is_set_back_while_it_runs_pauses_the_job(here: World) -> None:
    job = await here.submit(some(30))
    runner = here.runner(concurrency=1)
    back = runner.clock = Back(here.clock, timedelta(0))
    here.provider.before = lambda reference: setattr(back, "by", timedelta(hours=1))

    *_, ended = [event async for event in runner.run(job)]

    assert (ended.how, "set back" in ended.reason) == (How.PAUSED, True)  # type: ignore[union-attr]  # it is the end
    assert len(here.provider.external_ids) < 5


@define
class Resting:
    """A clock that does something else wherever it is to sleep."""

    inner: Clock
    instead: Callable[[], Awaitable[None]]

    def now(self) -> datetime:
        return self.inner.now()

    def monotonic(self) -> float:
        return self.inner.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self.instead()
        await self.inner.sleep(seconds)


class Back:
    def __init__(self, clock, by: timedelta = timedelta(hours=1)) -> None:  # type: ignore[no-untyped-def]  # a clock
        self.clock, self.by = clock, by

    def now(self):  # type: ignore[no-untyped-def]  # a time
        return self.clock.now() - self.by

    def monotonic(self) -> float:
        return float(self.clock.monotonic())

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)


# --- a person --------------------------------------------------------------------------------------------------------


async def unknown_row(here: World) -> tuple[Job, Payout]:
    here.provider.plan("pay-1", "lost-500")
    job = await here.submit(some(1))
    await here.run(job, wait=timedelta(0))
    return job, await here.only(job)


async def test_a_person_settles_a_row_and_it_is_never_sent_again(here: World) -> None:
    job, payout = await unknown_row(here)

    await settle(here.ledger, payout, state=State.FAILED, who="Rina", note="the bank says no", rules=Rules())
    ended = await here.run(job)

    last = (await here.ledger.history(payout.id))[-1]
    assert (ended.how, len(here.provider.external_ids)) == (How.DONE, 1)
    assert (last.kind, last.outcome, last.said) == ("settled", "failed", "settled by Rina: the bank says no")


@pytest.mark.parametrize(("who", "note"), [("", "why"), ("Rina", " ")])
async def test_who_settles_says_why(here: World, who: str, note: str) -> None:
    _, payout = await unknown_row(here)

    with pytest.raises(InvalidInput, match="note"):
        await settle(here.ledger, payout, state=State.PAID, who=who, note=note, rules=Rules())


async def test_nobody_settles_while_a_job_runs(here: World) -> None:
    _, payout = await unknown_row(here)

    with here.ledger.lock("job one"), pytest.raises(LedgerBusy, match="job one"):
        await settle(here.ledger, payout, state=State.PAID, who="Rina", note="why", rules=Rules())


async def test_a_row_that_has_moved_is_not_settled(here: World) -> None:
    _, payout = await unknown_row(here)
    await settle(here.ledger, payout, state=State.PAID, who="Rina", note="why", rules=Rules())

    with pytest.raises(JobRefused, match="moved"):
        await settle(here.ledger, payout, state=State.FAILED, who="Budi", note="why", rules=Rules())


async def test_the_same_rows_under_the_same_name_are_the_same_job(here: World) -> None:
    first, second = await here.submit(some(3)), await here.submit(some(3))

    assert first == second


async def test_other_rows_under_the_same_name_are_refused(here: World) -> None:
    await here.submit(some(3))

    with pytest.raises(JobRefused, match="other rows"):
        await here.submit([top_up("another")])


def _read(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT state, external_id FROM payouts").fetchall()
