from __future__ import annotations

from testinfra.host import Host


def test_systemd_runs_and_no_unit_failed(host: Host) -> None:
    assert host.check_output("systemctl is-system-running --wait || true") == "running"


def test_host_knows_its_name(host: Host) -> None:
    assert host.check_output("hostname") == host.backend.get_hostname()


def test_addresses_follow_from_the_inventory(host: Host) -> None:
    address = host.ansible.get_variables()["private_address"]
    assert address in host.check_output("hostname --all-ip-addresses").split()


def test_data_disk_is_a_block_device_with_a_stable_path(host: Host) -> None:
    if host.backend.get_hostname() == "store":
        assert host.run("test -b /dev/disk/by-id/lab-data").succeeded
    else:
        assert not host.file("/dev/disk/by-id/lab-data").exists
