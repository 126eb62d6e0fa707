"""What must happen once only: the token request of a cold session, and the parsing of the private key."""

import asyncio
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Final

from attrs import define, field

from gopay_async import Environment, GoPaySession
from gopay_async.exchange import Request, Response
from gopay_async.transport import Departure

from .claims import Claim
from .merchant import PAYOUT, credentials

_COROUTINES: Final = 10_000
_SENDS: Final = 200
_NO_HEADERS: Final[Mapping[str, str]] = {}
_TOKEN: Final = b'{"responseCode":"2007300","accessToken":"token-of-the-benchmark","expiresIn":"900"}'
_ACCEPTED: Final = b'{"responseCode":"2023800","partnerReferenceNo":"payout-1"}'


@define
class _Counting:
    """A transport that answers at once and counts the requests for a token."""

    tokens: int = field(default=0, init=False)

    async def send(self, request: Request, departure: Departure) -> Response:
        departure.unsent = False
        # Everybody else gets a turn while the token is on its way.
        await asyncio.sleep(0)
        if "access-token" not in request.target:
            return Response(202, _NO_HEADERS, _ACCEPTED)
        self.tokens += 1
        return Response(200, _NO_HEADERS, _TOKEN)

    async def aclose(self) -> None:
        """Nothing to close."""


def token_requests() -> Claim:
    """Count the token requests of a cold session."""
    transport = _Counting()
    asyncio.run(_send(transport, _COROUTINES))
    return Claim(f"token requests of {_COROUTINES} coroutines on a cold session", transport.tokens, 1, 1)


def key_parsings() -> Claim:
    """Count how often a private key is parsed, from the credentials to the last send."""
    with _watched() as parsed:
        asyncio.run(_send(_Counting(), _SENDS))
    return Claim(f"private keys parsed by one session and {_SENDS} sends", len(parsed), 1, 1)


def key_parsing_time() -> Claim:
    """Compare the parsing, once at the start, with one send."""
    began = time.perf_counter()
    credentials()
    parsing = time.perf_counter() - began
    return Claim("sends, without network, in the time that parsing the key takes once", parsing / asyncio.run(_one()))


async def _send(transport: _Counting, coroutines: int) -> None:
    async with GoPaySession(credentials(), Environment.SANDBOX, transport=transport) as gopay:
        await asyncio.gather(*(gopay.send(PAYOUT) for _ in range(coroutines)))


async def _one() -> float:
    async with GoPaySession(credentials(), Environment.SANDBOX, transport=_Counting()) as gopay:
        await gopay.send(PAYOUT)
        began = time.perf_counter()
        for _ in range(_SENDS):
            await gopay.send(PAYOUT)
        return (time.perf_counter() - began) / _SENDS


@contextmanager
def _watched() -> Iterator[list[str]]:
    """Give the list of private-key loaders of `cryptography` that were called, Rust functions included."""
    called: list[str] = []

    def look(_: FrameType, event: str, function: object) -> None:
        name = getattr(function, "__name__", "")
        if event == "c_call" and name.startswith("load_") and "private" in name:
            called.append(name)

    sys.setprofile(look)
    try:
        yield called
    finally:
        sys.setprofile(None)
