#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which tags an image gets, which is deployed, and whether its scan allows it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_gate
short_description: Which tags an image gets, which is deployed, and whether its scan allows it
version_added: 0.1.0
description:
  - Says which tags a branch pushes for a commit, which tag is deployed where, and judges Trivy's report of the image.
  - V(develop) pushes the commit's sha and C(latest), and runs in staging. V(main) pushes those and C(v) with
    O(version), and runs in production. A feature branch pushes nothing. The sha is deployed, never C(latest).
  - A CRITICAL finding fails on every branch, a HIGH one on V(main) and V(develop). On a feature branch HIGH is a
    warning. Vulnerabilities, misconfigurations, secrets and licences are judged alike, with or without a fix.
  - It decides and does nothing. A closed gate fails the module unless O(enforce) is false.
author:
  - groundwork.platform maintainers (@groundwork)
attributes:
  check_mode:
    description: Changes nothing, and does the same in check mode.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: none
  platform:
    description: Hosts with Python 3.9 or later.
    support: full
    platforms: posix
options:
  branch:
    description: Name of the branch, as Git has it. In a pipeline of a merge request it is the source branch.
    type: str
    required: true
  feature_branches:
    description: Shapes of feature branches' names. A branch of no known shape is refused.
    type: list
    elements: str
    default: [feature/*, feat/*, fix/*, bugfix/*, hotfix/*, chore/*]
  commit:
    description: >-
      Sha of the commit. Of a longer one the first 8 characters are the tag, as C(CI_COMMIT_SHORT_SHA) of GitLab has
      it; quote one of digits alone.
    type: str
    required: true
  version:
    description: Semantic version of a release from V(main), with or without C(v).
    type: str
  push:
    description: Tags that somebody wants to push. One that the branch never pushes is refused.
    type: list
    elements: str
    default: []
  deploy:
    description: >-
      Tag that somebody wants to deploy. C(latest), and one that is not this commit's, is refused. With the version's
      tag of this commit the sha is deployed all the same.
    type: str
  report:
    description: Trivy's report (C(--format json)), as data or text. It is not logged.
    type: raw
  report_file:
    description: File with Trivy's report, where the module runs.
    type: path
  allow_empty:
    description: >-
      Whether a report without C(Results) is taken. Trivy writes one where it found nothing that it can scan.
    type: bool
    default: false
  exceptions:
    description: Findings that are taken for some time.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: C(VulnerabilityID) of a vulnerability, C(ID) of a misconfiguration, C(RuleID) of a secret, C(Name)
          of a licence.
        type: str
        required: true
      package:
        description: >-
          Package that it is about, or for what is in no package the C(Target). Without it, it is about all.
        type: str
      reason:
        description: Why it is taken, in words.
        type: str
        required: true
      until:
        description: Last day on which it counts, such as V(2027-01-31).
        type: str
        required: true
  warn_days:
    description: Days before its end from which an exception is a warning.
    type: int
    default: 14
  today:
    description: Day that exceptions are held against, instead of today (UTC).
    type: str
  enforce:
    description: Whether a closed gate is a failure.
    type: bool
    default: true
seealso:
  - module: groundwork.platform.port_pool_check
"""

EXAMPLES = r"""
- name: Judge the scan of an image before it is pushed
  groundwork.platform.release_gate:
    branch: "{{ lookup('env', 'CI_COMMIT_BRANCH') }}"
    commit: "{{ lookup('env', 'CI_COMMIT_SHA') }}"
    report_file: trivy-sale.json
    exceptions:
      - id: CVE-2026-10001
        package: libssl3
        reason: The affected cipher is switched off; the base image has the fix next week.
        until: "2027-01-31"
  register: gate

- name: Push each tag that the branch pushes
  ansible.builtin.command:
    argv: [podman, push, "nx-sale:{{ gate.build_tag }}", "{{ registry }}/nx-sale:{{ item }}"]
  loop: "{{ gate.tags }}"
  changed_when: true

- name: Would the release be allowed next month
  groundwork.platform.release_gate:
    branch: main
    commit: 4f1c9a70b2d3
    version: 1.4.0
    report_file: trivy-sale.json
    exceptions: "{{ scan_exceptions }}"
    today: "2027-02-28"
    enforce: false
"""

RETURN = r"""
allowed:
  description: Whether the gate is open.
  returned: always, unless the input is bad
  type: bool
  sample: false
branch_kind:
  description: Rules that were applied, V(main), V(develop) or V(feature).
  returned: always, unless the input is bad
  type: str
  sample: develop
environment:
  description: Where the branch is deployed, V(production) or V(staging), empty for a feature branch.
  returned: always, unless the input is bad
  type: str
  sample: staging
build_tag:
  description: The commit's tag, which every branch builds and tests with.
  returned: always, unless the input is bad
  type: str
  sample: 4f1c9a70
tags:
  description: Tags to push, none where the gate is closed or the branch never pushes.
  returned: always, unless the input is bad
  type: list
  elements: str
  sample: [4f1c9a70, latest]
deploy_tag:
  description: Tag to deploy, empty where the gate is closed or the branch runs nowhere.
  returned: always, unless the input is bad
  type: str
  sample: 4f1c9a70
artifact:
  description: What Trivy scanned.
  returned: always, unless the input is bad
  type: str
  sample: nx-sale:scan
scanned_at:
  description: When, as Trivy writes it.
  returned: always, unless the input is bad
  type: str
  sample: "2026-11-22T06:00:00.123456789Z"
counts:
  description: Findings of each severity, those that are excepted or not judged included.
  returned: always, unless the input is bad
  type: dict
  sample: {CRITICAL: 1, HIGH: 2, MEDIUM: 0, LOW: 5, UNKNOWN: 0}
findings:
  description: >-
    Findings that decide, worst first. C(verdict) is V(fails) or V(warns); C(kind) is V(vulnerability),
    V(misconfiguration), V(secret) or V(license).
  returned: always, unless the input is bad
  type: list
  elements: dict
  sample:
    - kind: vulnerability
      id: CVE-2026-10001
      severity: CRITICAL
      package: libssl3
      installed: 3.0.1-r0
      fixed: 3.0.2-r0
      target: nx-sale:scan (alpine 3.20.5)
      title: "openssl: a title"
      verdict: fails
reasons:
  description: Why the gate is closed, a sentence each.
  returned: always, unless the input is bad
  type: list
  elements: str
  sample: ["CRITICAL fails on every branch, and there are 1: CRITICAL CVE-2026-10001 in libssl3 3.0.1-r0 (no fix yet)."]
notes:
  description: What does not close the gate, a sentence each. They are shown as warnings, too.
  returned: always, unless the input is bad
  type: list
  elements: str
  sample: ["The exception for CVE-2026-10001 in libssl3 ends on 2027-01-31, in 9 days (Switched off.)."]
exceptions:
  description: >-
    Exceptions by what became of them. C(used) ones took away as many C(findings), C(unused) ones none,
    C(expired) ones count no more.
  returned: always, unless the input is bad
  type: dict
  sample:
    used:
      - {id: CVE-2026-10001, package: libssl3, reason: Switched off., until: "2027-01-31", days_left: 70, findings: 1}
    unused: []
    expired: []
reason:
  description:
    - Why it failed.
    - One of V(gate_closed), V(bad_branch), V(bad_commit), V(bad_version), V(bad_tag), V(bad_report),
      V(bad_exception), V(bad_date).
  returned: failure
  type: str
  sample: gate_closed
"""

from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import KubeModule
from ansible_collections.groundwork.platform.plugins.module_utils.release.arguments import ARGUMENTS
from ansible_collections.groundwork.platform.plugins.module_utils.release.gate import release_gate


def main() -> None:
    """Judge a release."""
    release_gate(
        KubeModule(
            argument_spec=ARGUMENTS,
            mutually_exclusive=[("report", "report_file")],
            required_one_of=[("report", "report_file")],
            supports_check_mode=True,
        )
    )


if __name__ == "__main__":
    main()
