"""Pre-authorised payments of linked customers: reserve, query, capture, void, refund (63, 64, 65, 67, 69)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from attrs import Factory, field

from ..fields import INFO, PRIVATE, REFERENCE, Name, Text, Within, answer, message, one_of
from ..models import Amount, CustomerDetails, Item, Money, PaymentDetail, Refund, TransactionStatus
from ..operation import Answer, Endpoint, Need, Operation, Retry, T_co
from .direct_debit import PaymentRefunded
from .state import TransactionState

_MID: Final = {"merchantId": "merchant_id"}
# Inside additionalInfo here, at the top in a debit payment (quirk Q-FLD-5).
_OPTION = Within("additionalInfo.payOptionDetails[]")
_OPTION_INFO = Within("additionalInfo.payOptionDetails[].additionalInfo")


@answer
class PaymentAuthorized(Answer):
    """Money that is reserved, and released at the end of its time unless it is captured."""

    #: The provider's order number.
    reference_no: str | None = None
    partner_reference_no: str | None = None
    paid_time: datetime | None = None
    #: An object in the table, bare text called grossAmount in the sample (quirk Q-FLD-2).
    amount: Annotated[Money | None, INFO, Name(also=("grossAmount", "gross_amount"))] = None
    currency: Annotated[str | None, INFO] = None
    payment_type: Annotated[str | None, INFO] = None
    transaction_time: Annotated[datetime | None, INFO] = None
    #: 01 is authorised; the sample has the word settlement.
    transaction_status: Annotated[TransactionStatus | None, INFO] = None
    fraud_status: Annotated[str | None, INFO] = None
    pay_option_details: Annotated[Sequence[PaymentDetail], INFO] = ()
    valid_up_to: Annotated[datetime | None, INFO] = None

    @property
    def status(self) -> TransactionStatus | None:
        """The status."""
        return self.transaction_status


@message
class AuthorizePayment(Operation[PaymentAuthorized]):
    """Reserve *amount* rupiah of the linked customer who is given to `send`, without a PIN.

    `payment_option_token` comes from `QueryBinding`, fetched right before; custom integrations give
    *merchant_cross_reference_id* instead.
    """

    endpoint = Endpoint(
        path="/v1.0/auth/payment",
        service="63",
        retry=Retry.SAME_ID,
        customer=Need.REQUIRED,
        device=True,
        fills=_MID,
        source="auth-payment-api-gopay-tokenization",
    )
    partner_reference_no: Annotated[str, Text(64, *REFERENCE)]
    amount: Amount
    trans_amount: Annotated[Money, _OPTION] = field(
        init=False, default=Factory(lambda self: self.amount, takes_self=True)
    )
    title: Annotated[str, Text(256)]
    payment_option_token: Annotated[str | None, Text(2048), _OPTION_INFO, PRIVATE] = None
    pay_option: Annotated[str, Text(64), _OPTION] = "GOPAY_WALLET"
    pay_method: Annotated[str, Text(64), _OPTION] = "GOPAY"
    merchant_cross_reference_id: Annotated[str | None, Text(64), INFO] = None
    #: The MID of the credentials when left out; the page does not say whether it wants that or the payment handle.
    merchant_id: Annotated[str | None, Text(64)] = None
    #: At least 20 seconds ahead; seven days when left out; at most 180 days.
    valid_up_to: Annotated[datetime | None, INFO] = None
    items: Sequence[Item] = ()
    customer_details: Annotated[CustomerDetails | None, INFO] = None

    def __attrs_post_init__(self) -> None:
        one_of(self, "payment_option_token", "merchant_cross_reference_id")

    def inquiry(self, external_id: str) -> "QueryAuthorization":
        """Return the query for the payment authorised under *external_id*."""
        return QueryAuthorization(
            original_partner_reference_no=self.partner_reference_no, original_external_id=external_id
        )


@message
class _FollowUp(Operation[T_co]):
    """What names an authorisation; *original_reference_no* wins when both it and the external id are given."""

    original_reference_no: Annotated[str | None, Text(64)] = None
    original_partner_reference_no: Annotated[str, Text(64)]
    #: X-EXTERNAL-ID of the authorisation.
    original_external_id: Annotated[str | None, Text(36), INFO] = None

    def __attrs_post_init__(self) -> None:
        one_of(self, "original_reference_no", "original_external_id")


@answer
class AuthorizationState(TransactionState):
    """What became of an authorisation."""

    paid_time: datetime | None = None
    fraud_status: Annotated[str | None, INFO] = None
    valid_up_to: Annotated[datetime | None, INFO] = None
    pay_option_details: Annotated[Sequence[PaymentDetail], INFO] = ()
    refund_history: Annotated[Sequence[Refund], INFO] = ()
    #: In additionalInfo says the table, outside of it the sample (quirk Q-FLD-29).
    metadata: Annotated[Mapping[str, Any] | None, INFO, PRIVATE, Name(also=("/metadata",))] = None


@message
class QueryAuthorization(_FollowUp[AuthorizationState]):
    """Ask what became of an authorisation, its capture, its voiding or its refunds."""

    endpoint = Endpoint(path="/v1.0/auth/query", service="64", retry=Retry.RESEND, source="get-transaction-status-api")


@message
class _Change(_FollowUp[T_co]):
    """A follow-up that changes something."""

    def inquiry(self, external_id: str) -> QueryAuthorization:
        """Return the query for the authorisation itself."""
        return QueryAuthorization(
            original_reference_no=self.original_reference_no,
            original_partner_reference_no=self.original_partner_reference_no,
            original_external_id=self.original_external_id,
        )


@answer
class AuthorizationCaptured(Answer):
    """Reserved money that was taken."""

    capture_no: str | None = None
    partner_capture_no: str | None = None
    original_reference_no: str | None = None
    original_partner_reference_no: str | None = None
    capture_amount: Money | None = None
    capture_time: datetime | None = None


@message
class CaptureAuthorization(_Change[AuthorizationCaptured]):
    """Take the reserved money, all of it: parts cannot be captured."""

    endpoint = Endpoint(
        path="/v1.0/auth/capture",
        service="65",
        retry=Retry.SAME_ID,
        fills=_MID,
        source="auth-payment-api-gopay-tokenization",
    )
    partner_capture_no: Annotated[str, Text(64, *REFERENCE)]
    title: Annotated[str, Text(256)]
    #: The whole amount when left out.
    capture_amount: Amount | None = None
    merchant_id: Annotated[str | None, Text(64)] = None


@answer
class AuthorizationVoided(Answer):
    """Reserved money that was released."""

    void_no: str | None = None
    partner_void_no: str | None = None
    original_reference_no: str | None = None
    original_partner_reference_no: str | None = None
    void_amount: Money | None = None
    void_time: datetime | None = None


@message
class VoidAuthorization(_Change[AuthorizationVoided]):
    """Release the reserved money; not possible any more once it was captured."""

    endpoint = Endpoint(path="/v1.0/auth/void", service="67", retry=Retry.SAME_ID, fills=_MID, source="cancel-api")
    partner_void_no: Annotated[str, Text(64, *REFERENCE)]
    reason: Annotated[str | None, Text(256)] = None
    merchant_id: Annotated[str | None, Text(64)] = None


@message
class RefundAuthorization(_Change[PaymentRefunded]):
    """Give captured money back, wholly or *refund_amount* rupiah of it; error 2007 as for `RefundPayment`."""

    endpoint = Endpoint(path="/v1.0/auth/refund", service="69", retry=Retry.SAME_ID, source="refund-api")
    partner_refund_no: Annotated[str, Text(64, *REFERENCE)]
    #: All of it when left out.
    refund_amount: Amount | None = None
    #: Shown to the customer.
    reason: Annotated[str | None, Text(256)] = None
