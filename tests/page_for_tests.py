"""A served page over real HTTP on loopback, and its forms as a browser sends them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from attrs import frozen

from gopay_async.api import CreatePayment, PaymentCreated
from gopay_async.simulator import Simulator
from gopay_async.simulator.console import Console
from gopay_async.simulator.page import serve_page

from .simulator_for_tests import payment, session, simulator


@frozen
class Browser:
    """Something that reads pages and sends forms."""

    url: str
    console: Console
    client: aiohttp.ClientSession

    @property
    def simulator(self) -> Simulator:
        return self.console.simulator

    async def get(self, path: str, **options: Any) -> tuple[int, str]:
        async with self.client.get(self.url + path, **options) as response:
            return response.status, await response.text()

    async def post(self, path: str, **options: Any) -> tuple[int, str]:
        async with self.client.post(self.url + path, allow_redirects=False, **options) as response:
            return response.status, await response.text()

    async def press(self, do: str, **fields: Any) -> tuple[int, str]:
        """Send the form of one button."""
        form = {"token": self.console.form_token, "back": "/_simulator/", "do": do, **fields}
        return await self.post("/_simulator/form", data={name: str(value) for name, value in form.items()})

    async def told(self, command: str, **words: Any) -> tuple[int, dict[str, Any]]:
        """Send one command as JSON."""
        async with self.client.post(f"{self.url}/_simulator/{command}", json=words) as response:
            return response.status, await response.json()

    async def buy(self, of: CreatePayment | None = None) -> PaymentCreated:
        """Create a payment over the socket."""
        async with session(self.simulator, self.url) as gopay:
            return await gopay.send(of or payment())


@asynccontextmanager
async def browsing(of: Simulator | None = None, **options: Any) -> AsyncIterator[Browser]:
    """Serve the page of a simulator and open a browser."""
    console = Console(of or simulator(), **options)
    async with serve_page(console) as url, aiohttp.ClientSession() as client:
        yield Browser(url, console, client)


def plain(html: str) -> str:
    """Return the text of a page, tags and repeated spaces away."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
