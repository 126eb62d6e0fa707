"""The bytes that were signed are the bytes on the wire: signatures are made again from what a raw server received.

Uses nothing of `gopay_async.signing`.
"""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from gopay_async import Customer, Money, OutcomeUnknown, Unavailable
from gopay_async.api import ApplyToken, CreatePayment
from gopay_async.errors import OperationError
from gopay_async.fields import IN_PATH, IN_QUERY, INFO, Name, Text, answer, message
from gopay_async.models import WIB, Address, CustomerDetails, Item, UrlParam
from gopay_async.operation import Answer, Auth, Endpoint, Need, Operation, Retry

from . import misbehaving as provider
from .calls import CALLS, NOON, PAYMENT, PROMOTIONS, REWARD, STATE, TOP_UP, Call, gopay
from .keys_for_tests import MERCHANT_KEY, credentials
from .misbehaving import Misbehaving, Seen, issue, misbehaving

ID = "12345678901234567890123456789012"
NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SNAP_OK = {"responseCode": "2000000", "responseMessage": "Successful"}


@answer
class Found(Answer):
    """Whatever was found."""


@message
class Put(Operation[Found]):
    """A call with a free body."""

    endpoint = Endpoint(path="/v1.0/put", service="00", retry=Retry.NEVER, customer=Need.OPTIONAL, source="none")
    text: Annotated[str | None, Text(10_000)] = None
    free: Annotated[Mapping[str, Any] | None, INFO] = None


@message
class Look(Operation[Found]):
    """A call without a body."""

    endpoint = Endpoint(path="/v1.0/look/{place}", method="GET", service="00", retry=Retry.RESEND, source="none")
    place: Annotated[str, Text(200), IN_PATH]
    word: Annotated[str | None, Text(200), IN_QUERY] = None
    since: Annotated[datetime | None, IN_QUERY, Name("from")] = None
    amount: Annotated[Money | None, IN_QUERY] = None


@message
class Post(Look):
    """The same with a body."""

    endpoint = Endpoint(path="/v1.0/post/{place}", service="00", retry=Retry.NEVER, source="none")
    text: Annotated[str | None, Text(200)] = None


@message
class Remove(Look):
    """The same by DELETE."""

    endpoint = Endpoint(path="/v1.0/look/{place}", method="DELETE", service="00", retry=Retry.NEVER, source="none")


@message
class Gems(Operation[Found]):
    """A read of the mini-app backend."""

    endpoint = Endpoint(
        path="/v1/gems", method="GET", auth=Auth.USER_TOKEN, retry=Retry.RESEND, customer=Need.REQUIRED, source="none"
    )


async def seen(operation: Operation[Any], said: Any = SNAP_OK, customer: Customer | None = None) -> Seen:
    """Send *operation* and return what arrived."""
    async with misbehaving(provider.answer(said)) as server, gopay(server) as session:
        await session.send(operation, external_id=ID, customer=customer)
    return server.calls[0]


def expected_signature(request: Seen, *, token: str = "token-1", body_hash: str = "") -> str:
    """Return the signature that the bytes on the wire deserve."""
    hashed = body_hash or hashlib.sha256(request.body).hexdigest()
    text = f"{request.method}:{request.target}:{token}:{hashed}:{request.timestamp}"
    secret = credentials().client_secret or ""
    return b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha512).digest()).decode()


# --- bodies --------------------------------------------------------------------------------------------------------

BODIES: dict[str, Operation[Any]] = {
    "slashes": Put(text="https://example.com/a/b?c=d&e=%2F"),
    "not ASCII": Put(text="Kopi susu « Rp 10.000 ☕ 咖啡 \U0001f60a"),
    "quotes and escapes": Put(text='say "hi" \\ back\tslash\nline\u2028\x7f\x00'),
    "spaces": Put(text="  two  spaces  ", free={"a b": " c  d "}),
    "nested": Put(free={"z": {"y": [{"x": [1, [2, {"w": None}]]}, True]}, "a": {}, "b": []}),
    "numbers": Put(
        free={"int": 10**20, "neg": -7, "float": 0.1, "exp": 1e21, "two": Decimal("10000.25"), "i": Decimal("7.00")}
    ),
    "empty": Put(),
    "a payment": CreatePayment(
        partner_reference_no="order-1",
        amount=Money("10000.50"),
        url_params=[UrlParam(url="merchantapp://payments/callback/12345?x=%3A y")],
        customer_details=CustomerDetails(first_name="Jürgen", billing_address=Address(address="Jl. Sudirman / 5")),
        items=[Item(name="Kopi ☕", price=Money(5_000), quantity="2")],
        metadata={"nested": {"list": [1, "2", 3.5]}},
        valid_up_to=datetime(2026, 1, 5, 13, tzinfo=WIB),
    ),
}


@pytest.mark.parametrize("operation", BODIES.values(), ids=BODIES)
async def test_the_signature_fits_the_body_that_arrived(operation: Operation[Any]) -> None:
    request = await seen(operation, {**SNAP_OK, "webRedirectUrl": "https://gopay.co.id/app"})

    assert request.headers["x-signature"] == expected_signature(request)


@pytest.mark.parametrize("operation", BODIES.values(), ids=BODIES)
async def test_a_body_is_compact_and_escapes_only_what_it_must(operation: Operation[Any]) -> None:
    request = await seen(operation, {**SNAP_OK, "webRedirectUrl": "https://gopay.co.id/app"})

    again = json.dumps(json.loads(request.body), ensure_ascii=False, separators=(",", ":")).encode()
    assert request.body == again


async def test_a_payment_carries_the_token_of_its_own_header_in_the_body() -> None:
    request = await seen(PAYMENT.operation, PAYMENT.good)

    assert json.loads(request.body)["chargeToken"] == "token-1"
    assert request.headers["authorization"] == "Bearer token-1"


# --- request targets -----------------------------------------------------------------------------------------------

TARGETS: list[tuple[dict[str, Any], str]] = [
    ({"place": "plain-1"}, "plain-1"),
    ({"place": "a+b"}, "a%2Bb"),
    ({"place": "a:b"}, "a%3Ab"),
    ({"place": "a/b"}, "a%2Fb"),
    ({"place": "a b"}, "a%20b"),
    ({"place": "%2B"}, "%252B"),
    ({"place": "?#&="}, "%3F%23%26%3D"),
    ({"place": ".."}, ".."),
    ({"place": "kopi☕"}, "kopi%E2%98%95"),
    ({"place": "p", "word": "a+b c/d:e"}, "p?word=a%2Bb%20c%2Fd%3Ae"),
    ({"place": "p", "word": "%"}, "p?word=%25"),
    ({"place": "p", "since": NOON}, "p?from=2026-01-05T12%3A00%3A00%2B07%3A00"),
    ({"place": "p", "word": "x", "amount": Money(5)}, "p?word=x&amount=5.00"),
]
KINDS = [Look, Post, Remove]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("fields", "target"), TARGETS, ids=[target for _, target in TARGETS])
async def test_the_target_goes_out_encoded_once_and_as_it_was_signed(
    kind: type[Look], fields: dict[str, Any], target: str
) -> None:
    request = await seen(kind(**fields))

    assert request.target == kind.endpoint.path.replace("{place}", target)
    assert request.headers["x-signature"] == expected_signature(request)


@pytest.mark.parametrize("kind", [Look, Remove])
async def test_a_call_without_a_body_signs_the_hash_of_nothing(kind: type[Look]) -> None:
    request = await seen(kind(place="p"))

    assert request.body == b""
    assert request.headers["x-signature"] == expected_signature(request, body_hash=NOTHING)


async def test_what_stands_in_the_target_does_not_stand_in_the_body() -> None:
    request = await seen(Post(place="p", word="w", text="t"))

    assert request.body == b'{"text":"t"}'


# --- the token call ------------------------------------------------------------------------------------------------


async def token_call() -> Seen:
    async with misbehaving(provider.answer(STATE.good)) as server, gopay(server) as session:
        await session.send(STATE.operation)
    return server.token_calls[0]


async def test_the_token_call_is_signed_with_the_private_key() -> None:
    request = await token_call()

    signed = f"{credentials().client_id}|{request.timestamp}".encode()
    # Raises when the signature does not fit.
    MERCHANT_KEY.public_key().verify(b64decode(request.headers["x-signature"]), signed, PKCS1v15(), SHA256())
    assert request.body == b'{"grantType":"client_credentials"}'


async def test_times_go_out_in_seconds_at_the_provider_s_offset() -> None:
    request = await token_call()

    assert request.timestamp == "2026-01-05T12:00:00+07:00"


# --- headers -------------------------------------------------------------------------------------------------------

EVERYWHERE = {"host", "accept", "accept-encoding", "user-agent"}
BODY = {"content-type", "content-length"}
SNAP = {"authorization", "x-timestamp", "x-signature", "x-partner-id", "x-external-id", "channel-id", "content-type"}
LINKED = Customer(
    "customer-token", device_id="Mozilla/5.0 (X11)", ip_address="10.0.0.7", latitude="-6.2", longitude="106.8"
)


@pytest.mark.parametrize(
    ("operation", "said", "customer", "headers"),
    [
        (TOP_UP.operation, TOP_UP.good, None, EVERYWHERE | BODY | SNAP),
        (Look(place="p"), SNAP_OK, None, EVERYWHERE | SNAP),
        (PROMOTIONS.operation, PROMOTIONS.good, None, EVERYWHERE | {"authorization", "content-type"}),
        (Gems(), {"success": True}, Customer("u"), EVERYWHERE | {"authorization", "request-id"}),
        (REWARD.operation, REWARD.good, Customer("u"), EVERYWHERE | BODY | {"authorization", "request-id"}),
        (
            ApplyToken(auth_code="code"),
            {"success": True, "data": {"auth_token": "t"}},
            None,
            EVERYWHERE | BODY | {"authorization", "request-id"},
        ),
        (Put(), SNAP_OK, Customer("c"), EVERYWHERE | BODY | SNAP | {"authorization-customer"}),
        (
            Put(),
            SNAP_OK,
            LINKED,
            EVERYWHERE
            | BODY
            | SNAP
            | {"authorization-customer", "x-device-id", "x-ip-address", "x-latitude", "x-longitude"},
        ),
    ],
    ids=["top-up", "GET", "promotions", "gems", "reward", "user token", "linked", "linked with all"],
)
async def test_a_call_carries_exactly_its_headers(
    operation: Operation[Any], said: dict[str, Any], customer: Customer | None, headers: set[str]
) -> None:
    request = await seen(operation, said, customer)

    assert set(request.headers) == headers


async def test_the_token_call_carries_exactly_its_headers() -> None:
    request = await token_call()

    assert set(request.headers) == EVERYWHERE | BODY | {"x-timestamp", "x-client-key", "x-signature"}


@pytest.mark.parametrize(
    ("call", "values"),
    [
        (
            TOP_UP,
            {
                "x-partner-id": "partner-7",
                "channel-id": "95221",
                "x-external-id": ID,
                "authorization": "Bearer token-1",
                "content-type": "application/json",
            },
        ),
        (PROMOTIONS, {"authorization": f"Basic {b64encode(b'server-key-for-tests:').decode()}"}),
        (REWARD, {"authorization": "Bearer user-token", "request-id": ID}),
        (Call(Put(), SNAP_OK, LINKED), {"authorization-customer": "Bearer customer-token", "x-ip-address": "10.0.0.7"}),
        (
            Call(ApplyToken(auth_code="c"), {"success": True, "data": {"auth_token": "t"}}),
            {"authorization": "Basic bWluaS1hcHA6Y3JlZGVudGlhbA=="},
        ),
    ],
    ids=["top-up", "promotions", "reward", "linked", "user token"],
)
async def test_the_headers_say_who_calls(call: Call, values: dict[str, str]) -> None:
    request = await seen(call.operation, call.good, call.customer)

    assert {name: request.headers[name] for name in values} == values


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
async def test_an_answer_is_asked_for_as_plain_json(call: Call) -> None:
    request = await seen(call.operation, call.good, call.customer)

    assert request.headers["accept"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
async def test_no_secret_stands_on_the_wire_but_in_its_own_header(call: Call) -> None:
    request = await seen(call.operation, call.good, call.customer)

    rest = b"\r\n".join(line for line in request.head.split(b"\r\n") if not line.lower().startswith(b"authorization"))
    secrets = ("client_secret", "server_key", "mini_app_credential")
    planted = [str(getattr(credentials(), name)).encode() for name in secrets]
    assert [secret for secret in planted if secret in rest + request.body] == []


# --- what the HTTP library must not do -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("call", "error"), [(TOP_UP, OutcomeUnknown), (PROMOTIONS, Unavailable)], ids=["TopUp", "FetchPromotions"]
)
async def test_a_redirect_is_not_followed(call: Call, error: type[OperationError], status: int) -> None:
    async with misbehaving(provider.answer(call.good)) as elsewhere:
        moved = provider.answer({}, status, {"Location": f"{elsewhere.url}/v1.0/emoney/topup"})
        async with misbehaving(moved) as server, gopay(server) as session:
            with pytest.raises(error):
                await session.send(call.operation)

    assert (len(server.calls), elsewhere.connections) == (1, 0)


async def test_a_redirected_token_call_is_not_followed() -> None:
    async with misbehaving() as elsewhere:
        moved = provider.answer({}, 307, {"Location": f"{elsewhere.url}/v1.0/access-token/b2b"})
        async with misbehaving(tokens=(moved,)) as server, gopay(server) as session:
            with pytest.raises(OperationError):
                await session.send(TOP_UP.operation)

    assert (len(server.token_calls), elsewhere.connections) == (1, 0)


async def twice(server: Misbehaving) -> tuple[Seen, Seen]:
    async with server, gopay(server) as session:
        await session.send(TOP_UP.operation)
        await session.send(TOP_UP.operation)
    first, second = server.calls
    return first, second


async def test_a_cookie_is_not_sent_back() -> None:
    cookie = {"Set-Cookie": "session=planted; Path=/"}

    _, second = await twice(misbehaving(provider.answer(TOP_UP.good, headers=cookie), tokens=(issue(),)))

    assert "cookie" not in second.headers


async def test_a_connection_is_used_again() -> None:
    server = misbehaving(provider.answer(TOP_UP.good))

    await twice(server)

    assert server.connections == 1


async def test_a_proxy_from_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with misbehaving() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        await seen(PAYMENT.operation, PAYMENT.good)

    assert proxy.connections == 0


async def test_a_reward_s_amount_is_an_object_with_a_whole_number() -> None:
    request = await seen(REWARD.operation, REWARD.good, REWARD.customer)

    assert json.loads(request.body)["amount"] == {"value": 500, "currency": "IDR"}
