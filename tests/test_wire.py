"""Bytes and objects: what goes out comes back equal, and nothing that comes in raises more than its own errors."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, ClassVar, get_args, get_origin

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gopay_async import InvalidInput, Money
from gopay_async.api import (
    NOTIFICATIONS,
    OPERATIONS,
    ChargeLinked,
    CollectGems,
    DebitNotification,
    LinkingNotification,
    Notification,
    PaymentState,
    QrisNotification,
    QueryPayment,
    Unrecognised,
)
from gopay_async.errors import Unreadable
from gopay_async.fields import (
    AS_NUMBER,
    AS_TEXT,
    INFO,
    PLACES,
    WHOLE_VALUE,
    YES_NO,
    Each,
    Name,
    OneOf,
    Spelling,
    Text,
    Whole,
    Within,
    answer,
    message,
    spelling,
)
from gopay_async.models import Between, PaymentDetail, TransactionStatus, is_assumed
from gopay_async.operation import Answer, Operation
from gopay_async.signing import minify
from gopay_async.wire import Misfit, dumps, loads, structure, unstructure

# --- bytes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, b"{}"),
        ({"a": 1, "b": [True, None]}, b'{"a":1,"b":[true,null]}'),
        ({"url": "https://a/b?c=d&e"}, b'{"url":"https://a/b?c=d&e"}'),
        ({"name": "Jos\u00e9 \u2603 \U0001f375"}, '{"name":"Jos\u00e9 \u2603 \U0001f375"}'.encode()),
        ({"line": "\u2028\x7f"}, '{"line":"\u2028\x7f"}'.encode()),
        ({"quote": '"\\\n\t\x00'}, b'{"quote":"\\"\\\\\\n\\t\\u0000"}'),
        ({"b": 1, "a": 2}, b'{"b":1,"a":2}'),
    ],
)
def test_bodies_are_compact_and_escape_nothing_needlessly(body: dict[str, Any], expected: bytes) -> None:
    assert dumps(body) == expected


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_body_never_holds_what_json_lacks(number: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        dumps({"a": number})


def test_numbers_are_read_exactly() -> None:
    body = b'{"a": 10000.00, "b": 0.1, "c": 12345678901234567890, "d": 1e2, "e": -0.0}'

    assert str(loads(body)) == str(
        {
            "a": Decimal("10000.00"),
            "b": Decimal("0.1"),
            "c": 12345678901234567890,
            "d": Decimal("1E+2"),
            "e": Decimal("-0.0"),
        }
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"<html>502 Bad Gateway</html>", "not_json"),
        (b'{"a": 1', "not_json"),
        (b'{"a": 1,}', "not_json"),
        (b"{'a': 1}", "not_json"),
        (b'{"a": 01}', "not_json"),
        (b'{"a": 1} {}', "not_json"),
        (b'{"a": "\x00"}', "not_json"),
        (b'{"a": "\n"}', "not_json"),
        (b"\xef\xbb\xbf{}", "byte_order_mark"),
        ('{"a": 1}'.encode("utf-16"), "not_utf8"),
        (b'{"a": "\xff"}', "not_utf8"),
        (b'{"a": "\xed\xa0\x80"}', "not_utf8"),
        (b'{"a": "\xc0\xaf"}', "not_utf8"),
        (b'{"a": NaN}', "not_a_number"),
        (b'{"a": Infinity}', "not_a_number"),
        (b'{"a": -Infinity}', "not_a_number"),
        (b'{"a": 1, "a": 1}', "duplicate_key"),
        (b'{"a": [{"b": 1, "b": 2}]}', "duplicate_key"),
        (b'{"amount": 1, "\\u0061mount": 2}', "duplicate_key"),
        (b'{"a": ' + b"9" * 5000 + b"}", "huge_number"),
        (b'{"a": 1e99999999999999999999}', "huge_number"),
        (b'{"a": 1e-99999999999999999999}', "huge_number"),
        (b'{"a": ' * 100_000, "too_deep"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too_deep"),
        (b"[]", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"null", "not_an_object"),
        (b"12", "not_an_object"),
    ],
)
def test_what_is_not_one_json_object_is_unreadable(body: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        loads(body)

    assert caught.value.reason == reason


def test_the_text_of_an_unreadable_body_shows_none_of_it() -> None:
    with pytest.raises(Unreadable) as caught:
        loads(b'{"accessToken": "planted", "planted": planted}')

    assert "planted" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(deadline=None)
def test_any_bytes_are_an_object_or_unreadable(body: bytes) -> None:
    try:
        found = loads(body)
    except Unreadable:
        return

    assert isinstance(found, dict)


PIECES = [
    *'{}[],:" \\',
    "true",
    "NaN",
    "-",
    "1",
    "e",
    "E+",
    ".",
    "9" * 400,
    '"a"',
    '"\\ud800"',
    "\ufeff",
    "\x00",
    "null",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map(lambda pieces: '{"a":' + "".join(pieces) + "}"))
@settings(deadline=None, max_examples=200)
def test_almost_json_is_an_object_or_unreadable(text: str) -> None:
    try:
        found = loads(text.encode())
    except Unreadable:
        return

    assert isinstance(found, dict)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
@settings(deadline=None)
def test_what_is_written_is_read_back_equal(body: dict[str, Any]) -> None:
    written = dumps(body)
    assert loads(written) == body
    assert minify(written) == written


@given(st.dictionaries(st.text(), JSON | st.floats(allow_nan=False, allow_infinity=False), max_size=5))
@settings(deadline=None)
def test_what_is_written_is_what_json_writes(body: dict[str, Any]) -> None:
    assert dumps(body) == json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


@given(st.dictionaries(st.text(), JSON, max_size=5), st.sampled_from([None, 0, 2]), st.booleans())
@settings(deadline=None)
def test_every_way_of_writing_json_is_read_alike(body: dict[str, Any], indent: int | None, ascii_only: bool) -> None:
    assert loads(json.dumps(body, indent=indent, ensure_ascii=ascii_only).encode()) == body


# --- every message of the catalogue, there and back ----------------------------------------------------------------


def text(rules: Sequence[Any]) -> st.SearchStrategy[str]:
    """Return texts that keep *rules*."""
    words = next((one.words for one in rules if isinstance(one, OneOf)), ())
    if words:
        return st.sampled_from(words)
    rule = next((one for one in rules if isinstance(one, Text)), Text(40))
    if rule.pattern:
        drawn = st.from_regex(re.compile(rule.pattern, re.ASCII), fullmatch=True)
        return drawn.filter(lambda one: 0 < len(one) <= rule.length)
    return st.text(st.characters(codec="utf-8"), min_size=1, max_size=min(rule.length, 30))


def rupiah(rules: Sequence[Any], marks: frozenset[str]) -> st.SearchStrategy[Money]:
    """Return amounts that keep *rules*; whole ones where the wire takes no decimals."""
    limits = next((one for one in rules if isinstance(one, Between)), Between(Money(-(10**15)), Money(10**15)))
    whole = st.integers(int(limits.least.value), int(limits.most.value)).map(Money)
    return (
        whole
        if marks & {"number", "whole value"}
        else whole | st.decimals(limits.least.value, limits.most.value, places=2, allow_nan=False).map(Money)
    )


ZONES = st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours)))
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=ZONES).map(
    lambda moment: moment.replace(microsecond=0)
)


def values(kind: Any, rules: Sequence[Any] = (), marks: frozenset[str] = frozenset()) -> st.SearchStrategy[Any]:
    """Return values of *kind* that keep *rules*."""
    if get_origin(kind) is Annotated:
        return values(get_args(kind)[0], get_args(kind)[1:])
    if get_origin(kind) is Sequence:
        inner = [one.rule for one in rules if isinstance(one, Each)]
        return st.lists(values(get_args(kind)[0], inner), max_size=2).map(tuple)
    leaves: dict[Any, st.SearchStrategy[Any]] = {
        str: text(rules),
        int: next((st.integers(one.least, one.most) for one in rules if isinstance(one, Whole)), st.integers(0, 10**9)),
        bool: st.booleans(),
        Money: rupiah(rules, marks),
        datetime: MOMENTS,
        TransactionStatus: st.sampled_from(["00", "03", "99", "settlement"]).map(TransactionStatus),
    }
    if get_origin(kind) is Mapping:
        return st.dictionaries(st.text(max_size=5), JSON, max_size=2)
    if hasattr(kind, "is_known"):
        return st.sampled_from(["00", "completed", "tomorrow"]).map(kind)
    return leaves[kind] if kind in leaves else messages(kind)


def slot(found: Spelling) -> st.SearchStrategy[Any]:
    """Return what may stand in a field."""
    full = values(found.type, found.rules, found.marks)
    return st.none() | full if found.optional else full


# Fields whose rule spans more than one value.
SPANNING: dict[type[Any], dict[str, tuple[st.SearchStrategy[Any], bool]]] = {
    CollectGems: {
        "metadata": (
            st.fixed_dictionaries(dict.fromkeys(("mini_app_name", "activity_name"), st.text(min_size=1))),
            True,
        )
    },
    ChargeLinked: {"items": (st.just(()), False)},
}


def messages(kind: Any) -> st.SearchStrategy[Any]:
    """Return messages, or answers, of *kind*; what breaks a rule that spans fields is left out."""
    pairs = [(one, spelling(one)) for one in attrs.fields(kind) if one.init]
    slots = {one.name: (slot(found), one.default is attrs.NOTHING) for one, found in pairs if found}
    slots.update(SPANNING.get(kind, {}))
    needed = {name: strategy for name, (strategy, required) in slots.items() if required}
    optional = {name: strategy for name, (strategy, required) in slots.items() if not required}
    return st.fixed_dictionaries(needed, optional=optional).map(lambda given_values: made(kind, given_values))


def made(kind: type[Any], given_values: dict[str, Any]) -> Any:
    """Return the *kind* made of *given_values*, or give up this example."""
    try:
        return kind(**given_values)
    except InvalidInput:
        assume(False)


def placed(operation: Any) -> dict[str, Any]:
    """Return the fields of *operation* that travel outside the body."""
    pairs = [(one.name, spelling(one)) for one in attrs.fields(type(operation))]
    return {name: getattr(operation, name) for name, found in pairs if found and found.marks & PLACES}


READ = [*dict.fromkeys(one.answer for one in OPERATIONS), *NOTIFICATIONS]


@pytest.mark.parametrize("kind", OPERATIONS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(deadline=None, max_examples=10)
def test_every_operation_survives_its_own_bytes(kind: type[Operation[Any]], data: st.DataObject) -> None:
    operation = data.draw(messages(kind))
    body = dumps(operation.adapt(unstructure(operation)))

    assert structure(kind, loads(body), **placed(operation)) == operation


@pytest.mark.parametrize("kind", READ, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(deadline=None, max_examples=10)
def test_every_answer_and_notification_survives_its_own_bytes(kind: type[Any], data: st.DataObject) -> None:
    found = data.draw(messages(kind))

    assert structure(kind, loads(dumps(unstructure(found)))) == found


@pytest.mark.parametrize("kind", NOTIFICATIONS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(deadline=None, max_examples=10)
def test_every_notification_has_an_identity_that_any_store_can_keep(
    kind: type[Notification], data: st.DataObject
) -> None:
    found = data.draw(messages(kind))
    one, other = (structure(kind, loads(dumps(unstructure(found)))) for _ in range(2))

    assert one.identity == other.identity
    assert found.identity[0] == kind.kind
    assert all(isinstance(part, str) and part.encode() is not None for part in found.identity)


def test_lone_surrogates_leave_an_identity_that_can_be_encoded() -> None:
    body = loads(b'{"originalReferenceNo": "\\ud800", "latestTransactionStatus": "\\udfff"}')

    assert "".join(structure(DebitNotification, body).identity).encode()


def test_what_no_model_expects_is_identified_by_its_bytes() -> None:
    one, other = (Unrecognised(body=body) for body in (b"1", b"2"))

    assert one.identity != other.identity
    assert one.identity == Unrecognised(body=b"1", external_id="another").identity


@pytest.mark.parametrize(
    ("status", "linked", "unlinked"),
    [("ENABLED", True, False), ("enabled", True, False), ("DISABLED", False, True), ("TOMORROW", False, False)],
)
def test_a_linking_notification_says_what_became_of_the_link(status: str, linked: bool, unlinked: bool) -> None:
    found = structure(LinkingNotification, {"additionalInfo": {"accessToken": "t", "accountStatus": status}})

    assert (found.is_linked, found.is_unlinked) == (linked, unlinked)


def test_what_cannot_be_read_makes_the_bytes_part_of_the_identity() -> None:
    body = {"originalReferenceNo": "1", "latestTransactionStatus": "04"}
    history = {"additionalInfo": {"refundHistory": [{"refundNo": "R1", "refundAmount": "much"}]}}
    one, other = (structure(DebitNotification, {**body, **history}, body=bytes_of) for bytes_of in (b"1", b"2"))

    assert structure(QrisNotification, body).status == one.status
    assert one.unread == ("additionalInfo.refundHistory.refundAmount",)
    assert one.identity != other.identity


@pytest.mark.parametrize("kind", READ, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(deadline=None, max_examples=10)
def test_an_answer_full_of_nonsense_is_read_or_does_not_fit(kind: type[Any], data: st.DataObject) -> None:
    names = sorted({step for found in spellings(kind) for step in (found.name, *found.also, *found.within)})
    nonsense = st.recursive(
        JSON | st.just(Decimal("1E+400")),
        lambda inner: st.dictionaries(st.sampled_from([*names, "value", "currency"]), inner, max_size=4),
    )
    body = data.draw(st.dictionaries(st.sampled_from(names), nonsense))
    try:
        found = structure(kind, body)
    except Misfit:
        return

    assert isinstance(found, kind)


def spellings(kind: type[Any]) -> list[Spelling]:
    """Return how the fields of *kind* are spelled."""
    return [found for found in map(spelling, attrs.fields(kind)) if found]


# --- writing -------------------------------------------------------------------------------------------------------


@message
class Crate:
    """A message with every kind of place and spelling."""

    plain_name: str = "a"
    renamed: Annotated[str | None, Name("reNamed", also=("re_named",))] = None
    lang: Annotated[str | None, INFO] = None
    price: Annotated[Money | None, Within("lines[]"), Name("transAmount")] = None
    method: Annotated[str | None, Within("lines[]")] = None
    token: Annotated[str | None, Within("lines[].additionalInfo")] = None
    points: Annotated[Money | None, AS_NUMBER] = None
    gems: Annotated[Money | None, WHOLE_VALUE] = None
    fee: Annotated[Money | None, AS_TEXT] = None
    fast: Annotated[bool | None, YES_NO] = None
    tags: Sequence[str] = ()
    prices: Sequence[Money] = ()
    due: datetime | None = None
    free: Mapping[str, Any] | None = None


@pytest.mark.parametrize(
    ("given_values", "sent"),
    [
        ({}, {"plainName": "a"}),
        ({"renamed": "b"}, {"plainName": "a", "reNamed": "b"}),
        ({"lang": "id"}, {"plainName": "a", "additionalInfo": {"lang": "id"}}),
        (
            {"price": Money(1), "method": "GOPAY", "token": "t"},
            {
                "plainName": "a",
                "lines": [
                    {
                        "transAmount": {"value": "1.00", "currency": "IDR"},
                        "method": "GOPAY",
                        "additionalInfo": {"token": "t"},
                    }
                ],
            },
        ),
        ({"points": Money("10000.00")}, {"plainName": "a", "points": 10000}),
        ({"points": Money("962000.01")}, {"plainName": "a", "points": 962000.01}),
        ({"gems": Money(10_000)}, {"plainName": "a", "gems": {"value": 10000, "currency": "IDR"}}),
        ({"fee": Money(5)}, {"plainName": "a", "fee": "5.00"}),
        ({"fast": True}, {"plainName": "a", "fast": "Y"}),
        ({"fast": False}, {"plainName": "a", "fast": "N"}),
        ({"tags": ["x", "y"]}, {"plainName": "a", "tags": ["x", "y"]}),
        ({"prices": [Money(1)]}, {"plainName": "a", "prices": [{"value": "1.00", "currency": "IDR"}]}),
        ({"tags": [], "prices": ()}, {"plainName": "a"}),
        (
            {"due": datetime(2023, 9, 24, 20, 34, 15, 452305, UTC)},
            {"plainName": "a", "due": "2023-09-25T03:34:15+07:00"},
        ),
        ({"free": {}}, {"plainName": "a", "free": {}}),
        ({"free": {"k": (1, None)}}, {"plainName": "a", "free": {"k": [1, None]}}),
    ],
)
def test_a_message_is_written_where_and_how_its_fields_say(given_values: dict[str, Any], sent: dict[str, Any]) -> None:
    crate = Crate(**given_values)

    assert unstructure(crate) == sent
    assert unstructure(structure(Crate, loads(dumps(sent)))) == sent


# --- reading -------------------------------------------------------------------------------------------------------


@answer
class Part:
    """A part that cannot do without its number."""

    number: str
    price: Money | None = None


@answer
class Loose(Answer):
    """An answer with one field of every kind."""

    text: str | None = None
    count: int | None = None
    flag: bool | None = None
    price: Money | None = None
    moment: datetime | None = None
    status: TransactionStatus | None = None
    free: Mapping[str, Any] | None = None
    part: Part | None = None
    parts: Sequence[Part] = ()
    names: Sequence[str] = ()
    deep: Annotated[str | None, Within("outer.inner")] = None
    other: Annotated[str | None, Name(also=("an_other", "anOther"))] = None


@pytest.mark.parametrize(
    ("body", "name", "expected"),
    [
        ({"text": "a"}, "text", "a"),
        ({"text": ""}, "text", ""),
        ({"text": 5}, "text", "5"),
        ({"text": Decimal("1.50")}, "text", "1.50"),
        ({"count": 5}, "count", 5),
        ({"count": "15"}, "count", 15),
        ({"flag": True}, "flag", True),
        ({"flag": "Y"}, "flag", True),
        ({"flag": "n"}, "flag", False),
        ({"flag": "False"}, "flag", False),
        ({"flag": "TRUE"}, "flag", True),
        ({"price": {"value": "10000.00", "currency": "IDR"}}, "price", Money(10_000)),
        ({"price": {"value": "0", "currency": "IDR"}}, "price", Money(0)),
        ({"price": {"value": 7985000, "currency": "IDR"}}, "price", Money(7_985_000)),
        ({"price": {"value": "-3.00"}}, "price", Money(-3)),
        ({"price": "10000.0"}, "price", Money(10_000)),
        ({"price": 0}, "price", Money(0)),
        ({"price": Decimal("962000.01")}, "price", Money("962000.01")),
        ({"moment": "2024-05-22T07:48:08.56Z"}, "moment", datetime(2024, 5, 22, 7, 48, 8, 560000, UTC)),
        ({"status": "00"}, "status", TransactionStatus("00")),
        ({"status": 10}, "status", TransactionStatus("10")),
        ({"free": {"a": [1]}}, "free", {"a": [1]}),
        ({"part": {"number": "1", "more": "2"}}, "part", Part(number="1")),
        ({"parts": [{"number": "1"}, {"number": 2}]}, "parts", (Part(number="1"), Part(number="2"))),
        ({"parts": {"number": "1"}}, "parts", (Part(number="1"),)),
        ({"parts": []}, "parts", ()),
        ({"names": ["a", "b"]}, "names", ("a", "b")),
        ({"names": "a"}, "names", ("a",)),
        ({"outer": {"inner": {"deep": "a"}}}, "deep", "a"),
        ({"outer": [{"inner": [{"deep": "a"}, {"deep": "b"}]}]}, "deep", "a"),
        ({"outer": []}, "deep", None),
        ({"outer": None}, "deep", None),
        ({"outer": "text"}, "deep", None),
        ({"an_other": "a"}, "other", "a"),
        ({"other": None, "an_other": None, "anOther": "a"}, "other", "a"),
        ({"other": "first", "anOther": "second"}, "other", "first"),
        ({"text": None, "parts": None}, "parts", ()),
    ],
)
def test_every_shape_of_a_value_is_read(body: dict[str, Any], name: str, expected: Any) -> None:
    found = structure(Loose, body)

    assert (getattr(found, name), found.unread) == (expected, ())


@pytest.mark.parametrize(
    ("body", "unread"),
    [
        ({"text": True}, "text"),
        ({"text": {}}, "text"),
        ({"text": []}, "text"),
        ({"count": "many"}, "count"),
        ({"count": "1" * 19}, "count"),
        ({"count": "-1"}, "count"),
        ({"count": True}, "count"),
        ({"count": Decimal("1.5")}, "count"),
        ({"flag": 1}, "flag"),
        ({"flag": "maybe"}, "flag"),
        ({"price": {"value": "1.00", "currency": "SGD"}}, "price"),
        ({"price": {"currency": "IDR"}}, "price"),
        ({"price": "10.000,00"}, "price"),
        ({"price": []}, "price"),
        ({"price": Decimal("1E+400")}, "price"),
        ({"moment": "soon"}, "moment"),
        ({"moment": {}}, "moment"),
        ({"status": {}}, "status"),
        ({"free": "text"}, "free"),
        ({"free": []}, "free"),
        ({"part": "text"}, "part"),
        ({"part": {}}, "part"),
        ({"parts": [{"number": "1"}, {}]}, "parts"),
        ({"parts": "text"}, "parts"),
        ({"names": [None]}, "names"),
        ({"outer": {"inner": {"deep": []}}}, "outer.inner.deep"),
    ],
)
def test_an_optional_field_that_cannot_be_read_is_left_out_and_named(body: dict[str, Any], unread: str) -> None:
    assert structure(Loose, body) == Loose()
    assert structure(Loose, body).unread == (unread,)


def test_what_cannot_be_read_inside_a_part_is_named_too() -> None:
    found = structure(Loose, {"parts": [{"number": "1", "price": "much"}], "part": {"number": "2", "price": {}}})

    assert sorted(found.unread) == ["part.price", "parts.price"]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, "originalReferenceNo"),
        ({"originalReferenceNo": None, "latestTransactionStatus": "00"}, "originalReferenceNo"),
        ({"originalReferenceNo": "1"}, "latestTransactionStatus"),
        ({"originalReferenceNo": "1", "latestTransactionStatus": {}}, "latestTransactionStatus"),
    ],
)
def test_a_required_field_that_is_missing_or_unreadable_is_a_misfit_by_name(body: dict[str, Any], name: str) -> None:
    with pytest.raises(Misfit) as caught:
        structure(DebitNotification, body)

    assert str(caught.value) == name


@answer
class Deep(Answer):
    """An answer whose needed field lies deep, in a family that keeps snake_case."""

    snake_case: ClassVar[bool] = True
    payment_id: Annotated[str, Within("data.list[]")]


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": {"list": []}}, {"data": {"list": [{"paymentId": "1"}]}}])
def test_a_deep_misfit_is_named_with_its_way(body: dict[str, Any]) -> None:
    with pytest.raises(Misfit) as caught:
        structure(Deep, body)

    assert str(caught.value) == "data.list.payment_id"


def test_a_bad_request_that_was_received_is_refused_by_its_rule() -> None:
    with pytest.raises(InvalidInput) as caught:
        structure(QueryPayment, {"serviceCode": "54"})

    assert caught.value.field == "original_reference_no"


def test_fields_that_are_not_on_the_wire_come_as_arguments() -> None:
    raw = {"latestTransactionStatus": "00", "externalId": "not this one", "tomorrow": {"a": 1}}
    found = structure(PaymentState, raw, external_id="7", raw=raw)

    assert (found.external_id, found.raw["tomorrow"]) == ("7", {"a": 1})


def test_an_answer_that_is_written_again_keeps_what_it_knows() -> None:
    body = {"originalReferenceNo": "1", "latestTransactionStatus": "77", "merchantId": "G1", "unknown": 1}
    written = unstructure(structure(DebitNotification, body))

    assert written == {"originalReferenceNo": "1", "latestTransactionStatus": "77", "merchantId": "G1"}


def test_a_time_without_zone_is_marked_as_assumed() -> None:
    found = structure(PaymentState, {"latestTransactionStatus": "00", "paidTime": "2020-10-20T17:56:57"})

    assert found.paid_time is not None
    assert is_assumed(found.paid_time)


def test_a_list_of_parts_is_read_from_a_single_part() -> None:
    body = {"latestTransactionStatus": "00", "additionalInfo": {"userPaymentDetails": {"payMethod": "gopay"}}}

    assert structure(PaymentState, body).user_payment_details == (PaymentDetail(pay_method="gopay"),)
