"""Node pools, with the instance groups that tell their sizes."""

from __future__ import annotations

import copy
import secrets
from typing import TYPE_CHECKING, Any

from tests.lab.gcp import catalogue, crud
from tests.lab.gcp.clock import fingerprint
from tests.lab.gcp.defaults import COMPLETED, DELETABLE, DELETED, PREPARE, SETTLED, hook
from tests.lab.gcp.errors import ApiError, malformed
from tests.lab.gcp.fields import merge, setter
from tests.lab.gcp.links import link_of
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs.busy import busy
from tests.lab.gcp.verbs.node_groups import drop_groups, make_groups
from tests.lab.gcp.verbs.registry import handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
_SCOPES = ("devstorage.read_only", "logging.write", "monitoring")


def _cluster(emulator: Emulator, key: str) -> Record:
    return crud.find(emulator, key.partition("/nodePools")[0])


def plan(cluster: Record, body: Body) -> Record:
    """Make the record of a pool that comes with a cluster."""
    name = str(body.get("name", ""))
    if not name:
        raise malformed("node_pool.name", "Node pool name has to be specified.")
    key = f"{cluster.key}/nodePools/{name}"
    record = Record(
        key, "container.nodePools", cluster.project, cluster.location, name, body, ready=False
    )
    body["selfLink"] = link_of(key)
    fill(record, cluster)
    body["etag"] = fingerprint(body)
    return record


def fill(record: Record, cluster: Record) -> None:
    """Fill in a pool."""
    body = record.body
    config = body["config"] = dict(body.get("config", {}))
    setter(
        config,
        {
            "machineType": "e2-medium",
            "diskSizeGb": 100,
            "diskType": "pd-balanced",
            "imageType": "COS_CONTAINERD",
            "oauthScopes": [f"https://www.googleapis.com/auth/{name}" for name in _SCOPES],
            "serviceAccount": "default",
            "metadata": {"disable-legacy-endpoints": "true"},
            "shieldedInstanceConfig": {"enableIntegrityMonitoring": True},
            "windowsNodeConfig": {},
            "effectiveCgroupMode": "EFFECTIVE_CGROUP_MODE_V2",
        },
    )
    if catalogue.machine(config["machineType"]) is None:
        words = f'Machine type with name "{config["machineType"]}" does not exist'
        raise malformed("node_pool.config.machine_type", f"{words} in {record.location}.")
    setter(
        body,
        {
            "initialNodeCount": 0,
            "locations": cluster.body["locations"],
            "management": {"autoUpgrade": True, "autoRepair": True},
            "maxPodsConstraint": {"maxPodsPerNode": "110"},
            "podIpv4CidrSize": 24,
            "upgradeSettings": {"maxSurge": 1, "strategy": "SURGE"},
            "version": cluster.body["currentMasterVersion"],
            "status": "PROVISIONING",
        },
    )
    usual = {
        "podRange": cluster.body["ipAllocationPolicy"].get("clusterSecondaryRangeName", "pods")
    }
    usual["podIpv4CidrBlock"] = cluster.body["clusterIpv4Cidr"]
    private = cluster.body.get("privateClusterConfig", {}).get("enablePrivateNodes", False)
    body["networkConfig"] = {
        "enablePrivateNodes": private,
        **usual,
        **body.get("networkConfig", {}),
    }
    _check_bounds(body)
    body["instanceGroupUrls"] = [_manager_link(record, cluster, zone) for zone in body["locations"]]


def _check_bounds(body: Body) -> None:
    bounds = body.get("autoscaling") or {}
    if not bounds.get("enabled"):
        return
    for low, high in (("minNodeCount", "maxNodeCount"), ("totalMinNodeCount", "totalMaxNodeCount")):
        if bounds.get(high, 0) < bounds.get(low, 0):
            words = f"{high} must not be smaller than {low}."
            raise malformed("node_pool.autoscaling", words)
    if not (bounds.get("maxNodeCount") or bounds.get("totalMaxNodeCount")):
        raise malformed("node_pool.autoscaling", "max_node_count must be at least 1.")


def _manager_link(record: Record, cluster: Record, zone: str) -> str:
    suffix = record.secret.setdefault("suffix", secrets.token_hex(4))
    name = f"gke-{cluster.name[:18]}-{record.name[:14]}-{suffix}-grp".replace("--", "-")
    key = f"compute/projects/{cluster.project}/zones/{zone}/instanceGroupManagers/{name}"
    return link_of(key)


async def real(emulator: Emulator, record: Record) -> None:
    """Tell the backend of a pool that came with its cluster."""
    extra = await emulator.backend.created(record.resource())
    emulator.store.replace(record, {**record.body, **extra})


@hook(PREPARE, "container.nodePools")
def prepare(emulator: Emulator, _: Call, record: Record) -> None:
    """Fill in a pool of a cluster that is there."""
    cluster = _cluster(emulator, record.key)
    crud.ready(cluster)
    _free(emulator, record.key)
    fill(record, cluster)


@hook(COMPLETED, "container.nodePools")
def complete(emulator: Emulator, record: Record, body: Body) -> None:
    """It runs."""
    body["status"] = "RUNNING"
    make_groups(emulator, record)


@hook(SETTLED, "container.nodePools")
def settled(emulator: Emulator, record: Record) -> None:
    """The managers follow the size."""
    if emulator.store.get(record.key):
        make_groups(emulator, record)


@hook(DELETABLE, "container.nodePools")
def deletable(emulator: Emulator, _: Call, record: Record) -> None:
    """Refuse while something is done to it, or to its cluster."""
    _free(emulator, record.key)


@hook(DELETED, "container.nodePools")
def deleted(emulator: Emulator, record: Record) -> None:
    """The managers go with the pool."""
    drop_groups(emulator, record)


def _free(emulator: Emulator, key: str) -> None:
    busy(emulator, key.partition("/nodePools")[0], key)


# -- changes
def _found(emulator: Emulator, call: Call) -> Record:
    record = crud.find(emulator, call.key)
    _free(emulator, record.key)
    return record


@handles("container.nodePools.setSize")
async def set_size(emulator: Emulator, call: Call) -> Body:
    """Set the number of nodes in each zone."""
    record = _found(emulator, call)
    count = int(call.body.get("nodeCount", 0))
    if not 0 <= count <= 1000:
        raise malformed("node_count", "The node count must be between 0 and 1000.")

    def change(body: Body) -> Body:
        return {**body, "initialNodeCount": count}

    return await crud.mutate(emulator, call, record, change)


@handles("container.nodePools.setAutoscaling", "container.nodePools.autoscaling")
async def set_autoscaling(emulator: Emulator, call: Call) -> Body:
    """Replace the bounds; nothing is scaled for them until there is load."""
    record = _found(emulator, call)
    return await crud.mutate(emulator, call, record, _bounded(call.body.get("autoscaling") or {}))


def _bounded(given: Body) -> crud.Change:
    _check_bounds({"autoscaling": given})

    def change(body: Body) -> Body:
        kept = {name: value for name, value in body.items() if name != "autoscaling"}
        if not given.get("enabled"):
            return kept
        return {**kept, "autoscaling": dict(given)}

    return change


@handles("container.nodePools.setManagement")
async def set_management(emulator: Emulator, call: Call) -> Body:
    """Replace repair and upgrade."""
    record = _found(emulator, call)

    def change(body: Body) -> Body:
        return {**body, "management": dict(call.body.get("management") or {})}

    return await crud.mutate(emulator, call, record, change)


#: Fields of an update that are not the node's configuration.
_OWN = {"locations": "locations", "upgradeSettings": "upgradeSettings", "nodeVersion": "version"}
_OWN |= {"nodeNetworkConfig": "networkConfig", "queuedProvisioning": "queuedProvisioning"}
#: Fields that are wrapped once more in the request.
_WRAPPED = {"labels": "labels", "taints": "taints", "tags": "tags", "resourceLabels": "labels"}
_ABOUT = {"clusterId", "nodePoolId", "name", "projectId", "zone", "etag", "imageProject"}


@handles("container.nodePools.update")
async def update(emulator: Emulator, call: Call) -> Body:
    """Change a pool's configuration; the nodes are made anew where Google does so."""
    record = _found(emulator, call)
    etag = call.body.get("etag")
    if etag and etag != record.body["etag"]:
        raise ApiError(409, "conflict", "The etag is not the current one.", "ABORTED")
    wanted: Body = {}
    for name, value in call.body.items():
        if name in _ABOUT:
            continue
        if name in _OWN:
            wanted[_OWN[name]] = value
        else:
            inner = value.get(_WRAPPED[name], {}) if name in _WRAPPED else value
            wanted.setdefault("config", {})[_named(call, name)] = inner
    if not wanted:
        raise malformed("", "At least one of node_version, image_type, … must be specified.")
    return await crud.mutate(emulator, call, record, _merged(wanted))


def _named(call: Call, name: str) -> str:
    known = call.api.schemas["NodeConfig"]["properties"]
    if name not in known:
        raise malformed(name, f"The emulator does not know what {name} changes.")
    return name


def _merged(wanted: Body) -> crud.Change:
    """Merge, but replace maps: what is not named in labels is no longer there."""

    def change(body: Body) -> Body:
        config = {**body["config"], **copy.deepcopy(wanted.get("config", {}))}
        if "diskSizeGb" in config:
            config["diskSizeGb"] = int(config["diskSizeGb"])
        others = {name: value for name, value in wanted.items() if name != "config"}
        merged: Body = merge(body, others)
        return {**merged, "config": config}

    return change


async def by_cluster(emulator: Emulator, call: Call, cluster: Record, given: Body) -> Body:
    """Change a pool by an update of its cluster."""
    pools = emulator.store.below(f"{cluster.key}/nodePools")
    name = given.get("desiredNodePoolId") or (pools[0].name if len(pools) == 1 else "")
    record = emulator.store.get(f"{cluster.key}/nodePools/{name}")
    if record is None:
        raise malformed("update.desired_node_pool_id", f'Node pool "{name}" not found.')
    if "desiredNodePoolAutoscaling" in given:
        change = _bounded(given["desiredNodePoolAutoscaling"])
    elif "desiredImageType" in given:
        change = _merged({"config": {"imageType": given["desiredImageType"]}})
    else:
        change = _merged({"version": given.get("desiredNodeVersion", record.body["version"])})
    return await crud.mutate(emulator, call, record, change)
