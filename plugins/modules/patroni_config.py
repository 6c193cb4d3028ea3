#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Dynamic configuration of a Patroni cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: patroni_config
short_description: Dynamic configuration of a Patroni cluster
version_added: 0.1.0
description:
  - Merges a partial configuration into the one that all members share, sends only what differs, and waits until every
    member that answers has it.
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.patroni
attributes:
  check_mode:
    description: Returns what would be sent.
    support: full
  diff_mode:
    description: Shows the parts that change.
    support: full
  platform:
    description: Hosts with Python 3.9 or later.
    support: full
    platforms: posix
options:
  config:
    description:
      - Configuration to have, as in C(bootstrap.dcs). Keys that are not named stay. A null removes a key.
      - C(pause) switches maintenance mode.
    type: dict
    required: true
  replace:
    description:
      - Whether keys that O(config) does not name are removed, at every level, but for C(pause) and C(standby_cluster).
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait until every member that answers has the configuration.
    type: float
    default: 60.0
  poll_interval:
    description: Seconds between two looks at the cluster.
    type: float
    default: 0.2
notes:
  - Where parameters of PostgreSQL change, the module waits for one more C(loop_wait), since members find only then
    whether they need a restart.
seealso:
  - module: groundwork.platform.patroni_restart
"""

EXAMPLES = r"""
- name: Allow more connections, and let Patroni decide on wal_keep_size
  groundwork.platform.patroni_config:
    members: ["https://10.0.0.1:8008"]
    ca_cert: /etc/groundwork/tls/ca.crt
    username: "{{ patroni_restapi_username }}"
    password: "{{ patroni_restapi_password }}"
    config:
      postgresql:
        parameters:
          max_connections: 200
          wal_keep_size: null
"""

RETURN = r"""
patch:
  description: What was sent, or would be in check mode. Empty where nothing differs.
  returned: success
  type: dict
  sample: {postgresql: {parameters: {max_connections: 200}}}
config:
  description: The configuration now.
  returned: success
  type: dict
  sample: {ttl: 20, loop_wait: 5, postgresql: {parameters: {max_connections: 200}}}
pending_restart:
  description: Members that wait for a restart.
  returned: success
  type: list
  elements: str
  sample: [pay-main-1, pay-main-2, pay-main-3]
not_answering:
  description: Members that did not answer. They take the configuration when they come back.
  returned: success
  type: list
  elements: str
  sample: []
reason:
  description:
    - Why it was refused or failed.
    - Refusals are V(unauthorized), V(unreachable), V(no_configuration). Failures are V(not_configured),
      V(not_taken_over).
  returned: failure
  type: str
  sample: unauthorized
refused:
  description: Whether the failure is a refusal.
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
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.configure import configure


def main() -> None:
    """Change the configuration."""
    spec = argument_spec(
        config={"type": "dict", "required": True},
        replace={"type": "bool", "default": False},
        **waiting(60.0),
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    params = module.params
    run(
        module,
        lambda client: configure(
            client,
            params["config"],
            params["replace"],
            params["wait_timeout"],
            params["poll_interval"],
            module.check_mode,
        ),
    )


if __name__ == "__main__":
    main()
