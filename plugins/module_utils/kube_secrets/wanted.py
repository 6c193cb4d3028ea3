# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is to be written for one secret in one namespace, and which of its keys become others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.readiness import waits_for
from ansible_collections.groundwork.platform.plugins.module_utils.kube.secret import RESTART_DUE
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets import manifests
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.live import (
    Live,
    Target,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    CSI,
    SECRET,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.sealed import (
    Place,
    Seals,
    changed,
    differing,
    reseal,
    seals_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.sealing import (
    Certificate,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.workloads import (
    Change,
    due,
    merged,
)


@dataclass(frozen=True)
class Tools:
    """What sealing needs, and the name of the CSI provider.

    ``standby``: no controller opens anything now. ``git_only``: sealed ones are applied by somebody else,
    out of their files.
    """

    certificate: Certificate | None = None
    digest_key: bytes = field(default=b"", repr=False)
    provider: str = "gcp"
    standby: bool = False
    git_only: bool = False


@dataclass(frozen=True)
class Wanted:
    """The object as it shall be; ``keys`` says what becomes of which key, ``change`` what restarts for it."""

    target: Target
    body: Mapping[str, Any]
    keys: Mapping[str, str]
    change: Change | None

    @property
    def marked(self) -> Mapping[str, Any]:
        """The object with the note that a restart is due; without a change, the object."""
        if self.change is None:
            return self.body
        metadata = self.body["metadata"]
        annotations = {
            **(metadata.get("annotations") or {}),
            RESTART_DUE: self.change.annotation(),
        }
        return {**self.body, "metadata": {**metadata, "annotations": annotations}}


def want(
    target: Target, live: Live, contents: Mapping[str, bytes], tools: Tools, since: str
) -> Wanted:
    """Decide on one secret. ``since`` is when its values change, if they do.

    Raises ``MissingError`` (``no_certificate``).
    """
    described = target.described
    body: Mapping[str, Any]
    if described.form == SECRET:
        body = manifests.secret(described, target.namespace, contents)
        before = manifests.contents_of(live.secret)
        keys = set() if before is None else differing(before, contents)
        words = _words(before, contents)
    elif described.form == CSI:
        body = manifests.provider_class(described, target.namespace, tools.provider)
        had, has = manifests.stored_names(live.own), manifests.stored_names(body)
        keys = set() if live.own is None else differing(had, has)
        words = _words(None if live.own is None else had, has)
    else:
        body, keys, words = _sealed(target, live, contents, tools)
    change = Change(
        target.namespace,
        described.name,
        frozenset(keys),
        since,
        described.form == CSI,
        described.restart,
    )
    return Wanted(target, body, words, merged(change, due(live.own)))


def _sealed(
    target: Target, live: Live, contents: Mapping[str, bytes], tools: Tools
) -> tuple[Mapping[str, Any], set[str], dict[str, str]]:
    described = target.described
    place = Place(target.namespace, described.name, described.scope)
    before = seals_of(live.filed if tools.git_only else live.own or live.filed)
    # What is not opened yet leaves the Secret as it was: then it says nothing of what is sealed.
    late = tools.standby or tools.git_only or (live.own and waits_for(live.own, "Synced"))
    opened = None if late else manifests.contents_of(live.secret)
    seals = reseal(place, contents, before, opened, tools.certificate, tools.digest_key)
    in_cluster = before if tools.git_only else seals_of(live.own)
    keys = changed(place, contents, in_cluster, opened, tools.digest_key)
    had = in_cluster.values if opened is None else opened
    words = {
        **dict.fromkeys(_sealed_anew(before, seals), "sealed anew"),
        **_words(had or None, contents, keys),
    }
    body = manifests.sealed_secret(described, target.namespace, seals)
    return body, keys, dict(sorted(words.items()))


def _sealed_anew(before: Seals, after: Seals) -> set[str]:
    return {key for key, value in after.values.items() if before.values.get(key, value) != value}


def _words(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], keys: set[str] | None = None
) -> dict[str, str]:
    """What becomes of each key that does not stay as it is."""
    there = before or {}
    others = differing(there, after) if keys is None else keys | (after.keys() - there.keys())
    return {
        key: "removed" if key not in after else "changed" if key in there else "added"
        for key in sorted(others)
    }


def without_change(wanted: Wanted) -> Wanted:
    """The same object, for whose sake nothing restarts."""
    return replace(wanted, change=None)
