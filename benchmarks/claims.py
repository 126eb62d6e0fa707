"""One claim: a measured number and its limit, and how to measure ratios on a busy machine.  Knows no claim."""

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
        """Whether every limit is kept; a number without one is for information."""
        low_enough = self.at_most is None or self.measured <= self.at_most
        return low_enough and (self.at_least is None or self.measured >= self.at_least)

    def __str__(self) -> str:
        return f"{self._word}  {self.measured:9.3f}  {self._limits:24}  {self.sentence}"

    @property
    def _word(self) -> str:
        if self.at_least is None and self.at_most is None:
            return "info"
        return "ok  " if self.is_kept else "MISS"

    @property
    def _limits(self) -> str:
        if self.at_least == self.at_most:
            return f"exactly {self.at_most:g}" if self.at_most is not None else ""
        limit = f"at least {self.at_least:g}" if self.at_least is not None else f"at most {self.at_most:g}"
        return f"{limit}, goal {self.goal:g}" if self.goal is not None else limit
