"""Reports, reconciliation and account names: what they say, and that they run nothing."""

import csv
import html
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest

from gopay_async.api import InquireAccount, PayoutNotification
from gopay_async.errors import JobRefused
from gopay_async.payouts import Account, Job, Reconciler, Settings, State, draft_of_rows
from gopay_async.payouts.accounts import verify_accounts
from gopay_async.payouts.inbox import read_notice
from gopay_async.payouts.plan import Finding
from gopay_async.payouts.report import (
    as_json,
    bands,
    csv_of,
    harmless,
    html_of,
    rupiah,
    summary,
    write_csv,
    write_html,
)
from gopay_async.simulator import Simulator

from .facts import START
from .world import World, simulated, some, stream, top_up, world

EVIL = "=cmd|' /C calc'!A0<script>alert(1)</script>"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\u00a0=1", "|calc", "%0a", "\n=1"]
)
def test_a_formula_becomes_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["Siti", "62817", "", "10000.00", "a=b", "O'Neil"])
def test_what_is_no_formula_stays(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize(("sen", "text"), [(0, "Rp 0"), (125_000_000, "Rp 1.250.000"), (1_050, "Rp 10,50")])
def test_rupiah_are_written_as_people_write_them(sen: int, text: str) -> None:
    assert rupiah(sen) == text


async def paid(here: World) -> Job:
    here.provider.plan("pay-2", "4043811")
    job = await here.submit([top_up("pay-1", name=EVIL), top_up("pay-2", amount=5), top_up("pay-3", amount=7)])
    await here.run(job)
    return job


async def test_the_csv_holds_every_row_and_no_formula(here: World, tmp_path: Path) -> None:
    job = await paid(here)

    await write_csv(here.ledger, job, tmp_path / "report.csv")

    text = "".join([part async for part in csv_of(here.ledger, job)])
    rows = list(csv.DictReader(StringIO(text)))
    assert [row["state"] for row in rows] == ["paid", "refused", "paid"]
    assert rows[0]["customer_name"] == f"'{EVIL}"
    assert (rows[1]["amount"], rows[1]["reason"]) == ("5.00", "4043811 said")


async def test_the_page_shows_names_and_runs_nothing_of_them(here: World, tmp_path: Path) -> None:
    job = await paid(here)

    await write_html(here.ledger, job, tmp_path / "report.html")

    page = await html_of(here.ledger, job)
    assert "<script>alert" not in page
    assert html.escape(EVIL, quote=False).split("&#39;")[0].split("'")[0] in page
    assert page.count("<script") == 1
    assert not re.search(r"(src|href)=", page)


async def test_the_page_draws_every_state_that_occurred(here: World) -> None:
    job = await paid(here)

    page = await html_of(here.ledger, job)

    drawn = set(re.findall(r"<polygon [^>]*><title>(\w+)</title>", page))
    assert {"planned", "paid", "refused"} - drawn == {"planned"} - drawn
    assert "Rp 10.012" in page


async def test_a_job_that_has_not_begun_has_a_page_without_a_chart(here: World) -> None:
    job = await here.submit(some(2))

    page = await html_of(here.ledger, job)

    assert "<svg" not in page
    assert "Still open: 2 of 2" in page


def test_the_chart_is_as_high_as_the_job() -> None:
    from_planned = [(top_up_time(one), State.PLANNED, State.PAID, 1) for one in range(121)]

    found = {band.state: band.points for band in bands(121, from_planned)}

    assert found[State.PAID].startswith("0.00,99.17 0.83,98.35 1.67,97.52 ")
    assert found[State.PLANNED].startswith("0.00,0.00 ")


def test_a_rest_in_the_chart_is_as_long_as_it_was() -> None:
    from_planned = [(top_up_time(one), State.PLANNED, State.PAID, 1) for one in (0, 1, 120)]

    (paid, _) = bands(4, from_planned)

    assert paid.points.startswith("0.00,75.00 0.83,50.00 99.17,50.00 100.00,25.00")


def test_what_took_no_time_is_drawn_all_the_same() -> None:
    (paid,) = bands(1, [(START, State.PLANNED, State.PAID, 1)])

    assert paid.points == "0.00,0.00 100.00,0.00 100.00,100.00 0.00,100.00"


def top_up_time(minute: int):  # type: ignore[no-untyped-def]  # a time
    return START + timedelta(minutes=minute)


async def test_the_summary_names_each_state_once(here: World) -> None:
    job = await paid(here)
    counts = await here.ledger.counts(job.id)

    assert summary(counts) == [(State.PAID, 2, 1_000_700), (State.REFUSED, 1, 500)]
    assert as_json(job, counts)["states"] == {
        "paid": {"rows": 2, "total": "10007.00"},
        "refused": {"rows": 1, "total": "5.00"},
    }


# --- reconciliation --------------------------------------------------------------------------------------------------


def reconciler(here: World, account: Account | None = None) -> Reconciler:
    return Reconciler(here.ledger, here.session, account or here.account, Settings(), clock=here.clock)


def notice(reference: str, status: str) -> PayoutNotification:
    return read_notice(
        json.dumps({"reference_no": f"A{reference}", "partner_reference_no": reference, "status": status})
    )


async def test_what_agrees_is_no_difference(here: World) -> None:
    job = await paid(here)

    assert [one async for one in reconciler(here).differences(job)] == []


@pytest.mark.parametrize(
    ("status", "ledger", "provider"),
    [("01", State.PAID, Finding.UNDER_WAY), ("error", State.PAID, None), ("99", State.PAID, None)],
)
async def test_what_the_provider_says_otherwise_is_listed(
    here: World, status: str, ledger: State, provider: Finding | None
) -> None:
    job = await paid(here)
    here.provider.statuses["pay-3"] = status

    (found,) = [one async for one in reconciler(here).differences(job)]

    assert (found.reference, found.line, found.ledger, found.provider) == ("pay-3", 3, ledger, provider)


async def test_what_the_provider_took_back_is_written_down(here: World) -> None:
    job = await paid(here)
    here.provider.statuses["pay-3"] = "06"

    differences = [one async for one in reconciler(here).differences(job)]

    assert (differences, (await here.states(job))["pay-3"]) == ([], State.RETURNED)


async def test_a_notification_that_says_otherwise_is_listed(here: World) -> None:
    job = await paid(here)
    await here.ledger.receive(notice("pay-2", "completed"), here.account)

    found = [one async for one in reconciler(here).differences(job)]

    assert [(one.reference, one.ledger, one.notification) for one in found] == [("pay-2", State.DISPUTED, "completed")]


async def test_a_reconciliation_refuses_other_credentials(here: World) -> None:
    job = await paid(here)

    with pytest.raises(JobRefused):
        [one async for one in reconciler(here, Account("PRODUCTION", "x")).differences(job)]


async def test_rows_that_were_never_sent_are_not_asked_about(here: World) -> None:
    job = await here.submit(some(2))

    differences = [one async for one in reconciler(here).differences(job)]

    assert (differences, here.provider.asked) == ([], [])


# --- whose number it is ----------------------------------------------------------------------------------------------


async def test_names_are_compared_with_the_accounts(tmp_path: Path) -> None:
    async with simulated(tmp_path) as (simulator, here):
        name = await account_name(simulator, here)
        rows = [top_up("pay-1", name=name.upper()), top_up("pay-2", name="Somebody Else", amount=5)]
        async with draft_of_rows(stream(rows), name="x") as draft:
            assert [done async for done in verify_accounts(draft, here.session)] == [2]

            assert [one.line for one in draft.warnings] == [2]
            assert not draft.problems


async def account_name(simulator: Simulator, here: World) -> str:
    found = await here.session.send(InquireAccount(customer_number=top_up("x").customer_number))
    return found.customer_name
