"""Real servers by real frameworks, over real sockets: direct, under a root_path, and behind a proxy that strips one."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from attrs import frozen
from yarl import URL

from gopay_async.webhooks.samples import Delivery, Forge
from tests.keys_for_tests import MERCHANT_KEY, PROVIDER_KEY
from tests.ports import free_port
from tests.webhooks.pem import pem_of

ROOT = Path(__file__).parents[2]
FORGE = Forge(PROVIDER_KEY, MERCHANT_KEY)
FRAMEWORKS = ("none", "starlette", "fastapi", "dependency", "litestar", "quart", "django")
SERVERS: Mapping[str, tuple[str, ...]] = {
    "uvicorn": ("uvicorn", "--log-level", "warning", "--port"),
    "hypercorn": ("hypercorn", "--log-level", "warning", "--bind"),
    "granian": ("granian", "--interface", "asgi", "--log-level", "warning", "--port"),
    "daphne": ("daphne", "--verbosity", "0", "--port"),
}
#: How a server is told that a proxy in front of it strips a prefix.
PREFIX: Mapping[str, tuple[str, ...]] = {
    "uvicorn": ("--root-path", "/pay"),
    "hypercorn": ("--root-path", "/pay"),
    "granian": ("--url-path-prefix", "/pay"),
    "daphne": ("--root-path", "/pay"),
}


@frozen
class Served:
    """A server that runs: its port, and whether it was told of a prefix."""

    name: str
    port: int
    under_prefix: bool


@pytest.fixture(scope="module", params=[(name, told) for name in SERVERS for told in (False, True)], ids=str)
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    name, told = request.param
    port = free_port()
    where = f"127.0.0.1:{port}" if name == "hypercorn" else str(port)
    command = [
        sys.executable,
        "-m",
        *SERVERS[name],
        where,
        *(PREFIX[name] if told else ()),
        "tests.webhooks.matrix:app",
    ]
    with running(command, port):
        yield Served(name, port, told)


@pytest.fixture(scope="module")
def aiohttp_port() -> Iterator[int]:
    """aiohttp.web, which serves its own applications only."""
    port = free_port()
    with running([sys.executable, "-m", "tests.webhooks.aiohttp_process", str(port)], port):
        yield port


@contextmanager
def running(command: Sequence[str], port: int) -> Iterator[None]:
    environment = {**os.environ, "GOPAY_NOTIFICATION_KEY": pem_of(PROVIDER_KEY), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, cwd=ROOT)
    try:
        wait_until_open(port, process)
        yield
    finally:
        process.terminate()
        process.wait(20)


def wait_until_open(port: int, process: "subprocess.Popen[Any]") -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            continue
        return
    raise AssertionError(f"the server ended with {process.returncode}")


@asynccontextmanager
async def stripping_proxy(port: int) -> AsyncIterator[str]:
    """Serve /pay/..., which is passed on without /pay, as reverse proxies do."""

    async def forward(request: web.Request) -> web.Response:
        url = URL(f"http://127.0.0.1:{port}{request.path.removeprefix('/pay')}", encoded=True)
        async with aiohttp.request(request.method, url, headers=request.headers, data=await request.read()) as answer:
            return web.Response(body=await answer.read(), status=answer.status)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", forward)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", listening := free_port()).start()
    try:
        yield f"http://127.0.0.1:{listening}/pay"
    finally:
        await runner.cleanup()


async def post(base: str, delivery: Delivery, host: str, prefix: str = "/gopay") -> tuple[int, str]:
    headers = {**delivery.headers, "Host": host}
    async with aiohttp.request("POST", base + prefix + delivery.path, headers=headers, data=delivery.body) as answer:
        return answer.status, json.loads(await answer.read())["responseCode"]


async def status(base: str, delivery: Delivery, host: str) -> int:
    headers, url = {**delivery.headers, "Host": host}, f"{base}/gopay{delivery.path}"
    async with aiohttp.request("POST", url, headers=headers, data=delivery.body) as answer:
        return answer.status


async def is_paid(base: str, host: str) -> bool:
    async with aiohttp.request("GET", base + "/orders", headers={"Host": host}) as answer:
        return answer.status == 200


PAID = FORGE.valid("debit.paid", reference_no="GOPAY-REFERENCE")
DOUBTFUL = (
    FORGE.tampered("debit.paid", reference_no="GOPAY-REFERENCE"),
    FORGE.wrong_key("debit.paid", reference_no="GOPAY-REFERENCE"),
    FORGE.stale("debit.paid", reference_no="GOPAY-REFERENCE"),
)
# The merchant's own number is the same: whoever looks the order up by it finds the wrong one.
OTHER_ORDER = FORGE.valid("debit.paid", reference_no="ANOTHER-REFERENCE")
REFUSED, ACCEPTED = (401, "4015600"), (200, "2005600")
OTHER_AMOUNT = FORGE.sign(PAID.body.replace(b"10000.00", b"1.00"))


@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_a_signed_notification_is_accepted_and_a_tampered_one_refused(served: Served, framework: str) -> None:
    async with stripping_proxy(served.port) as proxy:
        await believes_only_what_was_signed(proxy if served.under_prefix else direct(served.port), framework)


async def test_the_aiohttp_example_does_the_same_directly_and_behind_a_proxy(aiohttp_port: int) -> None:
    await believes_only_what_was_signed(direct(aiohttp_port), "aiohttp")
    async with stripping_proxy(aiohttp_port) as proxy:
        assert [await post(proxy, one, "aiohttp") for one in (DOUBTFUL[0], PAID)] == [REFUSED, ACCEPTED]


def direct(port: int) -> str:
    return f"http://127.0.0.1:{port}"


async def believes_only_what_was_signed(base: str, host: str) -> None:
    """Only the signed one counts, and it pays only the order that it names by our own record, with its own amount."""
    refused = {await post(base, one, host) for one in DOUBTFUL}
    other = await post(base, OTHER_AMOUNT, host)
    unknown = await status(base, OTHER_ORDER, host)
    paid_before = await is_paid(base, host)
    accepted = await post(base, PAID, host)

    assert (refused, other, unknown, accepted) == ({REFUSED}, ACCEPTED, 500, ACCEPTED)
    assert (paid_before, await is_paid(base, host)) == (False, True)
