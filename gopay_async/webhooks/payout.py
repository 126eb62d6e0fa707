"""Payout notifications: their own verifier, for they have their own signature.  Knows no server and no store."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha512
from hmac import compare_digest
from re import compile as pattern

from attrs import field, frozen

from ..api import Notification, PayoutNotification
from ..errors import ConfigurationError, MalformedNotification, Unauthenticated, WebhookError
from . import headers as strict
from .explanation import Candidate, Explanation
from .headers import Headers
from .typed import build, read

_HEX = pattern(r"[0-9a-f]{128}")
PayoutKeys = str | bytes | Iterable[str | bytes] | Mapping[str, str | bytes]


@frozen
class _Secret:
    """A merchant key of the payouts portal, under its label."""

    label: str
    key: bytes = field(repr=False)


class PayoutVerifier:
    """Verifies payout notifications: `Iris-Signature` is the hex SHA-512 of the raw body followed by the merchant key.

    *keys* is one key or several, or a mapping from label to key.  *path* is where the notifications arrive; it is not
    signed.  Nothing in the message tells when it was sent, so that it can be replayed for ever: keep its identity for
    good, move forward only, and never decide about money on it alone.

    Raises ConfigurationError for an empty key: then anybody could sign.
    """

    kind: type[Notification] = PayoutNotification
    #: The page names no answer but the HTTP status.
    service = "56"
    #: For ever.
    window: timedelta | None = None

    def __init__(self, keys: PayoutKeys, *, path: str = "/payouts/notify") -> None:
        if not path.startswith("/"):
            raise ConfigurationError("path must begin with /: it is where payout notifications arrive")
        self.path = path
        self._secrets = _secrets(keys)

    def __repr__(self) -> str:
        return f"<PayoutVerifier {self.path} keys: {', '.join(one.label for one in self._secrets)}>"

    def add(self, label: str, key: str | bytes) -> None:
        """Trust *key* from now on; raise ConfigurationError where it is empty or *label* is taken."""
        self._secrets = _checked((*self._secrets, _secret(label, key)))

    def remove(self, label: str) -> None:
        """Trust the key no longer; raise ConfigurationError where there is none of this name, or no other left."""
        left = tuple(one for one in self._secrets if one.label != label)
        if len(left) == len(self._secrets):
            raise ConfigurationError(f"there is no key {label}")
        self._secrets = _checked(left)

    def verify(
        self, *, headers: Headers, body: bytes, method: str = "POST", now: datetime | None = None
    ) -> Notification:
        """Return the typed notification, or `Unrecognised`; raise WebhookError and nothing else.

        *now* is taken for the sake of the protocol, and is of no use here.
        """
        received = strict.checked_body(body, method)
        found = strict.select(headers)
        given = strict.required(found, strict.IRIS)
        if not _HEX.fullmatch(given):
            raise MalformedNotification("bad_hex", "Iris-Signature is not 128 hexadecimal digits in lower case")
        key = self._matching(received, given)
        if key is None:
            raise Unauthenticated("wrong_signature", "Iris-Signature fits no key")
        local = {"body": received, "path": self.path, "key": key, "external_id": found.get(strict.EXTERNAL, "")}
        return build(self.kind, read(received), **local)

    def explain(
        self, *, headers: Headers, body: bytes, method: str = "POST", now: datetime | None = None, route: str = ""
    ) -> Explanation:
        """Return why a message is refused; raise nothing.  What should be signed holds the key, and is left out."""
        try:
            found = self.verify(headers=headers, body=body, method=method)
        except WebhookError as error:
            return Explanation(error.reason, error.detail)
        return Explanation("", candidates=(Candidate(self.path, False, found.key),))

    def _matching(self, body: bytes, given: str) -> str | None:
        # Every key is tried, whatever the first one says: the time does not tell which one fits.
        matches = [one.label for one in self._secrets if compare_digest(_signature(body, one.key), given)]
        return matches[0] if matches else None


def sign_payout(body: bytes, key: str | bytes) -> dict[str, str]:
    """Return the headers that the provider would send with a payout notification: for tests of your receiver."""
    return {"Content-Type": "application/json", "Iris-Signature": _signature(body, _checked_key(key))}


def _signature(body: bytes, key: bytes) -> str:
    # Not an HMAC, and the page says so; SHA-512(body + key) is not open to length extension.
    return sha512(body + key).hexdigest()


def _secrets(keys: PayoutKeys) -> tuple[_Secret, ...]:
    if isinstance(keys, Mapping):
        return _checked(tuple(_secret(str(label), one) for label, one in keys.items()))
    several = [keys] if isinstance(keys, str | bytes) else list(keys)
    return _checked(tuple(_secret(f"key-{number}", one) for number, one in enumerate(several, 1)))


def _secret(label: str, key: str | bytes) -> _Secret:
    return _Secret(label, _checked_key(key))


def _checked_key(key: str | bytes) -> bytes:
    raw = key.encode() if isinstance(key, str) else key
    if not raw.strip():
        raise ConfigurationError("the merchant key for payout notifications is empty: anybody could sign with it")
    return raw


def _checked(secrets: tuple[_Secret, ...]) -> tuple[_Secret, ...]:
    if not secrets:
        raise ConfigurationError("a verifier without a key would refuse everything: give at least one")
    if len({one.label for one in secrets}) != len(secrets):
        raise ConfigurationError("two keys have the same label: the result must name the key that matched")
    return secrets
