"""The inbox from outside: what it set aside.  Needs the database libraries, and is imported only for its commands."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Final

import typer

from ..webhooks.database import open_engine
from ..webhooks.inbox import DeadLetter, Inbox

app: Final = typer.Typer(add_completion=False)

Database = Annotated[str, typer.Option("--database", envvar="GOPAY_DATABASE_URL", help="Where the inbox is.")]


@app.command("dead-letters")
def dead_letters(database: Database) -> None:
    """List the notifications that the inbox set aside."""
    found = asyncio.run(dead(database))
    for one in found:
        typer.echo(f"{one.id}\t{one.kind}\t{one.external_id}\t{one.attempts} attempts\t{one.problem}")
    typer.echo(f"{len(found)} set aside")


@app.command("redrive")
def bring_back(
    database: Database,
    ids: Annotated[list[int] | None, typer.Argument(help="Which ones; all of them when none is given.")] = None,
) -> None:
    """Bring back what the inbox set aside, so that it is tried again."""
    typer.echo(f"{asyncio.run(redrive(database, ids or []))} brought back")


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
