"""Jobs of Cloud Run: their containers' commands, run by this machine's own Python."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from tests.lab.gcp.backend import BackendError, Null, Resource

#: Google's, where a job names none: ten minutes.
_SECONDS = 600.0
_PYTHON = re.compile(r"(^|/)python(:|@|$)")


class Processes(Null):
    """A backend that makes nothing real but jobs that run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def created(self, resource: Resource) -> dict[str, Any]:
        """Run an execution to its end."""
        if resource.type == "run.executions":
            return await execute(resource, self.directory)
        return {}


async def execute(execution: Resource, directory: Path) -> dict[str, Any]:
    """Run an execution's task until it has ended.

    Raises:
        BackendError: the image is not one of Python's, or the command failed or had no more time.
    """
    container = _container(execution.body)
    image = container.get("image", "")
    if not _PYTHON.search(image):
        raise BackendError(
            "UNIMPLEMENTED",
            f"The lab runs jobs of python:* images with this machine's Python; {image!r} is none.",
        )
    command = [*container.get("command", ["python3"]), *container.get("args", [])]
    if Path(command[0]).name in ("python", "python3"):
        command[0] = sys.executable
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=_environment(container, directory, _account(execution.body)),
    )
    seconds = _seconds(execution.body)
    try:
        said, _ = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError:
        words = f"Task 0 of {execution.name} had no more time than {seconds:g} s."
        raise BackendError("DEADLINE_EXCEEDED", words) from None
    finally:
        # It has not ended where its time is over, or the emulator's.
        if process.returncode is None:
            process.kill()
            await process.wait()
    log = directory / "executions" / f"{execution.name}.log"
    log.parent.mkdir(exist_ok=True)
    log.write_bytes(said)
    if process.returncode:
        words = said.decode(errors="replace").strip()[-1500:]
        raise BackendError(
            "UNKNOWN", f"Task 0 of {execution.name} ended with {process.returncode}: {words}"
        )
    return {"succeededCount": 1, "runningCount": 0}


def _container(body: dict[str, Any]) -> dict[str, Any]:
    return dict((body.get("template", {}).get("containers") or [{}])[0])


def _seconds(body: dict[str, Any]) -> float:
    return float(body.get("template", {}).get("timeout", f"{_SECONDS}s").removesuffix("s"))


def _account(body: dict[str, Any]) -> str:
    return str(body.get("template", {}).get("serviceAccount", ""))


def _environment(container: dict[str, Any], directory: Path, account: str) -> dict[str, str]:
    """What reaches the emulator, then what the job's author set."""
    reach = directory / "environment.json"
    given = json.loads(reach.read_text(encoding="utf-8")) if reach.exists() else {}
    # The token of whoever started the emulator is none of the job's.
    given = {name: value for name, value in given.items() if not name.startswith("GCP_")}
    if account and "GCE_METADATA_HOST" in given:
        given["GCE_METADATA_HOST"] += f"/as/{account}"
    own = {one["name"]: one.get("value", "") for one in container.get("env", [])}
    return {"PATH": os.environ.get("PATH", ""), "HOME": str(directory), **given, **own}
