"""What is said in several places is said alike."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import ansible_collections.community.crypto as installed
import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.unit.collection.files import ROOT

GALAXY = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
REQUIREMENTS = {
    entry["name"]: entry["version"]
    for entry in yaml.safe_load((ROOT / "requirements.yml").read_text(encoding="utf-8"))[
        "collections"
    ]
}
COLLECTIONS = Path(installed.__path__[0]).parents[1]


def test_requirements_agree_with_galaxy():
    for name, versions in GALAXY["dependencies"].items():
        assert REQUIREMENTS[name] == versions


@pytest.mark.parametrize("name", sorted(REQUIREMENTS))
def test_the_environment_satisfies_the_ranges(name: str):
    manifest = yaml.safe_load(
        (COLLECTIONS / name.replace(".", "/") / "MANIFEST.json").read_text(encoding="utf-8")
    )
    assert Version(manifest["collection_info"]["version"]) in SpecifierSet(REQUIREMENTS[name])


def test_ansible_core_is_one_that_the_collection_supports():
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))
    assert Version(version("ansible-core")) in SpecifierSet(runtime["requires_ansible"])


def test_every_requirement_is_pinned():
    for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt"):
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith(("#", "-r ", "-c ")):
                assert re.match(r"[\w.-]+(\[\w+\])?==[\w.]+(; .*)?$", line), f"{name}: {line}"


def test_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)", makefile, re.MULTILINE)
    assert phony
    targets = {
        name
        for name in phony[1].replace("\\\n", " ").split()
        if not name.startswith("prerequisites-")
    }
    defined = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    listing = subprocess.run(
        ["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert set(re.findall(r"^  make ([a-z-]+) ", listing, re.MULTILINE)) == targets
    assert {name for name in defined if not name.startswith("prerequisites-")} == targets


def test_ci_runs_make_test_and_nothing_else():
    lines = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["exec make test"]
