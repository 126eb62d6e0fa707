"""The session's life: who may use it, when, with what; and everything it says no to before any network."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import anyio
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gopay_async import (
    ConfigurationError,
    Credentials,
    Customer,
    Environment,
    GoPaySession,
    InvalidInput,
    Money,
    NotSent,
    OutcomeUnknown,
    new_external_id,
)
from gopay_async.api import ApplyToken, CreatePayment, IssueToken, PaymentState, QueryTransfer, TopUp
from gopay_async.errors import OperationError, SessionMisuse
from gopay_async.exchange import Request, Response
from gopay_async.fields import Text, answer, message
from gopay_async.operation import Answer, Endpoint, Family, Need, Operation, Retry
from gopay_async.transport import Departure

from .calls import CALLS, PAYMENT, PROMOTIONS, REWARD, STATE, TOP_UP, Call, GivenToken, NightClock, gopay
from .keys_for_tests import MERCHANT_KEY, credentials
from .misbehaving import answer as says
from .misbehaving import hang, misbehaving

ID = "12345678901234567890123456789012"


class Untouched:
    """A transport that must not be used."""

    def __init__(self) -> None:
        self.closed = 0

    async def send(self, request: Request, departure: Departure) -> Response:
        raise AssertionError("something was sent")

    async def aclose(self) -> None:
        self.closed += 1


class Told:
    """A transport that answers every call alike, and any token call with a token."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def send(self, request: Request, departure: Departure) -> Response:
        token = b'{"accessToken":"token-1"}'
        return Response(200, {}, token if request.target == IssueToken.endpoint.path else self.body)

    async def aclose(self) -> None:
        pass


def quiet(given: Credentials | None = None, environment: Environment = Environment.PRODUCTION) -> GoPaySession:
    """Return a session that must send nothing."""
    return GoPaySession(given or credentials(), environment, transport=Untouched())


# --- its life ------------------------------------------------------------------------------------------------------


async def test_a_session_is_not_used_before_it_is_open() -> None:
    with pytest.raises(SessionMisuse, match="not open"):
        await quiet().send(STATE.operation)


async def test_a_session_is_not_used_after_it_was_closed() -> None:
    async with quiet() as session:
        pass

    with pytest.raises(SessionMisuse, match="closed"):
        await session.send(STATE.operation)


async def test_a_closed_session_is_not_opened_again() -> None:
    async with quiet() as session:
        pass

    with pytest.raises(SessionMisuse, match="closed"):
        await session.__aenter__()


async def test_a_session_that_was_never_opened_can_be_closed() -> None:
    transport = Untouched()

    await GoPaySession(credentials(), Environment.SANDBOX, transport=transport).aclose()

    assert transport.closed == 1


async def test_a_session_may_be_closed_twice() -> None:
    async with misbehaving(says(STATE.good)) as server, gopay(server) as session:
        await session.send(STATE.operation)
        await session.aclose()


def test_a_session_is_not_used_from_another_loop() -> None:
    session = quiet()
    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(session.__aenter__())
        with pytest.raises(SessionMisuse, match="event loop"):
            second.run(session.send(STATE.operation))
        first.run(session.aclose())


def test_an_open_session_is_not_opened_in_another_loop() -> None:
    session = quiet()
    with asyncio.Runner() as first, asyncio.Runner() as second:
        first.run(session.__aenter__())
        with pytest.raises(SessionMisuse, match="event loop"):
            second.run(session.__aenter__())
        first.run(session.aclose())


FORKING = """
import asyncio, os, sys
from gopay_async import Credentials, Environment, GoPaySession
from gopay_async.api import FetchPromotions
from gopay_async.errors import SessionMisuse
from gopay_async.models import Money

session = GoPaySession(Credentials(server_key="key"), Environment.SANDBOX)
asyncio.Runner().run(session.__aenter__())
if os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
try:
    asyncio.Runner().run(session.send(FetchPromotions(account_id="a", gross_amount=Money(1))))
except SessionMisuse as error:
    print(error, flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system: no session can be carried over")
def test_a_session_is_not_used_in_a_process_that_was_forked_off() -> None:
    # In an interpreter of its own, because a process with threads must not fork.
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True)

    assert "another process" in done.stdout


async def test_a_session_is_not_used_under_another_process_id(monkeypatch: pytest.MonkeyPatch) -> None:
    async with quiet() as session:
        monkeypatch.setattr(os, "getpid", lambda: -1)
        with pytest.raises(SessionMisuse, match="another process"):
            await session.send(STATE.operation)


async def test_a_session_is_opened_in_one_task_and_closed_in_another() -> None:
    async with misbehaving(says(STATE.good)) as server:
        session = gopay(server)
        await asyncio.create_task(session.__aenter__())
        answered = await asyncio.create_task(session.send(STATE.operation))
        await asyncio.create_task(session.__aexit__(None, None, None))

    assert answered.status.is_paid


@pytest_asyncio.fixture
async def open_session() -> AsyncIterator[GoPaySession]:
    async with misbehaving(says(STATE.good)) as server, gopay(server) as session:
        yield session


async def test_a_fixture_opens_and_closes_a_session(open_session: GoPaySession) -> None:
    answered = await open_session.send(STATE.operation)

    assert answered.status.is_paid


def test_a_session_can_be_made_where_no_loop_runs() -> None:
    async def use(session: GoPaySession) -> str:
        async with session:
            answered: PaymentState = await session.send(STATE.operation)
            return answered.response_code

    session = GoPaySession(
        credentials(),
        Environment.SANDBOX,
        transport=Told(b'{"responseCode":"2005500","latestTransactionStatus":"00"}'),
    )

    assert asyncio.run(use(session)) == "2005500"


async def test_a_call_under_way_ends_in_an_error_when_the_session_is_closed() -> None:
    async with misbehaving(hang) as server, gopay(server, token_store=GivenToken()) as session:
        task = asyncio.create_task(session.send(TOP_UP.operation))
        await server.arrived(1)
        await session.aclose()
        with pytest.raises(OutcomeUnknown):
            await task


async def test_a_call_that_awaits_a_connection_ends_in_an_error_when_the_session_is_closed() -> None:
    async with (
        misbehaving(hang) as server,
        gopay(server, connections=1, token_store=GivenToken()) as session,
    ):
        first = asyncio.create_task(session.send(TOP_UP.operation))
        await server.arrived(1)
        second = asyncio.create_task(session.send(TOP_UP.operation))
        await anyio.wait_all_tasks_blocked()
        await session.aclose()
        ends = await asyncio.gather(first, second, return_exceptions=True)

    assert [type(end) for end in ends] == [OutcomeUnknown, NotSent]


async def test_a_call_between_two_attempts_sends_nothing_more_when_the_session_is_closed() -> None:
    clock = Snoozing()
    async with misbehaving(says({}, 500)) as server, gopay(server, clock=clock) as session:
        task = asyncio.create_task(session.send(PAYMENT.operation))
        await clock.asleep.wait()
        await session.aclose()
        clock.woken.set()
        with pytest.raises(OutcomeUnknown):
            await task

    assert len(server.calls) == 1


class Snoozing(NightClock):
    """A clock by which a sleep ends when it is told to."""

    woken: asyncio.Event

    def __init__(self) -> None:
        super().__init__()
        self.woken = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.asleep.set()
        await self.woken.wait()


async def test_two_sessions_do_not_share_a_connection() -> None:
    async with misbehaving(says(STATE.good)) as server:
        for _ in range(2):
            async with gopay(server) as session:
                await session.send(STATE.operation)

    assert server.connections == 2


async def test_no_more_connections_are_open_than_the_pool_may_have() -> None:
    async with misbehaving(says(REWARD.good)) as server, gopay(server, connections=3) as session:
        await asyncio.gather(*(session.send(REWARD.operation, customer=REWARD.customer) for _ in range(30)))

    assert len(server.calls) == 30
    assert server.connections == 3


# --- arguments -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0, -1, 86_400, float("nan"), float("inf"), True, "30", None])
def test_a_timeout_is_a_number_of_seconds(seconds: Any) -> None:
    with pytest.raises(InvalidInput, match="timeout"):
        GoPaySession(credentials(), Environment.SANDBOX, timeout=seconds)


@pytest.mark.parametrize("seconds", [0, -1, 86_400, float("nan"), float("inf"), True, "30"])
async def test_a_timeout_of_one_call_is_a_number_of_seconds(seconds: Any) -> None:
    async with quiet() as session:
        with pytest.raises(InvalidInput, match="timeout"):
            await session.send(STATE.operation, timeout=seconds)


@pytest.mark.parametrize("connections", [0, -1, 1.5, True, "100", None])
def test_a_pool_has_a_whole_number_of_connections(connections: Any) -> None:
    with pytest.raises(InvalidInput, match="connections"):
        GoPaySession(credentials(), Environment.SANDBOX, connections=connections)


@pytest.mark.parametrize("operation", [TopUp, None, "TopUp", {"amount": 1}])
async def test_only_an_operation_is_sent(operation: Any) -> None:
    async with quiet() as session:
        with pytest.raises(InvalidInput, match="operation"):
            await session.send(operation)


def test_a_session_s_repr_names_environment_and_client() -> None:
    assert repr(quiet()) == "<GoPaySession PRODUCTION client_id=G1234325-SNAP>"


async def test_the_session_s_timeout_holds_for_a_call_without_its_own() -> None:
    # A slow machine gets more time to get there.
    for timeout in (0.1, 1.0, 10.0):
        async with misbehaving(hang) as server, gopay(server, timeout=timeout, token_store=GivenToken()) as session:
            with pytest.raises(OperationError, match="time") as caught:
                await session.send(TOP_UP.operation)
        if server.calls:
            break

    assert type(caught.value) is OutcomeUnknown


# --- external ids --------------------------------------------------------------------------------------------------


@answer
class Made(Answer):
    """Made."""


@message
class Generate(Operation[Made]):
    """A call whose id stands in its body."""

    endpoint = Endpoint(
        path="/v1.0/qr/generate", service="47", retry=Retry.INQUIRE, id_field="partner_reference_no", source="none"
    )
    partner_reference_no: Annotated[str | None, Text(64)] = None


@pytest.mark.parametrize("operation", [PAYMENT.operation, TOP_UP.operation, PROMOTIONS.operation])
@pytest.mark.parametrize("external_id", ["", "x" * 37, "1" * 37, "a b", "ä", "1\n", "٣", "-", "a_b", "a/b", 7, b"1"])
async def test_an_id_that_no_family_takes_is_refused(operation: Operation[Any], external_id: Any) -> None:
    async with quiet() as session:
        with pytest.raises(InvalidInput, match="external_id"):
            await session.send(operation, external_id=external_id)


@pytest.mark.parametrize("operation", [TOP_UP.operation, QueryTransfer(original_partner_reference_no="p")])
async def test_a_payout_s_id_has_digits_only(operation: Operation[Any]) -> None:
    async with quiet() as session:
        with pytest.raises(InvalidInput, match="digits"):
            await session.send(operation, external_id="550e8400-e29b-41d4-a716-446655440000")


@pytest.mark.parametrize("external_id", [ID, "1", "a" * 36, "550e8400-e29b-41d4-a716-446655440000"])
async def test_a_payment_s_id_may_be_a_uuid(external_id: str) -> None:
    async with misbehaving(says(PAYMENT.good)) as server, gopay(server) as session:
        answered = await session.send(PAYMENT.operation, external_id=external_id)

    assert answered.external_id == external_id == server.calls[0].external_id


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
async def test_an_id_that_is_not_given_is_made(call: Call) -> None:
    async with misbehaving(says(call.good)) as server, gopay(server) as session:
        answered = await session.send(call.operation, customer=call.customer)

    assert len(answered.external_id) == 32
    assert answered.external_id.isdigit()


async def test_an_id_that_stands_in_the_body_is_taken_from_there() -> None:
    async with misbehaving(says({"responseCode": "2004700"})) as server, gopay(server) as session:
        await session.send(Generate(partner_reference_no="qr-1"))

    assert server.calls[0].external_id == "qr-1"


async def test_an_id_that_contradicts_the_body_is_refused() -> None:
    async with quiet() as session:
        with pytest.raises(InvalidInput, match="must equal partner_reference_no"):
            await session.send(Generate(partner_reference_no="qr-1"), external_id="qr-2")


async def test_an_id_in_the_body_obeys_the_same_rule() -> None:
    async with quiet() as session:
        with pytest.raises(InvalidInput, match="external_id"):
            await session.send(Generate(partner_reference_no="x" * 37))


async def test_an_id_given_and_in_the_body_may_agree() -> None:
    async with misbehaving(says({"responseCode": "2004700"})) as server, gopay(server) as session:
        await session.send(Generate(partner_reference_no="qr-1"), external_id="qr-1")

    assert server.calls[0].external_id == "qr-1"


def test_fresh_ids_have_32_digits_and_differ() -> None:
    made = [new_external_id() for _ in range(1_000)]

    assert len(set(made)) == 1_000
    assert {(len(one), one.isdigit()) for one in made} == {(32, True)}


# --- customers -----------------------------------------------------------------------------------------------------


@message
class Linked(Operation[Made]):
    """A call for a linked customer's device."""

    endpoint = Endpoint(
        path="/v1.0/linked", service="54", retry=Retry.NEVER, customer=Need.REQUIRED, device=True, source="none"
    )


async def test_a_call_for_a_customer_needs_one() -> None:
    async with quiet() as session:
        with pytest.raises(InvalidInput, match="customer: GiveReward"):
            await session.send(REWARD.operation)


@pytest.mark.parametrize("call", [PAYMENT, TOP_UP, STATE], ids=lambda call: call.name)
async def test_a_call_for_nobody_takes_no_customer(call: Call) -> None:
    async with quiet() as session:
        with pytest.raises(InvalidInput, match="must not carry"):
            await session.send(call.operation, customer=Customer("token"))


@message
class Either(Operation[Made]):
    """A call for a linked customer, or for an account."""

    endpoint = Endpoint(
        path="/v1.0/either",
        service="08",
        retry=Retry.RESEND,
        customer=Need.OPTIONAL,
        instead="account_id",
        source="none",
    )
    account_id: Annotated[str | None, Text(64)] = None


@pytest.mark.parametrize(("account", "customer"), [(None, None), ("account-1", Customer("token"))])
async def test_a_call_for_a_customer_or_an_account_takes_one_of_the_two(
    account: str | None, customer: Customer | None
) -> None:
    async with quiet() as session:
        with pytest.raises(InvalidInput, match="not both"):
            await session.send(Either(account_id=account), customer=customer)


async def test_a_call_for_a_device_needs_the_device() -> None:
    async with quiet() as session:
        with pytest.raises(InvalidInput, match="device_id"):
            await session.send(Linked(), customer=Customer("token"))


async def test_a_call_for_a_device_is_sent_with_it() -> None:
    async with misbehaving(says({"responseCode": "2005400"})) as server, gopay(server) as session:
        await session.send(Linked(), customer=Customer("token", device_id="device-1"))

    assert server.calls[0].headers["x-device-id"] == "device-1"


@pytest.mark.parametrize("field", ["token", "device_id", "ip_address", "latitude", "longitude"])
@pytest.mark.parametrize("value", ["", " a", "a\r\nX-Evil: 1", "ä", 7, b"a", "\x00"])
def test_a_customer_s_headers_are_checked(field: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=field):
        Customer(**{"token": "token", field: value})


# --- credentials ---------------------------------------------------------------------------------------------------

APPLY = Call(ApplyToken(auth_code="code"), {})
SNAP = ("client_id", "client_secret", "private_key", "partner_id", "channel_id")
NEEDS: list[tuple[Call, tuple[str, ...]]] = [
    (PAYMENT, SNAP),
    (TOP_UP, SNAP),
    (STATE, SNAP),
    (Call(IssueToken(), {}), ("client_id", "private_key")),
    (PROMOTIONS, ("server_key",)),
    (APPLY, ("mini_app_credential",)),
]


@pytest.mark.parametrize(("call", "needed"), NEEDS, ids=[call.name for call, _ in NEEDS])
async def test_everything_that_is_missing_is_named_at_once(call: Call, needed: tuple[str, ...]) -> None:
    async with quiet(Credentials()) as session:
        with pytest.raises(ConfigurationError) as caught:
            await session.send(call.operation)

    assert call.name in str(caught.value)
    assert [name for name in needed if name not in str(caught.value)] == []


@pytest.mark.parametrize("name", SNAP)
async def test_a_single_missing_piece_is_named_alone(name: str) -> None:
    async with quiet(credentials(**{name: None})) as session:
        with pytest.raises(ConfigurationError, match=rf"TopUp needs Credentials\({name}=...\)"):
            await session.send(TOP_UP.operation)


async def test_a_reward_needs_no_credentials_but_the_user_s_token() -> None:
    async with misbehaving(says(REWARD.good)) as server, gopay(server, credentials=Credentials()) as session:
        given = await session.send(REWARD.operation, customer=REWARD.customer)

    assert given.payment_id == "0120250107121627"


@message
class Handled(Operation[Made]):
    """A call whose body holds the merchant's payment handle."""

    endpoint = Endpoint(
        path="/v1.0/handled", service="07", retry=Retry.NEVER, fills={"merchantId": "payment_handle"}, source="none"
    )


async def test_a_value_that_send_fills_in_must_be_configured() -> None:
    async with quiet(credentials(payment_handle=None)) as session:
        with pytest.raises(ConfigurationError, match=r"Handled needs Credentials\(payment_handle"):
            await session.send(Handled())


async def test_a_value_that_send_fills_in_is_filled_in() -> None:
    async with misbehaving(says({"responseCode": "2000700"})) as server, gopay(server) as session:
        await session.send(Handled())

    assert server.calls[0].body == b'{"merchantId":"550e8400-e29b-41d4-a716-446655440000"}'


@pytest.mark.parametrize(
    ("given", "configured", "sent"),
    [("G1", "G2", "G1"), (None, "G2", "G2"), ("G1", None, "G1"), (None, None, None)],
)
async def test_the_merchant_of_a_payment_is_the_given_one_or_the_configured_one_or_none(
    given: str | None, configured: str | None, sent: str | None
) -> None:
    payment = CreatePayment(partner_reference_no="order-1", amount=Money(1), merchant_id=given)
    own = credentials(merchant_id=configured)
    async with misbehaving(says(PAYMENT.good)) as server, gopay(server, credentials=own) as session:
        await session.send(payment)

    assert json.loads(server.calls[0].body).get("merchantId") == sent


ENV = {
    "GOPAY_CLIENT_ID": "client",
    "GOPAY_CLIENT_SECRET": "secret",
    "GOPAY_PARTNER_ID": "partner",
    "GOPAY_CHANNEL_ID": "12345",
}


def test_every_missing_variable_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Credentials.from_env({"GOPAY_CLIENT_ID": "client", "GOPAY_PARTNER_ID": " "})

    named = ("CLIENT_SECRET", "PRIVATE_KEY", "PARTNER_ID", "CHANNEL_ID")
    assert [name for name in named if f"GOPAY_{name}" not in str(caught.value)] == []
    assert "GOPAY_CLIENT_ID" not in str(caught.value)


def test_an_empty_environment_names_what_to_set() -> None:
    with pytest.raises(ConfigurationError, match="GOPAY_CLIENT_ID"):
        Credentials.from_env({})


def test_a_group_may_stand_alone_in_the_environment() -> None:
    found = Credentials.from_env({"GOPAY_SERVER_KEY": "server-key"})

    assert (found.server_key, found.client_id) == ("server-key", None)


def test_the_environment_is_the_process_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    pem = MERCHANT_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for name, value in {**ENV, "GOPAY_PRIVATE_KEY": pem}.items():
        monkeypatch.setenv(name, value)

    found = Credentials.from_env().private_key

    assert found is not None
    assert found.private_numbers() == MERCHANT_KEY.private_numbers()


@pytest.mark.parametrize("channel_id", ["1234", "123456", "1234a", "٣٣٣٣٣", ""])
def test_a_channel_id_has_five_digits(channel_id: str) -> None:
    with pytest.raises(InvalidInput, match="channel_id"):
        credentials(channel_id=channel_id)


@pytest.mark.parametrize("name", ["client_id", "client_secret", "partner_id", "server_key", "mini_app_credential"])
@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", " a", "a\n", "ä", 7])
def test_credentials_fit_into_headers(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=name):
        credentials(**{name: value})


# --- environments --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", [Environment.SANDBOX, Environment.STAGING], ids=lambda one: one.name)
@pytest.mark.parametrize(
    ("operation", "customer"), [(REWARD.operation, REWARD.customer), (APPLY.operation, None)], ids=["reward", "token"]
)
async def test_a_test_environment_never_reaches_the_mini_app_backend(
    environment: Environment, operation: Operation[Any], customer: Customer | None
) -> None:
    async with quiet(environment=environment) as session:
        with pytest.raises(ConfigurationError, match=r"mini-app.*Nothing was sent"):
            await session.send(operation, customer=customer)


async def test_staging_has_no_core_api() -> None:
    async with quiet(environment=Environment.STAGING) as session:
        with pytest.raises(ConfigurationError, match="Core API"):
            await session.send(PROMOTIONS.operation)


HOSTS = [
    (Environment.SANDBOX, Family.SNAP, "https://merchants.sbx.midtrans.com"),
    (Environment.SANDBOX, Family.CORE, "https://api.sandbox.midtrans.com"),
    (Environment.SANDBOX, Family.APP, "https://merchants-app.sbx.midtrans.com"),
    (Environment.STAGING, Family.SNAP, "https://merchants.stg.midtrans.com"),
    (Environment.STAGING, Family.APP, "https://merchants-app.stg.midtrans.com"),
    (Environment.PRODUCTION, Family.SNAP, "https://merchants.midtrans.com"),
    (Environment.PRODUCTION, Family.APP, "https://merchants-app.midtrans.com"),
    (Environment.PRODUCTION, Family.CORE, "https://api.midtrans.com"),
    (Environment.PRODUCTION, Family.MINI_APP, "https://public-mini-app-merchants.gopayapi.com"),
]


@pytest.mark.parametrize(("environment", "family", "host"), HOSTS)
def test_every_family_has_its_host(environment: Environment, family: Family, host: str) -> None:
    assert environment.base(family) == host


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:1", "https://example.com", "http://127.9.9.9"]
)
def test_an_environment_stands_at_one_address(url: str) -> None:
    made = Environment.at(url)

    assert {made.base(family) for family in Family} == {url}


def test_a_slash_at_the_end_of_an_address_is_dropped() -> None:
    assert Environment.at("http://127.0.0.1:8080/").base(Family.SNAP) == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8080",
        "ftp://127.0.0.1",
        "http://",
        "http://[",
        "http://example.com",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1:99999",
        "https://example.com:port",
        "https://example.com/v1.0",
        "https://example.com?a=1",
        "https://example.com#a",
        "https://user@example.com",
        "https://user:secret@example.com",
        "https://:secret@example.com",
        "https://@example.com",
        "https://exa mple.com",
    ],
)
def test_an_address_that_is_not_plain_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="url"):
        Environment.at(url)


# --- what comes before any network ---------------------------------------------------------------------------------

BAD: list[Callable[[], Any]] = [
    lambda: Money("1e5"),
    lambda: TopUp(partner_reference_no="\ud800", customer_number="1", customer_name="x", amount=Money(1), notes="a"),
    lambda: ApplyToken(auth_code=""),
]


@pytest.mark.parametrize("make", BAD)
def test_bad_input_is_refused_when_it_is_made(make: Callable[[], Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        make()

    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
async def test_an_answer_carries_code_message_and_the_whole_body(call: Call) -> None:
    good = {**call.good, "unknownField": {"survives": [1, "two"]}}
    async with misbehaving(says(good)) as server, gopay(server) as session:
        answered = await session.send(call.operation, customer=call.customer)

    assert answered.raw == good
    assert answered.response_code == {"GiveReward": "", "FetchPromotions": "200"}.get(
        call.name, call.good.get("responseCode")
    )


async def test_an_error_of_a_bad_transport_is_no_foreign_exception() -> None:
    class Broken(Told):
        async def send(self, request: Request, departure: Departure) -> Response:
            raise RuntimeError("a bug of somebody else")

    session = GoPaySession(credentials(), Environment.SANDBOX, transport=Broken(b""), token_store=GivenToken())

    with pytest.raises(OperationError) as caught:
        async with session:
            await session.send(TOP_UP.operation)

    assert type(caught.value) is OutcomeUnknown
