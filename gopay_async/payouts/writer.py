"""Group commit: one task writes what many asked for, in one transaction.  Knows no rule and no job."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Self, TypeVar

from attrs import define, field, frozen
from sqlalchemy import Dialect, UpdateBase, bindparam
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from .database import in_our_words
from .records import EVENT_COLUMNS, MUTABLE, Move, changed_columns, event_columns
from .schema import events, payouts

T = TypeVar("T")
#: Moves in one transaction at most.
_LIMIT: Final = 1_000

_MOVE: Final = (
    payouts.update()
    .where(
        payouts.c.id == bindparam("b_id"),
        payouts.c.state == bindparam("b_state"),
        payouts.c.attempt == bindparam("b_attempt"),
    )
    .values({name: bindparam(f"n_{name}") for name in MUTABLE})
)
_EVENT: Final = events.insert().values({name: bindparam(name) for name in EVENT_COLUMNS})


@frozen
class _Bulk:
    """A statement compiled once, executed as the driver takes it: nothing looks at its parameters a second time."""

    text: str
    #: Names of the parameters in the driver's order; None where it takes them by name.
    order: tuple[str, ...] | None

    @classmethod
    def of(cls, statement: UpdateBase, dialect: Dialect) -> Self:
        compiled = statement.compile(dialect=dialect)
        return cls(str(compiled), tuple(compiled.positiontup) if compiled.positiontup else None)

    async def execute(self, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Execute it with every one of *rows*; return how many rows of the table it touched."""
        by_place = [tuple([row[name] for name in self.order]) for row in rows] if self.order else list(rows)
        return (await connection.exec_driver_sql(self.text, by_place)).rowcount


@define
class _Write:
    moves: Sequence[Move]
    #: Which of them were made.
    done: "asyncio.Future[list[bool]]"


@define
class Writer:
    """The only writer of this process."""

    engine: AsyncEngine
    _move: _Bulk = field(init=False, repr=False)
    _event: _Bulk = field(init=False, repr=False)
    _waiting: "deque[_Write]" = field(factory=deque, init=False, repr=False)
    _woken: asyncio.Event = field(factory=asyncio.Event, init=False, repr=False)
    # Only one transaction at a time: SQLite has one writer.
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False, repr=False)
    _task: "asyncio.Task[None] | None" = field(default=None, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._move = _Bulk.of(_MOVE, self.engine.dialect)
        self._event = _Bulk.of(_EVENT, self.engine.dialect)

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="gopay_async ledger writer")

    async def aclose(self) -> None:
        """Write what is waiting, and stop."""
        task, self._task = self._task, None
        if task is None:
            return
        while self._waiting and not task.done():
            await asyncio.wait({self._waiting[-1].done})
        task.cancel()
        await asyncio.wait({task})

    def submit(self, moves: Sequence[Move]) -> "asyncio.Future[list[bool]]":
        """Return a future of which of *moves* were made: committed, and on the disk.

        A move is not made when its payout does not stand any more where the move begins.  Raises LedgerError there.
        """
        done: asyncio.Future[list[bool]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Write(moves, done))
        self._woken.set()
        return done

    async def transact(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Return what *work* returns, in a transaction of its own; an exception undoes it."""
        async with self._turn:
            with in_our_words():
                async with self.engine.begin() as connection:
                    return await work(connection)

    async def _run(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._waiting:
                await self._write(self._next())

    def _next(self) -> list[_Write]:
        batch, size = [self._waiting.popleft()], 0
        size = len(batch[0].moves)
        while self._waiting and size + len(self._waiting[0].moves) <= _LIMIT:
            batch.append(self._waiting.popleft())
            size += len(batch[-1].moves)
        return batch

    async def _write(self, batch: list[_Write]) -> None:
        moves = [move for one in batch for move in one.moves]
        try:
            made = await self.transact(lambda connection: self._all(connection, moves))
            if made is None:
                made = await self.transact(lambda connection: self._each(connection, moves))
        except Exception as error:  # noqa: BLE001  # whoever asked for the write gets it
            for one in batch:
                _resolve(one.done, error)
            return
        flags = iter(made)
        for one in batch:
            _resolve(one.done, [next(flags) for _ in one.moves])

    async def _all(self, connection: AsyncConnection, moves: list[Move]) -> list[bool] | None:
        """Make every move at once; None, with nothing made, when one of them cannot be."""
        if await self._move.execute(connection, [changed_columns(move) for move in moves]) != len(moves):
            await connection.rollback()
            return None
        await self._event.execute(connection, [event_columns(move) for move in moves])
        return [True] * len(moves)

    async def _each(self, connection: AsyncConnection, moves: list[Move]) -> list[bool]:
        made = []
        for move in moves:
            made.append(await self._move.execute(connection, [changed_columns(move)]) == 1)
            if made[-1]:
                await self._event.execute(connection, [event_columns(move)])
        return made


def _resolve(done: "asyncio.Future[list[bool]]", result: "list[bool] | Exception") -> None:
    if done.done():
        return
    if isinstance(result, Exception):
        done.set_exception(result)
        # Whoever submitted may be gone: looked at, so that the loop does not complain.
        done.exception()
    else:
        done.set_result(result)
