#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""State of a Patroni cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: patroni_cluster_info
short_description: State of a Patroni cluster, and waiting for one
version_added: 0.1.0
description:
  - Asks all members of a Patroni cluster at once and says who leads, who follows how closely, and what is not well.
  - Waits until the cluster is as expected where an expectation is given. All parts of it must hold in one look.
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.patroni
  - groundwork.platform.patroni.waiting
attributes:
  check_mode:
    description: Changes nothing. In check mode it looks once and returns what does not hold instead of waiting for it.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: none
  platform:
    description: Hosts with Python 3.9 or later.
    support: full
    platforms: posix
options:
  wait_for:
    description:
      - Conditions to wait for.
      - V(leader), a member holds the leader lock and runs as primary.
      - V(all_reachable), V(all_running), every member answers, or also runs.
      - V(all_streaming), there is a leader and every replica streams.
      - V(same_timeline), every replica is on the leader's timeline.
      - V(no_pending_restart), every member answers and none waits for a restart.
      - V(sync_standby), a synchronous standby streams, where the cluster is synchronous.
      - V(lag_below), every replica's lag is known and at most O(maximum_lag).
      - V(paused), V(not_paused), maintenance mode.
      - V(healthy), RV(problems) is empty.
    type: list
    elements: str
    choices: [leader, all_reachable, all_running, all_streaming, same_timeline, no_pending_restart, sync_standby,
              lag_below, paused, not_paused, healthy]
    default: []
  leader_is:
    description: Member that must lead.
    type: str
  members_present:
    description: Members that must be there and run, replicas streaming.
    type: list
    elements: str
    default: []
  members_absent:
    description: Members that must be gone.
    type: list
    elements: str
    default: []
  maximum_lag:
    description: Bytes of lag above which a replica is a problem, by default the cluster's C(maximum_lag_on_failover).
    type: int
seealso:
  - module: groundwork.platform.patroni_switchover
  - module: groundwork.platform.patroni_failover
"""

EXAMPLES = r"""
- name: Look at the cluster
  groundwork.platform.patroni_cluster_info:
    members: ["https://10.0.0.1:8008", "https://10.0.0.2:8008"]
    ca_cert: /etc/groundwork/tls/ca.crt
  register: cluster

- name: Wait until the new member streams
  groundwork.platform.patroni_cluster_info:
    members: ["https://10.0.0.1:8008"]
    ca_cert: /etc/groundwork/tls/ca.crt
    wait_for: [all_streaming, same_timeline]
    members_present: [pay-main-4]
    wait_timeout: 600
"""

RETURN = r"""
scope:
  description: Name of the cluster.
  returned: success
  type: str
  sample: payments
leader:
  description: Member that holds the leader lock, null where none does.
  returned: success
  type: str
  sample: pay-main-1
leader_url:
  description: Base URL of the leader's REST API.
  returned: success
  type: str
  sample: https://10.0.0.1:8008
timeline:
  description: The leader's timeline.
  returned: success
  type: int
  sample: 3
synchronous_mode:
  description: V(off), V(on) or V(quorum).
  returned: success
  type: str
  sample: quorum
sync_standbys:
  description: Standbys that are synchronous, in both synchronous modes.
  returned: success
  type: list
  elements: str
  sample: [pay-main-2, pay-main-3]
replicas:
  description: Members that do not lead.
  returned: success
  type: list
  elements: str
  sample: [pay-main-2, pay-main-3]
members:
  description: Every member. Lags are bytes, null where they are unknown.
  returned: success
  type: list
  elements: dict
  sample:
    - name: pay-main-2
      api_url: https://10.0.0.2:8008
      host: 10.0.0.2
      port: 5432
      role: quorum_standby
      state: streaming
      timeline: 3
      lag: 0
      location: null
      receive_lsn: 0/404B438
      replay_lsn: 0/404B438
      pending_restart: false
      pending_restart_reason: {}
      tags: {}
      version: 4.1.5
      server_version: 170011
      reachable: true
      unreachable_reason: null
paused:
  description: Whether the cluster is in maintenance mode.
  returned: success
  type: bool
  sample: false
pending_restart:
  description: Members that wait for a restart.
  returned: success
  type: list
  elements: str
  sample: []
not_answering:
  description: Members that did not answer.
  returned: success
  type: list
  elements: str
  sample: []
unknown_urls:
  description: URLs of O(members) that did not answer and belong to no listed member, with the cause.
  returned: success
  type: dict
  sample: {}
config:
  description: The dynamic configuration.
  returned: success
  type: dict
  sample: {ttl: 20, loop_wait: 5, synchronous_mode: quorum}
healthy:
  description: Whether there is no problem.
  returned: success
  type: bool
  sample: true
problems:
  description:
    - What is not well, each with a reason code.
    - Codes are V(no_leader), V(leader_not_running), V(failsafe_active), V(paused), V(member_unreachable),
      V(not_streaming), V(timeline_mismatch), V(lag_unknown), V(lag_too_high), V(no_sync_standby).
  returned: success
  type: list
  elements: dict
  sample:
    - reason: not_streaming
      message: pay-main-3 does not stream (state starting).
      member: pay-main-3
unmet:
  description: Sentences for what was expected and does not hold.
  returned: success
  type: list
  elements: str
  sample: []
waited:
  description: Seconds until the expectation held.
  returned: success
  type: float
  sample: 2.1
reason:
  description: Why it failed, V(unreachable), V(wait_timeout) or V(invalid_options).
  returned: failure
  type: str
  sample: wait_timeout
refused:
  description: Whether the failure is a refusal.
  returned: failure
  type: bool
  sample: false
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.arguments import (
    argument_spec,
    run,
    waiting,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.health import CONDITIONS
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.info import (
    cluster_info,
    expectation,
)


def main() -> None:
    """Look at the cluster."""
    spec = argument_spec(
        wait_for={"type": "list", "elements": "str", "default": [], "choices": list(CONDITIONS)},
        leader_is={"type": "str"},
        members_present={"type": "list", "elements": "str", "default": []},
        members_absent={"type": "list", "elements": "str", "default": []},
        maximum_lag={"type": "int"},
        **waiting(60.0),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    params = module.params
    run(
        module,
        lambda client: cluster_info(
            client,
            expectation(params),
            params["wait_timeout"],
            params["poll_interval"],
            module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
