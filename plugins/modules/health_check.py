#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Any number of health checks at once, held against a budget."""

from __future__ import annotations

DOCUMENTATION = r"""
module: health_check
short_description: Any number of health checks at once, held against a budget
version_added: 0.1.0
description:
  - Asks HTTP, TCP, PostgreSQL, Redis, DNS, Kubernetes, Patroni, etcd and Prometheus whether they are well, all side by
    side, and fails where more fails than O(budget) allows. The message names what failed first.
  - With O(for) it goes on asking for so long, and tells what failed in that window, and when.
  - It asks from the host that it runs on. From inside a cluster HTTP is asked by O(checks[].http.service).
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.kube.access
attributes:
  check_mode:
    description: Nothing is changed, so it asks in check mode as well.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to show.
    support: none
  platform:
    description: Hosts with Python 3.9 or later.
    support: full
    platforms: posix
options:
  checks:
    description:
      - The checks. Each has a name of its own and says one kind, that is, one of O(checks[].http), O(checks[].tcp),
        O(checks[].postgresql), O(checks[].redis), O(checks[].banner), O(checks[].dns), O(checks[].kubernetes),
        O(checks[].patroni), O(checks[].etcd) and O(checks[].promql).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the check, by which results and messages call it.
        type: str
        required: true
      timeout:
        description: Seconds that one attempt may take in all. The default is O(defaults.timeout).
        type: float
      retries:
        description: Further attempts after failed ones. The default is O(defaults.retries).
        type: int
      interval:
        description: Seconds between two attempts, in the window as well. The default is O(defaults.interval).
        type: float
      successes:
        description: Attempts in a row that have to go well. The default is O(defaults.successes).
        type: int
      http:
        description: A request over HTTP or HTTPS, on a connection of its own and without a proxy.
        type: dict
        suboptions:
          url:
            description: Address. User and password do not belong in it.
            type: str
          service:
            description:
              - A Service that the Kubernetes API asks instead (C(services/proxy)), so from inside the cluster. The
                account needs the right C(get) on C(services/proxy).
              - A network policy has to let the API server in. Only C(GET) is sent, without headers.
            type: dict
            suboptions:
              namespace:
                description: Its namespace.
                type: str
                default: default
              name:
                description: Its name.
                type: str
                required: true
              port:
                description: Number or name of its port.
                type: str
                required: true
              path:
                description: Path that is asked for.
                type: str
                default: /
              scheme:
                description: Whether the endpoint speaks TLS. The API server does not verify its certificate.
                type: str
                choices: [http, https]
                default: http
          method:
            description: Method.
            type: str
            choices: [GET, HEAD, OPTIONS, POST]
            default: GET
          headers:
            description:
              - Headers to send.
              - With C(Host), that is also the name that TLS asks for and verifies, so that one can ask an address for a
                host (aiohttp 3.9 or newer).
            type: dict
          body:
            description: Text to send.
            type: str
          username:
            description: User (basic authentication).
            type: str
          password:
            description: Password of O(checks[].http.username).
            type: str
          status:
            description: Statuses that are well. Where it is not given, any of 200 to 299.
            type: list
            elements: int
          json:
            description: By JMESPath expression, the value that it has to have in the answer's JSON.
            type: dict
          text:
            description: Regular expression that has to fit somewhere in the answer.
            type: str
          response_headers:
            description: By name, a regular expression that has to fit somewhere in that header of the answer.
            type: dict
          follow_redirects:
            description: Whether a redirect is followed. Otherwise it is an answer like any other.
            type: bool
            default: false
          certificate_days: &certificate_days
            description: Days that the server's certificate has to have left.
            type: int
          ca_cert: &ca_cert
            description: CA certificates that the server's is verified with. The default is that of O(defaults), or the
              system's.
            type: path
          client_cert: &client_cert
            description: Client certificate (PEM) to show.
            type: path
          client_key: &client_key
            description: Key of the client certificate, where it is not in the same file.
            type: path
          validate_certs: &validate_certs
            description: Whether the server's certificate is verified. The default is that of O(defaults).
            type: bool
      tcp:
        description: Whether a connection opens.
        type: dict
        suboptions:
          host: &host
            description: Name or address.
            type: str
            required: true
          port: &port
            description: Port.
            type: int
            required: true
          tls: &tls
            description: Whether TLS is spoken from the first byte on.
            type: bool
            default: false
          certificate_days: *certificate_days
          ca_cert: *ca_cert
          client_cert: *client_cert
          client_key: *client_key
          validate_certs: *validate_certs
      postgresql:
        description: Whether PostgreSQL answers, in its role, without lagging, and what a query returns.
        type: dict
        suboptions:
          host: *host
          port:
            description: Port.
            type: int
            default: 5432
          database:
            description: Database.
            type: str
            default: postgres
          user:
            description: User.
            type: str
            required: true
          password:
            description: Password of O(checks[].postgresql.user).
            type: str
          role:
            description: Role that it has to have.
            type: str
            choices: [any, primary, standby]
            default: any
          maximum_lag:
            description: >-
              Seconds that a standby may be behind. One that is linked to its primary and has replayed all it got is
              not behind; for others the age of the last transaction counts.
            type: float
          query:
            description: Statement, run in a read-only transaction. It has to return a row.
            type: str
          expect:
            description: What the first field of the first row has to be, as text (V(t) for true).
            type: str
          ssl_mode:
            description: >-
              As C(sslmode) of libpq. Without O(checks[].postgresql.ca_cert), V(verify-full) takes the system's CAs,
              which needs libpq 16.
            type: str
            choices: [disable, allow, prefer, require, verify-ca, verify-full]
            default: verify-full
          ca_cert: *ca_cert
          client_cert: *client_cert
          client_key: *client_key
          validate_certs: *validate_certs
      redis:
        description: Whether Redis answers C(PING), in its role. A replica has to be linked to its primary.
        type: dict
        suboptions:
          host: *host
          port:
            description: Port.
            type: int
            default: 6379
          role:
            description: Role that it has to have.
            type: str
            choices: [any, primary, replica]
            default: any
          username:
            description: User, where it is not the default one.
            type: str
          password:
            description: Password.
            type: str
          tls: *tls
          ca_cert: *ca_cert
          client_cert: *client_cert
          client_key: *client_key
          validate_certs: *validate_certs
      banner:
        description: Whether what listens at a port (Kafka, SMTP, anything) says what it should.
        type: dict
        suboptions:
          host: *host
          port: *port
          send:
            description: Text to send first. Nothing is sent where it is not given.
            type: str
          send_hex:
            description: The same as bytes in hexadecimal digits, for protocols that are no text.
            type: str
          expect:
            description: Regular expression that has to fit somewhere in what comes, each byte taken for one character
              (Latin-1).
            type: str
            required: true
          tls: *tls
          ca_cert: *ca_cert
          client_cert: *client_cert
          client_key: *client_key
          validate_certs: *validate_certs
      dns:
        description: Whether a name has records.
        type: dict
        suboptions:
          name:
            description: Name.
            type: str
            required: true
          type:
            description: Type of the records.
            type: str
            choices: [A, AAAA, CNAME, MX, NS, SRV, TXT]
            default: A
          servers:
            description: Addresses or whole names of the servers to ask; the resolver of the host where none is given.
            type: list
            elements: str
          port:
            description: Port of the servers.
            type: int
            default: 53
          records:
            description: The records, all of them and no others. Where it is not given, any will do.
            type: list
            elements: str
          authoritative:
            description: Whether the server has to know the answer itself. One that it has from a cache fails then.
            type: bool
            default: false
      kubernetes:
        description: >-
          Whether an object is there and ready, as C(kubectl rollout status) has it for workloads. A Job has to be
          complete.
        type: dict
        suboptions:
          kind:
            description: Its kind.
            type: str
            required: true
          name:
            description: Its name.
            type: str
            required: true
          namespace:
            description: Its namespace, where its kind has one.
            type: str
            default: default
          api_version:
            description: Its version, where the kind alone does not say it.
            type: str
          condition:
            description: Condition that has to be true, instead of the kind's own rule.
            type: str
          endpoints:
            description: Endpoints of a Service that have to be ready. V(1) where it is not given.
            type: int
      patroni:
        description: Whether a Patroni cluster is as it should be.
        type: dict
        suboptions:
          members:
            description: Base URLs of members' REST APIs. One that answers is enough.
            type: list
            elements: str
            required: true
          wait_for:
            description: Conditions, as those of M(groundwork.platform.patroni_cluster_info).
            type: list
            elements: str
            choices: [leader, all_reachable, all_running, all_streaming, same_timeline, no_pending_restart,
                      sync_standby, lag_below, paused, not_paused, healthy]
            default: [healthy]
          leader_is:
            description: Member that has to lead.
            type: str
          maximum_lag:
            description: Bytes that a replica may lag, by default the cluster's C(maximum_lag_on_failover).
            type: int
          ca_cert: *ca_cert
          client_cert: *client_cert
          client_key: *client_key
          validate_certs: *validate_certs
      etcd:
        description: Whether an etcd cluster serves.
        type: dict
        suboptions:
          endpoints:
            description: Client URLs of the members.
            type: list
            elements: str
            required: true
          expect:
            description: Whether all members have to serve, or a quorum is enough.
            type: str
            choices: [all, quorum]
            default: all
          username:
            description: User, where authentication is on.
            type: str
          password:
            description: Password of O(checks[].etcd.username).
            type: str
          ca_cert: *ca_cert
          client_cert: *client_cert
          client_key: *client_key
          validate_certs: *validate_certs
      promql:
        description: Whether all values that a query has now lie within bounds.
        type: dict
        suboptions:
          url:
            description: Base URL of Prometheus, or of what speaks its API.
            type: str
            required: true
          query:
            description: Query. It has to have a value, see O(checks[].promql.empty).
            type: str
            required: true
          minimum:
            description: Smallest value that is well.
            type: float
          maximum:
            description: Largest value that is well.
            type: float
          empty:
            description: Whether it is well that there is no value, and only that, as with an alert's expression.
            type: bool
            default: false
          username:
            description: User (basic authentication).
            type: str
          password:
            description: Password of O(checks[].promql.username).
            type: str
          ca_cert: *ca_cert
          client_cert: *client_cert
          client_key: *client_key
          validate_certs: *validate_certs
  defaults:
    description: What holds for checks that say nothing else.
    type: dict
    suboptions:
      timeout:
        description: Seconds that one attempt may take in all.
        type: float
        default: 5.0
      retries:
        description: Further attempts after failed ones.
        type: int
        default: 0
      interval:
        description: Seconds between two attempts.
        type: float
        default: 1.0
      successes:
        description: Attempts in a row that have to go well.
        type: int
        default: 1
      ca_cert:
        description: CA certificates that servers' certificates are verified with.
        type: path
      client_cert:
        description: Client certificate (PEM) to show.
        type: path
      client_key:
        description: Key of O(defaults.client_cert), where it is not in the same file.
        type: path
      validate_certs:
        description: Whether servers' certificates are verified.
        type: bool
        default: true
  budget:
    description: How much may go wrong.
    type: dict
    suboptions:
      checks:
        description: How many checks may fail, or which share of them, such as V(5%). A part of one is none.
        type: str
        default: "0"
      attempts:
        description: Of each check, how many attempts of the window may fail, or which share of those planned.
        type: str
        default: "0"
      latency:
        description: Milliseconds that attempts may take, of all that went well, of all checks together.
        type: dict
        suboptions:
          p50: {description: Half of them., type: float}
          p90: {description: 90% of them., type: float}
          p95: {description: 95% of them., type: float}
          p99: {description: 99% of them., type: float}
          max: {description: All of them., type: float}
  for:
    description:
      - Seconds of the window. It begins once each check was healthy or has failed, if the budget holds then. Each
        healthy check is asked at its interval, without retries.
      - The window ends early as soon as more checks have failed than may.
    type: float
    default: 0.0
  concurrency:
    description: >-
      Attempts at a time. More of them end sooner where most do not answer, and answer later, each by itself, where
      the host that asks is busy.
    type: int
    default: 128
requirements:
  - aiohttp >= 3.9 (Python library), for C(http), C(promql) and C(kubernetes)
  - jmespath (Python library), for O(checks[].http.json)
  - psycopg >= 3.1 (Python library), for C(postgresql)
  - dnspython >= 2.3 (Python library), for C(dns)
seealso:
  - module: groundwork.platform.kube_cluster_info
  - module: groundwork.platform.patroni_cluster_info
  - module: groundwork.platform.etcd_cluster_info
"""

EXAMPLES = r"""
- name: Is the platform well
  groundwork.platform.health_check:
    defaults: {timeout: 2, retries: 10, ca_cert: /etc/groundwork/tls/ca.crt}
    checks:
      - name: payment-api
        http:
          url: https://api.example.org/v1/api/payment/health
          json: {status: ok, "dependencies[?state != 'up'] | length(@)": 0}
          certificate_days: 14
      - name: primary
        postgresql: {host: 10.0.0.10, port: 5000, user: health, password: "{{ health_password }}", role: primary}
      - name: cache
        redis: {host: 10.0.0.20, role: primary, password: "{{ redis_password }}"}
      - name: kafka
        # A question for the versions of its API, and the answer to it.
        banner:
          host: 10.0.0.30
          port: 9092
          send_hex: 0000000a 00120000 00000001 ffff
          expect: '\x00\x00\x00\x01\x00\x00'
      - name: name of the platform
        dns: {name: api.example.org, records: [192.0.2.10]}
      - name: members
        patroni: {members: ["https://10.0.0.1:8008", "https://10.0.0.2:8008"]}

- name: Is a release well, and does it stay so for ten minutes
  groundwork.platform.health_check:
    kubeconfig: ~/.kube/config
    defaults: {timeout: 1, retries: 60, successes: 3}
    checks:
      - name: rollout
        kubernetes: {kind: Deployment, name: payment-api, namespace: nx-app}
      - name: endpoints
        kubernetes: {kind: Service, name: payment-api, namespace: nx-app, endpoints: 2}
      - name: health
        http:
          service: {name: payment-api, namespace: nx-app, port: "3000", path: /v1/api/payment/health}
      - name: errors
        interval: 15
        promql:
          url: http://prometheus.example.org:9090
          query: sum(rate(http_requests_total{service="payment-api",status=~"5.."}[1m])) or vector(0)
          maximum: 0.5
    for: 600
    budget: {attempts: 0.5%, latency: {p95: 300}}
"""

RETURN = r"""
healthy:
  description: Whether the budget holds.
  returned: where checks were asked
  type: bool
  sample: true
checks:
  description: The checks, failing ones first, otherwise in the order in which they were given.
  returned: where checks were asked
  type: list
  elements: dict
  contains:
    name: {description: Name., returned: always, type: str, sample: payment-api}
    kind: {description: Kind., returned: always, type: str, sample: http}
    target: {description: What was asked., returned: always, type: str, sample: "GET https://api.example.org/health"}
    state: {description: V(healthy) or V(failed)., returned: always, type: str, sample: failed}
    reason:
      description:
        - Why it failed, empty where it did not. In a window, the first failure's.
        - From the network, V(refused), V(timeout), V(unreachable), V(name), V(closed), V(tls), V(certificate_expired),
          V(certificate_ends), V(other).
        - From what was asked, among others V(status), V(body), V(header), V(answer), V(authentication), V(role),
          V(lag), V(query), V(records), V(not_authoritative), V(not_found), V(not_ready), V(failed), V(unknown_kind),
          V(value), V(no_value),
          V(no_quorum), V(not_healthy), and the codes of Patroni's problems.
      returned: always
      type: str
      sample: status
    message: {description: The same in words., returned: always, type: str, sample: status 503 instead of 2xx}
    attempts: {description: Attempts in all., returned: always, type: int, sample: 3}
    failed_attempts: {description: Those that failed., returned: always, type: int, sample: 3}
    latency:
      description: Percentiles (V(p50), V(p90), V(p95), V(p99), V(max)) of the attempts that went well, in milliseconds.
      returned: always
      type: dict
      sample: {p50: 4.1, p90: 5.0, p95: 5.2, p99: 5.2, max: 5.2}
    facts:
      description: What the last attempt saw, such as status, days of the certificate, role or lag.
      returned: always
      type: dict
      sample: {status: 200, certificate_days: 41.2}
    failures:
      description: What failed in the window, with the seconds after the run's begin; the first 100.
      returned: with O(for), where the check was healthy before
      type: list
      elements: dict
      sample: [{after: 12.4, reason: status, message: status 503 instead of 2xx}]
    failures_in_window:
      description: How many failed in it.
      returned: as RV(checks[].failures)
      type: int
      sample: 1
    attempts_in_window:
      description: How many there were.
      returned: as RV(checks[].failures)
      type: int
      sample: 60
failing:
  description: Names of the checks that failed, whether or not the budget allows it.
  returned: where checks were asked
  type: list
  elements: str
  sample: [payment-api]
counts:
  description: How many checks are healthy, how many failed and how many may.
  returned: where checks were asked
  type: dict
  sample: {healthy: 9, failed: 1, allowed: 0}
latency:
  description: Percentiles of all attempts that went well, of all checks together, in milliseconds.
  returned: where checks were asked
  type: dict
  sample: {p50: 4.1, p90: 8.2, p95: 9.7, p99: 12.9, max: 14.0}
seconds:
  description: Seconds that all took.
  returned: where checks were asked
  type: float
  sample: 1.42
watched:
  description: Seconds that the window lasted, null where there was none.
  returned: where checks were asked
  type: float
  sample: 600.0
reason:
  description:
    - V(unhealthy), more checks failed than may. V(slow), the latency is above its budget.
    - Where nothing was asked, one of V(bad_check), V(twice), V(no_check), V(bad_budget), V(bad_option),
      V(missing_library).
  returned: failure
  type: str
  sample: unhealthy
"""

from ansible_collections.groundwork.platform.plugins.module_utils.health.arguments import (
    argument_spec,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.entry import check_all
from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import KubeModule


def main() -> None:
    """Ask whether all is well."""
    check_all(KubeModule(argument_spec=argument_spec(), supports_check_mode=True))


if __name__ == "__main__":
    main()
