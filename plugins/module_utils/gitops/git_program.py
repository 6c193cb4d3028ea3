# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program git on a temporary repository of its own: no files are checked out, nobody is asked anything."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

#: Seconds that one command of git has.
PATIENCE = 120.0

#: What a git above this process (a hook, an alias) says of its own repository.
_FOREIGN = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
)
#: git asks it for user and password; it reads the token where it is needed, so that no argument ever holds it.
_HELPER = (
    '!f() { test "$1" = get || exit 0; '
    'printf \'username=%s\\npassword=%s\\n\' "$GROUNDWORK_GIT_USER" "$(head -n 1 "$GROUNDWORK_GIT_TOKEN_FILE")"; }; f'
)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Access:
    """How a repository is reached; without files, by the user's own configuration of git.

    ``key_file`` is an SSH key; ``token_file`` has a token or password in its first line, which is shown to the
    repository's own host alone, with the name ``user``.
    """

    repository: str
    key_file: str | None = None
    token_file: str | None = None
    user: str = "git"

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Variables that git runs with. Raises ``KubeError``: ``bad_source``, ``no_such_file``."""
        self._check()
        kept = {name: value for name, value in inherited.items() if name not in _FOREIGN}
        variables = {**kept, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        if self.key_file:
            key = shlex.quote(_readable(self.key_file))
            variables["GIT_SSH_COMMAND"] = f"ssh -i {key} -o IdentitiesOnly=yes -o BatchMode=yes"
        if self.token_file:
            count = int(inherited.get("GIT_CONFIG_COUNT") or 0)
            scope = f"credential.{_origin(self.repository)}.helper"
            # The empty one forgets those of the user's configuration.
            for number, helper in enumerate(("", _HELPER), count):
                variables[f"GIT_CONFIG_KEY_{number}"] = scope
                variables[f"GIT_CONFIG_VALUE_{number}"] = helper
            variables["GIT_CONFIG_COUNT"] = str(count + 2)
            variables["GROUNDWORK_GIT_USER"] = self.user
            variables["GROUNDWORK_GIT_TOKEN_FILE"] = _readable(self.token_file)
        return variables

    def _check(self) -> None:
        parts = urlsplit(self.repository)
        if not self.repository or self.repository.startswith("-"):
            raise KubeError("bad_source", f"{self.repository!r} is no address of a repository.")
        # A token stands there without a password, too.
        if parts.password is not None or (parts.username and parts.scheme in ("http", "https")):
            raise KubeError(
                "bad_source",
                f"The address {hidden(self.repository)} says who asks, which a list of processes would show. Put the "
                "token into a file (token_file) and the name beside it (user).",
            )
        if not self.token_file:
            return
        if parts.scheme not in ("http", "https"):
            raise KubeError(
                "bad_source",
                f"A token serves https only, and the address is {self.repository}. Give an SSH key (key_file).",
            )
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise KubeError(
                "bad_source", f"{self.repository} would carry the token in the clear. Use https."
            )


class Git:
    """A repository of one's own without files; made by ``opened``."""

    def __init__(self, folder: str, address: str, variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._address = address
        self._variables = variables

    async def __call__(self, *arguments: str, data: str = "", **variables: str) -> str:
        """Run git and return what it printed, as it is. Raises ``KubeError``: those of ``tried``, ``git_failed``."""
        code, printed, words = await self.tried(*arguments, data=data, **variables)
        if code:
            raise KubeError("git_failed", f"git {arguments[0]}, {self._address}: {words}")
        return printed

    async def tried(
        self, *arguments: str, data: str = "", **variables: str
    ) -> tuple[int, str, str]:
        """Run git with ``data`` as its input; return its exit code, what it printed, and its words about a failure.

        Raises ``KubeError``: ``missing_program``, ``git_timeout``, ``not_text`` where a file is not UTF-8.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *("git", "-C", self._folder, *arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**self._variables, **variables},
                # Without a terminal of its own, no ssh and no helper can ask at somebody else's.
                start_new_session=True,
            )
        except FileNotFoundError:
            raise KubeError(
                "missing_program", "The program git is not there. Install it where this runs."
            ) from None
        try:
            printed, words = await asyncio.wait_for(process.communicate(data.encode()), PATIENCE)
        except asyncio.TimeoutError:
            raise KubeError(
                "git_timeout",
                f"git {arguments[0]}, {self._address}: not done after {PATIENCE:g} s.",
            ) from None
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        told = hidden(" ".join(words.decode(errors="replace").split()))
        try:
            return process.returncode or 0, printed.decode(), told
        except UnicodeDecodeError:
            raise KubeError(
                "not_text", f"git {arguments[0]}, {self._address}: this is no UTF-8 text."
            ) from None


@asynccontextmanager
async def opened(access: Access) -> AsyncIterator[Git]:
    """An empty repository with the source as ``origin``, gone in the end. Raises what ``Git`` and ``Access`` do."""
    variables = access.environment(os.environ)
    folder = tempfile.mkdtemp(prefix="groundwork-git-")
    try:
        git = Git(folder, access.repository, variables)
        await git("init", "--quiet", "--bare", "--template=", ".")
        await git("remote", "add", "origin", access.repository)
        yield git
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def hidden(text: str) -> str:
    """The text without passwords in addresses: git may print an address as the user's configuration rewrote it."""
    return re.sub(r"(?<=://)[^/@\s]+@", "***@", text)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _readable(path: str) -> str:
    full = os.path.abspath(os.path.expanduser(path))
    if not os.access(full, os.R_OK):
        raise KubeError("no_such_file", f"{full} is not there, or may not be read by this user.")
    return full
