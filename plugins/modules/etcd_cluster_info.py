#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""State of an etcd cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: etcd_cluster_info
short_description: State of an etcd cluster, and waiting until it is well
version_added: 0.1.0
description:
  - Asks all members at once who is a member, who leads, who serves and what is not well.
  - A member serves when it answers a read that a quorum confirms.
  - Nothing there is an answer as well. Without O(wait_for) the module does not fail because nobody answers.
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.etcd
attributes:
  check_mode:
    description: Changes nothing. In check mode it looks once and returns what is not well instead of waiting.
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
      - What to wait for.
      - V(nothing), look once.
      - V(quorum), any member serves.
      - V(member), O(member) serves.
      - V(all), RV(problems) is empty.
      - V(spare), as V(all), so that O(member) may be stopped. A cluster that is not all well in time is accepted if a
        quorum serves without that member, and refused if not.
    type: str
    choices: [nothing, quorum, member, all, spare]
    default: nothing
  member:
    description: Name of the member that O(wait_for) is about.
    type: str
  wait_timeout:
    description: Seconds to wait.
    type: float
    default: 60.0
seealso:
  - module: groundwork.platform.etcd_member
"""

EXAMPLES = r"""
- name: Wait until every member serves
  groundwork.platform.etcd_cluster_info:
    endpoints: ["https://10.0.0.1:2379", "https://10.0.0.2:2379", "https://10.0.0.3:2379"]
    ca_cert: /etc/groundwork/tls/ca.crt
    root_password: "{{ etcd_root_password }}"
    wait_for: all
"""

RETURN = r"""
cluster_id:
  description: ID of the cluster, empty where nobody answers.
  returned: success
  type: str
  sample: "14841639068965178418"
leader:
  description: Name of the leader that the members agree on, else empty.
  returned: success
  type: str
  sample: pay-main-1
quorum:
  description: Members that have to agree.
  returned: success
  type: int
  sample: 2
has_quorum:
  description: Whether a read was confirmed by a quorum.
  returned: success
  type: bool
  sample: true
authentication:
  description: Whether authentication is on, null where that is not known.
  returned: success
  type: bool
  sample: true
alarms:
  description: Alarms that stand (C(NOSPACE), C(CORRUPT)).
  returned: success
  type: list
  elements: str
  sample: []
members:
  description: The member list with what each member said. Sizes are bytes.
  returned: success
  type: list
  elements: dict
  sample:
    - id: 8e9e05c52164694d
      name: pay-main-1
      peer_urls: ["https://10.0.0.1:2380"]
      client_urls: ["https://10.0.0.1:2379"]
      started: true
      learner: false
      healthy: true
      version: 3.5.16
      db_size: 20480
      db_size_in_use: 16384
problems:
  description: Sentences for what is not well.
  returned: success
  type: list
  elements: str
  sample: []
not_answering:
  description: Endpoints that do not serve, with the cause.
  returned: success
  type: dict
  sample: {}
reason:
  description: Why it failed, V(not_healthy), V(quorum_at_risk), V(wrong_password) or V(invalid_options).
  returned: failure
  type: str
  sample: not_healthy
refused:
  description: Whether the failure is a refusal.
  returned: failure
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.arguments import (
    argument_spec,
    run,
)
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.info import (
    WANTED,
    cluster_info,
)


def main() -> None:
    """Look at the cluster."""
    spec = argument_spec(
        wait_for={"type": "str", "default": "nothing", "choices": list(WANTED)},
        member={"type": "str"},
        wait_timeout={"type": "float", "default": 60.0},
    )
    module = AnsibleModule(
        argument_spec=spec,
        supports_check_mode=True,
        required_if=[("wait_for", "member", ["member"]), ("wait_for", "spare", ["member"])],
    )
    wanted = "nothing" if module.check_mode else module.params["wait_for"]
    run(
        module,
        lambda etcd: cluster_info(
            etcd, wanted, module.params["member"] or "", module.params["wait_timeout"]
        ),
    )


if __name__ == "__main__":
    main()
