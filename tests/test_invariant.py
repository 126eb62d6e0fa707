"""The sum of all debits is what is completed or pending, through random requests, buttons and faults.

The suite makes a few thousand operations; `nox -s invariant` makes a hundred thousand.
"""

import asyncio
import os
from contextlib import suppress
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gopay_async import Customer, Money
from gopay_async.api import ApplyToken, GiveReward, QueryPayment, QueryTransfer, RefundPayment, TopUp
from gopay_async.errors import GoPayError
from gopay_async.operation import Operation
from gopay_async.simulator import FAULTS, Policy
from gopay_async.simulator.scenario import EITHER, make_fault

from .simulator_for_tests import payment, signed, simulator, top_up

OPERATIONS = int(os.environ.get("GOPAY_OPERATIONS", "2000"))
STEPS = 200
SMALL = st.integers(0, 30)
AMOUNTS = st.integers(1, 60_000)
BUTTONS = ("pay", "cancel", "expire", "fail", "deny", "refund")
UNLUCKY = "6281100000001"


class Provider(RuleBasedStateMachine):
    """One simulator, and everything that can be done to it."""

    #: Operations of all machines together.
    made = 0

    def __init__(self) -> None:
        super().__init__()
        policy = Policy(balance=Money(400_000), wallet=Money(100_000), settle_after=300, failing={UNLUCKY})
        self.simulator = simulator(policy=policy)
        self.runner = asyncio.Runner()

    def teardown(self) -> None:
        self.runner.close()

    def ask(self, operation: Operation[Any], **options: Any) -> None:
        """Send a request, whatever becomes of it; over no socket, so that a lost answer is lost at once."""
        request = signed(self.simulator, operation, **options)
        self.runner.run(self.simulator.respond(request))

    def reference(self, number: int) -> str:
        known = list(self.simulator.books.payments.by_reference)
        return known[number % len(known)] if known else "A1"

    @rule(number=SMALL, amount=AMOUNTS, lucky=st.booleans(), same_id=st.booleans())
    def pay_out(self, number: int, amount: int, lucky: bool, same_id: bool) -> None:
        customer = "6281773628883" if lucky else UNLUCKY
        external_id = f"{number:032}" if same_id else ""
        self.ask(top_up(f"payout-{number}", amount, customer_number=customer), external_id=external_id)

    @rule(number=SMALL)
    def ask_about_a_payout(self, number: int) -> None:
        self.ask(QueryTransfer(original_partner_reference_no=f"payout-{number}", service_code="38"))

    @rule(number=SMALL, do=st.sampled_from(("complete_top_up", "fail_top_up")))
    def end_a_payout(self, number: int, do: str) -> None:
        with suppress(GoPayError):
            getattr(self.simulator, do)(f"payout-{number}")

    @rule(number=SMALL, amount=AMOUNTS)
    def take_a_payment(self, number: int, amount: int) -> None:
        self.ask(payment(f"order-{number}", amount))

    @rule(number=SMALL, do=st.sampled_from(BUTTONS))
    def press(self, number: int, do: str) -> None:
        with suppress(GoPayError):
            getattr(self.simulator, do)(self.reference(number))

    @rule(number=SMALL, amount=st.none() | AMOUNTS, again=st.booleans())
    def refund(self, number: int, amount: int | None, again: bool) -> None:
        reference = self.reference(number)
        asked = RefundPayment(
            original_reference_no=reference,
            original_partner_reference_no="order",
            partner_refund_no=f"refund-{0 if again else self.simulator.books.ids.digits(9)}",
            refund_amount=None if amount is None else Money(amount),
        )
        self.ask(asked)
        self.ask(QueryPayment(original_reference_no=reference))

    @rule(amount=AMOUNTS)
    def reward(self, amount: int) -> None:
        self.ask(ApplyToken(auth_code=self.simulator.auth_code()))
        customer = Customer(self.simulator.user.auth_token)
        self.ask(GiveReward(amount=Money(amount), description="x"), customer=customer)

    @rule(minutes=st.integers(0, 20))
    def wait(self, minutes: int) -> None:
        self.simulator.clock.advance(timedelta(minutes=minutes))

    @rule(name=st.sampled_from(sorted(FAULTS)), before=st.booleans(), only=st.booleans(), times=st.integers(1, 5))
    def let_something_go_wrong(self, name: str, before: bool, only: bool, times: int) -> None:
        fault = make_fault(name, processed=not before) if name in EITHER else make_fault(name)
        self.simulator.faults.add(fault, on=TopUp if only else None, times=times)

    @rule()
    def mend_everything(self) -> None:
        self.simulator.faults.clear()

    @invariant()
    def every_rupiah_is_accounted_for(self) -> None:
        Provider.made += 1
        self.simulator.check()

    @invariant()
    def debits_are_completed_or_pending(self) -> None:
        seen = self.simulator.snapshot()
        assert Money(seen["debits"]) == Money(seen["completed"]) + Money(seen["pending"])


TestTheInvariant = Provider.TestCase
# Hypothesis ends many runs early: a third more of them makes up for it.
TestTheInvariant.settings = settings(
    max_examples=4 * OPERATIONS // (3 * STEPS), stateful_step_count=STEPS, deadline=None
)


def test_as_many_operations_were_made_as_were_asked_for() -> None:
    assert Provider.made == 0 or Provider.made >= OPERATIONS
