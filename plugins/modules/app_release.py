#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services brought to a version in the order of their needs, watched, and brought back where they do not hold."""

from __future__ import annotations

DOCUMENTATION = r"""
module: app_release
short_description: Services brought to a version, watched, and brought back where they do not hold
version_added: 0.1.0
description:
  - Releases services in one graph with their migrations, as wide as their needs allow. Each service is applied,
    followed until it is
    rolled out, and asked whether it is well; then all that is new is watched together for a while (the soak).
  - Where one fails (its pods do not come up, stop being ready or are begun anew, too many of their answers have
    status 5xx, they are too
    slow, a health check fails), services are brought back to the last good revision on record, those first that
    need others. That
    they are well again is verified, and the module fails with the reason.
  - Each release of a service is a revision, kept with its manifests in a Secret of the service's namespace. What is
    on record as good with the same
    manifests is left alone.
  - Refuses before the first change what cannot go well, see RV(reason).
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.kube
attributes:
  check_mode:
    description: Says what would be released and refuses what would be refused; the API tries all objects (dry run).
    support: full
  diff_mode:
    description: What changes is in RV(services[].changes).
    support: none
  platform:
    description: Hosts with Python 3.9 or later.
    support: full
    platforms: posix
options:
  services:
    description: The services.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name.
        type: str
        required: true
      version:
        description: Version, where it is not O(version).
        type: str
      namespace:
        description: Namespace, where it is not O(namespace).
        type: str
      deployment:
        description: Its Deployment. By default O(prefix) and the name.
        type: str
      container:
        description: The container whose image is its version. By default the first one.
        type: str
      image:
        description:
          - Image. Alone, it is set in the Deployment that is there, as C(kubectl set image) does.
          - With O(services[].kustomize) it stands in for the same image by another tag.
        type: str
      needs:
        description: Services that have to be up and well before.
        type: list
        elements: str
      manifests:
        description: Its objects, or YAML or JSON text.
        type: list
        elements: raw
      helm:
        description: A chart that makes its objects. It is rendered, so Helm has no release of it.
        type: dict
        suboptions:
          chart:
            description: Folder, archive or name.
            type: str
            required: true
          repository:
            description: URL of the repository that has it.
            type: str
          version:
            description: Version.
            type: str
          values:
            description: Values.
            type: dict
            default: {}
      kustomize:
        description: Folder of an overlay that makes its objects.
        type: path
      timeout:
        description: Seconds within which it has to be rolled out.
        type: float
        default: 300.0
      health:
        description:
          - What it is asked, as O(groundwork.platform.health_check#module:checks); names may be left out.
          - Once it is up it has to be well within 30 s, and has to stay so for the soak.
        type: list
        elements: dict
      soak:
        description: Its own values in place of those of O(soak).
        type: dict
        suboptions: &soak
          seconds:
            description: Length of the window. The default is 60; 0 is none.
            type: float
          interval:
            description: Seconds between two looks. The default is 1.
            type: float
          failed_requests:
            description: Requests that may be answered by status 5xx, a number or a share of all. The default is V(1%).
            type: str
          minimum_requests:
            description: >-
              Requests from which on latencies count and, before the window's end, a share. The default is 20.
            type: int
          latency:
            description: Milliseconds by percentile.
            type: dict
            suboptions:
              p50: {description: Half of all., type: float}
              p90: {description: 90%., type: float}
              p95: {description: 95%., type: float}
              p99: {description: 99%., type: float}
              max: {description: All., type: float}
          unready:
            description: How often its pods may stop being ready. The default is 0.
            type: int
          restarts:
            description: How often its containers may be begun anew. The default is 0.
            type: int
      metrics:
        description: >-
          Where its pods count what they answered (Prometheus' text format). They are read through the API server.
        type: dict
        suboptions:
          port:
            description: Port of the pods.
            type: str
            required: true
          path:
            description: Path.
            type: str
            default: /metrics
          requests:
            description: Counter of requests.
            type: str
            default: http_requests_total
          status_label:
            description: Its label that has the status.
            type: str
            default: status
          duration:
            description: Histogram of seconds.
            type: str
            default: http_request_duration_seconds
      canary:
        description:
          - A few pods of the new version that are judged first, by the same budgets. Not in its first release.
          - With an image alone they are made of the Deployment that is there, without a weight. There are none with
            O(services[].git).
        type: dict
        suboptions:
          seconds:
            description: How long they are judged.
            type: float
            default: 30.0
          replicas:
            description: Pods. Without a weight they take their share of the service's requests.
            type: int
            default: 1
          weight:
            description: Percent of requests that its HTTPRoutes send to them.
            type: int
            default: 0
      migration:
        description: Its migration, as O(groundwork.platform.ordered_migrations#module:services).
        type: dict
      application:
        description:
          - The Application of Argo CD that has the service. Without O(services[].git) its automated sync is held
            back, and given
            back where Git says what runs.
        type: str
      git:
        description: >-
          Where the version stands that Argo CD brings. It is committed there, and nothing is applied from here.
        type: dict
        suboptions:
          repository:
            description: URL.
            type: str
            required: true
          branch:
            description: Branch.
            type: str
            default: main
          path:
            description: File.
            type: str
            required: true
          kind:
            description: Helm's values, or a kustomization with C(images).
            type: str
            choices: [values, kustomize]
            default: values
          key:
            description: The value's place (C(image.tag)), or the image's name in a kustomization.
            type: str
            required: true
          key_file:
            description: SSH key.
            type: path
          token_file:
            description: File with a token, for HTTPS.
            type: path
          user:
            description: Who the token is of.
            type: str
            default: git
          author:
            description: Who commits, as C(Name <address>). By default git's own configuration says so.
            type: str
  operation:
    description: V(rollback) brings the services to an earlier revision.
    type: str
    choices: [release, rollback]
    default: release
  version:
    description: Version of all services that name none.
    type: str
  revision:
    description: The revision that V(rollback) goes to. By default the last good one before what runs.
    type: int
  namespace:
    description: Namespace of services that name none, of Jobs, history and Lease.
    type: str
    default: nx-backend
  prefix:
    description: Beginning of Deployments' names.
    type: str
    default: nx-
  order:
    description: Needs of migrations, as O(groundwork.platform.ordered_migrations#module:order).
    type: str
    choices: [needs, chain, first]
    default: needs
  soak:
    description: The window in which what is new has to hold.
    type: dict
    suboptions: *soak
  health_defaults:
    description: As O(groundwork.platform.health_check#module:defaults).
    type: dict
  health_budget:
    description: As O(groundwork.platform.health_check#module:budget), of the soak.
    type: dict
  rollback:
    description:
      - What is brought back where one service fails. V(all) that the run changed, as who is to blame cannot be
        known; V(failed) what failed and what
        needs it; V(none).
    type: str
    choices: [all, failed, none]
    default: all
  image_policy:
    description: Which images may run.
    type: dict
    suboptions:
      registries:
        description: Beginnings of their names. Any, where there is none.
        type: list
        elements: str
      digest:
        description: Whether they have to be named by digest.
        type: bool
        default: false
      moving:
        description: Tags that may not run.
        type: list
        elements: str
        default: [latest]
      ask:
        description:
          - Whether their registries are asked if they have them, as pods would pull them - with the same pull secrets,
            their own or those of their ServiceAccount.
        type: bool
        default: false
      ca_cert:
        description: CA of the registries, where it is not the system's.
        type: path
  force_conflicts:
    description:
      - Take fields over that others manage with another value, as of Deployments that C(kubectl) made.
      - On the way back that is done in any case.
    type: bool
    default: false
  allow_degraded:
    description: Release also what has fewer pods than its budget for disruptions asks for.
    type: bool
    default: false
  promoted_from:
    description: >-
      The environment that has to have each version on record as good. Its connection options are those of this
      module.
    type: dict
    suboptions:
      name:
        description: Its name, for messages.
        type: str
        default: the earlier environment
      namespace:
        description:
          - Where the services are there, in case that is not called as it is here.
          - >-
            The name of one namespace, or a mapping from namespaces here to those there, as
            C({miniredis-prod: miniredis-staging}); what it does not name is called the same.
        type: raw
      soak:
        description: Seconds for which it has to have been watched there.
        type: float
        default: 0.0
      kubeconfig: {description: Kubeconfig., type: path}
      context: {description: Context., type: str}
      host: {description: URL., type: str}
      api_key: {description: Token., type: str}
      ca_cert: {description: CA., type: path}
      client_cert: {description: Certificate., type: path}
      client_key: {description: Key., type: path}
      impersonate_user: {description: User., type: str}
  argocd_namespace:
    description: Namespace of Applications.
    type: str
    default: argocd
  helm:
    description: The program.
    type: str
    default: helm
  retry_failed:
    description: Run failed migrations again.
    type: bool
    default: false
  rerun_changed:
    description: Run migrations again that changed under the same version.
    type: bool
    default: false
  other_run:
    description: What becomes of this run while another release or migration is at work.
    type: str
    choices: [refuse, wait]
    default: wait
  patience:
    description: Seconds to wait for another run.
    type: float
    default: 600.0
  by:
    description: Who releases, for the record.
    type: str
  parallel:
    description: Migrations and rollouts at a time.
    type: int
    default: 64
  concurrency:
    description: Requests in flight.
    type: int
    default: 16
  progress_file:
    description: File that gets a line of JSON for each thing that happens. Ansible sets it to show them at once.
    type: path
requirements:
  - aiohttp >= 3.9 (Python library)
  - prometheus-client (Python library), for O(services[].metrics)
  - git, for O(services[].git)
seealso:
  - module: groundwork.platform.ordered_migrations
  - module: groundwork.platform.health_check
  - module: groundwork.platform.release_gate
"""

EXAMPLES = r"""
- name: Release two services, migrations first, and watch them for a minute
  groundwork.platform.app_release:
    context: main
    version: 4f2a91c
    soak: {seconds: 60, failed_requests: 1%, latency: {p95: 500}}
    services:
      - name: identity
        manifests: ["{{ lookup('ansible.builtin.template', 'identity.yml.j2') }}"]
        migration: {image: "registry.example.com/identity:4f2a91c", command: [bun, run, migrate]}
        health:
          - http:
              service: {namespace: nx-backend, name: nx-identity, port: "3000", path: /v1/api/identity/health}
      - name: payment-api
        needs: [identity]
        manifests: ["{{ lookup('ansible.builtin.template', 'payment-api.yml.j2') }}"]
        metrics: {port: "3000"}
        canary: {weight: 10, seconds: 60}

- name: Set an image, as deploy.sh does, and undo it where it does not hold
  groundwork.platform.app_release:
    version: 4f2a91c
    services: [{name: sale, image: "registry.example.com/sale:4f2a91c"}]

- name: Back to the last good revision
  groundwork.platform.app_release:
    operation: rollback
    services: [{name: sale}]
"""

RETURN = r"""
services:
  description: Each service, in their order.
  returned: where nothing was refused
  type: list
  elements: dict
  contains:
    name: {description: Name., returned: always, type: str, sample: sale}
    namespace: {description: Namespace., returned: always, type: str, sample: nx-backend}
    deployment: {description: Deployment., returned: always, type: str, sample: nx-sale}
    version: {description: Version., returned: always, type: str, sample: 4f2a91c}
    image: {description: Image., returned: always, type: str, sample: "registry.example.com/sale:4f2a91c"}
    state:
      description: >-
        V(released), V(current) where it was so already, V(failed), V(rolled_back), V(rollback_failed), V(stays)
        where there is nothing to
        go back to, V(left_out) where what it needs failed, V(would_release) or V(would_bring_back) in check mode.
      returned: always
      type: str
      sample: released
    revision: {description: Number of its revision., returned: always, type: int, sample: 7}
    previous: {description: Version that it goes back to., returned: always, type: str, sample: 1b22c90}
    rollback_of: {description: What it returned from., returned: for rollbacks, type: str, sample: 4f2a91c (revision 7)}
    changes:
      description: What changed.
      returned: always
      type: list
      elements: str
      sample: ["Deployment.apps nx-sale in nx-backend updated"]
    parts:
      description: Seconds of canary, rollout, health and rollback.
      returned: always
      type: dict
      sample: {rollout: 12.1}
    started: {description: Seconds after which it began., returned: where it began, type: float, sample: 8.0}
    seconds: {description: Seconds until it was up and well., returned: where it began, type: float, sample: 13.0}
    soak:
      description: Seconds of the window and, where pods count them, requests, those with status 5xx and latency in ms.
      returned: where it was watched
      type: dict
      sample: {seconds: 60.0, requests: 812, failed: 0, latency: {p95: 41.2}}
    why:
      description: Why it was left alone or taken up.
      returned: where there is something to say
      type: str
      sample: revision 7 of ...
    reason: {description: Why it failed., returned: on failure, type: str, sample: failed_requests}
    message: {description: The same in words., returned: on failure, type: str, sample: 31 of 240 requests failed ...}
migrations:
  description: Migrations, as RV(groundwork.platform.ordered_migrations#module:services).
  returned: where nothing was refused
  type: list
  elements: dict
  sample: [{name: sale, version: 4f2a91c, state: done, seconds: 4.1}]
makespan: {description: Seconds until all were up., returned: where it ran, type: float, sample: 41.0}
critical_path:
  description: The chain of needs that took longest.
  returned: where it ran
  type: list
  elements: str
  sample: [identity]
critical_seconds: {description: Seconds of that chain., returned: where it ran, type: float, sample: 40.2}
notes:
  description: What people have to do afterwards, such as a sync of Argo CD that stays held.
  returned: where there is something to do
  type: list
  elements: str
  sample: [The sync of argocd/sale stays held.]
soak_seconds: {description: Seconds of the window., returned: where there was one, type: float, sample: 60.0}
reason:
  description:
    - Why it failed.
    - Before anything was changed V(image_refused), V(image_absent), V(no_headroom), V(disrupted), V(two_masters),
      V(not_promoted), V(no_revision), V(no_application), V(no_version), V(nothing_to_bring), V(two_ways),
      V(no_deployment), V(no_container), V(not_there), V(no_canary), V(bad_canary), V(bad_soak), V(bad_check),
      V(bad_budget), V(bad_namespace), V(bad_migration), V(bad_registry), V(bad_name), V(twice), V(unknown_need),
      V(cycle), V(busy), V(bad_history), V(too_large), V(objects), V(forbidden) where what the release is held against
      may not be listed, and those of M(groundwork.platform.ordered_migrations) and M(groundwork.platform.kube_apply).
    - Later V(migration_failed), V(objects), V(hopeless_pod), V(crash_loop), V(not_ready), V(unhealthy),
      V(canary_failed), V(failed_requests), V(slow), V(unready), V(restarts), V(replaced) where somebody changed the
      pods meanwhile, V(not_measured), V(lost_lease), and V(rollback_finished) where a rollback that was cut short was
      ended.
  returned: on failure
  type: str
  sample: failed_requests
"""

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.arguments import (
    options,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.entry import (
    release_all,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import KubeModule


def main() -> None:
    """Release services."""
    release_all(
        KubeModule(
            argument_spec=options(),
            mutually_exclusive=[("version", "revision")],
            supports_check_mode=True,
        )
    )


if __name__ == "__main__":
    main()
