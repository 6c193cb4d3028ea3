"""payments serve: be the service that APP_SERVICE names. payments migrate SERVICE: bring its tables."""

from __future__ import annotations

import argparse
import logging
import sys

from payments import telemetry
from payments.settings import SCHEMAS, SettingsError, read


def _serve() -> int:
    from aiohttp import web

    from payments.services import load
    from payments.web import application

    settings = read()
    telemetry.set_up_logs(settings.name, settings.version, settings.log_level)
    app = application(settings, load(settings.service))
    said = {"port": settings.port, "faults": [fault.kind for fault in settings.faults]}
    logging.getLogger("payments").info("starts", extra=said)
    # What is being answered at the signal to stop is answered.
    web.run_app(
        app,
        host=settings.host,
        port=settings.port,
        access_log=None,
        print=None,
        shutdown_timeout=10,
    )
    return 0


def _migrate(service: str, target: str) -> int:
    import os

    from payments import migrate

    settings = read({**os.environ, "APP_SERVICE": service})
    telemetry.set_up_logs(f"{service}-migrate", settings.version, settings.log_level)
    return migrate.run(settings, target)


def _wait() -> int:
    import asyncio
    import os
    import signal

    from payments import store

    settings = read({"APP_SERVICE": "payment", **os.environ})
    telemetry.set_up_logs("wait", settings.version, settings.log_level)
    # The first process of a container gets no signal that it does not ask for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    asyncio.run(store.wait(settings))
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="payments", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve until a signal to stop")
    one = commands.add_parser("migrate", help="bring the tables of a service")
    one.add_argument("service", choices=sorted(SCHEMAS))
    one.add_argument("--to", default="head", help="revision (default: head)")
    commands.add_parser("wait", help="wait until the database has a primary")
    commands.add_parser("migrations", help="all migrations and what they need, as JSON")
    given = parser.parse_args(arguments)
    try:
        if given.command == "serve":
            return _serve()
        if given.command == "wait":
            return _wait()
        if given.command == "migrate":
            return _migrate(given.service, given.to)
    except SettingsError as error:
        sys.stderr.write(f"payments: {error}\n")
        return 2
    from payments import migrate

    sys.stdout.write(migrate.listing() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
