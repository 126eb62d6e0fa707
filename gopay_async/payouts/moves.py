"""Many moves in one statement each way: what stands, and what happened.  Knows no transaction.

The rows go in as the VALUES of one statement, so that the database works on all of them while the loop runs: a
statement for each would take turns with it, twice for every payout.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Final, Self

from attrs import frozen
from sqlalchemy import Column, ColumnElement, Select, func, literal_column, select, text
from sqlalchemy.engine import Connection, Dialect

from .records import Move
from .schema import events, microseconds, payouts

#: What a move looks for, what it changes, and what it adds to the events, in the order of `_cells`.
_FOUND: Final = (payouts.c.id, payouts.c.state, payouts.c.attempt)
_CHANGED: Final = (
    payouts.c.state,
    payouts.c.attempt,
    payouts.c.resends,
    payouts.c.reach,
    payouts.c.external_id,
    payouts.c.first_sent_at,
    payouts.c.sent_until,
    payouts.c.sent_mono,
    payouts.c.sent_by,
    payouts.c.accepted,
    payouts.c.reference_no,
    payouts.c.noticed_at,
    payouts.c.asked,
    payouts.c.ask_at,
    payouts.c.reason,
)
_ADDED: Final = (
    events.c.at,
    events.c.kind,
    events.c.attempt,
    events.c.external_id,
    events.c.http_status,
    events.c.code,
    events.c.outcome,
    events.c.said,
)
_GROUPS: Final = (("old", _FOUND), ("new", _CHANGED), ("event", _ADDED))
_WIDTH: Final = sum(len(columns) for _, columns in _GROUPS)
#: Rows of a statement: a statement is compiled once for each, and what is left over stays empty.
_SIZES: Final = (1, 16, 64, 256)
#: Stands for NULL: the driver takes longer over one None than over all the rest of a row.
_NULL: Final = ""
_EMPTY: Final = (_NULL,) * _WIDTH


def _cells(move: Move) -> list[Any]:
    before, after, event = move.before, move.after, move.event
    return [
        move.payout,
        before.state.value,
        before.attempt,
        after.state.value,
        after.attempt,
        after.resends,
        int(after.reach),
        move.external_id,
        _time(after.first_sent_at),
        _time(after.sent_until),
        _NULL if after.sent_mono is None else after.sent_mono,
        after.sent_by,
        int(after.accepted),
        after.reference_no,
        _time(after.noticed_at),
        after.asked,
        _time(after.ask_at),
        after.reason,
        microseconds(event.at),
        event.kind,
        event.attempt,
        event.external_id,
        event.http_status or _NULL,
        event.code,
        event.outcome,
        event.said,
    ]


def _time(moment: datetime | None) -> int | str:
    return _NULL if moment is None else microseconds(moment)


def _cell(place: int, column: Column[Any]) -> ColumnElement[Any]:
    # SQLite calls them so; PostgreSQL names them, and their types, behind the VALUES.
    cell: ColumnElement[Any] = literal_column(f"column{place}")
    return func.nullif(cell, literal_column("''")) if column.nullable else cell


def _rows(size: int) -> "Select[*tuple[Any, ...]]":
    """Return the query that gives *size* moves as rows, their columns named after those of the tables."""
    columns = [(f"{when}_{one.name}", one) for when, group in _GROUPS for one in group]
    cells = [_cell(place, one).label(name) for place, (name, one) in enumerate(columns, start=1)]
    row = f"({', '.join('?' * _WIDTH)})"
    return select(*cells).select_from(text(f"(VALUES {', '.join([row] * size)})"))


@frozen
class _Statements:
    """Both statements for *size* moves at most, compiled once."""

    size: int
    _update: str
    _insert: str

    @classmethod
    def of(cls, size: int, dialect: Dialect) -> Self:
        rows = _rows(size).subquery("moves")
        update = payouts.update().values({one.name: rows.c[f"new_{one.name}"] for one in _CHANGED})
        for one in _FOUND:
            update = update.where(one == rows.c[f"old_{one.name}"])
        taken = {"payout": rows.c.old_id, "before": rows.c.old_state, "state": rows.c.new_state}
        taken |= {one.name: rows.c[f"event_{one.name}"] for one in _ADDED}
        insert = events.insert().from_select(
            list(taken), select(*taken.values()).where(rows.c.old_id != literal_column("''"))
        )
        return cls(size, str(update.compile(dialect=dialect)), str(insert.compile(dialect=dialect)))

    def execute(self, connection: Connection, moves: Sequence[Move]) -> bool:
        empty = [_EMPTY] * (self.size - len(moves))
        given = tuple(chain.from_iterable([*map(_cells, moves), *empty]))
        if connection.exec_driver_sql(self._update, given).rowcount != len(moves):
            return False
        connection.exec_driver_sql(self._insert, given)
        return True


@frozen
class Moves:
    """The statements that make moves, for every number of them."""

    _statements: tuple[_Statements, ...]

    @classmethod
    def of(cls, dialect: Dialect) -> Self:
        """Return the statements for *dialect*."""
        return cls(tuple(_Statements.of(size, dialect) for size in _SIZES))

    def make(self, connection: Connection, moves: Sequence[Move]) -> bool:
        """Make *moves* and add what happened; False, and to be undone, when one of them cannot be made."""
        most = _SIZES[-1]
        parts = [moves[start : start + most] for start in range(0, len(moves), most)]
        return all(self._fitting(len(part)).execute(connection, part) for part in parts)

    def _fitting(self, number: int) -> _Statements:
        return next(one for one in self._statements if one.size >= number)
