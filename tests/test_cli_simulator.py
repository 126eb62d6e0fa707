"""The simulator as a command: what it prints, what it serves, and what it refuses."""

import asyncio
import json
import os
import re
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import pytest
from anyio import wait_all_tasks_blocked
from typer.testing import CliRunner

from gopay_async import Credentials, Environment, GoPaySession
from gopay_async.cli.commands import app
from gopay_async.cli.simulator import tell
from gopay_async.keys import load_public_key
from gopay_async.simulator.console import Console
from gopay_async.simulator.handover import as_shell, keep
from gopay_async.simulator.journal import Journal
from gopay_async.simulator.recording import recorded_faults

from .simulator_for_tests import payment, send, signed, simulator, top_up

COMMAND = [sys.executable, "-c", "from gopay_async.cli import main; main()", "simulator"]


@contextmanager
def started(*arguments: str, stderr: Any = None, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command and stop it as a service manager does."""
    env = {**os.environ, **environment}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": stderr}
    with subprocess.Popen([*COMMAND, *arguments], **pipes, text=True, env=env) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)


def line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


def read(url: str | urllib.request.Request) -> Any:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.loads(answer.read())


def press(url: str, command: str) -> Any:
    """Return the state after the button *command*."""
    return read(urllib.request.Request(f"{url}/_simulator/{command}", method="POST"))


async def test_what_it_says_to_machines_is_all_that_a_client_needs() -> None:
    with started("--json") as process:
        told = line(process)
        async with GoPaySession(Credentials.from_env(told["environment"]), Environment.at(told["url"])) as gopay:
            created = await gopay.send(payment())
        state = read(f"{told['url']}/_simulator/state")
        load_public_key(Path(told["environment"]["GOPAY_NOTIFICATION_KEY"]))

    assert process.returncode == 0
    assert state["payments"][0]["reference_no"] == created.reference_no
    assert told["notify"] == f"{told['url']}/_simulator/shop"


def test_the_keys_are_gone_with_the_command_and_were_its_owners_alone() -> None:
    with started("--json") as process:
        path = Path(line(process)["environment"]["GOPAY_PRIVATE_KEY"])
        mode = stat.S_IMODE(path.stat().st_mode)

    assert (mode, path.exists()) == (0o600, False)


def test_the_banner_is_loud_and_can_be_pasted(tmp_path: Path) -> None:
    with started("--no-page", "--keep", str(tmp_path / "it")) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "Ctrl-C ends it.\n")
        text = "".join(lines)

    exports = [one for one in text.splitlines() if one.startswith("export ")]
    pasted = subprocess.run(
        ["/bin/sh", "-c", "\n".join([*exports, "env"])], capture_output=True, text=True, check=True, env={}
    )
    assert "SIMULATOR" in text
    assert "no real money" in text
    assert f"GOPAY_PRIVATE_KEY={tmp_path}/it/merchant.pem" in pasted.stdout


def test_what_is_kept_is_there_at_the_next_start(tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        with started("--json", "--no-page", "--keep", str(tmp_path)) as process:
            told = line(process)["environment"]
            keys = [Path(told[name]).read_text() for name in ("GOPAY_PRIVATE_KEY", "GOPAY_NOTIFICATION_KEY")]
            found.append([{name: one for name, one in told.items() if name != "GOPAY_URL"}, keys])

    assert found[0] == found[1]


async def test_a_scenario_and_a_recording_go_together(tmp_path: Path) -> None:
    scenario, run = tmp_path / "scenario.toml", tmp_path / "run.jsonl"
    scenario.write_text('seed = 3\n[[fault]]\nname = "numeric-expiry"\n[[fault]]\nname = "unknown-field"\non = "TopUp"')
    with started("--json", "--no-page", "--scenario", str(scenario), "--record", str(run)) as process:
        told = line(process)
        async with GoPaySession(Credentials.from_env(told["environment"]), Environment.at(told["url"])) as gopay:
            await gopay.send(top_up())
    with started("--json", "--no-page", "--replay", str(run)) as process:
        faults = read(f"{line(process)['url']}/_simulator/state")["faults"]

    assert [(one["name"], one["on"]) for one in faults] == [
        ("numeric-expiry", "IssueToken"),
        ("unknown-field", "TopUp"),
    ]
    assert len(recorded_faults(run).rules) == 2


def test_own_credentials_are_taken_and_not_printed(tmp_path: Path) -> None:
    own = simulator()
    keep(own, tmp_path)
    values = dict(one.split("=", 1) for one in (tmp_path / "credentials.env").read_text().splitlines())
    with started("--json", "--from-env", "--no-page", **values) as it:
        told = line(it)

    with started("--from-env", "--no-page", **values) as it:
        assert it.stdout is not None
        banner = "".join(iter(it.stdout.readline, "Ctrl-C ends it.\n"))

    assert told["environment"].keys() == {"GOPAY_URL", "GOPAY_NOTIFICATION_KEY"}
    assert "# Beside your own credentials, paste" in banner
    assert str(own.credentials.client_secret) not in banner


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "served on loopback"),
        (["--notify", "https://example.com"], "on this machine"),
        (["--scenario", "nowhere.toml"], "nowhere.toml"),
        (["--replay", "nowhere.jsonl"], "nowhere.jsonl: No such file"),
        (["--port", "99999"], "65535"),
        (["--host", "no.such.host.invalid", "--force"], "no.such.host.invalid"),
        (["--from-env", "--keep", "x"], "--keep"),
        (["--allow-host", "http://simulator:8080"], "not the name of a host"),
    ],
)
def test_what_it_will_not_do_is_said_in_one_line(arguments: list[str], words: str, monkeypatch: Any) -> None:
    for name in os.environ:
        if name.startswith("GOPAY_"):
            monkeypatch.delenv(name)
    result = CliRunner().invoke(app, ["simulator", *arguments])

    assert result.exit_code != 0
    assert words in result.output
    assert "Traceback" not in result.output


def test_a_port_that_is_taken_is_named() -> None:
    with started("--json", "--no-page") as process:
        port = line(process)["url"].rpartition(":")[2]
        result = CliRunner().invoke(app, ["simulator", "--port", port])

    assert (result.exit_code, f"port {port} is taken" in result.output) == (1, True)


@pytest.mark.parametrize("options", [[], ["--no-page"]], ids=["page", "no page"])
def test_requests_are_told_as_they_come_and_wrong_signatures_taken_apart(options: list[str]) -> None:
    with started(*options, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        text = "".join(iter(process.stdout.readline, "Ctrl-C ends it.\n"))
        url = re.findall(r"^export GOPAY_URL=(\S+)$", text, re.MULTILINE)[0]
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(urllib.request.Request(f"{url}/v1.0/emoney/topup", method="POST"), timeout=20)
        told = [process.stderr.readline() for _ in range(2)]

    assert told[0].endswith("401 4013800  TopUp  POST /v1.0/emoney/topup\n")
    assert told[1] == "          missing-header: the header Authorization is missing\n"


@contextmanager
def unread() -> Iterator[TextIO]:
    """Open a pipe whose other end is closed."""
    reader, writer = os.pipe()
    os.close(reader)
    with suppress(BrokenPipeError), os.fdopen(writer, "w", encoding="utf-8") as file:
        yield file


async def test_who_stops_reading_does_not_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated, ended = simulator(), asyncio.Event()
    await send(simulated, signed(simulated, top_up()))
    with unread() as file:
        monkeypatch.setattr(sys, "stderr", file)
        task = asyncio.create_task(tell(Journal(Console(simulated)), until=ended))
        await wait_all_tasks_blocked()
        went_on = not task.done()
        ended.set()
        await task

    assert went_on


def test_where_notifications_go_is_said() -> None:
    found = []
    for options in ([], ["--no-page"], ["--notify", "http://127.0.0.1:1/gopay"]):
        with started(*options) as process:
            assert process.stdout is not None
            text = "".join(iter(process.stdout.readline, "Ctrl-C ends it.\n"))
        found += re.findall("^Notifications +(.*)$", text, re.MULTILINE)

    assert "demo shop" in found[0]
    assert found[1:] == ["go nowhere: give --notify URL", "go to http://127.0.0.1:1/gopay"]


def test_the_demo_shop_of_one_that_listens_on_every_address_is_told() -> None:
    with started("--json", "--host", "0.0.0.0", "--force") as process:
        told = line(process)
        press(told["url"], "link")
        state = press(told["url"], "deliver")

    assert [(one["url"].partition("/v1.0")[0], one["status"]) for one in state["deliveries"]] == [(told["notify"], 200)]
    assert process.returncode == 0


def test_the_switches_of_a_scenario_hold_for_what_is_delivered(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.toml"
    scenario.write_text("[trouble]\nduplicates = true\n")
    with started("--json", "--scenario", str(scenario)) as process:
        url = line(process)["url"]
        press(url, "link")
        state = press(url, "deliver")

    assert [one["kind"] for one in state["deliveries"]] == ["linking", "linking"]


def test_production_credentials_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPAY_SERVER_KEY", "Mid-server-abc")
    result = CliRunner().invoke(app, ["simulator", "--from-env"])

    assert (result.exit_code, "looks like one of production" in result.output) == (1, True)
    assert "abc" not in result.output


def test_a_shell_reads_back_whatever_stands_in_a_value() -> None:
    assert as_shell({"A": "it's $HOME"}) == "export A='it'\"'\"'s $HOME'"


def test_a_folder_of_somebody_else_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 12345)

    with pytest.raises(Exception, match="belongs to somebody else"):
        keep(simulator(), tmp_path)
