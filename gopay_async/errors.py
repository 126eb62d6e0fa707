"""Every exception of the package.  Knows what happened and what to do next; decides nothing.

GoPayError
 ├─ ConfigurationError              something must be set up before anything can be sent
 │   ├─ InvalidKey                  a key cannot be used
 │   └─ SessionMisuse               the session is closed, or belongs to another loop or process
 ├─ InvalidInput (ValueError)       a value breaks a documented rule; nothing was sent
 ├─ BadSignature                    a signature does not fit its text
 ├─ Unreadable                      bytes are not the message they should be
 ├─ OperationError                  a call did not end with its answer
 │   ├─ NotSent                     proved: no byte left
 │   │   └─ TokenUnavailable        there was no access token to send it with
 │   ├─ Refused                     the service said no
 │   │   ├─ Unauthorized            401xx00: signature, credentials or clock
 │   │   ├─ TokenRejected           401xx01, 401xx03: the access token
 │   │   ├─ CustomerTokenRejected   401xx02, 401xx04: the customer must link again
 │   │   ├─ InsufficientFunds       403xx14
 │   │   ├─ SuspectedFraud          403xx03, mini-app 4060
 │   │   ├─ NotFound                404xx01
 │   │   ├─ InvalidAccount          404xx11
 │   │   └─ RateLimited             429
 │   ├─ OutcomeUnknown              it may have been processed
 │   │   └─ Duplicate               409xx00, 409xx01: the service already holds this id or reference
 │   └─ Unavailable                 a read got no answer; nothing changed
 ├─ PayoutError                     a bulk payout cannot go on; nothing is lost
 │   ├─ BadRows                     a file, or another source, cannot be paid out as it is
 │   ├─ JobRefused                  another job, other credentials or another environment stand in the way
 │   └─ LedgerError                 the ledger cannot be used
 │       ├─ LedgerBusy              another process has it
 │       ├─ LedgerFull              the disk is full
 │       ├─ LedgerReadOnly          it cannot be written
 │       └─ LedgerCorrupt           it is damaged, or no ledger at all
 ├─ Imbalance                       the simulator's books do not balance: a defect of the simulator
 └─ WebhookError                    a notification was not accepted (its kinds: see `gopay_async.webhooks`)
     ├─ MissingHeader               400xx02
     ├─ MalformedNotification       400xx01
     ├─ Unauthenticated             401xx00
     ├─ StoreFailed                 500xx00: a store of the receiver did not answer
     ├─ NotConfirmed                500xx00: an inquiry says something else
     └─ NotIdempotent (AssertionError)  users' tests: the effect depends on how notifications were delivered
"""

from datetime import datetime
from typing import Any, ClassVar

from attrs import define, field, frozen

from .operation import Operation, Retry


class GoPayError(Exception):
    """Root of everything this package raises."""


class ConfigurationError(GoPayError):
    """Something must be set up before anything can be sent."""


class InvalidKey(ConfigurationError):
    """A key cannot be used; the text says why and never shows the key."""


class SessionMisuse(ConfigurationError):
    """The session is not open, or is used from another event loop or process than its own."""


class InvalidInput(GoPayError, ValueError):
    """A value breaks a documented rule; nothing was sent."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(field, rule)
        self.field = field
        self.rule = rule

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}"


class BadSignature(GoPayError):
    """A signature does not fit its text."""


class Unreadable(GoPayError):
    """Bytes are not the message they should be; the text names the place, never the content."""

    def __init__(self, detail: str, reason: str = "not_json") -> None:
        super().__init__(detail, reason)
        self.detail = detail
        #: For machines: not_json, not_utf8, byte_order_mark, duplicate_key, not_a_number, too_deep, huge_number,
        #: not_an_object.
        self.reason = reason

    def __str__(self) -> str:
        return self.detail


@frozen
class Received:
    """What came back: the evidence for a support ticket."""

    status: int
    code: str = ""
    message: str = ""
    raw: bytes = field(default=b"", repr=False)
    #: Seconds to wait, from Retry-After.
    retry_after: float | None = None


@define(eq=False, repr=False)
class OperationError(GoPayError):
    """A call did not end with its answer."""

    advice: ClassVar[str] = ""
    operation: Operation[Any]
    external_id: str
    #: Why, in words.
    reason: str = ""
    received: Received | None = None

    @property
    def code(self) -> str:
        """The response code as received, empty when there was none."""
        return self.received.code if self.received else ""

    @property
    def message(self) -> str:
        """The response message as received, empty when there was none."""
        return self.received.message if self.received else ""

    @property
    def status(self) -> int | None:
        """The HTTP status, None when nothing came back."""
        return self.received.status if self.received else None

    @property
    def raw(self) -> bytes:
        """The body as received."""
        return self.received.raw if self.received else b""

    def __str__(self) -> str:
        name = type(self.operation).__name__
        return f"{name} {self.external_id}: {self._happened()}. {self._advice()}".rstrip()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def _happened(self) -> str:
        return self.reason

    def _advice(self) -> str:
        return self.advice


@define(eq=False, repr=False)
class NotSent(OperationError):
    """Proved not sent: no byte of the request left, so no money moved."""

    advice = "Nothing was sent and no money moved; it can be sent again."


@define(eq=False, repr=False)
class TokenUnavailable(NotSent):
    """There was no access token to send the request with."""

    advice = "Nothing was sent and no money moved; the cause says why no access token could be had."


@define(eq=False, repr=False)
class Refused(OperationError):
    """The service understood the request and said no; no money moved."""

    advice = "No money moved. The same request will be refused again until its cause is mended."

    def _happened(self) -> str:
        said = " ".join(part for part in (_printable(self.code), _printable(self.message)) if part)
        status = f" (HTTP {self.status})" if self.status else ""
        why = f"; {self.reason}" if self.reason else ""
        return f"refused: {said or 'no reason given'}{status}{why}"


@define(eq=False, repr=False)
class Unauthorized(Refused):
    """The signature, a credential or the clock was not accepted (401xx00)."""

    advice = "No money moved. Check the private key, the client secret, the client id and the clock; do not repeat."


@define(eq=False, repr=False)
class TokenRejected(Refused):
    """The access token was not accepted and has been dropped (401xx01, 401xx03)."""

    advice = "Nothing was processed. Record the next external id, then send again: a new token will be fetched."


@define(eq=False, repr=False)
class CustomerTokenRejected(Refused):
    """The customer's token was not accepted (401xx02, 401xx04, mini-app 110)."""

    advice = "Nothing was processed. The customer must link, or log in, again."


@define(eq=False, repr=False)
class InsufficientFunds(Refused):
    """The paying account does not hold enough (403xx14)."""

    advice = "No money moved. Fund the account, then send a new request."


@define(eq=False, repr=False)
class SuspectedFraud(Refused):
    """The service suspects fraud (403xx03; 4060 in the mini-app backend)."""

    advice = "No money moved. Do not repeat; point the user to the provider's help."


@define(eq=False, repr=False)
class NotFound(Refused):
    """The service knows no such transaction (404xx01)."""

    advice = "A request that is still being processed may not be found yet: ten minutes are the documented wait."


@define(eq=False, repr=False)
class InvalidAccount(Refused):
    """The customer's account does not exist (404xx11)."""

    advice = "No money moved. Check the number with the customer."


@define(eq=False, repr=False)
class RateLimited(Refused):
    """Too many requests (429); nothing was processed."""

    advice = "Nothing was processed. Slow down, then send again."

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait, as the service said; None when it did not."""
        return self.received.retry_after if self.received else None


@define(eq=False, repr=False)
class OutcomeUnknown(OperationError):
    """The request may have been processed: only an inquiry, or a notification, tells."""

    #: When the last attempt began (aware).
    sent_at: datetime | None = None
    #: The operation to `send` in order to learn the outcome; None where the service has none.
    inquiry: Operation[Any] | None = None
    #: The earliest moment (aware) at which the inquiry's "not found" means anything.
    ask_after: datetime | None = None

    def _happened(self) -> str:
        said = f" ({_printable(self.code)} {_printable(self.message)})" if self.code else ""
        return f"outcome unknown: {self.reason}{said}"

    def _advice(self) -> str:
        if self.inquiry is None:
            return _NO_INQUIRY[self.operation.endpoint.retry]
        when = f", not before {self.ask_after.isoformat(timespec='seconds')}" if self.ask_after else ""
        return (
            f"The money may have moved. Do not send it again: ask with {type(self.inquiry).__name__} "
            f"(error.inquiry){when}."
        )


@define(eq=False, repr=False)
class Duplicate(OutcomeUnknown):
    """The service already holds a request with this id or reference (409xx00, 409xx01)."""


@define(eq=False, repr=False)
class Unavailable(OperationError):
    """A read got no usable answer; nothing changed."""

    advice = "Nothing changed; ask again later."

    def _happened(self) -> str:
        said = f" ({_printable(self.code)} {_printable(self.message)})" if self.code else ""
        return f"no usable answer: {self.reason}{said}"


class PayoutError(GoPayError):
    """A bulk payout cannot go on; what was committed stays, and nothing is lost."""


class BadRows(PayoutError):
    """Rows cannot be paid out as they are; *problems* holds every one of them, and nothing was sent."""

    def __init__(self, text: str, problems: tuple[Any, ...] = ()) -> None:
        super().__init__(text, problems)
        self.text = text
        self.problems = problems

    def __str__(self) -> str:
        return self.text


class JobRefused(PayoutError):
    """Another job, other credentials or another environment stand in the way; nothing was sent."""


class LedgerError(PayoutError):
    """The ledger cannot be used; the run stops, and what was committed stays."""


class LedgerBusy(LedgerError):
    """Another process has the ledger; the text says which."""


class LedgerFull(LedgerError):
    """The disk of the ledger is full."""


class LedgerReadOnly(LedgerError):
    """The ledger cannot be written, or not even opened."""


class LedgerCorrupt(LedgerError):
    """The ledger is damaged, or the file is no ledger."""


class Imbalance(GoPayError):
    """The simulator's books do not balance: a defect of the simulator."""


class WebhookError(GoPayError):
    """A notification was not accepted; *reason* is for machines, the text for the operator's log."""

    #: HTTP status and case digits of the reply.
    status: ClassVar[int] = 400
    case: ClassVar[str] = "00"
    public: ClassVar[str] = "Bad Request"

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


class MissingHeader(WebhookError):
    """A header is missing or appears twice."""

    status, case, public = 400, "02", "Invalid Mandatory Field"


class MalformedNotification(WebhookError):
    """A header or the body cannot be read."""

    status, case, public = 400, "01", "Invalid Field Format"


class Unauthenticated(WebhookError):
    """The notification does not prove that the provider sent it to us, just now."""

    status, case, public = 401, "00", "Unauthorized"


class StoreFailed(WebhookError):
    """A store of the receiver did not answer; the provider will send again."""

    status, case, public = 500, "00", "General Error"


class NotConfirmed(WebhookError):
    """The provider's own inquiry says something else than its notification; do not act on it yet."""

    status, case, public = 500, "00", "General Error"


class NotIdempotent(WebhookError, AssertionError):
    """In a user's test, the effect depended on how the notifications were delivered; *reason* names the way."""


_AGAIN = "send the same operation again with the same external_id, never with a new one"
_NO_INQUIRY = {
    Retry.SAME_ID: f"It may have been processed. There is no inquiry for it: {_AGAIN}.",
    Retry.NEVER: "It may have been processed. There is no inquiry for it: a new try needs a new external_id.",
    Retry.INQUIRE: "It may have been processed. Do not send it again before the provider has said what became of it.",
    Retry.RESEND: "Nothing changed; ask again.",
}


def _printable(message: str) -> str:
    # The text comes from the network: control characters would write into logs and terminals.
    return "".join(char if char.isprintable() else " " for char in message[:150]).strip()
