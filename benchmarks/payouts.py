"""What the ledger costs a bulk payout: throughput beside the same requests without it, in one run, in turns.

`python -m benchmarks.payouts` prints the ratio and its limit.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from gopay_async import Environment, GoPaySession, Money, new_external_id
from gopay_async.api import TopUp
from gopay_async.payouts import Account, Ended, Ledger, Runner, Settings, open_ledger, submit
from gopay_async.transport import AiohttpTransport

from .claims import Claim
from .merchant import credentials

IN_FLIGHT: Final = 200
DELAY: Final = 50
_ROWS: Final = 5_000
_ROUNDS: Final = 15


def ledger_cost() -> Claim:
    """Measure both, in turns."""
    with provider(DELAY) as url, TemporaryDirectory() as folder:
        ratio = asyncio.run(_compare(url, Path(folder)))
    sentence = f"payouts with the ledger, {IN_FLIGHT} in flight of {DELAY} ms: throughput of `send` alone"
    return Claim(sentence, ratio, at_least=0.9)


@contextmanager
def provider(milliseconds: int) -> Iterator[str]:
    """Run the provider in another process and give its address."""
    with serving("payouts_provider", str(milliseconds)) as url:
        yield url


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[str]:
    """Run a *module* of this package, which prints its port and serves until its standard input closes."""
    command = [sys.executable, "-m", f"{__package__}.{module}", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()
    assert process.returncode == 0, module


def payouts(number: int, prefix: str) -> Iterator[TopUp]:
    """Yield *number* payouts with references that begin with *prefix*."""
    for one in range(number):
        yield TopUp(
            partner_reference_no=f"{prefix}-{one:07d}",
            customer_number=f"62817{one:08d}",
            customer_name="Budi Santoso",
            amount=Money(10_000 + one % 1_000),
            notes="Weekly cashback",
        )


async def as_stream(rows: Iterator[TopUp]) -> AsyncIterator[TopUp]:
    """Yield *rows*."""
    for one in rows:
        yield one


async def _compare(url: str, folder: Path) -> float:
    alone, with_ledger = [], []
    where, who = Environment.at(url), credentials()
    account = Account(where.name, str(who.client_id))
    async with GoPaySession(who, where, transport=AiohttpTransport(connections=IN_FLIGHT)) as gopay:
        for turn in range(_ROUNDS + 1):
            alone.append(await _alone(gopay, turn))
            # A run begins with a look for damage in the whole file: each gets a file of its own.
            async with open_ledger(folder / f"{turn}.db") as ledger:
                with_ledger.append(await _with_ledger(gopay, ledger, account, turn))
            print(f"      alone {_ROWS / alone[-1]:.0f}/s, with the ledger {_ROWS / with_ledger[-1]:.0f}/s", flush=True)
    # The first round opens the connections and fetches the token.
    return median(alone[1:]) / median(with_ledger[1:])


async def _alone(gopay: GoPaySession, turn: int) -> float:
    """Return the seconds that the requests take without a ledger."""
    rows = payouts(_ROWS, f"alone-{turn}")

    async def work() -> None:
        for one in rows:
            await gopay.send(one, external_id=new_external_id())

    began = time.perf_counter()
    async with asyncio.TaskGroup() as workers:
        for _ in range(IN_FLIGHT):
            workers.create_task(work())
    return time.perf_counter() - began


async def _with_ledger(gopay: GoPaySession, ledger: Ledger, account: Account, turn: int) -> float:
    """Return the seconds that a run takes, without the import, which moves no money."""
    job = await submit(as_stream(payouts(_ROWS, f"job-{turn}")), ledger, account, name=f"{turn}")
    began = time.perf_counter()
    last: object = None
    async for event in Runner(ledger, gopay, account, Settings(concurrency=IN_FLIGHT)).run(job):
        last = event
    assert isinstance(last, Ended)
    assert sum(number for number, _ in last.counts.values()) == _ROWS, last
    return time.perf_counter() - began


if __name__ == "__main__":
    claim = ledger_cost()
    print(claim)
    sys.exit(0 if claim.is_kept else 1)
