"""The table of operations: each declared once and whole, its limits checked before anything is sent."""

import inspect
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_type_hints

import attrs
import pytest
from attrs import define, field

from gopay_async import (
    ConfigurationError,
    Customer,
    Environment,
    GoPaySession,
    InvalidInput,
    Money,
    OutcomeUnknown,
    api,
)
from gopay_async.api import (
    NOTIFICATIONS,
    OPERATIONS,
    AuthorizePayment,
    BindAccount,
    BindingState,
    CancelPayment,
    CaptureAuthorization,
    ChargeLinked,
    CollectGems,
    DeleteReminder,
    FetchBalanceMutation,
    FetchProfile,
    FetchPromotions,
    GenerateQris,
    GiveReward,
    InquireAccount,
    ListTransactions,
    PaymentAuthorized,
    PaymentCharged,
    QueryAuthorization,
    QueryBinding,
    QueryGems,
    QueryPayment,
    QueryQris,
    QueryTransfer,
    RefundAuthorization,
    RefundPayment,
    RefundQris,
    TransactionsListed,
    UnbindAccount,
    VoidAuthorization,
    pages,
)
from gopay_async.errors import Unreadable
from gopay_async.exchange import Request, Response, build, check, serialise, target
from gopay_async.models import WIB, Item, PayoutStatus, TransactionStatus, UrlParam
from gopay_async.operation import Answer, Auth, Need, Operation, Retry
from gopay_async.transport import Departure
from gopay_async.wire import structure

from .calls import GivenToken, TurnedClock
from .keys_for_tests import credentials
from .samples import customer_for, operation_of

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.__name__)
changing = [one for one in OPERATIONS if one.endpoint.changes]
RETURN_TO_SHOP = (UrlParam(url="https://shop.example/back"),)
GEMS = {"mini_app_name": "GoPay Pet", "activity_name": "feeding"}
LINKED = Customer("customer-token", device_id="phone-1")
BY_ACCOUNT = QueryBinding(account_id="legacy-1", device_id="phone-1")
NOON = datetime(2026, 1, 5, 12, tzinfo=WIB)

#: What settles an unknown outcome; nothing where the provider has nothing to ask.
INQUIRIES: dict[str, type[Operation[Any]] | None] = {
    "CreatePayment": QueryPayment,
    "ChargeLinked": QueryPayment,
    "RefundPayment": QueryPayment,
    "CancelPayment": QueryPayment,
    "TopUp": QueryTransfer,
    "BindAccount": None,
    "UnbindAccount": QueryBinding,
    "AuthorizePayment": QueryAuthorization,
    "CaptureAuthorization": QueryAuthorization,
    "VoidAuthorization": QueryAuthorization,
    "RefundAuthorization": QueryAuthorization,
    "GenerateQris": QueryQris,
    "RefundQris": QueryQris,
    "CancelQris": QueryQris,
    "ApplyToken": None,
    "GiveReward": None,
    "CollectGems": None,
    "SetReminder": None,
    "DeleteReminder": None,
    "PushNotification": None,
}
RETRIES = {
    Retry.NEVER: {"BindAccount", "UnbindAccount"},
    Retry.INQUIRE: {"TopUp", "GenerateQris"},
    Retry.SAME_ID: set(INQUIRIES) - {"BindAccount", "UnbindAccount", "TopUp", "GenerateQris"},
}


def example(kind: type[Operation[Any]]) -> Operation[Any]:
    """Return the call of *kind* that its page shows."""
    made: Any = kind
    return operation_of(made)


def route(operation: type[Operation[Any]]) -> tuple[str, str]:
    return operation.endpoint.method, operation.endpoint.path


# --- the table -----------------------------------------------------------------------------------------------------


def test_a_route_is_unique_or_says_which_variant_it_is() -> None:
    variants = [(*route(one), one.endpoint.variant) for one in OPERATIONS]
    shared = {one for one, times in Counter(route(one) for one in OPERATIONS).items() if times > 1}

    assert len(set(variants)) == len(OPERATIONS)
    assert all((one.endpoint.variant is not None) is (route(one) in shared) for one in OPERATIONS)


@each_operation
def test_a_service_has_two_digits_and_belongs_to_bi_snap_only(operation: type[Any]) -> None:
    service = operation.endpoint.service
    digits = service is not None and len(service) == 2 and service.isdigit()

    assert digits is (operation.endpoint.auth in (Auth.CLIENT_KEY, Auth.ACCESS_TOKEN))


@each_operation
def test_an_answer_is_a_type_of_its_own_with_words_about_it(operation: type[Any]) -> None:
    assert issubclass(operation.answer, Answer)
    assert operation.answer is not Answer
    assert operation.answer.__name__ in api.__all__
    assert "__doc__" in vars(operation.answer)
    assert str(operation.answer.__doc__).endswith((".", ")"))


@each_operation
def test_an_operation_says_in_one_line_what_it_does(operation: type[Any]) -> None:
    first = str(inspect.getdoc(operation)).splitlines()[0]

    assert operation.__name__ in api.__all__
    assert first.rstrip(")").endswith(".")
    assert first[0].isupper()


@each_operation
def test_an_operation_names_the_page_it_comes_from(operation: type[Any]) -> None:
    host, _, page = operation.endpoint.source.partition("/")

    assert host in ("docs.midtrans.com", "apidevportal.aspi-indonesia.or.id")
    assert page


@pytest.mark.parametrize("retry", RETRIES)
def test_what_may_be_sent_again_is_said_for_every_change(retry: Retry) -> None:
    assert {one.__name__ for one in changing if one.endpoint.retry is retry} == RETRIES[retry]


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.endpoint.retry is Retry.RESEND])
def test_whatever_may_be_resent_is_named_like_a_read(operation: type[Any]) -> None:
    assert operation.__name__.startswith(("Query", "Fetch", "List", "Inquire", "IssueToken"))


@each_operation
def test_every_field_is_annotated_with_a_type_that_resolves(operation: type[Any]) -> None:
    names = {one.name for one in attrs.fields(operation)}

    assert names <= set(get_type_hints(operation, include_extras=True))


def test_the_names_are_sorted_and_complete() -> None:
    constants = [name for name in api.__all__ if name.isupper()]
    classes = [name for name in api.__all__ if name[0].isupper() and not name.isupper()]

    assert api.__all__ == [*sorted(constants), *sorted(classes), "pages"]
    assert {one.__name__ for one in (*OPERATIONS, *NOTIFICATIONS)} <= set(classes)


# --- inquiries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", changing, ids=lambda one: one.__name__)
def test_every_change_knows_what_settles_it(operation: type[Any]) -> None:
    inquiry = example(operation).inquiry("1" * 32)
    kind = type(inquiry) if inquiry else None

    assert kind is INQUIRIES[operation.__name__]


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if not one.endpoint.changes])
def test_a_read_has_no_inquiry(operation: type[Any]) -> None:
    assert example(operation).inquiry("1" * 32) is None


@pytest.mark.parametrize("name", ["CreatePayment", "ChargeLinked", "AuthorizePayment", "GenerateQris"])
def test_a_new_payment_is_asked_for_by_its_external_id(name: str) -> None:
    found: Any = example(getattr(api, name)).inquiry("7" * 32)

    assert attrs.asdict(found)["original_external_id"] == "7" * 32


@pytest.mark.parametrize(
    ("operation", "inquiry"),
    [
        (
            RefundPayment(original_external_id="7", original_partner_reference_no="o-1", partner_refund_no="r-1"),
            QueryPayment(original_external_id="7"),
        ),
        (
            CancelPayment(original_reference_no="A1", original_partner_reference_no="o-1"),
            QueryPayment(original_reference_no="A1"),
        ),
        (
            RefundAuthorization(
                original_reference_no="A1", original_partner_reference_no="o-1", partner_refund_no="r-1"
            ),
            QueryAuthorization(original_reference_no="A1", original_partner_reference_no="o-1"),
        ),
        (
            RefundQris(original_external_id="7", original_partner_reference_no="o-1", partner_refund_no="r-1"),
            QueryQris(original_external_id="7"),
        ),
        (
            GenerateQris(partner_reference_no="o-1", amount=Money(1)),
            QueryQris(original_partner_reference_no="o-1", original_external_id="1" * 32),
        ),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_follow_up_is_settled_by_asking_for_what_it_follows(
    operation: Operation[Any], inquiry: Operation[Any]
) -> None:
    assert operation.inquiry("1" * 32) == inquiry


# --- rules across fields, and one refusal of each family ----------------------------------------------------------


def charge(**changes: Any) -> ChargeLinked:
    given = {
        "partner_reference_no": "o-1",
        "amount": Money(10_000),
        "payment_option_token": "option",
        "url_params": RETURN_TO_SHOP,
    }
    return ChargeLinked(**{**given, **changes})


def authorize(**changes: Any) -> AuthorizePayment:
    given = {"partner_reference_no": "o-1", "amount": Money(10_000), "title": "Ride"}
    return AuthorizePayment(**{**given, **changes})


BAD: list[tuple[str, Callable[[], object]]] = [
    ("amount", lambda: charge(amount=Money(0))),
    ("partner_reference_no", lambda: charge(partner_reference_no="o/1")),
    ("partner_reference_no", lambda: charge(partner_reference_no="x" * 65)),
    ("payment_option_token", lambda: charge(payment_option_token="")),
    ("url_params", lambda: charge(url_params=())),
    ("url_params[0]", lambda: charge(url_params=("https://shop.example",))),
    ("url", lambda: UrlParam(url="https://shop.example/" + "x" * 512)),
    ("promotion_ids[1]", lambda: charge(promotion_ids=("one", "x" * 2049))),
    ("lang", lambda: charge(lang="fr")),
    ("recurring", lambda: charge(recurring="Y")),
    ("valid_up_to", lambda: charge(valid_up_to=datetime(2026, 1, 5))),
    ("items", lambda: charge(items=[Item(name="Tea", price=Money(4_000), quantity="2")])),
    ("original_reference_no", lambda: RefundPayment(original_partner_reference_no="o-1", partner_refund_no="r-1")),
    ("original_reference_no", lambda: CancelPayment(original_partner_reference_no="o-1")),
    ("partner_refund_no", lambda: refund(partner_refund_no="r 1")),
    ("refund_amount", lambda: refund(refund_amount=Money("0.99"))),
    ("reason", lambda: refund(reason="x" * 257)),
    ("original_reference_no", QueryPayment),
    ("customer_number", lambda: InquireAccount(customer_number="+6281773628883")),
    ("auth_code", lambda: BindAccount(auth_code="")),
    ("payment_handle", lambda: UnbindAccount(payment_handle="x" * 65)),
    ("account_id", lambda: QueryBinding(account_id="")),
    ("payment_option_token", authorize),
    ("title", lambda: authorize(title="x" * 257, payment_option_token="option")),
    ("original_reference_no", lambda: QueryAuthorization(original_partner_reference_no="o-1")),
    ("original_reference_no", lambda: void(original_reference_no=None)),
    ("partner_void_no", lambda: void(partner_void_no="v.1")),
    ("partner_reference_no", lambda: GenerateQris(partner_reference_no="o_1", amount=Money(1))),
    ("partner_reference_no", lambda: GenerateQris(partner_reference_no="---", amount=Money(1))),
    ("partner_reference_no", lambda: GenerateQris(partner_reference_no="1" * 37, amount=Money(1))),
    ("acquirer", lambda: GenerateQris(partner_reference_no="o-1", amount=Money(1), acquirer="OVO")),
    ("original_reference_no", QueryQris),
    ("original_external_id", lambda: refund_qris(original_external_id="1" * 33)),
    ("original_reference_no", lambda: refund_qris(original_external_id=None)),
    ("account_id", lambda: FetchPromotions(account_id="..", gross_amount=Money(100))),
    ("gross_amount", lambda: FetchPromotions(account_id="acc-1", gross_amount=Money("0.50"))),
    ("amount", lambda: GiveReward(amount=Money("1.50"), description="Hi")),
    ("metadata", lambda: GiveReward(amount=Money(1), description="Hi", reward_type="GOPAY_GEMS")),
    ("metadata", lambda: CollectGems(amount=Money(1), description="Hi", metadata={"mini_app_name": "Pet"})),
    ("metadata", lambda: CollectGems(amount=Money(1), description="Hi", metadata={**GEMS, "level": 3})),
    ("amount", lambda: CollectGems(amount=Money("1.50"), description="Hi", metadata=GEMS)),
    ("reminder_id", lambda: DeleteReminder(reminder_id=".")),
    ("page_size", lambda: ListTransactions(page_size=51)),
    ("page_size", lambda: ListTransactions(page_size=True)),
    ("page_number", lambda: ListTransactions(page_number=-1)),
    ("types[1]", lambda: ListTransactions(types=["PAYMENT", "PAYOUT"])),
    ("payment_statuses[0]", lambda: ListTransactions(payment_statuses=["PAID"])),
    ("sort_order", lambda: ListTransactions(sort_order="desc")),
    ("to_date_time", lambda: ListTransactions(from_date_time=NOON, to_date_time=NOON - timedelta(days=1))),
    ("end_time", lambda: FetchBalanceMutation(start_time=NOON, end_time=NOON - timedelta(seconds=1))),
]


def refund(**changes: Any) -> RefundPayment:
    given = {"original_reference_no": "A1", "original_partner_reference_no": "o-1", "partner_refund_no": "r-1"}
    return RefundPayment(**{**given, **changes})


def refund_qris(**changes: Any) -> RefundQris:
    given = {"original_external_id": "1", "original_partner_reference_no": "o-1", "partner_refund_no": "r-1"}
    return RefundQris(**{**given, **changes})


def void(**changes: Any) -> VoidAuthorization:
    given = {"original_reference_no": "A1", "original_partner_reference_no": "o-1", "partner_void_no": "v-1"}
    return VoidAuthorization(**{**given, **changes})


@pytest.mark.parametrize(("name", "make"), BAD, ids=[f"{number}-{name}" for number, (name, _) in enumerate(BAD)])
def test_bad_input_is_refused_by_the_name_of_its_field(name: str, make: Callable[[], object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        make()

    assert caught.value.field == name


def test_items_that_sum_up_to_the_amount_are_accepted() -> None:
    tea = Item(name="Tea", price=Money(4_000), quantity="2")
    cake = Item(name="Cake", price=Money(2_000))

    assert charge(items=[tea, cake]).items == (tea, cake)


def test_the_amount_of_an_authorisation_stands_in_both_places() -> None:
    body = json.loads(serialise(authorize(payment_option_token="option"), credentials()))

    assert body["amount"] == {"value": "10000.00", "currency": "IDR"}
    assert body["additionalInfo"]["payOptionDetails"][0]["transAmount"] == body["amount"]


def test_a_custom_integration_authorises_without_an_option() -> None:
    assert authorize(merchant_cross_reference_id="cross-1").payment_option_token is None


@pytest.mark.parametrize("reward_type", ["GOPAY_GEMS", "gopay_gems"])
def test_gems_are_given_with_both_of_their_names(reward_type: str) -> None:
    reward = GiveReward(amount=Money(1), description="Hi", reward_type=reward_type, metadata=GEMS)

    assert reward.metadata == GEMS


def test_an_account_is_asked_for_with_one_rupiah() -> None:
    """Q-FLD-23: demanded, ignored, never deducted."""
    body = json.loads(serialise(InquireAccount(customer_number="6281773628883"), credentials()))

    assert body["amount"] == {"value": "1.00", "currency": "IDR"}


# --- what `send` fills in ------------------------------------------------------------------------------------------

HANDLE = credentials().payment_handle
MID = credentials().merchant_id


@pytest.mark.parametrize(
    ("operation", "name", "value"),
    [
        (charge(), "chargeToken", "customer-token"),
        (BindAccount(auth_code="code"), "merchantId", HANDLE),
        (BindAccount(auth_code="code", payment_handle="other"), "merchantId", "other"),
        (UnbindAccount(), "merchantId", HANDLE),
        (authorize(payment_option_token="option"), "merchantId", MID),
        (authorize(payment_option_token="option", merchant_id=HANDLE), "merchantId", HANDLE),
        (void(), "merchantId", MID),
        (GenerateQris(partner_reference_no="o-1", amount=Money(1)), "merchantId", MID),
        (QueryQris(original_reference_no="A1", merchant_id="G2"), "merchantId", "G2"),
        (refund_qris(), "merchantId", MID),
        (refund_qris(merchant_id="G2"), "merchantId", "G2"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_the_merchant_is_called_depends_on_the_family(operation: Operation[Any], name: str, value: str) -> None:
    """Q-FLD-25: the MID in payments, the handle in linking."""
    body = json.loads(serialise(operation, credentials(), access_token="b2b", customer=LINKED))

    assert body[name] == value


@pytest.mark.parametrize("operation", [BindAccount(auth_code="code"), void(), refund_qris()])
def test_a_name_that_is_mandatory_and_not_configured_is_asked_for(operation: Operation[Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"merchant_id|payment_handle"):
        check(operation, credentials(merchant_id=None, payment_handle=None), None)


def test_a_name_that_the_operation_carries_need_not_be_configured() -> None:
    check(BindAccount(auth_code="code", payment_handle="other"), credentials(payment_handle=None), None)


def test_an_optional_name_that_is_not_configured_stays_away() -> None:
    body = serialise(QueryQris(original_reference_no="A1"), credentials(merchant_id=None))

    assert b"merchantId" not in body


# --- the customer --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.endpoint.customer is Need.REQUIRED])
def test_a_call_for_a_customer_is_not_made_without_one(operation: type[Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        check(example(operation), credentials(), None)

    assert caught.value.field == "customer"


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.endpoint.customer is Need.NEVER])
def test_a_call_of_the_merchant_carries_no_customer(operation: type[Any]) -> None:
    """Q-HDR-11."""
    with pytest.raises(InvalidInput) as caught:
        check(example(operation), credentials(), LINKED)

    assert caught.value.field == "customer"


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.endpoint.device])
def test_a_linked_customer_is_named_with_the_device(operation: type[Any]) -> None:
    asked = QueryBinding() if operation is QueryBinding else example(operation)
    with pytest.raises(InvalidInput) as caught:
        check(asked, credentials(), Customer("token"))

    assert caught.value.field == "customer.device_id"


@each_operation
def test_no_operation_has_a_field_for_the_customer(operation: type[Any]) -> None:
    names = {one.name for one in attrs.fields(operation)}

    assert not names & {"customer", "customer_token", "access_token", "charge_token", "auth_token"}


@pytest.mark.parametrize(
    ("operation", "customer"),
    [(QueryBinding(), LINKED), (BY_ACCOUNT, None)],
    ids=["customer", "account"],
)
def test_a_binding_is_asked_for_by_customer_or_account(operation: QueryBinding, customer: Customer | None) -> None:
    check(operation, credentials(), customer)


@pytest.mark.parametrize(
    ("operation", "customer"),
    [(QueryBinding(), None), (BY_ACCOUNT, LINKED)],
    ids=["neither", "both"],
)
def test_a_binding_is_not_asked_for_by_neither_or_both(operation: QueryBinding, customer: Customer | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        check(operation, credentials(), customer)

    assert caught.value.field == "customer"


@pytest.mark.parametrize(
    ("operation", "customer", "field"),
    [
        (QueryBinding(account_id="legacy-1"), None, "device_id"),
        (QueryBinding(device_id="phone"), LINKED, "device_id"),
        (QueryBinding(), Customer("token"), "customer.device_id"),
    ],
    ids=["no device", "two devices", "customer without one"],
)
def test_a_binding_is_asked_for_with_one_device(operation: QueryBinding, customer: Customer | None, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check(operation, credentials(), customer)

    assert caught.value.field == field


@pytest.mark.parametrize(("operation", "customer"), [(QueryBinding(), LINKED), (BY_ACCOUNT, None)])
def test_a_binding_s_device_is_a_header(operation: QueryBinding, customer: Customer | None) -> None:
    who = credentials()
    body = serialise(operation, who, access_token="token", customer=customer)
    request = build(
        operation, who, base="", external_id="1", at=NOON, body=body, access_token="token", customer=customer
    )

    assert request.headers["X-DEVICE-ID"] == "phone-1"
    assert b"phone-1" not in request.body


@pytest.mark.parametrize(("token", "rotated"), [("new-token", "new-token"), ("customer-token", None), (None, None)])
def test_a_rotated_token_is_pointed_out(token: str | None, rotated: str | None) -> None:
    assert BindingState(access_token=token).rotated_token(LINKED) == rotated


# --- answers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (PaymentCharged(reference_no="A1", transaction_status=TransactionStatus("03")), "03"),
        (PaymentCharged(reference_no="A1", legacy_status=TransactionStatus("PENDING")), "03"),
        (PaymentAuthorized(transaction_status=TransactionStatus("settlement")), "00"),
    ],
)
def test_a_charge_says_its_status_whichever_field_carries_it(
    answer: PaymentCharged | PaymentAuthorized, code: str
) -> None:
    assert answer.status is not None
    assert answer.status.code == code


@pytest.mark.parametrize("kind", ["PaymentState", "TransferState", "AuthorizationState", "QrisState"])
def test_a_state_is_paid_by_its_latest_status_only(kind: str) -> None:
    """Q-STA-4: that the query worked says nothing about the money."""
    state = structure(getattr(api, kind), {"responseCode": "2005500", "latestTransactionStatus": "03"})

    assert not state.status.is_paid


@pytest.mark.parametrize(
    ("word", "true"),
    [
        ("approved", {"is_known", "is_accepted"}),
        ("processed", {"is_known", "is_accepted"}),
        ("completed", {"is_known", "is_paid"}),
        ("rejected", {"is_known", "is_failed", "is_final"}),
        ("Failed", {"is_known", "is_failed", "is_final"}),
        ("topup", {"is_known", "is_balance_top_up"}),
        ("tomorrow", set()),
    ],
)
def test_a_payout_is_paid_when_it_is_completed_and_never_finally(word: str, true: set[str]) -> None:
    names = [name for name in dir(PayoutStatus) if name.startswith("is_")]

    assert {name for name in names if getattr(PayoutStatus(word), name)} == true
    assert str(PayoutStatus(word)) == word


@each_operation
def test_what_is_personal_is_in_no_repr(operation: type[Any]) -> None:
    personal = ("name", "phone", "mail", "account_id", "customer_number", "notes", "token", "auth_code")
    shown = {one.name for one in attrs.fields(operation) if one.repr and one.name.endswith(personal)}

    assert shown <= {"template_name"}


# --- targets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (
            FetchBalanceMutation(start_time=NOON, end_time=NOON),
            "/v1/balance/mutation?currency=IDR&start_time=2026-01-05T12%3A00%3A00%2B07%3A00"
            "&end_time=2026-01-05T12%3A00%3A00%2B07%3A00",
        ),
        (DeleteReminder(reminder_id="a/b"), "/v1/mini-apps/reminder/a%2Fb"),
        (api.FetchLinkedPromotions(gross_amount=Money(100)), "/v2/gopay/promo/?gross_amount=100.00&currency=IDR"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_stands_in_the_target_is_encoded_once(operation: Operation[Any], expected: str) -> None:
    assert target(operation) == expected
    assert serialise(operation, credentials()) == b""


# --- pages ---------------------------------------------------------------------------------------------------------


def history(lines: int) -> Callable[[ListTransactions], Awaitable[TransactionsListed]]:
    """Return a `send` that knows a history of so many lines."""

    async def send(operation: ListTransactions) -> TransactionsListed:
        start = operation.page_number * operation.page_size
        count = min(operation.page_size, max(0, lines - start))
        names = [f"T{start + number}" for number in range(count)]
        return TransactionsListed(transactions=tuple(api.Transaction(reference_no=name) for name in names))

    return send


async def sizes(found: AsyncIterator[TransactionsListed]) -> list[int]:
    return [len(page.transactions) async for page in found]


@pytest.mark.parametrize(
    ("lines", "expected"), [(0, [0]), (1, [1]), (9, [9]), (10, [10, 0]), (23, [10, 10, 3])], ids=str
)
async def test_pages_end_with_the_first_that_is_not_full(lines: int, expected: list[int]) -> None:
    assert await sizes(pages(history(lines), ListTransactions())) == expected


async def test_pages_begin_where_the_operation_says() -> None:
    found = pages(history(5), ListTransactions(page_size=2, page_number=1))

    assert [[one.reference_no for one in page.transactions] async for page in found] == [["T2", "T3"], ["T4"]]


async def test_a_page_that_seems_shorter_than_it_is_ends_nothing_silently() -> None:
    async def send(_: ListTransactions) -> TransactionsListed:
        return structure(TransactionsListed, {"detailData": ["no transaction"]})

    with pytest.raises(Unreadable):
        await sizes(pages(send, ListTransactions()))


# --- through the session -------------------------------------------------------------------------------------------


@define
class Recorded:
    """A transport that answers from a list, the last one for ever, and keeps what was sent."""

    answers: list[tuple[int, dict[str, Any]]]
    requests: list[Request] = field(factory=list)

    async def send(self, request: Request, departure: Departure) -> Response:
        self.requests.append(request)
        status, body = self.answers[min(len(self.requests), len(self.answers)) - 1]
        return Response(status, {}, json.dumps(body).encode())

    async def aclose(self) -> None:
        """Nothing is open."""


def session(transport: Recorded) -> GoPaySession:
    return GoPaySession(
        credentials(),
        Environment.at("http://127.0.0.1:1"),
        transport=transport,
        token_store=GivenToken(),
        clock=TurnedClock(),
    )


@pytest.mark.parametrize(
    ("operation", "good"),
    [(QueryGems(), {"success": True, "data": {"balance": 3}}), (FetchProfile(), {"success": True, "data": {}})],
    ids=lambda one: type(one).__name__,
)
async def test_a_read_of_the_mini_app_keeps_its_request_id(operation: Operation[Any], good: dict[str, Any]) -> None:
    """Q-MIN-4: one Request-Id, the same on retry, even on a GET."""
    transport = Recorded([(503, {"success": False}), (200, good)])
    async with session(transport) as gopay:
        await gopay.send(operation, customer=LINKED)

    first, second = (request.headers["Request-Id"] for request in transport.requests)
    assert first == second


@pytest.mark.parametrize(
    ("operation", "external_id"),
    [
        (GenerateQris(partner_reference_no="order-1", amount=Money(1)), "order-1"),
        (refund_qris(partner_refund_no="refund-1"), "refund-1"),
    ],
    ids=lambda one: type(one).__name__,
)
async def test_the_external_id_of_qris_is_taken_from_the_body(operation: Operation[Any], external_id: str) -> None:
    """Q-HDR-3."""
    transport = Recorded([(500, {})])
    async with session(transport) as gopay:
        with pytest.raises(OutcomeUnknown) as caught:
            await gopay.send(operation)

    assert {request.headers["X-EXTERNAL-ID"] for request in transport.requests} == {external_id}
    assert caught.value.external_id == external_id


async def test_an_external_id_that_contradicts_the_body_of_qris_is_refused() -> None:
    transport = Recorded([(500, {})])
    async with session(transport) as gopay:
        with pytest.raises(InvalidInput) as caught:
            await gopay.send(GenerateQris(partner_reference_no="order-1", amount=Money(1)), external_id="other")

    assert caught.value.field == "external_id"
    assert not transport.requests


async def test_an_unknown_binding_is_not_sent_again() -> None:
    transport = Recorded([(500, {})])
    async with session(transport) as gopay:
        with pytest.raises(OutcomeUnknown):
            await gopay.send(BindAccount(auth_code="code"))

    assert len(transport.requests) == 1


async def test_pages_take_the_send_of_a_session() -> None:
    line = {"dateTime": "2026-01-05T12:00:00+07:00", "amount": {"value": "1.00", "currency": "IDR"}}
    full = {"responseCode": "2001200", "detailData": [line]}
    transport = Recorded([(200, full), (200, full), (200, {"responseCode": "2001200", "detailData": []})])
    async with session(transport) as gopay:
        found = await sizes(pages(gopay.send, ListTransactions(page_size=1)))

    assert found == [1, 1, 0]
    assert [json.loads(request.body)["pageNumber"] for request in transport.requests] == [0, 1, 2]


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.endpoint.customer is not Need.OPTIONAL])
def test_every_example_can_be_sent(operation: type[Any]) -> None:
    check(example(operation), credentials(), customer_for(operation))


def test_a_capture_carries_the_whole_amount_or_none() -> None:
    capture = CaptureAuthorization(
        original_reference_no="A1", original_partner_reference_no="o-1", partner_capture_no="c-1", title="Ride"
    )

    assert b"captureAmount" not in serialise(capture, credentials())


def test_no_module_of_the_families_is_too_long() -> None:
    folder = Path(api.__file__).parent

    assert {one.name for one in folder.glob("*.py") if len(one.read_text("utf-8").splitlines()) > 400} == set()
