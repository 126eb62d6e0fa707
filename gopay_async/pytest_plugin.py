"""Fixtures for users' tests, found by pytest through an entry point.  Imports nothing before a fixture is used.

pytest loads it in every run of every project that has gopay-async installed, and before coverage starts.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from gopay_async.simulator import Simulator
    from gopay_async.simulator.running import RunningSimulator
    from gopay_async.webhooks import NotificationVerifier
    from gopay_async.webhooks.kit import Kit
    from gopay_async.webhooks.samples import Forge


def _new_key() -> RSAPrivateKey:
    made: RSAPrivateKey = import_module("cryptography.hazmat.primitives.asymmetric.rsa").generate_private_key(
        65537, 2048
    )
    return made


@pytest.fixture(scope="session")
def gopay_provider_key() -> RSAPrivateKey:
    """Make the key with which the provider signs in these tests, once for the run."""
    return _new_key()


@pytest.fixture(scope="session")
def gopay_strangers_key() -> RSAPrivateKey:
    """Make a key that nobody trusts."""
    return _new_key()


@pytest.fixture
def gopay_verifier(gopay_provider_key: RSAPrivateKey) -> NotificationVerifier:
    """Make a verifier of payment notifications that trusts `gopay_provider_key`."""
    made: NotificationVerifier = import_module("gopay_async.webhooks").NotificationVerifier(
        gopay_provider_key.public_key()
    )
    return made


@pytest.fixture
def gopay_notifications(gopay_provider_key: RSAPrivateKey, gopay_strangers_key: RSAPrivateKey) -> Forge:
    """Make deliveries: valid, tampered, stale, future, wrong_path, wrong_key, re_serialised, duplicate."""
    made: Forge = import_module("gopay_async.webhooks.samples").Forge(gopay_provider_key, gopay_strangers_key)
    return made


@pytest.fixture
def gopay_kit(gopay_notifications: Forge) -> Callable[[Any], Kit]:
    """Return what makes the idempotency kit: `gopay_kit(start)`, where *start* opens a subject."""

    def make(start: Any) -> Kit:
        made: Kit = import_module("gopay_async.webhooks.kit").Kit(start, gopay_notifications)
        return made

    return make


@pytest.fixture
def gopay_simulator() -> Iterator[Simulator]:
    """Make a simulated provider, with empty books and a clock of its own."""
    simulator: Simulator = import_module("gopay_async.simulator").Simulator()
    yield simulator
    simulator.reset()


@pytest.fixture
def gopay_served_simulator() -> Iterator[RunningSimulator]:
    """Serve a simulated provider on a free port, in a thread: for clients of any kind, and tests without a loop."""
    running = import_module("gopay_async.simulator.running").running
    with running() as served:
        yield served
