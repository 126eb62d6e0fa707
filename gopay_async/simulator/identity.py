"""The credentials that a simulator hands out, and those that it will not take.  Knows no request."""

from base64 import b64encode
from typing import Final

from attrs import asdict
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from ..credentials import Credentials
from ..errors import ConfigurationError
from .ids import Ids

_PRODUCTION: Final = ("Mid-server-", "Mid-client-")


def new_key() -> RSAPrivateKey:
    """Return a new RSA key of 2048 bits (it takes a tenth of a second)."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def complete(given: Credentials | None, private_key: RSAPrivateKey | None, ids: Ids) -> Credentials:
    """Return complete credentials: what is *given*, and simulated ones for the rest; raise ConfigurationError."""
    found = asdict(given, recurse=False) if given else {}
    found = {name: value for name, value in found.items() if value is not None}
    for name, value in found.items():
        if isinstance(value, str) and value.startswith(_PRODUCTION):
            raise ConfigurationError(f"{name} looks like one of production: a simulator must never be given those")
    if "private_key" not in found:
        found["private_key"] = private_key or new_key()
    return Credentials(**{**_made_up(ids), **found})


def _made_up(ids: Ids) -> dict[str, str]:
    return {
        "client_id": f"SIM-{ids.digits(8)}-SNAP",
        "client_secret": f"sim{ids.text(29)}",
        "partner_id": f"SIM-PARTNER-{ids.digits(6)}",
        "channel_id": "95999",
        "merchant_id": f"G000{ids.digits(6)}",
        "payment_handle": ids.uuid(),
        "server_key": f"SB-Mid-server-SIM{ids.text(20)}",
        "mini_app_credential": b64encode(f"sim-mini-app:{ids.text(24)}".encode()).decode(),
    }
