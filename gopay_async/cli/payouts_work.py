"""What the payout commands do before and while money moves.  Knows no option's name but to ask for it."""

import asyncio
import shlex
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, NoReturn

import typer
from attrs import frozen

from ..api import QueryTopUp
from ..errors import BadRows, GoPayError, InvalidInput, LedgerError
from ..payouts import (
    Draft,
    Ended,
    How,
    Job,
    Ledger,
    RunEvent,
    Runner,
    Settings,
    State,
    draft_of_file,
    find_known,
    import_draft,
    open_ledger,
)
from ..payouts.accounts import verify_accounts
from ..payouts.report import local_time, rupiah
from .interrupts import breakable, heed
from .payouts_options import Connection, Contract
from .payouts_screen import Machines, People, Screen, Watcher, show_draft, show_job
from .payouts_words import command, plural, settling, span

#: Exit codes: 0 all paid, 1 finished and not all paid, 2 bad input, 3 rows still open, 4 paused, 130 interrupted.
CODES: Final = {How.PAID: 0, How.DONE: 1, How.OPEN: 3, How.PAUSED: 4, How.INTERRUPTED: 130}
BAD_INPUT: Final = 2
STOPPED: Final = 4
#: What nobody thought of; the number is that of `sysexits.h`.
BROKEN: Final = 70


@frozen(kw_only=True)
class Till:
    """What a run needs."""

    screen: Screen
    book: Ledger
    connection: Connection
    settings: Settings


def screen_for(as_json: bool) -> Screen:  # an option of the command line
    """Return where to print."""
    return Machines() if as_json else People()


@asynccontextmanager
async def ledger_at(path: Path, *, dry: bool) -> AsyncIterator[Ledger | None]:
    """Open the ledger; a dry run makes none where there is none, and gets None."""
    async with AsyncExitStack() as stack:
        wanted = not dry or _may_be_there(path)
        yield await stack.enter_async_context(open_ledger(path, create=not dry)) if wanted else None


def _may_be_there(path: Path) -> bool:
    try:
        path.stat()
    except OSError as error:
        # Whatever else is wrong with it, opening it says.
        return not isinstance(error, FileNotFoundError)
    return True


def finish(work: Coroutine[Any, Any, int], screen: Screen) -> NoReturn:
    """Do *work* and end the process with its exit code; errors become sentences."""
    try:
        code = asyncio.run(_cancellable(work))
    except (KeyboardInterrupt, asyncio.CancelledError, typer.Abort):
        screen.say("Interrupted.")
        code = CODES[How.INTERRUPTED]
    except LedgerError as error:
        code = _complain(screen, error, STOPPED)
    except GoPayError as error:
        code = _complain(screen, error, BAD_INPUT)
    except Exception:  # noqa: BLE001  # a mistake of ours, or of the machine: it must not end as a finished job does
        traceback.print_exc()
        screen.say("That is a mistake of this program. What is in the ledger stays; look at it with `payouts status`.")
        code = BROKEN
    raise typer.Exit(code)


async def _cancellable(work: Coroutine[Any, Any, int]) -> int:
    heed(_cancel())
    return await work


def _cancel() -> Callable[[], object]:
    task = asyncio.current_task()
    assert task is not None  # a coroutine runs in one
    return task.cancel


def _complain(screen: Screen, error: GoPayError, code: int) -> int:
    screen.facts({"event": "error", "kind": type(error).__name__, "text": str(error)})
    if not isinstance(screen, Machines):
        # Nobody reads it where the terminal is closed.
        with suppress(OSError):
            typer.echo(f"gopay-async: {error}", err=True)
    return code


# --- before money moves ----------------------------------------------------------------------------------------------


@frozen
class Asked:
    """What the options of `run` ask for."""

    dry_run: bool
    verify: bool
    skip_known: bool
    accept_warnings: bool
    max_total: int | None
    max_count: int | None
    yes: bool


async def check_file(screen: Screen, file: Path) -> int:
    """List everything that is wrong with *file*."""
    async with draft_of_file(file) as draft:
        show_draft(screen, draft, file.name)
        number, _ = draft.size
        if draft.problems or not number:
            empty = "" if draft.problems else "There are no rows to pay out. "
            screen.say(f"{empty}Nothing was imported and nothing was sent. Mend the file, and check it again.")
            return BAD_INPUT
        again = shlex.join(["gopay-async", "payouts", "run", str(file)])
        screen.say(f"Nothing is wrong with it. To pay: {again} --environment sandbox|staging|production")
        return 0


async def prepare(
    screen: Screen, draft: Draft, book: Ledger | None, *, connection: Connection, asked: Asked, name: str
) -> Job | None:
    """Return the job that *draft* has become; None when nothing was to be imported."""
    if book is not None:
        await find_known(draft, book, connection.account, skip_known=asked.skip_known)
    if asked.verify and not draft.problems:
        await _verify(screen, draft, connection)
    show_draft(screen, draft, name)
    if draft.problems:
        raise BadRows(
            f"Nothing was imported and nothing was sent: mend {plural(draft.problems.count, 'problem')} first."
        )
    _check_caps(draft, asked)
    if asked.dry_run or book is None:
        _say_dry(screen, draft)
        return None
    _confirm_draft(screen, draft, connection, asked)
    # A long import would let the writer of a running job wait until it gives up.
    with book.lock(f"import of {name}"):
        return await import_draft(draft, book, connection.account, name=name)


def _confirm_draft(screen: Screen, draft: Draft, connection: Connection, asked: Asked) -> None:
    if draft.warnings and not asked.accept_warnings:
        question = f"{plural(draft.warnings.count, 'warning')}, listed above. Go on all the same?"
        confirm(screen, question, yes=False, option="--accept-warnings")
    confirm(screen, _question(draft.size, connection), yes=asked.yes, option="--yes")


def _question(size: tuple[int, int], connection: Connection) -> str:
    number, total = size
    return f"Send {plural(number, 'payout')}, {rupiah(total)}, from {connection}?"


def _say_dry(screen: Screen, draft: Draft) -> None:
    if draft.warnings:
        screen.say(f"Without --dry-run, {plural(draft.warnings.count, 'warning')} must be confirmed, or accepted.")
    screen.say("Dry run: nothing was imported and nothing was sent.")


async def _verify(screen: Screen, draft: Draft, connection: Connection) -> None:
    screen.say("Asking whose the numbers are ...")
    async with connection.session(20) as gopay:
        async for done in verify_accounts(draft, gopay):
            screen.facts({"event": "verified", "rows": done})


async def run_again(till: Till, draft: Draft, job: Job, asked: Asked) -> int:
    """Go on with *job*, which *draft* has become before; nothing is imported again."""
    _check_caps(draft, asked)
    screen = till.screen
    screen.facts({"event": "known", "job": job.id, "name": job.name})
    screen.say(f"This file is job {job.short} ({job.name}) already, since {local_time(job.imported_at)}.")
    if asked.verify:
        screen.say("Nobody's account was asked about: the rows are in the ledger.")
    if asked.dry_run:
        show_job(screen, job, await till.book.counts(job.id), till.book.path)
        screen.say("Dry run: nothing was sent.")
        return 0
    return await go(till, job, yes=asked.yes)


def _check_caps(draft: Draft, asked: Asked) -> None:
    """Raise InvalidInput where *draft* holds more than was allowed."""
    number, total = draft.size
    nothing = "Nothing was imported and nothing was sent"
    if asked.max_total is not None and total > asked.max_total * 100:
        raise InvalidInput(
            "--max-total", f"is {rupiah(asked.max_total * 100)}; the file has {rupiah(total)}. {nothing}"
        )
    if asked.max_count is not None and number > asked.max_count:
        raise InvalidInput("--max-count", f"is {asked.max_count}; the file has {plural(number, 'row')}. {nothing}")


def confirm(screen: Screen, question: str, *, yes: bool, option: str) -> None:
    """Go on only when a person, or *option*, says yes; raise InvalidInput otherwise."""
    if yes:
        return
    if isinstance(screen, Machines) or not sys.stdin.isatty():
        raise InvalidInput(option, f"is needed where nobody can be asked: {question} Nothing was sent")
    try:
        with breakable():
            agreed = typer.confirm(question)
    except typer.Abort:
        # The question stands in the line still.
        typer.echo()
        screen.say("Nothing was sent.")
        raise
    if not agreed:
        raise InvalidInput("answer", "no. Nothing was sent")


# --- while money moves -----------------------------------------------------------------------------------------------


async def go(till: Till, job: Job, *, yes: bool) -> int:
    """Run *job* and return the exit code."""
    screen, book = till.screen, till.book
    counts = await book.counts(job.id)
    if State.PLANNED in counts:
        confirm(screen, _question(counts[State.PLANNED], till.connection), yes=yes, option="--yes")
    try:
        async with till.connection.session(till.settings.concurrency) as gopay:
            ended = await _watch(screen, Runner(book, gopay, till.connection.account, till.settings), job)
    except asyncio.CancelledError:
        screen.say(
            "Ended at once. What was in flight is unknown now, and is not sent again before the provider has been "
            "asked about it, ten minutes from now at the earliest; the rest waits until you go on."
        )
        _say_how_to_go_on(till, job)
        return CODES[How.INTERRUPTED]
    show_job(screen, ended.job, ended.counts, book.path)
    code = CODES[ended.how]
    screen.facts({"event": "ended", "how": ended.how.name.lower(), "reason": ended.reason, "exit_code": code})
    screen.say(f"{_END[ended.how]}{await _outlook(book, ended)}")
    if ended.how in (How.OPEN, How.PAUSED, How.INTERRUPTED):
        _say_how_to_go_on(till, job)
    return code


_END: Final = {
    How.PAID: "All are paid.",
    How.DONE: "Finished, and not all are paid.",
    How.OPEN: "Some are still open.",
    How.PAUSED: "Nothing is sent until you go on.",
    How.INTERRUPTED: "Interrupted: what was in flight has ended, and is in the ledger. The rest waits until you go on.",
}


async def _outlook(book: Ledger, ended: Ended) -> str:
    """Say when the provider is asked again about what is open; empty where nothing is."""
    if not ended.counts.keys() & {State.ACCEPTED, State.UNKNOWN}:
        return ""
    due = await book.next_due(ended.job.id)
    if due is not None:
        left = (due - book.clock.now()).total_seconds()
        return f" The provider can be asked again {f'in {span(left)}, at {local_time(due)}' if left > 0 else 'now'}."
    settle = settling(ended.job, book.path)
    return f" They are too old to be asked about: find out at the provider, then say how it was ({settle})."


def _say_how_to_go_on(till: Till, job: Job) -> None:
    contract = ["--inquiry", Contract.TOP_UP.value] if till.settings.contract is QueryTopUp else []
    again = command("resume", job, *till.connection.options, *contract, ledger=till.book.path)
    till.screen.say(f"To go on: {again}")


async def _watch(screen: Screen, runner: Runner, job: Job) -> Ended:
    """Follow the run; the first request to end lets what is in flight finish, the second one ends at once."""
    heed(_stopping(screen, runner, _cancel()))
    watcher = Watcher(screen)
    ended: RunEvent | None = None
    try:
        async for event in runner.run(job):
            watcher.follow(event)
            ended = event
            if screen.gone:
                # Whoever closed the pipe or the terminal wanted it to end.
                runner.stop()
    finally:
        watcher.close()
        watcher.say_what_was_in_vain()
    assert isinstance(ended, Ended)  # it is the last event of every run
    return ended


def _stopping(screen: Screen, runner: Runner, cancel: Callable[[], object]) -> Callable[[], None]:
    asked: list[int] = []

    def stop() -> None:
        if asked:
            cancel()
        else:
            screen.say("Finishing what is in flight, which takes half a minute at most; once more ends at once.")
        asked.append(1)
        runner.stop()

    return stop
