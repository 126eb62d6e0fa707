"""Every way a call can end, against a real server that misbehaves on cue: not sent, refused, unknown, or answered."""

import asyncio
import logging
import pickle
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from gopay_async import (
    Duplicate,
    Environment,
    GoPaySession,
    InsufficientFunds,
    NotFound,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    SuspectedFraud,
    TokenRejected,
    Unavailable,
)
from gopay_async.api import QueryPayment, QueryTopUp, QueryTransfer, TopUpAccepted
from gopay_async.errors import (
    CustomerTokenRejected,
    InvalidAccount,
    OperationError,
    TokenUnavailable,
    Unauthorized,
)

from .calls import (
    CALLS,
    NOON,
    PAYMENT,
    PROMOTIONS,
    REWARD,
    SNAP_CALLS,
    STATE,
    TOP_UP,
    Call,
    GivenToken,
    NightClock,
    TurnedClock,
    gopay,
)
from .keys_for_tests import PROVIDER_KEY, credentials
from .misbehaving import (
    HTML,
    Act,
    Misbehaving,
    Wire,
    answer,
    close_after_head,
    close_after_request,
    cut_off,
    hang,
    held,
    issue,
    message,
    misbehaving,
    raw,
    reset_after_request,
    too_large,
    vanish,
)

ID = "12345678901234567890123456789012"
LIMIT = 1 << 20
#: The word of a call whose outcome is not known: reads change nothing.
UNKNOWN = {call.name: OutcomeUnknown for call in CALLS} | {"QueryPayment": Unavailable, "FetchPromotions": Unavailable}
NAMES = [call.name for call in CALLS]


async def end(server: Misbehaving, call: Call, **changes: Any) -> OperationError:
    """Return the error in which a send of *call* ends."""
    timeout = changes.pop("budget", None)
    async with gopay(server, **changes) as session:
        with pytest.raises(OperationError) as caught:
            await session.send(call.operation, customer=call.customer, timeout=timeout)
    return caught.value


async def ends(call: Call, *acts: Act, **changes: Any) -> OperationError:
    """The same against a server that plays *acts*."""
    async with misbehaving(*acts) as server:
        return await end(server, call, **changes)


async def runs_out_of_time(call: Call, *acts: Act) -> OperationError:
    """Return the error of a send that the last of *acts* leaves waiting; a slow machine gets more time to get there."""
    for budget in (0.05, 0.5, 5.0, 50.0):
        async with misbehaving(*acts) as server:
            error = await end(server, call, budget=budget, token_store=GivenToken())
        if len(server.calls) == len(acts):
            return error
    raise AssertionError("the request never arrived")


# --- BI-SNAP: status and code --------------------------------------------------------------------------------------

REFUSALS: list[tuple[int, str, type[Refused]]] = [
    (400, "00", Refused),
    (400, "01", Refused),
    (400, "02", Refused),
    (401, "00", Unauthorized),
    (401, "01", TokenRejected),
    (401, "02", CustomerTokenRejected),
    (401, "03", TokenRejected),
    (401, "04", CustomerTokenRejected),
    (401, "77", Refused),
    (403, "00", Refused),
    (403, "02", Refused),
    (403, "03", SuspectedFraud),
    (403, "14", InsufficientFunds),
    (403, "18", Refused),
    (404, "00", Refused),
    (404, "01", NotFound),
    (404, "11", InvalidAccount),
    (404, "13", Refused),
    (404, "19", Refused),
    (405, "01", Refused),
    (422, "02", Refused),
    (429, "00", RateLimited),
    (451, "09", Refused),
]


@pytest.mark.parametrize("call", SNAP_CALLS, ids=lambda call: call.name)
@pytest.mark.parametrize(("status", "case", "error"), REFUSALS, ids=str)
async def test_a_readable_4xx_with_its_own_code_is_a_refusal_by_case(
    call: Call, status: int, case: str, error: type[Refused]
) -> None:
    caught = await ends(call, answer(call.says(status, case), status))

    assert type(caught) is error


@pytest.mark.parametrize("call", SNAP_CALLS, ids=lambda call: call.name)
@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("40354140", 403, InsufficientFunds),
        ("40336050", 403, Refused),
        ("4033614", 403, InsufficientFunds),
        ("4036515", 403, Refused),
        ("4049901", 404, NotFound),
        (4033614, 403, InsufficientFunds),
    ],
)
async def test_neither_an_eighth_digit_nor_foreign_service_digits_change_a_refusal(
    call: Call, code: object, status: int, error: type[Refused]
) -> None:
    caught = await ends(call, answer({"responseCode": code, "responseMessage": "No"}, status))

    assert type(caught) is error


UNSETTLED: list[tuple[int, str]] = [
    *((404, "18"), (408, "00"), (409, "02"), (409, "77")),
    *((status, case) for status in (500, 502, 503, 504) for case in ("00", "01")),
]


@pytest.mark.parametrize("call", SNAP_CALLS, ids=lambda call: call.name)
@pytest.mark.parametrize(("status", "case"), UNSETTLED)
async def test_a_code_that_settles_nothing_leaves_the_outcome_unknown(call: Call, status: int, case: str) -> None:
    caught = await ends(call, answer(call.says(status, case), status))

    assert type(caught) is UNKNOWN[call.name]


@pytest.mark.parametrize("case", ["00", "01"])
@pytest.mark.parametrize(("call", "error"), [(PAYMENT, Duplicate), (TOP_UP, Duplicate), (STATE, Unavailable)])
async def test_an_id_that_the_provider_already_holds_is_a_duplicate(
    call: Call, error: type[OperationError], case: str
) -> None:
    caught = await ends(call, answer(call.says(409, case), 409))

    assert type(caught) is error


@pytest.mark.parametrize("call", SNAP_CALLS, ids=lambda call: call.name)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"responseCode": "4030014", "responseMessage": "Insufficient Funds"}),
        (200, {"responseCode": "5000000", "responseMessage": "General Error"}),
        (200, {"responseMessage": "Successful"}),
        (200, {"responseCode": "2", "responseMessage": "Successful"}),
        (200, {"responseCode": None}),
        (400, {"responseCode": "4030014"}),
        (400, {"responseCode": "2000000"}),
        (400, {"responseCode": "40300141"}),
        (400, {"status_code": "400"}),
        (403, {}),
        (403, b""),
        (404, {"responseCode": "5000001"}),
        (500, {"responseCode": "2000000", "webRedirectUrl": "x", "latestTransactionStatus": "00"}),
        (500, {"responseCode": "4030014"}),
    ],
    ids=str,
)
async def test_status_and_code_that_disagree_or_lack_leave_the_outcome_unknown(
    call: Call, status: int, body: object
) -> None:
    caught = await ends(call, answer(body, status))

    assert type(caught) is UNKNOWN[call.name]


# --- the other two families ----------------------------------------------------------------------------------------


def _no(code: str) -> dict[str, Any]:
    return {"success": False, "error": {"code": code, "description": "No"}}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, _no("310"), Refused),
        (200, _no("105"), Refused),
        (200, {"success": False, "error": {"description": "User not found"}}, Refused),
        (200, {"success": False, "data": {"code": "40006"}}, Refused),
        (404, {"success": False}, Refused),
        (408, _no("900"), Refused),
        (409, _no("900"), Refused),
        (401, _no("5003"), CustomerTokenRejected),
        (400, _no("110"), CustomerTokenRejected),
        (403, _no("4060"), SuspectedFraud),
        (200, _no("4060"), SuspectedFraud),
        (500, _no("4060"), SuspectedFraud),
        (503, {"success": True, "data": {"code": 4060}}, SuspectedFraud),
        (429, _no("900"), RateLimited),
        (429, {}, RateLimited),
        (500, _no("900"), OutcomeUnknown),
        (503, {"success": False}, OutcomeUnknown),
        (200, {"success": True}, OutcomeUnknown),
        (200, {"success": True, "data": {}}, OutcomeUnknown),
        (200, {"success": True, "data": [1]}, OutcomeUnknown),
        (200, {"success": "true", "data": {"payment_id": "1"}}, OutcomeUnknown),
        (200, {}, OutcomeUnknown),
        (400, {"success": True, "data": {"payment_id": "1"}}, OutcomeUnknown),
        (400, {}, OutcomeUnknown),
        (500, {"success": True, "data": {"payment_id": "1"}}, OutcomeUnknown),
    ],
    ids=str,
)
async def test_a_reward_ends_as_success_and_status_say(status: int, body: object, error: type[OperationError]) -> None:
    caught = await ends(REWARD, answer(body, status))

    assert type(caught) is error


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"status_code": "400", "validation_messages": ["gross_amount is required"]}, Refused),
        (200, {"status_code": "400", "error_messages": ["bad"]}, Refused),
        (401, {"status_code": "401", "status_message": "Access denied"}, Unauthorized),
        (404, {"status_code": "404", "id": "1"}, NotFound),
        (200, {"status_code": "404", "status_message": "No account"}, NotFound),
        (403, {"error_messages": "not a list"}, Refused),
        (400, {"validation_messages": 7}, Refused),
        (400, {"error_messages": [None, {"a": 1}]}, Refused),
        (429, {"status_code": "429"}, RateLimited),
        (400, {"status_code": "429"}, RateLimited),
        (408, {"status_code": "408"}, Unavailable),
        (409, {"status_code": "409"}, Unavailable),
        (500, {"status_code": "500"}, Unavailable),
        (200, {"status_code": "503"}, Unavailable),
        (500, {"status_code": "404"}, Unavailable),
        (200, {"status_code": "200", "account_id": "acc-1"}, Unavailable),
        (200, {}, Unavailable),
    ],
    ids=str,
)
async def test_promotions_end_as_the_worse_of_the_two_statuses_says(
    status: int, body: object, error: type[OperationError]
) -> None:
    caught = await ends(PROMOTIONS, answer(body, status))

    assert type(caught) is error


# --- any family: what cannot be read -------------------------------------------------------------------------------


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
@pytest.mark.parametrize("body", [HTML, b"", b"{}", b"[]", b'{"responseCode":"2005400"}', b"\xff\xfe"])
async def test_a_429_is_a_refusal_whatever_comes_with_it(call: Call, body: bytes) -> None:
    caught = await ends(call, answer(body, 429))

    assert type(caught) is RateLimited


def _deep() -> bytes:
    return b'{"a":' * 20_000 + b"1" + b"}" * 20_000


FAULTS: dict[str, Act] = {
    "closed after the head": close_after_head,
    "closed after the request": close_after_request,
    "reset": reset_after_request,
    "half an answer": cut_off({"responseCode": "2000000", "success": True}),
    "head only": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n", keep=False),
    "half a head": raw(b"HTTP/1.1 200 OK\r\nContent-Le", keep=False),
    "cut chunks": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}", keep=False),
    "no HTTP": raw(b"SSH-2.0-OpenSSH_9.6\r\n", keep=False),
    "an endless header": raw(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n", keep=False),
    "too large": too_large(LIMIT),
    "too large a refusal": too_large(LIMIT, 403),
    "HTML": answer(HTML, 200),
    "HTML 403": answer(HTML, 403),
    "HTML 502": answer(HTML, 502),
    "nothing": answer(b""),
    "no object": answer([1]),
    "not UTF-8": answer(b'{"responseCode":"\xff"}'),
    "NaN": answer(b'{"success":true,"a":NaN}'),
    "a key twice": answer(b'{"success":true,"success":false}'),
    "too deep": answer(_deep()),
    "a wrong length": answer({"success": True}, headers={"Content-Length": "7"}),
    "broken compression": answer(b"\x1f\x8b\x08nothing", headers={"Content-Encoding": "gzip"}),
    **{f"a {status}": answer({}, status, {"Location": "/elsewhere"}) for status in (300, 301, 302, 303, 304, 307, 308)},
}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
@pytest.mark.parametrize("act", FAULTS.values(), ids=FAULTS)
async def test_an_answer_that_is_missing_or_unreadable_leaves_the_outcome_unknown(call: Call, act: Act) -> None:
    caught = await ends(call, act)

    assert type(caught) is UNKNOWN[call.name]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
async def test_an_answer_of_exactly_the_limit_is_read(call: Call) -> None:
    empty = len(message({**call.good, "filler": ""}).split(b"\r\n\r\n", 1)[1])

    async with misbehaving(answer({**call.good, "filler": "x" * (LIMIT - empty)})) as server, gopay(server) as session:
        answered = await session.send(call.operation, customer=call.customer)

    assert len(answered.raw["filler"]) == LIMIT - empty


@pytest.mark.parametrize(
    ("call", "field", "value"),
    [
        (PAYMENT, "webRedirectUrl", None),
        (PAYMENT, "webRedirectUrl", {"not": "text"}),
        (STATE, "latestTransactionStatus", None),
        (STATE, "latestTransactionStatus", []),
        (PROMOTIONS, "promotions", None),
        (PROMOTIONS, "promotions", [{"code": "no id"}]),
    ],
)
async def test_a_success_that_lacks_what_it_cannot_do_without_is_unknown(call: Call, field: str, value: object) -> None:
    caught = await ends(call, answer({**call.good, field: value}))

    assert type(caught) is UNKNOWN[call.name]


@pytest.mark.parametrize(
    ("named", "error"), [("r" * 32, None), ("r" * 31, OutcomeUnknown), ("r" * 31 + "x", OutcomeUnknown)]
)
async def test_a_reference_that_was_cut_at_32_characters_is_still_ours(
    named: str, error: type[Exception] | None
) -> None:
    top_up: Any = TOP_UP.operation
    long = Call(evolve(top_up, partner_reference_no="r" * 64), {**TOP_UP.good, "partnerReferenceNo": named})

    async with misbehaving(answer(long.good)) as server, gopay(server) as session:
        ended = await asyncio.gather(session.send(long.operation), return_exceptions=True)

    assert isinstance(ended[0], error or TopUpAccepted)


@pytest.mark.parametrize("call", [PAYMENT, TOP_UP], ids=lambda call: call.name)
async def test_a_success_that_names_another_reference_is_unknown(call: Call) -> None:
    caught = await ends(call, answer({**call.good, "partnerReferenceNo": "another-order"}))

    assert type(caught) is OutcomeUnknown
    assert "partnerReferenceNo" in str(caught)


@pytest.mark.parametrize("inquiry", [QueryTransfer, QueryTopUp])
async def test_an_inquiry_answered_with_another_payout_is_no_answer(
    inquiry: type[QueryTransfer] | type[QueryTopUp],
) -> None:
    call = Call(inquiry(original_partner_reference_no="payout-1"), {})
    said = {"responseCode": "2003600", "latestTransactionStatus": "00", "originalPartnerReferenceNo": "payout-2"}

    caught = await ends(call, answer(said))

    assert type(caught) is Unavailable


# --- any family: before and after the first byte -------------------------------------------------------------------


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's context with a certificate that nobody vouches for."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, PROVIDER_KEY.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(PROVIDER_KEY, hashes.SHA256())
    )
    return _context(tmp_path_factory.mktemp("tls"), made)


def _context(folder: Path, made: x509.Certificate) -> ssl.SSLContext:
    key = PROVIDER_KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(key + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
async def test_a_refused_connection_is_proved_not_sent(call: Call) -> None:
    async with misbehaving() as server:
        pass

    caught = await end(server, call, token_store=GivenToken())

    assert type(caught) is NotSent
    assert "Connection refused" in str(caught)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
async def test_a_certificate_that_nobody_vouches_for_is_proved_not_sent(
    call: Call, certificate: ssl.SSLContext
) -> None:
    async with misbehaving(answer(call.good), tls=certificate) as server:
        caught = await end(server, call, token_store=GivenToken())

    assert type(caught) is NotSent
    assert "self-signed certificate" in str(caught)
    assert (server.calls, server.token_calls) == ([], [])


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
async def test_a_handshake_that_fails_is_proved_not_sent(call: Call) -> None:
    async with misbehaving() as server:
        server.slam = True
        secure = Environment.at(server.url.replace("http:", "https:"))
        session = GoPaySession(credentials(), secure, token_store=GivenToken(), clock=TurnedClock())
        with pytest.raises(NotSent) as caught:
            async with session:
                await session.send(call.operation, customer=call.customer)

    assert type(caught.value) is NotSent


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
async def test_a_host_without_an_address_is_proved_not_sent(call: Call) -> None:
    # No label of a name may have more than 63 characters, so that no resolver is asked.
    nowhere = Environment.at(f"https://{'x' * 64}.invalid")
    session = GoPaySession(credentials(), nowhere, token_store=GivenToken(), clock=TurnedClock())

    with pytest.raises(NotSent) as caught:
        async with session:
            await session.send(call.operation, customer=call.customer)

    assert type(caught.value) is NotSent


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
async def test_a_full_pool_is_proved_not_sent(call: Call) -> None:
    async with (
        misbehaving(hang) as server,
        gopay(server, connections=1, token_store=GivenToken()) as session,
        asyncio.TaskGroup() as tasks,
    ):
        first = tasks.create_task(session.send(call.operation, customer=call.customer))
        await server.arrived(1)
        with pytest.raises(OperationError) as caught:
            await session.send(call.operation, customer=call.customer, timeout=0.02)
        first.cancel()

    assert type(caught.value) is NotSent
    assert len(server.calls) == 1


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
async def test_an_answer_that_does_not_come_in_time_leaves_the_outcome_unknown(call: Call) -> None:
    caught = await runs_out_of_time(call, hang)

    assert type(caught) is UNKNOWN[call.name]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
async def test_a_connection_that_is_closed_before_anything_was_read_proves_nothing(call: Call) -> None:
    async with misbehaving() as server:
        server.slam = True
        caught = await end(server, call, token_store=GivenToken())

    assert type(caught) is UNKNOWN[call.name]


@pytest.mark.parametrize("call", [TOP_UP, PROMOTIONS], ids=lambda call: call.name)
async def test_a_kept_connection_that_turns_out_to_be_closed_proves_nothing(call: Call) -> None:
    # The HTTP library repeats a GET on its own in this case: one attempt of ours must stay one request.
    async with misbehaving(answer(call.good), close_after_head) as server, gopay(server) as session:
        await session.send(call.operation, customer=call.customer)
        before = len(server.calls)
        with pytest.raises(OperationError) as caught:
            await session.send(call.operation, customer=call.customer)

    assert type(caught.value) is UNKNOWN[call.name]
    assert len(server.calls) - before == {"TopUp": 1, "FetchPromotions": 3}[call.name]


async def test_without_a_token_nothing_is_sent() -> None:
    async with misbehaving(tokens=(answer({"responseCode": "4017300"}, 401),)) as server:
        caught = await end(server, TOP_UP)

    assert type(caught) is TokenUnavailable
    assert isinstance(caught, NotSent)
    assert type(caught.__cause__) is Unauthorized
    assert server.calls == []


async def test_the_time_that_runs_out_while_the_token_is_awaited_proves_that_nothing_was_sent() -> None:
    async with misbehaving(tokens=(hang,)) as server:
        caught = await end(server, TOP_UP, budget=0.02)

    assert type(caught) is TokenUnavailable
    assert server.calls == []


# --- several attempts ----------------------------------------------------------------------------------------------

FUNDS = answer(PAYMENT.says(403, "14"), 403)
REJECTED = answer(PAYMENT.says(401, "01"), 401)


@pytest.mark.parametrize(
    ("call", "acts", "cause"),
    [
        (PAYMENT, (close_after_request, FUNDS), InsufficientFunds),
        (PAYMENT, (answer({}, 500), answer({}, 500), FUNDS), InsufficientFunds),
        (PAYMENT, (answer({}, 500), REJECTED), TokenRejected),
        (PAYMENT, (answer({}, 500), answer({}, 429)), RateLimited),
        (PAYMENT, (vanish,), NotSent),
        (REWARD, (answer({}, 500), answer(_no("110"), 401)), CustomerTokenRejected),
        (REWARD, (answer({}, 500), answer(_no("4060"), 500)), SuspectedFraud),
        (REWARD, (vanish,), NotSent),
    ],
)
async def test_what_comes_later_does_not_settle_an_attempt_whose_outcome_is_unknown(
    call: Call, acts: tuple[Act, ...], cause: type[OperationError]
) -> None:
    caught = await ends(call, *acts)

    assert type(caught) is OutcomeUnknown
    assert type(caught.__cause__) is cause


async def test_a_duplicate_after_an_unknown_attempt_is_told_as_such() -> None:
    caught = await ends(PAYMENT, close_after_request, answer(PAYMENT.says(409, "00"), 409))

    assert type(caught) is Duplicate


@pytest.mark.parametrize("call", [PAYMENT, REWARD, STATE, PROMOTIONS], ids=lambda call: call.name)
async def test_a_success_settles_an_unknown_attempt(call: Call) -> None:
    async with misbehaving(close_after_request, answer(call.good)) as server, gopay(server) as session:
        answered = await session.send(call.operation, customer=call.customer)

    assert answered.raw == call.good
    assert len(server.calls) == 2


async def test_a_token_that_cannot_be_had_does_not_settle_an_unknown_attempt() -> None:
    no_more = answer({"responseCode": "4017300"}, 401)
    async with misbehaving(answer({}, 500), tokens=(issue("1"), no_more)) as server:
        caught = await end(server, PAYMENT)

    assert type(caught) is OutcomeUnknown
    assert type(caught.__cause__) is Unauthorized


@pytest.mark.parametrize("call", [STATE, PROMOTIONS], ids=lambda call: call.name)
async def test_a_read_of_which_an_attempt_left_is_not_called_unsent(call: Call) -> None:
    caught = await ends(call, answer({}, 500), vanish)

    assert type(caught) is Unavailable


class Drowsy(TurnedClock):
    """A clock by which every sleep takes a second too long."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds + 1)


@pytest.mark.parametrize("second", [answer({"responseCode": "4017300"}, 401), hang])
async def test_a_read_of_which_an_attempt_left_is_not_called_unsent_for_want_of_a_token(second: Act) -> None:
    for budget in (0.6, 6.0, 60.0):
        async with misbehaving(answer({}, 500), tokens=(issue("1"), second)) as server:
            caught = await end(server, STATE, budget=budget, clock=Drowsy())
        if server.calls:
            break

    assert type(caught) is Unavailable
    assert len(server.calls) == 1


async def test_a_time_out_after_an_unknown_attempt_keeps_what_that_one_was_told() -> None:
    caught = await runs_out_of_time(PAYMENT, answer(PAYMENT.says(500, "01"), 500), hang)

    assert type(caught) is OutcomeUnknown
    assert caught.code == "5005401"


# --- cancellation --------------------------------------------------------------------------------------------------


async def cancelled(task: "asyncio.Task[Any]") -> asyncio.CancelledError:
    """Cancel *task* and return the error it ends with."""
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    return caught.value


def notes(error: BaseException) -> list[str]:
    return getattr(error, "__notes__", [])


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def begin(session: GoPaySession, call: Call) -> "asyncio.Task[Any]":
    return asyncio.create_task(session.send(call.operation, external_id=ID, customer=call.customer))


CHANGES = [PAYMENT, TOP_UP, REWARD]
READS = [STATE, PROMOTIONS]


@pytest.mark.parametrize("call", SNAP_CALLS, ids=lambda call: call.name)
async def test_cancelled_while_the_token_is_awaited_nothing_is_noted(
    call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    async with misbehaving(tokens=(hang,)) as server, gopay(server) as session:
        task = begin(session, call)
        await server.arrived(token_calls=1)
        error = await cancelled(task)

    assert (notes(error), warnings(caplog), server.calls) == ([], [], [])


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
async def test_cancelled_while_a_free_connection_is_awaited_nothing_is_noted(
    call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        misbehaving(held(answer(call.good))) as server,
        gopay(server, connections=1, token_store=GivenToken()) as session,
    ):
        first = begin(session, call)
        await server.arrived(1)
        second = begin(session, call)
        await anyio.wait_all_tasks_blocked()
        error = await cancelled(second)
        server.release()
        await first

    assert (notes(error), warnings(caplog), len(server.calls)) == ([], [], 1)


@pytest.mark.parametrize("call", CHANGES, ids=lambda call: call.name)
async def test_cancelled_while_the_answer_is_awaited_one_note_and_one_warning_name_it(
    call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    async with misbehaving(hang) as server, gopay(server, token_store=GivenToken()) as session:
        task = begin(session, call)
        await server.arrived(1)
        error = await cancelled(task)

    inquiry = {"CreatePayment": "QueryPayment", "TopUp": "QueryTransfer", "GiveReward": "no inquiry"}[call.name]
    assert len(notes(error)) == 1
    assert warnings(caplog) == notes(error)
    assert all(word in notes(error)[0] for word in (call.name, ID, inquiry))


@pytest.mark.parametrize("call", READS, ids=lambda call: call.name)
async def test_cancelled_while_the_answer_is_awaited_a_read_leaves_no_note(
    call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    async with misbehaving(hang) as server, gopay(server, token_store=GivenToken()) as session:
        task = begin(session, call)
        await server.arrived(1)
        error = await cancelled(task)

    assert (notes(error), warnings(caplog)) == ([], [])


async def test_cancelled_while_half_of_the_answer_is_there_it_is_noted() -> None:
    async def half(wire: Wire) -> None:
        await wire.take()
        await wire.say(message(TOP_UP.good)[:-10])
        await wire.server.released.wait()

    async with misbehaving(half) as server, gopay(server, token_store=GivenToken()) as session:
        task = begin(session, TOP_UP)
        await server.arrived(1)
        await anyio.wait_all_tasks_blocked()
        error = await cancelled(task)

    assert len(notes(error)) == 1


@pytest.mark.parametrize("call", [PAYMENT, REWARD], ids=lambda call: call.name)
async def test_cancelled_between_two_attempts_the_first_is_noted(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    clock = NightClock()
    async with misbehaving(answer({}, 500)) as server, gopay(server, clock=clock) as session:
        task = begin(session, call)
        await clock.asleep.wait()
        error = await cancelled(task)

    assert len(notes(error)) == 1
    assert warnings(caplog) == notes(error)


@pytest.mark.parametrize("call", [PAYMENT, REWARD], ids=lambda call: call.name)
async def test_cancelled_after_an_attempt_that_was_refused_or_not_sent_nothing_is_noted(
    call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    clock = NightClock()
    async with misbehaving(answer({}, 429)) as server, gopay(server, clock=clock) as session:
        task = begin(session, call)
        await clock.asleep.wait()
        error = await cancelled(task)

    assert (notes(error), warnings(caplog)) == ([], [])


async def test_cancelled_while_a_second_token_is_awaited_the_first_attempt_is_noted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with misbehaving(answer({}, 500), tokens=(issue("1"), hang)) as server, gopay(server) as session:
        task = begin(session, PAYMENT)
        await server.arrived(1, token_calls=2)
        error = await cancelled(task)

    assert len(notes(error)) == 1
    assert warnings(caplog) == notes(error)


async def test_a_cancelled_top_up_is_noted_with_the_inquiry_that_was_chosen() -> None:
    async with (
        misbehaving(hang) as server,
        gopay(server, token_store=GivenToken(), top_up_inquiry=QueryTopUp) as session,
    ):
        task = begin(session, TOP_UP)
        await server.arrived(1)
        error = await cancelled(task)

    assert "QueryTopUp" in notes(error)[0]


# --- what an error carries -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
@pytest.mark.parametrize("status", [400, 500])
async def test_an_error_carries_what_a_support_ticket_needs(call: Call, status: int) -> None:
    said = {**(call.says(status, "00")), "success": False, "status_code": str(status)}
    async with misbehaving(answer(said, status)) as server:
        error = await end(server, call)

    assert error.operation is call.operation
    assert error.status == status
    assert error.raw == message(said).split(b"\r\n\r\n", 1)[1]
    assert error.external_id
    assert server.calls[-1].external_id in (error.external_id, "")


async def test_an_error_carries_code_and_message() -> None:
    error = await ends(PAYMENT, answer(PAYMENT.says(403, "14", "Insufficient Funds"), 403))

    assert (error.code, error.message) == ("4035414", "Insufficient Funds")


async def test_an_error_without_an_answer_has_no_status_code_or_body() -> None:
    error = await ends(TOP_UP, close_after_request)

    assert (error.status, error.code, error.message, error.raw) == (None, "", "", b"")


async def test_an_unknown_payment_names_its_inquiry() -> None:
    async with misbehaving(answer({}, 500)) as server, gopay(server) as session:
        with pytest.raises(OutcomeUnknown) as caught:
            await session.send(PAYMENT.operation, external_id=ID)

    assert caught.value.inquiry == QueryPayment(original_external_id=ID)


@pytest.mark.parametrize(
    ("chosen", "inquiry"),
    [
        (QueryTransfer, QueryTransfer(original_partner_reference_no="payout-1")),
        (QueryTopUp, QueryTopUp(original_partner_reference_no="payout-1", original_external_id=ID)),
    ],
)
async def test_an_unknown_top_up_names_the_inquiry_that_was_chosen(chosen: type[Any], inquiry: object) -> None:
    async with misbehaving(close_after_request) as server, gopay(server, top_up_inquiry=chosen) as session:
        with pytest.raises(OutcomeUnknown) as caught:
            await session.send(TOP_UP.operation, external_id=ID)

    assert caught.value.inquiry == inquiry


async def test_an_unknown_top_up_is_asked_about_ten_minutes_after_its_end() -> None:
    clock = TurnedClock()

    async def slow(wire: Wire) -> None:
        clock.turn(7)
        wire.close()

    async with misbehaving(slow) as server:
        error = await end(server, TOP_UP, clock=clock, token_store=GivenToken())

    assert isinstance(error, OutcomeUnknown)
    assert error.sent_at == NOON
    assert error.ask_after == NOON + timedelta(seconds=7, minutes=10)


async def test_an_unknown_payment_can_be_asked_about_at_once() -> None:
    clock = TurnedClock()
    async with misbehaving(close_after_request) as server:
        error = await end(server, PAYMENT, clock=clock)

    assert isinstance(error, OutcomeUnknown)
    assert error.ask_after == clock.at


async def test_an_unknown_reward_has_no_inquiry_and_says_what_to_do_instead() -> None:
    error = await ends(REWARD, answer({}, 500))

    assert isinstance(error, OutcomeUnknown)
    assert (error.inquiry, error.ask_after) == (None, None)
    assert "same external_id" in str(error)


@pytest.mark.parametrize(
    ("call", "act", "words"),
    [
        (TOP_UP, close_after_request, ("TopUp", "outcome unknown", "may have moved", "Do not send it again", "12:10")),
        (PAYMENT, answer({}, 500), ("CreatePayment", "outcome unknown", "may have moved", "QueryPayment")),
        (PAYMENT, FUNDS, ("refused", "4035414", "HTTP 403", "No money moved", "Fund the account")),
        (PAYMENT, answer({}, 429), ("refused", "HTTP 429", "Nothing was processed", "Slow down")),
        (REWARD, answer({}, 500), ("outcome unknown", "may have been processed", "never with a new one")),
        (STATE, answer({}, 500), ("no usable answer", "Nothing changed", "ask again")),
    ],
)
async def test_an_error_says_what_happened_what_it_means_for_the_money_and_what_to_do(
    call: Call, act: Act, words: tuple[str, ...]
) -> None:
    error = await ends(call, act)

    assert error.external_id in str(error)
    assert [word for word in words if word not in str(error)] == []


async def test_a_call_that_was_not_sent_says_so() -> None:
    async with misbehaving() as server:
        pass
    error = await end(server, TOP_UP, token_store=GivenToken())

    assert "Nothing was sent and no money moved" in str(error)


async def test_a_message_from_the_network_cannot_write_into_a_terminal() -> None:
    error = await ends(PAYMENT, answer(PAYMENT.says(400, "00", "\x1b[31mred\r\nforged line"), 400))

    assert str(error).isprintable()
    assert error.message == "\x1b[31mred\r\nforged line"


@pytest.mark.parametrize("act", [FUNDS, close_after_request, answer(PAYMENT.says(409, "00"), 409), answer({}, 429)])
async def test_an_error_survives_pickling(act: Act) -> None:
    error = await ends(PAYMENT, act)

    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert str(copy) == str(error)


async def test_the_wait_that_the_provider_asked_for_is_on_the_error() -> None:
    error = await ends(TOP_UP, answer({}, 429, {"Retry-After": "7"}))

    assert isinstance(error, RateLimited)
    assert error.retry_after == 7


# --- the provider's clock ------------------------------------------------------------------------------------------


def _at(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


@pytest.mark.parametrize("seconds", [120, -120])
async def test_a_skewed_clock_is_named_in_an_unauthorized(seconds: int) -> None:
    error = await ends(TOP_UP, answer(TOP_UP.says(401, "00"), 401, {"X-TIMESTAMP": _at(seconds)}))

    assert type(error) is Unauthorized
    assert f"{seconds:+d} s" in str(error)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-TIMESTAMP": _at(30)},
        {"X-TIMESTAMP": _at(-30)},
        {"Date": format_datetime((NOON + timedelta(seconds=40)).astimezone(UTC), usegmt=True)},
        {"X-TIMESTAMP": "yesterday", "Date": format_datetime((NOON - timedelta(hours=1)).astimezone(UTC), usegmt=True)},
    ],
)
@pytest.mark.parametrize("later", [0, 3_600])
async def test_a_skew_is_warned_of_once_from_thirty_seconds(
    headers: dict[str, str], later: float, caplog: pytest.LogCaptureFixture
) -> None:
    clock, skewed = TurnedClock(), misbehaving(answer(TOP_UP.good, headers=headers))
    async with skewed as server, gopay(server, token_store=GivenToken(), clock=clock) as session:
        await session.send(TOP_UP.operation)
        clock.turn(later)
        await session.send(TOP_UP.operation)

    assert len(warnings(caplog)) == 1
    assert "clock" in warnings(caplog)[0]


async def test_a_skew_is_named_in_every_unauthorized(caplog: pytest.LogCaptureFixture) -> None:
    act = answer(TOP_UP.says(401, "00"), 401, {"X-TIMESTAMP": _at(120)})
    async with misbehaving(act) as server, gopay(server) as session:
        ends = [await asyncio.gather(session.send(TOP_UP.operation), return_exceptions=True) for _ in range(2)]

    assert ["+120 s" in str(end) for (end,) in ends] == [True, True]
    assert len(warnings(caplog)) == 1


async def test_an_answer_without_a_time_does_not_hide_the_skew_of_the_next(caplog: pytest.LogCaptureFixture) -> None:
    # The answer to the token call carries no time here.
    async with misbehaving(answer(TOP_UP.good, headers={"X-TIMESTAMP": _at(90)})) as server, gopay(server) as session:
        await session.send(TOP_UP.operation)

    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"X-TIMESTAMP": _at(29)},
        {"X-TIMESTAMP": _at(-29)},
        {"X-TIMESTAMP": _at(0), "Date": "Mon, 05 Jan 2015 00:00:00 GMT"},
        {"X-TIMESTAMP": "0000-00-00T00:00:00+99:99"},
        {"Date": "Mon, 05 Jan 99999999999999999999 00:00:00 GMT"},
        {"Date": "Mon, 05 Jan 2026 00:00:00 +99999999999999"},
        {"Date": "never"},
        {"Date": " "},
        {},
    ],
    ids=str,
)
async def test_a_clock_that_agrees_or_cannot_be_read_is_not_warned_of(
    headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    agreeing = misbehaving(answer(TOP_UP.good, headers=headers))
    async with agreeing as server, gopay(server, token_store=GivenToken()) as session:
        accepted = await session.send(TOP_UP.operation)

    assert accepted.response_code == "2023800"
    assert warnings(caplog) == []
