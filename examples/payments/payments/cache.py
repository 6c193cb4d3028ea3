"""Redis: first answers of idempotency keys, balances written through, news of payments.

Nothing in it decides about money. Whoever finds it away works without it, from the database.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

from redis import asyncio as redis
from redis.exceptions import RedisError

from payments.settings import Settings

log = logging.getLogger("payments")
_DAY = 86400
#: Bounds how long a balance can be old after a write that Redis missed.
_BALANCE_LIFE = 60
_FAILURES = (RedisError, OSError, TimeoutError)
#: A slow writer must not put an older balance over a newer one.
_WRITE_NEWER = """
local known = redis.call('GET', KEYS[1])
if known and cjson.decode(known).version >= tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return 1
"""


class Cache:
    """The cache of one process."""

    def __init__(self, settings: Settings) -> None:
        self._redis: redis.Redis | None = None
        if settings.redis_url:
            self._redis = redis.Redis.from_url(
                settings.redis_url,
                password=settings.redis_password or None,
                decode_responses=True,
                socket_timeout=1,
                socket_connect_timeout=1,
                max_connections=16,
                health_check_interval=15,
            )

    async def close(self) -> None:
        """Close all connections."""
        if self._redis:
            await self._redis.aclose()

    async def _do(self, *command: str | int) -> Any:
        """One command; None where Redis is away."""
        if self._redis is None:
            return None
        try:
            return await self._redis.execute_command(*command)  # type: ignore[no-untyped-call]
        except _FAILURES as error:
            log.warning("redis is away", extra={"command": command[0], "error": str(error)})
            return None

    async def ping(self) -> bool:
        """Whether it answers."""
        return await self._do("PING") in (True, "PONG", b"PONG")

    async def answer(self, person: str, key: str) -> dict[str, Any] | None:
        """The first answer to a key, with the fingerprint of what was asked."""
        found = await self._do("GET", f"answer:{person}:{key}")
        return dict(json.loads(found)) if found else None

    async def keep_answer(self, person: str, key: str, answer: dict[str, Any]) -> None:
        """Keep an answer that will not change, for a day."""
        text = json.dumps(answer)
        await self._do("SET", f"answer:{person}:{key}", text, "EX", _DAY, "NX")

    async def balance(self, account: str) -> dict[str, Any] | None:
        """A balance with its version."""
        found = await self._do("GET", f"balance:{account}")
        return dict(json.loads(found)) if found else None

    async def write_balance(self, account: str, balance: int, version: int) -> None:
        """Write a balance through that has just been committed."""
        text = json.dumps({"balance": balance, "version": version})
        key = f"balance:{account}"
        await self._do("EVAL", _WRITE_NEWER, 1, key, text, version, _BALANCE_LIFE)

    async def tell(self, person: str, news: dict[str, Any]) -> None:
        """Tell who listens."""
        await self._do("PUBLISH", f"payments:{person}", json.dumps(news))

    @contextlib.asynccontextmanager
    async def listen(self) -> AsyncIterator[AsyncIterator[tuple[str, dict[str, Any]]]]:
        """News of all persons. Raises OSError where Redis is away or goes away."""
        if self._redis is None:
            raise OSError("REDIS_URL is not set")
        hearing = self._redis.pubsub(ignore_subscribe_messages=True)

        async def news() -> AsyncIterator[tuple[str, dict[str, Any]]]:
            while True:
                said = await hearing.get_message(timeout=5)
                if said:
                    yield said["channel"].removeprefix("payments:"), json.loads(said["data"])

        try:
            await hearing.psubscribe("payments:*")
            yield news()
        except RedisError as error:
            raise OSError(str(error)) from error
        finally:
            with contextlib.suppress(*_FAILURES):
                await hearing.aclose()  # type: ignore[no-untyped-call]
