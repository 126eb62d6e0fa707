"""Mutants that do what the right code does, so that no test can tell them apart, and why.  Knows only names."""

from typing import Final

_SLOWER: Final = "a compact body goes the long way, which leaves it as it is"
#: (module, line of the right code, what) -> reason.
EQUIVALENT: Final[dict[tuple[str, str, str], str]] = {
    (
        "signing",
        "return outside.split(None, 1) == [outside]",
        "2 for 1",
    ): "whether anything was split off is known after one split; the second one only takes time",
    ("signing", "return outside.split(None, 1) == [outside]", "nothing returned"): _SLOWER,
    ("signing", 'outside = b"".join(body.split(b\'"\')[::2])', "other bytes for b'\"'"): _SLOWER,
    (
        "signing",
        'outside = b"".join(body.split(b\'"\')[::2])',
        "other bytes for b''",
    ): "what stands between the pieces is no whitespace, and whether there is some is all that is asked",
    ("signing", "@lru_cache(maxsize=16)", "17 for 16"): "how many keys are remembered shows in the time alone",
    (
        "verifier",
        'self, *, headers: Headers, body: bytes, method: str = "POST", now: datetime | None = None, route: str = ""',
        "another text for ''",
    ): "a route without a slash names no path, whatever it says",
    (
        "payout",
        'self, *, headers: Headers, body: bytes, method: str = "POST", now: datetime | None = None, route: str = ""',
        "another text for ''",
    ): "taken for the sake of the protocol, and never looked at",
    (
        "sql",
        "await connection.execute(_ours(claim).values(until=0.0))",
        "1.0 for 0.0",
    ): "a lease that ended in the first second of 1970 has ended, as one that ended just before it",
}
