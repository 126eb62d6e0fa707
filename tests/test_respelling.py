"""How much is tried to explain a wrong signature: counted, for whoever sends one need not be known."""

import json
from typing import Any

import pytest

from gopay_async.simulator.diagnosis import Evidence, explain_hmac
from gopay_async.simulator.respelling import (
    DEEPEST,
    LONGEST,
    NUMBERS,
    VALUES,
    WRITTEN,
    is_too_large,
    reordered,
    respellings,
)

#: What every serialiser writes in its own way.
ODD = "é/<&'+"


class Counted(str):
    """A signature that nothing leads to, and that counts what was tried."""

    __slots__ = ("tries",)

    def __init__(self, _: str) -> None:
        self.tries = 0

    def __eq__(self, other: object) -> bool:
        self.tries += 1
        return False

    __hash__ = str.__hash__


def dumped(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def tries(body: bytes) -> int:
    """Return how many mistakes are tried to explain a signature of *body*."""
    signature = Counted("x")
    explain_hmac(
        Evidence(
            method="POST",
            base="http://127.0.0.1",
            target="/v1.0/emoney/topup",
            token="token",
            body=body,
            timestamp="2026-01-01T00:00:00+07:00",
            client_secret="a secret",
            signature=signature,
            other_tokens=tuple(f"token-{number}" for number in range(20)),
            other_paths=tuple(f"/{number}" for number in range(45)),
        )
    )
    return signature.tries


LARGE = [
    pytest.param(dumped({"b": 1.5, "a": ODD * LONGEST}), id="long"),
    pytest.param(dumped({"b": 1.5, "a": [ODD] * VALUES}), id="many values"),
    pytest.param(b'{"b":1.5,"a":' + b"[" * DEEPEST + b"1.5" + b"]" * DEEPEST + b"}", id="deep"),
    pytest.param(dumped(list(range(100_000))), id="very long"),
]


@pytest.mark.parametrize("body", LARGE)
def test_a_large_body_is_tried_in_no_other_spelling(body: bytes) -> None:
    assert is_too_large(body)
    assert (list(respellings(body)), list(reordered(body))) == ([], [])


@pytest.mark.parametrize("body", LARGE)
def test_other_mistakes_are_tried_with_a_large_body_too(body: bytes) -> None:
    assert 1_000 < tries(body) < 3_000


@pytest.mark.parametrize(
    "body",
    [
        dumped({"b": 1.5, "a": [ODD] * (VALUES - 3)}),
        dumped({"b": 1.5, "a": ODD * (LONGEST // 7 - 10)}),
        dumped({"a": ODD, "b": [number + 0.5 for number in range(NUMBERS)], "c": [{"z": ODD, "y": None}] * 60}),
    ],
    ids=["many values", "long", "many styles"],
)
def test_the_worst_that_is_tried_is_some_thousands_of_mistakes(body: bytes) -> None:
    assert not is_too_large(body)
    assert 1_000 < tries(body) < 7_500


def test_numbers_are_written_differently_one_by_one_only_where_they_are_few() -> None:
    few, many = (dumped([number + 0.5 for number in range(count)]) for count in (NUMBERS, NUMBERS + 1))
    found = [sum(b".00" in one and one.count(b".5") > 1 for one in respellings(body)) for body in (few, many)]

    assert found == [NUMBERS, 0]


def test_sorted_keys_are_tried_in_every_order_only_where_that_is_little_to_write() -> None:
    short, long = (dumped({**dict.fromkeys("abcdefgh", 1), "h": "x" * length}) for length in (10, WRITTEN // 40_320))

    assert next(reordered(short), b"") != b""
    assert list(reordered(long)) == []
