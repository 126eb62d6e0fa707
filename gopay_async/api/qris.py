"""QRIS, merchant-presented: generate, query, refund, cancel (services 47, 51, 78, 77).

X-EXTERNAL-ID equals a field of the body in two of them (quirk Q-HDR-3): `send` takes it from there.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from ..fields import INFO, PRIVATE, Name, OneOf, Text, answer, message, one_of
from ..models import Amount, Refund
from ..operation import Answer, Endpoint, Operation, Retry, T_co
from .direct_debit import PaymentRefunded
from .state import TransactionState

_MID: Final = {"merchantId": "merchant_id"}
#: What is a reference and X-EXTERNAL-ID at once.
_BOTH: Final = Text(36, r"-*[A-Za-z0-9][A-Za-z0-9-]*", "letters, digits and -")


@answer
class QrisGenerated(Answer):
    """A code to show to the customer."""

    #: The text of the code.
    qr_content: str
    #: Address of an image of it, and the image itself in base64.
    qr_url: str | None = None
    qr_image: str | None = None
    reference_no: str | None = None
    partner_reference_no: str | None = None
    acquirer: Annotated[str | None, INFO] = None


@message
class GenerateQris(Operation[QrisGenerated]):
    """Make a QRIS code for *amount* rupiah.  *partner_reference_no* is the external id too, and unique for months."""

    endpoint = Endpoint(
        path="/v1.0/qr/qr-mpm-generate",
        service="47",
        retry=Retry.INQUIRE,
        id_field="partner_reference_no",
        offers=_MID,
        source="mpm-api-qris",
    )
    partner_reference_no: Annotated[str, _BOTH]
    amount: Amount
    merchant_id: Annotated[str | None, Text(64)] = None
    #: When the code ends: at least 20 seconds ahead; 15 minutes when left out; at most 180 days.
    validity_period: datetime | None = None
    #: GOPAY when left out; in small letters in the sample.
    acquirer: Annotated[str | None, OneOf(("GOPAY", "AIRPAY SHOPEE", "gopay")), INFO] = None

    def inquiry(self, external_id: str) -> "QueryQris":
        """Return the query for the code generated under *external_id*."""
        return QueryQris(
            original_partner_reference_no=self.partner_reference_no,
            original_external_id=external_id,
            merchant_id=self.merchant_id,
        )


@answer
class QrisState(TransactionState):
    """What became of a QRIS payment."""

    paid_time: datetime | None = None
    terminal_id: str | None = None
    refund_history: Annotated[Sequence[Refund], INFO] = ()


@message
class QueryQris(Operation[QrisState]):
    """Ask what became of a QRIS payment; of several references the first one given here wins."""

    endpoint = Endpoint(
        path="/v1.0/qr/qr-mpm-query", service="51", retry=Retry.RESEND, offers=_MID, source="get-transaction-status-api"
    )
    original_reference_no: Annotated[str | None, Text(64)] = None
    original_partner_reference_no: Annotated[str | None, Text(36)] = None
    original_external_id: Annotated[str | None, Text(36)] = None
    merchant_id: Annotated[str | None, Text(64)] = None
    service_code: Annotated[str, Text(2, r"\d\d", "two digits")] = "47"

    def __attrs_post_init__(self) -> None:
        one_of(self, "original_reference_no", "original_partner_reference_no", "original_external_id")


@message
class _FollowUp(Operation[T_co]):
    """What refund and cancellation have in common; *original_reference_no* wins when both it and the id are given."""

    original_reference_no: Annotated[str | None, Text(64)] = None
    original_external_id: Annotated[str | None, Text(36)] = None
    merchant_id: Annotated[str | None, Text(64)] = None
    sub_merchant_id: Annotated[str | None, Text(32)] = None
    external_store_id: Annotated[str | None, Text(64)] = None

    def __attrs_post_init__(self) -> None:
        one_of(self, "original_reference_no", "original_external_id")

    def inquiry(self, external_id: str) -> QueryQris:
        """Return the query for the payment itself: its history and its status tell what became of this call."""
        return QueryQris(
            original_reference_no=self.original_reference_no,
            original_external_id=self.original_external_id,
            merchant_id=self.merchant_id,
        )


@answer
class QrisRefunded(PaymentRefunded):
    """Money went back to the customer."""

    #: The provider's number of the refund, called referenceNo here (quirk Q-FLD-4).
    refund_no: Annotated[str, Name("referenceNo", also=("refundNo",))]
    original_partner_reference_no: str | None = None
    original_external_id: str | None = None
    additional_info: Annotated[Mapping[str, Any] | None, PRIVATE] = None


@message
class RefundQris(_FollowUp[QrisRefunded]):
    """Give a paid amount back, wholly or *refund_amount* rupiah of it.  *partner_refund_no* is the external id too.

    With ShopeePay as acquirer all of it only, from 06:00 to 23:55 at +07:00.
    """

    endpoint = Endpoint(
        path="/v1.0/qr/qr-mpm-refund",
        service="78",
        retry=Retry.SAME_ID,
        id_field="partner_refund_no",
        fills=_MID,
        source="refund-api",
    )
    original_partner_reference_no: Annotated[str, Text(64)]
    #: Shorter than an external id may be (quirk Q-FLD-15): name a payment with a longer one by *original_reference_no*.
    original_external_id: Annotated[str | None, Text(32)] = None
    partner_refund_no: Annotated[str, _BOTH]
    #: All of it when left out.
    refund_amount: Amount | None = None
    reason: Annotated[str | None, Text(256)] = None
    additional_info: Annotated[Mapping[str, Any] | None, PRIVATE] = None


@answer
class QrisCancelled(Answer):
    """The code can no longer be paid."""

    original_reference_no: str | None = None
    original_partner_reference_no: str | None = None
    original_external_id: str | None = None
    cancel_time: datetime | None = None
    #: Digits only says the table, with dashes and colons the sample (quirk Q-TIM-3).
    transaction_date: datetime | None = None
    additional_info: Annotated[Mapping[str, Any] | None, PRIVATE] = None


@message
class CancelQris(_FollowUp[QrisCancelled]):
    """Cancel a code that was not paid yet."""

    endpoint = Endpoint(
        path="/v1.0/qr/qr-mpm-cancel", service="77", retry=Retry.SAME_ID, fills=_MID, source="cancel-api"
    )
    original_partner_reference_no: Annotated[str | None, Text(64)] = None
    reason: Annotated[str, Text(256)]
    amount: Amount | None = None
    additional_info: Annotated[Mapping[str, Any] | None, PRIVATE] = None
