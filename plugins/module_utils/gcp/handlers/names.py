# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Zones and records of Cloud DNS, jobs of Cloud Run and Cloud Scheduler, buckets: types with a form of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.compare import Change, overlay
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.base import (
    Body,
    Handler,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.bodies import bare
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.schema import output_only


class Zones(Handler):
    """Managed zones."""

    async def _insert(self, body: dict[str, Any]) -> None:
        # Google wants a description.
        described = {"description": str(body.get("dnsName") or ""), **body}
        await self.run("create", {"name": self.resource.name, **described})


class Records(Handler):
    """Records, told apart by name and type."""

    async def update(self, live: Body, _found: Sequence[Change]) -> None:
        """A record is written whole."""
        fields = ("ttl", "rrdatas", "routingPolicy", "signatureRrdatas")
        kept = {name: live[name] for name in fields if name in live}
        own = {name: value for name, value in self.body.items() if value is not None}
        if "routingPolicy" in own:
            kept.pop("rrdatas", None)
        if "rrdatas" in own:
            kept.pop("routingPolicy", None)
        await self.run("patch", {"name": self.resource.name, **kept, **own})

    async def _insert(self, body: dict[str, Any]) -> None:
        await self.run("create", {"name": self.resource.name, **body})


class RunJobs(Handler):
    """Jobs of Cloud Run: a patch has no mask, so it says all."""

    async def _insert(self, body: dict[str, Any]) -> None:
        await self.run("create", body, jobId=self.resource.name)

    def desired(self, live: Body, _fields: Iterable[str]) -> dict[str, Any]:
        """The whole job."""
        whole = overlay(self.body, live, self.resource.rule)
        sent = {name: self.sendable(bare(value), name) for name, value in whole.items()}
        known = self._properties()
        kept = {name: value for name, value in sent.items() if not output_only(known.get(name, {}))}
        return {**kept, "name": self.resource.link}


class SchedulerJobs(Handler):
    """Jobs of Cloud Scheduler."""

    async def _insert(self, body: dict[str, Any]) -> None:
        await self.run("create", {"name": self.resource.link, **body})


class Buckets(Handler):
    """Buckets, whose names are everybody's: one of another project is no bucket of this one."""

    async def read(self) -> dict[str, Any] | None:
        """The bucket. Raises ``GcpError`` (``already_exists``) where it is another project's."""
        live = await super().read()
        if live is not None and not await self._is_ours():
            number = live.get("projectNumber", "another")
            words = f"the name is taken by a bucket of project {number}, not of {self.resource.project}."
            raise GcpError(
                "already_exists", f"{words} Bucket names are everybody's; choose another."
            )
        return live

    async def _is_ours(self) -> bool:
        """Whether the project has it, as far as the account may list its buckets."""
        query = {"project": self.resource.project, "prefix": self.resource.name}
        try:
            pages = self.cloud.client.pages(self.verb("list").url, query)
            found = [each.get("name") async for page in pages for each in page.get("items") or ()]
        except GcpError:
            return True
        return self.resource.name in found

    async def _insert(self, body: dict[str, Any]) -> None:
        """Google calls a name that is taken a conflict, also where it is by this very request, sent before."""
        query = {"project": self.resource.project}
        try:
            await self.run("insert", {"name": self.resource.name, **body}, **query)
        except GcpError as error:
            if error.status != 409:
                raise
            words = "the name is taken by a bucket that is not of this project, as far as it can be seen."
            words = f"{words} Bucket names are everybody's; choose another."
            raise GcpError("already_exists", words, error.cause, error.status) from error

    async def shown(self) -> dict[str, Any] | None:
        """The bucket once it is shown; nothing where it may not be seen, as it is another's then."""
        try:
            return await super().shown()
        except GcpError as error:
            if error.status != 403:
                raise
            return None


class Named(Handler):
    """Types of other APIs that need no form of their own: the id stands in the query where the API wants it so."""

    async def _insert(self, body: dict[str, Any]) -> None:
        create = self.resource.kind.create
        ids = [] if create is None else [name for name in create.query if name.endswith("Id")]
        ids = [name for name in ids if name not in ("requestId", "clientOperationId")]
        if create and create.id.rpartition(".")[2] == "insert":
            await self.run("insert", {"name": self.resource.name, **body})
        elif ids:
            await self.run("create", body, **{ids[0]: self.resource.name})
        else:
            await self.run("create", {"name": self.resource.name, **body})
