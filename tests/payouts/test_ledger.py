"""The ledger: what it refuses, what it keeps, and what it says when its file cannot be used."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from attrs import evolve
from sqlalchemy import event, text

from gopay_async.errors import (
    BadRows,
    JobRefused,
    LedgerBusy,
    LedgerCorrupt,
    LedgerFull,
    LedgerReadOnly,
)
from gopay_async.payouts import (
    Account,
    How,
    Job,
    Ledger,
    State,
    database,
    draft_of_rows,
    find_known,
    import_draft,
    open_ledger,
    submit,
)
from gopay_async.payouts.lock import lock_path
from gopay_async.payouts.plan import Claimed, Standing
from gopay_async.payouts.records import Happened, Move
from gopay_async.simulator import VirtualClock

from .facts import after, moment
from .world import World, some, stream, top_up, world


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


def claim(job: Job, payout, external_id: str = "1") -> Move:  # type: ignore[no-untyped-def]  # a payout
    then = after(evolve(payout.standing, imported_at=moment().at), Claimed(when=moment())).standing
    event = Happened(at=moment().at, kind="claimed", attempt=1, external_id=external_id)
    return Move(payout=payout.id, before=payout.standing, after=then, external_id=external_id, event=event)


# --- jobs ------------------------------------------------------------------------------------------------------------


async def test_a_job_is_found_by_the_beginning_of_its_id_and_by_its_name(here: World) -> None:
    job = await here.submit(some(2), name="march")

    assert await here.ledger.job(job.id[:6]) == await here.ledger.job("march") == job
    assert (job.rows, job.total, job.account) == (2, 2_000_300, here.account)


@pytest.mark.parametrize("key", ["", "nothing", "%", "_"])
async def test_a_job_that_is_not_there_is_refused(here: World, key: str) -> None:
    await here.submit(some(2))

    with pytest.raises(JobRefused, match="There is no job"):
        await here.ledger.job(key)


async def test_a_key_that_fits_two_jobs_is_refused(here: World) -> None:
    for one in range(17):
        await here.submit([top_up(f"pay-{one}")], name=f"job {one}")

    digits = [one.id[0] for one in await here.ledger.jobs()]
    common = max(digits, key=digits.count)

    with pytest.raises(JobRefused, match="several"):
        await here.ledger.find_job(common)


async def test_jobs_are_listed_newest_first(here: World) -> None:
    for one in range(3):
        await here.submit([top_up(f"pay-{one}")], name=f"job {one}")
        here.clock.advance(60)

    assert [one.name for one in await here.ledger.jobs()] == ["job 2", "job 1", "job 0"]


async def test_a_reference_is_unique_over_all_jobs_of_an_account(here: World) -> None:
    await here.submit(some(2), name="one")

    with pytest.raises(BadRows) as caught:
        await here.submit([top_up("pay-2", amount=5), top_up("pay-9")], name="two")

    (problem,) = caught.value.problems
    assert str(problem).startswith("line 1, partner_reference_no: pay-2 stands in job ")
    assert "where it is planned, with another customer_number, amount" in str(problem)


async def test_the_same_reference_in_another_environment_is_another_payout(here: World) -> None:
    await here.submit(some(2), name="one")
    there = Account("PRODUCTION", here.account.client_id)

    job = await submit(stream([top_up("pay-1"), top_up("pay-3")]), here.ledger, there, name="two", allow_repeats=True)

    assert job.rows == 2


async def test_known_rows_are_left_out_when_they_are_the_same(here: World) -> None:
    await here.submit(some(2), name="one")

    async with draft_of_rows(stream(some(3)), name="two") as draft:
        await find_known(draft, here.ledger, here.account, skip_known=True)
        job = await import_draft(draft, here.ledger, here.account, name="two")

    assert (job.rows, draft.left_out, job.total) == (1, 2, 1_000_300)


async def test_the_same_payee_and_amount_within_7_days_must_be_confirmed(here: World) -> None:
    await here.submit([top_up("one")], name="one")
    here.clock.advance(timedelta(days=6, hours=23))
    with pytest.raises(BadRows) as caught:
        await submit(stream([top_up("two")]), here.ledger, here.account, name="two")
    here.clock.advance(timedelta(hours=1))

    job = await submit(stream([top_up("two")]), here.ledger, here.account, name="two")

    assert "in a job of the last 7 days" in str(caught.value.problems[0])
    assert job.rows == 1


async def test_an_empty_job_is_refused(here: World) -> None:
    with pytest.raises(BadRows, match="no rows"):
        await here.submit([])


async def test_an_import_that_fails_leaves_nothing(here: World) -> None:
    rows = {"reference": "a", "number": "62", "name": "n", "amount": 1, "notes": "n", "email": None, "provider": "g"}
    pages = [[{**rows, "line": 1}], [{**rows, "line": 2}]]

    with pytest.raises(JobRefused, match="become known"):
        await here.ledger.import_job(pages, digest="d" * 64, name="x", account=here.account, rows=2, total=2)

    assert await here.ledger.jobs() == []
    assert await here.ledger.known(here.account, ["a"]) == []


# --- moves -----------------------------------------------------------------------------------------------------------


async def test_a_step_is_made_once_whoever_asks_for_it(here: World) -> None:
    job = await here.submit(some(1))
    payout = await here.only(job)

    made = await asyncio.gather(*(here.ledger.move([claim(job, payout, str(one))]) for one in range(5)))

    assert sorted(flag for (flag,) in made) == [False] * 4 + [True]
    assert len(await here.ledger.history(payout.id)) == 1


async def test_one_step_that_cannot_be_made_does_not_hinder_the_others(here: World) -> None:
    job = await here.submit(some(3))
    rows = await here.ledger.rows(job.id)
    await here.ledger.move([claim(job, rows[1])])

    made = await here.ledger.move([claim(job, one) for one in rows])

    assert made == [True, False, True]
    assert await here.ledger.counts(job.id) == {State.SENDING: (3, 3_000_600)}


async def test_a_row_is_found_by_reference_and_by_line(here: World) -> None:
    job = await here.submit([top_up("7"), top_up("b", amount=2)])

    assert ((await here.ledger.row(job.id, "7")).line, (await here.ledger.row(job.id, "2")).reference) == (1, "b")
    with pytest.raises(JobRefused, match="no row"):
        await here.ledger.row(job.id, "9")


async def test_a_new_payout_has_nothing_behind_it(here: World) -> None:
    job = await here.submit(some(1))

    payout = await here.only(job)

    assert payout.alike == Standing(state=State.PLANNED, amount=0, number="", imported_at=job.imported_at)
    assert (payout.external_id, await here.ledger.history(payout.id)) == ("", [])


async def test_rows_are_read_after_the_number_that_is_given(here: World) -> None:
    job = await here.submit(some(4))

    planned = await here.ledger.planned(job.id, after=1, limit=2)
    rows = await here.ledger.rows(job.id, after=3)

    assert ([one.id for one in planned], [one.id for one in rows]) == ([2, 3], [4])


async def test_the_timeline_counts_every_step(here: World) -> None:
    job = await here.submit(some(4))
    await here.run(job)

    steps = await here.ledger.timeline(job.id, steps=10)

    reached = {state: sum(number for _, _, then, number in steps if then is state) for state in State}
    assert reached == {**dict.fromkeys(State, 0), State.SENDING: 4, State.ACCEPTED: 4, State.PAID: 4}


async def test_the_timeline_says_when(tmp_path: Path) -> None:
    async with standing_still(tmp_path) as here:
        began = here.clock.now()
        job = await here.submit(some(2))
        assert await here.ledger.timeline(job.id, steps=10) == []
        await here.run(job, wait=timedelta(0))
        here.clock.advance(600)
        await here.run(job)

        assert await here.ledger.timeline(job.id, steps=10) == [
            (began, State.PLANNED, State.SENDING, 2),
            (began, State.SENDING, State.ACCEPTED, 2),
            # A tenth of ten minutes, and the microsecond that brings the last event into the last step.
            (began + 9 * timedelta(seconds=60, microseconds=1), State.ACCEPTED, State.PAID, 2),
        ]


async def test_what_happened_at_one_instant_is_one_step_of_the_timeline(tmp_path: Path) -> None:
    async with standing_still(tmp_path) as here:
        job = await here.submit(some(1))
        await here.run(job, wait=timedelta(0))

        assert [at for at, *_ in await here.ledger.timeline(job.id, steps=10)] == [here.clock.now()] * 2


async def test_the_latest_time_in_the_ledger_is_known(tmp_path: Path) -> None:
    async with standing_still(tmp_path) as here:
        empty = await here.ledger.last_event_at()
        job = await here.submit(some(1))
        imported = await here.ledger.last_event_at()
        here.clock.advance(60)
        await here.run(job, wait=timedelta(0))
        sent, now = await here.ledger.last_event_at(), here.clock.now()
        here.clock.advance(60)
        await here.submit([top_up("another")], name="another")

        assert (empty, imported, sent) == (None, job.imported_at, now)
        assert await here.ledger.last_event_at() == here.clock.now()


@asynccontextmanager
async def standing_still(folder: Path) -> AsyncIterator[World]:
    async with world(folder) as here:
        here.clock = here.ledger.clock = VirtualClock(here.clock.now())
        yield here


# --- what was paid lately, and what is proved ------------------------------------------------------------------------


async def test_a_payee_of_a_job_is_known_from_the_instant_of_its_import(here: World) -> None:
    job = await here.submit([top_up("pay-1", amount=5), top_up("pay-2", amount=6)])
    number = (await here.ledger.rows(job.id))[0].number
    asked = [(number, 500), (number, 700), ("62811", 600)]

    found = await here.ledger.paid_lately(here.account, asked, since=job.imported_at)
    later = await here.ledger.paid_lately(here.account, asked, since=job.imported_at + timedelta(microseconds=1))
    others = await here.ledger.paid_lately(Account("PRODUCTION", "me"), asked, since=job.imported_at)

    assert (found, later, others) == ({(number, 500)}, set(), set())


async def test_of_many_references_and_payees_each_is_looked_up(here: World) -> None:
    job = await here.submit(some(3))
    rows = await here.ledger.rows(job.id)
    references = [*(f"other-{one}" for one in range(600)), *(one.reference for one in rows)]
    payees = [*((f"62899{one:05d}", 1) for one in range(600)), *((one.number, one.amount) for one in rows)]

    for order in (1, -1):
        known = await here.ledger.known(here.account, references[::order])
        lately = await here.ledger.paid_lately(here.account, payees[::order], since=job.imported_at)
        assert sorted(one.reference for one in known) == ["pay-1", "pay-2", "pay-3"]
        assert len(lately) == 3


async def test_the_first_proof_of_an_inquiry_stays(here: World) -> None:
    job = await here.submit(some(2))
    for payout in (2, 1):
        await here.ledger.prove(job, "QueryTransfer", payout)
    await here.ledger.prove(job, "QueryTopUp", 1)

    with closing(sqlite3.connect(here.ledger.path)) as other:
        found = other.execute("SELECT contract, payout FROM proofs ORDER BY contract").fetchall()
    assert found == [("QueryTopUp", 1), ("QueryTransfer", 2)]


async def test_the_proof_of_one_account_says_nothing_about_another(here: World) -> None:
    job = await here.submit(some(1))
    there = Account("PRODUCTION", here.account.client_id)
    other = await submit(stream(some(1)), here.ledger, there, name="other", allow_repeats=True)
    await here.ledger.prove(job, "QueryTransfer", 1)

    assert [await here.ledger.is_proved(one, "QueryTransfer") for one in (job, other)] == [True, False]


# --- a file that cannot be used --------------------------------------------------------------------------------------


async def until_it_rests(ledger: Ledger) -> None:
    """Return when every thread is free: a run that was stopped does not wait for what it had asked and had written."""
    await ledger._writer.transact(lambda _: None)
    everybody = Barrier(3)
    await asyncio.gather(*(ledger._database.read(lambda _: everybody.wait()) for _ in range(3)))


async def test_a_full_disk_stops_the_job_and_loses_nothing(here: World) -> None:
    job = await here.submit(some(300))
    engine = here.ledger._writer.database.engine
    with engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()

    def fill(connection: object, _: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages + 3}")  # type: ignore[attr-defined]  # a connection of the driver

    engine.dispose()
    event.listen(engine, "connect", fill)
    with pytest.raises(LedgerFull, match="make room"):
        await here.run(job)
    await until_it_rests(here.ledger)
    engine.dispose()
    event.remove(engine, "connect", fill)

    ended = await here.run(job)

    assert (ended.how, set(here.payments())) == (How.PAID, {1})


async def test_a_ledger_that_another_program_writes_to_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY", 0.01)
    async with world(tmp_path) as here:
        job = await here.submit(some(2))
        with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LedgerBusy, match="writing to the ledger"):
                await here.run(job)
            other.execute("ROLLBACK")

        assert (await here.run(job)).how is How.PAID


async def test_a_ledger_that_is_damaged_is_not_run(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        job = await here.submit(some(500))
    with (tmp_path / "ledger.db").open("r+b") as file:
        file.seek(4096 * 10)
        file.write(b"\xff" * 4096 * 20)

    async with world(tmp_path) as here:
        # It is looked for, not met by chance.
        with pytest.raises(LedgerCorrupt, match=r"^The ledger is damaged: \*\*\* in database main"):
            await here.run(job)
        assert here.provider.external_ids == []


@pytest.mark.parametrize("content", [b"PK\x03\x04 no ledger at all", b"SQLite format 3\x00" + b"\xff" * 200])
async def test_a_file_that_is_no_ledger_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)

    said = "The file is no ledger" if content.startswith(b"SQLite") else "it does not begin as an SQLite file does"
    with pytest.raises(LedgerCorrupt, match=said):
        async with open_ledger(path):
            pass
    assert path.read_bytes() == content


async def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE mine (id)")

    with pytest.raises(LedgerCorrupt, match="no ledger of this version"):
        async with open_ledger(tmp_path / "other.db"):
            pass
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
        assert other.execute("PRAGMA journal_mode").fetchone() == ("delete",)


async def test_a_ledger_that_is_not_there_is_made_only_when_asked(tmp_path: Path) -> None:
    with pytest.raises(LedgerReadOnly, match="There is no ledger"):
        async with open_ledger(tmp_path / "none.db", create=False):
            pass
    assert not (tmp_path / "none.db").exists()


async def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LedgerReadOnly, match="There is no folder"):
        async with open_ledger(tmp_path / "no" / "ledger.db"):
            pass


async def test_a_lock_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        lock_path(here.ledger.path).mkdir()
        with pytest.raises(LedgerReadOnly, match="lock"), here.ledger.lock("me"):
            pass


async def test_links_to_a_ledger_share_its_lock(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        (tmp_path / "link.db").symlink_to(here.ledger.path)

        assert lock_path(tmp_path / "link.db") == lock_path(here.ledger.path)


async def test_every_commit_is_on_the_disk(here: World) -> None:
    with here.ledger._writer.database.engine.connect() as connection:
        found = [
            connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    assert found == ["wal", 2, 1]
