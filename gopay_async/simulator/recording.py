"""Runs written down, and played again: requests, answers, faults and buttons, one JSON object a line.

Secrets are not written: what was signed well is signed again with the credentials of the simulator that replays it.
Bodies are, with the names and numbers of customers in them: the file is readable by its owner alone.
"""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from attrs import define, evolve, field, frozen

from .. import signing
from ..errors import InvalidInput
from ..exchange import Request
from ..models import Money, format_time, parse_time
from ..operation import Auth
from .clock import VirtualClock
from .faults import FaultPlan
from .mishaps import Outcome
from .provider import ROUTES, Seen
from .records import Link, MadeRefund, User
from .routes import NoRoute
from .scenario import make_fault
from .simulator import Simulator

FORMAT: Final = 1


class RecordedSimulator(Simulator):
    """A simulator that writes down what happens to it, to the file at *path*; the other arguments are Simulator's.

    It needs a seed, so that its ids and tokens come again, and makes one when none is given.
    """

    def __init__(self, path: str | Path, **options: Any) -> None:
        if options.get("seed") is None:
            options["seed"] = int.from_bytes(os.urandom(4), "big")
        super().__init__(**options)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(handle, "w", encoding="utf-8", buffering=1)
        self._write({"format": FORMAT, "seed": options["seed"], "start": _exact(self.clock.now())})

    def _write(self, event: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(event) + "\n")
