"""What the payout commands print: bars and tables on a terminal, plain lines when piped, JSON on request."""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from attrs import define, field
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from ..payouts import Counts, Draft, Job, Moved, RunEvent, Slowed, Started, State, Waiting
from ..payouts.report import MEANINGS, as_json, local_time, plain_amount, rupiah, summary
from .payouts_words import plural, span, todo

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

    #: Whether nobody reads any more: the pipe, or the terminal, is closed.
    gone: bool

    def say(self, text: str) -> None:
        """Print a sentence for people; machines get none."""
        ...

    def facts(self, found: dict[str, Any]) -> None:
        """Print *found* for machines; people get none."""
        ...

    def table(self, kind: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print *rows*: a table for people, for machines an object each, called *kind*."""
        ...


@define
class _Reader:
    """Whoever reads what is printed, and may leave."""

    gone: bool = field(default=False, init=False)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Print to nobody once nobody reads: that must not end a run in the middle of a payment."""
        try:
            yield
        except OSError:
            self.gone = True
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        # Rich would end the process.
        raise BrokenPipeError


@define
class People(_Reader):
    """Sentences and tables, for people."""

    console: Console = field(factory=lambda: _Console(highlight=False, soft_wrap=True))

    def say(self, text: str) -> None:
        """Print *text*."""
        with self.reading():
            self.console.print(plain(text), markup=False)

    def facts(self, found: dict[str, Any]) -> None:
        """Print nothing."""

    def table(self, kind: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print *rows*, where there are any."""
        table = Table()
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(escape(plain(str(cell))) for cell in row))
        if table.row_count:
            self.show(table)

    def show(self, table: Table) -> None:
        """Print *table*."""
        with self.reading():
            self.console.print(table)


@define
class Machines(_Reader):
    """One JSON object a line."""

    def say(self, text: str) -> None:
        """Print nothing."""

    def facts(self, found: dict[str, Any]) -> None:
        """Print *found*."""
        with self.reading():
            print(json.dumps(found, default=str), flush=True)  # noqa: T201  # this is what it is for

    def table(self, kind: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print an object for each of *rows*."""
        for row in rows:
            self.facts({"event": kind, **dict(zip(columns, row, strict=True))})


# --- files and jobs --------------------------------------------------------------------------------------------------


def show_draft(screen: Screen, draft: Draft, name: str) -> None:
    """Print everything that was found in a file."""
    number, total = draft.size
    findings = {"problem": draft.problems, "warning": draft.warnings, "note": draft.notables}
    screen.facts(
        {
            "event": "checked",
            "file": name,
            "job": draft.id,
            "rows": number,
            "total": plain_amount(total),
            "left_out": draft.left_out,
            "ignored_columns": draft.ignored_columns,
            **{f"{kind}s": found.count for kind, found in findings.items()},
        }
    )
    screen.say(f"{name} (job {draft.id[:12]}): {plural(number, 'good row')}, {rupiah(total)}")
    if draft.ignored_columns:
        screen.say(f"Columns that are not used: {', '.join(draft.ignored_columns)}")
    if draft.left_out:
        screen.say(f"Left out, because the ledger has the same already: {plural(draft.left_out, 'row')}")
    for kind, found in findings.items():
        _show_findings(screen, kind, sorted(found, key=lambda one: one.line), found.count)


_HEADS: Final = {
    "problem": "{}, to be mended in the file:",
    "warning": "{}, to be confirmed before anything is sent:",
    "note": "{}:",
}


def _show_findings(screen: Screen, kind: str, found: Sequence[Any], count: int) -> None:
    if found:
        screen.say(_HEADS[kind].format(plural(count, kind)))
    for one in found[:_SHOWN]:
        screen.say(f"  {one}")
    if count > _SHOWN:
        screen.say(f"  ... and {count - _SHOWN} more: --json lists them")
    for one in found:
        text = getattr(one, "rule", "") or getattr(one, "text", "")
        screen.facts({"event": kind, "line": one.line, "column": one.column, "text": text})


def show_job(screen: Screen, job: Job, counts: Counts, ledger: Path) -> None:
    """Print how a job stands, and what a person must do about it."""
    screen.facts({"event": "status", **as_json(job, counts)})
    if isinstance(screen, People):
        screen.show(_table_of(job, counts))
        for sentence in todo(job, counts, ledger):
            screen.say(sentence)


def _table_of(job: Job, counts: Counts) -> Table:
    title = f"Job {job.short} ({plain(job.name)}), {job.account.client_id} in {job.account.environment}"
    table = Table(title=escape(title), title_justify="left")
    table.add_column("state")
    table.add_column("payouts", justify="right")
    table.add_column("sum", justify="right", no_wrap=True)
    table.add_column("which means")
    for state, number, total in summary(counts):
        table.add_row(state.value, str(number), rupiah(total), MEANINGS[state])
    table.add_row("all", str(job.rows), rupiah(job.total), "", style="bold")
    return table


def show_jobs(screen: Screen, jobs: Iterable[tuple[Job, Counts]]) -> None:
    """Print all jobs, a line each."""
    for job, counts in jobs:
        screen.facts({"event": "job", **as_json(job, counts)})
        states = ", ".join(f"{number} {state.value}" for state, number, _ in summary(counts))
        paused = "  (paused)" if job.paused else ""
        size = f"{plural(job.rows, 'row')}  {rupiah(job.total)}"
        when = local_time(job.imported_at)
        screen.say(f"{job.short}  {job.name}  {size}  {job.account.environment}  {when}  {states}{paused}")


# --- while it runs ---------------------------------------------------------------------------------------------------


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
    #: Seconds until the provider is asked again; None while there is something to send.
    _pause: float | None = field(default=None, init=False)
    #: How many answers changed nothing, and the last of them.
    _vain: int = field(default=0, init=False)
    _last: Moved | None = field(default=None, init=False)

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

    def _start(self, event: Started) -> None:
        self._counts = {state: number for state, (number, _) in event.counts.items()}
        self._rows = event.job.rows
        if isinstance(self.screen, People) and self.screen.console.is_terminal:
            columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
            self._bar = Progress(*columns, console=self.screen.console)
            self._task = self._bar.add_task(self._words(), total=self._rows, completed=self._completed())
            self._bar.start()
        self._tick(force=True)

    def _moved(self, event: Moved) -> None:
        self._counts[event.before] = self._counts.get(event.before, 0) - 1
        self._counts[event.state] = self._counts.get(event.state, 0) + 1
        self._sent += event.before is State.SENDING
        if event.before is event.state:
            self._vain, self._last = self._vain + 1, event
        self._tick(force=False)

    def _wait(self, event: Waiting) -> None:
        first, longer = self._pause is None, event.seconds > (self._pause or 0.0)
        self._pause = event.seconds
        if first:
            self.screen.say(
                f"Everything is sent. The provider is asked in {span(event.seconds)} what became of it; "
                "Ctrl-C stops the waiting."
            )
        self.screen.facts({"event": "waiting", "seconds": event.seconds})
        # Where there is no bar, a line for each inquiry is enough.
        self._tick(force=longer or self._bar is not None)

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
        shown = (State.PAID, State.ACCEPTED, State.UNKNOWN, State.FAILED, State.REFUSED, State.RETURNED, State.DISPUTED)
        counts = [f"{state.value} {self._counts[state]}" for state in shown if self._counts.get(state)]
        return "  ".join([f"{self._completed()}/{self._rows}", *counts, *self._pace()])

    def _pace(self) -> Iterator[str]:
        """Yield how fast it goes and how long it takes, or when it goes on."""
        if self._pause is not None:
            yield f"asks again in {span(self._pause)}"
            return
        rate, left = self._rate(), self._counts.get(State.PLANNED, 0)
        if rate:
            yield f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
        if rate and left and not self._bar:
            yield f"{span(left / rate)} left"

    def close(self) -> None:
        """Take the bar away; say once more how it stands."""
        if self._bar is None:
            if self._rows:
                self._tick(force=True)
            return
        self._bar.update(self._task, completed=self._completed(), description=self._words())
        bar, self._bar = self._bar, None
        assert isinstance(self.screen, People)  # only people have bars
        with self.screen.reading():
            bar.stop()

    def say_what_was_in_vain(self) -> None:
        """Say of the answers that changed nothing how many there were, and what the last one said."""
        if self._last is not None:
            last = f"{self._last.reference}: {self._last.said}"
            self.screen.say(f"{plural(self._vain, 'answer')} changed nothing, the last about {last}.")
