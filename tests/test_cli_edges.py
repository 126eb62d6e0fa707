"""The rare turns of the command line: what is missing, what is interrupted, and what a person settles."""

import json
import os
import signal
import stat
import subprocess
import sys
from asyncio import run
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from rich.console import Console
from typer import Exit
from typer.main import get_command
from typer.testing import CliRunner

from gopay_async.cli import main
from gopay_async.cli.commands import Commands, app
from gopay_async.cli.payouts_options import connection_of
from gopay_async.cli.payouts_screen import Machines, People, Watcher, show_job
from gopay_async.cli.payouts_work import Till, finish, go
from gopay_async.payouts import Moved, Settings, Slowed, State, Waiting, open_ledger
from tests.campaigns.kill9.campaign import provider
from tests.keys_for_tests import MERCHANT_KEY
from tests.payouts.test_cli import Shell, row
from tests.payouts.test_runner import unknown_row
from tests.payouts.world import some, world


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shell]:
    key = MERCHANT_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().replace("\n", "\\n")
    found = {"CLIENT_ID": "C", "CLIENT_SECRET": "S", "PRIVATE_KEY": key, "PARTNER_ID": "P", "CHANNEL_ID": "12345"}
    (tmp_path / "merchant.env").write_text("".join(f'GOPAY_{name}="{value}"\n' for name, value in found.items()))
    with provider(1, 0.0) as url:
        yield Shell(tmp_path, url)


def python_without(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = f"import sys; sys.modules[{module!r}] = None; from gopay_async.cli import main; main()"
    return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)


def people() -> tuple[People, StringIO]:
    paper = StringIO()
    return People(Console(file=paper, width=200)), paper


def test_the_command_ends_with_the_code_of_what_it_did(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gopay-async", "--help"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert (ended.value.code, "payouts" in capsys.readouterr().out) == (0, True)


def test_without_the_extra_of_payouts_the_help_says_what_to_install() -> None:
    found = python_without("sqlalchemy", "--help")

    assert (found.returncode, "pip install 'gopay-async[cli,payouts]'" in found.stdout) == (0, True)


@pytest.mark.parametrize("arguments", [[], ["check", "payouts.csv"]])
def test_without_the_extra_of_payouts_each_of_its_commands_says_what_to_install(arguments: list[str]) -> None:
    found = python_without("sqlalchemy", "payouts", *arguments)

    assert (found.returncode, found.stderr) == (
        1,
        "gopay-async payouts needs sqlalchemy, which is not installed.\n"
        "Install it with:  pip install 'gopay-async[cli,payouts]'\n",
    )


def test_what_needs_no_extra_works_without_it() -> None:
    found = python_without("sqlalchemy", "doctor", "--help")

    assert (found.returncode, "--offline" in found.stdout) == (0, True)


@pytest.mark.parametrize("name", sorted(Commands.later))
def test_the_help_of_all_commands_says_of_each_what_its_own_says(name: str) -> None:
    own = CliRunner().invoke(app, [name, "--help"]).output

    assert " ".join(Commands.later[name].help.split()) in " ".join(own.split())


@pytest.mark.parametrize("name", ["simulator", "verify", "demo"])
def test_a_command_imports_nothing_that_only_others_need(name: str) -> None:
    script = (
        "import sys, atexit; from gopay_async.cli import main; "
        "atexit.register(lambda: print(sorted({'sqlalchemy', 'procrastinate', 'uvicorn'} & set(sys.modules)))); main()"
    )

    found = subprocess.run([sys.executable, "-c", script, name, "--help"], capture_output=True, text=True, check=True)

    assert found.stdout.splitlines()[-1] == ("['uvicorn']" if name == "demo" else "[]")


def test_a_word_that_is_no_command_has_nothing_to_complete() -> None:
    group: Any = get_command(app)

    with group.make_context("gopay-async", ["pay"], resilient_parsing=True) as context:
        assert group.resolve_command(context, ["pay"]) == (None, None, [])


@pytest.mark.parametrize(
    ("module", "arguments"), [("gopay_async.cli.payouts", ["payouts"]), ("gopay_async.cli.commands", ["--help"])]
)
def test_a_broken_installation_is_not_taken_for_a_missing_extra(module: str, arguments: list[str]) -> None:
    found = python_without(module, *arguments)

    assert (found.returncode, "ModuleNotFoundError" in found.stderr, "pip install" in found.stderr) == (1, True, False)


def test_a_person_settles_an_unknown_row(tmp_path: Path) -> None:
    async def leave_one_unknown() -> None:
        async with world(tmp_path) as here:
            await unknown_row(here)

    run(leave_one_unknown())
    ledger = str(tmp_path / "ledger.db")
    words = ["payouts", "settle", "job", "1", "--as", "failed", "--note", "the bank says no", "--ledger", ledger]

    done = CliRunner().invoke(app, [*words, "--who", "Rina"])

    assert (done.exit_code, "unknown -> failed, settled by Rina." in done.output) == (0, True), done.output


def test_columns_that_are_not_used_are_named(tmp_path: Path) -> None:
    file = tmp_path / "payouts.csv"
    file.write_text(
        f"partner_reference_no,customer_number,customer_name,amount,notes,colour\n{row(1)},red\n", encoding="utf-8"
    )

    done = CliRunner().invoke(app, ["payouts", "check", str(file)])

    assert (done.exit_code, "Columns that are not used: colour" in done.output) == (0, True)


async def test_a_job_that_distrusts_the_inquiry_says_so(tmp_path: Path) -> None:
    screen, paper = people()
    async with world(tmp_path) as here:
        job = await here.submit(some(1))
        counts = await here.ledger.counts(job.id)
        show_job(screen, evolve(job, distrust="it was wrong"), counts, here.ledger.path)

    assert "The inquiry cannot be believed (it was wrong): no unknown payout" in paper.getvalue()


def test_waiting_is_explained_once_and_every_new_wait_is_a_line() -> None:
    screen, paper = people()
    watcher = Watcher(screen)

    for seconds in (600, 570, 30, 1_200):
        watcher.follow(Waiting(seconds=seconds))

    lines = paper.getvalue().splitlines()
    assert lines[0].startswith("Everything is sent. The provider is asked in 10 min what became of it;")
    assert [one.strip() for one in lines[1:]] == ["0/0  asks again in 10 min", "0/0  asks again in 20 min"]


def test_answers_that_changed_nothing_are_counted_and_the_last_one_is_told() -> None:
    screen, paper = people()
    watcher = Watcher(screen)
    for reference in ("pay-1", "pay-2"):
        open_still = State.ACCEPTED
        watcher.follow(
            Moved(payout=1, line=2, reference=reference, before=open_still, state=open_still, said="5003600 no")
        )

    watcher.say_what_was_in_vain()

    assert paper.getvalue().splitlines()[-1] == "2 answers changed nothing, the last about pay-2: 5003600 no."


def test_machines_hear_of_a_lower_rate(capsys: pytest.CaptureFixture[str]) -> None:
    Watcher(Machines()).follow(Slowed(rate=5.0))

    assert json.loads(capsys.readouterr().out) == {"event": "slowed", "rate": 5.0}


def test_machines_get_an_error_as_an_object(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["payouts", "status", "--ledger", str(tmp_path / "none.db"), "--json"])

    told = json.loads(done.output)
    assert (done.exit_code, told["event"]) == (4, "error")


def test_a_report_of_a_job_that_is_all_paid_lists_no_row(shop: Shell) -> None:
    file = shop.write(row(1))
    shop.run(file, "--yes")
    shop.call("reconcile", "payouts.csv", *shop.options)

    code, output = shop.on_ledger("report", "payouts.csv")

    assert (code, "paid" in output, "pay-1" in output) == (0, True, False)


@define
class Impatient:
    """Asks twice to end, as soon as the run says anything."""

    gone: bool = False
    said: list[str] = field(factory=list)

    def say(self, text: str) -> None:
        if not self.said:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
        self.said.append(text)

    def facts(self, found: dict[str, Any]) -> None:
        """Print nothing."""

    def table(self, kind: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print nothing."""


def test_the_second_signal_ends_a_run_at_once(shop: Shell) -> None:
    nowhere = "http://127.0.0.1:9"
    shop.call("run", shop.write(row(1)), "--environment", nowhere, *shop.options[2:], "--yes", "--wait", "0")
    connection, screen = connection_of(nowhere, shop.folder / "merchant.env"), Impatient()

    async def work() -> int:
        async with open_ledger(shop.folder / "ledger.db", create=False) as book:
            till = Till(screen=screen, book=book, connection=connection, settings=Settings())
            return await go(till, await book.job("payouts.csv"), yes=True)

    with pytest.raises(Exit) as ended:
        finish(work(), screen)

    assert (ended.value.exit_code, screen.said[-1].startswith("To go on: ")) == (130, True)


def test_a_folder_to_keep_keys_in_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"

    CliRunner().invoke(app, ["simulator", "--host", "0.0.0.0", "--keep", str(folder)])

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
