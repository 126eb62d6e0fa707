"""Replay protection in SQLite and PostgreSQL, also inside the user's own transaction.  Knows no handler."""

from datetime import timedelta

from sqlalchemy import CursorResult, Update, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ..api import Notification
from .database import CLAIMS, EFFECTS, begun, insert, now
from .replay import Claim, Standing, identity_key


class SqlReplayStore:
    """For any number of processes that share a database; the *engine* is the user's, its tables `create_tables`'.

    *keeps* is how long a handled event is remembered, where it is not for good.
    """

    def __init__(self, engine: AsyncEngine, *, keeps: timedelta = timedelta(days=30)) -> None:
        self._engine = engine
        self.keeps: timedelta | None = keeps
        self._seconds = keeps.total_seconds()

    async def claim(self, key: str, *, lease: timedelta, for_good: bool = False) -> Claim | Standing:
        """Return the claim, or why there is none."""
        async with begun(self._engine) as connection:
            fence = await self._take(connection, key, lease.total_seconds(), for_good=for_good)
            if fence is not None:
                return Claim(key, fence, for_good)
            found = await connection.execute(select(CLAIMS.c.until).where(CLAIMS.c.key == key))
            row = found.first()
        return Standing.HANDLED if row is not None and row.until is None else Standing.BUSY

    async def commit(self, claim: Claim) -> bool:
        """Mark the event as handled, where the claim is still ours."""
        async with begun(self._engine) as connection:
            forget = None if claim.for_good else now(connection) + self._seconds
            done = await connection.execute(_ours(claim).values(until=None, forget=forget))
        return _changed(done)

    async def release(self, claim: Claim) -> None:
        """Give the claim back, where it is still ours."""
        async with begun(self._engine) as connection:
            # The row stays with its fence: who lost the lease before must not commit with a number that comes again.
            await connection.execute(_ours(claim).values(until=0.0))

    async def purge(self) -> int:
        """Delete what may be forgotten, and return how many rows that were; once a day is often enough."""
        async with begun(self._engine) as connection:
            gone = await connection.execute(delete(CLAIMS).where(CLAIMS.c.forget <= now(connection)))
        return gone.rowcount

    async def _take(self, connection: AsyncConnection, key: str, lease: float, *, for_good: bool) -> int | None:
        """Insert the claim, or take over one whose lease has run out; return its fence, None where it is not free."""
        at = now(connection)
        until = at + lease
        forget = None if for_good else until + self._seconds
        free = or_(and_(CLAIMS.c.until.is_not(None), CLAIMS.c.until <= at), CLAIMS.c.forget <= at)
        statement = (
            insert(connection, CLAIMS)
            .values(key=key, fence=1, until=until, forget=forget)
            .on_conflict_do_update(
                index_elements=[CLAIMS.c.key],
                set_={"fence": CLAIMS.c.fence + 1, "until": until, "forget": forget},
                where=free,
            )
            .returning(CLAIMS.c.fence)
        )
        row = (await connection.execute(statement)).first()
        return None if row is None else int(row.fence)


async def first_time(connection: AsyncConnection, notification: Notification) -> bool:
    """Return True in exactly one transaction that commits: whatever else it changes happens exactly once in effect.

    *connection* is the user's own, in a transaction.  A second delivery waits on PostgreSQL for the first transaction,
    and gets its turn when that one rolls back.  The table is `gopay_effects`; its rows are kept for good.
    """
    statement = (
        insert(connection, EFFECTS)
        .values(key=identity_key(notification), at=now(connection))
        .on_conflict_do_nothing()
        .returning(EFFECTS.c.key)
    )
    return (await connection.execute(statement)).first() is not None


def _ours(claim: Claim) -> Update:
    return update(CLAIMS).where(CLAIMS.c.key == claim.key, CLAIMS.c.fence == claim.fence, CLAIMS.c.until.is_not(None))


def _changed(done: CursorResult[object]) -> bool:
    return done.rowcount == 1
