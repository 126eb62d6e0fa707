"""The receiver as a plain ASGI application.  Knows when to acknowledge; the verifier knows what to believe."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from datetime import timedelta
from typing import Any, Final, Protocol, runtime_checkable

from ..api import Notification
from ..clock import Clock, SystemClock
from ..errors import ConfigurationError, Unauthenticated, WebhookError
from . import observing
from .addresses import SourceCheck
from .handling import Handler, Handling, Outcome
from .observing import log
from .replay import MemoryReplayStore, ReplayStore
from .replies import Reply, Send
from .typed import kind_of
from .verifier import Verifier

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

#: Seconds between two hints in the log: an attacker must not make us try every path and key for each message.
_HINT_EVERY: Final = 60.0
_UNSIGNED: Final = ("wrong_signature", "signature_length")


@runtime_checkable
class Choosy(Protocol):
    """A handler that does not take every kind."""

    def check_kind(self, kind: type[Notification] | None) -> None:
        """Raise ConfigurationError for a kind that it must not be given."""
        ...


class _Gone(Exception):
    """The sender disconnected before its request was complete."""


class _Stop(Exception):
    """The request is answered without looking at its signature."""

    def __init__(self, reply: Reply, reason: str = "", detail: str = "") -> None:
        super().__init__(reply)
        self.reply = reply
        self.reason = reason or str(reply.status)
        self.detail = detail or reply.message


class NotificationApp:
    """Mounts in any ASGI application or server; verifies, awaits *handler* once per event, and only then acknowledges.

    *verifiers* is one verifier or several, of different kinds.  *handler* is async and takes the notification, or is a
    durable `Inbox`; when it raises, or takes longer than *handler_timeout*, the answer is 500 and the provider sends
    again (after 2, 10, 30, 90 and 210 minutes).  A sender that disconnects does not cancel it.

    *store* remembers what was handled; without one, this process does, until it ends: give one where several processes
    listen, and for payouts, which can be replayed for ever.  *lease* is how long an event stays claimed when the
    process dies in the middle.  A duplicate of one that is being handled waits *patience* for its result.

    *sources* checks addresses.  *max_body* is in bytes, *max_requests* how many are looked at once, times in seconds.
    Lifespan events are not needed; with them, or with `aclose`, handlers at work are waited for.

    Raises ConfigurationError for what could lose a notification or handle one twice: a store that forgets too early, a
    handler that is not async, a *handler_timeout* that is not below the *lease*.
    """

    def __init__(
        self,
        verifiers: Verifier | Iterable[Verifier],
        handler: Handler,
        *,
        store: ReplayStore | None = None,
        sources: SourceCheck | None = None,
        handler_timeout: float = 12.0,
        lease: float = 30.0,
        patience: float = 5.0,
        max_body: int = 65_536,
        max_requests: int = 1_000,
        read_timeout: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        self._verifiers = tuple(verifiers) if isinstance(verifiers, Iterable) else (verifiers,)
        if not self._verifiers:
            raise ConfigurationError("NotificationApp needs at least one verifier")
        if not _is_async(handler):
            raise ConfigurationError("the handler must be async: 'async def handler(notification)'")
        self._clock = clock or SystemClock()
        _check_handler(handler, self._verifiers)
        remembering = _store(store, handler, self._verifiers)
        self._handling = Handling(remembering, handler, self._clock, lease, handler_timeout, patience)
        self._sources = sources
        self._max_body = max_body
        self._max_requests = max_requests
        self._read_timeout = read_timeout
        self._accepted = {one.service: Reply.accepted(one.service) for one in self._verifiers}
        self._requests = 0
        self._hint_due = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1003})
        else:
            await self._guarded(scope, receive, send)

    async def aclose(self, *, timeout: float | None = None) -> bool:
        """Take nothing new, and wait for the handlers at work, at most *timeout*; return whether all have ended.

        What is refused meanwhile is answered with 500: the provider sends it again.
        """
        self._handling.closed = True
        return await self._handling.finish(timeout)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._handling.closed = False
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._requests += 1
        try:
            with observing.span(_route(scope)) as one:
                await self._answer(scope, receive, send, one)
        except _Gone:
            log.debug("the sender left before its request was complete")
        finally:
            self._requests -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send, one: Any) -> None:
        try:
            candidates = self._check(scope)
            body = await self._read(receive, candidates[0].service)
        except _Stop as stop:
            reply = stop.reply
            observing.refused(_route(scope), stop.reason, stop.detail, one)
        else:
            reply = await self._process(candidates, scope, body, one)
        observing.answered(_route(scope), reply.status, reply.code, one)
        await reply.send(send, self._clock)

    def _check(self, scope: Scope) -> tuple[Verifier, ...]:
        """Return the verifiers for the route; refuse before anything is read what cannot be a notification."""
        route = _route(scope)
        candidates = tuple(one for one in self._verifiers if _may_carry(route, one))
        if not candidates:
            raise _Stop(Reply.plain(404))
        service = candidates[0].service
        if scope["method"] != "POST":
            raise _Stop(Reply.plain(405, service))
        self._check_source(scope, service)
        if self._handling.closed or self._requests > self._max_requests:
            raise _Stop(Reply.plain(500, service))
        self._check_headers(scope, service)
        return candidates

    def _check_source(self, scope: Scope, service: str) -> None:
        try:
            if self._sources is not None:
                self._sources.check(scope)
        except WebhookError as error:
            raise _Stop(Reply.refused(error, service), error.reason, error.detail) from None

    def _check_headers(self, scope: Scope, service: str) -> None:
        for name, value in scope["headers"]:
            if name == b"content-type" and bytes(value).split(b";")[0].strip().lower() != b"application/json":
                raise _Stop(Reply.plain(415, service))
            # A length that is no number is the server's to refuse; what is read is counted in any case.
            if name == b"content-length" and value.isdigit() and (len(value) > 12 or int(value) > self._max_body):
                raise _Stop(Reply.plain(413, service))

    async def _read(self, receive: Receive, service: str) -> bytes:
        try:
            async with asyncio.timeout(self._read_timeout):
                return await self._read_all(receive, service)
        except TimeoutError:
            raise _Stop(Reply.plain(408, service)) from None

    async def _read_all(self, receive: Receive, service: str) -> bytes:
        body = bytearray()
        more = True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise _Gone
            body += event.get("body", b"")
            more = event.get("more_body", False)
            if len(body) > self._max_body:
                raise _Stop(Reply.plain(413, service))
        return bytes(body)

    async def _process(self, candidates: tuple[Verifier, ...], scope: Scope, body: bytes, one: Any) -> Reply:
        try:
            notification, service = self._verify(candidates, scope, body)
        except WebhookError as error:
            observing.refused(candidates[0].path, error.reason, error.detail, one)
            self._hint(candidates[0], error, scope, body)
            return Reply.refused(error, candidates[0].service)
        outcome = await self._handling.process(notification)
        observing.handled(notification, outcome.value, one)
        if outcome in (Outcome.HANDLED, Outcome.DUPLICATE):
            return self._accepted[service]
        return Reply.plain(500, service)

    def _verify(self, candidates: tuple[Verifier, ...], scope: Scope, body: bytes) -> tuple[Notification, str]:
        """Return the notification and its service; raise the refusal of the first verifier where none believes it."""
        first: WebhookError | None = None
        for verifier in candidates:
            try:
                found = verifier.verify(headers=scope["headers"], body=body, method=scope["method"])
            except WebhookError as error:
                first = first or error
            else:
                return found, verifier.service
        raise first or Unauthenticated("wrong_signature", "no verifier")

    def _hint(self, verifier: Verifier, error: WebhookError, scope: Scope, body: bytes) -> None:
        """Name in the log what would have verified: a wrong path or key should not take a day to find."""
        now = self._clock.monotonic()
        if error.reason not in _UNSIGNED or now < self._hint_due:
            return
        self._hint_due = now + _HINT_EVERY
        found = verifier.explain(headers=scope["headers"], body=body, route=_route(scope))
        if found.candidates:
            log.warning("a message that was refused verifies with %s: configure that", found.candidates[0])


def _store(store: ReplayStore | None, handler: Handler, verifiers: tuple[Verifier, ...]) -> ReplayStore:
    """Return the store to use; raise ConfigurationError for one that would let a replay through."""
    windows = [one.window for one in verifiers]
    longest = max((one for one in windows if one is not None), default=timedelta(0))
    if store is None:
        if None in windows and not getattr(handler, "is_durable", False):
            raise ConfigurationError(
                "payout notifications can be replayed for ever: give a store that outlives the process, "
                "or a handler that remembers them in its own database and store=MemoryReplayStore()"
            )
        return MemoryReplayStore(keeps=max(longest * 2, timedelta(hours=24)))
    if store.keeps is not None and store.keeps < longest:
        raise ConfigurationError(
            f"the store forgets after {store.keeps}, and a notification can be replayed for {longest} "
            "(max_age + tolerance)"
        )
    return store


def _check_handler(handler: Handler, verifiers: tuple[Verifier, ...]) -> None:
    """Let a handler that stores what it gets refuse a verifier whose notifications it must not store."""
    if isinstance(handler, Choosy):
        for one in verifiers:
            handler.check_kind(one.kind)


def _is_async(handler: object) -> bool:
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)


def _route(scope: Scope) -> str:
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(root) if root else path


def _may_carry(route: str, verifier: Verifier) -> bool:
    """Whether what *verifier* believes may arrive by *route*.

    Proxies and mounts add or strip a prefix, and the provider spells a route otherwise than it signs it (Q-SIG-10).
    """
    if route.endswith(verifier.path) or verifier.path.endswith(route.rstrip("/")):
        return True
    kind = kind_of(route)
    return kind is not None and kind is verifier.kind
