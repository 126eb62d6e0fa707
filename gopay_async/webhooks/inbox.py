"""Store first, acknowledge, handle later: the durable inbox in SQLite or PostgreSQL.  Knows no HTTP."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from attrs import frozen
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Row, Update, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ..api import LinkingNotification, Notification, PayoutNotification
from ..errors import ConfigurationError, StoreFailed
from ..models import parse_time
from .database import INBOX, begun, insert, now
from .handling import Handler, attempted
from .observing import log
from .replay import identity_key
from .typed import build, kind_of, read

#: Waits before the second attempt, the third, ...; after the last one the notification is set aside.
DELAYS: Final = tuple(timedelta(seconds=one) for one in (5, 30, 120, 600, 1800, 3600, 7200))


@frozen
class DeadLetter:
    """A notification that was set aside after its last attempt; `Inbox.redrive` brings it back."""

    id: int
    kind: str
    attempts: int
    #: The name of the exception that the last attempt ended with.
    problem: str
    received: datetime
    external_id: str


class Inbox:
    """Give it to `NotificationApp` as the handler, and run `work` or `worker` in this process or in another one.

    *seal* is one Fernet key, or several of which the first one seals: with it, bodies are stored encrypted.  Without
    it, kinds that hold a customer's token are refused when the application is made.  *lease* is how long an attempt
    stays claimed when its process dies, *limit* how long the handler may take, both in seconds; *delays* are the waits
    before the repeats.  An event is stored once, whatever the number of its deliveries, and remembered for good; its
    body is dropped once it is handled.  A handler may see an event twice after a crash: see `first_time`.
    """

    is_durable = True

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        seal: str | bytes | Sequence[str | bytes] = (),
        lease: float = 60.0,
        limit: float = 30.0,
        delays: Sequence[timedelta] = DELAYS,
    ) -> None:
        if not 0 < limit < lease:
            raise ConfigurationError("limit must be above zero and below the lease: else two could handle it")
        self._engine = engine
        self._fernet = _fernet(seal)
        self._lease = lease
        self._limit = limit
        self._delays = tuple(one.total_seconds() for one in delays)
        self._arrived = asyncio.Event()

    def check_kind(self, kind: type[Notification] | None) -> None:
        """Raise ConfigurationError for a kind that may hold a customer's token, where there is no key to seal it."""
        if self._fernet is None and (kind is None or issubclass(kind, LinkingNotification)):
            raise ConfigurationError(
                "linking notifications hold the customer's token, which must not be stored in clear: give Inbox a seal "
                "(Fernet.generate_key())"
            )

    async def __call__(self, notification: Notification) -> None:
        """Store *notification*; when this returns, it may be acknowledged.  Raises StoreFailed."""
        async with begun(self._engine) as connection:
            await self.put(connection, notification)
        self._arrived.set()

    async def put(self, connection: AsyncConnection, notification: Notification) -> None:
        """Store *notification* in the user's own transaction; an event that is there already stays as it is."""
        self.check_kind(_expected(notification.path, unsigned=notification.timestamp is None))
        at = now(connection)
        row = {
            **_facts(notification),
            "state": "waiting",
            "attempts": 0,
            "fence": 0,
            "due": at,
            "received": at,
            "problem": "",
            "sealed": self._fernet is not None,
            "body": self._fernet.encrypt(notification.body) if self._fernet else notification.body,
        }
        await connection.execute(insert(connection, INBOX).values(row).on_conflict_do_nothing())

    async def work(self, handler: Handler) -> int:
        """Handle what is due, one after the other, until nothing is; return how many attempts that were."""
        done = 0
        while (row := await self._next()) is not None:
            await self._attempt(row, handler)
            done += 1
        return done

    @asynccontextmanager
    async def worker(self, handler: Handler, *, concurrency: int = 4, poll: float = 1.0) -> AsyncIterator[None]:
        """Handle what arrives, looking every *poll* seconds for what other processes stored; then finish what runs."""
        stop = asyncio.Event()
        tasks = [asyncio.create_task(self._loop(handler, stop, poll)) for _ in range(concurrency)]
        try:
            yield
        finally:
            stop.set()
            self._arrived.set()
            await asyncio.gather(*tasks)

    async def dead(self) -> list[DeadLetter]:
        """Return what was set aside, oldest first."""
        query = select(INBOX).where(INBOX.c.state == "dead").order_by(INBOX.c.id)
        async with begun(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return [
            DeadLetter(
                one.id, one.kind, one.attempts, one.problem, datetime.fromtimestamp(one.received, UTC), one.external_id
            )
            for one in rows
        ]

    async def redrive(self, *ids: int) -> int:
        """Bring back the dead letters with these ids, all of them without any; return how many."""
        chosen = (INBOX.c.state == "dead", *((INBOX.c.id.in_(ids),) if ids else ()))
        async with begun(self._engine) as connection:
            back = update(INBOX).where(*chosen).values(state="waiting", attempts=0, until=None, due=now(connection))
            count = (await connection.execute(back)).rowcount
        self._arrived.set()
        return count

    async def waiting(self) -> int:
        """Return how many are not handled yet, dead letters aside."""
        async with begun(self._engine) as connection:
            query = select(func.count()).select_from(INBOX).where(INBOX.c.state == "waiting")
            return int((await connection.execute(query)).scalar_one())

    async def _loop(self, handler: Handler, stop: asyncio.Event, poll: float) -> None:
        while not stop.is_set():
            self._arrived.clear()
            try:
                await self.work(handler)
            except StoreFailed as error:
                log.error("the inbox failed (%s)", error.detail)
            try:
                async with asyncio.timeout(poll):
                    await self._arrived.wait()
            except TimeoutError:
                continue

    async def _next(self) -> Row[Any] | None:
        """Claim what has been due for longest, and count the attempt before it is made: it may kill the process."""
        async with begun(self._engine) as connection:
            at = now(connection)
            free = and_(INBOX.c.state == "waiting", or_(INBOX.c.until.is_(None), INBOX.c.until <= at))
            spent = free & (INBOX.c.attempts > len(self._delays))
            await connection.execute(update(INBOX).where(spent).values(state="dead", problem="died with the process"))
            first = select(INBOX.c.id).where(free, INBOX.c.due <= at).order_by(INBOX.c.due).limit(1)
            taken = (
                update(INBOX)
                .where(INBOX.c.id == first.with_for_update(skip_locked=True).scalar_subquery())
                .values(attempts=INBOX.c.attempts + 1, fence=INBOX.c.fence + 1, until=at + self._lease)
                .returning(*INBOX.c)
            )
            return (await connection.execute(taken)).first()

    async def _attempt(self, row: Row[Any], handler: Handler) -> None:
        try:
            await attempted(handler, self._restored(row), self._limit)
        except Exception as error:  # noqa: BLE001  # whatever a handler raises: it is tried again, or set aside
            await self._failed(row, type(error).__name__)
        else:
            await self._end(row, state="done", until=None, body=b"", sealed=False)
            log.info("%s %s handled from the inbox, attempt %d", row.kind, row.external_id, row.attempts)

    async def _failed(self, row: Row[Any], problem: str) -> None:
        if row.attempts > len(self._delays):
            log.error("%s %s set aside after %d attempts: %s", row.kind, row.external_id, row.attempts, problem)
            await self._end(row, state="dead", until=None, problem=problem[:100])
            return
        log.warning("%s %s failed in attempt %d: %s", row.kind, row.external_id, row.attempts, problem)
        async with begun(self._engine) as connection:
            due = now(connection) + self._delays[row.attempts - 1]
            await connection.execute(_ours(row).values(until=None, due=due, problem=problem[:100]))

    async def _end(self, row: Row[Any], **values: object) -> None:
        async with begun(self._engine) as connection:
            await connection.execute(_ours(row).values(values))

    def _restored(self, row: Row[Any]) -> Notification:
        body = self._opened(row)
        return build(
            _expected(row.path, unsigned=not row.signed_at),
            read(body),
            body=body,
            external_id=row.external_id,
            partner_id=row.partner_id,
            timestamp=parse_time(row.signed_at) if row.signed_at else None,
            path=row.path,
            key=row.key_label,
        )

    def _opened(self, row: Row[Any]) -> bytes:
        if not row.sealed:
            return bytes(row.body)
        if self._fernet is None:
            raise ConfigurationError("the body is sealed: give Inbox the seal it was stored with")
        try:
            return self._fernet.decrypt(row.body)
        except InvalidToken:
            raise ConfigurationError("the body was sealed with another key: give Inbox the old seal too") from None


def _fernet(seal: str | bytes | Sequence[str | bytes]) -> MultiFernet | None:
    keys = [seal] if isinstance(seal, str | bytes) else list(seal)
    try:
        return MultiFernet([Fernet(one) for one in keys]) if keys else None
    except ValueError:
        problem = "the seal is no Fernet key: make one with Fernet.generate_key()"
    raise ConfigurationError(problem)


def _facts(notification: Notification) -> dict[str, object]:
    at = notification.timestamp
    return {
        "key": identity_key(notification),
        "kind": notification.kind,
        "external_id": notification.external_id[:200],
        "partner_id": notification.partner_id[:200],
        "signed_at": at.isoformat() if at else "",
        "path": notification.path[:200],
        "key_label": notification.key[:100],
    }


def _expected(path: str, *, unsigned: bool) -> type[Notification] | None:
    """Return the kind that the verifier expected: only payouts carry no time."""
    return PayoutNotification if unsigned else kind_of(path)


def _ours(row: Row[Any]) -> Update:
    return update(INBOX).where(INBOX.c.id == row.id, INBOX.c.fence == row.fence, INBOX.c.state == "waiting")
