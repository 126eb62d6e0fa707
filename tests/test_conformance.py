"""The models against the provider's tables: every field, type, length and response code, each missed by its name."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, get_origin

import attrs
import pytest

from gopay_async import Customer, Environment, errors, exchange
from gopay_async.api import NOTIFICATIONS, OPERATIONS
from gopay_async.codes import ResponseCode
from gopay_async.errors import Duplicate, InvalidInput
from gopay_async.exchange import Response, Verdict, Word
from gopay_async.fields import Text
from gopay_async.linking import AUTH_CODE_PATH, authorization_url
from gopay_async.models import Money
from gopay_async.operation import Need, Operation, Retry
from gopay_async.retry import wait_before_repeat

from .keys_for_tests import credentials
from .samples import Sample, of, operation_of
from .shapes import Leaf, covering, holds, walk
from .spec import Code, Row, Table, of_kind

DECLARED: dict[str, type[Operation[Any]]] = {one.__name__: one for one in OPERATIONS}
RECEIVED: dict[str, type[Any]] = {one.__name__: one for one in NOTIFICATIONS}
OPERATION_TABLES = {name: one for name, one in of_kind("operation").items() if name in DECLARED}
NOTIFICATION_TABLES = {name: one for name, one in of_kind("notification").items() if name in RECEIVED}
NOON = datetime(2024, 3, 19, 5, 0, tzinfo=UTC)

# Where the model is stricter, or wider, than the table on purpose: the quirk that says so.
ALWAYS_SENT = {
    ("CreatePayment", "additionalInfo.items[].name"): "Q-FLD-19",
    ("ChargeLinked", "payOptionDetails[].transAmount"): "Q-FLD-20",
    ("AuthorizePayment", "amount"): "the amount of an authorisation is never left to the provider",
    ("GenerateQris", "partnerReferenceNo"): "Q-HDR-3",
    ("GenerateQris", "amount"): "a code without an amount would let the customer choose it",
    ("CollectGems", "metadata"): "Q-MIN-6",
}
SHORTER = {
    ("CreatePayment", "chargeToken"): "Q-FLD-13",
    ("RefundQris", "originalExternalId"): "Q-FLD-15",
}
#: The envelopes outside BI-SNAP, which are read into code and message of answer and error.
ENVELOPE = {"success", "error", "error.code", "error.description", "status_code", "status_message"}


def rows(tables: Mapping[str, Table], part: str) -> list[Any]:
    """Return a test parameter for each row of *part* in *tables*."""
    return [
        pytest.param(name, row, id=f"{name}-{row.path}") for name, one in tables.items() for row in getattr(one, part)
    ]


def codes(*kinds: str) -> list[Any]:
    """Return a test parameter for each response code of the operations whose retriable word is one of *kinds*."""
    return [
        pytest.param(name, code, id=f"{name}-{code.code}-{code.http}")
        for name, one in OPERATION_TABLES.items()
        for code in one.codes
        if code.retriable in kinds
    ]


def request_leaf(name: str, row: Row) -> Leaf | None:
    """Return the field of operation *name* that sends *row*."""
    return covering(list(walk(DECLARED[name])), row.path, lists_matter=True)


def filled(name: str, row: Row) -> bool:
    """Return whether `send` fills *row* in."""
    return row.path in DECLARED[name].endpoint.fills


# --- the catalogue -------------------------------------------------------------------------------------------------


def test_every_operation_of_the_tables_is_declared() -> None:
    assert set(of_kind("operation")) == set(DECLARED)


def test_every_notification_of_the_tables_is_declared() -> None:
    assert set(of_kind("notification")) == set(RECEIVED)


@pytest.mark.parametrize("name", OPERATION_TABLES)
def test_an_operation_goes_where_its_table_says(name: str) -> None:
    table, endpoint = OPERATION_TABLES[name], DECLARED[name].endpoint

    assert (endpoint.method, endpoint.path, endpoint.service) == (table.method, table.path, table.service)
    assert endpoint.family.value == table.family
    assert endpoint.source.rsplit("/", 1)[-1] == table.source


@pytest.mark.parametrize("name", NOTIFICATION_TABLES)
def test_a_notification_arrives_where_its_table_says(name: str) -> None:
    table, endpoint = NOTIFICATION_TABLES[name], RECEIVED[name].endpoint

    assert (endpoint.method, endpoint.path, endpoint.service) == (table.method, table.path, table.service)
    assert endpoint.source.rsplit("/", 1)[-1] == table.source
    assert [endpoint.accepted] * len(table.codes) == [code.code for code in table.codes]


# --- requests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "row"), rows(OPERATION_TABLES, "request"))
def test_every_request_field_can_be_sent(name: str, row: Row) -> None:
    leaves = list(walk(DECLARED[name]))

    assert filled(name, row) or covering(leaves, row.path, lists_matter=True) or holds(leaves, row.path)


@pytest.mark.parametrize(("name", "row"), rows(OPERATION_TABLES, "request"))
def test_no_request_field_is_longer_than_its_table_says(name: str, row: Row) -> None:
    found = request_leaf(name, row)
    limits = [rule.length for rule in found.spelling.rules if isinstance(rule, Text)] if found else []
    exact = row.length == 0 or not limits or limits == [row.length]

    assert exact or (name, row.path) in SHORTER


@pytest.mark.parametrize(("name", "row"), rows(OPERATION_TABLES, "request"))
def test_every_text_of_a_request_has_a_limit(name: str, row: Row) -> None:
    found = request_leaf(name, row)
    texts = [found] if found and found.spelling.type is str and not found.fixed else []

    assert all(leaf.spelling.rules for leaf in texts)


@pytest.mark.parametrize(
    ("name", "row"), [one for one in rows(OPERATION_TABLES, "request") if one.values[1].attr == "M"]
)
def test_a_mandatory_field_is_in_every_request(name: str, row: Row) -> None:
    found = request_leaf(name, row)
    inside = found is not None and found.path != row.path

    assert filled(name, row) or found is None or inside or found.always


@pytest.mark.parametrize(
    ("name", "row"), [one for one in rows(OPERATION_TABLES, "request") if one.values[1].attr != "M"]
)
def test_an_optional_field_may_be_left_out(name: str, row: Row) -> None:
    found = request_leaf(name, row)
    inside = found is not None and found.path != row.path

    assert found is None or inside or not found.needed or (name, row.path) in ALWAYS_SENT


@pytest.mark.parametrize(("name", "row"), [one for one in rows(OPERATION_TABLES, "request") if one.values[1].values])
def test_every_listed_value_may_be_sent(name: str, row: Row) -> None:
    found = request_leaf(name, row)
    rules = found.spelling.rules if found and found.path == row.path else ()
    listed = [row.values] if found and get_origin(found.spelling.type) is Sequence else row.values

    for value in listed:
        for rule in rules:
            rule.check(row.path, Money(str(value)) if found and found.spelling.type is Money else value)


TYPES: dict[str, tuple[Any, ...]] = {
    "String": (str, datetime, Money),
    "Time": (datetime,),
    "YesNo": (bool,),
    "int": (int, Money),
    "number": (Money,),
    "Boolean": (bool,),
    "Object": (Money, Mapping),
    "Array of Object": (Sequence,),
    "Array of String": (Sequence,),
}


def fits(leaf: Leaf, row: Row) -> bool:
    """Return whether the Python type of *leaf* can hold the wire type of *row*."""
    kind = get_origin(leaf.spelling.type) or leaf.spelling.type
    part = attrs.has(kind) and kind is not Money
    status = part and hasattr(kind, "is_known")
    allowed = [one for name in row.type.split("|") for one in TYPES[name]]
    return kind in allowed or (status and "String" in row.type) or (part and not status and "Object" in row.type)


@pytest.mark.parametrize(("name", "row"), rows(OPERATION_TABLES, "request"))
def test_a_request_field_has_the_type_of_its_table(name: str, row: Row) -> None:
    found = request_leaf(name, row)

    assert found is None or found.path != row.path or fits(found, row)


@pytest.mark.parametrize("name", sorted({name for name, _ in (*ALWAYS_SENT, *SHORTER)}))
def test_every_exception_still_names_a_row(name: str) -> None:
    known = {row.path for row in OPERATION_TABLES[name].request}

    assert {path for owner, path in (*ALWAYS_SENT, *SHORTER) if owner == name} <= known


# --- answers and notifications -------------------------------------------------------------------------------------

ANSWERS = {name: (DECLARED[name].answer, table) for name, table in OPERATION_TABLES.items()}
READ = {**ANSWERS, **{name: (RECEIVED[name], table) for name, table in NOTIFICATION_TABLES.items()}}
READ_ROWS = [
    pytest.param(kind, row, id=f"{name}-{row.path}")
    for name, (kind, table) in READ.items()
    for row in table.response
    if row.path not in ENVELOPE
]


@pytest.mark.parametrize(("kind", "row"), READ_ROWS)
def test_every_field_of_an_answer_can_be_read(kind: type[Any], row: Row) -> None:
    leaves = list(walk(kind))

    assert covering(leaves, row.path, lists_matter=False) or holds(leaves, row.path)


@pytest.mark.parametrize(("kind", "row"), READ_ROWS)
def test_a_field_of_an_answer_has_the_type_of_its_table(kind: type[Any], row: Row) -> None:
    found = covering(
        [leaf for leaf in walk(kind) if leaf.path.replace("[]", "") == row.path.replace("[]", "")],
        row.path,
        lists_matter=False,
    )

    assert found is None or fits(found, row)


@pytest.mark.parametrize(("kind", "table"), READ.values(), ids=READ)
def test_an_answer_needs_nothing_that_its_table_does_not_promise(kind: type[Any], table: Table) -> None:
    known = {row.path.replace("[]", ""): row.attr for row in table.response}
    needed: dict[str, set[str]] = {}
    for leaf in walk(kind):
        if leaf.needed and "." not in leaf.path.replace("additionalInfo.", "").replace("data.", ""):
            needed.setdefault(leaf.name, set()).add(known.get(leaf.path.replace("[]", ""), "O"))

    assert [name for name, attrs_found in needed.items() if attrs_found <= {"O"}] == []


# --- headers -------------------------------------------------------------------------------------------------------

OURS = {"Accept", "Accept-Encoding", "User-Agent", "Content-Type"}


def built(name: str, customer: Customer | None) -> dict[str, str]:
    """Return the headers of a call of *name*."""
    operation = operation_of(DECLARED[name])
    request = exchange.build(
        operation,
        credentials(),
        base="https://host.example",
        external_id="7",
        at=NOON,
        body=exchange.serialise(operation, credentials(), access_token="token", customer=customer),
        access_token="token",
        customer=customer,
    )
    return dict(request.headers)


@pytest.mark.parametrize("name", OPERATION_TABLES)
def test_a_call_carries_the_headers_of_its_table_and_no_others(name: str) -> None:
    table = OPERATION_TABLES[name]
    full = Customer("user", device_id="phone", ip_address="10.0.0.1", latitude="-6.2", longitude="106.8")
    asked = DECLARED[name].endpoint.customer is not Need.NEVER
    headers = set(built(name, full if asked else None))

    assert set(table.headers) <= headers
    assert headers <= set(table.headers) | set(table.may) | OURS


@pytest.mark.parametrize("name", OPERATION_TABLES)
def test_a_customer_is_asked_for_where_the_table_has_the_header(name: str) -> None:
    table, endpoint = OPERATION_TABLES[name], DECLARED[name].endpoint
    expected = (
        Need.REQUIRED
        if "Authorization-Customer" in table.headers or (table.family == "mini-app" and name != "ApplyToken")
        else (Need.OPTIONAL if "Authorization-Customer" in table.may else Need.NEVER)
    )

    assert endpoint.customer is expected
    assert endpoint.device == ("X-DEVICE-ID" in (*table.headers, *table.may))


# --- response codes ------------------------------------------------------------------------------------------------


def said(name: str, code: Code) -> Response:
    """Return the answer that says *code* in the envelope of the family of *name*."""
    bodies: dict[str, dict[str, Any]] = {
        "BI-SNAP": {"responseCode": code.code, "responseMessage": code.message},
        "Core API": {"status_code": code.code, "status_message": code.message},
        "mini-app": {"success": False, "error": {"code": code.code, "description": code.message}},
    }
    return Response(code.http, {}, json.dumps(bodies[OPERATION_TABLES[name].family]).encode())


def verdict(name: str, response: Response) -> Verdict:
    """Return what *response* means for a call of *name*."""
    return exchange.read(operation_of(DECLARED[name]), "7", response)


def repeats(name: str, found: Verdict) -> bool:
    """Return whether the call is sent again for *found*."""
    policy = DECLARED[name].endpoint.retry
    return wait_before_repeat(policy, found, repeats=0, started=NOON, now=NOON, left=30, jitter=0) is not None


@pytest.mark.parametrize(("name", "code"), codes("no", "token"))
def test_a_listed_refusal_becomes_its_error(name: str, code: Code) -> None:
    found = verdict(name, said(name, code))

    assert (found.word, found.error) == (Word.REFUSED, getattr(errors, code.error))
    assert found.received is not None
    assert (found.received.code, found.received.message) == (code.code, code.message)


@pytest.mark.parametrize(("name", "code"), codes("no", "token", "ask", "new"))
def test_what_must_not_be_repeated_as_it_is_is_not(name: str, code: Code) -> None:
    assert not repeats(name, verdict(name, said(name, code)))


@pytest.mark.parametrize(("name", "code"), codes("same", "read"))
def test_what_may_be_repeated_is_repeated_as_its_table_says(name: str, code: Code) -> None:
    found = verdict(name, said(name, code))
    policy = {"same": Retry.SAME_ID, "read": Retry.RESEND}[code.retriable]

    assert (DECLARED[name].endpoint.retry, repeats(name, found)) == (policy, True)
    assert found.word is not Word.ANSWERED


@pytest.mark.parametrize(("name", "code"), codes("ask", "new", "unsure"))
def test_what_only_an_inquiry_can_tell_is_unknown(name: str, code: Code) -> None:
    found = verdict(name, said(name, code))

    assert (found.word, found.error) == (Word.UNKNOWN, Duplicate if code.error else None)


@pytest.mark.parametrize(("name", "code"), codes("-"))
def test_every_listed_success_is_an_answer(name: str, code: Code) -> None:
    body = {**answer_sample(name), "responseCode": code.code, "responseMessage": code.message}
    found = verdict(name, Response(code.http, {}, json.dumps(body).encode()))

    assert found.word is Word.ANSWERED
    assert found.answer is not None
    assert found.answer.response_code == code.code


def answer_sample(name: str) -> dict[str, Any]:
    """Return the body of a good answer to a call of *name*."""
    made_for = {"FetchLinkedPromotions": "FetchPromotions"}
    sample: Sample = of(made_for.get(name, name), "answer")[0]
    body: dict[str, Any] = json.loads(sample.body)
    operation = operation_of(DECLARED[name])
    names = {
        "partner_reference_no": "partnerReferenceNo",
        "original_partner_reference_no": "originalPartnerReferenceNo",
    }
    sent = {wire_name: getattr(operation, one, None) for one, wire_name in names.items() if wire_name in body}
    return {**body, **{wire_name: value for wire_name, value in sent.items() if value}}


@pytest.mark.parametrize("name", OPERATION_TABLES)
def test_an_inconsistent_request_is_never_a_plain_refusal(name: str) -> None:
    code = Code(f"404{OPERATION_TABLES[name].service}18", 404, "Inconsistent Request", "unsure", "")
    snap = OPERATION_TABLES[name].family == "BI-SNAP"

    assert (verdict(name, said(name, code)).word is Word.UNKNOWN) is snap


@pytest.mark.parametrize("name", [name for name, one in OPERATION_TABLES.items() if one.family == "BI-SNAP"])
@pytest.mark.parametrize(
    ("status", "case"), [(429, "00"), (500, "00"), (500, "02"), (504, "00"), (400, "00"), (401, "03")]
)
def test_a_case_that_no_table_lists_is_still_understood(name: str, status: int, case: str) -> None:
    code = Code(f"{status}{OPERATION_TABLES[name].service}{case}", status, "", "", "")
    parsed = ResponseCode.parse(code.code)
    found = verdict(name, said(name, code))

    assert parsed is not None
    assert (found.word, found.error) == ((Word.UNKNOWN, None) if status >= 500 else (Word.REFUSED, parsed.error))


# --- the redirect --------------------------------------------------------------------------------------------------


def test_the_address_for_linking_carries_every_parameter_of_its_table() -> None:
    table = of_kind("redirect")["GetAuthCode"]
    url = authorization_url(
        credentials(),
        Environment.SANDBOX,
        state="state",
        redirect_url="https://shop.example/back",
        mobile_number="62822999999",
    )
    address, _, query = url.partition("?")

    assert address == f"https://merchants-app.sbx.midtrans.com{table.path}"
    assert table.path == AUTH_CODE_PATH
    assert [f"?{part.partition('=')[0]}" for part in query.split("&")].sort() == [
        row.path for row in table.request
    ].sort()


@pytest.mark.parametrize(
    "row",
    [row for row in of_kind("redirect")["GetAuthCode"].request if row.path in ("?state", "?redirectUrl")],
    ids=lambda row: row.path,
)
def test_a_parameter_of_the_address_keeps_its_length(row: Row) -> None:
    given_values = {"state": "s", "redirect_url": "https://shop.example/back", "mobile_number": "62822999999"}
    name = {"?state": "state", "?redirectUrl": "redirect_url"}[row.path]
    address = given_values[name] + "x" * row.length

    with pytest.raises(InvalidInput) as caught:
        authorization_url(credentials(), Environment.SANDBOX, **{**given_values, name: address})

    assert caught.value.field == name


def test_the_codes_of_the_redirect_are_understood_in_the_customers_return() -> None:
    for code in of_kind("redirect")["GetAuthCode"].codes:
        parsed = ResponseCode.parse(code.code)

        assert parsed is not None
        assert (parsed.status, parsed.service) == (code.http, "10")
        assert code.retriable != "no" or parsed.error is getattr(errors, code.error)


# --- what the tests themselves rely on -----------------------------------------------------------------------------


def test_every_table_names_its_own_service_or_a_quirk() -> None:
    foreign = {
        (name, code.code)
        for name, one in OPERATION_TABLES.items()
        for code in one.codes
        if one.service and code.code[3:5] != one.service
    }

    assert foreign == FOREIGN


#: Quirks Q-TOK-1 and Q-COD-2.
FOREIGN = {
    ("IssueToken", "2007400"),
    ("ChargeLinked", "4001001"),
    ("AuthorizePayment", "20054000"),
    ("AuthorizePayment", "4031003"),
    ("AuthorizePayment", "4031014"),
    ("CaptureAuthorization", "20054000"),
    ("VoidAuthorization", "20054000"),
    ("VoidAuthorization", "4036515"),
    ("RefundAuthorization", "20054000"),
    ("RefundAuthorization", "4036515"),
    ("FetchTransaction", "4011200"),
}


def test_the_walk_sees_every_kind_of_place() -> None:
    paths = {leaf.path for leaf in walk(DECLARED["CreatePayment"])}

    assert {"urlParams", "urlParams[].isDeeplink", "urlParam[].url", "payOptionDetails[].transAmount"} <= paths
    assert "additionalInfo.customerDetails.billingAddress.city" in paths
    assert covering(list(walk(DECLARED["CreatePayment"])), "additionalInfo.metadata.any.thing", lists_matter=True)
    assert not covering(list(walk(DECLARED["CreatePayment"])), "additionalInfo.nothing", lists_matter=True)
