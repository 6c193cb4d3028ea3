#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Snapshots of disks, and how old the newest of each is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gcp_snapshot_info
short_description: Snapshots of disks on Google Cloud, and how old the newest good one of each is
version_added: 0.1.0
description:
  - Lists snapshots of database clusters, those of the scheduled job and those that people took, the newest first.
  - Says for each disk that is asked for how long ago its newest good snapshot was taken, which is what would be lost
    with the disk.
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.gcp
attributes:
  check_mode:
    description: Changes nothing.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: none
  platform:
    description: Hosts with Python 3.9 or later.
    support: full
    platforms: posix
options:
  project:
    description: Project of the disks.
    type: str
    required: true
  disks:
    description: Names of disks whose newest snapshots are told.
    type: list
    elements: str
    default: []
  cluster:
    description: Only snapshots of this database cluster.
    type: str
    default: ""
  host:
    description: Host of a database cluster whose disks that were made from snapshots are told as well.
    type: str
    default: ""
seealso:
  - module: groundwork.platform.gcp_resources
"""

EXAMPLES = r"""
- name: How old the newest are
  groundwork.platform.gcp_snapshot_info:
    project: project-1-dev-payments
    disks: [pay-main-1-data]
  register: snapshots
"""

RETURN = r"""
snapshots:
  description: Snapshots, the newest first.
  returned: success
  type: list
  elements: dict
  sample:
    - name: auto-pay-main-1-data-20260301-120001
      disk: pay-main-1-data
      cluster: payments
      status: READY
      created: "2026-03-01T04:00:01.123-08:00"
      age_seconds: 312
      bytes: 104857600
disks:
  description: For each disk how many snapshots it has, and the newest good one. C(age_seconds) is null without one.
  returned: success
  type: list
  elements: dict
  sample:
    - {disk: pay-main-1-data, good: 96, others: 0, newest: auto-pay-main-1-data-20260301-120001, age_seconds: 312}
restored:
  description: Disks of O(host) that were made from a snapshot, the newest first. Empty without O(host).
  returned: success
  type: list
  elements: dict
  sample:
    - {disk: pay-main-2-20260301120001, snapshot: auto-pay-main-2-data-20260301-120001, age_seconds: 95}
lines:
  description: The same as a table.
  returned: success
  type: list
  elements: str
  sample: ["pay-main-1-data  96  0  auto-pay-main-1-data-20260301-120001  5 min 12 s"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.arguments import (
    credential_options,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.snapshot_info import (
    tell,
)


def main() -> None:
    """Parse and hand over."""
    module = AnsibleModule(
        argument_spec={
            **credential_options(),
            "project": {"type": "str", "required": True},
            "disks": {"type": "list", "elements": "str", "default": []},
            "cluster": {"type": "str", "default": ""},
            "host": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    tell(module)


if __name__ == "__main__":
    main()
