"""How a payout goes from one state to another: what every decision of the plan is made of.  Pure."""

from typing import Any

from attrs import evolve

from .facts import OPEN, Moment, Reach, Rules, Standing, State, Transition, changed


def to(row: Standing, state: State, reason: str, **changes: Any) -> Transition:
    """Let *row* go to *state*."""
    standing = {"state": state, "reason": reason, "ask_at": row.ask_at if state in OPEN else None, **changes}
    return Transition(standing=changed(row, standing))


def unknown(row: Standing, when: Moment, reason: str, rules: Rules) -> Transition:
    """Let *row*, which may have been sent up to *when*, be asked about once that tells something."""
    return to(
        row,
        State.UNKNOWN,
        reason,
        sent_until=when.at,
        sent_mono=when.mono,
        sent_by=when.runner,
        asked=0,
        ask_at=when.at + rules.patience,
    )


def disputed(row: Standing, reason: str) -> Transition:
    """Leave *row* to a person."""
    return to(row, State.DISPUTED, reason, ask_at=None)


def difference(row: Standing, amount: int | None, number: str | None) -> str:
    """Return in what the amount or the number that somebody names differs from *row*; empty where it does not."""
    if amount is not None and amount != row.amount:
        return f"Rp {amount / 100:.2f} instead of Rp {row.amount / 100:.2f}"
    if number and number.lstrip("+") != row.number:
        return "another number"
    return ""


def unexpected(row: Standing, said: str) -> Transition:
    """Dispute a payout that waits to be sent, and that the provider has all the same: sent again, it is paid twice."""
    wrong = "the provider holds a reference that the inquiry did not find" if row.reach is Reach.NOT_FOUND else ""
    done = disputed(row, f"{said}, and yet nothing is under way")
    return evolve(done, disproves=wrong, elsewhere=row.reach is Reach.NOWHERE)
