"""Receive signed notifications: verify them, type them, answer them.  Knows nothing of sending and imports no aiohttp."""

from ..api import DebitNotification, Notification, Unrecognised
from ..errors import MalformedNotification, MissingHeader, Unauthenticated, WebhookError
from .asgi import NotificationApp
from .verifier import NotificationVerifier, TrustedKey, sign_notification

__all__ = [
    "DebitNotification",
    "MalformedNotification",
    "MissingHeader",
    "Notification",
    "NotificationApp",
    "NotificationVerifier",
    "TrustedKey",
    "Unauthenticated",
    "Unrecognised",
    "WebhookError",
    "sign_notification",
]
