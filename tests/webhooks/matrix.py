"""Every example behind one server: the Host header says which one is meant, so that its scope stays as it came."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from examples import (
    receiving,
    receiving_dependency,
    receiving_django,
    receiving_litestar,
    receiving_plain,
    receiving_quart,
    receiving_starlette,
)

EXAMPLES: Mapping[str, ModuleType] = {
    "none": receiving_plain,
    "starlette": receiving_starlette,
    "fastapi": receiving,
    "dependency": receiving_dependency,
    "litestar": receiving_litestar,
    "quart": receiving_quart,
    "django": receiving_django,
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["path"].endswith("/orders"):
        await tell(scope, send)
    else:
        await EXAMPLES[host(scope)].app(scope, receive, send)


def host(scope: Any) -> str:
    found: bytes = dict(scope["headers"])[b"host"]
    return found.decode().partition(":")[0]


async def tell(scope: Any, send: Any) -> None:
    """Answer with 200 if the order of the example is paid, with 409 if not: for the test to look at."""
    paid = EXAMPLES[host(scope)].orders["GOPAY-REFERENCE"]["paid"]
    await send({"type": "http.response.start", "status": 200 if paid else 409, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def lifespan(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
