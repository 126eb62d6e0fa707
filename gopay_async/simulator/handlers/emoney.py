"""Account inquiry, top-ups and their two inquiries."""

from typing import Final

from ...api import AccountFound, InquireAccount, QueryTopUp, QueryTransfer, TopUp, TopUpAccepted, TransferState
from ...models import Money, TransactionStatus
from ..books import Books
from ..call import Call
from ..envelope import PROCESSED, Said
from ..records import NOT_FOUND, Payout
from ..refusal import Refusal
from .registry import serves

_TOP_UP: Final = "38"


@serves(InquireAccount)
def inquire_account(books: Books, operation: InquireAccount, call: Call) -> AccountFound:
    """Tell whose account it is (customer-top-up-account-inquiry page); the amount is ignored."""
    _check_provider(operation.beneficiary_provider)
    books.payouts.check_account(operation.customer_number)
    return AccountFound(
        reference_no=books.ids.digits(22),
        customer_name=f"Simulated Customer {operation.customer_number[-4:]}",
        customer_number=operation.customer_number,
        beneficiary_provider=operation.beneficiary_provider,
    )


@serves(TopUp)
def top_up(books: Books, operation: TopUp, call: Call) -> Said:
    """Accept a top-up and debit it (customer-top-up page): HTTP 202, the money has not arrived yet."""
    _check_provider(operation.beneficiary_provider)
    payout = books.payouts.accept(
        at=call.at,
        external_id=call.external_id,
        partner_reference_no=operation.partner_reference_no,
        customer_number=operation.customer_number,
        amount=operation.amount,
    )
    accepted = TopUpAccepted(
        reference_no=payout.reference_no,
        partner_reference_no=payout.partner_reference_no,
        customer_number=payout.customer_number,
    )
    return Said(accepted, "Request In Progress", status=202)


def _check_provider(name: str) -> None:
    if name != "gopay":
        # Payout error map: a beneficiary that is not in the list is 400xx00.
        raise Refusal(400, "00", "Bad Request. Beneficiary provider is not in the list")


@serves(QueryTransfer)
def query_transfer(books: Books, operation: QueryTransfer, call: Call) -> Said:
    """Tell the state of a payout (transfer-status-inquiry page); an unknown one is 404xx01 (payout error map)."""
    payout = _find(books, operation, call)
    if payout is None:
        raise Refusal(404, "01")
    return _state(payout, transaction_date=True)


@serves(QueryTopUp)
def query_top_up(books: Books, operation: QueryTopUp, call: Call) -> Said:
    """Tell the state of a top-up (national standard, 39); an unknown one is 200 with status 07, as Finpay shows it."""
    payout = _find(books, operation, call)
    if payout is not None:
        return _state(payout, transaction_date=False)
    unknown = TransferState(
        original_partner_reference_no=operation.original_partner_reference_no,
        original_reference_no=operation.original_reference_no,
        original_external_id=operation.original_external_id,
        service_code=operation.service_code,
        amount=Money(0),
        latest_transaction_status=TransactionStatus(NOT_FOUND),
        transaction_status_desc="Not Found",
    )
    return Said(unknown, PROCESSED)


def _find(books: Books, operation: QueryTransfer | QueryTopUp, call: Call) -> Payout | None:
    # What a serviceCode of another service is answered with is not documented; top-ups are all that is held.
    if operation.service_code != _TOP_UP:
        return None
    return books.payouts.find(operation.original_partner_reference_no, call.at)


def _state(payout: Payout, *, transaction_date: bool) -> Said:
    status = TransactionStatus(payout.status)
    state = TransferState(
        original_partner_reference_no=payout.partner_reference_no,
        original_reference_no=payout.reference_no,
        original_external_id=None if transaction_date else payout.external_id,
        service_code=_TOP_UP,
        amount=payout.amount,
        transaction_date=payout.accepted_at if transaction_date else None,
        latest_transaction_status=status,
        transaction_status_desc=status.meaning,
    )
    return Said(state, PROCESSED)
