"""Many moves in one statement each way: what stands, and what happened.  Knows no transaction.

The rows go in as the VALUES of one statement, so that the database works on all of them while the loop runs: a
statement for each would take turns with it, twice for every payout.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, Final, Self

from attrs import frozen
from sqlalchemy import Column, ColumnElement, Insert, Subquery, Update, UpdateBase, func, literal_column, select, text
from sqlalchemy.engine import Connection, Dialect

from .records import Move
from .schema import events, payouts
from .together import ADDED, SET, SIZES, event_cells, standing_cells

#: What a move looks for, what it changes and what it adds, in the order of `_standing` and of `_event`.
_FOUND: Final = (payouts.c.id, payouts.c.state, payouts.c.attempt)
_CHANGED: Final = (payouts.c.external_id, payouts.c.reference_no, *SET)
_ADDED: Final = (events.c.payout, events.c.external_id, *ADDED)
#: Stands for NULL: the driver takes longer over one None than over all the rest of a row.
_NULL: Final = ""


def _standing(move: Move) -> tuple[Any, ...]:
    before, after = move.before, move.after
    own = (move.payout, before.state.value, before.attempt, move.external_id, after.reference_no)
    return (*own, *_filled(standing_cells(after)))


def _event(move: Move) -> tuple[Any, ...]:
    cells = event_cells(move.before, move.after, move.event)
    return (move.payout, move.event.external_id, *_filled(cells))


def _filled(cells: Iterable[Any]) -> list[Any]:
    return [_NULL if one is None else one for one in cells]


def _cell(place: int, column: Column[Any]) -> ColumnElement[Any]:
    # SQLite calls them so; PostgreSQL names them, and their types, behind the VALUES.
    cell: ColumnElement[Any] = literal_column(f"column{place}")
    return func.nullif(cell, literal_column("''")) if column.nullable else cell


def _rows(columns: Sequence[Column[Any]], size: int) -> Subquery:
    """Return *size* rows of parameters as a table; its columns stand for *columns*."""
    cells = [_cell(place, one).label(f"cell_{place}") for place, one in enumerate(columns, start=1)]
    row = f"({', '.join('?' * len(columns))})"
    return select(*cells).select_from(text(f"(VALUES {', '.join([row] * size)})")).subquery("moves")


def _update(size: int) -> Update:
    rows = _rows([*_FOUND, *_CHANGED], size)
    found, then = rows.c[: len(_FOUND)], rows.c[len(_FOUND) :]
    values = {one.name: cell for one, cell in zip(_CHANGED, then, strict=True)}
    return payouts.update().values(values).where(*[one == cell for one, cell in zip(_FOUND, found, strict=True)])


def _insert(size: int) -> Insert:
    rows = _rows(_ADDED, size)
    return events.insert().from_select(
        [one.name for one in _ADDED], select(*rows.c).where(rows.c[0] != literal_column("''"))
    )


@frozen
class _Statement:
    """One statement for *size* moves at most, compiled once."""

    text: str
    size: int
    cells: Callable[[Move], tuple[Any, ...]]
    empty: tuple[Any, ...]

    def execute(self, connection: Connection, moves: Sequence[Move]) -> int:
        """Return how many rows of the table it touched."""
        empty = [self.empty] * (self.size - len(moves))
        given = tuple(chain.from_iterable([*map(self.cells, moves), *empty]))
        return connection.exec_driver_sql(self.text, given).rowcount


@frozen
class Moves:
    """The statements that make moves, for every number of them."""

    _updates: tuple[_Statement, ...]
    _inserts: tuple[_Statement, ...]

    @classmethod
    def of(cls, dialect: Dialect) -> Self:
        """Return the statements for *dialect*."""

        def compiled(made: Callable[[int], UpdateBase], cells: Callable[[Move], tuple[Any, ...]], width: int) -> Any:
            empty = (_NULL,) * width
            return tuple(_Statement(str(made(size).compile(dialect=dialect)), size, cells, empty) for size in SIZES)

        updates = compiled(_update, _standing, len(_FOUND) + len(_CHANGED))
        return cls(updates, compiled(_insert, _event, len(_ADDED)))

    def make(self, connection: Connection, moves: Sequence[Move]) -> bool:
        """Make *moves* and add what happened; False, and to be undone, when one of them cannot be made."""
        for start in range(0, len(moves), SIZES[-1]):
            some = moves[start : start + SIZES[-1]]
            kind = bisect_left(SIZES, len(some))
            if self._updates[kind].execute(connection, some) != len(some):
                return False
            self._inserts[kind].execute(connection, some)
        return True
