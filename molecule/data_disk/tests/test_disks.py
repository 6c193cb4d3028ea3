from __future__ import annotations

import pytest
from testinfra.host import Host


def only_on(host: Host, name: str) -> None:
    if host.backend.get_hostname() != name:
        pytest.skip(f"about the host {name}")


def test_disk_is_mounted_by_its_uuid(host: Host) -> None:
    uuid = host.check_output("blkid -p -s UUID -o value /dev/disk/by-id/lab-data")
    assert host.check_output("findmnt --noheadings --output UUID /srv/data") in (uuid, "")
    line = f"UUID={uuid} /srv/data ext4 defaults,noatime,nofail 0 2"
    assert line in host.file("/etc/fstab").content_string.splitlines()
    assert host.mount_point("/srv/data").exists
    assert "noatime" in host.mount_point("/srv/data").options


def test_second_disk_has_its_own_filesystem_and_options(host: Host) -> None:
    only_on(host, "both")
    mount = host.mount_point("/srv/wal")
    assert mount.filesystem == "xfs"
    assert {"noatime", "nodev"} <= set(mount.options)


def test_owner_and_mode(host: Host) -> None:
    found = host.file("/srv/data")
    expected = {"plain": ("root", "root", 0o755), "both": ("backup", "backup", 0o750)}
    assert (found.user, found.group, found.mode) == expected[host.backend.get_hostname()]


def test_unit_does_not_start_without_its_disk(host: Host) -> None:
    only_on(host, "plain")
    host.check_output(
        "printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\n' "
        "> /etc/systemd/system/ledger.service && systemctl daemon-reload"
    )
    host.check_output("systemctl start ledger")
    host.check_output("systemctl stop ledger && umount /srv/data")
    try:
        assert host.run("systemctl start ledger").failed
        assert "Assertion failed" in host.check_output("systemctl status ledger || true")
        # What is below the disk is closed to everyone but root.
        assert host.file("/srv/data").mode == 0
        assert host.run("sudo -u nobody touch /srv/data/stray").failed
    finally:
        host.check_output("mount /srv/data && systemctl reset-failed && systemctl start ledger")
