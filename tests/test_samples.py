"""Every sample body of the provider's pages: what we send equals it, and what it says is read whole."""

import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from gopay_async import Customer, InvalidInput, errors, exchange, wire
from gopay_async.api import NOTIFICATIONS, OPERATIONS, DebitNotification, PromotionsFetched
from gopay_async.codes import ResponseCode
from gopay_async.exchange import Response, Word
from gopay_async.fields import Spelling, camel, spelling
from gopay_async.launch import LaunchResult
from gopay_async.models import Money, parse_time
from gopay_async.operation import Operation

from .keys_for_tests import credentials
from .samples import HERE, Sample, leaves, operation_of, samples
from .shapes import covering, walk

DECLARED: dict[str, type[Operation[Any]]] = {one.__name__: one for one in OPERATIONS}
RECEIVED: dict[str, type[Any]] = {one.__name__: one for one in NOTIFICATIONS}
LINKED = Customer("accessToken", device_id="phone")
NOT_OURS = {"GetAuthCode", "LaunchPayment", "VirtualAccountNotification"}


def listed(kind: str) -> list[Any]:
    """Return a test parameter for each sample of *kind* that belongs to an operation or a notification."""
    return [pytest.param(one, id=one.file) for one in samples() if one.kind == kind and one.of not in NOT_OURS]


def sent(sample: Sample) -> dict[str, Any]:
    """Return the body that a call made from *sample* has on the wire, its gaps filled as `send` fills them."""
    operation = wire.structure(DECLARED[sample.of], wire.loads(sample.body))
    body = exchange.serialise(operation, credentials(), access_token="accessToken", customer=LINKED)
    return leaves(json.loads(body))


def answered(sample: Sample, body: bytes) -> exchange.Verdict:
    """Return what *body* means as the answer to the call that *sample* belongs to."""
    operation = operation_of(DECLARED[sample.of])
    named = json.loads(body)
    for one in ("partner_reference_no", "original_partner_reference_no"):
        if hasattr(operation, one) and camel(one) in named:
            operation = attrs.evolve(operation, **{one: named[camel(one)]})  # type: ignore[misc]  # attrs, by @message
    return exchange.read(operation, "7", Response(sample.status, {}, body))


# --- the collection ------------------------------------------------------------------------------------------------


def test_every_file_is_in_the_index_and_every_row_has_its_file() -> None:
    assert sorted(one.file for one in samples()) == sorted(one.name for one in HERE.glob("*.json"))


def test_every_sample_belongs_to_something_that_is_declared() -> None:
    assert {one.of for one in samples()} - set(DECLARED) - set(RECEIVED) == NOT_OURS


def test_every_operation_has_a_sample_of_its_answer() -> None:
    shown = {one.of for one in samples() if one.kind == "answer"}

    assert set(DECLARED) - shown == {"FetchLinkedPromotions"}


@pytest.mark.parametrize("sample", samples(), ids=lambda one: one.file)
def test_every_sample_is_one_json_object(sample: Sample) -> None:
    assert wire.loads(sample.body)


# --- requests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", [one for one in listed("request") if not one.values[0].refused[0]])
def test_a_documented_request_is_sent_as_documented(sample: Sample) -> None:
    expected = leaves(json.loads(sample.body))
    for path, value, _quirk in sample.changed:
        expected[path] = value

    assert sent(sample) == {path: value for path, value in expected.items() if value != "absent"}


@pytest.mark.parametrize("sample", [one for one in listed("request") if one.values[0].refused[0]])
def test_a_sample_that_breaks_its_own_page_is_refused_by_field(sample: Sample) -> None:
    with pytest.raises(InvalidInput) as caught:
        sent(sample)

    assert caught.value.field == sample.refused[0]


# --- answers and notifications -------------------------------------------------------------------------------------


def equal(wire_value: Any, value: Any) -> bool:
    """Return whether *value* says what *wire_value* says."""
    if isinstance(value, Money):
        amount = wire_value["value"] if isinstance(wire_value, dict) else wire_value
        return Decimal(str(amount)) == value.value
    if isinstance(value, datetime):
        return parse_time(wire_value) == value
    if hasattr(value, "raw"):
        return bool(value.raw == wire_value)
    if isinstance(value, str):
        return str(wire_value) == value
    return bool(wire_value == value)


def at(body: Any, found: Spelling) -> Any:
    """Return what stands in *body* where the field *found* is read from; None where nothing does."""
    inner = body
    for step in found.within:
        inner = inner.get(step.removesuffix("[]")) if isinstance(inner, dict) else None
    places = [(body, name[1:]) if name.startswith("/") else (inner or {}, name) for name in (found.name, *found.also)]
    return next((place[name] for place, name in places if place.get(name) is not None), None)


def pairs(said: Any, value: Any) -> list[tuple[Any, Any]]:
    """Return what was said beside what is held, entry by entry for a list; nothing where nothing was said."""
    if isinstance(value, tuple):
        entries = said if isinstance(said, list) else [] if said is None else [said]
        return list(zip(entries, value, strict=True))
    return [] if said is None else [(said, value)]


def disagreements(found: Any, body: Any) -> list[str]:
    """Return the fields of the model *found* that do not say what *body* says."""
    wrong: list[str] = []
    for one in attrs.fields(type(found)):
        spelled = spelling(one)
        said = at(body, spelled) if spelled else None
        for wire_value, part in pairs(said, getattr(found, one.name)):
            whole = attrs.has(type(part)) and not isinstance(part, Money) and not hasattr(part, "is_known")
            wrong += disagreements(part, wire_value) if whole else [] if equal(wire_value, part) else [one.name]
    return wrong


ENVELOPE = {"responseCode", "responseMessage", "success", "status_code", "error"}


@pytest.mark.parametrize("sample", [*listed("answer"), *listed("notification")])
def test_every_field_of_an_answer_is_reachable(sample: Sample) -> None:
    kind = DECLARED[sample.of].answer if sample.of in DECLARED else RECEIVED[sample.of]
    found = list(walk(kind))
    said = {re.sub(r"\[\d+\]", "", path): value for path, value in leaves(json.loads(sample.body)).items()}
    paths = {path for path, value in said.items() if value not in ({}, [], None)} - ENVELOPE

    assert {path for path in paths if not covering(found, path, lists_matter=False)} == set()


@pytest.mark.parametrize("sample", listed("answer"))
def test_a_documented_answer_is_read_whole(sample: Sample) -> None:
    found = answered(sample, sample.body)

    assert (found.word, found.reason) == (Word.ANSWERED, "")
    assert found.answer is not None
    assert found.answer.unread == ()
    assert found.answer.raw == wire.loads(sample.body)
    assert disagreements(found.answer, wire.loads(sample.body)) == []


@pytest.mark.parametrize("sample", listed("notification"))
def test_a_documented_notification_is_read_whole(sample: Sample) -> None:
    found = wire.structure(RECEIVED[sample.of], wire.loads(sample.body))

    assert found.unread == ()
    assert disagreements(found, wire.loads(sample.body)) == []


@pytest.mark.parametrize("sample", [*listed("answer"), *listed("notification")])
def test_tomorrows_fields_and_values_change_nothing_and_survive(sample: Sample) -> None:
    today = wire.loads(sample.body)
    tomorrow = {**today, "tomorrow": {"a": [1]}, "additionalInfo": {**(today.get("additionalInfo") or {}), "new": "b"}}
    kind = DECLARED[sample.of].answer if sample.of in DECLARED else RECEIVED[sample.of]
    found = wire.structure(kind, tomorrow, raw=tomorrow)

    assert found.raw["tomorrow"] == {"a": [1]}
    assert found.raw["additionalInfo"]["new"] == "b"
    assert free_of_info(found) == free_of_info(wire.structure(kind, today, raw=today))


def free_of_info(found: Any) -> Any:
    """Return *found* without its free copy of additionalInfo, which holds whatever was sent."""
    return attrs.evolve(found, additional_info=None) if hasattr(found, "additional_info") else found


STATUSES = (
    "latestTransactionStatus",
    "transactionStatus",
    "status",
    "transactionStatus",
    "refundStatus",
    "accountStatus",
)


def with_status(value: Any, status: str) -> Any:
    """Return the JSON *value* with every status replaced."""
    if isinstance(value, list):
        return [with_status(one, status) for one in value]
    if isinstance(value, dict):
        return {key: status if key in STATUSES else with_status(one, status) for key, one in value.items()}
    return value


@pytest.mark.parametrize("sample", [*listed("answer"), *listed("notification")])
def test_a_status_of_tomorrow_is_kept_as_it_is(sample: Sample) -> None:
    kind = DECLARED[sample.of].answer if sample.of in DECLARED else RECEIVED[sample.of]
    found = wire.structure(kind, with_status(wire.loads(sample.body), "TOMORROW"))
    written = json.dumps(wire.unstructure(found))

    assert found.unread == ()
    assert written.count("TOMORROW") == json.dumps(with_status(json.loads(sample.body), "TOMORROW")).count("TOMORROW")


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", listed("error"))
def test_a_documented_error_becomes_what_it_says(sample: Sample) -> None:
    found = answered(sample, sample.body)
    expected = (Word.UNKNOWN, None) if sample.error == "unknown" else (Word.REFUSED, getattr(errors, sample.error))

    assert (found.word, found.error) == expected
    assert found.received is not None
    assert found.received.message in sample.body.decode()
    assert found.received.message != ""


# --- what belongs to no operation ----------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", [one for one in samples() if one.kind == "callback"], ids=lambda one: one.file)
def test_a_documented_callback_of_the_mini_app_is_read(sample: Sample) -> None:
    body = json.loads(sample.body)
    found = LaunchResult.parse(sample.body)

    assert (found.bridge_succeeded, found.error_code, found.ret) == (
        body["success"],
        body.get("error_code"),
        body["ret"],
    )
    assert found.claims_success is body["success"]


@pytest.mark.parametrize("sample", listed("reply"))
def test_a_documented_reply_is_what_acknowledges_the_notification(sample: Sample) -> None:
    assert json.loads(sample.body)["responseCode"] == RECEIVED[sample.of].endpoint.accepted


@pytest.mark.parametrize("sample", [one for one in samples() if one.of == "GetAuthCode"], ids=lambda one: one.file)
def test_a_documented_code_of_the_redirect_is_a_code(sample: Sample) -> None:
    code = ResponseCode.parse(json.loads(sample.body)["responseCode"])

    assert code is not None
    assert code.service == "10"


# --- values that the pages promise ---------------------------------------------------------------------------------


def test_times_of_samples_are_the_moments_they_say() -> None:
    sample = next(one for one in samples() if one.file == "debit_notification.notification.json")
    found = wire.structure(DebitNotification, wire.loads(sample.body))

    assert found.finished_time is not None
    assert found.created_time is not None
    assert found.finished_time - found.created_time == timedelta(days=1)


def test_a_promotion_keeps_its_pipes() -> None:
    sample = next(one for one in samples() if one.file == "fetch_promotions.answer.json")
    found = answered(sample, sample.body).answer

    assert isinstance(found, PromotionsFetched)
    assert found.promotions[0].id == found.recommended_promotion_id == json.loads(sample.body)["promotions"][0]["id"]
