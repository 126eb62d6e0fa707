"""The command line, as people and machines see it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from rich.console import Console
from typer.testing import CliRunner

from gopay_async import Money
from gopay_async.cli.commands import app
from gopay_async.cli.demo import Row, _compare, _send, _settle, read_payouts
from gopay_async.cli.merchant import Merchant, Order
from gopay_async.cli.story import Recorded, Told
from gopay_async.session import GoPaySession
from gopay_async.simulator import Simulator
from gopay_async.webhooks import NotificationVerifier, sign_notification
from tests.keys_for_tests import PROVIDER_KEY

PAYOUTS = Path(__file__).parents[1] / "examples" / "payouts.csv"
HEADER = "partner_reference_no,customer_number,customer_name,amount,notes\n"


def demo(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["demo", *arguments], catch_exceptions=False)
    return result.exit_code, result.output


def test_the_demo_plays_to_its_end_and_the_books_agree() -> None:
    code, output = demo()

    assert code == 0, output
    assert "gopay://merchanttransfer?" in output
    assert output.rstrip().endswith("Every rupiah is accounted for, and nobody was paid twice.")


def test_the_demo_speaks_json_to_machines() -> None:
    code, output = demo("--json")

    events = [json.loads(line) for line in output.splitlines()]
    payouts = next(one for one in events if one["event"] == "table" and one["title"] == "Payouts")
    assert code == 0
    assert {row["state"] for row in payouts["rows"]} == {"paid"}
    assert events[-1] == {"event": "end", "good": True, "text": events[-1]["text"]}


def test_the_demo_shows_no_name_and_no_number_of_the_file() -> None:
    _, output = demo("--file", str(PAYOUTS))

    assert [row.payout for row in read_payouts(PAYOUTS) if row.payout.customer_name in output] == []
    assert "62812" not in output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEADER + "a,6281,A,10.000,x\n", "line 2: amount: '10.000' is not money"),
        (HEADER + "a,6281,A,1000,x\nb,6281,A,,x\n", "line 3: amount: is missing"),
        ("reference\na\n", "line 2: partner_reference_no, customer_number, customer_name, amount, notes: is missing"),
    ],
)
def test_a_bad_file_is_named_with_its_line_before_anything_starts(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "payouts.csv"
    file.write_text(text)

    code, output = demo("--file", str(file))

    assert code == 2
    assert words in output


def test_a_file_that_is_not_there_is_said_plainly() -> None:
    code, output = demo("--file", "nowhere.csv")

    assert code == 2
    assert "nowhere.csv" in output


def test_books_that_differ_are_a_failure() -> None:
    rows = read_payouts(PAYOUTS)
    story = Told(console=Console(force_terminal=True, width=100))

    assert _compare(story, Simulator(), Order("1", Money(5), "1"), rows) == 1


async def test_a_payout_that_stays_open_is_left_alone() -> None:
    simulator = Simulator()
    row = read_payouts(PAYOUTS)[0]
    async with GoPaySession(
        simulator.credentials, simulator.environment(), transport=simulator, clock=simulator.clock
    ) as gopay:
        await gopay.send(row.payout)
        simulator.fail_top_up(row.payout.partner_reference_no)
        row.state = "accepted"
        await _settle(gopay, row)

    assert (row.state, row.history) == ("accepted", [])


async def test_a_refused_payout_is_shown_as_refused() -> None:
    rows = await settled_with(amount=99_999_999_999)

    assert [(row.state, row.history) for row in rows] == [("refused", ["refused (4033814)"])]


async def settled_with(amount: int) -> list[Row]:
    example: Any = read_payouts(PAYOUTS)[0].payout
    row = Row(evolve(example, amount=Money(amount)), [])
    simulator = Simulator()
    async with GoPaySession(
        simulator.credentials, simulator.environment(), transport=simulator, clock=simulator.clock
    ) as gopay:
        await _send(gopay, row)
        await _settle(gopay, row)
    return [row]


async def test_the_merchant_takes_only_the_amount_that_was_ordered() -> None:
    merchant = Merchant()
    merchant.orders["A1"] = Order("1", Money(10_000), "1", "A1")
    body = b'{"originalReferenceNo":"A1","latestTransactionStatus":"00","amount":{"value":"9999.00","currency":"IDR"}}'
    verifier = NotificationVerifier(PROVIDER_KEY.public_key())

    await merchant.on_notification(verifier.verify(headers=sign_notification(body, PROVIDER_KEY), body=body))

    assert not merchant.orders["A1"].is_paid


async def test_the_merchant_keeps_what_it_does_not_recognise() -> None:
    merchant = Merchant()
    verifier = NotificationVerifier(PROVIDER_KEY.public_key())

    await merchant.on_notification(verifier.verify(headers=sign_notification(b"{}", PROVIDER_KEY), body=b"{}"))

    assert merchant.received.qsize() == 1


def test_without_its_extra_the_command_says_what_to_install() -> None:
    script = "import sys; sys.modules['typer'] = None; from gopay_async.cli import main; main()"

    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert found.returncode == 1
    assert "pip install 'gopay-async[cli]'" in found.stderr


def test_a_defect_of_our_own_is_not_taken_for_a_missing_extra() -> None:
    script = "import sys; sys.modules['gopay_async.simulator'] = None; from gopay_async.cli import main; main()"

    found = subprocess.run([sys.executable, "-c", script, "demo"], capture_output=True, text=True, check=False)

    assert ("gopay_async.simulator" in found.stderr, "pip install" in found.stderr) == (True, False)


def test_the_installed_command_lists_what_it_can_do() -> None:
    script = "import sys; sys.argv = ['gopay-async', '--help']; from gopay_async.cli import main; main()"

    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (found.returncode, "demo" in found.stdout) == (0, True)


def test_steps_are_numbered_and_facts_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    stories: list[Any] = [Told(), Recorded()]

    for story in stories:
        story.step("Something", external_id="7")

    told, recorded = capsys.readouterr().out.split("{")
    assert told.split() == ["1", "Something", "external", "id", "7"]
    assert json.loads("{" + recorded) == {"event": "step", "title": "Something", "external_id": "7"}
