# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Scheduled jobs that take, copy and delete snapshots of disks, and what each of them may do.

Google's own schedules (resource policies) go no finer than an hour and stay in one project, hence jobs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp_environment.places import (
    member,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.database_resources import (
    SNAPSHOT_LABEL,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.resource import (
    Declared,
    declared,
    key,
    project_binding,
)

JOB = "database-snapshots"
#: Names of what each job has taken begin so: it may delete these alone.
PREFIX = "auto-"
#: What it takes to make snapshots in a project, and what to make them of its own disks.
KEEP = (
    "compute.globalOperations.get",
    "compute.snapshots.create",
    "compute.snapshots.get",
    "compute.snapshots.list",
    "compute.snapshots.setLabels",
)
_TAKE = (
    *("compute.disks.createSnapshot", "compute.disks.get", "compute.disks.list"),
    "compute.disks.useReadOnly",
    *KEEP,
)


def snapshot_resources(given: Mapping[str, Any]) -> list[Declared]:
    """Return the job that takes snapshots of its project's disks and deletes them in their time.

    ``given``: project, region, image, schedule (cron, UTC), keep_hours, keep_last, wait_seconds.
    """
    project = given["project"]
    settings = {
        "PREFIX": PREFIX,
        "MODE": "take,clean",
        "KEEP_HOURS": given["keep_hours"],
        "KEEP_LAST": given["keep_last"],
        "WAIT_SECONDS": given["wait_seconds"],
    }
    rights = [
        account(JOB, "Takes snapshots of databases' disks"),
        *right(project, JOB, "take", "groundworkSnapshotTaker", "Snapshots of disks", _TAKE),
        *deletion(project, JOB, PREFIX),
    ]
    return [*rights, *scheduled_job(given, JOB, JOB, settings, rights)]


def account(name: str, what: str) -> Declared:
    """Return a service account."""
    return declared("iam.serviceAccounts", name, {"displayName": what})


def right(
    project: str, who: str, word: str, role: str, title: str, permissions: tuple[str, ...]
) -> list[Declared]:
    """Return a role of its own for an account, and that the account has it."""
    body = {"title": title, "stage": "GA", "includedPermissions": sorted(permissions)}
    return [
        declared("iam.roles", role, body),
        project_binding(f"{who}-{word}", project, f"projects/{project}/roles/{role}", who),
    ]


def deletion(project: str, who: str, prefix: str) -> list[Declared]:
    """Return an account's right to delete snapshots whose names begin so: what a person has taken stays."""
    role = "groundworkSnapshotCleaner"
    found = right(
        project, who, "clean", role, "Deletion of snapshots", ("compute.snapshots.delete",)
    )
    found[-1]["body"]["condition"] = {
        "title": "own-snapshots",
        "expression": f'resource.name.startsWith("projects/{project}/global/snapshots/{prefix}")',
    }
    return found


def starter_of(job: str) -> str:
    """Return the name of the account that starts a job, and of its schedule."""
    return f"{job}-start"


def scheduled_job(
    given: Mapping[str, Any],
    name: str,
    who: str,
    settings: Mapping[str, Any],
    rights: list[Declared],
) -> list[Declared]:
    """Return a job that runs as an account, what starts it by the clock, and that this may start it and nothing else.

    ``given``: project, region, image, schedule, wait_seconds; ``settings`` are those of the program besides.
    """
    project, region = given["project"], given["region"]
    starter = starter_of(name)
    needs = [key("iam.bindings", each["name"]) for each in rights if each["type"] == "iam.bindings"]
    job = key("run.jobs", name, region)
    return [
        account(starter, f"Starts the job {name}"),
        declared("run.jobs", name, _job(given, who, settings), location=region, needs=needs),
        declared(
            "iam.bindings",
            f"{starter}-run",
            {
                "resource": {"type": "run.jobs", "name": name, "location": region},
                "role": "roles/run.invoker",
                "members": [member(starter, project)],
            },
            needs=[key("iam.serviceAccounts", starter), job],
        ),
        declared(
            "cloudscheduler.jobs",
            starter,
            _schedule(given, name, starter),
            location=region,
            needs=[job, key("iam.bindings", f"{starter}-run")],
        ),
    ]


def program() -> str:
    """Return what a job runs: one text, in which nothing is imported that Python's own library has not."""
    parts = (
        Path(__file__).with_name(f"{name}.py") for name in ("snapshot_google", "snapshot_disks")
    )
    texts = [part.read_text(encoding="utf-8") for part in parts]
    future = "from __future__ import annotations\n"
    ours = re.compile(r"^from ansible_collections\.[^(]*\([^)]*\)\n", re.MULTILINE)
    return future + "".join(ours.sub("", text.replace(future, "")) for text in texts)


def _job(given: Mapping[str, Any], who: str, settings: Mapping[str, Any]) -> Declared:
    label, value = next(iter(SNAPSHOT_LABEL.items()))
    told = {"PROJECT": given["project"], "LABEL": f"{label}={value}", **settings}
    container = {
        "image": given["image"],
        "command": ["python"],
        "args": ["-c", program()],
        "env": [{"name": name, "value": str(setting)} for name, setting in told.items()],
        "resources": {"limits": {"cpu": "1", "memory": "512Mi"}},
    }
    template = {
        "serviceAccount": who,
        "maxRetries": 1,
        # It ends by itself before.
        "timeout": f"{int(given['wait_seconds']) + 120}s",
        "containers": [container],
    }
    return {"template": {"taskCount": 1, "template": template}}


def _schedule(given: Mapping[str, Any], name: str, starter: str) -> Declared:
    where = f"projects/{given['project']}/locations/{given['region']}/jobs/{name}"
    return {
        "schedule": given["schedule"],
        "timeZone": "Etc/UTC",
        "attemptDeadline": "60s",
        "retryConfig": {"retryCount": 2, "minBackoffDuration": "5s"},
        "httpTarget": {
            "uri": f"https://run.googleapis.com/v2/{where}:run",
            "httpMethod": "POST",
            "oauthToken": {
                "serviceAccountEmail": starter,
                "scope": "https://www.googleapis.com/auth/cloud-platform",
            },
        },
    }
