"""Whether to send again, and when: a pure decision.  Knows no request, no clock and no network."""

from datetime import datetime, timedelta
from typing import Final

from .errors import Duplicate, RateLimited
from .exchange import Verdict, Word
from .models import WIB
from .operation import Retry

#: Repeats of one `send`, whatever their reason.
REPEATS: Final = 2
_FIRST_WAIT: Final = 0.5


def wait_before_repeat(
    policy: Retry, verdict: Verdict, *, repeats: int, started: datetime, now: datetime, left: float, jitter: float
) -> float | None:
    """Return the seconds to wait before the same operation is sent again, None when it must not be.

    *repeats* were made already, the first attempt was *started*, *left* seconds remain of the budget, *jitter* is a
    random number from 0 to 1.  An access token that was rejected is not this function's business.
    """
    if repeats >= REPEATS or not _may_repeat(policy, verdict):
        return None
    wait = _FIRST_WAIT * 2**repeats * (1 + jitter)
    if verdict.received and verdict.received.retry_after is not None:
        wait = max(wait, verdict.received.retry_after)
    # Until the budget ends it may wait for a token or a connection: even then it must leave on the same day.
    if policy is Retry.SAME_ID and not same_day(started, now + timedelta(seconds=left)):
        return None
    return wait if wait < left else None


def same_day(first: datetime, second: datetime) -> bool:
    """Whether both fall on one day of the provider, for whom external ids are unique per day of +07:00."""
    return first.astimezone(WIB).date() == second.astimezone(WIB).date()


def _may_repeat(policy: Retry, verdict: Verdict) -> bool:
    if policy not in (Retry.RESEND, Retry.SAME_ID):
        return False
    if verdict.word is Word.REFUSED:
        return verdict.error is RateLimited
    # A read whose id was used today gets a fresh one; a payment's id says that the provider has it.
    if verdict.error is Duplicate:
        return policy is Retry.RESEND
    return verdict.word is Word.NOT_SENT or verdict.again
