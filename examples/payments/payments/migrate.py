"""Migrations by Alembic: a schema and a version table for each service.

A revision says in `needs` which revisions of other services have to be there, and in `phase` whether it
adds (expand) or takes away (contract). What is missing is named and nothing is changed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from payments.faults import Fault, struck
from payments.settings import SCHEMAS, Settings
from payments.store import trust

FOLDER = Path(__file__).parent / "migrations"
FAILED, REFUSED = 1, 3
log = logging.getLogger("payments")


class MigrationRefusedError(Exception):
    """It cannot be run as things are; the message says what has to be there."""


class MigrationFailedError(Exception):
    """It failed on purpose."""


def config(service: str) -> Config:
    """Alembic's configuration for one service."""
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.set_main_option("version_locations", str(FOLDER / service))
    made.set_main_option("path_separator", "os")
    made.attributes["service"] = service
    return made


def _revisions(service: str) -> list[Script]:
    """Oldest first."""
    return list(reversed(list(ScriptDirectory.from_config(config(service)).walk_revisions())))


def listing() -> str:
    """All revisions as JSON, for who orders them."""
    found = [
        {
            "service": service,
            "revision": script.revision,
            "needs": list(script.module.needs),
            "phase": script.module.phase,
        }
        for service in SCHEMAS
        for script in _revisions(service)
    ]
    return json.dumps(found, indent=2)


def _applied(connection: Connection, service: str) -> str:
    """The revision of a service's tables, empty where there are none."""
    table = f'"{service}".alembic_version'
    if not connection.scalar(text("SELECT to_regclass(:name)"), {"name": table}):
        return ""
    return str(connection.scalar(text(f"SELECT version_num FROM {table}")) or "")


def _missing(connection: Connection, service: str) -> Iterator[str]:
    """What the service's open revisions need and what is not there. Revisions are ordered by name."""
    applied = _applied(connection, service)
    for script in _revisions(service):
        if script.revision > applied:
            for need in script.module.needs:
                if _applied(connection, need.rpartition("_")[0]) < need:
                    yield f"{script.revision} needs {need}"


def _upgrade(connection: Connection, settings: Settings, target: str) -> None:
    service = settings.service
    # One at a time for each service; the lock goes with the connection.
    connection.execute(
        text("SELECT pg_advisory_lock(hashtext(:name))"), {"name": f"migrate {service}"}
    )
    # Who waits for a table keeps all others waiting, so it is not for long.
    connection.execute(text("SET lock_timeout = '5s'"))
    missing = list(_missing(connection, service))
    if missing:
        orders = ", ".join(
            sorted({entry.rpartition(" ")[2].rpartition("_")[0] for entry in missing})
        )
        raise MigrationRefusedError(f"{'; '.join(missing)}: run the migrations of {orders} first.")
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{service}"'))
    connection.commit()
    made = config(service)
    made.attributes |= {"connection": connection, "before_commit": lambda: _fail(settings.faults)}
    command.upgrade(made, target)


def _fail(faults: tuple[Fault, ...]) -> None:
    """Be as broken as FAULTS says, with the transaction open."""
    if sleep := struck(faults, "migrate-sleep"):
        time.sleep(sleep.seconds)
    if struck(faults, "migrate-hang"):
        time.sleep(86400)
    if struck(faults, "migrate-fail"):
        raise MigrationFailedError("FAULTS says that it fails.")


async def _run(settings: Settings, target: str) -> None:
    url = make_url(settings.database_url).set(drivername="postgresql+asyncpg")
    if settings.database_password is not None:
        url = url.set(password=settings.database_password)
    arguments: dict[str, Any] = {"ssl": trust(settings.database_ca), "timeout": 5}
    engine = create_async_engine(url, poolclass=NullPool, connect_args=arguments)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade, settings, target)
            await connection.commit()
    finally:
        await engine.dispose()


def run(settings: Settings, target: str) -> int:
    """Migrate one service; 0, or 1 where it failed and may be tried again, 3 where it was refused."""
    more, begun = {"target": target}, time.monotonic()
    # The first process of a container gets no signal that it does not ask for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        asyncio.run(_run(settings, target))
    except (MigrationRefusedError, CommandError) as error:
        log.error("migration refused", extra={**more, "reason": str(error)})
        return REFUSED
    except DBAPIError as error:
        # The driver's own words in one line; the statement is in the revision.
        reason = " ".join(str(error.orig).split())
        log.error("migration failed", extra={**more, "reason": reason})
        return FAILED
    except (MigrationFailedError, SQLAlchemyError, OSError, TimeoutError) as error:
        log.error("migration failed", extra={**more, "reason": str(error) or repr(error)})
        return FAILED
    log.info("migration done", extra={**more, "seconds": round(time.monotonic() - begun, 3)})
    return 0
