"""States that move forward only, whatever the order in which notifications arrive.  Pure: knows no store."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from attrs import evolve, frozen

from ..api import DebitNotification, LinkingNotification, Notification, PayoutNotification, QrisNotification


class Move(Enum):
    """What a notification means for a state that is known already."""

    #: It is news: act on it.
    APPLIED = "applied"
    #: Said before, or overtaken by what is known: keep a record, do nothing.
    LATE = "late"
    #: Two ends that exclude each other, or a status of tomorrow: keep a record, and ask (`confirm`).
    UNCLEAR = "unclear"


#: From each payment status to those that may follow; 07 says nothing about the payment itself.
_OPEN: Final = ("00", "04", "05", "06", "08", "09")
_PAYMENT: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("01", "02", "03", *_OPEN),
    "01": ("02", "03", *_OPEN),
    "02": ("03", *_OPEN),
    "03": ("02", *_OPEN),
    "00": ("04",),
    "04": ("04",),
    "05": (),
    "06": (),
    "08": (),
    "09": (),
}
_PAYOUT: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("approved", "rejected", "processed", "completed", "failed", "topup"),
    "approved": ("processed", "completed", "failed", "rejected"),
    "processed": ("completed", "failed"),
    "completed": ("failed",),
    "rejected": (),
    "failed": (),
    "topup": (),
}
_LINKING: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("enabled", "disabled"),
    "enabled": ("disabled",),
    "disabled": (),
}
#: Where a second end is a contradiction and not an older message.
_ENDS: Final = {"00", "05", "06", "08", "09", "completed", "rejected", "failed"}


@frozen
class Progress:
    """What is known of one payment, payout or linked account; store *status* and *refunds* with it.

        progress, move = Progress(order.status, order.refunds).after(notification)

    *refunds* are number, status and amount of each refund that was applied: a second partial refund is news too.
    """

    status: str = ""
    refunds: frozenset[str] = frozenset()

    def after(self, notification: Notification) -> tuple["Progress", Move]:
        """Return the progress with *notification* taken into account, and what that one means."""
        word, table = _word(notification)
        refunds = self.refunds | _refunds(notification)
        if word not in table:
            return self, Move.UNCLEAR
        if word == self.status:
            news = word == "04" and refunds != self.refunds
            return (evolve(self, refunds=refunds), Move.APPLIED) if news else (self, Move.LATE)
        if word in table.get(self.status, ()):
            return Progress(word, refunds), Move.APPLIED
        return self, _overtaken(self.status, word, table)


def may_follow(known: str, code: str) -> bool:
    """Whether a payment that is *known* to be in one state may be found in the state *code* afterwards."""
    return code in _PAYMENT.get(known, ())


def _overtaken(known: str, word: str, table: Mapping[str, tuple[str, ...]]) -> Move:
    # What leads to the known state is an older message; anything else that ends contradicts it.
    is_older = known in table.get(word, ())
    return Move.UNCLEAR if word in _ENDS and not is_older else Move.LATE


def _word(notification: Notification) -> tuple[str, Mapping[str, tuple[str, ...]]]:
    if isinstance(notification, DebitNotification | QrisNotification):
        return notification.status.code, _PAYMENT
    if isinstance(notification, PayoutNotification):
        return notification.status.word, _PAYOUT
    if isinstance(notification, LinkingNotification):
        return notification.account_status.lower(), _LINKING
    return "unrecognised", {}


def _refunds(notification: Notification) -> frozenset[str]:
    if not isinstance(notification, DebitNotification | QrisNotification):
        return frozenset()
    return frozenset(
        f"{one.refund_no}/{one.refund_status.raw if one.refund_status else ''}/{one.refund_amount or ''}"
        for one in notification.refund_history
    )
