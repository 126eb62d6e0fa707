"""The facts of the provider's tables, as data.  Knows no model of the package.

One TOML file a family.  A table is an operation, a notification or a redirect:

* `request` and `response`: rows of wire path, type, greatest length (0 where none is given), M, O or C, and the values
  that are listed.  `?name` is a query parameter, `{name}` a part of the path, `[]` an entry of a list.
* `codes`: rows of response code, HTTP status, message, what may follow, and the class of the error.
* `headers`: those that every call carries; `may`: those that it may carry.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from attrs import field, frozen

HERE = Path(__file__).parent
SETS = {
    "TOKEN": ["Content-Type", "X-TIMESTAMP", "X-CLIENT-KEY", "X-SIGNATURE"],
    "B2B": [
        *("Content-Type", "Authorization", "X-TIMESTAMP", "X-SIGNATURE"),
        *("X-PARTNER-ID", "X-EXTERNAL-ID", "CHANNEL-ID"),
    ],
    "CUSTOMER": ["Authorization-Customer", "X-DEVICE-ID"],
    "PLACE": ["X-IP-ADDRESS", "X-LATITUDE", "X-LONGITUDE"],
}
ANSWER = [["responseCode", "String", 7, "M"], ["responseMessage", "String", 150, "M"]]


@frozen
class Row:
    """One row of a field table."""

    path: str
    type: str
    length: int
    attr: str
    values: tuple[str, ...] = ()

    @property
    def parents(self) -> list[str]:
        """The paths of the objects around it, outermost first."""
        steps = self.path.split(".")
        return [".".join(steps[:count]).removesuffix("[]") for count in range(1, len(steps))]


@frozen
class Code:
    """One row of a table of response codes."""

    code: str
    http: int
    message: str
    #: "-" a success; "no"; "token": once, after a new access token; "same": same id and bytes; "read": a fresh id;
    #: "ask": only an inquiry; "new": only the caller, with a new id; "success": a success that the table does not list.
    retriable: str
    error: str


@frozen(kw_only=True)
class Table:
    """What the page of one operation, notification or redirect says."""

    name: str
    kind: str
    family: str
    method: str
    path: str
    service: str | None
    source: str
    headers: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    request: tuple[Row, ...] = ()
    response: tuple[Row, ...] = ()
    codes: tuple[Code, ...] = ()
    extra: dict[str, Any] = field(factory=dict)


@frozen
class Case:
    """One row of the national case table."""

    status: int
    case: str
    meaning: str
    error: str


def _rows(rows: list[list[Any]]) -> tuple[Row, ...]:
    return tuple(Row(path, kind, length, attr, tuple(values)) for path, kind, length, attr, *values in rows)


def _names(sets: list[str]) -> tuple[str, ...]:
    return tuple(name for one in sets for name in SETS.get(one, [one]))


def _table(name: str, facts: dict[str, Any]) -> Table:
    snap = facts["family"] == "BI-SNAP" and facts["kind"] == "operation"
    return Table(
        name=name,
        kind=facts["kind"],
        family=facts["family"],
        method=facts.get("method", "POST"),
        path=facts["path"],
        service=facts.get("service"),
        source=facts["source"],
        headers=_names(facts.get("headers", [])),
        may=_names(facts.get("may", [])),
        request=_rows(facts.get("request", [])),
        response=_rows([*(ANSWER if snap else []), *facts.get("response", [])]),
        codes=tuple(Code(*row) for row in facts.get("codes", [])),
    )


@cache
def tables() -> dict[str, Table]:
    """Return every table by name."""
    files = sorted(one for one in HERE.glob("*.toml") if one.name not in ("cases.toml", "quirks.toml"))
    found = [(name, facts) for one in files for name, facts in tomllib.loads(one.read_text("utf-8")).items()]
    assert len(found) == len({name for name, _ in found})
    return {name: _table(name, facts) for name, facts in found}


def of_kind(kind: str) -> dict[str, Table]:
    """Return the tables of *kind*: operation, notification or redirect."""
    return {name: one for name, one in tables().items() if one.kind == kind}


@cache
def national_cases() -> tuple[Case, ...]:
    """Return the national case table."""
    return tuple(Case(*row) for row in tomllib.loads((HERE / "cases.toml").read_text("utf-8"))["cases"])


@cache
def quirks() -> dict[str, str]:
    """Return every quirk of the pages by id, with what it is about."""
    found: dict[str, str] = tomllib.loads((HERE / "quirks.toml").read_text("utf-8"))["quirks"]
    return found
