# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One object: server-side apply, and what its answer means."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ansible_collections.groundwork.platform.plugins.module_utils.kube.changes import changes
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import (
    UNTYPED,
    Answer,
    Client,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.diff import difference
from ansible_collections.groundwork.platform.plugins.module_utils.kube.drift import (
    Extra,
    removal,
    without,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key
from ansible_collections.groundwork.platform.plugins.module_utils.kube.observe import Found
from ansible_collections.groundwork.platform.plugins.module_utils.kube.ownership import untouched
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import Item

#: JSON is YAML, and the API takes server-side apply under this type alone.
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
#: Where nobody looks at the object, its metadata are enough: a fraction of the bytes and of the time.
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
#: Namespace in which check mode tries what belongs into one that is not there yet.
TRIAL_NAMESPACE = "default"
#: How the API says that a field stays as it was made.
_IMMUTABLE = re.compile(
    r"immutable|may not change once set|updates to \w+ spec for fields other than"
)

#: Seconds in which an object that is replaced has to be gone, with all that it owns.
GONE = 60.0

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"
REPLACED, PRUNED = "replaced", "pruned"
FAILED, SKIPPED = "failed", "skipped"


@dataclass(frozen=True)
class Options:
    """How objects are applied; the module's options of the same names."""

    manager: str
    force_conflicts: bool = False
    exclusive: bool = False
    replace: bool = False
    check: bool = False
    diff: bool = False

    def query(self) -> dict[str, str]:
        """The query of every write."""
        query = {"fieldManager": self.manager, "fieldValidation": "Strict"}
        if self.check:
            query["dryRun"] = "All"
        return query


@dataclass(frozen=True)
class Outcome:
    """What became of one object. ``tried`` is false where check mode could not ask the API."""

    key: Key
    source: str
    action: str
    reason: str = ""
    message: str = ""
    drift: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    diff: Mapping[str, str] | None = None
    tried: bool = True

    @property
    def changed(self) -> bool:
        """Whether the object is, or would be, another one than before."""
        return self.action in (CREATED, UPDATED, REPLACED, PRUNED)


async def apply(client: Client, item: Item, found: Found | None, options: Options) -> Outcome:
    """Bring one object to its manifest. A failure is an outcome, too; raises those of the client."""
    entries = list(found.extras) if found else []
    drift = tuple(map(str, entries))
    if found and found.holds and not (entries and options.exclusive):
        return Outcome(item.key, item.manifest.source, UNCHANGED, drift=drift)
    answer = await _patch(client, item, options, whole=options.diff or found is not None)
    if _with_itself(answer, options.manager):
        ours = replace(options, force_conflicts=True)
        answer = await _patch(client, item, ours, whole=options.diff or found is not None)
    if answer.ok and entries and options.exclusive:
        answer = await _remove(client, item, entries, answer, options)
    if immutable(answer) and options.replace and found:
        return await _replace(client, item, found, options)
    if not answer.ok:
        return failure(item, answer, found is not None)
    return _outcome(item, answer, found, options, drift)


async def trial(client: Client, item: Item, options: Options) -> Outcome:
    """In check mode, an object whose namespace is not there yet: tried in another one, under a name of its own."""
    name = f"groundwork-trial-{item.key.name}"[:63].rstrip("-.")
    moved = item.manifest.within(TRIAL_NAMESPACE).body
    body = {**moved, "metadata": {**moved["metadata"], "name": name}}
    answer = await client.send(
        "PATCH", item.resource.path(TRIAL_NAMESPACE, name), body, APPLY, options.query()
    )
    if answer.status == 403:
        return untried(item)
    if not answer.ok:
        return failure(item, answer, False)
    metadata = {**answer.body["metadata"], "name": item.key.name, "namespace": item.key.namespace}
    return _outcome(
        item, Answer(201, {**answer.body, "metadata": metadata}, answer.warnings), None, options, ()
    )


def untried(item: Item) -> Outcome:
    """In check mode, an object of a kind that the same run would bring: shown as it is written."""
    return Outcome(
        item.key,
        item.manifest.source,
        CREATED,
        tried=False,
        diff=difference(str(item.key), None, item.manifest.body),
    )


async def _patch(client: Client, item: Item, options: Options, whole: bool = False) -> Answer:
    query = options.query()
    if options.force_conflicts:
        query["force"] = "true"
    accept = "application/json" if whole else METADATA
    return await client.send("PATCH", item.path, item.manifest.body, APPLY, query, accept)


async def _remove(
    client: Client, item: Item, entries: list[Extra], applied: Answer, options: Options
) -> Answer:
    """Remove what the manifest does not have; a dry run cannot build on the one before it."""
    if options.check:
        return Answer(applied.status, without(applied.body, entries), applied.warnings)
    return await client.send("PATCH", item.path, removal(entries), MERGE, options.query())


async def _gone(client: Client, item: Item) -> bool:
    """Wait until a deleted object is no more."""
    deadline = time.monotonic() + GONE
    while (await client.get(item.path, accept=METADATA)).ok:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.1)
    return True


async def _replace(client: Client, item: Item, found: Found, options: Options) -> Outcome:
    """Delete an object, with all that it owns, and make it anew."""
    if not options.check:
        gone = await client.send("DELETE", item.path, {"propagationPolicy": "Foreground"})
        if not gone.ok and gone.status != 404:
            return failure(item, gone, True)
        if not await _gone(client, item):
            return Outcome(
                item.key,
                item.manifest.source,
                FAILED,
                "not_gone",
                f"{item.key} ({item.manifest.source}) was deleted to be made anew and is still there after {GONE:g} s: "
                "a finalizer holds it. It will go, and the next run makes it anew.",
            )
        answer = await _patch(client, item, options)
        if not answer.ok:
            return failure(item, answer, False)
    return Outcome(
        item.key,
        item.manifest.source,
        REPLACED,
        diff=difference(str(item.key), found.body, item.manifest.body) if options.diff else None,
    )


def _outcome(
    item: Item, answer: Answer, found: Found | None, options: Options, drift: tuple[str, ...]
) -> Outcome:
    action, after = (CREATED if answer.status == 201 else UPDATED), answer.body
    before = found.body if found and action == UPDATED else None
    if before and untouched(before, after, options.manager):
        return Outcome(
            item.key, item.manifest.source, UNCHANGED, drift=drift, warnings=answer.warnings
        )
    return Outcome(
        item.key,
        item.manifest.source,
        action,
        drift=drift,
        changes=tuple(changes(before, after, options.manager)) if before else (),
        warnings=answer.warnings,
        diff=difference(str(item.key), before, after) if options.diff else None,
    )


def immutable(answer: Answer) -> bool:
    """Whether a field was changed that stays as it was made."""
    return answer.status == 422 and _IMMUTABLE.search(answer.message) is not None


def _with_itself(answer: Answer, manager: str) -> bool:
    """Whether what stands against a manifest is the same manager's alone, written by a patch: that is no conflict."""
    return (
        answer.status == 409
        and bool(answer.causes)
        and all(
            str(cause.get("message", "")).startswith(f'conflict with "{manager}" ')
            for cause in answer.causes
        )
    )


def failure(item: Item, answer: Answer, exists: bool) -> Outcome:
    """Say why the API did not take an object, and what to do."""
    reason, message = _explain(answer, exists)
    return Outcome(
        item.key,
        item.manifest.source,
        FAILED,
        reason,
        f"{item.key} ({item.manifest.source}): {message}",
        warnings=answer.warnings,
    )


def _explain(answer: Answer, exists: bool) -> tuple[str, str]:
    if answer.status == 409 and answer.causes:
        fields = "; ".join(
            f"{cause.get('field')}: {cause.get('message')}" for cause in answer.causes
        )
        return (
            "conflict",
            f"others manage what it sets: {fields}. Leave these fields to them, or set force_conflicts.",
        )
    if immutable(answer) and exists:
        return "immutable", f"{answer.message}. Set replace to delete the object and make it anew."
    if answer.status == 403:
        webhook = "admission webhook" in answer.message or "denied the request" in answer.message
        return "rejected" if webhook else "forbidden", answer.message
    if answer.status == 404:
        return (
            "not_found",
            f"{answer.message}. Is its namespace, or the definition of its kind, there?",
        )
    if answer.status in (400, 422) or answer.message.startswith(UNTYPED):
        return "invalid", answer.message
    return "failed", f"status {answer.status}: {answer.message}"
