#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One member of an etcd cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: etcd_member
short_description: Add, promote, replace or remove a member of an etcd cluster
version_added: 0.1.0
description:
  - Changes the member list by one member and never gives up the quorum. What would is refused with the arithmetic.
  - A new member is listed as a learner first. It gets its vote when it holds the leader's log.
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.etcd
attributes:
  check_mode:
    description: Says what it would do, from the same look at the cluster.
    support: full
  diff_mode:
    description: The steps are in RV(steps).
    support: none
  platform:
    description: Hosts with Python 3.9 or later.
    support: full
    platforms: posix
options:
  name:
    description: Name of the member.
    type: str
    required: true
  peer_url:
    description: URL on which the other members reach it. A member is known by it before it ever started.
    type: str
  state:
    description:
      - V(listed), it is on the member list, so that its host can start.
      - V(present), it is a voter. A learner is promoted as soon as it is in sync.
      - V(absent), it is not on the list.
    type: str
    choices: [listed, present, absent]
    default: present
  empty:
    description: The host has no data. With O(state=listed), a member that served before is then removed and added anew.
    type: bool
    default: false
  wait_timeout:
    description: Seconds that a learner has to catch up.
    type: float
    default: 120.0
"""

EXAMPLES = r"""
- name: Let a host join
  groundwork.platform.etcd_member:
    name: pay-main-3
    peer_url: https://10.0.0.3:2380
    endpoints: ["https://10.0.0.1:2379", "https://10.0.0.2:2379"]
    ca_cert: /etc/groundwork/tls/ca.crt
    root_password: "{{ etcd_root_password }}"
    state: listed
    empty: true
"""

RETURN = r"""
steps:
  description: What was done, or would be done.
  returned: success
  type: list
  elements: str
  sample: [add pay-main-3 as a learner]
initial_cluster:
  description: The member list as a newcomer has to be told it (C(initial-cluster)).
  returned: O(state=listed)
  type: str
  sample: pay-main-1=https://10.0.0.1:2380,pay-main-3=https://10.0.0.3:2380
reason:
  description:
    - Why it failed.
    - V(no_quorum), V(quorum_would_be_lost), V(last_member), V(learner_pending), V(not_listed), V(not_settled),
      V(wrong_password), V(call_failed) or V(invalid_options).
  returned: failure
  type: str
  sample: quorum_would_be_lost
refused:
  description: Whether the failure is a refusal.
  returned: failure
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin import membership
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.arguments import (
    argument_spec,
    run,
)


def main() -> None:
    """Bring one member to the state wanted."""
    spec = argument_spec(
        name={"type": "str", "required": True},
        peer_url={"type": "str"},
        state={"type": "str", "default": "present", "choices": ["listed", "present", "absent"]},
        empty={"type": "bool", "default": False},
        wait_timeout={"type": "float", "default": 120.0},
    )
    module = AnsibleModule(
        argument_spec=spec,
        supports_check_mode=True,
        required_if=[("state", "listed", ["peer_url"])],
    )
    run(module, lambda etcd: membership.ensure(etcd, module.params, module.check_mode))


if __name__ == "__main__":
    main()
