"""How a signature is made: the text to sign, and the signature that it should have.  Computed when it is looked at.

Held with every request that is remembered, so they are small: no closures, nothing but what is signed.
"""

from typing import Protocol

from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from .. import signing
from ..exchange import Request


class Anatomy(Protocol):
    """One kind of signature."""

    def string_to_sign(self) -> str:
        """Return the text."""
        ...

    def sign(self, text: str) -> str:
        """Return the signature of *text*."""
        ...


@frozen
class CallAnatomy:
    """HMAC over everything that a call consists of."""

    request: Request
    token: str = field(repr=False)
    #: SHA-256 of the minified body.
    digest: str
    timestamp: str
    secret: str = field(repr=False)

    def string_to_sign(self) -> str:
        """Return the text."""
        method, target = self.request.method, self.request.target
        return signing.digested_string(method, target, self.token, self.digest, self.timestamp)

    def sign(self, text: str) -> str:
        """Return the signature of *text*."""
        return signing.sign_hmac(text, self.secret)


@frozen
class TokenCallAnatomy:
    """RSA over client id and time, for an access token."""

    client_id: str
    timestamp: str
    key: RSAPrivateKey = field(repr=False)

    def string_to_sign(self) -> str:
        """Return the text."""
        return signing.token_string(self.client_id, self.timestamp)

    def sign(self, text: str) -> str:
        """Return the signature of *text*."""
        return signing.sign_rsa(text, self.key)
