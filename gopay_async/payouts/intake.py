"""A file or an iterable of top-ups -> a checked draft -> a job in the ledger.  Sends nothing."""

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from ..api import TopUp
from ..errors import BadRows, JobRefused
from .draft import Draft, columns, new_draft
from .ledger import LATELY, Ledger
from .records import Account, Job, Payout
from .rows import Notable, Problem, ReadRow
from .source import FileSource

T = TypeVar("T")
_PAGE: Final = 500


@asynccontextmanager
async def draft_of_file(path: Path | str) -> AsyncIterator[Draft]:
    """Read and check the file at *path*; give a draft with every problem in it, while the context lasts.

    Raises BadRows where the file as a whole cannot be read.
    """
    source = FileSource(Path(path))
    with new_draft() as draft:
        rows = source.rows()
        # In a thread: a large file would hold the loop.
        while await _visit(_take, draft, rows):
            pass
        await _visit(draft.compare)
        draft.id = source.sha256
        draft.ignored_columns = source.ignored
        yield draft


async def _visit(work: Callable[..., T], *arguments: Any) -> T:
    """Let a thread do *work*; whoever is cancelled goes once it is over, for the draft must not be closed under it."""
    done = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        await asyncio.wait({done})
        raise


def _take(draft: Draft, rows: Iterator[ReadRow]) -> bool:
    page = list(islice(rows, _PAGE))
    draft.add(page)
    return bool(page)


@asynccontextmanager
async def draft_of_rows(rows: AsyncIterable[TopUp], *, name: str) -> AsyncIterator[Draft]:
    """Drain *rows* and give them as a draft, while the context lasts; *name* belongs to the id of the job."""
    digest = hashlib.sha256(b"named\0" + name.encode())
    with new_draft() as draft:
        page: list[ReadRow] = []
        line = 0
        async for top_up in rows:
            line += 1
            digest.update(repr(columns(top_up)).encode())
            page.append(ReadRow(line, top_up))
            if len(page) == _PAGE:
                await _visit(draft.add, page)
                page = []
        await _visit(draft.add, page)
        await _visit(draft.compare)
        draft.id = digest.hexdigest()
        yield draft


async def find_known(draft: Draft, ledger: Ledger, account: Account, *, skip_known: bool = False) -> None:
    """Add to *draft* what the ledger says against it: references that it knows, payees who were paid lately.

    With *skip_known* rows that are known and identical are left out instead.
    """
    jobs = {one.id: one for one in await ledger.jobs()}
    since = ledger.clock.now() - LATELY
    for page in draft.pages(_PAGE):
        rows = {row["reference"]: row for row in page}
        same = []
        for known in await ledger.known(account, list(rows)):
            row = rows.pop(known.reference)
            differs = _differences(row, known)
            if skip_known and not differs:
                same.append(known.reference)
            else:
                draft.problems.add(_is_known(row, known, jobs[known.job], differs))
        draft.leave_out(same)
        await _warn_of_repeats(draft, list(rows.values()), ledger, account, since)


async def _warn_of_repeats(
    draft: Draft, rows: Sequence[dict[str, Any]], ledger: Ledger, account: Account, since: Any
) -> None:
    lately = await ledger.paid_lately(account, [(row["number"], row["amount"]) for row in rows], since=since)
    for row in rows:
        if (row["number"], row["amount"]) in lately:
            text = f"the same number gets the same amount, Rp {row['amount'] // 100}, in a job of the last 7 days"
            draft.warnings.add(Notable(row["line"], "amount", text, confirm=True))


def _differences(row: dict[str, Any], known: Payout) -> list[str]:
    found = {
        "customer_number": (row["number"], known.number),
        "customer_name": (row["name"], known.name),
        "amount": (row["amount"], known.amount),
        "notes": (row["notes"], known.notes),
        "beneficiary_email": (row["email"], known.email),
        "beneficiary_provider": (row["provider"], known.provider),
    }
    there = {"amount": f" (Rp {known.amount // 100} there)"}
    return [f"{name}{there.get(name, '')}" for name, (mine, its) in found.items() if mine != its]


def _is_known(row: dict[str, Any], known: Payout, job: Job, differs: Sequence[str]) -> Problem:
    what = f"with another {', '.join(differs)}" if differs else "and is the same: --skip-known leaves it out"
    rule = f"{known.reference} stands in job {job.short} ({job.name}) already, where it is {known.state}, {what}"
    return Problem(row["line"], "partner_reference_no", rule)


async def import_draft(draft: Draft, ledger: Ledger, account: Account, *, name: str) -> Job:
    """Make *draft* a job of *account*, all of it or nothing; its rows are not read from anywhere else again.

    Raises BadRows when it has problems or no rows, and JobRefused when the ledger knows one of its references.
    """
    number, total = draft.size
    if draft.problems:
        raise BadRows(f"{draft.problems.count} problems: nothing was imported.", tuple(draft.problems))
    if not number:
        raise BadRows("There are no rows to pay out." if not draft.left_out else "All rows are known: nothing to do.")
    return await ledger.import_job(draft.pages(), digest=draft.id, name=name, account=account, rows=number, total=total)


async def existing_job(draft: Draft, ledger: Ledger, account: Account) -> Job | None:
    """Return the job with the content of *draft*, None when there is none.

    Raises JobRefused when it belongs to other credentials or to another environment.
    """
    job = await ledger.find_job(draft.id)
    if job is not None:
        check_account(job, account)
    return job


def check_account(job: Job, account: Account) -> None:
    """Raise JobRefused unless *job* belongs to *account*."""
    if job.account != account:
        its, mine = job.account, account
        raise JobRefused(
            f"Job {job.short} ({job.name}) belongs to {its.client_id} in {its.environment}; "
            f"these are the credentials of {mine.client_id} in {mine.environment}. Nothing was sent."
        )


async def submit(
    rows: AsyncIterable[TopUp], ledger: Ledger, account: Account, *, name: str, allow_repeats: bool = False
) -> Job:
    """Drain *rows* into the ledger and return their job; the same rows under the same *name* are the same job.

    Raises BadRows for rows that repeat each other, and unless *allow_repeats* for payees who get the same amount twice;
    JobRefused where *name* stands for other rows, or a reference is known.
    """
    async with draft_of_rows(rows, name=name) as draft:
        job = await existing_job(draft, ledger, account)
        if job is not None:
            return job
        if await ledger.is_taken(name):
            raise JobRefused(f"Job {name!r} has other rows: give these ones another name. Nothing was sent.")
        await find_known(draft, ledger, account)
        if draft.warnings and not allow_repeats:
            raise BadRows(f"{draft.warnings.count} rows repeat others.", tuple(draft.warnings))
        return await import_draft(draft, ledger, account, name=name)
