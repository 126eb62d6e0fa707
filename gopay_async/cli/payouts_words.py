"""What the payout commands say about money: why a job waits, and what to do next.  Prints nothing."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..payouts import Counts, Job, State

#: What a reason to pause begins with, or holds -> what to do about it.
_ADVICE: Final = (
    (r"403\d\d14", "Fund the payout account."),
    (r"403\d\d06", "The provider does not take top-ups at this time: try again later."),
    (r"403\d\d01|422\d\d02", "Ask the provider to let these credentials send top-ups."),
    (r"404\d\d08", "Look at GOPAY_PARTNER_ID and GOPAY_CLIENT_ID: the provider does not know them."),
    (r"401\d\d00", "Look at client secret, private key and the clock of this machine: the signature was refused."),
    (r"no access token", "Look at the address, the network and the credentials."),
    (
        r".* older than the window",
        "Such a row is never sent any more: settle it as failed, and pay the person in a new row with a new reference.",
    ),
    (r"\d+ unknown outcomes", "Find out what is wrong at the provider, or on the way there."),
    (r"\d+ references", "Find out who else uses these references: another ledger, or another program."),
    (r"\d+ attempts", "Look at the address, the network and the credentials."),
    (r"the clock was set back", "Set the clock of this machine right."),
)


def advice(reason: str) -> str:
    """Return what to do about a pause for *reason*."""
    return next((words for shape, words in _ADVICE if re.match(shape, reason)), "Mend the cause.")


def plural(number: int, noun: str) -> str:
    """Return *number* and *noun*, in the plural where it must be."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def span(seconds: float) -> str:
    """Return a length of time as people say it."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    if whole < 100 * 60:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def command(name: str, job: Job, *more: str, ledger: Path) -> str:
    """Return the command line that does *name* to *job*, to be pasted into a shell."""
    where = [] if ledger == DEFAULT_LEDGER else ["--ledger", str(ledger)]
    return shlex.join(["gopay-async", "payouts", name, job.short, *more, *where])


def settling(job: Job, ledger: Path) -> str:
    """Return the command line with which a person says what became of a row of *job*."""
    return f"{command('settle', job, 'REFERENCE', ledger=ledger)} --as paid|failed --note TEXT"


def todo(job: Job, counts: Counts, ledger: Path) -> Iterator[str]:
    """Yield what a person must know, or do, about *job*."""
    if job.paused:
        planned = counts.get(State.PLANNED, (0, 0))[0]
        waits = f" {plural(planned, 'payout')} {'waits' if planned == 1 else 'wait'} to be sent." if planned else ""
        yield f"Paused: {job.paused.rstrip('.')}.{waits} {advice(job.paused)} Then resume."
    if job.distrust:
        yield (
            f"The inquiry cannot be believed ({job.distrust}): no unknown payout of this job is sent again by itself. "
            "The other inquiry, --inquiry 36 or 39, may find them."
        )
    if State.DISPUTED in counts:
        look = command("status", job, "--row", "REFERENCE", ledger=ledger)
        settle = settling(job, ledger)
        yield f"Disputed: see what happened ({look}), ask the provider, then say how it was ({settle})."
    if counts.keys() & {State.REFUSED, State.FAILED, State.RETURNED}:
        yield "What was refused, failed or returned is never sent again: pay it in a new row with a new reference."


#: The ledger where none is named.
DEFAULT_LEDGER: Final = Path("gopay-payouts.db")
