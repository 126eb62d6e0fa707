"""Payouts that stand alike take a step together: decided once, written once, and the same as one by one."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.event import listen

from gopay_async import InvalidInput, Money, NotSent
from gopay_async.api import TopUp, TopUpAccepted
from gopay_async.payouts import Job, Moved, Payout, Rules, State
from gopay_async.payouts.desk import Desk, Taken, Watch
from gopay_async.payouts.outcomes import answered
from gopay_async.payouts.plan import Answered, Claimed, Crashed, Outcome, Reach, Standing, Trust, decide
from gopay_async.payouts.records import Alike, Happened, money
from gopay_async.payouts.records import sen as in_sen
from gopay_async.simulator import VirtualClock

from .facts import NUMBER, START, after, moment
from .world import World, some, top_up, world


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


def desk_of(here: World, job: Job, told: list[Moved]) -> Desk:
    async def tell(*moved: Moved) -> None:
        told.extend(moved)

    # Its clock stands still.
    return Desk(here.ledger, job, "QueryTransfer", Rules(), Watch(VirtualClock(START), "one"), tell)


def taken(payout: Payout) -> TopUpAccepted:
    return TopUpAccepted(reference_no=f"A{payout.reference}", response_code="2023800")


def all_taken(payouts: list[Payout]) -> Taken:
    found = Taken()
    for one in payouts:
        found.add(one, taken(one))
    return found


async def claimed(desk: Desk, payouts: list[Payout]) -> list[Payout]:
    numbers = iter(range(1, 1_000))
    return await desk.enter_all(payouts, Claimed(when=desk.watch.moment()), "claimed", lambda: str(next(numbers)))


# --- one decision ----------------------------------------------------------------------------------------------------

moments = st.none() | st.timedeltas(timedelta(0), timedelta(days=90)).map(lambda age: START - age)
standings = st.builds(
    Standing,
    state=st.sampled_from(State),
    attempt=st.integers(0, 2),
    resends=st.integers(0, 3),
    reach=st.sampled_from(Reach),
    amount=st.integers(1, 10**13),
    number=st.from_regex(r"62\d{8}", fullmatch=True),
    imported_at=st.just(START),
    first_sent_at=moments,
    sent_until=moments,
    accepted=st.booleans(),
    reference_no=st.sampled_from(["", "A1"]),
    asked=st.integers(0, 2),
    ask_at=moments,
)
facts = st.sampled_from([Claimed(when=moment()), Crashed(when=moment())]) | st.builds(
    Answered, when=st.just(moment()), attempt=st.integers(0, 2), outcome=st.sampled_from(Outcome)
)
trusts = st.builds(Trust, proved=st.booleans(), distrust=st.sampled_from(["", "it was wrong"]))


@given(row=standings, fact=facts, trust=trusts)
def test_a_decision_about_sending_looks_at_nobodys_amount_and_number(row: Standing, fact: Any, trust: Trust) -> None:
    nobodys = evolve(row, amount=0, number="")

    assert decided(nobodys, fact, trust) == decided(row, fact, trust)


def decided(row: Standing, fact: Any, trust: Trust) -> object:
    """Return everything about the decision but amount and number."""
    try:
        done = decide(row, fact, Rules(), trust)
    except InvalidInput as error:
        return str(error)
    return evolve(done, standing=evolve(done.standing, amount=0, number=""))


# --- one write -------------------------------------------------------------------------------------------------------


async def test_what_is_claimed_together_is_written_as_the_plan_says(here: World) -> None:
    job = await here.submit(some(3))
    desk = desk_of(here, job, [])
    before = await here.ledger.rows(job.id)

    made = await claimed(desk, before)

    now = await here.ledger.rows(job.id)
    fact = Claimed(when=desk.watch.moment())
    assert [one.standing for one in now] == [after(one.standing, fact).standing for one in before]
    assert now == made
    assert [one.external_id for one in now] == ["1", "2", "3"]


async def test_what_is_taken_together_is_written_as_the_plan_says(here: World) -> None:
    job = await here.submit(some(3))
    desk = desk_of(here, job, [])
    sending = await claimed(desk, await here.ledger.rows(job.id))

    await desk.accept(all_taken(sending))

    when = desk.watch.moment()
    wanted = [after(one.standing, answered(taken(one), attempt=1, when=when)).standing for one in sending]
    assert [one.standing for one in await here.ledger.rows(job.id)] == wanted


async def test_what_is_taken_together_costs_one_transaction(here: World) -> None:
    job = await here.submit(some(3))
    desk = desk_of(here, job, [])
    sending = await claimed(desk, await here.ledger.rows(job.id))
    begun: list[object] = []
    listen(here.ledger._writer.database.engine, "begin", begun.append)

    await desk.accept(all_taken(sending))

    assert len(begun) == 1


async def test_everything_that_happened_together_stands_in_the_history_of_each(here: World) -> None:
    job = await here.submit(some(2))
    desk = desk_of(here, job, [])
    sending = await claimed(desk, await here.ledger.rows(job.id))

    await desk.accept(all_taken(sending))

    at = desk.watch.moment().at
    claim = Happened(at=at, kind="claimed", attempt=1, external_id="2", before="planned", state="sending")
    answer = Happened(at=at, kind="answered", attempt=1, external_id="2", before="sending", state="accepted")
    answer = evolve(answer, http_status=202, code="2023800", outcome="accepted")
    assert await here.ledger.history(sending[1].id) == [claim, answer]


async def test_payouts_that_stand_differently_are_claimed_each_in_its_own_way(here: World) -> None:
    job = await here.submit(some(3))
    first = await claimed(desk_of(here, job, []), await here.ledger.rows(job.id, limit=1))
    await here.ledger.move_alike([back(first[0])])

    made = await claimed(desk_of(here, job, []), await here.ledger.rows(job.id))

    assert sorted((one.reference, one.alike.attempt) for one in made) == [("pay-1", 2), ("pay-2", 1), ("pay-3", 1)]
    assert {one.state for one in await here.ledger.rows(job.id)} == {State.SENDING}


def back(payout: Payout) -> Alike:
    """Return the step back to `planned`."""
    event = Happened(at=START, kind="answered", attempt=1)
    then = evolve(payout.alike, state=State.PLANNED)
    return Alike(before=payout.alike, after=then, event=event, rows=[(payout.id, payout.external_id, "")])


async def test_more_payouts_than_fit_in_a_statement_take_a_step_together(here: World) -> None:
    job = await here.submit(some(600))
    told: list[Moved] = []

    made = await claimed(desk_of(here, job, told), await here.ledger.rows(job.id, limit=600))

    assert (len(made), len(told)) == (600, 600)
    assert (await here.ledger.counts(job.id)).keys() == {State.SENDING}


async def test_more_payouts_than_fit_in_a_statement_take_steps_of_their_own_together(here: World) -> None:
    job = await here.submit(some(600))
    desk = desk_of(here, job, [])
    sending = await claimed(desk, await here.ledger.rows(job.id, limit=600))

    await desk.record([desk.judge_answer(one, NotSent(one.top_up, one.external_id, "reset")) for one in sending])

    assert (await here.ledger.counts(job.id)).keys() == {State.PLANNED}
    for place in (0, 63, 64, 255, 256, 599):
        history = await here.ledger.history(sending[place].id)
        assert [(one.kind, one.external_id) for one in history] == [
            ("claimed", str(place + 1)),
            ("answered", str(place + 1)),
        ]


async def test_an_answer_to_a_payout_that_has_moved_takes_nothing_back(here: World) -> None:
    job = await here.submit([top_up("pay-1"), top_up("pay-2", amount=2)])
    told: list[Moved] = []
    desk = desk_of(here, job, told)
    sending = await claimed(desk, await here.ledger.rows(job.id))
    paid = evolve(sending[0].alike, state=State.PAID)
    event = Happened(at=START, kind="notified", attempt=1)
    await here.ledger.move_alike([Alike(before=sending[0].alike, after=paid, event=event, rows=[(1, "1", "")])])

    await desk.accept(all_taken(sending))

    assert await here.states(job) == {"pay-1": State.PAID, "pay-2": State.ACCEPTED}
    assert (await here.ledger.row(job.id, "pay-1")).alike.reference_no == "Apay-1"
    assert [(one.reference, one.state) for one in told[2:]] == [("pay-2", State.ACCEPTED), ("pay-1", State.PAID)]


async def test_answers_that_nobody_waits_for_are_written(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        job = await here.submit(some(1))
        desk = desk_of(here, job, [])
        desk.submit_taken(all_taken(await claimed(desk, await here.ledger.rows(job.id))))

    async with world(tmp_path) as here:
        assert (await here.only(job)).state is State.ACCEPTED


@pytest.mark.parametrize("sen", [100, 1_000_050, 9_999_999_999_900])
async def test_what_is_sent_is_what_was_checked_at_the_import(here: World, sen: int) -> None:
    row = TopUp(
        partner_reference_no="pay-1",
        customer_number=NUMBER,
        customer_name="Siti Rahayu",
        amount=money(sen),
        notes="Cashback",
        beneficiary_email="siti@example.com",
    )
    job = await here.submit([row])

    assert (await here.only(job)).top_up == row


@pytest.mark.parametrize(
    ("sen", "rupiah"),
    [
        (1, "0.01"),
        (10, "0.1"),
        (100, "1"),
        (1_000_050, "10000.5"),
        (1_000_005, "10000.05"),
        (9_999_999_999_900, "99999999999"),
    ],
)
def test_an_amount_is_in_hundredths_of_a_rupiah_in_the_ledger(sen: int, rupiah: str) -> None:
    assert money(sen).value == Decimal(rupiah)
    assert in_sen(Money(Decimal(rupiah))) == sen


async def test_what_payouts_share_has_nobodys_amount_and_number(here: World) -> None:
    job = await here.submit([top_up("pay-1", amount=5, number="628170000001")])

    payout = await here.only(job)

    assert (payout.alike.amount, payout.alike.number) == (0, "")
    assert (payout.standing.amount, payout.standing.number) == (500, "628170000001")
