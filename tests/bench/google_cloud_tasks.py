"""The same resources as tasks of google.cloud's modules: one task a resource, in the order of their references.

Bodies have Google's own fields, options of google.cloud's modules are the same words with underscores, so a body is
read by a module's own documentation. What a module has no option for is left out and told.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Output, Resource

_COMPUTE = "https://www.googleapis.com/compute/v1/"
_ACCOUNT = "iam.gserviceaccount.com"

#: Modules by type.
MODULES = {
    "cloudscheduler.jobs": "gcp_cloudscheduler_job",
    "compute.addresses": "gcp_compute_address",
    "compute.backendServices": "gcp_compute_backend_service",
    "compute.disks": "gcp_compute_disk",
    "compute.firewalls": "gcp_compute_firewall",
    "compute.forwardingRules": "gcp_compute_forwarding_rule",
    "compute.globalAddresses": "gcp_compute_global_address",
    "compute.globalForwardingRules": "gcp_compute_global_forwarding_rule",
    "compute.healthChecks": "gcp_compute_health_check",
    "compute.instanceGroups": "gcp_compute_instance_group",
    "compute.instances": "gcp_compute_instance",
    "compute.networks": "gcp_compute_network",
    "compute.regionBackendServices": "gcp_compute_region_backend_service",
    "compute.regionHealthChecks": "gcp_compute_region_health_check",
    "compute.resourcePolicies": "gcp_compute_resource_policy",
    "compute.routes": "gcp_compute_route",
    "compute.sslPolicies": "gcp_compute_ssl_policy",
    "compute.subnetworks": "gcp_compute_subnetwork",
    "compute.targetHttpProxies": "gcp_compute_target_http_proxy",
    "compute.targetHttpsProxies": "gcp_compute_target_https_proxy",
    "compute.urlMaps": "gcp_compute_url_map",
    "container.clusters": "gcp_container_cluster",
    "container.nodePools": "gcp_container_node_pool",
    "dns.managedZones": "gcp_dns_managed_zone",
    "dns.resourceRecordSets": "gcp_dns_resource_record_set",
    "iam.roles": "gcp_iam_role",
    "iam.serviceAccounts": "gcp_iam_service_account",
    "secretmanager.secrets": "gcp_secret_manager",
    "serviceusage.services": "gcp_serviceusage_service",
    "storage.buckets": "gcp_storage_bucket",
}
#: What google.cloud has no module for.
NO_MODULE = {
    "compute.networkPeerings": "no module for peerings",
    "compute.securityPolicies": "no module for Cloud Armor",
    "compute.sslCertificates": "the module knows no certificates that Google manages",
    "compute.routers": "the module knows no Cloud NAT",
    "iam.bindings": "no module for bindings",
    "run.jobs": "no module for Cloud Run",
}
#: Options that want the last word of a link.
_SHORT = frozenset(
    ("machineType", "diskType", "type", "nodePools.network", "network", "subnetwork")
)

#: What it has one for, but not with an access token: the module looks for an option that it does not pass on.
NO_TOKEN = {"dns.resourceRecordSets": "the module crashes with an access token"}
#: Fields that have a word of their own below.
_SPOKEN_FOR = frozenset(("managedZone", "rrdatas", "cluster", "replication"))
#: What a secret of google.cloud holds: it makes up none.
_VALUE = "correct-horse-battery"

#: What an access configuration needs, and Google knows by itself.
_ACCESS = {"name": "External NAT", "type": "ONE_TO_ONE_NAT"}

Body = dict[str, Any]
Tell = Callable[[str, str], Any]


@dataclass(frozen=True)
class Tasks:
    """Tasks by the key of their resource; fields that no option holds, and resources without a module, both by key."""

    tasks: Mapping[str, Body]
    dropped: Mapping[str, Sequence[str]] = field(default_factory=dict)
    without: Mapping[str, str] = field(default_factory=dict)


def tasks(
    resources: Sequence[Resource],
    tell: Tell | None = None,
    refused: Mapping[str, str] = NO_MODULE,
) -> Tasks:
    """All resources that google.cloud can make as tasks. ``refused`` are types that it cannot, and why.

    ``tell`` gives what another resource tells, by its key and the field's name ("" for all of it); without it the
    variable stands there that the other task registers.
    """
    made: dict[str, Body] = {}
    dropped: dict[str, list[str]] = {}
    keys = {each.link: each.key for each in resources}
    for resource in resources:
        if resource.type in refused:
            continue
        writer = _Writer(resource, keys, tell or _variable)
        made[resource.key] = writer.task()
        if writer.dropped:
            dropped[resource.key] = writer.dropped
    left = {each.key: refused[each.type] for each in resources if each.key not in made}
    return Tasks({key: made[key] for key in _order(resources) if key in made}, dropped, left)


def playbook(made: Iterable[Body], project: str) -> str:
    """A play with all tasks, as a user of google.cloud has it. Credentials come from the environment."""
    listed = [
        {**task, module_of(task): {**task[module_of(task)], "project": project}} for task in made
    ]
    play = {
        "name": "Resources by google.cloud",
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "tasks": listed,
    }
    return yaml.safe_dump([play], sort_keys=False, width=1000)


def module_of(task: Body) -> str:
    """The name of a task's module."""
    return next(key for key in task if key.startswith("google.cloud."))


def _order(resources: Sequence[Resource]) -> list[str]:
    """Keys with what they need before them, otherwise as declared."""
    needs = {each.key: each.needs for each in resources}
    found: dict[str, None] = {}

    def visit(key: str) -> None:
        if key in found or key not in needs:
            return
        for need in needs[key]:
            visit(need)
        found[key] = None

    for key in needs:
        visit(key)
    return list(found)


@cache
def _options(module: str) -> Body:
    """A module's options, from its documentation."""
    found = importlib.import_module(f"ansible_collections.google.cloud.plugins.modules.{module}")
    options: Body = yaml.safe_load(found.DOCUMENTATION)["options"]
    return options


def registered(key: str) -> str:
    """The variable that a task's result is kept in."""
    return "made_" + "".join(letter if letter.isalnum() else "_" for letter in key)


def _variable(key: str, name: str) -> str:
    return "{{ " + registered(key) + (f".{name}" if name else "") + " }}"


class _Writer:
    def __init__(self, resource: Resource, keys: Mapping[str, str], tell: Tell) -> None:
        self.resource = resource
        self.keys = keys
        self.tell = tell
        self.module = MODULES[resource.type]
        self.dropped: list[str] = []

    def task(self) -> Body:
        resource = self.resource
        given = self._mapping(resource.body, _options(self.module), "")
        given["name"] = resource.name
        for place in ("region", "zone", "location"):
            if place in _options(self.module) and resource.location:
                given[place] = resource.location
        given |= self._special()
        return {
            "name": resource.key,
            f"google.cloud.{self.module}": given,
            "register": registered(resource.key),
        }

    def _special(self) -> Body:
        resource = self.resource
        if resource.type == "dns.resourceRecordSets":
            zone = self.tell(f"dns.managedZones/{resource.parent}", "")
            target = self._value(resource.body["rrdatas"], {"type": "list"}, "rrdatas", "rrdatas")
            return {"managed_zone": zone, "target": target}
        if resource.type == "container.nodePools":
            cluster = self.tell(f"container.clusters/{resource.location}/{resource.parent}", "")
            size = resource.body.get("initialNodeCount", 1)
            return {"cluster": cluster, "initial_node_count": size, **_bounds(resource)}
        if resource.type == "container.clusters":
            return {"initial_node_count": 1}
        if resource.type == "iam.serviceAccounts":
            return {"name": f"{resource.name}@{resource.project}.{_ACCOUNT}"}
        if resource.type == "secretmanager.secrets":
            payload = resource.payload
            return {"value": payload.value if payload and payload.value else _VALUE}
        return {}

    def _mapping(self, body: Mapping[str, Any], options: Body, path: str) -> Body:
        names = {name.replace("_", ""): name for name in options}
        found = {}
        for key, value in body.items():
            name = names.get(key.lower())
            where = f"{path}.{key}".lstrip(".")
            if name is None:
                if key not in _SPOKEN_FOR:
                    self.dropped.append(where)
            elif value is not None:
                found[name] = self._value(value, options[name], key, where)
        return found

    def _value(self, value: Any, option: Body, key: str, where: str) -> Any:
        if isinstance(value, Output):
            return self._told(value, option)
        if isinstance(value, list):
            each = {**option, "type": option.get("elements")}
            return [self._value(part, each, key, where) for part in value]
        if isinstance(value, Mapping):
            if key == "metadata" and "items" in value:
                return {each["key"]: each["value"] for each in value["items"]}
            below = option.get("suboptions")
            found = self._mapping(value, below, where) if below else dict(value)
            return {**_ACCESS, **found} if where.endswith("accessConfigs") else found
        if isinstance(value, str) and value.startswith("projects/"):
            return _link(value, option, key)
        return {"selfLink": value} if option.get("type") == "dict" else value

    def _told(self, value: Output, option: Body) -> Any:
        """What another task told."""
        text = self.tell(self.keys[value.link], value.name)
        return {value.name: text} if option.get("type") == "dict" else text


def _bounds(resource: Resource) -> Body:
    """Bounds of a pool: google.cloud knows those of a zone, not those of all zones together."""
    given = resource.body.get("autoscaling", {})
    if "totalMaxNodeCount" not in given:
        return {}
    zones = len(resource.body["locations"])
    low, high = (-(-given[name] // zones) for name in ("totalMinNodeCount", "totalMaxNodeCount"))
    return {"autoscaling": {"enabled": True, "min_node_count": low, "max_node_count": high}}


def _link(value: str, option: Body, key: str) -> Any:
    """A link as an option wants it: a mapping, a short name, or whole."""
    whole = _COMPUTE + value
    if option.get("type") == "dict":
        return {"selfLink": whole}
    return value.rpartition("/")[2] if key in _SHORT else whole
