# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rollouts of a release: services that have to be up before others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.groundwork.platform.plugins.module_utils.kube.apply import (
    FAILED,
    SKIPPED,
    Options,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.bulk import told
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import discover
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import (
    Manifest,
    from_text,
    from_value,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.observe import observe
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import (
    Plan,
    joined,
    plan,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.preflight import check
from ansible_collections.groundwork.platform.plugins.module_utils.kube.runner import Waves
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.gates import wait
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import (
    Gate,
    Rollout,
)

MANAGER = "groundwork"


class Rollouts:
    """Applies each service's objects and waits for its Deployment."""

    def __init__(self, client: Client, rollouts: Sequence[Rollout], trial: bool) -> None:
        self._all = rollouts
        self._client = client
        self._options = Options(manager=MANAGER, check=trial)
        self._plans: Mapping[str, Plan] = {}
        self._waves: Waves
        #: Whether objects of a rollout were changed, or in check mode would be; by the service.
        self.changed: dict[str, bool] = {}

    @property
    def all(self) -> Sequence[Rollout]:
        """The rollouts."""
        return self._all

    async def prepare(self) -> list[KubeError]:
        """Look at the cluster; return what refuses a rollout."""
        catalogue = await discover(self._client) if any(r.manifests for r in self.all) else None
        if catalogue is None:
            return []
        try:
            self._plans = {
                each.service: plan(list(_manifests(each)), catalogue, each.namespace, None)
                for each in self.all
            }
            whole = joined(item for found in self._plans.values() for item in found.items)
            world = await observe(self._client, whole, MANAGER, ())
            check(whole, world)
        except KubeError as error:
            return [error]
        # In check mode nothing has brought them; what belongs there is tried elsewhere.
        there = whole.namespaces if world.phases is None else world.phases.keys()
        self._waves = Waves(self._client, world.found, whole.namespaces - there, False)
        return []

    async def trial(self) -> list[KubeError]:
        """In check mode, have the API try all objects; return what it refuses."""
        tried = await asyncio.gather(*map(self._apply, self.all), return_exceptions=True)
        for error in tried:
            if error is not None and not isinstance(error, KubeError):
                raise error
        return [error for error in tried if isinstance(error, KubeError)]

    async def bring(self, rollout: Rollout) -> None:
        """Apply and wait. Raises ``KubeError``: ``objects``, ``gate_closed``."""
        await self._apply(rollout)
        gate = Gate(rollout=rollout.deployment, timeout=rollout.timeout)
        await wait(self._client, gate, rollout.namespace)

    async def _apply(self, rollout: Rollout) -> None:
        found = self._plans.get(rollout.service)
        if not found:
            return
        outcomes = await self._waves.apply(found.items, self._options)
        self.changed[rollout.service] = any(each.changed for each in outcomes.values())
        broken = [each for each in outcomes.values() if each.action in (FAILED, SKIPPED)]
        if broken:
            text = f"{rollout.service} rollout: {told(broken, len(outcomes))}"
            raise KubeError("objects", text if self._options.check else told(broken, len(outcomes)))


def _manifests(rollout: Rollout) -> Iterable[Manifest]:
    for number, given in enumerate(rollout.manifests, start=1):
        source = f"{rollout.service}: manifests, item {number}"
        if isinstance(given, str):
            yield from from_text(given, source)
        else:
            yield from from_value(given, source)
