"""A receiver without OpenTelemetry: `python -m tests.webhooks.untraced_process` prints what it answers."""

import asyncio
import sys
from importlib import import_module
from typing import Any


def main() -> None:
    # Before anything is imported that would look for it.
    modules: dict[str, Any] = sys.modules
    modules["opentelemetry"] = None
    events, webhooks = import_module("tests.webhooks.events"), import_module("gopay_async.webhooks")
    app = webhooks.NotificationApp(events.verifier(), events.Shop())
    sys.stdout.write(f"{asyncio.run(events.post(app, events.body()))}\n")


if __name__ == "__main__":
    main()
