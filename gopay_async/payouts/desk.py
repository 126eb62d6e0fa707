"""Where facts become entries: asks the plan, writes the step, sees to what else follows.  Knows no network."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import define, evolve, field, frozen

from ..clock import Clock
from ..errors import InvalidInput, JobRefused
from .ledger import Ledger
from .plan import Event, Moment, Rules, Settled, State, Transition, Trust, decide
from .records import Happened, Job, Move, Payout

#: A wall clock may be set back by so much while a job runs.
_TOLERANCE: Final = timedelta(minutes=1)


@frozen(kw_only=True)
class Moved:
    """A payout took a step, or a fact about it changed nothing."""

    #: Its number in the ledger, its line and its reference.
    payout: int
    line: int
    reference: str
    before: State
    state: State
    said: str


@define
class Watch:
    """Both clocks of this process.  The wall clock never goes back here, whatever the machine's does."""

    clock: Clock
    runner: str = field(factory=lambda: secrets.token_hex(8))
    _latest: datetime | None = None

    def moment(self) -> Moment:
        """Return this moment."""
        now = self.clock.now()
        if self._latest is None or now > self._latest:
            self._latest = now
        return Moment(at=self._latest, mono=self.clock.monotonic(), runner=self.runner)

    def begin(self, latest: datetime | None) -> None:
        """Let no moment be before *latest*."""
        if latest is not None and (self._latest is None or latest > self._latest):
            self._latest = latest

    @property
    def set_back(self) -> str:
        """By how much the clock was set back, in words; empty when it was not."""
        latest = self.moment().at
        back = latest - self.clock.now()
        if back <= _TOLERANCE:
            return ""
        return f"the clock was set back by {back}: it said {latest.isoformat(timespec='seconds')} before; mend it"


@define
class Desk:
    """The entries of one job."""

    ledger: Ledger
    job: Job
    contract: str
    rules: Rules
    watch: Watch
    tell: Callable[[Moved], Awaitable[None]]
    trust: Trust = field(factory=Trust)

    async def open(self) -> None:
        """Read what is known about the inquiry."""
        proved = await self.ledger.is_proved(self.job, self.contract)
        self.trust = Trust(proved=proved, distrust=self.job.distrust)

    async def enter(self, payout: Payout, fact: Event, happened: Happened) -> Transition:
        """Write what *fact* makes of *payout*, and return it."""
        while True:
            done = decide(payout.standing, fact, self.rules, self.trust)
            if done.disproves:
                # Before the step itself: a crash between the two must not leave the inquiry believed.
                await self._disprove(payout.job, done.disproves)
            entry = evolve(happened, said=done.ignored) if done.ignored and not happened.said else happened
            move = Move(
                payout=payout.id,
                before=payout.standing,
                after=done.standing,
                external_id=payout.external_id,
                event=entry,
            )
            (made,) = await self.ledger.move([move])
            if made:
                break
            payout = await self.ledger.payout(payout.id)
        if done.proves and not self.trust.proved:
            await self.ledger.prove(self.job, self.contract, payout.id)
            self.trust = evolve(self.trust, proved=True)
        await self.tell(_moved(payout, done.standing.state, done.ignored or done.standing.reason))
        return done

    def submit(self, payout: Payout, fact: Event, happened: Happened) -> None:
        """Have the step written that *fact* is for *payout*, without waiting: for whoever must not wait any more."""
        done = decide(payout.standing, fact, self.rules, self.trust)
        after, external_id = done.standing, payout.external_id
        self.ledger.submit(
            [Move(payout=payout.id, before=payout.standing, after=after, external_id=external_id, event=happened)]
        )

    async def _disprove(self, job: str, reason: str) -> None:
        await self.ledger.distrust(job, reason)
        if job == self.job.id:
            self.trust = evolve(self.trust, distrust=reason)

    async def enter_all(
        self, payouts: Sequence[Payout], fact: Event, kind: str, new_id: Callable[[], str] | None = None
    ) -> list[Payout]:
        """Write what the same *fact* makes of all *payouts*, in one transaction; return those that took the step.

        With *new_id* each gets the external id of its next attempt.
        """
        moves, after = [], []
        for one in payouts:
            done = decide(one.standing, fact, self.rules, self.trust)
            sent = new_id is not None and done.standing.state is State.SENDING
            external_id = new_id() if new_id is not None and sent else one.external_id
            entry = Happened(
                at=self.watch.moment().at,
                kind=kind if done.standing.state is not State.PLANNED else "seen",
                attempt=done.standing.attempt,
                external_id=external_id,
                said=done.standing.reason,
            )
            moves.append(
                Move(payout=one.id, before=one.standing, after=done.standing, external_id=external_id, event=entry)
            )
            after.append(evolve(one, standing=done.standing, external_id=external_id))
        made = await self.ledger.move(moves)
        for one, then, was in zip(payouts, after, made, strict=True):
            if was:
                await self.tell(_moved(one, then.state, then.standing.reason))
        return [one for one, was in zip(after, made, strict=True) if was]


def _moved(payout: Payout, state: State, said: str) -> Moved:
    return Moved(
        payout=payout.id, line=payout.line, reference=payout.reference, before=payout.state, state=state, said=said
    )


async def settle(ledger: Ledger, payout: Payout, *, state: State, who: str, note: str, rules: Rules) -> None:
    """Write what a person says became of *payout*, with who and why.

    Raises InvalidInput when it is not a person's to settle, LedgerBusy while a process runs a job of this ledger.
    """
    if not who.strip() or not note.strip():
        raise InvalidInput("note", "who settles a payout says why")
    with ledger.lock(f"settling {payout.reference}"):
        now = ledger.clock.now()
        fact = Settled(at=now, state=state, who=who.strip(), note=note.strip())
        done = decide(payout.standing, fact, rules, Trust())
        attempt, reason = payout.standing.attempt, done.standing.reason
        event = Happened(at=now, kind="settled", attempt=attempt, outcome=state.value, said=reason)
        step = Move(
            payout=payout.id,
            before=payout.standing,
            after=done.standing,
            external_id=payout.external_id,
            event=event,
        )
        (made,) = await ledger.move([step])
        if not made:
            raise JobRefused(f"{payout.reference} has just moved: look at it again.")
