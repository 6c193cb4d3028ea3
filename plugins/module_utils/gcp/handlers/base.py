# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How one resource is read, made, changed and deleted; what most types need."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any, Callable

from ansible_collections.groundwork.platform.plugins.module_utils.gcp import owners
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.compare import (
    Change,
    changes,
    overlay,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import Verb
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.bodies import (
    bare,
    links,
    unknowns,
    within,
    without_outputs,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import (
    Resource,
    served_name,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.operations import pause
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.schema import (
    output_only,
    properties,
)

Body = Mapping[str, Any]
#: What has to become of a resource for a change: a call, a stop and a start around it, or another resource.
IN_PLACE, RESTART, REPLACE = "in_place", "restart", "replace"
#: States that pass by themselves.
PASSING = frozenset(
    (
        "CREATING",
        "DELETING",
        "PENDING",
        "PROVISIONING",
        "RECONCILING",
        "RESERVING",
        "RESTORING",
        "STAGING",
        "STOPPING",
        "SUSPENDING",
        "UPLOADING",
    )
)
#: Seconds until something is shown whose name is taken already.
_SHOWING = 30.0


class Handler:
    """One resource. ``setters`` are the fields that a method of their own changes."""

    def __init__(self, cloud: Cloud, resource: Resource) -> None:
        self.cloud = cloud
        self.resource = resource
        self.setters: dict[str, Callable[[Body, Sequence[Change]], Awaitable[None]]] = {}
        if "setLabels" in resource.kind.verbs:
            self.setters["labels"] = self._set_labels

    @property
    def places(self) -> dict[str, str]:
        """What stands in URLs."""
        each = self.resource
        return {
            "project": each.project,
            "location": each.location,
            "parent": each.parent,
            "name": served_name(each),
            "rrtype": each.rrtype,
        }

    @property
    def body(self) -> dict[str, Any]:
        """The declared body with all that is known by now, without the field that says what it stands below."""
        body: dict[str, Any] = self.cloud.known(self.resource.body)
        body.pop(self.resource.rule.below[0], None)
        return body

    async def read(self) -> dict[str, Any] | None:
        """The resource as Google has it, or nothing. Raises ``GcpError``."""
        try:
            return await self.call("get")
        except GcpError as error:
            if error.status == 404:
                return None
            raise

    def compare(self, live: Body) -> list[Change]:
        """Declared fields that differ."""
        return changes(self.body, live, self.resource.rule)

    def verdict(self, change: Change, _live: Body) -> str:
        """What a change takes: ``IN_PLACE``, ``RESTART`` or ``REPLACE``."""
        rule, verbs = self.resource.rule, self.resource.kind.verbs
        if change.top in rule.settable and change.top in self.setters:
            return IN_PLACE
        if rule.mutable is not None and change.top not in rule.mutable:
            return REPLACE
        if any(within(change.plain, path) for path in rule.immutable):
            return REPLACE
        if change.top not in self.setters and not verbs.keys() & {"patch", "update"}:
            return REPLACE
        return IN_PLACE

    def passing(self, live: Body) -> bool:
        """Whether the resource is on its way to another state."""
        state = live.get("status") or live.get("state")
        return (isinstance(state, str) and state in PASSING) or live.get("reconciling") is True

    async def settled(self) -> dict[str, Any] | None:
        """The resource once nothing changes it any more. Raises ``GcpError`` (``timeout``)."""
        began = time.monotonic()
        while True:
            live = await self.read()
            if live is None or not self.passing(live):
                return live
            taken = time.monotonic() - began
            if taken > self.cloud.timeout:
                state = live.get("status") or live.get("state")
                raise GcpError("timeout", f"it is still {state} after {self.cloud.timeout:g} s.")
            await asyncio.sleep(pause(taken))

    async def shown(self) -> dict[str, Any] | None:
        """The resource once it is shown: some APIs take seconds to tell what they made. Nothing after half a minute."""
        began = time.monotonic()
        live = await self.settled()
        while live is None and time.monotonic() - began < _SHOWING:
            await asyncio.sleep(pause(time.monotonic() - began))
            live = await self.settled()
        return live

    async def create(self) -> None:
        """Make it. One that somebody made meanwhile is brought to what is declared. Raises ``GcpError``."""
        body = bare(self.body)
        later = [
            name for name in self.resource.rule.settable if name in body and name in self.setters
        ]
        try:
            await self._insert({name: value for name, value in body.items() if name not in later})
        except GcpError as error:
            if error.reason != "already_exists":
                raise
            await self._adopt(error)
            return
        if "labels" in body and "labels" in self.setters:
            later.append("labels")  # of some types Google takes them in no other way
        if later:
            live = await self.read() or {}
            await self.update(live, [each for each in self.compare(live) if each.top in later])

    async def update(self, live: Body, found: Sequence[Change]) -> None:
        """Change what differs. Raises ``GcpError``."""
        by_field: dict[str, list[Change]] = {}
        for change in found:
            by_field.setdefault(change.top, []).append(change)
        rest = [name for name in by_field if name not in self.setters]
        if rest:
            await self._patch(live, rest)
        for name, own in by_field.items():
            if name in self.setters:
                await self.setters[name](live, own)

    async def delete(self) -> None:
        """Delete it; one that is gone already is. Raises ``GcpError``."""
        try:
            await self.run("delete")
        except GcpError as error:
            if error.status != 404:
                raise

    def is_gone(self, _live: Body) -> bool:
        """Whether it is deleted already and could only come back."""
        return False

    def holds(self, _live: Body) -> str:
        """What goes with it when it is deleted, empty where that can be had again."""
        return self.resource.rule.lost if self.resource.rule.protected else ""

    async def call(self, verb: str, body: Any = None, **query: str) -> dict[str, Any]:
        """Call a method of the type. Raises ``GcpError``, also where the body needs what nobody tells."""
        unknown = next(unknowns(body), None)
        if unknown is not None:
            words = f"{unknown.link} tells no {unknown.name} that could be used here."
            raise GcpError("invalid", words)
        return await self.cloud.client.call(self.verb(verb), self.places, body, query)

    async def run(self, verb: str, body: Any = None, **query: str) -> None:
        """Call a method and wait for what it began; again where something else has to end before."""
        began = time.monotonic()
        while True:
            try:
                answer = await self.call(verb, body, **query)
                await self.cloud.operations.finish(answer, self.resource)
                return
            except GcpError as error:
                taken = time.monotonic() - began
                if taken > self.cloud.timeout or not self.waits(error):
                    raise
            await self.settled()
            await asyncio.sleep(pause(taken))

    def waits(self, error: GcpError) -> bool:
        """Whether a call may succeed once something else has ended."""
        return error.reason == "not_ready"

    def verb(self, name: str) -> Verb:
        """A method of the type. Raises ``GcpError`` where it has none."""
        found = self.resource.kind.verbs.get(name)
        if found is None:
            raise GcpError("invalid", f"{self.resource.type} have no method {name}.")
        return found

    def uses(self, live: Body) -> frozenset[str]:
        """Links of all that it names as Google has it, but for what Google alone says (who uses it)."""
        known = self._properties()
        return frozenset(
            link
            for name, value in live.items()
            if not output_only(known.get(name, {}))
            for link in links(value)
            if not link.startswith(self.resource.link)
        )

    async def _insert(self, body: dict[str, Any]) -> None:
        """Send what makes it, in the form that the API wants."""
        await self.run("insert", {"name": self.resource.name, **body})

    async def _adopt(self, error: GcpError) -> None:
        """Take over what has the name already: an interrupted run made it."""
        live = await self.shown()
        if live is None:
            raise error
        found = self.compare(live)
        if any(self.verdict(change, live) != IN_PLACE for change in found):
            raise error
        await self.update(live, found)

    async def _patch(self, live: Body, fields: Sequence[str]) -> None:
        body = self.desired(live, fields)
        verbs = self.resource.kind.verbs
        verb = "patch" if "patch" in verbs else "update"
        masked = "updateMask" in verbs[verb].query
        # What a mask names and the body does not have is unset; maps take no null there.
        await (
            self.run(verb, bare(body), updateMask=",".join(fields))
            if masked
            else self.run(verb, body)
        )

    def desired(self, live: Body, fields: Iterable[str]) -> dict[str, Any]:
        """The whole value of fields as they should be, with the fingerprint of what they are based on."""
        body = {
            name: self.sendable(
                overlay(self.body[name], live.get(name), self.resource.rule, name), name
            )
            for name in fields
        }
        if "description" in body:
            body["description"] = owners.kept(body["description"] or "", live) or None
        if "fingerprint" in live and "fingerprint" in self._properties():
            body["fingerprint"] = live["fingerprint"]
        return body

    def sendable(self, value: Any, name: str) -> Any:
        """A field's value without what only Google sets."""
        schemas = self.cloud.definitions.schemas(self.resource.kind.api)
        return without_outputs(value, self._properties().get(name, {}), schemas)

    def _properties(self) -> Mapping[str, Any]:
        kind = self.resource.kind
        return properties(self.cloud.definitions.schemas(kind.api), kind.schema)

    async def _set_labels(self, live: Body, _changes: Sequence[Change]) -> None:
        labels = owners.labels(self.body["labels"], live.get("labels"))
        fingerprint = live.get("labelFingerprint", "")
        await self.run("setLabels", {"labels": labels, "labelFingerprint": fingerprint})
