"""What the last outcomes of a job had in common, and when that is enough.  Knows no payout."""

from typing import Final

from attrs import evolve, frozen

from .facts import Outcome, Rules, State, Transition

_BLOCKED: Final = frozenset({Outcome.NOT_SENT, Outcome.TOKEN_REJECTED})
#: What tells nothing about how payouts end: between two unknown outcomes it does not break their row.
_NOTHING: Final = _BLOCKED | {Outcome.NO_TOKEN, Outcome.RATE_LIMITED}


@frozen(kw_only=True)
class Streak:
    """What the last outcomes of a job had in common."""

    unknown: int = 0
    elsewhere: int = 0
    blocked: int = 0

    def follow(self, outcome: Outcome, done: Transition) -> "Streak":
        """Return the streak after one more outcome."""
        if outcome in _NOTHING:
            return evolve(self, blocked=self.blocked + (outcome in _BLOCKED))
        if done.standing.state is State.UNKNOWN:
            return evolve(self, unknown=self.unknown + 1)
        return Streak(elsewhere=self.elsewhere + 1) if done.elsewhere else BROKEN

    def pause(self, rules: Rules) -> str:
        """Return why the job must pause, empty when it goes on."""
        if self.unknown >= rules.unknown_in_a_row:
            return f"{self.unknown} unknown outcomes in a row"
        if self.elsewhere >= rules.elsewhere_in_a_row:
            return f"{self.elsewhere} references in a row were used elsewhere"
        if self.blocked >= rules.blocked_in_a_row:
            return f"{self.blocked} attempts in a row did not get through"
        return ""


#: The one that begins with the next outcome.
BROKEN: Final = Streak()
