"""One step of many payouts that stand alike: only what differs is written for each.  Knows no transaction.

The rest of the step is in the statement once, which is a tenth of the work.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

from sqlalchemy.engine import Connection

from .facts import Standing
from .records import Alike, Happened
from .schema import events, payouts, to_column

#: Payouts of a statement at most: each is made once for so many rows, and what is left over stays empty.
SIZES: Final = (1, 16, 64, 256)
#: What a step changes, but for what is a payout's own, in the order of `standing_cells`.
SET: Final = (
    payouts.c.state,
    payouts.c.attempt,
    payouts.c.resends,
    payouts.c.reach,
    payouts.c.first_sent_at,
    payouts.c.sent_until,
    payouts.c.sent_mono,
    payouts.c.sent_by,
    payouts.c.accepted,
    payouts.c.noticed_at,
    payouts.c.asked,
    payouts.c.ask_at,
    payouts.c.reason,
)
#: What it adds, in the order of `event_cells`.
ADDED: Final = (
    events.c.at,
    events.c.kind,
    events.c.attempt,
    events.c.http_status,
    events.c.code,
    events.c.outcome,
    events.c.before,
    events.c.state,
    events.c.said,
)
_EMPTY: Final = ("", "", "")


def _update(size: int) -> str:
    constants = ", ".join(f"{one.name} = ?" for one in SET)
    return (
        f"UPDATE payouts SET {constants}, external_id = moves.column2, reference_no = moves.column3"  # noqa: S608  # names of columns
        f" FROM {_rows(size)} AS moves WHERE payouts.id = moves.column1 AND payouts.state = ? AND payouts.attempt = ?"
    )


def _insert(size: int) -> str:
    names = ", ".join(f'"{one.name}"' for one in ADDED)
    constants = ", ".join("?" * len(ADDED))
    return (
        f"INSERT INTO events (payout, external_id, {names})"  # noqa: S608  # as above
        f" SELECT column1, column2, {constants} FROM {_rows(size)} WHERE column1 <> ''"
    )


def _rows(size: int) -> str:
    # SQLite calls the columns so; PostgreSQL names them, and their types, behind the VALUES.
    return f"(VALUES {', '.join(['(?, ?, ?)'] * size)})"


_UPDATES: Final = [_update(size) for size in SIZES]
_INSERTS: Final = [_insert(size) for size in SIZES]


def move_alike(connection: Connection, step: Alike) -> bool:
    """Let all payouts of *step* take it, and add what happened; False, and to be undone, when one of them cannot."""
    return all(_move(connection, step, rows) for rows in _parts(step.rows))


def move_each(connection: Connection, step: Alike) -> list[bool]:
    """Let every payout of *step* take it that can; return which did."""
    return [_move(connection, step, [row]) for row in step.rows]


def _parts(rows: Sequence[tuple[int, str, str]]) -> Iterator[Sequence[tuple[int, str, str]]]:
    for start in range(0, len(rows), SIZES[-1]):
        yield rows[start : start + SIZES[-1]]


def _move(connection: Connection, step: Alike, rows: Sequence[tuple[int, str, str]]) -> bool:
    kind = bisect_left(SIZES, len(rows))
    cells = list(chain.from_iterable([*rows, *[_EMPTY] * (SIZES[kind] - len(rows))]))
    before = step.before
    given = (*standing_cells(step.after), *cells, before.state.value, before.attempt)
    if connection.exec_driver_sql(_UPDATES[kind], given).rowcount != len(rows):
        return False
    connection.exec_driver_sql(_INSERTS[kind], (*event_cells(before, step.after, step.event), *cells))
    return True


def standing_cells(after: Standing) -> tuple[Any, ...]:
    """Return what the columns of `SET` get."""
    return (
        after.state.value,
        after.attempt,
        after.resends,
        int(after.reach),
        to_column(after.first_sent_at),
        to_column(after.sent_until),
        after.sent_mono,
        after.sent_by,
        int(after.accepted),
        to_column(after.noticed_at),
        after.asked,
        to_column(after.ask_at),
        after.reason,
    )


def event_cells(before: Standing, after: Standing, event: Happened) -> tuple[Any, ...]:
    """Return what the columns of `ADDED` get."""
    return (
        to_column(event.at),
        event.kind,
        event.attempt,
        event.http_status,
        event.code,
        event.outcome,
        before.state.value,
        after.state.value,
        event.said,
    )
