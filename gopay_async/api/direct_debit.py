"""Payments, by deeplink or from a linked account, and their follow-ups (services 54, 55, 57, 58)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from ..errors import InvalidInput
from ..fields import AS_TEXT, INFO, PRIVATE, REFERENCE, YES_NO, Each, Name, OneOf, Text, Within, answer, message, one_of
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
from ..operation import Answer, Endpoint, Need, Operation, Retry, T_co
from .state import TransactionState

_MID: Final = {"merchantId": "merchant_id"}
_OPTION = Within("payOptionDetails[]")
_OPTION_INFO = Within("payOptionDetails[].additionalInfo")


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
        offers=_MID,
        variant="deeplink",
        source="direct-debit-api-gopay",
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
    metadata: Annotated[Mapping[str, Any] | None, INFO, PRIVATE] = None
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
class PaymentState(TransactionState):
    """What became of a payment."""

    amount: Annotated[Money | None, Name("transAmount")] = None
    paid_time: datetime | None = None
    refund_history: Sequence[Refund] = ()
    fraud_status: Annotated[str | None, INFO] = None
    valid_up_to: Annotated[datetime | None, INFO] = None
    pay_option_details: Annotated[Sequence[PaymentDetail], INFO] = ()
    user_payment_details: Annotated[Sequence[PaymentDetail], INFO] = ()
    metadata: Annotated[Mapping[str, Any] | None, INFO, PRIVATE] = None


@message
class QueryPayment(Operation[PaymentState]):
    """Ask what became of a payment; *original_reference_no* wins when both are given."""

    endpoint = Endpoint(
        path="/v1.0/debit/status", service="55", retry=Retry.RESEND, source="get-transaction-status-api"
    )
    original_reference_no: Annotated[str | None, Text(64)] = None
    #: X-EXTERNAL-ID of the payment.
    original_external_id: Annotated[str | None, Text(36)] = None
    #: Service of the call that is asked about.
    service_code: Annotated[str, Text(2, r"\d\d", "two digits")] = "54"

    def __attrs_post_init__(self) -> None:
        one_of(self, "original_reference_no", "original_external_id")


@answer
class PaymentCharged(Answer):
    """A linked customer was charged, or is asked for the PIN: look at the status (quirk Q-STA-4)."""

    #: The provider's order number: store it, notifications name it.
    reference_no: str
    partner_reference_no: str | None = None
    #: PIN page in a web view, and universal link for the app flow.
    web_redirect_url: str | None = None
    app_redirect_url: str | None = None
    amount: Annotated[Money | None, INFO, AS_TEXT] = None
    currency: Annotated[str | None, INFO] = None
    gross_amount: Annotated[Money | None, INFO, Name(also=("gross_amount",))] = None
    #: A word such as PENDING.
    legacy_status: Annotated[TransactionStatus | None, INFO, Name("status")] = None
    transaction_status: Annotated[TransactionStatus | None, INFO] = None
    transaction_time: Annotated[datetime | None, INFO] = None
    expiry_time: Annotated[datetime | None, INFO] = None
    payment_type: Annotated[str | None, INFO] = None
    pay_option_details: Annotated[Sequence[PaymentDetail], INFO] = ()
    user_payment_details: Annotated[Sequence[PaymentDetail], INFO] = ()
    fraud_status: Annotated[str | None, INFO] = None
    valid_up_to: Annotated[datetime | None, INFO] = None

    @property
    def status(self) -> TransactionStatus | None:
        """The status, from whichever field carries it."""
        return self.transaction_status or self.legacy_status


@message
class ChargeLinked(Operation[PaymentCharged]):
    """Charge a linked customer, who is given to `send` as `customer=Customer(token, device_id=...)`.

    *amount* is in rupiah and must be the sum of the *items*.  Fetch the option's token with `QueryBinding` right
    before, because it changes without notice.  `chargeToken` is filled in by `send`.
    """

    endpoint = Endpoint(
        path="/v1.0/debit/payment-host-to-host",
        service="54",
        retry=Retry.SAME_ID,
        customer=Need.REQUIRED,
        device=True,
        fills={"chargeToken": "customer_token"},
        variant="linked",
        source="direct-debit-api-gopay-tokenization",
    )
    partner_reference_no: Annotated[str, Text(64, *REFERENCE)]
    amount: Annotated[Amount, _OPTION, Name("transAmount")]
    #: From `QueryBinding`, as is the name that goes with it in *pay_option*.
    payment_option_token: Annotated[str, Text(2048), _OPTION_INFO, PRIVATE]
    pay_option: Annotated[str, Text(64), _OPTION] = "GOPAY_WALLET"
    pay_method: Annotated[str, Text(64), _OPTION] = "GOPAY"
    #: At least one.
    url_params: Sequence[UrlParam]
    #: At least 20 seconds ahead; 15 minutes when left out; at most 180 days.
    valid_up_to: datetime | None = None
    #: Skips the PIN, where the provider has enabled that.
    recurring: Annotated[bool | None, _OPTION_INFO, YES_NO] = None
    #: From `FetchLinkedPromotions`.
    promotion_ids: Annotated[Sequence[str], Each(Text(2048)), _OPTION_INFO] = ()
    merchant_cross_reference_id: Annotated[str | None, Text(64), INFO] = None
    lang: Annotated[str | None, OneOf(("en", "id")), INFO] = None
    customer_details: Annotated[CustomerDetails | None, INFO] = None
    items: Annotated[Sequence[Item], INFO] = ()
    metadata: Annotated[Mapping[str, Any] | None, INFO, PRIVATE] = None
    #: Risk data of GoPayLater, agreed with each merchant (quirk Q-FLD-33).
    payment_provider_metadata: Annotated[Mapping[str, Any] | None, INFO, PRIVATE] = None

    def __attrs_post_init__(self) -> None:
        if not self.url_params:
            raise InvalidInput("url_params", "must hold at least one UrlParam")
        total = sum(item.price.value * int(item.quantity) for item in self.items)
        if self.items and total != self.amount.value:
            raise InvalidInput("items", f"sum up to Rp {total}, and amount is Rp {self.amount}: they must be equal")

    def inquiry(self, external_id: str) -> QueryPayment:
        """Return the query for the payment charged under *external_id*."""
        return QueryPayment(original_external_id=external_id)


@message
class _FollowUp(Operation[T_co]):
    """What refund and cancellation of a payment have in common; *original_reference_no* wins when both are given."""

    original_reference_no: Annotated[str | None, Text(64)] = None
    #: X-EXTERNAL-ID of the payment.
    original_external_id: Annotated[str | None, Text(36)] = None
    original_partner_reference_no: Annotated[str, Text(64)]

    def __attrs_post_init__(self) -> None:
        one_of(self, "original_reference_no", "original_external_id")

    def inquiry(self, external_id: str) -> QueryPayment:
        """Return the query for the payment itself: its history and its status tell what became of this call."""
        return QueryPayment(
            original_reference_no=self.original_reference_no, original_external_id=self.original_external_id
        )


@answer
class PaymentRefunded(Answer):
    """Money went back to the customer."""

    #: The provider's number of the refund.
    refund_no: Annotated[str, Name(also=("referenceNo",))]
    partner_refund_no: str | None = None
    original_reference_no: str | None = None
    refund_amount: Money | None = None
    refund_time: datetime | None = None


@message
class RefundPayment(_FollowUp[PaymentRefunded]):
    """Give a paid amount back, wholly or *refund_amount* rupiah of it.

    *partner_refund_no* guards against a second refund.  Right after the payment the provider may refuse with error
    2007, "payment is in progress": send again after a second, then after five (quirk Q-COD-19).
    """

    endpoint = Endpoint(path="/v1.0/debit/refund", service="58", retry=Retry.SAME_ID, source="refund-api")
    partner_refund_no: Annotated[str, Text(64, *REFERENCE)]
    #: All of it when left out.
    refund_amount: Amount | None = None
    #: Shown to the customer.
    reason: Annotated[str | None, Text(256)] = None
    #: Risk data of GoPayLater, agreed with each merchant (quirk Q-FLD-33).
    payment_provider_metadata: Annotated[Mapping[str, Any] | None, INFO, PRIVATE] = None


@answer
class PaymentCancelled(Answer):
    """The payment can no longer be made."""

    original_reference_no: str | None = None
    cancel_time: datetime | None = None


@message
class CancelPayment(_FollowUp[PaymentCancelled]):
    """Cancel a payment that is still pending."""

    endpoint = Endpoint(path="/v1.0/debit/cancel", service="57", retry=Retry.SAME_ID, source="cancel-api")
