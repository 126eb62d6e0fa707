"""Why a signature does not fit: it tries the mistakes that clients make until one reproduces what was received.

Knows the formulas, and no header and no state.  Every guess stands in a table.
"""

import hmac
import re
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from hashlib import sha256
from itertools import chain, combinations, product
from typing import Any, Final
from urllib.parse import unquote

from attrs import evolve, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512, HashAlgorithm

from ..models import parse_time
from ..signing import minify
from .respelling import differences, reordered, respellings

#: So many spellings of a body, the likeliest, are tried together with another mistake.
PAIRED: Final = 40


@frozen
class Cause:
    """A mistake that explains a signature."""

    name: str
    text: str


@frozen(kw_only=True)
class Signed:
    """The parts of a transactional signature."""

    method: str
    path: str
    token: str
    digest: str
    timestamp: str
    secret: bytes
    encode: Callable[[bytes, bytes], str]

    @property
    def parts(self) -> tuple[str, ...]:
        """What is signed, joined by colons."""
        return self.method, self.path, self.token, self.digest, self.timestamp

    @property
    def text(self) -> str:
        """The string that is signed."""
        return ":".join(self.parts)

    def signature(self) -> str:
        """Return the signature over these parts."""
        return self.encode(self.secret, self.text.encode("utf-8", "surrogateescape"))


def _base64(secret: bytes, text: bytes) -> str:
    return b64encode(hmac.digest(secret, text, "sha512")).decode()


def _hex(secret: bytes, text: bytes) -> str:
    return hmac.digest(secret, text, "sha512").hex()


def _base64_of_hex(secret: bytes, text: bytes) -> str:
    return b64encode(_hex(secret, text).encode()).decode()


def _sha256(secret: bytes, text: bytes) -> str:
    return b64encode(hmac.digest(secret, text, "sha256")).decode()


_ENCODINGS: Final = (
    (_hex, "it is written in hex; base64 is expected"),
    (_base64_of_hex, "it is the base64 of the hex text; the base64 of the bytes is expected"),
    (_sha256, "it is an HMAC-SHA256; HMAC-SHA512 is expected"),
)


@frozen(kw_only=True)
class Evidence:
    """A request whose HMAC does not fit."""

    method: str
    base: str
    target: str
    token: str
    body: bytes
    timestamp: str
    client_secret: str
    signature: str
    #: Further access tokens that this merchant holds.
    other_tokens: tuple[str, ...] = ()
    #: Other paths that clients are known to sign.
    other_paths: tuple[str, ...] = ()


@frozen
class Explanation:
    """What led to a signature, as far as that is known."""

    #: One mistake or two at once; empty when nothing known leads there.
    causes: tuple[Cause, ...] = ()
    #: The text that was signed, where that is known.
    text: str | None = None
    #: Its parts, where it has them.
    parts: tuple[str, ...] = ()
    #: The body that was signed, where it is another one than was sent.
    body: bytes | None = None


@frozen
class _Guess:
    """One part of a signature that may have been made differently."""

    part: str
    value: Any
    cause: Cause
    #: The body as it was signed, of a guess about that.
    body: bytes | None = None


def explain_hmac(evidence: Evidence) -> Explanation:
    """Return what explains the signature."""
    right = _right(evidence)
    made = _solve(right, evidence)
    if not made:
        return Explanation()
    signed = evolve(right, **{one.part: one.value for one in made})
    body = next((one.body for one in made if one.body is not None), None)
    return Explanation(tuple(_told(one, evidence) for one in made), signed.text, signed.parts, body)


def _told(guess: _Guess, evidence: Evidence) -> Cause:
    if guess.body is None:
        return guess.cause
    signed, sent = differences(guess.body, minify(evidence.body))
    text = f"{guess.cause.text}: signed with {signed}, sent with {sent}"
    return Cause(guess.cause.name, text)


def _right(evidence: Evidence) -> Signed:
    return Signed(
        method=evidence.method,
        path=evidence.target,
        token=evidence.token,
        digest=sha256(minify(evidence.body)).hexdigest(),
        timestamp=evidence.timestamp,
        secret=evidence.client_secret.encode(),
        encode=_base64,
    )


def _solve(right: Signed, evidence: Evidence) -> "tuple[_Guess, ...]":
    guesses: list[_Guess] = []
    for one in _guesses(evidence):
        if _fits_all(right, evidence, one):
            return (one,)
        guesses.append(one)
    pairs = ((one, two) for one, two in combinations(_likely(guesses), 2) if one.part != two.part)
    orders = ((_respelt(text),) for text in reordered(minify(evidence.body)))
    return next((made for made in chain(pairs, orders) if _fits_all(right, evidence, *made)), ())


def _likely(guesses: Iterable[_Guess]) -> Iterator[_Guess]:
    spellings = 0
    for one in guesses:
        spellings += one.body is not None
        if one.body is None or spellings <= PAIRED:
            yield one


def _fits_all(right: Signed, evidence: Evidence, *made: _Guess) -> bool:
    return evolve(right, **{one.part: one.value for one in made}).signature() == evidence.signature


def _guesses(evidence: Evidence) -> Iterator[_Guess]:
    for source in (_paths, _bodies, _tokens, _timestamps, _secrets):
        yield from source(evidence)
    for encode, text in _ENCODINGS:
        yield _Guess("encode", encode, Cause("encoding", text))
    yield _Guess("method", evidence.method.lower(), Cause("method", "the method was signed in lower case"))


_VERSION: Final = re.compile(r"^/v[\d.]+")


def _paths(evidence: Evidence) -> Iterator[_Guess]:
    path = evidence.target.partition("?")[0]
    likely = (
        (path, "without the query string"),
        (evidence.base + evidence.target, "with scheme and host"),
        (evidence.base + path, "with scheme and host, without the query string"),
        (unquote(evidence.target), "percent-decoded"),
        (path.rstrip("/"), "without the slash at the end"),
        (f"{path}/", "with a slash at the end"),
        (_VERSION.sub("", evidence.target), "without the version"),
        *((_VERSION.sub(one, evidence.target), "with another version") for one in ("/v1", "/v1.0", "/v2", "/v2.0")),
        (evidence.target.lstrip("/"), "without the slash in front"),
        *((other, "as another path") for other in evidence.other_paths),
    )
    for tried, how in likely:
        if tried != evidence.target:
            text = f"signed was the path {tried!r} ({how}), received was {evidence.target!r}"
            yield _Guess("path", tried, Cause("path", text))


def _tokens(evidence: Evidence) -> Iterator[_Guess]:
    yield _Guess("token", f"Bearer {evidence.token}", Cause("token", "the token was signed with the word Bearer"))
    yield _Guess("token", "", Cause("token", "the token is missing from the string to sign"))
    for other in evidence.other_tokens:
        text = "another access token was signed than stands in the Authorization header"
        yield _Guess("token", other, Cause("token", text))


def _timestamps(evidence: Evidence) -> Iterator[_Guess]:
    try:
        moment = parse_time(evidence.timestamp)
    except ValueError:
        return
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    for form in (
        f"{utc.isoformat(timespec='seconds')}Z",
        f"{utc.isoformat(timespec='milliseconds')}Z",
        moment.isoformat(timespec="milliseconds"),
        moment.isoformat(timespec="microseconds"),
        moment.isoformat(timespec="seconds"),
        str(int(moment.timestamp())),
    ):
        if form != evidence.timestamp:
            text = f"signed was the time {form!r}, the header X-TIMESTAMP says {evidence.timestamp!r}"
            yield _Guess("timestamp", form, Cause("timestamp", text))


def _secrets(evidence: Evidence) -> Iterator[_Guess]:
    try:
        decoded = b64decode(evidence.client_secret)
    except ValueError:
        return
    text = "the client secret was base64-decoded; it is used as the text that it is"
    yield _Guess("secret", decoded, Cause("secret", text))


def _bodies(evidence: Evidence) -> Iterator[_Guess]:
    body = minify(evidence.body)
    right = sha256(body).hexdigest()
    for tried, how in (
        (b"", "the body was left out of the signature"),
        (evidence.body, "the body was hashed as sent, with its spaces; it is hashed minified"),
    ):
        if tried != body:
            yield _Guess("digest", sha256(tried).hexdigest(), Cause("body", how))
    yield from map(_respelt, respellings(body))
    yield _Guess("digest", right.upper(), Cause("digest", "the hash of the body was signed in upper case"))
    in_base64 = b64encode(bytes.fromhex(right)).decode()
    yield _Guess("digest", in_base64, Cause("digest", "the hash of the body was signed in base64; hex is expected"))


def _respelt(text: bytes) -> _Guess:
    return _Guess(
        "digest", sha256(text).hexdigest(), Cause("body", "the body was serialised again after signing"), text
    )


# --- RSA -----------------------------------------------------------------------------------------------------------


def explain_rsa(client_id: str, timestamp: str, signature: str, key: RSAPublicKey) -> Explanation:
    """Return what explains the signature of a token call."""
    found = _decode(signature, (key.key_size + 7) // 8)
    if found is None:
        return Explanation((Cause("encoding", "it is not the base64 of an RSA signature by a key of this size"),))
    raw, spelled = found
    for text, how, scheme in _fitting(client_id, timestamp, raw, key):
        told = (("encoding", spelled), ("text", how), ("algorithm", scheme))
        return Explanation(tuple(Cause(name, words) for name, words in told if words), text)
    return Explanation()


def _fitting(client_id: str, timestamp: str, raw: bytes, key: RSAPublicKey) -> Iterator[tuple[str, str, str]]:
    for (text, how), (padding, digest, scheme) in product(_texts(client_id, timestamp), _SCHEMES):
        if _fits(key, raw, text, padding, digest):
            yield text, how, scheme


_SCHEMES: Final[tuple[tuple[AsymmetricPadding, HashAlgorithm, str], ...]] = (
    (PKCS1v15(), SHA256(), ""),
    (PKCS1v15(), SHA1(), "it is made with SHA-1; SHA-256 is expected"),  # noqa: S303  # recognised, never accepted
    (PKCS1v15(), SHA512(), "it is made with SHA-512; SHA-256 is expected"),
    (PSS(MGF1(SHA256()), PSS.AUTO), SHA256(), "it is made with PSS; PKCS#1 v1.5 is expected"),
)


def _texts(client_id: str, timestamp: str) -> Iterator[tuple[str, str]]:
    yield f"{client_id}|{timestamp}", ""
    yield f"{timestamp}|{client_id}", "signed were time and client id, in this order; the client id comes first"
    yield f"{client_id}:{timestamp}", "client id and time were joined by a colon; it is a pipe"
    yield f"{client_id}{timestamp}", "client id and time were joined by nothing; it is a pipe"
    yield f"{client_id} | {timestamp}", "there were spaces around the pipe"
    yield f"{client_id}|{timestamp}\n", "there was a line break at the end"
    yield f"{client_id}|", "the time was not signed"


def _decode(signature: str, size: int) -> tuple[bytes, str] | None:
    for decode, how in _DECODERS:
        try:
            raw = decode(signature)
        except ValueError:
            continue
        if len(raw) == size:
            return raw, how
    return None


_DECODERS: Final[tuple[tuple[Callable[[str], bytes], str], ...]] = (
    (lambda text: b64decode(text, validate=True), ""),
    (bytes.fromhex, "it is written in hex; base64 is expected"),
    (
        lambda text: urlsafe_b64decode(text + "=" * (-len(text) % 4)),
        "it is URL-safe or unpadded base64; plain is expected",
    ),
)


def _fits(key: RSAPublicKey, raw: bytes, text: str, padding: AsymmetricPadding, digest: HashAlgorithm) -> bool:
    try:
        key.verify(raw, text.encode("utf-8", "surrogatepass"), padding, digest)
    except InvalidSignature:
        return False
    return True
