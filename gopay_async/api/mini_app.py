"""The mini-app backend: user token, rewards, gems, reminders, push messages, profile.

Production only: the provider has no sandbox for it.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from ..errors import InvalidInput
from ..fields import IN_PATH, PRIVATE, SEGMENT, WHOLE_VALUE, Text, Within, answer, message
from ..models import Amount, Money
from ..operation import Answer, Auth, Endpoint, Need, Operation, Retry

DATA = Within("data")


def _for_user(method: str, path: str, retry: Retry, source: str) -> Endpoint:
    return Endpoint(method=method, path=path, auth=Auth.USER_TOKEN, retry=retry, customer=Need.REQUIRED, source=source)


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
        path="/v1/mini-apps/authorizations/token", auth=Auth.MINI_APP, retry=Retry.SAME_ID, source="seamless-login-v2"
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
    endpoint = _for_user("POST", "/v1/mini-apps/rewards", Retry.SAME_ID, "reward-coins-emoney-v2")
    amount: Annotated[Amount, WHOLE_VALUE]
    description: Annotated[str, Text(256)]
    #: GOPAY_COINS, EMONEY, GOPAY_GEMS; at present only coins can be paid out, says the provider.
    reward_type: Annotated[str, Text(64)] = "GOPAY_COINS"
    metadata: Annotated[Mapping[str, Any] | None, PRIVATE] = None

    def __attrs_post_init__(self) -> None:
        _whole_rupiah(self.amount)
        if self.reward_type.upper() == "GOPAY_GEMS":
            _names_for_gems(self.metadata)


@answer
class GemsBalance(Answer):
    """How many gems a user has."""

    balance: Annotated[int, DATA]


@message
class QueryGems(Operation[GemsBalance]):
    """Ask how many gems a mini-app user has."""

    endpoint = _for_user("GET", "/v1/mini-apps/gems/balance", Retry.RESEND, "reward-gems-v2")


@message
class CollectGems(Operation[RewardGiven]):
    """Take *amount* gems from a mini-app user; there is no inquiry, as for `GiveReward`."""

    snake_case: ClassVar[bool] = True
    endpoint = _for_user("POST", "/v1/mini-apps/gems/collect", Retry.SAME_ID, "reward-gems-v2")
    amount: Annotated[Amount, WHOLE_VALUE]
    description: Annotated[str, Text(256)]
    #: Text only; must name mini_app_name and activity_name (quirk Q-MIN-6).
    metadata: Annotated[Mapping[str, Any], PRIVATE]

    def __attrs_post_init__(self) -> None:
        _whole_rupiah(self.amount)
        _names_for_gems(self.metadata)


@answer
class ReminderSet(Answer):
    """A reminder that a user will see."""

    snake_case: ClassVar[bool] = True
    reminder_id: Annotated[str, DATA]


@message
class SetReminder(Operation[ReminderSet]):
    """Show a reminder to a mini-app user, from a template that GoPay has issued.

    The description it makes should have 50 to 70 characters, the label of its button 7 or 8.
    """

    snake_case: ClassVar[bool] = True
    endpoint = _for_user("PUT", "/v1/mini-apps/reminder", Retry.SAME_ID, "reminder-v2")
    template_name: Annotated[str, Text(256)]
    template_parameters: Annotated[Mapping[str, Any], PRIVATE]
    #: Of the reminder to change (quirk Q-MIN-10).
    reminder_id: Annotated[str | None, Text(256)] = None


@answer
class ReminderDeleted(Answer):
    """A reminder that is gone."""


@message
class DeleteReminder(Operation[ReminderDeleted]):
    """Take a reminder back.  A refusal "Reminder not found" after an unknown outcome means that it is done."""

    snake_case: ClassVar[bool] = True
    endpoint = _for_user("DELETE", "/v1/mini-apps/reminder/{reminder_id}", Retry.SAME_ID, "reminder-v2")
    reminder_id: Annotated[str, Text(256, *SEGMENT), IN_PATH]


@answer
class NotificationPushed(Answer):
    """A message that is on its way to a user's phone."""


@message
class PushNotification(Operation[NotificationPushed]):
    """Push a message to a mini-app user, from a template that GoPay has issued."""

    snake_case: ClassVar[bool] = True
    endpoint = _for_user("POST", "/v1/mini-apps/notifications/push", Retry.SAME_ID, "push-notification-v2")
    template_name: Annotated[str, Text(256)]
    template_parameters: Annotated[Mapping[str, Any], PRIVATE]


@answer
class ProfileFetched(Answer):
    """What a user has agreed to show; keep it out of front ends and logs."""

    snake_case: ClassVar[bool] = True
    #: With a plus: +628210072773.
    phone_number: Annotated[str | None, DATA, PRIVATE] = None
    email: Annotated[str | None, DATA, PRIVATE] = None
    username: Annotated[str | None, DATA, PRIVATE] = None


@message
class FetchProfile(Operation[ProfileFetched]):
    """Read the profile of a mini-app user who has consented."""

    endpoint = _for_user("GET", "/v1/mini-apps/users/profile", Retry.RESEND, "get-profile-v2")


def _whole_rupiah(amount: Money) -> None:
    """Raise InvalidInput unless *amount* is a whole number of rupiah."""
    if amount.value != int(amount.value):
        raise InvalidInput("amount", "must be whole rupiah: the mini-app backend takes no decimals")


def _names_for_gems(metadata: Mapping[str, Any] | None) -> None:
    """Raise InvalidInput unless *metadata* is text throughout and has both keys that gems need."""
    found = metadata or {}
    missing = [key for key in ("mini_app_name", "activity_name") if not found.get(key)]
    if missing:
        raise InvalidInput("metadata", f"needs {' and '.join(missing)} for gems")
    if not all(isinstance(value, str) for value in found.values()):
        raise InvalidInput("metadata", "must map text to text for gems")
