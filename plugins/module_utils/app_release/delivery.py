# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a service gets to what it is brought to: by its objects, by its pods' template, or by an image alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.gitops import Gitops
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    VERSION,
    Service,
    Target,
    image_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.apply import (
    FAILED,
    SKIPPED,
    Options,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.bulk import told
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Answer, Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import (
    Catalogue,
    discover,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import (
    Key,
    Kind,
    Manifest,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.observe import observe
from ansible_collections.groundwork.platform.plugins.module_utils.kube.owners import other_owner
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import Plan, plan
from ansible_collections.groundwork.platform.plugins.module_utils.kube.preflight import check
from ansible_collections.groundwork.platform.plugins.module_utils.kube.prune import KEPT
from ansible_collections.groundwork.platform.plugins.module_utils.kube.runner import Waves
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.policy import (
    version_of,
)

MANAGER = "groundwork"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"

Body = Mapping[str, Any]


class Delivery:
    """Brings targets to a cluster. ``check`` has the API try them only, ``force`` takes over what others manage."""

    def __init__(self, client: Client, check: bool, gitops: Gitops, force: bool = False) -> None:
        self._client = client
        self._force = force
        self._gitops = gitops
        self._options = Options(manager=MANAGER, check=check)
        self._catalogue: Catalogue

    async def open(self) -> None:
        """Ask what the cluster serves. Raises those of the client."""
        self._catalogue = await discover(self._client)

    def serves(self, api_version: str, kind: str) -> bool:
        """Whether the cluster has a kind."""
        return self._catalogue.get(Kind(api_version, kind)) is not None

    async def live(self, service: Service) -> Body | None:
        """The service's Deployment as it is. Raises ``KubeError`` (``failed``)."""
        answer = await self._client.get(_path(service))
        if answer.status == 404:
            return None
        _expect(answer, service)
        found: Body = answer.body
        return found

    async def holds(self, service: Service, live: Body | None) -> bool:
        """Whether the cluster has a service as it should be. Raises ``KubeError`` where it cannot be had."""
        target = service.target
        if service.git:
            # A run may have been killed, or Argo CD may have failed, between the commit and the cluster.
            said = await self._gitops.read(service) == target.version
            return said and await self._gitops.there(service)
        if not target.manifests:
            if live is None:
                raise KubeError(
                    "not_there",
                    f"{service.name}: {service.namespace} has no Deployment {service.deployment} that could get "
                    "another image. Give its manifests.",
                )
            imaged(service, target, live)
            _refuse_owned(service, live)
            return image_of(live["spec"]["template"], service.container) == target.image
        wanted = self.plan(service, target)
        world = await observe(self._client, wanted, MANAGER, ())
        check(wanted, world, service.application)
        if any(item.key not in world.found for item in wanted.items):
            return False
        # Where the API has filled in what a manifest leaves out, it says itself whether that would change anything.
        unsure = [item for item in wanted.items if not world.found[item.key].holds]
        trial = replace(self._options, check=True)
        outcomes = await Waves(self._client, world.found, frozenset(), False).apply(unsure, trial)
        return not any(
            each.changed or each.action in (FAILED, SKIPPED) for each in outcomes.values()
        )

    async def runs(self, service: Service, live: Body | None) -> Target | None:
        """What runs now, as the way back where nobody recorded it; ``None`` where nothing does."""
        if live is None:
            return None
        if service.git:
            return Target(await self._gitops.read(service))
        return before(service, live, version_of(live))

    def plan(self, service: Service, target: Target) -> Plan:
        """The objects of a target, in their order. Raises ``KubeError``."""
        return plan(target.manifests, self._catalogue, service.namespace, None)

    async def bring(self, service: Service, target: Target, force: bool = False) -> tuple[str, ...]:
        """Bring a service to a target; return what changed. Raises ``KubeError``.

        With ``force`` fields that others manage are taken from them in any case.
        """
        if service.git:
            return await self._gitops.bring(service, target)
        if target.manifests:
            return await self.apply(service, target.manifests, force)
        patch, kind = (
            (restored(target.template), JSON_PATCH)
            if target.template
            else (imaged(service, target, await self.live(service)), STRATEGIC)
        )
        query = self._options.query()
        answer = await self._client.send("PATCH", _path(service), patch, kind, query)
        _expect(answer, service)
        return (f"image: {target.image or image_of(answer.body['spec']['template'])}",)

    async def refused(self, wanted: Sequence[Service]) -> list[KubeError]:
        """What the API or Argo CD would refuse of services: for their rules, or as others manage a field (dry run)."""
        trial = Delivery(self._client, True, self._gitops, self._force)
        unfit = await self._gitops.refused(wanted)
        wanted = [service for service in wanted if not service.git]
        trial._catalogue = self._catalogue
        found = await asyncio.gather(
            *(trial.bring(service, service.target) for service in wanted), return_exceptions=True
        )
        for each in found:
            if isinstance(each, BaseException) and not isinstance(each, KubeError):
                raise each
        # A webhook that cannot be tried says nothing about the object.
        return unfit + [
            KubeError(each.reason, f"{service.name}: {each}")
            for service, each in zip(wanted, found)
            if isinstance(each, KubeError) and "does not support dry run" not in str(each)
        ]

    async def apply(
        self, service: Service, manifests: Iterable[Manifest], force: bool = False
    ) -> tuple[str, ...]:
        """Apply objects of a service; return what changed. Raises ``KubeError`` (``objects``)."""
        wanted = plan(manifests, self._catalogue, service.namespace, None)
        world = await observe(self._client, wanted, MANAGER, ())
        check(wanted, world, service.application)
        waves = Waves(self._client, world.found, frozenset(), False)
        outcomes = await waves.apply(
            wanted.items, replace(self._options, force_conflicts=force or self._force)
        )
        broken = [each for each in outcomes.values() if each.action in (FAILED, SKIPPED)]
        if broken:
            raise KubeError("objects", told(broken, len(outcomes)))
        return tuple(
            f"{each.key} {each.action}{': ' + '; '.join(each.changes) if each.changes else ''}"
            for each in outcomes.values()
            if each.changed
        )

    async def remove(self, service: Service, left: Target, stays_at: Target) -> None:
        """Delete what the target that is left has and the other has not, but for what holds data or others' objects."""
        if not (left.manifests and stays_at.manifests):
            return
        stays = {item.key for item in self.plan(service, stays_at).items}
        await self.delete(
            {
                item.key: item.path
                for item in self.plan(service, left).items
                if item.key not in stays and item.key.kind not in KEPT
            }
        )

    async def without(self, service: Service, label: str) -> bool:
        """Delete a service's Deployment where it is there and has a label; whether it was."""
        live = await self.live(service)
        if not live or label not in (live["metadata"].get("labels") or {}):
            return False
        key = Key("apps", "Deployment", service.namespace, service.deployment)
        await self.delete({key: _path(service)})
        return True

    async def delete(self, objects: Mapping[Key, str]) -> None:
        """Delete objects by their paths; who is gone is gone. Raises ``KubeError`` (``failed``)."""
        body = {"propagationPolicy": "Background"}
        answers = await asyncio.gather(
            *(self._client.send("DELETE", path, body) for path in objects.values())
        )
        for key, answer in zip(objects, answers):
            if not answer.ok and answer.status != 404:
                raise KubeError("failed", f"deleting {key}: {answer.message}.")


def imaged(service: Service, target: Target, live: Body | None) -> Body:
    """The patch that gives a Deployment another image, as kubectl set image does it."""
    template = ((live or {}).get("spec") or {}).get("template") or {}
    names = [each["name"] for each in (template.get("spec") or {}).get("containers") or ()]
    container = service.container or (names[0] if names else service.name)
    if names and container not in names:
        raise KubeError(
            "no_container",
            f"{service.name}: Deployment {service.deployment} has no container {container}; it has {', '.join(names)}.",
        )
    pod: dict[str, Any] = {"spec": {"containers": [{"name": container, "image": target.image}]}}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if VERSION in labels:
        # Whoever asks a pod for its version would be told the old one.
        pod["metadata"] = {"labels": {VERSION: target.version}}
    return {"spec": {"template": pod}}


def restored(template: Body) -> list[Body]:
    """The patch that gives a Deployment its earlier template, as kubectl rollout undo does it."""
    return [{"op": "replace", "path": "/spec/template", "value": template}]


def before(service: Service, live: Body, version: str) -> Target:
    """The way back to what runs now."""
    template = live["spec"]["template"]
    return Target(version, image=image_of(template, service.container), template=template)


def _refuse_owned(service: Service, live: Body) -> None:
    """An image that another tool sets would be set back by it."""
    owner = other_owner(live, {}, service.application)
    if owner:
        raise KubeError(
            "owned_elsewhere",
            f"{service.name}: Deployment {service.deployment} is kept by {owner}, which would set its image back. "
            "Bring the version there, or name Argo CD's application to have its sync held.",
        )


def _path(service: Service) -> str:
    return f"/apis/apps/v1/namespaces/{service.namespace}/deployments/{service.deployment}"


def _expect(answer: Answer, service: Service) -> None:
    if not answer.ok:
        raise KubeError(
            "failed", f"Deployment {service.deployment} in {service.namespace}: {answer.message}."
        )
