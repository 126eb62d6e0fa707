"""What the provider sends to the merchant.  Source: payment-notification-api."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

from attrs import field, frozen

from ..fields import INFO, answer
from ..models import Money, PaymentDetail, Refund, TransactionStatus


@frozen(kw_only=True)
class NotificationEndpoint:
    """Where a kind of notification arrives and how it is answered."""

    path: str
    service: str
    source: str
    method: str = "POST"

    @property
    def accepted(self) -> str:
        """The response code that acknowledges it."""
        return f"200{self.service}00"


@frozen(kw_only=True)
class Notification:
    """What every verified notification has."""

    endpoint: ClassVar[NotificationEndpoint]
    #: The bytes that were received.
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


@answer
class DebitNotification(Notification):
    """A payment changed its state.

    Find the order by *original_reference_no*, stored at creation, and compare the amount.  Notifications may repeat and
    arrive out of order.
    """

    endpoint = NotificationEndpoint(
        path="/v1.0/debit/notify", service="56", source="docs.midtrans.com/reference/payment-notification-api"
    )
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


@frozen(kw_only=True)
class Unrecognised(Notification):
    """Verified, but not as any model expects it: refusing it would lose it, so handle or park its *raw* JSON."""

    #: Which field does not fit.
    misfit: str = field(default="", metadata={"local": True})
