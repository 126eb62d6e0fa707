"""The shipped simulator at the other end of the payout benchmark, in a process of its own: it checks every signature.

`python -m benchmarks.payouts_simulator KEY` takes the merchant's private key from the file KEY, prints its port and
answers until its standard input closes; then it fails unless its books balance.
"""

import asyncio
import sys
from pathlib import Path

from gopay_async import Money
from gopay_async.simulator import Policy, Simulator

from .merchant import credentials


async def _serve(private_key: str) -> None:
    simulator = Simulator(credentials(private_key), policy=Policy(balance=Money(10**15)))
    async with simulator.serve() as url:
        print(url.rpartition(":")[2], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    simulator.check()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]).read_text()))
