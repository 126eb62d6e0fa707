"""Keys have names and validity, and change while the receiver runs."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from gopay_async import ConfigurationError
from gopay_async.errors import InvalidKey, WebhookError
from gopay_async.models import WIB
from gopay_async.webhooks import Keyring, NotificationVerifier, TrustedKey, sign_notification
from tests.keys_for_tests import MERCHANT_KEY, PROVIDER_KEY
from tests.webhooks.events import body

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=WIB)
HOUR = timedelta(hours=1)
OLD, NEW = MERCHANT_KEY.public_key(), PROVIDER_KEY.public_key()


def reason(verifier: NotificationVerifier, **how: Any) -> str:
    """Return why it is refused, or the key that matched."""
    headers = sign_notification(body(), how.get("key", PROVIDER_KEY), timestamp=how.get("at", NOW))
    try:
        return verifier.verify(headers=headers, body=body(), now=NOW).key
    except WebhookError as error:
        return error.reason


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"not_before": NOW, "not_after": NOW}, "k"),
        ({"not_before": NOW - HOUR}, "k"),
        ({"not_after": NOW + HOUR}, "k"),
        ({"not_before": NOW + timedelta(seconds=1)}, "key_not_valid"),
        ({"not_after": NOW - timedelta(seconds=1)}, "key_not_valid"),
    ],
)
def test_a_key_counts_only_within_its_validity(bounds: dict[str, datetime], expected: str) -> None:
    assert reason(NotificationVerifier(TrustedKey("k", NEW, **bounds))) == expected


def test_what_was_signed_in_time_and_repeated_after_the_end_still_verifies() -> None:
    verifier = NotificationVerifier(TrustedKey("old", OLD, not_after=NOW - HOUR))

    assert reason(verifier, key=MERCHANT_KEY, at=NOW - 2 * HOUR) == "old"


def test_a_message_that_fits_no_key_does_not_blame_a_validity() -> None:
    verifier = NotificationVerifier([TrustedKey("old", OLD, not_after=NOW - HOUR)])

    assert reason(verifier) == "wrong_signature"


def test_a_key_outside_its_validity_is_named_for_spaced_bodies_too() -> None:
    verifier = NotificationVerifier(TrustedKey("k", NEW, not_after=NOW - HOUR))
    headers = sign_notification(body(), PROVIDER_KEY, timestamp=NOW)

    with pytest.raises(WebhookError) as caught:
        verifier.verify(headers=headers, body=body().replace(b",", b", "), now=NOW)

    assert caught.value.reason == "key_not_valid"


def test_keys_are_added_and_removed_while_it_runs() -> None:
    verifier = NotificationVerifier({"old": OLD})
    refused = reason(verifier)
    verifier.keys.add("new", NEW)
    both = reason(verifier), reason(verifier, key=MERCHANT_KEY)
    verifier.keys.remove("old")

    assert (refused, both) == ("wrong_signature", ("new", "old"))
    assert (reason(verifier), reason(verifier, key=MERCHANT_KEY)) == ("new", "wrong_signature")


def test_several_verifiers_share_one_keyring() -> None:
    keys = Keyring(OLD)
    verifiers = [NotificationVerifier(keys), NotificationVerifier(keys, path="/1.0/debit/notify")]
    keys.replace({"new": NEW})

    assert [one.keys.labels for one in verifiers] == [("new",), ("new",)]
    assert (len(keys), [one.label for one in keys], repr(keys)) == (1, ["new"], "<Keyring new>")


@pytest.mark.parametrize(
    "change",
    [
        lambda keys: keys.add("key-1", NEW),
        lambda keys: keys.remove("no such key"),
        lambda keys: keys.remove("key-1"),
        lambda keys: keys.replace([]),
        lambda keys: keys.add("bad", "no key at all"),
    ],
)
def test_a_change_that_cannot_be_meant_is_refused_and_changes_nothing(change: Any) -> None:
    keys = Keyring(OLD)

    with pytest.raises(ConfigurationError):
        change(keys)

    assert keys.labels == ("key-1",)


@pytest.mark.parametrize(
    "bounds",
    [
        {"not_before": NOW.replace(tzinfo=None)},
        {"not_after": NOW.replace(tzinfo=None)},
        {"not_before": NOW, "not_after": NOW - HOUR},
    ],
)
def test_a_validity_that_makes_no_sense_is_refused(bounds: dict[str, datetime]) -> None:
    with pytest.raises(ConfigurationError):
        TrustedKey("k", NEW, **bounds)


def test_a_trusted_key_is_checked_when_it_is_made_and_does_not_show() -> None:
    with pytest.raises(InvalidKey):
        TrustedKey("k", "no key at all")

    assert repr(TrustedKey("k", NEW)) == "TrustedKey(label='k', not_before=None, not_after=None)"
