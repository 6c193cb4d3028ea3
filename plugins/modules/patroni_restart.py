#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rolling restart of a Patroni cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: patroni_restart
short_description: Restart PostgreSQL on a Patroni cluster's members, one by one
version_added: 0.1.0
description:
  - Restarts replicas first, those that commits do not wait for before the synchronous ones, and the leader last.
    Each is awaited until it runs, streams and has caught up.
  - The first one that does not come back stops it.
  - The leader is first where parameters shrink that standbys must not have lower than it, as C(max_connections).
    A switchover cannot serve then and is refused.
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.patroni
attributes:
  check_mode:
    description: Returns the plan.
    support: full
  diff_mode:
    description: What happens to each member, in order.
    support: full
  platform:
    description: Hosts with Python 3.9 or later.
    support: full
    platforms: posix
options:
  pending_only:
    description: Whether only members that wait for a restart get one.
    type: bool
    default: true
  leader:
    description:
      - What happens to the leader where it needs a restart.
      - V(switchover) hands the primary over, so that its restart as a replica stops nobody's writes.
      - V(restart) restarts it in its place, V(skip) leaves it waiting.
    type: str
    choices: [switchover, restart, skip]
    default: switchover
  only:
    description: Names of the members that may be restarted, by default all.
    type: list
    elements: str
    default: []
  maximum_lag:
    description: Bytes that a replica may lag to count as back, by default the cluster's C(maximum_lag_on_failover).
    type: int
  wait_timeout:
    description: Seconds that each member's turn may take.
    type: float
    default: 120.0
  poll_interval:
    description: Seconds between two looks at the cluster.
    type: float
    default: 0.2
seealso:
  - module: groundwork.platform.patroni_config
"""

EXAMPLES = r"""
- name: Restart whoever waits for it, without a pause for writes but the handover
  groundwork.platform.patroni_restart:
    members: ["https://10.0.0.1:8008", "https://10.0.0.2:8008"]
    ca_cert: /etc/groundwork/tls/ca.crt
    username: "{{ patroni_restapi_username }}"
    password: "{{ patroni_restapi_password }}"
"""

RETURN = r"""
plan:
  description: Members and actions in their order.
  returned: success, or failure
  type: list
  elements: dict
  sample:
    - {member: pay-main-2, action: restart}
    - {member: pay-main-1, action: switchover}
restarted:
  description: What was done. Seconds count a member's whole turn, its way back included.
  returned: success, or failure
  type: list
  elements: dict
  sample:
    - {member: pay-main-2, action: restart, began: 1795248073.11, seconds: 4.2}
    - {member: pay-main-1, action: switchover, new_leader: pay-main-2, began: 1795248077.31, seconds: 6.8}
leader:
  description: Member that leads now.
  returned: success
  type: str
  sample: pay-main-2
pending_restart:
  description: Members that still wait for a restart.
  returned: success
  type: list
  elements: str
  sample: []
reason:
  description:
    - Why it was refused or failed.
    - Refusals are V(not_a_member), V(paused), V(no_leader), V(unreachable), V(not_running),
      V(leader_restart_required), and where the leader is handed over those of
      M(groundwork.platform.patroni_switchover).
    - Failures are V(not_ready), V(not_back), V(member_left), V(unauthorized), V(rejected).
  returned: failure
  type: str
  sample: not_back
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
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.restart import (
    options_from,
    restart,
)


def main() -> None:
    """Restart members."""
    spec = argument_spec(
        pending_only={"type": "bool", "default": True},
        leader={
            "type": "str",
            "choices": ["switchover", "restart", "skip"],
            "default": "switchover",
        },
        only={"type": "list", "elements": "str", "default": []},
        maximum_lag={"type": "int"},
        **waiting(120.0),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    run(module, lambda client: restart(client, options_from(module.params, module.check_mode)))


if __name__ == "__main__":
    main()
