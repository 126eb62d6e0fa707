"""The workers of a run: they send and ask what they are handed, and have written what came of it.  Choose nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from attrs import define, field

from ..api import TopUpAccepted, TransferState
from ..errors import GoPayError, OperationError, RateLimited, TokenUnavailable, Unauthorized
from ..session import GoPaySession
from . import outcomes
from .desk import Desk, Step, Taken
from .outcomes import entry
from .pacer import Pacer
from .plan import Crashed, Moment, Outcome, Reach
from .progress import Settings, Slowed
from .records import Payout
from .streak import BROKEN, Streak

#: How often one payout is asked about before a 429 is the answer.
_TRIES: Final = 3
#: Seconds for which results are gathered: a transaction costs as much as the work on several payouts.
_GATHER: Final = 0.02


class _NotBegun(GoPayError):
    """It was claimed, and then something happened for which it must not be sent now."""


@define
class Crew:
    """As many workers as there may be requests at once, and one that records."""

    session: GoPaySession = field(repr=False)
    settings: Settings
    desk: Desk
    pacer: Pacer
    #: Set once nothing new may begin.
    halted: asyncio.Event
    pause: Callable[[str], None]
    tell: Callable[[Slowed], Awaitable[None]]
    #: Payouts that were handed out and are not recorded yet; how many of them were claimed and have not begun.
    underway: set[int] = field(factory=set, init=False)
    ahead: int = field(default=0, init=False)
    #: At so few of these whoever waits for news gets to know.
    enough: int = field(default=0, init=False)
    #: Set whenever that is so, and whenever something was recorded.
    news: asyncio.Event = field(factory=asyncio.Event, init=False)
    _work: "asyncio.Queue[tuple[bool, Payout] | None]" = field(factory=asyncio.Queue, init=False, repr=False)
    #: What is to be recorded: the usual answers, and everything else.
    _taken: Taken = field(factory=Taken, init=False, repr=False)
    _steps: list[Step] = field(factory=list, init=False, repr=False)
    _recorder: asyncio.Event = field(factory=asyncio.Event, init=False, repr=False)
    _waking: bool = field(default=False, init=False)
    _over: bool = field(default=False, init=False)
    _streak: Streak = field(default=BROKEN, init=False)

    async def run(self, dispatch: Callable[[], Awaitable[None]]) -> None:
        """Work while *dispatch* hands out, and until everything it handed out is recorded."""
        try:
            async with asyncio.TaskGroup() as recording:
                recording.create_task(self._record())
                async with asyncio.TaskGroup() as workers:
                    for _ in range(self.settings.concurrency):
                        workers.create_task(self._worker())
                    await dispatch()
                    for _ in range(self.settings.concurrency):
                        self._work.put_nowait(None)
                self._over = True
                self._recorder.set()
        finally:
            self._give_back()

    def _give_back(self) -> None:
        """Have it written that what was claimed, and that nobody will begin any more, was not sent."""
        while not self._work.empty():
            send, payout = self._work.get_nowait() or (False, None)
            if send and payout:
                self.desk.submit([self.desk.judge_answer(payout, _over())])

    @property
    def waiting(self) -> int:
        """How many payouts wait for a worker."""
        return self._work.qsize()

    def send(self, payout: Payout) -> None:
        """Have *payout*, which was claimed, sent."""
        self.ahead += 1
        self._hand_out(payout, send=True)

    def ask(self, payout: Payout) -> None:
        """Have the provider asked about *payout*."""
        self._hand_out(payout, send=False)

    def _hand_out(self, payout: Payout, *, send: bool) -> None:
        self.underway.add(payout.id)
        self._work.put_nowait((send, payout))

    async def _worker(self) -> None:
        while (task := await self._work.get()) is not None:
            send, payout = task
            await (self._send(payout) if send else self._ask(payout))

    # --- the record ---

    def _record_soon(self, step: Step) -> None:
        """Have *step* recorded: the next request need not wait for the disk."""
        self._steps.append(step)
        self._wake()

    def _wake(self) -> None:
        if not self._waking:
            self._waking = True
            asyncio.get_running_loop().call_later(_GATHER, self._recorder.set)

    async def _record(self) -> None:
        """Write what came of the requests, all that ended meanwhile at a time."""
        try:
            while not self._over or self._taken or self._steps:
                await self._recorder.wait()
                self._recorder.clear()
                self._waking = False
                await self._record_now()
        except asyncio.CancelledError:
            # The ledger's writer lives longer than this task; where it does not, the next run finds them in `sending`.
            self.desk.submit(self._steps)
            self.desk.submit_taken(self._taken)
            raise

    async def _record_now(self) -> None:
        taken, self._taken = self._taken, Taken()
        steps, self._steps = self._steps, []
        try:
            if taken:
                await self.desk.accept(taken)
        except asyncio.CancelledError:
            # What was taken waits to be written already; nobody would hand these on.
            self.desk.submit(steps)
            raise
        if steps:
            await self.desk.record(steps)
        self.underway.difference_update([one.id for one in taken], [one.payout.id for one in steps])
        self.news.set()

    # --- sending ---

    async def _send(self, payout: Payout) -> None:
        result = await self._try(payout)
        if isinstance(result, TopUpAccepted):
            self._taken.add(payout, result)
            self._wake()
            self._streak = BROKEN
        else:
            self._fail(payout, result)
        if isinstance(result, RateLimited):
            await self._slow_down(result)
        else:
            self.pacer.speed_up()

    def _fail(self, payout: Payout, error: GoPayError) -> None:
        step = self.desk.judge_answer(payout, error)
        self._record_soon(step)
        if isinstance(error, _NotBegun):
            return
        self._streak = self._streak.follow(outcomes.outcome_of(error), step.done)
        reason = step.done.pause or self._streak.pause(self.settings.rules)
        if not isinstance(error, OperationError):
            # Raised before any network, and by every other payout too: a session that is closed, say.
            reason = str(error)
        if reason:
            self.pause(reason)

    async def _try(self, payout: Payout) -> TopUpAccepted | GoPayError:
        """Return how the attempt ended; the only place from which money moves."""
        try:
            await self.pacer.turn()
        except asyncio.CancelledError:
            self.desk.submit([self.desk.judge_answer(payout, _over())])
            raise
        self.ahead -= 1
        if self.ahead <= self.enough:
            self.news.set()
        if self.halted.is_set():
            return _over()
        if payout.alike.reach is Reach.NOT_FOUND and self.desk.trust.distrust:
            return _NotBegun("the inquiry that did not find it has been wrong meanwhile")
        try:
            top_up = payout.top_up
            return await self.session.send(top_up, external_id=payout.external_id, timeout=self.settings.timeout)
        except GoPayError as error:
            return error
        except asyncio.CancelledError:
            # The ledger's writer lives longer than this task; where it does not, the next run finds it in `sending`.
            when = self.desk.watch.moment()
            happened = entry(payout, when, "cancelled", Outcome.UNKNOWN.value, None)
            self.desk.submit([self.desk.judge(payout, Crashed(when=when), happened)])
            raise

    # --- asking ---

    async def _ask(self, payout: Payout) -> None:
        asked = await self._answer(payout)
        if asked is None:
            self.underway.discard(payout.id)
            # Whoever waits for what is under way would wait for ever.
            self.news.set()
            return
        when, result = asked
        fact = outcomes.asked(result, attempt=payout.alike.attempt, when=when)
        happened = entry(payout, when, "asked", fact.finding.value, result)
        self._record_soon(self.desk.judge(payout, fact, happened))
        if isinstance(result, TokenUnavailable | Unauthorized):
            self.pause(outcomes.words(result))

    async def _answer(self, payout: Payout) -> "tuple[Moment, TransferState | GoPayError] | None":
        """Return the answer about *payout*, and when it was asked for; None when the run ends before.

        A 429 says nothing about it, and is worth another try: the next time to ask may be an hour away.
        """
        left = _TRIES
        while True:
            await self.pacer.turn()
            if self.halted.is_set():
                return None
            when, left = self.desk.watch.moment(), left - 1
            result = await self._inquire(payout)
            if not isinstance(result, RateLimited):
                self.pacer.speed_up()
                return when, result
            await self._slow_down(result)
            if not left:
                return when, result

    async def _inquire(self, payout: Payout) -> TransferState | GoPayError:
        inquiry = self.settings.contract.of(payout.top_up, payout.external_id)
        try:
            return await self.session.send(inquiry, timeout=self.settings.timeout)
        except GoPayError as error:
            return error

    async def _slow_down(self, error: RateLimited) -> None:
        await self.tell(Slowed(rate=self.pacer.slow_down(error.retry_after)))


def _over() -> _NotBegun:
    return _NotBegun("the run ended before it was sent")
