"""The simulated provider on a socket (aiohttp.web): bytes and target as received.  Decides nothing about an answer."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from html import escape
from typing import Final, Protocol

from aiohttp import web
from multidict import CIMultiDict

from ..errors import ConfigurationError
from ..exchange import Request, Response
from ..models import Money
from .clock import VirtualClock
from .handlers.direct_debit import PAY_PATH
from .hosts import Doorman, is_loopback, nearby
from .mishaps import Ending, Outcome
from .records import PENDING, Payment

#: A request is read up to this many bytes.
LIMIT: Final = 1 << 20


class Desk(Protocol):
    """What the server needs of a simulator."""

    clock: VirtualClock

    async def respond(self, request: Request) -> Outcome:
        """Return what *request* comes to."""
        ...

    def find_payment(self, reference_no: str) -> Payment | None:
        """Return the payment."""

    def pay(self, reference_no: str) -> None:
        """Let the customer pay."""

    def cancel(self, reference_no: str) -> None:
        """Let the customer cancel."""


@asynccontextmanager
async def serving(
    desk: Desk,
    *,
    host: str,
    port: int,
    force: bool,
    allow_hosts: Iterable[str] = (),
    mount: Callable[[web.Application], None] | None = None,
) -> AsyncIterator[str]:
    """Serve *desk* on *host* and *port* (0: any free one) and yield the address; raise ConfigurationError.

    *allow_hosts* are names by which it may be asked, beside its addresses.  *mount* adds routes, which go before those
    of the provider.
    """
    if not is_loopback(host) and not force:
        raise ConfigurationError(f"A simulator is served on loopback, not on {host!r}: it pays whoever asks")
    server = _Server(desk, Doorman(host, allow_hosts))
    runner = web.AppRunner(server.application(mount), access_log=None, auto_decompress=False, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield _base(nearby(host), runner)
    finally:
        server.closing.set()
        await runner.cleanup()


def _base(host: str, runner: web.AppRunner) -> str:
    port = runner.addresses[0][1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server:
    """One served simulator."""

    def __init__(self, desk: Desk, doorman: Doorman) -> None:
        self._desk = desk
        # Most clients ask by one name, over and over.
        self._admits = lru_cache(maxsize=64)(doorman.admits)
        #: Set when the server stops, so that requests that hang let go.
        self.closing = asyncio.Event()

    def application(self, mount: Callable[[web.Application], None] | None = None) -> web.Application:
        """Return the routes: the pages first, then everything else."""
        app = web.Application(middlewares=[self._guard], client_max_size=LIMIT)
        if mount is not None:
            mount(app)
        app.router.add_get(PAY_PATH, self._show_payment)
        app.router.add_post(PAY_PATH, self._change_payment)
        app.router.add_route("*", "/{tail:.*}", self._answer)
        return app

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refuse what a page on the internet could make a browser send here."""
        origin = request.headers.get("Origin")
        if not self._admits(request.host):
            return web.Response(status=403, text=_NOT_MEANT)
        if origin is not None and origin != f"{request.scheme}://{request.host}":
            return web.Response(status=403, text="Origin is another site")
        return await handler(request)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        outcome = await self._desk.respond(await _received(request))
        if outcome.ending is Ending.ANSWERED:
            return self._as_web(outcome.response)
        return await _ENDINGS[outcome.ending](self, request, outcome)

    # --- other endings than an answer ---

    def _as_web(self, response: Response | None) -> web.Response:
        assert response is not None  # an ending with an answer has one
        headers = CIMultiDict(response.headers)
        # aiohttp would date it by the machine's clock.
        headers.setdefault("Date", _http_date(self._desk.clock.now().replace(microsecond=0)))
        return web.Response(status=response.status, headers=headers, body=response.body)

    async def half(self, request: web.Request, outcome: Outcome) -> web.StreamResponse:
        """Announce the whole answer, send half of it and close."""
        whole = self._as_web(outcome.response)
        body = outcome.response.body if outcome.response else b""
        half = web.StreamResponse(status=whole.status, headers=whole.headers)
        half.content_length = len(body)
        await half.prepare(request)
        await half.write(body[: len(body) // 2])
        _cut(request)
        return half

    async def closed(self, request: web.Request, _: Outcome) -> web.StreamResponse:
        """Close the connection."""
        _cut(request)
        return web.Response(status=500)

    async def reset(self, request: web.Request, _: Outcome) -> web.StreamResponse:
        """Reset the connection."""
        _cut(request, reset=True)
        return web.Response(status=500)

    async def hung(self, request: web.Request, outcome: Outcome) -> web.StreamResponse:
        """Say nothing until the server stops."""
        await self.closing.wait()
        return await self.closed(request, outcome)

    # --- the payment page ---

    async def _show_payment(self, request: web.Request) -> web.StreamResponse:
        payment = self._desk.find_payment(request.query.get("referenceNo", ""))
        if payment is None:
            return web.Response(status=404, text="No such payment")
        return web.Response(text=_page(payment), content_type="text/html", headers=_SAFE)

    async def _change_payment(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        payment = self._desk.find_payment(request.query.get("referenceNo", ""))
        change = {"pay": self._desk.pay, "cancel": self._desk.cancel}.get(str(form.get("do")))
        if payment is None or change is None:
            return web.Response(status=404, text="No such payment")
        if payment.status == PENDING:
            change(payment.reference_no)
        raise web.HTTPSeeOther(request.rel_url)


@lru_cache(maxsize=1)
def _http_date(second: datetime) -> str:
    return format_datetime(second.astimezone(UTC), usegmt=True)


_ENDINGS: Final[dict[Ending, Callable[[_Server, web.Request, Outcome], Awaitable[web.StreamResponse]]]] = {
    Ending.TRUNCATED: _Server.half,
    Ending.CLOSED: _Server.closed,
    Ending.RESET: _Server.reset,
    Ending.HUNG: _Server.hung,
}
_NOT_MEANT: Final = "Host is not this machine. If it is: --allow-host NAME, or serve(allow_hosts=[NAME]) in Python"
_SAFE: Final = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
}


async def _received(request: web.Request) -> Request:
    """Return *request* as it came; its base is the address by which it came, so that links open for who asked."""
    base, body = f"{request.scheme}://{request.host}", await request.read()
    target, headers = request.raw_path, request.headers
    if "".join((target, *headers.values())).isascii():
        return Request(request.method, base, target, headers, body)
    legible = CIMultiDict((name, _legible(value)) for name, value in headers.items())
    return Request(request.method, _legible(base), _legible(target), legible, body)


def _legible(text: str) -> str:
    """Return *text*, read as Latin-1 where it is no UTF-8: lone surrogates can be neither signed nor shown."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    return text


def _cut(request: web.Request, *, reset: bool = False) -> None:
    transport = request.transport
    if transport is None:
        # The client was faster.
        return
    if reset:
        # Lingering for no time turns the close into a reset.
        plug = transport.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.close()


def _page(payment: Payment) -> str:
    words = {"00": "Paid", "03": "Waiting for you", "04": "Refunded", "05": "Cancelled", "08": "Expired"}
    status = words.get(payment.status, payment.status)
    buttons = (
        '<form method="post"><button name="do" value="pay">Pay</button> '
        '<button name="do" value="cancel">Cancel</button></form>'
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Simulated GoPay payment</title>"
        f"<h1>Simulated payment</h1><p>Rp {_rupiah(payment.amount)} for {escape(payment.partner_reference_no)}</p>"
        f"<p>{escape(status)}</p>{buttons if payment.status == PENDING else ''}"
    )


def _rupiah(amount: Money) -> str:
    return f"{amount.value:,.2f}"
