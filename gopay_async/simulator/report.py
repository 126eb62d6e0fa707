"""What the gate found out about a request, and the signature taken apart.  Decides nothing.

The anatomy (digests, string to sign, expected signature) is computed when it is looked at, never on the way.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any

from attrs import define, field, frozen

from .. import signing
from ..exchange import Request
from .diagnosis import Explanation
from .signatures import Anatomy


@frozen
class Finding:
    """One thing that is wrong, or only strange, about a request."""

    #: For machines: stale, path, body, spaces, ...
    name: str
    #: For people: what was expected and what was received.
    text: str
    #: What it is answered with.
    status: int = 401
    case: str = "00"
    #: The words of the answer.
    message: str = ""
    is_fatal: bool = True


@define(eq=False)
class Report:
    """A request with its signature taken apart."""

    request: Request
    received_at: datetime
    findings: tuple[Finding, ...] = ()
    #: None where a call carries no signature (Core API, mini-app).
    anatomy: Anatomy | None = field(default=None, repr=False)
    received_signature: str = field(default="", repr=False)
    #: Of a signature that does not fit.
    explanation: Explanation | None = field(default=None, repr=False)

    @property
    def fault(self) -> Finding | None:
        """The first finding that is fatal."""
        return next((one for one in self.findings if one.is_fatal), None)

    @property
    def accepted(self) -> bool:
        """Whether the request passed."""
        return self.fault is None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the findings."""
        return tuple(one.name for one in self.findings)

    @property
    def minified(self) -> bytes:
        """The body that is hashed: as received, without whitespace outside strings."""
        return signing.minify(self.request.body)

    @property
    def minified_digest(self) -> str:
        """SHA-256 of the minified body: what belongs into the string to sign."""
        return signing.digest(self.request.body)

    @property
    def raw_digest(self) -> str:
        """SHA-256 of the body as received."""
        return sha256(self.request.body).hexdigest()

    @property
    def string_to_sign(self) -> str:
        """What should have been signed; empty where nothing is."""
        return self.anatomy.string_to_sign() if self.anatomy else ""

    @property
    def expected_signature(self) -> str:
        """The signature that would have passed; empty where there is none."""
        return self.anatomy.sign(self.anatomy.string_to_sign()) if self.anatomy else ""

    @property
    def signed(self) -> str | None:
        """The string that was signed; None where that is not known, or nothing is signed."""
        if self.explanation is not None:
            return self.explanation.text
        fits = self.received_signature and self.received_signature == self.expected_signature
        return self.string_to_sign if fits else None

    @property
    def signed_parts(self) -> tuple[str, ...]:
        """The parts of a string that was signed and is not the right one; empty where they are not known."""
        return self.explanation.parts if self.explanation else ()

    @property
    def signed_body(self) -> bytes | None:
        """The body that was signed, where it is known to be another spelling than the one received."""
        return self.explanation.body if self.explanation else None

    def as_json(self) -> dict[str, Any]:
        """Return everything, as JSON can hold it."""
        return {
            "method": self.request.method,
            "target": self.request.target,
            "received_at": self.received_at.isoformat(),
            "accepted": self.accepted,
            "findings": [{"name": one.name, "text": one.text, "fatal": one.is_fatal} for one in self.findings],
            "string_to_sign": self.string_to_sign,
            "signed_string": self.signed,
            "received_signature": self.received_signature,
            "expected_signature": self.expected_signature,
            "raw_digest": self.raw_digest,
            "minified_digest": self.minified_digest,
        }

    def explain(self) -> str:
        """Return the report as lines of text, without the body."""
        lines = [f"{self.request.method} {self.request.target}: {'accepted' if self.accepted else 'refused'}"]
        lines += [f"  {'!' if one.is_fatal else '-'} {one.name}: {one.text}" for one in self.findings]
        if self.anatomy:
            lines += [
                f"  string to sign      {self.string_to_sign}",
                f"  expected signature  {self.expected_signature}",
                f"  received signature  {self.received_signature}",
                f"  SHA-256 as received {self.raw_digest}",
                f"  SHA-256 minified    {self.minified_digest}",
            ]
        return "\n".join(lines)
