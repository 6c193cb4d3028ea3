"""``python -m tests.lab.gcp --state DIR``: the emulator in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import secrets
from pathlib import Path

from tests.lab.gcp.backend import Backend, Factory, Null
from tests.lab.gcp.emulator import Emulator
from tests.lab.gcp.jobs import Processes
from tests.lab.gcp.server import Server


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.gcp", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder of its files")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--fabric", metavar="LAB", help="make resources real, as hosts of this lab")
    words = "run jobs of Cloud Run, as --fabric does, and let what is scheduled be started"
    parser.add_argument("--jobs", action="store_true", help=words)
    words = "stands: what is scheduled is started by tests alone (POST /emulator/clock)"
    parser.add_argument("--clock", choices=["goes", "stands"], default="goes", help=words)
    parser.add_argument("--operations", choices=["instant", "realistic"], default="instant")
    parser.add_argument("--speed", type=float, default=1.0, help="divides realistic times")
    return parser.parse_args()


def _token(directory: Path) -> str:
    path = directory / "token"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text("ya29." + secrets.token_urlsafe(32), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def _backend(lab: str | None, jobs: bool, emulator: Emulator, directory: Path) -> Backend:
    if lab is None:
        return Processes(directory) if jobs else Null()
    factory: Factory = importlib.import_module("tests.lab.gcp.fabric").create
    return factory(lab, emulator.world, directory)


def main() -> None:
    """Run until a signal ends it."""
    options = _options()
    # What is made here for hosts and in images, all their users read.
    os.umask(0o022)
    directory: Path = options.state
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "environment.json").unlink(missing_ok=True)
    speed = options.speed if options.operations == "realistic" else 0.0
    emulator = Emulator(directory, _token(directory), speed)
    emulator.backend = _backend(options.fabric, options.jobs, emulator, directory)
    # What nobody would run is not started either.
    clock = options.clock == "goes" and (options.jobs or options.fabric is not None)
    asyncio.run(Server(emulator, options.port, clock).run())


if __name__ == "__main__":
    main()
