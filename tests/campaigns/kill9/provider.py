"""A provider without any de-duplication, and with faults, in its own process: what it is sent twice it pays twice.

`python -m tests.campaigns.kill9.provider SEED RATE` prints its port and serves until its standard input closes.
`GET /books` tells what every reference was paid: [[amount, status], ...].
"""

import asyncio
import json
import random
import re
import sys
from collections.abc import Callable
from typing import Final

_REFERENCE: Final = re.compile(rb'artnerReferenceNo":"([^"]*)"')
_AMOUNT: Final = re.compile(rb'"value":"(\d+)\.00"')
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_TOKEN: Final = '{"responseCode":"2007300","accessToken":"t","tokenType":"Bearer","expiresIn":"86400"}'
#: What may go wrong with a top-up, and with an inquiry.
TOP_UPS: Final = (
    "paid-then-500",
    "paid-then-hang",
    "paid-then-reset",
    "paid-then-502",
    "paid-then-truncated",
    "lost-then-500",
    "lost-then-hang",
    "lost-then-reset",
    "refused",
    "rate-limited",
    "later-failed",
)
INQUIRIES: Final = ("500", "reset", "502", "truncated")

PAID, FAILED = "00", "06"


class Books:
    """Who was paid what, how often."""

    def __init__(self, seed: int, rate: float) -> None:
        self.random = random.Random(seed)
        self.rate = rate
        self.paid: dict[str, list[list[object]]] = {}

    def fault(self, kinds: tuple[str, ...], rate: float) -> str:
        found = self.random.choice(kinds) if self.random.random() < rate else ""
        # Each one slows the merchant down for seconds: they are rare.
        return "" if found == "rate-limited" and self.random.random() < 0.9 else found

    def pay(self, reference: str, amount: int, status: str) -> None:
        self.paid.setdefault(reference, []).append([amount, status])


def message(status: str, text: str, *, page: bool = False) -> bytes:
    kind = "text/html" if page else "application/json"
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", "Retry-After: 0", f"Content-Length: {len(text)}", "", text]
    return "\r\n".join(lines).encode()


def said(status: str, code: str, **more: object) -> bytes:
    return message(status, json.dumps({"responseCode": code, "responseMessage": "said", **more}, separators=(",", ":")))


class Connection(asyncio.Protocol):
    books: Books

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, rest = self.received.partition(b"\r\n\r\n")
        found = _LENGTH.search(head)
        length = int(found[1]) if found else 0
        if not end or len(rest) < length:
            return
        self.received = rest[length:]
        self.answer(head.split(b" ", 2)[1], rest[:length])

    def answer(self, target: bytes, body: bytes) -> None:
        if target == b"/books":
            self.transport.write(message("200 OK", json.dumps(self.books.paid)))
        elif target.endswith(b"/b2b"):
            self.transport.write(message("200 OK", _TOKEN))
        elif target.endswith(b"/account-inquiry"):
            self.transport.write(said("200 OK", "2003700", customerName="Somebody Else"))
        elif target.endswith(b"/topup"):
            self.top_up(body)
        else:
            self.inquiry(body)

    def top_up(self, body: bytes) -> None:
        reference, amount = _found(_REFERENCE, body), int(_found(_AMOUNT, body))
        fault = self.books.fault(TOP_UPS, self.books.rate)
        if not fault.startswith(("lost", "refused", "rate")):
            self.books.pay(reference, amount, FAILED if fault == "later-failed" else PAID)
        accepted = said("202 Accepted", "2023800", referenceNo=f"A{reference}", partnerReferenceNo=reference)
        self.go_wrong(fault.split("-then-")[-1], accepted)

    def inquiry(self, body: bytes) -> None:
        reference = _found(_REFERENCE, body)
        payments = self.books.paid.get(reference)
        if not payments:
            answer = said("404 Not Found", "4043601")
        else:
            amount, status = payments[0]
            value = {"value": f"{amount}.00", "currency": "IDR"}
            answer = said(
                "200 OK",
                "2003600",
                originalPartnerReferenceNo=reference,
                latestTransactionStatus=status,
                amount=value,
            )
        self.go_wrong(self.books.fault(INQUIRIES, self.books.rate / 2), answer)

    def go_wrong(self, fault: str, answer: bytes) -> None:
        endings: dict[str, Callable[[], None]] = {
            "500": lambda: self.transport.write(said("500 Internal Server Error", "5003801")),
            "502": lambda: self.transport.write(message("502 Bad Gateway", "<h1>Bad Gateway</h1>", page=True)),
            "refused": lambda: self.transport.write(said("404 Not Found", "4043811")),
            "rate-limited": lambda: self.transport.write(said("429 Too Many Requests", "4293800")),
            "reset": self.transport.abort,
            "hang": lambda: None,
            "truncated": lambda: self.cut(answer),
        }
        endings.get(fault, lambda: self.transport.write(answer))()

    def cut(self, answer: bytes) -> None:
        self.transport.write(answer[:-20])
        self.transport.close()


def _found(pattern: "re.Pattern[bytes]", body: bytes) -> str:
    found = pattern.search(body)
    return found[1].decode() if found else "0"


async def serve() -> None:
    Connection.books = Books(int(sys.argv[1]), float(sys.argv[2]))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
