"""Where facts become entries: asks the plan, writes the step, sees to what else follows.  Knows no network."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import define, evolve, field, frozen

from ..clock import Clock
from ..errors import InvalidInput, JobRefused
from .facts import changed
from .ledger import Ledger
from .plan import Claimed, Crashed, Event, Moment, Rules, Settled, Standing, State, Transition, Trust, decide
from .records import Happened, Job, Move, Payout

#: A wall clock may be set back by so much while a job runs.
_TOLERANCE: Final = timedelta(minutes=1)


@frozen(kw_only=True, slots=False)
class Moved:
    """A payout took a step, or a fact about it changed nothing."""

    #: Its number in the ledger, its line and its reference.
    payout: int
    line: int
    reference: str
    before: State
    state: State
    said: str


@frozen(slots=False)
class Step:
    """What a fact makes of a payout, and how that is written."""

    payout: Payout
    fact: Event
    happened: Happened
    done: Transition
    move: Move


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
    tell: Callable[[*tuple[Moved, ...]], Awaitable[None]]
    trust: Trust = field(factory=Trust)

    async def open(self) -> None:
        """Read what is known about the inquiry."""
        proved = await self.ledger.is_proved(self.job, self.contract)
        self.trust = Trust(proved=proved, distrust=self.job.distrust)

    def judge(self, payout: Payout, fact: Event, happened: Happened) -> Step:
        """Return what *fact* makes of *payout*, to be recorded."""
        done = decide(payout.standing, fact, self.rules, self.trust)
        entry = evolve(happened, said=done.ignored) if done.ignored and not happened.said else happened
        return Step(payout, fact, happened, done, _move(payout, done.standing, payout.external_id, entry))

    async def record(self, steps: Sequence[Step]) -> list[Transition]:
        """Write *steps* in one transaction, and return them.

        A payout that has moved meanwhile is judged again where it stands now.
        """
        for one in steps:
            if one.done.disproves:
                # Before the step itself: a crash between the two must not leave the inquiry believed.
                await self._disprove(one.payout.job, one.done.disproves)
        made = await self.ledger.move([one.move for one in steps])
        await self._follow([one for one, was in zip(steps, made, strict=True) if was])
        return [
            one.done if was else await self.enter(await self.ledger.payout(one.payout.id), one.fact, one.happened)
            for one, was in zip(steps, made, strict=True)
        ]

    async def enter(self, payout: Payout, fact: Event, happened: Happened) -> Transition:
        """Write what *fact* makes of *payout*, and return it."""
        (done,) = await self.record([self.judge(payout, fact, happened)])
        return done

    def submit(self, steps: Sequence[Step]) -> None:
        """Have *steps* written without waiting: for whoever must not wait any more."""
        self.ledger.submit([one.move for one in steps])

    async def _follow(self, steps: Sequence[Step]) -> None:
        """See to what follows from *steps* once they are written."""
        for one in steps:
            if one.done.proves and not self.trust.proved:
                await self.ledger.prove(self.job, self.contract, one.payout.id)
                self.trust = evolve(self.trust, proved=True)
        await self.tell(
            *[
                _moved(one.payout, one.done.standing.state, one.done.ignored or one.done.standing.reason)
                for one in steps
            ]
        )

    async def _disprove(self, job: str, reason: str) -> None:
        await self.ledger.distrust(job, reason)
        if job == self.job.id:
            self.trust = evolve(self.trust, distrust=reason)

    async def enter_all(
        self, payouts: Sequence[Payout], fact: Claimed | Crashed, kind: str, new_id: Callable[[], str] | None = None
    ) -> list[Payout]:
        """Write what the same *fact* makes of all *payouts*, in one transaction; return those that took the step.

        With *new_id* each gets the external id of its next attempt.
        """
        after = [self._next(one, fact, new_id) for one in payouts]
        moves = [
            _move(one, then.standing, then.external_id, _happened(then, fact, kind))
            for one, then in zip(payouts, after, strict=True)
        ]
        made = await self.ledger.move(moves)
        taken = [(one, then) for one, then, was in zip(payouts, after, made, strict=True) if was]
        await self.tell(*[_moved(one, then.state, then.standing.reason) for one, then in taken])
        return [then for _, then in taken]

    def _next(self, payout: Payout, fact: Claimed | Crashed, new_id: Callable[[], str] | None) -> Payout:
        standing = decide(payout.standing, fact, self.rules, self.trust).standing
        if new_id is None or standing.state is not State.SENDING:
            return changed(payout, {"standing": standing})
        return changed(payout, {"standing": standing, "external_id": new_id()})


def _happened(payout: Payout, fact: Claimed | Crashed, kind: str) -> Happened:
    now = payout.standing
    return Happened(
        at=fact.when.at,
        kind=kind if now.state is not State.PLANNED else "seen",
        attempt=now.attempt,
        external_id=payout.external_id,
        said=now.reason,
    )


def _move(payout: Payout, after: Standing, external_id: str, event: Happened) -> Move:
    return Move(payout=payout.id, before=payout.standing, after=after, external_id=external_id, event=event)


def _moved(payout: Payout, state: State, said: str) -> Moved:
    return Moved(
        payout=payout.id,
        line=payout.line,
        reference=payout.reference,
        before=payout.standing.state,
        state=state,
        said=said,
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
        step = _move(payout, done.standing, payout.external_id, event)
        (made,) = await ledger.move([step])
        if not made:
            raise JobRefused(f"{payout.reference} has just moved: look at it again.")
