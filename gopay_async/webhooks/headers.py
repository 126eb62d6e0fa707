"""The headers of a notification: found, cleaned, and read strictly.  Knows no key and no body."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from ..errors import MalformedNotification, MissingHeader
from ..models import is_assumed, parse_time

#: A mapping, case-insensitive or not, or pairs as ASGI gives them.
Headers = Mapping[str, str] | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]

TIMESTAMP: Final = "x-timestamp"
SIGNATURE: Final = "x-signature"
PARTNER: Final = "x-partner-id"
EXTERNAL: Final = "x-external-id"
IRIS: Final = "iris-signature"
_NAMES: Final = (TIMESTAMP, SIGNATURE, PARTNER, EXTERNAL, IRIS)
_READ: Final[Mapping[str | bytes, str]] = {**{one: one for one in _NAMES}, **{one.encode(): one for one in _NAMES}}


def select(headers: Headers) -> dict[str, str]:
    """Return the headers that matter, by lower-case name.

    Raises MissingHeader when one of them appears twice, and MalformedNotification for what cannot be a header.
    """
    found: dict[str, str] = {}
    for name, value in _pairs(headers.items() if isinstance(headers, Mapping) else headers):
        key = _READ.get(name.lower()) if isinstance(name, str | bytes) else None
        if key is None:
            continue
        if key in found:
            raise MissingHeader("duplicate_header", f"{key.upper()} appears twice")
        found[key] = _clean(key, value)
    return found


def required(found: Mapping[str, str], name: str) -> str:
    """Return the header *name*; raise MissingHeader where it is missing or empty."""
    value = found.get(name)
    if not value:
        raise MissingHeader("missing_header", f"{name.upper()} is missing")
    return value


def moment(text: str) -> datetime:
    """Return X-TIMESTAMP, aware; a time without a zone could be meant for any hour, and is refused."""
    try:
        found = parse_time(text)
    except ValueError:
        found = None
    if found is None or is_assumed(found):
        raise MalformedNotification("bad_timestamp", "X-TIMESTAMP must be ISO 8601 with a time zone")
    return found


def signature(text: str) -> bytes:
    """Return the bytes of X-SIGNATURE."""
    try:
        found = b64decode(text, validate=True)
    except ValueError:
        raise MalformedNotification("bad_base64", "X-SIGNATURE is not base64") from None
    # Fifteen other spellings of the last character decode alike: one signature, one text.
    if b64encode(found).decode() != text:
        raise MalformedNotification("non_canonical_base64", "X-SIGNATURE is not in canonical base64")
    return found


def checked_body(body: object, method: str) -> bytes:
    """Return the received bytes; refuse whatever was made of them, and what cannot be a notification."""
    if not isinstance(body, bytes):
        raise MalformedNotification(
            "body_type", f"the body must be the received bytes, not {type(body).__name__}: parsing it changes it"
        )
    if method != "POST":
        raise MalformedNotification("method", "notifications are posted")
    if not body:
        raise MalformedNotification("empty_body", "there is no body")
    return body


def _pairs(pairs: Iterable[Any]) -> Iterable[tuple[object, object]]:
    try:
        return [(name, value) for name, value in pairs]
    except (TypeError, ValueError):
        raise MalformedNotification("headers", "headers must be a mapping or pairs") from None


def _clean(name: str, value: object) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        raise MalformedNotification("header_type", f"{name.upper()} is {type(value).__name__}, not text")
    if not (text.isascii() and text.isprintable()):
        raise MalformedNotification("non_ascii_header", f"{name.upper()} holds characters that a header must not")
    return text
