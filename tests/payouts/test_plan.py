"""Every rule of the plan, one fact at a time."""

from datetime import timedelta

import pytest
from attrs import evolve

from gopay_async import InvalidInput
from gopay_async.payouts.plan import (
    Answered,
    Asked,
    Claimed,
    Crashed,
    Finding,
    Notice,
    Noticed,
    Outcome,
    Reach,
    Rules,
    Settled,
    Standing,
    State,
    Trust,
    decide,
    is_inside_window,
    whether_to_send,
)
from gopay_async.payouts.streak import Streak

from .facts import AMOUNT, RULES, START, TRUSTED, after, answered, asked, moment, noticed, standing

S, F, N, R = State, Finding, Notice, Reach


# --- claimed, crashed ------------------------------------------------------------------------------------------------


def test_a_claim_is_an_attempt_and_begins_the_window() -> None:
    now = after(standing(), Claimed(when=moment(5))).standing

    assert (now.state, now.attempt, now.first_sent_at) == (S.SENDING, 1, moment(5).at)
    assert (now.asked, now.ask_at, now.reason) == (0, None, "")


def test_a_second_claim_keeps_the_beginning_of_the_window() -> None:
    row = standing(attempt=1, first_sent_at=START, asked=3, reason="was not found")

    now = after(row, Claimed(when=moment(5))).standing

    assert (now.attempt, now.first_sent_at, now.asked, now.reason) == (2, START, 0, "")


@pytest.mark.parametrize("state", [one for one in State if one is not S.PLANNED])
def test_only_what_is_planned_is_sent(state: State) -> None:
    with pytest.raises(InvalidInput) as caught:
        after(standing(state), Claimed(when=moment(5)))
    assert (caught.value.field, caught.value.rule) == ("payout", f"must not be sent: it is {state}")


DAYS_52 = timedelta(days=52)


@pytest.mark.parametrize(
    ("row", "age", "inside"),
    [
        (standing(), DAYS_52 - timedelta(microseconds=1), True),
        (standing(), DAYS_52, False),
        (standing(first_sent_at=START - timedelta(days=1)), DAYS_52 - timedelta(days=1), False),
        (standing(first_sent_at=START + timedelta(days=1)), DAYS_52, True),
    ],
)
def test_nothing_is_sent_52_days_after_the_first_attempt_or_the_import(
    row: Standing, age: timedelta, inside: bool
) -> None:
    assert is_inside_window(row, START + age, RULES) is inside
    assert (whether_to_send(row, START + age, RULES) == "") is inside


def test_what_is_older_than_the_window_says_so() -> None:
    assert whether_to_send(standing(), START + DAYS_52, RULES) == (
        "it is older than the window in which its reference is unique"
    )


def test_what_a_dead_process_was_sending_is_unknown_from_now_on() -> None:
    now = after(standing(S.SENDING, asked=2), Crashed(when=moment(7, runner="two"))).standing

    assert (now.state, now.sent_until, now.sent_mono, now.sent_by) == (S.UNKNOWN, moment(7).at, 420.0, "two")
    assert (now.ask_at, now.asked, now.attempt) == (moment(17).at, 0, 1)
    assert now.reason == "the process that sent it ended before it had the answer"


@pytest.mark.parametrize("state", [one for one in State if one is not S.SENDING])
def test_a_crash_changes_only_what_was_being_sent(state: State) -> None:
    row = standing(state)

    done = after(row, Crashed(when=moment(7)))

    assert (done.standing, done.ignored) == (row, f"it is {state}")


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "state", "reach", "pause"),
    [
        (Outcome.ACCEPTED, S.ACCEPTED, R.NOWHERE, ""),
        (Outcome.UNKNOWN, S.UNKNOWN, R.NOWHERE, ""),
        (Outcome.REFUSED, S.REFUSED, R.NOWHERE, ""),
        (Outcome.NOT_SENT, S.PLANNED, R.NOWHERE, ""),
        (Outcome.RATE_LIMITED, S.PLANNED, R.NOWHERE, ""),
        (Outcome.TOKEN_REJECTED, S.PLANNED, R.NOWHERE, ""),
        (Outcome.NO_TOKEN, S.PLANNED, R.NOWHERE, "said"),
        (Outcome.STOPPED, S.PLANNED, R.REFUSED, "said"),
        (Outcome.HELD, S.DISPUTED, R.NOWHERE, ""),
    ],
)
def test_an_answer_to_the_first_attempt(outcome: Outcome, state: State, reach: Reach, pause: str) -> None:
    done = after(standing(S.SENDING), answered(outcome))

    assert (done.standing.state, done.standing.reach, done.pause) == (state, reach, pause)
    assert done.standing.reason.startswith("said")


def test_an_accepted_payout_is_asked_about_after_ten_minutes() -> None:
    now = after(standing(S.SENDING), answered(Outcome.ACCEPTED, reference_no="A7")).standing

    assert (now.accepted, now.reference_no, now.sent_until, now.ask_at) == (True, "A7", moment(1).at, moment(11).at)
    assert (now.sent_mono, now.sent_by) == (60.0, "one")


def test_an_unknown_outcome_counts_its_ten_minutes_from_the_end_of_the_attempt() -> None:
    now = after(standing(S.SENDING), answered(Outcome.UNKNOWN)).standing

    assert (now.sent_until, now.sent_mono, now.sent_by, now.ask_at) == (moment(1).at, 60.0, "one", moment(11).at)
    assert not now.accepted


def test_a_stop_without_words_pauses_all_the_same() -> None:
    assert after(standing(S.SENDING), answered(Outcome.STOPPED, said="")).pause == "refused, and the job with it"


def test_a_later_stop_does_not_forget_that_it_was_not_found_before() -> None:
    done = after(standing(S.SENDING, reach=R.NOT_FOUND), answered(Outcome.STOPPED))

    assert done.standing.reach is R.NOT_FOUND


def test_an_answer_to_an_earlier_attempt_changes_nothing() -> None:
    row = standing(S.SENDING, attempt=2)

    done = after(row, answered(Outcome.REFUSED))

    assert (done.standing, done.ignored) == (row, "it answers attempt 1 of 2")


# --- answers after a notification ------------------------------------------------------------------------------------

LATE = [S.ACCEPTED, S.PAID, S.RETURNED]


@pytest.mark.parametrize("state", LATE)
def test_a_202_after_a_notification_takes_nothing_back(state: State) -> None:
    row = standing(state, accepted=False, reference_no="")

    now = after(row, answered(Outcome.ACCEPTED, reference_no="A7")).standing

    assert now == evolve(row, accepted=True, reference_no="A7")


@pytest.mark.parametrize("state", LATE)
def test_a_202_keeps_the_reference_that_a_notification_gave(state: State) -> None:
    assert (
        after(standing(state, reference_no="A1"), answered(Outcome.ACCEPTED, reference_no="A7")).standing.reference_no
        == "A1"
    )


@pytest.mark.parametrize("state", [S.ACCEPTED, S.PAID, S.RETURNED, S.FAILED, S.DISPUTED, S.REFUSED])
def test_an_unknown_outcome_after_a_notification_changes_nothing(state: State) -> None:
    done = after(standing(state), answered(Outcome.UNKNOWN))

    assert (done.standing, done.ignored) == (standing(state), f"it is already {state}")


@pytest.mark.parametrize("state", LATE)
@pytest.mark.parametrize(
    "outcome",
    [
        Outcome.NOT_SENT,
        Outcome.NO_TOKEN,
        Outcome.TOKEN_REJECTED,
        Outcome.RATE_LIMITED,
        Outcome.REFUSED,
        Outcome.STOPPED,
    ],
)
def test_a_no_after_a_notification_of_money_contradicts_it(state: State, outcome: Outcome) -> None:
    done = after(standing(state), answered(outcome))

    assert (done.standing.state, bool(done.pause)) == (S.DISPUTED, outcome in (Outcome.NO_TOKEN, Outcome.STOPPED))
    assert done.standing.reason == f"it is {state}, and yet the answer to its attempt is: said"


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.NOT_SENT])
def test_what_a_notification_called_failed_stays_failed(outcome: Outcome) -> None:
    assert after(standing(S.FAILED), answered(outcome)).standing == standing(S.FAILED)


def test_a_late_202_settles_what_was_unknown() -> None:
    assert after(standing(S.UNKNOWN), answered(Outcome.ACCEPTED)).standing.state is S.ACCEPTED


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.NOT_SENT, Outcome.UNKNOWN])
def test_a_late_no_does_not_settle_what_was_unknown(outcome: Outcome) -> None:
    assert after(standing(S.UNKNOWN), answered(outcome)).standing.state is S.UNKNOWN


# --- 4093801 ---------------------------------------------------------------------------------------------------------


def test_a_held_reference_of_which_nothing_can_have_reached_the_books_was_used_elsewhere() -> None:
    done = after(standing(S.SENDING), answered(Outcome.HELD))

    assert (done.standing.state, done.elsewhere, done.disproves) == (S.DISPUTED, True, "")
    assert done.standing.ask_at is None
    assert done.standing.reason == (
        "said; the reference was used before, and not by this payout: somebody may have been paid under it"
    )


def test_a_held_reference_after_not_found_proves_the_inquiry_wrong() -> None:
    done = after(standing(S.SENDING, reach=R.NOT_FOUND), answered(Outcome.HELD))

    wrong = "the provider holds a reference that the inquiry did not find"
    assert (done.standing.state, done.elsewhere, done.disproves) == (S.DISPUTED, False, wrong)
    assert done.standing.reason == f"said; {wrong}"


def test_a_held_reference_after_a_refusal_is_asked_about() -> None:
    done = after(standing(S.SENDING, reach=R.REFUSED), answered(Outcome.HELD))

    assert (done.standing.state, done.elsewhere, done.disproves) == (S.UNKNOWN, False, "")
    assert done.standing.ask_at == moment(11).at


@pytest.mark.parametrize("state", [S.PAID, S.ACCEPTED, S.FAILED])
@pytest.mark.parametrize(("reach", "then"), [(R.NOWHERE, True), (R.REFUSED, False), (R.NOT_FOUND, True)])
def test_a_held_reference_is_judged_the_same_after_a_notification(state: State, reach: Reach, then: bool) -> None:
    done = after(standing(state, reach=reach), answered(Outcome.HELD))

    assert done.standing.state is (S.DISPUTED if then else state)
    assert (done.ignored == f"it is already {state}") is not then


def test_a_dispute_stays_one() -> None:
    done = after(standing(S.DISPUTED), answered(Outcome.HELD))

    assert (done.standing, done.ignored) == (standing(S.DISPUTED), "it is already disputed")
    assert (done.elsewhere, done.disproves) == (False, "")


# --- inquiry ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("finding", "before", "then"),
    [
        (F.PAID, S.UNKNOWN, S.PAID),
        (F.PAID, S.ACCEPTED, S.PAID),
        (F.PAID, S.PAID, S.PAID),
        (F.PAID, S.FAILED, S.DISPUTED),
        (F.PAID, S.REFUSED, S.DISPUTED),
        (F.PAID, S.RETURNED, S.RETURNED),
        (F.UNDER_WAY, S.UNKNOWN, S.ACCEPTED),
        (F.UNDER_WAY, S.ACCEPTED, S.ACCEPTED),
        (F.UNDER_WAY, S.PAID, S.PAID),
        (F.UNDER_WAY, S.FAILED, S.FAILED),
        (F.UNDER_WAY, S.REFUSED, S.DISPUTED),
        (F.UNDER_WAY, S.RETURNED, S.RETURNED),
        (F.RETURNED, S.UNKNOWN, S.RETURNED),
        (F.RETURNED, S.ACCEPTED, S.RETURNED),
        (F.RETURNED, S.PAID, S.RETURNED),
        (F.RETURNED, S.FAILED, S.FAILED),
        (F.RETURNED, S.REFUSED, S.DISPUTED),
        (F.FAILED, S.UNKNOWN, S.FAILED),
        (F.FAILED, S.ACCEPTED, S.FAILED),
        (F.FAILED, S.PAID, S.RETURNED),
        (F.FAILED, S.FAILED, S.FAILED),
        (F.FAILED, S.REFUSED, S.REFUSED),
        (F.FAILED, S.RETURNED, S.RETURNED),
        (F.NOTHING, S.UNKNOWN, S.UNKNOWN),
        (F.NOTHING, S.ACCEPTED, S.ACCEPTED),
        (F.NOT_FOUND, S.ACCEPTED, S.ACCEPTED),
        (F.NOT_FOUND, S.PAID, S.PAID),
        (F.NOT_FOUND, S.FAILED, S.FAILED),
        (F.NOT_FOUND, S.REFUSED, S.REFUSED),
    ],
)
def test_an_inquiry_moves_forward_only(finding: Finding, before: State, then: State) -> None:
    assert after(standing(before), asked(finding)).standing.state is then


@pytest.mark.parametrize(
    ("finding", "before", "reason"),
    [
        (F.PAID, S.UNKNOWN, "the inquiry says paid"),
        (F.UNDER_WAY, S.UNKNOWN, "the inquiry says under way"),
        (F.PAID, S.FAILED, "it was failed, and yet the inquiry says paid"),
        (F.RETURNED, S.REFUSED, "it was refused, and yet the inquiry says returned"),
    ],
)
def test_an_inquiry_says_why_a_payout_stands_where_it_does(finding: Finding, before: State, reason: str) -> None:
    assert after(standing(before), asked(finding)).standing.reason == reason


@pytest.mark.parametrize(("finding", "state"), [(F.PAID, S.PAID), (F.UNDER_WAY, S.ACCEPTED), (F.FAILED, S.RETURNED)])
def test_an_inquiry_that_knows_nothing_new_is_ignored(finding: Finding, state: State) -> None:
    assert after(standing(state), asked(finding)).ignored == f"it is already {state}"


@pytest.mark.parametrize("state", [S.SENDING, S.DISPUTED])
@pytest.mark.parametrize("finding", list(Finding))
def test_an_inquiry_says_nothing_about_what_is_not_open(state: State, finding: Finding) -> None:
    row = standing(state, attempt=1)

    done = after(row, asked(finding))

    assert (done.standing, done.ignored, done.proves) == (row, f"it is {state} in attempt 1", False)


@pytest.mark.parametrize("finding", [F.PAID, F.UNDER_WAY, F.RETURNED])
@pytest.mark.parametrize(
    ("reach", "disproves", "elsewhere"),
    [
        (R.NOT_FOUND, "the provider holds a reference that the inquiry did not find", False),
        (R.REFUSED, "", False),
        (R.NOWHERE, "", True),
    ],
)
def test_what_waits_to_be_sent_and_is_found_all_the_same_is_disputed(
    finding: Finding, reach: Reach, disproves: str, elsewhere: bool
) -> None:
    done = after(standing(S.PLANNED, attempt=1, reach=reach), asked(finding))

    assert (done.standing.state, done.disproves, done.elsewhere) == (S.DISPUTED, disproves, elsewhere)
    assert done.standing.reason == f"the inquiry says {finding}, and yet nothing is under way"


@pytest.mark.parametrize("reach", [R.NOT_FOUND, R.NOWHERE])
def test_what_failed_under_a_reference_that_waits_to_be_sent_is_disputed(reach: Reach) -> None:
    assert after(standing(S.PLANNED, attempt=1, reach=reach), asked(F.FAILED)).standing.state is S.DISPUTED


@pytest.mark.parametrize(
    ("finding", "reach"), [(F.FAILED, R.REFUSED), *((one, two) for one in (F.NOT_FOUND, F.NOTHING) for two in R)]
)
def test_what_waits_to_be_sent_waits_on_when_an_inquiry_finds_nothing_that_moved(
    finding: Finding, reach: Reach
) -> None:
    row = standing(S.PLANNED, attempt=1, reach=reach)

    done = after(row, asked(finding, said="so it says"))

    assert (done.standing, done.ignored) == (row, "so it says")
    assert after(row, asked(finding, said="")).ignored == finding.value


def test_an_inquiry_about_an_earlier_attempt_says_nothing() -> None:
    row = standing(S.UNKNOWN, attempt=2)

    assert after(row, asked(F.PAID)).standing == row


def test_only_an_accepted_payout_that_is_found_proves_the_inquiry() -> None:
    found = [F.PAID, F.UNDER_WAY, F.RETURNED, F.FAILED]

    assert [after(standing(S.ACCEPTED), asked(one)).proves for one in Finding] == [one in found for one in Finding]
    assert not any(after(standing(S.UNKNOWN), asked(one)).proves for one in Finding)


def test_an_amount_that_differs_proves_nothing() -> None:
    done = after(standing(S.ACCEPTED), asked(F.PAID, amount=AMOUNT + 1))

    assert (done.standing.state, done.proves) == (S.DISPUTED, False)
    assert done.standing.reason == "the inquiry names Rp 10000.01 instead of Rp 10000.00"


@pytest.mark.parametrize("number", ["6281773628883", "+6281773628883", "", None])
def test_the_right_number_is_no_difference(number: str | None) -> None:
    assert after(standing(S.UNKNOWN), asked(F.PAID, amount=AMOUNT, number=number)).standing.state is S.PAID


@pytest.mark.parametrize("number", ["6281", "X6281773628883", "6281773628883+"])
def test_another_number_is_a_dispute(number: str) -> None:
    done = after(standing(S.UNKNOWN), asked(F.PAID, number=number))

    assert (done.standing.state, done.standing.reason) == (S.DISPUTED, "the inquiry names another number")


def test_the_amount_of_what_is_not_found_says_nothing() -> None:
    assert after(standing(S.UNKNOWN), asked(F.NOT_FOUND, amount=0)).standing.state is S.PLANNED


# --- not found -------------------------------------------------------------------------------------------------------


def test_what_is_not_found_is_sent_again() -> None:
    done = after(standing(S.UNKNOWN, resends=1), asked(F.NOT_FOUND))

    now = done.standing
    assert (now.state, now.reach, now.resends, now.ask_at) == (S.PLANNED, R.NOT_FOUND, 2, None)
    assert (now.reason, done.disproves, done.ignored) == ("it was not found, and is sent again", "", "")


def test_what_is_not_found_again_after_three_resends_is_a_persons() -> None:
    now = after(standing(S.UNKNOWN, resends=3), asked(F.NOT_FOUND)).standing

    assert (now.state, now.ask_at) == (S.DISPUTED, None)
    assert now.reason == "it was not found again after it had been sent again 3 times"


TEN = "ten minutes have not passed since it may have been sent"
OLD = "it is older than the window in which the provider answers"


@pytest.mark.parametrize(
    ("row", "fact", "trust", "doubt"),
    [
        (standing(S.UNKNOWN), asked(F.NOT_FOUND, 9.99), TRUSTED, TEN),
        (standing(S.UNKNOWN), asked(F.NOT_FOUND, -5), TRUSTED, TEN),
        (standing(S.UNKNOWN, sent_until=None), asked(F.NOT_FOUND), TRUSTED, TEN),
        (
            standing(S.UNKNOWN),
            asked(F.NOT_FOUND, when=moment(60, mono=599.9)),
            TRUSTED,
            f"{TEN}, whatever the wall clock says",
        ),
        (
            standing(S.UNKNOWN, sent_mono=None),
            asked(F.NOT_FOUND, when=moment(60)),
            TRUSTED,
            f"{TEN}, whatever the wall clock says",
        ),
        (standing(S.UNKNOWN, first_sent_at=START - DAYS_52), asked(F.NOT_FOUND), TRUSTED, OLD),
        (
            standing(S.UNKNOWN),
            asked(F.NOT_FOUND),
            Trust(),
            "this inquiry has not found any accepted payout of these credentials yet",
        ),
        (
            standing(S.UNKNOWN),
            asked(F.NOT_FOUND),
            Trust(proved=True, distrust="it lied"),
            "the inquiry was wrong before in this job (it lied)",
        ),
    ],
)
def test_not_found_is_believed_only_under_all_conditions(row: Standing, fact: object, trust: Trust, doubt: str) -> None:
    done = after(row, fact, trust=trust)

    assert (done.standing.state, done.ignored) == (S.UNKNOWN, f"not found; {doubt}")
    assert done.standing.reason == f"not found, which is not believed: {doubt}"
    assert done.standing.asked == 1


def test_ten_minutes_are_counted_from_the_sending_on_a_clock_that_has_run_for_long() -> None:
    row = standing(S.UNKNOWN, sent_mono=50_000.0)

    assert after(row, asked(F.NOT_FOUND, when=moment(60, mono=50_599.9))).standing.state is S.UNKNOWN
    assert after(row, asked(F.NOT_FOUND, when=moment(60, mono=50_600.0))).standing.state is S.PLANNED


@pytest.mark.parametrize("when", [moment(10, mono=0.0, runner="two"), moment(10, mono=600.0)])
def test_another_process_counts_on_the_wall_clock_alone(when: object) -> None:
    assert after(standing(S.UNKNOWN), asked(F.NOT_FOUND, when=when)).standing.state is S.PLANNED


def test_an_accepted_payout_that_is_not_found_proves_the_inquiry_wrong() -> None:
    done = after(standing(S.ACCEPTED, reason="accepted"), asked(F.NOT_FOUND))

    assert done.disproves == "it does not find a payout that was accepted"
    assert (done.standing.state, done.standing.reason, done.ignored) == (S.ACCEPTED, "accepted", "not found")


@pytest.mark.parametrize("state", [S.PAID, S.RETURNED])
def test_a_payout_that_the_provider_has_booked_and_that_is_not_found_proves_the_inquiry_wrong(state: State) -> None:
    done = after(standing(state, accepted=True, sent_until=START, sent_by="one", sent_mono=0.0), asked(F.NOT_FOUND))

    assert done.disproves == "it does not find a payout that was accepted"
    assert (done.standing.state, done.ignored) == (state, "not found")


@pytest.mark.parametrize(
    "row",
    [
        # A person settled it: the provider need not know.
        standing(S.PAID, sent_until=START, reason="settled by Ayu: cash"),
        standing(S.FAILED, accepted=True, sent_until=START, reason="failed"),
        standing(S.REFUSED, reason="4033805"),
    ],
)
def test_what_has_ended_otherwise_and_is_not_found_proves_nothing(row: Standing) -> None:
    done = after(row, asked(F.NOT_FOUND))

    assert (done.disproves, done.ignored) == ("", f"not found; it is {row.state}")
    assert (done.standing.state, done.standing.reason) == (row.state, row.reason)


def test_an_accepted_payout_that_is_not_found_yet_proves_nothing() -> None:
    done = after(standing(S.ACCEPTED, reason="accepted"), asked(F.NOT_FOUND, 5))

    assert (done.disproves, done.standing.reason) == ("", "accepted")
    assert done.ignored == f"not found; {TEN}"


def test_a_payout_that_is_not_sent_again_any_more_becomes_unknown_when_its_turn_comes() -> None:
    row = standing(attempt=1, first_sent_at=START, reach=R.NOT_FOUND, sent_until=START)

    now = after(row, Claimed(when=moment(15)), trust=Trust(proved=True, distrust="it lied")).standing

    assert (now.state, now.attempt, now.ask_at) == (S.UNKNOWN, 1, moment(20).at)
    assert now.reason == "not sent again: it lied"


def test_others_are_sent_although_the_inquiry_lied() -> None:
    row = standing(attempt=1, first_sent_at=START, reach=R.REFUSED)

    assert after(row, Claimed(when=moment(15)), trust=Trust(distrust="it lied")).standing.state is S.SENDING


@pytest.mark.parametrize("state", [S.UNKNOWN, S.ACCEPTED])
@pytest.mark.parametrize(
    ("asked_at", "next_at"), [(10, 20), (11, 20), (20, 40), (25, 40), (40, 100), (100, 160), (5, 10)]
)
def test_open_payouts_are_asked_after_10_20_and_40_minutes_then_hourly(
    state: State, asked_at: float, next_at: float
) -> None:
    now = after(standing(state), asked(F.NOTHING, asked_at)).standing

    assert (now.ask_at, now.asked) == (moment(next_at).at, 1)


def test_an_inquiry_that_says_nothing_is_reported() -> None:
    assert after(standing(S.UNKNOWN), asked(F.NOTHING)).ignored == "said"
    assert after(standing(S.UNKNOWN), asked(F.NOTHING, said="")).ignored == "nothing usable"


def test_nothing_is_asked_beyond_the_window() -> None:
    row = standing(S.UNKNOWN, first_sent_at=START - DAYS_52)

    assert after(row, asked(F.NOTHING)).standing.ask_at is None


@pytest.mark.parametrize(
    ("finding", "ask_at"),
    [(F.PAID, None), (F.FAILED, None), (F.RETURNED, None), (F.UNDER_WAY, moment(20).at)],
)
def test_what_an_inquiry_ended_is_not_asked_about_and_the_rest_is(finding: Finding, ask_at: object) -> None:
    assert after(standing(S.UNKNOWN), asked(finding)).standing.ask_at == ask_at


@pytest.mark.parametrize("state", [S.PAID, S.FAILED, S.REFUSED, S.RETURNED])
def test_what_is_final_is_not_asked_again(state: State) -> None:
    assert after(standing(state), asked(F.NOTHING)).standing.ask_at is None


# --- notifications ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("notice", "before", "then"),
    [
        (N.ACCEPTED, S.SENDING, S.ACCEPTED),
        (N.ACCEPTED, S.UNKNOWN, S.ACCEPTED),
        (N.ACCEPTED, S.ACCEPTED, S.ACCEPTED),
        (N.ACCEPTED, S.PAID, S.PAID),
        (N.ACCEPTED, S.FAILED, S.FAILED),
        (N.ACCEPTED, S.RETURNED, S.RETURNED),
        (N.ACCEPTED, S.REFUSED, S.DISPUTED),
        (N.ACCEPTED, S.PLANNED, S.DISPUTED),
        (N.COMPLETED, S.SENDING, S.PAID),
        (N.COMPLETED, S.UNKNOWN, S.PAID),
        (N.COMPLETED, S.ACCEPTED, S.PAID),
        (N.COMPLETED, S.PAID, S.PAID),
        (N.COMPLETED, S.RETURNED, S.RETURNED),
        (N.COMPLETED, S.FAILED, S.DISPUTED),
        (N.COMPLETED, S.REFUSED, S.DISPUTED),
        (N.COMPLETED, S.PLANNED, S.DISPUTED),
        (N.FAILED, S.SENDING, S.FAILED),
        (N.FAILED, S.UNKNOWN, S.FAILED),
        (N.FAILED, S.ACCEPTED, S.FAILED),
        (N.FAILED, S.PAID, S.RETURNED),
        (N.FAILED, S.FAILED, S.FAILED),
        (N.FAILED, S.REFUSED, S.REFUSED),
        (N.FAILED, S.RETURNED, S.RETURNED),
        (N.FAILED, S.PLANNED, S.DISPUTED),
        *((one, S.DISPUTED, S.DISPUTED) for one in Notice),
        *((N.OTHER, one, one) for one in State),
    ],
)
def test_a_notification_moves_forward_only(notice: Notice, before: State, then: State) -> None:
    assert after(standing(before), noticed(notice)).standing.state is then


@pytest.mark.parametrize(
    ("notice", "before", "reason"),
    [
        (N.ACCEPTED, S.REFUSED, "it was refused, and yet a notification says that it is under way"),
        (N.COMPLETED, S.REFUSED, "it was refused, and yet a notification says completed"),
        (N.COMPLETED, S.FAILED, "it was failed, and yet a notification says completed"),
        (N.FAILED, S.PAID, "completed, then failed"),
        (N.FAILED, S.ACCEPTED, "said"),
    ],
)
def test_a_notification_says_why_a_payout_stands_where_it_does(notice: Notice, before: State, reason: str) -> None:
    assert after(standing(before), noticed(notice)).standing.reason == reason


def test_a_notification_counts_as_the_providers_own_word() -> None:
    happened = moment(1).at

    now = after(standing(S.SENDING), noticed(N.ACCEPTED, happened_at=happened)).standing

    assert (now.accepted, now.noticed_at, now.reference_no) == (True, happened, "A1")
    assert (now.sent_until, now.sent_mono, now.sent_by) == (moment(2).at, None, "")
    assert (now.ask_at, now.reason) == (moment(12).at, "said")


def test_what_a_notification_ended_is_not_asked_about() -> None:
    now = after(standing(S.ACCEPTED), noticed(N.COMPLETED, reference_no="A9")).standing

    assert (now.ask_at, now.reference_no, now.reason) == (None, "A1", "said")


def test_completed_that_arrives_after_the_failure_that_followed_it_is_returned() -> None:
    row = standing(S.FAILED, noticed_at=moment(2).at)

    returned = after(row, noticed(N.COMPLETED, happened_at=moment(1).at)).standing

    assert (returned.state, returned.reason) == (S.RETURNED, "completed, then failed")
    assert after(row, noticed(N.COMPLETED, happened_at=moment(2).at)).standing.state is S.DISPUTED
    assert after(row, noticed(N.COMPLETED)).standing.state is S.DISPUTED


@pytest.mark.parametrize("notice", [N.ACCEPTED, N.COMPLETED, N.FAILED])
def test_a_notification_about_another_amount_is_a_dispute(notice: Notice) -> None:
    done = after(standing(S.ACCEPTED), noticed(notice, amount=AMOUNT - 1))

    assert (done.standing.state, done.standing.reason) == (
        S.DISPUTED,
        "a notification names Rp 9999.99 instead of Rp 10000.00",
    )


@pytest.mark.parametrize(
    ("reach", "elsewhere", "disproves"),
    [(R.NOWHERE, True, False), (R.REFUSED, False, False), (R.NOT_FOUND, False, True)],
)
def test_money_under_a_reference_that_nothing_was_sent_for(reach: Reach, elsewhere: bool, disproves: bool) -> None:
    done = after(standing(reach=reach), noticed(N.COMPLETED))

    assert (done.standing.state, done.elsewhere, bool(done.disproves)) == (S.DISPUTED, elsewhere, disproves)
    assert done.standing.reason == "a notification says completed, and yet nothing is under way"
    assert done.disproves in ("", "the provider holds a reference that the inquiry did not find")


def test_a_failure_of_what_was_refused_changes_nothing() -> None:
    row = standing(reach=R.REFUSED)

    done = after(row, noticed(N.FAILED))

    assert (done.standing, done.ignored) == (row, "the attempt before was refused anyway")


@pytest.mark.parametrize("state", [S.SENDING, S.UNKNOWN])
@pytest.mark.parametrize("reach", [R.REFUSED, R.NOT_FOUND])
def test_a_failure_that_may_be_about_an_earlier_attempt_is_left_to_the_inquiry(state: State, reach: Reach) -> None:
    done = after(standing(state, reach=reach), noticed(N.FAILED))

    assert (done.standing.state, done.ignored) == (state, "it may be about an earlier attempt")


@pytest.mark.parametrize("state", [S.ACCEPTED, S.PAID])
@pytest.mark.parametrize(("reference_no", "counts"), [("A1", True), ("A2", False), ("", True)])
def test_a_failure_counts_only_for_the_providers_own_reference(state: State, reference_no: str, counts: bool) -> None:
    row = standing(state, reach=R.REFUSED, reference_no="A1")

    assert (after(row, noticed(N.FAILED, reference_no=reference_no)).standing.state is not state) is counts


@pytest.mark.parametrize(
    ("row", "fact", "why"),
    [
        (standing(S.PAID), noticed(N.COMPLETED), "it is already paid"),
        (standing(S.PAID), noticed(N.ACCEPTED), "it is already paid"),
        (standing(S.RETURNED), noticed(N.FAILED), "it is already returned"),
        (standing(S.ACCEPTED), noticed(N.OTHER), "said"),
        (standing(S.ACCEPTED), noticed(N.OTHER, said=""), "it is accepted"),
        (standing(S.DISPUTED), noticed(N.COMPLETED, said=""), "it is disputed"),
    ],
)
def test_a_notification_that_counts_for_nothing_leaves_everything_as_it_was(
    row: Standing, fact: object, why: str
) -> None:
    done = after(row, fact)

    assert (done.standing, done.ignored) == (row, why)


@pytest.mark.parametrize("notice", [N.ACCEPTED, N.COMPLETED])
def test_a_contradiction_is_no_word_of_the_provider_that_it_holds_the_payout(notice: Notice) -> None:
    now = after(standing(S.REFUSED), noticed(notice, happened_at=moment(1).at)).standing

    assert (now.state, now.accepted, now.noticed_at, now.reference_no) == (S.DISPUTED, False, None, "")


# --- a person --------------------------------------------------------------------------------------------------------


def settled(state: State = S.PAID, days: float = 0) -> Settled:
    return Settled(at=START + timedelta(days=days), state=state, who="Rina", note="bank statement")


@pytest.mark.parametrize("state", [S.UNKNOWN, S.DISPUTED])
@pytest.mark.parametrize("then", [S.PAID, S.FAILED])
def test_a_person_settles_what_is_unknown_or_disputed(state: State, then: State) -> None:
    now = after(standing(state), settled(then)).standing

    assert (now.state, now.reason, now.ask_at) == (then, "settled by Rina: bank statement", None)


@pytest.mark.parametrize("state", [S.PLANNED, S.ACCEPTED])
def test_a_person_settles_what_is_past_the_window(state: State) -> None:
    assert after(standing(state), settled(days=52)).standing.state is S.PAID
    with pytest.raises(InvalidInput, match="row"):
        after(standing(state), settled(days=51))


@pytest.mark.parametrize("state", [S.SENDING, S.PAID, S.FAILED, S.REFUSED, S.RETURNED])
@pytest.mark.parametrize("days", [0, 60])
def test_nobody_settles_what_is_settled_or_being_sent(state: State, days: float) -> None:
    with pytest.raises(InvalidInput) as caught:
        after(standing(state), settled(days=days))
    assert caught.value.field == "row"
    assert caught.value.rule.startswith(f"is {state}: a person settles only")


@pytest.mark.parametrize("state", [one for one in State if one not in (S.PAID, S.FAILED)])
def test_a_person_says_paid_or_failed(state: State) -> None:
    with pytest.raises(InvalidInput) as caught:
        after(standing(S.UNKNOWN), settled(state))
    assert (caught.value.field, caught.value.rule) == ("as", "must be paid or failed")


# --- the job ---------------------------------------------------------------------------------------------------------


def streak(outcome: Outcome, times: int, reach: Reach = R.NOWHERE) -> Streak:
    found = Streak()
    for _ in range(times):
        found = found.follow(outcome, after(standing(S.SENDING, reach=reach), answered(outcome)))
    return found


@pytest.mark.parametrize(
    ("outcome", "times", "words"),
    [
        (Outcome.UNKNOWN, 20, "20 unknown outcomes in a row"),
        (Outcome.HELD, 10, "10 references in a row were used elsewhere"),
        (Outcome.NOT_SENT, 20, "20 attempts in a row did not get through"),
        (Outcome.TOKEN_REJECTED, 20, "20 attempts in a row did not get through"),
    ],
)
def test_a_streak_pauses_the_job(outcome: Outcome, times: int, words: str) -> None:
    assert streak(outcome, times).pause(RULES) == words
    assert streak(outcome, times - 1).pause(RULES) == ""


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.HELD, Outcome.NOT_SENT])
def test_one_acceptance_ends_every_streak(outcome: Outcome) -> None:
    done = after(standing(S.SENDING), answered(Outcome.ACCEPTED))

    assert streak(outcome, 19).follow(Outcome.ACCEPTED, done) == Streak()


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.STOPPED, Outcome.HELD])
@pytest.mark.parametrize("before", [Outcome.UNKNOWN, Outcome.HELD, Outcome.NOT_SENT])
def test_an_answer_ends_every_streak_but_its_own(before: Outcome, outcome: Outcome) -> None:
    done = after(standing(S.SENDING), answered(outcome))

    mixed = streak(before, 9).follow(outcome, done)

    own = {Outcome.HELD: 10 if before is Outcome.HELD else 1}.get(outcome, 0)
    assert (mixed.unknown, mixed.elsewhere, mixed.blocked) == (0, own, 0)


@pytest.mark.parametrize("silent", [Outcome.NOT_SENT, Outcome.TOKEN_REJECTED, Outcome.NO_TOKEN, Outcome.RATE_LIMITED])
def test_what_tells_nothing_about_payouts_hides_no_streak_of_them(silent: Outcome) -> None:
    done = after(standing(S.SENDING), answered(silent))
    found = streak(Outcome.UNKNOWN, 19).follow(silent, done)

    lost = after(standing(S.SENDING), answered(Outcome.UNKNOWN))
    assert found.follow(Outcome.UNKNOWN, lost).pause(RULES) == "20 unknown outcomes in a row"
    assert found.unknown == 19


def test_an_unknown_outcome_hides_no_streak_of_what_does_not_get_through() -> None:
    lost = after(standing(S.SENDING), answered(Outcome.UNKNOWN))

    found = streak(Outcome.NOT_SENT, 19).follow(Outcome.UNKNOWN, lost)

    assert (found.blocked, found.unknown) == (19, 1)


def test_429_is_no_streak() -> None:
    assert streak(Outcome.RATE_LIMITED, 50).pause(RULES) == ""


def test_the_settings_are_those_of_the_provider() -> None:
    assert Rules() == Rules(
        patience=timedelta(minutes=10),
        window=timedelta(days=59),
        margin=timedelta(days=7),
        resends=3,
        unknown_in_a_row=20,
        elsewhere_in_a_row=10,
        blocked_in_a_row=20,
    )


def test_a_fact_of_no_kind_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        decide(standing(), object(), RULES, TRUSTED)  # type: ignore[arg-type]  # that is the point


def test_what_nobody_has_said_is_empty() -> None:
    fresh = Standing(amount=1, number="62811", imported_at=START)

    assert (fresh.state, fresh.attempt, fresh.resends, fresh.reach, fresh.asked) == (S.PLANNED, 0, 0, R.NOWHERE, 0)
    assert (fresh.sent_by, fresh.reference_no, fresh.reason, fresh.accepted) == ("", "", "", False)
    answer = Answered(when=moment(0), attempt=1, outcome=Outcome.UNKNOWN)
    found = Asked(when=moment(0), attempt=1, finding=F.PAID)
    told = Noticed(at=START, notice=Notice.OTHER)
    assert {answer.said, answer.reference_no, found.said, told.said, told.reference_no} == {""}
