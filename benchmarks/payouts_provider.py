"""The other end of the payout benchmarks, in a process of its own: checks nothing, accepts everything.

`python -m benchmarks.payouts_provider MILLISECONDS` prints its port and answers, so many milliseconds after each
request, until its standard input closes.
"""

import asyncio
import re
import sys
from datetime import UTC, datetime
from typing import Final

_REFERENCE: Final = re.compile(rb'artnerReferenceNo":"([^"]*)"')
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_TOKEN: Final = (
    b'{"responseCode":"2007300","responseMessage":"Successful","accessToken":"token-of-the-benchmark",'
    b'"tokenType":"Bearer","expiresIn":"86400"}'
)
_ACCEPTED: Final = (
    b'{"responseCode":"2023800","responseMessage":"Request In Progress","referenceNo":"A%s","partnerReferenceNo":"%s"}'
)
_PAID: Final = (
    b'{"responseCode":"2003600","responseMessage":"Successful","originalPartnerReferenceNo":"%s","serviceCode":"38",'
    b'"latestTransactionStatus":"00"}'
)


def answer(head: bytes, body: bytes) -> bytes:
    """Return the response to one request."""
    target = head.split(b" ", 2)[1]
    found = _REFERENCE.search(body)
    reference = found[1] if found else b""
    if target.endswith(b"/b2b"):
        return _response(b"200 OK", _TOKEN)
    if target.endswith(b"/topup"):
        return _response(b"202 Accepted", _ACCEPTED % (reference, reference))
    return _response(b"200 OK", _PAID % reference)


def _response(status: bytes, text: bytes) -> bytes:
    now = datetime.now(UTC).isoformat(timespec="seconds").encode()
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nX-TIMESTAMP: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        status,
        now,
        len(text),
        text,
    )


class Connection(asyncio.Protocol):
    """One connection."""

    delay = 0.0

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
            found = _LENGTH.search(head)
            length = int(found[1]) if found else 0
            if not end or len(rest) < length:
                return
            self._received = rest[length:]
            asyncio.get_running_loop().call_later(self.delay, self._send, answer(head, rest[:length]))

    def _send(self, text: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(text)


async def _serve() -> None:
    Connection.delay = float(sys.argv[1]) / 1000
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve())
