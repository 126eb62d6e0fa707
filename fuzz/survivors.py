"""Mutants that do what the right code does, so that no test can tell them apart, and why.  Knows only names."""

from typing import Final

#: (module, line of the right code, what) -> reason.
EQUIVALENT: Final[dict[tuple[str, str, str], str]] = {
    (
        "signing",
        "if body.split(None, 1) == [body]:",
        "2 for 1",
    ): "whether anything was split off is known after one split; the second one only takes time",
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
