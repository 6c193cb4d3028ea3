"""What the roles declare, held against Google's own definitions of its APIs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.lab.gcp.discovery import load
from tests.lab.gcp.validate import Checker

#: API, version and schema of what is sent to make a resource.
SCHEMAS = {
    "cloudscheduler.jobs": ("cloudscheduler", "v1", "Job"),
    "compute.addresses": ("compute", "v1", "Address"),
    "compute.disks": ("compute", "v1", "Disk"),
    "compute.firewalls": ("compute", "v1", "Firewall"),
    "compute.forwardingRules": ("compute", "v1", "ForwardingRule"),
    "compute.instanceGroups": ("compute", "v1", "InstanceGroup"),
    "compute.instances": ("compute", "v1", "Instance"),
    "compute.regionBackendServices": ("compute", "v1", "BackendService"),
    "compute.regionHealthChecks": ("compute", "v1", "HealthCheck"),
    "compute.snapshots": ("compute", "v1", "Snapshot"),
    "container.clusters": ("container", "v1", "Cluster"),
    "container.nodePools": ("container", "v1", "NodePool"),
    "iam.roles": ("iam", "v1", "Role"),
    "iam.serviceAccounts": ("iam", "v1", "ServiceAccount"),
    "run.jobs": ("run", "v2", "GoogleCloudRunV2Job"),
    "secretmanager.secrets": ("secretmanager", "v1", "Secret"),
}
#: What is declared beside the fields of the resource.
BESIDE = {"compute.instanceGroups": {"instances"}, "container.nodePools": {"cluster"}}


def plain(value: Any) -> Any:
    """A body whose references are names alone."""
    if isinstance(value, Mapping):
        if (
            {"type", "name"}
            <= value.keys()
            <= {"type", "name", "zone", "region", "location", "project"}
        ):
            return value["name"]
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list) else value


def check_bodies(declared: Iterable[Mapping[str, Any]]) -> None:
    """Raise for the first body that Google would refuse by its shape."""
    for entry in declared:
        if entry["type"] == "iam.bindings":
            assert {"resource", "role", "members"} <= entry["body"].keys()
            continue
        name, version, schema = SCHEMAS[entry["type"]]
        api = load(name, version)
        assert api is not None
        beside = BESIDE.get(entry["type"], set())
        body = {key: value for key, value in entry["body"].items() if key not in beside}
        Checker(api).body(schema, plain(body))
