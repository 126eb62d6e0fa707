"""The lock of a ledger: one holder, who says who he is, until his process ends."""

import json
import os
import platform
import stat
from pathlib import Path

import pytest

from gopay_async.errors import LedgerBusy, LedgerReadOnly
from gopay_async.payouts.lock import exclusive, lock_path

from .facts import START


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def test_the_lock_stands_beside_the_ledger_for_its_owner_alone(ledger: Path) -> None:
    with exclusive(ledger, purpose="me", at=START):
        found = ledger.with_name("ledger.db.lock")

        assert lock_path(ledger) == found
        assert stat.S_IMODE(found.stat().st_mode) == 0o600


def test_it_says_who_holds_it(ledger: Path) -> None:
    with exclusive(ledger, purpose="job one", at=START):
        assert json.loads(lock_path(ledger).read_text()) == {
            "pid": os.getpid(),
            "host": platform.node(),
            "since": START.isoformat(timespec="seconds"),
            "purpose": "job one",
        }


def test_who_comes_second_hears_who_has_it_and_changes_nothing(ledger: Path) -> None:
    since = START.isoformat(timespec="seconds")
    holder = f"job one, process {os.getpid()} on {platform.node()}, since {since}"
    with exclusive(ledger, purpose="job one", at=START):
        before = lock_path(ledger).read_text()
        for _ in range(2):
            with pytest.raises(LedgerBusy) as caught, exclusive(ledger, purpose="job two", at=START):
                pytest.fail("two have it")
            assert holder in str(caught.value)

        assert lock_path(ledger).read_text() == before


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"pid": 1, "host": "h", "since": "s"}'])
def test_a_lock_that_does_not_say_whose_it_is_is_held_all_the_same(ledger: Path, text: str) -> None:
    with exclusive(ledger, purpose="me", at=START):
        lock_path(ledger).write_text(text)

        with (
            pytest.raises(LedgerBusy, match=r": it has not said who it is\. Nothing"),
            exclusive(ledger, purpose="you", at=START),
        ):
            pytest.fail("two have it")


def test_a_longer_name_leaves_nothing_behind(ledger: Path) -> None:
    for purpose in ("somebody with a very long name", "me"):
        with exclusive(ledger, purpose=purpose, at=START):
            assert json.loads(lock_path(ledger).read_text())["purpose"] == purpose


def test_it_is_free_after_an_error(ledger: Path) -> None:
    def fail() -> None:
        with exclusive(ledger, purpose="me", at=START):
            raise ValueError("inside")

    for _ in range(2):
        with pytest.raises(ValueError, match="inside"):
            fail()


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(LedgerReadOnly, match="cannot be opened: No such file or directory"),
        exclusive(tmp_path / "gone" / "ledger.db", purpose="me", at=START),
    ):
        pytest.fail("it cannot be held")
