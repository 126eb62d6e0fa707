"""What can go wrong between two computers, and when it shall.  Knows no operation's meaning and no socket."""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from attrs import define, evolve, field, frozen

from ..errors import InvalidInput
from ..operation import Operation


@frozen
class Fault:
    """One thing that goes wrong with one request."""

    #: The name in a plan.
    name: str
    #: Whether the request is processed before it goes wrong.
    processed: bool = True
    #: Of the delay, the skew, or Retry-After.
    seconds: float = 0.0

    def after(self) -> "Fault":
        """Return the same fault, with the request processed first."""
        return evolve(self, processed=True)

    def before(self) -> "Fault":
        """Return the same fault, with the request not processed."""
        return evolve(self, processed=False)


#: The connection cannot be had: in process proved not sent, over a socket closed unread.
DROP_BEFORE: Final = Fault("drop-before", processed=False)
#: Processed, then the connection closes without an answer: the one that costs money.
DROP_AFTER: Final = Fault("drop-after")
#: Never answers; processed unless `.before()` is asked for.
HANG: Final = Fault("hang")
#: The connection is reset.
RESET: Final = Fault("reset")
#: HTTP 500 with an envelope: not processed, or processed and still 500.
ERROR_BEFORE: Final = Fault("error", processed=False)
ERROR_AFTER: Final = Fault("error")
#: HTTP 504 with an envelope.
TIMEOUT_BEFORE: Final = Fault("timeout", processed=False)
TIMEOUT_AFTER: Final = Fault("timeout")
#: An HTML page of a gateway, HTTP 502.
BAD_GATEWAY: Final = Fault("bad-gateway", processed=False)
#: The answer ends in the middle.
TRUNCATED: Final = Fault("truncated")
#: The answer is not JSON.
MALFORMED_JSON: Final = Fault("malformed-json")
#: HTTP 200 with a web page, as a captive portal sends it.
WRONG_CONTENT: Final = Fault("wrong-content", processed=False)
#: The answer is about another request.
OTHER_ANSWER: Final = Fault("other-answer")
#: The answer has a field that nobody knows, a status that nobody knows, or `expiresIn` as a number.
UNKNOWN_FIELD: Final = Fault("unknown-field")
UNKNOWN_STATUS: Final = Fault("unknown-status")
NUMERIC_EXPIRY: Final = Fault("numeric-expiry")
#: The access token is revoked just before the request arrives.
TOKEN_REVOKED: Final = Fault("token-revoked")


def rate_limited(retry_after: float = 1) -> Fault:
    """Return HTTP 429 with Retry-After in seconds."""
    return Fault("rate-limited", processed=False, seconds=retry_after)


def delay(seconds: float) -> Fault:
    """Return an answer that comes *seconds* of virtual time late."""
    return Fault("delay", seconds=seconds)


def clock_skew(seconds: float) -> Fault:
    """Return a provider whose clock is *seconds* ahead, or behind when negative."""
    return Fault("clock-skew", seconds=seconds)


FAULTS: Final = {
    one.name: one
    for one in (
        DROP_BEFORE,
        DROP_AFTER,
        HANG,
        RESET,
        ERROR_AFTER,
        TIMEOUT_AFTER,
        BAD_GATEWAY,
        TRUNCATED,
        MALFORMED_JSON,
        WRONG_CONTENT,
        OTHER_ANSWER,
        UNKNOWN_FIELD,
        UNKNOWN_STATUS,
        NUMERIC_EXPIRY,
        TOKEN_REVOKED,
        rate_limited(),
        delay(1),
        clock_skew(600),
    )
}

Target = type[Operation[Any]] | str | None


@define(eq=False)
class Rule:
    """When one fault shall happen."""

    fault: Fault
    target: Target
    nth: int
    times: int | None
    #: None: always.
    chance: Callable[[], bool] | None = None
    #: Requests that it looked at, and those that it hit.
    seen: int = 0
    met: int = 0

    def applies(self, operation: type[Operation[Any]], path: str) -> bool:
        """Count a request and say whether the fault meets it."""
        if self.target is not None and self.target not in (operation, operation.__name__, path):
            return False
        self.seen += 1
        return self.seen >= self.nth and self.met != self.times and (self.chance is None or self.chance())


@define
class FaultPlan:
    """Faults by script, or at random with a seed; the first rule that applies decides.

    plan.add(DROP_AFTER, on=TopUp, nth=3)          # the third top-up is paid, and its answer lost
    plan.random(0.05, ERROR_AFTER, HANG, seed=7)   # five in a hundred requests, whichever
    """

    _rules: list[Rule] = field(factory=list, init=False)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule, in the order in which they are asked."""
        return tuple(self._rules)

    def add(self, fault: Fault, *, on: Target = None, nth: int = 1, times: int | None = 1) -> None:
        """Let *fault* meet the *nth* request to *on* and those after it, *times* in all (None: for ever).

        *on* is an operation's class or name, or a path; None is every request.
        """
        if nth < 1:
            raise InvalidInput("nth", "counts from 1")
        self._rules.append(Rule(fault, on, nth, times))

    def at_random(self, rate: float, *faults: Fault, on: Target = None, seed: int = 0) -> None:
        """Let a share of *rate* (0 to 1) of the requests to *on* meet one of *faults*; the same seed, the same ones."""
        if not faults or not 0 <= rate <= 1:
            raise InvalidInput("rate", "must be from 0 to 1, with at least one fault")
        source = Random(seed)  # noqa: S311  # to be repeatable, not to be secret
        for done, fault in enumerate(faults):
            # Each rule decides only where those before it did not: equal shares need growing chances.
            share = rate / len(faults)
            self._rules.append(Rule(fault, on, 1, None, _chance(source, share / (1 - share * done))))

    def remove(self, rule: Rule) -> None:
        """Forget *rule*, if it is still there."""
        self._rules = [one for one in self._rules if one is not rule]

    def clear(self) -> None:
        """Forget every rule."""
        self._rules.clear()

    def choose(self, operation: type[Operation[Any]], path: str) -> Fault | None:
        """Return the fault of this request, None for none."""
        # Every rule counts every request, so that "the third" stays the third whatever happened to the others.
        found = [rule for rule in self._rules if rule.applies(operation, path)]
        if not found:
            return None
        found[0].met += 1
        return found[0].fault


def _chance(source: Random, rate: float) -> Callable[[], bool]:
    return lambda: source.random() < rate
