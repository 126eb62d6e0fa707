"""A received notification to a typed, verified one; synchronous.  Knows no server, no handler and no store."""

import os
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final

from attrs import frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from .. import signing, wire
from ..api import NOTIFICATIONS, Notification, Unrecognised
from ..clock import Clock, SystemClock
from ..errors import ConfigurationError, MalformedNotification, MissingHeader, Unauthenticated, Unreadable
from ..keys import load_public_key
from ..models import format_time, is_assumed, new_external_id, parse_time

KeySource = str | bytes | os.PathLike[str] | RSAPublicKey
#: A mapping, case-insensitive or not, or pairs as ASGI gives them.
Headers = Mapping[str, str] | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]

_TIMESTAMP: Final = "x-timestamp"
_SIGNATURE: Final = "x-signature"
_PARTNER: Final = "x-partner-id"
_EXTERNAL: Final = "x-external-id"
_NAMES: Final = (_TIMESTAMP, _SIGNATURE, _PARTNER, _EXTERNAL)
_READ: Final[Mapping[str | bytes, str]] = {**{one: one for one in _NAMES}, **{one.encode(): one for one in _NAMES}}
_PADDING: Final = PKCS1v15()
_HASH: Final = SHA256()


@frozen
class TrustedKey:
    """A public key of the provider, with the label under which a notification says that it matched."""

    label: str
    key: RSAPublicKey


class NotificationVerifier:
    """Verifies notifications that the provider signed for one path.

    *public_keys* is one key or several, in any shape `load_public_key` takes, or a mapping from label to key.  *path* is
    the path that the provider signs: configured, never taken from the request.  *tolerance* bounds how far a timestamp
    may lie in the future, *max_age* how far in the past (the provider repeats for hours, guide: line 6).  With
    *partner_id*, X-PARTNER-ID must equal it; with *merchant_id*, so must `merchantId` of the signed body where it is
    present: X-PARTNER-ID is not signed, and neither is the host (guide: line 19).

    Raises ConfigurationError and InvalidKey when it is made without a usable key.
    """

    def __init__(
        self,
        public_keys: KeySource | Iterable[KeySource] | Mapping[str, KeySource],
        *,
        path: str = "/v1.0/debit/notify",
        partner_id: str | None = None,
        merchant_id: str | None = None,
        tolerance: timedelta = timedelta(minutes=5),
        max_age: timedelta = timedelta(hours=6),
        clock: Clock | None = None,
    ) -> None:
        self._keys = _trusted(public_keys)
        if not path.startswith("/"):
            raise ConfigurationError("path must begin with /: it is the path that the provider signs")
        if tolerance < timedelta(0) or max_age <= timedelta(0):
            raise ConfigurationError("tolerance must not be negative, and max_age must be above zero")
        self.path = path
        self.kind = _kind_of(path)
        self._partner_id = partner_id
        self._merchant_id = merchant_id
        self.tolerance = tolerance
        self.max_age = max_age
        self._clock = clock or SystemClock()

    def __repr__(self) -> str:
        labels = ", ".join(key.label for key in self._keys)
        return f"<NotificationVerifier {self.path} keys: {labels}>"

    @property
    def service(self) -> str:
        """The service digits of the replies; 56 for a path of no known kind."""
        return (self.kind and self.kind.endpoint.service) or "56"

    def verify(
        self, *, headers: Headers, body: bytes, method: str = "POST", now: datetime | None = None
    ) -> Notification:
        """Return the typed notification, built from exactly the bytes that verified.

        A verified body that does not fit its model comes back as `Unrecognised`.  Raises WebhookError (MissingHeader,
        MalformedNotification, Unauthenticated) and nothing else, whatever arrives.
        """
        if not isinstance(body, bytes):
            raise MalformedNotification(
                "body_type", f"the body must be the received bytes, not {type(body).__name__}: parsing it changes it"
            )
        found = _required(_select(headers))
        moment = _moment(found[_TIMESTAMP])
        self._check_freshness(moment, now or self._clock.now())
        key, verified = self._check_signature(method, body, found)
        self._check_partner(found.get(_PARTNER, ""))
        return self._typed(
            verified,
            body=body,
            external_id=found.get(_EXTERNAL, ""),
            partner_id=found.get(_PARTNER, ""),
            timestamp=moment,
            path=self.path,
            key=key,
        )

    def _check_freshness(self, moment: datetime, now: datetime) -> None:
        age = now - moment
        if age > self.max_age:
            raise Unauthenticated("stale", f"X-TIMESTAMP is {age.total_seconds():.0f} s old; max_age is {self.max_age}")
        if -age > self.tolerance:
            raise Unauthenticated("future", f"X-TIMESTAMP is {-age.total_seconds():.0f} s ahead of this clock")

    def _check_signature(self, method: str, body: bytes, found: Mapping[str, str]) -> tuple[str, bytes]:
        """Return the label of the key that fits and the form of the body that verified."""
        if method != "POST":
            raise MalformedNotification("method", "notifications are posted")
        if not body:
            raise MalformedNotification("empty_body", "there is no body")
        signature = _decode(found[_SIGNATURE])
        # What the provider sends is compact, so the bytes as received come first; they differ only by whitespace.
        for form in _forms(body):
            text = f"POST:{self.path}:{sha256(form).hexdigest()}:{found[_TIMESTAMP]}".encode()
            for trusted in self._keys:
                if _fits(trusted.key, signature, text):
                    return trusted.label, form
        lengths = {trusted.key.key_size // 8 for trusted in self._keys}
        if len(signature) not in lengths:
            raise Unauthenticated("signature_length", f"X-SIGNATURE has {len(signature)} bytes; no trusted key makes it")
        raise Unauthenticated("wrong_signature", f"X-SIGNATURE fits no trusted key for the signed path {self.path}")

    def _check_partner(self, partner_id: str) -> None:
        if self._partner_id is None:
            return
        if not compare_digest(partner_id.encode(), self._partner_id.encode()):
            raise Unauthenticated("wrong_partner", "X-PARTNER-ID is not ours")

    def _typed(self, verified: bytes, **local: Any) -> Notification:
        try:
            raw = wire.loads(verified)
        except Unreadable as error:
            raise MalformedNotification(error.reason, f"the signed body is unreadable: {error}") from None
        merchant = raw.get("merchantId", _nested(raw, "additionalInfo").get("merchantId"))
        if self._merchant_id is not None and merchant is not None and not _same(merchant, self._merchant_id):
            raise Unauthenticated("wrong_merchant", "merchantId of the signed body is not ours")
        if self.kind is None:
            return Unrecognised(raw=raw, misfit="path", **local)
        try:
            return wire.structure(self.kind, raw, raw=raw, **local)
        except wire.Misfit as misfit:
            return Unrecognised(raw=raw, misfit=str(misfit), **local)


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


def _trusted(source: KeySource | Iterable[KeySource] | Mapping[str, KeySource]) -> tuple[TrustedKey, ...]:
    if isinstance(source, Mapping):
        pairs = [(str(label), one) for label, one in source.items()]
    elif isinstance(source, str | bytes | os.PathLike | RSAPublicKey):
        pairs = [("key-1", source)]
    else:
        pairs = [(f"key-{number}", one) for number, one in enumerate(source, 1)]
    if not pairs:
        raise ConfigurationError("a verifier without a public key would refuse everything: give at least one")
    return tuple(TrustedKey(label, load_public_key(one)) for label, one in pairs)


def _kind_of(path: str) -> type[Notification] | None:
    # The pages print /v1.0/debit/notify and /1.0/debit/notify (quirk Q-NOT-10): what follows the version tells the kind.
    for kind in NOTIFICATIONS:
        ending = kind.endpoint.path.removeprefix("/v1.0")
        if ending and path.endswith(ending):
            return kind
    return None


def _select(headers: Headers) -> dict[str, str]:
    """Return the headers that matter, by lower-case name; raise when one of them appears twice."""
    found: dict[str, str] = {}
    for name, value in _pairs(headers.items() if isinstance(headers, Mapping) else headers):
        key = _READ.get(name.lower()) if isinstance(name, str | bytes) else None
        if key is None:
            continue
        if key in found:
            raise MissingHeader("duplicate_header", f"{key.upper()} appears twice")
        found[key] = _clean(key, value)
    return found


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


def _required(found: dict[str, str]) -> dict[str, str]:
    for name in (_TIMESTAMP, _SIGNATURE):
        if not found.get(name):
            raise MissingHeader("missing_header", f"{name.upper()} is missing")
    return found


def _moment(text: str) -> datetime:
    try:
        moment = parse_time(text)
        if is_assumed(moment):
            raise ValueError("no zone")
    except ValueError:
        raise MalformedNotification("bad_timestamp", "X-TIMESTAMP must be ISO 8601 with a time zone") from None
    return moment


def _decode(text: str) -> bytes:
    try:
        signature = b64decode(text, validate=True)
    except ValueError:
        raise MalformedNotification("bad_base64", "X-SIGNATURE is not base64") from None
    # Fifteen other spellings of the last character decode alike: one signature, one text.
    if b64encode(signature).decode() != text:
        raise MalformedNotification("non_canonical_base64", "X-SIGNATURE is not in canonical base64")
    return signature


def _forms(body: bytes) -> Iterable[bytes]:
    yield body
    compact = signing.minify(body)
    if compact != body:
        yield compact


def _fits(key: RSAPublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text, _PADDING, _HASH)
    except InvalidSignature:
        return False
    return True


def _nested(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = raw.get(name)
    return value if isinstance(value, Mapping) else {}


def _same(value: object, expected: str) -> bool:
    return isinstance(value, str) and compare_digest(value.encode("utf-8", "replace"), expected.encode())
