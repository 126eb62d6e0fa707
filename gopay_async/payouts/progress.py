"""How a run is set, and what it tells while it goes.  Knows no ledger's file and no network."""

from datetime import timedelta
from enum import Enum

from attrs import field, frozen

from ..api import QueryTopUp, QueryTransfer
from .desk import Moved
from .ledger import Counts
from .plan import Rules
from .records import Job

Contract = type[QueryTransfer] | type[QueryTopUp]


@frozen(kw_only=True)
class Settings:
    """How a job is run."""

    #: Requests under way at once, and how many may start in a second (None: as many as there are).
    concurrency: int = 20
    rate: float | None = None
    #: How long to wait for payouts that are accepted, or unknown, once everything is sent.
    wait: timedelta = timedelta(0)
    #: What settles an unknown outcome: neither contract is confirmed against the live service.
    contract: Contract = QueryTransfer
    #: Seconds for one request; None: the session's.
    timeout: float | None = None
    rules: Rules = field(factory=Rules)


class How(Enum):
    """How a run ended."""

    PAID = "all paid"
    DONE = "finished, and not all are paid"
    OPEN = "some are still open"
    PAUSED = "paused"
    INTERRUPTED = "interrupted"


@frozen(kw_only=True)
class Started:
    """The run has the ledger, and begins."""

    job: Job
    counts: Counts


@frozen(kw_only=True)
class Waiting:
    """Everything is sent; the next inquiry is due in *seconds*."""

    seconds: float


@frozen(kw_only=True)
class Slowed:
    """The provider asked for fewer requests; *rate* a second from now on."""

    rate: float


@frozen(kw_only=True)
class Ended:
    """The run is over."""

    job: Job
    how: How
    counts: Counts
    reason: str = ""


RunEvent = Started | Moved | Waiting | Slowed | Ended
