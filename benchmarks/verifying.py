"""What receiving costs: a notification verified and typed, beside the bare RSA verification in it."""

import time
from base64 import b64decode
from collections.abc import Callable
from statistics import median
from typing import Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from gopay_async import signing
from gopay_async.webhooks import NotificationVerifier, sign_notification

from .claims import Claim
from .merchant import key, notification

_ROUNDS: Final = 31
_TIMES: Final = 300


def verifying() -> Claim:
    """Measure both, in turns."""
    public, body = key().public_key(), notification()
    verifier = NotificationVerifier(public, partner_id="partner-7", merchant_id="G169749203")
    headers = sign_notification(body, key(), path=verifier.path, partner_id="partner-7")
    text = signing.notification_string("POST", verifier.path, body, headers["X-TIMESTAMP"]).encode()
    signature = b64decode(headers["X-SIGNATURE"])

    def bare() -> None:
        public.verify(signature, text, PKCS1v15(), SHA256())

    def whole() -> None:
        verifier.verify(headers=headers, body=body)

    pairs = [(_timed(bare), _timed(whole)) for _ in range(_ROUNDS)]
    ratio = median(one for _, one in pairs) / median(one for one, _ in pairs)
    return Claim(f"verify and type {len(body)} bytes: times a bare RSA-2048 verification", ratio, at_most=4, goal=3)


def _timed(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    for _ in range(_TIMES):
        call()
    return time.perf_counter() - began
