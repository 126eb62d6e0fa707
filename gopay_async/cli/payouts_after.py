"""What the payout commands show of a ledger: jobs, rows, histories, differences.  Sends nothing."""

import getpass
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import asdict

from ..errors import InvalidInput
from ..payouts import Difference, Job, Ledger, Payout, State
from ..payouts.records import Happened
from ..payouts.report import MEANINGS, local_time, payouts_of, plain_amount, rupiah
from .payouts_screen import Machines, Screen, show_jobs
from .payouts_words import plural

#: Rows that a report shows on a terminal; what needs a person comes first.
_SHOWN: Final = 50
_UNPAID: Final = (
    State.DISPUTED,
    State.UNKNOWN,
    State.REFUSED,
    State.FAILED,
    State.RETURNED,
    State.SENDING,
    State.PLANNED,
    State.ACCEPTED,
)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what hinders the writing of *path* into a sentence."""
    try:
        yield
    except OSError as error:
        raise InvalidInput(str(path), f"cannot be written: {error.strerror}") from error


def who_am_i() -> str:
    """Return the name of the user, or its number where the machine has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


async def show_ledger(screen: Screen, book: Ledger) -> None:
    """Print every job of *book*."""
    jobs = await book.jobs()
    show_jobs(screen, [(one, await book.counts(one.id)) for one in jobs])
    if not jobs:
        screen.say(f"There is no job in {book.path}: nothing was ever sent from it.")


async def show_unpaid(screen: Screen, book: Ledger, job: Job) -> None:
    """Print the rows that are not paid: for people the first of them, what needs a person at the top."""
    columns = ("line", "reference", "amount", "state", "reason")
    if isinstance(screen, Machines):
        async for page in payouts_of(book, job, _UNPAID):
            screen.table("row", columns, [_cells(one, plain_amount) for one in page])
        return
    rows: list[Payout] = []
    for state in _UNPAID:
        rows += await book.rows(job.id, limit=_SHOWN + 1 - len(rows), states=[state])
    screen.table("row", columns, [_cells(one, rupiah) for one in rows[:_SHOWN]])
    if len(rows) > _SHOWN:
        screen.say("... and more: --csv FILE writes all of them")


def _cells(one: Payout, amount: Callable[[int], str]) -> tuple[object, ...]:
    reason = one.standing.reason
    return (
        one.line,
        one.reference,
        amount(one.standing.amount),
        one.state.value,
        "" if reason == one.state else reason,
    )


async def show_history(screen: Screen, book: Ledger, job: Job, row: str) -> None:
    """Print everything that happened to one row."""
    payout = await book.row(job.id, row)
    _, _, amount, state, reason = _cells(payout, rupiah)
    screen.say(f"{payout.reference} (line {payout.line}), {amount}: {state}, {MEANINGS[payout.state]}")
    if reason:
        screen.say(f"  {reason}")
    for one in await book.history(payout.id):
        screen.facts({"event": "happened", **asdict(one), "at": one.at.isoformat()})
        screen.say(_line_of(one))


def _line_of(one: Happened) -> str:
    answer = " ".join(str(part) for part in (one.http_status, one.code) if part)
    outcome = "" if one.outcome == one.state else one.outcome
    said = [outcome, f"HTTP {answer}" if answer else "", one.said]
    if one.external_id:
        said.append(f"X-EXTERNAL-ID {one.external_id}")
    what = f"{one.kind}, attempt {one.attempt}: {one.before} -> {one.state}"
    return "  ".join([local_time(one.at), what, *(part for part in said if part)])


async def show_differences(screen: Screen, differences: AsyncIterator[Difference]) -> int:
    """Print where ledger, provider and notifications do not agree, as it is found; return in how many places."""
    number = 0
    page: list[Difference] = []
    async for one in differences:
        page.append(one)
        if len(page) == _SHOWN:
            _show_page(screen, page)
            number, page = number + len(page), []
    _show_page(screen, page)
    number += len(page)
    screen.facts({"event": "reconciled", "differences": number})
    if number:
        words = f"{plural(number, 'difference')} between ledger, provider and notifications, listed above."
    else:
        words = "Ledger, provider and notifications agree about everything that was sent."
    screen.say(f"{words} No money was sent.")
    return number


def _show_page(screen: Screen, found: Sequence[Difference]) -> None:
    columns = ("line", "reference", "ledger", "provider", "notification", "said")
    screen.table(
        "difference",
        columns,
        [
            (one.line or "-", one.reference, one.ledger or "-", one.provider or "-", one.notification or "-", one.said)
            for one in found
        ],
    )
