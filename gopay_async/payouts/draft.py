"""Rows before they are a job: counted, compared with each other, kept on disk.  Knows no ledger and no network.

Memory stays constant whatever the number of rows: they wait in a temporary file.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from attrs import define, field

from ..api import TopUp
from ..errors import LedgerFull
from .records import sen
from .rows import Notable, Problem, ReadRow

_COLUMNS: Final = ("line", "reference", "number", "name", "amount", "notes", "email", "provider")
_TABLE: Final = (
    f"CREATE TABLE rows (id INTEGER PRIMARY KEY, {', '.join(_COLUMNS)}, left_out INTEGER NOT NULL DEFAULT 0)"
)
_INSERT: Final = f"INSERT INTO rows ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608  # constants
#: What a row with problems leaves behind: its reference must not stand anywhere else either.
_TRACE: Final = "INSERT INTO rows (line, reference, left_out) VALUES (?, ?, 1)"
_PAGE: Final = f"SELECT id, {', '.join(_COLUMNS)} FROM rows WHERE id > ? AND NOT left_out ORDER BY id LIMIT ?"  # noqa: S608  # constants
#: How many findings of a kind are kept; the rest is only counted.
KEPT: Final = 10_000


@define
class Findings:
    """Problems or notable things: the first of them, and how many there are."""

    first: list[Any] = field(factory=list)
    count: int = 0

    def add(self, found: Any) -> None:
        """Add one."""
        self.count += 1
        if len(self.first) < KEPT:
            self.first.append(found)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.first)

    def __bool__(self) -> bool:
        return self.count > 0


@define
class Draft:
    """Checked rows that wait to become a job."""

    _connection: sqlite3.Connection = field(repr=False)
    #: SHA-256 of the content: the id of the job.
    id: str = ""
    problems: Findings = field(factory=Findings)
    #: What a person should see, and what must be confirmed.
    notables: Findings = field(factory=Findings)
    warnings: Findings = field(factory=Findings)
    ignored_columns: tuple[str, ...] = ()
    #: Rows that are left out because the ledger has them already.
    left_out: int = 0

    def add(self, rows: Iterable[ReadRow]) -> None:
        """Keep *rows*, and every problem in them."""
        with self._connection:
            for row in rows:
                self._note(row)
                if row.top_up is not None:
                    self._connection.execute(_INSERT, (row.line, *columns(row.top_up)))
                elif row.reference:
                    self._connection.execute(_TRACE, (row.line, row.reference))

    def _note(self, row: ReadRow) -> None:
        for problem in row.problems:
            self.problems.add(problem)
        for notable in row.notables:
            (self.warnings if notable.confirm else self.notables).add(notable)

    def compare(self) -> None:
        """Find references that stand twice, and the same number with the same amount."""
        with self._connection:
            self._connection.execute("CREATE INDEX by_reference ON rows (reference)")
            self._connection.execute("CREATE INDEX by_payee ON rows (number, amount)")
        for line, reference, first in self._connection.execute(_TWICE):
            self.problems.add(Problem(line, "partner_reference_no", f"{reference} stands in line {first} already"))
        for line, amount, first in self._connection.execute(_REPEATED):
            text = f"the same number gets the same amount, Rp {amount // 100}, in line {first}"
            self.warnings.add(Notable(line, "amount", text, confirm=True))

    @property
    def size(self) -> tuple[int, int]:
        """Number of rows, and their sum in hundredths of a rupiah."""
        query = "SELECT count(*), coalesce(sum(amount), 0) FROM rows WHERE NOT left_out"
        ((number, total),) = self._connection.execute(query)
        return number, total

    def pages(self, size: int = 500) -> Iterator[list[dict[str, Any]]]:
        """Yield all rows that are not left out, *size* at a time."""
        last = 0
        while found := self._connection.execute(_PAGE, (last, size)).fetchall():
            last = found[-1][0]
            yield [dict(zip(_COLUMNS, row[1:], strict=True)) for row in found]

    def leave_out(self, references: Sequence[str]) -> None:
        """Leave out the rows with *references*."""
        with self._connection:
            self._connection.executemany(
                "UPDATE rows SET left_out = 1 WHERE reference = ?", [(one,) for one in references]
            )
        self.left_out += len(references)


_TWICE: Final = """
    SELECT rows.line, rows.reference, first.line FROM rows JOIN
        (SELECT reference, min(line) AS line FROM rows GROUP BY reference HAVING count(*) > 1) AS first
        ON rows.reference = first.reference AND rows.line > first.line
    ORDER BY rows.line
"""
_REPEATED: Final = """
    SELECT rows.line, rows.amount, first.line FROM rows JOIN
        (SELECT number, amount, min(line) AS line FROM rows GROUP BY number, amount HAVING count(*) > 1)
        AS first ON rows.number = first.number AND rows.amount = first.amount AND rows.line > first.line
    ORDER BY rows.line
"""


@contextmanager
def new_draft() -> Iterator[Draft]:
    """Give an empty draft while the context lasts; its temporary file goes with it.  Raises LedgerFull without room."""
    with (
        _temporary_folder() as folder,
        _in_our_words(),
        # Another thread fills it; never two at once.
        closing(sqlite3.connect(Path(folder, "draft"), check_same_thread=False)) as connection,
    ):
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute(_TABLE)
        yield Draft(connection)


def _temporary_folder() -> "TemporaryDirectory[str]":
    try:
        return TemporaryDirectory(prefix="gopay-async-")
    except OSError as error:
        raise _no_room(error) from error


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _no_room(error) from error


def _no_room(error: Exception) -> LedgerFull:
    return LedgerFull(
        f"The rows could not be kept in a temporary file ({error}): make room in the folder for temporary files, or "
        "name another one in TMPDIR. Nothing was imported and nothing was sent."
    )


def columns(one: TopUp) -> tuple[Any, ...]:
    """Return what a draft, and the ledger, hold of *one*."""
    return (
        one.partner_reference_no,
        one.customer_number,
        one.customer_name,
        sen(one.amount),
        one.notes,
        one.beneficiary_email,
        one.beneficiary_provider,
    )
