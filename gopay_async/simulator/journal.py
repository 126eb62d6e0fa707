"""What happens to a simulator, line by line, for a terminal.  Prints nothing."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import takewhile
from typing import Final, TypeVar

from attrs import define, field

from ..models import WIB
from .anatomy import BODY, DIGEST, STRING, Anatomy, take_apart
from .console import Console
from .control import PREFIX
from .postman import Delivery
from .provider import Seen
from .verdict import code_of, why

#: More requests than this in one look are counted, not told.
MOST: Final = 50
_INDENT: Final = " " * 10
#: Characters of what a receiver answered.
_LONGEST: Final = 200

_T = TypeVar("_T")


@define(eq=False)
class Journal:
    """What has happened since it was last asked."""

    console: Console
    #: Where the page is, for links to requests; empty where there is none.
    url: str = ""
    _request: Seen | None = field(default=None, init=False)
    _delivery: Delivery | None = field(default=None, init=False)

    def news(self) -> list[str]:
        """Return lines about the requests and deliveries that are new; what came from the network is made printable."""
        simulator = self.console.simulator
        requests = _since(self._request, simulator.requests)
        deliveries = _since(self._delivery, simulator.deliveries)
        self._request = requests[-1] if requests else self._request
        self._delivery = deliveries[-1] if deliveries else self._delivery
        told = [(one.at, list(self._about(one))) for one in requests[-MOST:]]
        told += [(one.at, list(_delivered(one))) for one in deliveries[-MOST:]]
        left_out = len(requests[:-MOST])
        lines = [f"{_INDENT}... and {left_out} requests before"] if left_out else []
        lines += [line for _, found in sorted(told, key=lambda pair: pair[0]) for line in found]
        return [_printable(line) for line in lines]

    def _about(self, seen: Seen) -> Iterator[str]:
        name = seen.operation.__name__ if seen.operation else "unknown"
        fault = f"  [fault: {seen.fault}]" if seen.fault else ""
        answer = f"{seen.status or '---'} {code_of(seen)}"
        yield f"{_time(seen.at)}  {answer:<13}{name}  {seen.request.method} {seen.request.target[:100]}{fault}"
        if seen.report is not None and seen.report.findings:
            yield from self._found(take_apart(self.console.simulator, seen))
        elif reason := why(self.console.simulator, seen):
            yield _INDENT + reason

    def _found(self, apart: Anatomy) -> Iterator[str]:
        yield from (f"{_INDENT}{one.name}: {one.text}" for one in apart.findings)
        if apart.report is None or apart.report.accepted:
            return
        yield from (_INDENT + line for line in _compared(apart))
        if self.url:
            yield f"{_INDENT}{self.url}{PREFIX}/requests/{apart.seen.number}"


def _compared(apart: Anatomy) -> Iterator[str]:
    """Return what was signed beside what should have been; of bodies nothing, for people stand in them."""
    is_respelt = any(one.title == BODY for one in apart.comparisons)
    for part in apart.parts:
        if part.differs and not (is_respelt and part.name == DIGEST):
            yield f"{part.name}: expected {part.expected}"
            yield f"{' ' * len(part.name)}    signed {part.signed or 'nothing'}"
    if not apart.is_explained:
        yield from (f"expected string to sign: {one.expected}" for one in apart.comparisons if one.title == STRING)


def _delivered(one: Delivery) -> Iterator[str]:
    yield f"{_time(one.at)}  {one.status or '---'} {'':<9}notification  {one.notice.kind} to {one.url}"
    if not one.accepted and one.said:
        yield _INDENT + one.said[:_LONGEST]


def _since(last: _T | None, log: Iterable[_T]) -> list[_T]:
    found = list(takewhile(lambda one: one is not last, reversed(list(log))))
    return found[::-1]


def _time(at: datetime) -> str:
    return at.astimezone(WIB).strftime("%H:%M:%S")


def _printable(line: str) -> str:
    # What came from the network must not move the cursor, nor anything else, of who reads it.
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in line)
