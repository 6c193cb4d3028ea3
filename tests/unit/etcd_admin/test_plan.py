"""What is decided about membership, and the quorum's arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.auth import (
    permission,
    range_end,
)
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.client import (
    parse_members,
    parse_status,
)
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.model import (
    Answer,
    Cluster,
    Member,
    RefusedError,
    check_removal,
    describe,
    problems,
    quorum,
    survives_without,
)
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.plan import (
    Host,
    make_plan,
)


def url(number: int) -> str:
    return f"https://10.0.0.{number}:2380"


def host(number: int, has_data: bool | None = True, bootstrapping: bool | None = False) -> Host:
    return Host(f"e{number}", url(number), has_data, bootstrapping)


def cluster(count: int, down: tuple[int, ...] = (), learner: int = 0) -> Cluster:
    members = tuple(
        Member(str(n), f"e{n}", (url(n),), (f"https://10.0.0.{n}:2379",), n == learner)
        for n in range(1, count + 1)
    )
    quorate = count - len(down) >= quorum(count)
    answers = tuple(
        Answer(f"https://10.0.0.{n}:2379", str(n), "7", "1", serves=quorate and n not in down)
        for n in range(1, count + 1)
    )
    return Cluster(members, answers)


def plan(look: Cluster | None, hosts: list[Host], *remove: str) -> dict[str, Any]:
    return make_plan(describe(look) if look else {}, hosts, remove).to_dict()


@pytest.mark.parametrize("voters, needed", [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)])
def test_quorum(voters: int, needed: int) -> None:
    assert quorum(voters) == needed


@pytest.mark.parametrize(
    "count, down, name, holds",
    [
        (1, (), "e1", True),  # nothing can be done about it
        (3, (), "e2", True),
        (3, (3,), "e2", False),
        (3, (3,), "e3", True),  # the lost one itself
        (5, (5,), "e1", True),
        (5, (4, 5), "e1", False),
        (2, (), "e1", False),
    ],
)
def test_restart(count: int, down: tuple[int, ...], name: str, holds: bool) -> None:
    assert survives_without(cluster(count, down), name) is holds


@pytest.mark.parametrize(
    "count, down, number, code",
    [
        (3, (), 1, ""),
        (3, (3,), 3, ""),
        (3, (3,), 2, "quorum_would_be_lost"),
        (2, (), 2, ""),
        (1, (), 1, "last_member"),
        (3, (2, 3), 3, "no_quorum"),
    ],
)
def test_removal(count: int, down: tuple[int, ...], number: int, code: str) -> None:
    look = cluster(count, down)
    if not code:
        check_removal(look, look.members[number - 1])
        return
    with pytest.raises(RefusedError) as refusal:
        check_removal(look, look.members[number - 1])
    assert refusal.value.reason == code


def test_problems_are_told() -> None:
    assert problems(cluster(3)) == []
    assert problems(cluster(3, down=(3,))) == ["not serving: e3"]
    assert any("not promoted" in told for told in problems(cluster(3, learner=3)))
    assert any("no endpoint serves" in told for told in problems(cluster(3, down=(2, 3))))


def test_nobody_has_data_so_a_cluster_is_begun() -> None:
    found = plan(None, [host(1, False), host(2, False), host(3, False)])
    assert (found["action"], found["bootstrap"]) == ("bootstrap", ["e1", "e2", "e3"])


def test_a_first_start_that_was_cut_short_goes_on() -> None:
    found = plan(None, [host(1, True, True), host(2, False), host(3, False)])
    assert found["action"] == "bootstrap"


def test_a_first_start_needs_a_majority_in_the_play() -> None:
    found = plan(None, [host(1, False), host(2, None), host(3, None)])
    assert [r["reason"] for r in found["refusals"]] == ["members_missing"]


def test_no_new_cluster_beside_data_without_a_quorum() -> None:
    found = plan(None, [host(1), host(2, False), host(3, False)])
    assert [r["reason"] for r in found["refusals"]] == ["no_quorum"]


def test_a_rebuilt_host_joins() -> None:
    found = plan(cluster(3, down=(3,)), [host(1), host(2), host(3, False)])
    assert (found["action"], found["join"], found["refusals"]) == ("change", ["e3"], [])


def test_a_learner_that_was_left_goes_on() -> None:
    assert plan(cluster(3, learner=3), [host(1), host(2), host(3)])["join"] == ["e3"]


def test_nothing_to_do_also_where_a_host_cannot_be_asked() -> None:
    assert plan(cluster(3), [host(1), host(2), host(3, None)])["action"] == "none"


def test_a_member_that_left_the_group_goes_only_by_name() -> None:
    hosts = [host(1), host(2), host(4, False)]
    found = plan(cluster(3), hosts)
    assert [r["reason"] for r in found["refusals"]] == ["unknown_member"]
    found = plan(cluster(3), hosts, "e3")
    assert (found["join"], found["remove"], found["refusals"]) == (["e4"], ["e3"], [])


def test_data_of_another_cluster_is_not_touched() -> None:
    found = plan(cluster(3), [host(1), host(2), host(3), host(4)])
    assert [r["reason"] for r in found["refusals"]] == ["foreign_data"]


@pytest.mark.parametrize("prefix, end", [("/service/", b"/service0"), ("a", b"b"), ("", b"\x00")])
def test_range_end(prefix: str, end: bytes) -> None:
    assert range_end(prefix) == end


def test_permission_is_what_the_gateway_returns() -> None:
    assert permission("/service/") == ("READWRITE", "L3NlcnZpY2Uv", "L3NlcnZpY2Uw")


def test_answers_of_the_gateway() -> None:
    status = {
        "header": {"cluster_id": "9", "member_id": "5", "raft_term": "4"},
        "version": "3.5.16",
        "dbSize": "20480",
        "leader": "5",
        "raftTerm": "4",
    }
    answer = parse_status("https://a", status, True, "")
    assert (answer.member_id, answer.db_size, answer.raft_term) == ("5", 20480, 4)
    listed = {"members": [{"ID": "5", "peerURLs": ["https://a:2380"], "isLearner": True}]}
    (member,) = parse_members(listed)
    assert (member.learner, member.started, member.name) == (True, False, "")
