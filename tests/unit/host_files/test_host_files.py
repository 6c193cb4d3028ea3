"""The module host_files: its rules, and the module itself on a folder of this machine."""

from __future__ import annotations

import grp
import json
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.files.model import (
    Found,
    Wanted,
    all_wanted,
    diff,
    differences,
    obstacle,
    parse_mode,
)

from tests.integration.labs import ROOT, environment

ME = {"owner": pwd.getpwuid(os.getuid()).pw_name, "group": grp.getgrgid(os.getgid()).gr_name}
EMPTY = {
    "state": "file",
    "content": None,
    "content_from": None,
    "owner": "root",
    "group": "root",
    "mode": None,
    "validate": None,
}


def test_what_differs() -> None:
    wanted = Wanted("/a", content=b"new", owner="app", mode=0o600)
    found = Found("file", b"old", "root", "root", 0o600)
    assert differences(wanted, found) == ["content", "owner"]
    assert differences(wanted, Found()) == ["state"]
    assert differences(Wanted("/a", state="absent"), Found()) == []


@pytest.mark.parametrize(
    "item, words",
    [
        ({"path": "etc/a", "content": "x"}, "absolute"),
        ({"path": "/a"}, "needs it"),
        ({"path": "/a", "state": "directory", "content": "x"}, "belongs to a file"),
        ({"path": "/a", "content": "x", "content_from": "key"}, "one of them"),
        ({"path": "/a", "content_from": "kee"}, "kee, which is not in secrets"),
        ({"path": "/a", "content": "x"}, "No file has its content from key"),
        ({"path": "/a", "content": "x", "mode": "640"}, '"0640"'),
        ({"path": "/a", "content": "x", "mode": "0x1"}, "octal"),
    ],
)
def test_what_cannot_be_meant_is_refused(item: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        all_wanted([{**EMPTY, **item}], {"key": "x"})


def test_modes() -> None:
    assert parse_mode("/a", "0640", 0) == 0o640
    (folder,) = all_wanted([{**EMPTY, "path": "/a/", "state": "directory"}], {})
    assert folder.mode == 0o755


def test_a_directory_is_never_removed_or_replaced() -> None:
    for state in ("file", "absent"):
        assert "is a directory" in str(obstacle(Wanted("/a", state=state), Found("directory")))


def test_secrets_stay_out_of_differences() -> None:
    wanted = Wanted("/a", content=b"geheim-2", hidden=True)
    found = Found("file", b"geheim-1", "root", "root", 0o644)
    shown = diff(wanted, found, differences(wanted, found))
    assert "geheim" not in json.dumps(shown)
    assert shown["before"] != shown["after"]


def run(folder: Path, *files: dict[str, Any], check: bool = False, **more: Any) -> dict[str, Any]:
    """Run the module with these files below ``folder``, as this user."""
    named = [item["content_from"] for item in files if "content_from" in item]
    arguments = {
        "secrets": dict.fromkeys(named, "geheim\n"),
        "files": [{**ME, **item, "path": str(folder / item["path"])} for item in files],
        "_ansible_check_mode": check,
        "_ansible_diff": True,
        **more,
    }
    module = ROOT / ".ansible/collections/ansible_collections/groundwork/platform/plugins/modules"
    found = subprocess.run(
        [sys.executable, str(module / "host_files.py")],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        env=environment(PYTHONPATH=str(ROOT / ".ansible/collections")),
        capture_output=True,
        text=True,
        check=False,
    )
    result: dict[str, Any] = json.loads(found.stdout)
    return result


TREE: list[dict[str, Any]] = [
    {"path": "etc/app", "state": "directory", "mode": "0750"},
    {"path": "etc/app/plain.conf", "content": "a = 1\n"},
    {"path": "etc/app/secret.conf", "content_from": "key", "mode": "0600"},
]


def test_files_come_to_be_and_the_second_run_changes_nothing(tmp_path: Path) -> None:
    first = run(tmp_path, *TREE)
    assert [Path(path).name for path in first["changed_paths"]] == [
        "app",
        "plain.conf",
        "secret.conf",
    ]
    assert (tmp_path / "etc/app/plain.conf").read_text() == "a = 1\n"
    assert (tmp_path / "etc/app/secret.conf").stat().st_mode & 0o777 == 0o600
    assert "geheim" not in json.dumps(first["diff"])
    assert not run(tmp_path, *TREE)["changed"]


def test_check_mode_tells_the_same_and_does_nothing(tmp_path: Path) -> None:
    found = run(tmp_path, *TREE, {"path": "b", "content": "x", "owner": "nobody-yet"}, check=True)
    assert len(found["changed_paths"]) == 4
    assert list(tmp_path.iterdir()) == []


def test_refused_content_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    run(tmp_path, {"path": "a", "content": "good\n"})
    found = run(tmp_path, {"path": "a", "content": "bad\n", "validate": "grep -q good %s"})
    assert found["reason"] == "invalid_content"
    assert (tmp_path / "a").read_text() == "good\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a"], "nothing is left beside it"


def test_nothing_is_changed_where_one_path_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    found = run(tmp_path, {"path": "a", "content": "x"}, {"path": "b", "content": "y"})
    assert found["reason"] == "obstacle"
    assert not (tmp_path / "a").exists()


def test_unknown_owner_is_named(tmp_path: Path) -> None:
    found = run(tmp_path, {"path": "a", "content": "x", "owner": "nobody-yet"})
    assert found["reason"] == "unknown_owner"
    assert "nobody-yet" in found["msg"]


def test_a_link_is_followed_and_an_absent_file_removed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    run(tmp_path, {"path": "link", "content": "new"})
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    assert run(tmp_path, {"path": "real", "state": "absent"})["changed"]
    assert not (tmp_path / "real").exists()
