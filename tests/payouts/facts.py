"""Facts for the tests of the plan, and where they happen."""

from datetime import UTC, datetime, timedelta
from typing import Any

from gopay_async.payouts.plan import (
    Answered,
    Asked,
    Crashed,
    Finding,
    Moment,
    Notice,
    Noticed,
    Outcome,
    Reach,
    Rules,
    Standing,
    State,
    Transition,
    Trust,
    decide,
)

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
RULES = Rules()
TRUSTED = Trust(proved=True)
NUMBER = "6281773628883"
AMOUNT = 1_000_000


def moment(minutes: float = 0, *, runner: str = "one", mono: float | None = None) -> Moment:
    seconds = minutes * 60
    return Moment(at=START + timedelta(seconds=seconds), mono=seconds if mono is None else mono, runner=runner)


def standing(state: State = State.PLANNED, **changes: Any) -> Standing:
    """Return a payout in *state*, as it got there by the usual way."""
    usual: dict[str, Any] = {"state": state, "amount": AMOUNT, "number": NUMBER, "imported_at": START}
    if state is not State.PLANNED:
        usual |= {"attempt": 1, "first_sent_at": START}
    if state in (State.ACCEPTED, State.UNKNOWN):
        usual |= {"sent_until": START, "sent_mono": 0.0, "sent_by": "one", "ask_at": START + RULES.patience}
    if state is State.ACCEPTED:
        usual |= {"accepted": True, "reference_no": "A1"}
    return Standing(**{**usual, **changes})


def answered(outcome: Outcome, **changes: Any) -> Answered:
    return Answered(**{"when": moment(1), "attempt": 1, "outcome": outcome, "said": "said", **changes})


def asked(finding: Finding, minutes: float = 10, **changes: Any) -> Asked:
    return Asked(**{"when": moment(minutes), "attempt": 1, "finding": finding, "said": "said", **changes})


def noticed(notice: Notice, **changes: Any) -> Noticed:
    return Noticed(**{"at": moment(2).at, "notice": notice, "reference_no": "A1", "said": "said", **changes})


def after(row: Standing, fact: Any, *, trust: Trust = TRUSTED, rules: Rules = RULES) -> Transition:
    return decide(row, fact, rules, trust)


__all__ = [
    "AMOUNT",
    "NUMBER",
    "RULES",
    "START",
    "TRUSTED",
    "Crashed",
    "Reach",
    "after",
    "answered",
    "asked",
    "moment",
    "noticed",
    "standing",
]
