# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bindings of roles: members are put into the resource's policy and taken out, others' stay."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.groundwork.platform.plugins.module_utils.gcp import bindings
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.compare import Change
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import Verb
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.base import (
    Body,
    Handler,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Resource, tail
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.operations import pause

_Edit = Callable[[Mapping[str, Any]], dict[str, Any]]
_Waiting = tuple[_Edit, "asyncio.Future[None]"]
#: Tries (half a minute) where another writer was faster, or an account that was just made is not known everywhere yet.
_TRIES = 10
_NOT_YET = "does not exist"


class Bindings(Handler):
    """One binding. All bindings of a resource that are ready are written in one go."""

    def __init__(self, cloud: Cloud, resource: Resource) -> None:
        super().__init__(cloud, resource)
        self._link = tail(str(resource.body.get("resource")))
        self._kind = cloud.definitions.kind(str(resource.body.get(bindings.TYPE)))

    async def read(self) -> dict[str, Any] | None:
        """The declared members that have the role already; nothing where none has."""
        policies: dict[str, asyncio.Task[dict[str, Any]]] = self.cloud.shared.setdefault(
            "policies", {}
        )
        if self._link not in policies:
            policies[self._link] = asyncio.ensure_future(self._policy())
        try:
            policy = await policies[self._link]
        except GcpError as error:
            if error.status == 404 or self._is_new(error):
                return None
            raise
        having = bindings.present(policy, self.resource.body)
        return {"role": self.resource.body["role"], "members": having} if having else None

    def compare(self, live: Body) -> list[Change]:
        """Declared members that do not have the role."""
        having = live.get("members", [])
        missing = [each for each in self.resource.body["members"] if each not in having]
        if not missing:
            return []
        return [Change("members", having, [*having, *missing], "members")]

    def verdict(self, _change: Change, _live: Body) -> str:
        """A policy is always written in place."""
        return "in_place"

    async def create(self) -> None:
        """Put the members in."""
        await self._edit(lambda policy: bindings.with_members(policy, self.resource.body))

    async def update(self, _live: Body, _found: Sequence[Change]) -> None:
        """Put the members in that are missing."""
        await self.create()

    async def delete(self) -> None:
        """Take the members out."""
        await self._edit(lambda policy: bindings.without_members(policy, self.resource.body))

    def _is_new(self, error: GcpError) -> bool:
        """Of a project that is not there Google says that it may not be seen; whether it comes is told elsewhere."""
        return error.status == 403 and bool(self.resource.needs)

    async def _edit(self, edit: _Edit) -> None:
        """Read, change and write the policy, with all others of the same resource that wait."""
        waiting: list[_Waiting] = self.cloud.shared.setdefault(f"edits {self._link}", [])
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append((edit, done))
        async with self.cloud.lock(f"policy {self._link}"):
            if not done.done():
                taken, waiting[:] = list(waiting), []
                await self._write_all(taken)
        await done

    async def _write_all(self, taken: Sequence[_Waiting]) -> None:
        """Write edits in one go; where that fails, each by itself, so that one bad member spoils its own only.

        Whatever happens, none of those who wait for it waits for ever.
        """
        try:
            await self._write([edit for edit, _done in taken])
        except GcpError as error:
            if len(taken) == 1:
                taken[0][1].set_exception(error)
                return
            for each in taken:
                await self._write_all([each])
        except BaseException as error:
            for _edit, done in taken:
                if not done.done():
                    done.set_exception(
                        GcpError("failed", f"the policy was not written: {error!r}.")
                    )
            raise
        else:
            for _edit, done in taken:
                if not done.done():  # who waited may have been cancelled
                    done.set_result(None)

    async def _write(self, edits: Sequence[_Edit]) -> None:
        for attempt in range(1, _TRIES + 1):
            before = await self._policy()
            policy: dict[str, Any] = before
            for edit in edits:
                policy = edit(policy)
            if policy == before:
                return
            try:
                await self._call("setIamPolicy", policy)
                return
            except GcpError as error:
                faster = error.reason == "changed_meanwhile"
                if attempt == _TRIES or not (faster or _NOT_YET in str(error)):
                    raise
            await asyncio.sleep(pause(6.0 * attempt))

    async def _policy(self) -> dict[str, Any]:
        return await self._call("getIamPolicy", None)

    async def _call(self, name: str, policy: dict[str, Any] | None) -> dict[str, Any]:
        if self._kind is None or name not in self._kind.verbs:
            kind = self.resource.body.get(bindings.TYPE)
            raise GcpError(
                "invalid", f"{kind} have no policy of their own; bind the role on the project."
            )
        verb = self._kind.verbs[name]
        url = self._url(verb)
        if policy is not None:
            body = policy if self._kind.api == "storage" else {"policy": policy}
            return await self.cloud.client.send(verb.method, url, body)
        for option in ("options.requestedPolicyVersion", "optionsRequestedPolicyVersion"):
            if option in verb.query:
                empty: dict[str, Any] | None = {} if verb.method == "POST" else None
                return await self.cloud.client.send(verb.method, url, empty, {option: "3"})
        options = {"options": {"requestedPolicyVersion": 3}}
        return await self.cloud.client.send(verb.method, url, options)

    def _url(self, verb: Verb) -> str:
        """The method's URL for the link of the resource: what follows the item in its path is kept."""
        base, item = verb.url, self._kind.item if self._kind else ""
        start, _item, end = base.partition(item)
        if not _item:  # the method's path names its parameter otherwise
            root = self.cloud.definitions.base(self._kind.api if self._kind else "")
            return f"{root}{self._link}:{verb.id.rpartition('.')[2]}"
        return f"{start}{self._link}{end}"
