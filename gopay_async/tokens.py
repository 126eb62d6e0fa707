"""The access token: one for all coroutines, fetched once, renewed in time.  Knows no header and no HTTP."""

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Final, Protocol

import anyio
from attrs import define, field, frozen

from .api import TokenIssued
from .clock import Clock
from .errors import SessionMisuse, Unreadable

_DEFAULT_LIFE: Final = 900
_LONGEST_LIFE: Final = 86_400
_MARGIN: Final = timedelta(seconds=30)


@frozen
class AccessToken:
    """A token and the moment (aware) from which it should no longer be used."""

    value: str = field(repr=False)
    renew_at: datetime

    @classmethod
    def of(cls, issued: TokenIssued, asked_at: datetime) -> "AccessToken":
        """Return the token *issued* on a request made at *asked_at*, to be renewed 30 seconds before its end."""
        if not re.fullmatch(r"[!-~]+", issued.access_token):
            raise Unreadable("the access token that was issued does not fit into a header")
        life = timedelta(seconds=_life(issued.expires_in))
        return cls(issued.access_token, asked_at + life - min(_MARGIN, life / 3))


def _life(expires_in: str | None) -> int:
    text = (expires_in or "").strip()
    seconds = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    # Missing or absurd counts as the documented 900 seconds (quirks Q-TOK-2, Q-TOK-4).
    return seconds if 0 < seconds <= _LONGEST_LIFE else _DEFAULT_LIFE


class TokenStore(Protocol):
    """Where tokens are kept, for one process or for several.

    Any exception of an implementation makes the token unavailable: what needed it is proved not sent.
    """

    async def load(self, key: str) -> AccessToken | None:
        """Return the token under *key*."""
        ...

    async def save(self, key: str, token: AccessToken) -> None:
        """Keep *token* under *key* instead of what was there."""
        ...

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Return a lock on *key*, shared by all that share the store: one of them renews, the others wait and read."""
        ...


@define
class MemoryTokenStore:
    """Keeps tokens in this process; several sessions of one event loop may share one."""

    _tokens: dict[str, AccessToken] = field(factory=dict, repr=False)
    _locks: dict[str, anyio.Lock] = field(factory=dict, repr=False)

    async def load(self, key: str) -> AccessToken | None:
        """Return the token under *key*."""
        return self._tokens.get(key)

    async def save(self, key: str, token: AccessToken) -> None:
        """Keep *token* under *key*."""
        self._tokens[key] = token

    def lock(self, key: str) -> AbstractAsyncContextManager[object]:
        """Return the lock of *key*."""
        return self._locks.setdefault(key, anyio.Lock())


@define
class TokenSource:
    """Hands out the current token and renews it, one flight at a time."""

    fetch: Callable[[], Awaitable[TokenIssued]]
    store: TokenStore
    key: str
    clock: Clock
    _current: AccessToken | None = field(default=None, init=False, repr=False)
    #: The last ones: a store may still hold them, and a late answer may still speak of them.
    _rejected: deque[str] = field(factory=lambda: deque(maxlen=16), init=False, repr=False)
    _flight: "asyncio.Task[AccessToken] | None" = field(default=None, init=False, repr=False)

    def current(self) -> str | None:
        """Return the token if it is good now; None when one must be fetched."""
        current = self._current
        return current.value if current is not None and self.clock.now() < current.renew_at else None

    async def get(self) -> str:
        """Return a token that is good now; raise what the fetch raised, the same for all that waited for it."""
        if good := self.current():
            return good
        # One that was cancelled before its first step has not put itself away.
        if self._flight is None or self._flight.done():
            self._flight = asyncio.create_task(self._renew(), name="gopay_async access token")
            # Nobody may be waiting any more when it fails: look at the error, so that the loop does not complain.
            self._flight.add_done_callback(_look_at_error)
        flight = self._flight
        # Waiting for it, not awaiting it: a cancelled waiter must not take it down for the others.
        await asyncio.wait({flight})
        if flight.cancelled():
            raise SessionMisuse("the session was closed while it fetched an access token")
        return flight.result().value

    def reject(self, value: str) -> None:
        """Drop the token *value*; a newer one stays, so that a thousand rejected calls cost one request."""
        if self._current is not None and self._current.value == value:
            self._current = None
            self._rejected.append(value)

    async def aclose(self) -> None:
        """Cancel the flight, if there is one, and wait for its end."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.wait({self._flight})

    async def _renew(self) -> AccessToken:
        try:
            # One renewal at a time over all that share the store; whoever waited finds the new token there.
            async with self.store.lock(self.key):
                self._current = await self._load() or await self._fetch()
                return self._current
        finally:
            self._flight = None

    async def _load(self) -> AccessToken | None:
        token = await self.store.load(self.key)
        good = token is not None and token.value not in self._rejected and self.clock.now() < token.renew_at
        return token if good else None

    async def _fetch(self) -> AccessToken:
        asked_at = self.clock.now()
        token = AccessToken.of(await self.fetch(), asked_at)
        await self.store.save(self.key, token)
        return token


def _look_at_error(task: "asyncio.Task[AccessToken]") -> None:
    if not task.cancelled():
        task.exception()
