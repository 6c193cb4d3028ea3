"""PostgreSQL: a pool that starts without the server and survives its failover."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import asyncpg

from payments.errors import UnavailableError
from payments.settings import SCHEMAS, Settings

if TYPE_CHECKING:
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Connection = Any

log = logging.getLogger("payments")
#: Seconds. A failover cuts connections; what is still silent then is given up.
_CONNECT, _COMMAND, _ACQUIRE = 3.0, 5.0, 5.0
#: The server's own ways to say "not now": it starts, stops, has no place, or is a replica (still or already).
_NOT_NOW = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)


def trust(authority: str) -> ssl.SSLContext | bool:
    """How the server is verified: by a certificate in PEM, or without TLS where none is given."""
    return ssl.create_default_context(cadata=authority) if authority else False


async def wait(settings: Settings) -> None:
    """Wait for a primary; a balancer accepts connections also where it has none to lead them to."""
    while True:
        try:
            connection = await asyncpg.connect(
                settings.database_url,
                password=settings.database_password,
                ssl=trust(settings.database_ca),
                timeout=_CONNECT,
            )
            try:
                if not await connection.fetchval("SELECT pg_is_in_recovery()", timeout=_CONNECT):
                    return
                why = "it is a replica"
            finally:
                connection.terminate()
        except (asyncpg.PostgresError, *_NOT_NOW) as error:
            why = str(error) or type(error).__name__
        log.info("waits for the database", extra={"reason": why})
        await asyncio.sleep(1)


class Store:
    """The database of one service."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._migrated = False

    async def open(self) -> None:
        """Make the pool; nothing is connected yet."""
        self._pool = await asyncpg.create_pool(
            self._settings.database_url,
            password=self._settings.database_password,
            ssl=trust(self._settings.database_ca),
            min_size=0,
            max_size=self._settings.database_pool,
            max_inactive_connection_lifetime=60,
            timeout=_CONNECT,
            command_timeout=_COMMAND,
            server_settings={"application_name": self._settings.name},
        )

    async def close(self) -> None:
        """Close the pool; what is still in use is cut after a moment."""
        if self._pool:
            try:
                await asyncio.wait_for(self._pool.close(), 3)
            except TimeoutError:
                self._pool.terminate()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A transaction: all of it or nothing. Raises UnavailableError where the server cannot be asked."""
        assert self._pool
        try:
            async with (
                self._pool.acquire(timeout=_ACQUIRE) as connection,
                connection.transaction(),
            ):
                yield connection
        except asyncpg.ReadOnlySQLTransactionError as error:
            # These connections lead to a former primary.
            await self._pool.expire_connections()
            raise UnavailableError("the database", str(error)) from error
        except _NOT_NOW as error:
            raise UnavailableError("the database", str(error) or type(error).__name__) from error

    async def row(self, statement: str, *values: Any) -> asyncpg.Record | None:
        """The first row of a statement in a transaction of its own."""
        async with self.transaction() as connection:
            return await connection.fetchrow(statement, *values)

    async def rows(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """All rows of a statement in a transaction of its own."""
        async with self.transaction() as connection:
            return list(await connection.fetch(statement, *values))

    async def migrated(self) -> bool:
        """Whether the schema is what this version needs, or newer; once yes, it is not asked again."""
        service = self._settings.service
        if not self._migrated:
            try:
                found = await self.row(f'SELECT version_num FROM "{service}".alembic_version')
            except asyncpg.UndefinedTableError:
                return False
            self._migrated = found is not None and found["version_num"] >= SCHEMAS[service]
        return self._migrated

    async def ping(self) -> None:
        """Raises UnavailableError where the server does not answer."""
        await self.row("SELECT 1")
