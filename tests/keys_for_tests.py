"""Keys and credentials made once for the whole test run."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from gopay_async import Credentials

MERCHANT_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PROVIDER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def credentials(**changes: Any) -> Credentials:
    """Return complete credentials, with *changes*."""
    complete: dict[str, Any] = {
        "client_id": "G1234325-SNAP",
        "client_secret": "fdppqbF5wq7vVegyvsV1CROMv646nJ7A",
        "private_key": MERCHANT_KEY,
        "partner_id": "partner-7",
        "channel_id": "95221",
        "merchant_id": "G169749203",
        "payment_handle": "550e8400-e29b-41d4-a716-446655440000",
        "server_key": "server-key-for-tests",
        "mini_app_credential": "bWluaS1hcHA6Y3JlZGVudGlhbA==",
    }
    return Credentials(**{**complete, **changes})
