"""The headers that prove who makes a call, one function for each kind of proof.  Knows no body's meaning."""

from base64 import b64encode
from collections.abc import Callable

from attrs import define

from . import signing
from .credentials import Credentials, Customer
from .operation import Auth


@define(repr=False)
class Proof:
    """What the headers of a call are made from; without a repr, for it holds the token and the body."""

    method: str
    target: str
    body: bytes
    timestamp: str
    external_id: str
    access_token: str
    customer: Customer | None


def _client_key(credentials: Credentials, proof: Proof) -> dict[str, str]:
    client_id, key = str(credentials.client_id), credentials.private_key
    assert key is not None  # `check` has named it otherwise
    signature = signing.sign_rsa(signing.token_string(client_id, proof.timestamp), key)
    return {"X-TIMESTAMP": proof.timestamp, "X-CLIENT-KEY": client_id, "X-SIGNATURE": signature}


def _access_token(credentials: Credentials, proof: Proof) -> dict[str, str]:
    text = signing.transaction_string(proof.method, proof.target, proof.access_token, proof.body, proof.timestamp)
    headers = {
        "Authorization": f"Bearer {proof.access_token}",
        "X-TIMESTAMP": proof.timestamp,
        "X-SIGNATURE": signing.sign_hmac(text, str(credentials.client_secret)),
        "X-PARTNER-ID": str(credentials.partner_id),
        "X-EXTERNAL-ID": proof.external_id,
        "CHANNEL-ID": str(credentials.channel_id),
    }
    if proof.customer:
        headers.update(_customer(proof.customer))
    return headers


def _customer(customer: Customer) -> dict[str, str]:
    optional = {
        "X-DEVICE-ID": customer.device_id,
        "X-IP-ADDRESS": customer.ip_address,
        "X-LATITUDE": customer.latitude,
        "X-LONGITUDE": customer.longitude,
    }
    sent = {name: value for name, value in optional.items() if value is not None}
    return {"Authorization-Customer": f"Bearer {customer.token}", **sent}


def _server_key(credentials: Credentials, proof: Proof) -> dict[str, str]:
    basic = b64encode(f"{credentials.server_key}:".encode()).decode()
    customer = {"Authorization-Customer": f"Bearer {proof.customer.token}"} if proof.customer else {}
    return {"Authorization": f"Basic {basic}", **customer}


def _mini_app(credentials: Credentials, proof: Proof) -> dict[str, str]:
    return {"Authorization": f"Basic {credentials.mini_app_credential}", "Request-Id": proof.external_id}


def _user_token(_: Credentials, proof: Proof) -> dict[str, str]:
    assert proof.customer is not None  # `check` has named it otherwise
    return {"Authorization": f"Bearer {proof.customer.token}", "Request-Id": proof.external_id}


HEADERS: dict[Auth, Callable[[Credentials, Proof], dict[str, str]]] = {
    Auth.CLIENT_KEY: _client_key,
    Auth.ACCESS_TOKEN: _access_token,
    Auth.SERVER_KEY: _server_key,
    Auth.MINI_APP: _mini_app,
    Auth.USER_TOKEN: _user_token,
}
