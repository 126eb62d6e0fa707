"""QRIS, merchant-presented: generate, query, refund, cancel."""

from typing import Final

from ...api import (
    CancelQris,
    GenerateQris,
    QrisCancelled,
    QrisGenerated,
    QrisRefunded,
    QrisState,
    QueryQris,
    RefundQris,
)
from ...models import TransactionStatus
from ..books import Books
from ..call import Call
from ..envelope import PROCESSED, Said
from ..payments import PAYMENT_LIFE
from ..records import NOT_FOUND, PENDING, QRIS, Payment
from ..refusal import Refusal
from ..views import refund_history
from .direct_debit import PAY_PATH, end_of_life
from .registry import serves

#: A dot, as PNG: what the image shows is not simulated.
_IMAGE: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="


@serves(GenerateQris)
def generate_qris(books: Books, operation: GenerateQris, call: Call) -> Said:
    """Make a code (mpm-api-qris page); a reference is used once in three months."""
    books.payments.check_unused(operation.partner_reference_no, call.at)
    until = end_of_life(operation.validity_period, call, default=PAYMENT_LIFE, name="validityPeriod")
    payment = books.payments.create(
        operation,
        kind=QRIS,
        at=call.at,
        external_id=call.external_id,
        amount=operation.amount,
        reference=operation.partner_reference_no,
        until=until,
    )
    generated = QrisGenerated(
        reference_no=payment.reference_no,
        partner_reference_no=payment.partner_reference_no,
        qr_content=f"00020101021226SIM{payment.reference_no}5204000053033605802ID6304{books.ids.digits(4)}",
        qr_url=f"{call.request.base}{PAY_PATH}?referenceNo={payment.reference_no}",
        qr_image=_IMAGE,
        acquirer=operation.acquirer or "GOPAY",
    )
    return Said(generated, PROCESSED)


@serves(QueryQris)
def query_qris(books: Books, operation: QueryQris, call: Call) -> Said:
    """Tell the state of a code (get-transaction-status-api page); its reference only once it was paid."""
    payment = books.payments.find(
        QRIS,
        reference_no=operation.original_reference_no,
        partner=operation.original_partner_reference_no,
        external_id=operation.original_external_id,
    )
    status = TransactionStatus(payment.status if payment else NOT_FOUND)
    state = QrisState(
        original_reference_no=payment.reference_no if payment and payment.is_paid else None,
        original_partner_reference_no=operation.original_partner_reference_no,
        original_external_id=operation.original_external_id,
        service_code=operation.service_code,
        latest_transaction_status=status,
        transaction_status_desc=status.meaning,
        paid_time=payment.paid_at if payment else None,
        amount=payment.amount if payment else None,
        refund_history=refund_history(payment) if payment else (),
    )
    return Said(state, PROCESSED)


def _found(books: Books, operation: RefundQris | CancelQris) -> Payment:
    payment = books.payments.find(
        QRIS, reference_no=operation.original_reference_no, external_id=operation.original_external_id
    )
    if payment is None:
        raise Refusal(404, "01")
    return payment


@serves(RefundQris)
def refund_qris(books: Books, operation: RefundQris, call: Call) -> Said:
    """Give money back (refund-api page); the same `partnerRefundNo` again is 4097801."""
    payment = _found(books, operation)
    if not payment.is_paid:
        raise Refusal(404, "00")
    if any(one.partner_refund_no == operation.partner_refund_no for one in payment.refunds):
        raise Refusal(409, "01", "Duplicate Transaction")
    made = books.payments.refund(
        payment,
        call.at,
        amount=operation.refund_amount,
        partner_refund_no=operation.partner_refund_no,
        reason=operation.reason or "",
    )
    refunded = QrisRefunded(
        refund_no=made.refund_no,
        partner_refund_no=made.partner_refund_no,
        original_reference_no=payment.reference_no,
        original_partner_reference_no=payment.partner_reference_no,
        original_external_id=payment.external_id,
        refund_amount=made.amount,
        refund_time=made.made_at,
    )
    return Said(refunded, PROCESSED)


@serves(CancelQris)
def cancel_qris(books: Books, operation: CancelQris, call: Call) -> Said:
    """Cancel a code that was not paid (cancel-api page, which has no table of codes; the national one is followed)."""
    payment = _found(books, operation)
    if payment.status != PENDING:
        raise Refusal(404, "00")
    books.payments.cancel(payment, call.at)
    cancelled = QrisCancelled(
        original_reference_no=payment.reference_no,
        original_partner_reference_no=payment.partner_reference_no,
        original_external_id=payment.external_id,
        cancel_time=call.at,
        transaction_date=call.at,
    )
    return Said(cancelled, PROCESSED)
