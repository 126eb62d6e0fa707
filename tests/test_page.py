"""The page of the simulator over real HTTP: what it shows, what its forms do, and whom it lets in."""

import asyncio
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from typing import Any

import aiohttp
import pytest
from attrs import evolve

from gopay_async import Money, signing
from gopay_async.api import ApplyToken, IssueToken, TopUp
from gopay_async.models import UrlParam, format_time
from gopay_async.simulator import DROP_AFTER, FAULTS, Simulator
from gopay_async.simulator.anatomy import compare
from gopay_async.simulator.page.drawing import on_payment, rupiah
from gopay_async.simulator.page.site import LOOK
from gopay_async.simulator.page.words import FAULT_WORDS
from gopay_async.simulator.records import FAILED, SUCCESS, User
from gopay_async.webhooks import NotificationVerifier

from .keys_for_tests import PROVIDER_KEY
from .page_for_tests import Browser, browsing, plain
from .simulator_for_tests import START, payment, send, session, signed, top_up, with_headers
from .test_simulator_gate import COMPACT, resigned

VIEWS = ["/_simulator/", "/_simulator/requests", "/_simulator/faults", "/_simulator/notifications"]
PAGES = [*VIEWS, "/_simulator/mini-app", "/_simulator/bridge"]


# --- what it shows ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_there_from_the_beginning(path: str) -> None:
    async with browsing() as browser:
        status, html = await browser.get(path)

    assert status == 200
    assert html.startswith("<!doctype html>")


async def test_the_root_leads_to_the_overview() -> None:
    async with browsing() as browser:
        status, html = await browser.get("/")

    assert (status, "<h1>Overview</h1>" in html) == (200, True)


async def everything(browser: Browser) -> None:
    """Let one thing of every kind happen."""
    simulated = browser.simulator
    created = await browser.buy()
    await send(simulated, signed(simulated, top_up()))
    people = simulated.books.people
    people.give(simulated.user, amount=Money(1_000), reward_type="GOPAY_COINS", at=simulated.clock.now())
    simulated.link()
    simulated.unlink(simulated.link())
    simulated.pay(str(created.reference_no))
    simulated.refund(str(created.reference_no), amount=Money(10))
    simulated.faults.add(DROP_AFTER, on=TopUp, times=None)
    simulated.faults.at_random(0.5, FAULTS["delay"])


async def test_the_overview_shows_one_thing_of_every_kind() -> None:
    async with browsing() as browser:
        await everything(browser)
        _, html = await browser.get("/_simulator/")

    text = plain(html)
    for expected in ("order-1", "payout-1", "GOPAY_COINS", "linked", "unlinked", "Rp 10 back", "Rp 999.975.000"):
        assert expected in text


async def test_who_comes_first_is_told_where_to_begin_and_how_to_connect() -> None:
    async with browsing() as browser:
        _, fresh = await browser.get("/_simulator/")
        await browser.buy()
        _, used = await browser.get("/_simulator/")
        own = browser.simulator.credentials

    assert ("Make a first payment" in fresh, "Make a first payment" in used) == (True, False)
    for expected in (browser.url, own.client_id, own.partner_id, own.merchant_id):
        assert f"<code>{expected}</code>" in used


async def test_a_request_that_is_signed_well_and_refused_all_the_same_says_why() -> None:
    async with browsing() as browser:
        await send(browser.simulator, signed(browser.simulator, top_up(amount=99_999_999_999)))
        _, listed = await browser.get("/_simulator/requests")
        html = await taken_apart(browser)

    for shown in (plain(listed), plain(html)):
        assert "Insufficient Funds" in shown
        assert "4033814" in shown
    assert "nothing wrong" not in listed


async def test_the_other_pages_show_requests_faults_and_what_waits() -> None:
    async with browsing() as browser:
        await everything(browser)
        shown = [plain((await browser.get(path))[1]) for path in VIEWS[1:]]

    for text, expected in zip(shown, ["CreatePayment", "from no. 1 on, always", "/v1.0/debit/notify"], strict=True):
        assert expected in text


@pytest.mark.parametrize(
    ("amount", "expected"), [("12500.00", "Rp 12.500"), ("0.50", "Rp 0,50"), ("1234567.05", "Rp 1.234.567,05")]
)
def test_amounts_are_written_as_in_indonesia(amount: str, expected: str) -> None:
    assert rupiah(Money(amount)) == expected


def test_every_fault_has_words() -> None:
    assert FAULT_WORDS.keys() == FAULTS.keys()


async def test_what_comes_from_the_network_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    async with browsing() as browser:
        request = signed(browser.simulator, top_up(), body=f'{{"a":"{evil}"}}'.encode())
        await send(browser.simulator, with_headers(request, X_PARTNER_ID=evil))
        await browser.post(f"/v1.0/{evil}", data=b"")
        # Shown as a difference of two bodies.
        digest = sha256(request.body.replace(b"/", b"\\/")).hexdigest()
        await send(browser.simulator, resigned(browser.simulator, request, digest=digest))
        pages = [
            (await browser.get(path))[1]
            for path in (*PAGES, *(f"/_simulator/requests/{number}" for number in (1, 2, 3)))
        ]

    assert "&lt;script&gt;alert(1)" in pages[-3]
    assert '<mark class="got">\\</mark>/script&gt;' in pages[-1]
    assert [evil in page for page in pages] == [False] * len(pages)


async def test_only_own_scripts_and_styles_run_and_nobody_frames_the_page() -> None:
    async with browsing() as browser, browser.client.get(f"{browser.url}/_simulator/") as response:
        policy = response.headers["Content-Security-Policy"]
        html = await response.text()

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert policy.endswith("frame-ancestors 'none'")
    assert (" style=" in html, " onclick=" in html) == (False, False)


async def test_static_files_are_served_and_nothing_else() -> None:
    async with browsing() as browser:
        found = [
            (await browser.get(f"/_simulator/static/{name}"))[0]
            for name in ("style.css", "live.js", "icon.svg", "nothing.js", "..%2Fsite.py")
        ]

    assert found == [200, 200, 200, 404, 404]


async def test_a_request_that_is_forgotten_is_not_found() -> None:
    async with browsing() as browser:
        got, _ = await browser.get("/_simulator/requests/7")
        posted, _ = await browser.post("/_simulator/requests/7", data={"token": browser.console.form_token})

    assert (got, posted) == (404, 404)


# --- the signature, taken apart --------------------------------------------------------------------------------------


async def taken_apart(browser: Browser, number: int = 1) -> str:
    status, html = await browser.get(f"/_simulator/requests/{number}")
    assert status == 200
    return html


async def test_a_good_request_says_so() -> None:
    async with browsing() as browser:
        await browser.buy()
        token, created = await taken_apart(browser), await taken_apart(browser, 2)

    for html in (token, created):
        assert "Accepted: headers, token and signature are right." in html
        assert html.count("The same, character by character.") == 2


@pytest.mark.parametrize(
    ("changes", "part", "expected", "received"),
    [
        ({"path": "/v1.0/emoney-topup"}, "path", "/", "-"),
        ({"method": "post"}, "method", "POST", "post"),
        ({"token": ""}, "access token", "SIM", "∅"),
        ({"timestamp": "2026-11-20T05:00:00Z"}, "X-TIMESTAMP", "12", "05"),
    ],
)
async def test_the_part_that_differs_is_marked(
    changes: dict[str, Any], part: str, expected: str, received: str
) -> None:
    async with browsing() as browser:
        simulated = browser.simulator
        await send(simulated, resigned(simulated, signed(simulated, top_up()), **changes))
        html = await taken_apart(browser)

    row = html.split('<tr class="wrong">')[1].split("</tr>")[0]
    assert part in row
    assert expected in html.split('<mark class="want">')[1].split("</mark>")[0]
    assert received in html.split('<mark class="got"')[1].split("</mark>")[0]


async def test_a_body_that_was_written_again_is_shown_beside_the_one_signed() -> None:
    signed_body = COMPACT.replace("/", "\\/")
    async with browsing() as browser:
        simulated = browser.simulator
        request = signed(simulated, top_up(), body=COMPACT.encode())
        digest = sha256(signed_body.encode()).hexdigest()
        await send(simulated, resigned(simulated, request, digest=digest))
        html = await taken_apart(browser)

    body = html.split("<h3>Body</h3>")[1].split("</section>")[0]
    assert "They differ from character 25 on." in body
    assert '<mark class="got">\\</mark>' in body
    assert '<mark class="want" title="nothing">∅</mark>' in body


async def test_every_difference_of_two_bodies_is_marked_by_itself() -> None:
    body = COMPACT.replace('"a":[', '"url":"https://example.com/a","a":[')
    async with browsing() as browser:
        simulated = browser.simulator
        request = signed(simulated, top_up(), body=body.encode())
        digest = sha256(body.replace("/", "\\/").encode()).hexdigest()
        await send(simulated, resigned(simulated, request, digest=digest))
        html = await taken_apart(browser)

    shown = html.split("<h3>Body</h3>")[1].split("</section>")[0]
    # One in the reference, two of the scheme close together, one in the path.
    assert shown.count('<mark class="got">') == 3
    assert '<mark class="got">\\/\\</mark>/example.com<mark class="got">\\</mark>/a' in shown


async def test_spaces_are_made_visible() -> None:
    async with browsing() as browser:
        simulated = browser.simulator
        await send(simulated, signed(simulated, top_up(), body=b'{"a": 1}'))
        html = await taken_apart(browser)

    assert '<mark class="got">␣</mark>' in html
    assert "(a warning)" in html


async def test_a_token_call_signed_the_wrong_way_round_is_shown() -> None:
    async with browsing() as browser:
        simulated = browser.simulator
        request = signed(simulated, IssueToken())
        swapped = resigned_token(simulated, request.headers["X-TIMESTAMP"], str(simulated.credentials.client_id))
        await send(simulated, with_headers(request, X_SIGNATURE=swapped))
        html = await taken_apart(browser)

    assert 'class="wrong"' in html
    assert "the client id comes first" in html


def resigned_token(simulated: Simulator, *parts: str) -> str:
    key = simulated.credentials.private_key
    assert key is not None
    return signing.sign_rsa("|".join(parts), key)


async def test_what_no_known_mistake_explains_can_be_compared_by_hand() -> None:
    async with browsing() as browser:
        simulated = browser.simulator
        await send(simulated, resigned(simulated, signed(simulated, top_up()), secret="another"))
        report = simulated.requests[-1].report
        assert report is not None
        mine = report.string_to_sign.replace("POST", "PUT")
        form = {"token": browser.console.form_token, "string": f"{mine}\n"}
        unknown = await taken_apart(browser)
        status, html = await browser.post("/_simulator/requests/1", data=form)

    assert "What your program signed is not known" in unknown
    assert status == 200
    own = html.split("Your string to sign")[1].split("</section>")[0]
    assert "They differ from character 2 on." in own


async def test_a_call_without_a_signature_says_so() -> None:
    async with browsing() as browser:
        simulated = browser.simulator
        async with session(simulated) as gopay:
            await gopay.send(ApplyToken(auth_code=simulated.auth_code()))
        html = await taken_apart(browser)
        form = {"token": browser.console.form_token, "string": "x"}
        status, _ = await browser.post("/_simulator/requests/1", data=form)

    assert "This call carries no signature" in html
    assert status == 200


async def test_a_request_that_never_came_to_the_gate_says_why() -> None:
    async with browsing() as browser:
        simulated = browser.simulator
        simulated.faults.add(FAULTS["bad-gateway"])
        await send(simulated, signed(simulated, top_up()))
        await browser.post("/nowhere", data=b"")
        met, lost = await taken_apart(browser), await taken_apart(browser, 2)

    assert "came first" in met
    assert "nothing is served at /nowhere" in lost


async def test_secrets_and_foreign_tokens_are_not_shown() -> None:
    async with browsing() as browser:
        simulated = browser.simulator
        own = simulated.credentials
        await send(simulated, signed(simulated, top_up(), token="a-token-of-somebody-else", body=b"{}"))
        basic = b64encode(f"{own.server_key}:".encode()).decode()
        await browser.get("/v1/promotions?x=1", headers={"Authorization": f"Basic {basic}"})
        wrong = with_headers(signed(simulated, top_up()), X_PARTNER_ID=own.client_secret)
        await send(simulated, wrong)
        pages = [await taken_apart(browser, number) for number in (1, 2, 3)]
        pages += [(await browser.get(path))[1] for path in ("/_simulator/requests", "/_simulator/reports/3")]

    secrets = ("a-token-of-somebody-else", basic, str(own.client_secret), str(own.server_key))
    assert [(secret in page) for page in pages for secret in secrets] == [False] * 20
    assert "a-to…(24 characters)" in pages[0]


def test_long_texts_are_cut_once() -> None:
    made = compare("a" + "b" * 5_000 + "c", "x" + "b" * 5_000 + "y")

    assert len(made.runs) == 1


@pytest.mark.parametrize(
    ("expected", "received", "found"),
    [
        ("abcd", "abxd", ("ab", "c", "x", "d")),
        ("abcd", "abd", ("ab", "c", "", "d")),
        ("aa", "aaa", ("aa", "", "a", "")),
        ("", "x", ("", "", "x", "")),
        ("abc", "", ("", "abc", "", "")),
    ],
)
def test_two_texts_are_cut_where_they_begin_and_end_to_differ(
    expected: str, received: str, found: tuple[str, str, str, str]
) -> None:
    made = compare(expected, received)

    assert (made.before, made.expected, made.received, made.after) == found


# --- what its forms do -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("do", "status"),
    [("pay", "00"), ("cancel", "05"), ("expire", "08"), ("fail", "06"), ("deny", "09")],
)
async def test_a_button_ends_a_payment(do: str, status: str) -> None:
    async with browsing() as browser:
        created = await browser.buy()
        answered, _ = await browser.press(do, reference=created.reference_no)
        found = browser.simulator.find_payment(str(created.reference_no))

    assert answered == 303
    assert found is not None
    assert found.status == status


async def test_a_paid_payment_is_refunded_in_part_and_in_full() -> None:
    async with browsing() as browser:
        created = await browser.buy()
        await browser.press("pay", reference=created.reference_no)
        await browser.press("refund", reference=created.reference_no, amount="1000", reason="broken")
        _, html = await browser.get("/_simulator/")
        await browser.press("refund", reference=created.reference_no)
        found = browser.simulator.find_payment(str(created.reference_no))

    assert "Refund" in html
    assert found is not None
    assert [(str(one.amount), one.reason) for one in found.refunds] == [("1000.00", "broken"), ("99000.00", "")]


@pytest.mark.parametrize(("do", "status"), [("complete-top-up", SUCCESS), ("fail-top-up", FAILED)])
async def test_a_button_ends_a_top_up(do: str, status: str) -> None:
    async with browsing() as browser:
        await send(browser.simulator, signed(browser.simulator, top_up()))
        await browser.press(do, reference="payout-1")
        (payout,) = browser.simulator.books.payouts.by_reference.values()
        browser.simulator.check()

    assert payout.status == status


async def test_the_payout_account_is_funded() -> None:
    async with browsing() as browser:
        before = browser.simulator.books.payouts.balance
        await browser.press("fund", amount=10_000_000)
        await browser.press("fund", amount=-1)
        browser.simulator.check()

    assert browser.simulator.books.payouts.balance == before + 10_000_000


async def test_the_clock_is_turned_and_payments_expire() -> None:
    async with browsing() as browser:
        await browser.buy()
        began = browser.simulator.clock.now()
        await browser.press("clock", seconds=900)
        _, html = await browser.get("/_simulator/")
        await browser.press("clock", months=2)
        passed = browser.simulator.clock.now() - began

    assert "expired" in html
    assert 59 <= passed.days <= 62


async def test_a_fault_is_switched_on_met_and_switched_off() -> None:
    async with browsing() as browser:
        await browser.press("fault", fault="error", on="TopUp", when="before", times=2)
        answer = await send(browser.simulator, signed(browser.simulator, top_up()))
        _, html = await browser.get("/_simulator/faults")
        await send(browser.simulator, signed(browser.simulator, top_up()))
        _, later = await browser.get("/_simulator/faults")
        await browser.press("fault-off", number=0)
        after = await send(browser.simulator, signed(browser.simulator, top_up()))

    assert (answer.status, after.status) == (500, 202)
    assert "nothing processed" in html
    assert ("used up" in html, "used up" in later) == (False, True)


async def test_faults_at_random_and_with_seconds_are_switched_on_and_all_off() -> None:
    async with browsing() as browser:
        await browser.press("fault", fault="hang", percent=50, seed=3)
        await browser.press("fault", fault="delay", seconds=30, nth=2)
        rules = browser.simulator.faults.rules
        await browser.press("faults-off")

    assert [(one.fault.name, one.fault.seconds, one.nth, one.times) for one in rules] == [
        ("hang", 0.0, 1, None),
        ("delay", 30.0, 2, None),
    ]
    assert browser.simulator.faults.rules == ()


async def test_customers_are_linked_and_unlinked() -> None:
    async with browsing() as browser:
        await browser.press("link")
        _, linked = await browser.get("/_simulator/")
        await browser.press("unlink", number=0)
        again, _ = await browser.press("unlink", number=0)
        enabled = [one.is_enabled for one in browser.simulator.books.people.links.values()]

    assert "unlink-0" in linked
    assert (enabled, again) == ([False], 400)


@pytest.mark.parametrize(
    ("do", "fields", "words"),
    [
        ("dance", {}, "is none of"),
        ("pay", {}, "reference: is missing"),
        ("pay", {"reference": "A1"}, "there is no such payment"),
        ("clock", {"seconds": "soon"}, "seconds: must be a number"),
        ("clock", {"seconds": "-1"}, "time only goes on"),
        ("clock", {"seconds": "nan"}, "must be a number"),
        ("fault", {"fault": "flood"}, "is none of drop-before"),
        ("fault", {"fault": "hang", "on": "Nothing"}, "neither an operation nor its path"),
        ("fault", {"fault": "drop-before", "when": "after"}, "is always processed never"),
        ("fault", {"fault": "error", "percent": 5, "seed": "abcdef"}, "seed: must be a number"),
        ("fault-off", {"number": 3}, "there is no such fault"),
        ("resend", {"number": 3}, "there is no such delivery"),
        ("notify", {"to": "http://example.com"}, "must be an http address on this machine"),
        ("notify", {"to": "http://[::1"}, "must be an http address on this machine"),
    ],
)
async def test_what_cannot_be_done_is_said_plainly(do: str, fields: dict[str, Any], words: str) -> None:
    async with browsing() as browser:
        status, html = await browser.press(do, **fields)

    assert status == 400
    assert words in html.replace("&#39;", "'")


async def test_forgetting_everything_also_forgets_faults_and_switches() -> None:
    async with browsing() as browser:
        await everything(browser)
        await browser.press("trouble", duplicates="on", late=5)
        await browser.press("reset")

    assert browser.simulator.snapshot()["payments"] == []
    assert browser.simulator.faults.rules == ()
    assert (browser.simulator.trouble.duplicates, browser.simulator.trouble.late) == (False, 0.0)


@pytest.mark.parametrize(
    ("back", "leads_to"),
    [
        ("/_simulator/faults", "/_simulator/faults"),
        ("https://evil.example/", "/_simulator/"),
        ("//evil.example/", "/_simulator/"),
        ("/_simulator/\\evil", "/_simulator/"),
    ],
)
async def test_a_form_leads_back_to_own_pages_only(back: str, leads_to: str) -> None:
    async with browsing() as browser:
        form = {"token": browser.console.form_token, "do": "clock", "seconds": "0", "back": back}
        async with browser.client.post(f"{browser.url}/_simulator/form", data=form, allow_redirects=False) as response:
            found = response.headers["Location"]

    assert found == leads_to


# --- whom it lets in -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/_simulator/form", "/_simulator/requests/1", "/gopay-pay?referenceNo=A1"])
async def test_a_form_without_its_secret_is_refused(path: str) -> None:
    async with browsing() as browser:
        status, text = await browser.post(path, data={"do": "reset", "token": "guessed"})

    assert (status, "out of date" in text) == (403, True)


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}])
@pytest.mark.parametrize("path", ["/_simulator/", "/_simulator/state", "/_simulator/events?view=overview"])
async def test_foreign_hosts_and_origins_are_refused(path: str, headers: dict[str, str]) -> None:
    async with browsing() as browser:
        status, _ = await browser.get(path, headers=headers)

    assert status == 403


@pytest.mark.parametrize("path", ["/_simulator/reset", "/_simulator/auth-code", "/_simulator/shop/orders"])
async def test_json_routes_refuse_what_a_form_can_send(path: str) -> None:
    async with browsing() as browser:
        status, _ = await browser.post(path, data={"a": "b"})

    assert status == 415


# --- live ------------------------------------------------------------------------------------------------------------


async def heard(response: aiohttp.ClientResponse) -> str:
    """Return the next event, signs of life left out."""
    lines: list[str] = []
    while line := (await response.content.readline()).decode().rstrip("\n"):
        lines.append(line.removeprefix("data: "))
    return "\n".join(lines)


async def test_a_change_is_drawn_again_for_who_listens() -> None:
    async with browsing() as browser, browser.client.get(f"{browser.url}/_simulator/events?view=overview") as response:
        first = await heard(response)
        await browser.buy()
        second = await heard(response)

    assert response.headers["Content-Type"] == "text/event-stream"
    assert ("order-1" in first, "order-1" in second) == (False, True)


async def test_a_quiet_page_hears_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    # So that it looks once in vain before it says anything.
    monkeypatch.setattr("gopay_async.simulator.page.site.LIFE", LOOK * 1.5)
    async with browsing() as browser, browser.client.get(f"{browser.url}/_simulator/events?view=faults") as response:
        await heard(response)

        assert await heard(response) == ": still here"


async def test_an_unknown_view_has_no_events() -> None:
    async with browsing() as browser:
        status, _ = await browser.get("/_simulator/events?view=../secrets")

    assert status == 404


async def test_a_browser_that_goes_away_is_let_go() -> None:
    async with browsing() as browser:
        for view in ("overview", "requests", "faults", "notifications"):
            async with browser.client.get(f"{browser.url}/_simulator/events?view={view}") as response:
                await heard(response)
        await browser.buy()
        status, _ = await browser.get("/_simulator/")

    assert status == 200


# --- the customer's page ---------------------------------------------------------------------------------------------


async def at_the_page(browser: Browser, do: str, **changes: Any) -> tuple[int, str]:
    created = await browser.buy(payment(**changes))
    path = created.web_redirect_url.removeprefix(browser.url)
    form = {"token": browser.console.form_token, "do": do}
    status, _ = await browser.post(path, data=form)
    return status, (await browser.get(path))[1]


@pytest.mark.parametrize(("do", "result"), [("pay", "success"), ("cancel", "failed"), ("fail", "pending")])
async def test_the_customer_ends_the_payment_and_the_sheet_hears_the_word_of_the_app(do: str, result: str) -> None:
    async with browsing() as browser:
        status, html = await at_the_page(browser, do)

    assert status == 303
    assert f'data-result="{result}"' in html


async def test_a_payment_that_waits_has_two_buttons_and_no_result() -> None:
    async with browsing() as browser:
        created = await browser.buy()
        _, html = await browser.get(created.web_redirect_url.removeprefix(browser.url))

    assert 'data-result=""' in html
    assert (">Pay</button>" in html, ">Cancel</button>" in html) == (True, True)


async def test_the_merchants_address_is_a_link_only_when_it_is_of_the_web() -> None:
    params = (
        UrlParam(url="https://shop.example/done", is_deeplink=False),
        UrlParam(url="javascript://alert(1)", is_deeplink=True),
    )
    async with browsing() as browser:
        _, html = await at_the_page(browser, "pay", url_params=params)

    assert 'href="https://shop.example/done"' in html
    assert 'href="javascript' not in html


async def test_who_presses_twice_sees_how_it_ended() -> None:
    async with browsing() as browser:
        created = await browser.buy()
        path = created.web_redirect_url.removeprefix(browser.url)
        form = {"token": browser.console.form_token}
        answers = [await browser.post(path, data={**form, "do": do}) for do in ("pay", "cancel")]
        found = browser.simulator.find_payment(str(created.reference_no))

    assert [status for status, _ in answers] == [303, 303]
    assert found is not None
    assert found.status == SUCCESS


async def test_a_customer_without_money_is_told_so_at_the_page() -> None:
    async with browsing() as browser:
        created = await browser.buy()
        found = browser.simulator.find_payment(str(created.reference_no))
        assert found is not None
        found.option = evolve(browser.simulator.user.options[0], balance=Money(0))
        path = created.web_redirect_url.removeprefix(browser.url)
        status, _ = await browser.post(path, data={"token": browser.console.form_token, "do": "pay"})

    assert (status, found.status) == (400, "03")


async def test_reserved_money_can_only_expire() -> None:
    async with browsing() as browser:
        simulated, now = browser.simulator, browser.simulator.clock.now()
        reserved = simulated.books.payments.create(
            payment(),
            kind="auth",
            at=now,
            external_id="1",
            amount=Money(5),
            reference="a",
            until=now.replace(year=2030),
        )

    assert on_payment(reserved) == ("expire",)


async def test_what_the_page_does_not_know_is_not_found() -> None:
    async with browsing() as browser:
        created = await browser.buy()
        path = created.web_redirect_url.removeprefix(browser.url)
        found = [
            (await browser.get("/gopay-pay?referenceNo=A1"))[0],
            (await browser.post(path, data={"token": browser.console.form_token, "do": "refund"}))[0],
        ]

    assert found == [404, 404]


# --- for programs ----------------------------------------------------------------------------------------------------


async def test_a_program_reads_the_state_and_gives_commands() -> None:
    async with browsing() as browser:
        created = await browser.buy()
        status, state = await browser.told("pay", reference=created.reference_no)
        _, read = await browser.get("/_simulator/state")

    assert status == 200
    assert state["payments"][0]["status"] == "00"
    assert [one["operation"] for one in state["requests"]] == ["IssueToken", "CreatePayment"]
    assert '"takings":"100000.00"' in read


async def test_a_program_sets_faults_and_a_switch_by_json() -> None:
    async with browsing() as browser:
        _, state = await browser.told("fault", fault="hang", on="TopUp", times=1, seed=None)
        await browser.told("trouble", duplicates=True, wrong_signature=False)

    assert state["faults"][0] == {
        "name": "hang",
        "on": "TopUp",
        "nth": 1,
        "times": 1,
        "processed": True,
        "seconds": 0.0,
        "random": False,
        "met": 0,
    }
    assert (browser.simulator.trouble.duplicates, browser.simulator.trouble.wrong_signature) == (True, False)


async def test_a_program_is_told_what_it_did_wrong() -> None:
    async with browsing() as browser:
        unknown = await browser.told("pay", reference="A1")
        nested = await browser.told("pay", reference=["A1"])
        async with browser.client.post(f"{browser.url}/_simulator/pay", data=b"[1]") as response:
            broken = response.status

    assert (unknown[0], nested[0], broken) == (400, 400, 400)
    assert "there is no such payment" in unknown[1]["error"]


async def test_a_program_reads_the_report_about_a_request() -> None:
    async with browsing() as browser:
        await browser.buy()
        found, text = await browser.get("/_simulator/reports/2")
        lost, _ = await browser.get("/_simulator/reports/9")

    assert (found, lost) == (200, 404)
    assert '"accepted":true' in text


async def test_a_program_asks_whether_the_books_balance() -> None:
    async with browsing() as browser:
        good, _ = await browser.get("/_simulator/check")
        browser.simulator.books.payouts.balance += 1
        bad, text = await browser.get("/_simulator/check")

    assert (good, bad) == (200, 409)
    assert "payouts" in text


async def test_a_program_gets_an_auth_code() -> None:
    async with browsing() as browser:
        async with browser.client.post(f"{browser.url}/_simulator/auth-code") as response:
            code = (await response.json())["authCode"]
        user: User | None = browser.simulator.books.people.redeem(code, browser.simulator.clock.now())

    assert user is browser.simulator.user


# --- the shop of the demo --------------------------------------------------------------------------------------------


async def shop(browser: Browser, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    async with browser.client.post(f"{browser.url}/_simulator/shop/{path}", json=body) as response:
        return response.status, await response.json()


async def test_the_shop_takes_an_order_and_believes_the_notification_alone() -> None:
    async with browsing() as browser:
        await shop(browser, "orders", amount="25000")
        _, made = await shop(browser, "orders", amount="25000")
        reference = list(browser.simulator.books.payments.by_reference)[-1]
        _, before = await browser.get(f"/_simulator/shop/orders/{made['order']}")
        await browser.told("notify", to=f"{browser.url}/_simulator/shop")
        await browser.told("pay", reference=reference)
        await browser.told("deliver")
        _, after = await browser.get(f"/_simulator/shop/orders/{made['order']}")
        lost, _ = await browser.get("/_simulator/shop/orders/none")

    assert made["webRedirectUrl"].startswith(f"{browser.url}/gopay-pay?")
    assert ('"paid":false' in before, '"paid":true' in after, lost) == (True, True, 404)


async def test_the_shop_logs_a_user_in_and_gives_a_reward() -> None:
    async with browsing() as browser:
        _, user = await shop(browser, "login", authCode=browser.simulator.auth_code())
        given, told = await shop(browser, "rewards", accountId=user["accountId"])
        refused, why = await shop(browser, "login", authCode="old")

    assert (given, told["paymentId"] in browser.simulator.books.people.rewards) == (200, True)
    assert (refused, why["kind"]) == (502, "Refused")


async def test_the_shop_refuses_a_notification_with_a_spoilt_signature_and_takes_payouts() -> None:
    async with browsing() as browser:
        await browser.told("trouble", wrong_signature=True)
        await send(browser.simulator, signed(browser.simulator, top_up()))
        browser.simulator.complete_top_up("payout-1")
        browser.simulator.link()
        _, bad = await browser.told("deliver", to=f"{browser.url}/_simulator/shop")
        await browser.told("trouble")
        await browser.told("clock", seconds=120)
        _, state = await browser.told("deliver")

    assert [one["status"] for one in bad["deliveries"]] == [401, 401]
    assert sorted(one["kind"] for one in state["deliveries"] if one["accepted"]) == ["linking", "payout"]


# --- notifications ---------------------------------------------------------------------------------------------------


async def test_notifications_go_out_by_themselves_once_there_is_an_address() -> None:
    async with browsing() as browser:
        created = await browser.buy()
        await browser.press("notify", to=f"{browser.url}/_simulator/shop")
        await browser.press("pay", reference=created.reference_no)
        async with browser.client.get(f"{browser.url}/_simulator/events?view=notifications") as response:
            while "2005600" not in await heard(response):
                pass

    assert [one.status for one in browser.simulator.deliveries] == [200]


async def test_a_notification_is_sent_again_byte_for_byte() -> None:
    async with browsing() as browser:
        created = await browser.buy()
        browser.simulator.pay(str(created.reference_no))
        await browser.press("deliver", to=f"{browser.url}/_simulator/shop")
        await browser.press("resend", number=0)
        first, second = browser.simulator.deliveries

    assert (first.url, first.notice) == (second.url, second.notice)
    assert second.accepted


async def test_everything_is_delivered_twice_and_newest_first_when_asked() -> None:
    async with browsing() as browser:
        simulated = browser.simulator
        created = [await browser.buy(payment(f"order-{number}")) for number in (1, 2)]
        for one in created:
            simulated.pay(str(one.reference_no))
        bodies = [one.body for one in simulated.outbox]
        await browser.press("trouble", duplicates="on", reordered="on")
        await browser.press("deliver", to=f"{browser.url}/_simulator/shop")
        sent = [one.notice.body for one in simulated.deliveries]

    assert sent == [bodies[1], bodies[1], bodies[0], bodies[0]]


async def test_a_late_notification_waits_for_the_clock_once() -> None:
    async with browsing() as browser:
        created = await browser.buy()
        browser.simulator.pay(str(created.reference_no))
        await browser.press("trouble", late=60)
        await browser.press("deliver", to=f"{browser.url}/_simulator/shop")
        before = len(browser.simulator.deliveries)
        await browser.press("clock", seconds=60)
        await browser.press("deliver")

    assert (before, len(browser.simulator.deliveries)) == (0, 1)


async def test_the_demo_shop_shares_a_clock_that_leaps() -> None:
    async with browsing() as browser:
        await browser.buy()
        await browser.told("notify", to=f"{browser.url}/_simulator/shop")
        await browser.told("clock", months=2)
        _, state = await browser.told("deliver")

    # Of the payment that expired on the way.
    assert [(one["kind"], one["status"]) for one in state["deliveries"]] == [("debit", 200)]


async def test_who_does_not_share_the_clock_is_told_the_time_of_the_machine() -> None:
    async with browsing() as browser:
        created = await browser.buy()
        await browser.told("clock", seconds=600)
        await browser.told("pay", reference=created.reference_no)
        (notice,) = browser.simulator.outbox
        await browser.told("deliver", to=f"{browser.url}/elsewhere")

    assert notice.headers["X-TIMESTAMP"] == format_time(START)


async def test_after_a_rotation_the_old_key_verifies_nothing_new() -> None:
    async with browsing() as browser:
        simulated = browser.simulator
        created = await browser.buy()
        await browser.press("rotate-key")
        simulated.pay(str(created.reference_no))
        (notice,) = simulated.outbox
        verifier = NotificationVerifier(PROVIDER_KEY.public_key(), clock=simulated.clock)

    with pytest.raises(Exception, match="signature"):
        verifier.verify(headers=notice.headers, body=notice.body)


async def test_two_rounds_of_delivery_never_overlap() -> None:
    async with browsing() as browser:
        created = await browser.buy()
        browser.simulator.pay(str(created.reference_no))
        await browser.press("notify", to=f"{browser.url}/_simulator/shop")
        await asyncio.gather(*(browser.console.deliver() for _ in range(5)))

    assert len(browser.simulator.deliveries) == 1


async def test_its_own_shop_may_be_told_at_any_address_and_nobody_else() -> None:
    async with browsing(shop="http://192.168.1.7:8080/_simulator/shop") as browser:
        own, _ = await browser.press("notify", to=browser.console.shop)
        notify = browser.console.notify
        other, _ = await browser.press("notify", to="http://192.168.1.7:8080/_simulator/shops")

    assert (own, notify, other) == (303, browser.console.shop, 400)


async def test_without_an_address_nothing_is_delivered() -> None:
    async with browsing() as browser:
        found = await browser.console.deliver()

    assert found == []


# --- without its extra -----------------------------------------------------------------------------------------------

WITHOUT = """
import sys
sys.modules["jinja2"] = None
from gopay_async.simulator import Simulator
from gopay_async.simulator.console import Console
from gopay_async.simulator.page import serve_page
serve_page(Console(Simulator()))
"""


def test_without_jinja_the_page_says_what_to_install() -> None:
    found = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False)

    assert "pip install 'gopay-async[simulator]'" in found.stderr


def test_a_defect_of_our_own_is_not_taken_for_a_missing_extra() -> None:
    script = WITHOUT.replace('"jinja2"', '"gopay_async.simulator.page.site"')
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert "gopay_async.simulator.page.site" in found.stderr.splitlines()[-1]
