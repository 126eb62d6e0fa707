"""The books of the simulator: what is debited is completed or pending, and nothing else, whatever happens."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gopay_async import Credentials, Duplicate, InsufficientFunds, Money, NotFound
from gopay_async.api import QueryTopUp, QueryTransfer
from gopay_async.errors import InvalidAccount, Refused
from gopay_async.simulator import Books, Imbalance, Policy
from gopay_async.simulator.dates import months_after
from gopay_async.simulator.notices import Herald
from gopay_async.simulator.records import AUTH, DEBIT, PAYIN, Movement, Payment, Payout
from gopay_async.simulator.refusal import Refusal

from .simulator_for_tests import START, payment, session, simulator, top_up

amounts = st.integers(1, 60_000)


class MoneyMachine(RuleBasedStateMachine):
    """Random payments, payouts, refunds, rewards and the passing of time."""

    def __init__(self) -> None:
        super().__init__()
        self.books = Books(Policy(balance=Money(200_000), wallet=Money(50_000), settle_after=300, failing={"unlucky"}))
        self.user = self.books.people.add_user()
        self.now = START
        self.count = 0

    def next(self) -> str:
        self.count += 1
        return f"number-{self.count}"

    def attempt(self, do: Any, *args: Any, **kwargs: Any) -> None:
        with suppress(Refusal):
            do(*args, **kwargs)

    @rule(amount=amounts, lucky=st.booleans())
    def pay_out(self, amount: int, lucky: bool) -> None:
        self.attempt(
            self.books.payouts.accept,
            at=self.now,
            external_id=self.next(),
            partner_reference_no=self.next(),
            customer_number="6281" if lucky else "unlucky",
            amount=Money(amount),
        )

    @rule(amount=amounts, kind=st.sampled_from((DEBIT, AUTH)), linked=st.booleans())
    def create(self, amount: int, kind: str, linked: bool) -> None:
        self.attempt(
            self.books.payments.create,
            payment(),
            kind=kind,
            at=self.now,
            external_id=self.next(),
            amount=Money(amount),
            reference=self.next(),
            until=self.now + timedelta(minutes=15),
            option=self.user.options[0] if linked else None,
        )

    @rule(data=st.data(), do=st.sampled_from(("pay", "cancel", "expire", "fail", "deny", "capture", "void")))
    def change(self, data: st.DataObject, do: str) -> None:
        known = list(self.books.payments.by_reference.values())
        for one in known[: bool(known)] and [data.draw(st.sampled_from(known))]:
            self.attempt(getattr(self.books.payments, do), one, self.now)

    @rule(data=st.data(), amount=st.none() | amounts)
    def refund(self, data: st.DataObject, amount: int | None) -> None:
        known = list(self.books.payments.by_reference.values())
        money = None if amount is None else Money(amount)
        for one in known[: bool(known)] and [data.draw(st.sampled_from(known))]:
            self.attempt(
                self.books.payments.refund, one, self.now, amount=money, partner_refund_no=self.next(), reason=""
            )

    @rule(data=st.data(), do=st.sampled_from(("complete", "fail", "settle")))
    def end(self, data: st.DataObject, do: str) -> None:
        known = list(self.books.payouts.by_reference.values())
        for one in known[: bool(known)] and [data.draw(st.sampled_from(known))]:
            self.attempt(getattr(self.books.payouts, do), one, self.now)

    @rule(amount=amounts, kind=st.sampled_from(("GOPAY_COINS", "GOPAY_GEMS")))
    def reward(self, amount: int, kind: str) -> None:
        self.attempt(self.books.people.give, self.user, amount=Money(amount), reward_type=kind, at=self.now)

    @rule(amount=amounts)
    def deposit(self, amount: int) -> None:
        self.books.payouts.deposit(Money(amount), self.now)

    @rule(minutes=st.integers(0, 20))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.books.timeline.run(self.now)

    @invariant()
    def every_rupiah_is_accounted_for(self) -> None:
        self.books.check()

    @invariant()
    def debits_are_completed_or_pending(self) -> None:
        seen = self.books.snapshot()
        assert Money(seen["debits"]) == Money(seen["completed"]) + Money(seen["pending"])


TestMoney = MoneyMachine.TestCase
TestMoney.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)


def accepted(books: Books, amount: int = 1_000) -> Payout:
    return books.payouts.accept(
        at=START, external_id="1", partner_reference_no="p", customer_number="6281", amount=Money(amount)
    )


def paid(books: Books, amount: int = 1_000) -> Payment:
    made = books.payments.create(
        payment(),
        kind=DEBIT,
        at=START,
        external_id="1",
        amount=Money(amount),
        reference="o",
        until=START + timedelta(minutes=15),
    )
    books.payments.pay(made, START)
    return made


def test_books_that_lost_money_say_where() -> None:
    books = Books()
    accepted(books)
    books.payouts.balance += 1

    with pytest.raises(Imbalance, match="payouts: the records add up to 1000, the books say 999"):
        books.check()


def test_books_that_are_overdrawn_say_so() -> None:
    books = Books(Policy(balance=Money(0)))
    books.policy.balance = Money(10)
    books.payouts.opening = books.payouts.balance = books.payouts.deposited = Money(-1).value

    with pytest.raises(Imbalance, match="overdrawn"):
        books.check()


def test_books_with_a_refund_beyond_the_payment_say_so() -> None:
    books = Books()
    made = paid(books)
    books.payments.refund(made, START, amount=None, partner_refund_no="r", reason="")
    made.amount = Money(500)
    books.payments.takings = Decimal(-500)
    books.journal[:] = [Movement(START, PAYIN, Decimal(-500))]

    with pytest.raises(Imbalance, match="refunded beyond"):
        books.check()


@pytest.mark.parametrize(
    ("moment", "months", "expected"),
    [
        (datetime(2026, 11, 20, tzinfo=UTC), 2, "2027-01-20"),
        (datetime(2026, 12, 31, 5, tzinfo=UTC), 2, "2027-02-28"),
        (datetime(2026, 1, 31, 5, tzinfo=UTC), 1, "2026-02-28"),
        (datetime(2026, 2, 10, 5, tzinfo=UTC), -3, "2025-11-10"),
    ],
)
def test_months_are_counted_by_the_calendar(moment: datetime, months: int, expected: str) -> None:
    assert months_after(moment, months).date().isoformat() == expected


# --- through the session -------------------------------------------------------------------------------------------


async def test_a_top_up_is_debited_when_accepted_and_completed_when_asked_about() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        accepted = await gopay.send(top_up())
        pending = simulated.snapshot()
        state = await gopay.send(QueryTransfer(original_partner_reference_no="payout-1"))

    assert (accepted.response_code, accepted.response_message) == ("2023800", "Request In Progress")
    assert (pending["pending"], pending["completed"]) == ("25000.00", "0.00")
    assert (state.status.code, state.amount, simulated.snapshot()["completed"]) == ("00", Money(25_000), "25000.00")


async def test_a_failing_top_up_comes_back() -> None:
    simulated = simulator(policy=Policy(failing={"payout-1"}))
    async with session(simulated) as gopay:
        await gopay.send(top_up())
        state = await gopay.send(QueryTopUp(original_partner_reference_no="payout-1"))

    assert (state.status.code, simulated.snapshot()["debits"]) == ("06", "0.00")
    simulated.check()


async def test_a_top_up_settles_after_its_time() -> None:
    simulated = simulator(policy=Policy(settle_after=60))
    async with session(simulated) as gopay:
        await gopay.send(top_up())
        before = await gopay.send(QueryTransfer(original_partner_reference_no="payout-1"))
        simulated.clock.advance(60)
        after = await gopay.send(QueryTransfer(original_partner_reference_no="payout-1"))

    assert (before.status.code, after.status.code) == ("03", "00")


async def test_a_top_up_may_never_settle() -> None:
    simulated = simulator(policy=Policy(settle_after=float("inf")))
    async with session(simulated) as gopay:
        await gopay.send(top_up())
        simulated.clock.advance(timedelta(days=30))
        state = await gopay.send(QueryTransfer(original_partner_reference_no="payout-1"))

    assert state.status.code == "03"


async def test_an_inquiry_may_come_too_early_to_find_a_top_up() -> None:
    simulated = simulator(policy=Policy(found_after=600))
    async with session(simulated) as gopay:
        await gopay.send(top_up())
        with pytest.raises(NotFound):
            await gopay.send(QueryTransfer(original_partner_reference_no="payout-1"))
        simulated.clock.advance(600)
        found = await gopay.send(QueryTransfer(original_partner_reference_no="payout-1"))

    assert found.status.is_paid


async def test_a_reference_is_unique_for_two_months_and_then_a_new_payout() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        await gopay.send(top_up())
        with pytest.raises(Duplicate) as raised:
            await gopay.send(top_up())
        simulated.clock.advance(timedelta(days=62))
        await gopay.send(top_up())

    assert raised.value.code == "4093801"
    assert simulated.snapshot()["debits"] == "50000.00"


async def test_more_than_the_balance_is_refused() -> None:
    simulated = simulator(policy=Policy(balance=Money(10_000)))
    async with session(simulated) as gopay:
        with pytest.raises(InsufficientFunds) as raised:
            await gopay.send(top_up())

    assert (raised.value.code, simulated.snapshot()["balance"]) == ("4033814", "10000.00")


async def test_more_than_the_limit_is_refused() -> None:
    simulated = simulator(policy=Policy(top_up_limit=Money(20_000)))
    async with session(simulated) as gopay:
        with pytest.raises(Refused) as raised:
            await gopay.send(top_up())

    assert raised.value.code == "4033802"


async def test_an_unknown_account_is_refused() -> None:
    simulated = simulator(policy=Policy(refused_numbers={"628100000000": (404, "11")}))
    async with session(simulated) as gopay:
        with pytest.raises(InvalidAccount) as raised:
            await gopay.send(top_up(customer_number="628100000000"))

    assert raised.value.code == "4043811"


async def test_an_unknown_provider_of_accounts_is_refused() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        with pytest.raises(Refused) as raised:
            await gopay.send(top_up(beneficiary_provider="ovo"))

    assert raised.value.code == "4003800"


@pytest.mark.parametrize("service_code", ["38", "54"])
async def test_the_two_inquiries_say_not_found_each_in_its_way(service_code: str) -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        with pytest.raises(NotFound) as raised:
            await gopay.send(QueryTransfer(original_partner_reference_no="nobody", service_code=service_code))
        state = await gopay.send(QueryTopUp(original_partner_reference_no="nobody", service_code=service_code))

    assert (raised.value.code, state.status.code, state.amount) == ("4043601", "07", Money(0))


def test_a_herald_keeps_its_secrets() -> None:
    herald = Herald(Credentials(server_key="SB-secret"), Books().ids, lambda: None, "iris-secret")  # type: ignore[arg-type, return-value]  # no key is asked for

    assert "secret" not in repr(herald)
