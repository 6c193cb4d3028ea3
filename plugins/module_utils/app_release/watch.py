# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Deployments and their new pods, followed by watches: when they are up, and why they will not be."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.follow import follow
from ansible_collections.groundwork.platform.plugins.module_utils.kube.readiness import (
    condition,
    failed,
    waits_for,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.failure import (
    LINES,
    hopeless,
)

#: Annotation of Deployments and ReplicaSets that the Deployment controller counts up.
REVISION = "deployment.kubernetes.io/revision"
#: A container that is begun anew so often will not come up by itself.
CRASHES = 2

Body = Mapping[str, Any]
Place = tuple[str, str]
Found = TypeVar("Found")
#: Names that the API gives to the three kinds.
_DEPLOYMENTS, _SETS, _PODS = "deployments", "replicasets", "pods"
_NAMED = {
    _DEPLOYMENTS: {"apiVersion": "apps/v1", "kind": "Deployment"},
    _SETS: {"apiVersion": "apps/v1", "kind": "ReplicaSet"},
    _PODS: {"apiVersion": "v1", "kind": "Pod"},
}


class Watcher:
    """What some namespaces have of Deployments; use as ``async with Watcher(...)``. Places are namespace and name."""

    def __init__(self, client: Client, namespaces: Iterable[str]) -> None:
        self._client = client
        self._namespaces = sorted(set(namespaces))
        self._bodies: dict[str, dict[Place, Body]] = {_DEPLOYMENTS: {}, _SETS: {}, _PODS: {}}
        self._waiting: set[asyncio.Future[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Watcher:
        for namespace in self._namespaces:
            for kind, bodies in self._bodies.items():
                api = "/api/v1" if kind == _PODS else "/apis/apps/v1"
                path = f"{api}/namespaces/{namespace}/{kind}"
                look, gone = self._look(kind, bodies), self._gone(bodies)
                task = asyncio.ensure_future(follow(self._client, path, look, gone))
                task.add_done_callback(lambda _task: self._wake())
                self._tasks.append(task)
        return self

    async def __aexit__(self, *_error: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until(self, look: Callable[[], Found | None], seconds: float) -> Found | None:
        """Wait for something to see, ``None`` where it did not come. Raises ``KubeError`` where the watch is lost."""
        deadline = time.monotonic() + seconds
        while (found := look()) is None:
            for task in self._tasks:
                if task.done() and not task.cancelled():
                    task.result()
            news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(news)
            await asyncio.wait({news}, timeout=max(0.0, deadline - time.monotonic()))
            self._waiting.discard(news)
            if time.monotonic() >= deadline:
                return look()
        return found

    def deployment(self, place: Place) -> Body | None:
        """A Deployment."""
        return self._bodies[_DEPLOYMENTS].get(place)

    def new_pods(self, place: Place) -> list[Body]:
        """The pods of a Deployment's newest ReplicaSet, those that are going left out."""
        return list(
            new_pods(
                self.deployment(place), *(self._bodies[kind].values() for kind in (_SETS, _PODS))
            )
        )

    def template(self, place: Place) -> str:
        """The uid of a Deployment's newest ReplicaSet, which is of its pods' template; empty while it is not known."""
        body = self.deployment(place)
        found = self._newest(body) if body else []
        return str(found[0]["metadata"]["uid"]) if found else ""

    def _newest(self, deployment: Body) -> list[Body]:
        return newest_sets(deployment, self._bodies[_SETS].values())

    async def rolled_out(
        self, place: Place, generation: int, timeout: float, tell: Callable[[str], None]
    ) -> None:
        """Wait until a Deployment is up, as it was written at a generation or later.

        Raises ``KubeError``: ``hopeless_pod`` and ``crash_loop`` at once, ``not_ready``.
        """
        told = ""

        def look() -> KubeError | bool | None:
            nonlocal told
            body = self.deployment(place)
            if body is None or body["metadata"]["generation"] < generation:
                return None
            waiting = waits_for(body)
            if not waiting:
                return True
            vain = self._in_vain(place, body)
            if waiting != told and not vain:
                told = waiting
                tell(waiting)
            return vain

        found = await self.until(look, timeout)
        if isinstance(found, KubeError):
            raise await self._with_log(place, found)
        if not found:
            raise await self._with_log(
                place, KubeError("not_ready", self._why(place, told, timeout))
            )

    def _in_vain(self, place: Place, body: Body) -> KubeError | None:
        if body["status"].get("observedGeneration", 0) < body["metadata"]["generation"]:
            return None
        broken = failed(body)
        # What a rollout before this one ran into stays there until the controller sees this one move. It names its set.
        if any(each["metadata"]["name"] in broken for each in self._newest(body)):
            return KubeError("not_ready", f"Deployment {place[1]}: {broken}")
        for pod in self.new_pods(place):
            if vain := hopeless(pod):
                return KubeError("hopeless_pod", f"Pod {pod['metadata']['name']}: {vain}")
            if crash := crashed(pod):
                return KubeError("crash_loop", f"Pod {pod['metadata']['name']}: {crash}")
        return None

    def _why(self, place: Place, told: str, timeout: float) -> str:
        body = self.deployment(place) or {}
        refused = condition(body, "ReplicaFailure") if body else None
        pods = [
            f"{pod['metadata']['name']}: {text}"
            for pod in self.new_pods(place)
            if (text := waits_for(pod))
        ]
        more = [str(refused.get("message", ""))] if refused else pods[:3]
        said = told or "it is not there"
        return f"Deployment {place[1]} is not up after {timeout:g} s: {'; '.join([said, *more])}"

    async def _with_log(self, place: Place, error: KubeError) -> KubeError:
        """The same failure with the last words of a pod that is not ready."""
        for pod in self.new_pods(place):
            if waits_for(pod):
                lines = await last_lines(self._client, pod)
                if lines:
                    return KubeError(
                        error.reason, f"{str(error).rstrip('.')}. Its log ends: {lines[-1]}"
                    )
        return error

    def _look(self, kind: str, bodies: dict[Place, Body]) -> Callable[[Body], None]:
        def look(body: Body) -> None:
            # What comes by a list does not say what it is.
            bodies[_place(body)] = {**body, **_NAMED[kind]}
            self._wake()

        return look

    def _gone(self, bodies: dict[Place, Body]) -> Callable[[Body], None]:
        def gone(body: Body) -> None:
            bodies.pop(_place(body), None)
            self._wake()

        return gone

    def _wake(self) -> None:
        for news in list(self._waiting):
            if not news.done():
                news.set_result(None)


def new_pods(deployment: Body | None, sets: Iterable[Body], pods: Iterable[Body]) -> Iterator[Body]:
    """Pods of a Deployment's newest ReplicaSet; none while its controller has not seen the newest template."""
    if deployment is None:
        return
    newest = {each["metadata"]["uid"] for each in newest_sets(deployment, sets)}
    yield from (
        pod for pod in pods if _owned(pod, newest) and not pod["metadata"].get("deletionTimestamp")
    )


def newest_sets(deployment: Body, sets: Iterable[Body]) -> list[Body]:
    """The newest ReplicaSet of a Deployment; none while its controller has not seen the newest template."""
    metadata = deployment["metadata"]
    number = (metadata.get("annotations") or {}).get(REVISION)
    if (deployment.get("status") or {}).get("observedGeneration", 0) < metadata["generation"]:
        return []
    return [
        each
        for each in sets
        if (each["metadata"].get("annotations") or {}).get(REVISION) == number
        and _owned(each, {metadata["uid"]})
    ]


def crashed(pod: Body) -> str:
    """Which container is begun anew again and again, or an empty text."""
    status = pod.get("status") or {}
    for each in (
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ):
        ended = (each.get("lastState") or {}).get("terminated")
        if each.get("ready"):
            continue  # pods that a rollback returns to may have a life behind them
        if ended and each.get("restartCount", 0) >= CRASHES:
            why = f"{ended.get('reason', 'Error')}, exit code {ended.get('exitCode')}"
            return f"{each['name']} was begun anew {each['restartCount']} times ({why})"
    return ""


async def last_lines(client: Client, pod: Body) -> list[str]:
    """The last lines of a pod's first container that is not ready; none where they cannot be had."""
    status = pod.get("status") or {}
    every = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    broken = [each for each in every if not each.get("ready")]
    if not broken:
        return []
    metadata, query = pod["metadata"], {"container": broken[0]["name"], "tailLines": str(LINES)}
    if broken[0].get("restartCount"):
        query["previous"] = "true"
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log"
    answer = await client.send("GET", path, query=query, tries=1)
    if not answer.ok:
        return []
    text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    return text.splitlines()


def _owned(body: Body, owners: set[str]) -> bool:
    return any(each["uid"] in owners for each in body["metadata"].get("ownerReferences") or ())


def _place(body: Body) -> Place:
    return body["metadata"]["namespace"], body["metadata"]["name"]
