"""Role host_baseline: what it must refuse, and that SSH still answers afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.labs import Lab, Run, refused

pytestmark = [pytest.mark.lab, pytest.mark.slow]

HOSTS = """
all:
  children:
    lab:
      vars: {lab_attached: [main]}
      hosts: {base: {lab_id: 11}}
"""
PLAY = "- {hosts: lab, become: true, gather_facts: false, roles: [groundwork.platform.host_baseline]}\n"
LAB_HOST: dict[str, Any] = {
    "host_baseline_time_service": "none",
    "host_baseline_sysctl_apply": False,
    "host_baseline_transparent_huge_pages": "leave",
    "host_baseline_open_files": 16384,
}


class Site:
    """One host and the role applied to it."""

    def __init__(self, lab: Lab, play: Path) -> None:
        self.lab, self.play = lab, play

    def run(self, script: str) -> str:
        return self.lab.run("base", script)

    def apply(self, *arguments: str, **variables: Any) -> Run:
        return self.lab.playbook(str(self.play), *arguments, **{**LAB_HOST, **variables})


@pytest.fixture(scope="module")
def site(make_lab: Callable[..., Lab], tmp_path_factory: pytest.TempPathFactory) -> Site:
    play = tmp_path_factory.mktemp("play") / "converge.yml"
    play.write_text(PLAY, encoding="utf-8")
    return Site(make_lab("t-base", HOSTS), play)


def test_limits_that_the_host_cannot_give_are_refused(site: Site) -> None:
    refused(site.apply(host_baseline_open_files=10_000_000), "open_files_above_limit:")
    assert not site.run("find /etc -name '*groundwork*'")


def test_a_user_who_could_not_come_back_is_not_locked_out(site: Site) -> None:
    # The session is there, its key is not: as after logging in with a password.
    site.run(
        "echo 'AuthorizedKeysFile /etc/ssh/keys/%u' > /etc/ssh/sshd_config.d/99-elsewhere.conf"
    )
    try:
        refused(site.apply(), "would_lock_out:")
        assert not site.run("ls /etc/ssh/sshd_config.d/10-groundwork.conf 2>/dev/null || true")
    finally:
        site.run("rm /etc/ssh/sshd_config.d/99-elsewhere.conf")


def test_a_setting_that_sshd_does_not_know_is_not_installed(site: Site) -> None:
    run = site.apply(host_baseline_ssh_extra_settings={"PermitTeleport": "yes"})
    assert run.returncode != 0
    assert "PermitTeleport" in run.output
    assert not site.run("ls /etc/ssh/sshd_config.d/10-groundwork.conf 2>/dev/null || true")


def test_it_converges_over_what_was_left_and_says_what_the_host_forbids(site: Site) -> None:
    run = site.apply()
    assert run.returncode == 0
    assert "host_baseline_sysctl_apply: false" in run.output
    assert "host_baseline_time_service: none" in run.output
    assert (
        site.run("/usr/sbin/sshd -T | grep -i ^passwordauthentication")
        == "passwordauthentication no"
    )
    # A new connection, not the one that was kept open.
    again = site.lab.playbook(str(site.play), "--ssh-extra-args", "-o ControlPath=none", **LAB_HOST)
    assert (again.returncode, again.changed) == (0, 0)


def test_what_drifts_is_brought_back(site: Site) -> None:
    site.run("sed -i s/no/yes/ /etc/ssh/sshd_config.d/10-groundwork.conf")
    check = site.apply("--check", "--diff")
    assert (check.returncode, check.changed) != (0, 0)
    assert "-PasswordAuthentication yes" in check.output
    assert site.apply().returncode == 0
    assert (
        site.run("/usr/sbin/sshd -T | grep -i ^passwordauthentication")
        == "passwordauthentication no"
    )


def test_kernel_parameters_that_cannot_be_set_are_an_error_where_they_should_apply(
    site: Site,
) -> None:
    run = site.apply(host_baseline_sysctl_apply=True)
    assert run.returncode != 0
    assert "Read-only file system" in run.output or "permission denied" in run.output
