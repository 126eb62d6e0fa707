"""The simulator as a command: a banner, credentials to paste, and a server until it is stopped."""

import asyncio
import errno
import json
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from attrs import define

from ..credentials import Credentials
from ..errors import GoPayError, InvalidInput
from ..simulator import Simulator
from ..simulator.console import SHOP, Console
from ..simulator.handover import as_shell, keep, kept, variables, with_files
from ..simulator.identity import new_key
from ..simulator.journal import Journal
from ..simulator.page import serve_control, serve_page
from ..simulator.recording import RecordedSimulator, recorded_faults
from ..simulator.scenario import Scenario, load_scenario

#: Seconds between two looks at what has happened.
_LOOK: Final = 0.2


_PASTE: Final = "Credentials, good for nothing else. Paste them into the shell of your program"
_PASTE_OWN: Final = "Beside your own credentials, paste into the shell of your program"


@define(kw_only=True)
class Options:
    """What was asked for on the command line."""

    host: str
    port: int
    force: bool
    allow_hosts: list[str]
    notify: str | None
    scenario: Path | None
    replay: Path | None
    record: Path | None
    seed: int | None
    strict: bool
    from_env: bool
    folder: Path | None
    page: bool
    as_json: bool


app: Final = typer.Typer(add_completion=False)


@app.command()
def simulator(  # noqa: PLR0917  # the parameters are the options of the command
    port: Annotated[int, typer.Option(help="Port; 0 is any that is free.", min=0, max=65_535)] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on; only loopback, unless forced.")] = "127.0.0.1",
    force: Annotated[bool, typer.Option("--force", help="Listen on an address that others can reach.")] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Name by which others ask, such as simulator in http://simulator:8080; may be repeated."),
    ] = None,
    notify: Annotated[
        str | None,
        typer.Option(help="Where notifications go, for example http://127.0.0.1:8000/gopay; the demo shop if unset."),
    ] = None,
    scenario: Annotated[Path | None, typer.Option(help="TOML file with settings and faults.")] = None,
    replay: Annotated[Path | None, typer.Option(help="Let the faults of a recorded run happen again.")] = None,
    record: Annotated[Path | None, typer.Option(help="Write every request and answer to this file.")] = None,
    seed: Annotated[int | None, typer.Option(help="Make ids and tokens repeat.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse signed bodies with spaces.")] = False,
    from_env: Annotated[
        bool, typer.Option("--from-env", help="Take the credentials in GOPAY_CLIENT_ID and so on; not of production.")
    ] = False,
    keep_in: Annotated[
        Path | None, typer.Option("--keep", help="Folder that keeps credentials and keys for the next start.")
    ] = None,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Serve the web page.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Say where it listens as one JSON object.")] = False,
) -> None:
    """Simulate the provider: signatures are checked for real, and every client in any language may try."""
    options = Options(
        host=host,
        port=port,
        force=force,
        allow_hosts=allow_host or [],
        notify=notify,
        scenario=scenario,
        replay=replay,
        record=record,
        seed=seed,
        strict=strict,
        from_env=from_env,
        folder=keep_in,
        page=page,
        as_json=as_json,
    )
    _start(options)


def _start(options: Options) -> None:
    if options.from_env and options.folder is not None:
        raise typer.BadParameter("--keep writes keys to a folder: not those of --from-env")
    try:
        asyncio.run(_run(options))
    except (GoPayError, OSError) as problem:
        typer.echo(f"gopay-async simulator: {_in_words(problem, options)}", err=True)
        raise typer.Exit(1) from None


def _in_words(problem: GoPayError | OSError, options: Options) -> str:
    if isinstance(problem, InvalidInput) and problem.field == "to":
        return f"--notify {problem.rule}"
    if not isinstance(problem, OSError):
        return str(problem)
    if problem.errno == errno.EADDRINUSE:
        return f"port {options.port} is taken: give another, or leave --port out for any that is free"
    if isinstance(problem, socket.gaierror):
        return f"{options.host}: {problem.strerror}"
    return f"{problem.filename}: {problem.strerror}" if problem.filename else str(problem)


async def _run(options: Options) -> None:
    # Before there is a key file that must not stay, and before anybody knows that we are up and may end us.
    asked_to_end = _asked_to_end()
    made = await _make(options)
    console = Console(made, notify=options.notify or "")
    serve = serve_page if options.page else serve_control
    with _folder(options) as folder:
        async with serve(
            console, host=options.host, port=options.port, force=options.force, allow_hosts=options.allow_hosts
        ) as url:
            if options.page:
                console.shop = url + SHOP
            if options.notify is None:
                console.send_to(console.shop)
            if options.folder is not None:
                keep(made, options.folder)
            found = with_files(variables(made, url), folder)
            if options.from_env:
                # Who gave secrets has them, and does not want them on a screen.
                found = {name: found[name] for name in ("GOPAY_URL", "GOPAY_NOTIFICATION_KEY")}
            if options.as_json:
                # Who reads one line and no more must not make us wait: the rest is among the state.
                typer.echo(_told(found, console))
                await asked_to_end.wait()
            else:
                typer.echo(_banner(found, console, options))
                await tell(Journal(console, url if options.page else ""), until=asked_to_end)


async def tell(journal: Journal, *, until: asyncio.Event) -> None:
    """Print what happens, until it is time to end."""
    with suppress(BrokenPipeError):
        while True:
            for line in journal.news():
                typer.echo(line, err=True)
            if until.is_set():
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await until.wait()
    # Nobody reads it any more; whoever sends requests goes on all the same.
    await until.wait()


async def _make(options: Options) -> Simulator:
    asked = load_scenario(options.scenario) if options.scenario else Scenario()
    faults = recorded_faults(options.replay) if options.replay else asked.faults
    arguments: dict[str, Any] = {
        "policy": asked.policy,
        "faults": faults,
        "seed": asked.seed if options.seed is None else options.seed,
        "strict": options.strict,
    }
    if options.folder is not None:
        arguments |= kept(options.folder)
    if options.from_env:
        arguments["credentials"] = Credentials.from_env()
    if "credentials" not in arguments:
        # Side by side: making one takes a tenth of a second, and sometimes thrice as long.
        keys = await asyncio.gather(asyncio.to_thread(new_key), asyncio.to_thread(new_key))
        arguments |= dict(zip(("private_key", "notification_key"), keys, strict=True))
    made = RecordedSimulator(options.record, **arguments) if options.record else Simulator(**arguments)
    made.trouble = asked.trouble
    return made


@contextmanager
def _folder(options: Options) -> Iterator[Path]:
    if options.folder is not None:
        options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield options.folder
        return
    with tempfile.TemporaryDirectory(prefix="gopay-simulator-") as folder:
        yield Path(folder)


def _asked_to_end() -> asyncio.Event:
    """Return an event that is set when the process is asked to end."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, asked.set)
    return asked


def _told(found: dict[str, str], console: Console) -> str:
    return json.dumps({"url": found["GOPAY_URL"], "notify": console.notify, "environment": found})


def _banner(found: dict[str, str], console: Console, options: Options) -> str:
    url = found["GOPAY_URL"]
    lines = [
        "=" * 78,
        "  SIMULATOR of GoPay. It is not the provider: no real money, no real customers.",
        "=" * 78,
        *(["  WARNING: others on your network can reach it."] if options.force else []),
        *_addresses(url, options),
        f"Notifications   {_destination(console, options)}",
        "",
        f"# {_PASTE_OWN if options.from_env else _PASTE}:",
        as_shell(found),
        "",
        "# In Python:  GoPaySession(Credentials.from_env(), Environment.at(os.environ['GOPAY_URL']))",
        "",
        "Every request is told here as it comes; a wrong signature is taken apart.",
        "Ctrl-C ends it.",
    ]
    return "\n".join(lines)


def _addresses(url: str, options: Options) -> list[str]:
    if not options.page:
        return [f"State           {url}/_simulator/state"]
    return [
        f"Page            {url}/",
        f'First payment   {url}/_simulator/mini-app    press "Buy with GoPay", then "Pay"',
    ]


def _destination(console: Console, options: Options) -> str:
    if options.notify is None and console.notify:
        return f"go to the demo shop, {console.notify}; to yours with --notify URL"
    return f"go to {console.notify}" if console.notify else "go nowhere: give --notify URL"
