"""Who sent a request, behind proxies that are trusted and others that are not."""

from typing import Any

import pytest

from gopay_async import ConfigurationError
from gopay_async.errors import Unauthenticated
from gopay_async.webhooks import NotificationApp, SourceCheck
from gopay_async.webhooks.addresses import PUBLISHED
from tests.webhooks.events import PATH, Shop, body, post, receiving, sending, verifier

REAL = "13.228.166.126"


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    return {"client": (peer, 1234) if peer else None, "headers": headers}


def is_let_in(peer: str | None, *forwarded: str, **options: Any) -> bool:
    try:
        SourceCheck("production", **options).check(scope(peer, *forwarded))
    except Unauthenticated as error:
        return error.reason != "wrong_source"
    return True


PROXY = {"trusted_proxies": ["10.0.0.0/8", "fd00::/8"]}


@pytest.mark.parametrize(
    ("peer", "forwarded", "options", "expected"),
    [
        (REAL, [], {}, True),
        (f"::ffff:{REAL}", [], {}, True),
        ("1.2.3.4", [], {}, False),
        ("1.2.3.4", [], {"also": ["1.2.3.0/24"]}, True),
        (None, [], {}, False),
        ("unix:", [], {}, False),
        ("1.2.3.4", [REAL], {}, False),
        ("1.2.3.4", [REAL], PROXY, False),
        ("10.0.0.1", [REAL], PROXY, True),
        ("10.0.0.1", [f"{REAL}:443"], PROXY, True),
        ("10.0.0.1", [f"[::ffff:{REAL}]:443"], PROXY, True),
        ("::ffff:10.0.0.1", [REAL], PROXY, True),
        ("fd00::1", [REAL], PROXY, True),
        ("10.0.0.1", [f"{REAL}, 1.2.3.4"], PROXY, False),
        ("10.0.0.1", [f"1.2.3.4, {REAL}, 10.0.0.2"], PROXY, True),
        ("10.0.0.1", ["1.2.3.4", REAL], PROXY, True),
        ("10.0.0.1", [REAL, "1.2.3.4"], PROXY, False),
        ("10.0.0.1", [f"{REAL}, nonsense"], PROXY, False),
        ("10.0.0.1", [], PROXY, False),
        ("10.0.0.1", ["10.0.0.2"], PROXY, False),
    ],
)
def test_the_first_address_from_the_right_that_is_no_trusted_proxy_counts(
    peer: str | None, forwarded: list[str], options: Any, expected: bool
) -> None:
    assert is_let_in(peer, *forwarded, **options) is expected


def test_the_published_lists_are_hosts_and_each_is_as_long_as_the_page() -> None:
    assert {name: len(found) for name, found in PUBLISHED.items()} == {"sandbox": 18, "staging": 13, "production": 13}
    assert SourceCheck("Staging").source(scope("8.215.42.0")) is not None
    SourceCheck("staging").check(scope("8.215.42.0"))
    with pytest.raises(Unauthenticated):
        SourceCheck("staging").check(scope("8.215.42.1"))


@pytest.mark.parametrize(
    "make",
    [
        SourceCheck,
        lambda: SourceCheck("moon"),
        lambda: SourceCheck("sandbox", also=["not a network"]),
        lambda: SourceCheck("sandbox", trusted_proxies="10.0.0.1"),
        lambda: SourceCheck("sandbox", trusted_proxies=["10.0.0.1/8"]),
    ],
)
def test_a_check_that_cannot_be_meant_is_refused(make: Any) -> None:
    with pytest.raises(ConfigurationError):
        make()


async def test_a_stranger_is_refused_with_401_and_never_handled() -> None:
    shop = Shop()
    app = NotificationApp(verifier(), shop, sources=SourceCheck("production"))

    assert await post(app, body(), client=("1.2.3.4", 1)) == (401, "4015600")
    assert await post(app, body(), client=(REAL, 1)) == (200, "2005600")
    assert len(shop.seen) == 1


async def test_nothing_is_read_from_a_stranger() -> None:
    out: list[Any] = []
    app = NotificationApp(verifier(), Shop(), sources=SourceCheck("production"))

    await app({"type": "http", "method": "POST", "path": PATH, **scope("1.2.3.4")}, receiving([]), sending(out))

    assert out[0]["status"] == 401
