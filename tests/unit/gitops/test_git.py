"""A version in real Git repositories: set, set back, and met by others who push."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gitops import git as under
from ansible_collections.groundwork.platform.plugins.module_utils.gitops import (
    git_program as program,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.git import (
    Commit,
    at,
    commit,
    contains,
    read,
    undo,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

from tests.unit.gitops.git_server import PASSWORD, USER, serving
from tests.unit.gitops.repositories import AUTHOR, PATH, VALUES, Repository, git, repository


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return repository(tmp_path_factory.mktemp("first"))


@pytest.fixture
def shop(first: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setattr(under, "PAUSE", 0.1)
    shutil.copytree(first.folder, tmp_path, dirs_exist_ok=True, symlinks=True)
    return Repository(tmp_path)


def released(shop: Repository, version: str = "1.1", **changed: str | None) -> Commit:
    return asyncio.run(commit(shop.source(**changed), version, f"Release {version}"))


def hook(shop: Repository, text: str, name: str = "pre-receive") -> None:
    """Let the server run something at each push."""
    file = shop.bare / "hooks" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def refusal(call: Callable[[], object]) -> KubeError:
    with pytest.raises(KubeError) as error:
        call()
    return error.value


def test_a_version_is_set_in_one_commit_and_set_back_in_another(shop: Repository) -> None:
    first = shop.log("%H")[0]
    done = released(shop)
    assert done == Commit(first, shop.log("%H")[0], True, "1.1", "1.0", '"1.0"')
    assert shop.text() == VALUES.replace('"1.0"', '"1.1"')
    assert shop.log() == ["Release 1.1", "First"]
    assert shop.log("%an <%ae>|%cn <%ce>")[0] == f"{AUTHOR}|{AUTHOR}"
    assert asyncio.run(read(shop.source())) == "1.1"
    back = asyncio.run(undo(shop.source(), done))
    assert (back.before, back.changed, back.value) == (done.after, True, "1.0")
    assert shop.text() == VALUES
    assert shop.log()[0] == "Set image.tag back to 1.0"
    assert len(shop.log()) == 3


def test_nothing_is_committed_where_nothing_changes(shop: Repository) -> None:
    done = released(shop, "1.0")
    assert (done.changed, done.before) == (False, done.after)
    assert not asyncio.run(undo(shop.source(), done)).changed
    done = released(shop)
    assert asyncio.run(undo(shop.source(), done)).changed
    # A run that was killed after it had set the value back does so again.
    assert not asyncio.run(undo(shop.source(), done)).changed
    assert len(shop.log()) == 3


def test_what_others_changed_since_stays(shop: Repository) -> None:
    done = released(shop)
    shop.push(PATH, shop.text().replace("replicas: 2", "replicas: 3"))
    asyncio.run(undo(shop.source(), done))
    assert shop.text() == VALUES.replace("replicas: 2", "replicas: 3")


def test_a_version_that_somebody_changed_since_is_not_set_back(shop: Repository) -> None:
    done = released(shop)
    shop.push(PATH, shop.text().replace('"1.1"', '"1.2"'))
    refused = refusal(lambda: asyncio.run(undo(shop.source(), done)))
    assert refused.reason == "changed_meanwhile"
    assert "is '1.2': somebody has changed it since this release set it to '1.1'" in str(refused)
    assert '"1.2"' in shop.text()


def test_the_rest_of_the_tree_stays(tmp_path: Path) -> None:
    shop = repository(tmp_path, **{PATH: VALUES, "run.sh": "true\n", "crlf.txt": "a\r\n"})
    (shop.checkout / "run.sh").chmod(0o755)
    (shop.checkout / "link").symlink_to("run.sh")
    git(shop.checkout, "add", "--all")
    git(shop.checkout, "commit", "--quiet", "--message", "More")
    shop.push("more.txt", "x")
    before = git(shop.bare, "ls-tree", "-r", "main").splitlines()
    released(shop)
    after = git(shop.bare, "ls-tree", "-r", "main").splitlines()
    assert [line for line in before if PATH not in line] == [
        line for line in after if PATH not in line
    ]


def test_many_at_once_all_get_in(shop: Repository) -> None:
    others = {f"apps/{name}/values.yaml": VALUES for name in "abcde"}
    for path, text in others.items():
        shop.push(path, text)
    tips: set[str] = set()

    def release(path: str) -> None:
        done = asyncio.run(commit(shop.source(path=path), "2.0", f"Release {path}"))
        tips.add(done.after)

    threads = [threading.Thread(target=release, args=(path,)) for path in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tips) == len(others)
    assert tips <= set(shop.log("%H"))
    for path in others:
        assert shop.text(path) == VALUES.replace('"1.0"', '"2.0"')
    # In a row: nobody's commit was lost, and none was merged.
    assert not git(shop.bare, "log", "--merges", "--format=%H", "main")


def test_a_push_that_meets_anothers_is_made_again(
    shop: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = under._committed
    pushed: list[str] = []

    async def late(*arguments: object) -> str:
        commit_id = await made(*arguments)  # type: ignore[arg-type]
        if len(pushed) < 2:
            pushed.append(shop.push(f"others/{len(pushed)}.txt", "x"))
        return commit_id

    monkeypatch.setattr(under, "_committed", late)
    done = released(shop)
    assert done.before == pushed[-1]
    assert shop.log() == ["Release 1.1", "Write others/1.txt", "Write others/0.txt", "First"]


def test_a_push_that_always_meets_anothers_gives_up(
    shop: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, count = under._committed, iter(range(100))

    async def late(*arguments: object) -> str:
        commit_id = await made(*arguments)  # type: ignore[arg-type]
        shop.push(f"others/{next(count)}.txt", "x")
        return commit_id

    monkeypatch.setattr(under, "_committed", late)
    monkeypatch.setattr(under, "TRIES", 3)
    refused = refusal(lambda: released(shop))
    assert refused.reason == "push_race"
    assert "others pushed to it each time, in 3 tries" in str(refused)
    assert shop.text() == VALUES


def test_a_push_whose_answer_is_lost_counts(shop: Repository) -> None:
    # The server takes the commit, and dies before it says so; then somebody else pushes.
    hook(shop, "kill -9 $PPID", "post-update")
    done = released(shop)
    assert (done.changed, done.previous, done.after) == (True, "1.0", shop.log("%H")[0])
    assert shop.log() == ["Release 1.1", "First"]


def test_a_server_that_refuses_is_told_in_its_words(shop: Repository) -> None:
    hook(shop, "echo 'main is protected: open a merge request' >&2; exit 1")
    refused = refusal(lambda: released(shop))
    assert refused.reason == "push_refused"
    assert "main is protected: open a merge request" in str(refused)
    assert shop.text() == VALUES


@pytest.mark.parametrize(
    "changed, reason, said",
    [
        ({"path": "apps/shop/values.yaml"}, "no_such_file", "apps/shop/values.yaml on main of file://"),
        ({"path": "apps/sale"}, "no_such_file", "is no file but a folder or a link"),
        ({"path": "../values.yaml"}, "bad_source", "names no value"),
        ({"path": "/etc/passwd"}, "bad_source", "names no value"),
        ({"key": ""}, "bad_source", "names no value"),
        ({"kind": "helm"}, "bad_source", "kind 'helm' is none of values, kustomize"),
        ({"branch": "production"}, "git_failed", "remote ref refs/heads/production"),
        ({"branch": "--upload-pack=x"}, "bad_source", "is no name of a branch"),
        ({"repository": "file:///nowhere/at/all"}, "git_failed", "git fetch, file:///nowhere/at/all: fatal:"),
        ({"repository": "--upload-pack=x"}, "bad_source", "no address of a repository"),
        ({"author": "Release"}, "bad_source", "author 'Release' is not of the form Name <address>"),
        ({"repository": "https://u:s3cret@git.example/a"}, "bad_source", "https://***@git.example/a says who asks"),
        ({"repository": "https://s3cret@git.example/a"}, "bad_source", "https://***@git.example/a says who asks"),
        ({"key_file": "/nowhere/key"}, "no_such_file", "/nowhere/key is not there"),
        ({"token_file": "/none/t", "repository": "https://git.example/a"}, "no_such_file", "/none/t is not there"),
        ({"token_file": "/nowhere/t"}, "bad_source", "A token serves https only"),
        ({"token_file": "/nowhere/t", "repository": "http://git.example/a"}, "bad_source", "in the clear"),
        ({"key": "image.tagg"}, "no_such_key", "apps/sale/values.yaml on main of file://"),
    ],
)  # fmt: skip
def test_a_source_that_cannot_be_is_refused(
    shop: Repository, changed: dict[str, str], reason: str, said: str
) -> None:
    refused = refusal(lambda: asyncio.run(commit(replace(shop.source(), **changed), "2", "m")))
    assert refused.reason == reason
    assert said in str(refused)
    assert "s3cret" not in str(refused)
    assert shop.text() == VALUES


def test_a_file_that_is_no_text_is_refused(shop: Repository) -> None:
    (shop.checkout / PATH).write_bytes(b"image: {tag: \xff}\n")
    git(shop.checkout, "commit", "--quiet", "--all", "--message", "Latin")
    git(shop.checkout, "push", "--quiet", "origin", "HEAD:main")
    assert refusal(lambda: released(shop)).reason == "not_text"


def test_without_an_author_gits_own_configuration_says_who(
    shop: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("EMAIL", "")
    (tmp_path / "none").write_text("[user]\nuseConfigOnly = true\n")
    assert refusal(lambda: released(shop, author=None)).reason == "git_failed"
    (tmp_path / "none").write_text("[user]\nname = Ops\nemail = ops@example.com\n")
    released(shop, author=None)
    assert shop.log("%an <%ae>")[0] == "Ops <ops@example.com>"


def test_commits_are_signed_where_git_is_told_so(
    shop: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = tmp_path / "signing"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (tmp_path / "config").write_text(
        f"[user]\nsigningKey = {key}\n[gpg]\nformat = ssh\n[commit]\ngpgSign = true\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    done = released(shop)
    assert "-----BEGIN SSH SIGNATURE-----" in git(shop.bare, "cat-file", "commit", done.after)


def test_another_gits_repository_is_left_alone(
    shop: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a hook or an alias of git.
    monkeypatch.setenv("GIT_DIR", str(shop.checkout / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(shop.checkout / ".git/index"))
    done = released(shop)
    monkeypatch.undo()
    assert git(shop.checkout, "rev-parse", "HEAD") == done.before
    assert not git(shop.checkout, "status", "--porcelain")


def test_whether_a_commit_comes_after_another(shop: Repository) -> None:
    done = released(shop)
    later = shop.push("others.txt", "x")
    source = shop.source()
    assert asyncio.run(contains(source, done.after, done.after))
    assert asyncio.run(contains(source, done.after, later))
    assert not asyncio.run(contains(source, later, done.after))
    assert not asyncio.run(contains(source, done.after, "0" * 40))


def test_whether_a_commit_has_a_value(shop: Repository) -> None:
    first = shop.log("%H")[0]
    later = released(shop).after
    for value, revisions, has in (
        ("1.0", [first], True),
        ("1.1", [first], False),
        ("1.1", ["1.2.3", first, later], True),
        # The version of a chart, a commit that is not there, and no commits.
        ("1.1", ["1.1", "0" * 40], False),
        ("1.1", [], False),
    ):
        assert asyncio.run(at(shop.source(), value, revisions)) is has


def test_a_kustomization(tmp_path: Path) -> None:
    text = "images:\n- name: sale  # the shop\n  newTag: a1b2c3d4\n"
    shop = repository(tmp_path, **{"kustomization.yaml": text})
    source = shop.source(path="kustomization.yaml", kind="kustomize", key="sale")
    done = asyncio.run(commit(source, "b2c3d4e5", "Release"))
    assert shop.text("kustomization.yaml") == text.replace("a1b2c3d4", "b2c3d4e5")
    asyncio.run(undo(source, done))
    assert shop.text("kustomization.yaml") == text


def test_a_git_that_hangs_is_ended(
    shop: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hook(shop, f"echo $$ >{tmp_path}/pid; exec sleep 60")
    monkeypatch.setattr(program, "PATIENCE", 2.0)
    refused = refusal(lambda: released(shop))
    assert (refused.reason, str(refused)) == (
        "git_timeout",
        f"git push, {shop.url}: not done after 2 s.",
    )
    # The server's half is of the same group here.
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/exe").exists()


def leftovers() -> set[Path]:
    return set(Path("/tmp").glob("groundwork-git-*"))


def test_nothing_is_left(shop: Repository) -> None:
    before = leftovers()
    released(shop)
    refusal(lambda: released(shop, key="image.none"))
    assert leftovers() <= before


def test_a_token_is_shown_to_the_server_and_to_nobody_else(
    shop: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "it's a token"
    token.write_text(f"{PASSWORD}\n")
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    with serving(shop.bare) as server:
        source = {"repository": server.url, "token_file": str(token), "user": USER}
        done = released(shop, **source)
        token.write_text("wrong\n")
        refused = refusal(lambda: released(shop, "1.2", **source))
    assert done.changed
    assert shop.text() == VALUES.replace('"1.0"', '"1.1"')
    # git's own trace has all commands that it ran, with their arguments.
    trace = (tmp_path / "trace").read_text()
    assert "git push" in trace
    assert PASSWORD not in trace
    assert refused.reason == "git_failed"
    assert "Authentication failed" in str(refused)


def test_nobody_is_asked_for_a_password(shop: Repository) -> None:
    with serving(shop.bare) as server:
        refused = refusal(lambda: released(shop, repository=server.url))
    assert "terminal prompts disabled" in str(refused)


def test_a_token_is_not_shown_to_a_host_that_the_server_names(
    shop: Repository, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(PASSWORD)
    with serving(shop.bare) as other, serving(shop.bare, redirect=other.url) as server:
        refused = refusal(
            lambda: released(shop, repository=server.url, token_file=str(token), user=USER)
        )
    assert refused.reason == "git_failed"
    assert not other.passwords


def test_an_ssh_key_is_the_only_one_that_is_shown(
    shop: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "a key"
    key.write_text("none")
    programs = tmp_path / "programs"
    programs.mkdir()
    # Says how it was called, and does here what it was to do there.
    fake = programs / "ssh"
    fake.write_text(
        f'#!/bin/sh\nprintf \'%s|\' "$@" >>{tmp_path}/calls\nfor last; do :; done\nexec sh -c "$last"\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    done = released(shop, repository=f"ssh://git@forge.example{shop.bare}", key_file=str(key))
    assert shop.log("%H")[0] == done.after
    calls = (tmp_path / "calls").read_text()
    assert f"-i|{key}|-o|IdentitiesOnly=yes|-o|BatchMode=yes|" in calls
    assert "git@forge.example" in calls
