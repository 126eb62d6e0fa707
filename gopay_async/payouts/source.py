"""Files as people have them -> rows, and the SHA-256 of their bytes.  Knows no rule about a cell and no ledger."""

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from attrs import define, field

from ..errors import BadRows
from .rows import OPTIONAL, REQUIRED, Problem, ReadRow, read_row

#: Longest line of a file, in bytes: an open quotation mark would otherwise take in all that follows.
_LONGEST: Final = 64 * 1024
_MAGIC: Final = (
    (b"PK\x03\x04", "is a spreadsheet: save it as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "is a spreadsheet: save it as CSV UTF-8"),
    (b"\xff\xfe", "is UTF-16: save it as CSV UTF-8"),
    (b"\xfe\xff", "is UTF-16: save it as CSV UTF-8"),
)


def _key(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())


_COLUMNS: Final = {_key(name): name for name in (*REQUIRED, *OPTIONAL)}


@define
class FileSource:
    """A CSV or JSON Lines file, read once, line by line."""

    path: Path
    #: Columns that are there and mean nothing to us.
    ignored: tuple[str, ...] = field(default=(), init=False)
    _digest: "hashlib._Hash" = field(factory=hashlib.sha256, init=False, repr=False)

    @property
    def sha256(self) -> str:
        """SHA-256, in hex, of the bytes that have been read."""
        return self._digest.hexdigest()

    def rows(self) -> Iterator[ReadRow]:
        """Yield every row, with its problems; raise BadRows where the file as a whole cannot be read."""
        try:
            with self.path.open("rb") as file:
                self._refuse_other_kinds(file)
                lines = self._lines(file)
                yield from self._json_lines(lines) if self._is_json else self._csv(lines)
                # What follows an early end belongs to the content as well.
                for _ in self._raw(file):
                    pass
        except OSError as error:
            raise BadRows(f"{self.path} cannot be read: {error.strerror}") from error

    @property
    def _is_json(self) -> bool:
        return self.path.suffix.lower() in (".jsonl", ".ndjson", ".json")

    def _refuse_other_kinds(self, file: BinaryIO) -> None:
        head = file.read(4)
        file.seek(0)
        for magic, words in _MAGIC:
            if head.startswith(magic):
                raise BadRows(f"{self.path.name} {words}.")

    def _raw(self, file: BinaryIO) -> Iterator[bytes]:
        while line := file.readline(_LONGEST + 1):
            self._digest.update(line)
            yield line

    def _lines(self, file: BinaryIO) -> Iterator[str]:
        for number, line in enumerate(self._raw(file), start=1):
            if len(line) > _LONGEST:
                raise BadRows(f"{self.path.name}, line {number}: longer than {_LONGEST} bytes.")
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise BadRows(f"{self.path.name}, line {number}: not UTF-8: save the file as CSV UTF-8.") from None

    # --- CSV ---

    def _csv(self, lines: Iterator[str]) -> Iterator[ReadRow]:
        first = next(lines, "")
        delimiter = max(",;\t", key=lambda one: sum(_key(cell) in _COLUMNS for cell in first.split(one)))
        try:
            (header,) = csv.reader([first], delimiter=delimiter)
        except csv.Error as error:
            raise BadRows(f"{self.path.name}, line 1: cannot be read as CSV ({error}): save it as CSV UTF-8.") from None
        names = self._header(header)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        while True:
            line = reader.line_num + 2
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield ReadRow(line, None, (Problem(line, "", f"cannot be read as CSV ({error})"),))
                return
            if cells is None:
                return
            if any(cell.strip() for cell in cells):
                yield self._csv_row(line, names, cells)

    def _header(self, header: Sequence[str]) -> list[str | None]:
        names = [_COLUMNS.get(_key(cell)) for cell in header]
        missing = [one for one in REQUIRED if one not in names]
        if missing:
            raise BadRows(
                f"{self.path.name}, line 1: the header lacks {', '.join(missing)}. "
                f"A header names {', '.join(REQUIRED)}, and if you like {', '.join(OPTIONAL)}."
            )
        known = [name for name in names if name]
        twice = sorted({one for one in known if known.count(one) > 1})
        if twice:
            raise BadRows(f"{self.path.name}, line 1: the header names {', '.join(twice)} twice.")
        self.ignored = tuple(cell for cell, one in zip(header, names, strict=True) if one is None)
        return names

    def _csv_row(self, line: int, names: Sequence[str | None], cells: Sequence[str]) -> ReadRow:
        if len(cells) != len(names):
            rule = f"has {len(cells)} cells, the header has {len(names)}"
            hint = "; an amount is written without separators" if len(cells) > len(names) else ""
            return ReadRow(line, None, (Problem(line, "", rule + hint),))
        known: dict[str, Any] = {one: cell for one, cell in zip(names, cells, strict=True) if one}
        return read_row(line, known)

    # --- JSON Lines ---

    def _json_lines(self, lines: Iterator[str]) -> Iterator[ReadRow]:
        others: dict[str, None] = {}
        for line, text in enumerate(lines, start=1):
            if not text.strip():
                continue
            try:
                found = json.loads(text, parse_float=_Digits, parse_constant=_refuse, object_pairs_hook=_once)
                # Of something else these are no fields, and nobody has looked for the same one twice.
                cells: dict[str, Any] = {_COLUMNS.get(_key(one)) or one: found[one] for one in _fields(found)}
            except (ValueError, RecursionError) as error:
                yield ReadRow(line, None, (Problem(line, "", f"is not one JSON object ({error})"),))
                continue
            others.update(dict.fromkeys(one for one in cells if one not in _COLUMNS.values()))
            self.ignored = tuple(others)
            yield read_row(line, cells)


class _Digits(Decimal):
    """A number that prints as it was written, so that 1e4 is not taken for 10000."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __str__(self) -> str:
        return self.text


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _fields(found: object) -> list[str]:
    if isinstance(found, dict):
        return list(found)
    raise ValueError("it is something else")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs) or len({_key(name) for name in found}) != len(pairs):
        raise ValueError("a field stands twice")
    return found
