"""Bytes over a connection: the protocol, and aiohttp behind it.  Knows no operation, no signature and no retry."""

import asyncio
from contextvars import ContextVar
from typing import Protocol

import aiohttp
from aiohttp.client import ClientTimeout
from attrs import define, field
from yarl import URL

from .errors import GoPayError
from .exchange import Request, Response

#: An answer is read up to this many bytes; a longer one is unreadable.
LIMIT = 1 << 20


@define
class Departure:
    """Whether it is proved that no byte of a request has left."""

    #: A transport that can prove it sets this to True first and to False before the first byte may leave.
    unsent: bool = False


class Transport(Protocol):
    """Sends one request and returns one response."""

    async def send(self, request: Request, departure: Departure) -> Response:
        """Return the response to *request*; raise any exception when there is none.

        Whatever is raised while `departure.unsent` is True counts as proved not sent, everything else as unknown.
        Never follows a redirect and never sends twice.  Must end at once when it is cancelled.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection; raises nothing."""
        ...


class TooLarge(GoPayError):
    """An answer exceeds the limit and was not read to its end."""


_departure: ContextVar[Departure] = ContextVar("departure")


class _Connector(aiohttp.TCPConnector):
    """Hands out one connection a request: from then on nothing is proved any more."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: "list[aiohttp.tracing.Trace]", timeout: ClientTimeout
    ) -> "aiohttp.connector.Connection":
        departure = _departure.get()
        # aiohttp repeats GET, PUT and DELETE by itself when a kept connection turns out to be closed.
        if not departure.unsent:
            raise aiohttp.ClientConnectionError("the connection was lost, and a request is sent once only")
        try:
            connection = await super().connect(req, traces, timeout)
            while not _is_clean(connection):
                connection.close()
                connection = await super().connect(req, traces, timeout)
        except asyncio.CancelledError:
            # Closing the pool cancels whoever waits for a connection, though nobody cancelled the task.
            if self.closed and not _is_cancelled():
                raise aiohttp.ClientConnectionError("the pool was closed") from None
            raise
        departure.unsent = False
        return connection


def _is_clean(connection: "aiohttp.connector.Connection") -> bool:
    # What came on a kept connection before the request was sent is no answer to it; aiohttp would take it for one, and
    # then answer every request with what belongs to the one before.
    return connection.protocol is not None and not connection.protocol.should_close


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@define
class AiohttpTransport:
    """One pool of connections, opened by the first request.

    TLS is verified, always.  No redirects, no cookies, no proxies from the environment; idle connections are dropped
    after ten seconds, because a half-closed one makes a payout unknown.
    """

    connections: int = 100
    #: Seconds for the connection itself; the time for the whole call is the session's.
    connect_timeout: float = 5.0
    _client: aiohttp.ClientSession | None = field(default=None, init=False, repr=False)
    _closed: bool = field(default=False, init=False, repr=False)

    async def send(self, request: Request, departure: Departure) -> Response:
        """Return the response; what is proved about a failure stands in *departure*."""
        departure.unsent = True
        _departure.set(departure)
        response = await self._session().request(
            request.method,
            URL(request.base + request.target, encoded=True),
            headers=request.headers,
            # What aiohttp would wrap the bytes in, after looking for their type in its registry.
            data=aiohttp.BytesPayload(request.body) if request.body else None,
            allow_redirects=False,
        )
        try:
            return Response(response.status, response.headers, await _read(response))
        finally:
            # Closes the connection unless the answer was read to its end.
            response.release()

    def _session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise aiohttp.ClientConnectionError("the pool was closed")
        if self._client is None:
            connector = _Connector(limit=self.connections, keepalive_timeout=10)
            timeout = ClientTimeout(total=None, sock_connect=self.connect_timeout)
            cookies = aiohttp.DummyCookieJar()
            self._client = aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=cookies)
        return self._client

    async def aclose(self) -> None:
        """Close the pool."""
        client, self._client, self._closed = self._client, None, True
        if client is not None:
            await client.close()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    # The length is that of what is sent: a compressed body, which we did not ask for, may be longer.
    length = response.content_length
    if length is not None and length <= LIMIT and "Content-Encoding" not in response.headers:
        return await response.read()
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LIMIT:
            raise TooLarge(f"the answer exceeds {LIMIT} bytes")
    return bytes(body)
