"""Pre-authorised payments of linked customers."""

from ...api import (
    AuthorizationCaptured,
    AuthorizationState,
    AuthorizationVoided,
    AuthorizePayment,
    CaptureAuthorization,
    PaymentAuthorized,
    QueryAuthorization,
    RefundAuthorization,
    VoidAuthorization,
)
from ...models import TransactionStatus
from ..books import Books
from ..call import Call
from ..envelope import PROCESSED, Said
from ..payments import AUTHORIZATION_LIFE
from ..records import AUTH, NOT_FOUND, Payment
from ..refusal import Refusal
from ..views import fraud_status, paid_with, refund_history
from .direct_debit import end_of_life, find_option, give_back
from .registry import serves


@serves(AuthorizePayment)
def authorize_payment(books: Books, operation: AuthorizePayment, call: Call) -> Said:
    """Reserve money (auth-payment-api-gopay-tokenization page); for too little money with the digits of service 10."""
    assert call.link is not None  # the gate has let nobody else in
    user, token = call.link.user, operation.payment_option_token
    option = find_option(user, operation.pay_option, token) if token else user.options[0]
    if option.balance < operation.amount:
        raise Refusal(403, "14", extra={"responseCode": "4031014"})
    payment = books.payments.create(
        operation,
        kind=AUTH,
        at=call.at,
        external_id=call.external_id,
        amount=operation.amount,
        reference=operation.partner_reference_no,
        until=end_of_life(operation.valid_up_to, call, default=AUTHORIZATION_LIFE),
        option=option,
    )
    return Said(_authorized(payment), PROCESSED)


def _authorized(payment: Payment) -> PaymentAuthorized:
    return PaymentAuthorized(
        reference_no=payment.reference_no,
        partner_reference_no=payment.partner_reference_no,
        paid_time=payment.created_at,
        amount=payment.amount,
        payment_type="Gopay",
        transaction_time=payment.created_at,
        transaction_status=TransactionStatus(payment.status),
        fraud_status=fraud_status(payment),
        pay_option_details=paid_with(payment),
        valid_up_to=payment.valid_up_to,
    )


def _find(
    books: Books,
    operation: QueryAuthorization | CaptureAuthorization | VoidAuthorization | RefundAuthorization,
) -> Payment | None:
    return books.payments.find(
        AUTH, reference_no=operation.original_reference_no, external_id=operation.original_external_id
    )


def _found(books: Books, operation: CaptureAuthorization | VoidAuthorization | RefundAuthorization) -> Payment:
    payment = _find(books, operation)
    if payment is None:
        # The tables have no row for an unknown authorisation.
        raise _not_permitted("Transaction not found")
    return payment


def _not_permitted(reason: str) -> Refusal:
    # The pages print the digits of service 65 for void and refund too (quirk Q-COD-2).
    return Refusal(403, "15", f"Transaction Not Permitted. {reason}", extra={"responseCode": "4036515"})


@serves(QueryAuthorization)
def query_authorization(books: Books, operation: QueryAuthorization, call: Call) -> Said:
    """Tell the state of an authorisation (get-transaction-status-api page); an unknown one has status 07."""
    payment = _find(books, operation)
    if payment is None:
        unknown = AuthorizationState(
            original_reference_no=operation.original_reference_no,
            original_partner_reference_no=operation.original_partner_reference_no,
            latest_transaction_status=TransactionStatus(NOT_FOUND),
        )
        return Said(unknown, PROCESSED)
    state = AuthorizationState(
        original_reference_no=payment.reference_no,
        original_partner_reference_no=payment.partner_reference_no,
        latest_transaction_status=TransactionStatus(payment.status),
        paid_time=payment.paid_at,
        amount=payment.amount,
        fraud_status=fraud_status(payment),
        valid_up_to=payment.valid_up_to,
        pay_option_details=paid_with(payment),
        refund_history=refund_history(payment),
    )
    return Said(state, PROCESSED)


@serves(CaptureAuthorization)
def capture_authorization(books: Books, operation: CaptureAuthorization, call: Call) -> Said:
    """Take reserved money (auth-payment-api-gopay-tokenization page): all of it, parts cannot be captured."""
    payment = _found(books, operation)
    if operation.capture_amount not in (None, payment.amount):
        raise _not_permitted("Only the whole amount can be captured")
    books.payments.capture(payment, call.at)
    captured = AuthorizationCaptured(
        capture_no=payment.follow_up_no,
        partner_capture_no=operation.partner_capture_no,
        original_reference_no=payment.reference_no,
        original_partner_reference_no=payment.partner_reference_no,
        capture_amount=payment.amount,
        capture_time=call.at,
    )
    return Said(captured, "Successful")


@serves(VoidAuthorization)
def void_authorization(books: Books, operation: VoidAuthorization, call: Call) -> Said:
    """Release reserved money (cancel-api page); what was captured cannot be voided."""
    payment = _found(books, operation)
    books.payments.void(payment, call.at)
    voided = AuthorizationVoided(
        void_no=payment.follow_up_no,
        partner_void_no=operation.partner_void_no,
        original_reference_no=payment.reference_no,
        original_partner_reference_no=payment.partner_reference_no,
        void_amount=payment.amount,
        void_time=call.at,
    )
    return Said(voided, PROCESSED)


@serves(RefundAuthorization)
def refund_authorization(books: Books, operation: RefundAuthorization, call: Call) -> Said:
    """Give captured money back (refund-api page)."""
    return give_back(books, _found(books, operation), operation, call)
