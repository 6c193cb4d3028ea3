"""Descriptions of components: merged with their definitions, and refused where they cannot work."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.components.merge import merged
from ansible_collections.groundwork.platform.plugins.module_utils.components.model import (
    Component,
    Source,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.problems import (
    refuse,
    wrong,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

CHART = {"chart": "web", "repository": "https://charts.example.org", "version": "1.0.0"}
DEFINITION: dict[str, Any] = {
    "description": "For people",
    "notes": "For people",
    "tried": "run",
    "pinned": True,
    "namespace": "web",
    "needs": ["a"],
    "source": CHART,
    "values": {"replicas": 1, "image": {"tag": "1", "name": "web"}, "list": [1, 2]},
    "wait": {"timeout": 300, "conditions": {"Gateway": "Programmed"}},
}


def test_own_words_stand_over_the_definition_key_by_key() -> None:
    own = {
        "name": "web",
        "needs": ["b"],
        "values": {"image": {"tag": "2"}, "list": [3]},
        "wait": {"timeout": 600},
        "namespace": None,
    }
    assert merged(DEFINITION, own) == {
        "name": "web",
        "namespace": "web",
        "needs": ["b"],
        "source": CHART,
        "values": {"replicas": 1, "image": {"tag": "2", "name": "web"}, "list": [3]},
        "wait": {"timeout": 600, "conditions": {"Gateway": "Programmed"}},
    }
    assert DEFINITION["values"]["image"]["tag"] == "1"


@pytest.mark.parametrize(
    "own, source",
    [
        ({"version": "2.0.0"}, {**CHART, "version": "2.0.0"}),
        ({"path": "charts/web"}, {"path": "charts/web"}),
        ({"chart": "oci://example.org/web"}, {"chart": "oci://example.org/web"}),
    ],
)
def test_a_version_alone_changes_the_source_and_another_place_replaces_it(
    own: dict[str, str], source: dict[str, str]
) -> None:
    assert merged(DEFINITION, {"name": "web", "source": own})["source"] == source


def test_a_definition_may_have_no_source_but_its_template() -> None:
    assert merged({"source": "none"}, {"name": "web"}) == {"name": "web"}
    own = {"name": "web", "source": {"path": "x"}}
    assert merged({"source": "none"}, own)["source"] == {"path": "x"}


def told(*components: Component, known: tuple[str, ...] = (), helm: str | None = "helm") -> str:
    with pytest.raises(KubeError) as caught:
        refuse(list(wrong(components, known, helm)))
    return f"{caught.value.reason}: {caught.value}"


def component(name: str, *needs: str, **more: Any) -> Component:
    return Component(**{"name": name, "needs": needs, "manifests": ("x",), **more})


def test_all_problems_are_told_at_once_and_counted() -> None:
    message = told(
        component("a", "b"),
        component("b", "a"),
        component("b", "a"),
        component("c", "cert-manger"),
        component("cert-manager"),
        component("off", enabled=False),
        component("d", "off"),
        component("isuers", manifests=()),
        known=("issuers", "kyverno"),
    )
    assert message.startswith("twice: 5 problems:\n1. b is there twice.\n")
    for words in (
        "a → b → a: each needs the next",
        "c needs cert-manger, which is not there: did you mean cert-manager?",
        "d needs off, which is not enabled. Enable it, or disable both.",
        "the catalogue has no isuers (the nearest are issuers).",
    ):
        assert words in message
    assert message.endswith("\nNothing was changed.")
    assert message.count("Nothing was changed") == 1


@pytest.mark.parametrize(
    "source, reason, words",
    [
        (Source(chart="web"), "bad_source", "chart web without repository"),
        (Source(path="x", kustomize="y"), "bad_source", "names path and kustomize"),
        (Source(manifests=("x",)), "bad_source", "values are for charts"),
    ],
)
def test_a_source_that_cannot_be_is_refused(source: Source, reason: str, words: str) -> None:
    message = told(component("web", source=source, values={"a": 1}))
    assert message.startswith(f"{reason}: web: ")
    assert words in message


def test_helm_is_asked_for_by_who_needs_it_alone() -> None:
    charts = [component(name, source=Source(path="x")) for name in ("one", "two")]
    message = told(*charts, component("three"), helm=None)
    assert message.startswith("missing_program: one, two are rendered by helm, which is not there.")
    assert not list(wrong([component("three")], (), None))
    others = [component("one", source=Source(path="x"), owner="argocd")]
    assert not list(wrong(others, (), None))


@pytest.mark.parametrize("name", ["Web", "web_1", "-web", "w" * 54, ""])
def test_a_name_that_no_release_can_have_is_refused(name: str) -> None:
    assert told(component(name)).startswith("bad_name: ")


def test_an_unknown_component_without_a_near_name_gets_all_names() -> None:
    message = told(component("zzz", manifests=()), known=("kyverno", "cnpg"))
    assert "the catalogue has no zzz (there are cnpg, kyverno)." in message
