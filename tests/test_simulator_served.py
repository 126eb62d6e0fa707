"""The simulator on a socket: bytes and target as received, safe from other machines and other pages."""

import asyncio
import socket
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from attrs import evolve
from yarl import URL

from gopay_async import ConfigurationError, Credentials, GoPaySession, Money
from gopay_async.api import CreatePayment, FetchPromotions, QueryPayment
from gopay_async.errors import Unauthorized
from gopay_async.launch import launch_deeplink
from gopay_async.simulator import SAMPLE_ACCOUNT, Policy, Simulator
from gopay_async.simulator.journal import Journal

from .keys_for_tests import MERCHANT_KEY, credentials
from .page_for_tests import browsing
from .simulator_for_tests import payment, session, signed, simulator, top_up


async def test_a_session_works_over_a_socket_as_in_process() -> None:
    simulated = simulator()
    async with simulated.serve() as url, session(simulated, url) as gopay:
        created = await gopay.send(payment())
        simulated.pay(created.reference_no or "")
        state = await gopay.send(QueryPayment(original_reference_no=created.reference_no))

    assert created.web_redirect_url.startswith(f"{url}/gopay-pay?")
    assert state.status.is_paid
    assert launch_deeplink(created.web_redirect_url).startswith("gopay://merchanttransfer?referenceNo=A1")


async def test_target_and_body_arrive_as_they_were_sent() -> None:
    simulated = simulator()
    target = "/v2/gopay/promo/a%2Fb%3A%20c?gross_amount=100.00&currency=%49DR"
    request = signed(simulated, FetchPromotions(account_id="a", gross_amount=Money(100)))
    async with simulated.serve() as url, aiohttp.ClientSession() as client:
        headers = {**request.headers, "Content-Encoding": "identity"}
        async with client.get(URL(url + target, encoded=True), headers=headers) as response:
            body = await response.json(content_type=None)

    assert simulated.requests[-1].request.target == target
    assert body["id"] == "a/b: c"


async def test_a_compressed_body_is_not_unpacked() -> None:
    simulated = simulator()
    request = signed(simulated, top_up())
    async with simulated.serve() as url, aiohttp.ClientSession() as client:
        headers = {**request.headers, "Content-Encoding": "gzip"}
        async with client.post(url + request.target, data=b"\x1f\x8bnot gzip", headers=headers) as response:
            await response.read()

    assert simulated.requests[-1].request.body == b"\x1f\x8bnot gzip"


async def test_answers_are_dated_by_the_virtual_clock() -> None:
    simulated = simulator()
    request = signed(simulated, top_up())
    async with (
        simulated.serve() as url,
        aiohttp.ClientSession() as client,
        client.post(url + request.target, data=request.body, headers=request.headers) as response,
    ):
        headers = response.headers

    assert (headers["Date"], headers["X-TIMESTAMP"]) == ("Fri, 20 Nov 2026 05:00:00 GMT", "2026-11-20T12:00:00+07:00")
    assert headers["Content-Type"] == "application/json"


async def test_a_free_port_or_a_given_one_is_served() -> None:
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        port = plug.getsockname()[1]
    async with simulator().serve(port=port) as url:
        assert url == f"http://127.0.0.1:{port}"


async def test_ipv6_is_written_in_brackets() -> None:
    async with simulator().serve(host="::1") as url:
        assert url.startswith("http://[::1]:")


async def test_other_hosts_are_refused_unless_forced() -> None:
    simulated = simulator()
    with pytest.raises(ConfigurationError):
        async with simulated.serve(host="0.0.0.0"):
            pass
    async with (
        simulated.serve(host="0.0.0.0", force=True) as url,
        aiohttp.ClientSession() as client,
        client.get(f"{url}/x") as response,
    ):  # for the length of this test
        assert response.status == 404


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("0::0", "[::1]"),
        ("127.0.0.2", "127.0.0.2"),
        ("localhost", "localhost"),
    ],
)
async def test_whatever_it_listens_on_its_address_opens_on_this_machine(host: str, address: str) -> None:
    async with (
        simulator().serve(host=host, force=True) as url,
        aiohttp.ClientSession() as client,
        client.get(f"{url}/x") as response,
    ):
        status = response.status

    assert (urlsplit(url).netloc.rpartition(":")[0], status) == (address, 404)


async def test_links_lead_to_the_address_by_which_it_was_asked() -> None:
    simulated = simulator()
    request = signed(simulated, payment())
    headers = {**request.headers, "Host": "simulator:8080"}
    async with (
        simulated.serve(allow_hosts=["simulator"]) as url,
        aiohttp.ClientSession() as client,
        client.post(url + request.target, data=request.body, headers=headers) as response,
    ):
        created = await response.json()

    assert created["webRedirectUrl"].startswith("http://simulator:8080/gopay-pay?")


@pytest.mark.parametrize(("sent", "read"), [(b"caf\xe9", "café"), ("café".encode(), "café")])
async def test_a_header_that_is_no_ascii_is_answered_and_told_like_any_other(sent: bytes, read: str) -> None:
    async with browsing() as browser:
        journal = Journal(browser.console)
        answer = await raw(browser.url, b"Authorization: Bearer " + sent + b"\r\nX-SIGNATURE: x\r\nX-TIMESTAMP: y\r\n")
        told = journal.news()
        pages = [await browser.get(f"/_simulator/{one}/1") for one in ("requests", "reports")]

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert any(f":{read}:" in one for one in told)
    assert [status for status, _ in pages] == [200, 200]


async def test_links_can_be_shown_whatever_stands_beside_the_host() -> None:
    simulated = simulator()
    async with simulated.serve() as url:
        await raw(url, b"", host=b"caf\xe9@127.0.0.1")

    assert simulated.requests[-1].request.base == "http://café@127.0.0.1"


async def raw(url: str, headers: bytes, *, host: bytes = b"127.0.0.1") -> bytes:
    """Return the answer to a top-up with *headers*, to the byte."""
    server = urlsplit(url)
    reader, writer = await asyncio.open_connection(server.hostname, server.port)
    head = b"POST /v1.0/emoney/topup HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\nHost: " + host
    writer.write(head + b"\r\n" + headers + b"\r\n{}")
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "example.com"}, 403),
        ({"Origin": "https://example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost"}, 404),
    ],
)
async def test_pages_of_the_internet_are_kept_out(headers: dict[str, str], status: int) -> None:
    async with (
        simulator().serve() as url,
        aiohttp.ClientSession() as client,
        client.get(f"{url}/x", headers=headers) as response,
    ):
        assert response.status == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("192.168.1.7:8080", 404),
        ("[fd00::7]:8080", 404),
        ("localhost", 404),
        ("example.com", 403),
        ("192.168.1.7.example.com", 403),
        ("[192", 403),
    ],
)
async def test_a_forced_simulator_answers_to_addresses_and_to_no_name_that_somebody_may_point_here(
    host: str, status: int
) -> None:
    assert await asked_as(host, bound="0.0.0.0", force=True) == status


@pytest.mark.parametrize("bound", ["127.0.0.1", "0.0.0.0"])
async def test_a_name_that_was_allowed_is_answered_to(bound: str) -> None:
    names = ["Shop.test"]
    asked = [await asked_as(host, bound, force=True, allow_hosts=names) for host in ("shop.TEST", "x.shop.test")]

    assert asked == [404, 403]


async def test_an_address_is_no_way_around_loopback() -> None:
    assert await asked_as("192.168.1.7", bound="127.0.0.1", force=True) == 403


@pytest.mark.parametrize("name", ["http://shop.test", "shop.test:8080", "", "shop test", "*"])
async def test_what_is_not_the_name_of_a_host_cannot_be_allowed(name: str) -> None:
    with pytest.raises(ConfigurationError, match="is not the name of a host"):
        await asked_as("shop.test", bound="127.0.0.1", allow_hosts=[name])


async def asked_as(host: str, bound: str, **options: Any) -> int:
    """Return the status of the answer to a request with that Host."""
    async with simulator().serve(host=bound, **options) as url, aiohttp.ClientSession() as client:
        address = f"http://127.0.0.1:{urlsplit(url).port}/x"
        async with client.get(address, headers={"Host": host}) as response:
            return response.status


# --- the payment page ----------------------------------------------------------------------------------------------


async def created(simulated: Simulator, url: str, operation: CreatePayment | None = None) -> str:
    async with session(simulated, url) as gopay:
        return (await gopay.send(operation or payment())).web_redirect_url


@pytest.mark.parametrize(("do", "status", "words"), [("pay", "00", "Paid"), ("cancel", "05", "Cancelled")])
async def test_the_redirect_address_opens_a_page_that_pays_or_cancels(do: str, status: str, words: str) -> None:
    simulated = simulator()
    async with simulated.serve() as url, aiohttp.ClientSession() as client:
        address = await created(simulated, url)
        async with client.get(address) as response:
            before = await response.text()
        async with client.post(address, data={"do": do}), client.post(address, data={"do": do}) as response:
            after = await response.text()

    assert ("<button" in before, "<button" in after) == (True, False)
    assert words in after
    assert [one["status"] for one in simulated.snapshot()["payments"]] == [status]


@pytest.mark.parametrize(("do", "query"), [("steal", None), ("pay", "referenceNo=nothing"), ("pay", "")])
async def test_a_page_that_is_not_there_changes_nothing(do: str, query: str | None) -> None:
    simulated = simulator()
    async with simulated.serve() as url, aiohttp.ClientSession() as client:
        address = await created(simulated, url)
        address = address if query is None else f"{url}/gopay-pay?{query}"
        async with client.post(address, data={"do": do}) as response:
            posted = response.status
        async with client.get(f"{url}/gopay-pay?referenceNo=nothing") as response:
            got = response.status

    assert (posted, got, simulated.snapshot()["takings"]) == (404, 404, "0.00")


async def test_the_page_escapes_what_came_from_the_network() -> None:
    simulated = simulator()
    async with simulated.serve() as url, aiohttp.ClientSession() as client:
        address = await created(simulated, url)
        known = parse_qs(urlsplit(address).query)["referenceNo"][0]
        simulated.books.payments.by_reference[known].partner_reference_no = "<script>"
        async with client.get(address) as response:
            page = await response.text()

    assert "<script>" not in page
    assert "&lt;script&gt;" in page


# --- credentials ---------------------------------------------------------------------------------------------------


def test_credentials_are_complete_and_look_simulated() -> None:
    made = Simulator(seed=1).credentials

    assert str(made.client_id).startswith("SIM-")
    assert str(made.server_key).startswith("SB-Mid-server-SIM")
    assert made.private_key is not None
    assert None not in (made.partner_id, made.channel_id, made.merchant_id, made.payment_handle)


def test_given_credentials_are_kept_and_completed() -> None:
    given = Credentials(client_id="mine", private_key=MERCHANT_KEY)
    made = Simulator(given).credentials

    assert (made.client_id, made.private_key) == ("mine", MERCHANT_KEY)
    assert made.mini_app_credential


def test_credentials_that_look_like_production_are_refused() -> None:
    with pytest.raises(ConfigurationError) as raised:
        Simulator(credentials(server_key="Mid-server-abc"))

    assert "server_key" in str(raised.value)
    assert "abc" not in str(raised.value)


def test_no_secret_is_in_a_repr() -> None:
    simulated = simulator()
    secrets = (simulated.credentials.client_secret, simulated.credentials.server_key, simulated.iris_key)
    shown = f"{simulated!r} {simulated.books!r} {simulated._provider!r} {simulated._herald!r}"

    assert not any(str(one) in shown for one in secrets)


# --- reset ---------------------------------------------------------------------------------------------------------


async def test_a_reset_forgets_what_happened_and_keeps_the_rest() -> None:
    simulated = simulator(policy=Policy(balance=Money(100_000)))
    async with session(simulated) as gopay:
        first = await gopay.send(payment())
        await gopay.send(top_up())
        simulated.reset()
        again = await gopay.send(payment())

    assert simulated.snapshot()["balance"] == "100000.00"
    assert (len(simulated.snapshot()["payments"]), first.partner_reference_no) == (1, again.partner_reference_no)
    simulated.check()


async def test_runs_with_one_seed_are_alike() -> None:
    references = []
    for _ in range(2):
        simulated = simulator()
        async with session(simulated) as gopay:
            references.append((await gopay.send(payment())).reference_no)

    assert references[0] == references[1]


def test_a_reset_without_a_seed_goes_on_with_other_ids() -> None:
    simulated = simulator(seed=None)
    before = simulated.user.auth_token
    simulated.reset()

    assert simulated.user.auth_token != before


async def test_several_sessions_share_one_simulator() -> None:
    simulated = simulator()
    async with session(simulated) as one:
        await one.send(payment("order-1"))
    async with session(simulated) as two:
        await two.send(payment("order-2"))

    assert len(simulated.snapshot()["payments"]) == 2


async def test_foreign_credentials_are_not_let_in() -> None:
    simulated = simulator()
    foreign = evolve(simulated.credentials, client_secret="another-secret")
    async with GoPaySession(foreign, simulated.environment(), transport=simulated, clock=simulated.clock) as gopay:
        with pytest.raises(Unauthorized) as raised:
            await gopay.send(top_up())

    assert raised.value.code == "4013800"


async def test_promotions_have_their_sample() -> None:
    simulated = simulator()
    async with session(simulated) as gopay:
        found = await gopay.send(FetchPromotions(account_id=SAMPLE_ACCOUNT, gross_amount=Money(1_000)))

    assert [one.code for one in found.promotions] == ["100PCCASHBACK"]
