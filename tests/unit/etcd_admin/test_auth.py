"""What the modules etcd_auth, etcd_member and etcd_cluster_info do, against an etcd in memory."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin import auth, membership
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.client import (
    BAD_PASSWORD,
    EtcdCallError,
    EtcdCluster,
)
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.info import (
    cluster_info,
)
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.model import (
    Answer,
    Cluster,
    Member,
    RefusedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.http import HttpClient

PATRONI = {"name": "patroni", "password": "p1", "prefix": "/service/", "state": "present"}


class FakeEtcd(EtcdCluster):
    """Users, roles and members in memory; `fails_at` calls are refused as by a run that is cut short."""

    def __init__(self, members: Sequence[str] = ("e1", "e2", "e3")) -> None:
        super().__init__(HttpClient(), ["https://e1:2379"])
        self.users: dict[str, str] = {}
        self.roles: dict[str, list[dict[str, str]]] = {}
        self.granted: dict[str, list[str]] = {}
        self.enabled = False
        self.calls: list[str] = []
        self.fails_at, self.says = "", "cut short"
        self.down: set[str] = set()
        self.members = tuple(
            Member(str(n), name, (f"https://{name}:2380",), (f"https://{name}:2379",))
            for n, name in enumerate(members, 1)
        )

    def observe(self) -> Cluster:
        answers = tuple(
            Answer(m.peer_urls[0], m.id, "7", "1", serves=m.started and m.name not in self.down)
            for m in self.members
        )
        return Cluster(self.members, answers)

    def call(self, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        given: Mapping[str, Any] = body or {}
        if path == self.fails_at:
            raise EtcdCallError(path, self.says)
        if path == "/v3/auth/authenticate":
            return self.authenticate(given)
        if not path.endswith(("/list", "/get")):
            self.calls.append(path)
        name = path.removeprefix("/v3/").replace("/", "_").replace("cluster_", "")
        return getattr(self, name)(given) or {}

    def authenticate(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self.enabled:
            raise EtcdCallError("authenticate", "etcdserver: authentication is not enabled")
        if self.users.get(given["name"]) != given["password"]:
            raise EtcdCallError("authenticate", f"etcdserver: {BAD_PASSWORD}")
        return {"token": "t"}

    def auth_enable(self, _given: Any) -> None:
        assert "root" in self.granted["root"], "etcd demands a root user with the root role"
        self.enabled = True

    def auth_user_list(self, _given: Any) -> dict[str, Any]:
        return {"users": sorted(self.users)}

    def auth_role_list(self, _given: Any) -> dict[str, Any]:
        return {"roles": sorted(self.roles)}

    def auth_user_get(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {"roles": self.granted.get(given["name"], [])}

    def auth_role_get(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {"perm": self.roles[given["role"]]}

    def auth_user_add(self, given: Mapping[str, Any]) -> None:
        self.users[given["name"]] = given["password"]

    auth_user_changepw = auth_user_add

    def auth_user_delete(self, given: Mapping[str, Any]) -> None:
        del self.users[given["name"]]

    def auth_role_add(self, given: Mapping[str, Any]) -> None:
        self.roles[given["name"]] = []

    def auth_role_delete(self, given: Mapping[str, Any]) -> None:
        del self.roles[given["role"]]

    def auth_user_grant(self, given: Mapping[str, Any]) -> None:
        self.granted.setdefault(given["user"], []).append(given["role"])

    def auth_user_revoke(self, given: Mapping[str, Any]) -> None:
        self.granted[given["name"]].remove(given["role"])

    def auth_role_grant(self, given: Mapping[str, Any]) -> None:
        self.roles[given["name"]].append(given["perm"])

    def auth_role_revoke(self, given: Mapping[str, Any]) -> None:
        kept = [p for p in self.roles[given["role"]] if p["key"] != given["key"]]
        self.roles[given["role"]] = kept

    def member_add(self, given: Mapping[str, Any]) -> None:
        assert given["isLearner"] is True
        self.members += (Member("9", "", tuple(given["peerURLs"]), (), True),)

    def member_remove(self, given: Mapping[str, Any]) -> None:
        self.members = tuple(m for m in self.members if m.id != given["ID"])

    def member_promote(self, given: Mapping[str, Any]) -> None:
        self.members = tuple(
            replace(m, learner=False) if m.id == given["ID"] else m for m in self.members
        )


def set_up(etcd: FakeEtcd, check: bool = False, **given: Any) -> dict[str, Any]:
    params = {"root_password": "r1", "root_password_previous": None, "users": [PATRONI], **given}
    return auth.ensure(etcd, params, check)


def test_authentication_is_set_up_once() -> None:
    etcd = FakeEtcd()
    would = set_up(etcd, check=True)
    assert etcd.calls == []
    first = set_up(etcd)
    assert first["steps"] == would["steps"]
    assert etcd.enabled
    assert etcd.roles["patroni"] == [
        {"permType": "READWRITE", "key": "L3NlcnZpY2Uv", "range_end": "L3NlcnZpY2Uw"}
    ]
    assert set_up(etcd) == {"changed": False, "steps": []}


@pytest.mark.parametrize(
    "step",
    ["user/add", "user/grant", "role/add", "role/grant", "enable"],
)
def test_a_run_that_was_cut_short_is_continued(step: str) -> None:
    etcd = FakeEtcd()
    etcd.fails_at = f"/v3/auth/{step}"
    with pytest.raises(EtcdCallError):
        set_up(etcd)
    etcd.fails_at = ""
    assert set_up(etcd)["changed"]
    assert etcd.enabled
    assert etcd.users == {"root": "r1", "patroni": "p1"}
    assert not set_up(etcd)["changed"]


def test_a_changed_password_and_prefix_are_applied() -> None:
    etcd = FakeEtcd()
    set_up(etcd)
    changed = {**PATRONI, "password": "p2", "prefix": "/other/"}
    steps = set_up(etcd, users=[changed])["steps"]
    assert "change the password of patroni" in steps
    assert "revoke READWRITE of patroni" in steps
    assert not any("p2" in step for step in steps)
    assert etcd.users["patroni"] == "p2"
    assert not set_up(etcd, users=[changed])["changed"]


def test_root_gets_a_new_password_only_with_the_one_before() -> None:
    etcd = FakeEtcd()
    set_up(etcd)
    with pytest.raises(RefusedError) as refusal:
        set_up(etcd, root_password="r2")
    assert refusal.value.reason == "wrong_password"
    set_up(etcd, root_password="r2", root_password_previous="r1")
    assert etcd.users["root"] == "r2"


def test_a_user_is_taken_away() -> None:
    etcd = FakeEtcd()
    set_up(etcd)
    set_up(etcd, users=[{**PATRONI, "state": "absent", "password": None, "prefix": None}])
    assert sorted(etcd.users) == sorted(etcd.roles) == ["root"]


def member(etcd: FakeEtcd, check: bool = False, **given: Any) -> dict[str, Any]:
    params = {"peer_url": None, "empty": False, "wait_timeout": 1.0, **given}
    return membership.ensure(etcd, params, check)


def test_a_lost_member_is_replaced_as_a_learner_and_promoted() -> None:
    etcd = FakeEtcd()
    etcd.down = {"e3"}
    wish: dict[str, Any] = {"name": "e3", "peer_url": "https://e3:2380"}
    assert len(member(etcd, check=True, **wish, state="listed", empty=True)["steps"]) == 2
    assert etcd.calls == []
    listed = member(etcd, **wish, state="listed", empty=True)
    assert etcd.calls == ["/v3/cluster/member/remove", "/v3/cluster/member/add"]
    assert listed["initial_cluster"].endswith("e3=https://e3:2380")
    # A run that was cut short here finds it listed and does not add it again.
    assert not member(etcd, **wish, state="listed", empty=True)["changed"]
    assert member(etcd, **wish, state="present")["changed"]
    assert not member(etcd, **wish, state="present")["changed"]


def test_a_healthy_member_is_not_taken_off_while_others_are_lost() -> None:
    etcd = FakeEtcd(("e1", "e2", "e3", "e4", "e5"))
    etcd.down = {"e4", "e5"}
    member(etcd, name="e5", state="absent")
    member(etcd, name="e1", state="absent")  # e2 and e3 are a quorum of the three that are left
    with pytest.raises(RefusedError) as refusal:
        member(etcd, name="e2", state="absent")
    assert refusal.value.reason == "quorum_would_be_lost"


def test_a_change_is_tried_again_while_the_members_are_hardly_connected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    etcd = FakeEtcd()
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        etcd.fails_at = ""

    monkeypatch.setattr(time, "sleep", pause)
    etcd.fails_at, etcd.says = "/v3/cluster/member/add", "etcdserver: unhealthy cluster"
    assert member(etcd, name="e4", peer_url="https://e4:2380", state="listed")["changed"]
    assert pauses == [1.0]


def test_waiting_says_what_is_missing() -> None:
    etcd = FakeEtcd()
    assert cluster_info(etcd, "all", "", 0.0)["problems"] == []
    etcd.down = {"e3"}
    assert cluster_info(etcd, "spare", "e3", 0.0)["has_quorum"]
    with pytest.raises(RefusedError) as refusal:
        cluster_info(etcd, "spare", "e1", 0.0)
    assert refusal.value.reason == "quorum_at_risk"
    with pytest.raises(RefusedError) as refusal:
        cluster_info(etcd, "all", "", 0.0)
    assert "not serving: e3" in refusal.value.message
