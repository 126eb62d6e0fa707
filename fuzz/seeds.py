"""Where the fuzzer begins: real notifications, and the words that they are made of.  Knows no promise."""

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from fuzz.cases import KINDS, MESSAGES, NOW, PLAYS
from gopay_async.webhooks.samples import SAMPLES, sample

_ODD = (
    b"null",
    b"true",
    b"NaN",
    b"1e999",
    b"-0",
    b'"\\ud800"',
    b'"\\u00e9"',
    b"[]",
    b"{}",
    b"\xef\xbb\xbf",
    b"0001-01-01",
)


def seeds() -> list[bytes]:
    """Return inputs for `play`: every way, with every message, and with a body of every kind and state."""
    messages = [bytes([play, number]) for play in range(PLAYS) for number in range(MESSAGES)]
    return messages + [bytes([play, 0]) + body for play in range(PLAYS) for body in _bodies()]


def object_seeds() -> list[bytes]:
    """Return inputs for `play_object`: a body of every kind and state, to be read as every kind."""
    return [bytes([kind]) + body for kind in range(KINDS) for body in _bodies()]


def _bodies() -> list[bytes]:
    return [sample(name, at=NOW - timedelta(days=1))[1] for name in SAMPLES]


def words() -> list[bytes]:
    """Return names and values that notifications are made of."""
    found: dict[bytes, None] = {}
    for name in SAMPLES:
        found.update(dict.fromkeys(_words(json.loads(sample(name, at=NOW)[1]))))
    return [*found, *_ODD]


def _words(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield json.dumps(name).encode()
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)
    else:
        yield json.dumps(value).encode()


def random_inputs(count: int, known: list[bytes], *, seed: int) -> list[bytes]:
    """Return inputs for the test-suite, the same for the same *seed*: noise, and *known* ones with a word put in."""
    source = random.Random(seed)  # noqa: S311  # no secret: the same inputs each time
    noise = [source.randbytes(source.choice((4, 8, 16, 200))) for _ in range(count // 2)]
    vocabulary = words()
    return noise + [
        _spoiled(source, source.choice(known), source.choice(vocabulary)) for _ in range(count - len(noise))
    ]


def _spoiled(source: random.Random, seed: bytes, word: bytes) -> bytes:
    start = source.randrange(1, len(seed) + 1)
    return seed[:start] + word + seed[start + source.randrange(len(word) + 1) :]
