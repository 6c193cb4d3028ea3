#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Authentication of an etcd cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: etcd_auth
short_description: Users of an etcd cluster, and authentication
version_added: 0.1.0
description:
  - Makes the user C(root), the users that are wanted with a role each, and turns authentication on.
  - Whether a password is the wanted one is found by logging in with it, so that a second run changes nothing.
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
  root_password:
    description: Password of etcd's user C(root). It is set when authentication is turned on.
    type: str
    required: true
  users:
    description: Users beside C(root). Users that are not named are left alone.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the user and of its role.
        type: str
        required: true
      password:
        description: Password. Needed unless the user is to be absent.
        type: str
      prefix:
        description: The user may read and write all keys that begin with it. Needed unless the user is to be absent.
        type: str
      state:
        description: Whether the user is to exist.
        type: str
        choices: [present, absent]
        default: present
"""

EXAMPLES = r"""
- name: Let Patroni keep its state
  groundwork.platform.etcd_auth:
    endpoints: ["https://10.0.0.1:2379"]
    ca_cert: /etc/groundwork/tls/ca.crt
    root_password: "{{ etcd_root_password }}"
    users:
      - name: patroni
        password: "{{ patroni_etcd_password }}"
        prefix: /service/
"""

RETURN = r"""
steps:
  description: What was done, or would be done.
  returned: success
  type: list
  elements: str
  sample: [add user patroni, enable authentication]
reason:
  description: Why it failed, V(wrong_password), V(call_failed) or V(invalid_options).
  returned: failure
  type: str
  sample: wrong_password
refused:
  description: Whether the failure is a refusal.
  returned: failure
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin import auth
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.arguments import (
    argument_spec,
    run,
)

USER = {
    "name": {"type": "str", "required": True},
    "password": {"type": "str", "no_log": True},
    "prefix": {"type": "str"},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
}


def main() -> None:
    """Bring users and authentication to what is wanted."""
    users = {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": USER,
        "required_if": [("state", "present", ["password", "prefix"])],
    }
    spec = argument_spec(users=users)
    spec["root_password"]["required"] = True
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    run(module, lambda etcd: auth.ensure(etcd, module.params, module.check_mode))


if __name__ == "__main__":
    main()
