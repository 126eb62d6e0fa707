"""Plants secrets and personal data wherever they can go, and looks for them in everything that prints."""

import asyncio
import logging
import traceback
from base64 import b64encode
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
from attrs import frozen
from cryptography.hazmat.primitives import serialization

from gopay_async import Customer, Environment, GoPayError, GoPaySession, InvalidInput, Money
from gopay_async.api import (
    ApplyToken,
    CreatePayment,
    GiveReward,
    IssueToken,
    QueryTopUp,
    TokenApplied,
    TokenIssued,
    TopUp,
)
from gopay_async.errors import InvalidKey
from gopay_async.exchange import build, serialise
from gopay_async.models import Address, CustomerDetails
from gopay_async.operation import Operation
from gopay_async.proofs import Proof
from gopay_async.tokens import AccessToken, MemoryTokenStore
from gopay_async.transport import AiohttpTransport

from .calls import NOON, PROMOTIONS, STATE, GivenToken, gopay
from .keys_for_tests import MERCHANT_KEY, credentials
from .misbehaving import (
    HTML,
    Act,
    Misbehaving,
    answer,
    close_after_head,
    close_after_request,
    cut_off,
    hang,
    misbehaving,
    too_large,
)

PEM = MERCHANT_KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
PLANTED = {
    "client secret": "planted-client-secret-5d1f",
    "server key": "planted-server-key-90aa",
    "mini-app credential": "cGxhbnRlZC1taW5pLWFwcC1jcmVkZW50aWFs",
    "access token": "planted-access-token-77c1",
    "customer token": "planted-customer-token-12fe",
    "auth token": "planted-auth-token-3b3b",
    "auth code": "planted-auth-code-e0e0",
    "device": "planted-device-id-4545",
    "first name": "Plantedfirst",
    "last name": "Plantedlast",
    "customer name": "Planted Customer Name",
    "phone": "6289900112233",
    "other phone": "6289944556677",
    "e-mail": "planted@example.com",
    "street": "Jalan Planted 7",
    "account": "01-planted-gopay-account-26",
}
TRACES = [
    *PLANTED.values(),
    b64encode(f"{PLANTED['server key']}:".encode()).decode(),
    *PEM.splitlines()[1:-1],
    str(MERCHANT_KEY.private_numbers().d),
    str(MERCHANT_KEY.private_numbers().p),
]

CREDENTIALS = credentials(
    client_secret=PLANTED["client secret"],
    private_key=PEM,
    server_key=PLANTED["server key"],
    mini_app_credential=PLANTED["mini-app credential"],
)
USER = Customer(
    PLANTED["customer token"], device_id=PLANTED["device"], ip_address="10.9.8.7", latitude="-6.2", longitude="106.8"
)
PERSON = Address(
    first_name=PLANTED["first name"],
    last_name=PLANTED["last name"],
    phone=PLANTED["phone"],
    address=PLANTED["street"],
)


@frozen
class Case:
    """An operation full of secrets, and an answer full of them."""

    operation: Operation[Any]
    good: dict[str, Any]
    customer: Customer | None = None


CASES = [
    Case(
        CreatePayment(
            partner_reference_no="order-1",
            amount=Money(10_000),
            customer_details=CustomerDetails(
                phone=PLANTED["phone"],
                email=PLANTED["e-mail"],
                first_name=PLANTED["first name"],
                last_name=PLANTED["last name"],
                billing_address=PERSON,
                shipping_address=PERSON,
            ),
        ),
        {"responseCode": "2005400", "webRedirectUrl": "https://gopay.co.id/app", "echo": list(PLANTED.values())},
    ),
    Case(
        TopUp(
            partner_reference_no="payout-1",
            customer_number=PLANTED["phone"],
            customer_name=PLANTED["customer name"],
            amount=Money(10_000),
            notes="for Plantedfirst",
            beneficiary_email=PLANTED["e-mail"],
        ),
        {"responseCode": "2023800", "customerNumber": PLANTED["other phone"], "customerName": PLANTED["customer name"]},
    ),
    Case(
        ApplyToken(auth_code=PLANTED["auth code"]),
        {"success": True, "data": {"auth_token": PLANTED["auth token"], "gopay_account_id": PLANTED["account"]}},
    ),
    Case(
        GiveReward(amount=Money(500), description="Cashback"),
        {"success": True, "data": {"payment_id": "p-1", "name": PLANTED["customer name"]}},
        USER,
    ),
    Case(PROMOTIONS.operation, {**PROMOTIONS.good, "phone": PLANTED["phone"]}),
    Case(STATE.operation, {**STATE.good, "additionalInfo": {"phone": PLANTED["phone"]}}),
]
NAMES = [type(case.operation).__name__ for case in CASES]
TOKEN = answer({"responseCode": "2007300", "accessToken": PLANTED["access token"], "expiresIn": "900"})


def leaks(*texts: str) -> list[str]:
    """Return what was planted and stands in *texts*."""
    whole = "\n".join(texts)
    return [trace for trace in TRACES if trace in whole]


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield *error* and everything it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def frames(error: BaseException) -> Iterator[FrameType]:
    for one in chain(error):
        for frame, _ in traceback.walk_tb(one.__traceback__):
            yield frame


def ours(error: BaseException) -> list[str]:
    """Return the reprs of all objects of the package in the frames of *error*: crash reporters collect them."""
    found = [value for frame in frames(error) for value in frame.f_locals.values()]
    return [repr(value) for value in found if type(value).__module__.startswith("gopay_async")]


def prints(error: BaseException) -> list[str]:
    """Return every text that *error* can print."""
    told = [text for one in chain(error) for text in (str(one), repr(one), repr(one.args))]
    notes = [note for one in chain(error) for note in getattr(one, "__notes__", [])]
    return [*told, *notes, *traceback.TracebackException.from_exception(error, capture_locals=False).format()]


def records(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return every record of every logger, with its arguments and traceback."""
    return [caplog.text, *(repr(record.__dict__) for record in caplog.records)]


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


# --- the search itself ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PLANTED)
def test_what_was_planted_would_be_found(name: str) -> None:
    assert leaks(f"<{PLANTED[name]}>") == [PLANTED[name]]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_what_was_planted_is_really_sent(case: Case) -> None:
    async with misbehaving(answer(case.good), tokens=(TOKEN,)) as server, gopay(server, credentials=CREDENTIALS) as one:
        await one.send(case.operation, customer=case.customer)

    wire = "".join((seen.head + seen.body).decode() for seen in server.calls)
    assert leaks(wire)


# --- values --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_an_operation_prints_none(case: Case) -> None:
    assert leaks(repr(case.operation), str(case.operation)) == []


def test_an_inquiry_prints_none() -> None:
    top_up = CASES[1].operation

    assert leaks(repr(top_up.inquiry("1")), repr(QueryTopUp.of(top_up, "1")) if isinstance(top_up, TopUp) else "") == []


def test_credentials_customers_and_what_holds_them_print_none() -> None:
    session = GoPaySession(CREDENTIALS, Environment.PRODUCTION)
    token = AccessToken(PLANTED["access token"], NOON)
    store = MemoryTokenStore({"key": token})

    assert leaks(*(f"{one!r} {one}" for one in (CREDENTIALS, USER, session, token, store, AiohttpTransport()))) == []


def test_an_environment_prints_none() -> None:
    assert leaks(repr(Environment.PRODUCTION)) == []


def test_what_the_headers_are_made_from_prints_none() -> None:
    body = serialise(CASES[0].operation, CREDENTIALS, access_token=PLANTED["access token"], customer=CASES[0].customer)
    proof = Proof("POST", "/", body, "", "1", PLANTED["access token"], USER)

    assert leaks(repr(proof), str(proof)) == []


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_request_prints_none(case: Case) -> None:
    body = serialise(case.operation, CREDENTIALS, access_token=PLANTED["access token"], customer=case.customer)
    request = build(
        case.operation,
        CREDENTIALS,
        base="https://example.com",
        external_id="1",
        at=NOON,
        body=body,
        access_token=PLANTED["access token"],
        customer=case.customer or (USER if case.operation.endpoint.auth.name == "ACCESS_TOKEN" else None),
    )

    assert leaks(repr(request), str(request)) == []
    assert leaks(repr(request.headers), repr(request.body))


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_an_answer_prints_none(case: Case) -> None:
    async with misbehaving(answer(case.good), tokens=(TOKEN,)) as server, gopay(server, credentials=CREDENTIALS) as one:
        answered = await one.send(case.operation, customer=case.customer)

    assert leaks(repr(answered), str(answered)) == []


def test_tokens_that_were_issued_print_none() -> None:
    issued = TokenIssued(access_token=PLANTED["access token"])
    applied = TokenApplied(auth_token=PLANTED["auth token"], gopay_account_id=PLANTED["account"])

    assert leaks(repr(issued), repr(applied), repr(IssueToken())) == []


# --- logs and errors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_a_call_that_succeeds_logs_none(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    skewed = answer(case.good, headers={"X-TIMESTAMP": "2020-01-01T00:00:00+07:00"})
    async with misbehaving(skewed, tokens=(TOKEN,)) as server, gopay(server, credentials=CREDENTIALS) as one:
        await one.send(case.operation, customer=case.customer)

    assert leaks(*records(caplog)) == []
    assert "gopay_async" in {record.name for record in caplog.records}


async def failure(server: Misbehaving, case: Case, **changes: Any) -> BaseException:
    timeout = changes.pop("timeout", None)
    async with server, gopay(server, credentials=CREDENTIALS, **changes) as session:
        with pytest.raises(GoPayError) as caught:
            await session.send(case.operation, customer=case.customer, timeout=timeout)
    return caught.value


def _no(case: Case, code: str) -> dict[str, Any]:
    """Return a refusal that repeats everything it was told, except in its message."""
    said = {"responseCode": code, "success": False, "status_code": code[:3], "responseMessage": "No"}
    return {**said, "echo": list(PLANTED.values()), "error": {"code": "110", "name": PLANTED["first name"]}}


FAULTS: dict[str, tuple[int, str] | Act] = {
    **{code: (int(code[:3]), code) for code in ("4000000", "4010000", "4010001", "4010002", "4030014", "4040001")},
    **{code: (int(code[:3]), code) for code in ("4040018", "4080000", "4090000", "4090001", "4290000", "5000000")},
    "disagree": (200, "4030014"),
    "a redirect": answer({}, 307, {"Location": "https://elsewhere.example.com/planted"}),
    "HTML": answer(HTML, 502),
    "echo": answer("\n".join(PLANTED.values()).encode()),
    "cut off": cut_off({"echo": list(PLANTED.values())}),
    "too large": too_large(1 << 20),
    "closed": close_after_head,
    "lost": close_after_request,
    "broken header": answer(b"{}", headers={"X-Echo\x00": PLANTED["phone"]}),
}


@pytest.mark.parametrize("case", CASES, ids=NAMES)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_call_that_fails_prints_and_logs_none(case: Case, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    act = act_of(FAULTS[fault], case)

    error = await failure(misbehaving(act, tokens=(TOKEN,)), case)

    assert leaks(*prints(error), *ours(error), *records(caplog)) == []


def act_of(fault: tuple[int, str] | Act, case: Case) -> Act:
    return answer(_no(case, fault[1]), fault[0]) if isinstance(fault, tuple) else fault


ECHOES: list[tuple[Case, tuple[str, ...]]] = [
    (CASES[0], ("phone", "e-mail", "first name", "last name", "street", "access token")),
    (CASES[1], ("phone", "e-mail", "customer name", "access token")),
    (CASES[2], ("auth code",)),
    (CASES[3], ("customer token",)),
]


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize(("case", "names"), ECHOES, ids=NAMES[:4])
async def test_a_message_that_repeats_what_it_was_told_prints_and_logs_none(
    case: Case, names: tuple[str, ...], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    echo = "Invalid: " + ", ".join(PLANTED[name] for name in names)
    said = {"responseCode": f"{status}0000", "responseMessage": echo, "success": False}
    refusal = answer({**said, "error": {"code": "900", "description": echo}}, status)

    error = await failure(misbehaving(refusal, tokens=(TOKEN,)), case)

    assert leaks(*prints(error), *ours(error), *records(caplog)) == []
    assert "Invalid" in str(error)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_a_success_that_cannot_be_read_prints_and_logs_none(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    halves = {name: value for name, value in case.good.items() if name in ("responseCode", "success", "status_code")}
    spoiled = {**halves, "echo": list(PLANTED.values()), "partnerReferenceNo": PLANTED["phone"], "data": []}
    main = {"webRedirectUrl": [PLANTED["phone"]], "latestTransactionStatus": [PLANTED["phone"]]}

    error = await failure(misbehaving(answer({**spoiled, **main}), tokens=(TOKEN,)), case)

    assert leaks(*prints(error), *ours(error), *records(caplog)) == []


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_a_call_that_is_not_sent_prints_and_logs_none(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    server = misbehaving(tokens=(TOKEN,))
    async with server:
        pass
    async with gopay(server, credentials=CREDENTIALS, token_store=GivenToken(PLANTED["access token"])) as session:
        with pytest.raises(GoPayError) as caught:
            await session.send(case.operation, customer=case.customer)

    assert leaks(*prints(caught.value), *ours(caught.value), *records(caplog)) == []


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_a_call_that_runs_out_of_time_prints_and_logs_none(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    stored = GivenToken(PLANTED["access token"])

    error = await failure(misbehaving(hang), case, timeout=0.03, token_store=stored)

    assert leaks(*prints(error), *ours(error), *records(caplog)) == []


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_a_call_that_is_cancelled_prints_and_logs_none(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    stored = GivenToken(PLANTED["access token"])
    async with misbehaving(hang) as server, gopay(server, credentials=CREDENTIALS, token_store=stored) as session:
        task = asyncio.create_task(session.send(case.operation, customer=case.customer))
        await server.arrived(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task

    assert leaks(*prints(caught.value), *ours(caught.value), *records(caplog), repr(task)) == []


@pytest.mark.parametrize("fault", ["4010000", "5000000", "echo", "lost"])
async def test_a_token_call_that_fails_prints_and_logs_none(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    error = await failure(misbehaving(tokens=(act_of(FAULTS[fault], CASES[1]),)), CASES[1])

    assert leaks(*prints(error), *ours(error), *records(caplog)) == []


async def test_a_token_that_cannot_be_used_prints_and_logs_none(caplog: pytest.LogCaptureFixture) -> None:
    spoiled = answer({"responseCode": "2007300", "accessToken": f"{PLANTED['access token']}\udfff"})

    error = await failure(misbehaving(tokens=(spoiled,)), CASES[1])

    assert leaks(*prints(error), *ours(error), *records(caplog)) == []


# --- bad input -----------------------------------------------------------------------------------------------------

SPOILED = "\r\n"


@pytest.mark.parametrize("name", ["client_secret", "server_key", "mini_app_credential"])
def test_a_credential_that_is_refused_is_not_shown(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        credentials(**{name: PLANTED["client secret"] + SPOILED})

    assert leaks(*prints(caught.value)) == []


@pytest.mark.parametrize("damage", [slice(0, -200), slice(40, None), slice(200, 600)])
def test_a_private_key_that_is_refused_is_not_shown(damage: slice) -> None:
    with pytest.raises(InvalidKey) as caught:
        credentials(private_key=PEM[damage])

    assert leaks(*prints(caught.value)) == []


def test_a_customer_that_is_refused_is_not_shown() -> None:
    with pytest.raises(InvalidInput) as caught:
        Customer(PLANTED["customer token"] + SPOILED)

    assert leaks(*prints(caught.value)) == []


BAD: list[dict[str, Any]] = [
    {"customer_number": f"{PLANTED['phone']} x"},
    {"customer_number": PLANTED["phone"] * 3},
    {"customer_name": PLANTED["customer name"] * 10},
    {"customer_name": PLANTED["customer name"] + "\ud800"},
    {"notes": f"for {PLANTED['e-mail']}"},
    {"beneficiary_email": PLANTED["e-mail"] * 9},
    {"customer_name": [PLANTED["customer name"]]},
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: next(iter(bad)))
def test_personal_data_that_are_refused_are_not_shown(bad: dict[str, Any]) -> None:
    good: dict[str, Any] = {"customer_number": "1", "customer_name": "x", "amount": Money(1), "notes": "a"}

    with pytest.raises(InvalidInput) as caught:
        TopUp(**{"partner_reference_no": "p", **good, **bad})

    assert leaks(*prints(caught.value)) == []
