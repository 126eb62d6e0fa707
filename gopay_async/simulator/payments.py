"""Payments and authorisations, from their creation to the last refund.  Knows no request and no notification."""

from collections import deque
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from attrs import define, field

from ..models import WIB, Money
from ..operation import Operation
from .dates import after, months_after
from .ids import Ids
from .policy import Policy
from .records import (
    AUTH,
    AUTHORIZED,
    CANCELED,
    DENIED,
    EXPIRED,
    FAILED,
    PAYIN,
    PENDING,
    QRIS,
    REFUNDED,
    SUCCESS,
    MadeRefund,
    Movement,
    Option,
    Payment,
    Record,
)
from .refusal import Refusal
from .timeline import Timeline

PAYMENT_LIFE: Final = timedelta(minutes=15)
AUTHORIZATION_LIFE: Final = timedelta(days=7)
_OPEN: Final = (PENDING, AUTHORIZED)


@define(eq=False)
class Payments:
    """What customers pay to the merchant; every method takes the time as *at*."""

    policy: Policy
    ids: Ids
    timeline: Timeline
    changes: "deque[Record]" = field(repr=False)
    journal: list[Movement] = field(repr=False)
    by_reference: dict[str, Payment] = field(factory=dict, init=False)
    #: What customers paid, less what went back.
    takings: Decimal = field(default=Decimal(0), init=False)
    _by_external_id: dict[tuple[str, str], Payment] = field(factory=dict, init=False, repr=False)
    _by_partner_reference: dict[tuple[str, str], Payment] = field(factory=dict, init=False, repr=False)

    def create(
        self,
        order: Operation[Any],
        *,
        kind: str,
        at: datetime,
        external_id: str,
        amount: Money,
        reference: str,
        until: datetime,
        option: Option | None = None,
    ) -> Payment:
        """Return a new payment that waits *until* it expires; an authorisation reserves its amount."""
        payment = Payment(
            kind=kind,
            reference_no=f"A1{at.astimezone(WIB):%Y%m%d%H%M%S}{self.ids.text(10)}ID",
            partner_reference_no=reference,
            external_id=external_id,
            amount=amount,
            created_at=at,
            changed_at=at,
            valid_up_to=until,
            order=order,
            status=AUTHORIZED if kind == AUTH else PENDING,
            option=option,
        )
        if kind == AUTH:
            _take(payment)
        self._keep(payment)
        return payment

    def _keep(self, payment: Payment) -> None:
        self.by_reference[payment.reference_no] = payment
        # The same id again within a day is replayed, not processed: the last payment is the one that counts.
        self._by_external_id[payment.kind, payment.external_id] = payment
        self._by_partner_reference[payment.kind, payment.partner_reference_no] = payment
        self.timeline.schedule(payment.valid_up_to, self._expire_if_open, payment)

    def find(
        self, kind: str, *, reference_no: str | None, external_id: str | None = None, partner: str | None = None
    ) -> Payment | None:
        """Return the payment; *reference_no* wins, then the partner's reference, then the external id."""
        if reference_no:
            found = self.by_reference.get(reference_no)
            return found if found and found.kind == kind else None
        if partner:
            return self._by_partner_reference.get((kind, partner))
        return self._by_external_id.get((kind, external_id or ""))

    def check_unused(self, partner_reference_no: str, at: datetime) -> None:
        """Raise Refusal when a QRIS code was generated under the reference in the last three months."""
        earlier = self._by_partner_reference.get((QRIS, partner_reference_no))
        if earlier and at < months_after(earlier.created_at, 3):
            raise Refusal(409, "00")

    # --- what the customer and the back office do ---

    def pay(self, payment: Payment, at: datetime) -> None:
        """Let the customer pay."""
        _must_be(payment, PENDING)
        _take(payment)
        self._receive(payment, at)

    def _receive(self, payment: Payment, at: datetime) -> None:
        payment.paid_at = at
        self._book(payment.amount.value, at)
        self._change(payment, SUCCESS, at)

    def cancel(self, payment: Payment, at: datetime) -> None:
        """Let the customer, or the merchant, cancel before it is paid."""
        self._end(payment, CANCELED, at)

    def expire(self, payment: Payment, at: datetime) -> None:
        """End it unpaid; reserved money is released."""
        self._end(payment, EXPIRED, at, allowed=_OPEN)

    def fail(self, payment: Payment, at: datetime) -> None:
        """Let paying fail."""
        self._end(payment, FAILED, at)

    def deny(self, payment: Payment, at: datetime) -> None:
        """Reject it as fraud."""
        self._end(payment, DENIED, at)

    def _expire_if_open(self, payment: Payment, at: datetime) -> None:
        if payment.status in _OPEN:
            self.expire(payment, at)

    # --- what the merchant does ---

    def capture(self, payment: Payment, at: datetime) -> None:
        """Take reserved money, all of it."""
        _must_be(payment, AUTHORIZED)
        self._receive(payment, at)
        payment.follow_up_no = self.ids.text(24)

    def void(self, payment: Payment, at: datetime) -> None:
        """Release reserved money; what was captured cannot be voided."""
        self._end(payment, CANCELED, at, allowed=(AUTHORIZED,))
        payment.follow_up_no = self.ids.text(24)

    def refund(
        self, payment: Payment, at: datetime, *, amount: Money | None, partner_refund_no: str, reason: str
    ) -> MadeRefund:
        """Give *amount*, or all that is left, back; more than was paid is refused (refund-api page)."""
        left = payment.amount - payment.refunded
        amount = left if amount is None else amount
        self._check_refundable(payment, left, at)
        if not Money(0) < amount <= left:
            raise Refusal(403, "02")
        made = MadeRefund(
            refund_no=self.ids.digits(20),
            partner_refund_no=partner_refund_no,
            amount=amount,
            made_at=at,
            reason=reason,
        )
        payment.refunds.append(made)
        self._book(-amount.value, at)
        if payment.option:
            payment.option.balance += amount
        self._change(payment, REFUNDED, at)
        return made

    def refund_once(
        self, payment: Payment, at: datetime, *, amount: Money | None, partner_refund_no: str, reason: str
    ) -> MadeRefund:
        """Give money back, or return the refund that was made under the same number."""
        made = next((one for one in payment.refunds if one.partner_refund_no == partner_refund_no), None)
        return made or self.refund(payment, at, amount=amount, partner_refund_no=partner_refund_no, reason=reason)

    def _check_refundable(self, payment: Payment, left: Money, at: datetime) -> None:
        if payment.paid_at is None or left <= Money(0):
            raise Refusal(403, "15", "Transaction Not Permitted. There is nothing to refund")
        if at < after(payment.paid_at, self.policy.refundable_after):
            # Where the number stands in an answer of BI-SNAP is not documented.
            reason = "2007 Refund not processable when payment is in progress"
            raise Refusal(403, "15", f"Transaction Not Permitted. {reason}")

    # --- inside ---

    def _end(self, payment: Payment, status: str, at: datetime, *, allowed: tuple[str, ...] = (PENDING,)) -> None:
        _must_be(payment, *allowed)
        if payment.status == AUTHORIZED and payment.option:
            payment.option.balance += payment.amount
        self._change(payment, status, at)

    def _change(self, payment: Payment, status: str, at: datetime) -> None:
        payment.status, payment.changed_at = status, at
        self.changes.append(payment)

    def _book(self, amount: Decimal, at: datetime) -> None:
        self.takings += amount
        self.journal.append(Movement(at, PAYIN, amount))


def _must_be(payment: Payment, *allowed: str) -> None:
    if payment.status not in allowed:
        raise Refusal(403, "15", f"Transaction Not Permitted. Status is {payment.status}")


def _take(payment: Payment) -> None:
    if payment.option is None:
        return
    if payment.option.balance < payment.amount:
        raise Refusal(403, "14")
    payment.option.balance -= payment.amount
