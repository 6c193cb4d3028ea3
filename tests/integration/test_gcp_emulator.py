"""The emulator of Google Cloud itself: what it refuses, what it fills in, how operations end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.gcp import Answer, Emulator

Body = dict[str, Any]
REGION, ZONE = "asia-southeast1", "asia-southeast1-a"


@pytest.fixture
def project(request: pytest.FixtureRequest) -> str:
    """A project of the test's own."""
    name = str(request.node.name).partition("[")[0].removeprefix("test_").replace("_", "-")
    return f"p-{name[:26]}".rstrip("-")


class Cloud:
    """One project, with what most tests need."""

    def __init__(self, gcp: Emulator, project: str) -> None:
        self.gcp, self.project = gcp, project

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        return self.gcp.compute(method, f"{self.project}/{path}", body, **query)

    def do(self, method: str, path: str, body: Any = None, **query: str) -> Body:
        answer = self.ask(method, path, body, **query)
        assert answer.status == 200, answer.body
        if answer.body.get("kind") == "compute#operation":
            assert answer.body["status"] == "DONE", answer.body
            assert "error" not in answer.body, answer.body
        found: Body = answer.body
        return found

    def get(self, path: str) -> Body:
        return self.do("GET", path)

    def network(self, name: str = "platform", **more: Any) -> str:
        self.do("POST", "global/networks", {"name": name, "autoCreateSubnetworks": False, **more})
        return f"projects/{self.project}/global/networks/{name}"

    def subnetwork(self, name: str, cidr: str, network: str = "platform", **more: Any) -> str:
        link = f"projects/{self.project}/global/networks/{network}"
        body = {"name": name, "network": link, "ipCidrRange": cidr, **more}
        self.do("POST", f"regions/{REGION}/subnetworks", body)
        return f"projects/{self.project}/regions/{REGION}/subnetworks/{name}"

    def instance(self, name: str, subnetwork: str, **more: Any) -> Body:
        image = "projects/debian-cloud/global/images/family/debian-13"
        body = {
            "name": name,
            "machineType": f"zones/{ZONE}/machineTypes/e2-small",
            "disks": [
                {"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": image}}
            ],
            "networkInterfaces": [{"subnetwork": subnetwork}],
            **more,
        }
        self.do("POST", f"zones/{ZONE}/instances", body)
        return self.get(f"zones/{ZONE}/instances/{name}")


@pytest.fixture
def cloud(gcp: Emulator, project: str) -> Cloud:
    return Cloud(gcp, project)


@pytest.fixture
def peopled(cloud: Cloud) -> Cloud:
    """A project with a network, a subnetwork, and an instance."""
    cloud.network()
    subnetwork = cloud.subnetwork("main", "10.20.0.0/24")
    cloud.instance("one", subnetwork)
    return cloud


# -- what is refused
@pytest.mark.parametrize(
    "body,words",
    [
        ({"autoCreateSubnetworkz": False}, "Unknown name \"autoCreateSubnetworkz\" at 'resource'"),
        ({"routingConfig": {"mode": 1}}, "Unknown name \"mode\" at 'resource.routing_config'"),
        ({"autoCreateSubnetworks": "no"}, "'resource.auto_create_subnetworks' (TYPE_BOOL), \"no\""),
        ({"routingConfig": {"routingMode": "WORLD"}}, "routing_mode"),
        ({"name": "Bad_Name"}, "Must be a match of regex"),
        ({"name": None}, "'resource.name' not specified"),
        ({"mtu": 10}, "Must be between 1300 and 8896"),
    ],
)
def test_bad_bodies_are_refused(cloud: Cloud, body: Body, words: str) -> None:
    refused = cloud.ask("POST", "global/networks", {"name": "platform"} | body)
    assert refused.status == 400
    assert words in refused.message
    assert cloud.ask("GET", "global/networks/platform").status == 404


def test_numbers_may_be_text(cloud: Cloud) -> None:
    network = cloud.network()
    rule = {"name": "r", "network": network, "priority": "900", "allowed": [{"IPProtocol": "tcp"}]}
    cloud.do("POST", "global/firewalls", rule)
    assert cloud.get("global/firewalls/r")["priority"] == 900
    cloud.do("POST", f"zones/{ZONE}/disks", {"name": "data", "sizeGb": 20})
    assert cloud.get(f"zones/{ZONE}/disks/data")["sizeGb"] == "20"


def test_parameters_are_checked(cloud: Cloud) -> None:
    assert "Cannot bind query" in cloud.ask("GET", "global/networks", maxResult="1").message
    assert cloud.ask("GET", "global/networks", maxResults="many").status == 400
    assert "Unknown zone" in cloud.ask("GET", "zones/mars-north1-a/instances").message
    assert "filter" in cloud.ask("GET", "global/networks", filter="name =").message


def test_references_are_resolved(cloud: Cloud) -> None:
    network = cloud.network()
    body = {"name": "main", "network": "global/networks/nothing", "ipCidrRange": "10.0.0.0/24"}
    missing = cloud.ask("POST", f"regions/{REGION}/subnetworks", body)
    assert (missing.status, missing.reason) == (400, "invalid")
    assert "The referenced network resource cannot be found." in missing.message
    wrong = cloud.ask("POST", f"regions/{REGION}/subnetworks", body | {"network": "platform"})
    assert "The URL is malformed." in wrong.message
    cloud.subnetwork("main", "10.0.0.0/24")
    assert cloud.get(f"regions/{REGION}/subnetworks/main")["network"].endswith(network)
    used = cloud.ask("DELETE", "global/networks/platform")
    assert (used.status, used.reason) == (400, "resourceInUseByAnotherResource")
    assert f"already being used by 'projects/{cloud.project}/regions/" in used.message
    cloud.do("DELETE", f"regions/{REGION}/subnetworks/main")
    cloud.do("DELETE", "global/networks/platform")
    assert "items" not in cloud.get("global/routes"), "the default route goes with its network"


def test_ranges_do_not_overlap(cloud: Cloud) -> None:
    network = cloud.network()
    more = [{"rangeName": "pods", "ipCidrRange": "10.64.0.0/14"}]
    cloud.subnetwork("main", "10.20.0.0/20", secondaryIpRanges=more)
    for cidr in ("10.20.8.0/24", "10.65.0.0/24"):
        body = {"name": "other", "network": network, "ipCidrRange": cidr}
        refused = cloud.ask("POST", "regions/asia-southeast2/subnetworks", body)
        assert f"{cidr} conflicts with existing subnetwork 'main'" in refused.message


def test_what_cannot_change_is_refused(cloud: Cloud) -> None:
    cloud.network()
    cloud.subnetwork("main", "10.20.0.0/24")
    path = f"regions/{REGION}/subnetworks/main"
    held = cloud.get(path)["fingerprint"]
    refused = cloud.ask("PATCH", path, {"ipCidrRange": "10.0.0.0/8", "fingerprint": held})
    assert "'resource.ipCidrRange'" in refused.message
    cloud.do("POST", f"{path}/expandIpCidrRange", {"ipCidrRange": "10.20.0.0/20"})
    assert cloud.get(path)["gatewayAddress"] == "10.20.0.1"


def test_secondary_ranges_come_or_go(cloud: Cloud) -> None:
    def sent(**ranges: str) -> str:
        listed = [{"rangeName": name, "ipCidrRange": cidr} for name, cidr in ranges.items()]
        held = cloud.get(path)["fingerprint"]
        body = {"secondaryIpRanges": listed, "fingerprint": held}
        return cloud.ask("PATCH", path, body).message

    cloud.network()
    cloud.subnetwork("main", "10.20.0.0/24")
    path = f"regions/{REGION}/subnetworks/main"
    assert sent(pods="10.64.0.0/14") == ""
    assert "Existing secondary range cannot be modified" in sent(pods="10.68.0.0/14")
    assert "Cannot add and remove secondary IP ranges" in sent(other="10.68.0.0/14")
    assert sent(pods="10.64.0.0/14", other="10.68.0.0/14") == ""
    assert sent(other="10.68.0.0/14") == ""


def test_stale_fingerprints_are_refused(peopled: Cloud) -> None:
    path = f"regions/{REGION}/subnetworks/main"
    logs = {"logConfig": {"enable": True}}
    assert peopled.ask("PATCH", path, logs).status == 412
    held = peopled.get(path)["fingerprint"]
    peopled.do("PATCH", path, logs | {"fingerprint": held})
    again = peopled.ask("PATCH", path, logs | {"fingerprint": held})
    assert (again.status, again.reason) == (412, "conditionNotMet")
    one = f"zones/{ZONE}/instances/one"
    old = peopled.get(one)
    tags = {"items": ["nat"], "fingerprint": old["tags"]["fingerprint"]}
    peopled.do("POST", f"{one}/setTags", tags)
    assert peopled.ask("POST", f"{one}/setTags", tags).status == 412
    labels = {"labels": {"a": "b"}, "labelFingerprint": old["labelFingerprint"]}
    peopled.do("POST", f"{one}/setLabels", labels)
    assert peopled.ask("POST", f"{one}/setLabels", labels).status == 412
    new = peopled.get(one)
    assert (new["labels"], new["tags"]["items"]) == ({"a": "b"}, ["nat"])


# -- what is filled in
def test_an_instance_is_complete(peopled: Cloud) -> None:
    made = peopled.get(f"zones/{ZONE}/instances/one")
    nic, disk = made["networkInterfaces"][0], made["disks"][0]
    assert (made["status"], nic["networkIP"], nic["name"]) == ("RUNNING", "10.20.0.2", "nic0")
    assert nic["network"].endswith("networks/platform")
    boot = peopled.get(f"zones/{ZONE}/disks/one")
    assert disk["source"] == boot["selfLink"]
    assert boot["users"] == [made["selfLink"]]
    assert (boot["sizeGb"], boot["sourceImage"].rpartition("-")[2]) == ("10", "v20261110")
    used = peopled.ask("DELETE", f"zones/{ZONE}/disks/one")
    assert used.reason == "resourceInUseByAnotherResource"
    peopled.do("DELETE", f"zones/{ZONE}/instances/one")
    assert peopled.ask("GET", f"zones/{ZONE}/disks/one").status == 404, "it goes with its host"


def test_addresses_are_given_and_kept(peopled: Cloud) -> None:
    link = f"projects/{peopled.project}/regions/{REGION}/subnetworks/main"
    body = {"name": "fixed", "addressType": "INTERNAL", "subnetwork": link, "address": "10.20.0.9"}
    peopled.do("POST", f"regions/{REGION}/addresses", body)
    peopled.do("POST", f"regions/{REGION}/addresses", {"name": "out"})
    out = peopled.get(f"regions/{REGION}/addresses/out")
    assert (out["status"], out["address"].rpartition(".")[0]) == ("RESERVED", "203.0.113")
    nic = {
        "subnetwork": link,
        "networkIP": "10.20.0.9",
        "accessConfigs": [{"natIP": out["address"]}],
    }
    made = peopled.instance("two", link, networkInterfaces=[nic])
    assert made["networkInterfaces"][0]["accessConfigs"][0]["natIP"] == out["address"]
    for name in ("fixed", "out"):
        held = peopled.get(f"regions/{REGION}/addresses/{name}")
        assert (held["status"], held["users"]) == ("IN_USE", [made["selfLink"]])
        refused = peopled.ask("DELETE", f"regions/{REGION}/addresses/{name}")
        assert refused.reason == "resourceInUseByAnotherResource"
    peopled.do("DELETE", f"zones/{ZONE}/instances/two")
    assert peopled.get(f"regions/{REGION}/addresses/fixed")["status"] == "RESERVED"
    peopled.do("DELETE", f"regions/{REGION}/addresses/fixed")


def test_firewall_rules_have_defaults(cloud: Cloud) -> None:
    network = cloud.network()
    rule = {"name": "ssh", "network": network, "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}]}
    cloud.do("POST", "global/firewalls", rule)
    made = cloud.get("global/firewalls/ssh")
    assert (made["priority"], made["direction"]) == (1000, "INGRESS")
    assert made["sourceRanges"] == ["0.0.0.0/0"]
    cloud.do(
        "PATCH", "global/firewalls/ssh", {"priority": 900, "sourceRanges": ["35.235.240.0/20"]}
    )
    assert cloud.get("global/firewalls/ssh")["sourceRanges"] == ["35.235.240.0/20"]
    bad = rule | {"name": "bad", "allowed": [{"IPProtocol": "icmp", "ports": ["22"]}]}
    assert "Ports cannot be specified" in cloud.ask("POST", "global/firewalls", bad).message


def test_peering_needs_both_sides(gcp: Emulator, cloud: Cloud) -> None:
    hub = Cloud(gcp, f"{cloud.project[:24]}-hub")
    links = {"here": cloud.network(), "there": hub.network()}

    def peer(at: Cloud, name: str) -> Body:
        body = {"name": name, "network": links[name], "exchangeSubnetRoutes": True}
        at.do("POST", "global/networks/platform/addPeering", {"networkPeering": body})
        found: Body = at.get("global/networks/platform")["peerings"][0]
        return found

    assert peer(cloud, "there")["state"] == "INACTIVE"
    assert peer(hub, "here")["state"] == "ACTIVE"
    assert cloud.get("global/networks/platform")["peerings"][0]["state"] == "ACTIVE"
    cloud.subnetwork("main", "10.20.0.0/24")
    body = {"name": "main", "network": links["there"], "ipCidrRange": "10.20.0.0/20"}
    refused = hub.ask("POST", f"regions/{REGION}/subnetworks", body)
    assert "conflicts with existing subnetwork" in refused.message
    update = {"networkPeering": {"name": "there", "exportCustomRoutes": True}}
    cloud.do("PATCH", "global/networks/platform/updatePeering", update)
    assert cloud.get("global/networks/platform")["peerings"][0]["exportCustomRoutes"]
    hub.do("POST", "global/networks/platform/removePeering", {"name": "here"})
    assert cloud.get("global/networks/platform")["peerings"][0]["state"] == "INACTIVE"


# -- life of an instance
def test_an_instance_stops_and_changes(peopled: Cloud) -> None:
    one = f"zones/{ZONE}/instances/one"
    larger = {"machineType": f"zones/{ZONE}/machineTypes/e2-standard-2"}
    assert "must be stopped" in peopled.ask("POST", f"{one}/setMachineType", larger).message
    peopled.do("POST", f"{one}/stop")
    assert peopled.get(one)["status"] == "TERMINATED"
    peopled.do("POST", f"{one}/setMachineType", larger)
    peopled.do("POST", f"{one}/start")
    made = peopled.get(one)
    assert (made["status"], made["machineType"].rpartition("/")[2]) == ("RUNNING", "e2-standard-2")
    peopled.do("POST", f"{one}/setDeletionProtection", deletionProtection="true")
    assert peopled.ask("DELETE", one).status == 412
    peopled.do("POST", f"{one}/setDeletionProtection", deletionProtection="false")
    peopled.do("DELETE", one)


def test_disks_are_attached_resized_and_copied(peopled: Cloud) -> None:
    one = f"zones/{ZONE}/instances/one"
    peopled.do("POST", f"zones/{ZONE}/disks", {"name": "data", "sizeGb": "20"})
    source = f"projects/{peopled.project}/zones/{ZONE}/disks/data"
    peopled.do("POST", f"{one}/attachDisk", {"source": source, "deviceName": "data"})
    assert [disk["deviceName"] for disk in peopled.get(one)["disks"]] == [
        "persistent-disk-0",
        "data",
    ]
    smaller = peopled.ask("POST", f"zones/{ZONE}/disks/data/resize", {"sizeGb": "10"})
    assert "must be larger" in smaller.message
    peopled.do("POST", f"zones/{ZONE}/disks/data/resize", {"sizeGb": "30"})
    peopled.do("POST", f"zones/{ZONE}/disks/data/createSnapshot", {"name": "frozen"})
    assert peopled.get("global/snapshots/frozen")["diskSizeGb"] == "30"
    copy = {"name": "copy", "sourceSnapshot": "global/snapshots/frozen"}
    assert "smaller" in peopled.ask("POST", f"zones/{ZONE}/disks", copy | {"sizeGb": "12"}).message
    peopled.do("POST", f"zones/{ZONE}/disks", copy)
    assert peopled.get(f"zones/{ZONE}/disks/copy")["sizeGb"] == "30"
    peopled.do("POST", f"{one}/detachDisk", deviceName="data")
    peopled.do("DELETE", f"zones/{ZONE}/disks/data")


def test_snapshot_schedules_are_attached(peopled: Cloud) -> None:
    hourly = {"hoursInCycle": 1, "startTime": "00:00"}
    policy = {"name": "hourly", "snapshotSchedulePolicy": {"schedule": {"hourlySchedule": hourly}}}
    peopled.do("POST", f"regions/{REGION}/resourcePolicies", policy)
    link = f"projects/{peopled.project}/regions/{REGION}/resourcePolicies/hourly"
    disk = f"zones/{ZONE}/disks/one"
    peopled.do("POST", f"{disk}/addResourcePolicies", {"resourcePolicies": [link]})
    assert peopled.get(disk)["resourcePolicies"][0].endswith(link)
    used = peopled.ask("DELETE", f"regions/{REGION}/resourcePolicies/hourly")
    assert used.reason == "resourceInUseByAnotherResource"
    peopled.do("POST", f"{disk}/removeResourcePolicies", {"resourcePolicies": [link]})
    assert "resourcePolicies" not in peopled.get(disk)


def test_an_internal_balancer_is_a_next_hop(peopled: Cloud) -> None:
    root = f"projects/{peopled.project}"
    one = f"{root}/zones/{ZONE}/instances/one"
    peopled.do("POST", f"zones/{ZONE}/instanceGroups", {"name": "nat"})
    members = {"instances": [{"instance": one}]}
    peopled.do("POST", f"zones/{ZONE}/instanceGroups/nat/addInstances", members)
    listed = peopled.do("POST", f"zones/{ZONE}/instanceGroups/nat/listInstances", {})
    assert [entry["status"] for entry in listed["items"]] == ["RUNNING"]
    check = {"name": "nat", "type": "HTTP", "httpHealthCheck": {"port": 8080}}
    peopled.do("POST", f"regions/{REGION}/healthChecks", check)
    service = {
        "name": "nat",
        "loadBalancingScheme": "INTERNAL",
        "protocol": "TCP",
        "healthChecks": [f"{root}/regions/{REGION}/healthChecks/nat"],
        "backends": [{"group": f"{root}/zones/{ZONE}/instanceGroups/nat"}],
    }
    peopled.do("POST", f"regions/{REGION}/backendServices", service)
    rule = {
        "name": "nat",
        "loadBalancingScheme": "INTERNAL",
        "subnetwork": f"{root}/regions/{REGION}/subnetworks/main",
        "backendService": f"{root}/regions/{REGION}/backendServices/nat",
        "allPorts": True,
    }
    peopled.do("POST", f"regions/{REGION}/forwardingRules", rule)
    hop = f"{root}/regions/{REGION}/forwardingRules/nat"
    network = f"{root}/global/networks/platform"
    route = {"name": "out", "network": network, "destRange": "0.0.0.0/0", "nextHopIlb": hop}
    peopled.do("POST", "global/routes", route | {"priority": 800})
    assert peopled.get("global/routes/out")["nextHopIlb"].endswith(hop)
    used = peopled.ask("DELETE", f"regions/{REGION}/forwardingRules/nat")
    assert "already being used by" in used.message
    group = {"group": f"{root}/zones/{ZONE}/instanceGroups/nat"}
    health = peopled.do("POST", f"regions/{REGION}/backendServices/nat/getHealth", group)
    assert health["healthStatus"][0]["healthState"] == "HEALTHY"


# -- lists
def test_lists_are_filtered_and_paged(cloud: Cloud) -> None:
    network = cloud.network()
    for number in range(5):
        rule = {"name": f"rule-{number}", "network": network, "priority": 100 + number}
        cloud.do("POST", "global/firewalls", rule | {"allowed": [{"IPProtocol": "tcp"}]})

    def names(**query: str) -> list[str]:
        found = cloud.do("GET", "global/firewalls", **query)
        return [entry["name"] for entry in found.get("items", [])]

    assert names(filter='name = "rule-1"') == ["rule-1"]
    assert names(filter="name eq rule-[12]") == ["rule-1", "rule-2"]
    assert names(filter="name ne rule-[12]") == ["rule-0", "rule-3", "rule-4"]
    assert names(filter="(priority >= 103) AND (disabled = false)") == ["rule-3", "rule-4"]
    assert names(filter="(priority > 102) (name != rule-4)") == ["rule-3"]
    assert names(filter="name = rule-1 OR name = rule-4") == ["rule-1", "rule-4"]
    assert names(filter="allowed.IPProtocol:tcp AND NOT name:rule-0")[0] == "rule-1"
    first = cloud.do("GET", "global/firewalls", maxResults="2")
    token = first["nextPageToken"]
    assert names(maxResults="2", pageToken=token) == ["rule-2", "rule-3"]
    assert "Invalid pageToken" in cloud.ask("GET", "global/firewalls", pageToken="no").message
    partial = cloud.do("GET", "global/firewalls", fields="items(name,allowed/IPProtocol)")
    assert partial["items"][0] == {"name": "rule-0", "allowed": [{"IPProtocol": "tcp"}]}


def test_aggregated_lists_are_by_place(peopled: Cloud) -> None:
    found = peopled.get("aggregated/instances")["items"]
    assert [entry["name"] for entry in found[f"zones/{ZONE}"]["instances"]] == ["one"]
    named = peopled.do("GET", "aggregated/instances", filter="labels.a = b")["items"]
    assert named["global"]["warning"]["code"] == "NO_RESULTS_ON_PAGE"


def test_the_catalogue_is_there(cloud: Cloud) -> None:
    assert cloud.get(f"zones/{ZONE}/machineTypes/n2-standard-4")["guestCpus"] == 4
    assert len(cloud.get(f"regions/{REGION}")["zones"]) == 3
    family = Cloud(cloud.gcp, "debian-cloud").get("global/images/family/debian-12")
    assert family["family"] == "debian-12"


# -- operations and faults
@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator whose operations take time: a network 0.2 s."""
    options = ("--operations", "realistic", "--speed", "50")
    with Emulator(tmp_path_factory.mktemp("slow"), options) as running:
        yield running
        running.complain()


def stuck(method: str) -> Body:
    """A rule by which operations of a method never end."""
    return {"match": {"method": method}, "effect": {"operation_stuck": True}}


def test_operations_take_time(slow: Emulator) -> None:
    cloud = Cloud(slow, "project-slow")
    body = {"name": "platform", "autoCreateSubnetworks": False}
    made = cloud.ask("POST", "global/networks", body).body
    done = cloud.do("POST", f"global/operations/{made['name']}/wait")
    assert (done["status"], done["progress"]) == ("DONE", 100)
    assert (done["startTime"], done["targetId"]) != ("", "")
    listed = cloud.do("GET", "global/operations", filter="operationType = insert")
    assert [entry["name"] for entry in listed["items"]] == [made["name"]]


def test_nothing_is_used_before_it_is_ready(gcp: Emulator, cloud: Cloud) -> None:
    body = {"name": "platform", "autoCreateSubnetworks": False}
    with gcp.faults(stuck("compute.networks.insert")):
        made = cloud.ask("POST", "global/networks", body).body
        assert (made["status"], made["progress"]) == ("RUNNING", 50)
        assert cloud.ask("POST", "global/networks", body).reason == "alreadyExists"
        rule = {
            "name": "r",
            "network": "global/networks/platform",
            "allowed": [{"IPProtocol": "tcp"}],
        }
        assert cloud.ask("POST", "global/firewalls", rule).reason == "resourceNotReady"
        assert cloud.ask("DELETE", "global/networks/platform").reason == "resourceNotReady"


def test_a_cluster_is_one_operation_at_a_time(gcp: Emulator, cloud: Cloud) -> None:
    cloud.network()
    cloud.subnetwork("main", "10.20.0.0/20")
    root = f"container.googleapis.com/v1/projects/{cloud.project}/locations/{REGION}/clusters"
    cluster = {"name": "main", "network": "platform", "subnetwork": "main", "initialNodeCount": 1}
    assert gcp.call("POST", root, {"cluster": cluster}).status == 200
    channel = {"update": {"desiredReleaseChannel": {"channel": "STABLE"}}}
    pool = {"nodePool": {"name": "more", "initialNodeCount": 1}}
    with gcp.faults(stuck("container.clusters.update")):
        begun = gcp.call("PUT", f"{root}/main", channel).body
        refused = gcp.call("POST", f"{root}/main/nodePools", pool)
        assert refused.status == 400
        assert f"running incompatible operation {begun['name']}" in refused.message


def test_operations_fail_by_rule(gcp: Emulator, cloud: Cloud) -> None:
    error = {
        "code": "QUOTA_EXCEEDED",
        "message": "Quota 'NETWORKS' exceeded.  Limit: 5.0 globally.",
    }
    rule = {
        "match": {"method": "compute.networks.insert", "name": "bad"},
        "effect": {"operation_error": error},
        "count": 1,
    }
    with gcp.faults(rule):
        made = cloud.ask("POST", "global/networks", {"name": "bad"}).body
        assert (made["error"]["errors"], made["httpErrorStatusCode"]) == ([error], 403)
        assert cloud.ask("GET", "global/networks/bad").status == 404
        cloud.do("POST", "global/networks", {"name": "bad", "autoCreateSubnetworks": False})


@pytest.mark.parametrize(
    "effect,status,reason",
    [
        ({"quota": "CPUS"}, 403, "quotaExceeded"),
        ({"permission": True}, 403, "forbidden"),
        ({"storm": {"status": 503, "count": 2}}, 503, "backendError"),
        ({"storm": {"status": 429, "count": 2}}, 429, "rateLimitExceeded"),
        ({"status": 400, "reason": "odd", "message": "Because."}, 400, "odd"),
    ],
)
def test_faults_refuse(gcp: Emulator, cloud: Cloud, effect: Body, status: int, reason: str) -> None:
    with gcp.faults({"match": {"method": "compute.networks.*"}, "effect": effect}):
        refused = cloud.ask("GET", "global/networks")
        assert (refused.status, refused.reason) == (status, reason)
        cloud.get("global/routes")
    cloud.get("global/networks")


def test_a_storm_passes(gcp: Emulator, cloud: Cloud) -> None:
    with gcp.faults({"effect": {"storm": {"status": 503, "count": 2}}}):
        seen = [cloud.ask("GET", "global/networks").status for _ in range(3)]
    assert seen == [503, 503, 200]


def test_tokens_expire(gcp: Emulator, cloud: Cloud) -> None:
    account = "deployer@project-0-devops.iam.gserviceaccount.com"
    url = f"iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account}"
    scope = {"scope": ["https://www.googleapis.com/auth/cloud-platform"]}
    token = gcp.call("POST", f"{url}:generateAccessToken", scope).body["accessToken"]
    path = f"compute.googleapis.com/compute/v1/projects/{cloud.project}/global/networks"
    assert gcp.call("GET", path, token=token).status == 200
    assert gcp.requests()[-1]["user"] == account
    assert gcp.call("GET", path, token="made-up").status == 401
    rule = {"match": {"method": "compute.networks.list"}, "effect": {"expire_tokens": True}}
    with gcp.faults(rule | {"count": 1}):
        assert gcp.call("GET", path, token=token).status == 401
        assert gcp.call("GET", path).status == 401
    assert gcp.call("GET", path).status == 200
    assert gcp.call("GET", path, token=token).status == 401


def test_rules_that_nobody_understands_are_refused(gcp: Emulator) -> None:
    with pytest.raises(RuntimeError, match="unknown keys"), gcp.faults({"effect": {"strom": 1}}):
        pass


def test_repeated_requests_are_one(cloud: Cloud) -> None:
    body = {"name": "platform", "autoCreateSubnetworks": False}
    same = {"requestId": "0b3c58a4-3a4c-4f0e-9d4e-6f1f6e2c6a11"}
    first = cloud.do("POST", "global/networks", body, **same)
    assert cloud.do("POST", "global/networks", body, **same)["name"] == first["name"]


def test_what_is_not_played_is_told(emulator: Emulator) -> None:
    cloud = Cloud(emulator, "project-unplayed")
    cloud.network()
    refused = cloud.ask("GET", "global/networks/platform/listPeeringRoutes")
    assert refused.status == 501
    assert emulator.unimplemented() == {"compute.networks.listPeeringRoutes": 1}
    with pytest.raises(AssertionError, match="does not play"):
        emulator.complain()


def test_operations_that_run_at_a_stop_have_failed(tmp_path: Path) -> None:
    with Emulator(tmp_path) as running, running.faults(stuck("compute.networks.insert")):
        cloud = Cloud(running, "project-stopped")
        made = cloud.ask("POST", "global/networks", {"name": "platform"}).body
        assert made["status"] in ("PENDING", "RUNNING")
    with Emulator(tmp_path) as running:
        cloud = Cloud(running, "project-stopped")
        ended = cloud.ask("GET", f"global/operations/{made['name']}").body
        assert (ended["status"], ended["httpErrorStatusCode"]) == ("DONE", 500)
        assert cloud.ask("GET", "global/networks/platform").status == 404
        cloud.network()


def test_what_is_being_deleted_shows_it(gcp: Emulator, cloud: Cloud) -> None:
    cloud.do("POST", f"zones/{ZONE}/disks", {"name": "data", "sizeGb": "10"})
    with gcp.faults(stuck("compute.disks.delete")):
        cloud.ask("DELETE", f"zones/{ZONE}/disks/data")
        assert cloud.get(f"zones/{ZONE}/disks/data")["status"] == "DELETING"
        again = cloud.ask("DELETE", f"zones/{ZONE}/disks/data")
        assert again.reason == "resourceNotReady"


def test_other_hosts_are_refused(emulator: Emulator) -> None:
    with pytest.raises(OSError, match="403"):
        emulator.call("GET", "example.com/")


def test_state_survives_a_restart(tmp_path: Path) -> None:
    with Emulator(tmp_path) as running:
        Cloud(running, "project-kept").network()
        token = running.environment["GCP_ACCESS_TOKEN"]
    with Emulator(tmp_path) as running:
        assert running.environment["GCP_ACCESS_TOKEN"] == token
        cloud = Cloud(running, "project-kept")
        assert cloud.get("global/networks/platform")["name"] == "platform"
        cloud.subnetwork("main", "10.20.0.0/24")
        used = cloud.ask("DELETE", "global/networks/platform")
        assert used.reason == "resourceInUseByAnotherResource"
    assert not (tmp_path / "environment.json").exists()
    assert json.loads((tmp_path / "state.json").read_text())["records"]
