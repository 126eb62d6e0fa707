"""A provider for the tests of the runner: it pays whatever it is sent, twice if twice, and says what is scripted.

It is a transport, checks no signature and needs no socket.
"""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from gopay_async.exchange import Request, Response
from gopay_async.transport import Departure

TOKEN = {"responseCode": "2007300", "accessToken": "t", "tokenType": "Bearer", "expiresIn": "86400"}


def said(status: int, code: str, **more: Any) -> Response:
    body = {"responseCode": code, "responseMessage": "said", **more}
    return Response(status, {"Retry-After": "0"}, json.dumps(body).encode())


class Provider:
    """Answers top-ups as scripted, each reference for itself; what is not scripted is accepted."""

    def __init__(self) -> None:
        #: What is to happen to the next attempts of a reference, or of any ("*").
        self.script: dict[str, deque[str]] = defaultdict(deque)
        #: reference -> amounts that were paid.
        self.paid: dict[str, list[str]] = defaultdict(list)
        #: reference -> latestTransactionStatus of an inquiry, where it is not 00.
        self.statuses: dict[str, str] = {}
        #: Whether an inquiry finds anything at all.
        self.finds = True
        self.asked: list[str] = []
        #: How many of the next inquiries get a 429.
        self.refusals = 0
        self.external_ids: list[str] = []
        self.tokens = True
        #: Called with the reference of every top-up before it is answered.
        self.before: Callable[[str], Any] = lambda reference: None
        #: Awaited by top-ups that hang.
        self.release = asyncio.Event()
        self.in_flight = 0
        self.most_in_flight = 0
        self.started = asyncio.Event()

    def plan(self, reference: str, *happenings: str) -> None:
        self.script[reference].extend(happenings)

    async def send(self, request: Request, departure: Departure) -> Response:
        departure.unsent = True
        await asyncio.sleep(0)
        if request.target.endswith("/b2b"):
            return self._token(departure)
        departure.unsent = False
        body = json.loads(request.body)
        if not request.target.endswith("/topup"):
            return self._inquiry(body["originalPartnerReferenceNo"])
        self.external_ids.append(request.headers["X-EXTERNAL-ID"])
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._top_up(body, departure)
        finally:
            self.in_flight -= 1

    async def aclose(self) -> None:
        pass

    def _token(self, departure: Departure) -> Response:
        departure.unsent = False
        return Response(200, {}, json.dumps(TOKEN).encode()) if self.tokens else said(401, "4017300")

    async def _top_up(self, body: dict[str, Any], departure: Departure) -> Response:
        reference = body["partnerReferenceNo"]
        self.before(reference)
        self.started.set()
        found = self.script[reference] or self.script["*"]
        happening = found.popleft() if found else "accept"
        if not happening.startswith(("lost", "4", "unsent")):
            self.paid[reference].append(body["amount"]["value"])
        return await self._answer(happening, reference, departure)

    async def _answer(self, happening: str, reference: str, departure: Departure) -> Response:
        if happening == "unsent":
            departure.unsent = True
            raise ConnectionError("no route")
        if happening.endswith("drop"):
            raise ConnectionResetError("lost")
        if happening.endswith("hang"):
            await self.release.wait()
            raise ConnectionResetError("lost")
        if happening.endswith("500"):
            return said(500, "5003801")
        if happening.isdigit():
            return said(int(happening[:3]), happening)
        return said(202, "2023800", referenceNo=f"A{reference}", partnerReferenceNo=reference)

    def _inquiry(self, reference: str) -> Response:
        self.asked.append(reference)
        if self.refusals:
            self.refusals -= 1
            return said(429, "4293600")
        if not self.finds or not (self.paid[reference] or reference in self.statuses):
            return said(404, "4043601")
        status = self.statuses.get(reference, "00")
        if not status.isdigit():
            return said(500, "5003601")
        return said(
            200, "2003600", originalPartnerReferenceNo=reference, latestTransactionStatus=status, serviceCode="38"
        )
