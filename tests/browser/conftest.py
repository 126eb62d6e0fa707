"""One browser for all tests of the page: to start it takes longer than any of them."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from .chromium import FLAGS, chromium

# A slow machine is no defect: five seconds, as it is without this, are too few where other tests run beside these.
expect.set_options(timeout=60_000)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome() -> AsyncIterator[Browser]:
    """Chromium, running; every test opens a context of its own in it."""
    path = chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()
