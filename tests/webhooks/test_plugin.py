"""The fixtures for users' tests, as pytest finds them through the entry point."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from gopay_async.errors import WebhookError
from gopay_async.simulator import Simulator
from gopay_async.simulator.running import RunningSimulator
from gopay_async.webhooks import NotificationVerifier
from gopay_async.webhooks.kit import Kit, Subject
from gopay_async.webhooks.samples import PAYOUT_PATH, Delivery, Forge


def outcome(verifier: NotificationVerifier, delivery: Delivery) -> str:
    try:
        return verifier.verify(headers=delivery.headers, body=delivery.body).kind
    except WebhookError as error:
        return error.reason


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("valid", "debit"),
        ("tampered", "wrong_signature"),
        ("stale", "stale"),
        ("future", "future"),
        ("wrong_path", "wrong_signature"),
        ("wrong_key", "wrong_signature"),
        ("re_serialised", "wrong_signature"),
    ],
)
def test_each_way_ends_as_it_is_called(
    gopay_notifications: Forge, gopay_verifier: NotificationVerifier, way: str, expected: str
) -> None:
    assert outcome(gopay_verifier, getattr(gopay_notifications, way)("debit.paid")) == expected


def test_a_duplicate_is_the_same_event_under_another_id(
    gopay_notifications: Forge, gopay_verifier: NotificationVerifier
) -> None:
    first = gopay_notifications.valid("debit.paid")
    second = gopay_notifications.duplicate(first)
    found = [gopay_verifier.verify(headers=one.headers, body=one.body) for one in (first, second)]

    assert found[0].identity == found[1].identity
    assert first.headers["X-EXTERNAL-ID"] != second.headers["X-EXTERNAL-ID"]


def test_a_payout_has_no_other_signature_when_it_is_repeated(gopay_notifications: Forge) -> None:
    first = gopay_notifications.valid("payout.completed")

    assert (gopay_notifications.duplicate(first), first.path) == (first, PAYOUT_PATH)


async def test_the_kit_is_made_for_a_subject(gopay_kit: Callable[[Any], Kit]) -> None:
    @asynccontextmanager
    async def start() -> AsyncIterator[Subject]:
        seen: set[str] = set()

        async def handler(given: Any) -> None:
            seen.add(given.original_reference_no)

        async def effect() -> set[str]:
            return seen

        yield Subject(handler, effect)

    kit = gopay_kit(start)

    assert "after a crash" in await kit.check([kit.forge.valid("qris.paid")])


def test_the_simulator_is_there(gopay_simulator: Simulator) -> None:
    assert gopay_simulator.clock.now() >= datetime(2020, 1, 1, tzinfo=UTC)


def test_a_simulator_is_served_on_a_free_port(gopay_served_simulator: RunningSimulator) -> None:
    with urllib.request.urlopen(f"{gopay_served_simulator.url}/_simulator/check", timeout=20) as answer:
        balanced = json.loads(answer.read())

    assert balanced == {"balanced": True}


def test_the_plugin_imports_nothing_before_a_fixture_is_used() -> None:
    code = "import sys, gopay_async.pytest_plugin; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert {"aiohttp", "attrs", "cryptography", "gopay_async.webhooks", "gopay_async.errors"} & set(modules) == set()


def test_the_receiver_imports_neither_a_client_nor_a_database() -> None:
    code = "import sys, gopay_async.webhooks; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert {"aiohttp", "sqlalchemy", "redis", "typer"} & set(modules) == set()
