from __future__ import annotations

import json

from testinfra.host import Host

SETTINGS = "set -a; . /etc/etcd/maintenance.env; "


def test_member_runs_with_its_own_configuration_only(host: Host) -> None:
    assert host.service("etcd").is_running
    assert host.service("etcd").is_enabled
    processes = host.process.filter(comm="etcd")
    assert len(processes) == 1
    assert processes[0].user == "etcd"
    assert not host.file("/var/lib/etcd/default").exists


def test_permission_to_start_afresh_is_withdrawn(host: Host) -> None:
    assert not host.file("/etc/etcd/bootstrap.env").exists
    assert not host.file("/etc/etcd/bootstrap.yml").exists


def test_all_members_vote_and_agree(host: Host) -> None:
    listed = json.loads(host.check_output(SETTINGS + "etcdctl member list -w json"))["members"]
    assert {member["name"] for member in listed} == {"etcd-1", "etcd-2", "etcd-3"}
    assert not any(member.get("isLearner") for member in listed)
    host.run_test(SETTINGS + "ETCDCTL_ENDPOINTS=$MEMBERS etcdctl endpoint health")


def test_without_a_password_nothing_is_read(host: Host) -> None:
    refused = host.run(SETTINGS + "unset ETCDCTL_USER ETCDCTL_PASSWORD; etcdctl get x")
    assert refused.failed
    assert "user name is empty" in refused.stderr
    wrong = host.run(SETTINGS + "ETCDCTL_PASSWORD=wrong; etcdctl get x")
    assert wrong.failed
    assert "invalid user ID or password" in wrong.stderr


def test_without_tls_nothing_is_said(host: Host) -> None:
    address = host.ansible.get_variables()["private_address"]
    for port in (2379, 2380):
        asked = (
            f"import urllib.request as r; r.urlopen('http://{address}:{port}/version', timeout=3)"
        )
        assert host.run(f'python3 -c "{asked}"').failed


def test_only_members_speak_to_members(host: Host) -> None:
    """A peer has to present a certificate of the CA that names a member."""
    address = host.ansible.get_variables()["private_address"]
    tls = "/etc/groundwork/tls"
    peer = f"openssl s_client -connect {address}:2380 -CAfile {tls}/ca.crt -ign_eof"
    ask = f"printf 'GET /version HTTP/1.0\\r\\n\\r\\n' | timeout 5 {peer}"
    assert "etcdserver" not in host.run(ask).stdout
    assert "etcdserver" in host.run(f"{ask} -cert {tls}/host.crt -key {tls}/host.key").stdout


def test_metrics_are_for_this_host_only(host: Host) -> None:
    asked = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:2381/health').read().decode())"
    assert json.loads(host.check_output(f'python3 -c "{asked}"'))["health"] == "true"
    assert host.socket("tcp://127.0.0.1:2381").is_listening
    assert not host.socket("tcp://0.0.0.0:2381").is_listening


def test_password_is_readable_by_root_only_and_in_no_argument(host: Host) -> None:
    settings = host.file("/etc/etcd/maintenance.env")
    assert (settings.user, settings.mode) == ("root", 0o600)
    password = host.check_output(SETTINGS + "printf %s $ETCDCTL_PASSWORD")
    assert len(password) > 8
    assert host.file("/etc/etcd/groundwork.yml").contains("name:")
    for folder in ("/etc/systemd/system", "/etc/etcd/groundwork.yml"):
        assert host.run("grep -rqF -- '%s' %s", password, folder).failed


def test_snapshots_are_taken_checked_and_few(host: Host) -> None:
    assert host.service("groundwork-etcd-snapshot.timer").is_running
    host.run_test("systemctl start groundwork-etcd-snapshot.service")
    newest = host.check_output("ls -t /var/backups/etcd/*.db | head -n 1")
    assert host.file(newest).mode == 0o600
    assert host.check_output("ls /var/backups/etcd | wc -l") <= "48"
    assert "revision" in host.check_output(f"etcdutl snapshot status {newest} -w json")


def test_defragmentation_has_a_time_of_its_own(host: Host) -> None:
    minute = {"etcd-1": "03:00:00", "etcd-2": "03:10:00", "etcd-3": "03:20:00"}
    name = host.check_output("hostname")
    timer = host.check_output("systemctl cat groundwork-etcd-defragment.timer")
    assert f"Sun *-*-* {minute[name]}" in timer
    host.run_test("systemctl start groundwork-etcd-defragment.service")
