"""The routes of the page (aiohttp.web): pages, forms, live fragments, static files.  Knows no rule of the provider."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from typing import Any, Final

from aiohttp import web

from ...errors import GoPayError
from ..anatomy import own_string, take_apart
from ..console import Console
from ..control import PREFIX, Control
from ..handlers.direct_debit import PAY_PATH
from ..records import PENDING, Payment
from .drawing import Drawing
from .shop import Shop

#: Seconds between two looks at what has changed, and between two signs of life to a browser that hears nothing.
LOOK: Final = 0.3
LIFE: Final = 15.0
_OWN: Final = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
_POLICY: Final = f"{_OWN}frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors "
#: Mini-apps under development run on this machine, on ports of their own, and frame the payment page.
_NEIGHBOURS: Final = "'self' http://127.0.0.1:* http://localhost:*"
_KINDS: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_STATIC: Final = files("gopay_async.simulator.page").joinpath("static")
VIEWS: Final = ("overview", "requests", "faults", "notifications")


class Site:
    """The page of one console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._drawing = Drawing(console)
        self._control = Control(console)
        self._shop = Shop(console)
        self._closing = asyncio.Event()

    def mount(self, app: web.Application) -> None:
        """Add the routes."""
        app.on_shutdown.append(self._close)
        for path, handler in (
            ("/", self._home),
            (PREFIX, self._home),
            (f"{PREFIX}/", self._view),
            (f"{PREFIX}/events", self._events),
            (PREFIX + r"/requests/{number:\d+}", self._request),
            (PREFIX + "/static/{name}", self._static),
            (f"{PREFIX}/mini-app", self._mini_app),
            (f"{PREFIX}/bridge", self._bridge),
            (PAY_PATH, self._payment),
            (PREFIX + "/{view:requests|faults|notifications}", self._view),
        ):
            app.router.add_get(path, handler)
        app.router.add_post(f"{PREFIX}/form", self._form)
        app.router.add_post(PREFIX + r"/requests/{number:\d+}", self._compare)
        app.router.add_post(PAY_PATH, self._settle)
        self._shop.mount(app)
        self._control.mount(app)

    async def _close(self, _: web.Application) -> None:
        self._closing.set()

    async def _home(self, _: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"{PREFIX}/")

    async def _view(self, request: web.Request) -> web.StreamResponse:
        view = request.match_info.get("view", "overview")
        return self._html("page.html", request, view=view, base=f"{request.scheme}://{request.host}")

    # --- what was asked ---

    async def _request(self, request: web.Request) -> web.StreamResponse:
        seen = self._console.request(int(request.match_info["number"][:18]))
        if seen is None:
            return self._problem(request, "There is no such request, or it is forgotten by now.", 404)
        return self._html("request.html", request, it=take_apart(self._console.simulator, seen), own=None)

    async def _compare(self, request: web.Request) -> web.StreamResponse:
        form = await self._checked(request)
        seen = self._console.request(int(request.match_info["number"][:18]))
        if seen is None:
            return self._problem(request, "There is no such request, or it is forgotten by now.", 404)
        simulator = self._console.simulator
        own = own_string(simulator, seen, form.get("string", ""))
        return self._html("request.html", request, it=take_apart(simulator, seen), own=own)

    # --- what was pressed ---

    async def _form(self, request: web.Request) -> web.StreamResponse:
        form = await self._checked(request)
        try:
            await self._console.do(form.pop("do", ""), form)
        except GoPayError as problem:
            return self._problem(request, str(problem), 400, back=form.get("back", ""))
        raise web.HTTPSeeOther(_own_path(form.get("back", "")))

    async def _checked(self, request: web.Request) -> dict[str, str]:
        """Return the fields of a form; raise HTTPForbidden unless it is one of ours."""
        posted = await request.post()
        form = {name: value for name, value in posted.items() if isinstance(value, str)}
        if form.pop("token", "") != self._console.form_token:
            raise web.HTTPForbidden(text="This form is out of date: the simulator was started again. Go back, reload.")
        return form

    # --- the customer ---

    async def _payment(self, request: web.Request) -> web.StreamResponse:
        payment = self._find(request)
        if payment is None:
            return self._problem(request, "There is no such payment.", 404, ancestors=_NEIGHBOURS)
        return self._html(
            "pay.html",
            request,
            ancestors=_NEIGHBOURS,
            payment=payment,
            is_sheet="sheet" in request.query,
            result=_RESULTS.get(payment.status, "success" if payment.is_paid else ""),
        )

    async def _settle(self, request: web.Request) -> web.StreamResponse:
        form = await self._checked(request)
        payment = self._find(request)
        if payment is None or form.get("do") not in ("pay", "cancel", "fail"):
            return self._problem(request, "There is no such payment.", 404, ancestors=_NEIGHBOURS)
        # Somebody who presses twice, or comes too late, sees how it ended.
        if payment.status == PENDING:
            try:
                await self._console.do(form["do"], {"reference": payment.reference_no})
            except GoPayError as problem:
                return self._problem(request, str(problem), 400, ancestors=_NEIGHBOURS)
        raise web.HTTPSeeOther(request.rel_url)

    def _find(self, request: web.Request) -> Payment | None:
        return self._console.simulator.find_payment(request.query.get("referenceNo", ""))

    async def _mini_app(self, request: web.Request) -> web.StreamResponse:
        return self._html("mini_app.html", request)

    async def _bridge(self, request: web.Request) -> web.StreamResponse:
        return self._html("bridge.html", request, ancestors=_NEIGHBOURS)

    # --- bytes ---

    async def _static(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in {one.name for one in _STATIC.iterdir()}:
            raise web.HTTPNotFound
        headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        body = _STATIC.joinpath(name).read_bytes()
        return web.Response(body=body, content_type=_KINDS[name.rpartition(".")[2]], charset="utf-8", headers=headers)

    def _html(
        self, template: str, request: web.Request, *, status: int = 200, ancestors: str = "'none'", **values: Any
    ) -> web.Response:
        text = self._drawing.draw(template, here=_own_path(request.path_qs), **values)
        headers = {
            "Content-Security-Policy": _POLICY + ancestors,
            "Cache-Control": "no-store",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        }
        return web.Response(status=status, text=text, content_type="text/html", headers=headers)

    def _problem(
        self, request: web.Request, text: str, status: int, *, back: str = "", ancestors: str = "'none'"
    ) -> web.Response:
        return self._html(
            "problem.html", request, status=status, ancestors=ancestors, problem=text, back=_own_path(back)
        )

    # --- live ---

    async def _events(self, request: web.Request) -> web.StreamResponse:
        view = request.query.get("view", "")
        if view not in VIEWS:
            raise web.HTTPNotFound
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        # The browser may go away.
        with suppress(ConnectionError):
            await self._tell(request, response, view)
        return response

    async def _tell(self, request: web.Request, response: web.StreamResponse, view: str) -> None:
        told, quiet = "", 0.0
        closing = asyncio.create_task(self._closing.wait())
        try:
            while not closing.done() and request.transport is not None:
                fragment = self._drawing.draw(f"{view}.html", here=_PLACES[view])
                if fragment != told:
                    lines = "".join(f"data: {line}\n" for line in fragment.splitlines())
                    await response.write(f"{lines}\n".encode())
                    told, quiet = fragment, 0.0
                elif quiet >= LIFE:
                    await response.write(b": still here\n\n")
                    quiet = 0.0
                quiet += LOOK
                await asyncio.wait({closing}, timeout=LOOK)
        finally:
            closing.cancel()


def mounting(console: Console) -> Callable[[web.Application], None]:
    """Return what adds the page of *console* to an application."""
    return Site(console).mount


_PLACES: Final = {view: f"{PREFIX}/" if view == "overview" else f"{PREFIX}/{view}" for view in VIEWS}
#: What `launchPayment` calls the end of a payment (mini-app page); the words mislead.
_RESULTS: Final = {"05": "failed", "06": "pending", "08": "pending", "09": "pending"}


def _own_path(text: str) -> str:
    """Return *text* when it is a path of these pages, else that of the first one."""
    own = text.startswith((f"{PREFIX}/", f"{PAY_PATH}?")) and text.isprintable() and "\\" not in text
    return text if own else f"{PREFIX}/"
