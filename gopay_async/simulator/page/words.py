"""What the page calls things, for people.  Knows nothing else."""

from collections.abc import Mapping
from typing import Final

FAULT_WORDS: Final[Mapping[str, str]] = {
    "drop-before": "Close the connection, nothing processed",
    "drop-after": "Process it, then close without an answer",
    "hang": "Process it, never answer",
    "reset": "Process it, then reset the connection",
    "error": "HTTP 500",
    "timeout": "HTTP 504",
    "bad-gateway": "HTML page of a gateway, HTTP 502",
    "truncated": "Answer ends in the middle",
    "malformed-json": "Answer is not JSON",
    "wrong-content": "Web page with HTTP 200",
    "other-answer": "Answer about another request",
    "unknown-field": "Field that nobody knows",
    "unknown-status": "Status that nobody knows",
    "numeric-expiry": "expiresIn as a number",
    "token-revoked": "Access token revoked in mid-flight",
    "rate-limited": "HTTP 429 with Retry-After",
    "delay": "Late answer (virtual seconds)",
    "clock-skew": "Provider's clock is ahead",
}
