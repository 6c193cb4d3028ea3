"""Which tags a branch pushes and deploys: each line of the operations guide's table, and what it leaves out."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.release.errors import GateError
from ansible_collections.groundwork.platform.plugins.module_utils.release.tags import (
    short_sha,
    version_tag,
)

from tests.unit.release.gate import COMMIT, SHA, gate


@pytest.mark.parametrize(
    "branch,version,tags,deployed,environment",
    [
        ("develop", None, [SHA, "latest"], SHA, "staging"),
        ("main", "1.4.0", [SHA, "latest", "v1.4.0"], SHA, "production"),
        ("main", "v1.4.0-rc.1", [SHA, "latest", "v1.4.0-rc.1"], SHA, "production"),
        ("main", None, [SHA, "latest"], SHA, "production"),
        ("feature/refund", None, [], "", ""),
        ("hotfix/refund", None, [], "", ""),
    ],
)
def test_a_branch_pushes_and_deploys(
    branch: str, version: str | None, tags: list[str], deployed: str, environment: str
) -> None:
    found = gate(branch, version=version)
    assert found["tags"] == tags
    assert found["deploy_tag"] == deployed
    assert found["environment"] == environment
    assert found["build_tag"] == SHA


def test_a_release_without_a_version_is_noted() -> None:
    assert gate("main")["notes"] == ["No version was given, so main pushes no v<semver> tag."]
    assert gate("develop")["notes"] == []


def refusal(*arguments: Any, **options: Any) -> GateError:
    with pytest.raises(GateError) as refused:
        gate(*arguments, **options)
    return refused.value


@pytest.mark.parametrize(
    "branch,tag",
    [
        ("develop", "v1.4.0"),
        ("feature/refund", SHA),
        ("feature/refund", "latest"),
        # A whole sha is no tag of the pipeline's, and the scanned image stays where it was built.
        ("main", COMMIT),
        ("main", "scan"),
    ],
)
def test_what_a_branch_never_pushes_is_refused(branch: str, tag: str) -> None:
    refused = refusal(branch, push=[tag])
    assert refused.reason == "bad_tag"
    assert f"never pushes {tag} " in str(refused)


def test_what_a_branch_pushes_may_be_asked_for() -> None:
    assert gate("main", version="1.4.0", push=[SHA, "latest", "v1.4.0"])["allowed"]


def test_latest_is_never_deployed() -> None:
    for branch in ("main", "develop", "feature/refund"):
        refused = refusal(branch, deploy="latest")
        assert (refused.reason, f"deploy {SHA}" in str(refused)) == ("bad_tag", True)


def test_a_feature_branch_is_never_deployed() -> None:
    assert "Nothing of a feature branch is deployed" in str(refusal("feature/a", deploy=SHA))


def test_another_commits_tag_is_not_deployed() -> None:
    assert "is no tag of this commit" in str(refusal("main", deploy="abc12345"))


def test_of_a_version_the_sha_is_deployed() -> None:
    assert gate("main", version="1.4.0", deploy="v1.4.0")["deploy_tag"] == SHA


@pytest.mark.parametrize("branch", ["develop", "feature/refund"])
def test_a_version_is_pushed_from_main_alone(branch: str) -> None:
    refused = refusal(branch, version="1.4.0")
    assert refused.reason == "bad_version"
    assert "from main alone" in str(refused)


@pytest.mark.parametrize(
    "branch,words",
    [
        ("maim", "did you mean main?"),
        ("Main", "did you mean main?"),
        ("develp", "did you mean develop?"),
        ("featur/refund", "did you mean feature/?"),
        ("release/1.4", "feature_branches"),
        ("master", "known are main, develop, feature/*"),
        ("origin/main", "is a reference"),
        ("refs/heads/main", "is a reference"),
        ("", "Git knows no branch"),
        ("HEAD", "Git knows no branch"),
        ("feature/", "Git knows no branch"),
        ("feature/a b", "Git knows no branch"),
        ("feature/a..b", "Git knows no branch"),
        ("feature/a.lock", "Git knows no branch"),
        ("-feature/a", "Git knows no branch"),
    ],
)
def test_a_branch_of_no_known_shape_is_refused(branch: str, words: str) -> None:
    refused = refusal(branch)
    assert refused.reason == "bad_branch"
    assert words in str(refused)


def test_other_shapes_can_be_named() -> None:
    assert gate("PAY-12-refund", feature_branches=["PAY-*"])["branch_kind"] == "feature"
    # They never turn main into a branch that is judged mildly.
    assert gate("main", feature_branches=["*"])["branch_kind"] == "main"


@pytest.mark.parametrize("commit", ["4f1c9a7", "4f1c9a70", "4f1c9a70b", COMMIT, "0" * 64])
def test_a_commit_gives_at_most_eight_characters(commit: str) -> None:
    assert short_sha(commit) == commit[:8]


@pytest.mark.parametrize(
    "commit", ["", "latest", "4f1c9a", "4F1C9A70", "4f1c9a7g", "4f1c9a70\n", "v1.4.0", "0" * 65]
)
def test_what_is_no_sha_is_refused(commit: str) -> None:
    with pytest.raises(GateError, match="is no commit") as refused:
        short_sha(commit)
    assert refused.value.reason == "bad_commit"


@pytest.mark.parametrize(
    "version",
    [
        "1.4",
        "1.4.0.1",
        "01.4.0",
        "1.4.0-01",
        "1.4.0-",
        "latest",
        "vv1.4.0",
        "1.4.0+build",
        "1.4.0\n",
        f"1.4.0-{'a' * 130}",
    ],
)
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(GateError, match="no semantic version") as refused:
        version_tag(version)
    assert refused.value.reason == "bad_version"
    assert ("build metadata" in str(refused.value)) == ("+" in version)
