"""What became of the mistakes that were tried.  Knows no module and no test."""

from attrs import astuple, define


@define
class Tally:
    """How many mistakes there were, and what became of them."""

    found: int = 0
    noticed: int = 0
    #: Of those noticed: by nothing but the time limit.
    hung: int = 0
    #: Of the others: those that change nothing that could be seen.
    equivalent: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))

    @property
    def score(self) -> float:
        """How many in a hundred were noticed, of all there were: what changes nothing is not left out."""
        return 100 * self.noticed / max(self.found, 1)

    def __str__(self) -> str:
        left = self.found - self.noticed
        return (
            f"{self.noticed} of {self.found} noticed ({self.score:.1f} %), {self.hung} by the time limit; "
            f"of the other {left}, {self.equivalent} change nothing"
        )
