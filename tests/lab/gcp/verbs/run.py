"""Jobs that run to an end."""

from __future__ import annotations

import copy
import secrets
from typing import TYPE_CHECKING, Any

from tests.lab.gcp import crud
from tests.lab.gcp.clock import fingerprint, zulu
from tests.lab.gcp.defaults import CHANGED, DELETED, PREPARE, hook
from tests.lab.gcp.errors import malformed
from tests.lab.gcp.links import path_of
from tests.lab.gcp.operations import Hold
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs.registry import handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]


def _good(kind: str) -> Body:
    return {"type": kind, "state": "CONDITION_SUCCEEDED", "lastTransitionTime": zulu()}


@hook(PREPARE, "run.jobs")
def prepare_job(_: Emulator, call: Call, record: Record) -> None:
    """Fill in a job."""
    body = record.body
    _fill_job(body)
    body |= {"uid": secrets.token_hex(16), "generation": "1", "observedGeneration": "1"}
    body |= {"creator": call.user, "lastModifier": call.user, "executionCount": 0}
    body["launchStage"] = body.get("launchStage", "GA")
    body["terminalCondition"] = _good("Ready")


@hook(CHANGED, "run.jobs")
def change_job(_: Emulator, call: Call, record: Record, body: Body) -> None:
    """Every change makes another generation."""
    _fill_job(body)
    if call.method.name == "patch":
        body["generation"] = body["observedGeneration"] = str(int(record.body["generation"]) + 1)
        body["lastModifier"] = call.user


def _fill_job(body: Body) -> None:
    template = body["template"] = {"taskCount": 1, **body["template"]}
    task = template["template"] = {"maxRetries": 3, "timeout": "600s", **template["template"]}
    for index, container in enumerate(task["containers"]):
        if not container.get("image"):
            raise malformed(f"template.template.containers[{index}].image", "An image is required.")
    task.setdefault("executionEnvironment", "EXECUTION_ENVIRONMENT_GEN2")


@hook(DELETED, "run.jobs")
def forget_job(emulator: Emulator, record: Record) -> None:
    """Executions go with their job."""
    for execution in emulator.store.below(f"{record.key}/executions"):
        emulator.store.remove(execution)


@handles("run.jobs.run")
async def run(emulator: Emulator, call: Call) -> Body:
    """Run a job: an execution is made; the operation ends when it has ended."""
    job = crud.find(emulator, call.key)
    record = _execution(emulator, job, call)

    async def work(hold: Hold) -> Body:
        try:
            await hold.begin()
            extra = await emulator.backend.created(record.resource())
            await hold.end()
        except Exception:
            _end(emulator, record, job, succeeded=False, extra={})
            raise
        _end(emulator, record, job, succeeded=True, extra=extra)
        kind = "type.googleapis.com/google.cloud.run.v2.Execution"
        return {"@type": kind, **record.body}

    return await emulator.finish(call, record, work)


def _execution(emulator: Emulator, job: Record, call: Call) -> Record:
    name = f"{job.name}-{secrets.token_hex(3)[:5]}"
    key = f"{job.key}/executions/{name}"
    template = copy.deepcopy(job.body["template"])
    _override(template, call.body.get("overrides") or {})
    body: Body = {
        "name": path_of(key),
        "uid": secrets.token_hex(16),
        "creator": call.user,
        "job": job.name,
        "generation": "1",
        "createTime": zulu(),
        "startTime": zulu(),
        "launchStage": "GA",
        "taskCount": template.get("taskCount", 1),
        "parallelism": template.get("parallelism", 0),
        "runningCount": template.get("taskCount", 1),
        "template": template["template"],
        "reconciling": True,
    }
    body["etag"] = fingerprint(body)
    record = Record(key, "run.executions", job.project, job.location, name, body)
    emulator.store.add(record, f"{job.key}/executions")
    counted = {**job.body, "executionCount": job.body.get("executionCount", 0) + 1}
    counted["latestCreatedExecution"] = {"name": name, "createTime": body["createTime"]}
    emulator.store.replace(job, counted)
    return record


def _override(template: Body, overrides: Body) -> None:
    if overrides.get("taskCount"):
        template["taskCount"] = overrides["taskCount"]
    if overrides.get("timeout"):
        template["template"]["timeout"] = overrides["timeout"]
    for given in overrides.get("containerOverrides", []):
        for container in template["template"]["containers"]:
            if given.get("name") in (None, container.get("name")):
                _override_container(container, given)


def _override_container(container: Body, given: Body) -> None:
    if given.get("args") or given.get("clearArgs"):
        container["args"] = given.get("args", [])
    names = {entry["name"] for entry in given.get("env", [])}
    kept = [entry for entry in container.get("env", []) if entry["name"] not in names]
    if given.get("env"):
        container["env"] = [*kept, *given["env"]]


def _end(emulator: Emulator, record: Record, job: Record, succeeded: bool, extra: Body) -> None:
    count = record.body["taskCount"]
    body = {**record.body, "runningCount": 0, "completionTime": zulu(), "reconciling": False}
    body["succeededCount" if succeeded else "failedCount"] = count
    state = "CONDITION_SUCCEEDED" if succeeded else "CONDITION_FAILED"
    body["conditions"] = [{**_good("Completed"), "state": state}]
    emulator.store.replace(record, {**body, **extra})
    latest = {**job.body.get("latestCreatedExecution", {}), "completionTime": zulu()}
    status = "EXECUTION_SUCCEEDED" if succeeded else "EXECUTION_FAILED"
    latest["completionStatus"] = status
    emulator.store.replace(job, {**job.body, "latestCreatedExecution": latest})
