"""The ledger: what was intended, what was tried, what came of it.  Decides nothing and knows no network."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import datetime, timedelta
from json import loads
from pathlib import Path
from typing import Any, Final

from attrs import define, field
from sqlalchemy import Row, Select, Text, and_, bindparam, func, or_, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from ..api import PayoutNotification
from ..clock import Clock, SystemClock
from ..errors import JobRefused
from .database import Database, connect, is_empty, look_for_damage, set_up
from .lock import exclusive
from .plan import State
from .records import PAYEE, STANDING, Account, Alike, Happened, Job, Move, Payout, job_of, payout_of
from .schema import accounts, events, jobs, microseconds, moment_of, notices, payouts, proofs
from .writer import Writer

#: Payouts of a job by state: their number, and their sum in hundredths of a rupiah.
Counts = dict[State, tuple[int, int]]
_JOBS: Final = select(jobs, accounts.c.environment, accounts.c.client_id).join(accounts)
#: References that are looked up in one statement.
_AT_ONCE: Final = 500


#: Payouts as `payout_of` reads them; where they stand is a text within the text, for few stand differently.
_PAYOUTS: Final = select(*PAYEE, func.json_array(*STANDING, type_=Text).concat("").label("standing"))


def _as_text(query: "Select[*tuple[Any, ...]]") -> "Select[str]":
    # As one text, taken apart here: of rows, the thread would have to wait for each until the loop pauses.
    rows = query.subquery()
    return select(func.json_group_array(func.json_array(*rows.c))).select_from(rows)


# What a run asks for all the time, made once: to build such a query takes longer than to answer it.
_OF_JOB: Final = _PAYOUTS.where(payouts.c.job == bindparam("job")).limit(bindparam("most"))
_IN_STATE: Final = _as_text(
    _OF_JOB.where(payouts.c.state == bindparam("standing"), payouts.c.id > bindparam("after")).order_by(payouts.c.id)
)
_ARE_DUE: Final = _OF_JOB.where(payouts.c.ask_at <= bindparam("by")).order_by(payouts.c.ask_at)
_DUE: Final = _as_text(_ARE_DUE)
_DUE_ACCEPTED: Final = _as_text(_ARE_DUE.where(payouts.c.state == State.ACCEPTED.value))


@asynccontextmanager
async def open_ledger(path: Path | str, *, clock: Clock | None = None, create: bool = True) -> "AsyncIterator[Ledger]":
    """Open the ledger at *path* while the context lasts; make one where there is none unless *create* is False.

    Raises LedgerError and its kinds.
    """
    where = Path(path)
    database = connect(where, create=create)
    writer = Writer(database)
    try:
        if create:
            await writer.transact(set_up)
        await database.read(is_empty)
        yield Ledger(where, clock or SystemClock(), database, writer)
    finally:
        await writer.aclose()
        database.close()


@define
class Ledger:
    """One SQLite file with jobs, payouts, and everything that happened to them; made by `open_ledger`."""

    path: Path
    clock: Clock
    _database: Database = field(repr=False)
    _writer: Writer = field(repr=False)

    def lock(self, purpose: str) -> AbstractContextManager[None]:
        """Return the lock that whoever sends, settles or asks must hold; LedgerBusy names its holder."""
        return exclusive(self.path, purpose=purpose, at=self.clock.now())

    async def check(self) -> None:
        """Raise LedgerCorrupt where the file is damaged."""
        await self._database.read(look_for_damage)

    async def _read(self, query: "Select[*tuple[Any, ...]]", **given: Any) -> "Sequence[Row[*tuple[Any, ...]]]":
        return await self._database.read(lambda connection: connection.execute(query, given).fetchall())

    async def _payouts(self, query: "Select[*tuple[Any, ...]]") -> list[Payout]:
        return await self._payouts_in(_as_text(query))

    async def _payouts_in(self, text: "Select[str]", **given: Any) -> list[Payout]:
        return [payout_of(row) for row in loads((await self._read(text, **given))[0][0])]

    # --- jobs ---

    async def jobs(self) -> list[Job]:
        """Return all jobs, the newest first."""
        return [job_of(_named(row)) for row in await self._read(_JOBS.order_by(jobs.c.imported_at.desc()))]

    async def find_job(self, key: str) -> Job | None:
        """Return the job whose id begins with *key*, or whose name is *key*; None when there is none.

        Raises JobRefused when several jobs fit.
        """
        fits = or_(jobs.c.id.startswith(key.lower(), autoescape=True), jobs.c.name == key)
        found = await self._read(_JOBS.where(fits).limit(2))
        if len(found) > 1:
            raise JobRefused(f"{key!r} fits several jobs: write more of the id.")
        return job_of(_named(found[0])) if found else None

    async def job(self, key: str) -> Job:
        """Return the job whose id begins with *key*, or whose name is *key*; JobRefused when there is not one."""
        found = await self.find_job(key) if key else None
        if found is None:
            raise JobRefused(f"There is no job {key!r} in {self.path}.")
        return found

    async def is_taken(self, name: str) -> bool:
        """Whether a job has this *name*."""
        return bool(await self._read(select(jobs.c.id).where(jobs.c.name == name).limit(1)))

    async def counts(self, job: str) -> Counts:
        """Return number and sum of the payouts of *job* in each state."""
        query = select(payouts.c.state, func.count(), func.sum(payouts.c.amount))
        found = await self._read(query.where(payouts.c.job == job).group_by(payouts.c.state))
        return {State(state): (number, int(total)) for state, number, total in found}

    async def pause(self, job: str, reason: str) -> None:
        """Note why *job* waits for a person; an empty *reason* lets it go on."""
        await self._writer.transact(_job_update(job, paused=reason))

    async def distrust(self, job: str, reason: str) -> None:
        """Note that *job* sends nothing again by itself, because its inquiry was wrong."""
        await self._writer.transact(_job_update(job, distrust=reason))

    def submit_distrust(self, job: str, reason: str) -> None:
        """Have it noted soon, and not later than the ledger is closed."""
        self._writer.submit_work(_job_update(job, distrust=reason))

    async def import_job(
        self,
        pages: Iterable[Sequence[Mapping[str, Any]]],
        *,
        digest: str,
        name: str,
        account: Account,
        rows: int,
        total: int,
    ) -> Job:
        """Write a job with all its payouts, or nothing at all.

        Raises JobRefused when one of the references is already known.
        """
        now = microseconds(self.clock.now())

        def work(connection: Connection) -> Iterator[None]:
            number = _account_id(connection, account)
            head = {"id": digest, "name": name, "account": number, "imported_at": now, "rows": rows, "total": total}
            connection.execute(jobs.insert(), head)
            for page in pages:
                fixed = {"job": digest, "account": number, "imported_at": now, **_FRESH}
                connection.execute(payouts.insert(), [{**fixed, **row} for row in page])
                yield

        try:
            await self._writer.transact_in_steps(work)
        except Exception as error:
            if isinstance(error.__cause__, IntegrityError):
                raise JobRefused(
                    "A reference of this job has just become known to the ledger; check it again."
                ) from error
            raise
        return await self.job(digest)

    async def known(self, account: Account, references: Sequence[str]) -> list[Payout]:
        """Return the payouts of *account* that have one of *references*, of whatever job."""
        query = _PAYOUTS.join(accounts).where(_of(account))
        found: list[Payout] = []
        for start in range(0, len(references), _AT_ONCE):
            some = references[start : start + _AT_ONCE]
            found += await self._payouts(query.where(payouts.c.reference.in_(some)))
        return found

    async def paid_lately(
        self, account: Account, payees: Sequence[tuple[str, int]], *, since: datetime
    ) -> set[tuple[str, int]]:
        """Return which of *payees*, number and amount, stand in a job imported after *since*."""
        query = select(payouts.c.number, payouts.c.amount).join(accounts).where(_of(account))
        query = query.where(payouts.c.imported_at >= microseconds(since))
        found: set[tuple[str, int]] = set()
        for start in range(0, len(payees), _AT_ONCE):
            numbers = {number for number, _ in payees[start : start + _AT_ONCE]}
            found |= {(one, amount) for one, amount in await self._read(query.where(payouts.c.number.in_(numbers)))}
        return found & set(payees)

    # --- payouts ---

    async def planned(self, job: str, *, after: int, limit: int) -> list[Payout]:
        """Return payouts of *job* that wait to be sent, in their order, those after the one numbered *after*."""
        return await self._in_state(job, State.PLANNED, after, limit)

    async def in_flight(self, job: str, *, after: int = 0, limit: int = 500) -> list[Payout]:
        """Return payouts of *job* that stand in `sending`: when nobody runs it, their process is gone."""
        return await self._in_state(job, State.SENDING, after, limit)

    async def _in_state(self, job: str, state: State, after: int, limit: int) -> list[Payout]:
        return await self._payouts_in(_IN_STATE, job=job, standing=state.value, after=after, most=limit)

    async def due(self, job: str, *, by: datetime, limit: int, accepted_only: bool = False) -> list[Payout]:
        """Return payouts of *job* whose next inquiry is due, the longest waiting first."""
        which = _DUE_ACCEPTED if accepted_only else _DUE
        return await self._payouts_in(which, job=job, by=microseconds(by), most=limit)

    async def next_due(self, job: str) -> datetime | None:
        """Return when the next inquiry of *job* is due."""
        query = select(func.min(payouts.c.ask_at)).where(payouts.c.job == job, payouts.c.ask_at.is_not(None))
        (first,) = (await self._read(query))[0]
        return None if first is None else moment_of(first)

    async def rows(
        self, job: str, *, after: int = 0, limit: int = 500, states: Iterable[State] = State
    ) -> list[Payout]:
        """Return payouts of *job* in their order, those after the one numbered *after*."""
        query = _PAYOUTS.where(payouts.c.job == job, payouts.c.id > after)
        query = query.where(payouts.c.state.in_([one.value for one in states]))
        return await self._payouts(query.order_by(payouts.c.id).limit(limit))

    async def row(self, job: str, key: str) -> Payout:
        """Return the payout of *job* with the reference *key*, or in line *key*; JobRefused when there is none."""
        fits = payouts.c.reference == key
        found = await self._payouts(_PAYOUTS.where(payouts.c.job == job, fits))
        if not found and key.isdecimal() and len(key) < 16:
            found = await self._payouts(_PAYOUTS.where(payouts.c.job == job, payouts.c.line == int(key)))
        if not found:
            raise JobRefused(f"There is no row {key!r} in job {job[:12]}: give its reference, or its line.")
        return found[0]

    async def payout(self, number: int) -> Payout:
        """Return the payout numbered *number* as it stands now."""
        return (await self._payouts(_PAYOUTS.where(payouts.c.id == number)))[0]

    async def move(self, moves: Sequence[Move]) -> list[bool]:
        """Return which of *moves* were made, committed and on the disk; the others found their payout elsewhere."""
        return await self._writer.submit(moves)

    def submit(self, moves: Sequence[Move]) -> None:
        """Have *moves* written soon, and not later than the ledger is closed."""
        self._writer.submit(moves)

    async def move_alike(self, steps: Sequence[Alike]) -> list[list[bool]]:
        """Return which payouts of each of *steps* took it, committed and on the disk; as `move` does, but cheaper."""
        return await self._writer.submit_alike(steps)

    def submit_alike(self, steps: Sequence[Alike]) -> None:
        """Have *steps* written soon, and not later than the ledger is closed."""
        self._writer.submit_alike(steps)

    async def history(self, payout: int) -> list[Happened]:
        """Return everything that happened to *payout*, in its order."""
        found = await self._read(select(events).where(events.c.payout == payout).order_by(events.c.id))
        return [_happened(_named(row)) for row in found]

    async def last_event_at(self) -> datetime | None:
        """Return the latest time that stands anywhere in the ledger."""
        found = [
            *(await self._read(select(events.c.at).order_by(events.c.id.desc()).limit(1))),
            *(await self._read(select(func.max(jobs.c.imported_at)))),
        ]
        times = [one for (one,) in found if one is not None]
        return moment_of(max(times)) if times else None

    # --- the inquiry's proof ---

    async def is_proved(self, job: Job, contract: str) -> bool:
        """Whether the inquiry *contract* has found an accepted payout of the job's account."""
        query = select(proofs.c.at).where(proofs.c.account == job.account_id, proofs.c.contract == contract)
        return bool(await self._read(query))

    async def prove(self, job: Job, contract: str, payout: int) -> None:
        """Note that the inquiry *contract* has found the accepted *payout*; the first one stays."""
        values = {"account": job.account_id, "contract": contract, "payout": payout}
        known = select(proofs.c.at).where(proofs.c.account == job.account_id, proofs.c.contract == contract)

        def work(connection: Connection) -> None:
            if not (connection.execute(known)).first():
                connection.execute(proofs.insert(), {**values, "at": microseconds(self.clock.now())})

        await self._writer.transact(work)

    # --- notifications ---

    async def receive(self, notification: PayoutNotification, account: Account) -> bool:
        """Store a verified payout notification; False when it is a repeat.  Any process may, while another one runs.

        Whoever runs the job applies it within seconds; where nobody does, the next run or reconciliation.
        """
        found = {
            "identity": "\x1f".join(notification.identity),
            "body": notification.body.decode(),
            "reference": notification.partner_reference_no or "",
            "received_at": microseconds(self.clock.now()),
        }

        def work(connection: Connection) -> bool:
            number = _account_id(connection, account)
            same = select(notices.c.id).where(notices.c.account == number, notices.c.identity == found["identity"])
            if connection.execute(same).first():
                return False
            connection.execute(notices.insert(), {**found, "account": number})
            return True

        return await self._writer.transact(work)

    async def unread(self, account: Account, *, limit: int = 500) -> list[tuple[int, str, str]]:
        """Return number, reference and body of notifications that nobody has applied yet, oldest first."""
        query = select(notices.c.id, notices.c.reference, notices.c.body).join(accounts)
        query = query.where(_of(account), notices.c.applied_at.is_(None)).order_by(notices.c.id).limit(limit)
        return [(number, reference, body) for number, reference, body in await self._read(query)]

    async def applied(self, notice: int, payout: int | None, effect: str) -> None:
        """Note what came of a notification."""
        values = {"applied_at": microseconds(self.clock.now()), "payout": payout, "effect": effect}
        statement = notices.update().where(notices.c.id == notice).values(**values)
        await self._writer.transact(lambda connection: connection.execute(statement))

    async def strays(
        self, account: Account, *, since: datetime, after: int = 0, limit: int = 500
    ) -> list[tuple[int, str]]:
        """Return number and body of notifications about no payout of this ledger that came after *since*."""
        query = select(notices.c.id, notices.c.body).join(accounts).where(_of(account), notices.c.id > after)
        query = query.where(notices.c.payout.is_(None), notices.c.applied_at.is_not(None))
        query = query.where(notices.c.received_at >= microseconds(since)).order_by(notices.c.id).limit(limit)
        return [(number, body) for number, body in await self._read(query)]

    async def notices_of(self, payout: int) -> list[tuple[str, str]]:
        """Return body and effect of the notifications about *payout*, oldest first."""
        query = select(notices.c.body, notices.c.effect).where(notices.c.payout == payout).order_by(notices.c.id)
        return [(body, effect) for body, effect in await self._read(query)]

    # --- the report ---

    async def timeline(self, job: str, *, steps: int) -> list[tuple[datetime, State, State, int]]:
        """Return how many payouts of *job* went from which state to which, in at most *steps* equal spans of time."""
        mine = events.c.payout.in_(select(payouts.c.id).where(payouts.c.job == job))
        ((first, last),) = await self._read(select(func.min(events.c.at), func.max(events.c.at)).where(mine))
        if first is None:
            return []
        span = max((last - first) // steps + 1, 1)
        step = (events.c.at - first) // span
        query = select(step.label("step"), events.c.before, events.c.state, func.count())
        moved = and_(mine, events.c.before != events.c.state)
        found = await self._read(query.where(moved).group_by("step", events.c.before, events.c.state).order_by("step"))
        return [(moment_of(first + int(at) * span), State(a), State(b), number) for at, a, b, number in found]


#: What a payout is before anything has happened to it.
_FRESH: Final = {
    "state": State.PLANNED.value,
    "attempt": 0,
    "resends": 0,
    "reach": 0,
    "external_id": "",
    "sent_by": "",
    "accepted": False,
    "reference_no": "",
    "asked": 0,
    "reason": "",
}
#: Age beyond which the same number and amount is no reason to ask again.
LATELY: Final = timedelta(days=7)


def _of(account: Account) -> Any:
    return and_(accounts.c.environment == account.environment, accounts.c.client_id == account.client_id)


def _account_id(connection: Connection, account: Account) -> int:
    found = connection.execute(select(accounts.c.id).where(_of(account))).scalar()
    if found is not None:
        return int(found)
    values = {"environment": account.environment, "client_id": account.client_id}
    made = connection.execute(accounts.insert().values(**values))
    return int(made.inserted_primary_key[0])  # type: ignore[index]  # a table with one key has one


def _named(row: "Row[*tuple[Any, ...]]") -> dict[str, Any]:
    return row._asdict()  # public in SQLAlchemy, underscored so that columns may have any name


def _happened(row: Mapping[str, Any]) -> Happened:
    names = ("kind", "attempt", "external_id", "http_status", "code", "outcome", "said", "before", "state")
    return Happened(at=moment_of(row["at"]), **{name: row[name] for name in names})


def _job_update(job: str, **values: str) -> Callable[[Connection], object]:
    statement = jobs.update().where(jobs.c.id == job).values(**values)
    return lambda connection: connection.execute(statement)
