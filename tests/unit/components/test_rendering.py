"""What charts are told, what they give, which hooks count, and what they make up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.components.charts import (
    api_versions,
    from_chart,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.downloads import (
    is_exact,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.hooks import (
    sift,
    stages,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.unsteady import (
    keeping,
    made_up,
    shown,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import (
    Kind,
    Manifest,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import plan

from tests.unit.components.samples import VERBS, catalogue, definition, manifest

HOOK, WEIGHT = "helm.sh/hook", "helm.sh/hook-weight"


def hook(names: str, name: str, weight: str = "0", **body: Any) -> Manifest:
    return manifest(name=name, annotations={HOOK: names, WEIGHT: weight}, **body)


def test_hooks_that_are_no_part_of_an_install_are_left_out_and_named() -> None:
    kept, left_out = sift(
        [
            manifest(name="plain"),
            hook("pre-install, pre-upgrade", "both"),
            hook("post-install", "after"),
            hook("pre-upgrade", "upgrade"),
            hook("test", "smoke"),
            hook("pre-delete,post-delete", "cleanup"),
        ]
    )
    assert [entry.name for entry in kept] == ["plain", "both", "after"]
    assert left_out == [
        "ConfigMap upgrade (pre-upgrade)",
        "ConfigMap smoke (test)",
        "ConfigMap cleanup (post-delete, pre-delete)",
    ]


def test_a_hooks_job_stays_as_the_mark_that_it_has_run() -> None:
    spec = {"ttlSecondsAfterFinished": 0, "backoffLimit": 1}
    job = hook("pre-install", "j", kind="Job", api_version="batch/v1", spec=spec)
    plain = manifest("Job", "p", "batch/v1", spec=spec)
    kept, _left_out = sift([job, plain])
    assert kept[0].body["spec"] == {"backoffLimit": 1}
    assert kept[1].body["spec"] == spec


def test_stages_are_those_of_helm() -> None:
    wanted = [
        hook("post-install", "late", "5"),
        hook("pre-install", "second", "2"),
        hook("pre-install", "first", "-1"),
        hook("post-install", "early", "nonsense"),
        manifest(name="plain"),
        definition(),
    ]
    items = plan(wanted, catalogue(), "n", None).items
    found = [([item.key.name for item in stage.items], stage.hooks) for stage in stages(items)]
    assert found == [
        (["things.example.org"], False),
        (["first"], True),
        (["second"], True),
        (["plain"], False),
        (["early"], True),
        (["late"], True),
    ]


def test_without_hooks_there_is_one_stage() -> None:
    items = plan([manifest(), definition()], catalogue(), "n", None).items
    (stage,) = stages(items)
    assert stage.items == items
    assert not stage.hooks


def test_a_chart_is_told_of_kinds_that_do_not_depend_on_who_was_faster() -> None:
    def served(group: str, plural: str, kind: str) -> Resource:
        return Resource(Kind(f"{group}/v1", kind), plural, True, VERBS)

    cluster = catalogue(
        served("provider.example.com", "volumes", "Volume"),
        served("monitoring.example.com", "monitors", "Monitor"),
    )
    foreign = {"monitors.monitoring.example.com"}
    brought = [Kind("example.org/v1", "Thing")]
    told = api_versions(cluster, foreign, brought)
    assert {entry for entry in told if "k8s.io" not in entry} == {
        "example.org/v1",
        "example.org/v1/Thing",
        "provider.example.com/v1",
        "provider.example.com/v1/Volume",
    }
    # Where the other component has not been installed yet, the answer is the same.
    missing = replace(
        cluster,
        resources={
            kind: resource for kind, resource in cluster.resources.items() if kind.name != "Monitor"
        },
    )
    assert api_versions(missing, foreign, brought) == told


def test_an_object_of_a_chart_is_named_by_its_template() -> None:
    text = (
        "---\n# Source: web/crds/a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
        "---\n# Source: web/templates/b.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n"
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
    )
    assert [entry.source for entry in from_chart(text, "web")] == [
        "web: web/crds/a.yaml",
        "web: web/templates/b.yaml",
        "web: web/templates/b.yaml",
    ]


@pytest.mark.parametrize(
    "version, exact",
    [
        ("1.2.3", True),
        ("v1.2.3", True),
        ("1.2.3-rc.1+build.5", True),
        ("1.2", False),
        ("^1.2.3", False),
        (">=1.2.3", False),
        ("1.2.x", False),
        ("", False),
    ],
)
def test_exact_versions(version: str, exact: bool) -> None:
    assert is_exact(version) is exact


def secret(password: str, **more: Any) -> Manifest:
    return manifest("Secret", "s", stringData={"password": password, "user": "u"}, **more)


def test_what_a_chart_makes_up_is_found_and_the_clusters_is_kept() -> None:
    first = [secret("one"), manifest(data={"sum": "1", "same": "x"})]
    second = [secret("two"), manifest(data={"sum": "2", "same": "x"})]
    found = made_up(first, second)
    assert {key.name: [shown(place) for place in places] for key, places in found.items()} == {
        "s": ["data.password"],
        "c": ["data.sum"],
    }
    assert "one" not in str(found)
    live = {"data": {"sum": "0", "same": "y"}}
    kept = keeping(first[1], live, found[first[1].key])
    assert kept.body["data"] == {"sum": "0", "same": "x"}
    assert first[1].body["data"]["sum"] == "1"
    # What the cluster does not have comes from the chart.
    assert keeping(first[1], {"data": {}}, found[first[1].key]).body == first[1].body


def test_values_in_lists_are_kept_by_their_place() -> None:
    def hooks(*bundles: str) -> Manifest:
        return manifest(webhooks=[{"name": "a", "ca": bundle} for bundle in bundles])

    found = made_up([hooks("x", "same")], [hooks("y", "same")])
    (places,) = found.values()
    assert places == (("webhooks", 0, "ca"),)
    live = {"webhooks": [{"name": "a", "ca": "live"}]}
    assert keeping(hooks("x", "same"), live, places).body["webhooks"] == [
        {"name": "a", "ca": "live"},
        {"name": "a", "ca": "same"},
    ]
    # Another number of items: the list as a whole.
    (places,) = made_up([hooks("x")], [hooks("y", "z")]).values()
    assert places == (("webhooks",),)


def test_a_chart_that_gives_other_objects_each_time_is_refused() -> None:
    with pytest.raises(KubeError, match="ConfigMap a-1, ConfigMap a-2") as caught:
        made_up([manifest(name="a-1")], [manifest(name="a-2")])
    assert caught.value.reason == "unsteady"
