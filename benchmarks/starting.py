"""What a start takes: from the command to the line that says where it listens, beside a bare aiohttp.web server."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from statistics import median
from typing import Final

from .claims import Claim

_ROUNDS: Final = 7
_SIMULATOR: Final = "from gopay_async.cli import main; main()"
_BARE: Final = """
import asyncio
from aiohttp import web

async def main():
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def starting() -> Claim:
    """Measure how long somebody waits for the simulator."""
    return Claim("seconds from `gopay-async simulator` to its first line", _measured()[0], at_most=1.0, goal=0.6)


def starting_beside_bare() -> Claim:
    """Compare that with a server that serves nothing: what Python and aiohttp take of it."""
    simulator, bare = _measured()
    return Claim("start of the simulator: times that of a bare aiohttp.web server", simulator / bare, at_most=4.0)


@cache
def _measured() -> tuple[float, float]:
    """Start both in turns and return the median seconds of each."""
    commands = ((_SIMULATOR, "simulator", "--json"), (_BARE,))
    rounds = [[_seconds(one) for one in commands] for _ in range(_ROUNDS + 1)]
    # The first of each reads from the disk what the others find in memory.
    simulator, bare = (median(times) for times in zip(*rounds[1:], strict=True))
    return simulator, bare


def _seconds(arguments: Sequence[str]) -> float:
    # Installed, a package is compiled already.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        took = time.perf_counter() - began
        process.terminate()
    assert line, "it ended before it listened"
    return took


if __name__ == "__main__":
    print(starting(), flush=True)
    print(starting_beside_bare(), flush=True)
