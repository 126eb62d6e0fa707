"""Whether a signature fits: which forms of a body are tried, and against which key.  Knows no header and no clock."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from .. import signing

_PADDING: Final = PKCS1v15()
_HASH: Final = SHA256()


def forms(body: bytes) -> Iterator[bytes]:
    """Yield the body as received, then without the whitespace outside strings where that makes a difference.

    What the provider sends is compact, so the first form nearly always decides, and costs half the time.
    """
    yield body
    compact = signing.minify(body)
    if compact != body:
        yield compact


def string_to_sign(path: str, form: bytes, timestamp: str) -> str:
    """Return what the provider signs for exactly these bytes."""
    return f"POST:{path}:{sha256(form).hexdigest()}:{timestamp}"


def fits(key: RSAPublicKey, signature: bytes, text: bytes) -> bool:
    """Whether *signature* is that of *text* by the owner of *key*: RSA PKCS#1 v1.5 with SHA-256, nothing else."""
    try:
        key.verify(signature, text, _PADDING, _HASH)
    except InvalidSignature:
        return False
    return True
