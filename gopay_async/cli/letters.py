"""The inbox from outside: what it set aside.  Needs the database libraries, and is imported only with them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from ..webhooks.database import open_engine
from ..webhooks.inbox import DeadLetter, Inbox


async def dead(database: str) -> list[DeadLetter]:
    """Return what was set aside."""
    async with _opened(database) as inbox:
        return await inbox.dead()


async def redrive(database: str, ids: Sequence[int]) -> int:
    """Bring back those with these *ids*, all of them without any; return how many."""
    async with _opened(database) as inbox:
        return await inbox.redrive(*ids)


@asynccontextmanager
async def _opened(database: str) -> AsyncIterator[Inbox]:
    engine = open_engine(database)
    try:
        yield Inbox(engine)
    finally:
        await engine.dispose()
