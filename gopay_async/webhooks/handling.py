"""Claim, handle, commit: one event reaches the handler once.  Knows stores and handlers, no HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from enum import Enum
from typing import Any, Final

from attrs import define, field

from ..api import Notification
from ..clock import Clock
from ..errors import ConfigurationError
from .observing import log
from .replay import Claim, ReplayStore, Standing, identity_key, is_for_good

Handler = Callable[[Any], Awaitable[object]]
#: Seconds between two looks at a store, in the beginning and in the end.
_LOOK: Final = 0.02
_LOOK_AT_MOST: Final = 0.5


class _HandlerCancelled(Exception):
    """A handler ended with a cancellation that nobody had asked for: something that it awaited was cancelled."""


async def attempted(handler: Handler, notification: Notification, limit: float) -> None:
    """Await *handler*, at most *limit* seconds; raise what it raises.

    A cancellation of its own making becomes _HandlerCancelled: it must end neither the request nor a worker.
    """
    try:
        async with asyncio.timeout(limit):
            await handler(notification)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
    else:
        return
    raise _HandlerCancelled("something that the handler awaited was cancelled")


class Outcome(Enum):
    """What became of one delivery."""

    HANDLED = "handled"
    DUPLICATE = "handled already"
    BUSY = "still being handled elsewhere"
    FAILED = "not handled; the provider will send again"


@define
class Handling:
    """Brings each event to *handler* once, whoever delivers it and how often.

    *lease* is how long a claim lasts when the process dies, *limit* how long the handler may take, *patience* how long
    a duplicate waits for the first one; all in seconds.  Raises ConfigurationError for a limit that is not below the
    lease.
    """

    store: ReplayStore
    handler: Handler
    clock: Clock
    lease: float
    limit: float
    patience: float
    #: Handlers at work: whatever becomes of the request that brought them, they are owned here.
    running: dict[str, "asyncio.Task[Outcome]"] = field(factory=dict)
    #: Whether no handler may begin any more.
    closed: bool = False

    def __attrs_post_init__(self) -> None:
        if not 0 < self.limit < self.lease:
            raise ConfigurationError("handler_timeout must be above zero and below the lease: else two could handle it")

    async def process(self, notification: Notification) -> Outcome:
        """Return what became of *notification*; a cancelled caller does not stop the handler, and waits for it."""
        key = identity_key(notification)
        deadline = self.clock.monotonic() + self.patience
        while (first := self.running.get(key)) is not None:
            # The same event in this process: its end tells, without a look at the store.
            await asyncio.wait({first}, timeout=deadline - self.clock.monotonic())
            if not first.done():
                return Outcome.BUSY
            if not first.cancelled() and first.result() in (Outcome.HANDLED, Outcome.DUPLICATE):
                return Outcome.DUPLICATE
        if self.closed:
            # Its body was still being read, or the first one failed, when the end was announced.
            return Outcome.FAILED
        task = asyncio.create_task(self._run(key, notification, deadline), name="gopay_async notification")
        self.running[key] = task
        task.add_done_callback(lambda _: self.running.pop(key, None))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task})
            raise

    async def finish(self, seconds: float | None = None) -> bool:
        """Wait for the handlers at work, at most *seconds*; return whether all have ended."""
        if not self.running:
            return True
        _, left = await asyncio.wait(set(self.running.values()), timeout=seconds)
        return not left

    async def _run(self, key: str, notification: Notification, deadline: float) -> Outcome:
        try:
            claim = await self._claim(key, notification, deadline)
            if isinstance(claim, Outcome):
                return claim
            return await self._handle(claim, notification)
        except Exception as error:  # noqa: BLE001  # a store of the user's may raise what it likes
            # Its text may hold parameters of a statement, and these a body.
            log.error("the replay store failed (%s)", type(error).__name__)
            return Outcome.FAILED

    async def _claim(self, key: str, notification: Notification, deadline: float) -> Claim | Outcome:
        """Return the claim, waiting for whoever has it: that one may still fail, and then it is ours."""
        lease, for_good, wait = timedelta(seconds=self.lease), is_for_good(notification), _LOOK
        while True:
            found = await self.store.claim(key, lease=lease, for_good=for_good)
            if isinstance(found, Claim):
                return found
            if found is Standing.HANDLED:
                return Outcome.DUPLICATE
            left = deadline - self.clock.monotonic()
            if left <= 0:
                return Outcome.BUSY
            await self.clock.sleep(min(wait, left))
            wait = min(wait * 2, _LOOK_AT_MOST)

    async def _handle(self, claim: Claim, notification: Notification) -> Outcome:
        if not await self._succeeds(claim, notification):
            await self.store.release(claim)
            return Outcome.FAILED
        if await self.store.commit(claim):
            return Outcome.HANDLED
        log.error("the lease of %s ran out while it was handled", type(notification).__name__)
        return Outcome.FAILED

    async def _succeeds(self, claim: Claim, notification: Notification) -> bool:
        try:
            await attempted(self.handler, notification, self.limit)
        except asyncio.CancelledError:
            await self.store.release(claim)
            raise
        except Exception:  # noqa: BLE001  # whatever a handler raises, the answer is the same
            log.exception("handler failed for %s", type(notification).__name__)
            return False
        return True
