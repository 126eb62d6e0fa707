"""One `send` under way: what was tried, what may have happened, what may be tried again.  Sends nothing itself."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from attrs import define, field

from .credentials import Customer
from .errors import InvalidInput
from .exchange import Verdict, Word, check_external_id
from .fields import private_values
from .operation import Family, Operation, Retry
from .retry import same_day
from .transport import Departure

_log = logging.getLogger("gopay_async")


@define
class Call:
    """One `send` under way: what was tried so far, and what may have happened."""

    operation: Operation[Any]
    external_id: str
    #: Whether the caller chose the id, and so has it recorded.
    id_given: bool
    customer: Customer | None
    #: Scheme and host.
    base: str
    #: On the clock of the event loop.
    deadline: float
    #: When the first attempt began, and the last one.
    started: datetime
    sent_at: datetime
    repeats: int = 0
    token: str = field(default="", repr=False)
    #: The body's bytes and the token they were made with.
    body: bytes | None = field(default=None, repr=False)
    departure: Departure = field(factory=lambda: Departure(unsent=True))
    #: The last attempt whose outcome is not known; None for a read, which changes nothing.
    unknown: Verdict | None = None
    #: Whether an attempt, of a read too, left and got no usable answer.
    unanswered: bool = False
    #: Whether a rejected token was already replaced once.
    renewed: bool = False

    @property
    def name(self) -> str:
        """The operation's name."""
        return type(self.operation).__name__

    @property
    def may_have_left(self) -> bool:
        """Whether any byte of any attempt may have been sent."""
        return self.unanswered or not self.departure.unsent

    def remember(self, verdict: Verdict) -> None:
        """Keep what is not known; what was refused or not sent leaves nothing open, and neither does a read."""
        self.departure = Departure(unsent=True)
        if verdict.word is Word.UNKNOWN:
            self.unanswered = True
            self.unknown = verdict if self.operation.endpoint.changes else None

    @property
    def body_holds_token(self) -> bool:
        """Whether the access token is part of the body, so that another token makes another body."""
        return "access_token" in self.operation.endpoint.fills.values()

    @property
    def keeps_id(self) -> bool:
        """Whether a repeat goes out under the same id: so do QRIS, whose body holds it, and the mini-app's reads."""
        one = self.operation.endpoint
        return one.retry is Retry.SAME_ID or one.id_field is not None or one.family is Family.MINI_APP

    def may_go_out(self, until: datetime) -> bool:
        """Whether another attempt may go out under the same id: after an unknown outcome, on the same day only.

        *until* is the last moment at which it may leave, for it may still wait for a connection.
        """
        return self.unknown is None or same_day(self.started, until)

    def secrets(self) -> Iterator[str]:
        """Yield what no text may show: tokens, and the personal data of the operation."""
        yield self.token
        if self.customer is not None:
            yield self.customer.token
        yield from private_values(self.operation)


def required_id(operation: Operation[Any], external_id: str | None) -> str | None:
    """Return the id that must be used: the caller's, or the one that stands in the body."""
    field_name = operation.endpoint.id_field
    in_body = getattr(operation, field_name) if field_name else None
    if in_body is not None and external_id is not None and in_body != external_id:
        raise InvalidInput("external_id", f"must equal {field_name}, or be left out: it is then taken from there")
    chosen = external_id if external_id is not None else in_body
    if chosen is not None:
        check_external_id(operation, chosen)
    return chosen


def note_cancelled(call: Call, cancelled: asyncio.CancelledError, inquiry: Operation[Any] | None) -> None:
    """Add to *cancelled*, and to the log, what may have happened and how to learn it."""
    if not call.may_have_left or not call.operation.endpoint.changes:
        return
    ask = f"ask with {inquiry!r}" if inquiry else "there is no inquiry for it"
    text = f"{call.name} {call.external_id} was cancelled after it may have been sent: outcome unknown; {ask}"
    cancelled.add_note(text)
    _log.warning("%s", text)


def log_attempt(call: Call, verdict: Verdict, seconds: float) -> None:
    """Write the one DEBUG record of an attempt."""
    if not _log.isEnabledFor(logging.DEBUG):
        return
    code = verdict.received.code if verdict.received else ""
    _log.debug("%s %s %s %s %.3f s", call.name, call.external_id, verdict.word.value, code or verdict.reason, seconds)
