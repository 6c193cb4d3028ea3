"""Role postgresql: what it says before it works, and what it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.labs import Lab, Run

pytestmark = pytest.mark.lab

HOSTS = """
all:
  children:
    lab:
      vars: {lab_attached: [main]}
      hosts: {bare: {lab_id: 11}}
"""
PLAY = (
    "- {hosts: lab, become: true, gather_facts: false, roles: [groundwork.platform.postgresql]}\n"
)


class Site:
    """One bare host and the role applied to it."""

    def __init__(self, lab: Lab, play: Path) -> None:
        self.lab, self.play = lab, play

    def apply(self, *arguments: str, **variables: Any) -> Run:
        return self.lab.playbook(str(self.play), *arguments, **variables)

    def packages(self) -> list[str]:
        installed = self.lab.run("bare", "dpkg-query -Wf '${Package}\\n'").split()
        return [name for name in installed if name.startswith("postgresql")]


@pytest.fixture(scope="module")
def site(make_lab: Callable[..., Lab], tmp_path_factory: pytest.TempPathFactory) -> Site:
    play = tmp_path_factory.mktemp("play") / "converge.yml"
    play.write_text(PLAY, encoding="utf-8")
    return Site(make_lab("t-pg", HOSTS), play)


def refused(run: Run, *words: str) -> None:
    assert run.returncode == 2
    said = re.sub(r"\s+", " ", run.output)
    for word in words:
        assert word in said


def test_check_mode_on_a_bare_host_names_what_it_would_do(site: Site) -> None:
    run = site.apply("--check", "--diff")
    assert run.returncode == 0
    assert run.changed > 0
    assert "create_main_cluster = false" in run.output
    assert "The following NEW packages will be installed" in run.output
    assert re.search(r"^\s+.*\bpostgresql-17\b", run.output, re.MULTILINE)
    assert site.packages() == []


def test_major_that_nobody_knows(site: Site) -> None:
    run = site.apply(postgresql_major=14)
    refused(run, "postgresql_major", "15, 16, 17, 18")
    assert run.changed == 0


def test_major_that_the_distribution_lacks(site: Site) -> None:
    for options in ((), ("--check",)):
        refused(
            site.apply(*options, postgresql_major=16),
            "PostgreSQL 16 was not installed on bare",
            "postgresql-16",
            "Debian 13: 17",
            "postgresql_repository=pgdg",
        )
    assert site.packages() == []


def test_pgdg_without_its_address(site: Site) -> None:
    refused(site.apply(postgresql_repository="pgdg"), "postgresql_pgdg_uri is empty", "mirror")
    assert site.packages() == []
