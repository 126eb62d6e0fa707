"""The mini-app backend: user token and rewards.  Source: seamless-login and reward-coins-emoney.

Production only: the provider has no sandbox for it.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from ..errors import InvalidInput
from ..fields import AS_NUMBER, PRIVATE, Text, Within, answer, message
from ..models import Amount
from ..operation import Answer, Auth, Endpoint, Need, Operation, Retry

DATA = Within("data")


@answer
class TokenApplied(Answer):
    """The token of a user; secret, keep it encrypted.  Use it as `Customer(token=...)`."""

    snake_case: ClassVar[bool] = True
    auth_token: Annotated[str, DATA, PRIVATE]
    gopay_account_id: Annotated[str | None, DATA, PRIVATE] = None


@message
class ApplyToken(Operation[TokenApplied]):
    """Exchange the mini-app's auth code (valid for six minutes) for the user's token."""

    snake_case: ClassVar[bool] = True
    endpoint = Endpoint(
        path="/v1/mini-apps/authorizations/token",
        auth=Auth.MINI_APP,
        retry=Retry.SAME_ID,
        source="docs.gopay.co.id/mini-apps/seamless-login-v2",
    )
    auth_code: Annotated[str, Text(512), PRIVATE]


@answer
class RewardGiven(Answer):
    """A reward that was booked."""

    snake_case: ClassVar[bool] = True
    payment_id: Annotated[str, DATA]


@message
class GiveReward(Operation[RewardGiven]):
    """Give a mini-app user coins, e-money or gems worth *amount* whole rupiah.

    There is no inquiry: after an unknown outcome send it again with the same external id, never with a new one.
    """

    snake_case: ClassVar[bool] = True
    endpoint = Endpoint(
        path="/v1/mini-apps/rewards",
        auth=Auth.USER_TOKEN,
        retry=Retry.SAME_ID,
        customer=Need.REQUIRED,
        source="docs.gopay.co.id/mini-apps/reward-coins-emoney-v2",
    )
    amount: Annotated[Amount, AS_NUMBER]
    description: Annotated[str, Text(256)]
    #: GOPAY_COINS, EMONEY, GOPAY_GEMS; at present only coins can be paid out, says the provider.
    reward_type: Annotated[str, Text(64)] = "GOPAY_COINS"
    metadata: Mapping[str, Any] | None = None

    def __attrs_post_init__(self) -> None:
        whole_rupiah("amount", self.amount.value)


def whole_rupiah(name: str, value: Any) -> None:
    """Raise InvalidInput unless *value* is a whole number of rupiah."""
    if value != int(value):
        raise InvalidInput(name, "must be whole rupiah: the mini-app backend takes no decimals")
