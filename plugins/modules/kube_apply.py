#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubernetes objects in bulk."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kube_apply
short_description: Kubernetes objects in bulk, by server-side apply
version_added: 0.1.0
description:
  - Brings any number of objects to their manifests, many requests in flight, in the order in which Helm installs kinds.
    Kinds that definitions (CRDs) among the manifests bring can be used in the same call.
  - Asks for a list of each kind first. What is so already, ownership of each field included, is not sent at all.
  - A failed object does not hide the others. What needs it is left out and says so.
  - Refuses before the first change where a kind is unknown or cannot be applied, a namespace is missing or being
    deleted, an object is there twice or a quota would fall below what is in use.
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.kube
  - groundwork.platform.kube.writing
attributes:
  check_mode:
    description: >-
      The API itself tries each object (dry run). An object whose namespace does not exist yet is tried in the
      namespace C(default); one
      whose kind does not exist yet is shown as it is written, with RV(results[].tried) false.
    support: full
  diff_mode:
    description: >-
      One diff for each object that changes, without what the API server keeps for itself. Values of Secrets are
      hidden.
    support: full
  platform:
    description: Hosts with Python 3.9 or later.
    support: full
    platforms: posix
options:
  manifests:
    description:
      - Objects, lists of objects, or YAML or JSON text with any number of documents, such as what a template or
        C(helm template) gave.
      - Text is read as Kubernetes reads it. A word without quotes that other readers take for true or false (C(N),
        C(y)) is refused.
    type: raw
  src:
    description: Files, and folders whose files end in C(.yaml), C(.yml) or C(.json), on the host that runs the module.
    type: list
    elements: path
  kustomize:
    description: Folder that C(kubectl kustomize) or C(kustomize build) makes manifests of.
    type: path
  namespace:
    description:
      - Namespace of manifests that name none.
      - The default is that of the kubeconfig's context, and C(default) where it has none.
    type: str
  inventory:
    description:
      - Value of the label C(groundwork.platform/inventory) on all objects. It tells O(prune) what belongs together,
        and makes lists short.
    type: str
  prune:
    description: >-
      Delete objects of the O(inventory) that no manifest has any more, once all others are as they should be.
    type: bool
    default: false
  wait:
    description: Wait until all objects are ready.
    type: bool
    default: false
  wait_conditions:
    description: >-
      By kind, the condition that has to be true, where a kind has no rule of its own or another one is meant.
    type: dict
    default: {}
  wait_timeout:
    description: Seconds to wait.
    type: float
    default: 300.0
  standby:
    description:
      - The cluster's node pools are at 0. It gets all manifests, so that it can take over as soon as it has nodes.
      - Of O(wait) only definitions and namespaces are left, see RV(awaited). All Jobs and CronJobs are suspended.
        Webhooks are told not to block (C(failurePolicy) C(Ignore), 1 s a call), and those that are there already are
        told so before anything else.
      - The same manifests without it resume Jobs and CronJobs and give webhooks their own policy back.
    type: bool
    default: false
  expected_namespaces:
    description: Namespaces that an earlier task makes. In check mode they may be missing.
    type: list
    elements: str
    default: []
seealso:
  - module: kubernetes.core.k8s
"""

EXAMPLES = r"""
- name: Bring the namespaces to what the inventory says
  groundwork.platform.kube_apply:
    context: main
    manifests: "{{ lookup('ansible.builtin.template', 'namespaces.yml.j2') }}"
    inventory: namespaces
    prune: true
    exclusive: true

- name: Apply what a chart renders, and wait for it
  groundwork.platform.kube_apply:
    manifests: "{{ rendered.stdout }}"
    namespace: monitoring
    wait: true
    wait_conditions: {Certificate: Ready}

- name: Give the failover cluster the same, ready to take over
  groundwork.platform.kube_apply:
    context: failover
    manifests: "{{ rendered.stdout }}"
    namespace: monitoring
    wait: true
    standby: "{{ kube_standby }}"
"""

RETURN = r"""
counts:
  description: How many objects were created, updated, unchanged, replaced, pruned, failed and skipped.
  returned: where the API was reached
  type: dict
  sample: {created: 2, updated: 1, unchanged: 297, replaced: 0, pruned: 0, failed: 0, skipped: 0}
results:
  description: Each object, in the order of the requests.
  returned: where the API was reached
  type: list
  elements: dict
  contains:
    kind: {description: Kind., returned: always, type: str, sample: ResourceQuota}
    group: {description: "API group, empty for the core one.", returned: always, type: str, sample: ""}
    namespace: {description: "Namespace, empty where it is in none.", returned: always, type: str, sample: nx-app}
    name: {description: Name., returned: always, type: str, sample: compute}
    action: {description: What became of it., returned: always, type: str, sample: updated}
    source: {description: File and line or place in the task., returned: always, type: str, sample: "namespaces.yml:12"}
    reason:
      description:
        - Why it failed.
        - One of V(conflict), V(immutable), V(invalid), V(forbidden), V(rejected), V(not_found), V(not_ready),
          V(not_gone), V(needs), V(failed).
      returned: on failure
      type: str
      sample: conflict
    message: {description: The same in words., returned: on failure, type: str, sample: "..."}
    changes:
      description:
        - Each field whose value changes, from what the cluster has to what the manifest says, with the manager that
          had set it. At most 20, and of long values the part that differs. Of Secrets no values.
        - In check mode with O(force_conflicts), O(exclusive) and O(prune) the results tell all drift.
      returned: on update, where the object was known before
      type: list
      elements: str
      sample: ["spec.hard.pods: 40 → 20 (by kubectl-edit)"]
    drift:
      description: Entries that somebody added, and who.
      returned: where there are some
      type: list
      elements: str
      sample: ["spec.hard.services (by kubectl-edit)"]
    warnings: {description: Warnings of the API., returned: where there are some, type: list, elements: str, sample: []}
    tried:
      description: False where check mode could not ask the API.
      returned: where it is false
      type: bool
      sample: false
awaited:
  description: Whether all objects were awaited. False in O(standby) and in check mode.
  returned: with O(wait), where the API was reached
  type: bool
  sample: true
reason:
  description:
    - Why nothing was done.
    - One of V(malformed_yaml), V(malformed_manifest), V(no_such_file), V(no_manifests), V(missing_program),
      V(not_rendered), V(unknown_kind), V(not_appliable), V(twice), V(no_namespace),
      V(namespace_terminating), V(owned_elsewhere), V(quota_below_use), V(no_configuration), V(bad_configuration),
      V(unreachable), V(unauthorized), V(forbidden), V(too_old), V(missing_library), V(failed).
  returned: where nothing was done
  type: str
  sample: unknown_kind
"""

from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    KubeModule,
    argument_spec,
    writing_options,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.bulk import apply_all


def main() -> None:
    """Apply manifests."""
    spec = argument_spec(
        **writing_options(),
        manifests={"type": "raw"},
        src={"type": "list", "elements": "path"},
        kustomize={"type": "path"},
        namespace={"type": "str"},
        inventory={"type": "str"},
        prune={"type": "bool", "default": False},
        wait={"type": "bool", "default": False},
        wait_conditions={"type": "dict", "default": {}},
        wait_timeout={"type": "float", "default": 300.0},
        standby={"type": "bool", "default": False},
        expected_namespaces={"type": "list", "elements": "str", "default": []},
    )
    apply_all(
        KubeModule(
            argument_spec=spec,
            supports_check_mode=True,
            required_one_of=[("manifests", "src", "kustomize")],
            required_if=[("prune", True, ("inventory",))],
        )
    )


if __name__ == "__main__":
    main()
