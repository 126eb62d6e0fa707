"""Runs one job: claims, sends, asks, and writes down what came of it.  The plan decides, the ledger remembers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from attrs import define, field

from ..api import TopUpAccepted, TransferState
from ..clock import Clock, SystemClock
from ..errors import GoPayError, JobRefused, OperationError, RateLimited, TokenUnavailable, Unauthorized
from ..models import new_external_id
from ..session import GoPaySession
from . import outcomes
from .desk import Desk, Watch
from .inbox import apply_notices
from .intake import check_account
from .ledger import Counts, Ledger
from .outcomes import entry
from .pacer import Pacer
from .plan import OPEN, Claimed, Crashed, Outcome, State, whether_to_send
from .progress import Ended, How, RunEvent, Settings, Slowed, Started, Waiting
from .records import Account, Job, Payout
from .streak import Streak

#: Events that wait for a slow reader; then the run waits for it.
_EVENTS: Final = 1_000
#: Seconds after which a sleeping run looks for notifications.
_LOOK: Final = 30.0


@define
class Runner:
    """Runs jobs of one ledger through one session, one at a time.

    *account* must be that of the session: a job refuses any other.  A session needs as many connections as *settings*
    allows requests at once.

        async for event in Runner(ledger, gopay, account).run(job): ...
    """

    ledger: Ledger
    session: GoPaySession = field(repr=False)
    account: Account
    settings: Settings = field(factory=Settings)
    clock: Clock = field(factory=SystemClock)
    new_id: Callable[[], str] = new_external_id
    #: Makes the entries of a job.
    desk: type[Desk] = Desk
    _run: "_Run | None" = field(default=None, init=False, repr=False)

    async def run(self, job: Job) -> AsyncIterator[RunEvent]:
        """Run *job* until nothing is left to do now, and yield what happens.

        Raises JobRefused for a job of another account, LedgerBusy when another process has the ledger, LedgerError
        when it cannot be written any more; what was committed stays.
        """
        check_account(job, self.account)
        with self.ledger.lock(f"job {job.short} ({job.name})"):
            run = self._run = _Run(self, await self.ledger.job(job.id))
            task = asyncio.create_task(run.run(), name=f"gopay_async job {job.short}")
            try:
                while (event := await run.events.get()) is not None:
                    yield event
                await task
            finally:
                # The reader is gone, or the run is over: nobody listens any more.
                self._run = None
                await run.leave(task)

    def stop(self) -> None:
        """Let the run finish what is in flight, and end."""
        if self._run is not None:
            self._run.halt()


class _Run:
    """One run under way."""

    def __init__(self, owner: Runner, job: Job) -> None:
        self.owner = owner
        self.settings = owner.settings
        self.ledger = owner.ledger
        self.job = job
        self.events: asyncio.Queue[RunEvent | None] = asyncio.Queue(_EVENTS)
        watch = Watch(owner.clock)
        self.desk = owner.desk(
            owner.ledger, job, owner.settings.contract.__name__, owner.settings.rules, watch, self.tell
        )
        self.watch = watch
        self.pacer = Pacer(owner.clock, owner.settings.rate, self._rest)
        self._deaf = False
        self._halted = asyncio.Event()
        self._interrupted = False
        self._paused = ""
        self._streak = Streak()
        self._slots = asyncio.Semaphore(owner.settings.concurrency)
        # Half as many as are in flight: what is claimed when the process dies is unknown for ten minutes.
        self._work: asyncio.Queue[tuple[bool, Payout] | None] = asyncio.Queue(max(1, owner.settings.concurrency // 2))
        self._underway: set[int] = set()
        #: How many are claimed and have not begun.
        self._ahead = 0
        self._progress = asyncio.Event()
        self._waited_since: float | None = None
        self._looked_at = float("-inf")

    # --- from outside ---

    async def tell(self, event: RunEvent) -> None:
        """Hand *event* to the reader; wait while there are too many of them."""
        if not self._deaf:
            await self.events.put(event)

    def halt(self) -> None:
        """Begin nothing new."""
        self._interrupted = True
        self._halted.set()

    async def leave(self, task: "asyncio.Task[None]") -> None:
        """Stop without a reader."""
        self._deaf = True
        task.cancel()
        while not self.events.empty():
            self.events.get_nowait()
        await asyncio.wait({task})
        if not task.cancelled():
            # The reader has raised it, or is gone: looked at, so that the loop does not complain.
            task.exception()

    def _pause(self, reason: str) -> None:
        self._paused = self._paused or reason
        self._halted.set()

    # --- the whole ---

    async def run(self) -> None:
        """Run to the end; raise what stopped it."""
        try:
            await self._begin()
            try:
                async with asyncio.TaskGroup() as tasks:
                    workers = self.settings.concurrency * 2
                    for _ in range(workers):
                        tasks.create_task(self._worker())
                    await self._dispatch()
                    for _ in range(workers):
                        await self._work.put(None)
            except BaseExceptionGroup as group:
                raise _first(group) from None
            await self._end()
        finally:
            await self._close()

    async def _close(self) -> None:
        if self._deaf:
            return
        await self.events.put(None)

    async def _begin(self) -> None:
        await self.ledger.check()
        self.watch.begin(await self.ledger.last_event_at())
        if self.watch.set_back:
            raise JobRefused(f"Nothing was sent: {self.watch.set_back}.")
        await self.desk.open()
        if self.job.paused:
            await self.ledger.pause(self.job.id, "")
        await self.tell(Started(job=self.job, counts=await self.ledger.counts(self.job.id)))
        while found := await self.ledger.in_flight(self.job.id):
            await self.desk.enter_all(found, Crashed(when=self.watch.moment()), "recovered")

    async def _end(self) -> None:
        if self._paused:
            await self.ledger.pause(self.job.id, self._paused)
        counts = await self.ledger.counts(self.job.id)
        job = await self.ledger.job(self.job.id)
        await self.tell(Ended(job=job, how=self._how(counts), counts=counts, reason=self._paused))

    def _how(self, counts: Counts) -> How:
        if self._paused:
            return How.PAUSED
        if self._interrupted:
            return How.INTERRUPTED
        if OPEN & counts.keys():
            return How.OPEN
        return How.PAID if counts.keys() <= {State.PAID} else How.DONE

    # --- what to do next ---

    async def _dispatch(self) -> None:
        cursor = 0
        while not self._halted.is_set():
            if self.watch.set_back:
                self._pause(self.watch.set_back)
                return
            asked = await self._look()
            if self.pacer.rate is not None and self._ahead > self._chunk():
                await self._step()
                continue
            last = await self._claim(cursor)
            if last:
                cursor = last
            elif self._underway:
                # What is under way may come back to be sent again.
                await self._step()
            elif cursor:
                cursor = 0
            elif not asked and not await self._wait():
                return

    async def _step(self) -> None:
        """Return once something under way has begun or ended."""
        self._progress.clear()
        await self._progress.wait()

    async def _look(self) -> int:
        """Apply notifications and ask what is due; a second apart while there is something to send."""
        now = self.owner.clock.monotonic()
        if self._underway and now - self._looked_at < 1.0:
            return 0
        self._looked_at = now
        await apply_notices(self.desk, self.job)
        return await self._ask_due()

    async def _ask_due(self) -> int:
        limit = self.settings.concurrency + len(self._underway)
        by = self.watch.moment().at
        # Accepted payouts first while the inquiry is not proved: only they can prove it.
        first = not self.desk.trust.proved
        found = await self.ledger.due(self.job.id, by=by, limit=limit, accepted_only=first)
        if first and not found:
            found = await self.ledger.due(self.job.id, by=by, limit=limit)
        idle = [one for one in found if one.id not in self._underway]
        for one in idle:
            await self._hand_out(one, send=False)
        return len(idle)

    async def _claim(self, after: int) -> int:
        """Claim some payouts and hand them out; return the number of the last one that was seen, 0 for none."""
        found = await self.ledger.planned(self.job.id, after=after, limit=self._chunk())
        when = self.watch.moment()
        for one in found:
            problem = whether_to_send(one.standing, when.at, self.settings.rules)
            if problem:
                self._pause(f"{one.reference} is not sent: {problem}")
                return 0
        if not found:
            return 0
        # The intent is on the disk, with the external id, before the first byte can leave.
        for one in await self.desk.enter_all(found, Claimed(when=when), "claimed", self.owner.new_id):
            if one.state is State.SENDING:
                self._ahead += 1
                await self._hand_out(one, send=True)
        return found[-1].id

    def _chunk(self) -> int:
        most = max(1, self.settings.concurrency // 2)
        rate = self.pacer.rate
        # No more than start in a tenth of a second: a claim that waits long is a claim that a crash makes unknown.
        return most if rate is None else max(1, min(most, int(rate / 10)))

    async def _hand_out(self, payout: Payout, *, send: bool) -> None:
        self._underway.add(payout.id)
        await self._work.put((send, payout))

    async def _wait(self) -> bool:
        """Sleep towards the next inquiry; False when none is due in the time that there is to wait."""
        due = await self.ledger.next_due(self.job.id)
        now = self.owner.clock.monotonic()
        self._waited_since = now if self._waited_since is None else self._waited_since
        left = self._waited_since + self.settings.wait.total_seconds() - now
        if due is None or left <= 0:
            return False
        seconds = max(0.0, (due - self.watch.moment().at).total_seconds())
        if seconds > left:
            return False
        await self.tell(Waiting(seconds=seconds))
        await self._rest(min(seconds, _LOOK))
        return True

    async def _rest(self, seconds: float) -> None:
        """Sleep, but no longer than the run goes on."""
        sleeping = asyncio.ensure_future(self.owner.clock.sleep(seconds))
        halted = asyncio.ensure_future(self._halted.wait())
        try:
            await asyncio.wait({sleeping, halted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            halted.cancel()

    # --- the work ---

    async def _worker(self) -> None:
        while (task := await self._work.get()) is not None:
            send, payout = task
            await (self._send(payout) if send else self._ask(payout))
            self._underway.discard(payout.id)
            self._progress.set()

    async def _send(self, payout: Payout) -> None:
        async with self._slots:
            result = await self._try(payout)
        fact = outcomes.answered(result, attempt=payout.standing.attempt, when=self.watch.moment())
        done = await self.desk.enter(payout, fact, entry(payout, fact.when, "answered", fact.outcome.value, result))
        if fact.outcome is Outcome.RATE_LIMITED:
            await self._slow_down(result)
        else:
            self.pacer.speed_up()
        if isinstance(result, _NotBegun):
            return
        self._streak = self._streak.follow(fact.outcome, done)
        reason = done.pause or self._streak.pause(self.settings.rules)
        if isinstance(result, GoPayError) and not isinstance(result, OperationError):
            # Raised before any network, and by every other payout too: a session that is closed, say.
            reason = str(result)
        if reason:
            self._pause(reason)

    async def _try(self, payout: Payout) -> TopUpAccepted | GoPayError:
        """Return how the attempt ended; the only place from which money moves."""
        await self.pacer.turn()
        self._ahead -= 1
        self._progress.set()
        if self._halted.is_set():
            return _NotBegun("the run ended before it was sent")
        try:
            top_up = payout.top_up
            return await self.owner.session.send(top_up, external_id=payout.external_id, timeout=self.settings.timeout)
        except GoPayError as error:
            return error
        except asyncio.CancelledError:
            # The ledger's writer lives longer than this task; where it does not, the next run finds it in `sending`.
            self._leave_unknown(payout)
            raise

    def _leave_unknown(self, payout: Payout) -> None:
        when = self.watch.moment()
        self.desk.submit(payout, Crashed(when=when), entry(payout, when, "cancelled", Outcome.UNKNOWN.value, None))

    async def _ask(self, payout: Payout) -> None:
        async with self._slots:
            await self.pacer.turn()
            if self._halted.is_set():
                return
            when = self.watch.moment()
            result = await self._inquire(payout)
        fact = outcomes.asked(result, attempt=payout.standing.attempt, when=when)
        await self.desk.enter(payout, fact, entry(payout, when, "asked", fact.finding.value, result))
        if isinstance(result, RateLimited):
            await self._slow_down(result)
        if isinstance(result, TokenUnavailable | Unauthorized):
            self._pause(outcomes.words(result))

    async def _inquire(self, payout: Payout) -> TransferState | GoPayError:
        inquiry = self.settings.contract.of(payout.top_up, payout.external_id)
        try:
            return await self.owner.session.send(inquiry, timeout=self.settings.timeout)
        except GoPayError as error:
            return error

    async def _slow_down(self, result: object) -> None:
        self.pacer.slow_down(result.retry_after if isinstance(result, RateLimited) else None)
        await self.tell(Slowed(rate=self.pacer.rate or 0.0))


class _NotBegun(GoPayError):
    """It was claimed, and then the run ended before it was sent."""


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error that stopped the run: the others are what it did to the rest."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
