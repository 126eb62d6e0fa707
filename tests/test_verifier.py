"""The verifier: what it accepts is typed and was signed, everything else has a reason."""

import hashlib
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gopay_async import ConfigurationError, Money, signing
from gopay_async.api import DebitNotification, QrisNotification, Unrecognised
from gopay_async.errors import MalformedNotification, MissingHeader, Unauthenticated, WebhookError
from gopay_async.models import WIB
from gopay_async.webhooks import NotificationVerifier, sign_notification
from tests.keys_for_tests import MERCHANT_KEY, PROVIDER_KEY

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=WIB)
BODY = json.dumps(
    {
        "originalReferenceNo": "A120",
        "originalPartnerReferenceNo": "order 7",
        "merchantId": "G099333790",
        "amount": {"value": "102800.00", "currency": "IDR"},
        "latestTransactionStatus": "00",
        "additionalInfo": {"refundHistory": []},
    },
    separators=(",", ":"),
).encode()


def verifier(**changes: Any) -> NotificationVerifier:
    return NotificationVerifier(changes.pop("public_keys", PROVIDER_KEY.public_key()), **changes)


def signed(body: bytes = BODY, **how: Any) -> dict[str, str]:
    return sign_notification(body, how.pop("key", PROVIDER_KEY), **{"timestamp": NOW, **how})


def refusal(body: bytes = BODY, headers: Any = None, **how: Any) -> WebhookError:
    with pytest.raises(WebhookError) as caught:
        verifier(**how).verify(headers=signed(body) if headers is None else headers, body=body, now=NOW)
    return caught.value


def test_a_signed_notification_comes_back_typed_with_its_bytes() -> None:
    found = verifier().verify(headers=signed(external_id="77", partner_id="p"), body=BODY, now=NOW)

    assert isinstance(found, DebitNotification)
    assert (found.original_reference_no, found.amount, found.status.is_paid) == ("A120", Money("102800.00"), True)
    assert (found.body, found.external_id, found.partner_id, found.timestamp) == (BODY, "77", "p", NOW)
    assert (found.path, found.key, found.raw["merchantId"]) == ("/v1.0/debit/notify", "key-1", "G099333790")


def test_the_published_notification_verifies() -> None:
    vectors = json.loads((Path(__file__).parent / "vectors" / "signatures.json").read_text())
    published = vectors["notification"]
    headers = {"X-TIMESTAMP": published["timestamp"], "X-SIGNATURE": published["signature"]}

    found = verifier(public_keys=vectors["keys"]["docs"]["public"]).verify(
        headers=headers, body=published["body"].encode(), now=datetime.fromisoformat(published["timestamp"])
    )

    assert isinstance(found, DebitNotification)
    assert found.original_partner_reference_no == "GP24043015193402809"


def test_a_body_with_spaces_verifies_over_its_minified_bytes() -> None:
    spaced = json.dumps(json.loads(BODY), indent=2).encode()

    found = verifier().verify(headers=signed(BODY), body=spaced, now=NOW)

    assert found.body == BODY


def test_a_signature_over_the_bytes_with_their_spaces_verifies_too() -> None:
    spaced = BODY.replace(b",", b", ")
    text_over_raw = sign_raw(spaced)

    assert verifier().verify(headers=text_over_raw, body=spaced, now=NOW).body == spaced


def sign_raw(body: bytes) -> dict[str, str]:
    from_minified = signed(body)
    return {**from_minified, "X-SIGNATURE": raw_signature(body, from_minified["X-TIMESTAMP"])}


def raw_signature(body: bytes, timestamp: str) -> str:
    digest = hashlib.sha256(body).hexdigest()
    return signing.sign_rsa(f"POST:/v1.0/debit/notify:{digest}:{timestamp}", PROVIDER_KEY)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(lambda found: [(k.lower().encode(), v.encode()) for k, v in found.items()], id="ASGI pairs"),
        pytest.param(lambda found: list(found.items()), id="pairs of text"),
        pytest.param(lambda found: {k.upper(): v for k, v in found.items()}, id="upper case"),
        pytest.param(lambda found: {**found, "Ünïcode": "x", "X-Other": "ü"}, id="foreign headers are not ours"),
    ],
)
def test_headers_may_come_in_any_usual_shape(headers: Any) -> None:
    assert verifier().verify(headers=headers(signed()), body=BODY, now=NOW).path == "/v1.0/debit/notify"


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in signed().items() if key != name}


REFUSALS = [
    ({"headers": without("X-TIMESTAMP")}, MissingHeader, "missing_header"),
    ({"headers": without("X-SIGNATURE")}, MissingHeader, "missing_header"),
    ({"headers": {**signed(), "X-SIGNATURE": ""}}, MissingHeader, "missing_header"),
    ({"headers": [*signed().items(), ("x-timestamp", "x")]}, MissingHeader, "duplicate_header"),
    ({"headers": 5}, MalformedNotification, "headers"),
    ({"headers": [("x-timestamp",)]}, MalformedNotification, "headers"),
    ({"headers": {**signed(), "X-TIMESTAMP": 5}}, MalformedNotification, "header_type"),
    ({"headers": {**signed(), "X-EXTERNAL-ID": "ü"}}, MalformedNotification, "non_ascii_header"),
    ({"headers": {**signed(), "X-EXTERNAL-ID": "a\nb"}}, MalformedNotification, "non_ascii_header"),
    ({"headers": {**signed(), "X-TIMESTAMP": "yesterday"}}, MalformedNotification, "bad_timestamp"),
    ({"headers": signed(timestamp="2026-11-20T12:00:00")}, MalformedNotification, "bad_timestamp"),
    ({"headers": signed(timestamp="2026-13-45T12:00:00Z")}, MalformedNotification, "bad_timestamp"),
    ({"headers": {**signed(), "X-SIGNATURE": "%%%"}}, MalformedNotification, "bad_base64"),
    ({"headers": {**signed(), "X-SIGNATURE": "da1fa417c72d6b91c257e01e54fac824"}}, Unauthenticated, "signature_length"),
    ({"headers": signed(key=MERCHANT_KEY)}, Unauthenticated, "wrong_signature"),
    ({"headers": signed(path="/v1.0/qr/qr-mpm-notify")}, Unauthenticated, "wrong_signature"),
    ({"headers": signed(b"{}")}, Unauthenticated, "wrong_signature"),
    ({"body": b""}, MalformedNotification, "empty_body"),
    ({"body": BODY.decode()}, MalformedNotification, "body_type"),
    ({"body": json.loads(BODY), "headers": {}}, MalformedNotification, "body_type"),
    ({"body": b"[]"}, MalformedNotification, "not_an_object"),
    ({"body": b'{"a":1,"a":2}'}, MalformedNotification, "duplicate_key"),
    ({"body": b'{"a":NaN}'}, MalformedNotification, "not_a_number"),
    ({"body": b"\xef\xbb\xbf{}"}, MalformedNotification, "byte_order_mark"),
    ({"body": b"\xff"}, MalformedNotification, "not_utf8"),
    ({"body": b"{"}, MalformedNotification, "not_json"),
    ({"body": b'{"a":' * 100_000}, MalformedNotification, "too_deep"),
    ({"body": b'{"a":' + b"1" * 5000 + b"}"}, MalformedNotification, "huge_number"),
    ({"partner_id": "us"}, Unauthenticated, "wrong_partner"),
    ({"merchant_id": "G000"}, Unauthenticated, "wrong_merchant"),
    ({"body": b'{"merchantId":5}', "merchant_id": "G000"}, Unauthenticated, "wrong_merchant"),
    ({"body": b'{"merchantId":"\\ud800"}', "merchant_id": "G000"}, Unauthenticated, "wrong_merchant"),
    ({"body": b'{"additionalInfo":{"merchantId":"G1"}}', "merchant_id": "G000"}, Unauthenticated, "wrong_merchant"),
]


@pytest.mark.parametrize(("case", "kind", "reason"), REFUSALS, ids=[f"{one[2]}-{i}" for i, one in enumerate(REFUSALS)])
def test_what_is_not_right_is_refused_with_its_reason(
    case: dict[str, Any], kind: type[WebhookError], reason: str
) -> None:
    case = {"headers": signed(case["body"]), **case} if isinstance(case.get("body"), bytes) else case
    error = refusal(**{"headers": signed(), **case})

    assert (type(error), error.reason) == (kind, reason)
    assert str(error).startswith(f"{reason}: ")


@pytest.mark.parametrize(
    ("age", "reason"),
    [
        (timedelta(hours=6), None),
        (timedelta(hours=6, seconds=1), "stale"),
        (-timedelta(minutes=5), None),
        (-timedelta(minutes=5, seconds=1), "future"),
    ],
)
def test_freshness_has_two_sides(age: timedelta, reason: str | None) -> None:
    headers = signed(timestamp=NOW - age)

    found = [reason_of(headers)]

    assert found == [reason]


def reason_of(headers: dict[str, str]) -> str | None:
    try:
        verifier().verify(headers=headers, body=BODY, now=NOW)
    except WebhookError as error:
        return error.reason
    return None


@pytest.mark.parametrize("timestamp", ["2026-11-20T05:00:00Z", "2026-11-20T12:00:00.123456+07:00"])
def test_every_spelling_of_a_time_with_a_zone_is_read(timestamp: str) -> None:
    found = verifier().verify(headers=signed(timestamp=timestamp), body=BODY, now=NOW)

    assert found.timestamp is not None
    assert found.timestamp.astimezone(UTC).replace(microsecond=0) == NOW.astimezone(UTC)


def test_the_fifteen_other_spellings_of_a_signature_are_refused() -> None:
    headers = signed()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    stem, last = headers["X-SIGNATURE"][:-3], headers["X-SIGNATURE"][-3]
    others = [f"{stem}{char}==" for char in alphabet if alphabet.index(char) // 16 == alphabet.index(last) // 16]
    others.remove(headers["X-SIGNATURE"])

    reasons = {reason_of({**headers, "X-SIGNATURE": one}) for one in others}

    assert (len(others), reasons) == (15, {"non_canonical_base64"})


def test_the_key_that_matched_is_named() -> None:
    keys = {"2025": MERCHANT_KEY.public_key(), "2026": PROVIDER_KEY.public_key()}

    found = verifier(public_keys=keys).verify(headers=signed(), body=BODY, now=NOW)

    assert found.key == "2026"
    assert repr(verifier(public_keys=keys)) == "<NotificationVerifier /v1.0/debit/notify keys: 2025, 2026>"


def test_several_keys_without_names_are_numbered() -> None:
    keys = [MERCHANT_KEY.public_key(), PROVIDER_KEY.public_key()]

    assert verifier(public_keys=keys).verify(headers=signed(), body=BODY, now=NOW).key == "key-2"


def test_partner_and_merchant_that_are_ours_pass() -> None:
    mine = verifier(partner_id="us", merchant_id="G099333790")

    assert mine.verify(headers=signed(partner_id="us"), body=BODY, now=NOW).partner_id == "us"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1.0/debit/notify", DebitNotification),
        ("/1.0/debit/notify", DebitNotification),
        ("/shop/v1.0/debit/notify", DebitNotification),
        ("/v1.0/qr/qr-mpm-notify", QrisNotification),
        ("/v1.0/qr/notify", QrisNotification),
    ],
)
def test_the_kind_is_that_of_the_signed_path(path: str, kind: type[object]) -> None:
    found = verifier(path=path).verify(headers=signed(path=path), body=BODY, now=NOW)

    assert (type(found), found.path) == (kind, path)


@pytest.mark.parametrize(
    ("path", "body", "misfit"),
    [
        ("/somewhere", BODY, "path"),
        ("/v1.0/debit/notify", b'{"latestTransactionStatus":"00"}', "originalReferenceNo"),
        ("/v1.0/debit/notify", b'{"originalReferenceNo":[],"latestTransactionStatus":"00"}', "originalReferenceNo"),
    ],
)
def test_a_verified_body_of_no_known_form_is_handed_over(path: str, body: bytes, misfit: str) -> None:
    found = verifier(path=path).verify(headers=signed(body, path=path), body=body, now=NOW)

    assert isinstance(found, Unrecognised)
    assert (found.misfit, found.raw) == (misfit, json.loads(body))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"public_keys": []}, "at least one"),
        ({"path": "debit/notify"}, "begin with /"),
        ({"tolerance": timedelta(-1)}, "tolerance"),
        ({"max_age": timedelta(0)}, "max_age"),
    ],
)
def test_a_verifier_that_could_not_work_is_refused_when_it_is_made(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        verifier(**arguments)


def test_a_timestamp_is_made_when_none_is_given_and_is_fresh() -> None:
    headers = sign_notification(BODY, PROVIDER_KEY)

    assert verifier().verify(headers=headers, body=BODY).body == BODY


def test_a_clock_may_be_trusted_to_the_second() -> None:
    assert verifier(tolerance=timedelta(0)).verify(headers=signed(), body=BODY, now=NOW).body == BODY


def test_a_path_of_no_known_kind_is_answered_with_the_service_of_payments() -> None:
    assert [verifier(path="/somewhere").service, verifier(path="/v1.0/qr/qr-mpm-notify").service] == ["56", "52"]


def test_headers_that_are_not_signed_may_be_missing() -> None:
    headers = {name: signed()[name] for name in ("X-TIMESTAMP", "X-SIGNATURE")}
    found = verifier().verify(headers=headers, body=BODY, now=NOW)

    assert (found.external_id, found.partner_id) == ("", "")
    assert refusal(headers=headers, partner_id="X").reason == "wrong_partner"


def test_only_posts_are_notifications() -> None:
    with pytest.raises(MalformedNotification) as caught:
        verifier().verify(headers=signed(), body=BODY, now=NOW, method="PUT")

    assert caught.value.reason == "method"


@given(position=st.integers(0, len(BODY) - 1), byte=st.integers(0, 255))
def test_no_byte_of_the_body_can_be_changed(position: int, byte: int) -> None:
    changed = BODY[:position] + bytes([byte]) + BODY[position + 1 :]

    assert reason_of_changed(changed) == (None if changed == BODY else "wrong_signature")


def reason_of_changed(body: bytes) -> str | None:
    try:
        verifier().verify(headers=SIGNED, body=body, now=NOW)
    except WebhookError as error:
        return error.reason
    return None


SIGNED = signed()
_texts = st.text(max_size=40) | st.binary(max_size=40) | st.none() | st.integers()
_names = st.sampled_from(["X-TIMESTAMP", b"x-signature", "X-PARTNER-ID", "x-external-id"]) | _texts


@given(headers=st.lists(st.tuples(_names, _texts), max_size=6), body=st.binary(max_size=200))
def test_nothing_but_webhook_errors_leaves_the_verifier(headers: Any, body: bytes) -> None:
    with pytest.raises(WebhookError):
        verifier(partner_id="us").verify(headers=headers, body=body, now=NOW)


@given(body=st.binary(min_size=1, max_size=200), name=_names, value=_texts)
def test_nothing_but_webhook_errors_leaves_it_after_the_signature_either(body: bytes, name: Any, value: Any) -> None:
    headers = [*signed(body).items(), (name, value)]

    with suppress(WebhookError):
        assert verifier(merchant_id="G1").verify(headers=headers, body=body, now=NOW).body == body


@given(position=st.integers(0, 24), byte=st.integers(32, 126))
def test_no_byte_of_the_timestamp_can_be_changed(position: int, byte: int) -> None:
    at = SIGNED["X-TIMESTAMP"]
    changed = at[:position] + chr(byte) + at[position + 1 :]

    assert (reason_of({**SIGNED, "X-TIMESTAMP": changed}) is None) is (changed == at)


PATH = "/v1.0/debit/notify"


@given(position=st.integers(1, len(PATH) - 1), byte=st.integers(33, 126))
def test_no_byte_of_the_path_can_be_changed(position: int, byte: int) -> None:
    path = PATH[:position] + chr(byte) + PATH[position + 1 :]
    accepted = []

    with suppress(WebhookError):
        accepted.append(verifier(path=path).verify(headers=SIGNED, body=BODY, now=NOW).path)

    assert accepted == ([PATH] if path == PATH else [])


@given(spaces=st.lists(st.sampled_from([b" ", b"\n", b"\t", b"\r", b""]), min_size=7, max_size=7))
def test_whitespace_outside_strings_is_all_that_may_be_added(spaces: list[bytes]) -> None:
    places = [b'{"', b'"originalReferenceNo"', b":", b',"merchantId"', b',"amount"', b"}", b"]"]
    spaced = BODY
    for space, place in zip(spaces, places, strict=True):
        spaced = spaced.replace(place, space + place, 1)

    assert reason_of_changed(spaced) is None
    assert reason_of_changed(spaced.replace(b"A120", b"A 120")) == "wrong_signature"
