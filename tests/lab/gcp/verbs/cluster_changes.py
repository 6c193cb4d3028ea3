"""Changes of clusters that are there."""

from __future__ import annotations

import copy
import secrets
from typing import TYPE_CHECKING, Any

from tests.lab.gcp import crud
from tests.lab.gcp.clock import fingerprint
from tests.lab.gcp.errors import malformed, stale
from tests.lab.gcp.fields import merge
from tests.lab.gcp.verbs import node_pools
from tests.lab.gcp.verbs.busy import busy
from tests.lab.gcp.verbs.registry import handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator
    from tests.lab.gcp.store import Record

Body = dict[str, Any]
#: desired… fields of an update that lead elsewhere than their names say.
_ELSEWHERE: dict[str, tuple[str, ...]] = {
    "clusterAutoscaling": ("autoscaling",),
    "masterVersion": ("currentMasterVersion",),
    "datapathProvider": ("networkConfig", "datapathProvider"),
    "dnsConfig": ("networkConfig", "dnsConfig"),
    "gatewayApiConfig": ("networkConfig", "gatewayApiConfig"),
    "defaultSnatStatus": ("networkConfig", "defaultSnatStatus"),
    "serviceExternalIpsConfig": ("networkConfig", "serviceExternalIpsConfig"),
    "enableFqdnNetworkPolicy": ("networkConfig", "enableFqdnNetworkPolicy"),
    "enableCiliumClusterwideNetworkPolicy": (
        "networkConfig",
        "enableCiliumClusterwideNetworkPolicy",
    ),
    "defaultEnablePrivateNodes": ("networkConfig", "defaultEnablePrivateNodes"),
    "enablePrivateEndpoint": ("privateClusterConfig", "enablePrivateEndpoint"),
    "networkPerformanceConfig": ("networkConfig", "networkPerformanceConfig"),
}
#: Together with others these say of which pool an update is.
_OF_POOL = {
    "desiredNodePoolId",
    "desiredImageType",
    "desiredNodeVersion",
    "desiredNodePoolAutoscaling",
}


@handles("container.clusters.update")
async def update(emulator: Emulator, call: Call) -> Body:
    """Change one thing of a cluster."""
    record = crud.find(emulator, call.key)
    busy(emulator, record.key, record.key)
    given = call.body.get("update") or {}
    wanted = [name for name in given if name.startswith("desired")]
    if not wanted:
        raise malformed("update", "Must specify a field to update.")
    if len(set(wanted) - _OF_POOL) > 1:
        words = f"Exactly one update can be applied with each request, not {', '.join(wanted)}."
        raise malformed("update", words)
    if set(wanted) & _OF_POOL:
        return await node_pools.by_cluster(emulator, call, record, given)
    name = wanted[0].removeprefix("desired")
    field = name[:1].lower() + name[1:]
    path = _ELSEWHERE.get(field, (field,))
    known = call.api.schemas["Cluster"]["properties"]
    if path[0] not in known:
        raise malformed("update", f"The emulator does not know what {wanted[0]} changes.")
    if wanted[0] == "desiredPrivateClusterConfig":
        _only_global_access(record, given[wanted[0]])

    def change(body: Body) -> Body:
        value = copy.deepcopy(given[wanted[0]])
        for word in reversed(path):
            value = {word: value}
        return merge(body, value)

    return await crud.mutate(emulator, call, record, change)


def _only_global_access(record: Record, given: Body) -> None:
    """All else of a private cluster stays, as the definition of desiredPrivateClusterConfig says."""
    held = record.body.get("privateClusterConfig", {})
    for name, value in given.items():
        if name != "masterGlobalAccessConfig" and value != held.get(name):
            words = (
                f"master_global_access_config is the only field that can be changed, not {name}."
            )
            raise malformed("update.desired_private_cluster_config", words)


#: Verb → (field of the request, field of the cluster).
_SETTERS = {
    "setAddons": ("addonsConfig", "addonsConfig"),
    "setLogging": ("loggingService", "loggingService"),
    "setMonitoring": ("monitoringService", "monitoringService"),
    "setLocations": ("locations", "locations"),
    "setNetworkPolicy": ("networkPolicy", "networkPolicy"),
    "updateMaster": ("masterVersion", "currentMasterVersion"),
}


@handles(*(f"container.clusters.{verb}" for verb in _SETTERS))
async def set_field(emulator: Emulator, call: Call) -> Body:
    """The older way to change one thing."""
    record = crud.find(emulator, call.key)
    busy(emulator, record.key, record.key)
    source, field = _SETTERS[call.method.name]
    value = call.body.get(source)

    def change(body: Body) -> Body:
        return merge(body, {field: copy.deepcopy(value)})

    return await crud.mutate(emulator, call, record, change)


@handles("container.clusters.setMaintenancePolicy")
async def maintenance(emulator: Emulator, call: Call) -> Body:
    """Replace the maintenance windows; the resource version has to be the current one."""
    record = crud.find(emulator, call.key)
    busy(emulator, record.key, record.key)
    given = dict(call.body.get("maintenancePolicy") or {})
    held = record.body["maintenancePolicy"]["resourceVersion"]
    if given.get("resourceVersion") not in (None, held):
        raise stale("The resource version of the maintenance policy is not the current one.")
    given["resourceVersion"] = secrets.token_hex(4)

    def change(body: Body) -> Body:
        return {**body, "maintenancePolicy": given}

    return await crud.mutate(emulator, call, record, change)


@handles("container.clusters.setResourceLabels")
async def labels(emulator: Emulator, call: Call) -> Body:
    """Replace the labels; the fingerprint has to be the current one."""
    record = crud.find(emulator, call.key)
    busy(emulator, record.key, record.key)
    given = call.body.get("labelFingerprint")
    if given != record.body.get("labelFingerprint"):
        raise stale("Labels fingerprint either invalid or resource labels have changed")

    def change(body: Body) -> Body:
        kept = {name: value for name, value in body.items() if name != "resourceLabels"}
        made = dict(call.body.get("resourceLabels", {}))
        kept["labelFingerprint"] = fingerprint(made)
        return kept | ({"resourceLabels": made} if made else {})

    return await crud.mutate(emulator, call, record, change)
