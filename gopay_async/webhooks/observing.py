"""What the operator sees: one DEBUG and one INFO record a notification, and a span where OpenTelemetry is installed.

Knows no secret, no body and no signature, and so cannot show one.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from ..api import Notification

try:
    from opentelemetry import trace
except ImportError:
    _tracer: Any = None
else:
    _tracer = trace.get_tracer("gopay_async.webhooks")

log: Final = logging.getLogger("gopay_async.webhooks")


@contextmanager
def span(route: str) -> Iterator[Any]:
    """Yield a span around one request, None without OpenTelemetry."""
    if _tracer is None:
        yield None
        return
    with _tracer.start_as_current_span("gopay notification", attributes={"url.path": route[:200]}) as one:
        yield one


def handled(notification: Notification, outcome: str, one: Any) -> None:
    """Say what became of a verified notification."""
    kind, external_id = type(notification).__name__, _printable(notification.external_id)
    log.info("%s %s %s, key %s", kind, external_id, outcome, notification.key)
    _attributes(one, kind=kind, outcome=outcome, external_id=external_id, key=notification.key)


def refused(path: str, reason: str, detail: str, one: Any) -> None:
    """Say why something was not accepted."""
    log.info("refused on %s: %s: %s", _printable(path), reason, detail)
    _attributes(one, outcome="refused", reason=reason)


def answered(route: str, status: int, code: str, one: Any) -> None:
    """Say, for debugging, what the sender was told."""
    log.debug("answered on %s with %s", _printable(route), code)
    _attributes(one, status=status, code=code)


def _attributes(one: Any, **facts: Any) -> None:
    if one is not None:
        one.set_attributes({f"gopay.{name}": value for name, value in facts.items()})


def _printable(text: str) -> str:
    # A line break in a path, which %0A becomes, would begin a record of the sender's own making.
    return "".join(char if char.isprintable() else "?" for char in text[:100])
