"""One value of a YAML file is changed, and not a character beside it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.yaml_scalar import (
    find_image_tag,
    find_value,
    replaced,
    written,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

VALUES = """\
# Values of staging. Ünïcode before the place: 🚀
image:   {repository: registry.example/sale, tag: 1.2.3}   # in one line

services:
    payment-api:
        replicas: 3   # three zones
        image:
            tag: "1.10"  # text, not a number
    payment-worker:
        image: {tag: '2.0.0', pullPolicy: IfNotPresent}
    empty:
        tag:    # set by the release
    nothing: {tag: null}
    dotted.name: {tag: a1b2c3d4}
list:
- name: one
  tag: v1
-   name: two
    tag: v2
"""


def change(text: str, key: str, value: str) -> str:
    return replaced(text, find_value(text, key, "values.yaml"), value, "values.yaml")


def dig(data: Any, *keys: Any) -> Any:
    for key in keys:
        data = data[key]
    return data


@pytest.mark.parametrize(
    "key, keys, old",
    [
        ("image.tag", ("image", "tag"), "1.2.3"),
        ("services.payment-api.image.tag", ("services", "payment-api", "image", "tag"), "1.10"),
        ("services.payment-worker.image.tag", ("services", "payment-worker", "image", "tag"), "2.0.0"),
        ("services.empty.tag", ("services", "empty", "tag"), ""),
        ("services.nothing.tag", ("services", "nothing", "tag"), ""),
        (r"services.dotted\.name.tag", ("services", "dotted.name", "tag"), "a1b2c3d4"),
        ("list.1.tag", ("list", 1, "tag"), "v2"),
        ("services.payment-api.replicas", ("services", "payment-api", "replicas"), "3"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "value", ["4f1c9a70", "1.3.0", "12345678", "1e10", "off", "it's", "a: b # c"]
)
def test_only_the_value_changes(key: str, keys: tuple[Any, ...], old: str, value: str) -> None:
    scalar = find_value(VALUES, key, "values.yaml")
    assert scalar.value == old
    changed = change(VALUES, key, value)
    # What another reader finds there is a text, whatever it looks like.
    assert dig(yaml.safe_load(changed), *keys) == value
    before, after = VALUES.splitlines(), changed.splitlines()
    assert len(before) == len(after)
    (line,) = (
        number for number, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]
    )
    assert before[line].partition("#")[2] == after[line].replace(value, "").partition("#")[2]
    others = [text for number, text in enumerate(after) if number != line]
    assert others == [text for number, text in enumerate(before) if number != line]


@pytest.mark.parametrize(
    "key", ["image.tag", "services.payment-api.image.tag", "services.payment-api.replicas", "list.0.tag"]
)  # fmt: skip
def test_what_was_there_comes_back_as_it_was_written(key: str) -> None:
    raw = find_value(VALUES, key, "v").raw
    changed = change(VALUES, key, "9.9.9")
    assert written(changed, find_value(changed, key, "v"), raw, "v") == VALUES


def test_quotes_stay_or_come_where_a_number_would_be_read() -> None:
    assert "tag: 1.3.0}" in change(VALUES, "image.tag", "1.3.0")
    assert 'tag: "1.3"}' in change(VALUES, "image.tag", "1.3")
    assert "{tag: '3', pull" in change(VALUES, "services.payment-worker.image.tag", "3")
    assert '    tag: "1.3.0"  # text' in change(VALUES, "services.payment-api.image.tag", "1.3.0")
    assert "tag: 1.3.0    # set by" in change(VALUES, "services.empty.tag", "1.3.0")


def test_line_ends_of_another_system_stay() -> None:
    text = "image:\r\n  tag: 1.2.3\r\nother: 1\r\n"
    assert change(text, "image.tag", "1.2.4") == text.replace("1.2.3", "1.2.4")


@pytest.mark.parametrize(
    "text, key, reason, said",
    [
        (VALUES, "image.tagg", "no_such_key", "v.yaml:2: image has no key tagg; it has repository, tag."),
        (VALUES, "imag.tag", "no_such_key", "the file has no key imag; it has image, services, list."),
        (VALUES, "image.tag.x", "no_such_key", "image.tag is a value and has no key x"),
        (VALUES, "list.2.tag", "no_such_key", "list is a list of 2, and 2 is no place in it"),
        (VALUES, "services", "no_value", "v.yaml:5: services is a mapping"),
        (VALUES, "list", "no_value", "list is a list"),
        ("a: 1\na: 2\n", "a", "ambiguous_key", "the file has the key a 2 times"),
        ("a: &x 1\nb: *x\n", "b", "shared_value", "b has the anchor &x"),
        ("a: &x 1\nb: *x\n", "a", "shared_value", "a has the anchor &x"),
        ("a: &x {tag: 1}\nb: *x\n", "b.tag", "shared_value", "b has the anchor &x"),
        ("a: &x {tag: 1}\nb:\n  <<: *x\n", "b.tag", "no_such_key", "b has no key tag; it has <<"),
        ("a: |\n  text\n", "a", "no_value", "is a block"),
        ("a: !!str 1\n", "a", "no_value", "a tag of its own"),
        ("a: 1\n---\na: 2\n", "a", "malformed_yaml", "Name a file with one document"),
        ("- a\n", "a", "malformed_yaml", "v.yaml holds no mapping"),
        ("just words\n", "a", "malformed_yaml", "holds no mapping"),
        ("", "a", "malformed_yaml", "holds no mapping"),
        ("a: {{ .Values.a }}\nb: [\n", "a", "malformed_yaml", "Correct it in Git first"),
    ],
)  # fmt: skip
def test_what_cannot_be_changed_alone_is_refused(
    text: str, key: str, reason: str, said: str
) -> None:
    with pytest.raises(KubeError) as error:
        find_value(text, key, "v.yaml")
    assert error.value.reason == reason
    assert said in str(error.value)


@pytest.mark.parametrize("value", ["", "two\nlines", "bell\a"])
def test_a_value_that_is_no_line_is_refused(value: str) -> None:
    with pytest.raises(KubeError) as error:
        change(VALUES, "image.tag", value)
    assert error.value.reason == "bad_value"


def test_a_form_that_would_change_more_is_refused() -> None:
    # A key without colon: a value after it would make another key of both.
    text = "image: {tag, other: 1}\n"
    with pytest.raises(KubeError) as error:
        change(text, "image.tag", "1.2.3")
    assert error.value.reason == "malformed_yaml"


def test_many_aliases_cost_nothing() -> None:
    bomb = "".join(f"l{n + 1}: &l{n + 1} [*l{n}, *l{n}, *l{n}, *l{n}]\n" for n in range(30))
    text = f"l0: &l0 x\n{bomb}image: {{tag: 1.2.3}}\n"
    assert "{tag: 1.2.4}" in change(text, "image.tag", "1.2.4")


KUSTOMIZATION = """\
resources: [deployment.yaml]
images:
  # the shop
  - name: sale
    newName: registry.example/sale
    newTag: 4f1c9a70   # written by releases
  - {name: ledger, newTag: "1.0"}
  - {name: pinned, newTag: "1.0", digest: "sha256:1"}
  - {name: bare}
  - {name: twice, newTag: a}
  - {name: twice, newTag: b}
"""


def test_the_tag_of_an_image_in_a_kustomization() -> None:
    scalar = find_image_tag(KUSTOMIZATION, "sale", "k.yaml")
    assert scalar.value == "4f1c9a70"
    changed = replaced(KUSTOMIZATION, scalar, "bead1234", "k.yaml")
    assert changed == KUSTOMIZATION.replace("4f1c9a70", "bead1234")


@pytest.mark.parametrize(
    "image, reason, said",
    [
        ("shop", "no_such_key", "no entry with the name shop; it has sale, ledger, pinned, bare"),
        ("twice", "ambiguous_key", "several entries with the name twice"),
        ("pinned", "no_such_key", "images[name=pinned] has a digest, which counts before any tag"),
        ("bare", "no_such_key", "images[name=bare] has no key newTag; it has name"),
    ],
)
def test_an_image_without_a_tag_of_its_own_is_refused(image: str, reason: str, said: str) -> None:
    with pytest.raises(KubeError) as error:
        find_image_tag(KUSTOMIZATION, image, "k.yaml")
    assert error.value.reason == reason
    assert said in str(error.value)
