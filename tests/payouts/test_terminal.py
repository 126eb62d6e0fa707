"""The command as a process of its own: in a terminal, with signals, pipes and prompts that are real."""

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import frozen

from gopay_async import Credentials, Environment, GoPaySession, Money
from gopay_async.payouts import Account, Ended, Job, Runner, State, open_ledger, submit
from gopay_async.simulator import Policy, VirtualClock
from gopay_async.simulator.running import RunningSimulator, running

from .world import some, stream, top_up

HEADER = "partner_reference_no,customer_number,customer_name,amount,notes\n"
COMMAND = [sys.executable, "-c", "from gopay_async.cli import main; main()", "payouts"]


@frozen
class Shop:
    """A folder with a ledger and credentials, and a simulator."""

    folder: Path
    simulator: RunningSimulator

    @property
    def account(self) -> Account:
        return Account(self.simulator.url, self.simulator.variables["GOPAY_CLIENT_ID"])

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.db"

    @property
    def options(self) -> list[str]:
        secrets = str(self.folder / "merchant.env")
        return ["--environment", self.simulator.url, "--credentials", secrets, "--ledger", str(self.ledger)]

    def write(self, rows: int) -> Path:
        path = self.folder / "payouts.csv"
        lines = (f"pay-{one},62817000{one:05d},Budi {one},{10_000 + one},Cashback\n" for one in range(1, rows + 1))
        path.write_text(HEADER + "".join(lines))
        return path

    def call(self, *arguments: str) -> tuple[int, str]:
        """Return exit code and output of a command that is not run in a terminal."""
        done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def resume(self, job: str, *more: str) -> tuple[int, str]:
        return self.call("resume", job, *self.options, "--yes", "--wait", "0", *more)

    def requests(self, operation: str) -> int:
        """Return how many requests for *operation* the simulator got."""
        return sum(one["operation"] == operation for one in self.simulator.state()["requests"])


@contextmanager
def shop_with(folder: Path, **policy: object) -> Iterator[Shop]:
    with running(policy=Policy(**policy)) as simulator:  # type: ignore[arg-type]  # as its attributes have it
        lines = "".join(f"{name}={value}\n" for name, value in simulator.variables.items())
        (folder / "merchant.env").write_text(lines)
        yield Shop(folder, simulator)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with shop_with(tmp_path) as made:
        yield made


# --- in a terminal ---------------------------------------------------------------------------------------------------


@frozen
class Terminal:
    """A process in a terminal of its own."""

    process: "subprocess.Popen[bytes]"
    handle: int

    def type(self, keys: bytes) -> None:
        os.write(self.handle, keys)

    def read_until(self, words: bytes) -> bytes:
        """Return what is printed up to *words*, or up to the end."""
        found = b""
        while words not in found:
            try:
                part = os.read(self.handle, 65_536)
            except OSError:
                return found
            found += part
        return found

    def rest(self) -> str:
        return self.read_until(b"\0 never printed").decode()

    def insist(self, keys: bytes) -> str:
        """Type *keys* until the end, and return what is printed.

        Ctrl-C in the very moment before Python waits for a line is noticed with the next key only.
        """
        found = b""
        while True:
            self.type(keys)
            while select.select([self.handle], [], [], 1.0)[0]:
                try:
                    found += os.read(self.handle, 65_536)
                except OSError:
                    return found.decode()

    def kill(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        return self.process.wait()


#: Whoever runs the tests in the background of a shell, or by nohup, has told them to ignore Ctrl-C, or to be hung up.
LAUNCH = """
import os, signal, sys
os.open(sys.argv.pop(1), os.O_RDWR)  # the first terminal that a new session opens is its own
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from gopay_async.cli import main
sys.argv.insert(1, "payouts")
main()
"""


@contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    handle, inside = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCH, os.ttyname(inside), *arguments],
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    try:
        yield Terminal(process, handle)
    finally:
        os.close(handle)
        process.kill()
        process.wait()


def pay(shop: Shop, rows: int, *more: str) -> list[str]:
    return ["run", str(shop.write(rows)), *shop.options, "--wait", "0", *more]


def test_what_the_page_tells_a_newcomer_to_do_works(shop: Shop) -> None:
    page = (Path(__file__).parents[2] / "docs" / "payouts.md").read_text()
    (file,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    (command,) = re.findall(r"gopay-async payouts (run .* --credentials keys/credentials.env)\n", page)
    (shop.folder / "payouts.csv").write_text(file)
    (shop.folder / "keys").mkdir()
    (shop.folder / "merchant.env").rename(shop.folder / "keys" / "credentials.env")
    arguments = command.replace("http://127.0.0.1:8080", shop.simulator.url).split()

    done = subprocess.run([*COMMAND, *arguments, "--yes", "--wait", "0"], cwd=shop.folder, check=False)

    assert (done.returncode, shop.requests("TopUp")) == (3, 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_finishes_what_is_in_flight_and_says_how_to_go_on(shop: Shop, number: int) -> None:
    with terminal(*pay(shop, 500, "--rate", "20")) as run:
        asked = run.read_until(b"[y/N]")
        run.type(b"y\n")
        run.read_until(b"accepted")
        run.kill(number)
        said = run.rest()
        code = run.wait()

    assert b"Send 500 payouts, Rp 5.125.250, from SIM-" in asked
    assert (code, "Interrupted: what was in flight has ended" in said) == (130, True)
    assert "unknown" not in said
    assert f"To go on: {shlex.join(['gopay-async', 'payouts', 'resume'])}" in said


def test_the_command_that_is_printed_goes_on(shop: Shop) -> None:
    with terminal(*pay(shop, 3, "--yes")) as run:
        said = run.rest()

    _, _, *again = shlex.split(said.split("To go on: ")[1])
    code, output = shop.call(*again, "--wait", "0")

    assert (code, "3/3  accepted 3" in output) == (3, True)


def test_a_second_request_to_end_ends_at_once_and_leaves_nothing_to_be_sent_twice(shop: Shop) -> None:
    shop.simulator.add_fault("hang", on="TopUp", times=None)
    with terminal(*pay(shop, 3, "--yes")) as run:
        run.read_until(b"0/3")
        while not shop.requests("TopUp"):
            pass
        run.type(b"\x03")
        run.read_until(b"once more ends at once")
        run.type(b"\x03")
        said = run.rest()
        code = run.wait()

    sent = shop.requests("TopUp")
    shop.resume("payouts.csv")
    assert (code, "Ended at once" in said, "To go on" in said) == (130, True, True)
    assert shop.requests("TopUp") == sent


@pytest.mark.parametrize("keys", [b"\x03", b"\x04"])
def test_ctrl_c_and_ctrl_d_at_the_question_are_a_no(shop: Shop, keys: bytes) -> None:
    with terminal(*pay(shop, 1)) as run:
        run.read_until(b"[y/N]")
        said = run.insist(keys)
        code = run.wait()

    assert (code, "Nothing was sent." in said) == (130, True)
    assert "There is no job" in shop.call("status", "--ledger", str(shop.ledger))[1]


def test_a_no_ends_it(shop: Shop) -> None:
    with terminal(*pay(shop, 1)) as run:
        run.read_until(b"[y/N]")
        run.type(b"n\n")
        said = run.rest()
        code = run.wait()

    assert (code, "Nothing was sent" in said) == (2, True)


def test_the_bar_is_not_repeated_as_a_line(shop: Shop) -> None:
    with terminal(*pay(shop, 3, "--yes")) as run:
        last = run.rest().replace("\r\n", "\n").split("\r")[-1]

    assert last.count("3/3") == 1


# --- piped -----------------------------------------------------------------------------------------------------------


def test_a_reader_that_leaves_ends_the_run_cleanly(shop: Shop) -> None:
    command = [*COMMAND, *pay(shop, 500, "--rate", "50", "--yes")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while "accepted" not in process.stdout.readline():
            pass
        process.stdout.close()
        complaints = process.stderr.read()

    assert (process.returncode, complaints) == (130, "")
    assert states(shop).keys() == {"accepted", "planned"}


def test_machines_that_leave_end_the_run_cleanly(shop: Shop) -> None:
    command = [*COMMAND, *pay(shop, 500, "--rate", "50", "--yes", "--json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "accepted" not in process.stdout.readline():
            pass
        process.stdout.close()

    assert process.returncode == 130
    assert states(shop).keys() == {"accepted", "planned"}


def states(shop: Shop) -> dict[str, object]:
    output = shop.call("status", "payouts.csv", "--ledger", str(shop.ledger), "--json")[1]
    found: dict[str, object] = json.loads(output)["states"]
    return found


def test_sigterm_before_anything_is_sent_leaves_no_file_behind(shop: Shop) -> None:
    environment = {**os.environ, "TMPDIR": str(shop.folder)}
    shop.simulator.add_fault("hang", on="InquireAccount", times=None)
    command = [*COMMAND, *pay(shop, 30, "--yes", "--verify-accounts")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        assert "Asking whose the numbers are" in process.stdout.readline()
        process.terminate()
        said = process.stdout.read()

    assert (process.returncode, said) == (130, "Interrupted.\n")
    assert [one.name for one in shop.folder.glob("gopay-async-*")] == []


def test_nohup_is_respected(shop: Shop) -> None:
    command = [*COMMAND, *pay(shop, 60, "--rate", "30", "--yes")]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),  # noqa: PLW1509  # before anything runs
    ) as process:
        assert process.stdout is not None
        while "accepted" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGHUP)
        process.stdout.read()

    assert process.returncode == 3


# --- money and time --------------------------------------------------------------------------------------------------


def test_a_job_without_funds_pauses_and_goes_on_once_there_are_some(tmp_path: Path) -> None:
    with shop_with(tmp_path, balance=Money(20_003)) as shop:
        paused = shop.call(*pay(shop, 4, "--yes", "--concurrency", "1"))
        shop.simulator.do("fund", amount=1_000_000)
        again = shop.resume("payouts.csv")
        shop.simulator.check()
        references = [one["partner_reference_no"] for one in shop.simulator.state()["payouts"]]

    assert (paused[0], again[0]) == (4, 3)
    assert "Paused: 4033814 Insufficient Funds. 2 payouts wait to be sent. Fund the payout account." in paused[1]
    assert "4/4  accepted 4" in again[1]
    assert sorted(references) == ["pay-1", "pay-2", "pay-3", "pay-4"]


async def a_job_of(shop: Shop, age: timedelta) -> Job:
    """Return a job of three rows that was imported so long ago."""
    clock = VirtualClock(datetime.now(UTC) - age)
    async with open_ledger(shop.ledger, clock=clock) as ledger:
        return await submit(stream(some(3)), ledger, shop.account, name="old")


async def test_a_job_older_than_the_window_sends_nothing_and_says_what_to_do(shop: Shop) -> None:
    job = await a_job_of(shop, timedelta(days=53))

    code, output = shop.resume("old")
    settle = ["settle", "old", "pay-1", "--as", "failed", "--note", "paid by hand", "--ledger", str(shop.ledger)]
    settled = shop.call(*settle)
    history = shop.call("status", "old", "--row", "pay-1", "--ledger", str(shop.ledger))[1]

    assert (code, shop.requests("TopUp"), settled[0]) == (4, 0, 0)
    assert "settled, attempt 0: planned -> failed  settled by " in history
    assert "paid by hand" in history
    assert "X-EXTERNAL-ID" not in history
    assert "pay-1 is not sent: it is older than the window" in output
    assert "settle it as failed, and pay the person in a new row with a new reference" in output
    assert job.short in output


async def test_a_job_inside_the_window_is_sent(shop: Shop) -> None:
    await a_job_of(shop, timedelta(days=51))

    assert (shop.resume("old")[0], shop.requests("TopUp")) == (3, 3)


async def sent_long_ago(shop: Shop, age: timedelta) -> Ended:
    """Send a job of which the answer to the second row is lost, so long ago."""
    clock = VirtualClock(datetime.now(UTC) - age)
    who, where = Credentials.from_env(shop.simulator.variables), Environment.at(shop.simulator.url)
    async with open_ledger(shop.ledger, clock=clock) as ledger, GoPaySession(who, where) as gopay:
        job = await submit(stream(some(3)), ledger, shop.account, name="lost")
        runner = Runner(ledger, gopay, shop.account, clock=clock)
        *_, ended = [event async for event in runner.run(job)]
    assert isinstance(ended, Ended)
    return ended


async def test_an_inquiry_that_never_finds_anything_sends_nothing_again(tmp_path: Path) -> None:
    with shop_with(tmp_path, found_after=float("inf")) as shop:
        shop.simulator.add_fault("error", on="TopUp", nth=2)
        ended = await sent_long_ago(shop, timedelta(minutes=20))

        code, output = shop.resume("lost")

        assert {state: number for state, (number, _) in ended.counts.items()} == {State.UNKNOWN: 1, State.ACCEPTED: 2}
        assert (code, shop.requests("TopUp"), shop.requests("QueryTransfer")) == (3, 3, 3)
        assert "The inquiry cannot be believed (it does not find a payout that was accepted)" in output
        assert "no unknown payout of this job is sent again by itself" in output


async def test_what_is_too_old_to_be_asked_about_is_a_persons(shop: Shop) -> None:
    shop.simulator.add_fault("error", on="TopUp", nth=2)
    await sent_long_ago(shop, timedelta(days=53))
    shop.simulator.reset()

    code, output = shop.resume("lost")

    assert (code, shop.requests("TopUp")) == (3, 0)
    assert "They are too old to be asked about: find out at the provider, then say how it was" in output


async def test_a_reference_used_elsewhere_is_disputed_and_the_way_to_settle_it_is_said(shop: Shop) -> None:
    who, where = Credentials.from_env(shop.simulator.variables), Environment.at(shop.simulator.url)
    async with GoPaySession(who, where) as gopay:
        await gopay.send(top_up("pay-2"))

    code, output = shop.call(*pay(shop, 3, "--yes"))

    assert (code, "Disputed: see what happened" in output) == (3, True)
    assert f"REFERENCE --ledger {shop.ledger} --as paid|failed --note TEXT" in output


def test_what_was_refused_stands_above_what_was_accepted(tmp_path: Path) -> None:
    with shop_with(tmp_path, refused_numbers={"6281700000003": (403, "18")}) as shop:
        shop.call(*pay(shop, 3, "--yes"))
        output = shop.call("report", "payouts.csv", "--ledger", str(shop.ledger))[1]

    assert output.index("pay-3") < output.index("pay-1") < output.index("pay-2")
    assert "What was refused, failed or returned is never sent again" in output


def test_differences_are_listed_for_people_and_for_machines(shop: Shop) -> None:
    shop.call(*pay(shop, 2, "--yes"))
    shop.simulator.reset()

    people = shop.call("reconcile", "payouts.csv", *shop.options)
    machines = shop.call("reconcile", "payouts.csv", *shop.options, "--json")

    assert (people[0], "2 differences between ledger, provider and notifications" in people[1]) == (1, True)
    found = [json.loads(line) for line in machines[1].splitlines()]
    assert [(one["reference"], one["ledger"], one["provider"]) for one in found if one["event"] == "difference"] == [
        ("pay-1", "accepted", "not found"),
        ("pay-2", "accepted", "not found"),
    ]
