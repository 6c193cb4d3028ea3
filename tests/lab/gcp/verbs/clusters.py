"""Clusters of container.v1."""

from __future__ import annotations

import base64
import copy
import ipaddress
import secrets
from typing import TYPE_CHECKING, Any

from tests.lab.gcp.clock import fingerprint
from tests.lab.gcp.defaults import CHANGED, COMPLETED, DELETABLE, DELETED, PREPARE, hook
from tests.lab.gcp.errors import malformed
from tests.lab.gcp.fields import setter
from tests.lab.gcp.links import last, parse, path_of, region_of
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs import node_groups, node_pools
from tests.lab.gcp.verbs.busy import busy
from tests.lab.gcp.verbs.registry import SHOWN, handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
VERSION = "1.33.5-gke.1201000"


@hook(PREPARE, "container.clusters")
def prepare(emulator: Emulator, _: Call, record: Record) -> None:
    """Fill in a cluster and plan its node pools."""
    body = record.body
    pools = body.pop("nodePools", None)
    count = int(body.pop("initialNodeCount", 0))
    _place(emulator, record)
    _ranges(emulator, record)
    if bool(pools) == bool(count) and not body.get("autopilot", {}).get("enabled"):
        words = "Exactly one of cluster.initial_node_count and cluster.node_pools has to be set."
        raise malformed("cluster", words)
    _fill(record)
    usual = {
        "name": "default-pool",
        "initialNodeCount": count,
        "config": body.get("nodeConfig", {}),
    }
    planned = pools or ([usual] if count else [])
    names = [pool.get("name") for pool in planned]
    if len(set(names)) < len(names):
        raise malformed("cluster.node_pools", "Every node pool needs a name of its own.")
    made = [node_pools.plan(record, copy.deepcopy(pool)) for pool in planned]
    record.secret["made_with"] = [pool.key for pool in made]
    for pool in made:
        emulator.store.add(pool, f"{record.key}/nodePools")


def _place(emulator: Emulator, record: Record) -> None:
    body = record.body
    for field, kind in (("network", "networks"), ("subnetwork", "subnetworks")):
        given = str(body.get(field) or ("default" if field == "network" else ""))
        if not given:
            raise malformed(f"cluster.{field}", f"Cluster.{field} has to be specified.")
        key = _key(record, given, kind)
        found = emulator.store.get(key)
        if found is None or not found.ready:
            place = path_of(key)
            raise malformed(f"cluster.{field}", f'{kind[:-1].title()} "{place}" does not exist.')
        body[field] = last(key)
        body.setdefault("networkConfig", {})[field] = path_of(key)


def _key(record: Record, given: str, kind: str) -> str:
    if "/" in given:
        return parse(given, "compute", record.project, region_of(record.location)) or given
    place = "global" if kind == "networks" else f"regions/{region_of(record.location)}"
    return f"compute/projects/{record.project}/{place}/{kind}/{given}"


def _ranges(emulator: Emulator, record: Record) -> None:
    """Pods and services: secondary ranges of the subnetwork, by their names."""
    body = record.body
    policy = body.setdefault("ipAllocationPolicy", {})
    subnetwork = emulator.store.get(f"compute/{body['networkConfig']['subnetwork']}")
    held = subnetwork.body.get("secondaryIpRanges", []) if subnetwork else []
    known = {entry["rangeName"]: entry["ipCidrRange"] for entry in held}
    for what in ("cluster", "services"):
        name = policy.get(f"{what}SecondaryRangeName")
        if name and name not in known:
            words = f'Pod secondary range "{name}" does not exist in the subnetwork.'
            raise malformed(f"cluster.ip_allocation_policy.{what}_secondary_range_name", words)
        usual = {"cluster": "10.4.0.0/14", "services": "34.118.224.0/20"}[what]
        field = f"{what}Ipv4CidrBlock"
        policy[field] = known.get(name) or policy.get(field) or usual
        if not policy[field].startswith("/"):
            policy[f"{what}Ipv4Cidr"] = policy[field]
    policy["useIpAliases"] = True
    setter(policy, {"stackType": "IPV4", "podCidrOverprovisionConfig": {}})
    body["clusterIpv4Cidr"] = policy["clusterIpv4CidrBlock"]
    body["servicesIpv4Cidr"] = policy["servicesIpv4CidrBlock"]


def _fill(record: Record) -> None:
    body = record.body
    zonal = record.location[-2] == "-"
    zones = [record.location] if zonal else [f"{record.location}-{letter}" for letter in "abc"]
    setter(body, {"locations": zones, "loggingService": "logging.googleapis.com/kubernetes"})
    for zone in body["locations"]:
        if region_of(zone) != region_of(record.location):
            raise malformed("cluster.locations", f'Zone "{zone}" is not in {record.location}.')
    authority = base64.b64encode(f"emulated authority of {record.name}".encode()).decode()
    body |= {
        "zone": record.location,
        "id": secrets.token_hex(32),
        "status": "PROVISIONING",
        "initialClusterVersion": body.get("initialClusterVersion") or VERSION,
        "currentMasterVersion": VERSION,
        "currentNodeVersion": VERSION,
    }
    body["masterAuth"] = {**body.get("masterAuth", {}), "clusterCaCertificate": authority}
    setter(
        body,
        {
            "monitoringService": "monitoring.googleapis.com/kubernetes",
            "releaseChannel": {"channel": "REGULAR"},
            "shieldedNodes": {"enabled": True},
            "legacyAbac": {},
            "databaseEncryption": {"state": "DECRYPTED", "currentState": "CURRENT_STATE_DECRYPTED"},
            "defaultMaxPodsConstraint": {"maxPodsPerNode": "110"},
            "addonsConfig": {},
            "autopilot": {},
            "autoscaling": {"autoscalingProfile": "BALANCED"},
            "masterAuthorizedNetworksConfig": {},
            "networkPolicy": {},
            "nodePoolDefaults": {"nodeConfigDefaults": {"loggingConfig": {}}},
            "maintenancePolicy": {"resourceVersion": "e3b0c442"},
        },
    )
    if body.get("resourceLabels"):
        body["labelFingerprint"] = fingerprint(body["resourceLabels"])


def _endpoint(emulator: Emulator) -> str:
    number = len(list(emulator.store.of_type("container.clusters")))
    return str(ipaddress.IPv4Address("198.51.100.0") + (number % 250) + 1)


@hook(COMPLETED, "container.clusters")
def complete(emulator: Emulator, record: Record, body: Body) -> None:
    """The cluster answers; its pools run."""
    body["status"] = "RUNNING"
    private = body.get("privateClusterConfig")
    address = _endpoint(emulator)
    if private is not None:
        block = private.get("masterIpv4CidrBlock") or "172.16.0.0/28"
        inside = str(ipaddress.IPv4Network(block)[2])
        config = {**private, "privateEndpoint": inside, "publicEndpoint": address}
        body["privateClusterConfig"] = config
        if private.get("enablePrivateEndpoint"):
            config.pop("publicEndpoint")
            address = inside
    body.setdefault("endpoint", address)
    for key in record.secret.get("made_with", []):
        pool = emulator.store.get(key)
        if pool:
            pool.ready = True
            emulator.store.replace(pool, {**pool.body, "status": "RUNNING"})
            node_groups.make_groups(emulator, pool)
            emulator.later(node_pools.real(emulator, pool))


def _show(emulator: Emulator, record: Record) -> Body:
    pools = emulator.store.below(f"{record.key}/nodePools")
    bodies = [pool.body for pool in pools]
    body = dict(record.body)
    if bodies:
        body["nodePools"] = bodies
        body["nodeConfig"] = bodies[0]["config"]
        body["currentNodeCount"] = sum(node_groups.size(pool) for pool in pools)
        body["instanceGroupUrls"] = [
            link for shown in bodies for link in shown.get("instanceGroupUrls", [])
        ]
    return body


SHOWN["container.clusters"] = _show


@hook(DELETABLE, "container.clusters")
def deletable(emulator: Emulator, _: Call, record: Record) -> None:
    """Refuse while something is done to it."""
    busy(emulator, record.key, record.key)


@hook(DELETED, "container.clusters")
def forget(emulator: Emulator, record: Record) -> None:
    """Node pools go with their cluster."""
    for pool in emulator.store.below(f"{record.key}/nodePools"):
        node_groups.drop_groups(emulator, pool)
        emulator.later(emulator.backend.deleted(pool.resource()))
        emulator.store.remove(pool)


@hook(CHANGED, "container.clusters")
def relative(_: Emulator, __: Call, ___: Record, body: Body) -> None:
    """References are shown as names with slashes here."""
    for field in ("network", "subnetwork"):
        key = parse(body["networkConfig"][field])
        if key:
            body["networkConfig"][field] = path_of(key)


@handles("container.locations.getServerConfig", "container.zones.getServerconfig")
async def server_config(_: Emulator, __: Call) -> Body:
    """Tell which versions there are."""
    channels = [
        {"channel": name, "defaultVersion": VERSION, "validVersions": [VERSION]}
        for name in ("RAPID", "REGULAR", "STABLE")
    ]
    return {
        "defaultClusterVersion": VERSION,
        "validMasterVersions": [VERSION],
        "validNodeVersions": [VERSION],
        "defaultImageType": "COS_CONTAINERD",
        "validImageTypes": ["COS_CONTAINERD", "UBUNTU_CONTAINERD"],
        "channels": channels,
    }
