"""What the terminal of a simulator tells: every request, why it was refused, and nothing about people."""

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from gopay_async import Money
from gopay_async.api import ApplyToken, FetchBalanceMutation, FetchPromotions
from gopay_async.operation import Operation
from gopay_async.simulator import DROP_AFTER, FAULTS, Simulator
from gopay_async.simulator.console import Console
from gopay_async.simulator.journal import MOST, Journal
from gopay_async.simulator.verdict import code_of, is_done, why

from .page_for_tests import browsing
from .simulator_for_tests import START, payment, send, signed, simulator, top_up, with_headers
from .test_simulator_gate import COMPACT, resigned, sha

SHOP = "/_simulator/shop/v1.0/registration-account/notify"


def journal(of: Simulator, url: str = "http://127.0.0.1:8080") -> Journal:
    return Journal(Console(of), url)


async def test_a_good_request_takes_one_line() -> None:
    simulated = simulator()
    await send(simulated, signed(simulated, top_up()))

    assert journal(simulated).news() == ["12:00:00  202 2023800  TopUp  POST /v1.0/emoney/topup"]


async def test_what_was_told_is_not_told_again() -> None:
    simulated = simulator()
    told = journal(simulated)
    await send(simulated, signed(simulated, top_up()))
    first = told.news()
    await send(simulated, signed(simulated, top_up("payout-2")))

    assert [len(first), len(told.news()), len(told.news())] == [1, 1, 0]


async def test_after_a_reset_it_goes_on() -> None:
    simulated = simulator()
    told = journal(simulated)
    for _ in range(3):
        await send(simulated, signed(simulated, top_up()))
    told.news()
    simulated.reset()
    await send(simulated, signed(simulated, top_up()))

    assert len(told.news()) == 1


async def test_a_wrong_signature_is_taken_apart() -> None:
    simulated = simulator()
    await send(simulated, resigned(simulated, signed(simulated, top_up()), path="/emoney/topup"))

    assert journal(simulated).news()[1:] == [
        "          path: signed was the path '/emoney/topup' (without the version), received was '/v1.0/emoney/topup'",
        "          path: expected /v1.0/emoney/topup",
        "                  signed /emoney/topup",
        "          http://127.0.0.1:8080/_simulator/requests/1",
    ]


async def test_of_a_body_only_the_way_in_which_it_was_written_is_told() -> None:
    simulated = simulator()
    request = signed(simulated, top_up(), body=COMPACT.encode())
    await send(simulated, resigned(simulated, request, digest=sha(COMPACT.replace("/", "\\/"))))
    lines = journal(simulated, url="").news()

    assert lines[1:] == [
        "          body: the body was serialised again after signing: "
        "signed with slashes escaped as \\/, sent with slashes as they are"
    ]


async def test_where_nothing_explains_a_signature_the_string_to_sign_is_told() -> None:
    simulated = simulator()
    await send(simulated, resigned(simulated, signed(simulated, top_up()), secret="another"))
    report = simulated.requests[-1].report

    assert report is not None
    assert f"          expected string to sign: {report.string_to_sign}" in journal(simulated).news()


async def test_a_part_that_was_left_out_is_called_nothing() -> None:
    simulated = simulator()
    await send(simulated, resigned(simulated, signed(simulated, top_up()), token=""))

    assert "                          signed nothing" in journal(simulated).news()


async def test_a_warning_does_not_hide_that_it_passed() -> None:
    simulated = simulator()
    await send(simulated, with_headers(signed(simulated, top_up()), X_SIGNATURE=None))
    await send(simulated, signed(simulated, payment(), body=b'{"a": 1}'))
    lines = journal(simulated).news()

    assert lines[1] == "          missing-header: the header X-SIGNATURE is missing"
    assert lines[-1].startswith("          spaces: the body has spaces outside strings")


async def test_a_refusal_behind_a_good_signature_is_told() -> None:
    simulated = simulator()
    await send(simulated, signed(simulated, top_up(amount=99_999_999_999)))

    assert journal(simulated).news() == [
        "12:00:00  403 4033814  TopUp  POST /v1.0/emoney/topup",
        "          Insufficient Funds",
    ]


async def test_a_path_that_nobody_serves_comes_with_the_one_that_was_meant() -> None:
    async with browsing() as browser:
        await browser.post("/v1.0/emoney/top-up", data=b"")
        lines = journal(browser.simulator).news()

    assert lines[0].endswith("404 4040000  unknown  POST /v1.0/emoney/top-up")
    assert lines[1].endswith("did you mean /v1.0/emoney/topup?")


async def test_a_fault_is_named_beside_what_it_met() -> None:
    simulated = simulator()
    simulated.faults.add(DROP_AFTER)
    with pytest.raises(ConnectionError):
        await send(simulated, signed(simulated, top_up()))
    simulated.faults.add(FAULTS["bad-gateway"])
    await send(simulated, signed(simulated, top_up()))
    lines = journal(simulated).news()

    assert [one[10:14] for one in lines] == ["--- ", "502 "]
    assert [one.rpartition("[")[2] for one in lines] == ["fault: drop-after]", "fault: bad-gateway]"]


async def test_more_requests_than_anybody_reads_are_counted() -> None:
    simulated = simulator()
    for number in range(MOST + 7):
        await send(simulated, signed(simulated, top_up(f"payout-{number}")))
    lines = journal(simulated).news()

    assert (lines[0].strip(), len(lines)) == ("... and 7 requests before", MOST + 1)


async def test_deliveries_are_told_with_what_a_receiver_that_refuses_has_said() -> None:
    async with browsing() as browser:
        simulated = browser.simulator
        simulated.link()
        simulated.clock.advance(timedelta(minutes=1))
        await browser.told("deliver", to=f"{browser.url}/_simulator/shop")
        await browser.told("trouble", wrong_signature=True)
        simulated.link()
        await browser.told("deliver")
        lines = journal(simulated).news()

    assert lines[0] == f"12:01:00  200          notification  linking to {browser.url}{SHOP}"
    assert lines[1].startswith("12:01:00  401")
    assert "401" in lines[2]


async def test_nothing_from_the_network_moves_the_cursor() -> None:
    simulated = simulator()
    await send(simulated, with_headers(signed(simulated, top_up()), X_PARTNER_ID="\x1b[2J\r"))

    assert [line.isprintable() for line in journal(simulated).news()] == [True] * 3


async def test_secrets_and_people_stay_out() -> None:
    simulated = simulator()
    own = simulated.credentials
    await send(simulated, with_headers(signed(simulated, top_up()), X_PARTNER_ID=own.client_secret))
    await send(simulated, signed(simulated, top_up(), token="a-token-of-somebody-else"))
    request = signed(simulated, top_up())
    await send(simulated, resigned(simulated, request, digest=sha(request.body.decode().replace(":", ": "))))
    text = "\n".join(journal(simulated).news())

    for hidden in (own.client_secret, "a-token-of-somebody-else", "Siti", "6281773628883"):
        assert str(hidden) not in text


# --- what became of a request ----------------------------------------------------------------------------------------


def verdict(of: Simulator) -> tuple[str, bool, str]:
    seen = of.requests[-1]
    return code_of(seen), is_done(seen), why(of, seen)


async def test_a_request_without_an_answer_is_not_done() -> None:
    simulated = simulator()
    simulated.faults.add(DROP_AFTER)
    with pytest.raises(ConnectionError):
        await send(simulated, signed(simulated, top_up()))

    assert verdict(simulated) == ("", False, "")


async def test_an_answer_that_cannot_be_read_has_no_code() -> None:
    simulated = simulator()
    simulated.faults.add(FAULTS["bad-gateway"])
    await send(simulated, signed(simulated, top_up()))

    assert verdict(simulated) == ("", False, "")


async def test_the_mini_app_says_it_inside_of_error() -> None:
    simulated = simulator()
    await send(simulated, signed(simulated, ApplyToken(auth_code="old"), body=b"{}"))

    assert verdict(simulated) == ("303", False, "auth_code cannot be blank")


@pytest.mark.parametrize(
    ("operation", "target", "expected"),
    [
        (
            FetchPromotions(account_id="a", gross_amount=Money(1)),
            "/v2/gopay/promo/a?currency=IDR",
            ("400", False, "gross_amount is required"),
        ),
        (
            FetchBalanceMutation(start_time=START, end_time=START),
            "/v1/balance/mutation?currency=IDR",
            ("", False, "start_time must not be empty"),
        ),
    ],
)
async def test_the_core_api_says_it_in_words_of_its_own_or_under_http_200(
    operation: Operation[Any], target: str, expected: tuple[str, bool, str]
) -> None:
    simulated = simulator()
    await send(simulated, evolve(signed(simulated, operation), target=target))

    assert verdict(simulated) == expected


async def test_state_says_why() -> None:
    simulated = simulator()
    await send(simulated, signed(simulated, top_up(amount=99_999_999_999)))
    (seen,) = Console(simulated).state()["requests"]

    assert (seen["code"], seen["why"]) == ("4033814", "Insufficient Funds")
