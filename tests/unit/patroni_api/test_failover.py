from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.etcd.gateway import EtcdGateway
from ansible_collections.groundwork.platform.plugins.module_utils.http import HttpClient
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.failover import failover
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.failover_rules import (
    Options,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.fence import (
    Door,
    fence_limitation,
    keys_of,
    race_request,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import RefusedError

from tests.unit.patroni_api.play import Frame, Play, frames
from tests.unit.patroni_api.support import client_of

SYNC = '{"leader":"db-2","sync_standby":"db-1,db-3","quorum":1}'


def store(holder: str | None = "db-2", sync: str = SYNC) -> dict[str, str]:
    keys = {"/service/demo/sync": sync, "/service/demo/members/db-2": "{}"}
    return keys if holder is None else {**keys, "/service/demo/leader": holder}


def lost() -> list[Frame]:
    """The recording from the moment on at which the leader db-2 is silent."""
    return frames("failover")[1:]


def run(play: Play, password: str = "right", **options: Any) -> dict[str, Any]:
    chosen = Options(**{"wait_timeout": 10.0, "poll_interval": 0.01, **options})
    etcd = HttpClient(timeout=1.0)
    return failover(
        client_of(play, "db-1", "db-2"),
        chosen,
        lambda: EtcdGateway(etcd, [play.base], "patroni", password),
    )


def test_the_lock_of_a_silent_member_is_freed_and_another_leads() -> None:
    with Play(lost(), etcd=store(), silent=("db-2",)) as play:
        result = run(play, fenced="db-2")
    assert (result["changed"], result["lock_freed"]) == (True, True)
    assert (result["old_leader"], result["new_leader"]) == ("db-2", "db-1")
    assert (result["old_timeline"], result["new_timeline"]) == (8, 9)
    assert "standbys_following" in result["phases"]
    assert "/service/demo/leader" not in play.etcd
    assert "/service/demo/members/db-2" not in play.etcd
    assert json.loads(play.etcd["/service/demo/failover"]) == {"leader": "db-2"}
    assert [call for call in play.calls if not call[1].startswith("/v3/")] == []


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_fenced_member_that_still_accepts_connections(check_mode: bool) -> None:
    with Play(lost(), etcd=store()) as play, pytest.raises(RefusedError) as caught:
        run(play, fenced="db-2", check_mode=check_mode)
    assert caught.value.reason == "fence_not_effective"
    assert play.etcd == store(), "nothing was freed"


def test_check_mode_frees_nothing() -> None:
    with Play(lost(), etcd=store(), silent=("db-2",)) as play:
        result = run(play, fenced="db-2", check_mode=True)
    assert (result["changed"], result["lock_freed"]) == (True, True)
    assert play.etcd == store()


def test_a_lock_that_moved_meanwhile_is_left_alone() -> None:
    with (
        Play(lost(), etcd=store("db-3"), silent=("db-2",)) as play,
        pytest.raises(RefusedError) as caught,
    ):
        run(play, fenced="db-2")
    assert caught.value.reason == "lock_moved"
    assert play.etcd == store("db-3")


def test_a_lease_that_ended_meanwhile_is_no_failure() -> None:
    with Play(lost(), etcd=store(None), silent=("db-2",)) as play:
        play.frames = [play.frames[0]] * 4 + play.frames
        play.move_on()
        result = run(play, fenced="db-2")
    assert not result["lock_freed"]
    assert result["new_leader"] == "db-1"


def test_again_after_the_failover_is_unchanged() -> None:
    with Play(lost()[-1:], etcd=store("db-1"), silent=("db-2",)) as play:
        result = run(play, fenced="db-2")
    assert (result["changed"], result["new_leader"]) == (False, "db-1")
    assert play.etcd == store("db-1")


def test_wrong_password_of_etcd() -> None:
    with (
        Play(lost(), etcd=store(), silent=("db-2",)) as play,
        pytest.raises(RefusedError) as caught,
    ):
        run(play, fenced="db-2", password="wrong")
    assert caught.value.reason == "etcd_failed"
    assert "authentication failed" in str(caught.value)


def test_a_store_without_a_leader_is_waited_for() -> None:
    with Play(lost(), etcd=store(), silent=("db-2",), hesitates=5) as play:
        assert run(play, fenced="db-2")["lock_freed"]


def test_a_cluster_that_tells_nothing_is_given_up() -> None:
    with (
        Play(lost(), etcd=store(), silent=("db-2",), hesitates=999) as play,
        pytest.raises(RefusedError) as caught,
    ):
        run(play, fenced="db-2", patience=0.1)
    assert caught.value.reason == "unreachable"
    assert play.etcd == store()


def test_a_candidate_is_named_in_the_request() -> None:
    with Play(lost(), etcd=store(), silent=("db-2",)) as play:
        run(play, fenced="db-2", candidate="db-1")
    assert json.loads(play.etcd["/service/demo/failover"]) == {"leader": "db-2", "member": "db-1"}


def ahead(recording: list[Frame]) -> list[Frame]:
    recording[0]["patroni"]["db-3"]["body"]["xlog"]["received_location"] += 8
    return recording


def test_a_candidate_that_lacks_transactions_is_refused() -> None:
    with (
        Play(ahead(lost()), etcd=store(), silent=("db-2",)) as play,
        pytest.raises(RefusedError) as caught,
    ):
        run(play, fenced="db-2", candidate="db-1")
    assert caught.value.reason == "candidate_behind"
    assert play.etcd == store()


def test_force_takes_and_names_that_risk() -> None:
    with Play(ahead(lost()), etcd=store(), silent=("db-2",)) as play:
        result = run(play, fenced="db-2", candidate="db-1", force=True)
    [risk] = result["risks"]
    assert "candidate_behind" in risk
    assert json.loads(play.etcd["/service/demo/failover"]) == {"member": "db-1"}


def test_the_stores_quorum_counts() -> None:
    sync = '{"leader":"db-2","sync_standby":"db-1,db-3","quorum":2}'
    with (
        Play(lost(), etcd=store(sync=sync), silent=("db-2",)) as play,
        pytest.raises(RefusedError) as caught,
    ):
        run(play, fenced="db-2", candidate="db-1")
    assert caught.value.reason == "no_quorum"


def test_the_fenced_member_cannot_be_the_candidate() -> None:
    with (
        Play(lost(), etcd=store(), silent=("db-2",)) as play,
        pytest.raises(RefusedError) as caught,
    ):
        run(play, fenced="db-2", candidate="db-2")
    assert caught.value.reason == "not_a_candidate"


def test_a_healthy_leader_is_left_alone() -> None:
    with Play(frames("quorum")) as play, pytest.raises(RefusedError) as caught:
        run(play)
    assert caught.value.reason == "leader_healthy"


def test_a_healthy_candidate_that_leads_is_unchanged() -> None:
    with Play(frames("quorum")) as play:
        assert not run(play, candidate="db-3")["changed"]


def test_force_needs_a_candidate_while_the_leader_runs() -> None:
    with Play(frames("quorum")) as play, pytest.raises(RefusedError) as caught:
        run(play, force=True)
    assert caught.value.reason == "candidate_required"


def test_forced_while_the_leader_runs() -> None:
    with Play(frames("switchover"), [(503, "Failover status unknown")]) as play:
        result = run(play, candidate="db-1", force=True)
    assert result["new_leader"] == "db-1"
    assert "db-3 leads and runs" in result["risks"][0]
    assert [call[:3] for call in play.calls] == [("POST", "/db-1/failover", {"candidate": "db-1"})]


def test_without_a_fence_it_waits_and_frees_nothing() -> None:
    with Play(lost(), etcd=store(), silent=("db-2",)) as play:
        play.frames = [play.frames[0]] * 4 + play.frames
        play.move_on()
        result = run(play)
    assert (result["changed"], result["lock_freed"], result["new_leader"]) == (True, False, "db-1")
    assert "requested" not in result["phases"]
    assert play.calls == []


def test_a_leader_that_comes_back_by_itself_is_unchanged() -> None:
    recording = frames("failover")
    with Play([recording[1]] * 4 + [recording[0]]) as play:
        play.move_on()
        result = run(play)
    assert (result["changed"], result["new_leader"]) == (False, "db-2")


def test_nobody_may_lead() -> None:
    recording = lost()
    for name in ("db-1", "db-3"):
        recording[0]["patroni"][name]["body"]["tags"] = {"nofailover": True}
    with (
        Play(recording, etcd=store(), silent=("db-2",)) as play,
        pytest.raises(RefusedError) as caught,
    ):
        run(play, fenced="db-2")
    assert caught.value.reason == "no_candidate"
    assert play.etcd == store()


@pytest.mark.parametrize(
    "doors,reason",
    [
        ([], "fence_unverified"),
        ([Door("REST API", "h", 8008, True)], "fence_not_effective"),
        (
            [Door("REST API", "h", 8008, False, "refused"), Door("PostgreSQL", "h", 5432, True)],
            "fence_not_effective",
        ),
        ([Door("REST API", "h", 8008, False, "name", "unknown name")], "fence_unverified"),
        ([Door("REST API", "h", 8008, False, "other", "reset")], "fence_unverified"),
        (
            [
                Door("REST API", "h", 8008, False, kind)
                for kind in ("refused", "timeout", "unreachable")
            ],
            None,
        ),
    ],
)
def test_what_proves_a_fence(doors: list[Door], reason: str | None) -> None:
    refused = fence_limitation("db-2", doors)
    assert (refused.reason if refused else None) == reason


def test_keys_and_namespace() -> None:
    assert keys_of("service", "demo", "x").leader == "/service/demo/leader"
    assert keys_of("/db/ha/", "demo", "x").member == "/db/ha/demo/members/x"


def test_only_a_forced_candidate_may_be_asynchronous() -> None:
    assert race_request("a", None, True) == {"leader": "a"}
    assert race_request("a", "b", True) == {"member": "b"}
