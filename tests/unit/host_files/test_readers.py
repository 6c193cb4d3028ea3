"""Which services run with older files: systemd's words as recorded on Debian 13 (systemd 257), and the rule."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.files.readers import (
    commands,
    files_below,
    read_times,
    unread,
)

RECORDED = """Id=ssh.service
ActiveState=active
StateChangeTimestamp=Sat 2026-11-21 19:11:17.114493 UTC

Id=systemd-journald.service
ActiveState=active
StateChangeTimestamp=Sat 2026-11-21 19:11:15.339643 UTC

Id=nosuch.service
ActiveState=inactive
StateChangeTimestamp=
"""
BOOTED = "UnitsLoadFinishTimestamp=Sat 2026-11-21 19:11:14.876030 UTC\nUnitsLoadTimestamp=\n"
RELOADED = BOOTED.replace("LoadTimestamp=", "LoadTimestamp=Sat 2026-11-21 19:11:33.963967 UTC")
SSH = 1795288277.114493


def test_units_that_run_have_a_time() -> None:
    times = read_times(RECORDED)
    assert times["ssh.service"] == pytest.approx(SSH, abs=1e-6)
    assert set(times) == {"ssh.service", "systemd-journald.service"}


def test_systemd_itself_reads_its_settings_with_all_units() -> None:
    booted, reloaded = read_times(BOOTED), read_times(RELOADED)
    assert reloaded["systemd"] - booted["systemd"] == pytest.approx(19.087937, abs=1e-5)
    both = read_times(f"{RECORDED}\n\n{RELOADED}")
    assert {"systemd", "ssh.service"} <= set(both)


def test_one_command_asks_for_all_units() -> None:
    asked = commands(["ssh.service", "systemd", "chrony.service"])
    assert [command[-2:] for command in asked] == [
        ["chrony.service", "ssh.service"],
        ["--property", "UnitsLoadTimestamp,UnitsLoadFinishTimestamp"],
    ]
    assert commands([]) == []


@pytest.mark.parametrize(
    "age, changed, expected",
    [
        (-1.0, [], {}),
        (0.001, [], {"ssh.service": ["/etc/ssh/a"]}),
        (-1.0, ["/etc/ssh/a"], {"ssh.service": ["/etc/ssh/a"]}),
        (-1.0, ["/etc/sshd/a"], {}),
    ],
    ids=["older", "younger", "changed now", "of another folder"],
)
def test_what_is_unread(age: float, changed: list[str], expected: dict[str, list[str]]) -> None:
    readers = {"ssh.service": ["/etc/ssh"], "stopped.service": ["/etc/ssh"]}
    times = {"ssh.service": SSH}
    found = unread(readers, times, changed, lambda _root: iter([("/etc/ssh/a", SSH + age)]))
    assert found == expected


def test_files_at_and_below_a_path(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    file = tmp_path / "sub/file"
    file.write_text("x")
    os.utime(file, (1, 1234.5))
    (tmp_path / "link").symlink_to("nowhere")
    assert list(files_below(str(tmp_path))) == [(str(file), 1234.5)]
    assert list(files_below(str(file))) == [(str(file), 1234.5)]
    assert list(files_below(str(tmp_path / "absent"))) == []
