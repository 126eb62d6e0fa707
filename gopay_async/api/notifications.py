"""What the provider sends to the merchant: payments, QRIS, account linking, payouts.  Knows no signature, no store."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any, ClassVar

from attrs import field, frozen

from ..fields import AS_TEXT, INFO, PRIVATE, Name, answer
from ..models import Money, PaymentDetail, PayoutStatus, Refund, TransactionStatus


@frozen(kw_only=True)
class NotificationEndpoint:
    """Where a kind of notification arrives and how it is answered."""

    #: Empty where the merchant names the whole address.
    path: str
    #: Two digits of the SNAP response code; None outside BI-SNAP.
    service: str | None
    source: str
    method: str = "POST"

    @property
    def accepted(self) -> str:
        """The response code that acknowledges it; empty where only the HTTP status counts."""
        return f"200{self.service}00" if self.service else ""


@answer
class Notification:
    """What every verified notification has."""

    endpoint: ClassVar[NotificationEndpoint]
    #: The word that begins the identity.
    kind: ClassVar[str] = "unrecognised"
    #: The bytes that verified: as received, or without the whitespace outside strings where that was not signed.
    body: bytes = field(default=b"", repr=False, metadata={"local": True})
    #: The parsed body, whole.
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False, metadata={"local": True})
    #: X-EXTERNAL-ID and X-PARTNER-ID: neither is covered by the signature.
    external_id: str = field(default="", metadata={"local": True})
    partner_id: str = field(default="", metadata={"local": True})
    #: X-TIMESTAMP, aware.
    timestamp: datetime | None = field(default=None, metadata={"local": True})
    #: The signed path that verified.
    path: str = field(default="", metadata={"local": True})
    #: The label of the key that verified it.
    key: str = field(default="", metadata={"local": True})
    #: Wire names of optional fields that were there and could not be read.
    unread: tuple[str, ...] = field(default=(), eq=False, metadata={"local": True})

    @property
    def identity(self) -> tuple[str, ...]:
        """What happened, as text: a repeat of the same event has the same identity, whatever its X-EXTERNAL-ID.

        Where a field could not be read, the body's SHA-256 belongs to it: two events must never look like one.
        """
        facts = self._facts()
        exact = (sha256(self.body).hexdigest(),) if self.unread or not facts else ()
        return (self.kind, *(_plain(one) for one in facts), *exact)

    def _facts(self) -> tuple[object, ...]:
        """Return what tells this event from others of its kind; nothing where only the bytes can tell."""
        return ()


def _plain(fact: object) -> str:
    if isinstance(fact, datetime):
        return _instant(fact)
    # Stores and hashes want Unicode text: a lone surrogate, which JSON can hold, is none.
    return "" if fact is None else str(fact).encode(errors="backslashreplace").decode()


def _instant(moment: datetime) -> str:
    """Return *moment* in UTC: a repeat that spells the zone otherwise tells of the same event."""
    try:
        return str(moment.astimezone(UTC))
    except OverflowError:
        # In the first and the last hours of the calendar UTC has no date; such a time is as good as it came.
        return str(moment)


def _of_refunds(refunds: Iterable[Refund]) -> tuple[object, ...]:
    """Return number, status and amount of each refund, in an order that does not depend on the sender's."""
    found = (
        (_plain(one.refund_no), _plain(one.refund_status and one.refund_status.raw), _plain(one.refund_amount))
        for one in refunds
    )
    return tuple(fact for refund in sorted(found) for fact in refund)


@answer
class DebitNotification(Notification):
    """A payment changed its state.

    Find the order by *original_reference_no*, stored at creation, and compare the amount.  Notifications may repeat and
    arrive out of order.
    """

    endpoint = NotificationEndpoint(
        path="/v1.0/debit/notify", service="56", source="docs.midtrans.com/reference/payment-notification-api"
    )
    kind = "debit"
    original_reference_no: str
    latest_transaction_status: TransactionStatus
    original_partner_reference_no: str | None = None
    #: X-EXTERNAL-ID of the payment.
    original_external_id: str | None = None
    merchant_id: str | None = None
    amount: Money | None = None
    created_time: datetime | None = None
    finished_time: datetime | None = None
    transaction_status_desc: str | None = None
    refund_history: Annotated[Sequence[Refund], INFO] = ()
    total_refund_amount: Annotated[Money | None, INFO] = None
    user_payment_details: Annotated[Sequence[PaymentDetail], INFO] = ()
    pay_option_details: Annotated[Sequence[PaymentDetail], INFO] = ()
    fraud_status: Annotated[str | None, INFO] = None
    valid_up_to: Annotated[datetime | None, INFO] = None

    @property
    def status(self) -> TransactionStatus:
        """The status."""
        return self.latest_transaction_status

    def _facts(self) -> tuple[object, ...]:
        status = self.latest_transaction_status.raw
        return (self.original_reference_no, status, self.amount, *_of_refunds(self.refund_history))


@answer
class QrisParties:
    """The two ends of a QRIS payment."""

    issuer_name: str | None = None
    acquirer_name: str | None = None
    #: ON-US where both are the same, else OFF-US.
    transaction_type: str | None = None


@answer
class QrisNotification(Notification):
    """A QRIS payment changed its state; as for `DebitNotification`, compare the amount."""

    endpoint = NotificationEndpoint(
        path="/v1.0/qr/qr-mpm-notify", service="52", source="docs.midtrans.com/reference/payment-notification-api"
    )
    kind = "qris"
    original_reference_no: str
    latest_transaction_status: TransactionStatus
    original_partner_reference_no: str | None = None
    #: Not documented for this kind; read when it is there.
    merchant_id: str | None = None
    amount: Money | None = None
    transaction_status_desc: str | None = None
    external_store_id: Annotated[str | None, Name("externalStoreID", also=("externalStoreId",))] = None
    refund_history: Annotated[Sequence[Refund], INFO] = ()
    #: A list says the table, one object the sample (quirk Q-FLD-10).
    qris: Annotated[Sequence[QrisParties], INFO] = ()

    @property
    def status(self) -> TransactionStatus:
        """The status."""
        return self.latest_transaction_status

    def _facts(self) -> tuple[object, ...]:
        status = self.latest_transaction_status.raw
        return (self.original_reference_no, status, self.amount, *_of_refunds(self.refund_history))


@answer
class LinkingNotification(Notification):
    """A customer linked or unlinked an account.

    It is repeated for a few milliseconds only: after an outage ask with `QueryBinding`.
    """

    endpoint = NotificationEndpoint(
        path="/v1.0/registration-account/notify",
        service="88",
        source="docs.midtrans.com/reference/account-linking-unlinking-notification",
    )
    kind = "linking"
    #: The customer's token: a secret (quirk Q-NOT-8).
    access_token: Annotated[str, INFO, PRIVATE]
    #: ENABLED or DISABLED.
    account_status: Annotated[str, INFO]
    #: The MID, not the payment handle.
    merchant_id: Annotated[str | None, INFO] = None
    sub_merchant_id: Annotated[str | None, INFO] = None
    payment_type: Annotated[str | None, INFO] = None
    #: Account linked, User changed phone number, Account unlinked.
    status_message: Annotated[str | None, INFO] = None

    @property
    def is_linked(self) -> bool:
        """Whether the account is linked now."""
        return self.account_status.upper() == "ENABLED"

    @property
    def is_unlinked(self) -> bool:
        """Whether the account is no longer linked; a status that the page does not list is neither."""
        return self.account_status.upper() == "DISABLED"

    def _facts(self) -> tuple[object, ...]:
        token = sha256(_plain(self.access_token).encode()).hexdigest()
        return (token, self.account_status, self.external_id)


@answer
class PayoutNotification(Notification):
    """A payout, a top-up made through BI-SNAP included, changed its state; completed may still turn into failed.

    Not BI-SNAP: another signature without a time, so that age cannot be judged.  Never decide about money on it alone.
    Money that arrived in the merchant's own balance comes in the same shape with other names, and the status `topup`.
    """

    snake_case: ClassVar[bool] = True
    endpoint = NotificationEndpoint(path="", service=None, source="docs.midtrans.com/reference/notification")
    kind = "payout"
    reference_no: Annotated[str, Name(also=("transaction_id",))]
    status: PayoutStatus
    partner_reference_no: Annotated[str | None, Name(also=("order_id",))] = None
    amount: Annotated[Money | None, Name(also=("gross_amount",)), AS_TEXT] = None
    updated_at: Annotated[datetime | None, Name(also=("transaction_time",))] = None
    error_code: str | None = None
    error_message: str | None = None

    def _facts(self) -> tuple[object, ...]:
        return (self.reference_no, self.status.raw, self.updated_at, self.amount)


@answer
class Unrecognised(Notification):
    """Verified, but not as any model expects it: refusing it would lose it, so handle or park its *raw* JSON."""

    #: Which field does not fit.
    misfit: str = field(default="", metadata={"local": True})
