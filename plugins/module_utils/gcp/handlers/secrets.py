# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets of Secret Manager with what they hold, which never leaves this file."""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.compare import Change
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.base import (
    IN_PLACE,
    Body,
    Handler,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Resource

PAYLOAD = "payload"
_ALPHABET = string.ascii_letters + string.digits
#: What stands in place of a payload: whether there is one, and whether it is what is declared.
_NONE, _OTHER, _RIGHT = "none", "other", "right"


class Secrets(Handler):
    """A secret and its newest version."""

    def __init__(self, cloud: Cloud, resource: Resource) -> None:
        super().__init__(cloud, resource)
        self.setters[PAYLOAD] = self._add_version

    async def read(self) -> dict[str, Any] | None:
        """The secret; where a payload is declared, also whether it is that."""
        live = await super().read()
        if live is None or self.resource.payload is None or not self.resource.present:
            return live
        return {**live, PAYLOAD: await self._payload()}

    def compare(self, live: Body) -> list[Change]:
        """A payload is told as being there, no more."""
        found = super().compare(live)
        state = live.get(PAYLOAD)
        if state == _NONE:
            found.append(Change(PAYLOAD, None, "(secret)", PAYLOAD))
        elif state == _OTHER:
            found.append(Change(PAYLOAD, "(secret)", "(another secret)", PAYLOAD))
        return found

    def verdict(self, change: Change, live: Body) -> str:
        """A payload is a new version."""
        return IN_PLACE if change.top == PAYLOAD else super().verdict(change, live)

    async def create(self) -> None:
        """Make the secret, and its first version."""
        await super().create()
        if self.resource.payload is not None and await self._payload() == _NONE:
            await self._add_version({}, ())

    async def _insert(self, body: dict[str, Any]) -> None:
        await self.run("create", body, secretId=self.resource.name)

    async def _payload(self) -> str:
        """Whether the newest version is what is declared."""
        value = self.resource.payload.value if self.resource.payload else None
        action = "" if value is None else ":access"
        url = f"{self._url()}/versions/latest{action}"
        try:
            answer = await self.cloud.client.send("GET", url)
        except GcpError as error:
            if (
                error.status == 404 or error.cause == "FAILED_PRECONDITION"
            ):  # none, or a disabled one
                return _NONE
            raise
        if value is None:
            # One that somebody disabled is there: another password would lock out those who have this one.
            return _NONE if answer.get("state") == "DESTROYED" else _RIGHT
        held = base64.b64decode(answer.get("payload", {}).get("data", ""))
        return _RIGHT if held == value.encode() else _OTHER

    async def _add_version(self, _live: Body, _changes: Sequence[Change]) -> None:
        payload = self.resource.payload
        if payload is None:
            return
        value = payload.value
        if value is None:
            value = "".join(secrets.choice(_ALPHABET) for _number in range(payload.length))
        data = base64.b64encode(value.encode()).decode()
        await self.run("addVersion", {"payload": {"data": data}})

    def _url(self) -> str:
        return self.cloud.definitions.base("secretmanager") + self.resource.link
