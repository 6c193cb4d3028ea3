"""What an earlier environment has to have on record."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import Target
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.promotion import (
    Namespaces,
    missing,
    problems,
    read,
    there,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.records import (
    FAILED,
    ROLLED_BACK,
    RUNNING,
    Kept,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

from tests.unit.app_release.samples import kept, service

SOAKED: dict[str, Any] = {"soak": {"seconds": 60.0}}


def elsewhere(image: str) -> Kept:
    return kept(1, "2", target=Target("2", image=image), **SOAKED)


@pytest.mark.parametrize(
    "known, words",
    [
        ([kept(1, "2", **SOAKED)], ""),
        ([kept(1, "2", ROLLED_BACK), kept(2, "2", **SOAKED)], ""),
        # What came after it does not matter, but for who went back.
        ([kept(1, "2", **SOAKED), kept(2, "3", FAILED)], ""),
        ([], "never had it: release it there first"),
        ([kept(1, "1", **SOAKED)], "never had it"),
        ([kept(1, "2", **SOAKED), kept(2, "2", RUNNING)], "has it as running"),
        ([kept(1, "2", ROLLED_BACK, reason="slow")], "has it as rolled_back (slow)"),
        ([kept(1, "2", soak={"seconds": 59.0})], "watched it for 59 s, and 60 s are asked for"),
        ([kept(1, "2")], "watched it for 0 s"),
        ([elsewhere("staging.test/other/sale:2")], ""),
        ([elsewhere("r/sale:2-debug")], "ran it as r/sale:2-debug, and this would be r/sale:2"),
        (
            [kept(1, "1"), kept(2, "2", **SOAKED), kept(3, "1", rollback_of="2 (revision 2)")],
            "went back from it",
        ),
        (
            [
                kept(2, "2", **SOAKED),
                kept(3, "1", rollback_of="2 (revision 2)"),
                kept(4, "2", **SOAKED),
            ],
            "",
        ),
        (
            [kept(2, "2", **SOAKED), kept(3, "1", FAILED, rollback_of="2 (revision 2)")],
            "",
        ),
    ],
)
def test_what_a_version_lacks(known: list[Kept], words: str) -> None:
    found = missing(service("2"), known, 60)
    assert words in found
    assert bool(found) is bool(words)


def test_all_that_is_not_promoted_is_told_with_the_environment() -> None:
    [found] = problems([service("2")], {("ny", "sale"): [kept(1, "2")]}, "staging", 0)
    assert found.reason == "not_promoted"
    assert str(found) == "sale 2: staging never had it: release it there first."
    assert problems([service("2")], {("nx", "sale"): [kept(1, "2")]}, "staging", 0) == []


@pytest.mark.parametrize(
    "namespaces, known_in",
    [
        (None, "nx"),
        ("nx-staging", "nx-staging"),
        ({"nx": "nx-staging"}, "nx-staging"),
        ({"other": "nx-staging"}, "nx"),
    ],
)
def test_what_is_called_otherwise_there_is_found(namespaces: Namespaces, known_in: str) -> None:
    assert there("nx", namespaces) == known_in
    known = {(known_in, "sale"): [kept(1, "2")]}
    assert problems([service("2")], known, "staging", 0, namespaces) == []
    [found] = problems([service("3")], known, "staging", 0, namespaces)
    assert ("(namespace nx-staging)" in str(found)) is (known_in == "nx-staging")


def test_the_option_is_a_name_or_a_mapping_of_names() -> None:
    assert read(None) is read("") is None
    assert read("nx-staging") == "nx-staging"
    assert read({"nx": "nx-staging"}) == {"nx": "nx-staging"}
    for wrong in (7, ["nx"], {"nx": ""}, {"nx": {"a": "b"}}):
        with pytest.raises(KubeError, match="neither a name nor a mapping") as refused:
            read(wrong)
        assert refused.value.reason == "bad_namespace"
