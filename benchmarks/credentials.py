"""A merchant for the benchmarks.  Its key is made here and is worth nothing."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gopay_async import Credentials


@cache
def key() -> RSAPrivateKey:
    """Return the one key pair of this process."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def pem() -> str:
    """Return the private key as people keep it."""
    return key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@cache
def credentials() -> Credentials:
    """Return complete credentials for BI-SNAP."""
    return Credentials(
        client_id="G1234325-SNAP",
        client_secret="client-secret-of-the-benchmark",
        private_key=key(),
        partner_id="partner-7",
        channel_id="95221",
        merchant_id="G169749203",
    )
