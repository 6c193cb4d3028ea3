#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a pool of ports is free on a cluster's nodes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: port_pool_check
short_description: Whether a pool of ports is free on a cluster's nodes
version_added: 0.1.0
description:
  - Holds a pool of ports, such as C(REDIS_PORT_START) to C(REDIS_PORT_END), against the cluster's NodePort range and
    NodePorts, the host ports of pods, the nodes' ephemeral range, the ports of Services and the pools of other
    environments.
  - Names each conflict with both ranges and what holds the other one, and proposes a free range of the same size.
  - Where a cluster is named, its pods and Services are listed. What is given as options counts as well.
  - It changes nothing. A conflict fails the module unless O(enforce) is false.
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.kube
attributes:
  check_mode:
    description: Changes nothing, and does the same in check mode.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: none
  platform:
    description: Hosts with Python 3.9 or later.
    support: full
    platforms: posix
options:
  pool:
    description: The pool. Both ends belong to it.
    type: dict
    required: true
    suboptions:
      name:
        description: Environment that it is of, so that it is not held against itself.
        type: str
        default: ""
      start:
        description: First port.
        type: int
        required: true
      end:
        description: Last port.
        type: int
        required: true
  protocol:
    description: Protocol of the pool. Single ports of another one are no conflict.
    type: str
    choices: [TCP, UDP, SCTP]
    default: TCP
  others:
    description: Pools of other environments, which may share no port among themselves.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The environment.
        type: str
        required: true
      start:
        description: First port.
        type: int
        required: true
      end:
        description: Last port.
        type: int
        required: true
  node_port_range:
    description: >-
      C(--service-node-port-range) of the API server, which no API tells. Empty leaves it out.
    type: str
    default: 30000-32767
  ephemeral_range:
    description: C(net.ipv4.ip_local_port_range) of the nodes, with a dash or as sysctl prints it. Empty leaves it out.
    type: str
    default: 32768-60999
  reserved_ports:
    description: C(net.ipv4.ip_local_reserved_ports) of the nodes. They are not ephemeral.
    type: str
    default: ""
  host_ports:
    description: Ports of the nodes that something else listens at.
    type: list
    elements: dict
    default: []
    suboptions: &port
      name:
        description: What holds it.
        type: str
        required: true
      port:
        description: The port.
        type: int
        required: true
      protocol:
        description: Its protocol.
        type: str
        choices: [TCP, UDP, SCTP]
        default: TCP
  node_ports:
    description: NodePorts of Services.
    type: list
    elements: dict
    default: []
    suboptions: *port
  service_ports:
    description: Ports of Services.
    type: list
    elements: dict
    default: []
    suboptions: *port
  cluster:
    description: >-
      Whether to list the pods and Services of a cluster. By default it is where O(kubeconfig), O(context) or O(host)
      is given.
    type: bool
  enforce:
    description: Whether a conflict is a failure.
    type: bool
    default: true
seealso:
  - module: groundwork.platform.kube_cluster_info
  - module: groundwork.platform.release_gate
"""

EXAMPLES = r"""
- name: Is the pool of this environment free, here and beside the others
  groundwork.platform.port_pool_check:
    kubeconfig: ~/.kube/staging
    pool:
      name: staging
      start: "{{ lookup('env', 'REDIS_PORT_START') }}"
      end: "{{ lookup('env', 'REDIS_PORT_END') }}"
    others:
      - {name: development, start: 20000, end: 20999}
      - {name: production, start: 22000, end: 23999}
    ephemeral_range: "{{ ip_local_port_range.stdout }}"
    reserved_ports: "{{ ip_local_reserved_ports.stdout }}"

- name: Without a cluster, as data
  groundwork.platform.port_pool_check:
    pool: {start: 6300, end: 6399}
    service_ports:
      - {name: redis/cache, port: 6379}
    enforce: false
  register: ports
"""

RETURN = r"""
pool:
  description: The pool.
  returned: always, unless the input is bad
  type: dict
  sample: {start: 30500, end: 30599, size: 100}
conflicts:
  description: >-
    Each conflict. C(kind) is V(pool), V(host_port), V(node_port), V(node_port_range), V(ephemeral) or
    V(service_port); C(range) is what C(held_by) holds, C(ports) what both have.
  returned: always, unless the input is bad
  type: list
  elements: dict
  sample:
    - kind: node_port_range
      held_by: the cluster's NodePort range
      pool: 30500-30599
      range: 30000-32767
      ports: 30500-30599
      message: >-
        The pool 30500-30599 and the cluster's NodePort range (30000-32767) share 30500-30599. Any port of it may be
        given to a Service, on every node.
free:
  description: >-
    The pool where it has no conflict, else the nearest free range of the same size from 1024 up. Empty where there is
    none.
  returned: always, unless the input is bad
  type: dict
  sample: {start: 29900, end: 29999, size: 100}
looked_at:
  description: How many of each kind the pool was held against.
  returned: always, unless the input is bad
  type: dict
  sample: {pool: 2, host_port: 3, node_port: 1, node_port_range: 1, ephemeral: 1, service_port: 12}
notes:
  description: What makes the answer doubtful, a sentence each. They are shown as warnings, too.
  returned: always, unless the input is bad
  type: list
  elements: str
  sample: []
reason:
  description:
    - Why it failed.
    - One of V(conflicts), V(bad_pool), V(bad_others), V(bad_range), V(no_configuration), V(bad_configuration),
      V(unreachable), V(unauthorized), V(forbidden), V(missing_library), V(failed).
  returned: failure
  type: str
  sample: conflicts
"""

from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    KubeModule,
    argument_spec,
)
from ansible_collections.groundwork.platform.plugins.module_utils.ports.arguments import ARGUMENTS
from ansible_collections.groundwork.platform.plugins.module_utils.ports.check import port_pool_check


def main() -> None:
    """Check a pool."""
    port_pool_check(KubeModule(argument_spec=argument_spec(**ARGUMENTS), supports_check_mode=True))


if __name__ == "__main__":
    main()
