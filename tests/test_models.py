"""Money, statuses, times and ids: what they take, what they refuse, and that they stay exact."""

import copy
import operator
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gopay_async import InvalidInput, Money, new_external_id
from gopay_async.models import (
    ASSUMED_WIB,
    WIB,
    Between,
    Item,
    TransactionStatus,
    UrlParam,
    format_time,
    is_assumed,
    parse_time,
)

CENTS = st.integers(-(10**18) + 1, 10**18 - 1)
HALF = st.integers(-(10**17), 10**17)


def money(cents: int) -> Money:
    """Return *cents* hundredths of a rupiah."""
    sign = "-" if cents < 0 else ""
    return Money(f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}")


def cents(amount: Money) -> int:
    """Return the hundredths of a rupiah in *amount*, read from its text."""
    return int(str(amount).replace(".", ""))


# --- money ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (10_000, "10000.00"),
        ("10000.00", "10000.00"),
        ("10000.0", "10000.00"),
        ("10000", "10000.00"),
        ("0", "0.00"),
        (0, "0.00"),
        ("-0", "0.00"),
        ("-3.00", "-3.00"),
        (Decimal("0.01"), "0.01"),
        (Decimal("99999999999.00"), "99999999999.00"),
        ("007", "7.00"),
        ("9999999999999999.99", "9999999999999999.99"),
        (-(10**16) + 1, "-9999999999999999.00"),
    ],
)
def test_money_is_written_with_two_decimals(value: Any, text: str) -> None:
    assert str(Money(value)) == text


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "1 ", " 1", "1\n", "+1", "--1", "1.", ".5", "1.234", "1e3", "1E+3", "0x10", "1_000"),
        *(
            "1,000",
            "10.000",
            "10,00",
            "10.000,00",
            "Rp 1",
            "IDR",
            "NaN",
            "Infinity",
            "-Infinity",
            "\u0661\u0660",
            "\uff11",
        ),
        *("1" * 17, "1" * 17 + ".00", 10**16, -(10**16), "1" * 5000),
        *(Decimal("1E+3"), Decimal("0.001"), Decimal("NaN"), Decimal("Infinity"), Decimal("1E+999999")),
        *(1.0, 10000.5, float("nan"), True, False, None, b"1", [], {}, 1j),
    ],
)
def test_what_is_not_exact_rupiah_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        Money(value)

    assert caught.value.field == "amount"


@pytest.mark.parametrize("huge", [lambda: "9" * 5000, lambda: 10**5000], ids=["text", "number"])
def test_a_huge_amount_is_refused_in_few_words(huge: Callable[[], Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        Money(huge())

    assert len(str(caught.value)) < 200


@given(CENTS)
@settings(deadline=None)
def test_money_survives_its_own_text(amount: int) -> None:
    assert cents(Money(str(money(amount)))) == amount


@given(CENTS)
@settings(deadline=None)
def test_money_survives_its_own_repr(amount: int) -> None:
    assert eval(repr(money(amount))) == money(amount)  # the repr promises to be the expression


@given(HALF, HALF)
@settings(deadline=None)
def test_sums_and_differences_are_exact(one: int, other: int) -> None:
    assert (cents(money(one) + money(other)), cents(money(one) - money(other))) == (one + other, one - other)


@given(st.integers(-(10**12), 10**12), st.integers(-1000, 1000))
@settings(deadline=None)
def test_products_with_whole_numbers_are_exact(amount: int, times: int) -> None:
    assert cents(money(amount) * times) == cents(times * money(amount)) == amount * times


@given(CENTS, CENTS)
@settings(deadline=None)
def test_money_orders_and_hashes_like_its_value(one: int, other: int) -> None:
    left, right = money(one), money(other)

    assert (left < right, left <= right, left == right) == (one < other, one <= other, one == other)
    assert (left > right, left >= right) == (one > other, one >= other)
    assert hash(money(one)) == hash(Money(str(left)))


def test_the_callers_decimal_context_rounds_no_amount() -> None:
    with localcontext() as context:
        context.prec = 4
        found = [str(one) for one in (Money("123456.78") + Money("0.01"), -Money("123456.78"), Money("123456.78") * 3)]
        found.append(str(Money("123456.78") - Money("0.01")))

    assert found == ["123456.79", "-123456.78", "370370.34", "123456.77"]


def test_amounts_that_differ_in_decimals_only_are_equal() -> None:
    assert len({Money(1), Money("1.0"), Money("1.00"), Money(Decimal(1))}) == 1


def test_a_list_of_amounts_can_be_summed() -> None:
    assert sum([Money(1), Money("2.50")]) == Money("3.50")


def test_a_negated_amount_changes_its_sign() -> None:
    assert [str(-Money("2.50")), str(-Money(0))] == ["-2.50", "0.00"]


def test_an_amount_that_grows_out_of_its_digits_is_refused() -> None:
    with pytest.raises(InvalidInput):
        operator.mul(Money("9999999999999999.00"), 2)


@pytest.mark.parametrize("other", [1, 1.0, Decimal(1), "1", None, True])
@pytest.mark.parametrize("mixed", [operator.add, operator.sub, operator.lt, operator.le, operator.gt, operator.ge])
def test_money_does_not_mix_with_bare_numbers(mixed: Callable[[Any, Any], Any], other: Any) -> None:
    with pytest.raises(TypeError):
        mixed(Money(1), other)
    with pytest.raises(TypeError):
        mixed(other, Money(1))


@pytest.mark.parametrize("other", [1, 1.0, Decimal(1), "1.00", None, True])
def test_money_equals_no_bare_number(other: Any) -> None:
    assert Money(1) != other


@pytest.mark.parametrize("times", [1.5, Decimal(2), "2", True, Money(2), None])
def test_money_is_multiplied_by_whole_numbers_only(times: Any) -> None:
    with pytest.raises(TypeError):
        operator.mul(Money(1), times)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_money_can_be_copied_and_pickled(copied: Any) -> None:
    assert copied(Money("10.50")) == Money("10.50")


def test_money_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Money(1).value = Decimal(2)  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize("amount", [1, "5.5", 10])
def test_limits_include_their_ends(amount: Any) -> None:
    Between(Money(1), Money(10)).check("tip", Money(amount))


@pytest.mark.parametrize("amount", ["0.99", "10.01", "-5.00"])
def test_an_amount_outside_its_limits_is_refused(amount: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Between(Money(1), Money(10)).check("tip", Money(amount))

    assert str(caught.value) == f"tip: is Rp {amount}; from 1.00 to 10.00 is allowed"


# --- status --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "meaning", "paid", "final", "refunded"),
    [
        ("00", "success", True, True, False),
        ("01", "initiated", False, False, False),
        ("02", "paying", False, False, False),
        ("03", "pending", False, False, False),
        ("04", "refunded", False, True, True),
        ("05", "canceled", False, True, False),
        ("06", "failed", False, True, False),
        ("07", "not found", False, False, False),
        ("08", "expired", False, True, False),
        ("09", "rejected", False, True, False),
        ("settlement", "success", True, True, False),
        ("Settlement", "success", True, True, False),
        ("capture", "success", True, True, False),
        ("authorize", "initiated", False, False, False),
        ("PENDING", "pending", False, False, False),
        ("refund", "refunded", False, True, True),
        ("partial_refund", "refunded", False, True, True),
        ("cancel", "canceled", False, True, False),
        ("failure", "failed", False, True, False),
        ("expire", "expired", False, True, False),
        ("deny", "rejected", False, True, False),
    ],
)
def test_a_listed_status_says_what_it_means(raw: str, meaning: str, paid: bool, final: bool, refunded: bool) -> None:
    status = TransactionStatus(raw)

    assert status.is_known
    assert (status.meaning, status.is_paid, status.is_final, status.is_refunded) == (meaning, paid, final, refunded)
    assert str(status) == f"{raw} {meaning}"


@pytest.mark.parametrize("raw", ["10", "0", "", "000", "0 0", "paid", "SUCCESS!"])
def test_a_status_of_tomorrow_is_kept_and_decides_nothing(raw: str) -> None:
    status = TransactionStatus(raw)

    assert (status.raw, status.code, str(status)) == (raw, raw, raw)
    assert not any((status.is_known, status.is_paid, status.is_final, status.is_refunded))


# --- time ----------------------------------------------------------------------------------------------------------

MOMENT = datetime(2023, 9, 24, 20, 34, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "micro"),
    [
        ("2023-09-25T03:34:15+07:00", 0),
        ("2023-09-25T03:34:15+0700", 0),
        ("2023-09-24T20:34:15Z", 0),
        ("2023-09-24T20:34:15z", 0),
        ("2023-09-24T20:34:15.452305Z", 452305),
        ("2023-09-24T20:34:15.00Z", 0),
        ("2023-09-24T20:34:15.56Z", 560000),
        ("2023-09-24T20:34:15.5Z", 500000),
        ("2023-09-24T20:34:15.Z", 0),
        ("2023-09-24T20:34:15.196Z", 196000),
        ("2023-09-24T20:34:15.123456789Z", 123456),
        ("2023-09-24T13:34:15-07:00", 0),
        ("2023-09-25T02:04:15+05:30", 0),
        ("2023-09-25T03:34:15", 0),
        ("2023-09-25 03:34:15", 0),
        ("20230925033415", 0),
        ("20230925T033415Z"[:-1], 0),
        ("20230924T203415Z", 0),
    ],
)
def test_every_spelling_of_a_time_is_read(text: str, micro: int) -> None:
    assert parse_time(text) == MOMENT.replace(microsecond=micro)


@pytest.mark.parametrize("text", ["2020-10-20T17:56:57", "2020-10-20 17:56:57", "20201020175657"])
def test_a_time_without_zone_is_taken_as_wib_and_says_so(text: str) -> None:
    found = parse_time(text)

    assert (found, found.tzinfo, is_assumed(found)) == (
        datetime(2020, 10, 20, 17, 56, 57, tzinfo=WIB),
        ASSUMED_WIB,
        True,
    )


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_an_assumed_zone_stays_one_in_a_copy(copied: Any) -> None:
    assert is_assumed(copied(parse_time("2020-10-20T17:56:57")))


@pytest.mark.parametrize("text", ["2020-10-20T17:56:57+07:00", "2020-10-20T17:56:57Z"])
def test_a_time_with_a_zone_is_not_assumed(text: str) -> None:
    assert not is_assumed(parse_time(text))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "now",
            "2023",
            "2023-09-24",
            "20:34:15",
            "2023-09-24T20:34",
            "2023-13-24T20:34:15Z",
            "2023-09-31T00:00:00Z",
        ),
        *("2023-09-24T25:34:15Z", "2023-09-24T20:60:15Z", "2023-09-24T20:34:61Z", "0000-01-01T00:00:00Z"),
        *(
            "2023-09-24T20:34:15+25:00",
            "2023-09-24T20:34:15+7",
            "2023-09-24T20:34:15.1234567890Z",
            "2023-09-24T20:34:15 Z",
        ),
        *("2023-09-24T20:34:15Z\n", "\uff12023-09-24T20:34:15Z", "1695587655", "Sun, 24 Sep 2023 20:34:15 GMT"),
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_time(text)

    assert not isinstance(caught.value, UnicodeError)


@given(st.text(max_size=40))
@settings(deadline=None)
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    found = []
    try:
        found.append(parse_time(text).utcoffset())
    except ValueError:
        found.append(timedelta())

    assert found != [None]


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)), st.integers(-14 * 60, 14 * 60))
@settings(deadline=None)
def test_a_moment_is_written_in_25_characters_and_read_back(naive: datetime, minutes: int) -> None:
    moment = naive.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    text = format_time(moment)

    assert (len(text), text[-6:], parse_time(text)) == (25, "+07:00", moment)


# --- ids and small values ------------------------------------------------------------------------------------------


def test_new_external_ids_are_32_digits_and_differ() -> None:
    found = {new_external_id() for _ in range(1000)}

    assert len(found) == 1000
    assert all(len(one) == 32 and one.isascii() and one.isdigit() for one in found)


@pytest.mark.parametrize(
    ("url", "deeplink"),
    [
        ("https://shop.example/back", False),
        ("HTTP://shop.example/back", False),
        ("merchantapp://payments/callback/12345", True),
        ("gopay://merchanttransfer", True),
    ],
)
def test_a_return_address_knows_whether_it_opens_an_app(url: str, deeplink: bool) -> None:
    assert UrlParam(url=url).is_deeplink is deeplink


def test_a_return_address_may_be_told_what_it_opens() -> None:
    assert UrlParam(url="https://app.example/universal-link", is_deeplink=True).is_deeplink is True


@pytest.mark.parametrize(("given_quantity", "sent"), [(1, "1"), ("12", "12")])
def test_a_quantity_is_sent_as_text(given_quantity: Any, sent: str) -> None:
    assert Item(name="tea", price=Money(1), quantity=given_quantity).quantity == sent


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "", "01", True, None, "1" * 17])
def test_a_quantity_is_a_positive_whole_number(quantity: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        Item(name="tea", price=Money(1), quantity=quantity)

    assert caught.value.field == "quantity"
