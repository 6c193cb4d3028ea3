from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.failures import from_answer
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.base import Handler

from tests.unit.gcp.test_plan import DISK, INSTANCE, NETWORK, SUBNETWORK, URL, live_instance
from tests.unit.gcp.world import PROJECT, REGION, FakeClient, a_cloud, handlers


def brought(text: str, live: dict[str, Any], name: str, **there: Any) -> list[tuple[str, Any]]:
    """The calls by which the resource of that name is brought to what is declared."""
    cloud, client = a_cloud(there.get("there"))

    async def go() -> None:
        handler = next(each for each in handlers(cloud, text) if each.resource.name == name)
        await handler.update(live, handler.compare(live))

    asyncio.run(go())
    return client.calls


def made(text: str, name: str, there: dict[str, Any] | None = None) -> FakeClient:
    cloud, client = a_cloud(there)
    handler = next(each for each in handlers(cloud, text) if each.resource.name == name)
    asyncio.run(handler.create())
    return client


def pool(body: str) -> str:
    return f"- {{type: container.nodePools, name: p, location: {REGION}, cluster: c, body: {body}}}"


@pytest.mark.parametrize(
    "text, live, calls",
    [
        (
            NETWORK.replace("}}", ", routingConfig: {routingMode: GLOBAL}}}"),
            {"autoCreateSubnetworks": False, "routingConfig": {"routingMode": "REGIONAL"}},
            [("compute.networks.patch", {"routingConfig": {"routingMode": "GLOBAL"}})],
        ),
        (NETWORK, {"autoCreateSubnetworks": True}, [("compute.networks.switchToCustomMode", {})]),
        (
            "- {type: compute.addresses, name: platform, body: {labels: {a: b, c: null}}}",
            {"labels": {"c": "d", "theirs": "x"}, "labelFingerprint": "f="},
            [
                (
                    "compute.addresses.setLabels",
                    {"labels": {"a": "b", "theirs": "x"}, "labelFingerprint": "f="},
                )
            ],
        ),
        (
            DISK.replace("data", "platform"),
            {"sizeGb": "50"},
            [("compute.disks.resize", {"sizeGb": "100"})],
        ),
        (
            "- {type: compute.instanceGroups, name: platform, zone: a-b-c, body: {instances: [a, b]}}",
            {"instances": [f"{URL}/zones/a-b-c/instances/b", f"{URL}/zones/a-b-c/instances/x"]},
            [
                (
                    "compute.instanceGroups.addInstances",
                    {"instances": [{"instance": f"projects/{PROJECT}/zones/a-b-c/instances/a"}]},
                ),
                (
                    "compute.instanceGroups.removeInstances",
                    {"instances": [{"instance": f"{URL}/zones/a-b-c/instances/x"}]},
                ),
            ],
        ),
        (
            """- {type: compute.securityPolicies, name: platform, body: {rules: [{priority: 1, action: allow},
                {priority: 2, action: 'deny(403)'}]}}""",
            {"rules": [{"priority": 1, "action": "deny(403)", "preview": True}, {"priority": 3}]},
            [
                ("compute.securityPolicies.removeRule", {"priority": "3"}),
                (
                    "compute.securityPolicies.patchRule",
                    {"priority": 1, "action": "allow", "preview": True},
                ),
                ("compute.securityPolicies.addRule", {"priority": 2, "action": "deny(403)"}),
            ],
        ),
    ],
)
def test_compute_is_changed_by_the_right_method(text, live, calls):
    assert brought(text, live, "platform") == calls


@pytest.mark.parametrize(
    "more, live, calls",
    [
        (
            "tags: {items: [a]}",
            {"tags": {"items": ["b"], "fingerprint": "f="}},
            [("compute.instances.setTags", {"items": ["a"], "fingerprint": "f="})],
        ),
        (
            "metadata: {items: [{key: a, value: b}]}",
            {"metadata": {"items": [{"key": "x", "value": "y"}], "fingerprint": "f="}},
            [
                (
                    "compute.instances.setMetadata",
                    {
                        "items": [{"key": "a", "value": "b"}, {"key": "x", "value": "y"}],
                        "fingerprint": "f=",
                    },
                )
            ],
        ),
        ("status: TERMINATED", {}, [("compute.instances.stop", {})]),
        (
            "deletionProtection: true",
            {},
            [("compute.instances.setDeletionProtection", {"deletionProtection": "true"})],
        ),
    ],
)
def test_instances_are_changed_by_the_right_method(more, live, calls):
    text = NETWORK + SUBNETWORK + DISK + INSTANCE + f"    {more}\n"
    found = brought(text, {**live_instance(), **live}, "db")
    assert [
        (name, {k: v for k, v in body.items() if k != "requestId"}) for name, body in found
    ] == calls


def ranges(**given: str) -> list[dict[str, str]]:
    return [{"rangeName": name, "ipCidrRange": cidr} for name, cidr in given.items()]


@pytest.mark.parametrize(
    "before, sent",
    [
        (ranges(pods="10.64.0.0/14"), [["pods", "services"]]),
        (
            ranges(pods="10.64.0.0/14", services="10.96.0.0/20", old="10.99.0.0/20"),
            [["pods", "services"]],
        ),
        (ranges(pods="10.64.0.0/14", old="10.96.0.0/16"), [["pods"], ["pods", "services"]]),
    ],
    ids=["added", "removed", "both"],
)
def test_secondary_ranges_are_added_and_removed_in_two_requests(before, sent):
    services = "{rangeName: services, ipCidrRange: 10.96.0.0/20}"
    wanted = f"secondaryIpRanges: [{{rangeName: pods, ipCidrRange: 10.64.0.0/14}}, {services}]"
    text = NETWORK + SUBNETWORK.replace("/20}", f"/20, {wanted}}}")
    live = {"network": f"{URL}/global/networks/platform", "ipCidrRange": "10.20.0.0/20"}
    calls = brought(text, {**live, "secondaryIpRanges": before, "fingerprint": "f="}, "main")
    assert {name for name, _body in calls} == {"compute.subnetworks.patch"}
    assert all(body["fingerprint"] == "f=" for _name, body in calls)
    found = [[each["rangeName"] for each in body["secondaryIpRanges"]] for _name, body in calls]
    assert found == sent


def test_another_secondary_range_of_the_same_name_is_another_subnetwork():
    wanted = "secondaryIpRanges: [{rangeName: pods, ipCidrRange: 10.64.0.0/14}]"
    text = NETWORK + SUBNETWORK.replace("/20}", f"/20, {wanted}}}")
    live = {"network": f"{URL}/global/networks/platform", "ipCidrRange": "10.20.0.0/20"}
    own = handlers(a_cloud()[0], text)[1]
    for before, verdict in ((ranges(pods="10.68.0.0/14"), "replace"), ([], "in_place")):
        there = {**live, "secondaryIpRanges": before}
        assert [own.verdict(change, there) for change in own.compare(there)] == [verdict]


def test_all_that_needs_an_instance_stopped_is_done_in_one_stop():
    text = NETWORK + SUBNETWORK + DISK + INSTANCE + "    minCpuPlatform: Intel Ice Lake\n"
    calls = brought(text, live_instance("e2-small"), "db")
    assert [name.rpartition(".")[2] for name, _body in calls] == [
        "stop",
        "setMachineType",
        "setMinCpuPlatform",
        "start",
    ]


def test_a_disk_that_is_not_attached_is_attached_and_others_stay():
    live = live_instance()
    live["disks"] = [
        live["disks"][0],
        {"deviceName": "theirs", "source": f"{URL}/zones/asia-southeast1-a/disks/x"},
    ]
    ((name, body),) = brought(NETWORK + SUBNETWORK + DISK + INSTANCE, live, "db")
    assert name == "compute.instances.attachDisk"
    assert body["source"].endswith("/disks/data")


@pytest.mark.parametrize(
    "body, live, calls",
    [
        (
            "{autoscaling: {enabled: true, minNodeCount: 1, maxNodeCount: 9}}",
            {
                "autoscaling": {
                    "enabled": True,
                    "minNodeCount": 1,
                    "maxNodeCount": 3,
                    "locationPolicy": "BALANCED",
                }
            },
            [
                (
                    "setAutoscaling",
                    {
                        "autoscaling": {
                            "enabled": True,
                            "minNodeCount": 1,
                            "maxNodeCount": 9,
                            "locationPolicy": "BALANCED",
                        }
                    },
                )
            ],
        ),
        ("{initialNodeCount: 3}", {"initialNodeCount": 0}, [("setSize", {"nodeCount": 3})]),
        (
            "{management: {autoUpgrade: false}}",
            {"management": {"autoUpgrade": True, "autoRepair": True}},
            [("setManagement", {"management": {"autoUpgrade": False, "autoRepair": True}})],
        ),
        (
            "{config: {labels: {a: b}, tags: [x]}}",
            {"config": {"labels": {"c": "d"}, "machineType": "e2"}},
            [
                ("update", {"labels": {"labels": {"c": "d", "a": "b"}}}),
                ("update", {"tags": {"tags": ["x"]}}),
            ],
        ),
    ],
)
def test_node_pools_are_changed_by_the_right_method(body, live, calls):
    found = brought(pool(body), live, "p")
    assert [(name.rpartition(".")[2], sent) for name, sent in found] == calls


def sized(bounds: str, sizes: list[int]) -> tuple[list[str], list[Any]]:
    """Fields that differ and sizes that are sent, of an autoscaled pool with so many nodes in its zones."""
    zones = [f"{REGION}-{'abc'[number]}" for number in range(len(sizes))]
    managers = [f"projects/{PROJECT}/zones/{zone}/instanceGroupManagers/g" for zone in zones]
    link = f"projects/{PROJECT}/locations/{REGION}/clusters/c/nodePools/p"
    there: dict[str, Any] = {
        each: {"targetSize": size} for each, size in zip(managers, sizes, strict=True)
    }
    there[link] = {
        "autoscaling": yaml.safe_load(f"{{enabled: true, {bounds}}}"),
        "initialNodeCount": 0,
        "locations": zones,
        "instanceGroupUrls": [f"https://www.googleapis.com/compute/v1/{each}" for each in managers],
    }
    cloud, client = a_cloud(there)
    (own,) = handlers(
        cloud, pool(f"{{initialNodeCount: 0, autoscaling: {{enabled: true, {bounds}}}}}")
    )

    async def go() -> list[str]:
        live = await own.read() or {}
        changes = own.compare(live)
        await own.update(live, changes)
        return [change.field for change in changes]

    found = asyncio.run(go())
    assert {name.rpartition(".")[2] for name, _body in client.calls} <= {"setSize"}
    return found, [body["nodeCount"] for _name, body in client.calls]


@pytest.mark.parametrize(
    "bounds, sizes, sent",
    [
        ("minNodeCount: 3, maxNodeCount: 9", [0], [3]),
        ("minNodeCount: 3, maxNodeCount: 9", [3], []),
        ("minNodeCount: 3, maxNodeCount: 9", [9], []),
        ("minNodeCount: 1, maxNodeCount: 9", [3, 0, 3], [1]),
        ("totalMinNodeCount: 3, totalMaxNodeCount: 9", [0, 0, 0], [1]),
        ("totalMinNodeCount: 3, totalMaxNodeCount: 9", [1, 1, 1], []),
        ("totalMinNodeCount: 3, totalMaxNodeCount: 9", [3, 0, 0], []),
        ("totalMinNodeCount: 5, totalMaxNodeCount: 9", [2, 1, 1], [2]),
        ("totalMinNodeCount: 5, totalMaxNodeCount: 9", [2, 2, 1], []),
        ("totalMinNodeCount: 0, totalMaxNodeCount: 9", [0, 0, 0], []),
    ],
)
def test_an_autoscaled_pool_is_only_brought_up_to_its_lower_bound(bounds, sizes, sent):
    assert sized(bounds, sizes) == (["initialNodeCount"] if sent else [], sent)


def test_labels_that_an_insertion_does_not_take_are_set_after_it():
    link = f"projects/{PROJECT}/regions/{REGION}/addresses/a"
    cloud, client = a_cloud({link: {"labelFingerprint": "f="}})
    (handler,) = handlers(cloud, "- {type: compute.addresses, name: a, body: {labels: {b: c}}}")
    asyncio.run(handler.create())
    assert [name for name, _body in client.calls] == [
        "compute.addresses.insert",
        "compute.addresses.setLabels",
    ]


def test_what_a_cluster_refuses_while_it_changes_is_tried_again():
    cloud, client = a_cloud()
    (handler,) = handlers(cloud, pool("{initialNodeCount: 1}"))
    busy = GcpError("failed", "Cluster is running incompatible operation operation-1.", "", 400)
    client.failures["container.projects.locations.clusters.nodePools.create"] = [busy]
    asyncio.run(handler.create())
    assert len(client.calls) == 2


def test_each_field_of_a_cluster_is_an_update_of_its_own():
    text = f"""
- type: container.clusters
  name: c
  location: {REGION}
  body:
    initialNodeCount: 1
    releaseChannel: {{channel: STABLE}}
    networkConfig: {{enableIntraNodeVisibility: true}}
    resourceLabels: {{a: b}}
"""
    live = {"releaseChannel": {"channel": "RAPID"}, "labelFingerprint": "f="}
    calls = brought(text, live, "c")
    assert [(name.rpartition(".")[2], sent) for name, sent in calls] == [
        ("update", {"update": {"desiredReleaseChannel": {"channel": "STABLE"}}}),
        ("update", {"update": {"desiredIntraNodeVisibilityConfig": {"enabled": True}}}),
        ("setResourceLabels", {"resourceLabels": {"a": "b"}, "labelFingerprint": "f="}),
    ]


PRIVATE = f"""
- type: container.clusters
  name: c
  location: {REGION}
  body:
    initialNodeCount: 1
    privateClusterConfig:
      enablePrivateNodes: true
      enablePrivateEndpoint: true
      masterIpv4CidrBlock: 172.16.0.0/28
      masterGlobalAccessConfig: {{enabled: true}}
"""
PRIVATE_LIVE = {
    "enablePrivateNodes": True,
    "enablePrivateEndpoint": True,
    "masterIpv4CidrBlock": "172.16.0.0/28",
    "masterGlobalAccessConfig": {"enabled": True},
    "privateEndpoint": "172.16.0.2",
}


@pytest.mark.parametrize(
    "other, found",
    [
        ({"masterIpv4CidrBlock": "172.16.0.16/28"}, ["replace"]),
        ({"enablePrivateNodes": False}, ["replace"]),
        ({"enablePrivateEndpoint": False}, ["in_place"]),
        ({"masterGlobalAccessConfig": {"enabled": False}}, ["in_place"]),
        ({"masterGlobalAccessConfig": None}, ["in_place"]),
        ({}, []),
    ],
)
def test_of_a_private_cluster_only_two_things_can_be_changed(other, found):
    live = {"privateClusterConfig": {**PRIVATE_LIVE, **other}}
    (own,) = handlers(a_cloud()[0], PRIVATE)
    assert [own.verdict(change, live) for change in own.compare(live)] == found


def test_a_private_cluster_cannot_become_another_kind():
    (own,) = handlers(
        a_cloud()[0], f"{PRIVATE.partition('privateClusterConfig')[0]}privateClusterConfig: null"
    )
    live = {"privateClusterConfig": PRIVATE_LIVE}
    assert [own.verdict(change, live) for change in own.compare(live)] == ["replace"]


def test_what_can_be_changed_of_a_private_cluster_is_sent_without_the_rest():
    other = {"masterGlobalAccessConfig": {"enabled": False}, "enablePrivateEndpoint": False}
    calls = brought(PRIVATE, {"privateClusterConfig": {**PRIVATE_LIVE, **other}}, "c")
    assert [body for _name, body in calls] == [
        {"update": {"desiredEnablePrivateEndpoint": True}},
        {
            "update": {
                "desiredPrivateClusterConfig": {"masterGlobalAccessConfig": {"enabled": True}}
            }
        },
    ]


def test_a_secret_gets_a_value_once():
    text = (
        "- {type: secretmanager.secrets, name: s, "
        "body: {replication: {automatic: {}}}, payload: {generate: {length: 24}}}"
    )
    client = made(text, "s")
    (_created, (name, body)) = client.calls
    assert name.endswith("addVersion")
    assert len(base64.b64decode(body["payload"]["data"])) == 24
    link = f"projects/{PROJECT}/secrets/s"
    there = {
        link: {"replication": {"automatic": {}}},
        f"{link}/versions/latest": {"state": "ENABLED"},
    }
    cloud, client = a_cloud(there)
    (handler,) = handlers(cloud, text)
    live = asyncio.run(handler.read())
    assert live is not None
    assert handler.compare(live) == []


def test_a_secret_with_another_value_gets_a_version_and_neither_is_told():
    text = (
        "- {type: secretmanager.secrets, name: s, "
        "body: {replication: {automatic: {}}}, payload: {value: new-value}}"
    )
    link = f"projects/{PROJECT}/secrets/s"
    held = base64.b64encode(b"old-value").decode()
    there = {
        link: {"replication": {"automatic": {}}},
        f"{link}/versions/latest:access": {"payload": {"data": held}},
    }
    cloud, _client = a_cloud(there)
    (handler,) = handlers(cloud, text)
    live = asyncio.run(handler.read())
    assert live is not None
    found = handler.compare(live)
    assert [change.field for change in found] == ["payload"]
    assert "value" not in repr(found) + repr(live) + repr(handler.resource)


def test_what_an_interrupted_run_made_is_taken_over():
    there = {
        f"projects/{PROJECT}/global/networks/platform": {
            "autoCreateSubnetworks": False,
            "routingConfig": {"routingMode": "REGIONAL"},
        }
    }
    cloud, client = a_cloud(there)
    (handler,) = handlers(cloud, NETWORK.replace("}}", ", routingConfig: {routingMode: GLOBAL}}}"))
    client.failures["compute.networks.insert"] = [
        GcpError("already_exists", "there", "alreadyExists", 409)
    ]
    asyncio.run(handler.create())
    assert [name for name, _body in client.calls] == [
        "compute.networks.insert",
        "compute.networks.patch",
    ]


BUCKET = "- {type: storage.buckets, name: airpay, body: {location: asia-southeast1}}"
CONFLICT = {"error": {"message": "You already own it.", "errors": [{"reason": "conflict"}]}}


def test_a_bucket_that_the_same_request_made_before_is_taken_over():
    there = {"b/airpay": {"location": "ASIA-SOUTHEAST1"}, "b": {"items": [{"name": "airpay"}]}}
    cloud, client = a_cloud(there)
    (own,) = handlers(cloud, BUCKET)
    client.failures["storage.buckets.insert"] = [from_answer(409, CONFLICT)]
    asyncio.run(own.create())
    assert [name for name, _body in client.calls] == ["storage.buckets.insert"]


@pytest.mark.parametrize("seen", [True, False])
def test_a_bucket_of_others_is_not_taken_over(seen):
    cloud, client = a_cloud({"b/airpay": {"projectNumber": "7"}, "b": {"items": []}})
    if not seen:
        plain = client.send

        async def send(method: str, url: str, *more: Any, **options: Any) -> dict[str, Any]:
            if url.endswith("/b/airpay"):
                raise GcpError("permission_denied", "No.", "forbidden", 403)
            return await plain(method, url, *more, **options)

        client.send = send  # type: ignore[method-assign]
    (own,) = handlers(cloud, BUCKET)
    client.failures["storage.buckets.insert"] = [from_answer(409, CONFLICT)]
    with pytest.raises(GcpError) as refused:
        asyncio.run(own.create())
    assert refused.value.reason == "already_exists"
    assert "the name is taken by a bucket" in str(refused.value)
    assert "meanwhile" not in str(refused.value)


def test_what_has_the_name_and_cannot_be_changed_is_not_taken_over():
    there = {
        f"projects/{PROJECT}/global/networks/platform": {
            "autoCreateSubnetworks": False,
            "description": "theirs",
        }
    }
    cloud, client = a_cloud(there)
    (handler,) = handlers(cloud, NETWORK.replace("}}", ", description: ours}}"))
    client.failures["compute.networks.insert"] = [
        GcpError("already_exists", "there", "alreadyExists", 409)
    ]
    with pytest.raises(GcpError, match="there"):
        asyncio.run(handler.create())


def test_what_is_gone_already_is_deleted():
    cloud, client = a_cloud()
    handler: Handler
    (handler,) = handlers(cloud, NETWORK)
    client.failures["compute.networks.delete"] = [GcpError("not_found", "gone", "notFound", 404)]
    asyncio.run(handler.delete())
