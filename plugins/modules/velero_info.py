#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A backup or a restore of Velero, and what it holds."""

from __future__ import annotations

DOCUMENTATION = r"""
module: velero_info
short_description: A backup or a restore of Velero, and what it holds
version_added: 0.1.0
description:
  - Says how far a backup or a restore is, and waits for its end where told so.
  - With O(details) it reads what Velero has written beside it, says which of the objects the cluster has, and what
    went wrong in Velero's own words.
  - Without O(backup) and O(restore) it asks Velero for its version, which tells a Velero that runs from one that is
    only installed.
  - It asks by objects (C(ServerStatusRequest), C(DownloadRequest)) as the command C(velero) does, also in check mode,
    and removes them again.
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.kube
attributes:
  check_mode:
    description: Changes nothing. In check mode it looks once instead of waiting.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: none
  platform:
    description: Hosts with Python 3.9 or later, from which Velero's store can be reached for O(details).
    support: full
    platforms: posix
options:
  namespace:
    description: Namespace of Velero.
    type: str
    default: velero
  backup:
    description: Name of a backup.
    type: str
  restore:
    description: Name of a restore.
    type: str
  wait:
    description: Seconds to wait for its end. It is no failure if it has not ended then.
    type: float
    default: 0.0
  details:
    description: Whether to read what Velero has written beside it.
    type: bool
    default: false
  namespaces:
    description: >-
      Namespaces of the backup whose objects are told. Empty means all, and those that belong to no namespace.
    type: list
    elements: str
    default: []
  namespace_mapping:
    description: Namespaces of the backup that are looked for under another name in the cluster.
    type: dict
    default: {}
  patience:
    description: Seconds that Velero may take to answer.
    type: float
    default: 30.0
notes:
  - Of what the objects hold, Secrets included, nothing is read.
seealso:
  - module: groundwork.platform.kube_apply
"""

EXAMPLES = r"""
- name: Does Velero run
  groundwork.platform.velero_info:
    namespace: nx-internal

- name: Wait for a backup
  groundwork.platform.velero_info:
    namespace: nx-internal
    backup: before-change
    wait: 600
    details: true
  register: backup
  failed_when: backup.phase != 'Completed'

- name: What of a backup does the cluster have
  groundwork.platform.velero_info:
    namespace: nx-internal
    backup: before-change
    namespaces: [nx-app]
    namespace_mapping: {nx-app: nx-app-tried}
    details: true
"""

RETURN = r"""
version:
  description: Version of Velero.
  returned: without O(backup) and O(restore)
  type: str
  sample: v1.18.3
exists:
  description: Whether there is one of this name.
  returned: with O(backup) or O(restore)
  type: bool
  sample: true
phase:
  description: Velero's word for its state, V(New) before Velero has seen it, empty where there is none.
  returned: with O(backup) or O(restore)
  type: str
  sample: Completed
ended:
  description: Whether it has ended, well or not.
  returned: with O(backup) or O(restore)
  type: bool
  sample: true
items_done:
  description: Number of objects that are done.
  returned: where it exists
  type: int
  sample: 8
items_total:
  description: Number of objects that Velero knows of so far.
  returned: where it exists
  type: int
  sample: 8
error_count:
  description: Number of errors.
  returned: where it exists
  type: int
  sample: 0
warning_count:
  description: Number of warnings.
  returned: where it exists
  type: int
  sample: 1
reasons:
  description: Why it was refused or failed as a whole.
  returned: where it exists
  type: list
  elements: str
  sample: ["backup can't be created because BackupStorageLocation default is in Unavailable status."]
expires:
  description: When Velero removes the backup.
  returned: where it exists
  type: str
  sample: "2026-12-22T05:00:00Z"
namespaces:
  description: Namespaces that it was asked for.
  returned: where it exists
  type: list
  elements: str
  sample: [nx-app]
location:
  description: BackupStorageLocation of the backup.
  returned: where it exists
  type: str
  sample: default
objects:
  description:
    - Its objects. C(namespace) and C(name) are those after O(namespace_mapping).
    - C(action) is what a restore did with one (V(created), V(updated), V(skipped), V(failed)).
    - C(there) is whether the cluster has it, asked for those that are C(lasting), which pods and what else
      controllers make are not. C(given) are those that each namespace gets by itself.
  returned: with O(details)
  type: list
  elements: dict
  sample:
    - api_version: v1
      kind: ConfigMap
      namespace: nx-app
      name: web
      label: ConfigMap web in nx-app
      action: ""
      there: true
      lasting: true
      given: false
error_messages:
  description: What went wrong, with the namespace that it is about.
  returned: with O(details)
  type: list
  elements: str
  sample: ["nx-app: error executing hook"]
warning_messages:
  description: What Velero warns of.
  returned: with O(details)
  type: list
  elements: str
  sample: ["nx-app: could not restore, ConfigMap:web already exists."]
unread:
  description: Why RV(objects), RV(error_messages) or RV(warning_messages) could not be read, empty where they were.
  returned: with O(details)
  type: str
  sample: ""
reason:
  description:
    - Why it failed.
    - One of V(no_velero), V(no_answer), V(no_configuration), V(bad_configuration), V(unreachable), V(unauthorized),
      V(forbidden), V(missing_library), V(too_old), V(failed).
  returned: failure
  type: str
  sample: no_answer
"""

from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    KubeModule,
    argument_spec,
)
from ansible_collections.groundwork.platform.plugins.module_utils.velero.info import velero_info


def main() -> None:
    """Ask Velero."""
    spec = argument_spec(
        namespace={"type": "str", "default": "velero"},
        backup={"type": "str"},
        restore={"type": "str"},
        wait={"type": "float", "default": 0.0},
        details={"type": "bool", "default": False},
        namespaces={"type": "list", "elements": "str", "default": []},
        namespace_mapping={"type": "dict", "default": {}},
        patience={"type": "float", "default": 30.0},
    )
    velero_info(
        KubeModule(
            argument_spec=spec,
            mutually_exclusive=[("backup", "restore")],
            supports_check_mode=True,
        )
    )


if __name__ == "__main__":
    main()
