"""Role etcd over the life of a cluster: begun, changed under load, restored, members lost and replaced."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.etcd.gateway import decode, encode
from ansible_collections.groundwork.platform.plugins.module_utils.http import (
    HttpClient,
    HttpError,
    Request,
    Response,
)

from tests.integration.labs import Lab, Run

pytestmark = [pytest.mark.lab, pytest.mark.slow]

HOSTS = """
all:
  children:
    lab:
      vars: {lab_attached: [main]}
      hosts: {etcd-1: {lab_id: 11}, etcd-2: {lab_id: 12}, etcd-3: {lab_id: 13}}
    etcd_one: {hosts: {etcd-1: {}}}
    etcd_two: {hosts: {etcd-1: {}, etcd-2: {}}}
    etcd_main: {hosts: {etcd-1: {}, etcd-2: {}, etcd-3: {}}}
"""
PLAY = """
- hosts: "{{ etcd_group }}"
  become: true
  gather_facts: false
  roles: [groundwork.platform.certificates, groundwork.platform.etcd]
"""
NAMES = ("etcd-1", "etcd-2", "etcd-3")
ELECTION_TIMEOUT = 1.0  # seconds, the role's default
BASELINE = 5.0  # seconds of writing before anything happens


class Cluster:
    """Three hosts, the play that makes them a cluster, and a client."""

    def __init__(self, lab: Lab, play: Path) -> None:
        self.lab, self.play, self.state = lab, play, lab.state

    def run(self, host: str, script: str) -> str:
        return self.lab.run(host, script)

    def apply(self, *arguments: str, **variables: Any) -> Run:
        return self.lab.playbook(
            str(self.play), *arguments, **{"etcd_group": "etcd_main", **variables}
        )

    def succeed(self, *arguments: str, **variables: Any) -> Run:
        run = self.apply(*arguments, **variables)
        assert run.returncode == 0
        return run

    def etcdctl(self, command: str, host: str = "etcd-1") -> str:
        return self.run(host, f"set -a; . /etc/etcd/maintenance.env; etcdctl {command}")

    def members(self) -> list[str]:
        lines = self.etcdctl("member list").splitlines()
        assert all(line.endswith("false") for line in lines), "a learner is left"
        return sorted(line.split(", ")[2] for line in lines)

    def started_at(self) -> dict[str, str]:
        show = "systemctl show etcd -p ExecMainStartTimestampMonotonic --value"
        return {host: self.run(host, show) for host in NAMES}

    def address(self, host: str) -> str:
        return self.run(host, "hostname -I").split()[0]

    def client(self) -> Client:
        return Client(
            [f"https://{self.address(host)}:2379" for host in NAMES],
            self.state / "ca/ca.crt",
            (self.state / "secrets/patroni_etcd").read_text(encoding="utf-8").split()[0],
        )


class Client:
    """What Patroni is to etcd: a user with a prefix that turns to another member when one does not answer."""

    def __init__(self, endpoints: list[str], ca: Path, password: str) -> None:
        self.http = HttpClient(ca_cert=str(ca), timeout=0.5)
        self.endpoints, self.password = endpoints, password
        self.tokens: dict[str, str] = {}

    def log_in(self, endpoint: str, password: str | None = None) -> Response:
        body = {"name": "patroni", "password": password or self.password}
        return self.http.send(Request(f"{endpoint}/v3/auth/authenticate", "POST", body))

    def put(self, endpoint: str, key: str, value: str) -> bool:
        try:
            if endpoint not in self.tokens:
                self.tokens[endpoint] = self.log_in(endpoint).json["token"]
            headers = (("Authorization", self.tokens[endpoint]),)
            body = {"key": encode(key), "value": encode(value)}
            answer = self.http.send(Request(f"{endpoint}/v3/kv/put", "POST", body, headers=headers))
        except (HttpError, KeyError, TypeError):
            return False
        if not answer.ok:
            self.tokens.pop(endpoint, None)
        return answer.ok

    def get(self, key: str) -> str | None:
        endpoint = self.endpoints[0]
        headers = (("Authorization", self.log_in(endpoint).json["token"]),)
        request = Request(f"{endpoint}/v3/kv/range", "POST", {"key": encode(key)}, headers=headers)
        found = self.http.send(request).json.get("kvs") or []
        return decode(found[0]["value"]) if found else None


class Writer(threading.Thread):
    """Writes a counter all the time and remembers when writes were acknowledged."""

    def __init__(self, client: Client) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.ended = threading.Event()
        self.acknowledged: list[float] = []
        self.last = 0

    def run(self) -> None:
        turn = 0
        while not self.ended.wait(0.02):
            endpoint = self.client.endpoints[turn % len(self.client.endpoints)]
            if self.client.put(endpoint, "/service/test/counter", str(self.last + 1)):
                self.last += 1
                self.acknowledged.append(time.monotonic())
            else:
                turn += 1

    def stop(self) -> None:
        """End; there was no time without acknowledged writes in which a quorum can have been lost.

        On a busy machine writes stall without that, as they did before anything happened.
        """
        self.ended.set()
        self.join()
        times = self.acknowledged
        gaps = [(earlier, later - earlier) for earlier, later in pairwise(times)]
        usual = max(gap for at, gap in gaps if at < times[0] + BASELINE)
        longest = max(gap for _at, gap in gaps)
        said = f"{len(times)} writes in {times[-1] - times[0]:.1f} s, longest gap {longest:.3f} s"
        print(f"{said}, before the change {usual:.3f} s")
        assert longest < ELECTION_TIMEOUT + 2 * usual


@pytest.fixture(scope="module")
def cluster(make_lab: Callable[..., Lab], tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    play = tmp_path_factory.mktemp("etcd") / "converge.yml"
    play.write_text(PLAY, encoding="utf-8")
    return Cluster(make_lab("t-etcd", HOSTS), play)


@pytest.fixture
def writer(cluster: Cluster) -> Iterator[Writer]:
    thread = Writer(cluster.client())
    thread.start()
    time.sleep(BASELINE)
    yield thread
    thread.ended.set()


def plain_status(http: HttpClient, url: str) -> int:
    """The answer without TLS, 0 for none."""
    try:
        return http.send(Request(url, "POST", {})).status
    except HttpError:
        return 0


def refused(run: Run, code: str) -> None:
    assert run.returncode != 0
    assert code in run.output
    tasks = re.split(r"^(?:TASK|RUNNING HANDLER) ", run.output, flags=re.MULTILINE)
    own = [task for task in tasks if task.startswith("[groundwork.platform.etcd")]
    assert own, "the role did not run"
    assert not [task for task in own if re.search(r"^changed: ", task, re.MULTILINE)]


def test_two_members_are_refused_on_bare_hosts_before_any_change(cluster: Cluster) -> None:
    refused(cluster.apply("--check", etcd_group="etcd_two"), "members_even_or_too_many")
    refused(cluster.apply(etcd_group="etcd_two"), "members_even_or_too_many")
    cluster.run("etcd-1", "! test -e /etc/etcd && ! test -e /usr/bin/etcd")


def test_a_first_start_that_was_cut_short_goes_on(cluster: Cluster) -> None:
    """etcd-3 cannot be reached while the other two begin; the next run takes it in."""
    first = cluster.succeed("--limit", "etcd-1,etcd-2")
    assert "etcd-3" not in first.recap
    cluster.run("etcd-1", "! test -e /var/lib/etcd/default")
    cluster.succeed()
    assert cluster.members() == list(NAMES)
    assert cluster.succeed("--check", "--diff").changed == 0
    assert cluster.succeed().changed == 0


def test_only_the_right_password_and_tls_get_in(cluster: Cluster) -> None:
    client = cluster.client()
    assert client.put(client.endpoints[1], "/service/x", "1")
    assert client.get("/service/x") == "1"
    assert not client.put(client.endpoints[1], "/elsewhere", "1"), "the prefix does not hold"
    assert not client.log_in(client.endpoints[1], "wrong").ok
    plain = client.endpoints[1].replace("https", "http")
    assert plain_status(client.http, f"{plain}/v3/maintenance/status") != 200


def test_passwords_are_changed_and_none_is_shown(cluster: Cluster) -> None:
    users = [{"name": "patroni", "password": 'n3w $`"\\ one', "prefix": "/service/"}]
    run = cluster.succeed(etcd_users=users)
    assert "n3w" not in run.output
    assert cluster.client().log_in(cluster.client().endpoints[0], users[0]["password"]).ok
    old = (cluster.state / "secrets/etcd_root").read_text(encoding="utf-8").split()[0]
    refused(cluster.apply(etcd_root_password='other $`"\\ root'), "wrong_password")
    changed = {"etcd_root_password": 'other $`"\\ root', "etcd_root_password_previous": old}
    cluster.succeed(**changed)
    cluster.run("etcd-2", "systemctl start groundwork-etcd-snapshot")
    assert cluster.succeed(**changed).changed == 0
    cluster.succeed(etcd_root_password_previous=changed["etcd_root_password"])


def test_a_change_is_rolled_out_without_an_outage(cluster: Cluster, writer: Writer) -> None:
    before = cluster.started_at()
    run = cluster.succeed(etcd_heartbeat_interval=120)
    writer.stop()
    after = cluster.started_at()
    assert all(before[host] != after[host] for host in NAMES)
    assert len(re.findall(r"HANDLER \[.*Restart the member\]", run.output)) == 3
    assert writer.client.get("/service/test/counter") == str(writer.last)


def test_the_meter_sees_a_lost_quorum(cluster: Cluster, writer: Writer) -> None:
    command = ["podman", "exec", "{}", "systemctl", "restart", "etcd"]
    restarts = [
        subprocess.Popen([part.format(f"{cluster.lab.name}-{host}") for part in command])
        for host in NAMES
    ]
    assert [restart.wait() for restart in restarts] == [0, 0, 0]
    time.sleep(2)
    with pytest.raises(AssertionError):
        writer.stop()


def test_no_member_is_restarted_while_another_is_lost(cluster: Cluster) -> None:
    before = cluster.started_at()
    changed = {"etcd_heartbeat_interval": 110}
    subprocess.run(["podman", "pause", f"{cluster.lab.name}-etcd-3"], check=True)
    try:
        run = cluster.apply("--limit", "etcd-1,etcd-2", **changed, etcd_health_timeout=5)
    finally:
        subprocess.run(["podman", "unpause", f"{cluster.lab.name}-etcd-3"], check=True)
    assert run.returncode != 0
    assert "quorum would be left" in run.output
    assert cluster.started_at() == before
    # The files were written, so that only the restarts are left; the next run finds them due.
    cluster.succeed(**changed)
    after = cluster.started_at()
    assert all(before[host] != after[host] for host in NAMES)


def test_a_rebuilt_host_gets_its_place_back(cluster: Cluster, writer: Writer) -> None:
    lose = "systemctl stop etcd; rm -rf /var/lib/etcd/main/member; ! systemctl start etcd"
    cluster.run("etcd-3", lose)
    ids = set(re.findall(r"^[0-9a-f]+", cluster.etcdctl("member list"), re.MULTILINE))
    cluster.succeed()
    writer.stop()
    assert cluster.members() == list(NAMES)
    assert (
        len(ids & set(re.findall(r"^[0-9a-f]+", cluster.etcdctl("member list"), re.MULTILINE))) == 2
    )
    assert cluster.succeed().changed == 0


def test_new_certificates_need_no_restart_and_a_new_authority_a_rolling_one(
    cluster: Cluster, writer: Writer
) -> None:
    serial = "openssl s_client -connect 127.0.0.1:2379 </dev/null 2>/dev/null | openssl x509 -noout -serial"
    before, started = cluster.run("etcd-1", serial), cluster.started_at()
    cluster.succeed(certificates_force_renewal=True)
    assert cluster.run("etcd-1", serial) != before
    assert cluster.started_at() == started
    cluster.succeed(certificates_next_authority_dir=str(cluster.state / "ca-2"))
    after = cluster.started_at()
    assert all(started[host] != after[host] for host in NAMES)
    writer.stop()


def test_members_leave_and_come_back(cluster: Cluster) -> None:
    refused(cluster.apply(etcd_group="etcd_one"), "unknown_member")
    cluster.succeed(etcd_group="etcd_one", etcd_remove_members=["etcd-2", "etcd-3"])
    assert cluster.members() == ["etcd-1"]
    assert cluster.run("etcd-2", "systemctl is-active etcd || true") == "inactive"
    cluster.succeed()
    assert cluster.members() == list(NAMES)


def test_a_snapshot_is_restored_and_a_broken_one_touches_nothing(cluster: Cluster) -> None:
    client = cluster.client()
    assert client.put(client.endpoints[0], "/service/kept", "yes")
    cluster.run("etcd-2", "systemctl start groundwork-etcd-snapshot")
    newest = cluster.run("etcd-2", "ls -t /var/backups/etcd/*.db | head -n 1")
    assert cluster.run("etcd-2", f"stat -c %a {newest}") == "600"
    assert client.put(client.endpoints[0], "/service/later", "yes")
    assert client.put(client.endpoints[0], "/service/kept", "no")
    started = cluster.started_at()
    what: dict[str, Any] = {"etcd_cluster": "etcd_main", "etcd_restore_from": "etcd-2"}
    sure = {**what, "etcd_restore_confirm": "etcd_main"}
    doubtful = cluster.lab.playbook("etcd_restore", **what, etcd_restore_snapshot=newest)
    assert doubtful.returncode != 0
    assert "not_confirmed" in doubtful.output
    cluster.run("etcd-2", f"head -c 9000 {newest} > /var/tmp/broken.db")
    broken = cluster.lab.playbook(
        "etcd_restore", **sure, etcd_restore_snapshot="/var/tmp/broken.db"
    )
    assert broken.returncode != 0
    assert cluster.started_at() == started
    cluster.lab.succeed("etcd_restore", **sure, etcd_restore_snapshot=newest)
    assert client.get("/service/kept") == "yes"
    assert client.get("/service/later") is None
    assert cluster.members() == list(NAMES)


def test_a_snapshot_that_fails_is_a_failed_unit(cluster: Cluster) -> None:
    cluster.run("etcd-1", "systemctl stop etcd")
    cluster.run("etcd-1", "! systemctl start groundwork-etcd-snapshot")
    assert cluster.run("etcd-1", "systemctl is-failed groundwork-etcd-snapshot") == "failed"
    cluster.run("etcd-1", "systemctl start etcd && systemctl start groundwork-etcd-snapshot")
    assert cluster.run("etcd-1", "ls /var/backups/etcd | grep -c partial || true") == "0"
