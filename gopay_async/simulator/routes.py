"""Which operation a method and a path stand for.  Knows no header but the one that tells two variants apart."""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import unquote

from attrs import define, field, frozen
from multidict import CIMultiDict

from ..exchange import Request
from ..operation import Need, Operation

_Kind = type[Operation[Any]]
_BRACES: Final = re.compile(r"\{(\w+)\}")


@frozen
class Route:
    """What was found for a request."""

    operation: _Kind
    path: str
    #: What the braces of the template stand for, decoded.
    placed: dict[str, str]


class NoRoute(Exception):
    """Nothing is served there."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


def by_customer(candidates: "list[_Kind]", request: Request, headers: "CIMultiDict[str]") -> _Kind:
    """Return the variant for linked customers when their header is there, else the other one."""
    linked = "Authorization-Customer" in headers
    wanted = [one for one in candidates if (one.endpoint.customer is Need.REQUIRED) == linked]
    return (wanted or candidates)[0]


#: (method, path) -> what tells its operations apart, where the customer's header does not.
Chooser = Callable[["list[_Kind]", Request, "CIMultiDict[str]"], _Kind]


@define
class Routes:
    """The table of everything that is served."""

    choosers: dict[tuple[str, str], Chooser] = field(factory=dict)
    _fixed: dict[tuple[str, str], list[_Kind]] = field(factory=dict, init=False)
    _templates: "list[tuple[str, str, re.Pattern[str], list[_Kind]]]" = field(factory=list, init=False)

    @classmethod
    def of(cls, operations: Iterable[_Kind], choosers: dict[tuple[str, str], Chooser] | None = None) -> "Routes":
        """Return the routes of *operations*."""
        routes = cls(choosers or {})
        for one in operations:
            routes._fixed.setdefault((one.endpoint.method, one.endpoint.path), []).append(one)
        for (method, path), found in routes._fixed.items():
            if "{" in path:
                routes._templates.append((method, path, _pattern(path), found))
        return routes

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that is served, templates with their braces."""
        return tuple(dict.fromkeys(path for _, path in self._fixed))

    def find(self, request: Request, headers: "CIMultiDict[str]") -> Route:
        """Return the operation that *request* is for; raise NoRoute."""
        path = request.target.partition("?")[0]
        found, template, placed = self._candidates(request.method, path)
        if not found:
            raise self._nothing(request.method, path)
        if len(found) == 1:
            return Route(found[0], path, placed)
        choose = self.choosers.get((request.method, template), by_customer)
        return Route(choose(found, request, headers), path, placed)

    def _candidates(self, method: str, path: str) -> tuple[list[_Kind], str, dict[str, str]]:
        fixed = self._fixed.get((method, path))
        if fixed:
            return fixed, path, {}
        for of_method, template, pattern, found in self._templates:
            match = pattern.fullmatch(path) if of_method == method else None
            if match:
                return found, template, {name: unquote(text) for name, text in match.groupdict().items()}
        return [], path, {}

    def _nothing(self, method: str, path: str) -> NoRoute:
        others = [one for one in ("GET", "POST", "PUT", "DELETE") if one != method and self._candidates(one, path)[0]]
        if others:
            return NoRoute(405, f"{method} is not allowed here, {' and '.join(others)} is")
        near = get_close_matches(path, self.paths, n=1, cutoff=0.7)
        hint = f"; did you mean {near[0]}?" if near else ""
        return NoRoute(404, f"nothing is served at {path[:80]}{hint}")


def _pattern(path: str) -> "re.Pattern[str]":
    parts = _BRACES.split(path)
    names = (f"(?P<{part}>[^/?]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
    return re.compile("".join(names))
