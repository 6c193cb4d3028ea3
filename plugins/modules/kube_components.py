#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Components of a Kubernetes cluster, in the order of their needs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kube_components
short_description: Components of a Kubernetes cluster, in the order of their needs
version_added: 0.1.0
description:
  - Brings components (a chart, files, a kustomization, manifests) to what they are described as. A component is begun
    as soon as all that it needs is there and works. Those that do not need each other are installed side by side.
  - A component needs what O(components[].needs) names, and the components whose kinds or namespaces it uses.
  - Objects are applied as M(groundwork.platform.kube_apply) does it, each with its component's label. What a component
    does not have any more goes away.
  - Charts are rendered by C(helm template); there is no release in the cluster.
  - What cannot work is refused before the first change, all of it at once. Later on a component that fails does not
    hide the others; what needs it is left out and says so.
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.kube
  - groundwork.platform.kube.writing
attributes:
  check_mode:
    description: >-
      As that of M(groundwork.platform.kube_apply), also for what uses kinds and namespaces of components that are not
      there yet. Nothing is awaited or verified.
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
  components:
    description: The components. Their order does not matter.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name, and that of the chart's release.
        type: str
        required: true
      definition:
        description:
          - Name of its definition, which the role C(kube_components) has merged in. The default is
            O(components[].name).
          - Here it only helps to say what is meant where there is none.
        type: str
      needs:
        description: Names of the components that have to be there and work before.
        type: list
        elements: str
      namespace:
        description: Namespace of objects that name none, V(default) where it is not given. It has to be there.
        type: str
      source:
        description: Where its objects come from; one of O(components[].source.chart), O(components[].source.path),
          O(components[].source.manifests) and O(components[].source.kustomize).
        type: dict
        suboptions:
          chart:
            description: Name of a chart in O(components[].source.repository), or its address (C(oci://)).
            type: str
          repository:
            description: URL of the chart's repository.
            type: str
          version:
            description:
              - Version of the chart. One without, or with a range, may be another one in each run.
              - A chart of an exact version is fetched once and kept in O(cache).
            type: str
          release:
            description: Name of the release, where it is not O(components[].name).
            type: str
          path:
            description: Folder or archive of a chart.
            type: path
          manifests:
            description: Files, folders and URLs (C(https://)) of manifests.
            type: list
            elements: str
          kustomize:
            description: Folder that C(kubectl kustomize) or C(kustomize build) makes manifests of.
            type: path
      manifests:
        description: Objects, or YAML or JSON text, applied together with those of the source.
        type: raw
      values:
        description: The chart's values.
        type: dict
      wait:
        description: When it is there.
        type: dict
        suboptions:
          timeout:
            description: Seconds to wait for its objects, and as many again for O(components[].verify). V(300) where
              it is not given; with V(0) nobody waits for objects.
            type: float
          conditions:
            description: By kind, the condition that has to be true, where a kind has no rule of its own or another
              one is meant.
            type: dict
      verify:
        description: Whether it works. Asked until all holds, also where nothing was changed.
        type: list
        elements: dict
        suboptions:
          api:
            description: Path of the API that has to answer well, such as that of a service behind it.
            type: str
          accepts:
            description: Object that the API, its webhooks included, has to accept. It is not made (dry run).
            type: raw
          kind:
            description: Kind of an object that has to be there and ready.
            type: str
          name:
            description: Its name.
            type: str
          namespace:
            description: Its namespace; the default is the component's.
            type: str
          api_version:
            description: Its version, where the kind alone does not say it.
            type: str
          condition:
            description: Condition that has to be true, instead of the kind's own rule.
            type: str
      enabled:
        description: Whether it belongs to this cluster. One that does not is left as it is.
        type: bool
        default: true
      owner:
        description: Who applies it. One of V(argocd) is left to it; what needs it takes it for there.
        type: str
        choices: [argocd, groundwork]
        default: groundwork
  known:
    description: Names of the catalogue's definitions, for saying which are near to one that is not there.
    type: list
    elements: str
    default: []
  helm:
    description: The program C(helm), 3.8 or newer. It is needed where a component is a chart.
    type: str
    default: helm
  cache:
    description: Folder that keeps charts and manifests whose address says an exact version.
    type: path
    default: ~/.cache/groundwork/components
  parallel:
    description: Components at a time.
    type: int
    default: 8
  standby:
    description: >-
      The cluster's node pools are at 0. Everything is applied as M(groundwork.platform.kube_apply) does it with this
      option. Nothing that needs a node is awaited, nothing is verified.
    type: bool
    default: false
  expected_namespaces:
    description: >-
      Namespaces that an earlier step brings. In check mode they may be missing still; otherwise they have to be
      there as all others.
    type: list
    elements: str
    default: []
  preflight:
    description: >-
      Refuse what cannot work, and end. Nothing is applied, not on trial either. O(expected_namespaces) may be
      missing as in check mode.
    type: bool
    default: false
  prune:
    description: Delete what a component had and does not have any more, once it went well itself.
    type: bool
    default: true
  progress_file:
    description: File that gets a line of JSON for each thing that happens. Ansible sets it to show them at once.
    type: path
seealso:
  - module: groundwork.platform.kube_apply
"""

EXAMPLES = r"""
- name: Install an operator and what it looks after
  groundwork.platform.kube_components:
    context: main
    components:
      - name: cert-manager
        namespace: cert-manager
        source: {chart: cert-manager, repository: "https://charts.jetstack.io", version: v1.18.2}
        values: {crds: {enabled: true}}
      - name: issuers
        needs: [cert-manager]
        manifests: "{{ lookup('ansible.builtin.file', 'issuers.yml') }}"
"""

RETURN = r"""
components:
  description: Each component, in the order in which they were given.
  returned: where the API was reached and nothing was refused
  type: list
  elements: dict
  contains:
    name: {description: Name., returned: always, type: str, sample: issuers}
    state:
      description:
        - V(changed) or V(unchanged) where it is there and works, V(failed), or V(skipped) where what it needs failed.
        - V(left) where somebody else owns it, V(off) where it is not enabled.
      returned: always
      type: str
      sample: changed
    namespace: {description: Its namespace., returned: always, type: str, sample: nx-internal}
    needs:
      description: What it waited for, that whose kinds and namespaces it uses included.
      returned: always
      type: list
      elements: str
      sample: [cert-manager]
    source: {description: Where its objects come from., returned: where it is ours, type: str, sample: chart traefik}
    counts: {description: What became of its objects., returned: where it is ours, type: dict, sample: {created: 3}}
    objects:
      description: Its objects that changed, failed or differ, as M(groundwork.platform.kube_apply) returns them.
      returned: where it is ours
      type: list
      elements: dict
      contains:
        kind: {description: Kind., returned: always, type: str, sample: ConfigMap}
        name: {description: Name., returned: always, type: str, sample: dashboards}
        action: {description: What became of it., returned: always, type: str, sample: updated}
        drift: {description: Entries that somebody added., returned: where there are some, type: list, elements: str}
    hooks_left_out:
      description: Hooks of its chart that are no part of an install.
      returned: where it is ours
      type: list
      elements: str
      sample: ["Pod.v1 smoke in nx-internal (test)"]
    kept:
      description: Values that its chart makes up in each rendering (passwords, certificates) and that stayed as they
        are.
      returned: where it is ours
      type: list
      elements: str
      sample: ["Secret grafana in monitoring: data.admin-password"]
    started: {description: Seconds after which it began., returned: where it began, type: float, sample: 12.1}
    seconds: {description: Seconds that it took., returned: where it began, type: float, sample: 8.3}
    reason:
      description: Why it failed, one of V(objects), V(not_verified), V(needs), or a reason of the API.
      returned: on failure
      type: str
      sample: not_verified
    message: {description: The same in words., returned: where there is something to say, type: str, sample: "..."}
counts:
  description: How many objects were created, updated, unchanged, replaced, pruned, failed and skipped.
  returned: where the API was reached and nothing was refused
  type: dict
  sample: {created: 2, updated: 1, unchanged: 297, replaced: 0, pruned: 0, failed: 0, skipped: 0}
makespan:
  description: Seconds from the first component's beginning to the last one's end.
  returned: where the API was reached and nothing was refused
  type: float
  sample: 48.2
critical_path:
  description: The chain of needs that took longest by itself. To be faster, make one of these faster.
  returned: where the API was reached and nothing was refused
  type: list
  elements: str
  sample: [cert-manager, issuers, kgateway]
critical_seconds:
  description: Seconds of that chain.
  returned: where the API was reached and nothing was refused
  type: float
  sample: 47.9
problem:
  description: What went wrong after the components, while deleting what they do not have any more.
  returned: where something did
  type: str
  sample: "What components do not have any more could not be deleted: ..."
reason:
  description:
    - Why nothing was done; where there is more than one reason, that of the first.
    - One of V(twice), V(unknown_need), V(needs_disabled), V(cycle), V(bad_name), V(unknown_component), V(bad_source),
      V(missing_program), V(not_rendered), V(unsteady), and those of M(groundwork.platform.kube_apply).
  returned: where nothing was done
  type: str
  sample: cycle
"""

from ansible_collections.groundwork.platform.plugins.module_utils.components.entry import (
    component_options,
    install_all,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    KubeModule,
    argument_spec,
    writing_options,
)


def main() -> None:
    """Install components."""
    texts = {"type": "list", "elements": "str", "default": []}
    spec = argument_spec(
        **writing_options(),
        components={
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": component_options(),
        },
        known=texts,
        helm={"type": "str", "default": "helm"},
        cache={"type": "path", "default": "~/.cache/groundwork/components"},
        parallel={"type": "int", "default": 8},
        standby={"type": "bool", "default": False},
        expected_namespaces=texts,
        preflight={"type": "bool", "default": False},
        progress_file={"type": "path"},
        prune={"type": "bool", "default": True},
    )
    install_all(KubeModule(argument_spec=spec, supports_check_mode=True))


if __name__ == "__main__":
    main()
