r"""What becomes of one payout: states, facts, and the one decision about each fact.  Pure: no clock, no I/O.

planned -> sending -> accepted -> paid -> returned
   ^          |           \-----> failed
   |          |-> paid | failed | refused | unknown
   +----------+
unknown -> inquiry -> paid | failed | accepted | planned (believed not found) | unknown
any state -> disputed
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import evolve

from ..errors import InvalidInput
from .facts import (
    OPEN,
    Answered,
    Asked,
    Claimed,
    Crashed,
    Event,
    Finding,
    Moment,
    Notice,
    Noticed,
    Outcome,
    Reach,
    Rules,
    Settled,
    Standing,
    State,
    Transition,
    Trust,
    is_inside_window,
)
from .steps import difference, disputed, to, unexpected, unknown

__all__ = [
    "OPEN",
    "Answered",
    "Asked",
    "Claimed",
    "Crashed",
    "Event",
    "Finding",
    "Moment",
    "Notice",
    "Noticed",
    "Outcome",
    "Reach",
    "Rules",
    "Settled",
    "Standing",
    "State",
    "Transition",
    "Trust",
    "decide",
    "is_inside_window",
    "whether_to_send",
]


def decide(row: Standing, event: Event, rules: Rules, trust: Trust) -> Transition:
    """Return what *event* makes of *row*.

    Raises InvalidInput when a payout is claimed that must not be sent, or settled that is not a person's to settle.
    """
    return _DECISIONS[type(event)](row, event, rules, trust)


def whether_to_send(row: Standing, at: datetime, rules: Rules) -> str:
    """Return why *row* must not be sent at *at*, empty when it may be."""
    if row.state is not State.PLANNED:
        return f"it is {row.state}"
    if not is_inside_window(row, at, rules):
        return "it is older than the window in which its reference is unique"
    return ""


# --- claimed, crashed, settled ---------------------------------------------------------------------------------------


def _claimed(row: Standing, event: Claimed, rules: Rules, trust: Trust) -> Transition:
    if problem := whether_to_send(row, event.when.at, rules):
        raise InvalidInput("payout", f"must not be sent: {problem}")
    if row.reach is Reach.NOT_FOUND and trust.distrust:
        return to(
            row, State.UNKNOWN, f"not sent again: {trust.distrust}", ask_at=_next_inquiry(row, event.when.at, rules)
        )
    return to(
        row,
        State.SENDING,
        "",
        attempt=row.attempt + 1,
        first_sent_at=row.first_sent_at or event.when.at,
        asked=0,
        ask_at=None,
    )


def _crashed(row: Standing, event: Crashed, rules: Rules, trust: Trust) -> Transition:
    if row.state is not State.SENDING:
        return Transition(standing=row, ignored=f"it is {row.state}")
    return unknown(row, event.when, "the process that sent it ended before it had the answer", rules)


def _settled(row: Standing, event: Settled, rules: Rules, trust: Trust) -> Transition:
    if event.state not in (State.PAID, State.FAILED):
        raise InvalidInput("as", "must be paid or failed")
    stale = row.state in (State.PLANNED, State.ACCEPTED) and not is_inside_window(row, event.at, rules)
    if row.state not in (State.UNKNOWN, State.DISPUTED) and not stale:
        raise InvalidInput("row", f"is {row.state}: a person settles only what is unknown, disputed or past the window")
    return to(row, event.state, f"settled by {event.who}: {event.note}", ask_at=None)


# --- the answer to an attempt ----------------------------------------------------------------------------------------

_PROCESSED_NOTHING: Final = frozenset(
    {Outcome.NOT_SENT, Outcome.NO_TOKEN, Outcome.TOKEN_REJECTED, Outcome.RATE_LIMITED}
)
_NO: Final = _PROCESSED_NOTHING | {Outcome.REFUSED, Outcome.STOPPED}
_PAUSES: Final = frozenset({Outcome.NO_TOKEN, Outcome.STOPPED})


def _answered(row: Standing, event: Answered, rules: Rules, trust: Trust) -> Transition:
    if event.attempt != row.attempt:
        return Transition(standing=row, ignored=f"it answers attempt {event.attempt} of {row.attempt}")
    if event.outcome is Outcome.HELD:
        return _held(row, event, rules)
    change = _answered_in_flight if row.state is State.SENDING else _answered_late
    done = change(row, event, rules)
    return evolve(done, pause=event.said or event.outcome.value) if event.outcome in _PAUSES else done


def _answered_in_flight(row: Standing, event: Answered, rules: Rules) -> Transition:
    if event.outcome is Outcome.ACCEPTED:
        return _accepted(row, event, rules)
    if event.outcome is Outcome.UNKNOWN:
        return unknown(row, event.when, event.said, rules)
    if event.outcome is Outcome.REFUSED:
        return to(row, State.REFUSED, event.said)
    reach = row.reach if event.outcome in _PROCESSED_NOTHING else max(row.reach, Reach.REFUSED)
    return to(row, State.PLANNED, event.said, reach=reach)


def _answered_late(row: Standing, event: Answered, rules: Rules) -> Transition:
    """Judge an answer that comes after a notification: it takes nothing back."""
    if event.outcome is Outcome.ACCEPTED and row.state is State.UNKNOWN:
        return _accepted(row, event, rules)
    if event.outcome is Outcome.ACCEPTED and row.state in (State.ACCEPTED, State.PAID, State.RETURNED):
        return Transition(standing=evolve(row, accepted=True, reference_no=row.reference_no or event.reference_no))
    if event.outcome in _NO and row.state in (State.ACCEPTED, State.PAID, State.RETURNED):
        return disputed(row, f"it is {row.state}, and yet the answer to its attempt is: {event.said}")
    return Transition(standing=row, ignored=f"it is already {row.state}")


def _accepted(row: Standing, event: Answered, rules: Rules) -> Transition:
    return to(
        row,
        State.ACCEPTED,
        event.said,
        accepted=True,
        reference_no=event.reference_no or row.reference_no,
        sent_until=event.when.at,
        sent_mono=event.when.mono,
        sent_by=event.when.runner,
        ask_at=event.when.at + rules.patience,
    )


def _held(row: Standing, event: Answered, rules: Rules) -> Transition:
    """Judge 409xx01: say whose request the provider already holds under this reference."""
    if row.state is State.DISPUTED:
        return Transition(standing=row, ignored="it is already disputed")
    if row.reach is Reach.NOWHERE:
        words = "the reference was used before, and not by this payout: somebody may have been paid under it"
        return evolve(disputed(row, f"{event.said}; {words}"), elsewhere=True)
    if row.reach is Reach.NOT_FOUND:
        wrong = "the provider holds a reference that the inquiry did not find"
        return evolve(disputed(row, f"{event.said}; {wrong}"), disproves=wrong)
    if row.state is State.SENDING:
        return unknown(row, event.when, event.said, rules)
    return Transition(standing=row, ignored=f"it is already {row.state}")


# --- inquiry ---------------------------------------------------------------------------------------------------------

_S = State
#: Finding -> state before -> state after; what is not here changes nothing.
_FOUND: Final[dict[Finding, dict[State, State]]] = {
    Finding.PAID: {
        _S.UNKNOWN: _S.PAID,
        _S.ACCEPTED: _S.PAID,
        _S.FAILED: _S.DISPUTED,
        _S.REFUSED: _S.DISPUTED,
    },
    Finding.UNDER_WAY: {_S.UNKNOWN: _S.ACCEPTED, _S.REFUSED: _S.DISPUTED},
    Finding.RETURNED: {
        _S.UNKNOWN: _S.RETURNED,
        _S.ACCEPTED: _S.RETURNED,
        _S.PAID: _S.RETURNED,
        _S.REFUSED: _S.DISPUTED,
    },
    Finding.FAILED: {_S.UNKNOWN: _S.FAILED, _S.ACCEPTED: _S.FAILED, _S.PAID: _S.RETURNED},
}


def _asked(row: Standing, event: Asked, rules: Rules, trust: Trust) -> Transition:
    if event.attempt != row.attempt or row.state in (State.SENDING, State.DISPUTED):
        return Transition(standing=row, ignored=f"it is {row.state} in attempt {row.attempt}")
    if row.state is State.PLANNED:
        return _asked_unsent(row, event)
    row = evolve(row, asked=row.asked + 1)
    if row.state in (State.UNKNOWN, State.ACCEPTED):
        row = evolve(row, ask_at=_next_inquiry(row, event.when.at, rules))
    if event.finding is Finding.NOT_FOUND:
        return _not_found(row, event, rules, trust)
    if event.finding is Finding.NOTHING:
        return Transition(standing=row, ignored=event.said or event.finding.value)
    differs = difference(row, event.amount, event.number)
    if differs:
        return disputed(row, f"the inquiry names {differs}")
    after = _FOUND[event.finding].get(row.state)
    said = f"the inquiry says {event.finding}"
    if after is State.DISPUTED:
        return disputed(row, f"it was {row.state}, and yet {said}")
    done = to(row, after, said) if after else Transition(standing=row, ignored=f"it is already {row.state}")
    return evolve(done, proves=row.accepted)


def _asked_unsent(row: Standing, event: Asked) -> Transition:
    """Judge what an inquiry says about a payout that nothing is known to have been sent for, or nothing that counts."""
    refused = row.reach is Reach.REFUSED and event.finding is Finding.FAILED
    if refused or event.finding in (Finding.NOT_FOUND, Finding.NOTHING):
        return Transition(standing=row, ignored=event.said or event.finding.value)
    return unexpected(row, f"the inquiry says {event.finding}")


def _not_found(row: Standing, event: Asked, rules: Rules, trust: Trust) -> Transition:
    doubt = _doubt(row, event, rules)
    # What a person settled as paid, the provider need not know.
    known = row.state is State.ACCEPTED or (row.accepted and row.state in (State.PAID, State.RETURNED))
    if known and not doubt:
        return Transition(standing=row, disproves="it does not find a payout that was accepted", ignored="not found")
    if row.state is not State.UNKNOWN:
        return Transition(standing=row, ignored=f"not found; {doubt if known else f'it is {row.state}'}")
    doubt = doubt or _distrust(trust)
    if doubt:
        said = f"not found, which is not believed: {doubt}"
        return Transition(standing=evolve(row, reason=said), ignored=f"not found; {doubt}")
    if row.resends >= rules.resends:
        return disputed(row, f"it was not found again after it had been sent again {row.resends} times")
    return to(
        row,
        State.PLANNED,
        "it was not found, and is sent again",
        resends=row.resends + 1,
        reach=Reach.NOT_FOUND,
        ask_at=None,
    )


def _doubt(row: Standing, event: Asked, rules: Rules) -> str:
    """Return why "not found" says nothing about *row* at that moment, empty when it does."""
    if row.sent_until is None or event.when.at - row.sent_until < rules.patience:
        return "ten minutes have not passed since it may have been sent"
    same = event.when.runner == row.sent_by
    if same and (row.sent_mono is None or event.when.mono - row.sent_mono < rules.patience.total_seconds()):
        return "ten minutes have not passed since it may have been sent, whatever the wall clock says"
    if not is_inside_window(row, event.when.at, rules):
        return "it is older than the window in which the provider answers"
    return ""


def _distrust(trust: Trust) -> str:
    if trust.distrust:
        return f"the inquiry was wrong before in this job ({trust.distrust})"
    return "" if trust.proved else "this inquiry has not found any accepted payout of these credentials yet"


_DELAYS: Final = (timedelta(minutes=10), timedelta(minutes=20), timedelta(minutes=40))
_HOURLY: Final = timedelta(hours=1)


def _next_inquiry(row: Standing, at: datetime, rules: Rules) -> datetime | None:
    """Return when to ask after the inquiry that began at *at*: 10, 20, 40 minutes after sending, then hourly."""
    if not is_inside_window(row, at, rules):
        return None
    later = [row.sent_until + one for one in _DELAYS if row.sent_until is not None]
    return next((one for one in later if one > at), at + _HOURLY)


# --- notification ----------------------------------------------------------------------------------------------------


def _noticed(row: Standing, event: Noticed, rules: Rules, trust: Trust) -> Transition:
    if row.state is State.DISPUTED or event.notice is Notice.OTHER:
        return Transition(standing=row, ignored=event.said or f"it is {row.state}")
    differs = difference(row, event.amount, event.number)
    if differs:
        return disputed(row, f"a notification names {differs}")
    if row.state is State.PLANNED:
        return _noticed_unsent(row, event)
    done = _NOTICES[event.notice](row, event)
    if done.ignored or done.standing.state is State.DISPUTED:
        return done
    seen = evolve(
        done.standing,
        accepted=True,
        noticed_at=event.happened_at,
        reference_no=row.reference_no or event.reference_no,
        ask_at=_after_notice(done.standing, event, rules),
    )
    return evolve(done, standing=seen)


def _after_notice(row: Standing, event: Noticed, rules: Rules) -> datetime | None:
    return event.at + rules.patience if row.state is State.ACCEPTED else None


def _noticed_unsent(row: Standing, event: Noticed) -> Transition:
    """Judge a notification about a payout that nothing is known to have been sent for."""
    if row.reach is Reach.REFUSED and event.notice is Notice.FAILED:
        return Transition(standing=row, ignored="the attempt before was refused anyway")
    return unexpected(row, f"a notification says {event.notice}")


def _noticed_accepted(row: Standing, event: Noticed) -> Transition:
    if row.state in (State.SENDING, State.UNKNOWN):
        return to(row, State.ACCEPTED, event.said, sent_until=event.at, sent_mono=None, sent_by="")
    if row.state is State.REFUSED:
        return disputed(row, "it was refused, and yet a notification says that it is under way")
    return Transition(standing=row, ignored=f"it is already {row.state}")


def _noticed_completed(row: Standing, event: Noticed) -> Transition:
    if row.state in (State.SENDING, State.UNKNOWN, State.ACCEPTED):
        return to(row, State.PAID, event.said)
    if row.state is State.FAILED and _is_older(event, row):
        return to(row, State.RETURNED, "completed, then failed")
    if row.state in (State.FAILED, State.REFUSED):
        return disputed(row, f"it was {row.state}, and yet a notification says completed")
    return Transition(standing=row, ignored=f"it is already {row.state}")


def _noticed_failed(row: Standing, event: Noticed) -> Transition:
    other = bool(row.reference_no and event.reference_no and row.reference_no != event.reference_no)
    unclear = row.reach is not Reach.NOWHERE and not row.reference_no
    if row.state is State.PAID and not other:
        return to(row, State.RETURNED, "completed, then failed")
    if row.state in (State.SENDING, State.UNKNOWN, State.ACCEPTED) and not (other or unclear):
        return to(row, State.FAILED, event.said)
    # An earlier attempt may be meant, of which nothing is left: the inquiry tells about this one.
    words = "it may be about an earlier attempt" if other or unclear else f"it is already {row.state}"
    return Transition(standing=row, ignored=words)


def _is_older(event: Noticed, row: Standing) -> bool:
    return event.happened_at is not None and row.noticed_at is not None and event.happened_at < row.noticed_at


_NOTICES: Final[dict[Notice, Callable[[Standing, Noticed], Transition]]] = {
    Notice.ACCEPTED: _noticed_accepted,
    Notice.COMPLETED: _noticed_completed,
    Notice.FAILED: _noticed_failed,
}


_DECISIONS: Final[dict[type[Any], Callable[[Standing, Any, Rules, Trust], Transition]]] = {
    Claimed: _claimed,
    Crashed: _crashed,
    Settled: _settled,
    Answered: _answered,
    Asked: _asked,
    Noticed: _noticed,
}
