"""Where facts become entries: asks the plan, writes the step, sees to what else follows.  Knows no network."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain, compress
from typing import Final

from attrs import define, evolve, field, frozen

from ..api import TopUpAccepted
from ..clock import Clock
from ..errors import GoPayError, InvalidInput, JobRefused
from .facts import changed
from .ledger import Ledger
from .outcomes import answered, entry
from .plan import Claimed, Crashed, Event, Moment, Rules, Settled, State, Transition, Trust, decide
from .records import Alike, Happened, Job, Move, Payout

#: Names this process, and with it the monotonic clock that all its runs share.
_PROCESS: Final = secrets.token_hex(8)
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


@frozen(slots=False)
class Step:
    """What a fact makes of a payout, and how that is written."""

    payout: Payout
    fact: Event
    happened: Happened
    done: Transition
    move: Move


@define
class Group:
    """Payouts that stand alike, taken by answers that say the same: the first one, and the references of all."""

    answer: TopUpAccepted
    payouts: list[Payout] = field(factory=list)
    references: list[str] = field(factory=list)

    def answers(self) -> Iterator[tuple[Payout, TopUpAccepted]]:
        """Yield each payout with what its own answer said."""
        for one, reference_no in zip(self.payouts, self.references, strict=True):
            yield (
                one,
                TopUpAccepted(
                    external_id=one.external_id,
                    response_code=self.answer.response_code,
                    reference_no=reference_no,
                    partner_reference_no=one.reference,
                ),
            )


@define
class Taken:
    """Payouts that the provider took.  Of their answers only what differs is kept: thousands wait for the disk."""

    groups: dict[tuple[int, str], Group] = field(factory=dict, init=False)

    def add(self, payout: Payout, answer: TopUpAccepted) -> None:
        """Keep that *answer* took *payout*."""
        key = id(payout.alike), answer.response_code
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = Group(answer)
        group.payouts.append(payout)
        group.references.append(answer.reference_no or "")

    def __bool__(self) -> bool:
        return bool(self.groups)

    def __iter__(self) -> Iterator[Payout]:
        return chain.from_iterable(group.payouts for group in self.groups.values())


@define
class Watch:
    """Both clocks of this process.  The wall clock never goes back here, whatever the machine's does."""

    clock: Clock
    #: Whose monotonic clock it is: no other process has the same one.
    runner: str = _PROCESS
    _latest: datetime | None = field(default=None, init=False)

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
        before = payout.standing
        done = decide(before, fact, self.rules, self.trust)
        entry = evolve(happened, said=done.ignored) if done.ignored and not happened.said else happened
        move = Move(payout=payout.id, before=before, after=done.standing, external_id=payout.external_id, event=entry)
        return Step(payout, fact, happened, done, move)

    async def record(self, steps: Sequence[Step]) -> list[Transition]:
        """Write *steps* in one transaction, and return them.

        A payout that has moved meanwhile is judged again where it stands now.
        """
        try:
            for one in steps:
                if one.done.disproves:
                    # Before the step itself: a crash between the two must not leave the inquiry believed.
                    await self._disprove(one.payout.job, one.done.disproves)
        except asyncio.CancelledError:
            self.submit(steps)
            raise
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
        for one in steps:
            if one.done.disproves:
                self.ledger.submit_distrust(one.payout.job, one.done.disproves)
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
                # A notification may be about a payout of another job.
                if one.payout.job == self.job.id
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
        alike = groups(payouts)
        after = [self._next(group, fact, new_id) for group in alike]
        steps = [_taking(group, then, _happened(then[0], fact, kind)) for group, then in zip(alike, after, strict=True)]
        made = await self.ledger.move_alike(steps)
        pairs = zip(chain.from_iterable(alike), chain.from_iterable(after), chain.from_iterable(made), strict=True)
        taken = [(one, then) for one, then, was in pairs if was]
        await self.tell(*[_moved(one, then.state, then.alike.reason) for one, then in taken])
        return [then for _, then in taken]

    def _next(self, group: Sequence[Payout], fact: Claimed | Crashed, new_id: Callable[[], str] | None) -> list[Payout]:
        # One decision about all of them: amount and number, in which they differ, have no part in it.
        then = decide(group[0].alike, fact, self.rules, self.trust).standing
        if new_id is None or then.state is not State.SENDING:
            return [changed(one, {"alike": then}) for one in group]
        return [changed(one, {"alike": then, "external_id": new_id()}) for one in group]

    # --- the answers ---

    def judge_answer(self, payout: Payout, result: TopUpAccepted | GoPayError) -> Step:
        """Return what it makes of *payout* that its attempt ended with *result*, to be recorded."""
        fact = answered(result, attempt=payout.alike.attempt, when=self.watch.moment())
        return self.judge(payout, fact, entry(payout, fact.when, "answered", fact.outcome.value, result))

    async def accept(self, taken: Taken) -> None:
        """Record what the provider took, in one transaction: `record` for the usual answer, and cheaper."""
        steps = self._steps(taken)
        made = await self.ledger.move_alike(steps)
        late, told = [], []
        for step, group, moved in zip(steps, taken.groups.values(), made, strict=True):
            told += [_moved(one, step.after.state, step.after.reason) for one in compress(group.payouts, moved)]
            late += [] if all(moved) else [one for one, was in zip(group.answers(), moved, strict=True) if not was]
        await self.tell(*told)
        if late:
            await self.record([self.judge_answer(*one) for one in late])

    def submit_taken(self, taken: Taken) -> None:
        """Have it written what the provider took, without waiting."""
        self.ledger.submit_alike(self._steps(taken))

    def _steps(self, taken: Taken) -> list[Alike]:
        return [self._step(group) for group in taken.groups.values()]

    def _step(self, group: Group) -> Alike:
        # One decision about all of them: amount, number and reference, in which they differ, have no part in it.
        move = self.judge_answer(group.payouts[0], group.answer).move
        pairs = zip(group.payouts, group.references, strict=True)
        rows = [(one.id, one.external_id, reference_no) for one, reference_no in pairs]
        return Alike(before=move.before, after=move.after, event=move.event, rows=rows)


def groups(payouts: Sequence[Payout]) -> list[list[Payout]]:
    """Return *payouts* in groups of those that stand alike."""
    found: dict[int, list[Payout]] = defaultdict(list)
    for one in payouts:
        found[id(one.alike)].append(one)
    return list(found.values())


def _taking(group: Sequence[Payout], then: Sequence[Payout], event: Happened) -> Alike:
    rows = [(one.id, one.external_id, one.alike.reference_no) for one in then]
    return Alike(before=group[0].alike, after=then[0].alike, event=event, rows=rows)


def _happened(payout: Payout, fact: Claimed | Crashed, kind: str) -> Happened:
    return Happened(at=fact.when.at, kind=kind, attempt=payout.alike.attempt, said=payout.alike.reason)


def _moved(payout: Payout, state: State, said: str) -> Moved:
    return Moved(
        payout=payout.id,
        line=payout.line,
        reference=payout.reference,
        before=payout.alike.state,
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
        watch = Watch(ledger.clock)
        watch.begin(await ledger.last_event_at())
        if watch.set_back:
            # Written at that time, it would hide from the next run that the clock is wrong.
            raise JobRefused(f"Nothing was settled: {watch.set_back}.")
        now = watch.moment().at
        fact = Settled(at=now, state=state, who=who.strip(), note=note.strip())
        done = decide(payout.standing, fact, rules, Trust())
        attempt, reason = payout.alike.attempt, done.standing.reason
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
