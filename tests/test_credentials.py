"""Who the merchant is, and where the provider is: what is missing is named, and secrets never print."""

from base64 import b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gopay_async import ConfigurationError, Credentials, Customer, Environment, InvalidInput
from gopay_async.credentials import SNAP
from gopay_async.operation import Auth, Family

from .keys_for_tests import MERCHANT_KEY, credentials

PEM = MERCHANT_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
ENVIRON = {
    "GOPAY_CLIENT_ID": "G1234325-SNAP",
    "GOPAY_CLIENT_SECRET": "planted-client-secret",
    "GOPAY_PRIVATE_KEY": PEM,
    "GOPAY_PARTNER_ID": "partner-7",
    "GOPAY_CHANNEL_ID": "95221",
}
OTHERS = {
    "GOPAY_MERCHANT_ID": "G169749203",
    "GOPAY_PAYMENT_HANDLE": "550e8400-e29b-41d4-a716-446655440000",
    "GOPAY_SERVER_KEY": "planted-server-key",
    "GOPAY_MINI_APP_CREDENTIAL": b64encode(b"planted").decode(),
}


# --- from the environment ------------------------------------------------------------------------------------------


def test_credentials_are_read_from_the_environment() -> None:
    found = Credentials.from_env({**ENVIRON, **OTHERS, "PATH": "/bin"})

    assert (found.client_id, found.client_secret, found.partner_id) == (
        "G1234325-SNAP",
        "planted-client-secret",
        "partner-7",
    )
    assert (found.channel_id, found.merchant_id) == ("95221", "G169749203")
    assert (found.payment_handle, found.server_key) == (OTHERS["GOPAY_PAYMENT_HANDLE"], "planted-server-key")
    assert found.mini_app_credential == OTHERS["GOPAY_MINI_APP_CREDENTIAL"]
    assert found.private_key is not None
    assert found.private_key.private_numbers() == MERCHANT_KEY.private_numbers()


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)

    assert Credentials.from_env().client_id == "G1234325-SNAP"


def test_a_key_in_one_line_with_escaped_breaks_is_read() -> None:
    assert Credentials.from_env({**ENVIRON, "GOPAY_PRIVATE_KEY": PEM.replace("\n", "\\n")}).private_key is not None


def test_spaces_around_a_value_are_dropped() -> None:
    assert Credentials.from_env({**ENVIRON, "GOPAY_CHANNEL_ID": " 95221\n"}).channel_id == "95221"


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({}, list(ENVIRON)),
        ({"GOPAY_CLIENT_ID": "a"}, list(ENVIRON)[1:]),
        ({**ENVIRON, "GOPAY_PRIVATE_KEY": ""}, ["GOPAY_PRIVATE_KEY"]),
        ({**ENVIRON, "GOPAY_PARTNER_ID": " ", "GOPAY_CHANNEL_ID": "\n"}, ["GOPAY_PARTNER_ID", "GOPAY_CHANNEL_ID"]),
        ({"GOPAY_SERVER_KEY": "k", "GOPAY_CLIENT_ID": "a"}, list(ENVIRON)[1:]),
        ({"GOPAY_MERCHANT_ID": "G1"}, list(ENVIRON)),
    ],
)
def test_every_missing_variable_is_named_at_once(environ: dict[str, str], missing: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Credentials.from_env(environ)

    assert str(caught.value) == f"Set these environment variables: {', '.join(missing)}"


@pytest.mark.parametrize("name", ["GOPAY_SERVER_KEY", "GOPAY_MINI_APP_CREDENTIAL"])
def test_a_group_may_stand_alone(name: str) -> None:
    found = Credentials.from_env({name: OTHERS[name]})

    assert found.client_id is None
    assert getattr(found, name.removeprefix("GOPAY_").lower()) == OTHERS[name]


def test_a_missing_variable_shows_no_value_of_another() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Credentials.from_env({**ENVIRON, **OTHERS, "GOPAY_CLIENT_ID": ""})

    assert "planted" not in str(caught.value)


# --- values --------------------------------------------------------------------------------------------------------

TEXTS = (
    "client_id",
    "client_secret",
    "partner_id",
    "merchant_id",
    "payment_handle",
    "server_key",
    "mini_app_credential",
)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(
    "value", ["", " planted", "planted ", "plan\nted", "plan\r\nted", "plant\u00e9d", "\x00", b"planted", 7]
)
def test_what_no_header_can_carry_is_refused_unseen(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        credentials(**{name: value})

    assert caught.value.field == name
    assert "plan" not in caught.value.rule


@pytest.mark.parametrize("value", ["1234", "123456", "12a45", "\u0661\u0662\u0663\u0664\u0665", "", 95221])
def test_a_channel_id_is_five_digits(value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        credentials(channel_id=value)

    assert caught.value.field == "channel_id"


def test_a_bad_key_is_named_and_never_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        credentials(private_key="-----BEGIN PRIVATE KEY-----\nplanted\n-----END PRIVATE KEY-----")

    assert "planted" not in str(caught.value)


def test_credentials_take_keywords_only() -> None:
    with pytest.raises(TypeError):
        Credentials("G1234325-SNAP")  # type: ignore[call-arg]  # the point of the test


def test_no_secret_is_in_a_repr() -> None:
    text = repr(Credentials.from_env({**ENVIRON, **OTHERS}))

    assert "planted" not in text
    assert OTHERS["GOPAY_MINI_APP_CREDENTIAL"] not in text
    assert "PRIVATE" not in text.upper().replace("PRIVATE_KEY=", "")
    assert "G1234325-SNAP" in text


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (("server_key",), "X needs Credentials(server_key=...)"),
        (("client_id", "server_key", "channel_id"), "X needs Credentials(server_key=..., channel_id=...)"),
    ],
)
def test_what_is_missing_is_named_all_at_once(names: tuple[str, ...], text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Credentials(client_id="a").require(names, purpose="X")

    assert str(caught.value) == text


def test_nothing_is_raised_when_nothing_is_missing() -> None:
    credentials().require(SNAP, purpose="X")


# --- customers -----------------------------------------------------------------------------------------------------


def test_nothing_of_a_customer_is_in_a_repr() -> None:
    customer = Customer("planted", device_id="planted", ip_address="planted", latitude="planted", longitude="planted")

    assert "planted" not in repr(customer)


@pytest.mark.parametrize("token", [None, "", "two words\n", "t\u00f6ken", 7])
def test_a_customer_has_a_token_that_fits_a_header(token: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        Customer(token)

    assert caught.value.field == "token"


@pytest.mark.parametrize("name", ["device_id", "ip_address", "latitude", "longitude"])
def test_what_a_customer_sends_fits_a_header(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Customer("token", **{name: "a\r\nX-Planted: 1"})

    assert caught.value.field == name


# --- environments --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "family", "base"),
    [
        (Environment.SANDBOX, Family.SNAP, "https://merchants.sbx.midtrans.com"),
        (Environment.SANDBOX, Family.APP, "https://merchants-app.sbx.midtrans.com"),
        (Environment.SANDBOX, Family.CORE, "https://api.sandbox.midtrans.com"),
        (Environment.STAGING, Family.SNAP, "https://merchants.stg.midtrans.com"),
        (Environment.STAGING, Family.APP, "https://merchants-app.stg.midtrans.com"),
        (Environment.PRODUCTION, Family.SNAP, "https://merchants.midtrans.com"),
        (Environment.PRODUCTION, Family.APP, "https://merchants-app.midtrans.com"),
        (Environment.PRODUCTION, Family.CORE, "https://api.midtrans.com"),
        (Environment.PRODUCTION, Family.MINI_APP, "https://public-mini-app-merchants.gopayapi.com"),
    ],
)
def test_every_family_has_its_documented_host(environment: Environment, family: Family, base: str) -> None:
    assert environment.base(family) == base


@pytest.mark.parametrize(
    ("environment", "family"),
    [
        (Environment.SANDBOX, Family.MINI_APP),
        (Environment.STAGING, Family.MINI_APP),
        (Environment.STAGING, Family.CORE),
    ],
)
def test_a_family_without_a_host_is_refused_and_never_sent_to_production(
    environment: Environment, family: Family
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        environment.base(family)

    assert all(words in str(caught.value) for words in (environment.name, family.value, "Nothing was sent"))


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:9000", "http://[::1]:9000"),
        ("https://proxy.example:8443", "https://proxy.example:8443"),
    ],
)
def test_every_family_can_be_put_on_one_address(url: str, base: str) -> None:
    environment = Environment.at(url)

    assert {environment.base(family) for family in Family} == {base}


@pytest.mark.parametrize(
    "url",
    [
        *("", "127.0.0.1:8080", "ftp://127.0.0.1", "http://", "https:///v1.0", "http://example.com", "http://10.0.0.1"),
        *("http://0.0.0.0:80", "http://localhost.example.com", "http://127.0.0.1.example.com", "http://127.0.0.1/v1.0"),
        *("https://a.example?b=c", "https://a.example#b", "https://user:planted@a.example", "https://user@a.example"),
        *("http://127.0.0.1:port", "http://127.0.0.1:99999", "http://127.0.0.1:0", "http://[::1"),
    ],
)
def test_an_address_that_is_no_bare_safe_host_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Environment.at(url)

    assert caught.value.field == "url"
    assert "planted" not in str(caught.value)


def test_an_environment_prints_its_name() -> None:
    assert repr(Environment.SANDBOX) == "Environment(name='SANDBOX')"


@pytest.mark.parametrize(
    ("auth", "family"),
    [
        (Auth.CLIENT_KEY, Family.SNAP),
        (Auth.ACCESS_TOKEN, Family.SNAP),
        (Auth.SERVER_KEY, Family.CORE),
        (Auth.MINI_APP, Family.MINI_APP),
        (Auth.USER_TOKEN, Family.MINI_APP),
    ],
)
def test_every_proof_belongs_to_a_family_of_hosts(auth: Auth, family: Family) -> None:
    assert auth.family is family
