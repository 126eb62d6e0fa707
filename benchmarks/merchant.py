"""A merchant, a payout and a notification for the benchmarks.  The keys are made here and are worth nothing."""

import json
from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gopay_async import Credentials, Money
from gopay_async.api import TopUp

PAYOUT: Final = TopUp(
    partner_reference_no="payout-1",
    customer_number="6281773628883",
    customer_name="Budi Santoso",
    amount=Money(25_000),
    notes="Weekly cashback",
    beneficiary_email="budi@example.com",
)


@cache
def key() -> RSAPrivateKey:
    """Return the one key pair of this process."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def pem() -> str:
    """Return the private key as people keep it."""
    return key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def credentials(private_key: str = "") -> Credentials:
    """Return complete credentials for BI-SNAP; parses *private_key*, or that of this process."""
    return Credentials(
        client_id="G1234325-SNAP",
        client_secret="client-secret-of-the-benchmark",
        private_key=private_key or pem(),
        partner_id="partner-7",
        channel_id="95221",
        merchant_id="G169749203",
    )


def notification() -> bytes:
    """Return a debit notification of 1.4 kB with two refunds, as the provider would write it."""
    refunds = [
        {
            "refundNo": f"refund-2026-11-2{number}-00000000{number}",
            "partnerRefundNo": f"return-2026-11-{number}",
            "refundAmount": {"value": "5000.00", "currency": "IDR"},
            "refundStatus": "00",
            "refundDate": f"2026-11-2{number}T16:08:09+07:00",
            "reason": "Customer returned one of the articles",
        }
        for number in (1, 2)
    ]
    paid_with = [
        {"payMethod": "GOPAY", "payOption": "GOPAY_WALLET", "transAmount": {"value": "45000.00", "currency": "IDR"}},
        {"payMethod": "GOPAY", "payOption": "PAY_LATER", "transAmount": {"value": "5000.00", "currency": "IDR"}},
    ]
    body = {
        "originalPartnerReferenceNo": "order-2026-11-20-0000000042",
        "originalReferenceNo": "A120261120083423ABCDEFGHIJID",
        "originalExternalId": "30443786930722726463280097920912",
        "merchantId": "G169749203",
        "amount": {"value": "50000.00", "currency": "IDR"},
        "latestTransactionStatus": "04",
        "transactionStatusDesc": "refunded",
        "createdTime": "2026-11-20T15:34:23+07:00",
        "finishedTime": "2026-11-20T15:35:01+07:00",
        "additionalInfo": {
            "refundHistory": refunds,
            "userPaymentDetails": paid_with,
            "payOptionDetails": paid_with,
            "fraudStatus": "ACCEPT",
            "validUpTo": "2026-11-20T15:49:23+07:00",
        },
    }
    return json.dumps(body, separators=(",", ":")).encode()
