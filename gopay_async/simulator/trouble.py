"""What can go wrong with notifications on their way.  Knows no connection; these switches stay on until turned off."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from attrs import define

from .notices import Notice

_SIGNATURES: Final = ("X-SIGNATURE", "Iris-Signature")


@define
class Trouble:
    """Switches for the delivery of notifications; none of them is a mistake of the receiver."""

    #: Everything is delivered twice.
    duplicates: bool = False
    #: What is due together is delivered newest first.
    reordered: bool = False
    #: The signatures do not fit.
    wrong_signature: bool = False
    #: Virtual seconds by which every first delivery is late.
    late: float = 0.0

    def is_due(self, notice: Notice, waited: timedelta) -> bool:
        """Whether *notice*, whose time came *waited* ago, is to be delivered."""
        return waited >= timedelta(seconds=0 if notice.attempts else self.late)

    def route(self, due: Iterable[Notice]) -> Iterator[Notice]:
        """Yield what is due in the order of delivery."""
        ordered = list(due)
        yield from reversed(ordered) if self.reordered else ordered

    def headers(self, notice: Notice) -> dict[str, str]:
        """Return the headers that *notice* goes out with."""
        made = notice.headers
        return {
            name: _spoilt(value) if self.wrong_signature and name in _SIGNATURES else value
            for name, value in made.items()
        }


def _spoilt(signature: str) -> str:
    # The length and the alphabet stay right, so that a receiver gets as far as the comparison.
    return signature[:10] + ("b" if signature[10] != "b" else "c") + signature[11:]
