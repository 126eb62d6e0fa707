"""Words that stand in ledgers of yesterday: a ledger must be read tomorrow as it was written."""

from gopay_async.payouts.plan import Finding, Notice, Outcome, Reach, State


def test_states_and_reaches_are_stored_under_these_names() -> None:
    assert [one.value for one in State] == [
        "planned",
        "sending",
        "accepted",
        "paid",
        "failed",
        "refused",
        "returned",
        "unknown",
        "disputed",
    ]
    assert [(one.name, one.value) for one in Reach] == [("NOWHERE", 0), ("REFUSED", 1), ("NOT_FOUND", 2)]


def test_events_tell_under_these_names_what_came_of_an_attempt() -> None:
    assert [one.value for one in Outcome] == [
        "accepted",
        "not sent",
        "no token",
        "token rejected",
        "rate limited",
        "refused",
        "refused, and the job with it",
        "reference held",
        "unknown",
    ]
    assert [one.value for one in Finding] == [
        "paid",
        "under way",
        "returned",
        "failed",
        "not found",
        "nothing usable",
    ]
    assert [one.value for one in Notice] == ["accepted", "completed", "failed", "something else"]
