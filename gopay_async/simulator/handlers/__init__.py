"""What the simulated provider does for each operation: one function an operation, found by its class."""

from . import access_token, direct_debit, emoney, merchant, mini_app, preauth, promotions, qris, tokenization
from .registry import HANDLERS, Handler, serves

__all__ = [
    "HANDLERS",
    "Handler",
    "access_token",
    "direct_debit",
    "emoney",
    "merchant",
    "mini_app",
    "preauth",
    "promotions",
    "qris",
    "serves",
    "tokenization",
]
