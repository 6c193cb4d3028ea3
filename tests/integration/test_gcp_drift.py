"""Each thing that somebody may change by hand is found, repaired, and stays repaired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.gcp import Emulator
from tests.integration.gcp_drift import DRIFTS, Drift
from tests.integration.gcp_world import Result, acting, footprint, manage


@dataclass(frozen=True)
class Turn:
    """What was found after changes by hand, by the run that repaired them, and by the next one."""

    found: Result
    repaired: Result
    again: Result


@pytest.fixture(scope="module")
def turns(emulator: Emulator) -> dict[int, Turn]:
    """The footprint with all changes by hand, those of one turn together."""
    made = manage(emulator, footprint())
    assert not made.get("failed"), made["msg"]
    turns = {}
    for turn in sorted({each.turn for each in DRIFTS}):
        for drift in DRIFTS:
            if drift.turn == turn:
                _by_hand(emulator, drift)
        found = manage(emulator, footprint(), check=True)
        repaired = manage(emulator, footprint())
        assert not repaired.get("failed"), repaired["msg"]
        turns[turn] = Turn(found, repaired, manage(emulator, footprint()))
    return turns


@pytest.mark.parametrize("drift", [pytest.param(each, id=each.name) for each in DRIFTS])
def test_a_change_by_hand_is_found_and_repaired(turns: dict[int, Turn], drift: Drift):
    turn = turns[drift.turn]
    step = next(each for each in turn.found["plan"] if each["key"] == drift.key)
    assert step["action"] == drift.action
    if drift.field:
        assert drift.field in [change["field"] for change in step["changes"]]
    done = next(each for each in turn.repaired["results"] if each["key"] == drift.key)
    assert done["state"] == "done"


def test_nothing_else_is_found_and_nothing_is_left(turns: dict[int, Turn], gcp: Emulator):
    for number, turn in turns.items():
        assert set(acting(turn.found)) == {each.key for each in DRIFTS if each.turn == number}
        assert acting(turn.again) == {}
        assert not turn.again["changed"]
    assert gcp.resources()


def _by_hand(gcp: Emulator, drift: Drift) -> None:
    body = drift.body
    if isinstance(body, dict) and drift.method in ("PATCH", "POST"):
        body = _fresh(gcp, drift, dict(body))
    answer = gcp.call(drift.method, drift.url, body, **dict(drift.query))
    assert answer.status == 200, (drift.name, answer.body)


def _fresh(gcp: Emulator, drift: Drift, body: dict[str, Any]) -> dict[str, Any]:
    """The body with the fingerprint that the API wants to see."""
    url, _slash, verb = drift.url.rpartition("/")
    if verb.startswith("set") and "compute." in url:
        live = gcp.call("GET", url).body
        if verb == "setLabels":
            body["labelFingerprint"] = live["labelFingerprint"]
        elif verb in ("setTags", "setMetadata"):
            body["fingerprint"] = live[verb[3:].lower()]["fingerprint"]
        elif verb == "setNamedPorts":
            body["fingerprint"] = live["fingerprint"]
    elif drift.method == "PATCH" and "compute." in url:
        live = gcp.call("GET", drift.url).body
        if "fingerprint" in live:
            body["fingerprint"] = live["fingerprint"]
    return body
