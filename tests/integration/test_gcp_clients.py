"""Independent clients of Google Cloud, unmodified, against the emulator."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.gcp import PATIENCE, Emulator
from tests.integration.labs import ROOT

REGION, ZONE = "asia-southeast1", "asia-southeast1-a"
_INVENTORY = """
plugin: google.cloud.gcp_compute
projects: [{project}]
auth_kind: accesstoken
filters:
  - status = RUNNING
  - labels.groundwork_cluster = payments
hostnames: [name]
groups:
  leader: labels.groundwork_role == "member"
keyed_groups:
  - key: labels.groundwork_role
    prefix: role
  - key: zone
    prefix: zone
compose:
  ansible_host: networkInterfaces[0].networkIP
"""


def run(gcp: Emulator, *command: str, **variables: str) -> str:
    """Run a command with the emulator's environment; give what it wrote."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**gcp.variables, **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE * 5,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make(gcp: Emulator, project: str, path: str, body: dict[str, Any]) -> None:
    """Create a resource of compute."""
    made = gcp.compute("POST", f"{project}/{path}", body)
    assert made.status == 200, made.body
    assert "error" not in made.body, made.body


def network(gcp: Emulator, project: str) -> str:
    """Make a network with a subnetwork; give the subnetwork's link."""
    make(gcp, project, "global/networks", {"name": "platform", "autoCreateSubnetworks": False})
    body = {"name": "main", "network": "global/networks/platform", "ipCidrRange": "10.20.0.0/20"}
    make(gcp, project, f"regions/{REGION}/subnetworks", body)
    return f"projects/{project}/regions/{REGION}/subnetworks/main"


def instance(name: str, zone: str, subnetwork: str, **labels: str) -> dict[str, Any]:
    """The body of an instance."""
    image = "projects/debian-cloud/global/images/family/debian-13"
    return {
        "name": name,
        "machineType": f"zones/{zone}/machineTypes/e2-small",
        "labels": labels,
        "disks": [{"boot": True, "initializeParams": {"sourceImage": image}}],
        "networkInterfaces": [{"subnetwork": subnetwork}],
    }


def _plain(value: Any) -> Any:
    """Leave the marks out that Ansible puts on text from outside."""
    if isinstance(value, dict):
        if set(value) == {"__ansible_unsafe"}:
            return value["__ansible_unsafe"]
        return {name: _plain(entry) for name, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list) else value


def test_modules_of_google_cloud_twice(gcp: Emulator) -> None:
    project = "project-modules"
    recaps = [
        json.loads(
            run(
                gcp,
                *("ansible-playbook", "-i", "localhost,", "-c", "local"),
                *("-e", f"gcp_project={project}", "tests/integration/gcp_clients.yml"),
                ANSIBLE_STDOUT_CALLBACK="ansible.posix.json",
                ANSIBLE_PIPELINING="1",
                ANSIBLE_DEPRECATION_WARNINGS="0",
            )
        )["stats"]["localhost"]
        for _ in range(2)
    ]
    first, second = recaps
    assert first["changed"] == first["ok"] > 10
    assert (second["changed"], second["ok"]) == (0, first["ok"])
    made = gcp.resources("compute.instances")[
        f"compute/projects/{project}/zones/{ZONE}/instances/nat-1"
    ]
    address = gcp.compute("GET", f"{project}/regions/{REGION}/addresses/nat-1").body
    assert address["users"] == [made["selfLink"]]
    assert [disk["deviceName"] for disk in made["disks"]] == ["persistent-disk-0", "data"]


def test_the_inventory_plugin_finds_hosts(gcp: Emulator, tmp_path: Path) -> None:
    project = "project-inventory"
    subnetwork = network(gcp, project)
    hosts = {"pg-1": (ZONE, "member"), "pg-2": ("asia-southeast1-b", "backup")}
    for name, (zone, role) in hosts.items():
        body = instance(name, zone, subnetwork, groundwork_cluster="payments", groundwork_role=role)
        make(gcp, project, f"zones/{zone}/instances", body)
    other = instance("nat-1", ZONE, subnetwork, groundwork_role="nat")
    make(gcp, project, f"zones/{ZONE}/instances", other)
    stopped = instance("pg-3", ZONE, subnetwork, groundwork_cluster="payments")
    make(gcp, project, f"zones/{ZONE}/instances", stopped)
    gcp.compute("POST", f"{project}/zones/{ZONE}/instances/pg-3/stop")
    (tmp_path / "hosts.gcp.yml").write_text(_INVENTORY.format(project=project))
    listed = json.loads(
        run(gcp, "ansible-inventory", "-i", str(tmp_path / "hosts.gcp.yml"), "--list")
    )
    found = _plain(listed["_meta"]["hostvars"])
    assert set(found) == {"pg-1", "pg-2"}
    assert found["pg-1"]["ansible_host"] == "10.20.0.2"
    assert listed["role_backup"]["hosts"] == ["pg-2"]
    assert listed["leader"]["hosts"] == ["pg-1"]
    assert listed["zone_asia_southeast1_b"]["hosts"] == ["pg-2"]


# -- Google's own client. It reads its environment when it is made, so that it runs by itself.
_CLIENT = """
import json, os, sys
from google.api_core import exceptions
from google.cloud import compute_v1 as compute
from google.oauth2.credentials import Credentials

project, region, zone = sys.argv[1:4]
who = Credentials(os.environ["GCP_ACCESS_TOKEN"])
networks = compute.NetworksClient(credentials=who)
subnetworks = compute.SubnetworksClient(credentials=who)
instances = compute.InstancesClient(credentials=who)
seen = {}

body = compute.Network(name="platform", auto_create_subnetworks=False)
networks.insert(project=project, network_resource=body).result(timeout=60)
made = networks.get(project=project, network="platform")
seen["network"] = made.routing_config.routing_mode
part = compute.Subnetwork(name="main", network=made.self_link, ip_cidr_range="10.20.0.0/20")
subnetworks.insert(project=project, region=region, subnetwork_resource=part).result(timeout=60)
held = subnetworks.get(project=project, region=region, subnetwork="main")
seen["gateway"] = held.gateway_address

def instance(name):
    disk = compute.AttachedDisk(boot=True, auto_delete=True)
    image = "projects/debian-cloud/global/images/family/debian-13"
    disk.initialize_params = compute.AttachedDiskInitializeParams(source_image=image)
    nic = compute.NetworkInterface(subnetwork=held.self_link)
    kind = f"zones/{zone}/machineTypes/e2-small"
    return compute.Instance(name=name, machine_type=kind, disks=[disk], network_interfaces=[nic])

waiting = [
    instances.insert(project=project, zone=zone, instance_resource=instance(f"host-{n}"))
    for n in range(5)
]
for operation in waiting:
    operation.result(timeout=60)
pages = compute.ListInstancesRequest(project=project, zone=zone, max_results=2)
listed = instances.list(request=pages)
seen["pages"] = [[one.name for one in page.items] for page in listed.pages]
query = compute.AggregatedListInstancesRequest(project=project, filter="name = host-3")
seen["aggregated"] = {
    place: [one.name for one in scope.instances]
    for place, scope in instances.aggregated_list(request=query)
    if scope.instances
}
address = instances.get(project=project, zone=zone, instance="host-4").network_interfaces[0]
seen["address"] = address.network_i_p

errors = {}
def attempt(name, work):
    try:
        result = work()
        if hasattr(result, "result"):
            result.result(timeout=60)
        errors[name] = None
    except exceptions.GoogleAPICallError as error:
        errors[name] = [type(error).__name__, f"{error.message} {error.errors}"]

attempt("missing", lambda: networks.get(project=project, network="nothing"))
attempt("twice", lambda: networks.insert(project=project, network_resource=body))
attempt("in use", lambda: networks.delete(project=project, network="platform"))
held.ip_cidr_range = "10.0.0.0/8"
attempt(
    "immutable",
    lambda: subnetworks.patch(
        project=project, region=region, subnetwork="main", subnetwork_resource=held
    ),
)
late = compute.Subnetwork(log_config={"enable": True}, fingerprint="AAAAAAAAAAA=")
attempt(
    "stale",
    lambda: subnetworks.patch(
        project=project, region=region, subnetwork="main", subnetwork_resource=late
    ),
)
attempt("quota", lambda: networks.insert(project=project, network_resource={"name": "quota"}))
attempt("denied", lambda: networks.insert(project=project, network_resource={"name": "denied"}))
attempt("fails", lambda: networks.insert(project=project, network_resource={"name": "fails"}))
seen["errors"] = errors
leaving = [
    instances.delete(project=project, zone=zone, instance=f"host-{n}") for n in range(5)
]
for operation in leaving:
    operation.result(timeout=60)
seen["left"] = [one.name for one in instances.list(project=project, zone=zone)]
print(json.dumps(seen))
"""


def rule(name: str, **effect: Any) -> dict[str, Any]:
    """A fault of the insertion of a network."""
    return {"match": {"method": "compute.networks.insert", "name": name}, "effect": effect}


@pytest.fixture(scope="module")
def paced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator whose operations are not done at once: clients have to wait for them."""
    options = ("--operations", "realistic", "--speed", "100")
    with Emulator(tmp_path_factory.mktemp("paced"), options) as running:
        yield running
        running.complain()


def test_googles_own_client(paced: Emulator) -> None:
    failure = {"code": "INTERNAL_ERROR", "message": "It broke in between."}
    rules = (
        rule("quota", quota="NETWORKS"),
        rule("denied", permission=True),
        rule("fails", operation_error=failure),
    )
    with paced.faults(*rules):
        text = run(paced, sys.executable, "-c", _CLIENT, "project-client", REGION, ZONE)
    seen = json.loads(text)
    assert (seen["network"], seen["gateway"]) == ("REGIONAL", "10.20.0.1")
    assert seen["pages"] == [["host-0", "host-1"], ["host-2", "host-3"], ["host-4"]]
    assert seen["aggregated"] == {f"zones/{ZONE}": ["host-3"]}
    assert seen["address"].startswith("10.20.0.")
    assert seen["left"] == []
    errors = seen["errors"]
    classes = {name: error and error[0] for name, error in errors.items()}
    assert classes == {
        "missing": "NotFound",
        "twice": "Conflict",
        "in use": "BadRequest",
        "immutable": "BadRequest",
        "stale": "PreconditionFailed",
        "quota": "Forbidden",
        "denied": "Forbidden",
        "fails": classes["fails"],
    }
    assert "already being used by" in errors["in use"][1]
    assert "Required 'compute.networks.create' permission" in errors["denied"][1]
    assert failure["message"] in errors["fails"][1]
