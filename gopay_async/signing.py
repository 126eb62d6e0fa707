"""The strings to sign, and signing and verifying side by side.  Does not know headers, credentials or the clock."""

import hmac
import re
from base64 import b64decode, b64encode
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from .errors import BadSignature, InvalidInput

# A stretch without JSON whitespace, strings taken whole; an open string runs to the end. Possessive throughout: no
# input makes it look back, so the time is linear. Joining what is kept takes a fifth of the time of substituting.
_KEPT = re.compile(rb'(?:[^" \t\n\r]++|"(?:[^"\\]++|\\.)*+"?+)++', re.DOTALL)


def minify(body: bytes) -> bytes:
    """Return *body* without the JSON whitespace outside strings; nothing is decoded, so nothing else can change.

    Any bytes are allowed; those without whitespace come back as the same object.
    """
    return body if _is_compact(body) else b"".join(_KEPT.findall(body))


def _is_compact(body: bytes) -> bool:
    """Whether *body* plainly has nothing to remove, the usual case; splitting tells it in a third of the time."""
    if b"\\" in body:
        return False
    # Without escapes every second piece between quotes lies outside strings.
    outside = b"".join(body.split(b'"')[::2])
    return outside.split(None, 1) == [outside]


def digest(body: bytes) -> str:
    """Return the SHA-256 of the minified *body* in lower-case hex; no body is ``b""``."""
    return sha256(minify(body)).hexdigest()


def token_string(client_id: str, timestamp: str) -> str:
    """Return what is signed to ask for an access token."""
    return f"{client_id}|{timestamp}"


def transaction_string(method: str, path: str, access_token: str, body: bytes, timestamp: str) -> str:
    """Return what is signed for a call; *path* has its query exactly as sent, *access_token* no ``Bearer``."""
    return digested_string(method, path, access_token, digest(body), timestamp)


def digested_string(method: str, path: str, access_token: str, digest_of_body: str, timestamp: str) -> str:
    """Return `transaction_string` for a body of which only the digest is at hand."""
    return f"{method.upper()}:{path}:{access_token}:{digest_of_body}:{timestamp}"


def notification_string(method: str, path: str, body: bytes, timestamp: str) -> str:
    """Return what the provider signs for a notification: as for a call, without the token."""
    return f"{method.upper()}:{path}:{digest(body)}:{timestamp}"


def sign_rsa(text: str, private_key: RSAPrivateKey) -> str:
    """Return the base64 signature of *text*, RSA PKCS#1 v1.5 with SHA-256."""
    return b64encode(private_key.sign(_utf8(text, "text"), PKCS1v15(), SHA256())).decode()


def verify_rsa(text: str, signature: str, public_key: RSAPublicKey) -> None:
    """Raise BadSignature unless *signature* is the one base64 spelling of a signature of *text* by the key's owner."""
    raw = _canonical(signature, (public_key.key_size + 7) // 8)
    try:
        public_key.verify(raw, text.encode(), PKCS1v15(), SHA256())
        return
    except (InvalidSignature, UnicodeEncodeError):
        pass
    raise BadSignature("the signature does not fit the text and the key")


def sign_hmac(text: str, client_secret: str) -> str:
    """Return the base64 HMAC-SHA512 of *text*; the secret is the text as issued, never base64-decoded."""
    signed = _keyed(client_secret).copy()
    signed.update(_utf8(text, "text"))
    return b64encode(signed.digest()).decode()


# Preparing the key costs more than the rest of a signature.
@lru_cache(maxsize=16)
def _keyed(client_secret: str) -> hmac.HMAC:
    return hmac.new(_utf8(client_secret, "client_secret"), digestmod="sha512")


def verify_hmac(text: str, signature: str, client_secret: str) -> None:
    """Raise BadSignature unless *signature* is that of *text*; compared in constant time."""
    try:
        expected = sign_hmac(text, client_secret).encode()
        if hmac.compare_digest(expected, signature.encode()):
            return
    except (InvalidInput, UnicodeEncodeError):
        pass
    raise BadSignature("the signature does not fit the text and the secret")


def _utf8(text: str, field: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass
    # After the handler: the error of the codec holds the whole text, access token included.
    raise InvalidInput(field, "must be Unicode text without lone surrogates")


def _canonical(signature: str, size: int) -> bytes:
    """Decode *signature*; base64 has up to 16 spellings of the same bytes, and only the regular one is accepted."""
    with suppress(ValueError):
        raw = b64decode(signature)
        # What the decoder overlooks, strange characters and stray bits, does not come back.
        if len(raw) == size and b64encode(raw).decode() == signature:
            return raw
    raise BadSignature(f"the signature is not the canonical base64 of {size} bytes")
