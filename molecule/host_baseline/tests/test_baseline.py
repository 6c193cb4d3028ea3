from __future__ import annotations

import pytest
from testinfra.host import Host


def test_no_unit_failed(host: Host) -> None:
    assert host.check_output("systemctl list-units --failed --no-legend") == ""


def test_kernel_parameters_carry_their_reasons(host: Host) -> None:
    lines = host.file("/etc/sysctl.d/60-groundwork.conf").content_string.splitlines()
    place = lines.index("vm.swappiness = 1")
    assert lines[place - 1].startswith("# A database's memory goes to swap only")


@pytest.mark.parametrize(
    "setting",
    [
        "permitrootlogin no",
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "x11forwarding no",
        "clientaliveinterval 60",
    ],
)
def test_sshd_is_restricted_to_keys(host: Host, setting: str) -> None:
    assert setting in host.check_output("sshd -T").splitlines()


def test_sshd_offers_nothing_but_keys(host: Host) -> None:
    answer = host.check_output(
        "ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
        "-o PreferredAuthentications=none nobody@localhost 2>&1 || true"
    )
    assert "(publickey)" in answer


def test_new_services_get_the_limit_of_open_files(host: Host) -> None:
    soft = host.check_output("systemd-run --quiet --wait --pipe sh -c 'ulimit -n'")
    assert soft == "20000"


def test_journal_is_bounded(host: Host) -> None:
    merged = host.check_output("systemd-analyze cat-config systemd/journald.conf")
    assert "SystemMaxUse=1G" in merged
    assert host.service("systemd-journald").is_running


def test_security_updates_only_and_no_reboot(host: Host) -> None:
    settings = host.check_output("apt-config dump").splitlines()
    origins = [
        line for line in settings if line.startswith("Unattended-Upgrade::Origins-Pattern::")
    ]
    assert len(origins) == 2
    assert all("-security" in line for line in origins)
    assert 'Unattended-Upgrade::Automatic-Reboot "false";' in settings
    assert 'Unattended-Upgrade::Package-Blacklist:: "postgresql";' in settings
    assert 'APT::Periodic::Unattended-Upgrade "1";' in settings


def test_unattended_upgrades_accepts_its_settings(host: Host) -> None:
    answer = host.run("unattended-upgrade --dry-run --debug")
    assert answer.succeeded, answer.stderr
    assert host.file("/var/log/unattended-upgrades").is_directory
