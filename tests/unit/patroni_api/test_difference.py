"""What the modules show with --diff."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.arguments import (
    difference,
)

PLAN = [
    {"member": "b", "action": "restart"},
    {"member": "a", "action": "switchover"},
]


@pytest.mark.parametrize(
    "result, expected",
    [
        ({"changed": False, "old_leader": "a", "new_leader": "a"}, {}),
        (
            {"changed": True, "old_leader": "a", "new_leader": "b"},
            {"before": "leader: a\n", "after": "leader: b\n"},
        ),
        (
            {"changed": True, "old_leader": "a", "new_leader": None},
            {"before": "leader: a\n", "after": "leader: not known yet\n"},
        ),
        ({"changed": True, "plan": PLAN}, {"prepared": "b: restart\na: switchover\n"}),
    ],
    ids=["nothing", "handed over", "Patroni chooses", "restarts"],
)
def test_difference(result: dict[str, Any], expected: dict[str, str]) -> None:
    assert difference(result) == expected
