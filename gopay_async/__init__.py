"""Asyncio SDK for GoPay merchants: payments, notifications, payouts.  Holds the public names and nothing else."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .credentials import Credentials, Customer, Environment
    from .errors import (
        ConfigurationError,
        Duplicate,
        GoPayError,
        InsufficientFunds,
        InvalidInput,
        NotFound,
        NotSent,
        OutcomeUnknown,
        RateLimited,
        Refused,
        SuspectedFraud,
        TokenRejected,
        Unavailable,
    )
    from .models import Money, new_external_id
    from .session import GoPaySession

__all__ = [
    "ConfigurationError",
    "Credentials",
    "Customer",
    "Duplicate",
    "Environment",
    "GoPayError",
    "GoPaySession",
    "InsufficientFunds",
    "InvalidInput",
    "Money",
    "NotFound",
    "NotSent",
    "OutcomeUnknown",
    "RateLimited",
    "Refused",
    "SuspectedFraud",
    "TokenRejected",
    "Unavailable",
    "new_external_id",
]

_ELSEWHERE = {
    "Credentials": "credentials",
    "Customer": "credentials",
    "Environment": "credentials",
    "GoPaySession": "session",
    "Money": "models",
    "new_external_id": "models",
}


def __getattr__(name: str) -> Any:
    # Resolved on first use, so that a process that only listens never imports aiohttp.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_ELSEWHERE.get(name, 'errors')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
