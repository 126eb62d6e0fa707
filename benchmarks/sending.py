"""What `send` costs: payouts per second beside a raw aiohttp POST of the same bytes, signed beforehand."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median
from typing import Final

import aiohttp

from gopay_async import Environment, GoPaySession, exchange, new_external_id
from gopay_async.exchange import Request

from .claims import Claim
from .merchant import PAYOUT, credentials

IN_FLIGHT: Final = 50
_ROUNDS: Final = 15
_CALLS: Final = 2_000
_TOKEN: Final = "token-of-the-benchmark"

Call = Callable[[], Awaitable[object]]


def sending() -> Claim:
    """Measure both, in turns, against a provider that is an aiohttp.web application."""
    return _claim("web", "a provider on aiohttp.web")


def sending_alone() -> Claim:
    """Measure both against prepared bytes: here nothing but the client takes time."""
    return _claim("constant", "a server of constant bytes, which leaves the client alone")


def _claim(kind: str, peer: str) -> Claim:
    with server(kind) as url:
        ratio = asyncio.run(_compare(url))
    sentence = f"send(TopUp) with {IN_FLIGHT} in flight, by the throughput of a raw aiohttp POST: {peer}"
    return Claim(sentence, ratio, at_least=0.75, goal=0.80)


@contextmanager
def server(kind: str = "constant") -> Iterator[str]:
    """Run the server in another process and give its address."""
    command = [sys.executable, "-m", f"{__package__}.server", kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


async def _compare(url: str) -> float:
    raw_times, own_times = [], []
    async with GoPaySession(credentials(), Environment.at(url)) as gopay, aiohttp.ClientSession() as client:
        # Whoever moves money has made and stored the id before; the server looks at none.
        external_id = new_external_id()
        raw, own = raw_post(client, url), lambda: gopay.send(PAYOUT, external_id=external_id)
        for _ in range(_ROUNDS + 1):
            raw_times.append(await timed(raw))
            own_times.append(await timed(own))
    # The first round opens the connections and fetches the token.
    return median(raw_times[1:]) / median(own_times[1:])


def raw_post(client: aiohttp.ClientSession, url: str) -> Call:
    """Return what somebody without this package would write, its signature already made."""
    request = signed(url)
    address = request.base + request.target

    async def post() -> bytes:
        async with client.post(address, data=request.body, headers=request.headers) as response:
            return await response.read()

    return post


def signed(url: str) -> Request:
    """Return the payout as `send` would send it now."""
    who = credentials()
    body = exchange.serialise(PAYOUT, who, access_token=_TOKEN)
    now, external_id = datetime.now(UTC), new_external_id()
    return exchange.build(PAYOUT, who, base=url, external_id=external_id, at=now, body=body, access_token=_TOKEN)


async def timed(call: Call) -> float:
    """Return the seconds that many of *call* take."""
    began = time.perf_counter()
    async with asyncio.TaskGroup() as workers:
        for _ in range(IN_FLIGHT):
            workers.create_task(_repeated(call))
    return time.perf_counter() - began


async def _repeated(call: Call) -> None:
    for _ in range(_CALLS // IN_FLIGHT):
        await call()
