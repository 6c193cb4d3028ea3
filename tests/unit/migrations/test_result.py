"""What a run says of its rollouts: whether their objects were changed, or in check mode would be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.dag import runner as dag
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.result import shown
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.run import Done

NEEDS: dict[str, tuple[str, ...]] = {"identity rollout": ()}


def report() -> dag.Report[None]:
    result: dag.Result[None] = dag.Result("identity rollout", dag.DONE, 0.0, 1.0)
    return dag.Report({"identity rollout": result}, 1.0, ("identity rollout",), 1.0)


@pytest.mark.parametrize(
    "check, changed, state, told",
    [
        (False, {"identity": True}, "done", True),
        (False, {"identity": False}, "done", False),
        # It has no objects of its own.
        (False, {}, "done", False),
        (True, {"identity": True}, "would_run", True),
        (True, {"identity": False}, "skipped", False),
        (True, {}, "would_run", False),
    ],
)
def test_a_rollout_is_a_change_where_its_objects_are(
    check: bool, changed: Mapping[str, bool], state: str, told: bool
) -> None:
    result = shown(Done({}, NEEDS, None if check else report(), changed=changed))
    entry: dict[str, Any] = result["services"][0]
    assert (entry["state"], result["changed"]) == (state, told)
    assert entry.get("changed") == changed.get("identity")
