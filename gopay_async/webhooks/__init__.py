"""Receive signed notifications: verify, type, handle once, answer.  Knows no sending and imports no aiohttp."""

from ..api import (
    DebitNotification,
    LinkingNotification,
    Notification,
    PayoutNotification,
    QrisNotification,
    Unrecognised,
)
from ..errors import (
    MalformedNotification,
    MissingHeader,
    NotConfirmed,
    StoreFailed,
    Unauthenticated,
    WebhookError,
)
from .addresses import SourceCheck
from .asgi import NotificationApp
from .explanation import Candidate, Explanation
from .handling import Handler
from .inquiry import confirm, sweep
from .keyring import Keyring, TrustedKey
from .payout import PayoutVerifier, sign_payout
from .progress import Move, Progress
from .replay import MemoryReplayStore, ReplayStore
from .replies import Reply
from .signer import sign_notification
from .verifier import NotificationVerifier, Verifier

__all__ = [
    "Candidate",
    "DebitNotification",
    "Explanation",
    "Handler",
    "Keyring",
    "LinkingNotification",
    "MalformedNotification",
    "MemoryReplayStore",
    "MissingHeader",
    "Move",
    "NotConfirmed",
    "Notification",
    "NotificationApp",
    "NotificationVerifier",
    "PayoutNotification",
    "PayoutVerifier",
    "Progress",
    "QrisNotification",
    "ReplayStore",
    "Reply",
    "SourceCheck",
    "StoreFailed",
    "TrustedKey",
    "Unauthenticated",
    "Unrecognised",
    "Verifier",
    "WebhookError",
    "confirm",
    "sign_notification",
    "sign_payout",
    "sweep",
]
