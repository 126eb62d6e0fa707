"""Group commit: one thread writes what many asked for, in one transaction.  Knows no rule and no job."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, Final, TypeVar, cast

from attrs import define, field, frozen
from sqlalchemy.engine import Connection

from .database import Database, in_our_words
from .moves import Moves
from .records import Alike, Move
from .together import move_alike, move_each

T = TypeVar("T")
#: Moves in one transaction at most.
_LIMIT: Final = 1_000


class _Gone(Exception):
    """Nobody waits for it any more."""


@frozen(eq=False)
class _Moves:
    """Moves to make, and who waits to know which of them were made."""

    moves: Sequence[Move]
    done: "asyncio.Future[list[bool]]"


@frozen(eq=False)
class _Work:
    """Work to do in transactions of its own, and who waits for what it returns."""

    work: Callable[[], Any]
    done: "asyncio.Future[Any]"


@define
class Writer:
    """The only writer of this process.

    Its thread takes what waits as soon as it is free, and tells the loop once for each transaction: a loop that has
    hundreds of answers to read is slow to come round.
    """

    database: Database
    _moves: Moves = field(init=False, repr=False)
    _asked: "SimpleQueue[_Moves | _Work | None]" = field(factory=SimpleQueue, init=False, repr=False)
    _thread: Thread = field(init=False, repr=False)
    _loop: asyncio.AbstractEventLoop = field(factory=asyncio.get_running_loop, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._moves = Moves.of(self.database.engine.dialect)
        # A process that ends without closing the ledger need not wait: what was committed is on the disk.
        self._thread = Thread(target=self._run, name="gopay_async ledger writer", daemon=True)
        self._thread.start()

    async def aclose(self) -> None:
        """Write what is waiting, and stop."""
        self._asked.put(None)
        await asyncio.to_thread(self._thread.join)

    def submit(self, moves: Sequence[Move]) -> "asyncio.Future[list[bool]]":
        """Return a future of which of *moves* were made: committed, and on the disk.

        A move is not made when its payout does not stand any more where the move begins.  Raises LedgerError there.
        """
        done: asyncio.Future[list[bool]] = self._loop.create_future()
        self._asked.put(_Moves(moves, done))
        return done

    def submit_alike(self, steps: Sequence[Alike]) -> "asyncio.Future[list[list[bool]]]":
        """Return a future of which payouts of each of *steps* took it, as `submit` does for moves."""
        return self._ask(lambda: self._step(steps))

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """Return what *work* returns, in a transaction of its own; an exception undoes it."""
        return cast(T, await self._ask(lambda: self.database.write(work)))

    def submit_work(self, work: Callable[[Connection], object]) -> None:
        """Have *work* done in a transaction of its own, without waiting."""
        self._ask(lambda: self.database.write(work))

    def _ask(self, work: Callable[[], Any]) -> "asyncio.Future[Any]":
        done: asyncio.Future[Any] = self._loop.create_future()
        self._asked.put(_Work(work, done))
        return done

    async def transact_in_steps(self, work: Callable[[Connection], Iterator[None]]) -> None:
        """Do *work* in a transaction of its own, which is undone between two of its steps when the asker is cancelled.

        He goes when that is done: whatever *work* reads may be gone with him.
        """
        gone = Event()

        def go_on(connection: Connection) -> None:
            for _ in work(connection):
                if gone.is_set():
                    raise _Gone

        writing = asyncio.ensure_future(self.transact(go_on))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            gone.set()
            await asyncio.gather(writing, return_exceptions=True)
            raise

    # --- in the thread ---

    def _run(self) -> None:
        waiting: deque[_Moves | _Work | None] = deque()
        while True:
            if not waiting:
                waiting.append(self._asked.get())
            while not self._asked.empty():
                waiting.append(self._asked.get())
            first = waiting.popleft()
            if first is None:
                return
            self._do(first if isinstance(first, _Work) else [first, *_more(waiting, len(first.moves))])

    def _do(self, batch: _Work | list[_Moves]) -> None:
        results: list[Any]
        asked = [batch] if isinstance(batch, _Work) else batch
        try:
            with in_our_words():
                results = [batch.work()] if isinstance(batch, _Work) else self._write(batch)
        except Exception as error:  # noqa: BLE001  # whoever asked for it gets it
            results = [error] * len(asked)
        self._loop.call_soon_threadsafe(_resolve, asked, results)

    def _write(self, batch: list[_Moves]) -> list[list[bool]]:
        moves = [move for one in batch for move in one.moves]
        made = self.database.write(lambda connection: self._all(connection, moves))
        if made is None:
            made = self.database.write(lambda connection: self._each(connection, moves))
        flags = iter(made)
        return [[next(flags) for _ in one.moves] for one in batch]

    def _step(self, steps: Sequence[Alike]) -> list[list[bool]]:
        if self.database.write(lambda connection: _all_alike(connection, steps)):
            return [[True] * len(one.rows) for one in steps]
        return self.database.write(lambda connection: [move_each(connection, one) for one in steps])

    def _all(self, connection: Connection, moves: list[Move]) -> list[bool] | None:
        """Make every move at once; None, with nothing made, when one of them cannot be."""
        if self._moves.make(connection, moves):
            return [True] * len(moves)
        connection.rollback()
        return None

    def _each(self, connection: Connection, moves: list[Move]) -> list[bool]:
        return [self._moves.make(connection, [one]) for one in moves]


def _all_alike(connection: Connection, steps: Sequence[Alike]) -> bool:
    """Take every step with all payouts; False, with nothing done, when one of them cannot."""
    if all(move_alike(connection, one) for one in steps):
        return True
    connection.rollback()
    return False


def _more(waiting: "deque[_Moves | _Work | None]", size: int) -> Iterator[_Moves]:
    """Take the moves that share the transaction of *size* others."""
    while waiting and isinstance(one := waiting[0], _Moves) and size + len(one.moves) <= _LIMIT:
        size += len(one.moves)
        waiting.popleft()
        yield one


def _resolve(batch: "Sequence[_Moves | _Work]", results: Sequence[Any]) -> None:
    """Tell everybody in *batch* who has not gone away."""
    for one, result in zip(batch, results, strict=True):
        if one.done.done():
            continue
        if isinstance(result, Exception):
            one.done.set_exception(result)
            # Whoever submitted may be gone: looked at, so that the loop does not complain.
            one.done.exception()
        else:
            one.done.set_result(result)
