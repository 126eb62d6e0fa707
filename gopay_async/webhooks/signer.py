"""Signed notifications for tests, as the provider would send them.  Never part of a receiver."""

from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from .. import signing
from ..models import format_time, new_external_id


def sign_notification(
    body: bytes,
    private_key: RSAPrivateKey,
    *,
    path: str = "/v1.0/debit/notify",
    timestamp: datetime | str | None = None,
    external_id: str | None = None,
    partner_id: str = "",
) -> dict[str, str]:
    """Return the headers that the provider would send with *body*: for tests of your receiver.

    *timestamp* is an aware datetime, or the text to send; the present when left out.
    """
    at = timestamp if isinstance(timestamp, str) else format_time(timestamp or datetime.now(UTC))
    return {
        "Content-Type": "application/json",
        "X-TIMESTAMP": at,
        "X-SIGNATURE": signing.sign_rsa(signing.notification_string("POST", path, body, at), private_key),
        "X-PARTNER-ID": partner_id,
        "X-EXTERNAL-ID": external_id or new_external_id(),
    }
