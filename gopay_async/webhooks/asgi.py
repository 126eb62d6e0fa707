"""The receiver as a plain ASGI application.  Knows when to acknowledge; the verifier knows what to believe."""

import asyncio
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from attrs import frozen

from ..api import Notification
from ..clock import Clock, SystemClock
from ..errors import ConfigurationError, WebhookError
from ..models import format_time
from .verifier import NotificationVerifier

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler = Callable[[Any], Awaitable[object]]

_log = logging.getLogger("gopay_async.webhooks")


@frozen
class Reply:
    """One answer to the sender: the SNAP envelope and nothing that helps a forger."""

    status: int
    code: str
    message: str
    allow: str = ""

    @classmethod
    def accepted(cls, service: str) -> "Reply":
        """Return the acknowledgement: HTTP 200, for the provider counts nothing else (quirk Q-NOT-1)."""
        return cls(200, f"200{service}00", "Request has been processed successfully")

    @classmethod
    def refused(cls, error: WebhookError, service: str) -> "Reply":
        """Return the refusal; what exactly is wrong stands in the operator's log only."""
        return cls(error.status, f"{error.status}{service}{error.case}", error.public)

    @classmethod
    def plain(cls, status: int, service: str = "56") -> "Reply":
        """Return the refusal of something that is no notification, or could not be handled."""
        return cls(status, f"{status}{service}00", _WORDS[status], "POST" if status == 405 else "")


_WORDS = {
    404: "Not Found",
    405: "Function Not Supported",
    408: "Timeout",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    500: "General Error",
}


class _Gone(Exception):
    """The sender disconnected before its request was complete."""


class _Stop(Exception):
    """The request is answered without looking at its signature."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


class NotificationApp:
    """Mounts in any ASGI application or server; verifies, awaits *handler*, and only then acknowledges.

    *verifiers* is one verifier or several.  *handler* is async and takes the notification; when it raises, the answer is
    500 and the provider sends again (2, 10, 30, 90, 210 minutes), so it must be idempotent.  A sender that disconnects
    does not cancel it.  *max_body* is in bytes, *read_timeout* in seconds.  Lifespan events are not needed.
    """

    def __init__(
        self,
        verifiers: NotificationVerifier | Iterable[NotificationVerifier],
        handler: Handler,
        *,
        max_body: int = 65_536,
        read_timeout: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        self._verifiers = (verifiers,) if isinstance(verifiers, NotificationVerifier) else tuple(verifiers)
        if not self._verifiers:
            raise ConfigurationError("NotificationApp needs at least one verifier")
        if not _is_async(handler):
            raise ConfigurationError("the handler must be async: 'async def handler(notification)'")
        self._handler = handler
        self._max_body = max_body
        self._read_timeout = read_timeout
        self._clock = clock or SystemClock()
        #: Handlers at work: the app owns them, whatever becomes of the request that brought them.
        self._running: set[asyncio.Task[Reply]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1003})
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            candidates = self._check(scope)
            body = await self._read(receive)
        except _Gone:
            return
        except _Stop as stop:
            reply = stop.reply
        else:
            reply = await self._process(candidates, scope, body)
        _log.debug("%s answered with %s", scope.get("path"), reply.code)
        await self._reply(send, reply)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._running:
            await asyncio.wait(self._running)
        await send({"type": "lifespan.shutdown.complete"})

    def _check(self, scope: Scope) -> tuple[NotificationVerifier, ...]:
        """Return the verifiers for the route; refuse before anything is read what cannot be a notification."""
        candidates = tuple(one for one in self._verifiers if _on_route(one.path, _route(scope)))
        if not candidates:
            raise _Stop(Reply.plain(404))
        service = candidates[0].service
        if scope["method"] != "POST":
            raise _Stop(Reply.plain(405, service))
        headers = {bytes(name).lower(): bytes(value) for name, value in scope["headers"]}
        kind = headers.get(b"content-type", b"application/json").split(b";")[0].strip().lower()
        if kind != b"application/json":
            raise _Stop(Reply.plain(415, service))
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and (len(length) > 12 or int(length) > self._max_body):
            raise _Stop(Reply.plain(413, service))
        return candidates

    async def _read(self, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(self._read_timeout):
                return await self._read_all(receive)
        except TimeoutError:
            raise _Stop(Reply.plain(408)) from None

    async def _read_all(self, receive: Receive) -> bytes:
        body = bytearray()
        more = True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise _Gone
            body += event.get("body", b"")
            more = event.get("more_body", False)
            if len(body) > self._max_body:
                raise _Stop(Reply.plain(413))
        return bytes(body)

    async def _process(self, candidates: tuple[NotificationVerifier, ...], scope: Scope, body: bytes) -> Reply:
        notification, refusal = self._verify(candidates, scope, body)
        if notification is None:
            return refusal
        # What the sender does no longer matters: an order half handled would be worse than a reply nobody reads.
        task = asyncio.create_task(self._handle(notification, refusal), name="gopay_async notification")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task})
            raise

    def _verify(
        self, candidates: tuple[NotificationVerifier, ...], scope: Scope, body: bytes
    ) -> tuple[Notification | None, Reply]:
        """Return the notification and the reply for success, or None and the refusal of the first verifier."""
        refusals: list[Reply] = []
        for verifier in candidates:
            try:
                found = verifier.verify(headers=scope["headers"], body=body, method=scope["method"])
            except WebhookError as error:
                _log.info("refused on %s: %s", verifier.path, error)
                refusals.append(Reply.refused(error, verifier.service))
            else:
                return found, Reply.accepted(verifier.service)
        return None, refusals[0]

    async def _handle(self, notification: Notification, accepted: Reply) -> Reply:
        name = type(notification).__name__
        try:
            await self._handler(notification)
        except Exception:
            _log.exception("handler failed for %s %s; the provider will send again", name, notification.external_id)
            return Reply.plain(500, accepted.code[3:5])
        _log.info("handled %s %s", name, notification.external_id)
        return accepted

    async def _reply(self, send: Send, reply: Reply) -> None:
        body = json.dumps({"responseCode": reply.code, "responseMessage": reply.message}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-timestamp", format_time(self._clock.now()).encode()),
        ]
        if reply.allow:
            headers.append((b"allow", reply.allow.encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _is_async(handler: object) -> bool:
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))


def _route(scope: Scope) -> str:
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(root) if root else path


def _on_route(signed_path: str, route: str) -> bool:
    """Whether *route* may carry what is signed for *signed_path*: proxies and mounts add or strip a prefix."""
    return route.endswith(signed_path) or signed_path.endswith(route.rstrip("/"))
