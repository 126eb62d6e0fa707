"""The contradictions and traps of the provider's pages, one test for each that concerns a client, named by its id."""

import hashlib
import json
import re
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast
from urllib.parse import unquote

import attrs
import pytest

from gopay_async import (
    ConfigurationError,
    Customer,
    Duplicate,
    Environment,
    InvalidInput,
    Money,
    errors,
    exchange,
    new_external_id,
    signing,
    wire,
)
from gopay_async.api import (
    OPERATIONS,
    AuthorizePayment,
    BindAccount,
    BindingState,
    CaptureAuthorization,
    ChargeLinked,
    CollectGems,
    CreatePayment,
    DebitNotification,
    FetchLinkedPromotions,
    FetchPromotions,
    GenerateQris,
    GiveReward,
    InquireAccount,
    IssueToken,
    LinkingNotification,
    ListTransactions,
    PaymentCharged,
    PaymentCreated,
    PaymentState,
    PayoutNotification,
    PromotionsFetched,
    QrisNotification,
    QueryAuthorization,
    QueryBinding,
    QueryPayment,
    QueryQris,
    QueryTopUp,
    QueryTransfer,
    RefundAuthorization,
    RefundPayment,
    RefundQris,
    SetReminder,
    TokenIssued,
    TopUp,
    TransactionsListed,
    UnbindAccount,
    VoidAuthorization,
)
from gopay_async.call import required_id
from gopay_async.codes import ResponseCode
from gopay_async.errors import CustomerTokenRejected, InvalidAccount, NotFound, Refused, SuspectedFraud, Unauthorized
from gopay_async.exchange import Request, Response, Verdict, Word
from gopay_async.launch import LaunchResult
from gopay_async.linking import AuthorizationReturn, authorization_url
from gopay_async.models import (
    ASSUMED_WIB,
    WIB,
    CustomerDetails,
    Item,
    PaymentDetail,
    TransactionStatus,
    UrlParam,
    is_assumed,
)
from gopay_async.operation import Answer, Auth, Family, Need, Operation, Retry
from gopay_async.retry import wait_before_repeat
from gopay_async.webhooks import NotificationVerifier, WebhookError, sign_notification

from .keys_for_tests import MERCHANT_KEY, PROVIDER_KEY, credentials
from .samples import operation_of
from .spec import quirks

Call = TypeVar("Call", bound=Operation[Any])
Said = TypeVar("Said", bound=Answer)
NOON = datetime(2024, 3, 19, 12, 0, tzinfo=WIB)
USER = Customer("planted-token", device_id="phone")
PAYMENT = CreatePayment(partner_reference_no="order-1", amount=Money(10_000))
TOP_UP = TopUp(
    partner_reference_no="payout-1",
    customer_number="6281773628883",
    customer_name="John Doe",
    amount=Money(10_000),
    notes="Payout April 17",
)
ITEM = Item(name="tea", price=Money(10_000))
CHARGE = ChargeLinked(
    partner_reference_no="order-1",
    amount=Money(10_000),
    payment_option_token="option",
    url_params=[UrlParam(url="https://shop.example/back")],
)
AUTHORIZE = AuthorizePayment(
    partner_reference_no="order-1", amount=Money(10_000), title="title", payment_option_token="option"
)
SNAP = [one for one in OPERATIONS if one.endpoint.auth is Auth.ACCESS_TOKEN]


def changed(operation: Call, **changes: Any) -> Call:
    """Return *operation* with *changes*."""
    found: Call = attrs.evolve(cast(Any, operation), **changes)
    return found


def answer(kind: type[Said], operation: Operation[Any], body: dict[str, Any], status: int = 200) -> Said:
    """Return the answer in *body*, which must be of *kind*."""
    found = read(operation, status, body).answer
    assert isinstance(found, kind)
    return found


def request(operation: Operation[Any], customer: Customer | None = None, external_id: str = "7") -> Request:
    """Return the signed request of *operation*."""
    body = exchange.serialise(operation, credentials(), access_token="access", customer=customer)
    return exchange.build(
        operation,
        credentials(),
        base="https://host.example",
        external_id=external_id,
        at=NOON,
        body=body,
        access_token="access",
        customer=customer,
    )


def sent(operation: Operation[Any], customer: Customer | None = None) -> dict[str, Any]:
    """Return the body of *operation* as JSON."""
    found: dict[str, Any] = json.loads(request(operation, customer).body)
    return found


def read(operation: Operation[Any], status: int, body: dict[str, Any] | bytes) -> Verdict:
    """Return what an answer means for *operation*."""
    return exchange.read(
        operation, "7", Response(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())
    )


def says(code: str, **more: Any) -> dict[str, Any]:
    """Return an answer with a response code."""
    return {"responseCode": code, "responseMessage": "said", **more}


def repeated(operation: Operation[Any], found: Verdict) -> bool:
    """Return whether *operation* is sent again for *found*."""
    policy = operation.endpoint.retry
    return wait_before_repeat(policy, found, repeats=0, started=NOON, now=NOON, left=30, jitter=0) is not None


def signed_text(made: Request) -> str:
    """Return the text that the signature of a transactional request must fit."""
    digest = hashlib.sha256(made.body).hexdigest()
    return f"{made.method}:{made.target}:access:{digest}:{made.headers['X-TIMESTAMP']}"


DEBIT = {"originalReferenceNo": "A1", "latestTransactionStatus": "00"}


def received(body: bytes, *, path: str = "/v1.0/debit/notify", signed_path: str = "", **how: Any) -> Any:
    """Return what a verifier for *path* makes of *body*, signed for *signed_path*."""
    verifier = NotificationVerifier(PROVIDER_KEY.public_key(), path=path)
    headers = sign_notification(body, PROVIDER_KEY, path=signed_path or path, **{"timestamp": NOON, **how})
    return verifier.verify(headers=headers, body=body, now=NOON)


# --- the list ------------------------------------------------------------------------------------------------------

#: Quirks that ask nothing of a client, or that are tested elsewhere, and why.
ELSEWHERE = {
    "Q-SIG-3": "Signatures of samples are placeholders: tests/vectors holds published and recomputed ones only.",
    "Q-FLD-37": "Virtual accounts are not part of this package.",
    "Q-TIM-4": "The limits are in the docstrings: the provider decides, and they differ by acquirer.",
    "Q-NOT-2": "The sender's schedule: max_age of the verifier, 6 hours, is longer than its longest reading.",
    "Q-NOT-4": "The receiver of the application answers in time; a limit of the sender is not documented.",
    "Q-NOT-5": "TLS of the receiver is that of the merchant's server.",
    "Q-NOT-6": "The signature decides; addresses are an optional check of the receiver.",
    "Q-NOT-10": "The lost lists were restored in the tables under tests/spec.",
    "Q-MIN-7": "Copied descriptions: the names of the fields decide.",
}


def ids_of_tests() -> set[str]:
    """Return the ids that the names of this module's tests carry."""
    names = [name for name in globals() if name.startswith("test_q_")]
    return {"-".join(name.split("_")[1:4]).upper() for name in names}


def test_every_quirk_has_its_test_or_its_reason() -> None:
    assert ids_of_tests() | set(ELSEWHERE) == set(quirks())
    assert ids_of_tests() & set(ELSEWHERE) == set()


# --- signatures ----------------------------------------------------------------------------------------------------


def test_q_sig_1_the_parts_are_joined_by_plain_colons() -> None:
    text = signing.transaction_string("POST", "/v1.0/debit/status", "token", b"{}", "2024-03-19T12:00:00+07:00")

    assert text == f"POST:/v1.0/debit/status:token:{hashlib.sha256(b'{}').hexdigest()}:2024-03-19T12:00:00+07:00"
    assert text.isascii()


def test_q_sig_2_signatures_are_padded_base64_in_one_line() -> None:
    hmac, rsa = signing.sign_hmac("text", "secret"), signing.sign_rsa("text", MERCHANT_KEY)

    assert (len(b64decode(hmac, validate=True)), len(b64decode(rsa, validate=True))) == (64, 256)
    assert (len(hmac), len(rsa)) == (88, 344)


def test_q_sig_4_what_is_signed_is_the_path_that_is_sent() -> None:
    made = request(operation_of(QueryPayment))

    assert made.target == "/v1.0/debit/status"
    assert made.headers["X-SIGNATURE"] == signing.sign_hmac(signed_text(made), str(credentials().client_secret))
    assert Environment.SANDBOX.base(Family.SNAP) == "https://merchants.sbx.midtrans.com"


@pytest.mark.parametrize(
    "body",
    [
        b'{"originalReferenceNo":"A1","latestTransactionStatus":"00"}',
        b'{"originalReferenceNo": "A1", "latestTransactionStatus": "00", "a": "b c"}',
        b'{"originalReferenceNo":"A1","latestTransactionStatus":"00","u":"https:\\/\\/a\\/b","n":"\\u00e9","x":1.00}',
        '{"originalReferenceNo":"A1","latestTransactionStatus":"00","n":"\u00e9/\u2603"}'.encode(),
    ],
)
def test_q_sig_5_received_bytes_verify_as_they_are(body: bytes) -> None:
    assert received(body).original_reference_no == "A1"


def test_q_sig_5_a_body_signed_compact_and_sent_spread_verifies_too() -> None:
    spread = json.dumps(DEBIT, indent=2).encode()
    headers = sign_notification(json.dumps(DEBIT, separators=(",", ":")).encode(), PROVIDER_KEY, timestamp=NOON)

    found = NotificationVerifier(PROVIDER_KEY.public_key()).verify(headers=headers, body=spread, now=NOON)

    assert found.body == json.dumps(DEBIT, separators=(",", ":")).encode()


def test_q_sig_5_what_is_signed_is_compact_and_nothing_is_escaped() -> None:
    made = request(changed(PAYMENT, metadata={"u": "https://a/b", "n": "\u00e9 \u2603"}))

    assert b'"metadata":{"u":"https://a/b","n":"\xc3\xa9 \xe2\x98\x83"}' in made.body
    assert made.headers["X-SIGNATURE"] == signing.sign_hmac(signed_text(made), str(credentials().client_secret))


@pytest.mark.parametrize("kind", SNAP, ids=lambda kind: kind.__name__)
def test_q_sig_6_every_call_after_the_token_is_signed_with_the_client_secret(kind: type[Operation[Any]]) -> None:
    made = request(operation_of(kind), USER if kind.endpoint.customer is Need.REQUIRED else None)

    assert made.headers["X-SIGNATURE"] == signing.sign_hmac(signed_text(made), str(credentials().client_secret))


def linking_query() -> dict[str, str]:
    """Return the raw query of a linking address."""
    url = authorization_url(
        credentials(),
        Environment.SANDBOX,
        state="s",
        redirect_url="https://a.example/b?c=d",
        mobile_number="62822999999",
    )
    parts = [part.partition("=") for part in url.partition("?")[2].split("&")]
    return {name: value for name, _, value in parts}


def test_q_sig_7_the_encoded_text_is_signed_and_nothing_is_encoded_twice() -> None:
    query = linking_query()

    assert query["seamlessData"] == "mobileNumber%3D62822999999%26paymentType%3Dgopay"
    signing.verify_rsa(query["seamlessData"], unquote(query["seamlessSign"]), MERCHANT_KEY.public_key())


def test_q_sig_8_history_calls_are_signed_like_all_others() -> None:
    made = request(ListTransactions())

    assert made.headers["X-SIGNATURE"] == signing.sign_hmac(signed_text(made), str(credentials().client_secret))


def test_q_sig_9_where_there_is_no_body_the_empty_text_is_hashed() -> None:
    text = signing.transaction_string("GET", "/v1.0/x", "token", b"", "now")

    assert text.split(":")[3] == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("other", ["/1.0/debit/notify", "/v1.0/qr/notify", "/gopay/v1.0/debit/notify"])
def test_q_sig_10_only_the_configured_path_verifies(other: str) -> None:
    body = json.dumps(DEBIT).encode()

    assert received(body, path=other).path == other
    with pytest.raises(WebhookError):
        received(body, path="/v1.0/debit/notify", signed_path=other)


# --- headers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", OPERATIONS, ids=lambda kind: kind.__name__)
def test_q_hdr_1_a_new_external_id_is_valid_in_every_family(kind: type[Operation[Any]]) -> None:
    exchange.check_external_id(operation_of(kind), new_external_id())


def test_q_hdr_1_payouts_take_digits_only() -> None:
    with pytest.raises(InvalidInput):
        exchange.check_external_id(TOP_UP, "550e8400-e29b-41d4-a716-446655440000")


@pytest.mark.parametrize(
    ("operation", "policy"),
    [
        (PAYMENT, Retry.SAME_ID),
        (CHARGE, Retry.SAME_ID),
        (TOP_UP, Retry.INQUIRE),
        (operation_of(GenerateQris), Retry.INQUIRE),
        (operation_of(BindAccount), Retry.NEVER),
        (operation_of(UnbindAccount), Retry.NEVER),
        (ListTransactions(), Retry.RESEND),
    ],
    ids=lambda value: type(value).__name__,
)
def test_q_hdr_2_an_id_is_repeated_only_where_that_replays_the_answer(operation: Operation[Any], policy: Retry) -> None:
    assert operation.endpoint.retry is policy


def test_q_hdr_2_an_id_that_was_seen_means_ask() -> None:
    found = read(TOP_UP, 409, says("4093800"))

    assert (found.word, found.error, repeated(TOP_UP, found)) == (Word.UNKNOWN, Duplicate, False)


@pytest.mark.parametrize(
    ("operation", "name"),
    [(operation_of(GenerateQris), "partner_reference_no"), (operation_of(RefundQris), "partner_refund_no")],
)
def test_q_hdr_3_the_id_of_qris_calls_is_taken_from_the_body_and_not_contradicted(
    operation: Operation[Any], name: str
) -> None:
    assert required_id(operation, None) == getattr(operation, name)
    with pytest.raises(InvalidInput):
        required_id(operation, "another")


def test_q_hdr_4_a_device_is_named_where_it_is_known_and_asked_for_where_it_is_mandatory() -> None:
    assert request(CHARGE, USER).headers["X-DEVICE-ID"] == "phone"
    assert "X-DEVICE-ID" not in request(PAYMENT).headers
    with pytest.raises(InvalidInput) as caught:
        exchange.check(CHARGE, credentials(), Customer("token"))

    assert caught.value.field == "customer.device_id"


@pytest.mark.parametrize("kind", SNAP, ids=lambda kind: kind.__name__)
def test_q_hdr_5_the_configured_partner_id_is_always_sent(kind: type[Operation[Any]]) -> None:
    made = request(operation_of(kind), USER if kind.endpoint.customer is Need.REQUIRED else None)

    assert made.headers["X-PARTNER-ID"] == "partner-7"


def test_q_hdr_5_a_blank_partner_id_may_come_in() -> None:
    assert received(json.dumps(DEBIT).encode(), partner_id="").partner_id == ""


def test_q_hdr_6_the_channel_is_five_digits_out_and_optional_in() -> None:
    assert request(TOP_UP).headers["CHANNEL-ID"] == "95221"
    assert received(json.dumps(DEBIT).encode())
    with pytest.raises(InvalidInput):
        credentials(channel_id="1234")


def test_q_hdr_7_times_go_out_in_25_characters_at_wib() -> None:
    assert request(TOP_UP).headers["X-TIMESTAMP"] == "2024-03-19T12:00:00+07:00"


@pytest.mark.parametrize("at", ["2024-03-19T05:00:00.196Z", "2024-03-19T12:00:00+07:00", "2024-03-19T12:00:00+0700"])
def test_q_hdr_7_times_come_in_in_any_form_and_are_verified_as_text(at: str) -> None:
    found = received(json.dumps(DEBIT).encode(), timestamp=at)

    assert abs(found.timestamp - NOON) < timedelta(seconds=1)


def test_q_hdr_8_linking_is_an_address_and_nothing_else() -> None:
    assert set(linking_query()) == {
        *("state", "merchantId", "lang", "scopes", "redirectUrl", "seamlessData", "seamlessSign"),
    }


@pytest.mark.parametrize("operation", [CHARGE, AUTHORIZE, FetchLinkedPromotions(gross_amount=Money(1))])
def test_q_hdr_9_header_names_have_no_spaces(operation: Operation[Any]) -> None:
    made = request(operation, USER)

    assert made.headers["Authorization-Customer"] == "Bearer planted-token"
    assert all(re.fullmatch(r"[A-Za-z-]+", name) for name in made.headers)


def test_q_hdr_10_header_names_are_read_in_any_case() -> None:
    body = json.dumps(DEBIT).encode()
    headers = {name.lower(): value for name, value in sign_notification(body, PROVIDER_KEY, timestamp=NOON).items()}

    assert NotificationVerifier(PROVIDER_KEY.public_key()).verify(headers=headers, body=body, now=NOON)
    assert "Content-Type" in request(PAYMENT).headers


def test_q_hdr_11_a_one_off_charge_never_carries_a_customer() -> None:
    with pytest.raises(InvalidInput):
        exchange.check(PAYMENT, credentials(), USER)
    with pytest.raises(InvalidInput):
        exchange.check(CHARGE, credentials(), None)

    assert PAYMENT.endpoint.path == CHARGE.endpoint.path


# --- the token -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["2007300", "2007400", "2007301", "", None])
def test_q_tok_1_a_token_is_a_token_under_any_success(code: str | None) -> None:
    assert read(IssueToken(), 200, says(code or "", accessToken="a")).word is Word.ANSWERED


def test_q_tok_1_a_success_without_a_token_is_none() -> None:
    assert read(IssueToken(), 200, says("2007300")).word is Word.UNKNOWN


@pytest.mark.parametrize("told", ["900", 900, "1800"])
def test_q_tok_2_the_life_of_a_token_is_text_or_a_number(told: Any) -> None:
    found = answer(TokenIssued, IssueToken(), says("2007300", accessToken="a", expiresIn=told))

    assert found.expires_in == str(told)


def test_q_tok_3_the_grant_is_spelled_in_camel_case() -> None:
    assert sent(IssueToken()) == {"grantType": "client_credentials"}


def test_q_tok_4_type_and_life_of_a_token_may_be_missing() -> None:
    found = answer(TokenIssued, IssueToken(), says("2007300", accessToken="a"))

    assert (found.token_type, found.expires_in) == ("Bearer", None)


def test_q_tok_5_each_grant_has_its_own_case() -> None:
    grants = [sent(one)["grantType"] for one in (IssueToken(), operation_of(BindAccount))]

    assert grants == ["client_credentials", "AUTHORIZATION_CODE"]


# --- response codes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["20054000", "20057000", "20058000"])
def test_q_cod_1_a_trailing_zero_is_ignored(text: str) -> None:
    code = ResponseCode.parse(text)

    assert code is not None
    assert (code.status, code.service, code.case, code.text) == (200, text[3:5], "00", text)


@pytest.mark.parametrize(
    ("operation", "text", "error"),
    [
        (AUTHORIZE, "4031003", SuspectedFraud),
        (AUTHORIZE, "4031014", errors.InsufficientFunds),
        (operation_of(VoidAuthorization), "4036515", Refused),
        (CHARGE, "4001001", Refused),
        (ListTransactions(), "4011300", Unauthorized),
    ],
    ids=lambda value: str(value)[:10],
)
def test_q_cod_2_service_digits_of_another_page_decide_nothing(
    operation: Operation[Any], text: str, error: type[Refused]
) -> None:
    found = read(operation, int(text[:3]), says(text))

    assert (found.word, found.error) == (Word.REFUSED, error)


def test_q_cod_2_a_success_of_another_service_is_a_success() -> None:
    assert read(AUTHORIZE, 200, says("20054000", partnerReferenceNo="order-1")).word is Word.ANSWERED


def test_q_cod_3_any_2xx_code_is_a_success() -> None:
    assert read(operation_of(UnbindAccount), 200, says("2000901")).word is Word.ANSWERED


@pytest.mark.parametrize(("status", "code"), [(202, "2023800"), (200, "2003800")])
def test_q_cod_4_an_accepted_top_up_is_not_a_paid_one(status: int, code: str) -> None:
    found = read(TOP_UP, status, says(code, partnerReferenceNo="payout-1"))

    assert found.word is Word.ANSWERED
    assert not hasattr(found.answer, "status")
    assert isinstance(TOP_UP.inquiry("7"), QueryTransfer)


def test_q_cod_5_an_account_that_does_not_exist_comes_in_two_codes() -> None:
    listed = read(TOP_UP, 404, says("4043811"))
    shown = read(
        TOP_UP, 400, {"responseCode": "4003800", "responseMessage": "Bad Request. Beneficiary Account not found"}
    )

    assert (listed.error, shown.error) == (InvalidAccount, Refused)
    assert shown.received is not None
    assert shown.received.message == "Bad Request. Beneficiary Account not found"


def test_q_cod_6_a_status_outside_the_table_is_a_refusal_too() -> None:
    found = read(TOP_UP, 422, says("4223802"))

    assert (found.word, found.error) == (Word.REFUSED, Refused)


@pytest.mark.parametrize("message", ["Unauthorized. Signature", "Unauthorized. Incorrect merchantId value"])
def test_q_cod_7_two_causes_of_one_code_are_told_apart_by_the_message(message: str) -> None:
    found = read(operation_of(UnbindAccount), 401, {"responseCode": "4010900", "responseMessage": message})

    assert found.error is Unauthorized
    assert found.received is not None
    assert found.received.message == message


def test_q_cod_8_an_inactive_link_comes_in_two_codes() -> None:
    query = operation_of(QueryBinding)

    assert read(query, 401, says("4010802")).error is CustomerTokenRejected
    assert read(query, 403, says("4030818")).error is Refused
    assert QueryBinding.__doc__ is not None
    assert {"4010802", "4030818"} <= set(re.findall(r"\d{7}", QueryBinding.__doc__))


@pytest.mark.parametrize("code", ["5007300", "5000700", "5000800", "5000900", "5000701"])
def test_q_cod_9_a_5xx_is_one_whatever_its_case_and_message(code: str) -> None:
    found = read(operation_of(BindAccount), 500, {"responseCode": code, "responseMessage": "Timeout"})

    assert (found.word, repeated(operation_of(BindAccount), found)) == (Word.UNKNOWN, False)


def test_q_cod_10_a_success_that_no_table_lists_is_a_success() -> None:
    assert read(PAYMENT, 200, says("2005400", webRedirectUrl="https://a.example/b?c=d")).word is Word.ANSWERED


def test_q_cod_11_a_code_that_one_page_lacks_is_understood() -> None:
    assert read(PAYMENT, 401, says("4015402")).error is CustomerTokenRejected


@pytest.mark.parametrize(
    ("operation", "text"), [(operation_of(QueryPayment), "4045501"), (operation_of(RefundPayment), "4045801")]
)
def test_q_cod_12_not_found_is_a_refusal(operation: Operation[Any], text: str) -> None:
    assert read(operation, 404, says(text)).error is NotFound


def test_q_cod_12_not_found_is_a_status_too() -> None:
    found = answer(PaymentState, operation_of(QueryPayment), says("2005500", latestTransactionStatus="07"))

    assert (found.status.meaning, found.status.is_final) == ("not found", False)


@pytest.mark.parametrize("code", ["5003", "40001", "400001", "4293800"])
def test_q_cod_13_codes_of_the_mini_app_are_no_snap_codes(code: str) -> None:
    found = read(operation_of(GiveReward), 400, {"success": False, "error": {"code": code, "description": "d"}})

    assert (found.word, found.error) == (Word.REFUSED, Refused)


@pytest.mark.parametrize(("status", "code"), [(404, "4043813"), (400, "4003802")])
def test_q_cod_14_a_bad_amount_comes_in_two_codes(status: int, code: str) -> None:
    assert read(TOP_UP, status, says(code)).error is Refused


def test_q_cod_15_a_notification_is_acknowledged_with_200() -> None:
    accepted = [one.endpoint.accepted for one in (DebitNotification, QrisNotification, LinkingNotification)]

    assert accepted == ["2005600", "2005200", "2008800"]


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (502, b"<html>Bad Gateway</html>", Word.UNKNOWN),
        (500, {"error_messages": ["x"]}, Word.UNKNOWN),
        (400, {"status_code": "400"}, Word.UNKNOWN),
        (200, {"status_code": "200"}, Word.UNKNOWN),
        (429, b"slow down", Word.REFUSED),
        (429, {}, Word.REFUSED),
    ],
)
def test_q_cod_16_without_a_response_code_the_http_status_speaks(status: int, body: Any, word: Word) -> None:
    assert read(PAYMENT, status, body).word is word


@pytest.mark.parametrize(
    ("kind", "method", "service"),
    [
        (BindAccount, "POST", "07"),
        (UnbindAccount, "POST", "09"),
        (QueryPayment, "POST", "55"),
        (CreatePayment, "POST", "54"),
    ],
)
def test_q_cod_17_the_pages_of_the_calls_win_over_the_overview(
    kind: type[Operation[Any]], method: str, service: str
) -> None:
    assert (kind.endpoint.method, kind.endpoint.service) == (method, service)


@pytest.mark.parametrize(
    "operation", [PAYMENT, TOP_UP, operation_of(RefundPayment), operation_of(VoidAuthorization), AUTHORIZE]
)
def test_q_cod_18_an_inconsistent_request_is_neither_success_nor_failure(operation: Operation[Any]) -> None:
    found = read(operation, 404, says(f"404{operation.endpoint.service}18"))

    assert (found.word, repeated(operation, found)) == (Word.UNKNOWN, False)


@pytest.mark.parametrize(
    "body",
    [
        {"responseCode": "4035815", "responseMessage": "2007 Refund not processable when payment is in progress"},
        {"responseCode": "4035815", "responseMessage": "said", "additionalInfo": {"error-code": "2007"}},
    ],
)
def test_q_cod_19_a_refund_in_progress_is_refused_with_all_that_was_said(body: dict[str, Any]) -> None:
    found = read(operation_of(RefundPayment), 403, body)

    assert (found.word, found.error) == (Word.REFUSED, Refused)
    assert found.received is not None
    assert b"2007" in found.received.raw


# --- names, types, lengths -----------------------------------------------------------------------------------------

BACK = UrlParam(url="https://shop.example/back")


@pytest.mark.parametrize(("point", "name"), [(None, "urlParams"), ("22cc3371-4bba-4ec6-8e0d-62163e130cdc", "urlParam")])
def test_q_fld_1_return_addresses_are_spelled_as_their_page_wants(point: str | None, name: str) -> None:
    body = sent(changed(PAYMENT, url_params=[BACK], point_of_purchase_id=point))

    assert {key for key in body if key.startswith("urlParam")} == {name}


@pytest.mark.parametrize(
    "info",
    [
        {"gross_amount": {"value": "5.00", "currency": "IDR"}},
        {"grossAmount": {"value": "5.00", "currency": "IDR"}},
        {"grossAmount": "5.00", "currency": "IDR"},
    ],
)
def test_q_fld_2_the_gross_amount_is_read_in_every_spelling_and_shape(info: dict[str, Any]) -> None:
    body = says("2005400", webRedirectUrl="https://a.example/b", referenceNo="A1", additionalInfo=info)
    created, charged = answer(PaymentCreated, PAYMENT, body), answer(PaymentCharged, CHARGE, body)

    assert created.gross_amount == charged.gross_amount == Money(5)


@pytest.mark.parametrize(
    "names",
    [("partnerRefundNo", "refundTime"), ("partnerReferenceNo", "refundDate"), ("partnerReferenceNo", "refundTime")],
)
def test_q_fld_3_a_refund_is_read_in_both_spellings(names: tuple[str, str]) -> None:
    one = {"refundNo": "R1", names[0]: "ours", names[1]: "2020-12-23T07:44:16+07:00"}
    found = wire.structure(DebitNotification, {**DEBIT, "additionalInfo": {"refundHistory": [one]}}).refund_history[0]

    assert (found.partner_refund_no, found.refund_time) == ("ours", datetime(2020, 12, 23, 7, 44, 16, tzinfo=WIB))


@pytest.mark.parametrize(
    "operation", [operation_of(RefundPayment), operation_of(RefundQris), operation_of(RefundAuthorization)]
)
@pytest.mark.parametrize("name", ["refundNo", "referenceNo"])
def test_q_fld_4_the_number_of_a_refund_has_two_names(operation: Operation[Any], name: str) -> None:
    body = says(f"200{operation.endpoint.service}00", **{name: "R1"})

    assert getattr(read(operation, 200, body).answer, "refund_no", None) == "R1"


@pytest.mark.parametrize("name", ["payOption", "payOptions"])
def test_q_fld_5_payment_details_are_read_in_every_spelling(name: str) -> None:
    details = [{"payMethod": "gopay", name: "GOPAY_WALLET"}]
    info = {"payOptionDetails": details, "userPaymentDetails": details}
    found = wire.structure(DebitNotification, {**DEBIT, "additionalInfo": info})

    expected = (PaymentDetail(pay_method="gopay", pay_option="GOPAY_WALLET"),)
    assert found.pay_option_details == found.user_payment_details == expected


def test_q_fld_5_the_details_of_a_request_stand_where_its_page_has_them() -> None:
    assert "payOptionDetails" in sent(PAYMENT)
    assert "payOptionDetails" in sent(AUTHORIZE)["additionalInfo"]


@pytest.mark.parametrize("method", ["GOPAY", "gopay", "Gopay", "SHOPEEPAY", "tomorrow"])
def test_q_fld_6_any_way_to_pay_is_kept_and_ours_is_in_capitals(method: str) -> None:
    detail = wire.structure(PaymentDetail, {"payMethod": method, "payOption": "Coins"})

    assert (detail.pay_method, detail.pay_option) == (method, "Coins")
    assert sent(PAYMENT)["payOptionDetails"][0]["payMethod"] == "GOPAY"


@pytest.mark.parametrize("kind", [CaptureAuthorization, VoidAuthorization, RefundAuthorization, QueryAuthorization])
def test_q_fld_7_the_container_is_called_additional_info(kind: type[Operation[Any]]) -> None:
    body = sent(operation_of(kind))

    assert "originalExternalId" in body["additionalInfo"]
    assert "additionalData" not in body


def test_q_fld_8_the_customer_is_called_customer_details() -> None:
    operation = changed(AUTHORIZE, customer_details=CustomerDetails(first_name="John"))

    assert sent(operation, USER)["additionalInfo"]["customerDetails"] == {"firstName": "John"}


def test_q_fld_9_a_void_has_a_reason_and_an_authorisation_a_title() -> None:
    void = changed(operation_of(VoidAuthorization), reason="why")

    assert sent(void)["reason"] == "why"
    assert "title" not in sent(void)
    assert sent(AUTHORIZE, USER)["title"] == "title"


PARTIES = {"issuerName": "gopay", "acquirerName": "gopay", "transactionType": "ON-US"}


@pytest.mark.parametrize("parties", [PARTIES, [PARTIES]])
def test_q_fld_10_the_parties_of_a_qris_payment_are_a_list_or_an_object(parties: Any) -> None:
    found = wire.structure(QrisNotification, {**DEBIT, "additionalInfo": {"qris": parties}})

    assert [one.transaction_type for one in found.qris] == ["ON-US"]


@pytest.mark.parametrize("name", ["externalStoreID", "externalStoreId"])
def test_q_fld_11_the_store_is_read_in_both_spellings(name: str) -> None:
    assert wire.structure(QrisNotification, {**DEBIT, name: "S1"}).external_store_id == "S1"


def test_q_fld_11_the_store_is_sent_in_camel_case() -> None:
    assert "externalStoreId" in sent(operation_of(RefundQris))


@pytest.mark.parametrize("balance", [{"value": 5, "currency": "IDR"}, {"value": "5.00", "currency": "IDR"}, "5.00", 5])
@pytest.mark.parametrize("several", [True, False])
def test_q_fld_12_objects_lists_and_bare_values_are_read_alike(balance: Any, several: bool) -> None:
    option = {"name": "GOPAY_WALLET", "balance": balance}
    info = {"paymentOptions": [option] if several else option}
    found = answer(BindingState, operation_of(QueryBinding), says("2000800", additionalInfo=info))

    assert [one.balance for one in found.payment_options] == [Money(5)]


def test_q_fld_13_a_charge_token_is_the_bare_token_of_its_flow_whatever_its_length() -> None:
    long = Customer("t" * 2048, device_id="phone")

    assert sent(PAYMENT)["chargeToken"] == "access"
    assert sent(CHARGE, long)["chargeToken"] == "t" * 2048


@pytest.mark.parametrize(("kind", "length"), [(CreatePayment, 64), (ChargeLinked, 64), (GenerateQris, 36)])
def test_q_fld_14_a_reference_is_as_long_as_its_request_allows(kind: type[Operation[Any]], length: int) -> None:
    whole = operation_of(kind)

    assert changed(whole, partner_reference_no="x" * length)
    with pytest.raises(InvalidInput):
        changed(whole, partner_reference_no="x" * (length + 1))


def test_q_fld_14_a_reference_of_any_length_is_read() -> None:
    found = wire.structure(DebitNotification, {**DEBIT, "originalPartnerReferenceNo": "x" * 100})

    assert found.original_partner_reference_no == "x" * 100


def test_q_fld_15_an_original_external_id_has_36_characters_at_most() -> None:
    assert QueryPayment(original_external_id="x" * 36)
    with pytest.raises(InvalidInput):
        QueryPayment(original_external_id="x" * 37)


def test_q_fld_15_an_id_of_any_length_is_read() -> None:
    body = says("2005500", latestTransactionStatus="00", originalExternalId="x" * 39)

    assert getattr(read(operation_of(QueryPayment), 200, body).answer, "original_external_id", "") == "x" * 39


def test_q_fld_16_the_currency_is_idr() -> None:
    body = sent(changed(operation_of(RefundPayment), refund_amount=Money(5)))

    assert body["refundAmount"] == {"value": "5.00", "currency": "IDR"}


@pytest.mark.parametrize("kind", [RefundPayment, RefundAuthorization, RefundQris])
def test_q_fld_17_a_refund_always_has_a_number(kind: type[Operation[Any]]) -> None:
    with pytest.raises(TypeError, match="partner_refund_no"):
        kind(original_reference_no="A1", original_partner_reference_no="order-1")  # type: ignore[call-arg]  # the point of the test


def test_q_fld_18_a_refund_names_the_order() -> None:
    with pytest.raises(TypeError, match="original_partner_reference_no"):
        RefundPayment(original_reference_no="A1", partner_refund_no="R1")  # type: ignore[call-arg]  # the point of the test


def test_q_fld_19_an_item_is_sent_as_text_with_two_decimals_and_a_name() -> None:
    body = sent(changed(PAYMENT, items=[Item(name="tea", price=Money("10000.0"), quantity=1)]))  # type: ignore[arg-type]  # an int is converted

    assert body["additionalInfo"]["items"] == [
        {"name": "tea", "price": {"value": "10000.00", "currency": "IDR"}, "quantity": "1"}
    ]
    with pytest.raises(TypeError, match="name"):
        Item(price=Money(1))  # type: ignore[call-arg]  # the point of the test


def test_q_fld_20_an_amount_is_always_sent() -> None:
    amount = {"value": "10000.00", "currency": "IDR"}

    assert sent(PAYMENT)["payOptionDetails"][0]["transAmount"] == amount
    assert sent(CHARGE, USER)["payOptionDetails"][0]["transAmount"] == amount


@pytest.mark.parametrize("notes", ["Payout April 17", "x" * 51, "x" * 100, "a_b C9"])
def test_q_fld_21_notes_have_up_to_100_of_the_allowed_characters(notes: str) -> None:
    assert changed(TOP_UP, notes=notes).notes == notes


@pytest.mark.parametrize("notes", ["x" * 101, "caf\u00e9", "a-b", "a.b", "a\nb", ""])
def test_q_fld_21_other_notes_are_refused(notes: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        changed(TOP_UP, notes=notes)

    assert caught.value.field == "notes"


def test_q_fld_22_a_customer_number_is_short_out_and_long_in() -> None:
    found = read(TOP_UP, 202, says("2023800", customerNumber="6" * 34)).answer

    assert getattr(found, "customer_number", "") == "6" * 34
    with pytest.raises(InvalidInput):
        changed(TOP_UP, customer_number="6" * 21)


def test_q_fld_23_an_account_inquiry_carries_one_rupiah() -> None:
    assert sent(InquireAccount(customer_number="6281773628883"))["amount"] == {"value": "1.00", "currency": "IDR"}


def test_q_fld_24_the_redirect_is_spelled_like_the_working_sample() -> None:
    assert unquote(linking_query()["redirectUrl"]) == "https://a.example/b?c=d"


@pytest.mark.parametrize(
    ("query", "succeeded", "code", "error"),
    [
        ("authCode=c&state=s&success=true", True, "c", None),
        ("authCode=c&state=s&result=success", True, "c", None),
        ("authCode=null&state=s&result=abort", False, None, None),
        ("authCode=c&state=s&result=failure", False, None, None),
        ("errorCode=4001001&errorDesc=d", False, None, "4001001"),
        ("errCode=4001001&errDesc=d", False, None, "4001001"),
    ],
)
def test_q_fld_24_a_return_is_read_in_every_spelling_and_its_word_comes_first(
    query: str, succeeded: bool, code: str | None, error: str | None
) -> None:
    found = AuthorizationReturn.parse(query, state="s")

    assert (found.succeeded, found.auth_code, found.error_code) == (succeeded, code, error)


def test_q_fld_25_the_two_merchant_ids_are_two_settings() -> None:
    mid, handle = credentials().merchant_id, credentials().payment_handle

    assert (sent(PAYMENT)["merchantId"], sent(operation_of(QueryQris))["merchantId"]) == (mid, "00007100010926")
    assert sent(BindAccount(auth_code="c"))["merchantId"] == handle
    assert sent(UnbindAccount(), USER)["merchantId"] == handle
    assert linking_query()["merchantId"] == handle


@pytest.mark.parametrize(
    "info", [{}, {"additionalInfo": None}, {"additionalInfo": {}}, {"additionalInfo": {"refundHistory": []}}]
)
def test_q_fld_26_null_empty_and_absent_are_read_alike(info: dict[str, Any]) -> None:
    found = wire.structure(DebitNotification, {**DEBIT, **info})

    assert (found.refund_history, found.unread) == ((), ())


def test_q_fld_26_what_is_empty_is_not_sent() -> None:
    assert set(sent(changed(PAYMENT, url_params=[], items=[]))) == {
        *("partnerReferenceNo", "chargeToken", "merchantId", "payOptionDetails"),
    }


def test_q_fld_27_a_notification_without_payment_details_is_complete() -> None:
    assert wire.structure(DebitNotification, DEBIT).user_payment_details == ()


def test_q_fld_28_fields_of_samples_are_read() -> None:
    found = wire.structure(
        DebitNotification, {**DEBIT, "transactionStatusDesc": "d", "additionalInfo": {"fraudStatus": "f"}}
    )

    assert (found.transaction_status_desc, found.fraud_status) == ("d", "f")


@pytest.mark.parametrize("body", [{"metadata": {"a": "b"}}, {"additionalInfo": {"metadata": {"a": "b"}}}])
def test_q_fld_29_the_metadata_of_an_authorisation_is_found_in_both_places(body: dict[str, Any]) -> None:
    found = read(operation_of(QueryAuthorization), 200, says("2006400", latestTransactionStatus="00", **body)).answer

    assert getattr(found, "metadata", None) == {"a": "b"}


@pytest.mark.parametrize("line", [{"referenceNo": "A1"}, {"additionalInfo": {"referenceNo": "A1"}}])
def test_q_fld_30_the_reference_of_a_transaction_is_found_in_both_places(line: dict[str, Any]) -> None:
    found = answer(TransactionsListed, ListTransactions(), says("2001200", detailData=[line]))

    assert [one.reference_no for one in found.transactions] == ["A1"]


def test_q_fld_31_page_size_and_number_are_sent_as_numbers() -> None:
    body = sent(ListTransactions(page_size=50, page_number=2))

    assert (body["pageSize"], body["pageNumber"]) == (50, 2)


def test_q_fld_32_the_key_is_top_up_and_the_type_is_top_up_in_capitals() -> None:
    info = sent(ListTransactions(types=["TOP_UP"], top_up_statuses=["REVERSAL"]))["additionalInfo"]

    assert info == {"types": ["TOP_UP"], "topUp": {"statuses": ["REVERSAL"]}}


def test_q_fld_33_risk_data_is_a_free_object() -> None:
    data = {"subOrders": [{"subOrderId": "s", "quantity": 1, "amount": 10_000}], "anything": {"else": True}}
    refund = changed(operation_of(RefundPayment), payment_provider_metadata=data)

    assert sent(refund)["additionalInfo"]["paymentProviderMetadata"] == data


def test_q_fld_34_a_point_of_purchase_is_sent_where_it_is_given() -> None:
    assert sent(changed(PAYMENT, point_of_purchase_id="p"))["additionalInfo"] == {"pointOfPurchaseId": "p"}
    assert "additionalInfo" not in sent(PAYMENT)


@pytest.mark.parametrize("reference", ["order-1", "order_1", "A"])
def test_q_fld_35_references_have_letters_digits_and_two_signs(reference: str) -> None:
    assert changed(PAYMENT, partner_reference_no=reference)


@pytest.mark.parametrize("reference", ["order.1", "order~1", "order 1", "order/1", "\u00e9", "order\n"])
def test_q_fld_35_other_references_are_refused(reference: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        changed(PAYMENT, partner_reference_no=reference)

    assert caught.value.field == "partner_reference_no"


def test_q_fld_36_the_token_of_a_payment_option_is_in_camel_case() -> None:
    assert sent(CHARGE, USER)["payOptionDetails"][0]["additionalInfo"] == {"paymentOptionToken": "option"}


# --- money, time, status -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (b'{"value": "10000.00", "currency": "IDR"}', "10000.00"),
        (b'{"value": 7985000, "currency": "IDR"}', "7985000.00"),
        (b'{"value": "0", "currency": "IDR"}', "0.00"),
        (b'"10000"', "10000.00"),
        (b'"10000.0"', "10000.00"),
        (b"962000.01", "962000.01"),
        (b"59312514.01", "59312514.01"),
        (b"0.00", "0.00"),
    ],
)
def test_q_amt_1_an_amount_is_read_exactly_in_every_type(value: bytes, amount: str) -> None:
    body = wire.loads(b'{"reference_no": "A1", "status": "completed", "amount": ' + value + b"}")

    assert str(wire.structure(PayoutNotification, body).amount) == amount


def test_q_amt_1_bi_snap_gets_text_with_two_decimals() -> None:
    assert sent(TOP_UP)["amount"] == {"value": "10000.00", "currency": "IDR"}


@pytest.mark.parametrize(
    "operation",
    [
        GiveReward(amount=Money(10_000), description="d"),
        CollectGems(amount=Money(10_000), description="d", metadata={"mini_app_name": "a", "activity_name": "b"}),
    ],
)
def test_q_amt_2_the_mini_app_gets_whole_rupiah_as_a_number(operation: Operation[Any]) -> None:
    assert sent(operation, USER)["amount"] == {"value": 10_000, "currency": "IDR"}
    with pytest.raises(InvalidInput):
        changed(operation, amount=Money("0.50"))


@pytest.mark.parametrize("limit", [15, "15"])
def test_q_amt_3_a_promotion_is_read_in_text_and_numbers(limit: Any) -> None:
    one = {"id": "a|b", "currency": "IDR/SGD/VND/THB", "actual_payable_amount": "100.00", "limit_per_user": limit}
    found = answer(PromotionsFetched, operation_of(FetchPromotions), {"status_code": "200", "promotions": [one]})

    first = found.promotions[0]
    assert (first.limit_per_user, first.currency, first.actual_payable_amount) == (15, "IDR/SGD/VND/THB", Money(100))


def test_q_tim_1_a_validity_is_sent_in_25_characters_and_read_in_27() -> None:
    moment = datetime(2023, 9, 24, 20, 34, 15, 452305, UTC)

    assert sent(changed(PAYMENT, valid_up_to=moment))["validUpTo"] == "2023-09-25T03:34:15+07:00"
    info = {"validUpTo": "2023-09-24T20:34:15.452305Z"}
    assert wire.structure(DebitNotification, {**DEBIT, "additionalInfo": info}).valid_up_to == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2023-09-25T02:59:19.517854Z", datetime(2023, 9, 25, 2, 59, 19, 517854, UTC)),
        ("2024-03-28T07:49:09.00Z", datetime(2024, 3, 28, 7, 49, 9, tzinfo=UTC)),
        ("2024-05-22T07:48:08.56Z", datetime(2024, 5, 22, 7, 48, 8, 560000, UTC)),
        ("2024-09-03T03:52:14Z", datetime(2024, 9, 3, 3, 52, 14, tzinfo=UTC)),
        ("2023-07-03T10:36:17+07:00", datetime(2023, 7, 3, 10, 36, 17, tzinfo=WIB)),
    ],
)
def test_q_tim_2_fractions_and_zones_of_every_length_are_read(text: str, moment: datetime) -> None:
    assert wire.structure(DebitNotification, {**DEBIT, "createdTime": text}).created_time == moment


@pytest.mark.parametrize("text", ["2020-10-20T17:56:57", "2020-10-20 17:56:57", "20201020175657"])
def test_q_tim_3_a_time_without_a_zone_is_wib_and_says_that_it_is_assumed(text: str) -> None:
    found = wire.structure(DebitNotification, {**DEBIT, "createdTime": text}).created_time

    assert found == datetime(2020, 10, 20, 17, 56, 57, tzinfo=ASSUMED_WIB)
    assert found is not None
    assert is_assumed(found)


def test_q_tim_5_a_validity_is_sent_at_wib_whatever_its_zone() -> None:
    generate = changed(operation_of(GenerateQris), validity_period=datetime(2030, 1, 1, tzinfo=UTC))

    assert sent(generate)["validityPeriod"] == "2030-01-01T07:00:00+07:00"


@pytest.mark.parametrize("raw", ["00", "01", "02", "07", "08", "09", "settlement", "PENDING", "77"])
def test_q_sta_1_every_status_is_kept_the_unknown_ones_too(raw: str) -> None:
    found = wire.structure(DebitNotification, {**DEBIT, "latestTransactionStatus": raw}).status

    assert (found.raw, found.is_known) == (raw, raw != "77")


def test_q_sta_2_a_partial_refund_is_told_by_the_history() -> None:
    history = [
        {"refundNo": "R1", "refundStatus": "00", "refundAmount": {"value": "4000.00", "currency": "IDR"}},
        {"refundNo": "R2", "refundStatus": "06", "refundAmount": {"value": "6000.00", "currency": "IDR"}},
    ]
    body = {**DEBIT, "latestTransactionStatus": "04", "additionalInfo": {"refundHistory": history}}
    found = wire.structure(DebitNotification, body)
    paid_back = [one.refund_amount for one in found.refund_history if one.refund_status and one.refund_status.is_paid]

    assert (found.status.is_refunded, found.status.is_paid, paid_back) == (True, False, [Money(4000)])


def test_q_sta_3_not_found_is_not_final() -> None:
    assert not TransactionStatus("07").is_final


def test_q_sta_4_a_good_answer_may_tell_of_a_pending_payment() -> None:
    body = says("20054000", referenceNo="A1", additionalInfo={"transactionStatus": "03", "status": "PENDING"})
    found = answer(PaymentCharged, CHARGE, body)

    assert found.status is not None
    assert (found.status.meaning, found.status.is_paid) == ("pending", False)


@pytest.mark.parametrize(
    ("word", "success"), [("success", True), ("failed", False), ("pending", False), ("cancelled", False)]
)
def test_q_sta_5_only_one_word_of_the_payment_sheet_claims_success(word: str, success: bool) -> None:
    assert LaunchResult.parse({"success": True, "data": {"status": word}}).claims_success is success


def test_q_sta_6_the_inner_status_of_a_transaction_is_the_one_to_go_by() -> None:
    line = {"status": "SUCCESS", "additionalInfo": {"status": "PROCESSING"}}
    found = answer(TransactionsListed, ListTransactions(), says("2001200", detailData=[line]))

    assert [(one.status, one.snap_status) for one in found.transactions] == [("PROCESSING", "SUCCESS")]


# --- paths and hosts -----------------------------------------------------------------------------------------------


def test_q_pth_1_the_path_of_a_top_up_is_that_of_the_table() -> None:
    assert request(TOP_UP).target == "/v1.0/emoney/topup"


def test_q_pth_2_a_top_up_is_settled_by_36_or_by_39() -> None:
    default, other = TOP_UP.inquiry("7"), QueryTopUp.of(TOP_UP, "7")

    assert (request(default).target, sent(default)["serviceCode"]) == ("/v1.0/transfer/status", "38")
    assert (request(other).target, sent(other)["serviceCode"]) == ("/v1.0/emoney/topup-status", "38")


def test_q_pth_3_the_inquiry_of_39_names_whatever_is_known() -> None:
    assert sent(QueryTopUp.of(TOP_UP, "7")) == {
        "originalPartnerReferenceNo": "payout-1",
        "originalExternalId": "7",
        "serviceCode": "38",
    }


def test_q_pth_4_the_slash_at_the_end_is_kept() -> None:
    made = request(FetchLinkedPromotions(gross_amount=Money(100)), USER)

    assert made.target == "/v2/gopay/promo/?gross_amount=100.00&currency=IDR"


def test_q_pth_5_promotions_can_be_asked_for_in_the_sandbox() -> None:
    assert Environment.SANDBOX.base(FetchPromotions.endpoint.family) == "https://api.sandbox.midtrans.com"


def test_q_pth_6_linking_has_its_own_host() -> None:
    url = authorization_url(
        credentials(), Environment.PRODUCTION, state="s", redirect_url="https://a.example/", mobile_number="62822999999"
    )

    assert url.startswith("https://merchants-app.midtrans.com/v1.0/get-auth-code?")


@pytest.mark.parametrize("environment", [Environment.SANDBOX, Environment.STAGING])
@pytest.mark.parametrize("kind", [one for one in OPERATIONS if one.endpoint.family is Family.MINI_APP])
def test_q_pth_7_the_mini_app_backend_has_no_sandbox(environment: Environment, kind: type[Operation[Any]]) -> None:
    with pytest.raises(ConfigurationError):
        environment.base(kind.endpoint.family)


def test_q_pth_8_each_family_has_the_sandbox_of_its_page() -> None:
    found = [Environment.SANDBOX.base(family) for family in (Family.SNAP, Family.CORE)]

    assert found == ["https://merchants.sbx.midtrans.com", "https://api.sandbox.midtrans.com"]


# --- notifications -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [DebitNotification, QrisNotification, LinkingNotification])
def test_q_not_1_a_notification_is_acknowledged_by_a_200_code(kind: type[Any]) -> None:
    assert kind.endpoint.accepted == f"200{kind.endpoint.service}00"


def test_q_not_3_an_authorised_payment_is_accepted_and_not_paid() -> None:
    found = received(json.dumps({**DEBIT, "latestTransactionStatus": "01"}).encode())

    assert (found.status.meaning, found.status.is_paid, found.status.is_final) == ("initiated", False, False)


def test_q_not_7_a_repeat_is_known_by_what_happened_not_by_its_id() -> None:
    body = json.dumps(DEBIT).encode()
    one, other = received(body, external_id="1"), received(body, external_id="2")

    assert (one.external_id, one.identity) == ("1", other.identity)


def test_q_not_8_the_token_in_a_linking_notification_is_secret() -> None:
    body = {"additionalInfo": {"accessToken": "planted", "accountStatus": "ENABLED"}}
    found = wire.structure(LinkingNotification, body)

    assert found.access_token == "planted"
    assert "planted" not in repr(found)
    assert not any("planted" in part for part in found.identity)


@pytest.mark.parametrize(("later", "same"), [("completed", True), ("failed", False)])
def test_q_not_9_a_payout_that_fails_after_all_is_another_event(later: str, same: bool) -> None:
    body = {"reference_no": "A1", "status": "completed", "amount": "10000", "updated_at": "2022-03-04T08:05:11Z"}
    first, second = (wire.structure(PayoutNotification, {**body, "status": status}) for status in ("completed", later))

    assert (first.identity == second.identity) is same


# --- mini-app ------------------------------------------------------------------------------------------------------

REWARD = GiveReward(amount=Money(1000), description="d")


@pytest.mark.parametrize("place", ["data", "error"])
def test_q_min_1_code_and_description_are_read_in_both_places(place: str) -> None:
    found = read(REWARD, 400, {"success": False, place: {"code": "310", "description": "malformed"}})

    assert found.received is not None
    assert (found.word, found.received.code, found.received.message) == (Word.REFUSED, "310", "malformed")


@pytest.mark.parametrize("error", [{}, {"error": None}, {"error": {}}])
def test_q_min_2_success_decides_whatever_error_is(error: dict[str, Any]) -> None:
    assert read(REWARD, 200, {"success": True, "data": {"payment_id": "1"}, **error}).word is Word.ANSWERED


@pytest.mark.parametrize("code", ["303", 303, None])
def test_q_min_3_a_code_is_text_a_number_or_missing(code: Any) -> None:
    found = read(REWARD, 400, {"success": False, "error": {"code": code, "description": "d"}})

    assert found.received is not None
    assert (found.word, found.received.code) == (Word.REFUSED, "303" if code else "")


@pytest.mark.parametrize("kind", [one for one in OPERATIONS if one.endpoint.family is Family.MINI_APP])
def test_q_min_4_every_call_carries_a_request_id(kind: type[Operation[Any]]) -> None:
    customer = USER if kind.endpoint.customer is Need.REQUIRED else None

    assert request(operation_of(kind), customer, external_id="7").headers["Request-Id"] == "7"


@pytest.mark.parametrize("reward", ["GOPAY_COINS", "EMONEY", "TOMORROW"])
def test_q_min_5_any_type_of_reward_is_sent_as_configured(reward: str) -> None:
    assert sent(changed(REWARD, reward_type=reward), USER)["reward_type"] == reward


@pytest.mark.parametrize("metadata", [None, {}, {"mini_app_name": "a"}, {"mini_app_name": "a", "activity_name": 1}])
def test_q_min_6_gems_need_both_names(metadata: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        changed(REWARD, reward_type="GOPAY_GEMS", metadata=metadata)

    assert caught.value.field == "metadata"


def test_q_min_8_a_users_token_may_end() -> None:
    found = read(REWARD, 401, {"success": False, "error": {"code": "110", "description": "expired"}})

    assert (found.word, found.error) == (Word.REFUSED, CustomerTokenRejected)


def test_q_min_9_the_credential_is_sent_as_it_was_received() -> None:
    apply = next(one for one in OPERATIONS if one.__name__ == "ApplyToken")

    assert request(operation_of(apply)).headers["Authorization"] == "Basic bWluaS1hcHA6Y3JlZGVudGlhbA=="


def test_q_min_10_a_reminder_id_may_be_left_out() -> None:
    reminder = SetReminder(template_name="t", template_parameters={"amount": 12000})

    assert sent(reminder, USER) == {"template_name": "t", "template_parameters": {"amount": 12000}}
    assert sent(changed(reminder, reminder_id="r"), USER)["reminder_id"] == "r"


@pytest.mark.parametrize("status", [200, 400, 500, 503])
@pytest.mark.parametrize("code", ["4060", 4060])
def test_q_min_11_fraud_wins_over_the_status_and_is_never_repeated(status: int, code: Any) -> None:
    found = read(REWARD, status, {"success": False, "error": {"code": code, "description": "Fraud validation error"}})

    assert (found.word, found.error, repeated(REWARD, found)) == (Word.REFUSED, SuspectedFraud, False)
