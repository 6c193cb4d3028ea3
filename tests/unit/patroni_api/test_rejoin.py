"""Which replica cannot follow, by what Patroni answers (the script that the role patroni puts on its hosts)."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from typing import Any

import pytest

from tests.integration.labs import ROOT

loader = SourceFileLoader("rejoin", str(ROOT / "roles/patroni/files/rejoin"))
spec = spec_from_loader("rejoin", loader)
assert spec
rejoin = module_from_spec(spec)
loader.exec_module(rejoin)

#: What a lab said, on which an idle primary had been cut off, had demoted itself and was ended.
MEMBER: dict[str, Any] = {
    "state": "running",
    "role": "replica",
    "xlog": {"received_location": 100663296, "replayed_location": 105558808},
    "timeline": 2,
}
HISTORY: list[list[Any]] = [
    [1, 105542768, "no recovery target specified"],
    [2, 105558688, "no recovery target specified"],
]


def test_a_replica_past_the_end_of_its_timeline_is_found() -> None:
    assert rejoin.stray(MEMBER, HISTORY) == (105558808, 105558688)


@pytest.mark.parametrize(
    "difference",
    [
        {"role": "primary"},
        {"role": "standby_leader"},
        {"state": "starting"},
        {"state": "running pg_rewind"},
        {"replication_state": "streaming"},
        {"pause": True},
        {"timeline": 3},
        {"xlog": {"replayed_location": 105558688}},
        {"xlog": {}},
    ],
)
def test_all_others_are_left_alone(difference: dict[str, Any]) -> None:
    assert rejoin.stray({**MEMBER, **difference}, HISTORY) is None


def test_nothing_is_known_without_a_history() -> None:
    assert rejoin.stray(MEMBER, []) is None
