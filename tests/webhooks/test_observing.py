"""A span for each request where OpenTelemetry is installed and set up; the same receiver where it is not."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gopay_async.webhooks import NotificationApp, sign_notification
from tests.keys_for_tests import MERCHANT_KEY
from tests.webhooks.events import PATH, Shop, body, post, verifier

EXPORTER = InMemorySpanExporter()


@pytest.fixture(scope="module", autouse=True)
def set_up() -> None:
    """As an application does it: once for the process."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(EXPORTER))
    trace.set_tracer_provider(provider)


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    EXPORTER.clear()
    yield EXPORTER
    EXPORTER.clear()


async def test_a_span_tells_what_became_of_it(exporter: InMemorySpanExporter) -> None:
    await post(NotificationApp(verifier(), Shop()), body())
    (span,) = exporter.get_finished_spans()
    found = dict(span.attributes or {})

    assert (span.name, found["gopay.outcome"], found["gopay.code"]) == ("gopay notification", "handled", "2005600")
    assert (found["url.path"], found["gopay.kind"], found["gopay.status"]) == (PATH, "DebitNotification", 200)


async def test_a_span_of_a_refusal_tells_its_reason(exporter: InMemorySpanExporter) -> None:
    await post(NotificationApp(verifier(), Shop()), body(), headers=sign_notification(body(), MERCHANT_KEY))
    (span,) = exporter.get_finished_spans()
    found = dict(span.attributes or {})

    assert (found["gopay.outcome"], found["gopay.reason"], found["gopay.status"]) == ("refused", "wrong_signature", 401)


def test_it_works_without_opentelemetry() -> None:
    command = [sys.executable, "-m", "tests.webhooks.untraced_process"]
    root = Path(__file__).parents[2]

    assert subprocess.run(command, capture_output=True, text=True, cwd=root, check=True).stdout == "(200, '2005600')\n"
