"""One runner at a time: a lock of the operating system, held until the process ends.  Knows no ledger.

There is no lease: a process suspended between commit and first byte would outlive it, and send after another one had
settled its row.  The lock of a suspended process stays, that of a killed one is gone at once.
"""

import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from ..errors import LedgerBusy, LedgerReadOnly


def lock_path(ledger: Path) -> Path:
    """Return the lock file of *ledger*; links to the same file share it."""
    real = ledger.resolve()
    return real.with_name(f"{real.name}.lock")


@contextmanager
def exclusive(ledger: Path, *, purpose: str, at: datetime) -> Iterator[None]:
    """Hold the lock of *ledger* while the context lasts.

    Raises LedgerBusy that names who holds it, and LedgerReadOnly where the lock file cannot be made.
    """
    try:
        # Opened without truncating: what it says belongs to whoever holds the lock.
        handle = os.open(lock_path(ledger), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LedgerReadOnly(f"The lock beside the ledger cannot be opened: {error.strerror}") from error
    try:
        _take(handle)
        _sign(handle, purpose, at)
        yield
    finally:
        # The file stays: if it were removed, two processes could hold locks on two files of the same name.
        os.close(handle)


def _take(handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LedgerBusy(
            f"Another process has this ledger: {_holder(handle)}. Nothing was done: try again once it has ended."
        ) from None


def _holder(handle: int) -> str:
    try:
        found = json.loads(os.pread(handle, 4096, 0))
        return f"{found['purpose']}, process {found['pid']} on {found['host']}, since {found['since']}"
    except (ValueError, KeyError, TypeError):
        return "it has not said who it is"


def _sign(handle: int, purpose: str, at: datetime) -> None:
    found = {
        "pid": os.getpid(),
        "host": platform.node(),
        "since": at.isoformat(timespec="seconds"),
        "purpose": purpose,
    }
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(found).encode(), 0)
    except OSError:
        # On a full disk the lock still holds; it only does not say whose it is.
        return
