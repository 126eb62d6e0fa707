"""One claim: a measured ratio and its limit.  Measures nothing itself."""

from attrs import frozen


@frozen
class Claim:
    """A sentence, its *measured* number, and the limit that it must keep; *goal* is what we would like."""

    sentence: str
    measured: float
    at_least: float | None = None
    at_most: float | None = None
    goal: float | None = None

    @property
    def is_kept(self) -> bool:
        """Whether the limit is kept."""
        return (self.at_least is None or self.measured >= self.at_least) and (
            self.at_most is None or self.measured <= self.at_most
        )

    def __str__(self) -> str:
        limit = f"at least {self.at_least:g}" if self.at_least is not None else f"at most {self.at_most:g}"
        goal = f", goal {self.goal:g}" if self.goal is not None else ""
        return f"{'ok  ' if self.is_kept else 'MISS'}  {self.measured:10.3f}  ({limit}{goal})  {self.sentence}"
