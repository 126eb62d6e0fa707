"""What the last outcomes of a job had in common, and when that is enough.  Knows no payout."""

from typing import Final

from attrs import frozen

from .facts import Outcome, Rules, State, Transition

_BLOCKED: Final = frozenset({Outcome.NOT_SENT, Outcome.TOKEN_REJECTED})


@frozen(kw_only=True)
class Streak:
    """What the last outcomes of a job had in common."""

    unknown: int = 0
    elsewhere: int = 0
    blocked: int = 0

    def follow(self, outcome: Outcome, done: Transition) -> "Streak":
        """Return the streak after one more outcome."""
        blocked = outcome in _BLOCKED
        if not blocked and not done.elsewhere and done.standing.state is not State.UNKNOWN:
            return BROKEN
        return Streak(
            unknown=self.unknown + 1 if done.standing.state is State.UNKNOWN else 0,
            elsewhere=self.elsewhere + 1 if done.elsewhere else 0,
            blocked=self.blocked + 1 if blocked else 0,
        )

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
