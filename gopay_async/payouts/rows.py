"""One row as people write it -> one TopUp, or every rule that it breaks.  Pure: knows no file and no ledger."""

import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from ..api import TopUp
from ..errors import InvalidInput
from ..models import Money

#: Columns, in the order in which they are asked for; the last two may be left out.
REQUIRED: Final = ("partner_reference_no", "customer_number", "customer_name", "amount", "notes")
OPTIONAL: Final = ("beneficiary_email", "beneficiary_provider")
#: Above this an older page of the provider says no.
SHORT_NOTES: Final = 50


@frozen
class Problem:
    """One broken rule: where, and what to write instead."""

    line: int
    column: str
    rule: str

    def __str__(self) -> str:
        where = f"line {self.line}, {self.column}" if self.column else f"line {self.line}"
        return f"{where}: {self.rule}"


@frozen
class Notable:
    """Something that is not wrong and that a person should see."""

    line: int
    column: str
    text: str
    #: Whether it must be confirmed before money moves.
    confirm: bool = False

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.text}"


@frozen
class ReadRow:
    """What was read from one row."""

    line: int
    top_up: TopUp | None
    problems: tuple[Problem, ...] = ()
    notables: tuple[Notable, ...] = ()
    #: Of a row that has problems: its reference, where that is none of them.
    reference: str = ""


def read_row(line: int, cells: Mapping[str, Any]) -> ReadRow:
    """Return the payout in *cells* (column -> text, or a JSON value), or everything that is wrong with it."""
    problems: list[Problem] = []
    notables: list[Notable] = []
    values: dict[str, Any] = {}
    for column in (*REQUIRED, *OPTIONAL):
        try:
            value = _READ[column](cells.get(column))
        except InvalidInput as error:
            problems.append(Problem(line, column, error.rule))
            value = _GOOD[column]
        if value is not None:
            values[column] = value
    top_up = _checked(line, values, problems)
    if top_up is not None:
        notables += _notables(line, cells, top_up)
    readable = top_up is None and all(one.column != "partner_reference_no" for one in problems)
    reference = values["partner_reference_no"] if readable else ""
    return ReadRow(line, top_up, tuple(problems), tuple(notables), reference)


def _checked(line: int, values: dict[str, Any], problems: list[Problem]) -> TopUp | None:
    """Return the operation; add every rule of it that *values* break to *problems*."""
    while True:
        try:
            top_up = TopUp(**values)
        except InvalidInput as error:
            problems.append(Problem(line, error.field, error.rule))
            # A good value in its place, so that the next broken rule shows as well.
            values[error.field] = _GOOD[error.field]
        else:
            return None if problems else top_up


_GOOD: Final[dict[str, Any]] = {
    "partner_reference_no": "good",
    "customer_number": "6281773628883",
    "customer_name": "good",
    "amount": Money(1),
    "notes": "good",
    "beneficiary_email": None,
    "beneficiary_provider": "gopay",
}


def _notables(line: int, cells: Mapping[str, Any], top_up: TopUp) -> list[Notable]:
    found = []
    written = str(cells["customer_number"]).strip()
    if written != top_up.customer_number:
        found.append(Notable(line, "customer_number", f"{written} is taken as {top_up.customer_number}"))
    if len(top_up.notes) > SHORT_NOTES:
        rule = f"has {len(top_up.notes)} characters: an older page of the provider allows {SHORT_NOTES}"
        found.append(Notable(line, "notes", rule))
    if re.fullmatch(r"\d{15,}0{3,}", top_up.partner_reference_no):
        rule = "ends in zeros after 15 digits: was it rounded by a spreadsheet?"
        found.append(Notable(line, "partner_reference_no", rule, confirm=True))
    return found


# --- one cell --------------------------------------------------------------------------------------------------------


def _text(value: Any, column: str) -> str:
    if value is None:
        raise InvalidInput(column, "is required")
    if not isinstance(value, str):
        raise InvalidInput(column, "must be text, in quotes")
    text = value.strip()
    if not text:
        raise InvalidInput(column, "is required")
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise InvalidInput(column, "holds a line break or another control character")
    return text


_SCIENTIFIC: Final = re.compile(r"[+-]?\d+([.,]\d+)?[eE][+-]?\d+", re.ASCII)
_DAMAGED: Final = "was damaged by a spreadsheet: format the column as text and write all digits"


def _reference(value: Any) -> str:
    text = _text(value, "partner_reference_no")
    if _SCIENTIFIC.fullmatch(text):
        raise InvalidInput("partner_reference_no", f"{text[:24]!r} {_DAMAGED}")
    return text


def _number(value: Any) -> str:
    text = _text(value, "customer_number")
    if _SCIENTIFIC.fullmatch(text):
        raise InvalidInput("customer_number", _DAMAGED)
    plain = re.sub(r"[ .()\-]", "", text)
    if plain.startswith("+62"):
        plain = plain[1:]
    elif plain.startswith("08"):
        plain = f"62{plain[1:]}"
    if re.fullmatch(r"62[1-9]\d{6,12}", plain, re.ASCII):
        return plain
    raise InvalidInput("customer_number", _number_rule(plain))


def _number_rule(plain: str) -> str:
    if re.fullmatch(r"8\d{7,12}", plain, re.ASCII):
        return "begins with 8: a spreadsheet may have dropped the 0 before it; write it with 62 in front"
    if plain.startswith("620"):
        return "has a 0 after 62: write 628..., without it"
    return "must be an Indonesian mobile number: 62 and the number without its 0, for example 6281773628883"


_AMOUNT: Final = re.compile(r"[1-9]\d{0,10}(\.00)?", re.ASCII)
#: Shape of an amount that is refused -> what to write instead; the first that fits is said.
_AMOUNTS: Final = (
    (r"\d+(\.\d{3})+(,\d*)?", "points for thousands are read as decimals elsewhere"),
    (r"\d+(,\d{3})+(\.\d*)?", "commas for thousands are read as decimals elsewhere"),
    (r"(?i)(rp|idr)\.?\s*.*", "no currency sign"),
    (r"[+-]?\d+([.,]\d+)?[eE][+-]?\d+", "a spreadsheet wrote it with an exponent"),
    (r"\d+[.,]0+", "no decimals, or exactly .00"),
    (r"\d+[.,]\d+", "whole rupiah only"),
    (r"-.*", "an amount is positive"),
    (r"0+(\.00)?", "an amount is positive"),
    (r"0\d+(\.00)?", "no zeros in front"),
    (r"\d{12,}(\.00)?", "99999999999 is the most that the provider takes"),
)


def _amount(value: Any) -> Money:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    # A number of JSON Lines is a Decimal that still has the digits of the file.
    text = _text(value if value is None or isinstance(value, str) else str(value), "amount")
    if _AMOUNT.fullmatch(text):
        return Money(text)
    why = next((words for shape, words in _AMOUNTS if re.fullmatch(shape, text, re.ASCII)), "digits only")
    raise InvalidInput(
        "amount", f"{text[:24]!r} is not clear ({why}): write whole rupiah in digits, such as {_as(text)}"
    )


def _as(text: str) -> str:
    """Return the digits that *text* most likely means; an example where it is not plain."""
    plain = re.sub(r"[.,][0-9]{1,2}$", "", re.sub(r"[^0-9.,]", "", text))
    digits = re.sub(r"[.,]", "", plain).lstrip("0")
    return digits if 0 < len(digits) < 12 and not _SCIENTIFIC.fullmatch(text) else "10000"


def _optional(column: str) -> Any:
    def read(value: Any) -> str | None:
        return None if value is None or (isinstance(value, str) and not value.strip()) else _text(value, column)

    return read


_READ: Final[dict[str, Any]] = {
    "partner_reference_no": _reference,
    "customer_number": _number,
    "customer_name": lambda value: _text(value, "customer_name"),
    "amount": _amount,
    "notes": lambda value: _text(value, "notes"),
    "beneficiary_email": _optional("beneficiary_email"),
    "beneficiary_provider": _optional("beneficiary_provider"),
}
