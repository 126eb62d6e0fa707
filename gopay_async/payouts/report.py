"""What a job came to, for people and for spreadsheets: CSV, and one HTML page.  Changes nothing; runs no formula."""

import asyncio
import csv
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from io import StringIO
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
    amount = f"{now.amount // 100}.{now.amount % 100:02d}"
    where = (str(one.line), one.reference, now.number, one.name, amount, one.notes)
    return (*where, now.state.value, str(now.attempt), one.external_id, now.reference_no, now.reason)


# --- HTML ------------------------------------------------------------------------------------------------------------


@frozen
class Band:
    """One state in the chart."""

    state: State
    colour: str
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
        bands=bands(job.rows, steps),
        span=[_local(steps[0][0]), _local(steps[-1][0])] if steps else [],
        rows=rows,
        left_out=job.rows - len(rows),
        local=_local,
        open=sum(number for state, (number, _) in counts.items() if state in OPEN),
    )


async def _rows(ledger: Ledger, job: Job) -> list[Payout]:
    """Return the rows of the page: those that are not paid first."""
    found: list[Payout] = []
    for states in ([one for one in State if one is not State.PAID], [State.PAID]):
        found += await ledger.rows(job.id, limit=ON_PAGE - len(found), states=states) if len(found) < ON_PAGE else []
    return sorted(found, key=lambda one: one.line)


def _local(moment: datetime) -> str:
    return moment.astimezone(WIB).strftime("%Y-%m-%d %H:%M:%S")


def bands(rows: int, steps: Sequence[tuple[datetime, State, State, int]]) -> list[Band]:
    """Return the areas of the chart, 100 wide and 100 high: how many payouts stood in which state when."""
    now: dict[State, int] = dict.fromkeys(ORDER, 0)
    now[State.PLANNED] = rows
    moments = sorted({moment for moment, *_ in steps})
    tops: list[dict[State, float]] = []
    for moment in moments:
        for at, before, after, number in steps:
            if at == moment:
                now[before] -= number
                now[after] += number
        tops.append(_stacked(now, rows))
    return [_band(state, index, tops) for index, state in enumerate(ORDER) if any(top[state] for top in tops)]


def _stacked(now: dict[State, int], rows: int) -> dict[State, float]:
    total, tops = 0, {}
    for state in ORDER:
        total += now[state]
        tops[state] = 100 * total / max(rows, 1)
    return tops


def _band(state: State, index: int, tops: Sequence[dict[State, float]]) -> Band:
    below = ORDER[index - 1] if index else None
    width = max(len(tops) - 1, 1)
    places = [100 * one / width for one in range(len(tops))] if len(tops) > 1 else [0.0, 100.0]
    tops = tops if len(tops) > 1 else [*tops, *tops]
    upper = [f"{x:.2f},{100 - top[state]:.2f}" for x, top in zip(places, tops, strict=True)]
    floor = [f"{x:.2f},{100 - (top[below] if below else 0):.2f}" for x, top in zip(places, tops, strict=True)]
    return Band(state, _COLOURS[state], " ".join([*upper, *reversed(floor)]))


def as_json(job: Job, counts: Counts) -> dict[str, Any]:
    """Return *job* as JSON can hold it."""
    return {
        "job": job.id,
        "name": job.name,
        "environment": job.account.environment,
        "client_id": job.account.client_id,
        "imported_at": job.imported_at.isoformat(),
        "rows": job.rows,
        "total": job.total / 100,
        "paused": job.paused,
        "distrust": job.distrust,
        "states": {state.value: {"rows": number, "total": total / 100} for state, number, total in summary(counts)},
    }
