# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is generated once and kept in a folder of the controller, for all clusters of an environment."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    Generated,
)

#: File of the key that digests of sealed values are made with.
DIGEST_KEY = "digest.key"
_DIGEST_KEY_BYTES = 32


def make(source: Generated) -> bytes:
    """Make a new value."""
    return "".join(secrets.choice(source.characters) for _number in range(source.length)).encode()


class Keep:
    """A folder that its owner alone may read. With ``check`` nothing is written."""

    def __init__(self, folder: str, check: bool) -> None:
        self._folder = Path(folder)
        self._check = check
        #: Files that were, or would be, written.
        self.written: list[str] = []

    def file(self, source: Generated) -> Path:
        """Where a value is kept."""
        return self._folder / "generated" / source.folder / f"{source.name}.{source.version}"

    def read(self, source: Generated) -> bytes | None:
        """The value that is kept, ``None`` where there is none. Raises ``KubeError`` (``bad_state``)."""
        return self._read(self.file(source))

    def save(self, source: Generated, content: bytes) -> bytes:
        """Keep a value; return the one that is kept, which is another's where that came first.

        Raises ``KubeError`` (``bad_state``).
        """
        return self._save(self.file(source), content)

    def digest_key(self) -> bytes:
        """The key, made at the first call. Raises ``KubeError`` (``bad_state``)."""
        file = self._folder / DIGEST_KEY
        kept = self._read(file)
        return (
            kept if kept is not None else self._save(file, secrets.token_bytes(_DIGEST_KEY_BYTES))
        )

    def _read(self, file: Path) -> bytes | None:
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _bad(file, error) from error
        if not content:
            raise KubeError(
                "bad_state",
                f"{file} is empty. Bring it back from a backup, or remove it for a new value.",
            )
        return content

    def _save(self, file: Path, content: bytes) -> bytes:
        """Runs for two clusters may come here at the same time: the first one's file stays."""
        self.written.append(str(file))
        if self._check:
            return content
        try:
            _make_folders(self._folder, file.parent)
            with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".new-", delete=False) as new:
                new.write(content)
                new.flush()
                os.fsync(new.fileno())
            try:
                os.link(new.name, file)
            except FileExistsError:
                self.written.pop()
            finally:
                os.unlink(new.name)
        except OSError as error:
            raise _bad(file, error) from error
        return self._read(file) or content


def _make_folders(top: Path, folder: Path) -> None:
    top.mkdir(mode=0o700, parents=True, exist_ok=True)
    for part in (*reversed(folder.relative_to(top).parents), folder.relative_to(top)):
        (top / part).mkdir(mode=0o700, exist_ok=True)


def _bad(file: Path, error: OSError) -> KubeError:
    return KubeError(
        "bad_state",
        f"{file}: {error.strerror or error}. Generated values are kept there: make it this user's, or name another "
        "folder. Nothing was changed.",
    )
