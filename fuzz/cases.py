"""One input to one delivery, and what must hold for it.  Knows no fuzzer: the test-suite plays it with random bytes."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

from gopay_async import signing
from gopay_async.api import DebitNotification, LinkingNotification, Notification, PayoutNotification, QrisNotification
from gopay_async.errors import WebhookError
from gopay_async.models import WIB
from gopay_async.webhooks import NotificationVerifier, PayoutVerifier, sign_notification, sign_payout
from gopay_async.webhooks.typed import build, read

NOW: Final = datetime(2026, 11, 20, 12, 0, tzinfo=WIB)
_KEY: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_IRIS: Final = "iris-key"
_PATHS: Final = ("/v1.0/debit/notify", "/v1.0/qr/qr-mpm-notify", "/v1.0/registration-account/notify")
_KINDS: Final = (DebitNotification, QrisNotification, LinkingNotification, PayoutNotification, None)
_NAMES: Final = ("X-TIMESTAMP", "x-signature", "X-PARTNER-ID", "X-EXTERNAL-ID", "Iris-Signature", "Content-Type", "")
_BODIES: Final = (
    b'{"originalReferenceNo":"A1","latestTransactionStatus":"00","amount":{"value":"1.00","currency":"IDR"}}',
    b'{"merchantId":"G1","additionalInfo":{"refundHistory":[{"refundNo":"1"}],"accessToken":"t","accountStatus":"x"}}',
    b'{ "a" : "\\u00e9 \\/ ", "b": [1.00, 12345678901234567890, true, null] }',
)
_VERIFIERS: Final = tuple(NotificationVerifier(_KEY.public_key(), path=path, merchant_id="G1") for path in _PATHS)
_PAYOUTS: Final = PayoutVerifier(_IRIS)
#: What was really signed: minified body, time and path.
_GENUINE: Final = tuple(
    (body, path, sign_notification(body, _KEY, path=path, timestamp=NOW, external_id="1"))
    for body in _BODIES
    for path in _PATHS
)
_SIGNED: Final = {(signing.minify(body), headers["X-TIMESTAMP"], path) for body, path, headers in _GENUINE}


class Broken(AssertionError):
    """A promise of the verifier was broken."""


class Bytes:
    """A source of choices in the input's bytes; at its end, everything is zero."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        """Return the next byte."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def some(self) -> bytes:
        """Return some of the bytes that are left, as many as the next one says."""
        size = self.byte()
        found = self._data[self._at : self._at + size]
        self._at += size
        return found

    def rest(self) -> bytes:
        """Return all that is left."""
        found = self._data[self._at :]
        self._at = len(self._data)
        return found


def play(data: bytes) -> None:
    """Deliver what *data* describes; raise Broken, or whatever escaped, where a promise is broken."""
    given = Bytes(data)
    _PLAYS[given.byte() % len(_PLAYS)](given)


def _anything(given: Bytes) -> None:
    """Headers and body of the fuzzer's own: nobody signed them."""
    headers = [(_header_name(given), given.some()) for _ in range(given.byte() % 6)]
    verifier = _VERIFIERS[given.byte() % len(_VERIFIERS)]
    body = given.rest()
    _judge(lambda: verifier.verify(headers=headers, body=body, now=NOW), set())


def _header_name(given: Bytes) -> bytes:
    chosen = given.byte() % (len(_NAMES) + 1)
    return _NAMES[chosen].encode() if chosen < len(_NAMES) else given.some()


def _changed(given: Bytes) -> None:
    """Change a genuine message: it is accepted only where what was signed is still the same."""
    body, _, headers = _GENUINE[given.byte() % len(_GENUINE)]
    verifier = _VERIFIERS[given.byte() % len(_VERIFIERS)]
    changed = {name: _spliced(given, value.encode()).decode("latin-1") for name, value in headers.items()}
    sent = _spliced(given, body)
    now = NOW + timedelta(minutes=given.byte() * 2 - 10)
    at = changed["X-TIMESTAMP"]
    allowed = _SIGNED & {(signing.minify(sent), at, verifier.path)}
    _judge(lambda: verifier.verify(headers=changed, body=sent, now=now), allowed)


def _spliced(given: Bytes, value: bytes) -> bytes:
    """Replace a few bytes, or none."""
    if given.byte() % 4:
        return value
    start = given.byte() % (len(value) + 1)
    return value[:start] + given.some() + value[start + given.byte() % 8 :]


def _signed_body(given: Bytes) -> None:
    """Any bytes as a body that verifies: only webhook errors come of it, and what is accepted is what was sent."""
    body = given.rest()
    headers: Mapping[str, str] = sign_payout(body, _IRIS)
    try:
        found = _PAYOUTS.verify(headers=headers, body=body)
    except WebhookError as error:
        _check_reason(error)
        return
    _check_object(found, body)


def _typed(given: Bytes) -> None:
    """Any bytes as the body of each kind, behind the signature."""
    kind = _KINDS[given.byte() % len(_KINDS)]
    body = given.rest()
    try:
        found = build(kind, read(body), body=body, timestamp=NOW)
    except WebhookError as error:
        _check_reason(error)
        return
    _check_object(found, body)


def _explained(given: Bytes) -> None:
    """Whatever arrives, an explanation is given."""
    headers = [(_header_name(given), given.some()) for _ in range(given.byte() % 4)]
    route = given.some().decode("latin-1")
    _VERIFIERS[0].explain(headers=headers, body=given.rest(), now=NOW, route=route)


def _judge(verify: Callable[[], Notification], allowed: set[tuple[bytes, str, str]]) -> None:
    try:
        found = verify()
    except WebhookError as error:
        _check_reason(error)
        return
    if not allowed:
        raise Broken("accepted, and nobody signed it")
    if not found.identity:
        raise Broken("accepted without an identity")


def _check_reason(error: WebhookError) -> None:
    if not error.reason or error.status not in (400, 401):
        raise Broken("refused without a reason")


def _check_object(found: Notification, body: bytes) -> None:
    if found.body != body or not found.identity:
        raise Broken("not the object of these bytes")
    repr(found)


_PLAYS: Final = (_changed, _changed, _anything, _signed_body, _typed, _explained)
#: How many ways there are to play: the first byte of an input chooses one.
PLAYS: Final = len(_PLAYS)
