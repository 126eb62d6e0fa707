"""The mini-app backend: user tokens, rewards, gems, reminders, push messages, profile."""

from collections.abc import Mapping
from typing import Any, Final

from ...api import (
    ApplyToken,
    CollectGems,
    DeleteReminder,
    FetchProfile,
    GiveReward,
    NotificationPushed,
    ProfileFetched,
    PushNotification,
    QueryGems,
    ReminderDeleted,
    ReminderSet,
    RewardGiven,
    SetReminder,
    TokenApplied,
)
from ..books import Books
from ..call import Call
from ..records import User
from ..refusal import Refusal
from .registry import serves

_REWARD_TYPES: Final = ("GOPAY_COINS", "EMONEY", "GOPAY_GEMS")


def _user(call: Call) -> User:
    assert call.user is not None  # the gate has let nobody else in
    return call.user


@serves(ApplyToken)
def apply_token(books: Books, operation: ApplyToken, call: Call) -> TokenApplied:
    """Exchange an auth code, once and within six minutes, for the user's token (seamless-login-v2 page)."""
    user = books.people.redeem(operation.auth_code, call.at)
    if user is None:
        raise Refusal(404, "", "AuthCode Not Found")
    return TokenApplied(auth_token=user.auth_token, gopay_account_id=user.account_id)


@serves(GiveReward)
def give_reward(books: Books, operation: GiveReward, call: Call) -> RewardGiven:
    """Give a reward (reward-coins-emoney-v2 page): 4060 for a user suspected of fraud."""
    if operation.reward_type not in _REWARD_TYPES:
        raise Refusal(400, "310", "Malformed data: reward_type")
    reward = books.people.give(_user(call), amount=operation.amount, reward_type=operation.reward_type, at=call.at)
    return RewardGiven(payment_id=reward.payment_id)


@serves(QueryGems)
def query_gems(books: Books, operation: QueryGems, call: Call) -> Mapping[str, Any]:
    """Tell how many gems a user has (reward-gems-v2 page)."""
    return {"data": {"balance": int(_user(call).gems.value)}}


@serves(CollectGems)
def collect_gems(books: Books, operation: CollectGems, call: Call) -> RewardGiven:
    """Take gems from a user (reward-gems-v2 page); more than there are is 43001, which the page lists without words."""
    return RewardGiven(payment_id=books.people.collect_gems(_user(call), operation.amount, call.at))


@serves(SetReminder)
def set_reminder(books: Books, operation: SetReminder, call: Call) -> ReminderSet:
    """Set a reminder, or change the one that is named (reminder-v2 page)."""
    made = books.people.remind(
        _user(call), operation.reminder_id, operation.template_name, operation.template_parameters
    )
    return ReminderSet(reminder_id=made)


@serves(DeleteReminder)
def delete_reminder(books: Books, operation: DeleteReminder, call: Call) -> ReminderDeleted:
    """Take a reminder back (reminder-v2 page)."""
    if _user(call).reminders.pop(operation.reminder_id, None) is None:
        raise Refusal(404, "", "Reminder not found")
    return ReminderDeleted()


@serves(PushNotification)
def push_notification(books: Books, operation: PushNotification, call: Call) -> NotificationPushed:
    """Push a message (push-notification-v2 page)."""
    if _user(call).is_gone:
        raise Refusal(404, "", "User not found")
    books.people.check_template(operation.template_name)
    return NotificationPushed()


@serves(FetchProfile)
def fetch_profile(books: Books, operation: FetchProfile, call: Call) -> ProfileFetched:
    """Show the profile of a user who has consented (get-profile-v2 page)."""
    user = _user(call)
    if user.is_gone:
        raise Refusal(404, "105", "User not found")
    if not user.has_consented:
        raise Refusal(403, "400004", "User consent does not exist")
    return ProfileFetched(phone_number=user.phone_number, email=user.email, username=user.email.partition("@")[0])
