# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files as they should be and as they are, and what differs. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Modes where none is given.
DEFAULT_MODES = {"file": 0o644, "directory": 0o755}

HIDDEN = "(not shown)\n"


@dataclass(frozen=True)
class Wanted:
    """A file, a directory or the absence of one, as it should be.

    ``content`` is ``None`` where an existing file's content is left alone, ``hidden`` keeps it out of diffs.
    """

    path: str
    state: str = "file"
    content: bytes | None = None
    hidden: bool = False
    owner: str = "root"
    group: str = "root"
    mode: int = 0o644
    validate: str | None = None


@dataclass(frozen=True)
class Found:
    """What is at a path: ``kind`` is ``file``, ``directory``, ``other`` or ``absent``."""

    kind: str = "absent"
    content: bytes = b""
    owner: str = ""
    group: str = ""
    mode: int = 0


def all_wanted(items: Sequence[Mapping[str, Any]], secrets: Mapping[str, Any]) -> list[Wanted]:
    """The module's options. Raises ``ValueError`` for what cannot be meant."""
    wanted = [wanted_from(item, secrets) for item in items]
    unused = set(secrets) - {item["content_from"] for item in items}
    if unused:
        raise ValueError(f"No file has its content from {', '.join(sorted(unused))}.")
    return wanted


def wanted_from(item: Mapping[str, Any], secrets: Mapping[str, Any]) -> Wanted:
    """One element of the module's option. Raises ``ValueError`` for what cannot be meant."""
    path, state, text, name = (item[key] for key in ("path", "state", "content", "content_from"))
    if not path.startswith("/"):
        raise ValueError(f"{path} is not an absolute path.")
    if text is not None and name is not None:
        raise ValueError(f"{path} has content and content_from: give one of them.")
    if name is not None and name not in secrets:
        raise ValueError(f"{path} has its content from {name}, which is not in secrets.")
    if name is not None:
        text = str(secrets[name])
    if (state == "file") != (text is not None):
        raise ValueError(f"{path}: content belongs to a file, and a file needs it.")
    return Wanted(
        path=path.rstrip("/") or "/",
        state=state,
        content=None if text is None else text.encode("utf-8"),
        hidden=name is not None,
        owner=item["owner"],
        group=item["group"],
        mode=parse_mode(path, item["mode"], DEFAULT_MODES.get(state, 0)),
        validate=item["validate"],
    )


def parse_mode(path: str, text: str | None, default: int) -> int:
    """An octal mode such as ``0640``. Raises ``ValueError`` for others."""
    if text is None:
        return default
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o7777 or not text.startswith("0"):
        raise ValueError(f'{path}: the mode {text} is not octal; write it in quotes, "0640".')
    return mode


def differences(wanted: Wanted, found: Found) -> list[str]:
    """Which of ``state``, ``content``, ``owner``, ``group``, ``mode`` differ."""
    if wanted.state == "absent" or found.kind != wanted.state:
        return ["state"] if found.kind != wanted.state else []
    pairs = {
        "content": (wanted.content, found.content if wanted.state == "file" else None),
        "owner": (wanted.owner, found.owner),
        "group": (wanted.group, found.group),
        "mode": (wanted.mode, found.mode),
    }
    return [name for name, (left, right) in pairs.items() if left != right]


def obstacle(wanted: Wanted, found: Found) -> str | None:
    """Why the path cannot be brought there without losing something, or ``None``."""
    if found.kind in ("absent", wanted.state) or (
        wanted.state == "absent" and found.kind == "file"
    ):
        return None
    return f"{wanted.path} is a {found.kind}, not a {wanted.state}: look at it and remove it."


def diff(wanted: Wanted, found: Found, names: list[str]) -> dict[str, str]:
    """A difference as Ansible shows it: attributes above content."""
    return {
        "before_header": wanted.path,
        "after_header": wanted.path,
        "before": _attributes(found.kind, found.owner, found.group, found.mode, names)
        + _shown(found.content, wanted.hidden, "content" in names or found.kind == "file"),
        "after": _attributes(wanted.state, wanted.owner, wanted.group, wanted.mode, names)
        + _shown(wanted.content or b"", wanted.hidden, wanted.state == "file", changed=True),
    }


def _attributes(state: str, owner: str, group: str, mode: int, names: list[str]) -> str:
    if state == "absent":
        return "state: absent\n"
    values = {"state": state, "owner": owner, "group": group, "mode": f"{mode:04o}"}
    shown = values if "state" in names else {name: values[name] for name in values if name in names}
    return "".join(f"{name}: {value}\n" for name, value in shown.items())


def _shown(content: bytes, hidden: bool, there: bool, changed: bool = False) -> str:
    if not there:
        return ""
    if hidden:
        return ("new " if changed else "old ") + HIDDEN
    return content.decode("utf-8", "replace")
