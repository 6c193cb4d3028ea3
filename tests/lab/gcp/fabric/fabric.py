"""The backend that makes the emulator's resources real on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.lab.gcp.backend import BackendError, Resource, World
from tests.lab.gcp.fabric import names, purge, reading, sockets
from tests.lab.gcp.fabric.apply import Applier
from tests.lab.gcp.fabric.balancing import backend_health, members_of
from tests.lab.gcp.fabric.clusters import cluster
from tests.lab.gcp.fabric.health import Watch, probes
from tests.lab.gcp.fabric.identity import Identities
from tests.lab.gcp.fabric.instances import Instances
from tests.lab.gcp.fabric.kernel import CommandError
from tests.lab.gcp.fabric.kubernetes import Kubernetes
from tests.lab.gcp.fabric.model import Network
from tests.lab.gcp.fabric.overlay import Overlay
from tests.lab.gcp.fabric.plan import TUNNEL, plan
from tests.lab.gcp.fabric.resolvers import Resolvers
from tests.lab.gcp.fabric.steering import Drains, Health
from tests.lab.gcp.jobs import execute

#: Types whose resources decide on packets.
NETWORKING = frozenset(
    f"compute.{one}"
    for one in (
        *("networks", "subnetworks", "firewalls", "routes", "routers", "addresses"),
        *("forwardingRules", "backendServices", "regionBackendServices", "instanceGroups"),
        *("healthChecks", "regionHealthChecks", "instances"),
    )
) | {"container.clusters"}
_INSTANCE = "compute.instances"


class Fabric:
    """See `tests.lab.gcp.backend.Backend`."""

    def __init__(self, lab: str, world: World, directory: Path) -> None:
        self.lab = lab
        self.world = world
        self.directory = directory
        self.books = Overlay(world)
        self.instances = Instances(lab, directory / "fabric", self.books, self.settle)
        self.kubernetes = Kubernetes(directory / "fabric", self.instances, self.settle)
        self.watch = Watch(self.settle)
        self._applier = Applier(lab)
        self._drains = Drains()
        self._resolvers = Resolvers(self.books)
        self._identities = Identities(directory)
        self._lock = asyncio.Lock()
        self._asked = self._done = 0
        self._events: asyncio.Task[None] | None = None

    # -- life
    async def start(self) -> None:
        """Make real again what the books have; remove hosts that they do not have."""
        with _told():
            machines = self.books.list(_INSTANCE)
            clusters = [cluster(one) for one in self.books.list("container.clusters")]
            known = {names.container(self.lab, one.name) for one in machines}
            known |= {names.container(self.lab, one.host) for one in clusters}
            found = await self.instances.hosts.all()
            await purge.remove_containers([one for one in found if one not in known])
            for machine in machines:
                await self.instances.adopt(names.key(machine.link), machine.name)
            for one in clusters:
                await self.instances.adopt(one.key, one.host)
            await self.settle()
            there = self.instances.processes
            on = [one for one in machines if one.body.get("status") == "RUNNING"]
            off = [one for one in on if names.key(one.link) not in there]
            await asyncio.gather(
                *(self.instances.boot(one) for one in off),
                *(self.kubernetes.boot(one) for one in clusters if one.key not in there),
            )
        self._events = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Stop watching; hosts and networks stay until they are deleted or purged."""
        if self._events:
            self._events.cancel()
            await asyncio.gather(self._events, return_exceptions=True)
        self.instances.close()
        self._resolvers.close()
        await self._identities.close()
        await self.watch.stop()

    # -- changes
    async def created(self, resource: Resource) -> dict[str, Any]:
        """Make a resource real."""
        self.books.created(resource)
        with _told():
            if resource.type == _INSTANCE:
                return await self.instances.boot(resource)
            if resource.type == "compute.disks" and not resource.body.get("sourceImage"):
                # The disk of an image is the host's own.
                await self.instances.make_disk(resource.link, resource.body)
            elif resource.type == "compute.snapshots":
                await self.instances.snapshot(resource)
            elif resource.type == "container.clusters":
                return await self.kubernetes.create(resource)
            elif resource.type == "container.nodePools":
                await self._scale(resource)
            elif resource.type == "run.executions":
                return await execute(resource, self.directory)
            elif resource.type in NETWORKING:
                await self.settle()
        return {}

    async def changed(self, before: Resource, after: Resource, method: str) -> dict[str, Any]:
        """Follow a change."""
        verb = method.rpartition(".")[2]
        try:
            with _told():
                if after.type == _INSTANCE:
                    return await self._instance_changed(before, after, verb)
                await self._other_changed(before, after, verb)
        except BaseException:
            # What was refused must not stand in everybody else's way.
            self.books.unchanged(after)
            raise
        return {}

    async def _other_changed(self, before: Resource, after: Resource, verb: str) -> None:
        self.books.changed(before, after)
        if after.type == "compute.disks" and verb == "resize":
            await self.instances.disks.grow(after.link, int(after.body["sizeGb"]))
        elif after.type == "container.nodePools":
            await self._scale(after)
        elif verb == "setCommonInstanceMetadata":
            for machine in self.books.list(_INSTANCE, after.project):
                if names.key(machine.link) in self.instances.processes:
                    await self.instances.greet(machine)
        elif after.type in NETWORKING:
            await self.settle()

    async def _instance_changed(
        self, before: Resource, after: Resource, verb: str
    ) -> dict[str, Any]:
        runs = names.key(after.link) in self.instances.processes
        status = {"stop": "TERMINATED", "suspend": "SUSPENDED", "resume": "RUNNING"}.get(verb)
        if status and runs:
            if verb == "stop":
                await self.instances.stop(after)
            else:
                await self.instances.hosts.pause(after.name, paused=verb == "suspend")
            self.books.changed(before, _with(after, status=status))
            await self.settle()
            return {"status": status}
        if verb == "reset" and runs:
            await self.instances.stop(after, seconds=0)
        if verb in ("start", "reset"):
            after = _with(after, status="RUNNING")
            self.books.changed(before, after)
            return await self.instances.boot(after)
        self.books.changed(before, after)
        if verb == "setMetadata" and runs:
            await self.instances.greet(after)
        elif verb in ("attachDisk", "detachDisk"):
            await self.instances.show_disks(after, before)
        await self.settle()
        return {}

    async def deleted(self, resource: Resource) -> None:
        """Remove a resource."""
        self.books.going(resource)
        try:
            with _told():
                if resource.type == _INSTANCE:
                    await self.instances.remove(resource)
                elif resource.type in ("compute.disks", "compute.snapshots"):
                    await self.instances.disks.remove(resource.link)
                elif resource.type == "container.clusters":
                    await self.kubernetes.remove(resource)
                elif resource.type == "container.nodePools":
                    await self._scale(resource)
                if resource.type in NETWORKING:
                    await self.settle()
        except BaseException:
            self.books.stays(resource)
            raise

    async def query(
        self, resource: Resource, method: str, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Answer with what was measured."""
        if method.endswith("ackendServices.getHealth"):
            group = self.books.get(body.get("group", ""))
            members = [names.key(link) for link in members_of(group)] if group else []
            service = names.key(resource.link)
            return backend_health(service, members, self._networks(), self.watch.healthy())
        return None

    async def _scale(self, pool: Resource) -> None:
        """Let a cluster's nodes follow its pools."""
        parent = self.books.get(pool.link.partition("/nodePools/")[0])
        if parent and parent.body.get("status") not in ("PROVISIONING", "STOPPING"):
            await self.kubernetes.scale(parent)

    # -- for others of the emulator
    async def tunnel(
        self, instance: Resource, port: int, nic: int = 0
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection to an instance as IAP does, from within its network.

        It needs no route of the machine, so that it never ends in another lab with the same range.

        Raises:
            OSError: nobody listens, or there is no such network.
            TimeoutError: the firewall drops what comes from 35.235.240.0/20.
        """
        leg = instance.body["networkInterfaces"][nic]
        space = names.network_namespace(self.lab, names.key(leg["network"]))
        async with asyncio.timeout(10):
            made = await sockets.connect(space, TUNNEL, leg["networkIP"], port)
            return await asyncio.open_connection(sock=made)

    def _networks(self) -> tuple[Network, ...]:
        return reading.networks(self.books, self.instances.living)

    async def settle(self) -> None:
        """Bring the machine to what is planned; who asks meanwhile is served by one further round."""
        self._asked += 1
        mine = self._asked
        async with self._lock:
            if self._done >= mine:
                return
            covers = self._asked
            await self._settle()
            self._done = covers

    async def _settle(self) -> None:
        """Plan and apply; a host that ended between the two is planned for once more, without it."""
        while True:
            living = self.instances.living
            try:
                return await self._apply()
            except CommandError:
                if self.instances.living == living:
                    raise

    async def _apply(self) -> None:
        networks = self._networks()
        draining, soonest = self._drains.follow(networks, time.monotonic())
        if soonest is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(soonest, lambda: asyncio.ensure_future(self._quietly()))
        todo = plan(self.lab, networks, Health(self.watch.healthy(), draining))
        await self._applier.apply(todo)
        spaces = {space.key: space.name for space in todo.spaces}
        self.watch.follow(probes(spaces, {one.key: list(one.balancers) for one in networks}))
        await self._resolvers.follow(spaces)
        clusters = {cluster(one).network for one in self.books.list("container.clusters")}
        await self._identities.follow({key: spaces[key] for key in clusters & set(spaces)})

    async def _quietly(self) -> None:
        try:
            await self.settle()
        except (CommandError, OSError) as error:
            print(f"fabric: {error}", flush=True)

    async def _listen(self) -> None:
        """Follow hosts that die, or are started, beside the API."""
        async for name, event in self.instances.hosts.events():
            for machine in self.books.list(_INSTANCE):
                if names.container(self.lab, machine.name) == name:
                    await self._happened(machine, event)

    async def _happened(self, machine: Resource, event: str) -> None:
        key, before = names.key(machine.link), dict(self.instances.processes)
        if key in self.instances.busy:
            return
        await self.instances.adopt(key, machine.name)
        if self.instances.processes.get(key) == before.get(key):
            return
        status = "RUNNING" if key in self.instances.processes else "TERMINATED"
        print(f"fabric: {machine.name}: {event} beside the API, now {status}", flush=True)
        with contextlib.suppress(Exception):
            self.world.update(machine.link, {"status": status})
        await self._quietly()


def _with(resource: Resource, **fields: Any) -> Resource:
    return replace(resource, body=copy.deepcopy({**resource.body, **fields}))


@contextlib.contextmanager
def _told() -> Any:
    """Tell what the machine refused as an operation's error."""
    try:
        yield
    except (CommandError, OSError) as error:
        raise BackendError("INTERNAL_ERROR", f"The lab's machine refused: {error}") from error
