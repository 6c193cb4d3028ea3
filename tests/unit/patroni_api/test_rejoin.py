"""Which replica cannot follow, by what Patroni answers (the script that the role patroni puts on its hosts)."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from tests.integration.labs import ROOT

spec = spec_from_file_location("rejoin", ROOT / "roles/patroni/files/rejoin.py")
assert spec
assert spec.loader
rejoin = module_from_spec(spec)
spec.loader.exec_module(rejoin)

#: What a lab said, on which an idle primary had been cut off, had demoted itself and was ended.
MEMBER: dict[str, Any] = {
    "state": "running",
    "role": "replica",
    "xlog": {"received_location": 100663296, "replayed_location": 105558808},
    "timeline": 2,
    "patroni": {"name": "pay-main-3"},
}
LEADER: dict[str, Any] = {
    "name": "pay-main-2",
    "role": "leader",
    "state": "running",
    "timeline": 3,
}
CLUSTER: dict[str, Any] = {
    "members": [{"name": "pay-main-3", "role": "replica", "state": "running"}, LEADER]
}
HISTORY: list[list[Any]] = [
    [1, 105542768, "no recovery target specified"],
    [2, 105558688, "no recovery target specified"],
]


def test_a_replica_past_the_end_of_its_timeline_is_found() -> None:
    place = "105558808 of timeline 2, which ended at byte 105558688 for pay-main-2"
    assert rejoin.stray(MEMBER, CLUSTER, HISTORY) == place


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
    assert rejoin.stray({**MEMBER, **difference}, CLUSTER, HISTORY) is None


@pytest.mark.parametrize(
    "difference",
    [
        {"role": "replica"},
        {"role": "standby_leader"},
        {"state": "starting"},
        {"timeline": 2},
        {"timeline": None},
        {"name": "pay-main-3"},
    ],
)
def test_nothing_is_done_unless_another_member_leads_on_a_later_timeline(
    difference: dict[str, Any],
) -> None:
    assert rejoin.stray(MEMBER, {"members": [{**LEADER, **difference}]}, HISTORY) is None


def test_it_gives_up_where_stops_do_not_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    assert [rejoin.permit("here") for _ in range(5)] == [True, True, True, False, False]
    assert rejoin.permit("elsewhere")


def test_nothing_is_known_without_a_history() -> None:
    assert rejoin.stray(MEMBER, CLUSTER, []) is None
