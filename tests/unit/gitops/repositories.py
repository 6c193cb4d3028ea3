"""Git repositories in folders, and people who push to them."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.groundwork.platform.plugins.module_utils.gitops.git import GitSource

AUTHOR = "Release <release@example.com>"
PATH = "apps/sale/values.yaml"
VALUES = """\
# The shop.
image:
  repository: registry.example/sale
  tag: "1.0"   # set by releases
replicas: 2
"""


def git(folder: Path, *arguments: str) -> str:
    """Run git as a person with a checkout would."""
    people = {
        f"GIT_{role}_{part}": "somebody"
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env={**os.environ, **people},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass(frozen=True)
class Repository:
    """A repository that is pushed to, and a person's checkout of it."""

    folder: Path

    @property
    def bare(self) -> Path:
        """What is pushed to."""
        return self.folder / "shop.git"

    @property
    def checkout(self) -> Path:
        """Where a person works."""
        return self.folder / "person"

    @property
    def url(self) -> str:
        """Its address."""
        return f"file://{self.bare}"

    def source(self, **changed: str | None) -> GitSource:
        """The tag of the shop's image."""
        given = {"path": PATH, "key": "image.tag", "author": AUTHOR, "branch": "main"}
        return GitSource(**{"repository": self.url, **given, **changed})  # type: ignore[arg-type]

    def push(self, path: str, text: str) -> str:
        """Push a file as a person; return the commit."""
        git(self.checkout, "pull", "--quiet", "--rebase", "origin", "main")
        file = self.checkout / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        git(self.checkout, "add", "--all")
        git(self.checkout, "commit", "--quiet", "--message", f"Write {path}")
        git(self.checkout, "push", "--quiet", "origin", "HEAD:main")
        return git(self.checkout, "rev-parse", "HEAD")

    def text(self, path: str = PATH) -> str:
        """A file of the branch's tip."""
        return git(self.bare, "show", f"main:{path}") + "\n"

    def log(self, form: str = "%s") -> list[str]:
        """The branch's commits, newest first."""
        return git(self.bare, "log", f"--format={form}", "main").splitlines()


def repository(folder: Path, **files: str) -> Repository:
    """Make a repository with the shop's values, or other files, on its branch main."""
    made = Repository(folder)
    made.bare.mkdir(parents=True)
    git(made.bare, "init", "--quiet", "--bare", "--initial-branch=main")
    made.checkout.mkdir()
    git(made.checkout, "init", "--quiet", "--initial-branch=main")
    # By a way that a copy of the folder has as well.
    git(made.checkout, "remote", "add", "origin", f"../{made.bare.name}")
    for path, text in (files or {PATH: VALUES}).items():
        file = made.checkout / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    git(made.checkout, "add", "--all")
    git(made.checkout, "commit", "--quiet", "--message", "First")
    git(made.checkout, "push", "--quiet", "origin", "HEAD:main")
    return made
