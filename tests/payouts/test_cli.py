"""The command line, as a person or a script uses it: what it prints, what it refuses, and its exit codes."""

import getpass
import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from attrs import frozen
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from gopay_async.cli.payouts import app
from gopay_async.cli.payouts_after import show_differences, who_am_i
from gopay_async.cli.payouts_screen import Machines
from gopay_async.cli.payouts_work import finish, screen_for
from gopay_async.payouts import Difference, State
from gopay_async.payouts.lock import exclusive
from tests.campaigns.kill9.campaign import provider
from tests.keys_for_tests import MERCHANT_KEY

from .facts import START

HEADER = "partner_reference_no,customer_number,customer_name,amount,notes\n"


@frozen
class Shell:
    """A folder with a file, a ledger and credentials, and a provider."""

    folder: Path
    url: str

    def write(self, *rows: str, name: str = "payouts.csv") -> Path:
        path = self.folder / name
        path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
        return path

    @property
    def options(self) -> list[str]:
        ledger, secrets = str(self.folder / "ledger.db"), str(self.folder / "merchant.env")
        return ["--environment", self.url, "--ledger", ledger, "--credentials", secrets]

    def call(self, *arguments: object, answer: str = "") -> tuple[int, str]:
        """Return exit code and output of a command."""
        done = CliRunner().invoke(app, [str(one) for one in arguments], input=answer)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    def run(self, file: Path, *more: object) -> tuple[int, str]:
        return self.call("run", file, *self.options, "--wait", "0", *more)

    def on_ledger(self, *arguments: object) -> tuple[int, str]:
        return self.call(*arguments, "--ledger", self.folder / "ledger.db")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    key = MERCHANT_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().replace("\n", "\\n")
    found = {"CLIENT_ID": "C", "CLIENT_SECRET": "S", "PRIVATE_KEY": key, "PARTNER_ID": "P", "CHANNEL_ID": "12345"}
    text = "# secrets\n\n" + "".join(f'export GOPAY_{name}="{value}"\n' for name, value in found.items())
    (tmp_path / "merchant.env").write_text(text)
    with provider(1, 0.0) as url:
        yield Shell(tmp_path, url)


def row(number: int, amount: str = "") -> str:
    return f"pay-{number},62817000{number:05d},Budi {number},{amount or 10_000 + number},Cashback"


def objects(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def test_check_lists_every_problem_and_sends_nothing(shell: Shell) -> None:
    file = shell.write(row(1), row(2, "10.000"), row(1))

    code, output = shell.call("check", file)

    assert code == 2
    assert "line 3, amount" in output
    assert "line 4, partner_reference_no: pay-1 stands in line 2 already" in output


def test_check_of_a_good_file(shell: Shell) -> None:
    assert shell.call("check", shell.write(row(1)))[0] == 0


def test_a_long_list_is_cut_for_people_only(shell: Shell) -> None:
    file = shell.write(*(row(one, "x") for one in range(120)))

    assert "... and 20 more" in shell.call("check", file)[1]
    assert len([one for one in objects(shell.call("check", file, "--json")[1]) if one["event"] == "problem"]) == 120


def test_a_file_is_paid_and_the_way_to_go_on_is_said(shell: Shell) -> None:
    code, output = shell.run(shell.write(row(1), row(2)), "--yes")

    assert code == 3
    assert "accepted" in output
    assert "gopay-async payouts resume" in output


def test_reconciling_settles_what_was_accepted_and_then_all_are_paid(shell: Shell) -> None:
    file = shell.write(row(1), row(2))
    shell.run(file, "--yes")

    reconciled = shell.call("reconcile", "payouts.csv", *shell.options)
    again = shell.run(file, "--yes")

    assert (reconciled[0], again[0]) == (0, 0)
    assert "All are paid." in again[1]


def test_machines_get_one_object_a_line(shell: Shell) -> None:
    code, output = shell.run(shell.write(row(1)), "--yes", "--json")

    found = objects(output)
    assert (len(found), found[0]["event"]) == (len(output.splitlines()), "checked")
    assert found[-1] == {"event": "ended", "how": "open", "reason": "", "exit_code": code}


def test_nothing_is_sent_without_a_yes(shell: Shell) -> None:
    file = shell.write(row(1))

    code, output = shell.run(file)

    assert (code, "--yes: is needed where nobody can be asked" in output) == (2, True)
    assert "There is no job" in shell.on_ledger("status")[1]


def test_a_dry_run_imports_nothing(shell: Shell) -> None:
    code, output = shell.run(shell.write(row(1)), "--dry-run", "--verify-accounts", "--accept-warnings")

    assert (code, "Dry run" in output) == (0, True)
    assert not (shell.folder / "ledger.db").exists()


@pytest.mark.parametrize("cap", [("--max-total", "10000"), ("--max-count", "0")])
def test_caps_are_kept(shell: Shell, cap: tuple[str, str]) -> None:
    code, output = shell.run(shell.write(row(1)), "--yes", *cap)

    assert (code, cap[0] in output) == (2, True)


def test_caps_that_are_not_exceeded_hinder_nobody(shell: Shell) -> None:
    assert shell.run(shell.write(row(1)), "--yes", "--max-total", "10001", "--max-count", "1")[0] == 3


def test_a_repeated_payee_must_be_confirmed(shell: Shell) -> None:
    file = shell.write(row(1), row(1).replace("pay-1", "pay-2"))

    refused = shell.run(file, "--yes")
    accepted = shell.run(file, "--yes", "--accept-warnings")

    assert (refused[0], accepted[0]) == (2, 3)


def test_an_edited_file_is_refused_and_known_rows_can_be_left_out(shell: Shell) -> None:
    shell.run(shell.write(row(1)), "--yes")
    edited = shell.write(row(1), row(2), name="edited.csv")

    refused = shell.run(edited, "--yes")
    rest = shell.run(edited, "--yes", "--skip-known")

    assert (refused[0], rest[0]) == (2, 3)
    assert "Left out, because the ledger has the same already: 1 row" in rest[1]


def test_other_credentials_are_refused(shell: Shell) -> None:
    file = shell.write(row(1))
    shell.run(file, "--yes")
    secrets = shell.folder / "merchant.env"
    secrets.write_text(secrets.read_text().replace('"C"', '"OTHER"'))

    code, output = shell.run(file, "--yes")

    assert (code, "belongs to C" in output) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("resume", "nothing", "--environment", "sandbox"), 2),
        (("resume", "nothing", "--environment", "http://example.com"), 2),
        (("status", "--ledger", "none.db"), 4),
        (("check", "none.csv"), 2),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    shell: Shell, arguments: tuple[str, ...], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOPAY_CLIENT_ID", raising=False)

    found, output = shell.call(*arguments)

    assert (found, output.startswith("gopay-async: ")) == (code, True)


@pytest.mark.parametrize("wait", ["soon", "15", "-1m", "1.5h"])
def test_a_duration_has_a_unit(shell: Shell, wait: str) -> None:
    code, output = shell.call("run", shell.write(row(1)), *shell.options, f"--wait={wait}")

    assert (code, "--wait" in output) == (2, True)


def test_a_credentials_file_that_is_not_there_is_named(shell: Shell) -> None:
    code, output = shell.call("run", shell.write(row(1)), "-e", "sandbox", "--credentials", "none.env")

    assert (code, "none.env cannot be read" in output) == (2, True)


def test_status_report_and_the_history_of_a_row(shell: Shell) -> None:
    shell.run(shell.write(row(1), row(2)), "--yes")

    listed = shell.on_ledger("status")[1]
    one = shell.on_ledger("status", listed[:8])[1]
    history = objects(shell.on_ledger("status", listed[:8], "--row", "pay-1", "--json")[1])
    written = shell.on_ledger("report", listed[:8], "--csv", shell.folder / "r.csv", "--html", shell.folder / "r.html")

    assert ("2 rows" in listed, "accepted" in one, written[0]) == (True, True, 0)
    assert [step["kind"] for step in history] == ["claimed", "answered"]
    assert (shell.folder / "r.csv").read_text().count("\n") == 3
    assert "pay-2" in (shell.folder / "r.html").read_text()


@pytest.mark.parametrize("option", ["--csv", "--html"])
def test_a_report_that_cannot_be_written_is_said_in_a_sentence(shell: Shell, option: str) -> None:
    shell.run(shell.write(row(1)), "--yes")

    code, output = shell.on_ledger("report", "payouts.csv", option, shell.folder)

    assert (code, f"gopay-async: {shell.folder}: cannot be written: Is a directory" in output) == (2, True)


def test_a_file_without_rows_is_said_to_have_none(shell: Shell) -> None:
    code, output = shell.call("check", shell.write())

    assert (code, "There are no rows to pay out." in output) == (2, True)


def test_a_user_without_a_name_settles_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", nameless)

    assert who_am_i() == f"user {os.getuid()}"


def test_a_long_report_is_cut_on_the_terminal(shell: Shell) -> None:
    shell.run(shell.write(*(row(one) for one in range(60))), "--yes")

    assert "--csv FILE writes all of them" in shell.on_ledger("report", "payouts.csv")[1]


def test_machines_get_every_row_of_a_report_that_is_not_paid(shell: Shell) -> None:
    shell.run(shell.write(*(row(one) for one in range(60))), "--yes")

    found = [one for one in objects(shell.on_ledger("report", "payouts.csv", "--json")[1]) if one["event"] == "row"]

    assert len(found) == 60
    assert found[0] == {
        "event": "row",
        "line": 2,
        "reference": "pay-0",
        "amount": "10000.00",
        "state": "accepted",
        "reason": "",
    }


def test_the_history_of_a_row_begins_with_how_it_stands(shell: Shell) -> None:
    nowhere = ["--environment", "http://127.0.0.1:9", *shell.options[2:]]
    shell.call("run", shell.write(row(1)), *nowhere, "--yes", "--wait", "0")

    history = shell.on_ledger("status", "payouts.csv", "--row", "pay-1")[1]

    assert history.startswith(
        "pay-1 (line 2), Rp 10.001: planned, waits to be sent, perhaps once more: do not pay it in another way\n"
        "  no access token"
    )
    assert "answered, attempt 1: sending -> planned  no token  no access token" in history


def test_a_second_run_says_that_the_file_is_known_and_does_not_verify(shell: Shell) -> None:
    file = shell.write(row(1))
    shell.run(file, "--yes")

    code, output = shell.run(file, "--dry-run", "--verify-accounts")

    assert (code, "This file is job" in output, "Dry run: nothing was sent." in output) == (0, True, True)
    assert "Nobody's account was asked about" in output


def test_a_cap_holds_for_a_file_that_is_known(shell: Shell) -> None:
    file = shell.write(row(1))
    shell.run(file, "--yes")

    assert shell.run(file, "--yes", "--max-total", "1")[0] == 2


def test_a_dry_run_with_a_ledger_that_cannot_be_read_says_so(shell: Shell) -> None:
    file = shell.write(row(1))
    (shell.folder / "ledger.db").symlink_to(file / "ledger.db")

    code, output = shell.run(file, "--dry-run")

    assert (code, "cannot be read: Not a directory" in output.replace("\n", " ")) == (4, True)


def test_a_dry_run_of_a_file_without_warnings_says_so_by_saying_nothing(shell: Shell) -> None:
    code, output = shell.run(shell.write(row(1)), "--dry-run")

    assert (code, "confirmed" in output) == (0, False)
    assert "Dry run: nothing was imported and nothing was sent." in output


def test_a_dry_run_says_which_warnings_would_have_to_be_confirmed(shell: Shell) -> None:
    file = shell.write(row(1), row(1).replace("pay-1", "pay-2"))

    code, output = shell.run(file, "--dry-run")

    assert (code, "Without --dry-run, 1 warning must be confirmed, or accepted." in output) == (0, True)


@pytest.mark.parametrize("environment", ["sandbx", "https://merchants.midtrans.com", "ftp://127.0.0.1"])
def test_the_provider_has_one_name_each(shell: Shell, environment: str) -> None:
    code, output = shell.call("run", shell.write(row(1)), "-e", environment, *shell.options[2:])

    assert (code, "is none of sandbox, staging, production" in output) == (2, True)


def test_credentials_that_are_missing_are_named_with_the_way_to_give_them(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOPAY_CLIENT_ID", raising=False)
    (shell.folder / "empty.env").write_text("# nothing\n")

    without = shell.call("run", shell.write(row(1)), "-e", "sandbox")[1]
    empty = shell.call("run", shell.write(row(1)), "-e", "sandbox", "--credentials", shell.folder / "empty.env")[1]

    assert "or give --credentials FILE" in without
    assert "GOPAY_CLIENT_ID" in empty
    assert empty.rstrip().endswith("empty.env")


def test_the_other_inquiry_is_part_of_the_way_to_go_on(shell: Shell) -> None:
    output = shell.run(shell.write(row(1)), "--yes", "--inquiry", "39")[1]

    assert "--inquiry 39" in output.split("To go on: ")[1]


def test_a_ledger_that_is_taken_says_by_whom_and_shows_no_progress(shell: Shell) -> None:
    file = shell.write(row(1))
    shell.run(file, "--yes")

    with exclusive(shell.folder / "ledger.db", purpose="job one", at=START):
        code, output = shell.run(file, "--yes")

    assert (code, "Another process has this ledger: job one, process" in output, "0/0" in output) == (4, True, False)


def test_nothing_is_imported_into_a_ledger_that_is_taken(shell: Shell) -> None:
    file = shell.write(row(1))

    with exclusive(shell.folder / "ledger.db", purpose="job one", at=START):
        code, output = shell.run(file, "--yes")

    assert (code, "Another process has this ledger: job one, process" in output) == (4, True)
    assert shell.on_ledger("status", "payouts.csv")[0] == 2


def test_a_paused_job_says_why_and_resume_goes_on(shell: Shell) -> None:
    file = shell.write(row(1), row(2))
    secrets = shell.folder / "merchant.env"
    good = shell.options
    nowhere = ["--environment", "http://127.0.0.1:9", *good[2:]]

    paused = shell.call("run", file, *nowhere, "--yes", "--wait", "0")

    assert secrets.exists()
    assert (paused[0], "Paused: no access token" in paused[1]) == (4, True)
    assert "Paused:" in shell.on_ledger("status", "payouts.csv")[1]
    assert shell.call("resume", "payouts.csv", *nowhere, "--yes", "--wait", "0")[0] == 4


def test_settle_refuses_what_is_not_a_persons(shell: Shell) -> None:
    shell.run(shell.write(row(1)), "--yes")

    code, output = shell.on_ledger("settle", "payouts.csv", "pay-1", "--as", "paid", "--note", "the bank says so")
    word = shell.on_ledger("settle", "payouts.csv", "pay-1", "--as", "lost", "--note", "x")

    assert (code, "a person settles only" in output, word[0]) == (2, True, 2)


def test_the_environment_has_no_default(shell: Shell) -> None:
    code, output = shell.call("run", shell.write(row(1)))

    assert (code, "Missing option '--environment'" in output) == (2, True)


async def test_differences_are_shown_as_they_are_found(capsys: pytest.CaptureFixture[str]) -> None:
    async def found() -> AsyncIterator[Difference]:
        for line in range(1, 121):
            yield Difference(
                line=line, reference=f"pay-{line}", ledger=State.PAID, provider=None, notification=None, said=""
            )

    number = await show_differences(Machines(), found())

    events = objects(capsys.readouterr().out)
    assert number == 120
    assert [one["line"] for one in events[:-1]] == list(range(1, 121))
    assert events[-1] == {"event": "reconciled", "differences": 120}


def test_a_mistake_of_ours_does_not_end_as_a_finished_job_does(capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> int:
        raise KeyError("nobody thought of it")

    with pytest.raises(typer.Exit) as caught:
        finish(work(), screen_for(as_json=False))

    said = capsys.readouterr()
    assert caught.value.exit_code == 70
    assert "KeyError: 'nobody thought of it'" in said.err
    assert "What is in the ledger stays" in said.out
