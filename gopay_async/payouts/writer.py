"""Group commit: one task writes what many asked for, in one transaction.  Knows no rule and no job."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from attrs import define, field
from sqlalchemy.engine import Connection

from .database import Database
from .moves import Moves
from .records import Move

T = TypeVar("T")
#: Moves in one transaction at most.
_LIMIT: Final = 1_000


@define
class _Write:
    moves: Sequence[Move]
    #: Which of them were made.
    done: "asyncio.Future[list[bool]]"


@define
class Writer:
    """The only writer of this process."""

    database: Database
    _moves: Moves = field(init=False, repr=False)
    _waiting: "deque[_Write]" = field(factory=deque, init=False, repr=False)
    _woken: asyncio.Event = field(factory=asyncio.Event, init=False, repr=False)
    _task: "asyncio.Task[None] | None" = field(default=None, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._moves = Moves.of(self.database.engine.dialect)

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

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """Return what *work* returns, in a transaction of its own; an exception undoes it."""
        return await self.database.write(work)

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

    def _all(self, connection: Connection, moves: list[Move]) -> list[bool] | None:
        """Make every move at once; None, with nothing made, when one of them cannot be."""
        if self._moves.make(connection, moves):
            return [True] * len(moves)
        connection.rollback()
        return None

    def _each(self, connection: Connection, moves: list[Move]) -> list[bool]:
        return [self._moves.make(connection, [one]) for one in moves]


def _resolve(done: "asyncio.Future[list[bool]]", result: "list[bool] | Exception") -> None:
    if done.done():
        return
    if isinstance(result, Exception):
        done.set_exception(result)
        # Whoever submitted may be gone: looked at, so that the loop does not complain.
        done.exception()
    else:
        done.set_result(result)
