# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All Jobs of a run at once: one watch for the Jobs and one for their pods in each namespace."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.follow import follow
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.failure import (
    LINES,
    Ended,
    ended,
    hopeless,
    verdict,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import SERVICE
from ansible_collections.groundwork.platform.plugins.module_utils.progress import Tell

Body = Mapping[str, Any]

#: Labels that the Job controller gives its pods.
JOB_NAME, JOB_UID = "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid"
#: Seconds within which the log of a pod that failed has to come: a failure is told without it then.
LOG_PATIENCE = 0.7


class MigrationError(KubeError):
    """A migration that failed: ``job_failed``, ``hopeless_pod`` or ``job_gone``, and what its pods said."""

    def __init__(self, reason: str, message: str, failures: Iterable[Ended]) -> None:
        super().__init__(reason, message)
        self.failures = tuple(failures)


@dataclass
class _Followed:
    """One Job of the run; one of the same name may have gone a moment ago. ``seen`` are the ends that are known."""

    service: str
    uid: str
    end: asyncio.Future[Body]
    seen: dict[str, Ended] = field(default_factory=dict)
    reading: set[asyncio.Task[None]] = field(default_factory=set)


class Tracker:
    """Follows Jobs; use as ``async with Tracker(...)``. ``tell`` gets a service and what happened to it."""

    def __init__(self, client: Client, namespaces: Iterable[str], tell: Tell) -> None:
        self._client = client
        self._namespaces = sorted(set(namespaces))
        self._tell = tell
        self._followed: dict[tuple[str, str], _Followed] = {}
        self._bodies: dict[str, Body] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Tracker:
        for namespace in self._namespaces:
            jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
            pods = f"/api/v1/namespaces/{namespace}/pods"
            for work in (
                follow(self._client, jobs, self._job, self._gone, labelSelector=SERVICE),
                follow(self._client, pods, self._pod, labelSelector=JOB_NAME),
            ):
                task = asyncio.ensure_future(work)
                task.add_done_callback(self._lost)
                self._tasks.append(task)
        return self

    async def __aexit__(self, *_error: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def finished(self, job: Body, service: str) -> tuple[Body, list[Ended]]:
        """Wait for the end of a Job, as it was made or found; return it and the ends of containers that were in vain.

        Raises ``MigrationError``, and the client's where the watch is lost.
        """
        namespace, name, uid = (job["metadata"][key] for key in ("namespace", "name", "uid"))
        key = namespace, name
        followed = _Followed(service, uid, asyncio.get_running_loop().create_future())
        self._followed[key] = followed
        self._job(self._bodies.get(uid, job))
        for task in self._tasks:
            self._lost(task)
        try:
            body = await followed.end
        except MigrationError as error:
            await self._last_look(namespace, name)
            await self._read(followed)
            told = sorted(followed.seen.values(), key=lambda end: end.pod)
            raise MigrationError(error.reason, _with(str(error), told), told) from None
        finally:
            del self._followed[key]
        return body, list(followed.seen.values())

    def _job(self, body: Body) -> None:
        self._bodies[body["metadata"]["uid"]] = body
        followed = self._open(body)
        found = verdict(body)
        if followed is None or found is None:
            return
        well, why = found
        if well:
            followed.end.set_result(body)
        else:
            text = f"Job {body['metadata']['name']}: {why}"
            followed.end.set_exception(MigrationError("job_failed", text, ()))

    def _gone(self, body: Body) -> None:
        self._bodies.pop(body["metadata"]["uid"], None)
        followed = self._open(body)
        if followed:
            text = f"Job {body['metadata']['name']} was deleted by somebody while it ran."
            followed.end.set_exception(MigrationError("job_gone", text, ()))

    def _open(self, job: Body) -> _Followed | None:
        """Who waits for this Job's end."""
        metadata = job["metadata"]
        followed = self._followed.get((metadata["namespace"], metadata["name"]))
        if followed is None or followed.uid != metadata["uid"] or followed.end.done():
            return None
        return followed

    def _pod(self, body: Body) -> None:
        metadata = body["metadata"]
        followed = self._followed.get((metadata["namespace"], metadata["labels"][JOB_NAME]))
        if followed is None or metadata["labels"].get(JOB_UID) != followed.uid:
            return
        for key, end in ended(body):
            if key not in followed.seen:
                followed.seen[key] = end
                reading = self._log(followed, key, metadata["namespace"])
                followed.reading.add(asyncio.ensure_future(reading))
        vain = hopeless(body)
        if vain and not followed.end.done():
            followed.end.set_exception(MigrationError("hopeless_pod", vain, ()))

    async def _log(self, followed: _Followed, key: str, namespace: str) -> None:
        """Ask for the last lines of a container that ended: its pod may be gone in a moment."""
        end = followed.seen[key]
        query = {"container": end.container, "tailLines": str(LINES)}
        if end.previous:
            query["previous"] = "true"
        answer = await self._client.get(
            f"/api/v1/namespaces/{namespace}/pods/{end.pod}/log", **query
        )
        if answer.ok:
            # A line that is JSON has been read as such.
            text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            followed.seen[key] = end.with_log(text)
        self._tell(followed.service, str(followed.seen[key]))

    async def _last_look(self, namespace: str, name: str) -> None:
        """See a Job's pods once more: it may have been told that it failed before its pod's end was."""
        path = f"/api/v1/namespaces/{namespace}/pods"
        answer = await self._client.get(path, labelSelector=f"{JOB_NAME}={name}")
        for body in (answer.body["items"] or ()) if answer.ok else ():
            self._pod(body)

    async def _read(self, followed: _Followed) -> None:
        if followed.reading:
            await asyncio.wait(followed.reading, timeout=LOG_PATIENCE)

    def _lost(self, task: asyncio.Task[None]) -> None:
        """Without its watch nobody would hear of an end."""
        if not task.done() or task.cancelled() or task.exception() is None:
            return
        for followed in self._followed.values():
            if not followed.end.done():
                followed.end.set_exception(task.exception() or KubeError("failed", "lost"))


def _with(text: str, told: list[Ended]) -> str:
    """A failure with the last words of the last container that ended."""
    last = next((end for end in reversed(told) if end.log), told[-1] if told else None)
    return f"{text.rstrip('.')}. {last}" if last else text
