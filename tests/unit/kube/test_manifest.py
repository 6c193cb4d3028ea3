"""Manifests from files, texts and values, and the order of their kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.kinds import wave
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import (
    Kind,
    from_files,
    from_text,
    from_value,
)

CONFIG: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.yml", "a.yaml", "sub/c.json", "notes.txt"):
        (tmp_path / name).write_text(
            f'{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "{Path(name).stem}"}}}}'
        )
    found = list(from_files([str(tmp_path)]))
    assert [item.name for item in found] == ["a", "b", "c"]
    assert found[0].source == f"{tmp_path}/a.yaml:1"


def test_lists_are_taken_apart() -> None:
    nested = {"apiVersion": "v1", "kind": "List", "items": [CONFIG, CONFIG]}
    assert [item.source for item in from_value([nested, CONFIG], "x")] == [
        "x, item 1, item 1",
        "x, item 1, item 2",
        "x, item 2",
    ]


def test_metadata_that_is_null_is_not_there() -> None:
    (found,) = from_value({**CONFIG, "metadata": {"name": "c", "annotations": None}}, "x")
    assert found.body["metadata"] == {"name": "c"}


@pytest.mark.parametrize(
    "value,message",
    [
        ("text", "x: a manifest is a mapping, not str 'text'."),
        ({"kind": "ConfigMap"}, "x: no apiVersion."),
        ({"apiVersion": "v1", "kind": ""}, "x: no kind."),
        ({**CONFIG, "metadata": []}, "x: a ConfigMap without metadata.name."),
        ({**CONFIG, "metadata": {"generateName": "c-"}}, "x: a ConfigMap without metadata.name."),
        ({**CONFIG, "data": {False: "x"}}, "x: the key bool 'False' is no text."),
    ],
)
def test_what_is_no_manifest_is_refused_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(KubeError) as caught:
        list(from_value(value, "x"))
    assert caught.value.reason == "malformed_manifest"
    assert str(caught.value).startswith(message)


def test_files_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KubeError, match="is no file and no folder") as caught:
        list(from_files([str(tmp_path / "nothing")]))
    assert caught.value.reason == "no_such_file"
    with pytest.raises(KubeError, match="holds no file that ends in") as caught:
        list(from_files([str(tmp_path)]))
    assert caught.value.reason == "no_manifests"


def test_a_text_may_hold_many() -> None:
    text = "\n---\n".join(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p{n}}}" for n in range(3))
    assert [item.source for item in from_text(text, "t")] == ["t:1", "t:5", "t:9"]


def test_who_is_needed_comes_first() -> None:
    order = [
        ("v1", "Namespace"),
        ("v1", "Secret"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding"),
        ("apps/v1", "Deployment"),
        ("networking.k8s.io/v1", "Ingress"),
        ("apiregistration.k8s.io/v1", "APIService"),
        ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
        ("serving.knative.dev/v1", "Service"),
    ]
    waves = [wave(Kind(*kind)) for kind in order]
    assert waves == sorted(set(waves))
