# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Operations that go on after the answer: waited for without a pause where the API holds the request back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import Definitions
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.failures import from_operation
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Resource, tail

#: Between two looks: this part of the time that it has taken, within these bounds in seconds.
_PART = 0.1
_SHORTEST = 0.1
_LONGEST = 5.0


class Operations:
    """Waits for operations of all APIs, each up to ``timeout`` seconds."""

    def __init__(self, client: Client, definitions: Definitions, timeout: float) -> None:
        self._client = client
        self._definitions = definitions
        self._timeout = timeout

    async def finish(self, answer: Mapping[str, Any], resource: Resource) -> None:
        """Wait until what an answer tells of has ended. Raises ``GcpError`` (``operation_failed``, ``timeout``)."""
        url, held = self._where(answer, resource)
        if not url:
            return
        began = time.monotonic()
        operation = answer
        while not _ended(operation):
            taken = time.monotonic() - began
            if taken > self._timeout:
                raise _late(operation, self._timeout)
            try:
                if held:
                    operation = await self._held(url, operation, self._timeout - taken)
                    continue
                if operation is not answer:
                    await asyncio.sleep(pause(taken))
                operation = await self._client.send("GET", url)
            except GcpError as error:
                # Without the status: that the operation is not there says nothing of the resource.
                raise _lost(operation, error) if error.status == 404 else error from error
        _raise_failure(operation)

    async def _held(self, url: str, operation: Mapping[str, Any], left: float) -> Mapping[str, Any]:
        """The operation when it has ended, or what it was before where no more time is left."""
        try:
            return await asyncio.wait_for(
                self._client.send("POST", f"{url}/wait", held=True), max(left, 0.05)
            )
        except asyncio.TimeoutError:
            return operation

    def _where(self, answer: Mapping[str, Any], resource: Resource) -> tuple[str, bool]:
        """The URL of an operation and whether it has ``wait``; no URL where the answer is no operation."""
        api, name = resource.kind.api, str(answer.get("name") or "")
        base = self._definitions.base(api)
        if answer.get("kind") == "compute#operation":
            return base + tail(str(answer["selfLink"])), True
        if "operationType" in answer and api == "container":
            place = f"projects/{resource.project}/locations/{resource.location}"
            return f"{base}{place}/operations/{name}", False
        if answer.get("kind") == "dns#operation":
            zone = f"projects/{resource.project}/managedZones/{resource.parent or resource.name}"
            return f"{base}{zone}/operations/{answer['id']}", False
        if name.startswith("operations/") or "/operations/" in name:
            return base + name, False
        return "", False


def pause(taken: float) -> float:
    """Seconds until the next look at something that has taken so many seconds."""
    return min(max(taken * _PART, _SHORTEST), _LONGEST)


def _ended(operation: Mapping[str, Any]) -> bool:
    status = str(operation.get("status") or "").upper()
    return status == "DONE" or operation.get("done") is True


def _raise_failure(operation: Mapping[str, Any]) -> None:
    error = operation.get("error")
    if not error:
        return
    errors = error.get("errors")
    if errors:
        first = errors[0]
        details = {
            key: value
            for detail in first.get("errorDetails") or ()
            for key, value in (detail.get("quotaInfo") or {}).items()
        }
        said = "; ".join(str(each.get("message") or each.get("code")) for each in errors)
        raise from_operation(str(first.get("code") or ""), said, details)
    code = str(error.get("status") or error.get("code") or "")
    names = {"6": "ALREADY_EXISTS", "7": "PERMISSION_DENIED", "8": "QUOTA_EXCEEDED"}
    raise from_operation(names.get(code, code), str(error.get("message") or ""))


def _lost(operation: Mapping[str, Any], error: GcpError) -> GcpError:
    words = f"Google began it ({operation.get('name')}) and tells nothing of it any more: {error}"
    return GcpError("operation_lost", f"{words} A run later finds what became of it.", error.cause)


def _late(operation: Mapping[str, Any], timeout: float) -> GcpError:
    return GcpError(
        "timeout",
        f"it is not done after {timeout:g} s; Google goes on with it ({operation.get('name')}). A run later finds what "
        "became of it, waits where it still goes on, and changes only what is left.",
    )
