# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which ports a cluster's pods and Services hold, from their lists."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import Connection
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.look import (
    CONCURRENCY,
    PODS,
    SERVICES,
)
from ansible_collections.groundwork.platform.plugins.module_utils.ports.pool import Holder
from ansible_collections.groundwork.platform.plugins.module_utils.ports.ranges import Ports

Body = Mapping[str, Any]

#: Pods that have ended hold nothing.
_ENDED = ("Failed", "Succeeded")


async def holders(connection: Connection, protocol: str, timeout: float) -> list[Holder]:
    """Ask a cluster. Raises ``KubeError``: ``forbidden`` where a list may not be read, those of the client.

    A list that cannot be read is a failure: ports that nobody looked at would pass for free.
    """
    async with Client(connection, CONCURRENCY, timeout) as client:
        answers = await asyncio.gather(*(client.get(one.path()) for one in (PODS, SERVICES)))
    lists: list[Sequence[Body]] = []
    for listing, answer in zip((PODS, SERVICES), answers):
        if not answer.ok or not isinstance(answer.body, dict):
            raise KubeError(
                "forbidden" if answer.status == 403 else "failed",
                f"The {listing.plural} cannot be listed, so their ports are not known: {answer.message}",
            )
        lists.append(answer.body.get("items") or ())
    pods, services = lists
    return [*host_ports(pods, protocol), *service_ports(services, protocol)]


def host_ports(pods: Iterable[Body], protocol: str) -> Iterator[Holder]:
    """Yield the host ports of pods, those of one workload's pods once."""
    found: dict[tuple[str, str, str, int], list[str]] = {}
    for pod in pods:
        if (pod.get("status") or {}).get("phase") in _ENDED:
            continue
        where = str(pod["metadata"].get("namespace", ""))
        for container, port in _container_ports(pod, protocol):
            found.setdefault((where, _owner(pod), container, port), []).append(
                str(pod["metadata"]["name"])
            )
    for (where, _owned, container, port), names in sorted(found.items()):
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        name = f"host port of pod {where}/{min(names)}{more}, container {container}"
        yield Holder("host_port", name, Ports(port, port))


def _owner(pod: Body) -> str:
    owners = pod["metadata"].get("ownerReferences") or ()
    return str(owners[0]["name"]) if owners else str(pod["metadata"]["name"])


def _container_ports(pod: Body, protocol: str) -> Iterator[tuple[str, int]]:
    # With hostNetwork the API itself writes the container's port as host port.
    for key in ("initContainers", "containers"):
        for container in pod["spec"].get(key) or ():
            for port in container.get("ports") or ():
                if port.get("hostPort") and port.get("protocol", "TCP") == protocol:
                    yield str(container["name"]), int(port["hostPort"])


def service_ports(services: Iterable[Body], protocol: str) -> Iterator[Holder]:
    """Yield the ports of Services, and their NodePorts."""
    for service in services:
        spec = service.get("spec") or {}
        name = f"{service['metadata'].get('namespace', '')}/{service['metadata']['name']}"
        for port in spec.get("ports") or ():
            if port.get("protocol", "TCP") != protocol:
                continue
            yield Holder("service_port", f"port of Service {name}", _one(port["port"]))
            if port.get("nodePort"):
                yield Holder("node_port", f"NodePort of Service {name}", _one(port["nodePort"]))
        # Asked over HTTP by load balancers on every node (externalTrafficPolicy: Local).
        if spec.get("healthCheckNodePort") and protocol == "TCP":
            check = _one(spec["healthCheckNodePort"])
            yield Holder("node_port", f"health check NodePort of Service {name}", check)


def _one(port: Any) -> Ports:
    return Ports(int(port), int(port))
