"""The command line: `gopay-async`.  Knows which command needs which extra; the commands know the rest."""

import sys
from collections.abc import Callable
from typing import NoReturn

_missing: str | None = None
_run: Callable[[], int | None] | None = None
try:
    from .commands import app
except ModuleNotFoundError as missing:
    if (missing.name or "").startswith("gopay_async"):
        raise
    _missing = missing.name
else:
    _run = app


def main() -> NoReturn:
    """Run the command line; say what to install when its extra is missing."""
    if _run is None:
        sys.exit(
            f"gopay-async: the command line needs {_missing}, which is not installed.\n"
            "Install it with:  pip install 'gopay-async[cli]'"
        )
    sys.exit(_run())
