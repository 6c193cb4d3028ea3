"""The lab itself: booted once, beside another one, and gone without a trace."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.integration.labs import Lab

pytestmark = pytest.mark.lab

HOSTS = """
all:
  children:
    lab:
      hosts:
        store: {lab_id: 11, lab_attached: [main], lab_disks: [{name: data, size: 64M}]}
        away: {lab_id: 11, lab_attached: [failover, public]}
"""


def traces(lab: Lab) -> list[str]:
    """Whatever of a lab the machine knows: containers, networks, loop devices, files."""
    commands = (
        ["podman", "ps", "--all", "--format", "{{.Names}}"],
        ["podman", "network", "ls", "--format", "{{.Name}}"],
        ["losetup", "--noheadings", "--output", "BACK-FILE"],
        ["find", str(lab.state.parent), "-path", f"{lab.state}*"],
    )
    said = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for command in commands
    ]
    return [line for text in said for line in text.splitlines() if lab.name in line]


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab("t-one", HOSTS)


def test_second_boot_changes_nothing(lab: Lab) -> None:
    assert lab.up().changed == 0


def test_two_labs_live_side_by_side_and_go_without_a_trace(
    lab: Lab, make_lab: Callable[..., Lab]
) -> None:
    before = traces(lab)
    assert len(before) > 6
    other = make_lab("t-two", HOSTS)
    assert traces(other)
    other.down()
    assert traces(other) == []
    assert traces(lab) == before
    assert lab.up().changed == 0
    lab.down()
    assert traces(lab) == []
