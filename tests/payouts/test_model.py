"""No sequence of answers, notifications, crashes, clock moves and resumes leads to a second payment."""

from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gopay_async.payouts.plan import (
    Answered,
    Asked,
    Claimed,
    Crashed,
    Finding,
    Moment,
    Notice,
    Noticed,
    Outcome,
    Rules,
    Settled,
    State,
    Transition,
    Trust,
    decide,
    whether_to_send,
)

from .facts import AMOUNT, RULES, START, standing

FINAL = frozenset({State.PAID, State.FAILED, State.REFUSED, State.RETURNED, State.DISPUTED})
#: Where a final state may still go; a dispute is a person's.
ONWARD = {
    State.PAID: {State.PAID, State.RETURNED, State.DISPUTED},
    State.FAILED: {State.FAILED, State.RETURNED, State.DISPUTED},
    State.REFUSED: {State.REFUSED, State.DISPUTED},
    State.RETURNED: {State.RETURNED, State.DISPUTED},
    State.DISPUTED: {State.DISPUTED},
}
NOTHING_PROCESSED = frozenset(
    {Outcome.NOT_SENT, Outcome.NO_TOKEN, Outcome.TOKEN_REJECTED, Outcome.RATE_LIMITED, Outcome.STOPPED}
)
TEN_MINUTES = timedelta(minutes=10)
amounts = st.sampled_from([None, AMOUNT, AMOUNT, AMOUNT + 100])


class Payout(RuleBasedStateMachine):
    """One payout, what the world does to it, and what was really known about it."""

    def __init__(self) -> None:
        super().__init__()
        self.row = standing()
        self.wall: datetime = START
        self.mono = 0.0
        self.process = 0
        self.trust = Trust()
        #: Whether the last attempt may have reached the provider, as far as anybody can know.
        self.may_be_there = False
        #: The last moment at which it may have been sent: wall clock, monotonic clock, process.
        self.sent: Moment | None = None
        self.failure_was_said = False
        self.before = self.row.state

    @property
    def now(self) -> Moment:
        return Moment(at=self.wall, mono=self.mono, runner=str(self.process))

    def apply(self, fact: object) -> Transition:
        self.before = self.row.state
        done = decide(self.row, fact, RULES, self.trust)  # type: ignore[arg-type]  # every fact of this machine is one
        self.row = done.standing
        if done.disproves:
            self.trust = Trust(proved=self.trust.proved, distrust=done.disproves)
        return done

    # --- what happens ---

    @rule(minutes=st.sampled_from([0.5, 5, 9.99, 10, 11, 60, 60 * 24 * 30]))
    def time_passes(self, minutes: float) -> None:
        self.wall += timedelta(minutes=minutes)
        self.mono += minutes * 60

    @rule(minutes=st.sampled_from([-600, -11, -1, 11, 600]))
    def somebody_sets_the_clock(self, minutes: float) -> None:
        # A process never lets its wall clock go back: the next one may.
        self.wall += timedelta(minutes=max(minutes, 0))

    @precondition(lambda self: not whether_to_send(self.row, self.wall, RULES))
    @rule()
    def send(self) -> None:
        self.apply(Claimed(when=self.now))
        if self.row.state is not State.SENDING:
            return
        assert not self.may_be_there, "sent although an earlier attempt may have been processed"
        self.may_be_there = True
        self.sent = self.now

    @precondition(lambda self: self.sent is not None)
    @rule(outcome=st.sampled_from(Outcome))
    def answer(self, outcome: Outcome) -> None:
        in_flight = self.row.state is State.SENDING
        if in_flight and outcome in NOTHING_PROCESSED:
            self.may_be_there = False
        self.sent = self.now if in_flight else self.sent
        self.apply(Answered(when=self.now, attempt=self.row.attempt, outcome=outcome, said="said"))
        if outcome is Outcome.REFUSED and in_flight:
            self.may_be_there = False
            self.failure_was_said = True

    @precondition(lambda self: self.sent is not None)
    @rule(finding=st.sampled_from(Finding), amount=amounts)
    def ask(self, finding: Finding, amount: int | None) -> None:
        was, proved = self.row.state, self.trust.proved and not self.trust.distrust
        self.apply(Asked(when=self.now, attempt=self.row.attempt, finding=finding, amount=amount))
        self.failure_was_said |= finding is Finding.FAILED
        if (was, self.row.state) == (State.UNKNOWN, State.PLANNED):
            assert finding is Finding.NOT_FOUND
            assert proved, "an inquiry was believed that has not proved itself"
            self._is_long_ago()
            self.may_be_there = False

    def _is_long_ago(self) -> None:
        assert self.sent is not None
        assert self.wall - self.sent.at >= TEN_MINUTES
        assert self.sent.runner != str(self.process) or self.mono - self.sent.mono >= 600
        assert self.wall - START < timedelta(days=52)

    @rule(notice=st.sampled_from(Notice), amount=amounts, reference=st.sampled_from(["A1", "A2", ""]))
    def notify(self, notice: Notice, amount: int | None, reference: str) -> None:
        self.failure_was_said |= notice is Notice.FAILED
        self.apply(Noticed(at=self.wall, notice=notice, amount=amount, reference_no=reference))

    @rule()
    def crash_and_resume(self) -> None:
        self.process += 1
        self.mono = 0.0
        if self.row.state is State.SENDING:
            # Until the new process has the lock, the old one may have been sending.
            self.sent = self.now
        self.apply(Crashed(when=self.now))

    @rule()
    def the_inquiry_finds_another_payout(self) -> None:
        self.trust = Trust(proved=True, distrust=self.trust.distrust)

    @precondition(lambda self: self.row.state in (State.UNKNOWN, State.DISPUTED))
    @rule(state=st.sampled_from([State.PAID, State.FAILED]))
    def settle(self, state: State) -> None:
        self.apply(Settled(at=self.wall, state=state, who="Rina", note="asked the bank"))
        self.before = self.row.state
        self.failure_was_said |= state is State.FAILED

    # --- what must hold ---

    @invariant()
    def a_final_state_is_never_taken_back(self) -> None:
        assert self.row.state in ONWARD.get(self.before, set(State))

    @invariant()
    def an_unknown_outcome_is_never_shown_as_a_failure(self) -> None:
        assert self.row.state not in (State.FAILED, State.REFUSED) or self.failure_was_said

    @invariant()
    def what_may_be_there_is_never_planned(self) -> None:
        assert self.row.state is not State.PLANNED or not self.may_be_there

    @invariant()
    def it_is_not_sent_again_more_often_than_allowed(self) -> None:
        assert self.row.resends <= Rules().resends


Payout.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestPayout = Payout.TestCase
