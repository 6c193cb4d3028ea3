"""Role data_disk against disks that hold something, change place or grow. Data has to survive every refusal."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.labs import Lab, Run, refused

pytestmark = pytest.mark.lab

HOSTS = """
all:
  children:
    lab:
      vars: {lab_attached: [main]}
      hosts:
        disk: {lab_id: 11, lab_disks: [{name: one, size: 64M}, {name: two, size: 64M}, {name: big, size: 320M}]}
"""
PLAY = "- {hosts: lab, become: true, gather_facts: false, roles: [groundwork.platform.data_disk]}\n"
ONE, TWO, BIG = (f"/dev/disk/by-id/lab-{name}" for name in ("one", "two", "big"))


class Host:
    """The lab's one host: shell commands in it, and the role applied to it."""

    def __init__(self, lab: Lab, play: Path) -> None:
        self.lab, self.play = lab, play

    def run(self, script: str) -> str:
        return self.lab.run("disk", script)

    def apply(self, *disks: dict[str, Any], check: bool = False, **variables: Any) -> Run:
        arguments = ["--check", "--diff"] if check else []
        return self.lab.playbook(
            str(self.play), *arguments, data_disk_disks=list(disks), **variables
        )

    def start_afresh(self) -> None:
        self.run(
            "umount /srv/a /srv/b 2>/dev/null || true; rm -rf /srv/a /srv/b; sed -i '\\,/srv/,d' /etc/fstab; "
            f"for d in {ONE} {TWO} {BIG}; do wipefs -qa $d; dd if=/dev/zero of=$d bs=1M count=2 status=none; done"
        )


@pytest.fixture(scope="module")
def the_host(make_lab: Callable[..., Lab], tmp_path_factory: pytest.TempPathFactory) -> Host:
    play = tmp_path_factory.mktemp("play") / "converge.yml"
    play.write_text(PLAY, encoding="utf-8")
    return Host(make_lab("t-disk", HOSTS), play)


@pytest.fixture
def host(the_host: Host) -> Host:
    the_host.start_afresh()
    return the_host


def disk(device: str = ONE, path: str = "/srv/a", **more: Any) -> dict[str, Any]:
    return {"device": device, "path": path, **more}


WRITE = "dd of={0} bs=1 conv=notrunc status=none seek="
# One partition of 1 MiB behind the first, and the signature that ends a partition table.
PARTITIONS = rf"printf '\200\0\0\0\203\0\0\0\0\010\0\0\0\010\0\0' | {WRITE}446; printf '\125\252' | {WRITE}510"


@pytest.mark.parametrize(
    "content, named_as",
    [
        ("mkfs.ext4 -q {0}", "ext4"),
        (PARTITIONS, "dos"),
        ("mkswap -q {0}", "swap"),
        (f"echo no format that anyone knows | {WRITE}70000", "bytes that no known format"),
    ],
    ids=["filesystem", "partitions", "swap", "unknown"],
)
def test_a_device_with_data_is_left_alone(host: Host, content: str, named_as: str) -> None:
    host.run(content.format(ONE))
    before = host.run(f"sha256sum {ONE}")
    run = host.apply(disk(filesystem="xfs"))
    refused(run, "device_holds_data:")
    assert named_as in run.output
    assert host.run(f"sha256sum {ONE}") == before


def test_what_is_refused_in_earnest_is_refused_in_check_mode(host: Host) -> None:
    host.run(f"mkswap -q {ONE}")
    refused(host.apply(disk(), check=True), "device_holds_data:")


def test_a_device_named_by_its_user_is_formatted_once(host: Host) -> None:
    host.run(f"mkswap -q {ONE}")
    assert host.apply(disk(), data_disk_format_over=[ONE]).returncode == 0
    host.run("findmnt /srv/a && echo kept > /srv/a/file")
    again = host.apply(disk(), data_disk_format_over=[ONE])
    assert (again.returncode, again.changed) == (0, 0)
    assert host.run("cat /srv/a/file") == "kept"


def test_one_refused_disk_keeps_the_others_untouched(host: Host) -> None:
    host.run(f"mkswap -q {TWO}")
    refused(host.apply(disk(), disk(TWO, "/srv/b")), "device_holds_data:")
    assert host.run(f"wipefs {ONE}") == ""


def test_a_filesystem_that_is_already_there_is_taken_with_its_data(host: Host) -> None:
    host.run(
        f"mkfs.ext4 -q {ONE}; mkdir -p /mnt/x; mount {ONE} /mnt/x; echo old > /mnt/x/file; umount /mnt/x"
    )
    assert host.apply(disk()).returncode == 0
    assert host.run("cat /srv/a/file") == "old"


def test_a_name_that_passed_to_another_disk_is_explained(host: Host) -> None:
    # What a re-used loop or sd number does: fstab has the old disk's UUID, the name now leads to another one.
    assert host.apply(disk()).returncode == 0
    uuid = host.run(f"blkid -p -s UUID -o value {ONE}")
    host.run(f"echo precious > /srv/a/file; umount /srv/a; mkfs.ext4 -q {TWO}")
    run = host.apply(disk(TWO))
    refused(run, "fstab_names_another:")
    assert uuid in run.output
    refused(host.apply(disk(BIG)), "fstab_names_another:")  # a blank disk in its place
    assert host.apply(disk()).returncode == 0
    assert host.run("cat /srv/a/file") == "precious"


def test_a_mounted_path_is_not_taken_over(host: Host) -> None:
    assert host.apply(disk()).returncode == 0
    refused(host.apply(disk(TWO)), "path_taken:")
    refused(host.apply(disk(ONE, "/srv/b")), "device_in_use:")


def test_a_path_with_files_is_not_hidden(host: Host) -> None:
    host.run("mkdir /srv/a && echo important > /srv/a/file")
    refused(host.apply(disk()), "path_not_empty:")
    assert host.run(f"cat /srv/a/file; wipefs {ONE}") == "important"


def test_missing_and_wrong_devices_are_named(host: Host) -> None:
    refused(host.apply(disk("/dev/disk/by-id/absent")), "device_missing:")
    refused(host.apply(disk("/etc/hostname")), "device_not_block:")
    refused(host.apply(disk(), disk(path="/srv/b")), "declared_twice:")
    refused(host.apply(disk(owner="nobody-knows-me")), "owner_unknown:")


def test_check_mode_says_what_it_would_do_and_does_nothing(host: Host) -> None:
    run = host.apply(disk(BIG, "/srv/b", filesystem="xfs"), check=True)
    assert run.returncode == 0
    assert "format with xfs, mount on /srv/b" in run.output
    assert host.run(f"wipefs {BIG}; ls -d /srv/b 2>/dev/null || true") == ""


def resize(host: Host, size: str) -> None:
    """Give the disk `big` another size, as a cloud does with a disk that is in use."""
    file = str(host.lab.state / "disks/disk-big.img")
    subprocess.run(["truncate", "--size", size, file], check=True)
    find = ["losetup", "--noheadings", "--raw", "--output", "NAME", "--associated", file]
    device = subprocess.run(find, capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run(["losetup", "--set-capacity", device], check=True)


def test_a_filesystem_grows_with_its_device(host: Host) -> None:
    # XFS only: growing a mounted ext4 takes CAP_SYS_RESOURCE, which lab hosts do not have.
    wanted = disk(BIG, "/srv/b", filesystem="xfs")
    assert host.apply(wanted).returncode == 0
    host.run("echo kept > /srv/b/file")
    small = int(host.run("df --output=size /srv/b | tail -n 1"))
    resize(host, "640M")
    try:
        assert host.apply(wanted).returncode == 0
        assert int(host.run("df --output=size /srv/b | tail -n 1")) > 1.5 * small
        assert host.run("cat /srv/b/file") == "kept"
        assert host.apply(wanted).changed == 0
    finally:
        host.run("umount /srv/b")
        resize(host, "320M")
