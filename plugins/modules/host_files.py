#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files of a host, all at once."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_files
short_description: Files and directories of a host, all in one task
version_added: 0.1.0
description:
  - Brings any number of files and directories to their content, owner and mode in one run of Python on the host.
    A loop over M(ansible.builtin.copy) or M(ansible.builtin.file) starts one for each item, which is most of what a
    second run of a role costs.
  - Files are handled in the given order. A file is written beside its path and renamed.
  - All are looked at before the first one is changed.
  - Says which services run with older files than those that are there (O(readers)), also where an earlier run ended
    between the files and the service's reload.
author:
  - groundwork.platform maintainers (@groundwork)
attributes:
  check_mode:
    description: Says what it would change. An owner or group that is not there yet is no failure.
    support: full
  diff_mode:
    description: One difference for each path; never the content of a secret.
    support: full
  platform:
    description: Hosts with Python 3.9 or later.
    support: full
    platforms: posix
options:
  files:
    description: What is to be there.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path. A symbolic link is followed.
        type: path
        required: true
      state:
        description: A directory's parents are made where they are missing. Only files can be made absent.
        type: str
        choices: [file, directory, absent]
        default: file
      content:
        description: Content of a file.
        type: str
      content_from:
        description: Name in O(secrets) of a file's content. Instead of O(files[].content).
        type: str
      owner:
        description: Name of the user that owns it.
        type: str
        default: root
      group:
        description: Name of the group.
        type: str
        default: root
      mode:
        description: Octal mode, in quotes. The default is 0644, for directories 0755.
        type: str
      validate:
        description: Command that must accept the new content, with C(%s) for the file that holds it.
        type: str
  secrets:
    description:
      - Contents that are shown nowhere, by names that O(files[].content_from) refers to.
      - They stand apart as Ansible writes all other options to the host's journal, and finds a secret of several lines
        there only where it is an option of its own.
    type: dict
    default: {}
  readers:
    description:
      - What each systemd unit reads, as lists of files and directories; they need not be among O(files).
      - C(systemd) stands for systemd itself, which reads its settings when it reads all units.
      - A unit that does not run is left out, as it reads its files when it starts.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Configure etcd
  groundwork.platform.host_files:
    files:
      - path: /etc/etcd
        state: directory
      - path: /etc/etcd/groundwork.yml
        content: "{{ lookup('ansible.builtin.template', 'etcd.yml.j2') }}"
      - path: /etc/etcd/maintenance.env
        content_from: maintenance
        mode: "0600"
    secrets:
      maintenance: "{{ lookup('ansible.builtin.template', 'maintenance.env.j2') }}"

- name: Configure the balancer
  groundwork.platform.host_files:
    files:
      - path: /etc/haproxy/haproxy.cfg
        content: "{{ lookup('ansible.builtin.template', 'haproxy.cfg.j2') }}"
    readers:
      haproxy.service: [/etc/haproxy, /etc/groundwork/tls]
  notify: Reload HAProxy
"""

RETURN = r"""
changed_paths:
  description: Paths that were changed, or would be.
  returned: success
  type: list
  elements: str
  sample: [/etc/etcd/groundwork.yml]
unread:
  description:
    - Files that a running unit of O(readers) has not read yet, by unit.
    - Where there are any, the task has changed.
  returned: success
  type: dict
  sample: {haproxy.service: [/etc/groundwork/tls/host.crt]}
reason:
  description: Why it failed, V(invalid_options), V(obstacle), V(unknown_owner), V(invalid_content), V(write_failed) or
    V(unknown_readers).
  returned: failure
  type: str
  sample: invalid_content
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.groundwork.platform.plugins.module_utils.files.host import (
    InvalidContentError,
    look,
    write,
)
from ansible_collections.groundwork.platform.plugins.module_utils.files.model import (
    Found,
    Wanted,
    all_wanted,
    diff,
    differences,
    obstacle,
)
from ansible_collections.groundwork.platform.plugins.module_utils.files.readers import (
    commands,
    files_below,
    read_times,
    unread,
)

SUBOPTIONS: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["file", "directory", "absent"], "default": "file"},
    "content": {"type": "str"},
    "content_from": {"type": "str"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "mode": {"type": "str"},
    "validate": {"type": "str"},
}


def plan(module: AnsibleModule) -> list[tuple[Wanted, Found, list[str]]]:
    """What differs, before anything is changed."""
    try:
        wanted = all_wanted(module.params["files"], module.params["secrets"])
    except ValueError as error:
        module.fail_json(msg=str(error), reason="invalid_options")
    looks = [(item, look(item.path)) for item in wanted]
    for item, found in looks:
        words = obstacle(item, found)
        if words:
            module.fail_json(msg=words, reason="obstacle")
    return [(item, found, names) for item, found in looks if (names := differences(item, found))]


def apply(module: AnsibleModule, item: Wanted, found: Found) -> None:
    """Change one path, or end the module."""

    def run(command: list[str]) -> tuple[int, str]:
        status, out, err = module.run_command(command)
        return status, out + err

    try:
        write(item, found, run)
    except InvalidContentError as error:
        module.fail_json(msg=str(error), reason="invalid_content")
    except LookupError as error:
        module.fail_json(msg=f"{item.path}: {error.args[0]}.", reason="unknown_owner")
    except OSError as error:
        module.fail_json(msg=f"{item.path} was not written: {error}", reason="write_failed")


def look_at_readers(module: AnsibleModule, changed: list[str]) -> dict[str, list[str]]:
    """Which files the units have not read yet, or end the module."""
    readers = module.params["readers"]
    said = []
    for command in commands(readers):
        status, out, err = module.run_command(command)
        if status:
            module.fail_json(
                msg=f"{' '.join(command)} failed: {err or out}", reason="unknown_readers"
            )
        said.append(out)
    return unread(readers, read_times("\n\n".join(said)), changed, files_below)


def main() -> None:
    """Bring the files to what is wanted."""
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "required": True, "options": SUBOPTIONS},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "readers": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    planned = plan(module)
    if not module.check_mode:
        for item, found, _names in planned:
            apply(module, item, found)
    paths = [item.path for item, _found, _names in planned]
    not_read = look_at_readers(module, paths)
    module.exit_json(
        changed=bool(paths or not_read),
        changed_paths=paths,
        unread=not_read,
        diff=[diff(*step) for step in planned],
    )


if __name__ == "__main__":
    main()
