"""The vault in an emulator, the environments whose disks it copies, and the clock that starts its jobs."""

from __future__ import annotations

import time
from typing import Any

from tests.integration.gcp import Emulator
from tests.unit.gcp_roles.roles import granted

Body = dict[str, Any]

VAULT = "project-0-vault"
REGION = "asia-southeast2"
RUN = f"run.googleapis.com/v2/projects/{VAULT}/locations/{REGION}/jobs"
SCHEDULER = f"cloudscheduler.googleapis.com/v1/projects/{VAULT}/locations/{REGION}/jobs"


class World:
    """The vault, and the environments whose disks it copies."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def ask(self, method: str, url: str, body: Any = None, **query: str) -> Body:
        answer = self.emulator.call(method, url, body, **query)
        assert answer.status == 200, answer.message
        found: Body = answer.body
        return found

    def compute(self, method: str, path: str, body: Any = None) -> Body:
        return self.ask(method, f"compute.googleapis.com/compute/v1/projects/{path}", body)

    def copies(self, project: str = VAULT) -> list[Body]:
        found: list[Body] = self.compute("GET", f"{project}/global/snapshots").get("items", [])
        return found

    def empty(self) -> None:
        """Take all copies away: Google takes one of a disk in ten minutes, and tests take several."""
        for copy in self.copies():
            self.compute("DELETE", f"{VAULT}/global/snapshots/{copy['name']}")

    def executions(self, job: str) -> dict[str, Body]:
        found = self.ask("GET", f"{RUN}/{job}/executions").get("executions", [])
        return {each["name"].rpartition("/")[2]: each for each in found}

    def schedule(self, job: str) -> Body:
        return self.ask("GET", f"{SCHEDULER}/{job}-start")

    def at(self, moment: str) -> list[str]:
        """Let the clock be there; names of what it has started."""
        started = self.emulator.control("clock", "POST", {"time": moment})
        return [name.rpartition("/")[2] for name in started]

    def run(self, job: str) -> tuple[Body, str]:
        """Let the clock be where a job is due; its execution once it has ended, and what that has said."""
        before = self.executions(job)
        assert f"{job}-start" in self.at(self.schedule(job)["scheduleTime"])
        return self.ended(job, set(before))

    def ended(self, job: str, before: set[str]) -> tuple[Body, str]:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            for name, found in self.executions(job).items():
                if name not in before and found.get("completionTime"):
                    log = self.emulator.folder / "executions" / f"{name}.log"
                    return found, log.read_text(encoding="utf-8")
            time.sleep(0.2)
        raise AssertionError(f"{job} was not started, or does not end")

    def granted(self, account: str) -> dict[str, str]:
        """What an account's roles in all projects let it do, and on which condition."""
        state = self.emulator.state()
        policies = {
            key.rpartition("/")[2]: policy["bindings"]
            for key, policy in state["policies"].items()
            if key.startswith("cloudresourcemanager/projects/")
        }
        roles = {
            key.partition("/")[2]: each["body"]
            for key, each in state["resources"].items()
            if each["type"] == "iam.roles"
        }
        return granted(f"serviceAccount:{account}", policies, roles)

    def asked(self, account: str) -> list[Body]:
        return [each for each in self.emulator.requests() if each.get("user") == account]
