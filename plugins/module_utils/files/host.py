# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads and writes files of the host that runs the module."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
import tempfile
from typing import Any, Callable

from ansible_collections.groundwork.platform.plugins.module_utils.files.model import Found, Wanted

#: Runs a command; returns its exit status and what it said.
Runner = Callable[["list[str]"], "tuple[int, str]"]


class InvalidContentError(Exception):
    """The command of ``validate`` refused the new content. The message holds its words."""


def look(path: str) -> Found:
    """What is at ``path``; a symbolic link is followed."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return Found()
    kind = "other"
    content = b""
    if stat.S_ISDIR(status.st_mode):
        kind = "directory"
    elif stat.S_ISREG(status.st_mode):
        kind = "file"
        with open(path, "rb") as file:
            content = file.read()
    return Found(
        kind,
        content,
        _name(pwd.getpwuid, status.st_uid),
        _name(grp.getgrgid, status.st_gid),
        stat.S_IMODE(status.st_mode),
    )


def _name(of: Callable[[int], Any], number: int) -> str:
    try:
        return str(of(number)[0])
    except KeyError:
        return str(number)


def write(wanted: Wanted, found: Found, run: Runner) -> None:
    """Bring the path to what is wanted.

    Raises ``LookupError`` for an unknown owner or group, ``InvalidContentError``, ``OSError``.
    """
    if wanted.state == "absent":
        os.unlink(wanted.path)
        return
    owner, group = pwd.getpwnam(wanted.owner).pw_uid, grp.getgrnam(wanted.group).gr_gid
    if wanted.state == "directory":
        if found.kind == "absent":
            os.makedirs(wanted.path, mode=0o755)
    elif found.kind == "absent" or wanted.content != found.content:
        _replace(wanted, owner, group, run)
        return
    os.chown(wanted.path, owner, group)
    os.chmod(wanted.path, wanted.mode)


def _replace(wanted: Wanted, owner: int, group: int, run: Runner) -> None:
    """Write beside the file and rename, so that nobody reads half of it, or with other rights."""
    path = os.path.realpath(wanted.path)
    handle, beside = tempfile.mkstemp(prefix=".groundwork-", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(wanted.content or b"")
            file.flush()
            os.fsync(file.fileno())
            os.fchown(file.fileno(), owner, group)
            os.fchmod(file.fileno(), wanted.mode)
        validate(wanted, beside, run)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def validate(wanted: Wanted, candidate: str, run: Runner) -> None:
    """Ask the command of ``validate`` about the file ``candidate``. Raises ``InvalidContentError``."""
    if wanted.validate is None:
        return
    command = [part.replace("%s", candidate) for part in shlex.split(wanted.validate)]
    status, words = run(command)
    if status != 0:
        raise InvalidContentError(
            f"{wanted.path} was left as it was: {command[0]} refused the new content: {words.strip()}"
        )
