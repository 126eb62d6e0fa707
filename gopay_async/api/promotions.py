"""Promotions of the Core API.  Source: fetch-promotion-gopay-tokenization."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final

from ..fields import AS_TEXT, IN_PATH, IN_QUERY, PRIVATE, SEGMENT, Text, answer, message
from ..models import Amount, Money
from ..operation import Answer, Auth, Endpoint, Need, Operation, Retry

_PAGE: Final = "fetch-promotion-gopay-tokenization"


@answer
class Promotion:
    """One promotion; pass its *id* unchanged to the charge."""

    snake_case: ClassVar[bool] = True
    #: Contains pipe characters.
    id: str
    code: str | None = None
    type: str | None = None
    actual_payable_amount: Annotated[Money | None, AS_TEXT] = None
    promotion_amount: Annotated[Money | None, AS_TEXT] = None
    minimum_applicable_amount: Annotated[Money | None, AS_TEXT] = None
    #: The sample holds a list of possibilities, IDR/SGD/VND/THB (quirk Q-AMT-3).
    currency: str | None = None
    description: str | None = None
    short_description: str | None = None
    title: str | None = None
    #: Without a zone on the wire: taken as +07:00 (quirk Q-TIM-3).
    valid_from: datetime | None = None
    valid_till: datetime | None = None
    tnc_url: str | None = None
    #: Text in the table, a number in the sample.
    limit_per_user: int | None = None
    source: str | None = None
    promotion_value: Mapping[str, Any] | None = None


@answer
class PromotionsFetched(Answer):
    """The promotions for an account and an amount; there may be none."""

    snake_case: ClassVar[bool] = True
    promotions: Sequence[Promotion]
    account_id: Annotated[str | None, PRIVATE] = None
    recommended_promotion_id: str | None = None


@message
class FetchPromotions(Operation[PromotionsFetched]):
    """List the promotions that a linked account may use for an order of *gross_amount* rupiah."""

    snake_case: ClassVar[bool] = True
    endpoint = Endpoint(
        method="GET", path="/v2/gopay/promo/{account_id}", auth=Auth.SERVER_KEY, retry=Retry.RESEND, source=_PAGE
    )
    #: From legacy linking.
    account_id: Annotated[str, Text(64, *SEGMENT), IN_PATH, PRIVATE]
    gross_amount: Annotated[Amount, IN_QUERY, AS_TEXT]
    currency: Annotated[str, Text(3), IN_QUERY] = "IDR"


@message
class FetchLinkedPromotions(Operation[PromotionsFetched]):
    """List the promotions that a linked customer, who is given to `send`, may use for *gross_amount* rupiah."""

    snake_case: ClassVar[bool] = True
    # The slash at the end stays where the account id stood (quirk Q-PTH-4).
    endpoint = Endpoint(
        method="GET",
        path="/v2/gopay/promo/",
        auth=Auth.SERVER_KEY,
        retry=Retry.RESEND,
        customer=Need.REQUIRED,
        source=_PAGE,
    )
    gross_amount: Annotated[Amount, IN_QUERY, AS_TEXT]
    currency: Annotated[str, Text(3), IN_QUERY] = "IDR"
