"""Top-ups of customers' accounts, and the balance they are paid from.  Knows no request and no notification."""

from collections import deque
from datetime import datetime
from decimal import Decimal

from attrs import define, field

from ..models import Money
from .dates import after, months_after
from .ids import Ids
from .policy import Policy
from .records import FAILED, PAYOUT, PENDING, SUCCESS, Movement, Payout, Record
from .refusal import Refusal
from .timeline import Timeline


@define(eq=False)
class Payouts:
    """What the merchant pays out; every method takes the time as *at*."""

    policy: Policy
    ids: Ids
    timeline: Timeline
    changes: "deque[Record]" = field(repr=False)
    journal: list[Movement] = field(repr=False)
    by_reference: dict[str, Payout] = field(factory=dict, init=False)
    opening: Decimal = field(init=False)
    balance: Decimal = field(init=False)
    deposited: Decimal = field(init=False)
    _by_partner_reference: dict[str, Payout] = field(factory=dict, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.opening = self.balance = self.deposited = self.policy.balance.value

    def accept(
        self, *, at: datetime, external_id: str, partner_reference_no: str, customer_number: str, amount: Money
    ) -> Payout:
        """Debit *amount* and return the payout, accepted and not completed; raise Refusal."""
        self._check(partner_reference_no, customer_number, amount, at)
        payout = Payout(
            reference_no=self.ids.text(18),
            partner_reference_no=partner_reference_no,
            external_id=external_id,
            customer_number=customer_number,
            amount=amount,
            accepted_at=at,
            changed_at=at,
        )
        self._book(-amount.value, at)
        self.by_reference[payout.reference_no] = payout
        self._by_partner_reference[partner_reference_no] = payout
        if self.policy.settle_after is not None:
            self.timeline.schedule(after(at, self.policy.settle_after), self.settle, payout)
        return payout

    def _check(self, reference: str, customer_number: str, amount: Money, at: datetime) -> None:
        if self._known(reference, at):
            raise Refusal(409, "01")
        self.check_account(customer_number)
        if self.policy.top_up_limit is not None and amount > self.policy.top_up_limit:
            raise Refusal(403, "02")
        if amount.value > self.balance:
            raise Refusal(403, "14")

    def check_account(self, customer_number: str) -> None:
        """Raise Refusal when the account cannot be paid to."""
        if customer_number in self.policy.refused_numbers:
            raise Refusal(*self.policy.refused_numbers[customer_number])

    def latest(self, reference: str) -> Payout | None:
        """Return the last payout with the partner's *reference*, however old."""
        return self._by_partner_reference.get(reference)

    def _known(self, reference: str, at: datetime) -> Payout | None:
        # A reference is unique, and can be asked about, for two months (customer-top-up page).
        payout = self.latest(reference)
        return payout if payout is not None and at < months_after(payout.accepted_at, 2) else None

    def find(self, reference: str, at: datetime) -> Payout | None:
        """Return the payout with the partner's *reference* as an inquiry sees it: for two months, and settled."""
        payout = self._known(reference, at)
        if payout is None or at < after(payout.accepted_at, self.policy.found_after):
            return None
        if self.policy.settle_after is None:
            self.settle(payout, at)
        return payout

    def settle(self, payout: Payout, at: datetime) -> None:
        """End *payout* as the policy says, if it has not ended yet."""
        if payout.status != PENDING:
            return
        if self.policy.failing & {payout.customer_number, payout.partner_reference_no}:
            self.fail(payout, at)
        else:
            self.complete(payout, at)

    def complete(self, payout: Payout, at: datetime) -> None:
        """Let the money arrive."""
        self._end(payout, SUCCESS, at, PENDING)

    def fail(self, payout: Payout, at: datetime) -> None:
        """Let the money come back.  A completed one may still fail (notification page, section 6)."""
        self._end(payout, FAILED, at, PENDING, SUCCESS)
        payout.error = "Destination account is inactive"
        self._book(payout.amount.value, at)

    def deposit(self, amount: Money, at: datetime) -> None:
        """Fund the account."""
        self.deposited += amount.value
        self._book(amount.value, at)

    def _end(self, payout: Payout, status: str, at: datetime, *allowed: str) -> None:
        if payout.status not in allowed:
            raise Refusal(403, "15", f"Transaction Not Permitted. Status is {payout.status}")
        payout.status, payout.changed_at = status, at
        self.changes.append(payout)

    def _book(self, amount: Decimal, at: datetime) -> None:
        self.balance += amount
        self.journal.append(Movement(at, PAYOUT, amount))
