#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Failover of a Patroni cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: patroni_failover
short_description: Bring a Patroni cluster's primary back after its loss
version_added: 0.1.0
description:
  - Does nothing but watch where no leader is named as fenced and no candidate is given. Patroni's own failover then
    begins when the lost leader's lease ends.
  - For a leader that O(fenced) says cannot write any more, frees the leader lock in etcd, so that nobody waits for the
    lease. Patroni's own election follows at once, with its vote in quorum mode.
  - A named candidate is promoted by Patroni without such an election, so this module checks first that it holds every
    acknowledged transaction.
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.patroni
  - groundwork.platform.patroni.waiting
attributes:
  check_mode:
    description: Checks all that would refuse the failover, the effect of the fence included, and does nothing.
    support: full
  diff_mode:
    description: The old and the new leader.
    support: full
  platform:
    description: Hosts with Python 3.9 or later.
    support: full
    platforms: posix
options:
  candidate:
    description:
      - Member that takes over. Without it the most advanced one does.
      - Naming one costs about two seconds where commits wait for a third member.
    type: str
  fenced:
    description:
      - Member that the caller has fenced, which means that it cannot accept a write any more.
      - Before its lock is freed the module knocks at its REST API and PostgreSQL. If either accepts a connection the
        failover is refused with V(fence_not_effective).
      - Needs O(etcd).
    type: str
  etcd:
    description: How to reach the etcd that Patroni keeps the cluster's state in. Used only with O(fenced).
    type: dict
    suboptions:
      endpoints:
        description: Client URLs of etcd's members.
        type: list
        elements: str
        required: true
      username:
        description: User of etcd.
        type: str
      password:
        description: Password of O(etcd.username).
        type: str
      ca_cert:
        description: CA certificates that etcd's certificate is checked against.
        type: path
      client_cert:
        description: Client certificate (PEM) to present.
        type: path
      client_key:
        description: Key of O(etcd.client_cert), where it is not in the same file.
        type: path
      namespace:
        description: C(namespace) in Patroni's configuration.
        type: str
        default: service
      timeout:
        description: Seconds that a single request may take.
        type: float
        default: 2.0
  force:
    description:
      - Leaves a leader that runs, and lets a candidate lead that could miss acknowledged transactions.
      - Needs O(candidate). What is risked is warned of and returned.
    type: bool
    default: false
  maximum_lag:
    description: Bytes that a candidate may lag, by default the cluster's C(maximum_lag_on_failover).
    type: int
seealso:
  - module: groundwork.platform.patroni_switchover
"""

EXAMPLES = r"""
- name: Promote another member, since pay-main-1 was powered off
  groundwork.platform.patroni_failover:
    members: ["https://10.0.0.2:8008", "https://10.0.0.3:8008"]
    ca_cert: /etc/groundwork/tls/ca.crt
    username: "{{ patroni_restapi_username }}"
    password: "{{ patroni_restapi_password }}"
    fenced: pay-main-1
    etcd:
      endpoints: ["https://10.0.0.11:2379", "https://10.0.0.12:2379", "https://10.0.0.13:2379"]
      username: patroni
      password: "{{ patroni_etcd_password }}"
      ca_cert: /etc/groundwork/tls/ca.crt
    poll_interval: 0.1

- name: Wait until Patroni has replaced a lost leader by itself
  groundwork.platform.patroni_failover:
    members: ["https://10.0.0.2:8008", "https://10.0.0.3:8008"]
    ca_cert: /etc/groundwork/tls/ca.crt
"""

RETURN = r"""
old_leader:
  description: Member that led before, null where that is not known.
  returned: success, or failure after the request
  type: str
  sample: pay-main-1
new_leader:
  description: Member that leads now. In check mode the candidate.
  returned: success, or failure after the request
  type: str
  sample: pay-main-2
old_timeline:
  description: Timeline before, null where the lost leader's is not known.
  returned: when a failover was needed
  type: int
  sample: 3
new_timeline:
  description: Timeline after.
  returned: success
  type: int
  sample: 4
lock_freed:
  description: Whether this task freed the leader lock. In check mode whether it would.
  returned: success
  type: bool
  sample: true
phases:
  description:
    - Epoch seconds at which each phase was first seen, up to O(poll_interval) after it began.
    - V(requested), absent where it was only watched; V(leader_released), the lock is free or another's;
      V(new_leader_running); V(accepts_writes), and a standby follows that commits wait for, if they do;
      V(standbys_following), everyone who ran before runs and follows.
  returned: success, or failure after the request
  type: dict
  sample:
    requested: 1795248073.11
    leader_released: 1795248073.2
    new_leader_running: 1795248074.1
    accepts_writes: 1795248074.3
    standbys_following: 1795248074.3
elapsed:
  description: Seconds from the request until all standbys followed.
  returned: when a failover was needed
  type: float
  sample: 1.2
answer:
  description: Patroni's answer where a candidate was asked for by REST, for the record.
  returned: when a failover was needed
  type: dict
  sample: null
risks:
  description: What was risked by O(force), as sentences.
  returned: success
  type: list
  elements: str
  sample: []
reason:
  description:
    - Why it was refused or failed.
    - Refusals are V(leader_healthy), V(fence_not_effective), V(fence_unverified), V(lock_moved), V(candidate_required),
      V(candidate_behind), V(no_quorum), V(not_a_candidate), V(not_a_member), V(paused), V(unreachable), V(nofailover),
      V(watchdog_failed), V(not_running), V(not_synchronous), V(no_sync_candidate), V(no_candidate), V(lag_unknown),
      V(lag_too_high), and those of Patroni itself, V(rejected), V(unauthorized), V(no_good_candidate).
    - Failures are V(etcd_failed), V(no_new_leader), V(another_leader), V(standbys_not_following), V(unreachable).
  returned: failure
  type: str
  sample: fence_not_effective
refused:
  description: Whether the failure is a refusal. Nothing has changed then.
  returned: failure
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.arguments import (
    argument_spec,
    etcd_from,
    etcd_options,
    run,
    waiting,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.failover import failover
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.failover_rules import (
    options_from,
)


def main() -> None:
    """Bring the primary back."""
    spec = argument_spec(
        candidate={"type": "str"},
        fenced={"type": "str"},
        etcd=etcd_options(),
        force={"type": "bool", "default": False},
        maximum_lag={"type": "int"},
        **waiting(60.0),
    )
    module = AnsibleModule(
        argument_spec=spec, supports_check_mode=True, required_by={"fenced": ["etcd"]}
    )
    options = options_from(module.params, module.check_mode)
    run(
        module,
        lambda client: failover(client, options, lambda: etcd_from(module.params["etcd"])),
    )


if __name__ == "__main__":
    main()
