"""What `send` costs: payouts per second beside a raw aiohttp POST of the same bytes, signed beforehand."""

import asyncio
import hmac
import json
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from statistics import median
from typing import Final

import aiohttp

from gopay_async import Environment, GoPaySession, exchange, new_external_id
from gopay_async.api import TopUp
from gopay_async.exchange import Request
from gopay_async.models import WIB

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


def sending_by_hand() -> Claim:
    """Measure, for comparison, a call that is signed by hand with nothing checked and nothing promised."""
    with server() as url:
        ratio = asyncio.run(_compare(url, by_hand=True))
    sentence = "the same for the shortest signed call that can be written by hand: no checks, no outcome, no repeats"
    return Claim(sentence, ratio)


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


async def _compare(url: str, *, by_hand: bool = False) -> float:
    raw_times, own_times = [], []
    async with GoPaySession(credentials(), Environment.at(url)) as gopay, aiohttp.ClientSession() as client:
        # Whoever moves money has made and stored the id before; the server looks at none.
        external_id = new_external_id()
        raw, own = raw_post(client, url), hand_signed_post(client, url)
        if not by_hand:
            own = lambda: gopay.send(PAYOUT, external_id=external_id)  # noqa: E731  # one of two calls, both measured
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


def hand_signed_post(client: aiohttp.ClientSession, url: str) -> Call:
    """Return the shortest call that makes its body, signs it, waits with a time-out and reads its answer."""
    request, secret = signed(url), str(credentials().client_secret).encode()
    address = request.base + request.target

    async def post() -> object:
        async with asyncio.timeout(30):
            body = json.dumps(_by_hand(PAYOUT), separators=(",", ":")).encode()
            now = datetime.now(WIB).isoformat(timespec="seconds")
            text = f"POST:{request.target}:{_TOKEN}:{sha256(body).hexdigest()}:{now}"
            signature = b64encode(hmac.digest(secret, text.encode(), "sha512")).decode()
            headers = {**request.headers, "X-TIMESTAMP": now, "X-SIGNATURE": signature}
            async with client.post(address, data=body, headers=headers) as response:
                return json.loads(await response.read())

    return post


def _by_hand(payout: TopUp) -> dict[str, object]:
    return {
        "partnerReferenceNo": payout.partner_reference_no,
        "customerNumber": payout.customer_number,
        "customerName": payout.customer_name,
        "amount": {"value": str(payout.amount), "currency": "IDR"},
        "notes": payout.notes,
        "additionalInfo": {
            "beneficiaryEmail": payout.beneficiary_email,
            "beneficiaryProvider": payout.beneficiary_provider,
        },
    }


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
