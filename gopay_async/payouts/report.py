"""What a job came to, for people and for spreadsheets: CSV, and one HTML page.  Changes nothing; runs no formula."""

import asyncio
import csv
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from jinja2 import Environment, PackageLoader, StrictUndefined

from ..models import WIB
from .ledger import Counts, Ledger
from .plan import OPEN, State
from .records import Job, Payout

#: Rows on the page: those that are not paid first.  The CSV holds all of them.
ON_PAGE: Final = 2_000
_STEPS: Final = 120
_PAGE: Final = 1_000
_FORMULAS: Final = ("=", "+", "-", "@", "|", "%", "\t", "\r", "\n")
#: Drawn from the bottom up, what is done first.
ORDER: Final = (
    State.PAID,
    State.RETURNED,
    State.FAILED,
    State.REFUSED,
    State.DISPUTED,
    State.UNKNOWN,
    State.ACCEPTED,
    State.SENDING,
    State.PLANNED,
)
_COLOURS: Final = {
    State.PAID: "#1a7f37",
    State.RETURNED: "#8250df",
    State.FAILED: "#cf222e",
    State.REFUSED: "#a40e26",
    State.DISPUTED: "#bf3989",
    State.UNKNOWN: "#d4a72c",
    State.ACCEPTED: "#54aeff",
    State.SENDING: "#0969da",
    State.PLANNED: "#d0d7de",
}
#: What a state means for the money.
MEANINGS: Final = {
    State.PAID: "the money has arrived",
    State.RETURNED: "was paid, and the money came back",
    State.FAILED: "not paid, and not sent again",
    State.REFUSED: "not paid: the provider said no",
    State.DISPUTED: "perhaps paid: facts contradict each other, a person decides",
    State.UNKNOWN: "perhaps paid: the provider is asked, it is not simply sent again",
    State.ACCEPTED: "the provider has it, and has not yet said paid",
    State.SENDING: "under way",
    State.PLANNED: "waits to be sent, perhaps once more: do not pay it in another way",
}
HEADER: Final = (
    "line",
    "partner_reference_no",
    "customer_number",
    "customer_name",
    "amount",
    "notes",
    "state",
    "attempts",
    "external_id",
    "reference_no",
    "reason",
)
_TEMPLATES: Final = Environment(
    loader=PackageLoader("gopay_async.payouts", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def rupiah(sen: int) -> str:
    """Return an amount of the ledger as people write it: Rp 1.250.000."""
    whole, rest = divmod(sen, 100)
    return f"Rp {whole:,}".replace(",", ".") + (f",{rest:02d}" if rest else "")


def plain_amount(sen: int) -> str:
    """Return an amount of the ledger as files and the provider write it: 1250000.00."""
    return f"{sen // 100}.{sen % 100:02d}"


def harmless(text: str) -> str:
    """Return *text* so that a spreadsheet takes it for text: formulas begin with one of = + - @, tab or return."""
    shown = text.lstrip(" \u00a0\ufeff")
    return f"'{text}" if shown.startswith(_FORMULAS) else text


def summary(counts: Counts) -> list[tuple[State, int, int]]:
    """Return state, number and sum of every state that occurs."""
    return [(state, *counts[state]) for state in ORDER if state in counts]


async def payouts_of(ledger: Ledger, job: Job, states: Iterable[State] = State) -> AsyncIterator[list[Payout]]:
    """Yield the payouts of *job* that are in one of *states*, a page at a time."""
    last = 0
    while found := await ledger.rows(job.id, after=last, limit=_PAGE, states=states):
        last = found[-1].id
        yield found


# --- CSV -------------------------------------------------------------------------------------------------------------


async def write_csv(ledger: Ledger, job: Job, path: Path) -> None:
    """Write every payout of *job* to *path*."""
    with path.open("w", encoding="utf-8", newline="") as file:
        async for text in csv_of(ledger, job):
            file.write(text)


async def csv_of(ledger: Ledger, job: Job) -> AsyncIterator[str]:
    """Yield the report as CSV, a page at a time."""
    yield _csv_text([HEADER])
    async for page in payouts_of(ledger, job):
        yield _csv_text([_cells(one) for one in page])


def _csv_text(rows: Iterable[Sequence[str]]) -> str:
    out = StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([[harmless(cell) for cell in row] for row in rows])
    return out.getvalue()


def _cells(one: Payout) -> tuple[str, ...]:
    now = one.standing
    where = (str(one.line), one.reference, now.number, one.name, plain_amount(now.amount), one.notes)
    return (*where, now.state.value, str(now.attempt), one.external_id, now.reference_no, now.reason)


# --- HTML ------------------------------------------------------------------------------------------------------------


@frozen
class Band:
    """One state in the chart."""

    state: State
    points: str


async def write_html(ledger: Ledger, job: Job, path: Path) -> None:
    """Write the page about *job* to *path*: it needs nothing beside it and no network."""
    text = await html_of(ledger, job)
    await asyncio.to_thread(path.write_text, text, encoding="utf-8")


async def html_of(ledger: Ledger, job: Job) -> str:
    """Return the page about *job*."""
    counts = await ledger.counts(job.id)
    steps = await ledger.timeline(job.id, steps=_STEPS)
    rows = await _rows(ledger, job)
    return _TEMPLATES.get_template("template.html").render(
        job=job,
        rupiah=rupiah,
        summary=summary(counts),
        colours=_COLOURS,
        meanings=MEANINGS,
        bands=bands(job.rows, steps),
        span=[local_time(steps[0][0]), local_time(steps[-1][0])] if steps else [],
        rows=rows,
        left_out=job.rows - len(rows),
        local=local_time,
        open=sum(number for state, (number, _) in counts.items() if state in OPEN),
    )


async def _rows(ledger: Ledger, job: Job) -> list[Payout]:
    """Return the rows of the page: those that are not paid first."""
    found: list[Payout] = []
    for states in ([one for one in State if one is not State.PAID], [State.PAID]):
        found += await ledger.rows(job.id, limit=ON_PAGE - len(found), states=states) if len(found) < ON_PAGE else []
    return sorted(found, key=lambda one: one.line)


def local_time(moment: datetime) -> str:
    """Return *moment* as clocks in Jakarta show it."""
    return moment.astimezone(WIB).strftime("%Y-%m-%d %H:%M:%S WIB")


def bands(rows: int, steps: Sequence[tuple[datetime, State, State, int]]) -> list[Band]:
    """Return the areas of the chart, 100 wide and 100 high: how many payouts stood in which state when."""
    course = _with_rests(_course(rows, steps))
    if not course:
        return []
    first, last = course[0][0], course[-1][0]
    # What took no time is drawn all the same.
    places = [100 * ((moment - first) / (last - first)) for moment, _ in course] if last > first else [0.0, 100.0]
    tops = [top for _, top in course] * (1 if last > first else 2)
    return [_band(state, index, places, tops) for index, state in enumerate(ORDER) if any(top[state] for top in tops)]


_Course = list[tuple[datetime, dict[State, int]]]


def _course(rows: int, steps: Sequence[tuple[datetime, State, State, int]]) -> _Course:
    """Return how many payouts stood in each state after every moment of *steps*."""
    now: dict[State, int] = dict.fromkeys(ORDER, 0)
    now[State.PLANNED] = rows
    course: dict[datetime, dict[State, int]] = {}
    for moment, before, after, number in sorted(steps, key=lambda one: one[0]):
        now[before] -= number
        now[after] += number
        course[moment] = dict(now)
    return list(course.items())


def _with_rests(course: _Course) -> _Course:
    """Return *course* with the end of every rest in it: nothing moved while the provider had to be waited for."""
    step = (course[-1][0] - course[0][0]) / _STEPS if course else timedelta(0)
    rests = [(after - step, top) for (before, top), (after, _) in pairwise(course) if after - before > 2 * step]
    return sorted([*course, *rests], key=lambda one: one[0])


def _band(state: State, index: int, places: Sequence[float], tops: Sequence[dict[State, int]]) -> Band:
    upper = [f"{x:.2f},{100 - _height(index + 1, top):.2f}" for x, top in zip(places, tops, strict=True)]
    floor = [f"{x:.2f},{100 - _height(index, top):.2f}" for x, top in zip(places, tops, strict=True)]
    return Band(state, " ".join([*upper, *reversed(floor)]))


def _height(index: int, top: dict[State, int]) -> float:
    """Return how high the first *index* states are together."""
    return 100 * sum(top[state] for state in ORDER[:index]) / max(sum(top.values()), 1)


def as_json(job: Job, counts: Counts) -> dict[str, Any]:
    """Return *job* as JSON can hold it."""
    states = {state.value: {"rows": number, "total": plain_amount(total)} for state, number, total in summary(counts)}
    return {
        "job": job.id,
        "name": job.name,
        "environment": job.account.environment,
        "client_id": job.account.client_id,
        "imported_at": job.imported_at.isoformat(),
        "rows": job.rows,
        "total": plain_amount(job.total),
        "paused": job.paused,
        "distrust": job.distrust,
        "states": states,
    }
