"""What users install: the built artifact, in an empty place, without the checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.unit.collection.files import ROOT

PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))


def galaxy(*arguments: str, cwd: Path, status: int = 0, **variables: str) -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")
    }
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    result = subprocess.run(
        [*arguments],
        cwd=cwd,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == status, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifact")
    galaxy("ansible-galaxy", "collection", "build", "--output-path", str(folder), cwd=ROOT)
    (built,) = folder.glob("groundwork-platform-*.tar.gz")
    return built


@pytest.fixture(scope="module")
def installed(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty place that holds nothing but the artifact (dependencies come with the PyPI package)."""
    place = tmp_path_factory.mktemp("installed")
    galaxy(
        *(
            "ansible-galaxy",
            "collection",
            "install",
            "--no-deps",
            "--offline",
            "-p",
            str(place),
            str(artifact),
        ),
        cwd=place,
        ANSIBLE_HOME=str(place / "home"),
    )
    return place


def test_artifact_holds_what_users_need_and_nothing_else(artifact: Path):
    with tarfile.open(artifact) as archive:
        members = archive.getmembers()
    names = {member.name for member in members}
    roots = {name.split("/")[0] for name in names}
    assert roots <= {
        *(
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "COPYING",
            "FILES.json",
            "MANIFEST.json",
            "README.md",
            "requirements.yml",
        ),
        *(
            "changelogs",
            "docs",
            "extensions",
            "inventories",
            "meta",
            "playbooks",
            "plugins",
            "roles",
            "tests",
        ),
    }
    assert {name for name in names if name.startswith("tests/")} <= {
        name for name in names if re.match(r"tests/(config\.yml|sanity(/.*)?)$", name)
    }
    assert [member.name for member in members if member.issym() or member.islnk()] == []
    assert [
        name
        for name in names
        if re.search(r"__pycache__|\.pyc$|_cache|\.(key|pem|crt|log)$|/\.git", name)
    ] == []


def test_artifact_is_small(artifact: Path):
    assert artifact.stat().st_size < 2_000_000


def test_no_private_key_travels_along(artifact: Path):
    with tarfile.open(artifact) as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member)
            if content:
                assert not re.search(
                    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]", content.read()
                ), member.name


def test_every_playbook_is_found_by_its_full_name(installed: Path):
    inventory = installed / "ansible_collections/groundwork/platform/inventories/lab"
    galaxy(
        *("ansible-playbook", "--syntax-check", "-i", str(inventory)),
        *(f"groundwork.platform.{name}" for name in PLAYBOOKS),
        cwd=installed,
        ANSIBLE_HOME=str(installed / "home"),
        ANSIBLE_COLLECTIONS_PATH=str(installed),
    )


def test_playbook_runs_from_the_installed_collection(installed: Path):
    inventory = installed / "ansible_collections/groundwork/platform/inventories/staging"
    said = galaxy(
        *("ansible-playbook", "-i", str(inventory), "groundwork.platform.databases"),
        cwd=installed,
        status=2,
        ANSIBLE_HOME=str(installed / "home"),
        ANSIBLE_COLLECTIONS_PATH=str(installed),
    )
    assert "no host is in a group pg_" in " ".join(said.split())


def test_installed_plugins_are_documented(installed: Path):
    listing = galaxy(
        *("ansible-doc", "--list", "--type", "module", "groundwork.platform"),
        cwd=installed,
        ANSIBLE_HOME=str(installed / "home"),
        ANSIBLE_COLLECTIONS_PATH=str(installed),
    )
    modules = {path.stem for path in (ROOT / "plugins/modules").glob("*.py")}
    assert set(re.findall(r"groundwork\.platform\.(\w+)", listing)) >= modules
