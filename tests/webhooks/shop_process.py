"""A receiving process that a test kills: it handles in a database, says how far it is, and waits to be killed.

`python -m tests.webhooks.shop_process URL PORT WHERE`, where WHERE is before, between or never.
"""

import asyncio
import os
import sys
from typing import Any

import uvicorn
from sqlalchemy import text

from gopay_async.webhooks import DebitNotification, NotificationApp, NotificationVerifier
from gopay_async.webhooks.database import open_engine
from gopay_async.webhooks.sql import SqlReplayStore


def main(url: str, port: int, where: str) -> None:
    engine = open_engine(url)

    async def handler(given: DebitNotification) -> None:
        if where == "before":
            await killed()
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO handled VALUES (:no)"), {"no": given.original_reference_no})

    store = SqlReplayStore(engine) if where != "between" else Dying(engine)
    verifier = NotificationVerifier(os.environ["GOPAY_NOTIFICATION_KEY"])
    # The lease is short, so that the test need not wait for it.
    app = NotificationApp(verifier, handler, store=store, lease=1.0, handler_timeout=0.9, patience=0.2)
    uvicorn.run(app, port=port, log_level="error", lifespan="off")


class Dying(SqlReplayStore):
    """Is killed when it is about to commit."""

    async def commit(self, claim: Any) -> bool:
        await killed()
        return False


async def killed() -> None:
    sys.stdout.write("here\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
