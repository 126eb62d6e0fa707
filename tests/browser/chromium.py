"""Where the browser is, how it is started, and where its pictures go."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from playwright.async_api import Browser as Chrome
from playwright.async_api import ConsoleMessage, Page

from gopay_async.simulator import Simulator
from tests.page_for_tests import Browser, browsing

#: Build output: kept for people to look at, and in no repository.
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_HOW = "no Chromium: install one, on Debian and Ubuntu with `apt-get install chromium`"
# The sandbox of Chromium needs rights that containers do not give; nothing but our own pages is opened.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def chromium() -> str:
    """Return the path of the browser; without one fail where CI is set, and skip elsewhere, with what to install."""
    found = next((path for path in map(shutil.which, _NAMES) if path), None)
    if found is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail(_HOW)
    # -ra prints the reason of every skip: whoever runs the tests reads it.
    pytest.skip(_HOW)


@define
class Screen:
    """One page of a browser, the server behind it, and what the browser complained about."""

    page: Page
    served: Browser
    complaints: list[str] = field(factory=list)

    @property
    def simulator(self) -> Simulator:
        return self.served.simulator

    async def open(self, path: str = "/_simulator/") -> None:
        await self.page.goto(self.served.url + path)

    async def picture(self, name: str) -> None:
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    def heard(self, message: ConsoleMessage) -> None:
        # An answer that is an error is often what a test is about; a broken policy or script never is.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)


@asynccontextmanager
async def watching(chrome: Chrome, **options: Any) -> AsyncIterator[Screen]:
    """Serve a simulator that notifies the demo shop, and open a page with *options*; fail on any complaint."""
    async with browsing() as served:
        served.console.notify = f"{served.url}/_simulator/shop"
        context = await chrome.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        try:
            screen = Screen(await context.new_page(), served)
            screen.page.on("console", partial(Screen.heard, screen))
            screen.page.on("pageerror", lambda error: screen.complaints.append(str(error)))
            yield screen
        finally:
            await context.close()

    assert screen.complaints == []
