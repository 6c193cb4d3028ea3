"""Components as parts of one plan: what they use of each other."""

from __future__ import annotations

from ansible_collections.groundwork.platform.plugins.module_utils.components.model import Component
from ansible_collections.groundwork.platform.plugins.module_utils.components.parts import (
    needs,
    take_apart,
)
from ansible_collections.groundwork.platform.plugins.module_utils.components.prepare import Rendered
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Manifest

from tests.unit.components.samples import catalogue, definition, manifest


def rendered(name: str, *manifests: Manifest, needs: tuple[str, ...] = ()) -> Rendered:
    return Rendered(Component(name, namespace="n", needs=needs), manifests)


def thing(name: str = "t", kind: str = "Thing") -> Manifest:
    return manifest(kind, name, "example.org/v1")


def test_who_uses_a_kind_or_a_namespace_needs_who_brings_it() -> None:
    parts, problems = take_apart(
        [
            rendered("user", thing()),
            rendered("guest", manifest(name="g").within("house")),
            rendered("definitions", definition(), needs=("first",)),
            rendered("first"),
            rendered("house", manifest("Namespace", "house")),
        ],
        catalogue(),
    )
    assert problems == []
    assert needs(parts) == {
        "user": ("definitions",),
        "guest": ("house",),
        "definitions": ("first",),
        "first": (),
        "house": (),
    }
    # All that a component applies carries its label.
    labels = parts[0].items[0].manifest.body["metadata"]["labels"]
    assert labels == {"groundwork.platform/inventory": "component-user"}


def test_two_that_use_each_other_are_refused_with_what_they_use() -> None:
    _parts, (problem,) = take_apart(
        [
            rendered("a", definition(kind="Thing"), thing("x", "Other")),
            rendered("b", definition(kind="Other"), needs=("a",)),
        ],
        catalogue(),
    )
    assert problem.reason == "cycle"
    assert str(problem) == (
        "a → b → a: each needs the next, so none of them can come first "
        "(a uses the kind Other of example.org, which b brings)."
    )


def test_problems_of_all_components_are_told_with_their_names() -> None:
    _parts, problems = take_apart(
        [
            rendered("a", manifest(name="same")),
            rendered("b", manifest(name="same")),
            rendered("c", thing()),
        ],
        catalogue(),
    )
    assert [problem.reason for problem in problems] == ["unknown_kind", "twice"]
    assert str(problems[0]).startswith("c: t.yml:1: the cluster knows no Thing at example.org/v1")
    assert "ConfigMap same in n is in same.yml:1 and in same.yml:1" in str(problems[1])


def checked(*check: dict[str, str], own: tuple[Manifest, ...] = ()) -> str:
    """The problem with a component's checks, where two groups have a kind Thing."""
    component = Component("c", namespace="n", verify=check)
    others = rendered("others", definition(), definition("example.com"))
    _parts, problems = take_apart([Rendered(component, own), others], catalogue())
    return "; ".join(map(str, problems))


def test_a_kinds_bare_name_means_the_components_own_or_the_only_one() -> None:
    check = {"kind": "Thing", "name": "t"}
    assert checked({"kind": "ConfigMap", "name": "c"}) == ""
    assert checked(check, own=(thing(),)) == ""
    assert checked({**check, "api_version": "example.com/v1"}) == ""
    assert checked(check) == (
        "c: verify: Thing is a kind of example.com and of example.org. Say which with api_version."
    )
    assert "knows no Foo, and no component brings it" in checked({"kind": "Foo", "name": "f"})
