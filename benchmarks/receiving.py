"""Notifications a second under uvicorn, beside a bare application that reads the body and answers 200."""

import asyncio
import base64
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gopay_async.api import Notification
from gopay_async.webhooks import NotificationApp, NotificationVerifier, sign_notification
from gopay_async.wire import dumps, loads

from .claims import Claim
from .merchant import key, notification

_ROUNDS: Final = 9
_REQUESTS: Final = 800
_CONNECTIONS: Final = 16
_KEY: Final = "GOPAY_BENCHMARK_KEY"


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """Read the body and answer 200."""
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


async def _handled(given: Notification) -> None:
    """Do nothing, as the bare application does."""


def receiver() -> NotificationApp:
    """Return the receiver that the server process serves."""
    return NotificationApp(NotificationVerifier(base64.b64decode(os.environ[_KEY])), _handled)


def receiving() -> Claim:
    """Measure both, in turns, each in a server process of its own."""
    with _served("benchmarks.receiving:bare") as plain, _served("--factory", "benchmarks.receiving:receiver") as ours:
        pairs = asyncio.run(_measured(plain, ours))
    ratio = median(mine / bare for bare, mine in pairs)
    mine, bare_ = (median(one[n] for one in pairs) for n in (1, 0))
    sentence = f"notifications a second under uvicorn ({mine:.0f}) to a bare application's ({bare_:.0f})"
    return Claim(sentence, ratio, at_least=0.6, goal=0.7)


async def _measured(plain: int, ours: int) -> list[tuple[float, float]]:
    requests = _requests()
    parts = [requests[n :: _ROUNDS + 1] for n in range(_ROUNDS + 1)]
    pairs = [(await _rate(plain, part), await _rate(ours, part)) for part in parts]
    # The first round warms up.
    return pairs[1:]


def _requests() -> list[bytes]:
    """Return whole requests, each with an event of its own: nothing here is a duplicate."""
    template = loads(notification())
    bodies = (dumps({**template, "originalReferenceNo": f"N{n}"}) for n in range(_REQUESTS * (_ROUNDS + 1)))
    return [_request(body) for body in bodies]


def _request(body: bytes) -> bytes:
    headers = {"Host": "localhost", "Content-Length": str(len(body)), **sign_notification(body, key())}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /v1.0/debit/notify HTTP/1.1\r\n{lines}\r\n".encode() + body


@contextmanager
def _served(*application: str) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [sys.executable, "-m", "uvicorn", "--fd", str(listening.fileno()), "--no-access-log"]
        public = key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        process = subprocess.Popen(
            [*command, "--log-level", "error", *application],
            pass_fds=[listening.fileno()],
            env={**os.environ, _KEY: base64.b64encode(public).decode()},
        )
        try:
            yield listening.getsockname()[1]
        finally:
            process.terminate()
            process.wait()


async def _rate(port: int, requests: Sequence[bytes]) -> float:
    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number in range(_CONNECTIONS):
            tasks.create_task(_client(port, requests[number::_CONNECTIONS]))
    return len(requests) / (time.perf_counter() - began)


async def _client(port: int, requests: Sequence[bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for one in requests:
        writer.write(one)
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head[:20]:
            raise RuntimeError(head.decode())
        length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
        await reader.readexactly(int(length))
    writer.close()
    await writer.wait_closed()
