"""Runs one job: chooses what is claimed, sent and asked next.  The plan decides, the ledger remembers."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from attrs import define, field

from ..clock import Clock, SystemClock
from ..errors import JobRefused
from ..models import new_external_id
from ..session import GoPaySession
from .crew import Crew
from .desk import Desk, Watch, groups
from .inbox import apply_notices
from .intake import check_account
from .ledger import Counts, Ledger
from .pacer import Pacer
from .plan import OPEN, Claimed, Crashed, State, whether_to_send
from .progress import Ended, How, RunEvent, Settings, Started, Waiting
from .records import Account, Job, Payout
from .tasks import first_error

#: Lists of events, of one transaction each, that wait for a slow reader; then the run waits for it.
_EVENTS: Final = 20
#: Payouts that are read at once.
_PAGE: Final = 500
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

        Whoever cancels it, or leaves it before its end, leaves what is in flight unknown; the next run asks about it.
        `stop` lets it end.

        Raises JobRefused for a job of another account, LedgerBusy when another process has the ledger, LedgerError
        when it cannot be written any more; what was committed stays.
        """
        check_account(job, self.account)
        with self.ledger.lock(f"job {job.short} ({job.name})"):
            run = self._run = _Run(self, job)
            task = asyncio.create_task(run.run(), name=f"gopay_async job {job.short}")
            try:
                while (events := await run.events.get()) is not None:
                    for event in events:
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
        self.events: asyncio.Queue[Sequence[RunEvent] | None] = asyncio.Queue(_EVENTS)
        self.watch = Watch(owner.clock)
        contract = owner.settings.contract.__name__
        self.desk = owner.desk(owner.ledger, job, contract, owner.settings.rules, self.watch, self.tell)
        self.pacer = Pacer(owner.clock, owner.settings.rate, self._rest)
        self._halted = asyncio.Event()
        self.crew = Crew(
            owner.session, owner.settings, self.desk, self.pacer, self._halted, pause=self._pause, tell=self.tell
        )
        self._deaf = False
        self._interrupted = False
        self._paused = ""
        self._page: deque[Payout] = deque()
        self._waited_since: float | None = None
        self._looked_at = float("-inf")

    # --- from outside ---

    async def tell(self, *events: RunEvent) -> None:
        """Hand *events* to the reader; wait while there are too many of them."""
        if not self._deaf:
            await self.events.put(events)

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
            with first_error():
                await self.crew.run(self._dispatch)
            await self._end()
        finally:
            await self._close()

    async def _close(self) -> None:
        if self._deaf:
            return
        await self.events.put(None)

    async def _begin(self) -> None:
        await self.ledger.check()
        self.job = self.desk.job = await self.ledger.job(self.job.id)
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
            if self.crew.ahead > self._enough():
                await self._news()
                continue
            last = await self._claim(cursor)
            if last:
                cursor = last
            elif self.crew.underway:
                # What is under way may come back to be sent again.
                await self._news()
            elif cursor:
                cursor = 0
            elif not asked and not await self._wait():
                return

    async def _news(self) -> None:
        """Return once few enough are claimed and have not begun, or something was recorded."""
        self.crew.enough = self._enough()
        self.crew.news.clear()
        await self.crew.news.wait()

    async def _look(self) -> int:
        """Apply notifications and ask what is due; a second apart while there is something to send."""
        now = self.owner.clock.monotonic()
        if self.crew.underway and now - self._looked_at < 1.0:
            return 0
        self._looked_at = now
        return await apply_notices(self.desk, self.job) + await self._ask_due()

    async def _ask_due(self) -> int:
        limit = max(0, self.settings.concurrency - self.crew.waiting) + len(self.crew.underway)
        by = self.watch.moment().at
        # Accepted payouts first while the inquiry is not proved: only they can prove it.
        first = not self.desk.trust.proved
        found = await self.ledger.due(self.job.id, by=by, limit=limit, accepted_only=first)
        if first and not found:
            found = await self.ledger.due(self.job.id, by=by, limit=limit)
        idle = [one for one in found if one.id not in self.crew.underway]
        for one in idle:
            self.crew.ask(one)
        return len(idle)

    async def _claim(self, after: int) -> int:
        """Claim some payouts and hand them out; return the number of the last one that was seen, 0 for none."""
        found = await self._planned(after)
        when = self.watch.moment()
        for one, *_ in groups(found):
            problem = whether_to_send(one.alike, when.at, self.settings.rules)
            if problem:
                self._pause(f"{one.reference} is not sent: {problem}")
                return 0
        if not found:
            return 0
        # The intent is on the disk, with the external id, before the first byte can leave.
        for one in await self.desk.enter_all(found, Claimed(when=when), "claimed", self.owner.new_id):
            if one.state is State.SENDING:
                self.crew.send(one)
        return found[-1].id

    async def _planned(self, after: int) -> list[Payout]:
        """Return the payouts to claim next, out of a page: each is claimed only if it still stands as it was read."""
        if not self._page:
            self._page = deque(await self.ledger.planned(self.job.id, after=after, limit=_PAGE))
        return [self._page.popleft() for _ in range(min(self._chunk(), len(self._page)))]

    def _chunk(self) -> int:
        most = self.settings.concurrency
        rate = self.pacer.rate
        # No more than start in a tenth of a second: a claim that waits long is a claim that a crash makes unknown.
        return most if rate is None else max(1, min(most, int(rate / 10)))

    def _enough(self) -> int:
        """How many may be claimed and not begun when the next are claimed: the workers must not run dry meanwhile."""
        return self._chunk() * 2

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
