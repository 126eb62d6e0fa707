"""`gopay-async payouts`: check, run, resume, status, report, reconcile, settle.  Knows options and no payout."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import InvalidInput
from ..payouts import Reconciler, Rules, State, draft_of_file, existing_job, open_ledger
from ..payouts import settle as settle_payout
from ..payouts.intake import check_account
from ..payouts.report import write_csv, write_html
from .payouts_after import show_differences, show_history, show_ledger, show_unpaid, who_am_i, writing
from .payouts_options import Contract, connection_of, settings_of
from .payouts_screen import show_job
from .payouts_words import DEFAULT_LEDGER, plural
from .payouts_work import Asked, Till, check_file, finish, go, ledger_at, prepare, run_again, screen_for

app = typer.Typer(
    help="Pay many people from a file: never twice, and nobody lost.", no_args_is_help=True, add_completion=False
)

LedgerOption = Annotated[Path, typer.Option("--ledger", help="The ledger: one SQLite file on a local disk.")]
EnvironmentOption = Annotated[
    str, typer.Option("--environment", "-e", help="sandbox, staging, production, or the address of a simulator.")
]
CredentialsOption = Annotated[
    Path | None,
    typer.Option("--credentials", help="File with GOPAY_CLIENT_ID=... and so on; without it the environment is read."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, for machines.")]
ConcurrencyOption = Annotated[int, typer.Option(min=1, max=1_000, help="Requests under way at once.")]
RateOption = Annotated[float | None, typer.Option(min=0.01, help="Requests that may start in a second.")]
WaitOption = Annotated[str, typer.Option(help="How long to wait for accepted payouts: 90s, 15m, 2h, or 0.")]
ContractOption = Annotated[Contract, typer.Option("--inquiry", help="Service code of the inquiry: 36 or 39.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether count and total are right.")]


# --- commands --------------------------------------------------------------------------------------------------------


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="CSV or JSON Lines.")],
    as_json: JsonOption = False,
) -> None:
    """Read a file and list everything that is wrong with it.  Sends nothing and needs no credentials."""
    screen = screen_for(as_json)
    finish(check_file(screen, file), screen)


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help="CSV or JSON Lines.")],
    *,
    environment: EnvironmentOption,
    ledger: LedgerOption = DEFAULT_LEDGER,
    credentials: CredentialsOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything but import and send.")] = False,
    verify: Annotated[bool, typer.Option("--verify-accounts", help="Ask whose each number is; compare names.")] = False,
    skip_known: Annotated[bool, typer.Option(help="Leave out rows that the ledger has already, identical.")] = False,
    accept_warnings: Annotated[bool, typer.Option(help="Confirm every warning, such as repeated payees.")] = False,
    max_total: Annotated[int | None, typer.Option(help="Refuse a file with a higher total, in rupiah.")] = None,
    max_count: Annotated[int | None, typer.Option(help="Refuse a file with more rows.")] = None,
    rate: RateOption = None,
    concurrency: ConcurrencyOption = 20,
    wait: WaitOption = "15m",
    inquiry: ContractOption = Contract.TRANSFER,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Pay out a file; the same file again goes on where it was.  The total is confirmed before money moves."""
    screen = screen_for(as_json)

    async def work() -> int:
        connection = connection_of(environment, credentials)
        settings = settings_of(concurrency, rate, wait, inquiry)
        asked = Asked(dry_run, verify, skip_known, accept_warnings, max_total, max_count, yes)
        async with draft_of_file(file) as draft, ledger_at(ledger, dry=dry_run) as book:
            known = await existing_job(draft, book, connection.account) if book else None
            if known and book:
                till = Till(screen=screen, book=book, connection=connection, settings=settings)
                return await run_again(till, draft, known, asked)
            job = await prepare(screen, draft, book, connection=connection, asked=asked, name=file.name)
            if job is None or book is None:
                return 0
            # It has just been confirmed.
            return await go(Till(screen=screen, book=book, connection=connection, settings=settings), job, yes=True)

    finish(work(), screen)


@app.command()
def resume(
    job: Annotated[str, typer.Argument(help="Beginning of the job's id, or its name.")],
    *,
    environment: EnvironmentOption,
    ledger: LedgerOption = DEFAULT_LEDGER,
    credentials: CredentialsOption = None,
    rate: RateOption = None,
    concurrency: ConcurrencyOption = 20,
    wait: WaitOption = "15m",
    inquiry: ContractOption = Contract.TRANSFER,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Go on with a job: send what is planned, ask about what is open."""
    screen = screen_for(as_json)

    async def work() -> int:
        connection = connection_of(environment, credentials)
        settings = settings_of(concurrency, rate, wait, inquiry)
        async with open_ledger(ledger, create=False) as book:
            found = await book.job(job)
            check_account(found, connection.account)
            till = Till(screen=screen, book=book, connection=connection, settings=settings)
            return await go(till, found, yes=yes)

    finish(work(), screen)


@app.command()
def status(
    job: Annotated[str | None, typer.Argument(help="Beginning of the job's id, or its name; without it all.")] = None,
    row: Annotated[str | None, typer.Option(help="Reference or line: everything that happened to this one.")] = None,
    ledger: LedgerOption = DEFAULT_LEDGER,
    as_json: JsonOption = False,
) -> None:
    """Say how a job stands, also while it runs."""
    screen = screen_for(as_json)

    async def work() -> int:
        async with open_ledger(ledger, create=False) as book:
            if job is None:
                await show_ledger(screen, book)
                return 0
            found = await book.job(job)
            if row is not None:
                await show_history(screen, book, found, row)
                return 0
            show_job(screen, found, await book.counts(found.id), book.path)
            return 0

    finish(work(), screen)


@app.command()
def report(
    job: Annotated[str, typer.Argument(help="Beginning of the job's id, or its name.")],
    csv: Annotated[Path | None, typer.Option(help="Write all rows to this CSV file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one page, with a chart, to this file.")] = None,
    ledger: LedgerOption = DEFAULT_LEDGER,
    as_json: JsonOption = False,
) -> None:
    """Say what became of a job: a table here, CSV and HTML in files."""
    screen = screen_for(as_json)

    async def work() -> int:
        async with open_ledger(ledger, create=False) as book:
            found = await book.job(job)
            show_job(screen, found, await book.counts(found.id), book.path)
            await show_unpaid(screen, book, found)
            for name, write, path in (("All rows", write_csv, csv), ("The page", write_html, html)):
                if path:
                    with writing(path):
                        await write(book, found, path)
                    screen.say(f"{name}: {path}")
            return 0

    finish(work(), screen)


@app.command()
def reconcile(
    job: Annotated[str, typer.Argument(help="Beginning of the job's id, or its name.")],
    *,
    environment: EnvironmentOption,
    ledger: LedgerOption = DEFAULT_LEDGER,
    credentials: CredentialsOption = None,
    rate: RateOption = None,
    concurrency: ConcurrencyOption = 20,
    inquiry: ContractOption = Contract.TRANSFER,
    as_json: JsonOption = False,
) -> None:
    """Compare ledger, provider and notifications row by row; list every difference.  Sends no money."""
    screen = screen_for(as_json)

    async def work() -> int:
        connection = connection_of(environment, credentials)
        settings = settings_of(concurrency, rate, "0", inquiry)
        async with open_ledger(ledger, create=False) as book, connection.session(concurrency) as gopay:
            found = await book.job(job)
            reconciler = Reconciler(book, gopay, connection.account, settings)
            screen.say(f"Asking the provider about what was sent of {plural(found.rows, 'row')} ...")
            differences = await show_differences(screen, reconciler.differences(found))
            show_job(screen, await book.job(found.id), await book.counts(found.id), book.path)
            return 1 if differences else 0

    finish(work(), screen)


@app.command()
def settle(
    job: Annotated[str, typer.Argument(help="Beginning of the job's id, or its name.")],
    row: Annotated[str, typer.Argument(help="Reference or line.")],
    *,
    as_: Annotated[str, typer.Option("--as", help="paid or failed.")],
    note: Annotated[str, typer.Option(help="Why: it stays in the ledger.")],
    who: Annotated[str, typer.Option(help="Who says so.")] = "",
    ledger: LedgerOption = DEFAULT_LEDGER,
    as_json: JsonOption = False,
) -> None:
    """Say, as a person, what became of a row that is unknown, disputed, or past the window.  It is never sent again."""
    screen = screen_for(as_json)

    async def work() -> int:
        if as_ not in (State.PAID, State.FAILED):
            raise InvalidInput("--as", "must be paid or failed")
        async with open_ledger(ledger, create=False) as book:
            found = await book.job(job)
            payout = await book.row(found.id, row)
            name = who or who_am_i()
            await settle_payout(book, payout, state=State(as_), who=name, note=note, rules=Rules())
            screen.say(f"{payout.reference}: {payout.state} -> {as_}, settled by {name}. It is never sent again.")
            screen.facts({"event": "settled", "reference": payout.reference, "state": as_, "who": name})
            return 0

    finish(work(), screen)
