# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tags of an image: what a branch pushes for a commit, and which one is deployed.

The rules are the BANA operations guide's (table of image tags; ``build.sh`` and ``deploy.sh`` take the short sha), and
the MiniRedis plan's "immutable tags: service:<git-sha>", which is why ``latest`` is pushed but never deployed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.groundwork.platform.plugins.module_utils.release.branches import Branch
from ansible_collections.groundwork.platform.plugins.module_utils.release.errors import GateError

LATEST = "latest"
#: Characters of GitLab's CI_COMMIT_SHORT_SHA, which the pipeline tags with.
SHORT = 8
#: Longest tag that a registry takes (the OCI distribution specification's reference grammar).
LONGEST = 128

#: What ``git rev-parse --short`` prints at least, to what SHA-256 repositories have.
_SHA = re.compile(r"[0-9a-f]{7,64}")
_NUMBER = r"(0|[1-9]\d*)"
_PART = r"(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)"
#: Semantic Versioning 2.0.0 without build metadata, whose "+" no tag may have.
_VERSION = re.compile(rf"v?({_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_PART}(\.{_PART})*)?)", re.ASCII)


@dataclass(frozen=True)
class Tags:
    """Tags of one commit. ``push`` is empty where a branch never pushes, ``deploy`` where it runs nowhere."""

    build: str
    push: tuple[str, ...]
    deploy: str


def short_sha(commit: str) -> str:
    """Return a commit as the pipeline tags with it. Raises ``GateError`` (``bad_commit``)."""
    if not _SHA.fullmatch(commit):
        raise GateError(
            "bad_commit",
            f"{commit!r} is no commit: a sha has 7 to 64 of the characters 0-9a-f. "
            "In YAML, one of digits alone needs quotes.",
        )
    return commit[:SHORT]


def version_tag(version: str) -> str:
    """Return ``v<semver>``. Raises ``GateError`` (``bad_version``)."""
    found = _VERSION.fullmatch(version)
    if not found or len(found.group(1)) + 1 > LONGEST:
        hint = " A tag cannot have the build metadata after +." if "+" in version else ""
        raise GateError(
            "bad_version", f"{version!r} is no semantic version such as 1.4.0 or 1.4.0-rc.1.{hint}"
        )
    return f"v{found.group(1)}"


def tags_of(branch: Branch, commit: str, version: str = "") -> Tags:
    """Return the tags by the rules of a branch.

    Raises ``GateError``: ``bad_commit``, ``bad_version`` (also for a version of a branch that pushes none).
    """
    sha = short_sha(commit)
    release = (version_tag(version),) if version else ()
    if release and not branch.pushes_version:
        raise GateError(
            "bad_version",
            f"A version is pushed from main alone, and this is a {branch.kind} branch: leave version out.",
        )
    push = (sha, LATEST, *release) if branch.pushes else ()
    return Tags(build=sha, push=push, deploy=sha if branch.environment else "")


def check_deploy(branch: Branch, tags: Tags, asked: str) -> None:
    """Refuse a tag that is not this commit's. Raises ``GateError`` (``bad_tag``).

    The version of this commit may be asked for, as ``deploy.sh`` does; its sha is deployed all the same.
    """
    if asked == LATEST:
        raise GateError(
            "bad_tag",
            f"latest is never deployed, as nobody can say afterwards what ran: deploy {tags.build}.",
        )
    if not branch.environment:
        raise GateError(
            "bad_tag", f"Nothing of a {branch.kind} branch is deployed, {asked} neither."
        )
    if asked not in tags.push:
        raise GateError(
            "bad_tag",
            f"{asked} is no tag of this commit, so its report says nothing about it: deploy {tags.deploy}.",
        )


def check_push(branch: Branch, tags: Tags, asked: Sequence[str]) -> None:
    """Refuse tags that the branch never pushes. Raises ``GateError`` (``bad_tag``)."""
    never = [tag for tag in asked if tag not in tags.push]
    if never:
        allowed = f"it pushes {', '.join(tags.push)}" if tags.push else "it pushes nothing"
        raise GateError(
            "bad_tag",
            f"A {branch.kind} branch never pushes {', '.join(never)} for this commit: {allowed}.",
        )
