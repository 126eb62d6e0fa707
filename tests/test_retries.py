"""What is sent again, with which id and which bytes, and what is not: compared on the wire, by a turned clock."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Any

import pytest

from gopay_async import Customer, NotSent, OutcomeUnknown, RateLimited, Refused, TokenRejected, Unavailable
from gopay_async.api import IssueToken
from gopay_async.errors import Duplicate, OperationError, SuspectedFraud, TokenUnavailable
from gopay_async.exchange import Request, Response, Verdict, Word
from gopay_async.fields import Text, answer, message
from gopay_async.models import WIB
from gopay_async.operation import Answer, Auth, Endpoint, Need, Operation, Retry
from gopay_async.retry import wait_before_repeat
from gopay_async.transport import Departure

from . import misbehaving as provider
from .calls import (
    NOON,
    PAYMENT,
    PROMOTIONS,
    REWARD,
    SNAP_CALLS,
    STATE,
    TOP_UP,
    Call,
    GivenToken,
    TurnedClock,
    gopay,
)
from .misbehaving import (
    HTML,
    Act,
    Misbehaving,
    Seen,
    Wire,
    close_after_head,
    close_after_request,
    issue,
    misbehaving,
    reset_after_request,
)

ID = "12345678901234567890123456789012"
SNAP_OK = {"responseCode": "2000000", "responseMessage": "Successful"}


@answer
class Done(Answer):
    """Done."""


@message
class Cancel(Operation[Done]):
    """A call that is repeated under its id and whose body holds no token."""

    endpoint = Endpoint(path="/v1.0/debit/cancel", service="57", retry=Retry.SAME_ID, source="none")
    original_reference_no: Annotated[str, Text(64)] = "A1"


@message
class Bind(Operation[Done]):
    """A call that is never repeated."""

    endpoint = Endpoint(path="/v1.0/registration", service="07", retry=Retry.NEVER, source="none")


@message
class Generate(Operation[Done]):
    """A call whose id stands in its body."""

    endpoint = Endpoint(
        path="/v1.0/qr/generate", service="47", retry=Retry.INQUIRE, id_field="partner_reference_no", source="none"
    )
    partner_reference_no: Annotated[str, Text(36)] = "qr-1"


@message
class Gems(Operation[Done]):
    """A read of the mini-app backend."""

    endpoint = Endpoint(
        path="/v1/gems", method="GET", auth=Auth.USER_TOKEN, retry=Retry.RESEND, customer=Need.REQUIRED, source="none"
    )


GEMS = Call(Gems(), {"success": True}, Customer("user-token"))
CANCEL = Call(Cancel(), SNAP_OK)
BIND = Call(Bind(), SNAP_OK)
GENERATE = Call(Generate(), {**SNAP_OK, "partnerReferenceNo": "qr-1"})


def unknown(status: int = 500) -> Act:
    return provider.answer({}, status)


def rejected(call: Call, case: str = "01") -> Act:
    return provider.answer(call.says(401, case), 401)


def turning(clock: TurnedClock, seconds: float, act: Act) -> Act:
    """Act after so many seconds have passed."""

    async def later(wire: Wire) -> None:
        clock.turn(seconds)
        await act(wire)

    return later


async def run(server: Misbehaving, call: Call, **changes: Any) -> list[Seen]:
    """Send *call* whatever comes of it, and return what arrived."""
    external_id, timeout = changes.pop("external_id", None), changes.pop("timeout", None)
    async with server, gopay(server, **changes) as session:
        send = session.send(call.operation, external_id=external_id, customer=call.customer, timeout=timeout)
        await asyncio.gather(send, return_exceptions=True)
    return server.calls


async def fails(server: Misbehaving, call: Call, **changes: Any) -> OperationError:
    external_id, timeout = changes.pop("external_id", None), changes.pop("timeout", None)
    async with server, gopay(server, **changes) as session:
        with pytest.raises(OperationError) as caught:
            await session.send(call.operation, external_id=external_id, customer=call.customer, timeout=timeout)
    return caught.value


# --- how often -----------------------------------------------------------------------------------------------------

FAULTS: dict[str, Act] = {
    "500": unknown(),
    "HTML": provider.answer(HTML, 502),
    "lost": close_after_request,
    "reset": reset_after_request,
    "cut off": provider.cut_off({"filler": "x" * 40}),
    "mandatory field": provider.answer({**SNAP_OK, "success": True, "data": {}}),
}
TIMES = [(PAYMENT, 3), (CANCEL, 3), (REWARD, 3), (STATE, 3), (PROMOTIONS, 3), (TOP_UP, 1), (BIND, 1), (GENERATE, 1)]


@pytest.mark.parametrize(("call", "times"), TIMES, ids=[call.name for call, _ in TIMES])
@pytest.mark.parametrize("fault", ["500", "HTML", "lost", "reset", "cut off"])
async def test_after_an_unknown_outcome_a_call_is_sent_as_often_as_its_policy_says(
    call: Call, times: int, fault: str
) -> None:
    calls = await run(misbehaving(FAULTS[fault]), call)

    assert len(calls) == times


@pytest.mark.parametrize("call", [PAYMENT, REWARD, STATE, PROMOTIONS], ids=lambda call: call.name)
async def test_an_answer_that_lacks_its_main_field_is_asked_for_again(call: Call) -> None:
    calls = await run(misbehaving(FAULTS["mandatory field"], provider.answer(call.good)), call)

    assert len(calls) == 2


@pytest.mark.parametrize(("call", "times"), TIMES, ids=[call.name for call, _ in TIMES])
async def test_a_rate_limit_is_waited_out_only_by_calls_that_may_be_repeated(call: Call, times: int) -> None:
    calls = await run(misbehaving(provider.answer({}, 429)), call)

    assert len(calls) == times


SETTLED: list[tuple[Call, Act]] = [
    *((call, provider.answer(call.says(403, "14"), 403)) for call in (*SNAP_CALLS, CANCEL)),
    *((call, provider.answer(call.says(400, "00"), 400)) for call in (*SNAP_CALLS, CANCEL)),
    *((call, provider.answer(call.says(401, "00"), 401)) for call in (*SNAP_CALLS, CANCEL)),
    *((call, provider.answer(call.says(401, "02"), 401)) for call in (*SNAP_CALLS, CANCEL)),
    *((call, provider.answer(call.says(404, "18"), 404)) for call in (PAYMENT, TOP_UP, CANCEL)),
    *((call, provider.answer(call.says(409, "00"), 409)) for call in (PAYMENT, TOP_UP, CANCEL)),
    *((call, provider.answer(call.says(409, "01"), 409)) for call in (PAYMENT, TOP_UP, CANCEL)),
    *((call, provider.answer({}, 307)) for call in (PAYMENT, TOP_UP, REWARD, CANCEL)),
    (REWARD, provider.answer({"success": False, "error": {"code": "4060"}}, 500)),
    (REWARD, provider.answer({"success": False, "error": {"code": "110"}}, 401)),
    (REWARD, provider.answer({"success": False, "error": {}}, 400)),
    (PAYMENT, provider.answer({**PAYMENT.good, "partnerReferenceNo": "another"})),
    (PAYMENT, provider.answer({"responseCode": "4035414"}, 200)),
    (PROMOTIONS, provider.answer({"status_code": "404"}, 200)),
]


@pytest.mark.parametrize(("call", "act"), SETTLED)
async def test_what_another_try_cannot_mend_is_not_sent_again(call: Call, act: Act) -> None:
    calls = await run(misbehaving(act), call)

    assert len(calls) == 1


async def test_a_reward_that_looks_like_fraud_is_never_sent_again() -> None:
    server = misbehaving(provider.answer({"success": False, "error": {"code": "4060"}}, 503))

    error = await fails(server, REWARD)

    assert type(error) is SuspectedFraud
    assert len(server.calls) == 1


async def test_a_call_that_was_not_sent_is_tried_again() -> None:
    clock = TurnedClock()
    server = misbehaving()
    async with server:
        pass
    async with gopay(server, clock=clock, token_store=GivenToken()) as session:
        with pytest.raises(NotSent):
            await session.send(PAYMENT.operation)

    assert clock.slept == [0.5, 1.0]


async def test_a_top_up_that_was_not_sent_is_left_to_the_caller() -> None:
    clock = TurnedClock()
    server = misbehaving()
    async with server:
        pass
    async with gopay(server, clock=clock, token_store=GivenToken()) as session:
        with pytest.raises(NotSent):
            await session.send(TOP_UP.operation)

    assert clock.slept == []


# --- with which id and which bytes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [PAYMENT, CANCEL, REWARD], ids=lambda call: call.name)
@pytest.mark.parametrize("external_id", [ID, None])
async def test_a_repeat_that_keeps_its_id_keeps_its_body(call: Call, external_id: str | None) -> None:
    calls = await run(misbehaving(unknown()), call, external_id=external_id)

    assert {(seen.external_id, seen.body, seen.target) for seen in calls} == {
        (external_id or calls[0].external_id, calls[0].body, calls[0].target)
    }
    assert len(calls) == 3


async def test_only_timestamp_and_signature_of_such_a_repeat_are_new() -> None:
    first, second, _ = await run(misbehaving(unknown()), PAYMENT)

    changed = {name for name, value in first.headers.items() if second.headers[name] != value}
    assert changed == {"x-timestamp", "x-signature"}
    assert first.timestamp < second.timestamp


async def test_a_repeated_reward_differs_in_nothing() -> None:
    first, second, third = await run(misbehaving(unknown()), REWARD)

    assert first == second == third


@pytest.mark.parametrize("external_id", [ID, None])
async def test_a_read_goes_out_under_a_fresh_id_each_time(external_id: str | None) -> None:
    calls = await run(misbehaving(unknown()), STATE, external_id=external_id)

    assert len({seen.external_id for seen in calls}) == 3
    assert len({seen.body for seen in calls}) == 1


async def test_a_read_of_the_mini_app_backend_keeps_its_request_id() -> None:
    first, second, third = await run(misbehaving(unknown()), GEMS)

    assert first == second == third


async def test_a_read_whose_id_was_used_today_gets_another() -> None:
    first, second = await run(
        misbehaving(provider.answer(STATE.says(409, "00"), 409), provider.answer(STATE.good)), STATE
    )

    assert first.external_id != second.external_id


async def test_an_answer_names_the_id_that_was_answered() -> None:
    async with misbehaving(unknown(), provider.answer(STATE.good)) as server, gopay(server) as session:
        answered = await session.send(STATE.operation, external_id=ID)

    assert answered.external_id == server.calls[1].external_id != ID


@pytest.mark.parametrize("call", [PAYMENT, REWARD], ids=lambda call: call.name)
async def test_a_duplicate_after_a_lost_answer_stops_the_repeats(call: Call) -> None:
    held = provider.answer(PAYMENT.says(409, "00"), 409)
    server = misbehaving(close_after_request, held if call is PAYMENT else provider.answer({"success": False}, 409))

    error = await fails(server, call)

    assert isinstance(error, OutcomeUnknown)
    assert len(server.calls) == 2


# --- when ----------------------------------------------------------------------------------------------------------


async def test_the_waits_grow() -> None:
    clock = TurnedClock()

    await run(misbehaving(unknown()), PAYMENT, clock=clock)

    assert clock.slept == [0.5, 1.0]


async def test_the_waits_are_spread() -> None:
    clock = TurnedClock()

    await run(misbehaving(unknown()), PAYMENT, clock=clock, jitter=lambda: 0.5)

    assert clock.slept == [0.75, 1.5]


async def test_the_wait_that_the_provider_asks_for_is_kept() -> None:
    clock = TurnedClock()
    busy = provider.answer({}, 429, {"Retry-After": "9"})

    calls = await run(misbehaving(busy, provider.answer(PAYMENT.good)), PAYMENT, clock=clock)

    assert clock.slept == [9.0]
    assert len(calls) == 2


@pytest.mark.parametrize("asked", ["soon", "-1", "", "1e3", "99999999999", "٩"])
async def test_a_wait_that_makes_no_sense_is_not_kept(asked: str) -> None:
    clock = TurnedClock()
    busy = provider.raw(b"HTTP/1.1 429 Busy\r\nContent-Length: 2\r\nRetry-After: " + asked.encode() + b"\r\n\r\n{}")

    await run(misbehaving(busy, provider.answer(PAYMENT.good)), PAYMENT, clock=clock)

    assert clock.slept == [0.5]


async def test_a_wait_longer_than_the_budget_is_not_begun() -> None:
    clock = TurnedClock()
    busy = provider.answer({}, 429, {"Retry-After": "31"})
    server = misbehaving(busy)

    error = await fails(server, PAYMENT, clock=clock)

    assert type(error) is RateLimited
    assert (len(server.calls), clock.slept) == (1, [])


async def test_a_repeat_for_which_no_time_is_left_is_not_made() -> None:
    clock = TurnedClock()
    server = misbehaving(unknown())

    error = await fails(server, PAYMENT, clock=clock, timeout=0.95, jitter=lambda: 1.0)

    assert type(error) is OutcomeUnknown
    assert (len(server.calls), clock.slept) == (1, [])


# --- midnight at +07:00 --------------------------------------------------------------------------------------------

LATE = datetime(2026, 1, 5, 23, 59, 59, 900_000, WIB)


@pytest.mark.parametrize("call", [PAYMENT, CANCEL, REWARD], ids=lambda call: call.name)
async def test_no_repeat_goes_out_under_an_id_of_yesterday(call: Call) -> None:
    clock = TurnedClock(LATE)
    server = misbehaving(turning(clock, 1, unknown()))

    error = await fails(server, call, clock=clock)

    assert type(error) is OutcomeUnknown
    assert len(server.calls) == 1


@pytest.mark.parametrize("call", [PAYMENT, CANCEL, REWARD], ids=lambda call: call.name)
async def test_a_repeat_whose_wait_would_end_after_midnight_is_not_made(call: Call) -> None:
    clock = TurnedClock(LATE)
    server = misbehaving(unknown())

    error = await fails(server, call, clock=clock)

    assert type(error) is OutcomeUnknown
    assert len(server.calls) == 1


@pytest.mark.parametrize(("budget", "sent"), [(30, 1), (5, 3)])
async def test_a_repeat_that_could_still_await_a_connection_at_midnight_is_not_made(budget: float, sent: int) -> None:
    server = misbehaving(unknown())

    error = await fails(server, PAYMENT, clock=TurnedClock(LATE - timedelta(seconds=10)), timeout=budget)

    assert type(error) is OutcomeUnknown
    assert len(server.calls) == sent


async def test_a_repeat_whose_token_arrives_after_midnight_is_not_made() -> None:
    clock = TurnedClock(LATE - timedelta(seconds=3))
    slow = turning(clock, 5, issue())
    # The token lives two thirds of a second: the second repeat needs another, and gets it on the next day.
    server = misbehaving(unknown(), unknown(), provider.answer(SNAP_OK), tokens=(issue("1"), slow))

    error = await fails(server, CANCEL, clock=clock, timeout=2)

    assert type(error) is OutcomeUnknown
    assert len(server.calls) == 2


async def test_a_rejected_token_after_an_unknown_attempt_is_not_mended_after_midnight() -> None:
    clock = TurnedClock(LATE - timedelta(seconds=3))
    server = misbehaving(unknown(), turning(clock, 5, rejected(CANCEL)), provider.answer(SNAP_OK))

    error = await fails(server, CANCEL, clock=clock, timeout=2)

    assert type(error) is OutcomeUnknown
    assert len(server.calls) == 2


@pytest.mark.parametrize("call", [STATE, PROMOTIONS, GEMS], ids=lambda call: call.name)
async def test_a_read_is_repeated_after_midnight(call: Call) -> None:
    clock = TurnedClock(LATE)

    calls = await run(misbehaving(unknown(), provider.answer(call.good)), call, clock=clock)

    assert len(calls) == 2


async def test_midnight_elsewhere_is_no_midnight() -> None:
    clock = TurnedClock(datetime(2026, 1, 6, 6, 59, 59, 900_000, WIB))

    calls = await run(misbehaving(unknown(), provider.answer(PAYMENT.good)), PAYMENT, clock=clock)

    assert len(calls) == 2


# --- a rejected access token ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["01", "03"])
@pytest.mark.parametrize("call", [PAYMENT, CANCEL, GENERATE], ids=lambda call: call.name)
async def test_a_rejected_token_is_replaced_and_the_id_is_kept(call: Call, case: str) -> None:
    first, second = await run(misbehaving(rejected(call, case), provider.answer(call.good)), call)

    assert first.external_id == second.external_id
    assert second.headers["authorization"] == "Bearer token-2"


@pytest.mark.parametrize("case", ["01", "03"])
@pytest.mark.parametrize("call", [STATE, TOP_UP, BIND], ids=lambda call: call.name)
async def test_a_rejected_token_is_replaced_and_the_id_is_fresh(call: Call, case: str) -> None:
    first, second = await run(misbehaving(rejected(call, case), provider.answer(call.good)), call)

    assert first.external_id != second.external_id
    assert second.headers["authorization"] == "Bearer token-2"


async def test_a_body_that_holds_the_token_is_made_again_with_the_new_one() -> None:
    first, second = await run(misbehaving(rejected(PAYMENT), provider.answer(PAYMENT.good)), PAYMENT, external_id=ID)

    assert second.body == first.body.replace(b"token-1", b"token-2")


async def test_a_body_without_a_token_stays_the_same_under_the_new_one() -> None:
    first, second = await run(misbehaving(rejected(CANCEL), provider.answer(CANCEL.good)), CANCEL)

    assert second.body == first.body


@pytest.mark.parametrize("call", [TOP_UP, BIND], ids=lambda call: call.name)
async def test_a_recorded_id_is_not_replaced_behind_the_caller_s_back(call: Call) -> None:
    server = misbehaving(rejected(call))

    error = await fails(server, call, external_id=ID)

    assert type(error) is TokenRejected
    assert [seen.external_id for seen in server.calls] == [ID]
    assert len(server.token_calls) == 1


async def test_after_a_rejected_token_the_next_top_up_fetches_another() -> None:
    async with misbehaving(rejected(TOP_UP), provider.answer(TOP_UP.good)) as server, gopay(server) as session:
        with pytest.raises(TokenRejected):
            await session.send(TOP_UP.operation, external_id=ID)
        await session.send(TOP_UP.operation, external_id=ID[::-1])

    assert server.calls[1].headers["authorization"] == "Bearer token-2"


@pytest.mark.parametrize("call", [PAYMENT, CANCEL, STATE, TOP_UP, BIND, GENERATE], ids=lambda call: call.name)
async def test_a_second_rejected_token_is_the_end(call: Call) -> None:
    server = misbehaving(rejected(call))

    error = await fails(server, call)

    assert type(error) is TokenRejected
    assert (len(server.calls), len(server.token_calls)) == (2, 2)


@pytest.mark.parametrize(
    "act",
    [
        provider.answer({"responseCode": "4015401"}, 400),
        provider.answer({"responseCode": "4015401"}, 200),
        provider.answer(HTML, 401),
        provider.answer({}, 401),
        provider.answer({"responseCode": "4015400"}, 401),
        provider.answer({"responseCode": "4015402"}, 401),
    ],
)
async def test_only_a_readable_rejection_drops_the_token(act: Act) -> None:
    server = misbehaving(act)

    await run(server, TOP_UP)

    assert (len(server.calls), len(server.token_calls)) == (1, 1)


async def test_a_rejected_token_after_an_unknown_attempt_is_not_mended_where_the_body_holds_it() -> None:
    server = misbehaving(unknown(), rejected(PAYMENT), provider.answer(PAYMENT.good))

    error = await fails(server, PAYMENT)

    assert type(error) is OutcomeUnknown
    assert type(error.__cause__) is TokenRejected
    assert len(server.calls) == 2


async def test_a_rejected_token_after_an_unknown_attempt_is_mended_where_the_body_stays_the_same() -> None:
    calls = await run(misbehaving(unknown(), rejected(CANCEL), provider.answer(CANCEL.good)), CANCEL)

    assert len(calls) == 3
    assert {(seen.external_id, seen.body) for seen in calls} == {(calls[0].external_id, calls[0].body)}


async def test_a_customer_s_rejected_token_is_not_the_session_s() -> None:
    server = misbehaving(provider.answer({"success": False, "error": {"code": "110"}}, 401))

    await run(server, REWARD)

    assert (len(server.calls), len(server.token_calls)) == (1, 0)


# --- a token renewed in mid-flight ---------------------------------------------------------------------------------


async def test_no_repeat_once_the_token_in_the_body_has_been_renewed() -> None:
    server = misbehaving(unknown(), tokens=(issue("1"), issue()))

    error = await fails(server, PAYMENT)

    assert type(error) is OutcomeUnknown
    assert "renewed" in str(error)
    # The token lives two thirds of a second: the first repeat waits half of one, the second a whole one.
    assert (len(server.calls), len(server.token_calls)) == (2, 2)


async def test_a_body_without_a_token_is_repeated_under_a_renewed_one() -> None:
    calls = await run(misbehaving(unknown(), tokens=(issue("1"), issue())), CANCEL)

    assert [seen.headers["authorization"] for seen in calls] == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]
    assert len({(seen.external_id, seen.body) for seen in calls}) == 1


async def test_a_payment_that_was_only_refused_is_made_again_with_the_renewed_token() -> None:
    busy = provider.answer({}, 429)

    calls = await run(misbehaving(busy, busy, provider.answer(PAYMENT.good), tokens=(issue("1"), issue())), PAYMENT)

    assert [b"token-2" in seen.body for seen in calls] == [False, False, True]
    assert len({seen.external_id for seen in calls}) == 1


# --- a thousand at once --------------------------------------------------------------------------------------------


class Crowded:
    """A transport that answers at once: tokens of its own, and a rejection to every other one."""

    def __init__(self) -> None:
        self.token_calls = 0
        self.calls = 0

    async def send(self, request: Request, departure: Departure) -> Response:
        await asyncio.sleep(0)
        if request.target == IssueToken.endpoint.path:
            self.token_calls += 1
            return said(200, {"accessToken": f"token-{self.token_calls}"})
        self.calls += 1
        if request.headers["Authorization"] == "Bearer token-1":
            return said(401, STATE.says(401, "01"))
        return said(200, STATE.good)

    async def aclose(self) -> None:
        pass


def said(status: int, body: dict[str, Any]) -> Response:
    return Response(status, {}, provider.message(body).split(b"\r\n\r\n", 1)[1])


async def test_a_thousand_rejected_calls_cost_one_token_request() -> None:
    crowd = Crowded()
    async with misbehaving() as server, gopay(server, transport=crowd) as session:
        await asyncio.gather(*(session.send(STATE.operation) for _ in range(1_000)))

    assert (crowd.token_calls, crowd.calls) == (2, 2_000)


# --- the token call itself -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", [unknown(), provider.answer(HTML, 502), close_after_head, provider.answer({}, 429)])
async def test_the_token_call_is_a_read_and_is_repeated(act: Act) -> None:
    server = misbehaving(provider.answer(STATE.good), tokens=(act, issue()))

    await run(server, STATE)

    assert (len(server.token_calls), len(server.calls)) == (2, 1)


async def test_the_token_call_is_given_up_after_two_repeats() -> None:
    server = misbehaving(tokens=(unknown(),))

    error = await fails(server, STATE)

    assert type(error) is TokenUnavailable
    assert type(error.__cause__) is Unavailable
    assert (len(server.token_calls), len(server.calls)) == (3, 0)


async def test_a_refused_token_call_is_not_repeated() -> None:
    server = misbehaving(tokens=(provider.answer({"responseCode": "4017301"}, 401),))

    error = await fails(server, STATE)

    assert type(error) is TokenUnavailable
    assert len(server.token_calls) == 1


# --- the decision alone --------------------------------------------------------------------------------------------

OPEN = Verdict(Word.UNKNOWN, again=True)
DECISIONS: list[tuple[Retry, Verdict, int, float | None]] = [
    (Retry.RESEND, OPEN, 0, 0.5),
    (Retry.RESEND, OPEN, 1, 1.0),
    (Retry.RESEND, OPEN, 2, None),
    (Retry.SAME_ID, OPEN, 0, 0.5),
    (Retry.SAME_ID, OPEN, 2, None),
    (Retry.INQUIRE, OPEN, 0, None),
    (Retry.NEVER, OPEN, 0, None),
    (Retry.SAME_ID, Verdict(Word.UNKNOWN), 0, None),
    (Retry.SAME_ID, Verdict(Word.NOT_SENT), 0, 0.5),
    (Retry.INQUIRE, Verdict(Word.NOT_SENT), 0, None),
    (Retry.SAME_ID, Verdict(Word.REFUSED, error=Refused), 0, None),
    (Retry.SAME_ID, Verdict(Word.REFUSED, error=RateLimited), 0, 0.5),
    (Retry.NEVER, Verdict(Word.REFUSED, error=RateLimited), 0, None),
    (Retry.SAME_ID, Verdict(Word.UNKNOWN, error=Duplicate), 0, None),
    (Retry.RESEND, Verdict(Word.UNKNOWN, error=Duplicate), 0, 0.5),
]


@pytest.mark.parametrize(("policy", "verdict", "repeats", "wait"), DECISIONS)
def test_the_wait_before_a_repeat(policy: Retry, verdict: Verdict, repeats: int, wait: float | None) -> None:
    found = wait_before_repeat(policy, verdict, repeats=repeats, started=NOON, now=NOON, left=30, jitter=0)

    assert found == wait


async def test_calls_for_many_users_at_once_keep_their_tokens_apart() -> None:
    async with misbehaving(provider.answer(REWARD.good)) as server, gopay(server) as session:
        await asyncio.gather(
            *(session.send(REWARD.operation, customer=Customer(f"user-{number}")) for number in range(3))
        )

    assert {seen.headers["authorization"] for seen in server.calls} == {f"Bearer user-{number}" for number in range(3)}
