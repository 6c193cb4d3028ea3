"""YAML as Kubernetes reads it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.yaml_text import documents


def one(text: str) -> Any:
    ((value, _line),) = documents(text, "f.yml")
    return value


@pytest.mark.parametrize(
    "text,value",
    [
        # What sigs.k8s.io/yaml makes of them; PyYAML makes 90, a date and a text of the first three.
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1e3", 1000.0),
        ("0777", 511),
        ("0x1F", 31),
        ("1_000", 1000),
        ("-3", -3),
        ("0", 0),
        ("08", 8),
        ("1.5", 1.5),
        ("500m", "500m"),
        ("1.2.3", "1.2.3"),
        ("yes", True),
        ("Off", False),
        ("'yes'", "yes"),
        ("~", None),
        ("", None),
        ("!!str 5", "5"),
        ("|\n  text\n", "text\n"),
    ],
)
def test_plain_scalars(text: str, value: Any) -> None:
    found = one(f"key: {text}\n")["key"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_texts() -> None:
    assert one("1: a\n'no': b\n8080: c\n") == {"1": "a", "no": "b", "8080": "c"}


def test_documents_that_are_empty_are_left_out_and_lines_are_kept() -> None:
    text = "# only words\n---\na: 1\n---\n---\n\nb: 2\n"
    assert list(documents(text, "f.yml")) == [({"a": 1}, 3), ({"b": 2}, 7)]


def test_anchors_are_merged() -> None:
    assert one("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\n")["d"] == {"b": 1, "c": 3}


@pytest.mark.parametrize(
    "text,message",
    [
        ("data:\n  N: x\n", "f.yml:2:3: N without quotes"),
        ("data:\n  no: x\n", "f.yml:2:3: no without quotes"),
        ("a: y\n", "f.yml:1:4: y without quotes"),
        ("a: [1, 2\n", "f.yml:2:1: did not find expected ',' or ']'"),
        ("a: 1\nb: 2\na: 3\n", "f.yml:3:1: the key a is there twice"),
        ("a: b: c\n", "f.yml:1:5: mapping values are not allowed"),
        ("? [1, 2]\n: x\n", "f.yml:1:3: a key is a list or a mapping"),
        ("a: !vault x\n", "f.yml:1:4: could not determine a constructor for the tag '!vault'"),
    ],
)
def test_what_is_refused_names_file_line_and_column(text: str, message: str) -> None:
    with pytest.raises(KubeError) as caught:
        list(documents(text, "f.yml"))
    assert caught.value.reason == "malformed_yaml"
    assert str(caught.value).startswith(message)
