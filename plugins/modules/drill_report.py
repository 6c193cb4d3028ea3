#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: drill_report
short_description: Write the evidence of a drill
version_added: 0.1.0
description:
  - Computes what a switchover, a failover or the loss of a replica has cost and writes it as JSON and as one
    self-contained HTML page. Runs on the controller (C(delegate_to=localhost)).
  - The recovery time is the time without acknowledgements, from the last one before the gap to the first one after,
    in the longest gap that had not ended when the first of O(events) happened.
  - What is not known is null, with the reason under RV(unknown).
  - C(docs/drill-report.schema.json) describes the JSON.
author:
  - groundwork.platform maintainers (@groundwork)
requirements:
  - Jinja2 (comes with Ansible)
attributes:
  check_mode:
    support: full
    description: Can run in check_mode and return changed status prediction without modifying target.
  diff_mode:
    support: none
    description: A report is written once, so there is nothing to compare it with.
options:
  directory:
    description:
      - Where reports are kept, relative to where C(ansible-playbook) was started. Each gets a folder named after O(id),
        all together an C(index.html).
    type: path
    default: artifacts/drills
  id:
    description: Name of the drill.
    type: str
    required: true
  kind:
    description:
      - What was drilled, such as V(switchover), V(failover), V(replica_loss), V(restart).
      - For kinds with C(failover) in their name the phases detect, fence, promote, route and first write are expected
        among O(events); those that are missing are listed as not reported.
    type: str
    required: true
  title:
    description: Headline. Made from O(kind) where missing.
    type: str
  probe:
    description: The RV(groundwork.platform.transaction_probe#module:probe) of a stopped probe.
    type: dict
    required: true
  attempts_file:
    description:
      - The probe's record, fetched from the client host. It is copied into the drill's folder, and the recovery time is
        taken from it. Refused where it is not the one that the probe summed up.
    type: path
  events:
    description:
      - Moments in any order. The first is where the clock starts (the fault, the request). Each other one is the end of
        the phase of its name. Those without O(events[].at) are left out.
      - C(first_write) is added from the probe.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the moment.
        type: str
        required: true
      at:
        description: Epoch seconds.
        type: float
      note:
        description: What is worth saying about it.
        type: str
  topology_before:
    description:
      - The cluster before, as groundwork.platform.patroni_cluster_info returns it. C(leader), C(timeline) and of each
        of C(members) the C(name), C(role), C(state), C(timeline), C(lag) and C(lsn) (or C(location), C(replay_lsn),
        C(receive_lsn)) are used.
    type: dict
  topology_after:
    description: The cluster after.
    type: dict
  bound:
    description:
      - The computed bound, C(terms) (a list of C(term), C(seconds), C(source) in their order) and C(total_seconds), up
        to the first acknowledged write. A total that is not the sum of its terms is refused. Other keys are left out.
    type: dict
  targets:
    description: What was promised.
    type: dict
    default: {}
    suboptions:
      rto_seconds:
        description: Longest time without acknowledgements.
        type: float
      rpo_rows:
        description: Most acknowledged payments that may be missing.
        type: int
  wal:
    description: WAL positions from which RV(rpo_bytes) follows.
    type: dict
    default: {}
    suboptions:
      old_primary_lsn:
        description: The last position that the old primary is known to have written.
        type: str
      promotion_lsn:
        description: Where the new timeline begins.
        type: str
      reason:
        description: Why one of them is not known.
        type: str
  objective:
    description: Availability that was promised, as a share.
    type: float
    default: 0.9999
  context:
    description:
      - What else a reader has to know, such as commit, versions, operator, approver, fence. Shown in the order given.
      - Names that look like secrets are refused.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Write the evidence
  groundwork.platform.drill_report:
    id: failover-20250101T120000
    kind: failover
    title: Loss of the primary's host
    probe: "{{ stopped.probe }}"
    attempts_file: /tmp/attempts.jsonl
    events:
      - {name: fault, at: 1735732818.0}
      - {name: detect, at: 1735732819.1}
      - {name: fence, at: 1735732820.4}
      - {name: promote, at: 1735732823.2}
      - {name: route, at: 1735732824.6}
    topology_before: "{{ before }}"
    topology_after: "{{ after }}"
    bound: "{{ bound }}"
    targets: {rto_seconds: 30, rpo_rows: 0}
    context: {operator: alice, approver: bob, fence: host stopped}
  delegate_to: localhost
  register: report

- name: Show it
  ansible.builtin.debug:
    msg: "{{ report.summary.splitlines() }}"
"""

RETURN = r"""
id:
  description: The drill.
  returned: success
  type: str
  sample: failover-20250101T120000
verdict:
  description: V(failed) with any failed check, V(passed) where all are known and hold, else V(inconclusive).
  returned: success
  type: str
  sample: passed
rto_seconds:
  description: Time without acknowledgements. Null where none came after the gap.
  returned: success
  type: float
  sample: 6.98
bound_seconds:
  description: The computed bound.
  returned: success
  type: float
  sample: 27.5
rpo_rows:
  description: Acknowledged payments that are missing.
  returned: success
  type: int
  sample: 0
rpo_bytes:
  description: WAL of the old primary that the new timeline does not have.
  returned: success
  type: int
  sample: null
acknowledged:
  description: Acknowledged payments.
  returned: success
  type: int
  sample: 2990
unknown:
  description: Why a value is null.
  returned: success
  type: dict
  sample: {rpo_bytes: the old primary's last WAL position and that of the promotion are not both known}
checks:
  description: Every promise with what was measured.
  returned: success
  type: list
  elements: dict
  sample:
    - {name: RTO target, measured: 6.98, limit: 30.0, unit: s, outcome: passed, reason: null}
phases:
  description: The phases in the order of time, then those that nobody reported.
  returned: success
  type: list
  elements: dict
  sample:
    - {name: detect, start: 1735732818.0, end: 1735732819.1, seconds: 1.1, note: null, reason: null}
json_path:
  description: The report as JSON.
  returned: success
  type: str
  sample: artifacts/drills/failover-20250101T120000/report.json
html_path:
  description: The report as a page.
  returned: success
  type: str
  sample: artifacts/drills/failover-20250101T120000/report.html
index_path:
  description: The list of all drills.
  returned: success
  type: str
  sample: artifacts/drills/index.html
summary:
  description: A few lines for a terminal.
  returned: success
  type: str
  sample: |-
    Loss of the primary's host  [failover-20250101T120000]  PASSED
      RTO           6.98 s
reason:
  description:
    - Why it failed, V(bad_option), V(bad_event), V(bad_lsn), V(bad_bound), V(bound_mismatch),
      V(attempts_unreadable), V(attempts_mismatch), V(secret_in_context) or V(not_written).
  returned: failure
  type: str
  sample: bound_mismatch
"""

import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.arguments import (
    ARGUMENTS,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.drill import write_drill
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.errors import (
    EvidenceError,
)

try:
    import jinja2  # noqa: F401  # pylint: disable=unused-import  # the renderer does
except ImportError:
    IMPORT_ERROR: str | None = traceback.format_exc()
else:
    IMPORT_ERROR = None


def main() -> None:
    """Parse, delegate, exit."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("jinja2"), exception=IMPORT_ERROR)
    try:
        result = write_drill(module.params, module.check_mode)
    except EvidenceError as error:
        module.fail_json(msg=str(error), reason=error.reason)
    except OSError as error:
        module.fail_json(msg=f"Failed to write the report: {error}", reason="not_written")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
