"""One input to one delivery, and what must hold for it.  Knows no fuzzer: the test-suite plays it too.

Zeros choose what is genuine, so that an input which ends early is a good one: what the fuzzer adds are the changes.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import rsa

from gopay_async import signing
from gopay_async.api import DebitNotification, LinkingNotification, Notification, PayoutNotification, QrisNotification
from gopay_async.errors import WebhookError
from gopay_async.models import WIB
from gopay_async.webhooks import NotificationVerifier, PayoutVerifier, sign_notification, sign_payout
from gopay_async.webhooks.headers import Headers
from gopay_async.webhooks.typed import build, read

T = TypeVar("T")
Pairs = list[tuple[str, str]]
NOW: Final = datetime(2026, 11, 20, 12, 0, tzinfo=WIB)
_OLD, _NEW, _STRANGER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3))
_IRIS: Final = "iris-key"
_PATHS: Final = ("/v1.0/debit/notify", "/v1.0/qr/qr-mpm-notify", "/v1.0/registration-account/notify")
_KINDS: Final = (DebitNotification, QrisNotification, LinkingNotification, PayoutNotification, None)
_BODIES: Final = (
    b'{"originalReferenceNo":"A1","latestTransactionStatus":"00","amount":{"value":"1.00","currency":"IDR"}}',
    b'{"merchantId":"G1","additionalInfo":{"refundHistory":[{"refundNo":"1"}],"accessToken":"t","accountStatus":"x"}}',
    b'{ "a" : "\\u00e9 \\/ \\" ", "b": [1.00, 12345678901234567890, true, null] }',
)
_TRUSTED: Final = {"old": _OLD.public_key(), "new": _NEW.public_key()}
_VERIFIERS: Final = tuple(NotificationVerifier(_TRUSTED, path=path, merchant_id="G1") for path in _PATHS)
_PAYOUTS: Final = PayoutVerifier({"old": "another-key", "new": _IRIS})


class Broken(AssertionError):
    """A promise of the verifier was broken."""


@frozen
class Message:
    """What was signed, by whomever."""

    body: bytes
    headers: dict[str, str]


def _signed(key: rsa.RSAPrivateKey, after: int) -> tuple[Message, ...]:
    at = NOW + timedelta(seconds=after)
    return tuple(
        Message(body, sign_notification(body, key, path=path, timestamp=at, external_id="1"))
        for body in _BODIES
        for path in _PATHS
    )


_GENUINE: Final = (*_signed(_OLD, 0), *_signed(_NEW, 1))
# At a time of their own, so that nothing genuine looks like them.
_MESSAGES: Final = (*_GENUINE, *_signed(_STRANGER, 2))
#: What was really signed: minified body, time, path and signature.
_SIGNED: Final = {
    (signing.minify(one.body), one.headers["X-TIMESTAMP"], _PATHS[number % 3], one.headers["X-SIGNATURE"])
    for number, one in enumerate(_GENUINE)
}


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

    def choice(self, several: tuple[T, ...]) -> T:
        """Return the one that the next byte chooses."""
        return several[self.byte() % len(several)]


def play(data: bytes) -> None:
    """Give a verifier what *data* describes; raise Broken, or whatever escaped, where a promise is broken."""
    given = Bytes(data)
    given.choice(_PLAYS)(given)


def play_object(data: bytes) -> None:
    """Make an object of a kind from any bytes, as behind a signature that verified; raise as `play` does."""
    given = Bytes(data)
    kind = given.choice(_KINDS)
    body = given.rest()
    try:
        found = build(kind, read(body), body=body, timestamp=NOW)
    except WebhookError as error:
        _check_reason(error)
        return
    _check_object(found, body)


def _changed(given: Bytes) -> None:
    """Change a message, or not: what was signed is accepted, and nothing else is."""
    number = given.byte()
    message, verifier = _MESSAGES[number % len(_MESSAGES)], _VERIFIERS[(number + given.byte()) % len(_VERIFIERS)]
    now, which = _later(given.byte()), given.byte()
    headers = [
        (name, _spliced(given, value.encode()).decode("latin-1") if which >> place & 1 else value)
        for place, (name, value) in enumerate(message.headers.items())
    ]
    sent = _spliced(given, message.body) if which & 32 else message.body
    sent = _spaced(given, sent) if which & 64 else sent
    at = datetime.fromisoformat(message.headers["X-TIMESTAMP"])
    is_fresh = at - timedelta(minutes=5) <= now <= at + timedelta(hours=6)
    _judge(verifier, headers, sent, now, must=is_fresh and dict(headers) == message.headers)


def _later(byte: int) -> datetime:
    """Return a time up to seven hours later than most messages, or up to an hour earlier."""
    return NOW + timedelta(minutes=2 * byte if byte < 200 else byte - 256)


def _spliced(given: Bytes, value: bytes) -> bytes:
    """Replace a few bytes, or none."""
    start = given.byte() % (len(value) + 1)
    return value[:start] + given.some() + value[start + given.byte() % 8 :]


def _spaced(given: Bytes, body: bytes) -> bytes:
    """Put whitespace anywhere: what lies outside strings is not signed."""
    start = given.byte() % (len(body) + 1)
    return body[:start] + given.choice((b" ", b"\n", b"\t\r", b"\v")) + body[start:]


def _composed(given: Bytes) -> None:
    """Drop, repeat, rename and add headers, in every shape in which they may come."""
    number = given.byte()
    message, verifier = _MESSAGES[number % len(_MESSAGES)], _VERIFIERS[number % len(_VERIFIERS)]
    _judge(verifier, _edited(given, message), given.some() or message.body, NOW, shape=given.byte())


def _edited(given: Bytes, message: Message) -> Pairs:
    pairs = list(message.headers.items())
    for _ in range(given.byte() % 5):
        place, how = given.byte() % (len(pairs) or 1), given.byte() % 4
        name, value = pairs.pop(place) if pairs else ("", "")
        if how == 0:
            pairs += [(name.swapcase(), value), (name, value)]
        elif how == 1:
            pairs.append((given.some().decode("latin-1"), value))
        elif how == 2:
            pairs.append((name, given.some().decode("latin-1")))
    return pairs


def _judge(
    verifier: NotificationVerifier, headers: Pairs, body: bytes, now: datetime, *, must: bool = False, shape: int = 0
) -> None:
    named = [[value for name, value in headers if name.lower() == one] for one in ("x-timestamp", "x-signature")]
    was_signed = any((signing.minify(body), *one) in _SIGNED for one in _around(named, verifier.path))
    try:
        found = verifier.verify(headers=_SHAPES[shape % len(_SHAPES)](headers), body=body, now=now)
    except WebhookError as error:
        _check_reason(error)
        if was_signed and must:
            raise Broken("refused, and it was signed") from error
        return
    if not was_signed:
        raise Broken("accepted, and nobody signed it")
    _check_object(found, body)


def _around(named: list[list[str]], path: str) -> list[tuple[str, str, str]]:
    """Return time, path and signature as `_SIGNED` has them, nothing where one of them is missing or repeated."""
    (times, signatures) = named
    return [(times[0], path, signatures[0])] if len(times) == len(signatures) == 1 else []


#: Pairs of text, pairs of bytes as ASGI has them, a mapping.
_SHAPES: Final[tuple[Callable[[Pairs], Headers], ...]] = (
    list,
    # Another case of a letter of Latin-1 may be no letter of it.
    lambda pairs: [(name.encode("latin-1", "replace"), value.encode("latin-1")) for name, value in pairs],
    dict,
)


def _payout(given: Bytes) -> None:
    """Any bytes as a body that verifies, or as one that was changed afterwards."""
    piece = given.some() if given.byte() % 2 else b""
    body = given.rest()
    headers, sent = sign_payout(body, _IRIS), body + piece
    try:
        found = _PAYOUTS.verify(headers=headers, body=sent)
    except WebhookError as error:
        _check_reason(error)
        return
    if sent != body:
        raise Broken("accepted, and nobody signed it")
    _check_object(found, sent)


def _explained(given: Bytes) -> None:
    """Whatever arrives, an explanation is given."""
    number = given.byte()
    message = _MESSAGES[number % len(_MESSAGES)]
    headers, route = _edited(given, message), given.some().decode("latin-1")
    found = _VERIFIERS[0].explain(headers=headers, body=given.rest() or message.body, now=NOW, route=route)
    if not found.advice:
        raise Broken("no advice")


def _check_reason(error: WebhookError) -> None:
    if not error.reason or error.status not in (400, 401):
        raise Broken("refused without a reason")


def _check_object(found: Notification, body: bytes) -> None:
    if found.body not in (body, signing.minify(body)) or not found.identity:
        raise Broken("not the object of these bytes")
    repr(found)


_PLAYS: Final = (_changed, _changed, _changed, _composed, _composed, _payout, _explained)
#: How many ways there are to play: the first byte of an input chooses one.
PLAYS: Final = len(_PLAYS)
#: How many messages there are to begin with: the second byte chooses one.
MESSAGES: Final = len(_MESSAGES)
#: How many kinds of object there are: the first byte chooses one.
KINDS: Final = len(_KINDS)
