#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""State of a Kubernetes cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kube_cluster_info
short_description: State of a Kubernetes cluster, and what is not as it should be
version_added: 0.1.0
description:
  - Asks for nodes, namespaces, quotas, workloads, Services, what leads into the cluster, and certificates, all of it
    at once.
  - Says of what is not ready why, down to the pods (image, exit code, probe, scheduling, quota).
  - Holds it against what is expected (RV(problems)), and waits for what time alone may mend where told so.
  - What the account may not read is named in RV(unread).
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.kube
attributes:
  check_mode:
    description: Changes nothing. In check mode it looks once instead of waiting.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: none
  platform:
    description: Hosts with Python 3.9 or later.
    support: full
    platforms: posix
options:
  gather:
    description: Parts that are asked for.
    type: list
    elements: str
    choices: [nodes, namespaces, quotas, workloads, services, ingresses, certificates]
    default: [nodes, namespaces, quotas, workloads, services, ingresses, certificates]
  namespaces:
    description: >-
      Namespaces to look at. Empty looks at all of them, for which the account needs rights in the whole
      cluster.
    type: list
    elements: str
    default: []
  expect:
    description: What the cluster is held against.
    type: dict
    default: {}
    suboptions:
      standby:
        description: >-
          Whether its node pools are at 0. Missing nodes, workloads that are not ready and what follows from them are
          no problems then;
          namespaces, quotas and certificates are judged as ever.
        type: bool
        default: false
      namespaces:
        description: Namespaces that have to be there and not to be going, as far as they are among O(namespaces).
        type: list
        elements: str
        default: []
      nodes:
        description: Least number of nodes that are ready and take pods, by pool.
        type: dict
        default: {}
      quota_percent:
        description: Use of a quota, in percent, above which there is a warning. One that is used up is a problem.
        type: float
        default: 90.0
      certificate_warning_days:
        description: >-
          Days before its end from which on a certificate is a warning. The default is after the time at
          which cert-manager renews.
        type: int
        default: 21
      certificate_days:
        description: Days before its end from which on a certificate is a problem.
        type: int
        default: 7
      ignore:
        description: Patterns of what is left out, by the C(subject) of RV(problems), such as C(Service */*-ro).
        type: list
        elements: str
        default: []
  wait_timeout:
    description: Seconds to look again while nodes, workloads, endpoints or gateways are not ready.
    type: float
    default: 0.0
requirements:
  - cryptography >= 42 (Python library, for V(certificates))
notes:
  - Of Secrets only those of type C(kubernetes.io/tls) are asked for, and only their certificates are kept.
seealso:
  - module: groundwork.platform.kube_apply
"""

EXAMPLES = r"""
- name: Look at the cluster
  groundwork.platform.kube_cluster_info:
    context: main
  register: cluster

- name: Wait until everything runs, two minutes at most
  groundwork.platform.kube_cluster_info:
    context: main
    expect:
      namespaces: [nx-app, nx-persistent]
      nodes: {system: 1, default: 2}
      ignore: ["Service nx-persistent/*-ro"]
    wait_timeout: 120
  register: cluster
  failed_when: cluster.problems | selectattr('level', 'eq', 'problem') | length > 0
"""

RETURN = r"""
version:
  description: Version of the API server, empty where it does not tell.
  returned: success
  type: str
  sample: v1.36.3
nodes:
  description: Each node. C(reason) says why one is not ready.
  returned: where they were gathered and may be read
  type: list
  elements: dict
  sample:
    - name: kube-main-1
      ready: true
      reason: ""
      schedulable: true
      pressures: []
      pool: default
      zone: a
      allocatable: {cpu: "2", memory: 24581700Ki, pods: "110"}
      kubelet: v1.36.3
pools:
  description: >-
    Nodes of each pool (label C(node.kubernetes.io/pool) or C(cloud.google.com/gke-nodepool)), and those that are
    ready and take pods.
  returned: where nodes were gathered and may be read
  type: dict
  sample: {default: {ready: 1, total: 1}}
capacity:
  description: Cores, bytes of memory and pods of the nodes that are ready and take pods.
  returned: where nodes were gathered and may be read
  type: dict
  sample: {cpu: 2.0, memory: 25171660800, pods: 110}
namespaces:
  description: Each namespace.
  returned: where they were gathered and may be read
  type: list
  elements: dict
  sample:
    - {name: nx-app, phase: Active, labels: {pod-security.kubernetes.io/enforce: restricted}}
quotas:
  description: Each limit of each ResourceQuota. C(percent) is null where its controller has not counted yet.
  returned: where they were gathered and may be read
  type: list
  elements: dict
  sample:
    - {namespace: nx-app, name: groundwork, resource: limits.cpu, used: "19", hard: "20", percent: 95.0}
workloads:
  description: >-
    Deployments, StatefulSets, DaemonSets, and pods of none of them and of no Job. C(reason) says what one that is
    not ready waits for, and why.
  returned: where they were gathered and may be read
  type: list
  elements: dict
  sample:
    - kind: Deployment
      namespace: nx-app
      name: web
      wanted: 2
      ready: 0
      reason: "0 of 2 pods are available; 2 pods: container web: CrashLoopBackOff, exit code 1, 5 restarts"
failed_jobs:
  description: Jobs that failed. Of a CronJob it is the last one, if it failed.
  returned: where workloads were gathered and may be read
  type: list
  elements: dict
  sample:
    - {namespace: nx-app, name: migrate, reason: "Failed: BackoffLimitExceeded; container m: exit code 1"}
services:
  description:
    - Each Service. C(ready) is the number of endpoints that are ready, null where a Service has none
      (C(ExternalName)) or they may not be read.
    - C(reason) says why a Service with a selector has none. C(idle) is true where all that it leads to is scaled to 0.
  returned: where they were gathered and may be read
  type: list
  elements: dict
  sample:
    - {namespace: nx-app, name: web, type: ClusterIP, ready: 2, idle: false, reason: ""}
ingresses:
  description: >-
    Ingresses, and where they are served Gateways and HTTPRoutes, whose C(classes) are their gateways. C(reason)
    says why one is not in use.
  returned: where they were gathered and may be read
  type: list
  elements: dict
  sample:
    - kind: Ingress
      namespace: nx-app
      name: web
      classes: [nginx]
      hosts: [app.example.com]
      addresses: [203.0.113.10]
      reason: ""
certificates:
  description:
    - The first certificate of each Secret of type C(kubernetes.io/tls), the Certificates of cert-manager where they
      are served, and the API
      server's own (kind C(APIServer)).
    - C(days_left) are whole days, negative where it has ended. C(reason) says why it cannot be read or is not ready.
  returned: where they were gathered and may be read
  type: list
  elements: dict
  sample:
    - kind: Secret
      namespace: nx-app
      name: web-tls
      subject: CN=app.example.com
      names: [app.example.com]
      not_after: "2027-03-01T12:00:00Z"
      days_left: 99
      reason: ""
unread:
  description: >-
    Lists that could not be read, with the API's own words. C(namespace) is empty where it is about all of them.
  returned: success
  type: list
  elements: dict
  sample:
    - {resource: secrets, namespace: "", message: "secrets is forbidden: User \"viewer\" cannot list resource"}
problems:
  description:
    - What is not as expected, C(level) V(problem) before V(warning).
    - C(check) is one of V(nodes), V(namespaces), V(quotas), V(workloads), V(jobs), V(services), V(ingresses),
      V(certificates), V(access).
    - C(reason) is one of V(node_not_ready), V(cordoned), V(pressure), V(no_node), V(too_few_nodes), V(no_namespace),
      V(namespace_terminating), V(quota_not_counted), V(quota_used_up), V(quota_nearly_used_up), V(not_ready),
      V(job_failed), V(no_endpoints),
      V(not_in_use), V(certificate_unreadable), V(certificate_not_ready), V(certificate_ended),
      V(certificate_ends_soon), V(unread).
  returned: success
  type: list
  elements: dict
  sample:
    - level: problem
      check: services
      reason: no_endpoints
      subject: Service nx-app/web
      message: "Service nx-app/web has no endpoint that is ready: no pod has the labels app=web."
reason:
  description:
    - Why it failed.
    - One of V(bad_expectation), V(no_configuration), V(bad_configuration), V(unreachable), V(unauthorized),
      V(forbidden), V(missing_library), V(failed).
  returned: failure
  type: str
  sample: unreachable
"""

from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    KubeModule,
    argument_spec,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.info import (
    cluster_info,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.look import PARTS
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.verdict import (
    options,
)


def main() -> None:
    """Look at the cluster."""
    parts = list(PARTS)
    spec = argument_spec(
        gather={"type": "list", "elements": "str", "choices": parts, "default": parts},
        namespaces={"type": "list", "elements": "str", "default": []},
        expect={"type": "dict", "default": {}, "options": options(), "apply_defaults": True},
        wait_timeout={"type": "float", "default": 0.0},
    )
    cluster_info(KubeModule(argument_spec=spec, supports_check_mode=True))


if __name__ == "__main__":
    main()
