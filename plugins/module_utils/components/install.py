# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole way: look, render, then refuse or run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.groundwork.platform.plugins.module_utils.components.charts import Helm
from ansible_collections.groundwork.platform.plugins.module_utils.components.look import (
    Cluster,
    look,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.model import (
    OURS,
    Component,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.parts import (
    Part,
    keep_values,
    take_apart,
    whole,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.prepare import Workshop
from ansible_collections.groundwork.platform.plugins.module_utils.components.problems import (
    of,
    refuse,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.run import (
    Done,
    Run,
    Wishes,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.apply import (
    Options,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import Connection
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.observe import World, observe
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import (
    Plan,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.preflight import check
from ansible_collections.groundwork.platform.plugins.module_utils.kube.runner import Waves
from ansible_collections.groundwork.platform.plugins.module_utils.kube.standby import (
    resting,
)


def install(
    connection: Connection, components: Sequence[Component], options: Options, wishes: Wishes
) -> Done:
    """Install what is enabled and ours. Raises ``KubeError``, before the first change, where that cannot be."""
    return asyncio.run(_install(connection, _ours(components), options, wishes))


def refuse_only(
    connection: Connection, components: Sequence[Component], options: Options, wishes: Wishes
) -> None:
    """Raise the ``KubeError`` that ``install`` would begin with; nothing is applied, nor tried by a dry run."""

    async def begin() -> None:
        async with Client(connection, wishes.concurrency, wishes.timeout) as client:
            await _begun(client, _ours(components), options, wishes)

    asyncio.run(begin())


def _ours(components: Sequence[Component]) -> list[Component]:
    ours = [entry for entry in components if entry.enabled and entry.owner == OURS]
    names = {entry.name for entry in ours}
    # What others own is there, or it is theirs to bring.
    return [
        replace(entry, needs=tuple(need for need in entry.needs if need in names)) for entry in ours
    ]


async def _begun(
    client: Client, components: Sequence[Component], options: Options, wishes: Wishes
) -> tuple[Cluster, Run]:
    """All that comes before the first change."""
    cluster = await look(client)
    parts = await _prepared(components, cluster, wishes)
    inventories = [component.inventory for component in components]
    world = await observe(client, whole(parts), options.manager, inventories)
    found = dict(world.found)
    parts = [keep_values(part, found, options.manager) for part in parts]
    sure = whole(parts).namespaces | frozenset(wishes.expected if options.check else ())
    _preflight(parts, World(found, world.phases).with_namespaces(sure))
    coming = frozenset() if world.phases is None else sure - world.phases.keys()
    waves = Waves(client, found, coming, wishes.standby)
    return cluster, Run(client, parts, waves, options, wishes)


async def _install(
    connection: Connection, components: Sequence[Component], options: Options, wishes: Wishes
) -> Done:
    async with Client(connection, wishes.concurrency, wishes.timeout) as client:
        cluster, run = await _begun(client, components, options, wishes)
        done = await run.install()
        try:
            if wishes.prune:
                await run.prune(cluster)
        except KubeError as error:
            text = f"What components do not have any more could not be deleted: {error}"
            done = replace(done, problem=text)
        return done


async def _prepared(
    components: Sequence[Component], cluster: Cluster, wishes: Wishes
) -> list[Part]:
    helm = Helm(wishes.helm, cluster.version, wishes.cache) if wishes.helm else None
    workshop = Workshop(components, helm, wishes.cache, cluster)
    rendered, problems = await workshop.render()
    refuse(problems)
    if wishes.standby:
        rendered = [
            replace(entry, manifests=tuple(map(resting, entry.manifests))) for entry in rendered
        ]
    parts, problems = take_apart(rendered, cluster.catalogue)
    refuse(problems)
    by_name = {part.name: part for part in parts}
    return [by_name[component.name] for component in components]


def _preflight(parts: Sequence[Part], world: World) -> None:
    problems = []
    for part in parts:
        try:
            check(Plan(part.items), world)
        except KubeError as error:
            problems.append(of(part.name, error))
    refuse(problems)
