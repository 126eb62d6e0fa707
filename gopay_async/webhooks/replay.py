"""Which notifications were handled: the protocol of a replay store, and the one in memory.  Knows no handler."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from enum import Enum, auto
from hashlib import sha256
from time import monotonic
from typing import Protocol

from attrs import frozen

from ..api import Notification, PayoutNotification


class Standing(Enum):
    """Why there is no claim to be had."""

    #: Somebody handled it, and committed.
    HANDLED = auto()
    #: Somebody is handling it now, and the lease has not run out.
    BUSY = auto()


@frozen
class Claim:
    """The right to handle one event; it ends with the lease, or when somebody else has claimed since."""

    key: str
    #: Grows with every claim of the same key: a commit counts only with the last one.
    fence: int
    #: Whether the event must never be forgotten.
    for_good: bool


class ReplayStore(Protocol):
    """Remembers events, for one process or for many.  Every method may raise StoreFailed, and nothing else."""

    @property
    def keeps(self) -> timedelta | None:
        """How long a handled event is remembered at least, where it is not for good; None for ever."""
        ...

    async def claim(self, key: str, *, lease: timedelta, for_good: bool = False) -> Claim | Standing:
        """Return the claim for *lease*, or why there is none; of many callers at once one gets it."""
        ...

    async def commit(self, claim: Claim) -> bool:
        """Mark the event as handled; return False, and change nothing, where the claim is no longer ours."""
        ...

    async def release(self, claim: Claim) -> None:
        """Give the claim back, so that the next delivery gets one; does nothing where it is no longer ours."""
        ...


def identity_key(notification: Notification) -> str:
    """Return the identity as one word of 64 characters: what is stored tells nobody whose payment it was."""
    # Each part with its length: no two identities run into the same text.
    parts = "".join(f"{len(part)}:{part}" for part in notification.identity)
    return sha256(parts.encode()).hexdigest()


def is_for_good(notification: Notification) -> bool:
    """Whether a replay stays possible for ever: only payouts have no time in what is signed."""
    return isinstance(notification, PayoutNotification) or notification.timestamp is None


@frozen
class _Entry:
    fence: int
    #: On the store's clock: when the lease ends; None once it is handled.
    until: float | None
    #: When it may be forgotten; None for never.
    forget: float | None


class MemoryReplayStore:
    """For one process: after a restart, and beside other processes, only the handler's own care prevents a repeat.

    *keeps* is how long a handled event is remembered.  *monotonic* returns seconds.
    """

    def __init__(self, *, keeps: timedelta = timedelta(hours=24), monotonic: Callable[[], float] = monotonic) -> None:
        self.keeps: timedelta | None = keeps
        self._seconds = keeps.total_seconds()
        self._monotonic = monotonic
        #: Oldest first, as `keeps` is the same for all that are forgotten at all.
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._for_good: dict[str, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries) + len(self._for_good)

    async def claim(self, key: str, *, lease: timedelta, for_good: bool = False) -> Claim | Standing:
        """Return the claim, or why there is none."""
        now = self._monotonic()
        self._forget(now)
        entry = self._entry(key, for_good=for_good)
        if entry is not None and entry.until is None:
            return Standing.HANDLED
        if entry is not None and entry.until is not None and entry.until > now:
            return Standing.BUSY
        fence = entry.fence + 1 if entry else 1
        self._put(key, fence, now + lease.total_seconds(), for_good=for_good)
        return Claim(key, fence, for_good)

    async def commit(self, claim: Claim) -> bool:
        """Mark the event as handled, where the claim is still ours."""
        if not self._is_ours(claim):
            return False
        self._put(claim.key, claim.fence, None, for_good=claim.for_good)
        return True

    async def release(self, claim: Claim) -> None:
        """Give the claim back, where it is still ours."""
        if self._is_ours(claim):
            # The fence stays: a claimant who lost the lease before must not commit with a number that comes again.
            self._put(claim.key, claim.fence, self._monotonic(), for_good=claim.for_good)

    def _is_ours(self, claim: Claim) -> bool:
        entry = self._entry(claim.key, for_good=claim.for_good)
        return entry is not None and entry.until is not None and entry.fence == claim.fence

    def _entry(self, key: str, *, for_good: bool) -> _Entry | None:
        return (self._for_good if for_good else self._entries).get(key)

    def _put(self, key: str, fence: int, until: float | None, *, for_good: bool) -> None:
        if for_good:
            self._for_good[key] = _Entry(fence, until, None)
            return
        self._entries[key] = _Entry(fence, until, (self._monotonic() if until is None else until) + self._seconds)
        self._entries.move_to_end(key)

    def _forget(self, now: float) -> None:
        # Two for each one that comes: the work is spread, and the store shrinks again after a rush.
        for _ in range(2):
            entry = next(iter(self._entries.values()), None)
            if entry is None or entry.forget is None or entry.forget > now:
                return
            self._entries.popitem(last=False)
