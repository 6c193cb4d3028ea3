# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The history of migrations that are commands: a file, which one run at a time holds."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.history import Entry
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import (
    Migration,
    history_key,
)

#: Seconds between two looks at a file that another run holds.
LOOK = 0.5


class FileHistory:
    """Entries by key, in a file that is replaced as a whole. Read them while it is ``held``."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._entries: dict[str, Entry] = {}

    @asynccontextmanager
    async def held(self, patience: float, tell: Callable[[str], None]) -> AsyncIterator[None]:
        """Keep others away. Raises ``KubeError``: ``busy``, ``bad_history``."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        began, told = time.monotonic(), False
        with self._path.with_suffix(".lock").open("a") as lock:
            while not _locked(lock.fileno()):
                if time.monotonic() - began >= patience:
                    text = f"Another run is at work with {self._path}. Wait for its end, or let this one wait."
                    raise KubeError("busy", text)
                if not told:
                    tell(f"waits for another run with {self._path}")
                    told = True
                await asyncio.sleep(LOOK)
            self._entries = self._read()
            yield

    def get(self, migration: Migration) -> Entry | None:
        """The entry of a migration."""
        return self._entries.get(history_key(migration.service, migration.version))

    def write(self, entry: Entry) -> None:
        """Add or replace one entry; it is on the disk when this returns."""
        self._entries[entry.key] = entry
        whole = {key: asdict(each) for key, each in self._entries.items()}
        new = self._path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(whole, file, indent=2, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)

    def _read(self) -> dict[str, Entry]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return {key: Entry(**each) for key, each in found.items()}
        except FileNotFoundError:
            return {}
        except (AttributeError, TypeError, ValueError) as error:
            text = f"{self._path} is no history of migrations ({error}). Remove or mend it."
            raise KubeError("bad_history", text) from error


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
