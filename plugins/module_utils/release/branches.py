# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a branch may do: push, deploy, and with which findings. The rules are those of the BANA operations guide.

Its table of image tags says: ``develop`` pushes the commit's sha and ``latest`` and goes to staging; ``main`` pushes
the sha, ``latest`` and ``v<semver>`` and goes to production; a feature branch has the sha, is built and tested, and
is never pushed. Its table of scanner severities says: CRITICAL fails everywhere, HIGH fails on ``main`` and
``develop`` and is a warning on a feature branch. What is below HIGH it does not scan for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ansible_collections.groundwork.platform.plugins.module_utils.release.errors import GateError
from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean


@dataclass(frozen=True)
class Branch:
    """What the rules say about one kind of branch. ``fails`` and ``warns`` are severities of findings."""

    kind: str
    #: Where its images run; empty where they run nowhere.
    environment: str
    pushes: bool
    pushes_version: bool
    fails: tuple[str, ...]
    warns: tuple[str, ...] = ()


MAIN = Branch("main", "production", True, True, ("CRITICAL", "HIGH"))
DEVELOP = Branch("develop", "staging", True, False, ("CRITICAL", "HIGH"))
FEATURE = Branch("feature", "", False, False, ("CRITICAL",), ("HIGH",))

#: Names of feature branches where nobody says others. The guide gives them no shape.
FEATURE_NAMES = ("feature/*", "feat/*", "fix/*", "bugfix/*", "hotfix/*", "chore/*")

#: What Git allows in no branch's name (git check-ref-format).
_NOT_A_NAME = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|/\.|^[-./]|[./]$|\.lock(/|$)|^@?$|^HEAD$"
)


def branch_of(name: str, feature_names: Sequence[str] = FEATURE_NAMES) -> Branch:
    """Return the rules of a branch. Raises ``GateError`` (``bad_branch``).

    A name of no known shape is refused: a mistyped ``main`` would be judged as mildly as a feature branch.
    """
    if _NOT_A_NAME.search(name):
        raise GateError("bad_branch", f"Git knows no branch named {name!r}.")
    if name.startswith(("refs/", "origin/")):
        raise GateError("bad_branch", f"{name} is a reference: give the branch's name alone.")
    for branch in (MAIN, DEVELOP):
        if name == branch.kind:
            return branch
    if any(fnmatchcase(name, shape) for shape in feature_names):
        return FEATURE
    shapes = ", ".join((MAIN.kind, DEVELOP.kind, *feature_names))
    known = (MAIN.kind, DEVELOP.kind, *(shape.rstrip("*") for shape in feature_names))
    meant = did_you_mean(name.lower(), known) or did_you_mean(_kind_of(name), known)
    raise GateError(
        "bad_branch",
        f"No rule for branch {name}: {meant}known are {shapes}. Other feature branches are named by feature_branches.",
    )


def _kind_of(name: str) -> str:
    """What stands before the slash, with it."""
    return name[: name.find("/") + 1].lower()
