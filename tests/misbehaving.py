"""A provider on loopback that misbehaves on cue and keeps every byte it was sent.

Raw sockets, no HTTP library: what it says is what goes over the wire.  Knows nothing of the package under test.
"""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

from attrs import define, field

TOKEN_PATH = "/v1.0/access-token/b2b"
HTML = b"<html><body><h1>Bad Gateway</h1></body></html>"


@define
class Seen:
    """One request, byte for byte as it stood on the wire."""

    head: bytes
    body: bytes = b""

    @property
    def method(self) -> str:
        return self.head.split(b" ", 1)[0].decode()

    @property
    def target(self) -> str:
        return self.head.split(b" ", 2)[1].decode()

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The header lines in their order."""
        lines = self.head.decode("latin-1").split("\r\n")[1:-2]
        return [(name, value.strip()) for name, value in (line.split(":", 1) for line in lines)]

    @property
    def headers(self) -> dict[str, str]:
        """The same by lower-case name; asserts that none came twice."""
        found = {name.lower(): value for name, value in self.fields}
        assert len(found) == len(self.fields)
        return found

    @property
    def external_id(self) -> str:
        return self.headers.get("x-external-id") or self.headers.get("request-id") or ""

    @property
    def timestamp(self) -> str:
        return self.headers["x-timestamp"]


@define
class Wire:
    """One connection as an act sees it: the head of a request has been read, its body has not."""

    server: "Misbehaving"
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    seen: Seen

    async def take(self) -> None:
        """Read the rest of the request."""
        self.seen.body = await self.reader.readexactly(int(self.seen.headers.get("content-length", "0")))

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """Close so that the other side reads a reset, not an end."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


Act = Callable[[Wire], Awaitable[None]]


def message(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a whole HTTP answer; *body* is sent as it is when it is bytes, as JSON otherwise."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + data


# --- acts ----------------------------------------------------------------------------------------------------------


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Act:
    """Read the request and answer it; the connection stays open."""
    return raw(message(body, status, headers))


def raw(data: bytes, *, keep: bool = True) -> Act:
    """Read the request and write exactly *data*; unless *keep*, close."""

    async def act(wire: Wire) -> None:
        await wire.take()
        await wire.say(data)
        if not keep:
            wire.close()

    return act


def cut_off(body: object, status: int = 200) -> Act:
    """Promise the whole answer and close after half of it."""
    whole = message(body, status)
    return raw(whole[: len(whole) - len(whole.split(b"\r\n\r\n", 1)[1]) // 2], keep=False)


def too_large(size: int, status: int = 200) -> Act:
    """Answer with valid JSON of more than *size* bytes."""
    return answer({"filler": "x" * size}, status)


async def close_after_head(wire: Wire) -> None:
    """Close with the body unread."""
    wire.close()


async def close_after_request(wire: Wire) -> None:
    """Take everything and hang up."""
    await wire.take()
    wire.close()


async def reset_after_request(wire: Wire) -> None:
    """Take everything and reset the connection."""
    await wire.take()
    wire.reset()


async def vanish(wire: Wire) -> None:
    """Take everything, hang up, and listen no more."""
    await wire.take()
    wire.server.stop_listening()
    wire.close()


def held(act: Act) -> Act:
    """Read the request, wait until the server is told to `release`, then act."""

    async def hold(wire: Wire) -> None:
        await wire.server.released.wait()
        await act(wire)

    return hold


async def hang(wire: Wire) -> None:
    """Take everything and never answer."""
    await wire.take()
    await wire.server.released.wait()


def issue(expires_in: object = "900") -> Act:
    """Answer a token call with the next of token-1, token-2, ..."""

    async def act(wire: Wire) -> None:
        told = {"responseCode": "2007300", "responseMessage": "Successful", "tokenType": "Bearer"}
        token = {"accessToken": f"token-{len(wire.server.token_calls)}", "expiresIn": expires_in}
        await answer({**told, **token})(wire)

    return act


# --- the server ----------------------------------------------------------------------------------------------------


@define(eq=False)
class Misbehaving:
    """Plays one act a request, in order; the last one is played from then on.  Token calls have acts of their own."""

    acts: list[Act]
    token_acts: list[Act] = field(factory=lambda: [issue()])
    tls: ssl.SSLContext | None = None
    #: Hang up on every connection before anything is read.
    slam: bool = False
    calls: list[Seen] = field(factory=list)
    token_calls: list[Seen] = field(factory=list)
    connections: int = 0
    released: asyncio.Event = field(factory=asyncio.Event)
    _news: asyncio.Condition = field(factory=asyncio.Condition)
    _listening: asyncio.Server | None = None
    _port: int = 0
    _open: dict["asyncio.Task[Any] | None", asyncio.StreamWriter] = field(factory=dict)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls, limit=1 << 22)
        self._port = self._listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_listening()
        self.release()
        for writer in self._open.values():
            writer.transport.abort()
        tasks = [task for task in self._open if task is not None]
        if tasks:
            await asyncio.wait(tasks)

    def stop_listening(self) -> None:
        if self._listening is not None:
            self._listening.close()

    def release(self) -> None:
        """Let everything that is held go on."""
        self.released.set()

    async def arrived(self, calls: int = 0, *, token_calls: int = 0) -> None:
        """Wait until at least so many requests have been seen."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.calls) >= calls and len(self.token_calls) >= token_calls)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._open[task] = writer
        self.connections += 1
        try:
            await self._talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            del self._open[task]

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not self.slam and not writer.is_closing():
            seen = Seen(await reader.readuntil(b"\r\n\r\n"))
            act = await self._cue(seen)
            await act(Wire(self, reader, writer, seen))

    async def _cue(self, seen: Seen) -> Act:
        calls, acts = (self.token_calls, self.token_acts) if seen.target == TOKEN_PATH else (self.calls, self.acts)
        calls.append(seen)
        async with self._news:
            self._news.notify_all()
        return acts.pop(0) if len(acts) > 1 else acts[0]


def misbehaving(*acts: Act, tokens: tuple[Act, ...] = (), tls: ssl.SSLContext | None = None) -> Misbehaving:
    """Return a server that plays *acts*, and *tokens* on token calls."""
    return Misbehaving(list(acts) or [answer({})], list(tokens) or [issue()], tls)
