"""The commands for whoever runs a receiver."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from gopay_async import Environment
from gopay_async.cli.commands import app
from gopay_async.cli.doctor import _environment
from gopay_async.webhooks.database import create_tables, open_engine
from gopay_async.webhooks.inbox import Inbox
from gopay_async.webhooks.samples import Delivery, Forge
from tests.keys_for_tests import MERCHANT_KEY, PROVIDER_KEY
from tests.ports import free_port
from tests.webhooks.events import Shop, notification
from tests.webhooks.pem import pem_of

FORGE = Forge(PROVIDER_KEY, MERCHANT_KEY)
KEY = pem_of(PROVIDER_KEY)
PRIVATE = PROVIDER_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
OWN = MERCHANT_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    return result.exit_code, result.output


def captured(folder: Path, delivery: Delivery, end: str = "\r\n") -> str:
    head = [
        f"POST /gopay{delivery.path}?a=1 HTTP/1.1",
        *(f"{name}: {value}" for name, value in delivery.headers.items()),
    ]
    file = folder / "request.http"
    file.write_bytes(end.join([*head, "", ""]).encode() + delivery.body)
    return str(file)


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_a_captured_request_is_genuine_whatever_its_age(tmp_path: Path, end: str) -> None:
    file = captured(tmp_path, FORGE.stale(), end)

    assert run("verify", file, "--key", KEY) == (
        0,
        "genuine: DebitNotification, signed for /v1.0/debit/notify, key key-1\n",
    )


def test_a_tampered_request_is_refused_with_its_reason(tmp_path: Path) -> None:
    code, output = run("verify", captured(tmp_path, FORGE.tampered()), "--key", KEY)

    assert (code, output.partition(":")[0]) == (1, "refused")
    assert "wrong_signature" in output


def test_a_captured_payout_is_verified_with_its_own_key(tmp_path: Path) -> None:
    file = captured(tmp_path, FORGE.valid("payout.completed"))

    assert run("verify", file, "--iris-key", FORGE.iris_key)[0] == 0
    assert run("verify", file, "--iris-key", "another")[0] == 1


def test_the_explanation_names_the_path_that_was_signed(tmp_path: Path) -> None:
    code, output = run("explain", captured(tmp_path, FORGE.valid("qris.paid")), "--key", KEY)

    assert code == 1
    assert "verifies with:        path /v1.0/qr/qr-mpm-notify, body as received, key key-1" in output


def test_what_verifies_is_explained_too(tmp_path: Path) -> None:
    code, output = run("explain", captured(tmp_path, FORGE.valid()), "--key", KEY)

    assert (code, "it verifies" in output) == (0, True)


def test_a_request_without_a_time_is_explained(tmp_path: Path) -> None:
    file = tmp_path / "request.http"
    file.write_bytes(b"POST /x HTTP/1.1\r\n\r\n{}")

    assert "missing_header" in run("explain", str(file), "--key", KEY)[1]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"POST\n\n{}"])
def test_what_is_no_captured_request_is_said(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "request.http"
    file.write_bytes(content)

    assert run("verify", str(file), "--key", KEY)[0] == 2


def test_a_key_that_is_missing_is_said(tmp_path: Path) -> None:
    code, output = run("verify", captured(tmp_path, FORGE.valid()), "--key", "")

    assert (code, "there is no key" in output) == (2, True)


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[Any]]]:
    """A server in a thread that keeps what it gets, and answers 200 to debit and 500 to everything else."""
    seen: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((dict(request.headers), await request.read(), request.path))
        return web.Response(status=200 if "debit" in request.path else 500, text="said")

    loop, port = asyncio.new_event_loop(), free_port()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield f"http://127.0.0.1:{port}", seen
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_triggered_notification_is_really_signed(receiver: Any, tmp_path: Path) -> None:
    url, seen = receiver
    key = tmp_path / "key.pem"
    first = run("trigger", "debit.paid", "--to", f"{url}/gopay", "--private-key", str(key), "--reference-no", "R1")
    second = run("trigger", "debit.paid", "--to", f"{url}/gopay/", "--private-key", str(key))
    headers, body, path = seen[0]
    file = captured(tmp_path, Delivery("/v1.0/debit/notify", headers, body))

    assert (first[0], second[0], path) == (0, 0, "/gopay/v1.0/debit/notify")
    assert ("made a test key" in first[1], "made a test key" in second[1]) == (True, False)
    assert run("verify", file, "--key", str(key.with_suffix(".pub")))[0] == 0
    assert b'"R1"' in body
    assert key.stat().st_mode & 0o077 == 0


def test_a_receiver_that_refuses_is_said(receiver: Any) -> None:
    url, _ = receiver
    code, output = run("trigger", "payout.completed", "--to", url)

    assert (code, output.rstrip().endswith("HTTP 500 said")) == (1, True)


@pytest.mark.parametrize(
    ("name", "to"),
    [("debit.paid", "http://example.com"), ("debit.paid", "ftp://127.0.0.1"), ("no.such", "http://127.0.0.1:1")],
)
def test_a_trigger_that_cannot_be_meant_is_refused(name: str, to: str) -> None:
    assert run("trigger", name, "--to", to)[0] == 2


def test_a_receiver_that_is_not_there_is_said(tmp_path: Path) -> None:
    code, output = run(
        "trigger", "debit.paid", "--to", f"http://127.0.0.1:{free_port()}", "--private-key", str(tmp_path / "k")
    )

    assert (code, "not delivered" in output) == (2, True)


def test_the_doctor_finds_nothing_where_all_is_well(receiver: Any) -> None:
    url, _ = receiver
    code, output = run(
        *("doctor", "--key", KEY, "--private-key", OWN, "--public-key", pem_of(MERCHANT_KEY)),
        *("--source", "13.228.166.126", "--url", url),
    )

    assert (code, "BAD" in output) == (0, False), output
    assert "on the list of production" in output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--key", "no key"], "provider's public key"),
        (["--private-key", "no key"], "merchant's key"),
        (["--private-key", OWN, "--public-key", KEY], "do not belong together"),
        (["--private-key", PRIVATE], "the merchant's own"),
        (["--path", "/webhook"], "is no page's"),
        (["--source", "1.2.3.4"], "on no published list"),
    ],
)
def test_the_doctor_says_what_to_do(arguments: list[str], words: str) -> None:
    code, output = run("doctor", "--key", KEY, "--offline", *arguments)

    assert (code, words in output) == (1, True), output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--environment", "moon"], "no environment"), (["--url", "http://127.0.0.1:1"], "gave no time")],
)
def test_the_doctor_says_when_no_host_answers(arguments: list[str], words: str) -> None:
    code, output = run("doctor", "--key", KEY, *arguments)

    assert (code, words in output) == (1, True), output


def test_the_environments_are_known_by_their_names() -> None:
    assert _environment("Production") is Environment.PRODUCTION


def test_without_a_database_library_it_is_said_what_to_install() -> None:
    script = "import sys; sys.modules['sqlalchemy'] = None; from gopay_async.cli import main; main()"
    words = ["dead-letters", "--database", "sqlite+aiosqlite://"]

    found = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)

    assert (found.returncode, "pip install 'gopay-async[cli,payouts]'" in found.stderr) == (1, True)


def test_dead_letters_are_listed_and_brought_back(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'shop.db'}"

    async def fill() -> None:
        engine = open_engine(url)
        await create_tables(engine)
        inbox = Inbox(engine, delays=())
        await inbox(notification())
        await inbox.work(Shop(errors=[ValueError()]))
        await engine.dispose()

    asyncio.run(fill())
    listed = run("dead-letters", "--database", url)
    back = run("redrive", "--database", url)

    assert (listed[0], "1 attempts\tValueError\n1 set aside" in listed[1]) == (0, True)
    assert (back, run("dead-letters", "--database", url)) == ((0, "1 brought back\n"), (0, "0 set aside\n"))
