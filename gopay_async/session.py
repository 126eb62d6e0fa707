"""The session: one pool, one token, one way to send.  Knows the order of things; the parts know how."""

import asyncio
import logging
import os
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, NoReturn, Self, TypeVar, cast

from attrs import evolve

from . import exchange
from .api import IssueToken, QueryTopUp, QueryTransfer, TokenIssued, TopUp
from .call import Call, log_attempt, note_cancelled, required_id
from .clock import Clock, SystemClock
from .credentials import Credentials, Customer, Environment
from .errors import (
    Duplicate,
    InvalidInput,
    NotSent,
    OperationError,
    OutcomeUnknown,
    Refused,
    SessionMisuse,
    TokenRejected,
    TokenUnavailable,
    Unauthorized,
    Unavailable,
)
from .exchange import Request, Verdict, Word
from .models import WIB, new_external_id
from .operation import Answer, Auth, Operation, Retry
from .retry import wait_before_repeat
from .tokens import MemoryTokenStore, TokenSource, TokenStore
from .transport import AiohttpTransport, Departure, Transport

T = TypeVar("T", bound=Answer)
_log = logging.getLogger("gopay_async")
#: How long after the last moment of sending a top-up's "not found" means nothing (customer-top-up page).
TOP_UP_PATIENCE: Final = timedelta(minutes=10)
_SKEW: Final = timedelta(seconds=30)
#: Seconds between two looks at the provider's clock.
_SKEW_EVERY: Final = 10.0


class GoPaySession:
    """One connection pool and one access token for all coroutines of an event loop.

    *timeout* and every other time is in seconds.  *token_store* shares the token between processes; *transport*
    replaces the network, for example by a simulator; *clock* replaces time in tests.  *top_up_inquiry* is the contract
    that settles a top-up: `QueryTransfer` (36) or `QueryTopUp` (39); neither is confirmed against the live service.

        async with GoPaySession(Credentials.from_env(), Environment.SANDBOX) as gopay:
            payment = await gopay.send(CreatePayment(...), external_id=order.external_id)
    """

    def __init__(
        self,
        credentials: Credentials,
        environment: Environment,
        *,
        transport: Transport | None = None,
        token_store: TokenStore | None = None,
        timeout: float = 30.0,
        connections: int = 100,
        top_up_inquiry: type[QueryTransfer] | type[QueryTopUp] = QueryTransfer,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._credentials = credentials
        self._environment = environment
        self._timeout = _seconds("timeout", timeout)
        self._top_up_inquiry = top_up_inquiry
        self._clock = clock or SystemClock()
        self._jitter = jitter
        self._transport = transport or AiohttpTransport(connections=_at_least_one(connections))
        self._owner: tuple[int, asyncio.AbstractEventLoop] | None = None
        self._closed = False
        self._skew_warned = False
        self._skew_due = float("-inf")
        key = f"{environment.name}:{credentials.client_id}"
        self._tokens = TokenSource(self._issue_token, token_store or MemoryTokenStore(), key, self._clock)

    def __repr__(self) -> str:
        return f"<GoPaySession {self._environment.name} client_id={self._credentials.client_id}>"

    async def __aenter__(self) -> Self:
        if self._closed:
            raise SessionMisuse("This session is closed; make a new one.")
        if self._owner is not None:
            self._check_owner()
        self._owner = (os.getpid(), asyncio.get_running_loop())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the pool and stop a token fetch that is under way.  A `send` that still runs ends in an error."""
        self._closed = True
        if self._owner is not None and self._owner[0] != os.getpid():
            # After a fork the connections are the parent's: closing them here would write into its conversations.
            return
        try:
            await self._tokens.aclose()
        finally:
            await self._transport.aclose()

    async def send(
        self,
        operation: Operation[T],
        *,
        external_id: str | None = None,
        customer: Customer | None = None,
        timeout: float | None = None,
    ) -> T:
        """Send *operation* and return its answer.

        *external_id* is sent as X-EXTERNAL-ID (mini-app: Request-Id); where money moves, make it with
        `new_external_id()` and store it first.  *customer* is the linked customer or mini-app user it is made for.
        *timeout* is the budget in seconds for everything: token, free connection, repeats.

        Raises InvalidInput, ConfigurationError and SessionMisuse before any network; then NotSent (proved), Refused and
        its kinds, OutcomeUnknown (Duplicate) for what may have been processed, and Unavailable for reads.
        """
        self._check_owner()
        call = self._begin(operation, external_id, customer, timeout)
        try:
            async with asyncio.timeout_at(call.deadline):
                return cast(T, await self._until_answered(call))
        except TimeoutError:
            raise self._timed_out(call) from None
        except asyncio.CancelledError as cancelled:
            note_cancelled(call, cancelled, self._inquiry(call))
            raise

    # --- before ---

    def _check_owner(self) -> None:
        if self._closed:
            raise SessionMisuse("This session is closed; make a new one.")
        if self._owner is None:
            raise SessionMisuse("This session is not open: use it inside 'async with GoPaySession(...) as gopay:'.")
        pid, loop = self._owner
        if pid != os.getpid():
            raise SessionMisuse("This session was opened in another process: open one after the fork.")
        if loop is not asyncio.get_running_loop():
            raise SessionMisuse("This session was opened in another event loop: open one in each loop.")

    def _begin(
        self, operation: Operation[Any], external_id: str | None, customer: Customer | None, timeout: float | None
    ) -> Call:
        if not isinstance(operation, Operation):
            raise InvalidInput("operation", f"must be an operation of gopay_async.api, not {type(operation).__name__}")
        exchange.check(operation, self._credentials, customer)
        base = self._environment.base(operation.endpoint.family)
        required = required_id(operation, external_id)
        now = self._clock.now()
        budget = self._timeout if timeout is None else _seconds("timeout", timeout)
        return Call(
            operation,
            required or new_external_id(),
            required is not None,
            customer,
            base=base,
            deadline=asyncio.get_running_loop().time() + budget,
            started=now,
            sent_at=now,
        )

    # --- during ---

    async def _until_answered(self, call: Call) -> Answer:
        while True:
            verdict = await self._attempt(call)
            if verdict.answer is not None:
                return verdict.answer
            call.remember(verdict)
            wait = self._next(call, verdict)
            if wait is None:
                self._fail(call, verdict)
            await self._clock.sleep(wait)

    async def _attempt(self, call: Call) -> Verdict:
        await self._prepare(call)
        if call.unknown is not None and not call.may_go_out(self._clock.now() + timedelta(seconds=_left(call))):
            self._fail(call, call.unknown)
        if self._closed:
            self._fail(call, Verdict(Word.NOT_SENT, "the session was closed"))
        request = self._build(call)
        began = self._clock.monotonic()
        try:
            response = await self._transport.send(request, call.departure)
        except Exception as error:  # noqa: BLE001  # whatever a transport raises, the departure says what it proves
            word = Word.NOT_SENT if call.departure.unsent else Word.UNKNOWN
            verdict = Verdict(word, f"no answer ({_words(error)})", again=True)
        else:
            call.departure.unsent = False
            verdict = exchange.read(call.operation, call.external_id, response)
            verdict = self._mind_the_clock(verdict, response)
            if verdict.answer is None:
                verdict = evolve(verdict, received=exchange.masked(verdict.received, call.secrets()))
        log_attempt(call, verdict, self._clock.monotonic() - began)
        return verdict

    async def _prepare(self, call: Call) -> None:
        """Get the token and make the body, once for all repeats with the same token."""
        endpoint = call.operation.endpoint
        if endpoint.auth is Auth.ACCESS_TOKEN:
            token = self._tokens.current() or await self._access_token(call)
            if call.unknown is not None and token != call.token and call.body_holds_token:
                # Other bytes under the same id would be another request.
                reason = f"{call.unknown.reason}; not repeated, because the token in its body has been renewed"
                self._fail(call, evolve(call.unknown, reason=reason))
            if token != call.token:
                call.token, call.body = token, None
        if call.body is None:
            call.body = exchange.serialise(
                call.operation, self._credentials, access_token=call.token, customer=call.customer
            )

    async def _access_token(self, call: Call) -> str:
        try:
            return await self._tokens.get()
        except Exception as error:
            if call.unanswered:
                self._fail(call, call.unknown or Verdict(Word.UNKNOWN, f"no access token ({error})"), cause=error)
            raise TokenUnavailable(call.operation, call.external_id, f"no access token ({error})") from error

    def _build(self, call: Call) -> Request:
        call.sent_at = self._clock.now()
        call.departure = Departure()
        return exchange.build(
            call.operation,
            self._credentials,
            base=call.base,
            external_id=call.external_id,
            at=call.sent_at,
            body=call.body or b"",
            access_token=call.token,
            customer=call.customer,
        )

    def _next(self, call: Call, verdict: Verdict) -> float | None:
        """Return the seconds until the next attempt, and make the call ready for it; None when there is none."""
        if verdict.error is TokenRejected:
            return self._after_rejected_token(call)
        wait = wait_before_repeat(
            call.operation.endpoint.retry,
            verdict,
            repeats=call.repeats,
            started=call.started,
            now=self._clock.now(),
            left=_left(call),
            jitter=self._jitter(),
        )
        if wait is not None:
            call.repeats += 1
            if not call.keeps_id:
                call.external_id = new_external_id()
        return wait

    def _after_rejected_token(self, call: Call) -> float | None:
        self._tokens.reject(call.token)
        retry = call.operation.endpoint.retry
        recorded = call.id_given and retry in (Retry.INQUIRE, Retry.NEVER) and not call.keeps_id
        open_body = call.unknown is not None and call.body_holds_token
        if call.renewed or open_body or recorded or call.operation.endpoint.auth is not Auth.ACCESS_TOKEN:
            return None
        call.renewed = True
        if not call.keeps_id:
            call.external_id = new_external_id()
        return 0.0

    async def _issue_token(self) -> TokenIssued:
        return await self.send(IssueToken())

    def _mind_the_clock(self, verdict: Verdict, response: exchange.Response) -> Verdict:
        now = self._clock.monotonic()
        if verdict.error is not Unauthorized and now < self._skew_due:
            return verdict
        ahead = exchange.skew(response, self._clock.now())
        if ahead is None:
            return verdict
        self._skew_due = now + _SKEW_EVERY
        if abs(ahead) < _SKEW:
            return verdict
        words = f"the provider's clock is {ahead.total_seconds():+.0f} s from ours"
        if not self._skew_warned:
            self._skew_warned = True
            _log.warning("clock skew: %s; signatures carry the time", words)
        if verdict.error is Unauthorized:
            return evolve(verdict, reason=words)
        return verdict

    # --- after ---

    def _fail(self, call: Call, verdict: Verdict, *, cause: BaseException | None = None) -> NoReturn:
        """Raise what *verdict*, the last one, and the attempts before it come to."""
        if call.unknown is None:
            if call.unanswered and verdict.word is Word.NOT_SENT:
                # A read, of which an attempt before did leave.
                verdict = evolve(verdict, word=Word.UNKNOWN)
            raise self._error(call, verdict) from cause
        if verdict.word is not Word.UNKNOWN:
            # The first attempt may have taken the balance that the second one lacks: only an inquiry settles it.
            cause = cause or self._error(call, verdict)
            verdict = call.unknown
        raise self._error(call, verdict) from cause

    def _error(self, call: Call, verdict: Verdict) -> OperationError:
        given = (call.operation, call.external_id, verdict.reason, verdict.received)
        if verdict.word is Word.NOT_SENT:
            return NotSent(*given)
        if verdict.word is Word.REFUSED:
            return (verdict.error or Refused)(*given)
        return self._not_known(call, verdict)

    def _not_known(self, call: Call, verdict: Verdict) -> OperationError:
        given = (call.operation, call.external_id, verdict.reason, verdict.received)
        if not call.operation.endpoint.changes:
            return Unavailable(*given)
        kind = Duplicate if verdict.error is Duplicate else OutcomeUnknown
        inquiry = self._inquiry(call)
        return kind(*given, call.sent_at, inquiry, self._ask_after(call) if inquiry else None)

    def _inquiry(self, call: Call) -> Operation[Any] | None:
        if isinstance(call.operation, TopUp):
            return self._top_up_inquiry.of(call.operation, call.external_id)
        return call.operation.inquiry(call.external_id)

    def _ask_after(self, call: Call) -> datetime:
        # Until the transport gave up, which is now, bytes may still have been leaving.
        now = self._clock.now().astimezone(WIB)
        return now + TOP_UP_PATIENCE if isinstance(call.operation, TopUp) else now

    def _timed_out(self, call: Call) -> OperationError:
        reason = "the time for the whole call is over"
        if not call.may_have_left:
            kind = TokenUnavailable if call.body is None else NotSent
            return kind(call.operation, call.external_id, reason)
        return self._not_known(call, call.unknown or Verdict(Word.UNKNOWN, f"no answer: {reason}"))


def _words(error: BaseException) -> str:
    """Return what kind of *error* it was, and what the operating system or TLS says of it; its own text is not ours."""
    causes = [one for one in (error, error.__cause__, error.__context__) if one is not None]
    # A certificate first: its errors call themselves errors of the operating system too, with a number that means less.
    said = [getattr(one, "verify_message", "") for one in causes]
    said += [os.strerror(one.errno) for one in causes if isinstance(one, OSError) and one.errno]
    words = next((text for text in said if text), "")
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _left(call: Call) -> float:
    """Return the seconds that are left for *call*."""
    return call.deadline - asyncio.get_running_loop().time()


def _seconds(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 86_400:
        raise InvalidInput(name, "must be a number of seconds above 0 and below 86400")
    return float(value)


def _at_least_one(connections: int) -> int:
    if isinstance(connections, bool) or not isinstance(connections, int) or connections < 1:
        raise InvalidInput("connections", "must be 1 or more")
    return connections
