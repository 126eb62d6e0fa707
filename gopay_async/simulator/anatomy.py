"""A request taken apart for people: what was expected beside what was received.  Knows no HTML."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final

from attrs import evolve, frozen

from .provider import Seen
from .report import Finding, Report
from .simulator import Simulator
from .veil import Veil, veil_of

#: More of a text is not shown.
LIMIT: Final = 20_000
#: Longer texts are cut once, where they begin and end to differ.
_COMPARED: Final = 4_000
#: Fewer characters than this are the same by chance.
_CHANCE: Final = 6
#: What is compared.
STRING: Final = "String to sign"
BODY: Final = "Body"
#: The part that stands for the body.
DIGEST: Final = "SHA-256 of the minified body"


@frozen
class Run:
    """A piece of two texts that is the same in both, or not."""

    expected: str
    received: str

    @property
    def differs(self) -> bool:
        """Whether the texts differ here."""
        return self.expected != self.received


@frozen
class Difference:
    """Two texts, cut where they begin and end to differ."""

    before: str
    expected: str
    received: str
    after: str

    @property
    def runs(self) -> tuple[Run, ...]:
        """What lies between, cut where the texts are the same again for a while."""
        if max(len(self.expected), len(self.received)) > _COMPARED:
            return (Run(self.expected, self.received),)
        matcher = SequenceMatcher(None, self.expected, self.received, autojunk=False)
        made: list[Run] = []
        for tag, start, end, from_, to in matcher.get_opcodes():
            run = Run(self.expected[start:end], self.received[from_:to])
            # A few letters are the same by chance, as in two digests.
            if made and made[-1].differs and (tag != "equal" or end - start < _CHANCE):
                made[-1] = Run(made[-1].expected + run.expected, made[-1].received + run.received)
            else:
                made.append(run)
        return tuple(made)

    @property
    def position(self) -> int:
        """Number of the first character that differs, from 1."""
        return len(self.before) + 1


@frozen
class Comparison:
    """Two texts that should be the same."""

    title: str
    expected: str
    #: None when it is not known.
    received: str | None
    hint: str = ""
    expected_label: str = "expected"
    received_label: str = "received"

    @property
    def difference(self) -> Difference | None:
        """Where they differ, None when they do not."""
        if self.received is None or self.received == self.expected:
            return None
        return compare(self.expected, self.received)


@frozen
class Part:
    """One part of the string to sign."""

    name: str
    expected: str
    #: What was signed in its place, where that is known.
    signed: str | None

    @property
    def differs(self) -> bool:
        """Whether something else was signed."""
        return self.signed not in (None, self.expected)


@frozen
class Anatomy:
    """Everything that the page shows of one request."""

    seen: Seen
    headers: tuple[tuple[str, str], ...]
    body: str
    minified: str
    is_minified: bool
    answer: str
    findings: tuple[Finding, ...]
    parts: tuple[Part, ...]
    comparisons: tuple[Comparison, ...]
    #: Whether what was signed could be found out.
    is_explained: bool

    @property
    def report(self) -> Report | None:
        """What the gate found."""
        return self.seen.report


def compare(expected: str, received: str) -> Difference:
    """Cut two texts where they begin and end to differ."""
    shortest = min(len(expected), len(received))
    start = next((at for at in range(shortest) if expected[at] != received[at]), shortest)
    left = shortest - start
    end = next((at for at in range(left) if expected[-1 - at] != received[-1 - at]), left)
    return Difference(
        expected[:start],
        expected[start : len(expected) - end],
        received[start : len(received) - end],
        expected[len(expected) - end :],
    )


def take_apart(simulator: Simulator, seen: Seen) -> Anatomy:
    """Return the request with its signature taken apart, without secrets."""
    veil, report = veil_of(simulator, seen), seen.report
    signed = report.signed if report else None
    body, minified = _text(seen.request.body), _text(report.minified if report else seen.request.body)
    return Anatomy(
        seen=seen,
        headers=tuple((name, veil(value)) for name, value in seen.request.headers.items()),
        body=veil(body),
        minified=veil(minified),
        is_minified=body == minified,
        answer=veil(_text(seen.response.body)) if seen.response else "",
        findings=tuple(evolve(one, text=veil(one.text)) for one in report.findings) if report else (),
        parts=tuple(_parts(report, signed, veil)) if report and report.anatomy else (),
        comparisons=tuple(_veiled(one, veil) for one in _comparisons(report, signed)) if report else (),
        is_explained=signed is not None,
    )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")[:LIMIT]


def _veiled(one: Comparison, veil: Veil) -> Comparison:
    return evolve(one, expected=veil(one.expected), received=None if one.received is None else veil(one.received))


def _parts(report: Report, signed: str | None, veil: Veil) -> Iterator[Part]:
    separator = "|" if "|" in report.string_to_sign else ":"
    names = ("client id", "X-TIMESTAMP") if separator == "|" else _TRANSACTION
    expected = report.string_to_sign.split(separator, len(names) - 1)
    received = report.signed_parts or (signed or "").split(separator, len(names) - 1)
    # A text with other separators cannot be taken apart.
    is_known = len(received) == len(names)
    for place, (name, one) in enumerate(zip(names, expected, strict=True)):
        yield Part(name, veil(one), veil(received[place]) if is_known else None)


_TRANSACTION: Final = ("method", "path", "access token", DIGEST, "X-TIMESTAMP")


def _comparisons(report: Report, signed: str | None) -> Iterator[Comparison]:
    if report.anatomy is None:
        return
    yield Comparison(
        STRING,
        report.string_to_sign,
        signed,
        "" if signed else "What your program signed is not known: no common mistake leads to the signature received.",
        received_label="signed by you",
    )
    yield from _bodies(report)
    yield Comparison("Signature", report.expected_signature, report.received_signature)


def _bodies(report: Report) -> Iterator[Comparison]:
    if report.signed_body is not None:
        hint = "Sign the bytes that you send, and send the bytes that you signed."
        yield Comparison(
            BODY,
            _text(report.minified),
            _text(report.signed_body),
            hint,
            "as received (minified)",
            "as it was signed",
        )
    if report.request.body != report.minified:
        hint = "Spaces outside texts do not count for the signature; in strict mode they are refused."
        yield Comparison(
            "Spaces in the body", _text(report.minified), _text(report.request.body), hint, "minified", "as received"
        )


def own_string(simulator: Simulator, seen: Seen, text: str) -> Comparison | None:
    """Compare the string that somebody says to have signed with the one expected."""
    if seen.report is None or seen.report.anatomy is None:
        return None
    made = Comparison("Your string to sign", seen.report.string_to_sign, text.strip("\r\n"), received_label="yours")
    return _veiled(made, veil_of(simulator, seen))
