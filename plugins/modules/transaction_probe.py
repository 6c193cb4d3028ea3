#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: transaction_probe
short_description: Measure an outage with a stream of synthetic payments
version_added: 0.1.0
description:
  - Starts a small program on the client host that sends a stream of payments of 1.00 through the
    load balancer, each under an idempotency key and on a record of its own, and that outlives the
    task, the play and the SSH session.
  - A payment that was not acknowledged is repeated under its own key until it is. The schedule does
    not wait for acknowledgements, so a gap between them is the outage that customers would see.
  - Stopping it compares what was acknowledged with what the database holds. An acknowledged payment
    that is missing is a lost row. A row that is there and was never acknowledged is counted apart.
author:
  - groundwork.platform maintainers (@groundwork)
requirements:
  - python3-psycopg (psycopg 3.1 or newer) on the client host
attributes:
  check_mode:
    support: full
    description: Can run in check_mode and return changed status prediction without modifying target.
    details:
      - With O(state=started) the database is asked whether the table exists; nothing is written.
      - A running probe goes on; its record is summed up so far and not verified.
  diff_mode:
    support: none
    description: Payments are not shown; the result counts them.
options:
  id:
    description:
      - Name of this run. It is part of every idempotency key; a name is used once.
    type: str
    required: true
  state:
    description:
      - V(started) creates the table where it is missing, starts the program and waits for the first
        acknowledged payment. A probe that runs under this O(id) is left as it is.
      - V(status) returns the running totals.
      - V(stopped) ends the program, sums up its record and verifies it against the database. It can
        be repeated.
      - V(absent) ends the program, removes its files and, with O(login_host), its rows.
    type: str
    choices: [started, status, stopped, absent]
    default: started
  directory:
    description: Where the probe keeps its files, in a folder named after O(id).
    type: path
    default: /var/lib/groundwork/probe
  table:
    description: Table of the payments, created where missing.
    type: str
    default: groundwork_probe
  rate:
    description: Payments a second.
    type: float
    default: 50
  workers:
    description:
      - Connections. Each has one payment under way, so O(workers) divided by the latency of a commit
        has to exceed O(rate).
    type: int
    default: 8
  duration:
    description: Seconds after which the program ends by itself. Required with O(state=started).
    type: float
  backlog:
    description: Due payments that wait for a connection during an outage; more are shed and counted.
    type: int
    default: 200
  connect_timeout:
    description:
      - Seconds after which a connection in the making is given up, at the latest. Each attempt takes between 60 and 100
        percent of it, so that the connections do not all come back at the same moment.
    type: float
    default: 1.0
  statement_timeout:
    description:
      - Seconds after which a payment without an answer is given up with its connection, and repeated
        under its key on another one.
    type: float
    default: 2.0
  retry_pause:
    description: Seconds between two attempts of a payment (spread by a half to either side).
    type: float
    default: 0.1
  start_timeout:
    description: Seconds in which the table and then the first acknowledgement have to be there.
    type: float
    default: 15.0
  verify:
    description: Whether V(stopped) compares the record with the database.
    type: bool
    default: true
  verify_on:
    description: Whether only a primary may answer the verification, or a replica as well.
    type: str
    choices: [primary, any]
    default: primary
  verify_timeout:
    description: Seconds for which a failing verification (or removal) is tried again.
    type: float
    default: 60.0
  drop_table:
    description: With O(state=absent), drop the table and not only the rows of this O(id).
    type: bool
    default: false
  login_host:
    description:
      - Name or address of the load balancer; several with commas between them.
      - Verification may name another way to the database than the payments took.
    type: str
  login_port:
    description: Port of the primary's address.
    type: int
    default: 5000
  login_user:
    description: Role that owns or may create the table.
    type: str
  login_password:
    description: Password. It reaches the program through a pipe.
    type: str
  login_db:
    description: Database.
    type: str
    default: postgres
  ssl_mode:
    description: Verification of the server, as libpq names it.
    type: str
    choices: [disable, allow, prefer, require, verify-ca, verify-full]
    default: verify-full
  ca_cert:
    description: File with the CA's certificate on the client host.
    type: path
  ssl_cert:
    description: File with a client certificate.
    type: path
  ssl_key:
    description: File with the client certificate's key.
    type: path
"""

EXAMPLES = r"""
- name: Send payments through the load balancer
  groundwork.platform.transaction_probe:
    id: failover-20250101T120000
    state: started
    duration: 300
    login_host: lb-main-1
    login_user: probe
    login_password: "{{ probe_password }}"
    login_db: payments
    ca_cert: /etc/groundwork/tls/ca.crt

- name: Stop and see what was lost
  groundwork.platform.transaction_probe:
    id: failover-20250101T120000
    state: stopped
    login_host: lb-main-1
    login_user: probe
    login_password: "{{ probe_password }}"
    login_db: payments
    ca_cert: /etc/groundwork/tls/ca.crt
  register: stopped

- name: No acknowledged payment may be missing
  ansible.builtin.assert:
    that: stopped.probe.verification.missing == 0
"""

RETURN = r"""
probe:
  description:
    - The probe. V(started) and V(status) return the totals only; gaps, latencies, histogram and
      verification come with V(stopped). Times are epoch seconds of the client host.
  returned: always
  type: dict
  sample:
    id: failover-20250101T120000
    running: false
    pid: 4711
    rate: 50.0
    workers: 8
    duration: 300.0
    table: groundwork_probe
    started_at: 1735732800.1
    ended_at: 1735732860.3
    end_reason: stopped
    clock: 1735732861.0
    attempts: 3251
    acknowledged: 2990
    failed_attempts: 261
    unacknowledged: 0
    shed: 14
    first_ack: 1735732800.2
    last_ack: 1735732860.2
    server: 10.10.1.12
    timeline: 2
    last_error: {at: 1735732824.9, phase: connect, code: closed, message: server closed the connection}
    errors: {"connect:closed": 250, "statement:closed": 8, "statement:timeout": 3}
    latency_ms: {p50: 3.1, p95: 8.0, p99: 21.0, max: 840.0}
    waited_ms: {p50: 3.3, p95: 3200.0, p99: 6100.0, max: 7013.0}
    servers:
      - {server: 10.10.1.11, timeline: 1, acknowledged: 900, first_ack: 1735732800.2,
         last_ack: 1735732818.0, last_lsn: 0/5012F38}
      - {server: 10.10.1.12, timeline: 2, acknowledged: 2090, first_ack: 1735732825.0,
         last_ack: 1735732860.2, last_lsn: 0/60A1B40}
    gaps:
      - {start: 1735732818.0, end: 1735732825.0, seconds: 7.0}
    histogram: {start: 1735732800.1, bucket_seconds: 0.1, acknowledged: [4, 5, 5], failed: [0, 0, 0]}
    result_file: /var/lib/groundwork/probe/failover-20250101T120000/attempts.jsonl
    result_sha256: 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
    verification:
      acknowledged: 2990
      rows: 2991
      missing: 0
      missing_keys: []
      unacknowledged_present: 1
      unacknowledged_keys: [failover-20250101T120000-903]
      duplicates: 0
      duplicate_keys: []
      server: 10.10.1.12
      in_recovery: false
      timeline: 2
      lsn: 0/60A1C08
      at: 1735732861.0
      seconds: 0.12
    verification_reason: null
reason:
  description: Why it was refused or failed, as a code.
  returned: failure
  type: str
  sample: no_acknowledgement
"""

import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.groundwork.platform.plugins.module_utils.probe.arguments import ARGUMENTS
from ansible_collections.groundwork.platform.plugins.module_utils.probe.errors import ProbeError
from ansible_collections.groundwork.platform.plugins.module_utils.probe.runner import (
    Options,
    Runner,
)

try:
    import psycopg  # noqa: F401  # pylint: disable=unused-import  # the program does
except ImportError:
    IMPORT_ERROR: str | None = traceback.format_exc()
else:
    IMPORT_ERROR = None


def main() -> None:
    """Parse, delegate, exit."""
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        required_if=[("state", "started", ("duration", "login_host", "login_user"))],
        supports_check_mode=True,
    )
    if IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("psycopg"), exception=IMPORT_ERROR)
    try:
        result = Runner(Options.of(module.params), module.check_mode).run()
    except ProbeError as error:
        module.fail_json(msg=str(error), reason=error.reason)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
