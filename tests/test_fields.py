"""The rules of fields: each refusal names its field and its rule, and what was checked is what is sent."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, cast, get_origin

import attrs
import pytest
from attrs import field
from hypothesis import given, settings
from hypothesis import strategies as st

from gopay_async import InvalidInput, Money, wire
from gopay_async.api import NOTIFICATIONS, OPERATIONS
from gopay_async.fields import (
    INFO,
    PRIVATE,
    REFERENCE,
    Name,
    Text,
    Within,
    answer,
    camel,
    message,
    private_values,
    spelling,
)
from gopay_async.models import Amount


@message
class Line:
    """A part of a parcel."""

    name: Annotated[str, Text(5)]
    price: Amount = Money(1)


@message
class Parcel:
    """A message with one field of every kind."""

    reference: Annotated[str, Text(8, *REFERENCE)] = "r"
    note: str | None = None
    count: int = 1
    urgent: bool = False
    price: Money | None = None
    due: datetime | None = None
    lines: Sequence[Line] = ()
    labels: Sequence[str] = ()
    extra: Mapping[str, Any] | None = None
    line: Line | None = None


@message
class Needy:
    """A message that cannot do without its fields."""

    reference: str
    phone: Annotated[str, Text(20), PRIVATE]


def spelled(kind: type[Any]) -> dict[str, Any]:
    """Return name, other names and container of every field of *kind* that goes on the wire."""
    pairs = ((one.name, spelling(one)) for one in attrs.fields(kind))
    return {name: (found.name, found.also, found.within) for name, found in pairs if found}


def evolved(parcel: Parcel, **changes: Any) -> Any:
    """Return *parcel* with *changes*."""
    return attrs.evolve(cast(Any, parcel), **changes)


def refusal(**values: Any) -> tuple[str, str]:
    """Return field and rule of the refusal of a parcel made of *values*."""
    with pytest.raises(InvalidInput) as caught:
        Parcel(**values)
    assert str(caught.value) == f"{caught.value.field}: {caught.value.rule}"
    return caught.value.field, caught.value.rule


# --- rules ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("reference", None, "is required"),
        ("reference", 5, "must be str, not int"),
        ("reference", b"abc", "must be str, not bytes"),
        ("reference", "", "must not be empty; leave an optional field out instead"),
        ("reference", "123456789", "has 9 characters; at most 8 are allowed"),
        ("reference", "a b", "may hold letters, digits, - and _ only"),
        ("reference", "a\n", "may hold letters, digits, - and _ only"),
        ("reference", "caf\u00e9", "may hold letters, digits, - and _ only"),
        ("note", 5, "must be str, not int"),
        ("note", "\ud800", "holds a lone surrogate, which is not text and cannot be encoded as UTF-8"),
        ("reference", "a\udfff", "holds a lone surrogate, which is not text and cannot be encoded as UTF-8"),
        ("count", True, "must be int, not bool"),
        ("count", 1.0, "must be int, not float"),
        ("count", "1", "must be int, not str"),
        ("count", None, "is required"),
        ("urgent", 1, "must be bool, not int"),
        ("urgent", "Y", "must be bool, not str"),
        ("price", 10_000, "must be Money, for example Money(10_000), not int"),
        ("price", "10000.00", "must be Money, for example Money(10_000), not str"),
        ("due", "2023-09-24T20:34:15Z", "must be an aware datetime, not str"),
        ("due", datetime(2023, 9, 24), "must have a time zone, for example datetime(..., tzinfo=WIB)"),
        ("due", datetime.max.replace(tzinfo=UTC), "must lie in the years 2 to 9998: at +07:00 it may not exist"),
        ("due", datetime.min.replace(tzinfo=UTC), "must lie in the years 2 to 9998: at +07:00 it may not exist"),
        ("lines", Line(name="tea"), "must be a list or a tuple"),
        ("lines", {"name": "tea"}, "must be a list or a tuple"),
        ("lines", "tea", "must be a list or a tuple"),
        ("lines", {1, 2}, "must be a list or a tuple"),
        ("lines", None, "is required"),
        ("line", {"name": "tea"}, "must be Line, not dict"),
        ("extra", [1], "must be Mapping, not list"),
        ("extra", "text", "must be Mapping, not str"),
    ],
)
def test_a_refusal_names_field_and_rule(name: str, value: Any, rule: str) -> None:
    assert refusal(**{name: value}) == (name, rule)


@pytest.mark.parametrize(
    ("name", "value", "place", "rule"),
    [
        ("lines", [Line(name="tea"), {"name": "tea"}], "lines[1]", "must be Line, not dict"),
        ("labels", ["a", 2], "labels[1]", "must be str, not int"),
        ("labels", ["\udc00"], "labels[0]", "holds a lone surrogate, which is not text and cannot be encoded as UTF-8"),
    ],
)
def test_a_refusal_names_the_place_in_a_list(name: str, value: Any, place: str, rule: str) -> None:
    assert refusal(**{name: value}) == (place, rule)


def test_a_part_checks_itself() -> None:
    with pytest.raises(InvalidInput) as caught:
        Line(name="too long")

    assert (caught.value.field, caught.value.rule) == ("name", "has 8 characters; at most 5 are allowed")


def test_a_bad_value_is_a_value_error_too() -> None:
    with pytest.raises(ValueError, match="count: must be int"):
        Parcel(count="1")  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize("text", ["12345678", "a-b_C9", "-", "_"])
def test_a_text_may_fill_its_length(text: str) -> None:
    assert Parcel(reference=text).reference == text


def test_a_length_counts_characters_not_bytes() -> None:
    assert Line(name="\u00e9\u00e9\u00e9\u00e9\U0001f375").name == "\u00e9\u00e9\u00e9\u00e9\U0001f375"


def test_lists_become_tuples() -> None:
    lines = [Line(name="tea")]
    parcel = Parcel(lines=lines)
    lines.clear()

    assert parcel.lines == (Line(name="tea"),)


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Parcel().count = 2  # type: ignore[misc]  # the point of the test


def test_a_message_takes_keywords_only() -> None:
    with pytest.raises(TypeError):
        Parcel("r")  # type: ignore[call-arg]  # the point of the test


def test_a_missing_field_is_missed_by_name() -> None:
    with pytest.raises(TypeError, match="phone"):
        Needy(reference="r")  # type: ignore[call-arg]  # the point of the test


def test_an_evolved_message_is_checked_again() -> None:
    with pytest.raises(InvalidInput):
        evolved(Parcel(), reference="a b")


# --- free objects --------------------------------------------------------------------------------------------------


def test_a_free_object_is_copied_whole() -> None:
    given_object: dict[str, Any] = {"a": {"b": [1, {"c": "d"}]}, "t": (1, 2)}
    parcel = Parcel(extra=given_object)
    given_object["a"]["b"][1]["c"] = object()
    given_object["x"] = 1

    assert parcel.extra == {"a": {"b": [1, {"c": "d"}]}, "t": [1, 2]}


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (Decimal("10.5"), b"10.5"),
        (Decimal("10.00"), b"10"),
        (Decimal("-0.25"), b"-0.25"),
        (10.5, b"10.5"),
        (10**20, b"100000000000000000000"),
        (True, b"true"),
        (None, b"null"),
        ("\u00e9/\u2028", '"\u00e9/\u2028"'.encode()),
    ],
)
def test_a_free_object_is_sent_as_it_was_given(value: Any, sent: bytes) -> None:
    assert wire.dumps(wire.unstructure(Parcel(extra={"k": value}))["extra"]) == b'{"k":' + sent + b"}"


@pytest.mark.parametrize(
    ("value", "place", "rule"),
    [
        ({1: "a"}, "extra", "keys must be text"),
        ({"a": {None: 1}}, "extra.a", "keys must be text"),
        ({"a": [{"b": object()}]}, "extra.a[0].b", "object cannot be written as JSON here"),
        ({"a": float("nan")}, "extra.a", "float cannot be written as JSON here"),
        ({"a": float("inf")}, "extra.a", "float cannot be written as JSON here"),
        ({"a": Decimal("NaN")}, "extra.a", "Decimal cannot be written as JSON here"),
        ({"a": Decimal("sNaN")}, "extra.a", "Decimal cannot be written as JSON here"),
        ({"a": Decimal("1E+400")}, "extra.a", "Decimal cannot be written as JSON here"),
        ({"a": Decimal("0.1000000000000000055")}, "extra.a", "Decimal cannot be written as JSON here"),
        ({"a": Money(1)}, "extra.a", "Money cannot be written as JSON here"),
        ({"a": b"bytes"}, "extra.a", "bytes cannot be written as JSON here"),
        ({"a": {1, 2}}, "extra.a", "set cannot be written as JSON here"),
        ({"a": datetime(2023, 9, 24, tzinfo=UTC)}, "extra.a", "datetime cannot be written as JSON here"),
        ({"a": "\ud800"}, "extra.a", "holds a lone surrogate"),
        ({"\ud800": "a"}, "extra", "holds a lone surrogate"),
        ({"a": 10**5000}, "extra", "holds a number with too many digits"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_its_place(value: Any, place: str, rule: str) -> None:
    name, words = refusal(extra=value)

    assert (name, words[: len(rule)]) == (place, rule)


def test_an_object_that_holds_itself_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["me"] = loop

    assert refusal(extra=loop) == ("extra", "is nested too deeply, or holds itself")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
@settings(deadline=None)
def test_every_json_object_is_taken_and_kept_equal(value: dict[str, Any]) -> None:
    assert Parcel(extra=value).extra == value


ANYTHING = st.recursive(
    JSON | st.binary() | st.decimals() | st.floats() | st.text(st.characters()) | st.datetimes() | st.just(object()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(spelled(Parcel))), ANYTHING)
@settings(deadline=None, max_examples=200)
def test_whatever_is_given_is_refused_at_once_or_can_be_sent(name: str, value: Any) -> None:
    named, made = outcome(name, value)

    assert named == name
    assert all(wire.loads(wire.dumps(wire.unstructure(parcel))) for parcel in made)


def outcome(name: str, value: Any) -> tuple[str, list[Parcel]]:
    """Return the field that a refusal names, or *name* and the parcel that was made."""
    try:
        return name, [Parcel(**{name: value})]
    except InvalidInput as error:
        return re.split(r"[\[.]", error.field)[0], []


# --- private fields ------------------------------------------------------------------------------------------------


@message
class Secretive:
    """A message with private fields of every kind."""

    shown: str
    hidden: Annotated[str, PRIVATE]
    maybe: Annotated[str | None, Text(50), PRIVATE] = None
    inner: Annotated[str, PRIVATE] | None = None
    free: Annotated[Mapping[str, Any] | None, PRIVATE] = None
    never: str = field(default="planted-never", repr=False)


def test_a_private_field_is_never_in_a_repr() -> None:
    planted = Secretive(shown="seen", hidden="planted", maybe="planted", inner="planted", free={"planted": "planted"})

    assert "seen" in repr(planted)
    assert "planted" not in repr(planted)


@message
class Envelope:
    """A message with private parts, one by one and in a list."""

    one: Secretive
    several: Sequence[Secretive] = ()
    count: Annotated[int, PRIVATE] = 1


def test_every_private_text_is_found_wherever_it_is() -> None:
    one = Secretive(shown="seen", hidden="a", maybe="b", free={"k": ["c", {"d": "d"}, 5, None]})
    found = list(private_values(Envelope(one=one, several=[Secretive(shown="seen", hidden="e")])))

    assert found == ["a", "b", "c", "d", "e"]


def printed(kind: Any) -> Iterator[str]:
    """Yield the free objects of *kind* and its parts that its repr would show."""
    for one in attrs.fields(kind):
        found = spelling(one)
        if found and get_origin(found.type) is Mapping and one.repr:
            yield f"{kind.__name__}.{one.name}"


def test_no_free_object_is_printed_because_nobody_knows_what_is_in_it() -> None:
    kinds = [*OPERATIONS, *(one.answer for one in OPERATIONS), *NOTIFICATIONS]

    assert [name for kind in kinds for name in printed(kind)] == []


@pytest.mark.parametrize("name", ["reference", "phone"])
def test_a_refusal_never_shows_the_value(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Needy(**{"reference": "r", "phone": "1", name: "planted" * 10 + "\ud800"})

    assert "planted" not in str(caught.value)


# --- spelling ------------------------------------------------------------------------------------------------------


@answer
class Spelled:
    """An answer with one field of every spelling."""

    partner_reference_no: str
    qr_url: Annotated[str | None, Name("qrURL", also=("qrUrl", "qr_url"))] = None
    lang: Annotated[str | None, INFO] = None
    inner: Annotated[str, Within("a.b[]")] | None = None
    local: int = field(default=0, metadata={"local": True})


@answer
class SnakeCase:
    """An answer of a family that keeps snake_case."""

    snake_case: ClassVar[bool] = True
    payment_id: str


def test_fields_are_spelled_by_rule_and_by_annotation() -> None:
    assert spelled(Spelled) == {
        "partner_reference_no": ("partnerReferenceNo", (), ()),
        "qr_url": ("qrURL", ("qrUrl", "qr_url"), ()),
        "lang": ("lang", (), ("additionalInfo",)),
        "inner": ("inner", (), ("a", "b[]")),
    }


def test_a_family_may_keep_snake_case() -> None:
    assert spelled(SnakeCase) == {"payment_id": ("payment_id", (), ())}


@pytest.mark.parametrize(("name", "wire_name"), [("amount", "amount"), ("partner_reference_no", "partnerReferenceNo")])
def test_snake_case_becomes_camel_case(name: str, wire_name: str) -> None:
    assert camel(name) == wire_name


def test_a_field_that_is_local_may_hold_anything() -> None:
    @message
    class Tagged:
        tag: int = field(default=0, metadata={"local": True})

    assert Tagged(tag="free").tag == "free"  # type: ignore[arg-type,comparison-overlap]  # local fields are not checked


def test_a_converter_of_the_field_itself_wins() -> None:
    @message
    class Counted:
        count: str = field(default="1", converter=str)

    given_values: dict[str, Any] = {"count": 12}

    assert Counted(**given_values).count == "12"


def test_an_answer_is_never_checked() -> None:
    assert Spelled(partner_reference_no=5).partner_reference_no == 5  # type: ignore[arg-type,comparison-overlap]  # so it is
