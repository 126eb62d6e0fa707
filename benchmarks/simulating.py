"""What the simulator costs: in process beside a constant answer, over sockets beside a server that checks nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from statistics import median
from typing import Final

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from gopay_async import GoPaySession, Money, exchange, new_external_id
from gopay_async.api import TopUp
from gopay_async.exchange import Request, Response
from gopay_async.simulator import Policy, Simulator
from gopay_async.transport import Departure

from .claims import Claim

_ROUNDS: Final = 11
_CALLS: Final = 600
_AT_ONCE: Final = 20
_BODY: Final = b'{"responseCode":"2023800","responseMessage":"Successful","referenceNo":"1"}'
_TOKEN: Final = b'{"responseCode":"2007300","responseMessage":"Successful","accessToken":"token","expiresIn":"900"}'
_PLENTY: Final = Money(10**15)

Call = Callable[[int], Awaitable[object]]


def in_process() -> Claim:
    """Measure `send` over the simulator and over a constant answer, in turns."""
    sentence = "simulator in process: rate of a transport with a constant answer"
    return Claim(sentence, asyncio.run(_in_process()), at_least=0.25)


def over_sockets() -> Claim:
    """Measure signed top-ups at the simulator and at a bare aiohttp.web server, in turns."""
    sentence = "simulator over sockets: rate of a bare aiohttp.web server"
    return Claim(sentence, asyncio.run(_over_sockets()), at_least=0.5)


class _Constant:
    """A transport that answers at once, always the same."""

    async def send(self, request: Request, departure: Departure) -> Response:
        departure.unsent = True
        await asyncio.sleep(0)
        departure.unsent = False
        body = _TOKEN if "access-token" in request.target else _BODY
        return Response(202, CIMultiDict({"Content-Type": "application/json"}), body)

    async def aclose(self) -> None:
        """Do nothing."""


def _simulator() -> Simulator:
    return Simulator(policy=Policy(balance=_PLENTY), seed=1)


def _payout(number: int, run: str) -> TopUp:
    return TopUp(
        partner_reference_no=f"{run}-{number}",
        customer_number="6281773628883",
        customer_name="Siti Rahayu",
        amount=Money(10_000),
        notes="Cashback",
    )


async def _in_process() -> float:
    simulator, runs = _simulator(), iter(range(1_000))
    times: tuple[list[float], list[float]] = ([], [])
    async with (
        _session(simulator, _Constant()) as constant,
        _session(simulator, simulator) as simulated,
    ):
        for _ in range(_ROUNDS + 1):
            for found, gopay in zip(times, (constant, simulated), strict=True):
                found.append(await _timed(_sending(gopay, f"run{next(runs)}")))
    simulator.check()
    return median(times[0][1:]) / median(times[1][1:])


def _session(simulator: Simulator, transport: "_Constant | Simulator") -> GoPaySession:
    return GoPaySession(simulator.credentials, simulator.environment(), transport=transport, clock=simulator.clock)


def _sending(gopay: GoPaySession, run: str) -> Call:
    async def send(number: int) -> object:
        return await gopay.send(_payout(number, run), external_id=new_external_id())

    return send


async def _over_sockets() -> float:
    simulator, runs = _simulator(), iter(range(1_000))
    times: tuple[list[float], list[float]] = ([], [])
    async with _bare() as bare, simulator.serve() as url, aiohttp.ClientSession() as client:
        for _ in range(_ROUNDS + 1):
            for found, base in zip(times, (bare, url), strict=True):
                # Signed beforehand: only the servers are compared, with one client and one loop for both.
                requests = _signed(simulator, base, f"run{next(runs)}")
                found.append(await _timed(_posting(client, requests)))
    simulator.check()
    return median(times[0][1:]) / median(times[1][1:])


@asynccontextmanager
async def _bare() -> AsyncIterator[str]:
    """Serve an application that reads the body and answers the same to everything."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=202, body=_BODY, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _signed(simulator: Simulator, base: str, run: str) -> list[Request]:
    token = simulator.books.issue_token(simulator.clock.now()).value
    own, now = simulator.credentials, simulator.clock.now()
    made = []
    for number in range(_CALLS):
        payout, external_id = _payout(number, run), new_external_id()
        body = exchange.serialise(payout, own, access_token=token)
        made.append(
            exchange.build(payout, own, base=base, external_id=external_id, at=now, body=body, access_token=token)
        )
    return made


def _posting(client: aiohttp.ClientSession, requests: list[Request]) -> Call:
    async def post(number: int) -> object:
        one = requests[number]
        async with client.post(one.base + one.target, data=one.body, headers=one.headers) as response:
            assert response.status == 202, await response.text()
            return await response.read()

    return post


async def _timed(call: Call) -> float:
    numbers = iter(range(_CALLS))

    async def work() -> None:
        for number in numbers:
            await call(number)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as workers:
        for _ in range(_AT_ONCE):
            workers.create_task(work())
    return time.perf_counter() - began


if __name__ == "__main__":
    print(in_process(), flush=True)
    print(over_sockets(), flush=True)
