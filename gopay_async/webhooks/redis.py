"""Replay protection in Redis.  Knows no handler.

Redis must not evict (`maxmemory-policy noeviction`) and, for payouts, must persist (`appendonly yes`): what it forgets
can be replayed.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from ..errors import StoreFailed
from .replay import Claim, Standing

# KEYS[1]: the event.  ARGV[1]: the lease in milliseconds.  ARGV[2]: after how many the key may go, empty for never.
_CLAIM: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('HMGET', KEYS[1], 'until', 'fence')
if found[1] == 'handled' then return -1 end
if found[1] and tonumber(found[1]) > now then return -2 end
local fence = (tonumber(found[2]) or 0) + 1
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + ARGV[1]), 'fence', fence)
if ARGV[2] == '' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return fence
"""
_NO_CLAIM: Final = {-1: Standing.HANDLED, -2: Standing.BUSY}
# A commit or a release counts only while nobody else has claimed since.  ARGV[1]: the fence.  ARGV[2]: what `until` is
# from now on.  ARGV[3]: as above.
_END: Final = """
local found = redis.call('HMGET', KEYS[1], 'until', 'fence')
if found[2] ~= ARGV[1] or found[1] == 'handled' then return 0 end
redis.call('HSET', KEYS[1], 'until', ARGV[2])
if ARGV[3] == '' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1
"""


class RedisReplayStore:
    """For any number of processes that share a Redis; the client is the user's.

    *keeps* is how long a handled event is remembered, where it is not for good; *prefix* begins every key.  The clock
    is that of Redis.
    """

    def __init__(self, redis: "Redis", *, keeps: timedelta = timedelta(days=30), prefix: str = "gopay:claim:") -> None:
        self._redis = redis
        self.keeps: timedelta | None = keeps
        self._keeps = keeps
        self._prefix = prefix

    async def claim(self, key: str, *, lease: timedelta, for_good: bool = False) -> Claim | Standing:
        """Return the claim, or why there is none."""
        lifetime = "" if for_good else _ms(lease + self._keeps)
        found = await self._eval(_CLAIM, key, (_ms(lease), lifetime))
        return _NO_CLAIM.get(found) or Claim(key, found, for_good)

    async def commit(self, claim: Claim) -> bool:
        """Mark the event as handled, where the claim is still ours."""
        return await self._end(claim, "handled") == 1

    async def release(self, claim: Claim) -> None:
        """Give the claim back, where it is still ours."""
        await self._end(claim, "0")

    async def _end(self, claim: Claim, until: str) -> int:
        lifetime = "" if claim.for_good else _ms(self._keeps)
        return await self._eval(_END, claim.key, (str(claim.fence), until, lifetime))

    async def _eval(self, script: str, key: str, arguments: Sequence[str]) -> int:
        try:
            return int(await self._redis.eval(script, 1, self._prefix + key, *arguments))
        except (RedisError, OSError) as error:
            problem = type(error).__name__
        raise StoreFailed("store", problem)


def _ms(span: timedelta) -> str:
    return str(int(span.total_seconds() * 1000))
