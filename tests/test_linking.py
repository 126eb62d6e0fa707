"""The customer's way to an auth code and back: encoded exactly once, and believed only with our state."""

from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from gopay_async import ConfigurationError, Environment, InvalidInput
from gopay_async.linking import AuthorizationReturn, authorization_url, seamless
from gopay_async.signing import verify_rsa

from .keys_for_tests import MERCHANT_KEY, credentials
from .test_signing import SEAMLESS, SMALL

STATE = "Hw3_kq-8sTnV.0~aZr5cX1yB7uQpLmEd"


def url(environment: Environment = Environment.SANDBOX, **changes: Any) -> str:
    given = {
        "state": STATE,
        "redirect_url": "https://shop.example/back?a=1&b=x%20y",
        "mobile_number": "6281234000001",
    }
    return authorization_url(credentials(), environment, **{**given, **changes})


def query(address: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(address).query, strict_parsing=True).items()}


# --- the way out ---------------------------------------------------------------------------------------------------


def test_the_published_vector_reproduces() -> None:
    """Q-SIG-7: what is signed is the encoded text."""
    found = seamless(cast(RSAPrivateKey, SMALL), mobile_number="6281234000001")

    assert found == (SEAMLESS["text"], SEAMLESS["signature_in_query"])


def test_the_address_holds_what_the_page_demands() -> None:
    address = url()
    found = query(address)

    assert address.startswith("https://merchants-app.sbx.midtrans.com/v1.0/get-auth-code?")
    assert list(found) == ["state", "merchantId", "lang", "scopes", "redirectUrl", "seamlessData", "seamlessSign"]
    assert found["merchantId"] == credentials().payment_handle
    assert found["redirectUrl"] == "https://shop.example/back?a=1&b=x%20y"
    assert (found["state"], found["lang"], found["scopes"]) == (STATE, "id", "DEFAULT")


def test_the_seamless_part_is_encoded_exactly_once() -> None:
    data = "mobileNumber%3D6281234000001%26paymentType%3Dgopay"

    assert f"&seamlessData={data}&seamlessSign=" in url()
    verify_rsa(data, query(url())["seamlessSign"], MERCHANT_KEY.public_key())


@pytest.mark.parametrize(
    ("environment", "host"),
    [
        (Environment.STAGING, "https://merchants-app.stg.midtrans.com/"),
        (Environment.PRODUCTION, "https://merchants-app.midtrans.com/"),
        (Environment.at("http://127.0.0.1:8080"), "http://127.0.0.1:8080/"),
    ],
    ids=str,
)
def test_the_host_is_the_one_for_customers(environment: Environment, host: str) -> None:
    """Q-PTH-6."""
    assert url(environment).startswith(f"{host}v1.0/get-auth-code?")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"state": ""}, "state"),
        ({"state": "x" * 33}, "state"),
        ({"state": "a b"}, "state"),
        ({"redirect_url": "x" * 257}, "redirect_url"),
        ({"redirect_url": "https://shop.example/a b"}, "redirect_url"),
        ({"mobile_number": "+6281234000001"}, "mobile_number"),
        ({"mobile_number": "081234000001"}, "mobile_number"),
        ({"mobile_number": 6281234000001}, "mobile_number"),
        ({"lang": "fr"}, "lang"),
        ({"scopes": ""}, "scopes"),
    ],
    ids=str,
)
def test_a_bad_parameter_is_refused_by_its_name(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        url(**changes)

    assert caught.value.field == name
    assert "81234000001" not in str(caught.value)


@pytest.mark.parametrize("missing", ["private_key", "payment_handle"])
def test_what_the_credentials_lack_is_named(missing: str) -> None:
    with pytest.raises(ConfigurationError, match=missing):
        authorization_url(
            credentials(**{missing: None}),
            Environment.SANDBOX,
            state=STATE,
            redirect_url="https://shop.example/back",
            mobile_number="6281234000001",
        )


# --- the way back --------------------------------------------------------------------------------------------------

OK = f"authCode=code-1&state={STATE}"


@pytest.mark.parametrize(
    "returned",
    [
        f"{OK}&success=true",
        f"{OK}&result=success",
        f"{OK}&result=SUCCESS&success=TRUE",
        f"?{OK}&success=true",
        f"https://shop.example/back?{OK}&success=true#top",
        f"myapp://back?&{OK}&&result=success",
    ],
)
def test_a_success_brings_the_code(returned: str) -> None:
    found = AuthorizationReturn.parse(returned, state=STATE)

    assert (found.succeeded, found.auth_code) == (True, "code-1")
    assert "code-1" not in repr(found)


@pytest.mark.parametrize(
    ("returned", "result", "code", "description"),
    [
        ("errorCode=4001002&errorDesc=Invalid%20Mandatory%20Field", "", "4001002", "Invalid Mandatory Field"),
        ("errCode=4001002&errDesc=No", "", "4001002", "No"),
        ("responseCode=4001002&responseMessage=Invalid Field x", "", "4001002", "Invalid Field x"),
        (f"authCode=null&state={STATE}&result=abort", "abort", None, None),
        (f"{OK}&result=failure", "failure", None, None),
        (f"{OK}&result=abort&success=true", "abort", None, None),
        (f"{OK}&success=false", "false", None, None),
        (OK, "", None, None),
        ("https://shop.example/back", "", None, None),
        ("", "", None, None),
    ],
)
def test_a_failure_brings_no_code_even_where_one_was_sent(
    returned: str, result: str, code: str | None, description: str | None
) -> None:
    """Q-FLD-24: all spellings; an auth code alone proves nothing."""
    found = AuthorizationReturn.parse(returned, state=STATE)

    assert (found.succeeded, found.auth_code) == (False, None)
    assert (found.result, found.error_code, found.error_description) == (result, code, description)


@pytest.mark.parametrize(
    ("returned", "name"),
    [
        ("authCode=code-1&state=other&success=true", "state"),
        ("state=other&result=abort", "state"),
        ("state=%ff%ff&result=abort", "state"),
        ("state=\ud800&result=abort", "state"),
        ("authCode=code-1&success=true", "returned"),
        (f"authCode=null&state={STATE}&success=true", "returned"),
        (f"state={STATE}&success=true", "returned"),
        (f"{OK}&success=true&authCode=code-2", "returned"),
        (b"authCode=code-1", "returned"),
    ],
    ids=repr,
)
def test_a_return_that_is_not_ours_is_refused(returned: Any, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        AuthorizationReturn.parse(returned, state=STATE)

    assert caught.value.field == name
    assert "code-1" not in str(caught.value)


@pytest.mark.parametrize("state", ["", None])
def test_a_return_is_not_read_without_a_state_to_compare(state: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        AuthorizationReturn.parse(f"{OK}&success=true", state=state)

    assert caught.value.field == "state"


def test_a_plus_in_a_code_stays_a_plus() -> None:
    assert AuthorizationReturn.parse(f"authCode=a+b%2B%3D&state={STATE}&success=true", state=STATE).auth_code == "a+b+="
