"""The simulator checks every header, token and signature for real, and says what is wrong with it."""

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512

from gopay_async import Customer, signing
from gopay_async.api import ApplyToken, FetchPromotions, GiveReward, IssueToken, QueryPayment, UnbindAccount
from gopay_async.exchange import Request
from gopay_async.models import Money, format_time
from gopay_async.simulator import SAMPLE_ACCOUNT, Simulator, VirtualClock

from .keys_for_tests import MERCHANT_KEY, PROVIDER_KEY
from .simulator_for_tests import START, findings, session, signed, simulator, told, top_up, with_headers

QUERY = QueryPayment(original_external_id="1")
TOP_UP = top_up(notes="Cashback April")
STAMP = format_time(START)


async def test_a_correct_request_has_nothing_to_report() -> None:
    simulated = simulator()
    status, _ = await told(simulated, signed(simulated, TOP_UP))

    assert (status, findings(simulated)) == (202, ())


# --- headers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "value", "code", "name"),
    [
        ("Authorization", None, "4013800", "missing-header"),
        ("Authorization", "Basic abc", "4003801", "malformed-header"),
        ("Authorization", "Bearer ", "4003801", "malformed-header"),
        ("X-TIMESTAMP", None, "4003802", "missing-header"),
        ("X-TIMESTAMP", "yesterday", "4003801", "malformed-header"),
        ("X-SIGNATURE", None, "4003802", "missing-header"),
        ("X-PARTNER-ID", None, "4003802", "missing-header"),
        ("X-PARTNER-ID", "somebody", "4013800", "partner"),
        ("X-EXTERNAL-ID", None, "4003802", "missing-header"),
        ("X-EXTERNAL-ID", "1" * 37, "4003801", "malformed-header"),
        ("X-EXTERNAL-ID", "550e8400-e29b", "4003801", "malformed-header"),
        ("CHANNEL-ID", None, "4003802", "missing-header"),
        ("CHANNEL-ID", "123", "4003801", "malformed-header"),
        ("CHANNEL-ID", "12345", "4013800", "channel"),
        ("Content-Type", None, "4003802", "missing-header"),
        ("Content-Type", "text/plain", "4003801", "malformed-header"),
        ("Authorization-Customer", "Bearer x", "4003801", "malformed-header"),
    ],
)
async def test_a_wrong_header_is_named(header: str, value: str | None, code: str, name: str) -> None:
    simulated = simulator()
    request = with_headers(signed(simulated, TOP_UP), **{header: value})
    _, body = await told(simulated, request)

    assert (body["responseCode"], findings(simulated)[0]) == (code, name)


async def test_an_external_id_of_a_payment_may_have_letters_but_no_symbols() -> None:
    simulated = simulator()
    good, _ = await told(simulated, signed(simulated, QUERY, external_id="550e8400-e29b"))
    _, bad = await told(simulated, signed(simulated, QUERY, external_id="a_b"))

    assert (good, bad["responseCode"]) == (200, "4005501")


async def test_a_content_type_may_name_its_charset() -> None:
    simulated = simulator()
    request = with_headers(signed(simulated, TOP_UP), Content_Type="application/json; charset=utf-8")

    assert (await told(simulated, request))[0] == 202


async def test_headers_are_case_insensitive() -> None:
    simulated = simulator()
    request = signed(simulated, TOP_UP)
    lower = evolve(request, headers={name.lower(): value for name, value in request.headers.items()})

    assert (await told(simulated, lower))[0] == 202


# --- time ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "name"), [(-301, "stale"), (301, "future")])
async def test_a_timestamp_outside_the_window_is_refused(seconds: int, name: str) -> None:
    simulated = simulator()
    request = signed(simulated, TOP_UP, at=START + timedelta(seconds=seconds))
    _, body = await told(simulated, request)

    assert (body["responseCode"], findings(simulated)) == ("4013800", (name,))


async def test_who_does_not_share_the_turned_clock_is_not_shut_out() -> None:
    simulated = simulator(clock=VirtualClock())
    simulated.clock.advance(timedelta(days=1))
    request = signed(simulated, TOP_UP, at=simulated.clock.outside())

    assert (await told(simulated, request))[0] == 202


# --- tokens --------------------------------------------------------------------------------------------------------


async def test_a_foreign_token_is_named_in_the_words_of_each_table() -> None:
    simulated = simulator()
    _, payout = await told(simulated, signed(simulated, TOP_UP, token="foreign"))
    _, query = await told(simulated, signed(simulated, QUERY, token="foreign"))

    assert (payout["responseCode"], query["responseCode"]) == ("4013803", "4015501")
    assert findings(simulated) == ("foreign-token",)


async def test_a_token_lives_for_fifteen_minutes() -> None:
    simulated = simulator()
    token = simulated.books.issue_token(START).value
    simulated.clock.advance(899)
    young, _ = await told(simulated, signed(simulated, QUERY, token=token))
    simulated.clock.advance(1)
    _, old = await told(simulated, signed(simulated, QUERY, token=token))

    assert (young, old["responseCode"], findings(simulated)) == (200, "4015501", ("expired-token",))


async def test_a_revoked_token_is_named() -> None:
    simulated = simulator()
    token = simulated.books.issue_token(START).value
    simulated.books.revoke(token)
    simulated.books.revoke("unknown")
    _, body = await told(simulated, signed(simulated, QUERY, token=token))

    assert (body["responseCode"], findings(simulated)) == ("4015501", ("revoked-token",))


async def test_a_customer_token_that_nobody_has_is_refused() -> None:
    simulated = simulator()
    customer = Customer("nobody", device_id="phone")
    _, body = await told(simulated, signed(simulated, UnbindAccount(), customer=customer))

    assert (body["responseCode"], findings(simulated)) == ("4010902", ("customer-token",))


async def test_a_customer_token_that_is_missing_is_named() -> None:
    simulated = simulator()
    request = signed(simulated, UnbindAccount(), customer=Customer("nobody", device_id="phone"))
    _, body = await told(simulated, with_headers(request, Authorization_Customer=None, X_DEVICE_ID=None))

    assert (body["responseCode"], findings(simulated)) == ("4000902", ("missing-header", "missing-header"))


# --- signatures ----------------------------------------------------------------------------------------------------


def resigned(simulated: Simulator, request: Request, **changes: Any) -> Request:
    """Return *request* signed over other parts than its own."""
    headers = request.headers
    parts: dict[str, Any] = {
        "method": request.method,
        "path": request.target,
        "token": headers["Authorization"].removeprefix("Bearer "),
        "digest": signing.digest(request.body),
        "timestamp": headers["X-TIMESTAMP"],
        "secret": simulated.credentials.client_secret,
        "encode": lambda signature: signature,
    }
    one = {**parts, **changes}
    text = f"{one['method']}:{one['path']}:{one['token']}:{one['digest']}:{one['timestamp']}"
    return with_headers(request, X_SIGNATURE=one["encode"](signing.sign_hmac(text, one["secret"])))


def in_hex(signature: str) -> str:
    return b64decode(signature).hex()


def sha(text: str) -> str:
    return sha256(text.encode()).hexdigest()


COMPACT = '{"partnerReferenceNo":"p/1","name":"Jürgen","amount":10000.00,"a":[1,2.5,null,true]}'


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({"path": "/v1.0/emoney-topup"}, "path", "as another path"),
        ({"path": "http://127.0.0.1/v1.0/emoney/topup"}, "path", "with scheme and host"),
        ({"path": "/v1.0/emoney/topup/"}, "path", "with a slash at the end"),
        ({"path": "/emoney/topup"}, "path", "without the version"),
        ({"path": "/v2.0/emoney/topup"}, "path", "with another version"),
        ({"path": "v1.0/emoney/topup"}, "path", "without the slash in front"),
        ({"method": "post"}, "method", "lower case"),
        ({"token": ""}, "token", "missing from the string"),
        ({"timestamp": "2026-11-20T05:00:00Z"}, "timestamp", "signed was the time '2026-11-20T05:00:00Z'"),
        ({"digest": sha("")}, "body", "left out"),
        ({"digest": sha(COMPACT.replace("ü", "\\u00fc"))}, "body", "characters escaped"),
        ({"digest": sha(COMPACT.replace("/", "\\/"))}, "body", "slashes escaped"),
        (
            {"digest": sha(COMPACT.replace("ü", "\\u00fc").replace("/", "\\/"))},
            "body",
            "escaped as \\u00fc and slashes",
        ),
        ({"digest": sha(COMPACT.replace("10000.00", "10000.0").replace("[1,", "[1.0,"))}, "body", "numbers as 10000.0"),
        ({"digest": sha(COMPACT.replace("10000.00", "10000"))}, "body", "numbers as 10000"),
        (
            {"digest": sha('{"a":[1,2.5,null,true],"amount":10000.00,"name":"Jürgen","partnerReferenceNo":"p/1"}')},
            "body",
            "alphabetical order",
        ),
        ({"digest": sha(COMPACT.replace(":", ": ").replace(",", ", "))}, "body", "spaces after"),
        ({"digest": sha(COMPACT).upper()}, "digest", "upper case"),
        ({"digest": b64encode(bytes.fromhex(sha(COMPACT))).decode()}, "digest", "base64"),
        ({"encode": in_hex}, "encoding", "written in hex"),
        ({"encode": lambda one: b64encode(in_hex(one).encode()).decode()}, "encoding", "base64 of the hex"),
        ({"secret": "another"}, "signature", "compare the client secret"),
    ],
)
async def test_a_wrong_signature_is_explained(changes: dict[str, Any], name: str, words: str) -> None:
    simulated = simulator()
    request = resigned(simulated, signed(simulated, TOP_UP, body=COMPACT.encode()), **changes)
    status, _ = await told(simulated, request)
    report = simulated.requests[-1].report

    assert status == 401
    assert report is not None
    assert report.names == (name,)
    assert words in report.findings[0].text


TEXT = '{"notes":"a/b <c> & Jürgen\'s+","amount":10000.00,"quantity":1}'


@pytest.mark.parametrize(
    ("sent", "signed_with", "sent_with"),
    [
        (TEXT.replace("/", "\\/"), "slashes as they are", "slashes escaped as \\/"),
        (TEXT.replace("ü", "\\u00fc"), "characters as they are", "characters escaped as \\u00fc"),
        (TEXT.replace("10000.00", "10000"), "numbers as 10000.00", "numbers as 10000"),
        (TEXT.replace("10000.00", "10000.0"), "numbers as 10000.00", "numbers as 10000.0"),
        (TEXT.replace(":1}", ":1.0}"), "numbers as 1", "numbers as 1.0"),
        (
            '{"amount":10000.00,"notes":"a/b <c> & Jürgen\'s+","quantity":1}',
            "keys in the order notes, amount, quantity",
            "keys in alphabetical order",
        ),
    ],
)
async def test_a_body_written_again_after_signing_is_told_by_what_differs(
    sent: str, signed_with: str, sent_with: str
) -> None:
    simulated = simulator()
    request = signed(simulated, TOP_UP, body=sent.encode())
    await told(simulated, resigned(simulated, request, digest=sha(TEXT)))
    report = simulated.requests[-1].report

    assert report is not None
    assert report.findings[0].text.endswith(f": signed with {signed_with}, sent with {sent_with}")
    assert report.signed_body == TEXT.encode()


@pytest.mark.parametrize(
    "signed_text",
    [
        TEXT.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
        TEXT.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("'", "\\u0027"),
        TEXT.replace("<", "\\u003C").replace(">", "\\u003E").replace("&", "\\u0026").replace("'", "\\u0027")
        .replace("+", "\\u002B").replace("ü", "\\u00FC"),
        TEXT.replace("10000.00", "10000.0").replace(":1}", ":1.0}"),
        TEXT.replace(":1}", ":1.00}"),
    ],
    ids=["Go", "Gson", ".NET", "floats only", "two decimals"],
)  # fmt: skip
async def test_the_styles_of_other_languages_are_known(signed_text: str) -> None:
    simulated = simulator()
    request = signed(simulated, TOP_UP, body=TEXT.encode())
    await told(simulated, resigned(simulated, request, digest=sha(signed_text)))

    assert findings(simulated) == ("body",)


async def test_more_keys_than_can_be_tried_in_every_order_are_hinted_at_where_they_are_sorted() -> None:
    simulated = simulator()
    sent = json.dumps({name: [{"b": 1, "a": 2}] for name in "abcdefgh"}, separators=(",", ":"))
    for body in (sent, sent.replace('"b":1,"a":2', '"a":2,"b":1')):
        await told(simulated, resigned(simulated, signed(simulated, TOP_UP, body=body.encode()), digest=sha("{}")))
    hinted = ["alphabetical order" in one.report.findings[0].text for one in simulated.requests if one.report]

    assert hinted == [False, True]


async def test_keys_that_were_sorted_after_signing_are_found_in_the_order_of_a_payout() -> None:
    simulated = simulator()
    signed_text = '{"p":1,"n":2,"c":3,"amount":{"value":"1.00","currency":"IDR"},"notes":4,"d":5,"x":6,"y":7}'
    sent = json.dumps(json.loads(signed_text), sort_keys=True, separators=(",", ":"))
    request = signed(simulated, TOP_UP, body=sent.encode())
    await told(simulated, resigned(simulated, request, digest=sha(signed_text)))
    report = simulated.requests[-1].report

    assert report is not None
    assert report.findings[0].text.endswith("in the order p, n, c, amount, ..., sent with keys in alphabetical order")


async def test_keys_of_objects_in_lists_are_tried_in_every_order() -> None:
    simulated = simulator()
    request = signed(simulated, TOP_UP, body=b'{"items":[{"a":1,"b":2},{"a":3,"b":[4]}]}')
    await told(simulated, resigned(simulated, request, digest=sha('{"items":[{"b":2,"a":1},{"b":[4],"a":3}]}')))

    assert findings(simulated) == ("body",)


async def test_a_time_of_another_zone_is_recognised() -> None:
    simulated = simulator()
    found = []
    for seconds in (7 * 3600, 3600, 9000):
        await told(simulated, signed(simulated, TOP_UP, at=START - timedelta(seconds=seconds)))
        report = simulated.requests[-1].report
        found.append(report.findings[0].text if report else "")

    assert "X-TIMESTAMP is 7 h behind the simulator's clock, which says 2026-11-20T12:00:00+07:00" in found[0]
    assert [one.endswith("another zone, with the offset of this one?") for one in found] == [True, False, False]
    assert ("3600 s behind" in found[1], "2.5 h behind" in found[2]) == (True, True)


async def test_two_mistakes_at_once_are_both_named() -> None:
    simulated = simulator()
    request = signed(simulated, TOP_UP, body=COMPACT.encode())
    wrong = resigned(simulated, request, path="/emoney/topup", digest=sha(COMPACT.replace("/", "\\/")))
    await told(simulated, wrong)

    assert findings(simulated) == ("path", "body")


async def test_a_signature_with_the_word_bearer_and_one_with_another_token_are_told_apart() -> None:
    simulated = simulator()
    other = simulated.books.issue_token(START).value
    request = signed(simulated, TOP_UP)
    mine = request.headers["Authorization"]
    said = []
    for token in (mine, other):
        _, body = await told(simulated, resigned(simulated, request, token=token))
        said.append(body["responseMessage"])

    assert "with the word Bearer" in said[0]
    assert "another access token was signed" in said[1]


async def test_an_hmac_with_sha_256_is_named() -> None:
    simulated = simulator()
    request = signed(simulated, TOP_UP)
    text = signing.transaction_string(
        "POST", request.target, request.headers["Authorization"][7:], request.body, request.headers["X-TIMESTAMP"]
    )
    made = hmac.digest(str(simulated.credentials.client_secret).encode(), text.encode(), "sha256")
    await told(simulated, with_headers(request, X_SIGNATURE=b64encode(made).decode()))

    assert findings(simulated) == ("encoding",)


async def test_a_client_secret_that_was_decoded_is_named() -> None:
    simulated = simulator()
    request = signed(simulated, TOP_UP)
    text = signing.transaction_string(
        "POST", request.target, request.headers["Authorization"][7:], request.body, request.headers["X-TIMESTAMP"]
    )
    key = b64decode(str(simulated.credentials.client_secret))
    made = hmac.digest(key, text.encode(), "sha512")
    await told(simulated, with_headers(request, X_SIGNATURE=b64encode(made).decode()))

    assert findings(simulated) == ("secret",)


async def test_a_secret_that_is_no_base64_is_not_tried_decoded() -> None:
    simulated = simulator()
    simulated.credentials = evolve(simulated.credentials, client_secret="a")
    simulated = simulator(credentials=simulated.credentials)
    await told(simulated, with_headers(signed(simulated, TOP_UP), X_SIGNATURE="x"))

    assert findings(simulated) == ("signature",)


async def test_a_query_in_the_path_is_part_of_the_signature() -> None:
    simulated = simulator()
    request = signed(simulated, TOP_UP)
    moved = evolve(request, target="/v1.0/emoney/topup?a=%2F")
    await told(simulated, moved)
    report = simulated.requests[-1].report

    assert report is not None
    assert "without the query string" in report.findings[0].text


async def test_a_signature_over_a_broken_timestamp_or_body_is_still_reported() -> None:
    simulated = simulator()
    request = signed(simulated, TOP_UP, body=b"{")
    await told(simulated, with_headers(request, X_TIMESTAMP="now", X_SIGNATURE="x"))

    assert findings(simulated) == ("malformed-header", "signature")


async def test_spaces_in_the_body_are_a_warning() -> None:
    simulated = simulator()
    body = json.dumps({"originalExternalId": "1", "serviceCode": "54"}).encode()
    status, _ = await told(simulated, signed(simulated, QUERY, body=body))

    assert (status, findings(simulated)) == (200, ("spaces",))


async def test_spaces_in_the_body_are_an_error_when_strict() -> None:
    simulated = simulator(strict=True)
    body = json.dumps({"originalExternalId": "1", "serviceCode": "54"}).encode()
    _, answer = await told(simulated, signed(simulated, QUERY, body=body))

    assert (answer["responseCode"], findings(simulated)) == ("4015500", ("spaces",))


async def test_a_body_signed_with_its_spaces_is_explained() -> None:
    simulated = simulator()
    body = json.dumps({"originalExternalId": "1", "serviceCode": "54"}).encode()
    request = signed(simulated, QUERY, body=body)
    await told(simulated, resigned(simulated, request, digest=sha256(body).hexdigest()))

    assert findings(simulated) == ("spaces", "body")


@pytest.mark.parametrize(
    "body",
    ['{"a":"é"}'.encode("utf-16-le"), '{"a":"é"}'.encode("utf-16"), b"[" * 700 + b"]" * 700, b"[" * 5000],
    ids=["UTF-16", "with mark", "deep", "deeper"],
)
async def test_a_wrong_signature_of_a_strange_body_is_refused_like_any_other(body: bytes) -> None:
    simulated = simulator()
    status, _ = await told(simulated, with_headers(signed(simulated, QUERY, body=body), X_SIGNATURE="x"))

    assert (status, findings(simulated)) == (401, ("signature",))


async def test_that_a_body_was_too_large_to_try_its_spellings_is_said() -> None:
    simulated = simulator()
    body = b'{"a":"' + b"x" * 5_000 + b'"}'
    await told(simulated, with_headers(signed(simulated, QUERY, body=body), X_SIGNATURE="x"))
    report = simulated.requests[-1].report

    assert report is not None
    assert "the body is too large for its other spellings to be tried" in report.findings[0].text


async def test_a_body_that_was_signed_longer_than_it_was_sent_is_explained() -> None:
    simulated = simulator()
    sent = '{"a":"' + "é" * 2_000 + '"}'
    request = signed(simulated, QUERY, body=sent.encode())
    await told(simulated, resigned(simulated, request, digest=sha(sent.replace("é", "\\u00e9"))))

    assert findings(simulated) == ("body",)


async def test_a_number_too_long_to_be_rewritten_is_left_alone() -> None:
    simulated = simulator()
    body = b'{"a":' + b"1" * 50 + b"}"
    await told(simulated, with_headers(signed(simulated, QUERY, body=body), X_SIGNATURE="x"))

    assert findings(simulated) == ("signature",)


# --- the token call ------------------------------------------------------------------------------------------------


def rsa(text: str, padding: Any = None, digest: Any = None, key: Any = MERCHANT_KEY) -> bytes:
    made: bytes = key.sign(text.encode(), padding or PKCS1v15(), digest or SHA256())
    return made


CLIENT = "client"
GOOD = f"{CLIENT}|{STAMP}"
Encode = Callable[[bytes], str]


def plain(raw: bytes) -> str:
    return b64encode(raw).decode()


@pytest.mark.parametrize(
    ("raw", "encode", "names"),
    [
        (rsa(GOOD), plain, ()),
        (rsa(f"{STAMP}|{CLIENT}"), plain, ("text",)),
        (rsa(f"{CLIENT}:{STAMP}"), plain, ("text",)),
        (rsa(f"{CLIENT}{STAMP}"), plain, ("text",)),
        (rsa(f"{CLIENT} | {STAMP}"), plain, ("text",)),
        (rsa(f"{GOOD}\n"), plain, ("text",)),
        (rsa(f"{CLIENT}|"), plain, ("text",)),
        (rsa(GOOD, digest=SHA1()), plain, ("algorithm",)),  # a mistake to be recognised
        (rsa(GOOD, digest=SHA512()), plain, ("algorithm",)),
        (rsa(GOOD, PSS(MGF1(SHA256()), PSS.MAX_LENGTH)), plain, ("algorithm",)),
        (rsa(GOOD), bytes.hex, ("encoding",)),
        (rsa(GOOD), lambda raw: plain(raw).replace("+", "-").replace("/", "_").rstrip("="), ("encoding",)),
        (rsa(f"{STAMP}|{CLIENT}"), bytes.hex, ("encoding", "text")),
        (rsa(GOOD, key=PROVIDER_KEY), plain, ("signature",)),
        (b"short", plain, ("encoding",)),
    ],
)
async def test_a_wrong_signature_of_the_token_call_is_explained(
    raw: bytes, encode: Encode, names: tuple[str, ...]
) -> None:
    simulated = simulator(credentials=simulator_credentials())
    request = with_headers(signed(simulated, IssueToken()), X_SIGNATURE=encode(raw))
    status, _ = await told(simulated, request)

    assert (status, findings(simulated)) == (401 if names else 200, names)


def simulator_credentials() -> Any:
    return evolve(simulator().credentials, client_id=CLIENT)


async def test_an_unknown_client_and_missing_headers_of_the_token_call_are_named() -> None:
    simulated = simulator()
    request = signed(simulated, IssueToken())
    _, unknown = await told(simulated, with_headers(request, X_CLIENT_KEY="somebody"))
    first = findings(simulated)
    _, missing = await told(simulated, with_headers(request, X_CLIENT_KEY=None))

    assert (unknown["responseCode"], first[0]) == ("4017300", "client")
    assert (missing["responseCode"], findings(simulated)) == ("4007302", ("missing-header",))


async def test_the_token_call_needs_its_grant_type_in_one_of_the_two_spellings() -> None:
    simulated = simulator()
    said = []
    for body in (
        b'{"grantType":"client_credentials"}',
        b'{"grant_type":"client_credentials"}',
        b"{}",
        b'{"grantType":"x"}',
    ):
        _, answer = await told(simulated, signed(simulated, IssueToken(), body=body))
        said.append(answer["responseCode"])

    assert said == ["2007300", "2007300", "4007302", "4007301"]


# --- the other families --------------------------------------------------------------------------------------------

PROMOTIONS = FetchPromotions(account_id=SAMPLE_ACCOUNT, gross_amount=Money(1_000))


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (None, "is missing"),
        ("Basic {bare}", "the colon after the server key is missing"),
        ("Basic {key}", "was not base64-encoded"),
        ("Bearer {right}", "says Bearer"),
        ("Basic xyz", "is not Basic and the base64"),
    ],
)
async def test_a_wrong_server_key_is_explained(header: str | None, words: str) -> None:
    simulated = simulator()
    key = str(simulated.credentials.server_key)
    named = {"bare": plain(key.encode()), "key": key, "right": plain(f"{key}:".encode())}
    request = with_headers(signed(simulated, PROMOTIONS), Authorization=header and header.format(**named))
    status, body = await told(simulated, request)
    report = simulated.requests[-1].report

    assert (status, body["status_code"]) == (401, "401")
    assert report is not None
    assert words in report.findings[0].text


@pytest.mark.parametrize(
    ("header", "status", "code", "words"),
    [
        (None, 400, "303", "is missing"),
        ("Basic xyz", 401, "110", "is not Basic and the credential"),
        ("Basic {again}", 401, "110", "encoded once more"),
    ],
)
async def test_a_wrong_mini_app_credential_is_explained(header: str | None, status: int, code: str, words: str) -> None:
    simulated = simulator()
    again = plain(str(simulated.credentials.mini_app_credential).encode())
    request = with_headers(
        signed(simulated, ApplyToken(auth_code="x")), Authorization=header and header.format(again=again)
    )
    answered, body = await told(simulated, request)
    report = simulated.requests[-1].report

    assert (answered, body["error"]["code"]) == (status, code)
    assert report is not None
    assert words in report.findings[0].text


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"Authorization": None}, 400, "303"),
        ({"Authorization": "Basic x"}, 400, "310"),
        ({"Authorization": "Bearer nobody"}, 401, "110"),
        ({"Request_Id": None}, 400, "303"),
    ],
)
async def test_a_wrong_user_token_or_request_id_is_refused(
    changes: dict[str, str | None], status: int, code: str
) -> None:
    simulated = simulator()
    customer = Customer(simulated.user.auth_token)
    request = signed(simulated, GiveReward(amount=Money(1), description="x"), customer=customer)
    answered, body = await told(simulated, with_headers(request, **changes))

    assert (answered, body["error"]["code"]) == (status, code)


# --- the report ----------------------------------------------------------------------------------------------------


async def test_a_report_takes_the_signature_apart() -> None:
    simulated = simulator()
    request = signed(simulated, TOP_UP)
    await told(simulated, with_headers(request, X_SIGNATURE="wrong"))
    report = simulated.requests[-1].report
    assert report is not None
    shown = report.as_json()

    assert shown["expected_signature"] == request.headers["X-SIGNATURE"]
    assert (shown["received_signature"], shown["accepted"]) == ("wrong", False)
    assert shown["string_to_sign"].startswith("POST:/v1.0/emoney/topup:SIM")
    assert (shown["minified_digest"], shown["raw_digest"]) == (sha256(request.body).hexdigest(),) * 2
    assert report.minified == request.body


async def test_a_report_of_the_token_call_shows_the_signature_that_would_have_passed() -> None:
    simulated = simulator()
    request = signed(simulated, IssueToken())
    await told(simulated, request)
    report = simulated.requests[-1].report

    assert report is not None
    assert report.expected_signature == request.headers["X-SIGNATURE"]


async def test_a_report_without_a_signature_says_so_in_text() -> None:
    simulated = simulator()
    await told(simulated, signed(simulated, PROMOTIONS))
    report = simulated.requests[-1].report

    assert report is not None
    assert (report.string_to_sign, report.expected_signature) == ("", "")
    assert report.explain().endswith(": accepted")


async def test_a_report_in_text_names_what_is_wrong_and_shows_no_secret_and_no_body() -> None:
    simulated = simulator()
    await told(simulated, with_headers(signed(simulated, TOP_UP), X_SIGNATURE="wrong", CHANNEL_ID="1"))
    text = simulated.requests[-1].report.explain() if simulated.requests[-1].report else ""

    assert "! malformed-header: CHANNEL-ID is '1', must be exactly five digits" in text
    assert str(simulated.credentials.client_secret) not in text
    assert "Siti" not in text


async def test_the_log_of_requests_is_bounded() -> None:
    simulated = simulator(keep=3)
    async with session(simulated) as gopay:
        for _ in range(5):
            await gopay.send(QUERY)

    assert [one.number for one in simulated.requests] == [4, 5, 6]
    assert {one.status for one in simulated.requests} == {200}
    assert simulated.requests[0].operation is QueryPayment
