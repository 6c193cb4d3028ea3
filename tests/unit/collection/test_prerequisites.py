"""What a newcomer reads where the machine lacks something."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.integration.labs import ROOT

NEEDED_BY_THE_SCRIPT = ("sh", "dirname", "id", "ls", "cat")


def test_one_message_names_all_that_is_missing_and_how_to_install_it(tmp_path: Path) -> None:
    for name in NEEDED_BY_THE_SCRIPT:
        found = shutil.which(name)
        assert found
        (tmp_path / name).symlink_to(found)
    done = subprocess.run(
        [str(ROOT / "tools/check-prerequisites"), "lab"],
        env={"PATH": str(tmp_path), "AUTO_INSTALL": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "podman: lab hosts are its containers" in done.stderr
    assert "uidmap: podman's user ids" in done.stderr
    install = done.stderr.splitlines()[-1]
    assert install.startswith("  apt-get update && apt-get install")
    assert {"podman", "uidmap"} <= set(install.split())
