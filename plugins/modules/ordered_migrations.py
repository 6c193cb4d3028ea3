#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Database migrations as Kubernetes Jobs, in the order of their needs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ordered_migrations
short_description: Database migrations as Kubernetes Jobs, in the order of their needs
version_added: 0.1.0
description:
  - Runs the migrations of a release as Jobs. One starts as soon as all that it needs has finished and its gates are
    open; those that do not need each other run side by side. Rollouts that others wait for are part of the same graph.
  - All Jobs are followed by one watch. One that fails is told at once, with its pods' exit codes and last log lines.
    What needs it never starts; all others finish. Retries and deadlines are the Jobs' own.
  - A migration that has run is not run again. That one with another definition has the same version is refused. A run
    that was cut short is taken up by the next one. Two runs at once are kept apart by a Lease.
  - What has run stands in the ConfigMap C(migration-history) of the Jobs' namespace.
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.kube
attributes:
  check_mode:
    description:
      - Says what would run and in which order, and refuses what would be refused. The cluster is only read; it
        tries the objects of rollouts.
    support: full
  diff_mode:
    description: Nothing of what runs is a difference.
    support: none
  platform:
    description: Hosts with Python 3.9 or later.
    support: full
    platforms: posix
options:
  services:
    description: Services of the release. Their order matters for O(order) alone.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name.
        type: str
        required: true
      version:
        description: Version of its migration, where it is not O(version).
        type: str
      image:
        description: Image that migrates. A service without O(services[].image) and O(services[].job) has no migration.
        type: str
      command:
        description: Command that migrates.
        type: list
        elements: str
      job:
        description: A whole Job in place of the one that is made of O(services[].image) and the options below.
        type: dict
      needs:
        description:
          - Services whose migration has to have finished; one that has none has to be rolled out.
          - C(NAME rollout) means the rollout of a service that has a migration as well.
        type: list
        elements: str
      gates:
        description:
          - What has to hold before it starts, one of O(services[].gates[].rollout), O(services[].gates[].service) and
            O(services[].gates[].tcp).
        type: list
        elements: dict
        suboptions:
          rollout:
            description: Deployment that has to be up. One that O(services[].rollout) of this run brings is a need.
            type: str
          service:
            description: Service that has to answer well. It is asked through the API server.
            type: str
          tcp:
            description: C(host:port) that has to take connections from where the module runs.
            type: str
          namespace:
            description: Namespace, where it is not that of the migration.
            type: str
          port:
            description: Port of the Service.
            type: int
            default: 80
          path:
            description: Path that is asked.
            type: str
            default: /
          timeout:
            description: Seconds to wait.
            type: float
            default: 300.0
      rollout:
        description: The service itself, where others wait for it. It begins when its migration has finished.
        type: dict
        suboptions:
          deployment:
            description: Deployment that has to be up.
            type: str
            required: true
          namespace:
            description: Namespace, where it is not that of the migration.
            type: str
          needs:
            description: What it needs besides its migration, as in O(services[].needs).
            type: list
            elements: str
          manifests:
            description: Objects, or YAML or JSON text, that are applied before.
            type: list
            elements: raw
          timeout:
            description: Seconds to wait.
            type: float
            default: 300.0
      phase:
        description: V(contract) takes something away that O(services[].consumers) may still use.
        type: str
        choices: [expand, contract]
        default: expand
      consumers:
        description: Who has to do without what a V(contract) migration takes away.
        type: list
        elements: dict
        suboptions:
          deployment:
            description: Deployment. One that is not there needs nothing.
            type: str
            required: true
          namespace:
            description: Namespace, where it is not that of the migration.
            type: str
          at_least:
            description: First version that does without, where versions are rows of numbers.
            type: str
          versions:
            description: Versions that do without.
            type: list
            elements: str
      namespace:
        description: Namespace, where it is not O(namespace).
        type: str
      app:
        description: Application whose tables it brings, for the Job's name and labels. By default O(services[].name).
        type: str
      prefix:
        description: Beginning of the Job's name.
        type: str
        default: nx-
      deadline:
        description: Seconds after which the Job gives up (C(activeDeadlineSeconds)).
        type: int
        default: 300
      backoff_limit:
        description: How often a failed pod is begun anew.
        type: int
        default: 3
      wait_for:
        description: Init containers that hold the migration back.
        type: list
        elements: dict
        suboptions:
          name:
            description: Name.
            type: str
          image:
            description: Image.
            type: str
          command:
            description: Command that ends well when the migration may begin.
            type: list
            elements: str
      env_from:
        description: ConfigMaps and Secrets as environment (C(envFrom)).
        type: list
        elements: dict
      environment:
        description: Variables. What is secret comes by O(services[].env_from).
        type: dict
      node_selector:
        description: Labels of the nodes.
        type: dict
      resources:
        description: Requests and limits.
        type: dict
      security:
        description: C(securityContext) of the containers.
        type: dict
      pull_policy:
        description: When the image is pulled.
        type: str
      pull_secrets:
        description: Secrets that the image is pulled with.
        type: list
        elements: str
      service_account:
        description: Account of the pods. They get no token of it.
        type: str
  target:
    description:
      - What a migration is, V(job) in the cluster or V(command) on the host that the module runs on.
      - A command has O(services[].command), O(services[].environment), O(services[].needs), O(services[].deadline) and
        O(services[].backoff_limit); the cluster is not asked.
    type: str
    choices: [job, command]
    default: job
  history_file:
    description: The history of commands, a file on that host. One run at a time holds it.
    type: path
    default: ~/.local/state/groundwork/migrations.json
  version:
    description: Version of all services that name none.
    type: str
  namespace:
    description: Namespace of Jobs, history and Lease.
    type: str
    default: nx-backend
  order:
    description:
      - Needs of services that name none. V(needs) gives them none, V(chain) the service before, V(first) the first of
        all, each with its rollout where it has one.
    type: str
    choices: [needs, chain, first]
    default: needs
  retry_failed:
    description: Run again what failed before. Its old Job is deleted.
    type: bool
    default: false
  rerun_changed:
    description: Run again what ran with another definition under the same version.
    type: bool
    default: false
  other_run:
    description:
      - What becomes of this run while another one is at work. V(refuse) means when that one has given a sign of life,
        which it does every 4 s; one that was killed is waited out, 15 s.
    type: str
    choices: [refuse, wait]
    default: wait
  patience:
    description:
      - Seconds to wait for another run. One that was killed holds its Lease for 15 s.
    type: float
    default: 600.0
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
seealso:
  - module: groundwork.platform.kube_apply
"""

EXAMPLES = r"""
- name: Migrate, identity first and up before the others begin
  groundwork.platform.ordered_migrations:
    context: main
    version: 4f2a91c
    order: first
    services:
      - name: identity
        image: registry.example.com/identity:4f2a91c
        command: [bun, run, migrate]
        rollout:
          deployment: nx-identity
          manifests: "{{ lookup('ansible.builtin.template', 'identity.yml.j2') | list }}"
      - name: commerce
        image: registry.example.com/commerce:4f2a91c
        command: [bun, run, migrate]
        env_from:
          - configMapRef: {name: nx-commerce-config}
          - secretRef: {name: nx-commerce-secret}
"""

RETURN = r"""
services:
  description: Each migration by the name of its service, and each rollout as C(NAME rollout).
  returned: where nothing was refused
  type: list
  elements: dict
  contains:
    name: {description: Name., returned: always, type: str, sample: commerce}
    state:
      description: >-
        V(done), V(skipped) where it has run before or, in check mode, where a rollout's objects are as they should be,
        V(failed), V(left_out) where what it needs failed, V(cancelled), or V(would_run) in check mode.
      returned: always
      type: str
      sample: done
    changed:
      description: Whether its objects were changed, or would be.
      returned: for rollouts that have objects
      type: bool
      sample: true
    needs: {description: What it waited for., returned: always, type: list, elements: str, sample: [identity rollout]}
    version: {description: Version., returned: for migrations, type: str, sample: 4f2a91c}
    job: {description: Name of the Job., returned: for migrations, type: str, sample: nx-commerce-migrate-4f2a91c}
    checksum: {description: Digest of the Job's definition., returned: for migrations, type: str, sample: 9a0c...}
    why: {description: Why it was skipped or run again., returned: for migrations, type: str, sample: it ran on ...}
    started: {description: Seconds after which it began., returned: where it began, type: float, sample: 4.2}
    seconds: {description: Seconds that it took., returned: where it began, type: float, sample: 6.1}
    gate_seconds: {description: Seconds that its gates took., returned: for migrations, type: float, sample: 0.0}
    job_seconds:
      description: Seconds from the Job's creation to its completion, as the cluster writes them.
      returned: where the Job is complete
      type: float
      sample: 5.0
    failures:
      description: Containers that ended badly.
      returned: for migrations
      type: list
      elements: dict
      contains:
        pod: {description: Pod., returned: always, type: str, sample: nx-commerce-migrate-4f2a91c-x2x4p}
        container: {description: Container., returned: always, type: str, sample: migrate}
        reason: {description: Reason., returned: always, type: str, sample: OOMKilled}
        exit_code: {description: Exit code., returned: always, type: int, sample: 137}
        previous: {description: Whether it was begun anew., returned: always, type: bool, sample: true}
        log: {description: Its last lines., returned: always, type: list, elements: str, sample: ["no such table"]}
    reason:
      description: >-
        Why it failed, one of V(job_failed), V(hopeless_pod) (its image cannot be pulled, a Secret is missing),
        V(job_gone), V(gate_closed), V(objects), V(command_failed), or a reason of the API.
      returned: on failure
      type: str
      sample: job_failed
    message: {description: The same in words., returned: where there is something to say, type: str, sample: "..."}
makespan:
  description: Seconds from the first start to the last end.
  returned: where it ran
  type: float
  sample: 39.2
critical_path:
  description: The chain of needs that took longest by itself.
  returned: where it ran
  type: list
  elements: str
  sample: [identity, identity rollout, payment]
critical_seconds:
  description: Seconds of that chain.
  returned: where it ran
  type: float
  sample: 38.9
reason:
  description:
    - Why nothing was begun; where there is more than one reason, that of the first.
    - One of V(twice), V(unknown_need), V(cycle), V(bad_name), V(bad_job), V(bad_gate), V(jobs_only), V(no_version),
      V(no_command), V(changed_definition), V(failed_before), V(foreign_job), V(consumers_need_it), V(busy),
      V(lost_lease), V(bad_history), and those of M(groundwork.platform.kube_apply).
  returned: where nothing was begun
  type: str
  sample: changed_definition
"""

from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    KubeModule,
    argument_spec,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.entry import (
    migrate_all,
    service_options,
)


def main() -> None:
    """Run migrations."""
    spec = argument_spec(
        services={
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": service_options(),
        },
        target={"type": "str", "default": "job", "choices": ["job", "command"]},
        history_file={"type": "path", "default": "~/.local/state/groundwork/migrations.json"},
        version={"type": "str"},
        namespace={"type": "str", "default": "nx-backend"},
        order={"type": "str", "default": "needs", "choices": ["needs", "chain", "first"]},
        retry_failed={"type": "bool", "default": False},
        rerun_changed={"type": "bool", "default": False},
        other_run={"type": "str", "default": "wait", "choices": ["refuse", "wait"]},
        patience={"type": "float", "default": 600.0},
        parallel={"type": "int", "default": 64},
        concurrency={"type": "int", "default": 16},
        progress_file={"type": "path"},
    )
    migrate_all(KubeModule(argument_spec=spec, supports_check_mode=True))


if __name__ == "__main__":
    main()
