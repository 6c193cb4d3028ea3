# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The order of declared resources: what they need besides what they name, what is there twice, what needs itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.groundwork.platform.plugins.module_utils.dag.graph import find_problems
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import Problem
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Resource, key_of
from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean

_REASONS = {"unknown_need": "unknown_reference"}


def order(resources: Sequence[Resource]) -> tuple[list[Resource], list[Problem]]:
    """Resources with all their needs, and what is wrong with these."""
    names = _aliases(resources)
    ordered, problems = [], []
    for resource in resources:
        needs = list(resource.needs)
        for wish in resource.wishes:
            if wish in names:
                needs.append(names[wish])
                continue
            hint = did_you_mean(wish, names)
            words = f"{resource.key} needs {wish}, which is not declared here"
            words += f": {hint}".rstrip() if hint else "."
            problems.append(Problem("unknown_reference", words))
        ordered.append(replace(resource, needs=tuple(dict.fromkeys(needs))))
    problems += [
        Problem(_REASONS.get(problem.reason, problem.reason), f"{problem.message}.")
        for problem in find_problems((each.key, each.needs) for each in ordered)
    ]
    return ordered, problems


def _aliases(resources: Sequence[Resource]) -> dict[str, str]:
    """All that may be said of a resource in ``needs``: its key, with the project and without."""
    names: dict[str, str] = {}
    for each in resources:
        bare = key_of(each)
        names.setdefault(bare, each.key)
        names[f"{each.project}:{bare}"] = each.key
        names[each.key] = each.key
    return names
