"""A running simulator for programs in any language: state, commands and reports as JSON.  Decides nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final

from aiohttp import web

from .. import wire
from ..errors import GoPayError, Imbalance, InvalidInput
from .app import serving
from .console import Console, Words
from .veil import Veil, veil_of

PREFIX: Final = "/_simulator"
#: What the form of a foreign site could send without asking first.
_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})


class Control:
    """The JSON routes of one console."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def mount(self, app: web.Application) -> None:
        """Add the routes, and deliver notifications while the application runs."""
        app.router.add_get(f"{PREFIX}/state", self._state)
        app.router.add_get(f"{PREFIX}/check", self._check)
        app.router.add_get(PREFIX + r"/reports/{number:\d+}", self._report)
        app.router.add_post(f"{PREFIX}/auth-code", self._auth_code)
        app.router.add_post(PREFIX + "/{command:[a-z-]+}", self.command)
        app.cleanup_ctx.append(self._deliveries)

    async def _deliveries(self, _: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self.console.keep_delivering())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def _state(self, _: web.Request) -> web.StreamResponse:
        return as_json(self.console.state())

    async def _check(self, _: web.Request) -> web.StreamResponse:
        try:
            self.console.simulator.check()
        except Imbalance as problem:
            return as_json({"balanced": False, "error": str(problem)}, 409)
        return as_json({"balanced": True})

    async def _report(self, request: web.Request) -> web.StreamResponse:
        seen = self.console.request(int(request.match_info["number"][:18]))
        if seen is None or seen.report is None:
            return as_json({"error": "there is no report about such a request"}, 404)
        return as_json(_veiled(seen.report.as_json(), veil_of(self.console.simulator, seen)))

    async def _auth_code(self, request: web.Request) -> web.StreamResponse:
        refuse_forms(request)
        return as_json({"authCode": self.console.simulator.auth_code()})

    async def command(self, request: web.Request) -> web.StreamResponse:
        """Carry out a command with the words of a JSON object, and answer with the state."""
        refuse_forms(request)
        try:
            await self.console.do(request.match_info["command"], _words(await request.read()))
        except GoPayError as problem:
            return as_json({"error": str(problem)}, 400)
        return as_json(self.console.state())


def _veiled(value: Any, veil: Veil) -> Any:
    if isinstance(value, dict):
        return {name: _veiled(one, veil) for name, one in value.items()}
    if isinstance(value, list):
        return [_veiled(one, veil) for one in value]
    return veil(value) if isinstance(value, str) else value


def refuse_forms(request: web.Request) -> None:
    """Raise HTTPUnsupportedMediaType for what a browser sends to other sites without asking them."""
    if request.body_exists and request.content_type in _FORMS:
        raise web.HTTPUnsupportedMediaType(text="Content-Type must be application/json")


def as_json(body: dict[str, Any], status: int = 200) -> web.Response:
    """Return *body* as an answer."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(status=status, body=wire.dumps(body), content_type="application/json", headers=headers)


def _words(body: bytes) -> Words:
    told = wire.loads(body) if body else {}
    for name, value in told.items():
        if isinstance(value, list | dict):
            raise InvalidInput(name, "must be a text or a number")
    return {name: _word(value) for name, value in told.items() if value is not None}


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def serve_control(
    console: Console,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    force: bool = False,
    allow_hosts: Iterable[str] = (),
) -> AbstractAsyncContextManager[str]:
    """Serve the simulator with its JSON while the context lasts and give its base URL."""
    mount = Control(console).mount
    return serving(console.simulator, host=host, port=port, force=force, allow_hosts=allow_hosts, mount=mount)
