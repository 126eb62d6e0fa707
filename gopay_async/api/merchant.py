"""What the merchant's books say: balance mutation of the Core API, history list (12) and detail (13)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final

from attrs import evolve, field

from ..errors import InvalidInput, Unreadable
from ..fields import AS_NUMBER, IN_QUERY, INFO, PRIVATE, Each, Name, OneOf, Text, Whole, Within, answer, message
from ..models import Money
from ..operation import Answer, Auth, Endpoint, Operation, Retry

# Numbers on the wire, with decimals (quirk Q-AMT-1).
_Balance = Annotated[Money, AS_NUMBER]


@answer
class Wallet:
    """The balances of one wallet."""

    snake_case: ClassVar[bool] = True
    #: payin or iris.
    source: str
    opening_balance_effective: _Balance
    closing_balance_effective: _Balance
    opening_balance_pending: _Balance
    closing_balance_pending: _Balance
    opening_balance_overall: _Balance
    closing_balance_overall: _Balance


@answer
class BalanceMutation(Answer):
    """Balances at both ends of a period: *effective* can be used, *pending* not yet, *overall* is the sum of both."""

    snake_case: ClassVar[bool] = True
    opening_balance_effective: _Balance
    closing_balance_effective: _Balance
    opening_balance_pending: _Balance
    closing_balance_pending: _Balance
    opening_balance_overall: _Balance
    closing_balance_overall: _Balance
    wallets: Sequence[Wallet] = ()
    currency: str | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None


@message
class FetchBalanceMutation(Operation[BalanceMutation]):
    """Ask for the merchant's balances at *start_time* and *end_time*."""

    snake_case: ClassVar[bool] = True
    endpoint = Endpoint(
        method="GET",
        path="/v1/balance/mutation",
        auth=Auth.SERVER_KEY,
        retry=Retry.RESEND,
        source="merchant-balance-mutation-api",
    )
    currency: Annotated[str, Text(3), IN_QUERY] = "IDR"
    start_time: Annotated[datetime, IN_QUERY]
    end_time: Annotated[datetime, IN_QUERY]

    def __attrs_post_init__(self) -> None:
        _in_order(self, "start_time", "end_time")


@answer
class Transaction:
    """One line of the history; *status* is the one to go by, the other may say SUCCESS too early (quirk Q-STA-6)."""

    date_time: datetime | None = None
    amount: Money | None = None
    #: The word of the provider's own statuses, such as SETTLEMENT or PROCESSING.
    status: Annotated[str | None, INFO] = None
    type: Annotated[str | None, INFO] = None
    #: The words of BI-SNAP, such as SUCCESS and SEND_MONEY.
    snap_status: Annotated[str | None, Name("status")] = None
    snap_type: Annotated[str | None, Name("type")] = None
    #: In additionalInfo here, outside of it in the detail (quirk Q-FLD-30).
    reference_no: Annotated[str | None, INFO, Name(also=("/referenceNo",))] = None
    partner_reference_no: Annotated[str | None, INFO, Name(also=("/partnerReferenceNo",))] = None
    channel: Annotated[str | None, INFO] = None
    fee: Annotated[Money | None, INFO] = None
    remark: Annotated[str | None, PRIVATE] = None
    customer_email: Annotated[str | None, INFO, PRIVATE] = None
    account_no: Annotated[str | None, INFO, PRIVATE] = None


@answer
class TransactionsListed(Answer):
    """One page of the history."""

    transactions: Annotated[Sequence[Transaction], Name("detailData")] = ()


def _statuses(*words: str) -> Each:
    return Each(OneOf(words))


_TYPES: Final = _statuses("PAYMENT", "TOP_UP", "WITHDRAWAL", "DISBURSEMENT")
_PAYMENT: Final = _statuses(
    *("AUTHORIZE", "SUCCESS", "CHALLENGE", "SETTLEMENT", "REFUND", "CHARGEBACK"),
    *("EXPIRED", "PENDING", "CANCELLED", "FAILED", "DENIED", "REVERSAL"),
)
_TOP_UP: Final = _statuses("SETTLEMENT", "REVERSAL")
_WITHDRAWAL: Final = _statuses("REQUESTED", "PROCESSING", "SUCCESS", "FAILED", "CANCELLED")
_DISBURSEMENT: Final = _statuses("REQUESTED", "REJECTED", "APPROVED", "PROCESSING", "COMPLETED", "FAILED")


@message
class ListTransactions(Operation[TransactionsListed]):
    """List one page of the history; `pages` fetches them all.

    Without *from_date_time* the last three months, six at most; without *to_date_time* until now.
    """

    endpoint = Endpoint(
        path="/v1.0/transaction-history-list", service="12", retry=Retry.RESEND, source="transaction-history-list-api"
    )
    partner_reference_no: Annotated[str | None, Text(64)] = None
    from_date_time: datetime | None = None
    to_date_time: datetime | None = None
    page_size: Annotated[int, Whole(1, 50)] = 10
    #: The first page is 0.
    page_number: Annotated[int, Whole(0, 2**31 - 1)] = 0
    types: Annotated[Sequence[str], _TYPES, INFO] = ()
    payment_statuses: Annotated[Sequence[str], _PAYMENT, Within("additionalInfo.payment"), Name("statuses")] = ()
    top_up_statuses: Annotated[Sequence[str], _TOP_UP, Within("additionalInfo.topUp"), Name("statuses")] = ()
    withdrawal_statuses: Annotated[
        Sequence[str], _WITHDRAWAL, Within("additionalInfo.withdrawal"), Name("statuses")
    ] = ()
    disbursement_statuses: Annotated[
        Sequence[str], _DISBURSEMENT, Within("additionalInfo.disbursement"), Name("statuses")
    ] = ()
    sort_order: Annotated[str | None, OneOf(("ASC", "DESC")), INFO] = None

    def __attrs_post_init__(self) -> None:
        _in_order(self, "from_date_time", "to_date_time")


async def pages(
    send: Callable[[ListTransactions], Awaitable[TransactionsListed]], operation: ListTransactions
) -> AsyncIterator[TransactionsListed]:
    """Yield the pages of *operation* from its page number on, each fetched with *send*, which is `gopay.send`.

    The provider tells no total: a page with fewer lines than *page_size* is the last one.  Give *to_date_time* and
    `sort_order="ASC"`, or lines that are booked in the meantime move others to the next page.  Raises what *send*
    raises, and Unreadable for a page that would seem shorter than it is.
    """
    while True:
        page = await send(operation)
        if page.unread:
            raise Unreadable(f"page {operation.page_number} of the history holds what is no transaction")
        yield page
        if len(page.transactions) < operation.page_size:
            return
        operation = evolve(operation, page_number=operation.page_number + 1)  # type: ignore[misc]  # attrs, by @message


@answer
class TransactionRefund:
    """One refund of a payment."""

    id: str | None = None
    amount: Money | None = None
    reason: str | None = None
    created_time: datetime | None = None
    bank_confirmed_time: datetime | None = None
    cancelled_time: datetime | None = None


@answer
class TransactionItem:
    """One line of the order."""

    id: str | None = None
    partner_id: str | None = None
    name: str | None = None
    quantity: str | None = None
    price: Money | None = None


_PAY: Final = Within("additionalInfo.payment")


@answer
class TransactionDetails(Answer):
    """One transaction, whole.  What cards and other ways to pay add stands in *payment*."""

    reference_no: str
    partner_reference_no: str | None = None
    date_time: datetime | None = None
    amount: Money | None = None
    #: The word of the provider's own statuses: the one to go by, as for `Transaction`.
    status: Annotated[str | None, INFO] = None
    type: Annotated[str | None, INFO] = None
    #: The words of BI-SNAP.
    snap_status: Annotated[str | None, Name("status")] = None
    snap_type: Annotated[str | None, Name("type")] = None
    updated_time: Annotated[datetime | None, INFO] = None
    channel: Annotated[str | None, INFO] = None
    fee: Annotated[Money | None, INFO] = None
    remark: Annotated[str | None, PRIVATE] = None
    customer_email: Annotated[str | None, INFO, PRIVATE] = None
    account_no: Annotated[str | None, INFO, PRIVATE] = None
    #: The objects as they came; what GoPay and QRIS add to *payment* follows, typed.
    withdrawal: Annotated[Mapping[str, Any] | None, INFO, PRIVATE] = None
    disbursement: Annotated[Mapping[str, Any] | None, INFO, PRIVATE] = None
    payment: Annotated[Mapping[str, Any] | None, INFO, PRIVATE] = field(default=None, eq=False)
    expiry_time: Annotated[datetime | None, _PAY] = None
    #: core_api, snap, payment_link, invoice; in any case.
    source: Annotated[str | None, _PAY] = None
    provider_reference_id: Annotated[str | None, _PAY] = None
    merchant_cross_reference_id: Annotated[str | None, _PAY] = None
    gopay_source: Annotated[str | None, _PAY] = None
    gopay_payment_option: Annotated[str | None, _PAY] = None
    #: Whether issuer and acquirer are the same.
    qris_on_us: Annotated[bool | None, _PAY] = None
    qris_reference_number: Annotated[str | None, _PAY] = None
    qris_issuer: Annotated[str | None, _PAY] = None
    qris_issuer_transaction_id: Annotated[str | None, _PAY] = None
    qris_acquirer: Annotated[str | None, _PAY] = None
    qris_acquirer_transaction_id: Annotated[str | None, _PAY] = None
    refunds: Annotated[Sequence[TransactionRefund], _PAY] = ()
    items: Annotated[Sequence[TransactionItem], _PAY] = ()


@message
class FetchTransaction(Operation[TransactionDetails]):
    """Ask for one transaction of the history, by both of its references."""

    endpoint = Endpoint(
        path="/v1.0/transaction-history-detail",
        service="13",
        retry=Retry.RESEND,
        source="transaction-history-detail-api",
    )
    original_partner_reference_no: Annotated[str, Text(64)]
    reference_no: Annotated[str, Text(64), INFO]


def _in_order(operation: object, first: str, last: str) -> None:
    start, end = getattr(operation, first), getattr(operation, last)
    if start is not None and end is not None and end < start:
        raise InvalidInput(last, f"lies before {first}")
