#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Planned handover of a Patroni cluster's primary."""

from __future__ import annotations

DOCUMENTATION = r"""
module: patroni_switchover
short_description: Hand the primary of a healthy Patroni cluster over
version_added: 0.1.0
description:
  - Asks Patroni for a switchover and watches the cluster until the new leader runs and all standbys follow it.
  - The answer to the request is not taken as the outcome. A 503, a time-out or a dropped connection mean to look on.
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.patroni
  - groundwork.platform.patroni.waiting
attributes:
  check_mode:
    description: Checks everything that would refuse the switchover and asks for none.
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
      - Member that takes over. Where it leads already nothing is done.
      - Without it Patroni chooses the most advanced one, and a task that runs again hands over again.
      - Naming one costs about two seconds in clusters where commits wait for a third member, since Patroni makes each
        standby that is not the candidate pause before it follows.
    type: str
  maximum_lag:
    description: Bytes that the candidate may lag, by default the cluster's C(maximum_lag_on_failover).
    type: int
seealso:
  - module: groundwork.platform.patroni_failover
"""

EXAMPLES = r"""
- name: Let pay-main-2 lead
  groundwork.platform.patroni_switchover:
    members: ["https://10.0.0.1:8008", "https://10.0.0.2:8008"]
    ca_cert: /etc/groundwork/tls/ca.crt
    username: "{{ patroni_restapi_username }}"
    password: "{{ patroni_restapi_password }}"
    candidate: pay-main-2
"""

RETURN = r"""
old_leader:
  description: Member that led before.
  returned: success, or failure after the request
  type: str
  sample: pay-main-1
new_leader:
  description: Member that leads now. In check mode the candidate.
  returned: success, or failure after the request
  type: str
  sample: pay-main-2
old_timeline:
  description: Timeline before.
  returned: when a switchover was needed
  type: int
  sample: 3
new_timeline:
  description: Timeline after.
  returned: when a switchover was needed
  type: int
  sample: 4
phases:
  description:
    - Epoch seconds at which each phase was first seen, up to O(poll_interval) after it began.
    - V(requested); V(leader_released), the old leader gave up the lock; V(new_leader_running), the new one runs as
      primary; V(accepts_writes), and a standby follows that commits wait for, if they do; V(standbys_following),
      everyone who ran before runs and follows.
  returned: success, or failure after the request
  type: dict
  sample:
    requested: 1795248073.11
    leader_released: 1795248074.32
    new_leader_running: 1795248074.95
    accepts_writes: 1795248075.2
    standbys_following: 1795248077.4
elapsed:
  description: Seconds from the request until all standbys followed.
  returned: when a switchover was needed
  type: float
  sample: 4.3
answer:
  description: Patroni's answer to the request, for the record. Null while none came.
  returned: when a switchover was needed
  type: dict
  sample: {status: 200, text: Successfully switched over to "pay-main-2"}
reason:
  description:
    - Why it was refused or failed.
    - Refusals are V(not_a_member), V(no_leader), V(leader_not_running), V(paused), V(unreachable), V(nofailover),
      V(watchdog_failed), V(not_running), V(not_streaming), V(not_synchronous), V(no_sync_candidate), V(no_candidate),
      V(lag_unknown), V(lag_too_high), V(timeline_mismatch), and those of Patroni itself, V(rejected), V(unauthorized),
      V(no_good_candidate).
    - Failures are V(no_new_leader), V(another_leader), V(standbys_not_following), V(unreachable).
  returned: failure
  type: str
  sample: lag_too_high
refused:
  description: Whether the failure is a refusal. Nothing has changed then.
  returned: failure
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.arguments import (
    argument_spec,
    run,
    waiting,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.switchover import (
    switchover,
)


def main() -> None:
    """Hand the primary over."""
    spec = argument_spec(candidate={"type": "str"}, maximum_lag={"type": "int"}, **waiting(60.0))
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    params = module.params
    run(
        module,
        lambda client: switchover(
            client,
            params["candidate"],
            params["maximum_lag"],
            params["wait_timeout"],
            params["poll_interval"],
            module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
