"""What a run does about each migration."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.decide import (
    AWAIT,
    CREATE,
    REPLACE,
    SKIP,
    Options,
    decide,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.history import Entry
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import (
    DEFINITION,
    Migration,
    checksum,
)

SPEC = {"backoffLimit": 3}
OURS, OTHER = checksum(SPEC), checksum({"backoffLimit": 4})
MIGRATION = Migration(
    "sale", "1", {"metadata": {"name": "nx-sale", "namespace": "nx"}, "spec": SPEC}
)
RETRY, RERUN = Options(retry_failed=True), Options(rerun_changed=True)


def entry(state: str, digest: str = OURS) -> Entry:
    return Entry("sale", "1", state, digest, "nx-sale", finished="2026-11-22T06:00:00Z")


def live(*conditions: str, digest: str | None = OURS, suspend: bool = False) -> dict[str, Any]:
    annotations = {DEFINITION: digest} if digest else {}
    return {
        "metadata": {"name": "nx-sale", "annotations": annotations},
        "spec": {"suspend": suspend},
        "status": {
            "conditions": [
                {"type": name, "status": "True", "reason": "R", "message": "m"}
                for name in conditions
            ]
        },
    }


@pytest.mark.parametrize(
    "job, known, options, action",
    [
        (None, None, Options(), CREATE),
        (None, entry("failed"), RETRY, CREATE),
        (None, entry("done"), Options(), SKIP),
        (live("Failed"), entry("done"), Options(), SKIP),
        (live("Complete"), None, Options(), SKIP),
        (live(), None, Options(), AWAIT),
        (live(), entry("failed"), Options(), AWAIT),
        (live("Failed"), None, RETRY, REPLACE),
        (live("FailureTarget"), None, RETRY, REPLACE),
        (live(suspend=True), entry("failed"), RETRY, REPLACE),
        (live("Failed", digest=OTHER), None, RETRY, REPLACE),
        (None, entry("done", OTHER), RERUN, CREATE),
        (live("Complete", digest=OTHER), entry("done", OTHER), RERUN, REPLACE),
        # A rerun whose controller was lost: what runs or ran is today's definition, whatever the history says.
        (live("Complete"), entry("done", OTHER), RERUN, SKIP),
        (live("Complete"), entry("done", OTHER), Options(), SKIP),
        (live(), entry("done", OTHER), RERUN, AWAIT),
        (live("Failed"), entry("done", OTHER), RETRY, REPLACE),
        (live("Complete", digest=OTHER), None, RERUN, REPLACE),
    ],
)
def test_what_is_done(
    job: dict[str, Any] | None, known: Entry | None, options: Options, action: str
) -> None:
    assert decide(MIGRATION, job, known, options)[0] == action


@pytest.mark.parametrize(
    "job, known, options, reason",
    [
        (None, entry("done", OTHER), RETRY, "changed_definition"),
        (live("Complete", digest=OTHER), None, RETRY, "changed_definition"),
        # Nobody takes what runs away from under its pods.
        (live(digest=OTHER), None, RERUN, "changed_definition"),
        (live("Failed"), None, RERUN, "failed_before"),
        (live("Failed"), entry("done", OTHER), RERUN, "failed_before"),
        (live(suspend=True), entry("failed"), Options(), "failed_before"),
        # Its Job is gone, as a time to live may have it.
        (None, entry("failed"), Options(), "failed_before"),
        (None, entry("failed", OTHER), RERUN, "failed_before"),
        (live("Complete", digest=None), None, RERUN, "foreign_job"),
        (live(digest=None), None, RETRY, "foreign_job"),
    ],
)
def test_what_is_refused(
    job: dict[str, Any] | None, known: Entry | None, options: Options, reason: str
) -> None:
    with pytest.raises(KubeError) as refused:
        decide(MIGRATION, job, known, options)
    assert refused.value.reason == reason


def test_a_change_is_told_with_both_digests_and_the_way_out() -> None:
    with pytest.raises(KubeError) as refused:
        decide(MIGRATION, None, entry("done", OTHER), Options())
    for words in (OURS[:12], OTHER[:12], "rerun_changed", "a version of its own"):
        assert words in str(refused.value)


def test_the_digest_knows_no_order_of_keys() -> None:
    assert checksum({"a": 1, "b": [1, 2]}) == checksum({"b": [1, 2], "a": 1})
    assert checksum({"b": [1, 2]}) != checksum({"b": [2, 1]})
