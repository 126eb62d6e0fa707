"""The command line: `gopay-async`.  Knows which command needs which extra; the commands know the rest."""

import sys
from typing import NoReturn

try:
    from .commands import app
except ModuleNotFoundError as missing:
    if (missing.name or "").startswith("gopay_async"):
        raise
    _missing: str | None = missing.name
else:
    _missing = None


def main() -> NoReturn:
    """Run the command line; say what to install when its extra is missing."""
    if _missing is not None:
        sys.exit(
            f"gopay-async: the command line needs {_missing}, which is not installed.\n"
            "Install it with:  pip install 'gopay-async[cli]'"
        )
    app()
    sys.exit(0)
