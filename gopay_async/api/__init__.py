"""Every operation of the provider, declared once.  Knows no transport."""

from typing import Any

from ..operation import Operation
from .access_token import IssueToken, TokenIssued
from .direct_debit import CreatePayment, PaymentCreated, PaymentState, QueryPayment
from .emoney import QueryTopUp, QueryTransfer, TopUp, TopUpAccepted, TransferState
from .mini_app import ApplyToken, GiveReward, RewardGiven, TokenApplied
from .notifications import DebitNotification, Notification, Unrecognised
from .promotions import FetchPromotions, Promotion, PromotionsFetched

OPERATIONS: tuple[type[Operation[Any]], ...] = (
    IssueToken,
    CreatePayment,
    QueryPayment,
    TopUp,
    QueryTransfer,
    QueryTopUp,
    FetchPromotions,
    ApplyToken,
    GiveReward,
)
NOTIFICATIONS: tuple[type[Notification], ...] = (DebitNotification,)

__all__ = [
    "NOTIFICATIONS",
    "OPERATIONS",
    "ApplyToken",
    "CreatePayment",
    "DebitNotification",
    "FetchPromotions",
    "GiveReward",
    "IssueToken",
    "Notification",
    "PaymentCreated",
    "PaymentState",
    "Promotion",
    "PromotionsFetched",
    "QueryPayment",
    "QueryTopUp",
    "QueryTransfer",
    "RewardGiven",
    "TokenApplied",
    "TokenIssued",
    "TopUp",
    "TopUpAccepted",
    "TransferState",
    "Unrecognised",
]
