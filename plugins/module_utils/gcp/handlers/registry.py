# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which handler a type has."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers import (
    compute,
    container,
    identity,
    instances,
    names,
    peerings,
    policies,
    secrets,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.base import Handler
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import (
    ACCOUNTS,
    BINDINGS,
    PEERINGS,
    PROJECTS,
    RECORDS,
    SECRETS,
    SERVICES,
    Resource,
)

_HANDLERS: Mapping[str, type[Handler]] = {
    ACCOUNTS: identity.Accounts,
    BINDINGS: policies.Bindings,
    PEERINGS: peerings.Peerings,
    PROJECTS: identity.Projects,
    RECORDS: names.Records,
    SECRETS: secrets.Secrets,
    SERVICES: identity.Services,
    "cloudscheduler.jobs": names.SchedulerJobs,
    "compute.backendServices": compute.BackendServices,
    "compute.disks": compute.Disks,
    "compute.firewalls": compute.Firewalls,
    "compute.forwardingRules": compute.ForwardingRules,
    "compute.globalForwardingRules": compute.ForwardingRules,
    "compute.instanceGroups": compute.InstanceGroups,
    "compute.instances": instances.Instances,
    "compute.networks": compute.Networks,
    "compute.regionDisks": compute.Disks,
    "compute.regionBackendServices": compute.BackendServices,
    "compute.securityPolicies": compute.SecurityPolicies,
    "compute.subnetworks": compute.Subnetworks,
    "container.clusters": container.Clusters,
    "container.nodePools": container.NodePools,
    "dns.managedZones": names.Zones,
    "iam.roles": identity.Roles,
    "run.jobs": names.RunJobs,
    "storage.buckets": names.Buckets,
}


def handler_of(cloud: Cloud, resource: Resource) -> Handler:
    """The handler of one resource."""
    return _HANDLERS.get(resource.type, names.Named)(cloud, resource)
