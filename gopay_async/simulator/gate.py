"""The door: headers, clock, token and signature of every request, checked for real.  Knows no operation's fields.

What is not documented (which of several mistakes is answered first, the width of the time window) is decided here and
says so.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Final

from attrs import define, field
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from .. import signing
from ..credentials import Credentials
from ..errors import BadSignature
from ..models import format_time, parse_time
from ..operation import Auth, Need
from .books import Books
from .call import Call
from .clock import VirtualClock
from .diagnosis import Cause, Evidence, explain_hmac, explain_rsa
from .report import Finding, Report
from .respelling import is_sorted, is_too_large
from .signatures import CallAnatomy, TokenCallAnatomy

_Findings = Iterator[Finding]
#: Services whose table has "Token Not Found" beside "Invalid Token" (customer-top-up page and its family).
_SAYS_NOT_FOUND: Final = frozenset({"36", "37", "38", "39"})


@define(eq=False)
class Gate:
    """Checks who calls; what it learns about the caller it writes into the call."""

    credentials: Credentials = field(repr=False)
    books: Books = field(repr=False)
    clock: VirtualClock
    #: Spaces in a signed body are an error.
    strict: bool = False
    #: The window of X-TIMESTAMP; the provider does not publish it.
    tolerance: timedelta = timedelta(minutes=5)
    #: Paths that clients may have signed by mistake.
    paths: tuple[str, ...] = ()

    def check(self, call: Call) -> Report:
        """Return what was found; the call may go on when the report is `accepted`."""
        findings = tuple(_CHECKS[call.endpoint.auth](self, call))
        return Report(
            call.request,
            call.at,
            findings,
            call.anatomy,
            call.header("X-SIGNATURE"),
            call.explanation,
        )

    # --- BI-SNAP ---

    def client_key(self, call: Call) -> _Findings:
        """Check the token call: RSA over client id and time."""
        call.anatomy = TokenCallAnatomy(str(self.credentials.client_id), call.header("X-TIMESTAMP"), self._key)
        missing = tuple(_missing(call, "Content-Type", "X-TIMESTAMP", "X-CLIENT-KEY", "X-SIGNATURE"))
        yield from missing
        yield from _content_type(call)
        yield from self._timestamp(call)
        if call.header("X-CLIENT-KEY") not in ("", self.credentials.client_id):
            text = f"X-CLIENT-KEY is {call.header('X-CLIENT-KEY')!r}, expected was {self.credentials.client_id!r}"
            yield Finding("client", text, message="Unauthorized. Unknown client")
        if not missing:
            yield from self._rsa(call)

    def access_token(self, call: Call) -> _Findings:
        """Check everything else in BI-SNAP: access token and HMAC."""
        if not call.header("Authorization"):
            text = "the header Authorization is missing"
            yield Finding("missing-header", text, message="Unauthorized. Auth token required")
        needed = ("Content-Type", "X-TIMESTAMP", "X-SIGNATURE", "X-PARTNER-ID", "X-EXTERNAL-ID", "CHANNEL-ID")
        yield from _missing(call, *needed, *(("X-DEVICE-ID",) if call.endpoint.device else ()))
        yield from _content_type(call)
        yield from self._external_id(call)
        yield from self._timestamp(call)
        yield from self._partner(call)
        yield from self._token(call)
        yield from self._hmac(call)
        yield from self._customer(call)

    def _timestamp(self, call: Call) -> _Findings:
        text = call.header("X-TIMESTAMP")
        if not text:
            return
        try:
            moment = parse_time(text)
        except ValueError:
            yield _malformed("X-TIMESTAMP", f"{text[:40]!r} is not a time such as 2026-01-01T00:00:00+07:00")
            return
        behind = call.at - moment
        if abs(behind) > self.tolerance and self.clock.runs:
            # Who does not share a clock that was turned goes by the machine's, and must not be shut out.
            behind = min(behind, self.clock.outside() - moment, key=abs)
        if abs(behind) > self.tolerance:
            name = "stale" if behind > timedelta(0) else "future"
            yield Finding(name, self._off(call, behind), message="Unauthorized. Timestamp")

    def _off(self, call: Call, behind: timedelta) -> str:
        off, way = abs(behind), "behind" if behind > timedelta(0) else "ahead of"
        told = f"X-TIMESTAMP is {_in_words(off)} {way} the simulator's clock, which says {format_time(call.at)}"
        # The zone of Jakarta, give or take the way here.
        is_zone = abs(off - _ZONE) < self.tolerance
        hint = ". Is it the time of another zone, with the offset of this one?" if is_zone else ""
        return f"{told}; {_in_words(self.tolerance)} are allowed{hint}"

    def _external_id(self, call: Call) -> _Findings:
        call.external_id = text = call.header("X-EXTERNAL-ID")
        if len(text) > 36:
            yield _malformed("X-EXTERNAL-ID", f"has {len(text)} characters; at most 36 are allowed")
        elif text and call.endpoint.numeric_id and not (text.isascii() and text.isdigit()):
            yield _malformed("X-EXTERNAL-ID", "must be digits only for payouts")
        elif text and not text.replace("-", "").isalnum():
            yield _malformed("X-EXTERNAL-ID", "must be letters, digits and - only")

    def _partner(self, call: Call) -> _Findings:
        # Some pages take any partner id, others the given one: the narrower reading finds more mistakes (Q-HDR-5).
        partner, channel = call.header("X-PARTNER-ID"), call.header("CHANNEL-ID")
        if partner not in ("", self.credentials.partner_id):
            text = f"X-PARTNER-ID is {partner!r}, expected was {self.credentials.partner_id!r}"
            yield Finding("partner", text, message="Unauthorized. Unknown partner")
        if channel in ("", self.credentials.channel_id):
            return
        if not re.fullmatch(r"\d{5}", channel, re.ASCII):
            yield _malformed("CHANNEL-ID", f"is {channel!r}, must be exactly five digits")
        else:
            text = f"CHANNEL-ID is {channel!r}, expected was {self.credentials.channel_id!r}"
            yield Finding("channel", text, message="Unauthorized. Unknown channel")

    def _token(self, call: Call) -> _Findings:
        scheme, _, value = call.header("Authorization").partition(" ")
        if not scheme:
            return
        if scheme.lower() != "bearer" or not value:
            yield _malformed("Authorization", "must be the word Bearer, a space and the access token")
            return
        call.token = value
        token = self.books.tokens.get(value)
        if token is None:
            case = "03" if call.endpoint.service in _SAYS_NOT_FOUND else "01"
            yield Finding("foreign-token", _FOREIGN, case=case)
        elif token.revoked:
            yield Finding("revoked-token", "the access token was revoked", case="01")
        elif call.at >= token.expires_at:
            text = f"the access token expired at {token.expires_at.isoformat(timespec='seconds')}"
            yield Finding("expired-token", text, case="01")

    def _customer(self, call: Call) -> _Findings:
        header, needed = call.header("Authorization-Customer"), call.endpoint.customer
        if header and needed is Need.NEVER:
            # The page forbids it on a one-off charge (quirk Q-HDR-11); what is answered is not documented.
            yield _malformed("Authorization-Customer", "must not be sent with this call")
        elif header:
            call.customer_token = header.partition(" ")[2]
            call.link = self.books.people.links.get(call.customer_token)
            if call.link is None or not call.link.is_enabled:
                yield Finding("customer-token", "no customer is linked by this token", case="02", message=_NOT_LINKED)
        elif needed is Need.REQUIRED:
            yield Finding("missing-header", "the header Authorization-Customer is missing", case="02")

    def _hmac(self, call: Call) -> _Findings:
        body, received = call.request.body, call.header("X-SIGNATURE")
        compact = signing.minify(body)
        digest, timestamp = sha256(compact).hexdigest(), call.header("X-TIMESTAMP")
        call.anatomy = anatomy = CallAnatomy(call.request, call.token, digest, timestamp, self._secret)
        if not received:
            return
        if compact != body:
            text = _STRICT if self.strict else _SPACES
            yield Finding("spaces", text, message="Unauthorized. Signature", is_fatal=self.strict)
        try:
            signing.verify_hmac(anatomy.string_to_sign(), received, self._secret)
        except BadSignature:
            call.explanation = explain_hmac(self._evidence(call, received))
            yield from _unsigned(call.explanation.causes, _nothing_known(compact))

    def _evidence(self, call: Call, received: str) -> Evidence:
        return Evidence(
            method=call.request.method,
            base=call.request.base,
            target=call.request.target,
            token=call.token,
            body=call.request.body,
            timestamp=call.header("X-TIMESTAMP"),
            client_secret=self._secret,
            signature=received,
            other_tokens=tuple(self.books.tokens)[-20:],
            other_paths=self.paths,
        )

    def _rsa(self, call: Call) -> _Findings:
        client_id, timestamp = call.header("X-CLIENT-KEY"), call.header("X-TIMESTAMP")
        received = call.header("X-SIGNATURE")
        public = self._key.public_key()
        try:
            signing.verify_rsa(signing.token_string(client_id, timestamp), received, public)
        except BadSignature:
            call.explanation = explain_rsa(client_id, timestamp, received, public)
            yield from _unsigned(call.explanation.causes, _ANOTHER_KEY)

    @property
    def _secret(self) -> str:
        return str(self.credentials.client_secret)

    @property
    def _key(self) -> RSAPrivateKey:
        key = self.credentials.private_key
        assert key is not None  # the simulator completes the credentials it is given
        return key

    # --- the other families ---

    def server_key(self, call: Call) -> _Findings:
        """Check the Core API: Basic with the server key and a colon."""
        expected = b64encode(f"{self.credentials.server_key}:".encode()).decode()
        if call.header("Authorization") != f"Basic {expected}":
            text = _explain_basic(call.header("Authorization"), expected, str(self.credentials.server_key))
            yield Finding("server-key", text, message=_CORE_UNAUTHORIZED)
        yield from self._customer(call)

    def mini_app(self, call: Call) -> _Findings:
        """Check the mini-app's token call: Basic with the credential as received."""
        call.external_id = call.header("Request-Id")
        header, credential = call.header("Authorization"), str(self.credentials.mini_app_credential)
        if not header:
            yield _blank("Authorization")
        elif header != f"Basic {credential}":
            text = "Authorization is not Basic and the credential as it was given"
            if header == f"Basic {b64encode(credential.encode()).decode()}":
                text = "the credential was encoded once more; it is sent as it was given (quirk Q-MIN-9)"
            yield Finding("credential", text, case="110", message="Unauthorized")

    def user_token(self, call: Call) -> _Findings:
        """Check the other calls of the mini-app: Bearer with the user's token."""
        call.external_id = call.header("Request-Id")
        scheme, _, token = call.header("Authorization").partition(" ")
        if not scheme:
            yield _blank("Authorization")
            return
        if not call.external_id:
            # Mandatory on most pages, optional on some (quirk Q-MIN-4).
            yield _blank("Request-Id")
        call.user = self.books.people.users.get(token)
        if scheme.lower() != "bearer":
            yield Finding(
                "authorization", "must be the word Bearer, a space and the token", 400, "310", "Malformed data"
            )
        elif call.user is None:
            yield Finding("user-token", "no user has this token", case="110", message="Unauthorized")


_CHECKS: Final[dict[Auth, Callable[[Gate, Call], _Findings]]] = {
    Auth.CLIENT_KEY: Gate.client_key,
    Auth.ACCESS_TOKEN: Gate.access_token,
    Auth.SERVER_KEY: Gate.server_key,
    Auth.MINI_APP: Gate.mini_app,
    Auth.USER_TOKEN: Gate.user_token,
}
_NOTHING_KNOWN: Final = "no known mistake reproduces it: compare the client secret, and signed bytes with sent ones"
_SORTED: Final = "; its keys stand in alphabetical order: were they sorted after it was signed?"
_TOO_LARGE: Final = "; the body is too large for its other spellings to be tried: sign a short one to find out"
_ANOTHER_KEY: Final = "it was made with another key than the one that belongs to this client id, or over another text"
_SPACES: Final = "the body has spaces outside strings: the signature holds for the minified body"
_STRICT: Final = "the body has spaces outside strings, and strict mode refuses them: send what is signed, minified"
_ZONE: Final = timedelta(hours=7)
_FOREIGN: Final = "this access token was not issued by this simulator since it was started or reset: fetch a new one"
_NOT_LINKED: Final = "Invalid Customer Token"
_CORE_UNAUTHORIZED: Final = "Transaction cannot be authorized with the current client/server key."


def _in_words(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    return f"{seconds} s" if seconds < 7_200 else f"{seconds / 3600:.1f} h".replace(".0 h", " h")


def _missing(call: Call, *names: str) -> _Findings:
    for name in names:
        if not call.header(name):
            yield Finding(
                "missing-header", f"the header {name} is missing", 400, "02", f"Invalid Mandatory Field {name}"
            )


def _malformed(name: str, rule: str) -> Finding:
    return Finding("malformed-header", f"{name} {rule}", 400, "01", f"Invalid Field Format {name}")


def _blank(name: str) -> Finding:
    return Finding("missing-header", f"the header {name} is missing", 400, "303", f"{name} cannot be blank")


def _content_type(call: Call) -> _Findings:
    kind = call.header("Content-Type").partition(";")[0].strip().lower()
    if kind not in ("", "application/json"):
        yield _malformed("Content-Type", f"is {kind[:40]!r}, must be application/json")


def _nothing_known(body: bytes) -> str:
    return _NOTHING_KNOWN + (_TOO_LARGE if is_too_large(body) else _SORTED if is_sorted(body) else "")


def _unsigned(causes: tuple[Cause, ...], otherwise: str) -> _Findings:
    for cause in causes or (Cause("signature", otherwise),):
        yield Finding(cause.name, cause.text, message="Unauthorized. Signature")


def _explain_basic(header: str, expected: str, server_key: str) -> str:
    mistakes = {
        "": "the header Authorization is missing",
        f"Basic {b64encode(server_key.encode()).decode()}": "the colon after the server key is missing",
        f"Basic {server_key}": "the server key was not base64-encoded",
        f"Basic {server_key}:": "the server key was not base64-encoded",
        f"Bearer {expected}": "it says Bearer; Basic is expected",
    }
    return mistakes.get(header, "Authorization is not Basic and the base64 of the server key and a colon")
