"""Kill -9 at random instants, again and again, until everybody is paid; then compare the ledger with the provider.

`python -m tests.campaigns.kill9.campaign --kills 300 --rows 20000` prints what it found; exit 1 when somebody was paid
twice or not at all, or when a rupiah is missing.
"""

import argparse
import asyncio
import json
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import define, field
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gopay_async.payouts import Payout, State, open_ledger

#: States that are the end of a payout, and what the provider's books must say about it.
_STATUS = {State.PAID: "00", State.FAILED: "06"}


@define
class Report:
    """What a campaign found."""

    kills: int = 0
    jobs: int = 0
    rows: int = 0
    #: References that were paid more than once, that the provider does not have as the ledger says, that are open.
    twice: list[str] = field(factory=list)
    wrong: list[str] = field(factory=list)
    still_open: list[str] = field(factory=list)
    #: Rupiah that the ledger says were paid, and that the provider says were paid.
    ledger: int = 0
    provider: int = 0
    #: Rows whose outcome a kill made unknown, or that were sent again after they were not found.
    recovered: int = 0
    resent: int = 0
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        return not (self.twice or self.wrong or self.still_open) and self.ledger == self.provider

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.jobs} jobs, {self.rows} rows, {self.seconds:.0f} s: "
            f"paid twice {len(self.twice)}, not as the ledger says {len(self.wrong)}, open {len(self.still_open)}; "
            f"ledger Rp {self.ledger}, provider Rp {self.provider}; "
            f"{self.recovered} unknown after a kill, {self.resent} sent again"
        )


def campaign(kills: int, rows: int, *, seed: int, forgetful: bool = False, faults: float = 0.05) -> Report:
    """Run jobs of *rows* rows, one after the other, until there were *kills* kills."""
    report, began = Report(), time.monotonic()
    chance = random.Random(seed)
    with TemporaryDirectory() as folder:
        here = Path(folder)
        write_key(here / "key.pem")
        while report.kills < kills:
            report.jobs += 1
            job = _OneJob(here / f"job-{report.jobs}", here / "key.pem", kills, chance, report, forgetful, faults)
            job.run(rows)
    report.seconds = time.monotonic() - began
    return report


@define
class _OneJob:
    here: Path
    key: Path
    kills: int
    chance: random.Random
    report: Report
    forgetful: bool
    faults: float

    def run(self, rows: int) -> None:
        """Run one job until it has ended, killing its process while kills are left; then compare."""
        self.here.mkdir()
        write_file(self.here / "payouts.csv", rows)
        with provider(self.chance.randrange(10**6), self.faults) as url:
            ahead, ended = 0.0, ""
            while ended in ("", "PAUSED", "OPEN"):
                # Eleven minutes later, as the clock has it: what was in flight may be asked about at once.
                ended, ahead = self._once(url, ahead + 700.0)
            with urllib.request.urlopen(f"{url}/books") as answer:
                books = json.load(answer)
        asyncio.run(compare(self.here / "ledger.db", books, self.report))
        say(f"job {self.report.jobs} has ended: {self.report.rows} rows, paid twice {len(self.report.twice)}")

    def _once(self, url: str, ahead: float) -> tuple[str, float]:
        where = [str(self.here / "ledger.db"), str(self.here / "payouts.csv"), url, str(self.key), str(ahead)]
        command = [sys.executable, "-m", "tests.campaigns.kill9.merchant", *where, *(["forgetful"] * self.forgetful)]
        limit = self.chance.uniform(0.0, 2.0) if self.report.kills < self.kills else None
        # One in four dies wherever it is, perhaps while it imports; the others after they began to send.
        ended, ahead = run_and_kill(command, limit, ahead, anywhere=self.chance.random() < 0.25)
        if limit is not None and not ended:
            self.report.kills += 1
            if self.report.kills % 10 == 0:
                say(f"{self.report.kills} of {self.kills} kills")
        return ended, ahead


def say(text: str) -> None:
    """Tell whoever watches: standard output belongs to what was found."""
    print(f"  {text}", file=sys.stderr, flush=True)


def run_and_kill(command: list[str], limit: float | None, ahead: float, *, anywhere: bool) -> tuple[str, float]:
    """Run *command*; kill it *limit* seconds after it began to send, or with *anywhere* after it was started.

    Return how it ended, empty when it was killed, and how far ahead the next one's clock begins.
    """
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if not anywhere:
            assert process.stdout.readline() == "running\n", "it did not start"
        if limit is not None:
            try:
                process.wait(limit)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        text = process.stdout.read()
    found = [line.split()[1] for line in text.splitlines() if line.startswith("ended ")]
    # The clock of the killed process may have been turned on by a day at most of waiting.
    return (found[0] if found else ""), ahead + (time.monotonic() - began) + 86_400 * 0.05


async def compare(path: Path, books: dict[str, list[list[object]]], report: Report) -> None:
    async with open_ledger(path, create=False) as ledger:
        (job,) = await ledger.jobs()
        last = 0
        while found := await ledger.rows(job.id, after=last, limit=2_000):
            last = found[-1].id
            for row in found:
                judge(row, books.pop(row.reference, []), report)
                report.recovered += sum(one.kind == "recovered" for one in await history(ledger, row))
    report.wrong += list(books)


async def history(ledger, row: Payout):  # type: ignore[no-untyped-def]  # a ledger, and its events
    # Only these can have been recovered: reading the history of all takes minutes.
    return await ledger.history(row.id) if row.standing.attempt > 1 or row.standing.asked > 1 else []


def judge(row: Payout, payments: list[list[object]], report: Report) -> None:
    report.rows += 1
    report.resent += row.standing.resends
    report.ledger += row.standing.amount // 100 if row.state is State.PAID else 0
    report.provider += sum(int(str(amount)) for amount, status in payments if status == "00")
    if len(payments) > 1:
        report.twice.append(row.reference)
    if row.state in (State.PLANNED, State.SENDING, State.ACCEPTED, State.UNKNOWN, State.DISPUTED):
        report.still_open.append(f"{row.reference} {row.state} {row.standing.reason}")
    elif payments != expected(row):
        report.wrong.append(f"{row.reference} {row.state} {payments}")


def expected(row: Payout) -> list[list[object]]:
    status = _STATUS.get(row.state)
    return [[row.standing.amount // 100, status]] if status else []


@contextmanager
def provider(seed: int, faults: float) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.campaigns.kill9.provider", str(seed), str(faults)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def write_file(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("partner_reference_no,customer_number,customer_name,amount,notes\n")
        for one in range(rows):
            file.write(f"pay-{one:06d},62817{one:07d},Budi {one},{10_000 + one},Cashback\n")


def write_key(path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    report = campaign(options.kills, options.rows, seed=options.seed)
    print(report)
    for name in ("twice", "wrong", "still_open"):
        for one in getattr(report, name)[:20]:
            print(f"  {name}: {one}")
    control = campaign(20, 3_000, seed=options.seed, forgetful=True)
    print(f"control, without the commit of the intent: {control}")
    return 0 if report.is_clean and control.twice else 1


if __name__ == "__main__":
    sys.exit(main())
