"""Faults: each goes wrong as it says, in process and over a socket, and tells the truth about what was processed."""

import asyncio
from collections import Counter
from typing import Any

import aiohttp
import pytest

from gopay_async import Customer, InvalidInput, NotSent, OutcomeUnknown, RateLimited
from gopay_async.api import ApplyToken, GiveReward, IssueToken, QueryPayment, QueryTransfer, TopUp
from gopay_async.errors import OperationError, TokenRejected, Unauthorized, Unavailable
from gopay_async.models import Money
from gopay_async.simulator import (
    BAD_GATEWAY,
    DROP_AFTER,
    DROP_BEFORE,
    ERROR_AFTER,
    ERROR_BEFORE,
    FAULTS,
    HANG,
    MALFORMED_JSON,
    NUMERIC_EXPIRY,
    OTHER_ANSWER,
    RESET,
    TIMEOUT_AFTER,
    TIMEOUT_BEFORE,
    TOKEN_REVOKED,
    TRUNCATED,
    UNKNOWN_FIELD,
    UNKNOWN_STATUS,
    WRONG_CONTENT,
    Fault,
    FaultPlan,
    Simulator,
    clock_skew,
    delay,
    rate_limited,
)
from gopay_async.transport import Departure

from .simulator_for_tests import payment, session, signed, simulator, told, top_up

QUERY = QueryTransfer(original_partner_reference_no="payout-1")

#: Fault -> what `send` says in process, over a socket, and whether the money moved.
TABLE: list[tuple[Fault, type[OperationError], type[OperationError], bool]] = [
    (DROP_BEFORE, NotSent, OutcomeUnknown, False),
    (DROP_AFTER, OutcomeUnknown, OutcomeUnknown, True),
    (HANG, OutcomeUnknown, OutcomeUnknown, True),
    (HANG.before(), OutcomeUnknown, OutcomeUnknown, False),
    (RESET, OutcomeUnknown, OutcomeUnknown, True),
    (RESET.before(), OutcomeUnknown, OutcomeUnknown, False),
    (ERROR_BEFORE, OutcomeUnknown, OutcomeUnknown, False),
    (ERROR_AFTER, OutcomeUnknown, OutcomeUnknown, True),
    (TIMEOUT_BEFORE, OutcomeUnknown, OutcomeUnknown, False),
    (TIMEOUT_AFTER, OutcomeUnknown, OutcomeUnknown, True),
    (BAD_GATEWAY, OutcomeUnknown, OutcomeUnknown, False),
    (BAD_GATEWAY.after(), OutcomeUnknown, OutcomeUnknown, True),
    (TRUNCATED, OutcomeUnknown, OutcomeUnknown, True),
    (MALFORMED_JSON, OutcomeUnknown, OutcomeUnknown, True),
    (WRONG_CONTENT, OutcomeUnknown, OutcomeUnknown, False),
    (OTHER_ANSWER, OutcomeUnknown, OutcomeUnknown, True),
    (rate_limited(1), RateLimited, RateLimited, False),
    (clock_skew(600), Unauthorized, Unauthorized, False),
    (clock_skew(-600), Unauthorized, Unauthorized, False),
]
IDS = [f"{one.name} {'after' if one.processed else 'before'} {one.seconds:.0f}" for one, *_ in TABLE]


#: Seconds that a call waits for an answer, where none will come; every other answer is waited for.
PATIENCE = {HANG.name: 1.0}


async def outcome(simulated: Simulator, fault: Fault, url: str = "") -> OperationError:
    simulated.faults.add(fault, on=TopUp)
    async with session(simulated, url) as gopay:
        await gopay.send(QueryPayment(original_external_id="1"))
        with pytest.raises(OperationError) as raised:
            await gopay.send(top_up(), timeout=PATIENCE.get(fault.name))
    return raised.value


@pytest.mark.parametrize(("fault", "word", "_", "moved"), TABLE, ids=IDS)
async def test_a_fault_in_process(fault: Fault, word: type[OperationError], _: Any, moved: bool) -> None:
    simulated = simulator()
    error = await outcome(simulated, fault)

    assert (type(error), simulated.snapshot()["debits"]) == (word, "25000.00" if moved else "0.00")
    assert simulated.requests[-1].fault == fault.name


@pytest.mark.parametrize(("fault", "_", "word", "moved"), TABLE, ids=IDS)
async def test_a_fault_over_a_socket(fault: Fault, _: Any, word: type[OperationError], moved: bool) -> None:
    simulated = simulator()
    async with simulated.serve() as url:
        error = await outcome(simulated, fault, url)

    assert (type(error), simulated.snapshot()["debits"]) == (word, "25000.00" if moved else "0.00")


def test_every_fault_has_a_name_of_its_own() -> None:
    assert {one.name for one, *_ in TABLE} | {"delay", *HARMLESS, "token-revoked"} == set(FAULTS)
    assert all(name == one.name for name, one in FAULTS.items())


HARMLESS = {"unknown-field": UNKNOWN_FIELD, "unknown-status": UNKNOWN_STATUS, "numeric-expiry": NUMERIC_EXPIRY}


@pytest.mark.parametrize("fault", HARMLESS.values(), ids=HARMLESS)
async def test_what_is_only_new_does_no_harm(fault: Fault) -> None:
    simulated = simulator()
    simulated.faults.add(fault, times=None)
    async with session(simulated) as gopay:
        accepted = await gopay.send(top_up())
        state = await gopay.send(QUERY)

    assert accepted.response_code == "2023800"
    assert state.raw.get("tomorrowsField") == ({"nested": ["value"]} if fault is UNKNOWN_FIELD else None)
    assert state.status.code == ("42" if fault is UNKNOWN_STATUS else "00")


async def test_another_answer_is_another_only_where_it_names_a_reference() -> None:
    simulated = simulator()
    simulated.faults.add(OTHER_ANSWER, times=None)
    _, body = await told(simulated, signed(simulated, QueryPayment(original_external_id="1")))

    assert body["responseCode"] == "2005500"


async def test_an_expiry_may_come_as_a_number() -> None:
    simulated = simulator()
    simulated.faults.add(NUMERIC_EXPIRY)
    _, body = await told(simulated, signed(simulated, IssueToken()))

    assert body["expiresIn"] == 900


async def test_a_token_may_be_revoked_in_mid_flight() -> None:
    simulated = simulator()
    simulated.faults.add(TOKEN_REVOKED, on=TopUp)
    async with session(simulated) as gopay:
        with pytest.raises(TokenRejected):
            await gopay.send(top_up(), external_id="1" * 32)
        accepted = await gopay.send(top_up())

    assert accepted.response_code == "2023800"


async def test_a_delay_passes_on_the_virtual_clock() -> None:
    simulated = simulator()
    simulated.faults.add(delay(600), on=TopUp)
    before = simulated.clock.now()
    async with session(simulated) as gopay:
        await gopay.send(top_up())

    assert (simulated.clock.now() - before).total_seconds() == 600


async def test_retry_after_is_sent_with_a_rate_limit() -> None:
    simulated = simulator()
    error = await outcome(simulated, rate_limited(7))

    assert isinstance(error, RateLimited)
    assert (error.retry_after, error.code) == (7.0, "4293800")


async def test_a_mini_app_error_has_the_shape_of_its_family() -> None:
    simulated = simulator()
    simulated.faults.add(ERROR_BEFORE, on=ApplyToken)
    status, body = await told(simulated, signed(simulated, ApplyToken(auth_code="x")))

    assert (status, body["error"]["code"]) == (500, "900")


async def test_a_read_that_fails_is_unavailable() -> None:
    simulated = simulator()
    simulated.faults.add(DROP_AFTER, on=QueryTransfer, times=None)
    async with session(simulated) as gopay:
        with pytest.raises(Unavailable):
            await gopay.send(QUERY)


async def test_a_lost_payment_is_sent_again_and_replayed() -> None:
    simulated = simulator()
    simulated.faults.add(ERROR_AFTER, on="CreatePayment")
    async with session(simulated) as gopay:
        created = await gopay.send(payment())

    assert created.response_code == "2005400"
    assert len(simulated.snapshot()["payments"]) == 1


async def test_a_lost_reward_is_given_once() -> None:
    simulated = simulator()
    simulated.faults.add(DROP_AFTER, on=GiveReward)
    request = GiveReward(amount=Money(10), description="x")
    async with session(simulated) as gopay:
        customer = Customer(simulated.user.auth_token)
        await gopay.send(request, customer=customer)

    assert simulated.user.coins == Money(10)


# --- departure -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "unsent"), [(DROP_BEFORE, True), (DROP_AFTER, False), (RESET.before(), False)])
async def test_the_departure_tells_the_truth(fault: Fault, unsent: bool) -> None:
    simulated = simulator()
    simulated.faults.add(fault)
    departure = Departure()
    with pytest.raises(ConnectionError):
        await simulated.send(signed(simulated, top_up()), departure)

    assert departure.unsent is unsent


async def test_a_request_that_is_cancelled_before_its_turn_was_not_taken() -> None:
    simulated = simulator()
    departure = Departure()
    sending = asyncio.create_task(simulated.send(signed(simulated, top_up()), departure))
    await asyncio.sleep(0)
    sending.cancel()
    await asyncio.wait({sending})

    assert (departure.unsent, len(simulated.requests)) == (True, 0)


# --- the plan ------------------------------------------------------------------------------------------------------


def choices(plan: FaultPlan, count: int, operation: Any = TopUp) -> list[str]:
    found = (plan.choose(operation, operation.endpoint.path) for _ in range(count))
    return [one.name if one else "" for one in found]


def test_a_script_meets_the_nth_request_of_its_kind() -> None:
    plan = FaultPlan()
    plan.add(DROP_AFTER, on=TopUp, nth=2, times=2)

    assert choices(plan, 2, QueryPayment) == ["", ""]
    assert choices(plan, 5) == ["", "drop-after", "drop-after", "", ""]


def test_the_first_rule_decides_and_the_others_still_count() -> None:
    plan = FaultPlan()
    plan.add(HANG, nth=2)
    plan.add(RESET, on="/v1.0/emoney/topup", nth=2, times=None)

    assert choices(plan, 4) == ["", "hang", "reset", "reset"]


def test_random_faults_repeat_with_their_seed_and_keep_their_rates() -> None:
    plans = [FaultPlan(), FaultPlan()]
    for plan in plans:
        plan.at_random(0.3, HANG, RESET, DROP_AFTER, seed=5)
    first, second = (choices(plan, 3_000) for plan in plans)
    counted = Counter(first)

    assert first == second
    assert all(240 < counted[name] < 360 for name in ("hang", "reset", "drop-after"))


def test_a_plan_can_be_cleared() -> None:
    plan = FaultPlan()
    plan.add(HANG, times=None)
    plan.clear()

    assert choices(plan, 2) == ["", ""]


def test_a_plan_that_cannot_be_is_refused() -> None:
    plan = FaultPlan()
    with pytest.raises(InvalidInput):
        plan.add(HANG, nth=0)
    with pytest.raises(InvalidInput):
        plan.at_random(1.5, HANG)
    with pytest.raises(InvalidInput):
        plan.at_random(0.5)


async def test_a_client_that_gives_up_on_a_hanging_request_disturbs_nobody() -> None:
    simulated = simulator()
    async with simulated.serve() as url:
        await outcome(simulated, HANG, url)
        async with session(simulated, url) as gopay:
            state = await gopay.send(QUERY)

    assert state.status.is_paid


async def test_a_truncated_answer_ends_in_the_middle() -> None:
    simulated = simulator()
    simulated.faults.add(TRUNCATED)
    request = signed(simulated, top_up())
    async with simulated.serve() as url, aiohttp.ClientSession() as client:
        with pytest.raises(aiohttp.ClientPayloadError):
            async with client.post(url + request.target, data=request.body, headers=request.headers) as response:
                await response.read()
