# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""SealedSecrets and SecretProviderClasses as files for Git, which hold no value that can be read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import from_files
from ansible_collections.groundwork.platform.plugins.module_utils.kube.yaml_text import dump

_MODE = 0o644


def path_of(folder: str, body: Mapping[str, Any]) -> Path:
    """Where an object's file is."""
    metadata = body["metadata"]
    return Path(folder, metadata["namespace"], f"{metadata['name']}.yaml")


def read(path: Path) -> Mapping[str, Any] | None:
    """The object of a file, ``None`` where there is no file. Raises ``KubeError`` where it holds something else."""
    if not path.exists():
        return None
    return next((manifest.body for manifest in from_files([str(path)])), None)


def write(folder: str, body: Mapping[str, Any], check: bool) -> str | None:
    """Write an object's file; return its path where it is, or would be, another one than before.

    Raises ``KubeError`` (``bad_files_dir``).
    """
    path, text = path_of(folder, body), dump(body)
    try:
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return None
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, text)
    except (OSError, ValueError) as error:
        raise KubeError("bad_files_dir", f"writing {path}: {error}.") from error
    return str(path)


def _replace(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=".new-", delete=False, encoding="utf-8"
    ) as new:
        new.write(text)
    os.chmod(new.name, _MODE)
    os.replace(new.name, path)
