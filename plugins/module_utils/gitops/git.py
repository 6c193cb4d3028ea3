# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A version in a Git repository: read it, set it by a commit, set it back by another. History is never rewritten."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass

from ansible_collections.groundwork.platform.plugins.module_utils.gitops.git_program import (
    Access,
    Git,
    opened,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.yaml_scalar import (
    Scalar,
    find_image_tag,
    find_value,
    replaced,
    written,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

#: Pushes in all where others push to the same branch, and seconds of the longest first pause, which doubles.
TRIES = 8
PAUSE = 0.5
LONGEST_PAUSE = 10.0
#: Commits that are fetched after a push that failed: whether it went through after all is seen in these.
RECENT = 100

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_BRANCH = "refs/remotes/origin/branch"
_FINDERS = {"values": find_value, "kustomize": find_image_tag}


@dataclass(frozen=True)
class GitSource:
    """Where a version stands: ``path`` is a file from the repository's root.

    ``kind`` is ``values`` (``key`` is a dotted path in a YAML file) or ``kustomize`` (``key`` is the ``name`` of an
    image in a kustomization, whose ``newTag`` is meant). ``author`` is ``Name <address>``; without it, git's own
    configuration says who commits. ``key_file``, ``token_file`` and ``user`` are those of ``Access``.
    """

    repository: str
    branch: str
    path: str
    key: str
    kind: str = "values"
    key_file: str | None = None
    token_file: str | None = None
    user: str = "git"
    author: str | None = None

    @property
    def where(self) -> str:
        """The file, for people."""
        return f"{self.path} on {self.branch} of {self.repository}"


@dataclass(frozen=True)
class Commit:
    """What a change did: full ids of the branch's tip before and after, the value, and the one before it.

    ``previous_raw`` is the value before as it stood in the file, with its quotes. Where ``changed`` is false, all is as
    it was.
    """

    before: str
    after: str
    changed: bool
    value: str
    previous: str
    previous_raw: str


@dataclass(frozen=True)
class _File:
    """A file of a commit; ``mode`` is git's."""

    head: str
    mode: str
    text: str
    scalar: Scalar


async def read(source: GitSource) -> str:
    """Return the value at the branch's tip, empty where it is null.

    Raises ``KubeError``: those of ``yaml_scalar``, of ``git_program``, ``bad_source``, ``no_such_file``.
    """
    async with _repository(source) as git:
        return (await _file(git, source, await _fetch(git, source, 1))).scalar.value


async def at(source: GitSource, value: str, revisions: Iterable[str]) -> bool:
    """Whether one of some commits has the value; false of what is none that the server gives. Raises as ``read``."""
    async with _repository(source) as git:
        for revision in revisions:
            if not _COMMIT.fullmatch(revision):
                continue  # the version of a chart
            fetch = ("fetch", "--quiet", "--no-tags", "--depth=1", "origin", revision)
            code, _printed, _words = await git.tried(*fetch)
            if code != 0:
                continue
            with suppress(KubeError):  # it had no such file or key yet
                if (await _file(git, source, revision)).scalar.value == value:
                    return True
    return False


async def commit(source: GitSource, value: str, message: str) -> Commit:
    """Set the value in a commit on the branch's tip; nothing is committed where it is set already.

    Where somebody else pushes meanwhile, the change is made again on top of theirs. Raises ``KubeError``: those of
    ``read``, ``bad_value``, ``push_refused`` with the server's words, ``push_race`` after ``TRIES`` pushes.
    """

    def change(file: _File) -> str:
        if file.scalar.value == value:
            return file.text
        return replaced(file.text, file.scalar, value, source.where)

    return await _change(source, value, message, change)


async def undo(source: GitSource, done: Commit, message: str = "") -> Commit:
    """Set the value back that ``done`` replaced, written as it was, in a new commit; ``changed`` is false where it is.

    This one value, not the whole commit, is set back, so that it does not matter what else was changed since. Raises
    ``KubeError``: ``changed_meanwhile`` where the value is neither the one that ``done`` set nor the one before; those
    of ``commit``.
    """

    def change(file: _File) -> str:
        now = file.scalar.value
        if not done.changed or now == done.previous:
            return file.text
        if now != done.value:
            raise KubeError(
                "changed_meanwhile",
                f"{file.scalar.place} in {source.where} is {now!r}: somebody has changed it since this release set it "
                f"to {done.value!r}, and it stays so. To have {done.previous!r} again, commit it by hand.",
            )
        return written(file.text, file.scalar, done.previous_raw, source.where)

    words = message or (
        f"Set {source.key} back to {done.previous or 'nothing'}\n\nIt was set to {done.value} by {done.after}."
    )
    return await _change(source, done.previous, words, change)


async def contains(source: GitSource, revision: str, later: str) -> bool:
    """Whether the commit ``later`` of the branch is ``revision`` or comes after it. Raises what ``read`` does."""
    async with _repository(source) as git:
        # Commits alone where the server can do that; the branch's whole history is looked at.
        await _fetch(git, source, 0, "--filter=tree:0")
        return await _is_in(git, revision, later)


def _repository(source: GitSource) -> AbstractAsyncContextManager[Git]:
    """Open the repository that a source names."""
    parts = source.path.split("/")
    if source.kind not in _FINDERS:
        raise KubeError("bad_source", f"kind {source.kind!r} is none of {', '.join(_FINDERS)}.")
    if not source.key or not source.path or {"", ".", ".."} & set(parts):
        raise KubeError("bad_source", f"{source.path!r} with {source.key!r} names no value.")
    if not source.branch or source.branch.startswith(("-", "refs/")):
        raise KubeError("bad_source", f"{source.branch!r} is no name of a branch.")
    return opened(Access(source.repository, source.key_file, source.token_file, source.user))


async def _change(
    source: GitSource, value: str, message: str, change: Callable[[_File], str]
) -> Commit:
    sent, refused, head, words = None, 0, "", ""
    async with _repository(source) as git:
        for attempt in range(TRIES):
            known, head = head, await _fetch(git, source, RECENT if sent else 1)
            if sent and await _is_in(git, sent.after, head):
                return sent  # the answer to the push was lost
            # A push that is refused for a branch that nobody moved may still have met another push on its way.
            refused = refused + 1 if known == head else 0
            if refused > 1:
                raise KubeError("push_refused", f"{source.where}: {words}")
            file = await _file(git, source, head)
            text = change(file)
            now = file.scalar
            if text == file.text:
                return Commit(head, head, False, now.value, now.value, now.raw)
            made = await _committed(git, source, file, text, message)
            sent = Commit(head, made, True, value, now.value, now.raw)
            code, _printed, words = await git.tried(
                "push", "--quiet", "origin", f"{made}:refs/heads/{source.branch}"
            )
            if not code:
                return sent
            longest = min(PAUSE * 2**attempt, LONGEST_PAUSE)
            # Those that met each other do not meet again.
            await asyncio.sleep(longest * random.uniform(0.2, 1))
    raise KubeError(
        "push_race",
        f"{source.where}: others pushed to it each time, in {TRIES} tries ({words}). Try again.",
    )


async def _fetch(git: Git, source: GitSource, depth: int, *options: str) -> str:
    """Fetch the branch, ``depth`` commits of it (0: all); return its tip's id."""
    what = f"+refs/heads/{source.branch}:{_BRANCH}"
    shallow = [f"--depth={depth}"] if depth else []
    await git("fetch", "--quiet", "--no-tags", *shallow, *options, "origin", what)
    return (await git("rev-parse", "--verify", _BRANCH)).strip()


async def _file(git: Git, source: GitSource, head: str) -> _File:
    # As they stand in the repository: no line ends or filters of a checkout.
    listed = await git("ls-tree", "-z", head, "--", source.path)
    match = re.match(r"(?P<mode>\d+) (?P<kind>\w+) (?P<id>\w+)\t", listed)
    if match is None:
        raise KubeError("no_such_file", f"{source.where} is not there. Name a file from the root.")
    if match["kind"] != "blob" or match["mode"] == "120000":
        raise KubeError("no_such_file", f"{source.where} is no file but a folder or a link.")
    text = await git("cat-file", "blob", match["id"])
    scalar = _FINDERS[source.kind](text, source.key, source.where)
    return _File(head, match["mode"], text, scalar)


async def _committed(git: Git, source: GitSource, file: _File, text: str, message: str) -> str:
    """Make a commit with another text of the file; return its id."""
    blob = (await git("hash-object", "-w", "--stdin", data=text)).strip()
    await git("read-tree", file.head)
    await git("update-index", "--cacheinfo", f"{file.mode},{blob},{source.path}")
    tree = (await git("write-tree")).strip()
    signed = (await git("config", "--default=false", "--bool", "commit.gpgSign")).strip() == "true"
    sign = ["-S"] if signed else []
    made = await git(
        "commit-tree", *sign, "-p", file.head, "-F", "-", tree, data=message, **_people(source)
    )
    return made.strip()


def _people(source: GitSource) -> dict[str, str]:
    """Variables that say who commits."""
    if not source.author:
        return {}
    match = re.fullmatch(r"\s*(?P<name>[^<>\n]+?)\s*<(?P<email>[^<>\s]+)>\s*", source.author)
    if match is None:
        raise KubeError(
            "bad_source", f"author {source.author!r} is not of the form Name <address>."
        )
    return {
        f"GIT_{role}_{part}": match[part.lower()]
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }


async def _is_in(git: Git, revision: str, later: str) -> bool:
    """Whether ``revision`` is ``later`` or one before it; false where either is unknown here."""
    if revision == later:
        return True
    code, _printed, _words = await git.tried("merge-base", "--is-ancestor", revision, later)
    return code == 0
