"""What callers give to the classes of the payouts, and what these show of it."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from inspect import signature
from typing import Any

from attrs import Attribute, asdict, fields, has

from gopay_async import payouts
from gopay_async.payouts import Account, Job, Payout, State
from gopay_async.payouts.crew import Crew
from gopay_async.payouts.desk import Taken
from gopay_async.payouts.records import Happened
from gopay_async.payouts.writer import Writer

from .facts import START, standing

_PLAIN = {"bool", "float", "int", "str", "float | None", "datetime | None"}


def classes() -> Iterator[type]:
    for found in pkgutil.iter_modules(payouts.__path__, f"{payouts.__name__}."):
        module = import_module(found.name)
        yield from (one for one in vars(module).values() if _is_ours(one) and one.__module__ == found.name)


def _is_ours(one: object) -> bool:
    return isinstance(one, type) and has(one)


def hidden(kind: type) -> list["Attribute[Any]"]:
    return [one for one in fields(kind) if one.name.startswith("_")]


def test_what_a_class_makes_for_itself_is_not_given_to_it() -> None:
    given = [(kind.__name__, one.name) for kind in classes() for one in hidden(kind) if one.init]

    # What `open_ledger`, `new_draft` and `Moves.of` make, and hand over.
    assert given == [
        ("Draft", "_connection"),
        ("Ledger", "_database"),
        ("Ledger", "_writer"),
        ("Moves", "_updates"),
        ("Moves", "_inserts"),
    ]


def test_the_machinery_of_a_class_is_not_shown() -> None:
    shown = [
        (kind.__name__, one.name)
        for kind in classes()
        for one in hidden(kind)
        if one.repr and _name(one.type) not in _PLAIN
    ]

    assert shown == [("Crew", "_streak"), ("Moves", "_updates"), ("Moves", "_inserts")]


def _name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("datetime.datetime", "datetime")


def test_what_is_under_way_is_not_given() -> None:
    assert list(signature(Crew).parameters) == ["session", "settings", "desk", "pacer", "halted", "pause", "tell"]
    assert list(signature(Taken).parameters) == []
    assert list(signature(Writer).parameters) == ["database"]


def test_no_session_is_shown() -> None:
    assert [kind.__name__ for kind in classes() for one in fields(kind) if one.name == "session" and one.repr] == []


def test_of_a_payout_is_shown_what_tells_nothing_about_the_person() -> None:
    payout = Payout(
        id=7,
        job="a" * 64,
        line=3,
        reference="pay-3",
        number="6281773628883",
        name="Siti Rahayu",
        amount=1_000_000,
        notes="Cashback",
        email="siti@example.com",
        provider="gopay",
        external_id="12",
        alike=standing(State.PLANNED),
    )

    assert repr(payout) == (
        f"Payout(id=7, job={'a' * 64!r}, line=3, reference='pay-3', amount=1000000, provider='gopay', external_id='12')"
    )


def test_of_a_job_is_shown_what_people_know_it_by() -> None:
    job = Job(id="b" * 64, name="x", account=Account("SANDBOX", "me"), account_id=4, imported_at=START, rows=1, total=2)

    assert "account_id" not in repr(job)
    assert f"id={'b' * 64!r}" in repr(job)


def test_what_is_not_said_of_an_event_and_of_a_job_is_empty() -> None:
    event = Happened(at=START, kind="asked")
    job = Job(id="b" * 64, name="x", account=Account("SANDBOX", "me"), account_id=4, imported_at=START, rows=1, total=2)

    assert asdict(event) == {
        "at": START,
        "kind": "asked",
        "attempt": 0,
        "external_id": "",
        "http_status": None,
        "code": "",
        "outcome": "",
        "said": "",
        "before": "",
        "state": "",
    }
    assert (job.paused, job.distrust, job.short) == ("", "", "b" * 12)
