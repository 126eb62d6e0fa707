"""What the sender is told: the SNAP envelope, and nothing that helps a forger.  Knows no request."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from attrs import define

from ..clock import Clock
from ..errors import WebhookError
from ..models import format_time

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_WORDS: Final[Mapping[int, str]] = {
    404: "Not Found",
    405: "Function Not Supported",
    408: "Timeout",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    500: "General Error",
}


@define(slots=False)
class Reply:
    """One answer to the sender."""

    status: int
    code: str
    message: str
    allow: str = ""

    @classmethod
    def accepted(cls, service: str) -> "Reply":
        """Return the acknowledgement: HTTP 200, for the provider counts nothing else."""
        return cls(200, f"200{service}00", "Request has been processed successfully")

    @classmethod
    def refused(cls, error: WebhookError, service: str) -> "Reply":
        """Return the refusal; what exactly is wrong stands in the operator's log only."""
        return cls(error.status, f"{error.status}{service}{error.case}", error.public)

    @classmethod
    def plain(cls, status: int, service: str = "56") -> "Reply":
        """Return the refusal of something that is no notification, or could not be handled."""
        return cls(status, f"{status}{service}00", _WORDS[status], "POST" if status == 405 else "")

    @cached_property
    def body(self) -> bytes:
        """The envelope."""
        return json.dumps({"responseCode": self.code, "responseMessage": self.message}).encode()

    def headers(self, now: datetime) -> dict[str, str]:
        """Return the headers, with the time that every reply carries."""
        allow = {"Allow": self.allow} if self.allow else {}
        return {"Content-Type": "application/json", "X-TIMESTAMP": format_time(now), **allow}

    async def send(self, send: Send, clock: Clock) -> None:
        """Send it over ASGI."""
        headers = [(name.lower().encode(), value.encode()) for name, value in self.headers(clock.now()).items()]
        headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})
