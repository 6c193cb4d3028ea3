# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What has to hold before something begins: asked again and again until it does."""

from __future__ import annotations

import asyncio
import time

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.readiness import waits_for
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import Gate

#: Seconds between two looks at a page or a port, which nobody announces.
PAUSE = 0.3


async def wait(client: Client, gate: Gate, namespace: str) -> float:
    """Wait until a gate is open; return the seconds that it took. Raises ``KubeError`` (``gate_closed``)."""
    began = time.monotonic()
    while True:
        try:
            closed = await why_closed(client, gate, gate.namespace or namespace)
        except KubeError as error:
            if error.reason != "unreachable":
                raise
            closed = str(error)
        waited = time.monotonic() - began
        if not closed:
            return waited
        if waited >= gate.timeout:
            raise KubeError(
                "gate_closed", f"{gate} did not come within {gate.timeout:g} s: {closed}."
            )
        await asyncio.sleep(PAUSE)


async def why_closed(client: Client, gate: Gate, namespace: str) -> str:
    """Why a gate is closed, or an empty text."""
    if gate.tcp:
        return await _port(gate.tcp)
    if gate.rollout:
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{gate.rollout}"
        answer = await client.get(path)
        return waits_for(answer.body) if answer.ok else answer.message
    place = f"/api/v1/namespaces/{namespace}/services/{gate.service}:{gate.port}/proxy"
    answer = await client.send("GET", f"{place}{gate.path}", accept="*/*", tries=1)
    return "" if answer.ok else f"status {answer.status}: {answer.message[:200]}"


async def _port(address: str) -> str:
    host, _colon, port = address.rpartition(":")
    try:
        _reader, writer = await asyncio.wait_for(asyncio.open_connection(host, int(port)), 2)
    except (OSError, asyncio.TimeoutError) as error:
        return str(error) or "no answer within 2 s"
    writer.close()
    return ""
