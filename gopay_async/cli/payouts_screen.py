"""What the payout commands print: bars and tables on a terminal, plain lines when piped, JSON on request."""

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from attrs import define, field
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from ..payouts import Counts, Draft, Job, Moved, RunEvent, Slowed, Started, State, Waiting
from ..payouts.report import as_json, rupiah, summary

#: Seconds between two plain lines, or two JSON objects.
_EVERY: Final = 2.0
#: Findings that are printed; all of them with --json.
_SHOWN: Final = 100
_DONE: Final = frozenset({State.PAID, State.FAILED, State.REFUSED, State.RETURNED, State.DISPUTED})


def plain(text: str) -> str:
    """Return *text* without control characters: it comes from files and from the network."""
    return "".join(char if char.isprintable() else " " for char in text)


class Screen(Protocol):
    """Where the commands print."""

    def say(self, text: str) -> None:
        """Print a sentence for people; machines get none."""
        ...

    def facts(self, found: dict[str, Any]) -> None:
        """Print *found* for machines; people get none."""
        ...


@define
class People:
    """Sentences, for people."""

    console: Console = field(factory=lambda: Console(highlight=False, soft_wrap=True))

    def say(self, text: str) -> None:
        """Print *text*."""
        self.console.print(plain(text), markup=False)

    def facts(self, found: dict[str, Any]) -> None:
        """Print nothing."""


@define
class Machines:
    """One JSON object a line."""

    def say(self, text: str) -> None:
        """Print nothing."""

    def facts(self, found: dict[str, Any]) -> None:
        """Print *found*."""
        print(json.dumps(found, default=str), flush=True)  # noqa: T201  # this is what it is for


def show_draft(screen: Screen, draft: Draft, name: str) -> None:
    """Print everything that was found in a file."""
    number, total = draft.size
    findings = {"problems": draft.problems, "warnings": draft.warnings, "notes": draft.notables}
    counts = {kind: found.count for kind, found in findings.items()}
    screen.facts(
        {
            "event": "checked",
            "file": name,
            "job": draft.id,
            "rows": number,
            "total": total / 100,
            "left_out": draft.left_out,
            "ignored_columns": draft.ignored_columns,
            **counts,
        }
    )
    screen.say(f"{name} (job {draft.id[:12]}): {number} good rows, {rupiah(total)}")
    if draft.ignored_columns:
        screen.say(f"Columns that are not used: {', '.join(draft.ignored_columns)}")
    if draft.left_out:
        screen.say(f"{draft.left_out} rows are left out: the ledger has them already, and they are the same")
    for kind, found in findings.items():
        if found:
            screen.say(f"{found.count} {kind}:")
        for one in sorted(found, key=lambda one: one.line)[:_SHOWN]:
            screen.say(f"  {one}")
        if found.count > _SHOWN:
            screen.say(f"  ... and {found.count - _SHOWN} more")
        for one in found:
            text = getattr(one, "rule", "") or getattr(one, "text", "")
            screen.facts({"event": kind.rstrip("s"), "line": one.line, "column": one.column, "text": text})


def show_job(screen: Screen, job: Job, counts: Counts) -> None:
    """Print how a job stands."""
    screen.facts({"event": "status", **as_json(job, counts)})
    if not isinstance(screen, People):
        return
    title = f"Job {job.short} ({plain(job.name)}), {job.account.client_id} in {job.account.environment}"
    table = Table(title=escape(title), title_justify="left")
    table.add_column("state")
    table.add_column("payouts", justify="right")
    table.add_column("sum", justify="right")
    for state, number, total in summary(counts):
        table.add_row(state.value, str(number), rupiah(total))
    table.add_row("all", str(job.rows), rupiah(job.total), style="bold")
    screen.console.print(table)
    if job.paused:
        screen.say(f"Paused: {job.paused}")
    if job.distrust:
        screen.say(f"Nothing is sent again by itself: {job.distrust}")


def show_jobs(screen: Screen, jobs: Iterable[Job]) -> None:
    """Print all jobs."""
    for job in jobs:
        screen.facts({"event": "job", "job": job.id, "name": job.name, "rows": job.rows, "total": job.total / 100})
        screen.say(f"{job.short}  {job.name}  {job.rows} rows  {rupiah(job.total)}  {job.account.environment}")


def show_rows(screen: Screen, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table."""
    if isinstance(screen, People):
        table = Table()
        for column in columns:
            table.add_column(column)
        for row in rows:
            table.add_row(*(escape(plain(cell)) for cell in row))
        screen.console.print(table)
        return
    for row in rows:
        screen.facts(dict(zip(columns, row, strict=True)))


@define
class Watcher:
    """Follows a run: a bar on a terminal, a line from time to time elsewhere."""

    screen: Screen
    _counts: dict[State, int] = field(factory=dict, init=False)
    _rows: int = field(default=0, init=False)
    _bar: Progress | None = field(default=None, init=False)
    _task: TaskID = field(default=TaskID(0), init=False)
    _said: float = field(default=0.0, init=False)
    _began: float = field(factory=time.monotonic, init=False)
    _sent: int = field(default=0, init=False)
    _waiting: bool = field(default=False, init=False)

    def follow(self, event: RunEvent) -> None:
        """Show *event*."""
        if isinstance(event, Moved):
            self._moved(event)
        elif isinstance(event, Started):
            self._start(event)
        elif isinstance(event, Waiting):
            self._wait(event)
        elif isinstance(event, Slowed):
            self.screen.facts({"event": "slowed", "rate": event.rate})
        else:
            self.close()

    def _start(self, event: Started) -> None:
        self._counts = {state: number for state, (number, _) in event.counts.items()}
        self._rows = event.job.rows
        if isinstance(self.screen, People) and self.screen.console.is_terminal:
            columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
            self._bar = Progress(*columns, console=self.screen.console)
            self._bar.start()
            self._task = self._bar.add_task(self._words(), total=self._rows, completed=self._completed())
        self._tick(force=True)

    def _moved(self, event: Moved) -> None:
        self._counts[event.before] = self._counts.get(event.before, 0) - 1
        self._counts[event.state] = self._counts.get(event.state, 0) + 1
        self._sent += event.before is State.SENDING
        self._tick(force=False)

    def _wait(self, event: Waiting) -> None:
        if not self._waiting:
            minutes = event.seconds / 60
            self.screen.say(
                f"Everything is sent. The next inquiry is due in {minutes:.0f} min; Ctrl-C stops the waiting."
            )
        self._waiting = True
        self.screen.facts({"event": "waiting", "seconds": event.seconds})
        self._tick(force=True)

    def _tick(self, *, force: bool) -> None:
        now = time.monotonic()
        if not force and now - self._said < (0.2 if self._bar else _EVERY):
            return
        self._said = now
        if self._bar:
            self._bar.update(self._task, completed=self._completed(), description=self._words())
        else:
            self.screen.say(self._words())
        found = {state.value: number for state, number in self._counts.items() if number}
        self.screen.facts({"event": "progress", "rate": round(self._rate(), 1), "rows": self._rows, **found})

    def _completed(self) -> int:
        return sum(number for state, number in self._counts.items() if state in _DONE or state is State.ACCEPTED)

    def _rate(self) -> float:
        return self._sent / max(time.monotonic() - self._began, 0.001)

    def _words(self) -> str:
        shown = (State.PAID, State.ACCEPTED, State.UNKNOWN, State.FAILED, State.REFUSED, State.DISPUTED)
        counts = "  ".join(f"{state.value} {self._counts.get(state, 0)}" for state in shown if self._counts.get(state))
        left = self._counts.get(State.PLANNED, 0)
        rate = self._rate()
        time_left = f"  {left / rate:.0f} s left" if left and rate and not self._bar else ""
        return f"{self._completed()}/{self._rows}  {counts}  {rate:.0f}/s{time_left}"

    def close(self) -> None:
        """Take the bar away."""
        if self._bar:
            self._bar.update(self._task, completed=self._completed(), description=self._words())
            self._bar.stop()
            self._bar = None
        else:
            self._tick(force=True)
