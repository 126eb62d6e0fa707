"""The mini-app's link and its callback: what is passed on untouched, what survives, and what is no answer at all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gopay_async.errors import InvalidInput
from gopay_async.launch import LaunchResult, launch_deeplink

PAID = {"success": True, "data": {"status": "success"}, "ret": "GP_SUCCESS"}
BROKEN = {
    "success": False,
    "error_code": "300",
    "error_type": "JS_BRIDGE_ERROR",
    "error_message": "Permission denied",
    "ret": "GP_EXCEPTION",
}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*BROKEN, "data", "status"]), inner),
)


# The link


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://gopay.co.id/app/pay?id=1&x=2", "gopay://merchanttransfer?id=1&x=2"),
        ("https://gopay.co.id?id=1", "gopay://merchanttransfer?id=1"),
        ("HTTPS://GOPAY.CO.ID/?id=1", "gopay://merchanttransfer?id=1"),
        ("https://gopay.co.id:443/?id=%2f%2F+%20", "gopay://merchanttransfer?id=%2f%2F+%20"),
        ("https://gopay.co.id/?a=1&a=&b&&=?/:@", "gopay://merchanttransfer?a=1&a=&b&&=?/:@"),
        ("https://gopay.co.id/?id=1#part?x=2", "gopay://merchanttransfer?id=1"),
        ("http://127.0.0.1:8080/pay?id=1", "gopay://merchanttransfer?id=1"),
        ("http://[::1]/pay?id=1", "gopay://merchanttransfer?id=1"),
    ],
)
def test_the_query_is_put_on_the_apps_link_as_it_is(url: str, expected: str) -> None:
    assert launch_deeplink(url) == expected


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), min_size=1))
def test_no_character_of_the_query_is_changed(query: str) -> None:
    assert launch_deeplink(f"https://gopay.co.id/pay?{query}") == f"gopay://merchanttransfer?{query}"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/pay?id=1",
        "gopay.co.id/pay?id=1",
        "http://gopay.co.id/pay?id=1",
        "http://localhost@gopay.co.id/pay?id=1",
        "gopay://merchanttransfer?id=1",
        "javascript:alert(1)?id=1",
        "https://?id=1",
        "https:///pay?id=1",
        "https:gopay.co.id?id=1",
        "https://gopay.co.id\\@example.com/?id=1",
        " https://gopay.co.id/?id=1",
        "https://gopay.co.id/?id=1\n",
        "https://gopay.co.id/?id=1\r\nX: y",
        "https://gopay.co.id/?id=1\x00",
        "https://gopay.co.id/pay",
        "https://gopay.co.id/pay?",
        "https://gopay.co.id/pay?#id=1",
        "https://gopay.co.id/pay#?id=1",
    ],
)
def test_what_is_no_https_address_with_a_query_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        launch_deeplink(url)

    assert caught.value.field == "web_redirect_url"


def test_a_refused_address_is_not_shown() -> None:
    with pytest.raises(InvalidInput) as caught:
        launch_deeplink("http://gopay.co.id/?id=payment-7")

    assert "payment-7" not in repr(caught.value)


# The callback


def test_the_documented_success_is_read() -> None:
    assert LaunchResult.parse(PAID) == LaunchResult(bridge_succeeded=True, status="success", ret="GP_SUCCESS")


def test_the_documented_error_is_read() -> None:
    expected = LaunchResult(
        bridge_succeeded=False,
        error_code="300",
        error_type="JS_BRIDGE_ERROR",
        error_message="Permission denied",
        ret="GP_EXCEPTION",
    )

    assert LaunchResult.parse(BROKEN) == expected


def test_an_error_code_that_is_a_number_is_read_as_text() -> None:
    assert LaunchResult.parse({**BROKEN, "error_code": 300}) == LaunchResult.parse(BROKEN)


@pytest.mark.parametrize("callback", [json.dumps(PAID), json.dumps(PAID).encode()])
def test_a_callback_is_read_from_json(callback: str | bytes) -> None:
    assert LaunchResult.parse(callback) == LaunchResult.parse(PAID)


@pytest.mark.parametrize("status", ["success", "failed", "pending", "cancelled"])
def test_a_documented_status_is_known(status: str) -> None:
    assert LaunchResult.parse({"success": True, "data": {"status": status}}).is_known


@pytest.mark.parametrize("status", ["SUCCESS", "refunded", ""])
def test_an_undocumented_status_survives_as_unknown(status: str) -> None:
    result = LaunchResult.parse({"success": True, "data": {"status": status}})

    assert (result.status, result.is_known, result.claims_success) == (status, False, False)


@pytest.mark.parametrize("status", ["failed", "pending", "cancelled"])
def test_a_bridge_that_worked_does_not_claim_a_payment(status: str) -> None:
    assert not LaunchResult.parse({"success": True, "data": {"status": status}}).claims_success


def test_a_successful_status_claims_success() -> None:
    assert LaunchResult.parse(PAID).claims_success


def test_a_successful_status_of_a_failed_bridge_claims_nothing() -> None:
    assert not LaunchResult.parse({"success": False, "data": {"status": "success"}}).claims_success


def test_nothing_on_the_result_is_called_paid() -> None:
    assert [name for name in dir(LaunchResult) if "paid" in name] == []


def test_unknown_fields_are_passed_over() -> None:
    assert LaunchResult.parse({**PAID, "data": {"status": "success", "more": 1}, "new": []}) == LaunchResult.parse(PAID)


@pytest.mark.parametrize(
    ("callback", "field"),
    [
        ("", "callback"),
        ("{success: true}", "callback"),
        ("[]", "callback"),
        ("null", "callback"),
        ('"success"', "callback"),
        (b"\xff\xfe\x00", "callback"),
        ("[" * 200_000, "callback"),
        ("9" * 10_000, "callback"),
        ({}, "success"),
        ({"success": "true", "data": {"status": "success"}}, "success"),
        ({"success": 1, "data": {"status": "success"}}, "success"),
        ({"success": True}, "status"),
        ({"success": True, "data": None}, "status"),
        ({"success": True, "data": {}}, "status"),
        ({"success": True, "data": {"status": True}}, "status"),
        ({"success": True, "data": "success"}, "data"),
        ({"success": False, "error_code": 3.5}, "error_code"),
        ({"success": False, "error_message": {}}, "error_message"),
    ],
)
def test_a_malformed_callback_is_refused_with_the_name_of_the_field(callback: str | bytes, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        LaunchResult.parse(callback)

    assert (caught.value.field, caught.value.__context__) == (field, None)


@given(JSON_VALUES)
def test_reading_any_json_gives_a_result_or_invalid_input(value: object) -> None:
    try:
        result: object = LaunchResult.parse(json.dumps(value))
    except InvalidInput as error:
        result = error

    assert isinstance(result, LaunchResult | InvalidInput)
