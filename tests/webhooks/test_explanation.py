"""For a refused message the operator learns what would have verified; the sender learns nothing."""

from datetime import datetime
from hashlib import sha256
from typing import Any

import pytest

from gopay_async.models import WIB
from gopay_async.webhooks import Candidate, Explanation, NotificationVerifier, sign_notification
from gopay_async.webhooks.explanation import ADVICE, paths
from tests.keys_for_tests import MERCHANT_KEY, PROVIDER_KEY
from tests.webhooks.events import body

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=WIB)


def explained(sent: bytes = body(), *, headers: Any = None, route: str = "", **how: Any) -> Explanation:
    found = sign_notification(sent, PROVIDER_KEY, timestamp=NOW, **how) if headers is None else headers
    return NotificationVerifier({"k": PROVIDER_KEY.public_key()}).explain(
        headers=found, body=sent, now=NOW, route=route
    )


def test_what_verifies_needs_no_advice() -> None:
    found = explained()

    assert (found.accepted, found.reason, found.advice) == (True, "", "Nothing: it verifies.")
    assert found.candidates == (Candidate("/v1.0/debit/notify", False, "k"),)


def test_the_digests_and_the_string_to_sign_are_shown() -> None:
    spaced = body().replace(b",", b", ")
    found = explained(spaced)
    compact = sha256(body()).hexdigest()

    assert (found.digest, found.digest_minified) == (sha256(spaced).hexdigest(), compact)
    assert found.string_to_sign == f"POST:/v1.0/debit/notify:{compact}:2026-11-20T12:00:00+07:00"
    assert [one.minified for one in found.candidates] == [True]


@pytest.mark.parametrize(
    ("signed", "route"),
    [
        ("/1.0/debit/notify", ""),
        ("/v1.0/qr/qr-mpm-notify", ""),
        ("/shop/v1.0/debit/notify", "/x/shop/v1.0/debit/notify"),
    ],
)
def test_another_path_is_named(signed: str, route: str) -> None:
    found = explained(path=signed, route=route)

    assert (found.reason, [one.path for one in found.candidates]) == ("wrong_signature", [signed])
    assert f"path {signed}, body as received, key k" in found.advice


def test_a_strangers_signature_has_no_candidate() -> None:
    found = explained(headers=sign_notification(body(), MERCHANT_KEY, timestamp=NOW))

    assert (found.reason, found.candidates, found.advice) == ("wrong_signature", (), ADVICE["wrong_signature"])


@pytest.mark.parametrize(
    ("headers", "reason"),
    [({}, "missing_header"), (5, "headers"), ({"x-timestamp": "t", "x-signature": "%"}, "bad_timestamp")],
)
def test_headers_that_cannot_be_read_are_explained_without_candidates(headers: Any, reason: str) -> None:
    found = explained(headers=headers)

    assert (found.reason, found.candidates, found.string_to_sign) == (reason, (), "")
    assert found.advice


def test_a_body_that_was_parsed_already_is_explained() -> None:
    parsed: Any = {"a": 1}
    found = NotificationVerifier(PROVIDER_KEY.public_key()).explain(headers={}, body=parsed)

    assert (found.reason, found.advice) == ("body_type", ADVICE["body_type"])


def test_a_long_route_does_not_make_it_try_for_ever() -> None:
    assert len(paths("/v1.0/debit/notify", "/a" * 5000)) < 30
