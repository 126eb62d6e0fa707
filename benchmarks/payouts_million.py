"""One million payouts beside ten thousand: peak memory of the runner, and time per row.

`python -m benchmarks.payouts_million [ROWS]` imports, runs and reports both against the shipped simulator in another
process, each step in a process of its own, and prints both ratios and their limits.  The simulator checks every
signature, and at the end its books.
"""

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from gopay_async import Credentials, Environment, GoPaySession
from gopay_async.payouts import (
    Account,
    Ended,
    Job,
    Moved,
    Runner,
    Settings,
    State,
    draft_of_file,
    find_known,
    import_draft,
    open_ledger,
)
from gopay_async.payouts.report import write_csv, write_html
from gopay_async.transport import AiohttpTransport

from .claims import Claim
from .merchant import credentials, pem
from .payouts import serving

FEW: Final = 10_000
MANY: Final = 1_000_000
_CONCURRENCY: Final = 50
_STEPS: Final = ("import", "run", "report")
#: Rows between two lines about how far it has come.
_SAID_EVERY: Final = 50_000


def _credentials(folder: Path) -> Credentials:
    return credentials((folder / "key.pem").read_text())


async def import_file(folder: Path, url: str) -> None:
    """Make a job of the file."""
    account = Account(Environment.at(url).name, str(_credentials(folder).client_id))
    async with open_ledger(folder / "ledger.db") as ledger, draft_of_file(folder / "payouts.csv") as draft:
        say(f"{draft.size[0]} rows read and checked")
        await find_known(draft, ledger, account)
        await import_draft(draft, ledger, account, name="payouts.csv")


async def run(folder: Path, url: str) -> None:
    """Send every row."""
    who, where = _credentials(folder), Environment.at(url)
    transport = AiohttpTransport(connections=_CONCURRENCY)
    async with open_ledger(folder / "ledger.db") as ledger, GoPaySession(who, where, transport=transport) as gopay:
        (job,) = await ledger.jobs()
        runner = Runner(ledger, gopay, Account(where.name, str(who.client_id)), Settings(concurrency=_CONCURRENCY))
        ended = await follow(runner, job)
    assert set(ended.counts) == {State.ACCEPTED}, ended


async def follow(runner: Runner, job: Job) -> Ended:
    """Run *job*, saying from time to time how far it has come."""
    began, sent = time.perf_counter(), 0
    async for event in runner.run(job):
        if isinstance(event, Moved) and event.state is State.ACCEPTED:
            sent += 1
            if sent % _SAID_EVERY == 0:
                seconds = time.perf_counter() - began
                say(f"{sent} of {job.rows} rows, {sent / seconds:.0f}/s, {megabytes():.1f} MB")
        elif isinstance(event, Ended):
            return event
    raise AssertionError("a run ends with Ended")


def say(text: str) -> None:
    """Tell whoever watches: standard output belongs to the figures."""
    print(f"        {text}", file=sys.stderr, flush=True)


def megabytes() -> float:
    """Return the peak memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def report(folder: Path, url: str) -> None:
    """Write both reports."""
    async with open_ledger(folder / "ledger.db", create=False) as ledger:
        (job,) = await ledger.jobs()
        await write_csv(ledger, job, folder / "report.csv")
        await write_html(ledger, job, folder / "report.html")


_WORK: Final[dict[str, Callable[[Path, str], Awaitable[None]]]] = {"import": import_file, "run": run, "report": report}


def step(name: str, folder: Path, url: str) -> dict[str, float]:
    """Do one step in a process of its own; return its seconds and its peak memory in MB."""
    command = [sys.executable, "-m", f"{__package__}.payouts_million", name, str(folder), url]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    print(f"      {name:7} {found['seconds']:8.1f} s {found['megabytes']:7.1f} MB", flush=True)
    return found


def measure(rows: int) -> dict[str, dict[str, float]]:
    """Return seconds and megabytes of each step for *rows* rows."""
    print(f"      {rows} rows", flush=True)
    with TemporaryDirectory() as name:
        folder = Path(name)
        key = folder / "key.pem"
        key.write_text(pem())
        write_file(folder / "payouts.csv", rows)
        with serving("payouts_simulator", str(key)) as url:
            return {one: step(one, folder, url) for one in _STEPS}


def write_file(path: Path, rows: int) -> None:
    """Write *rows* payouts to *path*."""
    with path.open("w", encoding="utf-8") as file:
        file.write("partner_reference_no,customer_number,customer_name,amount,notes\n")
        for one in range(rows):
            file.write(f"pay-{one:07d},62817{one:08d},Budi Santoso,{10_000 + one % 1_000},Weekly cashback\n")


def ratios(many_rows: int) -> list[Claim]:
    """Measure the few, the many, and the few again: the machine may have changed meanwhile."""
    first, many, again = (measure(rows) for rows in (FEW, many_rows, FEW))
    memory = many["run"]["megabytes"] / min(first["run"]["megabytes"], again["run"]["megabytes"])
    seconds = sum(first[one]["seconds"] + again[one]["seconds"] for one in _STEPS) / 2
    per_row = sum(many[one]["seconds"] for one in _STEPS) / many_rows / (seconds / FEW)
    return [
        Claim(f"peak memory of the runner, {many_rows} rows beside {FEW}", memory, at_most=1.3),
        Claim(f"time per row, {many_rows} rows beside {FEW}", per_row, at_most=1.1),
    ]


def main(arguments: Sequence[str]) -> int:
    """Do one step, or measure everything."""
    if len(arguments) == 3:
        began = time.perf_counter()
        asyncio.run(_WORK[arguments[0]](Path(arguments[1]), arguments[2]))  # type: ignore[arg-type]  # they are coroutines
        print(json.dumps({"seconds": time.perf_counter() - began, "megabytes": megabytes()}))
        return 0
    claims = ratios(int(arguments[0]) if arguments else MANY)
    for claim in claims:
        print(claim)
    return 0 if all(claim.is_kept for claim in claims) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
