"""The web page of a simulator, with everything in it.  Knows that Jinja2 may be missing; the modules below do not."""

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager

from aiohttp import web

from ...errors import ConfigurationError
from ..app import serving
from ..console import Console
from ..control import serve_control

_mount: Callable[[Console], Callable[[web.Application], None]] | None = None
try:
    from .site import mounting
except ModuleNotFoundError as missing:
    if missing.name != "jinja2":
        raise
else:
    _mount = mounting

__all__ = ["serve_control", "serve_page"]


def serve_page(
    console: Console,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    force: bool = False,
    allow_hosts: Iterable[str] = (),
) -> AbstractAsyncContextManager[str]:
    """Serve simulator, JSON and page while the context lasts and give its base URL; port 0 is any that is free.

    Raises ConfigurationError without Jinja2, and for a host that is not loopback unless *force* is given.
    """
    if _mount is None:
        raise ConfigurationError("The page needs Jinja2. Install it with:  pip install 'gopay-async[simulator]'")
    mount = _mount(console)
    return serving(console.simulator, host=host, port=port, force=force, allow_hosts=allow_hosts, mount=mount)
