"""What differs between two states of an object, in words."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.changes import (
    LONGEST,
    MOST,
    changes,
)

ABSENT: Any = None
Fields = dict[str, Any]


def body(fields: dict[str, Any], **owned: Any) -> dict[str, Any]:
    """An object whose fields are owned as ``manager={"f:spec": …}`` says."""
    entries = [{"manager": name, "fieldsV1": tree} for name, tree in owned.items()]
    return {
        "apiVersion": "v1",
        "kind": "X",
        "metadata": {"name": "x", "managedFields": entries},
        **fields,
    }


def spec(before: Any, after: Any) -> list[str]:
    """Changes between two specs that nobody owns."""
    states = [body({} if value is ABSENT else {"spec": value}) for value in (before, after)]
    return changes(states[0], states[1], "groundwork")


def test_an_edited_field_names_both_values_and_who_edited_it() -> None:
    hard: Fields = {"f:spec": {"f:hard": {"f:pods": {}}}}
    before = body({"spec": {"hard": {"pods": "40", "cpu": "2"}}}, edit=hard, groundwork={})
    after = body({"spec": {"hard": {"pods": "20", "cpu": "2"}}}, groundwork=hard)
    assert changes(before, after, "groundwork") == ["spec.hard.pods: 40 → 20 (by edit)"]


def test_of_our_own_field_nobody_is_named() -> None:
    hard: Fields = {"f:spec": {"f:hard": {"f:pods": {}}}}
    states = [body({"spec": {"hard": {"pods": number}}}, groundwork=hard) for number in "12"]
    assert changes(states[0], states[1], "groundwork") == ["spec.hard.pods: 1 → 2"]


@pytest.mark.parametrize(
    "before,after,told",
    [
        ({"a": 1}, {}, "spec.a: 1 → (none)"),
        ({}, {"a": {"b": [1]}}, 'spec.a: (none) → {"b": [1]}'),
        ({"a": 1}, {"a": True}, "spec.a: 1 → true"),
        ({"a": "1"}, {"a": 1}, 'spec.a: "1" → 1'),
        ({"a": "x\ny"}, {"a": ""}, 'spec.a: "x\\ny" → ""'),
        ({"a": [1, 2]}, {"a": [2]}, "spec.a: [1, 2] → [2]"),
        (ABSENT, {"a": 1}, 'spec: (none) → {"a": 1}'),
    ],
)
def test_values_as_they_are_shown(before: Any, after: Any, told: str) -> None:
    assert spec(before, after) == [told]


def test_items_of_a_list_are_told_by_their_keys() -> None:
    key = 'k:{"name":"c"}'
    image: Fields = {"f:spec": {"f:containers": {key: {".": {}, "f:name": {}, "f:image": {}}}}}
    added: Fields = {"f:spec": {"f:containers": {'k:{"name":"mesh"}': {".": {}, "f:name": {}}}}}
    before = body(
        {"spec": {"containers": [{"name": "mesh"}, {"name": "c", "image": "a"}]}}, a=added
    )
    before["metadata"]["managedFields"].append({"manager": "set", "fieldsV1": image})
    after = body({"spec": {"containers": [{"name": "c", "image": "b"}]}}, groundwork=image)
    assert changes(before, after, "groundwork") == [
        "spec.containers[name=c].image: a → b (by set)",
        'spec.containers[name=mesh]: {"name": "mesh"} → (none) (by a)',
    ]


def test_below_a_field_that_is_owned_as_a_whole_its_owner_is_named() -> None:
    owned: Fields = {"f:spec": {"f:selector": {}}}
    before = body({"spec": {"selector": {"app": "a"}}}, edit=owned)
    after = body({"spec": {"selector": {"app": "b"}}})
    assert changes(before, after, "groundwork") == ["spec.selector.app: a → b (by edit)"]


def test_of_long_values_the_part_that_differs_is_shown() -> None:
    (told,) = spec({"text": "x" * 500 + "old" + "y" * 500}, {"text": "x" * 500 + "new"})
    assert told == f"spec.text: …{'x' * 15}old{'y' * (LONGEST - 18)}… → …{'x' * 15}new"
    (told,) = spec({"text": "x" * 500}, {"text": "x" * 501})
    assert told == f"spec.text: …{'x' * 15} → …{'x' * 16}"


def test_only_so_many_are_named() -> None:
    told = spec({}, {f"key{number:02}": number for number in range(MOST + 5)})
    assert len(told) == MOST + 1
    assert told[-1] == "and 5 more"


def test_of_a_secret_no_value_is_shown() -> None:
    data: Fields = {"f:data": {"f:password": {}}}
    before = {
        **body({"data": {"password": "b2xk", "gone": "Z29uZQ=="}}, edit=data),
        "kind": "Secret",
    }
    after = {**body({"data": {"password": "bmV3", "more": "bW9yZQ=="}}), "kind": "Secret"}
    assert changes(before, after, "groundwork") == [
        "data.gone: (hidden) → (none)",
        "data.more: (none) → (hidden)",
        "data.password: (hidden, the old value) → (hidden, the new value) (by edit)",
    ]


def test_what_only_the_server_writes_is_no_change() -> None:
    before, after = body({"status": {"a": 1}}), body({"status": {"a": 2}})
    after["metadata"] |= {"resourceVersion": "9", "generation": 4}
    assert changes(before, after, "groundwork") == ["no value, only who manages its fields"]
