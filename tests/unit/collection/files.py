"""The files of the collection, as the tests look at them."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if any(path.rglob("*.yml")))
MODULES = sorted(
    path for path in (ROOT / "plugins/modules").glob("*.py") if path.stem != "__init__"
)
SOURCES = sorted((ROOT / "plugins").rglob("*.py"))


@cache
def kept_files() -> tuple[Path, ...]:
    """Files that belong to the repository: known to git or new, not ignored, no links."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (ROOT / name for name in listing.stdout.split("\0") if name)
    return tuple(path for path in paths if path.is_file() and not path.is_symlink())


def text_of(path: Path) -> str | None:
    """Return a file's text, None for what is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def ansible_files() -> list[Path]:
    """YAML files of playbooks, roles and scenarios."""
    return [
        path
        for path in kept_files()
        if path.suffix == ".yml"
        and path.relative_to(ROOT).parts[0] in ("playbooks", "roles", "molecule")
    ]
