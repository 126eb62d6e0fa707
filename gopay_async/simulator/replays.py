"""What a repeated X-EXTERNAL-ID, or Request-Id, means.  Knows no operation's fields.

The catalogue of the provider's rules: the payment family replays the stored successful answer for 24 hours, account
linking, payouts, history and QRIS answer a conflict.
"""

from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from attrs import define, field

from ..exchange import Response
from ..operation import Auth, Endpoint
from .dates import midnight_after


class Repeat(Enum):
    """What is answered to an id that was seen before."""

    REPLAYED = "the stored successful answer, for 24 hours"
    CONFLICT = "409xx00 for 24 hours"
    CONFLICT_TODAY = "409xx00 until midnight at +07:00"
    PROCESSED = "nothing is said about it: processed again"


#: Service -> what a repeat means; what is not here is processed again (QRIS codes have a rule of their own).
RULES: Final[dict[str, Repeat]] = {
    **dict.fromkeys(("54", "55", "57", "58", "63", "64", "65", "67", "69", "77", "78"), Repeat.REPLAYED),
    **dict.fromkeys(("07", "09", "10"), Repeat.CONFLICT),
    # Whether the inquiries 36 and 39 refuse a used id is not stated on their own pages; "must be unique" is.
    **dict.fromkeys(("12", "13", "36", "37", "38", "39"), Repeat.CONFLICT_TODAY),
}


def rule_of(endpoint: Endpoint) -> Repeat:
    """Return what a repeated id means for *endpoint*."""
    if endpoint.auth in (Auth.MINI_APP, Auth.USER_TOKEN):
        # Request-Id is an idempotency key; its window is not documented.
        return Repeat.REPLAYED
    return RULES.get(endpoint.service or "", Repeat.PROCESSED)


@define
class Seen:
    """An id that was used."""

    at: datetime
    rule: Repeat
    #: The answer, when it was a success.
    answer: Response | None = None

    @property
    def until(self) -> datetime:
        """When it may be used again."""
        return midnight_after(self.at) if self.rule is Repeat.CONFLICT_TODAY else self.at + timedelta(hours=24)


@define
class Replays:
    """Ids that were used, and what was answered."""

    _seen: dict[tuple[str, str], Seen] = field(factory=dict, init=False, repr=False)

    def find(self, path: str, external_id: str, at: datetime) -> Seen | None:
        """Return what is known about *external_id* on *path*, None when it is new or long ago."""
        seen = self._seen.get((path, external_id))
        return seen if seen is not None and at < seen.until else None

    def keep(self, path: str, external_id: str, rule: Repeat, at: datetime, answer: Response) -> None:
        """Remember that *external_id* was used."""
        success = answer if answer.status < 300 and rule is Repeat.REPLAYED else None
        self._seen[path, external_id] = Seen(at, rule, success)
