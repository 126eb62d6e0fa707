"""Every operation of the catalogue, served with state and checked by the rules of its page."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from attrs import evolve

from gopay_async import Customer, Duplicate, GoPaySession, InsufficientFunds, Money, NotFound, SuspectedFraud
from gopay_async.api import (
    OPERATIONS,
    ApplyToken,
    AuthorizePayment,
    BindAccount,
    CancelPayment,
    CancelQris,
    CaptureAuthorization,
    ChargeLinked,
    CollectGems,
    CreatePayment,
    DeleteReminder,
    FetchBalanceMutation,
    FetchLinkedPromotions,
    FetchProfile,
    FetchPromotions,
    FetchTransaction,
    GenerateQris,
    GiveReward,
    InquireAccount,
    ListTransactions,
    PushNotification,
    QueryAuthorization,
    QueryBinding,
    QueryGems,
    QueryPayment,
    QueryQris,
    QueryTopUp,
    RefundAuthorization,
    RefundPayment,
    RefundQris,
    SetReminder,
    UnbindAccount,
    VoidAuthorization,
)
from gopay_async.errors import CustomerTokenRejected, InvalidAccount, InvalidInput, OperationError, Refused
from gopay_async.models import Item, UrlParam
from gopay_async.operation import Auth, Operation
from gopay_async.simulator import SAMPLE_ACCOUNT, Policy, Simulator
from gopay_async.simulator.handlers import HANDLERS
from gopay_async.simulator.provider import ROUTES
from gopay_async.simulator.routes import Routes

from .simulator_for_tests import START, payment, session, signed, simulator, told, top_up

Op = TypeVar("Op", bound=Operation[Any])


def but(operation: Op, **changes: Any) -> Op:
    """Return *operation* with *changes*."""
    return evolve(operation, **changes)  # type: ignore[misc]  # attrs, by @message


URL = UrlParam(url="https://shop.example/done")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.__name__)
def test_every_operation_has_a_handler_that_names_its_page(operation: type[Operation[Any]]) -> None:
    handler = HANDLERS[operation]

    assert handler.__doc__
    assert operation.endpoint.path in ROUTES.paths


async def test_an_operation_without_a_handler_says_that_it_is_not_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(HANDLERS, QueryPayment)
    simulated = simulator()
    status, body = await told(simulated, signed(simulated, QueryPayment(original_external_id="1")))

    assert (status, body["responseCode"]) == (405, "4055500")


# --- routes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "target", "status", "words"),
    [
        ("POST", "/v1.0/emoney-topup", 404, "did you mean /v1.0/emoney/topup?"),
        ("POST", "/nothing/at/all", 404, "nothing is served at"),
        ("GET", "/v1.0/emoney/topup", 405, "GET is not allowed here, POST is"),
        ("POST", "/v2/gopay/promo/abc", 405, "POST is not allowed here, GET is"),
    ],
)
async def test_what_is_not_served_is_explained(method: str, target: str, status: int, words: str) -> None:
    simulated = simulator()
    request = evolve(signed(simulated, top_up()), method=method, target=target)
    answered, body = await told(simulated, request)

    assert (answered, simulated.requests[-1].operation) == (status, None)
    assert words in body["responseMessage"]


def test_a_route_of_several_operations_can_be_told_apart_by_other_means() -> None:
    request = signed(simulator(), top_up())
    key = (CreatePayment.endpoint.method, CreatePayment.endpoint.path)
    routes = Routes.of((CreatePayment, ChargeLinked), {key: lambda found, request, headers: found[-1]})
    route = routes.find(evolve(request, target=CreatePayment.endpoint.path), {})  # type: ignore[arg-type]  # no header matters here

    assert route.operation is ChargeLinked


# --- reading -------------------------------------------------------------------------------------------------------

PAYMENT_BODY = {
    "partnerReferenceNo": "order-1",
    "chargeToken": "{token}",
    "payOptionDetails": [
        {"payMethod": "gopay", "payOption": "gopay", "transAmount": {"value": "10.00", "currency": "IDR"}}
    ],
}


def changed(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**PAYMENT_BODY, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (changed(), "2005400", "Successful"),
        (changed(merchantId="G000"), "4045408", "Invalid Merchant"),
        (changed(chargeToken=None), "4005402", "Invalid Mandatory Field chargeToken"),
        (changed(chargeToken="Bearer x"), "4005401", "chargeToken: must be the token of the header Authorization"),
        (changed(partnerReferenceNo=None), "4005402", "Invalid Mandatory Field partnerReferenceNo"),
        (changed(partnerReferenceNo=["x"]), "4005401", "Invalid Field Format partnerReferenceNo"),
        (changed(partnerReferenceNo="a b"), "4005401", "partnerReferenceNo: may hold"),
        (changed(payOptionDetails=[]), "4005402", "Invalid Mandatory Field payOptionDetails.transAmount"),
        (changed(payOptionDetails="x"), "4005402", "payOptionDetails.transAmount"),
        (
            changed(payOptionDetails=[{"transAmount": {"value": "0.00", "currency": "IDR"}}]),
            "4005401",
            "payOptionDetails.transAmount: is Rp 0.00",
        ),
        (changed(validUpTo="tomorrow"), "4005401", "Invalid Field Format validUpTo"),
        (changed(validUpTo="2026-11-20T12:00:10+07:00"), "4005401", "validUpTo: must be from 20 seconds"),
        (changed(validUpTo="2027-11-20T12:00:10+07:00"), "4005401", "validUpTo: must be from 20 seconds"),
        (changed(urlParams=[]), "2005400", "Successful"),
        (changed(urlParam=[{"url": "x" * 600}]), "4005401", "Invalid Field Format urlParams"),
        (changed(additionalInfo={"items": [{"name": "x"}]}), "4005401", "additionalInfo.items: price is missing"),
        (
            changed(additionalInfo={"items": [{"name": "x" * 65, "price": "1.00"}]}),
            "4005401",
            "additionalInfo.items: name",
        ),
        (
            changed(additionalInfo={"items": [{"name": "x", "price": {"value": "1.00"}}, "y"]}),
            "4005401",
            "must be an object",
        ),
    ],
)
async def test_a_wrong_field_is_named_as_on_the_wire(body: dict[str, Any], code: str, words: str) -> None:
    simulated = simulator()
    token = simulated.books.issue_token(START).value
    raw = json.dumps(body, separators=(",", ":")).replace("{token}", token).encode()
    _, answer = await told(simulated, signed(simulated, payment(), token=token, body=raw))

    assert answer["responseCode"] == code
    assert words in answer["responseMessage"]


async def test_a_body_that_is_no_json_is_a_bad_request() -> None:
    simulated = simulator()
    _, answer = await told(simulated, signed(simulated, payment(), body=b"[1"))

    assert answer["responseCode"] == "4005400"


async def test_a_query_needs_one_of_its_references() -> None:
    simulated = simulator()
    query = QueryPayment(original_external_id="1")
    _, answer = await told(simulated, signed(simulated, query, body=b'{"serviceCode":"54"}'))

    assert answer["responseCode"] == "4005502"


async def test_an_amount_that_contradicts_itself_is_refused() -> None:
    simulated = simulator()
    customer = Customer(simulated.link().token, device_id="phone")
    request = signed(simulated, authorization(simulated), customer=customer)
    body = request.body.replace(b'"transAmount":{"value":"50000.00"', b'"transAmount":{"value":"50001.00"')
    token = request.headers["Authorization"].removeprefix("Bearer ")
    again = signed(simulated, authorization(simulated), customer=customer, token=token, body=body)
    _, answer = await told(simulated, again)

    assert answer["responseCode"] == "4006301"


# --- payments ------------------------------------------------------------------------------------------------------


async def test_a_payment_is_created_paid_and_queried() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        created = await gopay.send(payment(), external_id="1" * 32)
        before = await gopay.send(QueryPayment(original_external_id="1" * 32))
        simulated.pay(created.reference_no or "")
        after = await gopay.send(QueryPayment(original_reference_no=created.reference_no))

    assert created.web_redirect_url.startswith("http://127.0.0.1/gopay-pay?referenceNo=A1")
    assert (created.gross_amount, created.valid_up_to) == (Money(100_000), START + timedelta(minutes=15))
    assert (before.status.code, after.status.code, after.paid_time) == ("03", "00", START)
    assert [one.pay_option for one in after.user_payment_details] == ["GOPAY_WALLET"]


async def test_a_payment_that_nobody_made_has_status_07() -> None:
    async with session(simulator()) as gopay:
        state = await gopay.send(QueryPayment(original_external_id="1"))

    assert (state.response_code, state.status.code) == ("2005500", "07")


async def test_a_payment_expires_after_fifteen_minutes_or_at_its_own_time() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        created = await gopay.send(payment())
        longer = await gopay.send(payment(valid_up_to=START + timedelta(hours=1)))
        simulated.clock.advance(900)
        state = await gopay.send(QueryPayment(original_reference_no=created.reference_no))
        other = await gopay.send(QueryPayment(original_reference_no=longer.reference_no))

    assert (state.status.code, other.status.code) == ("08", "03")


async def test_a_paid_payment_does_not_expire() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        created = await gopay.send(payment())
        simulated.pay(created.reference_no or "")
        simulated.clock.advance(900)
        state = await gopay.send(QueryPayment(original_reference_no=created.reference_no))

    assert state.status.code == "00"


@pytest.mark.parametrize(("do", "code"), [("cancel", "05"), ("expire", "08"), ("fail", "06"), ("deny", "09")])
async def test_a_payment_can_end_in_other_ways(do: str, code: str) -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        created = await gopay.send(payment())
        getattr(simulated, do)(created.reference_no)
        state = await gopay.send(QueryPayment(original_reference_no=created.reference_no))

    assert state.status.code == code
    with pytest.raises(InvalidInput):
        simulated.pay(created.reference_no or "")


def test_a_payment_or_top_up_that_is_not_there_is_named() -> None:
    simulated = simulator()
    with pytest.raises(InvalidInput) as payments:
        simulated.pay("nothing")
    with pytest.raises(InvalidInput) as payouts:
        simulated.complete_top_up("nothing")

    assert (payments.value.field, payouts.value.field) == ("reference_no", "partner_reference_no")


async def test_the_same_external_id_replays_the_stored_answer_for_a_day() -> None:
    simulated = simulator()
    _, first = await told(simulated, signed(simulated, payment(), external_id="7"))
    _, second = await told(simulated, signed(simulated, payment("order-2"), external_id="7"))
    simulated.clock.advance(timedelta(hours=24))
    _, third = await told(simulated, signed(simulated, payment(), external_id="7"))

    assert first["referenceNo"] == second["referenceNo"] != third["referenceNo"]
    assert len(simulated.snapshot()["payments"]) == 2


async def test_a_refused_answer_is_not_replayed() -> None:
    simulated = simulator()
    _, refused = await told(simulated, signed(simulated, payment(), external_id="1", body=b"{}"))
    _, answer = await told(simulated, signed(simulated, payment(), external_id="1"))

    assert (refused["responseCode"], answer["responseCode"]) == ("4005402", "2005400")


async def test_a_used_external_id_of_a_payout_is_a_conflict_until_midnight() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        await gopay.send(top_up("payout-1"), external_id="7" * 32)
        with pytest.raises(Duplicate) as raised:
            await gopay.send(top_up("payout-2"), external_id="7" * 32)
        simulated.clock.advance(timedelta(hours=12))
        accepted = await gopay.send(top_up("payout-2"), external_id="7" * 32)

    assert (raised.value.code, accepted.response_code) == ("4093800", "2023800")


async def paid(gopay: GoPaySession, simulated: Simulator) -> str:
    created = await gopay.send(payment())
    simulated.pay(created.reference_no or "")
    return created.reference_no or ""


def refund(reference_no: str, number: str, amount: int | None = None) -> RefundPayment:
    return RefundPayment(
        original_reference_no=reference_no,
        original_partner_reference_no="order-1",
        partner_refund_no=number,
        refund_amount=None if amount is None else Money(amount),
        reason="Complaint",
    )


async def test_refunds_never_exceed_the_payment() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        reference = await paid(gopay, simulated)
        await gopay.send(refund(reference, "r1", 60_000))
        with pytest.raises(Refused) as too_much:
            await gopay.send(refund(reference, "r2", 40_001))
        await gopay.send(refund(reference, "r2", 40_000))
        with pytest.raises(Refused) as nothing_left:
            await gopay.send(refund(reference, "r3", 1))
        state = await gopay.send(QueryPayment(original_reference_no=reference))

    assert (too_much.value.code, nothing_left.value.code) == ("4035802", "4035815")
    assert [one.refund_amount for one in state.refund_history] == [Money(60_000), Money(40_000)]
    assert simulated.snapshot()["takings"] == "0.00"


async def test_the_same_refund_number_gives_nothing_back_a_second_time() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        reference = await paid(gopay, simulated)
        first = await gopay.send(refund(reference, "r1", 10_000))
        second = await gopay.send(refund(reference, "r1", 10_000))

    assert first.refund_no == second.refund_no
    assert simulated.snapshot()["takings"] == "90000.00"


async def test_a_refund_may_come_too_early() -> None:
    simulated = simulator(policy=Policy(refundable_after=5))
    async with session(simulated) as gopay:
        reference = await paid(gopay, simulated)
        with pytest.raises(Refused) as raised:
            await gopay.send(refund(reference, "r1"))
        simulated.clock.advance(5)
        done = await gopay.send(refund(reference, "r1"))

    assert "2007 Refund not processable" in raised.value.message
    assert done.refund_amount == Money(100_000)


async def test_the_back_office_refunds_too() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        reference = await paid(gopay, simulated)
    made = simulated.refund(reference, amount=Money(30_000))
    with pytest.raises(InvalidInput):
        simulated.refund(reference, amount=Money(80_000))

    assert (made.amount, simulated.snapshot()["takings"]) == (Money(30_000), "70000.00")


async def test_what_is_unknown_or_paid_is_neither_refunded_nor_cancelled() -> None:
    simulated = simulator()
    codes = []
    async with session(simulated) as gopay:
        reference = await paid(gopay, simulated)
        for asked, number in ((reference, "order-1"), ("unknown", "order-1")):
            with pytest.raises(Refused) as raised:
                await gopay.send(CancelPayment(original_reference_no=asked, original_partner_reference_no=number))
            codes.append(raised.value.code)
        with pytest.raises(NotFound) as unknown:
            await gopay.send(refund("unknown", "r1"))

    assert [*codes, unknown.value.code] == ["4035715", "4035715", "4045801"]


async def test_a_pending_payment_is_cancelled() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        created = await gopay.send(payment(), external_id="5" * 32)
        done = await gopay.send(CancelPayment(original_external_id="5" * 32, original_partner_reference_no="order-1"))

    assert (done.original_reference_no, done.cancel_time) == (created.reference_no, START)
    assert simulated.snapshot()["payments"][0]["status"] == "05"


# --- linked accounts -----------------------------------------------------------------------------------------------


def customer_of(token: str) -> Customer:
    return Customer(token, device_id="phone")


async def test_an_account_is_linked_charged_and_unlinked() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        bound = await gopay.send(BindAccount(auth_code=simulated.auth_code()))
        customer = customer_of(bound.access_token)
        options = (await gopay.send(QueryBinding(), customer=customer)).payment_options
        charged = await gopay.send(charge(options[0].token or ""), customer=customer)
        await gopay.send(UnbindAccount(), customer=customer)
        with pytest.raises(CustomerTokenRejected) as raised:
            await gopay.send(QueryBinding(), customer=customer)

    assert (options[0].name, options[0].balance) == ("GOPAY_WALLET", Money(7_985_000))
    assert (charged.status and charged.status.code, simulated.snapshot()["takings"]) == ("00", "50000.00")
    assert raised.value.code == "4010802"


def charge(token: str, amount: int = 50_000, **changes: Any) -> ChargeLinked:
    return ChargeLinked(
        partner_reference_no="order-1",
        amount=Money(amount),
        payment_option_token=token,
        url_params=[URL],
        items=[Item(name="Tea", price=Money(amount))],
        **changes,
    )


async def test_an_auth_code_links_once() -> None:
    simulated = simulator()
    code = simulated.auth_code()
    async with session(simulated) as gopay:
        await gopay.send(BindAccount(auth_code=code))
        with pytest.raises(InvalidAccount) as raised:
            await gopay.send(BindAccount(auth_code=code))

    assert raised.value.code == "4040711"


async def test_another_payment_handle_is_refused_in_the_words_of_the_page() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        with pytest.raises(Refused) as raised:
            await gopay.send(BindAccount(auth_code="x", payment_handle="another"))

    assert (raised.value.code, raised.value.message) == ("4010700", "Unauthorized. Incorrect merchantId value")


async def test_a_large_charge_waits_for_the_pin_unless_it_recurs() -> None:
    simulated = simulator()
    link = simulated.link()
    token = link.user.options[0].token
    async with session(simulated) as gopay:
        customer = customer_of(link.token)
        waits = await gopay.send(charge(token, 100_000), customer=customer)
        recurs = await gopay.send(charge(token, 100_000, recurring=True), customer=customer)
        simulated.pay(waits.reference_no)

    assert [one.status and one.status.code for one in (waits, recurs)] == ["03", "00"]
    assert link.user.options[0].balance == Money(7_785_000)


async def test_a_charge_beyond_the_balance_or_with_an_old_token_is_refused() -> None:
    simulated = simulator()
    link = simulated.link()
    token = link.user.options[0].token
    async with session(simulated) as gopay:
        customer = customer_of(link.token)
        with pytest.raises(InsufficientFunds) as poor:
            await gopay.send(charge(token, 8_000_000), customer=customer)
        waiting = await gopay.send(charge(token, 7_900_000), customer=customer)
        await gopay.send(charge(token, 90_000), customer=customer)
        simulated.rotate(link)
        with pytest.raises(Refused) as old:
            await gopay.send(charge(token), customer=customer)
    with pytest.raises(InvalidInput):
        simulated.pay(waiting.reference_no)

    assert (poor.value.code, old.value.code) == ("4035414", "4005401")


async def test_an_inquiry_tells_the_rotated_token() -> None:
    simulated = simulator()
    link = simulated.link()
    fresh = simulated.rotate(link)
    async with session(simulated) as gopay:
        state = await gopay.send(QueryBinding(), customer=customer_of(link.token))

    assert state.rotated_token(Customer(link.token)) == fresh.token


async def test_a_legacy_account_id_is_swapped_for_a_token_while_it_is_linked() -> None:
    simulated = simulator()
    link = simulated.link()
    query = QueryBinding(account_id=link.user.account_id, device_id="phone")
    async with session(simulated) as gopay:
        state = await gopay.send(query)
        simulated.unlink(link)
        with pytest.raises(Refused) as raised:
            await gopay.send(query)
        with pytest.raises(Refused) as unknown:
            await gopay.send(QueryBinding(account_id="nobody", device_id="phone"))

    assert (state.access_token, raised.value.code, unknown.value.code) == (link.token, "4030818", "4030818")


async def test_a_binding_inquiry_needs_exactly_one_of_customer_and_account() -> None:
    simulated = simulator()
    request = signed(simulated, QueryBinding(account_id="a"), body=b"{}")
    _, answer = await told(simulated, evolve(request, headers={**request.headers, "X-DEVICE-ID": "phone"}))

    assert answer["responseCode"] == "4000802"


# --- pre-authorised ------------------------------------------------------------------------------------------------


def authorization(simulated: Simulator, amount: int = 50_000, **changes: Any) -> AuthorizePayment:
    option = simulated.user.options[0].token
    given = changes or {"payment_option_token": option}
    return AuthorizePayment(partner_reference_no="order-1", amount=Money(amount), title="Deposit", **given)


def follow_up(kind: Callable[..., Operation[Any]], reference: str, **changes: Any) -> Operation[Any]:
    return kind(original_reference_no=reference, original_partner_reference_no="order-1", **changes)


async def authorized(gopay: GoPaySession, simulated: Simulator) -> str:
    made = await gopay.send(authorization(simulated), customer=customer_of(simulated.link().token))
    return made.reference_no or ""


async def test_reserved_money_is_captured_and_refunded_but_then_not_voided() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        reference = await authorized(gopay, simulated)
        before = simulated.snapshot()["takings"]
        captured = await gopay.send(
            CaptureAuthorization(
                original_reference_no=reference,
                original_partner_reference_no="order-1",
                partner_capture_no="c1",
                title="Deposit",
            )
        )
        with pytest.raises(Refused) as voided:
            await gopay.send(follow_up(VoidAuthorization, reference, partner_void_no="v1"))
        await gopay.send(follow_up(RefundAuthorization, reference, partner_refund_no="r1"))
        state = await gopay.send(
            QueryAuthorization(original_reference_no=reference, original_partner_reference_no="order-1")
        )

    assert (before, captured.capture_amount, voided.value.code) == ("0.00", Money(50_000), "4036715")
    assert (state.status.code, simulated.snapshot()["takings"]) == ("04", "0.00")
    assert simulated.user.options[0].balance == Money(7_985_000)


@pytest.mark.parametrize("how", ["void", "expire"])
async def test_reserved_money_is_released(how: str) -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        reference = await authorized(gopay, simulated)
        reserved = simulated.user.options[0].balance
        ways: dict[str, Callable[[], Any]] = {
            "void": lambda: gopay.send(follow_up(VoidAuthorization, reference, partner_void_no="v1")),
            "expire": lambda: simulated.clock.sleep(7 * 86_400),
        }
        await ways[how]()
        await gopay.send(QueryPayment(original_external_id="1"))

    assert (reserved, simulated.user.options[0].balance) == (Money(7_935_000), Money(7_985_000))


async def test_only_the_whole_amount_is_captured_and_only_what_is_there_is_found() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        reference = await authorized(gopay, simulated)
        capture = CaptureAuthorization(
            original_reference_no=reference,
            original_partner_reference_no="order-1",
            partner_capture_no="c1",
            title="x",
            capture_amount=Money(1),
        )
        codes = []
        for asked in (capture, but(capture, original_reference_no="unknown")):
            with pytest.raises(Refused) as raised:
                await gopay.send(asked)
            codes.append(raised.value.code)
        state = await gopay.send(
            QueryAuthorization(original_reference_no="unknown", original_partner_reference_no="order-1")
        )

    assert (codes, state.status.code) == (["4036515", "4036515"], "07")


async def test_reserving_more_than_there_is_has_the_digits_of_another_service() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        with pytest.raises(InsufficientFunds) as raised:
            await gopay.send(
                authorization(simulated, 9_000_000, merchant_cross_reference_id="x"),
                customer=customer_of(simulated.link().token),
            )

    assert raised.value.code == "4031014"


# --- QRIS ----------------------------------------------------------------------------------------------------------

CODE = GenerateQris(partner_reference_no="qris-1", amount=Money(20_000))


async def test_a_code_is_generated_paid_and_refunded() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        code = await gopay.send(CODE)
        before = await gopay.send(QueryQris(original_partner_reference_no="qris-1"))
        simulated.pay(code.reference_no or "")
        after = await gopay.send(QueryQris(original_external_id="qris-1"))
        reference = after.original_reference_no or ""
        done = await gopay.send(qris_refund(reference, "r1", 5_000))
        with pytest.raises(Duplicate) as again:
            await told_again(gopay, simulated, reference)

    assert (before.original_reference_no, before.status.code, after.status.code) == (None, "03", "00")
    assert (done.refund_amount, again.value.code) == (Money(5_000), "4097801")
    assert simulated.snapshot()["takings"] == "15000.00"


def qris_refund(reference: str, number: str, amount: int) -> RefundQris:
    return RefundQris(
        original_reference_no=reference,
        original_partner_reference_no="qris-1",
        partner_refund_no=number,
        refund_amount=Money(amount),
    )


async def told_again(gopay: GoPaySession, simulated: Simulator, reference: str) -> None:
    # A day later the stored answer is gone, and the number of the refund still guards.
    simulated.clock.advance(timedelta(hours=25))
    await gopay.send(qris_refund(reference, "r1", 5_000))


async def test_a_reference_of_a_code_is_used_once_in_three_months() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        await gopay.send(CODE)
        simulated.clock.advance(timedelta(days=80))
        with pytest.raises(Duplicate) as raised:
            await gopay.send(CODE)
        simulated.clock.advance(timedelta(days=20))
        again = await gopay.send(CODE)

    assert (raised.value.code, again.response_code) == ("4094700", "2004700")


async def test_the_external_id_of_a_code_is_its_reference() -> None:
    simulated = simulator()
    _, answer = await told(simulated, signed(simulated, CODE, external_id="another"))

    assert (answer["responseCode"], "X-EXTERNAL-ID" in answer["responseMessage"]) == ("4004701", True)


async def test_a_code_is_cancelled_while_it_is_unpaid() -> None:
    simulated = simulator()
    cancel = CancelQris(original_external_id="qris-1", reason="Sold out")
    codes = []
    async with session(simulated) as gopay:
        code = await gopay.send(CODE)
        with pytest.raises(Refused) as unpaid:
            await gopay.send(qris_refund(code.reference_no or "", "r1", 1))
        done = await gopay.send(cancel)
        for asked in (cancel, but(cancel, original_external_id="unknown")):
            with pytest.raises(Refused) as raised:
                await gopay.send(asked)
            codes.append(raised.value.code)
        state = await gopay.send(QueryQris(original_external_id="unknown"))

    assert (unpaid.value.code, done.cancel_time) == ("4047800", START)
    assert (codes, state.status.code) == (["4047700", "4047701"], "07")


# --- e-money -------------------------------------------------------------------------------------------------------


async def test_an_account_is_found_or_not() -> None:
    simulated = simulator(policy=Policy(refused_numbers={"628100000000": (404, "11")}))
    async with session(simulated) as gopay:
        found = await gopay.send(InquireAccount(customer_number="6281773628883"))
        with pytest.raises(InvalidAccount):
            await gopay.send(InquireAccount(customer_number="628100000000"))

    assert found.customer_name == "Simulated Customer 8883"


@pytest.mark.parametrize(("do", "code"), [("complete_top_up", "00"), ("fail_top_up", "06")])
async def test_the_back_office_ends_a_top_up(do: str, code: str) -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        await gopay.send(top_up())
        getattr(simulated, do)("payout-1")
        state = await gopay.send(QueryTopUp(original_partner_reference_no="payout-1"))

    assert state.status.code == code


async def test_a_completed_top_up_may_still_fail_but_only_once() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        await gopay.send(top_up())
    simulated.complete_top_up("payout-1")
    simulated.fail_top_up("payout-1")
    with pytest.raises(InvalidInput):
        simulated.fail_top_up("payout-1")

    assert simulated.snapshot()["debits"] == "0.00"


# --- promotions and reports ----------------------------------------------------------------------------------------


async def test_promotions_depend_on_account_and_amount() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        some = await gopay.send(FetchPromotions(account_id=SAMPLE_ACCOUNT, gross_amount=Money(100)))
        none = await gopay.send(FetchPromotions(account_id=SAMPLE_ACCOUNT, gross_amount=Money(99)))
        with pytest.raises(Refused) as unknown:
            await gopay.send(FetchPromotions(account_id="nobody", gross_amount=Money(100)))

    assert (len(some.promotions), len(none.promotions)) == (1, 0)
    assert some.recommended_promotion_id == some.promotions[0].id
    assert unknown.value.message == "Account doesn\u2019t exist"


async def test_a_linked_customer_has_promotions_too() -> None:
    simulated = simulator()
    link = simulated.link()
    async with session(simulated) as gopay:
        asked = FetchLinkedPromotions(gross_amount=Money(100))
        none = await gopay.send(asked, customer=customer_of(link.token))
        simulated.policy.promotions[link.user.account_id] = simulated.policy.promotions[SAMPLE_ACCOUNT]
        some = await gopay.send(asked, customer=customer_of(link.token))

    assert (len(none.promotions), len(some.promotions)) == (0, 1)


@pytest.mark.parametrize(
    ("query", "words"),
    [("currency=IDR", "gross_amount is required"), ("gross_amount=much", "gross_amount is invalid")],
)
async def test_promotions_for_no_amount_are_refused_as_on_the_page(query: str, words: str) -> None:
    simulated = simulator()
    request = signed(simulated, FetchPromotions(account_id="a", gross_amount=Money(1)))
    status, body = await told(simulated, evolve(request, target=f"/v2/gopay/promo/a%20b?{query}"))

    assert (status, body["status_code"], body["id"]) == (200, "400", "a b")
    assert body["validation_messages"] == [words]


async def test_promotions_need_no_currency() -> None:
    simulated = simulator()
    request = signed(simulated, FetchPromotions(account_id="a", gross_amount=Money(1)))
    target = f"/v2/gopay/promo/{SAMPLE_ACCOUNT}?gross_amount=100.00"
    _, body = await told(simulated, evolve(request, target=target))

    assert (body["status_code"], len(body["promotions"])) == ("200", 1)


async def test_a_linked_query_without_an_amount_names_no_account() -> None:
    simulated = simulator()
    customer = customer_of(simulated.link().token)
    request = signed(simulated, FetchLinkedPromotions(gross_amount=Money(1)), customer=customer)
    _, body = await told(simulated, evolve(request, target="/v2/gopay/promo/"))

    assert "id" not in body


async def test_balances_tell_what_came_in_and_went_out() -> None:
    simulated = simulator(policy=Policy(balance=Money(1_000_000)))
    async with session(simulated) as gopay:
        simulated.clock.advance(60)
        simulated.pay((await gopay.send(payment())).reference_no or "")
        await gopay.send(top_up())
        told = await gopay.send(FetchBalanceMutation(start_time=START, end_time=simulated.clock.now()))

    assert (told.opening_balance_effective, told.closing_balance_effective) == (Money(1_000_000), Money(1_075_000))
    assert [one.closing_balance_overall for one in told.wallets] == [Money(100_000), Money(975_000)]


async def test_balances_without_a_period_are_refused_as_on_the_page() -> None:
    simulated = simulator()
    request = signed(simulated, FetchBalanceMutation(start_time=START, end_time=START))
    status, body = await told(simulated, evolve(request, target="/v1/balance/mutation?currency=IDR"))

    assert (status, body) == (400, {"error_messages": ["start_time must not be empty"]})


async def history(gopay: GoPaySession, **asked: Any) -> list[str | None]:
    found = await gopay.send(ListTransactions(**asked))
    return [one.partner_reference_no for one in found.transactions]


async def test_the_history_is_filtered_sorted_and_paged() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        for number in range(3):
            await gopay.send(payment(f"order-{number}"))
            simulated.clock.advance(1)
        await gopay.send(top_up())
        newest = await history(gopay)
        oldest = await history(gopay, sort_order="ASC", page_size=2)
        second = await history(gopay, sort_order="ASC", page_size=2, page_number=1)
        payouts = await history(gopay, types=["DISBURSEMENT"], disbursement_statuses=["PROCESSING"])
        one = await history(gopay, partner_reference_no="order-1", types=["PAYMENT"])
        none = await history(gopay, payment_statuses=["SETTLEMENT"], types=["PAYMENT"])
        early = await history(gopay, to_date_time=START)

    assert (newest[0], len(newest)) == ("payout-1", 4)
    assert (oldest, second) == (["order-0", "order-1"], ["order-2", "payout-1"])
    assert (payouts, one, none, early) == (["payout-1"], ["order-1"], [], ["order-0"])


async def test_a_transaction_is_shown_whole() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        reference = await paid(gopay, simulated)
        await gopay.send(refund(reference, "r1", 10_000))
        payout = await gopay.send(top_up())
        shown = await gopay.send(FetchTransaction(original_partner_reference_no="order-1", reference_no=reference))
        other = await gopay.send(
            FetchTransaction(original_partner_reference_no="payout-1", reference_no=payout.reference_no or "")
        )
        with pytest.raises(NotFound) as unknown:
            await gopay.send(FetchTransaction(original_partner_reference_no="order-2", reference_no=reference))

    assert (shown.status, shown.channel, other.status) == ("REFUND", "gopay", "PROCESSING")
    assert [one.amount for one in shown.refunds] == [Money(10_000)]
    assert unknown.value.code == "4041301"


# --- mini-app ------------------------------------------------------------------------------------------------------


async def test_an_auth_code_is_good_once_and_for_six_minutes() -> None:
    simulated = simulator()
    used, late = simulated.auth_code(), simulated.auth_code()
    async with session(simulated) as gopay:
        applied = await gopay.send(ApplyToken(auth_code=used))
        simulated.clock.advance(360)
        messages = []
        for code in (used, late):
            with pytest.raises(Refused) as raised:
                await gopay.send(ApplyToken(auth_code=code))
            messages.append(raised.value.message)

    assert applied.auth_token == simulated.user.auth_token
    assert messages == ["AuthCode Not Found"] * 2


REWARD = GiveReward(amount=Money(2_500), description="Thank you")


async def test_a_reward_is_given_once_under_one_request_id() -> None:
    simulated = simulator()
    customer = Customer(simulated.user.auth_token)
    async with session(simulated) as gopay:
        first = await gopay.send(REWARD, external_id="1" * 32, customer=customer)
        second = await gopay.send(REWARD, external_id="1" * 32, customer=customer)

    assert first.payment_id == second.payment_id
    assert simulated.user.coins == Money(2_500)


@pytest.mark.parametrize(
    ("made", "code", "message"),
    [({"is_fraud": True}, "4060", "Fraud validation error"), ({"is_gone": True}, "", "User not found")],
)
async def test_a_reward_is_refused_for_some_users(made: dict[str, bool], code: str, message: str) -> None:
    simulated = simulator()
    user = simulated.books.people.add_user(**made)
    async with session(simulated) as gopay:
        with pytest.raises(Refused) as raised:
            await gopay.send(REWARD, customer=Customer(user.auth_token))

    assert (raised.value.code, raised.value.message) == (code, message)
    assert isinstance(raised.value, SuspectedFraud) == (code == "4060")


async def test_a_reward_needs_a_known_type_and_a_funded_wallet() -> None:
    simulated = simulator(policy=Policy(wallet=Money(1_000)))
    customer = Customer(simulated.user.auth_token)
    codes = []
    async with session(simulated) as gopay:
        for asked in (but(REWARD, reward_type="CANDY"), REWARD):
            with pytest.raises(Refused) as raised:
                await gopay.send(asked, customer=customer)
            codes.append(raised.value.code)

    assert codes == ["310", "900"]


@pytest.mark.parametrize(
    ("body", "code"), [(b"{}", "303"), (b'{"amount":"x","description":"d"}', "310"), (b"{", "902")]
)
async def test_a_wrong_field_of_the_mini_app_has_its_code(body: bytes, code: str) -> None:
    simulated = simulator()
    request = signed(simulated, REWARD, customer=Customer(simulated.user.auth_token), body=body)
    _, answer = await told(simulated, request)

    assert answer["error"]["code"] == code


GEMS = {"mini_app_name": "Pet", "activity_name": "feed"}


async def test_gems_are_given_counted_and_collected() -> None:
    simulated = simulator()
    customer = Customer(simulated.user.auth_token)
    async with session(simulated) as gopay:
        await gopay.send(but(REWARD, reward_type="GOPAY_GEMS", metadata=GEMS), customer=customer)
        await gopay.send(CollectGems(amount=Money(500), description="x", metadata=GEMS), customer=customer)
        with pytest.raises(Refused) as raised:
            await gopay.send(CollectGems(amount=Money(2_001), description="x", metadata=GEMS), customer=customer)
        left = await gopay.send(QueryGems(), customer=customer)

    assert (left.balance, raised.value.code) == (2_000, "43001")


async def test_a_reminder_is_set_changed_and_deleted() -> None:
    simulated = simulator()
    customer = Customer(simulated.user.auth_token)
    asked = SetReminder(template_name="T", template_parameters={"a": 1})
    async with session(simulated) as gopay:
        made = await gopay.send(asked, customer=customer)
        same = await gopay.send(but(asked, reminder_id=made.reminder_id), customer=customer)
        await gopay.send(DeleteReminder(reminder_id=made.reminder_id), customer=customer)
        with pytest.raises(Refused) as raised:
            await gopay.send(DeleteReminder(reminder_id=made.reminder_id), customer=customer)

    assert (same.reminder_id, raised.value.message) == (made.reminder_id, "Reminder not found")


async def test_a_template_that_was_not_issued_is_refused() -> None:
    simulated = simulator(policy=Policy(templates={"KNOWN"}))
    customer = Customer(simulated.user.auth_token)
    async with session(simulated) as gopay:
        await gopay.send(PushNotification(template_name="KNOWN", template_parameters={}), customer=customer)
        with pytest.raises(Refused) as raised:
            await gopay.send(PushNotification(template_name="OTHER", template_parameters={}), customer=customer)

    assert raised.value.code == "40003"


async def test_a_profile_is_shown_with_consent_only() -> None:
    simulated = simulator()
    people = simulated.books.people
    shy, gone = people.add_user(has_consented=False), people.add_user(is_gone=True)
    codes = []
    async with session(simulated) as gopay:
        shown = await gopay.send(FetchProfile(), customer=Customer(simulated.user.auth_token))
        for asked in (FetchProfile(), PushNotification(template_name="T", template_parameters={})):
            with pytest.raises(OperationError) as raised:
                await gopay.send(asked, customer=Customer(gone.auth_token))
            codes.append(raised.value.code)
        with pytest.raises(Refused) as unwilling:
            await gopay.send(FetchProfile(), customer=Customer(shy.auth_token))

    assert (shown.email, shown.username) == ("user1@example.com", "user1")
    assert (codes, unwilling.value.code) == (["105", ""], "400004")


def test_every_way_to_prove_who_calls_is_checked() -> None:
    assert {one.endpoint.auth for one in OPERATIONS} <= set(Auth)
