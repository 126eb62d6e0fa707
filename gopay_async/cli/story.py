"""What the demo says while it runs: sentences for people, objects for machines.  Knows no GoPay."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from attrs import define, field
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


class Story(Protocol):
    """Tells what happens; raises nothing."""

    def step(self, title: str, **facts: object) -> None:
        """Tell that something was done, and what came of it."""
        ...

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show *rows* under *columns*."""
        ...

    def end(self, sentence: str, *, good: bool) -> None:
        """Tell how it ended."""
        ...


_COLOURS = {"paid": "green", "refused": "red", "unknown": "yellow", "lost": "yellow", "agree": "green", "differ": "red"}


@define
class Told:
    """For people: coloured on a terminal, plain when piped."""

    console: Console = field(factory=lambda: Console(highlight=False))
    _number: int = 0

    def step(self, title: str, **facts: object) -> None:
        """Print a numbered step and its facts, one a line."""
        self._number += 1
        self._line(Text.assemble((f"{self._number:>2} ", "bold cyan"), (title, "bold")))
        for name, value in facts.items():
            self._line(Text.assemble((f"   {name.replace('_', ' '):<16} ", "dim"), str(value)))

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table; amounts stand to the right."""
        lines = box.ROUNDED if self.console.is_terminal else None
        table = Table(title=title, title_justify="left", title_style="bold", box=lines)
        for column in columns:
            right = column.startswith("Rp")
            table.add_column(column, justify="right" if right else "left", no_wrap=column != "what happened")
        for row in rows:
            table.add_row(*(_coloured(cell) for cell in row))
        self.console.print(table)

    def end(self, sentence: str, *, good: bool) -> None:
        """Print the last line."""
        self._line(Text(sentence, style="bold green" if good else "bold red"))

    def _line(self, text: Text) -> None:
        # Addresses and deeplinks stay in one piece, to be copied.
        self.console.print(text, soft_wrap=True)


def _coloured(cell: str) -> Text:
    style = next((colour for word, colour in _COLOURS.items() if cell.startswith(word)), "")
    return Text(cell, style=style)


@define
class Recorded:
    """For machines: one JSON object a line."""

    def step(self, title: str, **facts: object) -> None:
        """Print the step."""
        self._print({"event": "step", "title": title, **{name: str(value) for name, value in facts.items()}})

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print the table, one object a row."""
        found = [dict(zip(columns, row, strict=True)) for row in rows]
        self._print({"event": "table", "title": title, "rows": found})

    def end(self, sentence: str, *, good: bool) -> None:
        """Print how it ended."""
        self._print({"event": "end", "text": sentence, "good": good})

    def _print(self, found: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
