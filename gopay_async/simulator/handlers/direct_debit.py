"""Payments, by deeplink or from a linked account, and their follow-ups."""

from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from ...api import (
    CancelPayment,
    ChargeLinked,
    CreatePayment,
    PaymentCancelled,
    PaymentCharged,
    PaymentCreated,
    PaymentRefunded,
    PaymentState,
    QueryPayment,
    RefundAuthorization,
    RefundPayment,
)
from ...models import TransactionStatus
from ..books import Books
from ..call import Call
from ..envelope import PROCESSED, Said
from ..payments import PAYMENT_LIFE
from ..records import DEBIT, NOT_FOUND, SUCCESS, Option, Payment, User
from ..refusal import BadField, Defect, Refusal
from ..views import fraud_status, paid_with, refund_history
from .registry import serves

#: Where the redirect address of a payment leads.
PAY_PATH: Final = "/gopay-pay"
_SHORTEST: Final = timedelta(seconds=20)
_LONGEST: Final = timedelta(days=180)


@serves(CreatePayment)
def create_payment(books: Books, operation: CreatePayment, call: Call) -> PaymentCreated:
    """Create a payment that waits (direct-debit-api-gopay page); its reference is not checked for uniqueness."""
    payment = books.payments.create(
        operation,
        kind=DEBIT,
        at=call.at,
        external_id=call.external_id,
        amount=operation.amount,
        reference=operation.partner_reference_no,
        until=end_of_life(operation.valid_up_to, call, default=PAYMENT_LIFE),
    )
    return PaymentCreated(
        reference_no=payment.reference_no,
        partner_reference_no=payment.partner_reference_no,
        web_redirect_url=_redirect(books, payment, call),
        app_redirect_url="",
        payment_type="GOPAY",
        gross_amount=payment.amount,
        transaction_time=payment.created_at,
        valid_up_to=payment.valid_up_to,
    )


def end_of_life(asked: datetime | None, call: Call, *, default: timedelta, name: str = "validUpTo") -> datetime:
    """Return the end of a payment's life; raise BadField."""
    if asked is None:
        return call.at + default
    # The limits are documented, the answer to a time outside them is not.
    if not _SHORTEST <= asked - call.at <= _LONGEST:
        raise BadField(Defect.MALFORMED, name, "must be from 20 seconds to 180 days ahead")
    return asked


def _redirect(books: Books, payment: Payment, call: Call) -> str:
    query = urlencode({"referenceNo": payment.reference_no, "tref": books.ids.text(16)})
    return f"{call.request.base}{PAY_PATH}?{query}"


@serves(ChargeLinked)
def charge_linked(books: Books, operation: ChargeLinked, call: Call) -> Said:
    """Charge a linked customer (direct-debit-api-gopay-tokenization page); larger amounts wait for the PIN."""
    assert call.link is not None  # the gate has let nobody else in
    option = find_option(call.link.user, operation.pay_option, operation.payment_option_token)
    if option.balance < operation.amount:
        raise Refusal(403, "14")
    payment = books.payments.create(
        operation,
        kind=DEBIT,
        at=call.at,
        external_id=call.external_id,
        amount=operation.amount,
        reference=operation.partner_reference_no,
        until=end_of_life(operation.valid_up_to, call, default=PAYMENT_LIFE),
        option=option,
    )
    if operation.recurring or operation.amount < books.policy.pin_from:
        books.payments.pay(payment, call.at)
    return Said(_charged(books, payment, call), PROCESSED)


def find_option(user: User, name: str, token: str) -> Option:
    """Return the way to pay that *token* stands for; raise BadField."""
    found = next((one for one in user.options if one.token == token and one.name == name), None)
    if found is None:
        # Not documented: what is answered to a token that has changed since the inquiry.
        raise BadField(Defect.MALFORMED, "paymentOptionToken", "is not that of the option")
    return found


def _charged(books: Books, payment: Payment, call: Call) -> PaymentCharged:
    address = _redirect(books, payment, call)
    return PaymentCharged(
        reference_no=payment.reference_no,
        partner_reference_no=payment.partner_reference_no,
        web_redirect_url=address,
        app_redirect_url=address,
        amount=payment.amount,
        currency="IDR",
        gross_amount=payment.amount,
        legacy_status=TransactionStatus("SETTLEMENT" if payment.status == SUCCESS else "PENDING"),
        transaction_status=TransactionStatus(payment.status),
        transaction_time=payment.created_at,
        expiry_time=payment.valid_up_to,
        payment_type="GOPAY",
        pay_option_details=paid_with(payment),
        user_payment_details=paid_with(payment),
        fraud_status=fraud_status(payment),
        valid_up_to=payment.valid_up_to,
    )


@serves(QueryPayment)
def query_payment(books: Books, operation: QueryPayment, call: Call) -> Said:
    """Tell the state of a payment (get-transaction-status-api page); an unknown one is 200 with status 07."""
    payment = _find(books, operation)
    if payment is not None:
        return Said(_state(payment, operation.service_code), PROCESSED)
    unknown = PaymentState(
        original_reference_no=operation.original_reference_no,
        original_external_id=operation.original_external_id,
        service_code=operation.service_code,
        latest_transaction_status=TransactionStatus(NOT_FOUND),
        transaction_status_desc="Transaction not found",
    )
    return Said(unknown, PROCESSED)


def _find(books: Books, operation: QueryPayment | RefundPayment | CancelPayment) -> Payment | None:
    return books.payments.find(
        DEBIT, reference_no=operation.original_reference_no, external_id=operation.original_external_id
    )


def _state(payment: Payment, service_code: str) -> PaymentState:
    return PaymentState(
        original_partner_reference_no=payment.partner_reference_no,
        original_reference_no=payment.reference_no,
        original_external_id=payment.external_id,
        service_code=service_code,
        latest_transaction_status=TransactionStatus(payment.status),
        transaction_status_desc=TransactionStatus(payment.status).meaning,
        amount=payment.amount,
        paid_time=payment.paid_at,
        refund_history=refund_history(payment),
        fraud_status=fraud_status(payment),
        valid_up_to=payment.valid_up_to,
        pay_option_details=paid_with(payment),
        user_payment_details=paid_with(payment),
    )


@serves(RefundPayment)
def refund_payment(books: Books, operation: RefundPayment, call: Call) -> Said:
    """Give money back (refund-api page); the same `partnerRefundNo` again gives nothing back a second time."""
    payment = _find(books, operation)
    if payment is None:
        raise Refusal(404, "01")
    return give_back(books, payment, operation, call)


def give_back(books: Books, payment: Payment, operation: RefundPayment | RefundAuthorization, call: Call) -> Said:
    """Give money of *payment* back, and say so."""
    made = books.payments.refund_once(
        payment,
        call.at,
        amount=operation.refund_amount,
        partner_refund_no=operation.partner_refund_no,
        reason=operation.reason or "",
    )
    refunded = PaymentRefunded(
        original_reference_no=payment.reference_no,
        refund_no=made.refund_no,
        partner_refund_no=made.partner_refund_no,
        refund_amount=made.amount,
        refund_time=made.made_at,
    )
    return Said(refunded, PROCESSED)


@serves(CancelPayment)
def cancel_payment(books: Books, operation: CancelPayment, call: Call) -> Said:
    """Cancel a payment that is pending (cancel-api page, whose table has no row for an unknown one)."""
    payment = _find(books, operation)
    if payment is None:
        raise Refusal(403, "15", "Transaction Not Permitted. Transaction not found")
    books.payments.cancel(payment, call.at)
    return Said(PaymentCancelled(original_reference_no=payment.reference_no, cancel_time=call.at), PROCESSED)
