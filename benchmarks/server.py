"""The other end of the sending benchmark, in a process of its own: answers at once, checks nothing.

`python -m benchmarks.server` prints its port and serves until its standard input closes.  `constant` writes prepared
bytes, `web` is aiohttp.web: the first shows what the client costs alone, the second a provider that does some work.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import ClassVar, Final

from aiohttp import web

_TOKEN: Final = {
    "responseCode": "2007300",
    "responseMessage": "Successful",
    "accessToken": "token-of-the-benchmark",
    "tokenType": "Bearer",
    "expiresIn": "900",
}
_ACCEPTED: Final = {
    "responseCode": "2023800",
    "responseMessage": "Request has been processed successfully",
    "referenceNo": "2020102977770000000009",
    "partnerReferenceNo": "payout-1",
    "customerNumber": "6281773628883",
}


def _message(status: str, body: dict[str, str]) -> bytes:
    text = json.dumps(body, separators=(",", ":"))
    now = datetime.now(UTC)
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(text)),
        "Date": format_datetime(now, usegmt=True),
        "X-TIMESTAMP": now.isoformat(timespec="seconds"),
    }
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", text]).encode()


class Server(asyncio.Protocol):
    """One connection: one constant answer for the token, one for everything else."""

    answers: ClassVar[dict[bool, bytes]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        self._received += data
        while True:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            length = _length(head)
            if not end or len(rest) < length:
                return
            self._received = rest[length:]
            self._transport.write(self.answers[b"access-token" in head.partition(b"\r\n")[0]])


def _length(head: bytes) -> int:
    found = head.lower().partition(b"content-length:")[2]
    return int(found.partition(b"\r\n")[0] or 0)


async def _tell_the_time() -> None:
    # An old X-TIMESTAMP would make every answer look like a skewed clock.
    while True:
        Server.answers = {True: _message("200 OK", _TOKEN), False: _message("202 Accepted", _ACCEPTED)}
        await asyncio.sleep(5)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    clock = asyncio.create_task(_tell_the_time())
    server = await loop.create_server(Server, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()
    clock.cancel()


async def _answer(request: web.Request) -> web.Response:
    await request.read()
    is_token = "access-token" in request.path
    time = {"X-TIMESTAMP": datetime.now(UTC).isoformat(timespec="seconds")}
    return web.json_response(_TOKEN if is_token else _ACCEPTED, status=200 if is_token else 202, headers=time)


async def _serve_web() -> None:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", _answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve_web() if "web" in sys.argv else _serve())
