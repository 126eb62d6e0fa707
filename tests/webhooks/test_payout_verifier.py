"""Payout notifications have their own signature, without a time."""

from hashlib import sha512
from typing import Any

import pytest

from gopay_async import ConfigurationError, Money
from gopay_async.errors import MalformedNotification, MissingHeader, Unauthenticated, WebhookError
from gopay_async.webhooks import Candidate, PayoutNotification, PayoutVerifier, Unrecognised, sign_payout

BODY = b'{"reference_no":"p1","status":"completed","amount":"10000.0","updated_at":"2026-11-20T12:00:00Z"}'
GOOD = sha512(BODY + b"iris").hexdigest()


def verify(signature: Any = GOOD, body: bytes = BODY, keys: Any = "iris", **more: Any) -> Any:
    headers = [("Iris-Signature", signature)] if signature is not None else []
    return PayoutVerifier(keys).verify(headers=headers, body=body, **more)


def test_a_signed_payout_comes_back_typed() -> None:
    found = verify()

    assert isinstance(found, PayoutNotification)
    assert (found.reference_no, found.amount, found.status.is_paid) == ("p1", Money(10_000), True)
    assert (found.key, found.path, found.body, found.timestamp) == ("key-1", "/payouts/notify", BODY, None)
    assert (found.external_id, found.partner_id) == ("", "")


def test_an_external_id_that_comes_with_a_payout_is_shown() -> None:
    headers = {**sign_payout(BODY, "iris"), "X-EXTERNAL-ID": "77"}

    assert PayoutVerifier("iris").verify(headers=headers, body=BODY).external_id == "77"


@pytest.mark.parametrize("key", ["iris", b"iris"])
def test_a_payout_for_tests_is_signed_as_the_provider_signs_it(key: str | bytes) -> None:
    assert sign_payout(BODY, key) == {"Content-Type": "application/json", "Iris-Signature": GOOD}


@pytest.mark.parametrize(
    ("case", "kind", "reason"),
    [
        ({"signature": None}, MissingHeader, "missing_header"),
        ({"signature": ""}, MissingHeader, "missing_header"),
        ({"signature": GOOD.upper()}, MalformedNotification, "bad_hex"),
        ({"signature": GOOD[:-1]}, MalformedNotification, "bad_hex"),
        ({"signature": GOOD + "0"}, MalformedNotification, "bad_hex"),
        ({"signature": "g" * 128}, MalformedNotification, "bad_hex"),
        ({"signature": "0" * 128}, Unauthenticated, "wrong_signature"),
        ({"keys": "other"}, Unauthenticated, "wrong_signature"),
        ({"body": BODY + b" "}, Unauthenticated, "wrong_signature"),
        ({"body": b""}, MalformedNotification, "empty_body"),
        ({"method": "GET"}, MalformedNotification, "method"),
        ({"body": b"[]", "signature": sha512(b"[]iris").hexdigest()}, MalformedNotification, "not_an_object"),
    ],
)
def test_what_is_not_right_is_refused_with_its_reason(case: Any, kind: type[WebhookError], reason: str) -> None:
    with pytest.raises(kind) as caught:
        verify(**case)

    assert caught.value.reason == reason


def test_a_signed_body_of_another_form_is_handed_over() -> None:
    found = verify(sha512(b"{}iris").hexdigest(), b"{}")

    assert (type(found), found.misfit) == (Unrecognised, "reference_no")


@pytest.mark.parametrize(("keys", "label"), [({"2025": "old", "2026": "iris"}, "2026"), (["iris", b"old"], "key-1")])
def test_of_several_keys_the_one_that_matched_is_named(keys: Any, label: str) -> None:
    assert verify(keys=keys).key == label


def test_keys_are_added_and_removed_while_it_runs() -> None:
    verifier = PayoutVerifier({"old": "old"})
    verifier.add("new", "iris")
    verifier.remove("old")

    assert verifier.verify(headers=sign_payout(BODY, "iris"), body=BODY).key == "new"
    assert repr(verifier) == "<PayoutVerifier /payouts/notify keys: new>"


@pytest.mark.parametrize(
    "make",
    [
        lambda: PayoutVerifier(""),
        lambda: PayoutVerifier(b" \n"),
        lambda: PayoutVerifier([]),
        lambda: PayoutVerifier(["good", ""]),
        lambda: PayoutVerifier("key", path="payouts"),
        lambda: PayoutVerifier("key").remove("key-1"),
        lambda: PayoutVerifier("key").remove("none"),
        lambda: PayoutVerifier("key").add("key-1", "other"),
        lambda: sign_payout(b"{}", ""),
    ],
)
def test_a_key_that_everybody_has_and_a_verifier_without_one_are_refused(make: Any) -> None:
    with pytest.raises(ConfigurationError):
        make()


def test_the_explanation_names_the_reason_and_never_the_key() -> None:
    verifier = PayoutVerifier("a-secret-key")
    good = verifier.explain(headers=sign_payout(BODY, "a-secret-key"), body=BODY)
    bad = verifier.explain(headers=sign_payout(BODY, "other"), body=BODY)

    assert (good.accepted, bad.reason) == (True, "wrong_signature")
    assert (good.candidates, bad.candidates) == ((Candidate("/payouts/notify", False, "key-1"),), ())
    assert "a-secret-key" not in f"{good} {bad} {verifier!r} {vars(verifier)}"
