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
from yarl import URL

from gopay_async import Environment, GoPaySession, Money, exchange, new_external_id
from gopay_async.api import TopUp
from gopay_async.exchange import Request

from .claims import Claim
from .credentials import credentials

IN_FLIGHT: Final = 50
_ROUNDS: Final = 11
_CALLS: Final = 2_000
_TOKEN: Final = "token-of-the-benchmark"

PAYOUT: Final = TopUp(
    partner_reference_no="payout-1",
    customer_number="6281773628883",
    customer_name="Budi Santoso",
    amount=Money(25_000),
    notes="Weekly cashback",
    beneficiary_email="budi@example.com",
)


def sending() -> Claim:
    """Measure both, in turns."""
    with server() as url:
        ratio = asyncio.run(_compare(url))
    return Claim(f"send(TopUp), {IN_FLIGHT} in flight, of a raw aiohttp POST", ratio, at_least=0.75, goal=0.80)


@contextmanager
def server() -> Iterator[str]:
    """Run the server in another process and give its address."""
    command = [sys.executable, "-m", f"{__package__}.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


async def _compare(url: str) -> float:
    raw_times, own_times = [], []
    # The same pool for both, and neither follows redirects nor keeps cookies: what is compared is our own work.
    connector = aiohttp.TCPConnector(limit=100)
    async with (
        GoPaySession(credentials(), Environment.at(url)) as gopay,
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as client,
    ):
        raw, own = _raw(client, url), lambda: gopay.send(PAYOUT, external_id=new_external_id())
        for _ in range(_ROUNDS + 1):
            raw_times.append(await _timed(raw))
            own_times.append(await _timed(own))
    return median(raw_times[1:]) / median(own_times[1:])


def _raw(client: aiohttp.ClientSession, url: str) -> Callable[[], Awaitable[object]]:
    request = signed(url)
    address = URL(request.base + request.target, encoded=True)

    async def post() -> bytes:
        async with client.post(
            address, data=request.body, headers=request.headers, allow_redirects=False
        ) as response:
            return await response.read()

    return post


def signed(url: str) -> Request:
    """Return the payout as `send` would send it now."""
    who = credentials()
    body = exchange.serialise(PAYOUT, who, access_token=_TOKEN)
    return exchange.build(
        PAYOUT, who, base=url, external_id=new_external_id(), at=datetime.now(UTC), body=body, access_token=_TOKEN
    )


async def _timed(call: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    async with asyncio.TaskGroup() as workers:
        for _ in range(IN_FLIGHT):
            workers.create_task(_repeated(call))
    return time.perf_counter() - began


async def _repeated(call: Callable[[], Awaitable[object]]) -> None:
    for _ in range(_CALLS // IN_FLIGHT):
        await call()
