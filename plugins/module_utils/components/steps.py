# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The components of some steps of a platform alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

#: Step of what names none: the data layer and all that stands beside it.
USUAL = 3


def of_steps(
    components: Iterable[Mapping[str, Any]], steps: Collection[int]
) -> list[dict[str, Any]]:
    """Return the components of these steps, without the key ``step``.

    Needs that are of other steps are left out: they are there from an earlier run, or the person who
    chose the steps does without them.
    """
    components = list(components)
    chosen = [entry for entry in components if entry.get("step", USUAL) in steps]
    left = {entry["name"] for entry in components} - {entry["name"] for entry in chosen}
    return [_plain(entry, left) for entry in chosen]


def _plain(component: Mapping[str, Any], left: Collection[str]) -> dict[str, Any]:
    plain = {key: value for key, value in component.items() if key != "step"}
    if plain.get("needs"):
        plain["needs"] = [need for need in plain["needs"] if need not in left]
    return plain
