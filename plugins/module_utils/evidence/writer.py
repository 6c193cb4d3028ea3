# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one writer of evidence: a file is there as a whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from typing import Any


def as_json(value: Any) -> str:
    """Readable, and the same for the same value."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def sha256_of(path: str) -> str:
    """Digest of a file's content."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


class EvidenceDirectory:
    """Files below one directory, replaced as a whole; `changed` tells whether any content differed."""

    def __init__(self, path: str, check_mode: bool = False) -> None:
        self.path = path
        self.changed = False
        self._check_mode = check_mode

    def write(self, name: str, content: bytes | str) -> str:
        """Write a file unless it holds this already; its path. Raises OSError."""
        data = content.encode() if isinstance(content, str) else content
        path = os.path.join(self.path, name)
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
            if file.read() == data:
                return path
        self.changed = True
        if not self._check_mode:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._replace(path, data)
        return path

    @staticmethod
    def _replace(path: str, data: bytes) -> None:
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise

    def reports(self) -> Iterator[dict[str, Any]]:
        """Every readable report.json one level below, in the order of names."""
        if not os.path.isdir(self.path):
            return
        for name in sorted(os.listdir(self.path)):
            with contextlib.suppress(OSError, ValueError):
                with open(os.path.join(self.path, name, "report.json"), encoding="utf-8") as file:
                    report = json.load(file)
                if isinstance(report, dict):
                    yield dict(report, directory=name)
