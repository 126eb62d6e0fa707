"""Receive signed notifications: verify, type, handle once, answer.  Knows no sending and imports no aiohttp."""

from ..api import (
    DebitNotification,
    LinkingNotification,
    Notification,
    PayoutNotification,
    QrisNotification,
    Unrecognised,
)
from ..errors import MalformedNotification, MissingHeader, Unauthenticated, WebhookError
from .asgi import NotificationApp
from .explanation import Candidate, Explanation
from .keyring import Keyring, TrustedKey
from .payout import PayoutVerifier, sign_payout
from .signer import sign_notification
from .verifier import NotificationVerifier, Verifier

__all__ = [
    "Candidate",
    "DebitNotification",
    "Explanation",
    "Keyring",
    "LinkingNotification",
    "MalformedNotification",
    "MissingHeader",
    "Notification",
    "NotificationApp",
    "NotificationVerifier",
    "PayoutNotification",
    "PayoutVerifier",
    "QrisNotification",
    "TrustedKey",
    "Unauthenticated",
    "Unrecognised",
    "Verifier",
    "WebhookError",
    "sign_notification",
    "sign_payout",
]
