#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Resources of Google Cloud in one plan."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gcp_resources
short_description: Resources of Google Cloud in one plan
version_added: 0.1.0
description:
  - Brings any number of resources of Google Cloud to what is declared, many operations in flight, in the order that
    their references give.
  - Types and fields are Google's own. Bodies are checked against Google's definitions of its APIs before anything is
    sent, and all that is wrong is told at once.
  - Only declared fields are compared. What Google sets by itself is no difference.
  - What cannot be changed in place is replaced only where O(allow_replace) says so, and the plan says what is lost.
  - A resource that fails does not stop those that do not need it. A run that was cut short is taken up by the next one.
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.gcp
attributes:
  check_mode:
    description: >-
      The plan, from the same code. Google is only read. A reference to something that neither exists nor is declared
      is a warning there, as an earlier task may make it, and a refusal otherwise.
    support: full
  diff_mode:
    description: One diff for each resource that changes, with the declared fields that differ. Secrets are hidden.
    support: full
  platform:
    description: Hosts with Python 3.9 or later; mostly the controller.
    support: full
    platforms: posix
options:
  project:
    description: Project of resources that name none. The default is C(GCP_PROJECT) of the environment.
    type: str
  region:
    description: Region or location of resources that need one and name none.
    type: str
  state:
    description: V(absent) deletes, what uses others first. It holds for resources that say nothing else.
    type: str
    choices: [present, absent]
    default: present
  owner:
    description:
      - Marks what is made here, by the label C(groundwork-owner) or, where a type has no labels, by
        C([groundwork-owner=…]) at the end of its description.
      - Small letters, digits, C(-) and C(_).
    type: str
  prune:
    description:
      - Delete what bears the mark of O(owner) and is not declared any more.
      - It looks at the projects, and there at the APIs, of the declared resources.
      - What clusters and managed groups made bears their labels, the mark with them, and is left to them.
    type: bool
    default: false
  allow_replace:
    description:
      - Keys or types of resources that may be deleted and made again, or stopped and started, where a change takes
        that; V(all) for any.
      - Routes hold nothing, so they are replaced without it.
      - An instance that is protected from deletion, or with data disks that go with it, needs O(allow_delete) as well.
    type: list
    elements: str
    default: []
  allow_delete:
    description:
      - Keys or types of resources that may be deleted though they hold what nobody can bring back (disks, addresses,
        snapshots, images, buckets, secrets, clusters, zones, projects); V(all) for any.
      - Of types that the module knows nothing of but Google's definition, each deletion has to be allowed.
    type: list
    elements: str
    default: []
  concurrency:
    description: Resources that are worked on at once.
    type: int
    default: 32
  timeout:
    description: Seconds for one operation.
    type: float
    default: 1800.0
  resources:
    description: All resources. Their order means nothing.
    type: list
    elements: dict
    required: true
    suboptions:
      type:
        description:
          - API and collection, with Google's own names, such as V(compute.subnetworks) or V(container.nodePools).
          - V(compute.networkPeerings) is a peering of the network C(body.network) with C(body.peerNetwork).
          - V(iam.bindings) puts C(body.members) into C(body.role) of C(body.resource), and leaves others in.
          - V(serviceusage.services) are the APIs of a project, enabled where they are present.
        type: str
        required: true
      name:
        description: Its short name. Of a service account what stands before the C(@), of a record the domain.
        type: str
        required: true
      project:
        description: Its project.
        type: str
      region:
        description: Its region, where the type is a regional one.
        type: str
      zone:
        description: Its zone, where the type is a zonal one.
        type: str
      location:
        description: Its location, of types that have one (container, run, cloudscheduler).
        type: str
      cluster:
        description: Cluster of a node pool, by name or as a reference.
        type: raw
      state:
        description: Whether it is to be there.
        type: str
        choices: [present, absent]
      body:
        description:
          - Fields, with Google's own names. V(null) says that a field has to be unset.
          - Where Google wants a link, a short name means a resource of the same project and place. A mapping of
            C(type), C(name), and C(project), C(region) or C(zone) means another one, and so does a link.
          - Where Google wants a value of another resource (an address in C(natIP), C(IPAddress) or C(rrdatas), a
            service account's e-mail), the same names serve. C(output) in such a mapping names the field.
        type: dict
        default: {}
      payload:
        description: What a secret holds.
        type: dict
        suboptions:
          value:
            description: The value. A new version is made where it differs.
            type: str
          generate:
            description: Make a value up, once, where there is none.
            type: dict
            suboptions:
              length:
                description: Number of letters and digits.
                type: int
                default: 32
      needs:
        description: Keys of resources that have to be there before, where no reference says so.
        type: list
        elements: str
        default: []
  progress_file:
    description: File that the action plugin shows lines of while the module runs.
    type: path
seealso:
  - module: google.cloud.gcp_compute_instance
"""

EXAMPLES = r"""
- name: The network of an environment
  groundwork.platform.gcp_resources:
    project: project-1-dev-payments
    region: asia-southeast1
    impersonate_service_account: atlantis-deployer-dev@project-0-devops.iam.gserviceaccount.com
    owner: staging-network
    resources:
      - type: compute.networks
        name: platform
        body: {autoCreateSubnetworks: false, routingConfig: {routingMode: GLOBAL}}
      - type: compute.subnetworks
        name: main
        body:
          network: platform
          ipCidrRange: 10.20.0.0/20
          privateIpGoogleAccess: true
          secondaryIpRanges: [{rangeName: pods, ipCidrRange: 10.64.0.0/14}]
      - type: compute.networkPeerings
        name: hub
        body:
          network: platform
          peerNetwork: {type: compute.networks, name: platform, project: project-0-devops}
          exportCustomRoutes: true

- name: A gateway with an address of its own, and the route to it
  groundwork.platform.gcp_resources:
    project: project-1-dev-payments
    region: asia-southeast1
    resources:
      - {type: compute.addresses, name: nat-1}
      - type: compute.instances
        name: nat-1
        zone: asia-southeast1-a
        body:
          machineType: e2-small
          canIpForward: true
          disks: [{boot: true, autoDelete: true, initializeParams: {sourceImage: debian-cloud/debian-13}}]
          networkInterfaces: [{subnetwork: main, accessConfigs: [{natIP: nat-1}]}]
          tags: {items: [nat]}
          metadata: {items: [{key: enable-oslogin, value: "FALSE"}]}
      - type: compute.routes
        name: to-the-internet
        body:
          network: platform
          destRange: 0.0.0.0/0
          priority: 800
          nextHopInstance: {type: compute.instances, name: nat-1, zone: asia-southeast1-a}

- name: See what would change, without changing it
  groundwork.platform.gcp_resources:
    project: project-1-dev-payments
    resources: "{{ gcp_resources_declared }}"
  check_mode: true
  register: planned

- name: Scale the failover pool
  groundwork.platform.gcp_resources:
    project: project-1-prod-payments
    resources:
      - type: container.nodePools
        name: default
        location: asia-southeast2
        cluster: failover
        body: {initialNodeCount: 3, autoscaling: {enabled: true, minNodeCount: 3, maxNodeCount: 9}}

- name: A password that is made up once, and who may read it
  groundwork.platform.gcp_resources:
    project: project-1-dev-payments
    resources:
      - type: secretmanager.secrets
        name: payments-db
        body: {replication: {automatic: {}}}
        payload: {generate: {length: 32}}
      - type: iam.bindings
        name: payments-db-readers
        body:
          resource: {type: secretmanager.secrets, name: payments-db}
          role: roles/secretmanager.secretAccessor
          members: ["serviceAccount:payments@project-1-dev-payments.iam.gserviceaccount.com"]
"""

RETURN = r"""
plan:
  description: Each resource, in the order of the declaration, then what is pruned.
  returned: where the declaration is right and Google was reached
  type: list
  elements: dict
  contains:
    key:
      description: Type, place and name; before it the project where there are several.
      returned: always
      type: str
      sample: compute.subnetworks/asia-southeast1/main
    type: {description: Type., returned: always, type: str, sample: compute.subnetworks}
    name: {description: Name., returned: always, type: str, sample: main}
    project: {description: Project., returned: always, type: str, sample: project-1-dev-payments}
    location:
      description: Region, zone or location; empty where it has none.
      returned: always
      type: str
      sample: asia-southeast1
    action:
      description: One of V(create), V(update), V(replace), V(delete), V(unchanged), V(refused).
      returned: always
      type: str
      sample: update
    changes:
      description: Fields that differ, with C(field), C(before) and C(after).
      returned: always
      type: list
      elements: dict
      sample: [{field: ipCidrRange, before: 10.20.0.0/21, after: 10.20.0.0/20}]
    lost:
      description: What goes with a replacement or deletion.
      returned: always
      type: str
      sample: the data of the disk
    in_place: {description: Whether it goes on while it is changed., returned: always, type: bool, sample: true}
    reason: {description: Why it is refused., returned: where it is refused, type: str, sample: needs_replace}
    message: {description: The same in words., returned: where it is refused, type: str, sample: "..."}
results:
  description: What became of each resource.
  returned: where something was carried out
  type: list
  elements: dict
  contains:
    key: {description: Key., returned: always, type: str, sample: compute.networks/platform}
    state: {description: "V(done), V(failed), V(skipped) or V(unchanged).", returned: always, type: str, sample: done}
    seconds: {description: How long it took., returned: always, type: float, sample: 12.5}
    message: {description: What went wrong., returned: always, type: str, sample: ""}
    reason: {description: The same as a code., returned: always, type: str, sample: quota_exceeded}
    link:
      description: Its link without host and version.
      returned: always
      type: str
      sample: projects/p/global/networks/platform
    output: {description: "The resource as Google tells it, without secrets.", returned: always, type: dict, sample: {}}
resources:
  description: The resources as Google tells them, by key, without secrets.
  returned: where the declaration is right and Google was reached
  type: dict
  sample: {compute.addresses/asia-southeast1/nat-1: {address: 203.0.113.7}}
makespan:
  description: Seconds from the first start to the last end.
  returned: where something was carried out
  type: float
  sample: 61.2
critical_path:
  description: The chain of needs that took longest by itself.
  returned: where something was carried out
  type: list
  elements: str
  sample: [compute.networks/platform, compute.subnetworks/asia-southeast1/main]
critical_seconds:
  description: Seconds of that chain.
  returned: where something was carried out
  type: float
  sample: 60.9
problems:
  description: All that is wrong, with C(reason) and C(message).
  returned: where nothing was changed for it
  type: list
  elements: dict
  sample: []
reason:
  description:
    - Why nothing was changed, or why a resource failed; where there is more than one reason, that of the first.
    - Of the declaration V(unknown_type), V(unknown_field), V(output_only), V(wrong_type), V(bad_enum), V(bad_name),
      V(bad_pattern), V(bad_range), V(missing_field), V(missing_location), V(zone_outside_region), V(unknown_reference),
      V(ambiguous_reference), V(twice), V(cycle), V(overlap); of the plan V(needs_replace), V(protected).
    - Of Google V(permission_denied), V(quota_exceeded), V(operation_failed), V(already_exists), V(in_use),
      V(not_found), V(not_ready), V(no_capacity), V(service_disabled), V(changed_meanwhile), V(invalid), V(failed),
      V(operation_lost), V(timeout), V(unreachable), V(unauthorized); and V(no_credentials), V(missing_library).
  returned: on failure
  type: str
  sample: needs_replace
"""

from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.arguments import (
    GcpModule,
    credential_options,
    resource_options,
    run_options,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.entry import manage


def options() -> dict[str, dict[str, Any]]:
    """All options of the module."""
    resources = {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": resource_options(),
    }
    return {**credential_options(), **run_options(), "resources": resources}


def main() -> None:
    """Bring resources to what is declared."""
    keys = ("service_account_file", "service_account_contents")
    manage(
        GcpModule(
            argument_spec=options(),
            required_if=[
                ("prune", True, ("owner",)),
                ("auth_kind", "accesstoken", ("access_token",)),
                ("auth_kind", "serviceaccount", keys, True),
            ],
            supports_check_mode=True,
        )
    )


if __name__ == "__main__":
    main()
