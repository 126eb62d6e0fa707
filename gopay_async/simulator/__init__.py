"""A simulated provider, in process or on a socket.  Knows nothing of the page and the command that show it."""

from ..errors import Imbalance
from .books import Books
from .clock import VirtualClock
from .faults import (
    BAD_GATEWAY,
    DROP_AFTER,
    DROP_BEFORE,
    ERROR_AFTER,
    ERROR_BEFORE,
    FAULTS,
    HANG,
    MALFORMED_JSON,
    NUMERIC_EXPIRY,
    OTHER_ANSWER,
    RESET,
    TIMEOUT_AFTER,
    TIMEOUT_BEFORE,
    TOKEN_REVOKED,
    TRUNCATED,
    UNKNOWN_FIELD,
    UNKNOWN_STATUS,
    WRONG_CONTENT,
    Fault,
    FaultPlan,
    clock_skew,
    delay,
    rate_limited,
)
from .notices import Notice
from .policy import SAMPLE_ACCOUNT, Policy
from .postman import Delivery
from .provider import Seen
from .report import Finding, Report
from .simulator import Simulator

__all__ = [
    "BAD_GATEWAY",
    "DROP_AFTER",
    "DROP_BEFORE",
    "ERROR_AFTER",
    "ERROR_BEFORE",
    "FAULTS",
    "HANG",
    "MALFORMED_JSON",
    "NUMERIC_EXPIRY",
    "OTHER_ANSWER",
    "RESET",
    "SAMPLE_ACCOUNT",
    "TIMEOUT_AFTER",
    "TIMEOUT_BEFORE",
    "TOKEN_REVOKED",
    "TRUNCATED",
    "UNKNOWN_FIELD",
    "UNKNOWN_STATUS",
    "WRONG_CONTENT",
    "Books",
    "Delivery",
    "Fault",
    "FaultPlan",
    "Finding",
    "Imbalance",
    "Notice",
    "Policy",
    "Report",
    "Seen",
    "Simulator",
    "VirtualClock",
    "clock_skew",
    "delay",
    "rate_limited",
]
