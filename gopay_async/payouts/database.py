"""An SQLite file: opened so that a commit is on the disk, used in threads, its errors in our words.  Knows no table."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import Factory, define, field
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from ..errors import LedgerBusy, LedgerCorrupt, LedgerError, LedgerFull, LedgerReadOnly
from .schema import APPLICATION_ID, VERSION, metadata

T = TypeVar("T")
#: Seconds to wait for a process that is just writing, for example one that stores a notification.
_BUSY: Final = 5.0
_WRITES: Final = "gopay_async_writes"
_READERS: Final = 3


@define
class Database:
    """One file, used in threads, so that the loop is free meanwhile.

    A whole transaction is one visit to a thread: a visit for each statement would cost more than the statements.
    """

    engine: Engine
    _writing_engine: Engine = field(
        init=False, repr=False, default=Factory(lambda self: self.engine.execution_options(**{_WRITES: True}), True)
    )
    _readers: Executor = field(
        init=False, repr=False, factory=lambda: ThreadPoolExecutor(_READERS, "gopay_async ledger reader")
    )

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Return what *work* finds, in a thread of its own; raises LedgerError."""
        with in_our_words():
            return await asyncio.get_running_loop().run_in_executor(self._readers, self._reading, work)

    def _reading(self, work: Callable[[Connection], T]) -> T:
        with self.engine.connect() as connection:
            return work(connection)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Return what *work* returns, in a transaction of its own; an exception undoes it.  For the writer's thread."""
        with self._writing_engine.begin() as connection:
            return work(connection)

    def close(self) -> None:
        """End the threads, and let the file go."""
        self._readers.shutdown()
        self.engine.dispose()


def connect(path: Path, *, create: bool) -> Database:
    """Return the database at *path*; LedgerError where there is none, or none that is a ledger."""
    _check_kind(path, create=create)
    url = URL.create("sqlite+pysqlite", database=str(path))
    engine = create_engine(url, connect_args={"timeout": _BUSY}, pool_size=_READERS + 1)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return Database(engine)


def _check_kind(path: Path, *, create: bool) -> None:
    try:
        head = _first_bytes(path, create=create)
    except OSError as error:
        raise LedgerReadOnly(f"The ledger {path} cannot be read: {error.strerror}.") from error
    if head and head != b"SQLite format 3\x00":
        raise LedgerCorrupt(f"{path} is no ledger: it does not begin as an SQLite file does.")


def _first_bytes(path: Path, *, create: bool) -> bytes:
    # stat() says why, where is_dir() says no for a folder that may not be entered, on some versions of Python.
    try:
        path.parent.stat()
    except FileNotFoundError:
        raise LedgerReadOnly(f"There is no folder {path.parent}.") from None
    try:
        with path.open("rb") as file:
            return file.read(16)
    except FileNotFoundError:
        if create:
            return b""
        raise LedgerReadOnly(f"There is no ledger at {path}.") from None


def _prepare(connection: Any, _: object) -> None:
    # Transactions begin where we say so: the driver would begin them late, and reads not at all.
    connection.isolation_level = None
    try:
        _set_pragmas(connection.cursor())
    except BaseException:
        # The pool has not got it yet, and so would not close it.
        connection.close()
        raise


def _set_pragmas(cursor: Any) -> None:
    (kind,) = _one(cursor, "PRAGMA application_id")
    (tables,) = _one(cursor, "SELECT count(*) FROM sqlite_master")
    if kind == APPLICATION_ID or not tables:
        # The file of another program stays as it is.
        _one(cursor, "PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _one(cursor: Any, statement: str) -> Any:
    cursor.execute(statement)
    return cursor.fetchone()


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def set_up(connection: Connection) -> None:
    """Make the tables where there are none; raise LedgerCorrupt for a file that holds something else."""
    if is_empty(connection):
        metadata.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version={VERSION}")


def is_empty(connection: Connection) -> bool:
    """Whether the file has no table yet; raise LedgerCorrupt unless it is otherwise a ledger of this version."""
    if not connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one():
        return True
    found = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if (found, version) != (APPLICATION_ID, VERSION):
        raise LedgerCorrupt(f"The file is no ledger of this version (kind {found}, version {version}).")
    return False


def look_for_damage(connection: Connection) -> None:
    """Raise LedgerCorrupt where a page of the file does not hold what it should."""
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if found != "ok":
        raise LedgerCorrupt(f"The ledger is damaged: {found}.")


#: First part of SQLite's error name -> our error and what to do.
_ERRORS: Final[dict[str, tuple[type[LedgerError], str]]] = {
    "FULL": (LedgerFull, "The disk of the ledger is full: make room, then resume."),
    "READONLY": (
        LedgerReadOnly,
        "The ledger, its folder or a file beside it (-wal, -shm) is read-only for this user: mend that, then resume.",
    ),
    "PERM": (LedgerReadOnly, "The ledger may not be used by this user: mend that, then resume."),
    "CANTOPEN": (LedgerReadOnly, "The ledger cannot be opened: look at its path and its permissions."),
    "BUSY": (LedgerBusy, "Another process is writing to the ledger and does not stop: end it, then resume."),
    "LOCKED": (LedgerBusy, "Another process is writing to the ledger and does not stop: end it, then resume."),
    "CORRUPT": (LedgerCorrupt, "The ledger is damaged: do not run it, keep the file, and restore a copy of it."),
    "NOTADB": (LedgerCorrupt, "The file is no ledger."),
}


@contextmanager
def in_our_words() -> Iterator[None]:
    """Turn errors of the database into those of the ledger."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        raise _translated(error) from error


def _translated(error: Exception) -> LedgerError:
    name = _name(error)
    kind, advice = _ERRORS.get(name.removeprefix("SQLITE_").partition("_")[0], (LedgerError, ""))
    return kind(f"{advice or 'The ledger cannot be used.'} ({name or type(error).__name__})")


def _name(error: BaseException | None) -> str:
    """Return SQLite's name of the error, wherever in the chain it stands."""
    while error is not None:
        if name := getattr(error, "sqlite_errorname", ""):
            return str(name)
        error = getattr(error, "orig", None) or error.__cause__
    return ""
