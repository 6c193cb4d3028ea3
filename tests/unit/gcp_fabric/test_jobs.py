"""Executions of jobs, as processes of this machine."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from tests.lab.gcp.backend import BackendError, Resource
from tests.lab.gcp.jobs import execute

SAY = "import os, sys; print(sys.argv[1:], os.environ['HTTPS_PROXY'], os.environ['OWN'])"


def execution(directory: Path, image: str, *args: str, timeout: str = "60s") -> Resource:
    (directory / "environment.json").write_text(json.dumps({"HTTPS_PROXY": "http://there"}))
    container = {
        "image": image,
        "command": ["python3"],
        "args": list(args),
        "env": [{"name": "OWN", "value": "mine"}],
    }
    body = {"template": {"containers": [container], "timeout": timeout}}
    return Resource("run.executions", "p", "r", "job-1", body, "projects/p/x")


def run(directory: Path, image: str, *args: str, timeout: str = "60s"):
    return asyncio.run(execute(execution(directory, image, *args, timeout=timeout), directory))


def ends(pid: int) -> bool:
    """Whether a process goes within some seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_a_job_runs_with_what_reaches_the_emulator(tmp_path):
    assert (
        run(tmp_path, "registry.example/library/python:3.13", "-c", SAY, "a b")["succeededCount"]
        == 1
    )
    said = (tmp_path / "executions/job-1.log").read_text()
    assert said == "['a b'] http://there mine\n"


def test_a_job_that_fails_says_why(tmp_path):
    with pytest.raises(BackendError, match=r"ended with 3: no more$"):
        run(tmp_path, "python:3.13-slim", "-c", "print('no more'); raise SystemExit(3)")


STAY = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"


def test_a_job_has_no_more_time_than_it_is_given(tmp_path):
    beside = tmp_path / "pid"
    begun = time.monotonic()
    with pytest.raises(BackendError, match="no more time than 4 s"):
        run(tmp_path, "python:3.13-slim", "-c", STAY, str(beside), timeout="4s")
    assert ends(int(beside.read_text()))
    assert time.monotonic() - begun < 40


def test_a_job_ends_with_the_emulator(tmp_path):
    beside = tmp_path / "pid"
    begun = time.monotonic()

    async def stopped() -> None:
        made = execution(tmp_path, "python:3.13-slim", "-c", STAY, str(beside))
        task = asyncio.ensure_future(execute(made, tmp_path))
        while not (beside.exists() and beside.read_text()):
            await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(stopped())
    assert ends(int(beside.read_text()))
    assert time.monotonic() - begun < 40


@pytest.mark.parametrize("image", ["registry.example/backup:1", "registry.example/pythonic:1"])
def test_other_images_are_refused(tmp_path, image):
    with pytest.raises(BackendError, match="runs jobs of python"):
        run(tmp_path, image, "-c", "")
