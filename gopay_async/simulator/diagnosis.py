"""Why a signature does not fit: it tries the mistakes that clients make until one reproduces what was received.

Knows the formulas, and no header and no state.  Every guess stands in a table.
"""

import hmac
import json
import re
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC
from hashlib import sha256
from itertools import combinations, product
from typing import Any, Final
from urllib.parse import unquote

from attrs import evolve, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512, HashAlgorithm

from ..models import parse_time
from ..signing import minify


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
    def text(self) -> str:
        """The string that is signed."""
        return f"{self.method}:{self.path}:{self.token}:{self.digest}:{self.timestamp}"

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
class _Guess:
    """One part of a signature that may have been made differently."""

    part: str
    value: Any
    cause: Cause


def explain_hmac(evidence: Evidence) -> tuple[Cause, ...]:
    """Return what explains the signature: one mistake or two at once; empty when nothing known does."""
    return tuple(one.cause for one in _solve(_right(evidence), evidence))


def signed_text(evidence: Evidence) -> str | None:
    """Return the text that the signature is over, as far as a known mistake explains it; None when none does."""
    right = _right(evidence)
    made = _solve(right, evidence)
    return evolve(right, **{one.part: one.value for one in made}).text if made else None


def signed_body(body: bytes, digest: str) -> bytes | None:
    """Return the spelling of *body* that has *digest* (hex); None when it is in no known style."""
    tried = (body, *(text for text, _ in _respellings(minify(body))))
    return next((text for text in tried if sha256(text).hexdigest() == digest.lower()), None)


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
    guesses = list(_guesses(evidence))
    pairs = ((one, two) for one, two in combinations(guesses, 2) if one.part != two.part)
    for made in (*((one,) for one in guesses), *pairs):
        if evolve(right, **{one.part: one.value for one in made}).signature() == evidence.signature:
            return made
    return ()


def _guesses(evidence: Evidence) -> Iterator[_Guess]:
    for source in (_paths, _bodies, _tokens, _timestamps, _secrets):
        yield from source(evidence)
    for encode, text in _ENCODINGS:
        yield _Guess("encode", encode, Cause("encoding", text))
    yield _Guess("method", evidence.method.lower(), Cause("method", "the method was signed in lower case"))


def _paths(evidence: Evidence) -> Iterator[_Guess]:
    path = evidence.target.partition("?")[0]
    likely = (
        (path, "without the query string"),
        (evidence.base + evidence.target, "with scheme and host"),
        (evidence.base + path, "with scheme and host, without the query string"),
        (unquote(evidence.target), "percent-decoded"),
        (path.rstrip("/"), "without the slash at the end"),
        (f"{path}/", "with a slash at the end"),
        (re.sub(r"^/v[\d.]+", "", evidence.target), "without the version"),
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
    tried: dict[str, str] = {
        sha256(b"").hexdigest(): "the body was left out of the signature",
        sha256(evidence.body).hexdigest(): "the body was hashed as sent, with its spaces; it is hashed minified",
    }
    for text, how in _respellings(minify(evidence.body)):
        tried.setdefault(
            sha256(text).hexdigest(),
            f"the body was serialised again after signing: signed was one with {how}; send the bytes that were signed",
        )
    right = sha256(minify(evidence.body)).hexdigest()
    for digest, how in tried.items():
        if digest != right:
            yield _Guess("digest", digest, Cause("body", how))
    yield _Guess("digest", right.upper(), Cause("digest", "the hash of the body was signed in upper case"))
    in_base64 = b64encode(bytes.fromhex(right)).decode()
    yield _Guess("digest", in_base64, Cause("digest", "the hash of the body was signed in base64; hex is expected"))


# --- the same body, spelled differently ----------------------------------------------------------------------------


class _Literal(str):
    """A number as it stands in the text."""

    __slots__ = ()


@frozen
class _Style:
    """How a serialiser writes."""

    escaped: bool = False
    slashes: bool = False
    spaces: bool = False
    ordered: bool = False
    numbers: str = "kept"

    def words(self) -> str:
        told = (
            (self.escaped, r"characters escaped as \uXXXX"),
            (self.slashes, r"slashes escaped as \/"),
            (self.spaces, "spaces after , and :"),
            (self.ordered, "keys in alphabetical order"),
            (self.numbers == "float", "numbers as 10000.0"),
            (self.numbers == "whole", "numbers as 10000"),
        )
        return " and ".join(words for holds, words in told if holds) or "nothing escaped and the numbers kept"


_BOTH: Final = (False, True)


def _respellings(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Return *body* in every style of the common serialisers, the least changed first."""
    try:
        value = json.loads(body, parse_float=_Literal, parse_int=_Literal)
    except (ValueError, RecursionError):
        return
    styles = [_Style(*one) for one in product(_BOTH, _BOTH, _BOTH, _BOTH, ("kept", "float", "whole"))]
    for style in sorted(styles, key=lambda one: one.words().count(" and ")):
        text = _spell(value, style).encode("utf-8", "surrogatepass")
        if text != body:
            yield text, style.words()


def _spell(value: Any, style: _Style) -> str:
    comma, colon = (", ", ": ") if style.spaces else (",", ":")
    if isinstance(value, Mapping):
        items = sorted(value.items()) if style.ordered else value.items()
        return "{" + comma.join(f"{_spell(key, style)}{colon}{_spell(one, style)}" for key, one in items) + "}"
    if isinstance(value, list):
        return "[" + comma.join(_spell(one, style) for one in value) + "]"
    if isinstance(value, _Literal):
        return _number(value, style.numbers)
    text = json.dumps(value, ensure_ascii=style.escaped)
    return text.replace("/", "\\/") if style.slashes else text


def _number(literal: str, numbers: str) -> str:
    if numbers == "kept" or len(literal) > 40:
        return str(literal)
    value = float(literal)
    return str(int(value)) if numbers == "whole" and value.is_integer() else str(value)


# --- RSA -----------------------------------------------------------------------------------------------------------


def explain_rsa(client_id: str, timestamp: str, signature: str, key: RSAPublicKey) -> tuple[Cause, ...]:
    """Return what explains the signature of a token call; empty when nothing known does."""
    found = _decode(signature, (key.key_size + 7) // 8)
    if found is None:
        return (Cause("encoding", "it is not the base64 of an RSA signature by a key of this size"),)
    raw, spelled = found
    for _, how, scheme in _fitting(client_id, timestamp, raw, key):
        told = (("encoding", spelled), ("text", how), ("algorithm", scheme))
        return tuple(Cause(name, words) for name, words in told if words)
    return ()


def signed_token_text(client_id: str, timestamp: str, signature: str, key: RSAPublicKey) -> str | None:
    """Return the text that the signature of a token call is over; None when no known mistake explains it."""
    found = _decode(signature, (key.key_size + 7) // 8)
    fitting = _fitting(client_id, timestamp, found[0], key) if found else iter(())
    return next((text for text, _, _ in fitting), None)


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
