"""The merchant's reports: balance mutation, history list and detail."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from attrs import frozen

from ...api import (
    BalanceMutation,
    FetchBalanceMutation,
    FetchTransaction,
    ListTransactions,
    Transaction,
    TransactionDetails,
    TransactionRefund,
    TransactionsListed,
    Wallet,
)
from ...models import Money
from ..books import Books
from ..call import Call
from ..dates import months_after
from ..envelope import Said
from ..records import PAYIN, PAYOUT, QRIS, Payment, Payout
from ..refusal import Refusal
from .registry import serves

_PAYMENT_WORDS: Final = {
    "00": "SETTLEMENT",
    "01": "AUTHORIZE",
    "03": "PENDING",
    "04": "REFUND",
    "05": "CANCELLED",
    "06": "FAILED",
    "08": "EXPIRED",
    "09": "DENIED",
}
_PAYOUT_WORDS: Final = {"00": "COMPLETED", "03": "PROCESSING", "06": "FAILED"}


@serves(FetchBalanceMutation)
def fetch_balance_mutation(books: Books, operation: FetchBalanceMutation, call: Call) -> BalanceMutation:
    """Tell the balances at both ends of a period (merchant-balance-mutation-api page); nothing is ever pending here."""
    ends = (operation.start_time, operation.end_time)
    wallets = [Wallet(source=one, **_balances(books, (one,), ends)) for one in (PAYIN, PAYOUT)]
    return BalanceMutation(
        currency=operation.currency,
        start_time=operation.start_time,
        end_time=operation.end_time,
        wallets=wallets,
        **_balances(books, (PAYIN, PAYOUT), ends),
    )


def _balances(books: Books, accounts: tuple[str, ...], ends: tuple[datetime, datetime]) -> dict[str, Any]:
    opening, closing = (Money(sum((books.balance_at(one, end) for one in accounts), Decimal(0))) for end in ends)
    return {
        "opening_balance_effective": opening,
        "closing_balance_effective": closing,
        "opening_balance_pending": Money(0),
        "closing_balance_pending": Money(0),
        "opening_balance_overall": opening,
        "closing_balance_overall": closing,
    }


@frozen
class _Line:
    """A payment or a payout, as the history sees it."""

    at: datetime
    changed_at: datetime
    record: Payment | Payout
    type: str
    snap_type: str
    status: str
    channel: str


def _lines(books: Books) -> list[_Line]:
    payments = books.payments.by_reference.values()
    payouts = books.payouts.by_reference.values()
    return [
        *(_payment_line(one) for one in payments),
        *(_payout_line(one) for one in payouts),
    ]


def _payment_line(one: Payment) -> _Line:
    channel = "qris" if one.kind == QRIS else "gopay"
    return _Line(one.created_at, one.changed_at, one, "PAYMENT", "PAYMENT", _PAYMENT_WORDS[one.status], channel)


def _payout_line(one: Payout) -> _Line:
    return _Line(one.accepted_at, one.changed_at, one, "DISBURSEMENT", "SEND_MONEY", _PAYOUT_WORDS[one.status], "gopay")


@serves(ListTransactions)
def list_transactions(books: Books, operation: ListTransactions, call: Call) -> Said:
    """List one page of the history (transaction-history-list-api page): three months unless asked, six at most."""
    start = operation.from_date_time or months_after(call.at, -3)
    start, end = max(start, months_after(call.at, -6)), operation.to_date_time or call.at
    found = [one for one in _lines(books) if start <= one.at <= end and _is_wanted(one, operation)]
    found.sort(key=lambda one: one.at, reverse=operation.sort_order != "ASC")
    first = operation.page_number * operation.page_size
    page = [_listed(one) for one in found[first : first + operation.page_size]]
    return Said(TransactionsListed(transactions=page), "Success")


def _is_wanted(line: _Line, operation: ListTransactions) -> bool:
    statuses = {"PAYMENT": operation.payment_statuses, "DISBURSEMENT": operation.disbursement_statuses}[line.type]
    reference = operation.partner_reference_no
    return (
        (not operation.types or line.type in operation.types)
        and (not statuses or line.status in statuses)
        and (reference is None or line.record.partner_reference_no == reference)
    )


def _listed(line: _Line) -> Transaction:
    return Transaction(
        date_time=line.at,
        amount=line.record.amount,
        snap_status="SUCCESS",
        snap_type=line.snap_type,
        reference_no=line.record.reference_no,
        partner_reference_no=line.record.partner_reference_no,
        status=line.status,
        type=line.type,
        channel=line.channel,
        fee=Money(0),
    )


@serves(FetchTransaction)
def fetch_transaction(books: Books, operation: FetchTransaction, call: Call) -> Said:
    """Show one transaction (transaction-history-detail-api page); both references must fit."""
    asked = (operation.reference_no, operation.original_partner_reference_no)
    found = (one for one in _lines(books) if (one.record.reference_no, one.record.partner_reference_no) == asked)
    line = next(found, None)
    if line is None:
        raise Refusal(404, "01")
    details = TransactionDetails(
        reference_no=line.record.reference_no,
        partner_reference_no=line.record.partner_reference_no,
        date_time=line.at,
        amount=line.record.amount,
        snap_status="SUCCESS",
        snap_type=line.snap_type,
        status=line.status,
        type=line.type,
        updated_time=line.changed_at,
        channel=line.channel,
        fee=Money(0),
        **_of_payment(line.record),
    )
    return Said(details, "Success")


def _of_payment(record: Payment | Payout) -> Mapping[str, Any]:
    if isinstance(record, Payout):
        return {}
    refunds = [
        TransactionRefund(id=one.refund_no, amount=one.amount, reason=one.reason or None, created_time=one.made_at)
        for one in record.refunds
    ]
    return {
        "expiry_time": record.valid_up_to,
        "source": "SNAP",
        "provider_reference_id": record.reference_no,
        "gopay_payment_option": record.pay_option,
        "refunds": tuple(refunds),
    }
