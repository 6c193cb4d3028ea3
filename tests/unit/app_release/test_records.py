"""Revisions: as Secrets and back, which one is good, and which are no longer needed."""

from __future__ import annotations

import base64
import gzip
import json
import random
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.app_release import records
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import Target
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.records import (
    FAILED,
    GOOD,
    KEPT,
    ROLLED_BACK,
    RUNNING,
    Kept,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

from tests.unit.app_release.samples import deployment, front, kept, target

WORDS = "".join(random.Random(4).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=2_000_000))


def secret(each: Kept) -> dict[str, Any]:
    """A revision as the API gives it back."""
    made: dict[str, Any] = json.loads(json.dumps(records.secret(each, "nx")))
    return made


@pytest.mark.parametrize(
    "what",
    [
        target("1"),
        target("1", deployment(), front()),
        Target("1", image="r/sale:1", template={"spec": {"containers": [{"name": "ü"}]}}),
    ],
)
def test_a_revision_comes_back_as_it_was_written(what: Target) -> None:
    back = Target("0", image="r/sale:0", template={"spec": {}})
    for before in (None, back):
        whole = kept(
            7, "1", target=what, back=before, by="jane", reason="slow", soak={"seconds": 5}
        )
        found = records.parse(secret(whole))
        assert found == whole
        assert found.target.checksum == what.checksum


def test_a_revision_is_found_by_its_label_and_named_by_its_number() -> None:
    body = secret(kept(7, "1"))
    assert body["metadata"] == {
        "name": "release-sale-7",
        "namespace": "nx",
        "labels": {records.SERVICE: "sale"},
    }
    assert body["type"] == records.TYPE


def test_a_revision_of_a_time_before_what_ran_was_kept_is_read() -> None:
    body = secret(kept(1, "1"))
    body["data"]["target"] = packed({"manifests": [], "template": None})
    assert records.parse(body).back is None


def test_what_no_secret_takes_is_refused_with_the_way_out() -> None:
    large = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"a": WORDS},
    }
    with pytest.raises(KubeError, match="bring large ConfigMaps by kube_apply") as refused:
        records.secret(kept(1, "1", target=target("1", large)), "nx")
    assert refused.value.reason == "too_large"


def packed(whole: Any) -> str:
    data = gzip.compress(json.dumps(whole).encode())
    return base64.b64encode(data).decode()


def text(whole: Any) -> str:
    return base64.b64encode(json.dumps(whole).encode()).decode()


WHOLE = base64.b64decode(secret(kept(1, "1"))["data"]["target"])
CUT = base64.b64encode(WHOLE[:-20]).decode()
FLIPPED = base64.b64encode(WHOLE[:12] + bytes([WHOLE[12] ^ 0xFF]) + WHOLE[13:]).decode()
RECORD = json.loads(base64.b64decode(secret(kept(1, "1"))["data"]["record"]))


@pytest.mark.parametrize(
    "damage",
    [
        {"record": "!"},
        {"record": text([1])},
        {"record": text({"service": "sale"})},
        {"record": text({**RECORD, "x": 1})},
        {"target": "!"},
        {"target": base64.b64encode(b"abcd").decode()},
        {"target": CUT},
        {"target": FLIPPED},
        {"target": packed([])},
        {"target": packed({"manifests": [{"body": {}}], "template": None})},
        {"target": None},
    ],
)
def test_what_is_no_revision_is_named(damage: dict[str, Any]) -> None:
    body = secret(kept(1, "1"))
    body["data"].update(damage)
    with pytest.raises(
        KubeError, match=r"Secret release-sale-1 in nx is no revision .* Remove it"
    ) as bad:
        records.parse(body)
    assert bad.value.reason == "bad_history"


def test_a_secret_without_data_is_no_revision() -> None:
    body = secret(kept(1, "1"))
    del body["data"]
    with pytest.raises(KubeError, match="is no revision"):
        records.parse(body)


def test_the_last_good_one_is_the_newest_that_stayed() -> None:
    known = [kept(3, "3", ROLLED_BACK), kept(1, "1"), kept(2, "2"), kept(4, "4", RUNNING)]
    good = records.last_good(known)
    assert good
    assert good.revision.number == 2
    other = records.last_good(known, other_than=target("2").checksum)
    assert other
    assert other.revision.number == 1
    assert records.last_good([kept(1, "1", FAILED)]) is None
    newest = records.latest(known)
    assert newest
    assert newest.revision.number == 4


def test_what_is_surplus_are_the_oldest_but_never_the_last_good_one() -> None:
    known = [kept(number, str(number)) for number in range(1, KEPT + 4)]
    assert [each.number for each in records.surplus(known)] == [3, 2, 1]
    bad = [kept(2, "2"), *(kept(n, str(n), ROLLED_BACK) for n in range(3, KEPT + 5)), kept(1, "1")]
    assert [each.number for each in records.surplus(bad)] == [4, 3]
    assert records.surplus(known[:KEPT]) == []


def test_the_way_back_is_kept_however_often_was_tried_in_vain() -> None:
    tries = [kept(number, str(number), ROLLED_BACK) for number in range(2, KEPT + 2)]
    known = [kept(0, "0"), kept(1, "1"), *tries, kept(KEPT + 2, "12")]
    assert [each.number for each in records.surplus(known)] == [2, 0]


def test_how_a_revision_ended_is_written_upon_it() -> None:
    one = kept(2, "2", RUNNING, began="2026-11-30T01:00:00Z", soak={"seconds": 5})
    ended = records.ended(one, GOOD).revision
    assert (ended.state, ended.began, ended.soak) == (GOOD, "2026-11-30T01:00:00Z", {"seconds": 5})
    assert ended.ended.endswith("Z")
    assert records.ended(one, FAILED, "slow", {"seconds": 9}).revision.soak == {"seconds": 9}
    assert records.ended(one, FAILED, "slow").revision.reason == "slow"


def test_what_it_is_does_not_depend_on_what_it_is_called() -> None:
    one, other = (
        target("1", deployment()),
        Target("2", target("1", deployment()).manifests, "r/sale:1"),
    )
    assert one.checksum == other.checksum
    assert one.checksum != target("1", deployment("r/sale:2")).checksum
    assert target("1").checksum != target("2").checksum
