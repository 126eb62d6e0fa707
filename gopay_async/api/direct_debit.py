"""Payments by deeplink and their follow-ups (services 54, 55).  Source: direct-debit-api-gopay and its pages."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from ..errors import InvalidInput
from ..fields import INFO, REFERENCE, Name, Text, Within, answer, message
from ..models import (
    Amount,
    CustomerDetails,
    Item,
    Money,
    PaymentDetail,
    Refund,
    TransactionStatus,
    UrlParam,
)
from ..operation import Answer, Endpoint, Operation, Retry

_OPTION = Within("payOptionDetails[]")


@answer
class PaymentCreated(Answer):
    """A payment that waits for its customer."""

    #: Universal link to the payment page; `launch_deeplink` makes the mini-app's link of it.
    web_redirect_url: str
    #: The provider's order number: store it, notifications name it.
    reference_no: str | None = None
    partner_reference_no: str | None = None
    #: Reserved; empty in the sample.
    app_redirect_url: str | None = None
    gross_amount: Annotated[Money | None, INFO, Name(also=("gross_amount",))] = None
    payment_type: Annotated[str | None, INFO] = None
    transaction_time: Annotated[datetime | None, INFO] = None
    valid_up_to: Annotated[datetime | None, INFO] = None


@message
class CreatePayment(Operation[PaymentCreated]):
    """Create a payment that the customer confirms in the GoPay app, or on a page.

    *amount* is in rupiah.  `merchantId` comes from the credentials unless given; `chargeToken` is filled in by `send`.
    With *point_of_purchase_id* (mini-app) the return addresses go out as `urlParam`, else as `urlParams` (Q-FLD-1).
    """

    endpoint = Endpoint(
        path="/v1.0/debit/payment-host-to-host",
        service="54",
        retry=Retry.SAME_ID,
        fills={"chargeToken": "access_token"},
        offers={"merchantId": "merchant_id"},
        variant="deeplink",
        source="docs.midtrans.com/reference/direct-debit-api-gopay",
    )
    #: Not checked for uniqueness by the provider, and for debugging only.
    partner_reference_no: Annotated[str, Text(64, *REFERENCE)]
    amount: Annotated[Amount, _OPTION, Name("transAmount")]
    merchant_id: Annotated[str | None, Text(64)] = None
    #: At least 20 seconds ahead; 15 minutes when left out; at most 180 days.
    valid_up_to: datetime | None = None
    url_params: Annotated[Sequence[UrlParam], Name(also=("urlParam",))] = ()
    pay_method: Annotated[str, Text(64), _OPTION] = "GOPAY"
    pay_option: Annotated[str, Text(64), _OPTION] = "GOPAY"
    customer_details: Annotated[CustomerDetails | None, INFO] = None
    items: Annotated[Sequence[Item], INFO] = ()
    metadata: Annotated[Mapping[str, Any] | None, INFO] = None
    #: Given by GoPay; mandatory for mini-app payments.
    point_of_purchase_id: Annotated[str | None, Text(64), INFO] = None

    def inquiry(self, external_id: str) -> "QueryPayment":
        """Return the query for the payment created under *external_id*."""
        return QueryPayment(original_external_id=external_id)

    def adapt(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return *body* with the spelling of the return addresses that its page wants."""
        if self.point_of_purchase_id and "urlParams" in body:
            body["urlParam"] = body.pop("urlParams")
        return body


@answer
class PaymentState(Answer):
    """What became of a payment: look at the status, a successful query says nothing about the money."""

    latest_transaction_status: TransactionStatus
    original_reference_no: str | None = None
    original_partner_reference_no: str | None = None
    original_external_id: str | None = None
    service_code: str | None = None
    amount: Annotated[Money | None, Name("transAmount")] = None
    transaction_status_desc: str | None = None
    paid_time: datetime | None = None
    refund_history: Sequence[Refund] = ()
    fraud_status: Annotated[str | None, INFO] = None
    valid_up_to: Annotated[datetime | None, INFO] = None
    pay_option_details: Annotated[Sequence[PaymentDetail], INFO] = ()
    user_payment_details: Annotated[Sequence[PaymentDetail], INFO] = ()
    metadata: Annotated[Mapping[str, Any] | None, INFO] = None

    @property
    def status(self) -> TransactionStatus:
        """The status."""
        return self.latest_transaction_status


@message
class QueryPayment(Operation[PaymentState]):
    """Ask what became of a payment; *original_reference_no* wins when both are given."""

    endpoint = Endpoint(
        path="/v1.0/debit/status",
        service="55",
        retry=Retry.RESEND,
        source="docs.midtrans.com/reference/get-transaction-status-api",
    )
    original_reference_no: Annotated[str | None, Text(64)] = None
    #: X-EXTERNAL-ID of the payment.
    original_external_id: Annotated[str | None, Text(36)] = None
    #: Service of the call that is asked about.
    service_code: Annotated[str, Text(2, r"\d\d", "two digits")] = "54"

    def __attrs_post_init__(self) -> None:
        one_of(self, "original_reference_no", "original_external_id")


def one_of(operation: object, *names: str) -> None:
    """Raise InvalidInput unless one of the attributes *names* of *operation* is given."""
    if not any(getattr(operation, name) for name in names):
        raise InvalidInput(names[0], f"one of {', '.join(names)} is required")
