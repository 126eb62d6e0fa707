"""What people do with the page, done by clicking."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser as Chrome
from playwright.async_api import expect

from gopay_async.api import TopUp
from gopay_async.simulator import FAULTS
from tests.browser.chromium import Screen, chromium, watching
from tests.simulator_for_tests import send, signed, top_up
from tests.test_page import VIEWS, everything
from tests.test_simulator_gate import COMPACT, resigned, sha

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}


async def buy(screen: Screen) -> None:
    await screen.open("/_simulator/mini-app")
    await screen.page.get_by_role("button", name="Buy with GoPay").click()


def sheet(screen: Screen, button: str) -> Any:
    frame = screen.page.frame_locator("dialog iframe")
    return frame.get_by_role("button", name=button, exact=True)


async def test_a_mini_app_payment_from_log_in_to_the_verified_notification(chrome: Chrome) -> None:
    async with watching(chrome) as screen:
        page = screen.page
        await screen.open("/_simulator/mini-app")
        await page.get_by_role("button", name="Log in").click()
        await expect(page.locator("#who")).to_contain_text("Logged in as 01-")
        await page.get_by_role("button", name="Buy with GoPay").click()
        await expect(sheet(screen, "Pay")).to_be_visible()
        await screen.picture("mini-app-sheet")
        await sheet(screen, "Pay").click()
        await expect(page.locator("#status")).to_have_text("success")
        await expect(page.locator("#order")).to_have_text("order-0001 is paid")
        await page.get_by_role("button", name="Give me 1.000 coins").click()
        await expect(page.locator("#who")).to_contain_text("1.000 coins given")
        await screen.picture("mini-app-paid")

    screen.simulator.check()
    assert screen.simulator.snapshot()["takings"] == "25000.00"


@pytest.mark.parametrize(
    ("button", "word", "status"),
    [("Cancel", "failed", "05"), ("Let it fail while processing", "pending", "06")],
)
async def test_the_sheet_ends_in_the_words_of_the_app(chrome: Chrome, button: str, word: str, status: str) -> None:
    async with watching(chrome) as screen:
        await buy(screen)
        await sheet(screen, button).click()
        await expect(screen.page.locator("#status")).to_have_text(word)

    assert [one["status"] for one in screen.simulator.snapshot()["payments"]] == [status]


@pytest.mark.parametrize("by_key", [True, False])
async def test_who_goes_back_has_neither_paid_nor_cancelled(chrome: Chrome, by_key: bool) -> None:
    async with watching(chrome) as screen:
        await buy(screen)
        await expect(sheet(screen, "Pay")).to_be_visible()
        back = screen.page.get_by_role("button", name="Back to the mini-app")
        await (screen.page.keyboard.press("Escape") if by_key else back.click())
        await expect(screen.page.locator("#status")).to_have_text("cancelled")

    assert [one["status"] for one in screen.simulator.snapshot()["payments"]] == ["03"]


async def test_a_call_that_the_bridge_does_not_know_fails_as_the_app_does(chrome: Chrome) -> None:
    async with watching(chrome) as screen:
        await screen.open("/_simulator/mini-app")
        found = await screen.page.evaluate(
            """() => Promise.all([["GP", "launchPayment", {deeplink: "https://example.com"}], ["GP", "dance", {}]].map(
                (call) => new Promise((done) => window.gpContainer.call(...call, done, done))))"""
        )

    assert [(one["success"], one["error_code"], one["ret"]) for one in found] == [(False, "300", "GP_EXCEPTION")] * 2


@asynccontextmanager
async def neighbour(bridge: str) -> AsyncIterator[str]:
    """Serve a mini-app under development, on a port of its own."""

    async def page(_: web.Request) -> web.Response:
        text = f'<!doctype html><meta charset="utf-8"><script src="{bridge}"></script><body></body>'
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/favicon.ico", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def test_a_mini_app_on_another_port_uses_the_bridge(chrome: Chrome) -> None:
    async with watching(chrome) as screen, neighbour(f"{screen.served.url}/_simulator/static/bridge.js") as address:
        await screen.page.goto(address)
        found = await screen.page.evaluate(
            "() => new Promise((done) => window.gpContainer.call('GPMiniAppAuth', 'getAuthCode', {}, done, done))"
        )

    assert (found["success"], len(found["data"]["authCode"])) == (True, 64)


async def test_the_difference_in_a_signature_is_seen_at_once(chrome: Chrome) -> None:
    async with watching(chrome) as screen:
        simulated, page = screen.simulator, screen.page
        request = signed(simulated, top_up(), body=COMPACT.encode())
        await send(simulated, resigned(simulated, request, digest=sha(COMPACT.replace("/", "\\/"))))
        await screen.open()
        await page.get_by_role("link", name="Requests").click()
        await page.get_by_role("link", name="TopUp").click()
        await expect(page.locator(".verdict").first).to_contain_text("slashes escaped")
        await expect(page.locator("tr.wrong")).to_have_count(1)
        await expect(page.locator("mark.got").nth(1)).to_have_text("\\")
        await screen.picture("signature-desk-light")
        await page.get_by_role("textbox", name="String to sign").fill("POST:/v1.0/emoney/top-up:x")
        await page.get_by_role("button", name="Show the first difference").click()
        await expect(page.locator("#own ~ .compare .verdict")).to_contain_text("from character 22 on")


async def test_a_fault_is_switched_on_met_and_shown_without_loading_again(chrome: Chrome) -> None:
    async with watching(chrome) as screen:
        page = screen.page
        await screen.open("/_simulator/faults")
        await page.get_by_role("button", name="HTML page of a gateway").click()
        await expect(page.get_by_role("button", name="Switch off")).to_be_visible()
        answer = await send(screen.simulator, signed(screen.simulator, top_up()))
        await expect(page.locator("td[data-label=Met]")).to_have_text("1")
        await screen.picture("faults-met")
        await page.get_by_role("button", name="Switch off").click()
        await expect(page.get_by_text("None: every request is answered")).to_be_visible()

    assert (answer.status, screen.simulator.faults.rules) == (502, ())


async def test_a_fault_of_the_long_form_is_switched_on(chrome: Chrome) -> None:
    async with watching(chrome) as screen:
        page = screen.page
        await screen.open("/_simulator/faults")
        await page.get_by_label("Fault", exact=True).select_option("drop-after")
        await page.get_by_label("On", exact=True).select_option("TopUp")
        await page.get_by_label("Times").fill("2")
        await page.get_by_role("button", name="Switch on").click()
        await expect(page.get_by_text("from no. 1 on, 2 times")).to_be_visible()

    (rule,) = screen.simulator.faults.rules
    assert (rule.fault, rule.target) == (FAULTS["drop-after"], TopUp.__name__)


async def test_a_notification_is_sent_again_by_hand(chrome: Chrome) -> None:
    async with watching(chrome) as screen:
        screen.simulator.link()
        page = screen.page
        await screen.open("/_simulator/notifications")
        await page.get_by_role("button", name="Send again").click()
        await expect(page.get_by_role("button", name="Send again")).to_have_count(2)
        await screen.picture("notification-sent-again")

    assert [one.status for one in screen.simulator.deliveries] == [200, 200]


async def test_the_clock_is_turned_and_a_payment_expires_before_ones_eyes(chrome: Chrome) -> None:
    async with watching(chrome) as screen:
        await screen.served.buy()
        page = screen.page
        await screen.open()
        await page.get_by_role("button", name="+10 minutes").click()
        await expect(page.get_by_text("20 Nov 2026 12:10", exact=True)).to_be_visible()
        await expect(page.get_by_text("waiting", exact=True)).to_be_visible()
        await page.get_by_role("button", name="+15 minutes").click()
        await expect(page.get_by_text("expired", exact=True)).to_be_visible()
        await expect(page.get_by_role("button", name="+15 minutes")).to_be_focused()


async def test_the_place_on_the_page_is_kept_while_it_changes(chrome: Chrome) -> None:
    async with watching(chrome) as screen:
        created = await screen.served.buy()
        await screen.open()
        link = screen.page.get_by_role("link", name=str(created.reference_no))
        await link.focus()
        screen.simulator.pay(str(created.reference_no))
        await expect(screen.page.get_by_text("paid", exact=True)).to_be_visible()
        await expect(link).to_be_focused()


async def test_what_cannot_be_done_is_said_on_a_page_of_its_own(chrome: Chrome) -> None:
    async with watching(chrome) as screen:
        page = screen.page
        await screen.open("/_simulator/notifications")
        await page.get_by_label("Address on this machine").fill("https://example.com")
        await page.get_by_role("button", name="Deliver there").click()
        await expect(page.get_by_role("alert")).to_contain_text("must be an http address on this machine")
        await page.get_by_role("link", name="Back").click()
        await expect(page.get_by_role("heading", name="Notifications")).to_be_visible()


async def test_a_button_that_comes_too_late_says_so(chrome: Chrome) -> None:
    async with watching(chrome) as screen:
        created = await screen.served.buy()
        page = screen.page
        # Nothing is drawn again, as on a connection that was lost.
        await page.route("**/events*", lambda route: route.abort())
        await screen.open()
        screen.simulator.cancel(str(created.reference_no))
        await page.get_by_role("button", name="Pay order-1").click()
        await expect(page.get_by_role("alert")).to_contain_text("Transaction Not Permitted")


async def test_everything_but_the_bridge_works_without_javascript(chrome: Chrome) -> None:
    async with watching(chrome, java_script_enabled=False) as screen:
        created = await screen.served.buy()
        page = screen.page
        await page.goto(created.web_redirect_url)
        await page.get_by_role("button", name="Pay", exact=True).click()
        await expect(page.get_by_role("status")).to_have_text("Paid")
        await page.get_by_role("link", name="To the overview").click()
        await page.get_by_role("button", name="Refund order-1").click()
        await expect(page.get_by_text("Rp 100.000 back")).to_be_visible()


async def test_the_page_is_used_with_the_keyboard_alone(chrome: Chrome) -> None:
    async with watching(chrome) as screen:
        await screen.served.buy()
        page, keys = screen.page, screen.page.keyboard
        await screen.open()
        await keys.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        await keys.press("Enter")
        for _ in range(7):
            await keys.press("Tab")
        await expect(page.get_by_role("button", name="Pay order-1")).to_be_focused()
        await screen.picture("keyboard-focus")
        await keys.press("Enter")
        await expect(page.get_by_text("paid", exact=True)).to_be_visible()


UNNAMED = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button")].filter(
    (one) => !(one.labels?.length || one.textContent.trim())).map((one) => one.outerHTML)"""
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "size"), [("desk", DESK), ("phone", PHONE)])
async def test_every_page_fits_and_every_control_has_a_name(
    chrome: Chrome, name: str, size: dict[str, Any], scheme: str
) -> None:
    async with watching(chrome, color_scheme=scheme, **size) as screen:
        simulated = screen.simulator
        await send(
            simulated, resigned(simulated, signed(simulated, top_up(), body=b'{"a": 1}'), path="/v1.0/emoney-topup")
        )
        created = await screen.served.buy()
        await everything(screen.served)
        found = {}
        for path in (
            *VIEWS,
            "/_simulator/mini-app",
            "/_simulator/requests/1",
            created.web_redirect_url.removeprefix(screen.served.url),
        ):
            await screen.open(path)
            title = (await screen.page.title()).split(" ·")[0].lower().replace(" ", "-")
            await screen.picture(f"{name}-{scheme}-{title}")
            found[path] = [await screen.page.evaluate(TOO_WIDE), *await screen.page.evaluate(UNNAMED)]

    assert found == {path: [0] for path in found}


async def test_a_missing_browser_fails_in_ci_and_elsewhere_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        chromium()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
        chromium()
