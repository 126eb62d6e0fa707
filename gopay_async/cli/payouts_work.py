"""What the payout commands do before and while money moves.  Knows no option's name but to ask for it."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NoReturn

import typer
from attrs import frozen

from .. import Credentials, Environment, GoPaySession
from ..api import QueryTopUp, QueryTransfer
from ..errors import BadRows, ConfigurationError, GoPayError, InvalidInput, LedgerError
from ..payouts import (
    Account,
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
from ..payouts.report import payouts_of, rupiah
from ..transport import AiohttpTransport
from .payouts_screen import Machines, People, Screen, Watcher, show_draft, show_job, show_rows

#: Exit codes: 0 all paid, 1 finished and not all paid, 2 bad input, 3 rows still open, 4 paused, 130 interrupted.
CODES: Final = {How.PAID: 0, How.DONE: 1, How.OPEN: 3, How.PAUSED: 4, How.INTERRUPTED: 130}
BAD_INPUT: Final = 2
STOPPED: Final = 4


#: Rows that a report shows on a terminal.
_SHOWN: Final = 50
_NAMES: Final = {
    "sandbox": Environment.SANDBOX,
    "staging": Environment.STAGING,
    "production": Environment.PRODUCTION,
}


class Contract(StrEnum):
    """Which inquiry settles an unknown outcome; neither is confirmed against the live service."""

    TRANSFER = "36"
    TOP_UP = "39"


@frozen(kw_only=True)
class Connection:
    """Whose money it is, and where."""

    credentials: Credentials
    environment: Environment

    @property
    def account(self) -> Account:
        """Whose references they are."""
        return Account(self.environment.name, str(self.credentials.client_id))

    def session(self, concurrency: int) -> GoPaySession:
        """Return a session for so many requests at once."""
        return GoPaySession(self.credentials, self.environment, transport=AiohttpTransport(connections=concurrency + 1))


def screen_for(as_json: bool) -> Screen:  # an option of the command line
    """Return where to print."""
    return Machines() if as_json else People()


def connection_of(environment: str, credentials: Path | None) -> Connection:
    """Return where the money is sent from.  Secrets come from a file or from the environment, never from arguments."""
    found = dict(os.environ) if credentials is None else _read_settings(credentials)
    where = _NAMES.get(environment.lower()) or Environment.at(environment)
    return Connection(credentials=Credentials.from_env(found), environment=where)


def _read_settings(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {type(error).__name__}") from None
    pairs = (line.removeprefix("export ").partition("=") for line in map(str.strip, lines) if line[:1] not in ("", "#"))
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}


def settings_of(concurrency: int, rate: float | None, wait: str, inquiry: Contract) -> Settings:
    """Return the settings of a run."""
    contract = QueryTopUp if inquiry is Contract.TOP_UP else QueryTransfer
    return Settings(concurrency=concurrency, rate=rate, wait=_duration(wait), contract=contract)


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,6})(s|m|h|d)?", text, re.ASCII)
    if not found or not (found[2] or found[1] == "0"):
        raise InvalidInput("--wait", f"{text!r} is no duration: write 90s, 15m, 2h, or 0")
    return int(found[1]) * timedelta(seconds={"s": 1, "m": 60, "h": 3_600, "d": 86_400}[found[2] or "s"])


@asynccontextmanager
async def ledger_at(path: Path, *, dry: bool) -> AsyncIterator[Ledger | None]:
    """Open the ledger; a dry run makes none where there is none, and gets None."""
    async with AsyncExitStack() as stack:
        wanted = not dry or path.exists()  # noqa: ASYNC240  # once, before anything runs
        yield await stack.enter_async_context(open_ledger(path, create=not dry)) if wanted else None


def finish(work: Coroutine[Any, Any, int], screen: Screen) -> NoReturn:
    """Do *work* and end the process with its exit code; errors become sentences."""
    try:
        code = asyncio.run(work)
    except (KeyboardInterrupt, asyncio.CancelledError, typer.Abort):
        screen.say("Interrupted.")
        code = CODES[How.INTERRUPTED]
    except LedgerError as error:
        code = _complain(screen, error, STOPPED)
    except GoPayError as error:
        code = _complain(screen, error, BAD_INPUT)
    raise typer.Exit(code)


def _complain(screen: Screen, error: GoPayError, code: int) -> int:
    screen.facts({"event": "error", "kind": type(error).__name__, "text": str(error)})
    if not isinstance(screen, Machines):
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
        return BAD_INPUT if draft.problems or not draft.size[0] else 0


async def prepare(
    screen: Screen, draft: Draft, book: Ledger | None, *, connection: Connection, asked: Asked, name: str
) -> Job | None:
    """Return the job that *draft* has become; None when nothing was to be imported."""
    if book is not None:
        await find_known(draft, book, connection.account, skip_known=asked.skip_known)
    if asked.verify and not draft.problems:
        screen.say("Asking whose the numbers are ...")
        async with connection.session(20) as gopay:
            async for done in verify_accounts(draft, gopay):
                screen.facts({"event": "verified", "rows": done})
    show_draft(screen, draft, name)
    number, total = draft.size
    if draft.problems:
        raise BadRows(f"Nothing was imported and nothing was sent: {draft.problems.count} problems.")
    _check_caps(number, total, asked)
    if draft.warnings and not asked.accept_warnings:
        confirm(screen, f"{draft.warnings.count} warnings. Go on all the same?", yes=False, option="--accept-warnings")
    if asked.dry_run or book is None:
        screen.say("Dry run: nothing was imported and nothing was sent.")
        return None
    where = f"{connection.account.client_id} in {connection.account.environment}"
    confirm(screen, f"Pay {number} people {rupiah(total)} from {where}?", yes=asked.yes, option="--yes")
    return await import_draft(draft, book, connection.account, name=name)


def _check_caps(number: int, total: int, asked: Asked) -> None:
    if asked.max_total is not None and total > asked.max_total * 100:
        raise InvalidInput("--max-total", f"is {rupiah(asked.max_total * 100)}; the file has {rupiah(total)}")
    if asked.max_count is not None and number > asked.max_count:
        raise InvalidInput("--max-count", f"is {asked.max_count}; the file has {number} rows")


def confirm(screen: Screen, question: str, *, yes: bool, option: str) -> None:
    """Go on only when a person, or *option*, says yes; raise InvalidInput otherwise."""
    if yes:
        return
    if isinstance(screen, Machines) or not sys.stdin.isatty():
        raise InvalidInput(option, f"is needed where nobody can be asked: {question}")
    if not typer.confirm(question):
        raise InvalidInput("answer", "no. Nothing was sent")


# --- while money moves -----------------------------------------------------------------------------------------------


async def go(screen: Screen, book: Ledger, job: Job, connection: Connection, settings: Settings, *, yes: bool) -> int:
    """Run *job* and return the exit code."""
    counts = await book.counts(job.id)
    number, total = counts.get(State.PLANNED, (0, 0))
    if number:
        where = f"{connection.account.client_id} in {connection.account.environment}"
        confirm(screen, f"Send {number} payouts, {rupiah(total)}, from {where}?", yes=yes, option="--yes")
    async with connection.session(settings.concurrency) as gopay:
        runner = Runner(book, gopay, connection.account, settings)
        ended = await _watch(screen, runner, job)
    show_job(screen, ended.job, ended.counts)
    code = CODES[ended.how]
    screen.facts({"event": "ended", "how": ended.how.name.lower(), "reason": ended.reason, "exit_code": code})
    screen.say(f"{ended.how.value.capitalize()}{': ' if ended.reason else ''}{ended.reason}.")
    if ended.how in (How.OPEN, How.PAUSED, How.INTERRUPTED):
        screen.say(f"To go on: gopay-async payouts resume {job.short} {_again(book, connection)}")
    return code


def _again(book: Ledger, connection: Connection) -> str:
    name = next((name for name, one in _NAMES.items() if one == connection.environment), connection.environment.name)
    return f"--environment {name} --ledger {book.path}"


async def _watch(screen: Screen, runner: Runner, job: Job) -> Ended:
    """Follow the run; the first Ctrl-C or SIGTERM lets what is in flight finish, the second one ends at once."""
    task = asyncio.current_task()
    asked: list[int] = []

    def interrupt() -> None:
        if asked and task is not None:
            task.cancel()
        asked.append(1)
        screen.say("Finishing what is in flight; once more ends at once.")
        runner.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    watcher = Watcher(screen)
    ended: RunEvent | None = None
    try:
        async for event in runner.run(job):
            watcher.follow(event)
            ended = event
    finally:
        watcher.close()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    assert isinstance(ended, Ended)  # it is the last event of every run
    return ended


# --- after -----------------------------------------------------------------------------------------------------------


async def show_unpaid(screen: Screen, book: Ledger, job: Job) -> None:
    """Print the rows that are not paid, the first of them."""
    rows: list[tuple[str, ...]] = []
    async for page in payouts_of(book, job, [one for one in State if one is not State.PAID]):
        rows += [(str(one.line), one.reference, one.state, one.standing.reason) for one in page]
        if len(rows) > _SHOWN:
            break
    if rows:
        show_rows(screen, ("line", "reference", "state", "reason"), rows[:_SHOWN])
    if len(rows) > _SHOWN:
        screen.say("... and more: --csv writes all of them")


async def show_history(screen: Screen, book: Ledger, job: Job, row: str) -> None:
    """Print everything that happened to one row."""
    payout = await book.row(job.id, row)
    screen.say(f"{payout.reference} (line {payout.line}): {payout.state}. {payout.standing.reason}")
    columns = ("at", "what", "attempt", "external id", "HTTP", "code", "outcome", "state", "said")
    found = [
        (
            one.at.isoformat(timespec="seconds"),
            one.kind,
            str(one.attempt),
            one.external_id,
            str(one.http_status or "-"),
            one.code or "-",
            one.outcome,
            f"{one.before} -> {one.state}",
            one.said,
        )
        for one in await book.history(payout.id)
    ]
    show_rows(screen, columns, found)
