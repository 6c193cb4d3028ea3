# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was released when: a Secret for each revision, as Helm keeps its releases.

A Secret, as manifests may hold what is not for everybody who may read ConfigMaps. The manifests are the way back.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import Target
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Manifest

#: Label with the service's name; all revisions of a namespace are found by one list.
SERVICE = "groundwork.platform/release"
TYPE = "groundwork.platform/release.v1"
#: A revision is at work, stays, was undone, is being undone, or failed with nothing to go back to.
RUNNING, GOOD, ROLLED_BACK, ROLLING_BACK, FAILED = (
    "running",
    "good",
    "rolled_back",
    "rolling_back",
    "failed",
)
#: Revisions that are kept of each service; the last good one and the one before it, the way back, always are.
KEPT = 10
#: Bytes that a Secret takes (etcd's limit of an object is 1.5 MiB).
LARGEST = 1_000_000


@dataclass(frozen=True)
class Revision:
    """One release of one service. Times are UTC, as the API writes them."""

    service: str
    number: int
    version: str
    state: str
    checksum: str
    image: str = ""
    began: str = ""
    ended: str = ""
    by: str = ""
    reason: str = ""
    rollback_of: str = ""
    soak: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of its Secret."""
        return f"release-{self.service}-{self.number}"

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.version} (revision {self.number})"


@dataclass(frozen=True)
class Kept:
    """A revision and what it brought. ``back`` is what ran before, where that was on nobody's record."""

    revision: Revision
    target: Target
    back: Target | None = None


def now() -> str:
    """This moment, as the API writes it."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def secret(kept: Kept, namespace: str) -> dict[str, Any]:
    """A revision as a Secret. Raises ``KubeError`` (``too_large``)."""
    revision, target = kept.revision, kept.target
    whole = {
        "manifests": [{"body": each.body, "source": each.source} for each in target.manifests],
        "template": target.template,
        "back": _unrecorded(kept.back) if kept.back else None,
    }
    packed = base64.b64encode(gzip.compress(json.dumps(whole).encode(), mtime=0)).decode()
    if len(packed) > LARGEST:
        raise KubeError(
            "too_large",
            f"{revision.service}: its manifests take {len(packed)} bytes packed, and a Secret takes {LARGEST}. Without "
            "them there would be no way back; bring large ConfigMaps by kube_apply.",
        )
    text = base64.b64encode(json.dumps(asdict(revision), sort_keys=True).encode()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": TYPE,
        "metadata": {
            "name": revision.name,
            "namespace": namespace,
            "labels": {SERVICE: revision.service},
        },
        "data": {"record": text, "target": packed},
    }


def parse(body: Mapping[str, Any]) -> Kept:
    """Read a Secret. Raises ``KubeError`` (``bad_history``)."""
    try:
        data = body["data"]
        revision = Revision(**json.loads(base64.b64decode(data["record"])))
        packed = base64.b64decode(data["target"])
        whole = json.loads(gzip.decompress(packed))
        manifests = tuple(Manifest(each["body"], each["source"]) for each in whole["manifests"])
        target = Target(revision.version, manifests, revision.image, whole["template"])
        back = Target(**whole["back"]) if whole.get("back") else None
        return Kept(revision, target, back)
    except (KeyError, TypeError, ValueError, OSError, EOFError, zlib.error) as error:
        raise KubeError(
            "bad_history",
            f"Secret {body['metadata']['name']} in {body['metadata']['namespace']} is no revision ({error!r}). "
            "Remove it.",
        ) from error


def _unrecorded(back: Target) -> dict[str, Any]:
    return {"version": back.version, "image": back.image, "template": back.template}


def left(revisions: Iterable[Kept]) -> set[str]:
    """Titles of the revisions that somebody went back from."""
    return {kept.revision.rollback_of for kept in revisions if kept.revision.state == GOOD}


def last_good(revisions: Iterable[Kept], other_than: str = "") -> Kept | None:
    """The newest revision that stayed; of another checksum, where one is given."""
    revisions = list(revisions)
    gone = left(revisions)
    good = [
        kept
        for kept in revisions
        if kept.revision.state == GOOD
        and kept.revision.checksum != other_than
        and kept.revision.title not in gone
    ]
    return max(good, key=lambda kept: kept.revision.number, default=None)


def latest(revisions: Iterable[Kept]) -> Kept | None:
    """The newest revision."""
    return max(revisions, key=lambda kept: kept.revision.number, default=None)


def surplus(revisions: Sequence[Kept]) -> list[Revision]:
    """Revisions that nobody needs any more."""
    newest = sorted((kept.revision for kept in revisions), key=lambda each: -each.number)
    good = last_good(revisions)
    back = last_good(revisions, other_than=good.revision.checksum) if good else None
    needed = {each.revision.number for each in (good, back) if each}
    return [each for each in newest[KEPT:] if each.number not in needed]


class Records:
    """The revisions of some namespaces."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def read(self, namespaces: Iterable[str]) -> dict[tuple[str, str], list[Kept]]:
        """All revisions by namespace and service. Raises ``KubeError`` (``failed``, ``bad_history``)."""
        found: dict[tuple[str, str], list[Kept]] = {}
        names = sorted(set(namespaces))
        answers = await asyncio.gather(
            *(self._client.get(_path(name), labelSelector=SERVICE) for name in names)
        )
        for namespace, answer in zip(names, answers):
            if not answer.ok:
                raise KubeError("failed", f"listing Secrets in {namespace}: {answer.message}.")
            for body in answer.body["items"] or ():
                body["metadata"].setdefault("namespace", namespace)
                kept = parse(body)
                found.setdefault((namespace, kept.revision.service), []).append(kept)
        return found

    async def write(self, kept: Kept, namespace: str) -> None:
        """Add or replace a revision. Raises ``KubeError`` (``failed``, ``too_large``)."""
        answer = await self._client.send(
            "PATCH",
            f"{_path(namespace)}/{kept.revision.name}",
            secret(kept, namespace),
            "application/apply-patch+yaml",
            {"fieldManager": "groundwork", "force": "true"},
        )
        if not answer.ok:
            raise KubeError("failed", f"Secret {kept.revision.name}: {answer.message}.")

    async def prune(self, revisions: Sequence[Kept], namespace: str) -> None:
        """Delete what nobody needs any more."""
        await asyncio.gather(
            *(
                self._client.send("DELETE", f"{_path(namespace)}/{each.name}")
                for each in surplus(revisions)
            )
        )


def ended(kept: Kept, state: str, reason: str = "", soak: Mapping[str, Any] | None = None) -> Kept:
    """The same revision at its end."""
    revision = replace(
        kept.revision, state=state, ended=now(), reason=reason, soak=soak or kept.revision.soak
    )
    return replace(kept, revision=revision)


def _path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/secrets"
