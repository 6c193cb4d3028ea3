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
from typing import IO

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
        self._lock: IO[str] | None = None
        self._at_work = {"run": os.getpid()}

    @asynccontextmanager
    async def held(self, patience: float, tell: Callable[[str], None]) -> AsyncIterator[None]:
        """Keep others away. Raises ``KubeError``: ``busy``, ``bad_history``."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        began, told = time.monotonic(), False
        with self._path.with_suffix(".lock").open("a+") as lock:
            while not _locked(lock.fileno()):
                if time.monotonic() - began >= patience:
                    raise KubeError("busy", self._busy(lock))
                if not told:
                    tell(f"waits for another run with {self._path}{_holders(lock)}")
                    told = True
                await asyncio.sleep(LOOK)
            self._lock = lock
            self._note()
            self._entries = self._read()
            try:
                yield
            finally:
                self._lock = None
                # Also where something that a command left at work has the file open.
                fcntl.flock(lock.fileno(), fcntl.LOCK_UN)

    @property
    def shared(self) -> tuple[int, ...]:
        """What a command has to have open, so that it keeps others away for as long as it works, whoever is killed."""
        return (self._lock.fileno(),) if self._lock else ()

    def begun(self, service: str, pid: int) -> None:
        """Note a command that is at work, for those who are kept away."""
        self._at_work[service] = pid
        self._note()

    def ended(self, service: str) -> None:
        """Note that it is no more."""
        self._at_work.pop(service, None)
        self._note()

    def _note(self) -> None:
        if self._lock:
            self._lock.seek(0)
            self._lock.truncate()
            self._lock.write(json.dumps(self._at_work))
            self._lock.flush()

    def _busy(self, lock: IO[str]) -> str:
        return (
            f"Another run is at work with {self._path}{_holders(lock)}, or what it began before it was killed. Wait "
            "for its end, or let this one wait (other_run: wait)."
        )

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


def _holders(lock: IO[str]) -> str:
    """Who holds a lock, by the ids of the processes: a run, and the commands that it began."""
    lock.seek(0)
    try:
        found = json.load(lock)
        return f" ({', '.join(f'{name}: pid {pid}' for name, pid in found.items())})"
    except (AttributeError, ValueError):
        # It is just being written.
        return ""
