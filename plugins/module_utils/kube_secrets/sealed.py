# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which values are sealed anew, and which stay byte for byte as they are.

A sealed value looks different each time, so whether it still stands for the wanted one is told by a keyed
digest beside it. The key stays with who seals: without it, a digest says nothing about a short password.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.secret import SEALED_WITH
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    MissingError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.sealing import (
    Certificate,
    digest,
    label,
    seal,
)


@dataclass(frozen=True)
class Seals:
    """Sealed values by key, and what they were made with: certificate, scope, digests of the values."""

    values: Mapping[str, str] = field(default_factory=dict)
    certificate: str = ""
    scope: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)

    def annotation(self) -> str:
        """The text of the annotation ``SEALED_WITH``."""
        said = {"certificate": self.certificate, "digests": self.digests, "scope": self.scope}
        return json.dumps(said, sort_keys=True, separators=(",", ":"))


def seals_of(body: Mapping[str, Any] | None) -> Seals:
    """The seals of a SealedSecret; none where it is not there, or says nothing of how it was made."""
    metadata = (body or {}).get("metadata") or {}
    try:
        said = json.loads((metadata.get("annotations") or {}).get(SEALED_WITH, ""))
        return Seals(
            values=dict(((body or {}).get("spec") or {}).get("encryptedData") or {}),
            certificate=str(said["certificate"]),
            scope=str(said["scope"]),
            digests=dict(said["digests"]),
        )
    except (ValueError, KeyError, TypeError):
        return Seals()


@dataclass(frozen=True)
class Place:
    """Where sealed values belong."""

    namespace: str
    name: str
    scope: str


def reseal(
    place: Place,
    contents: Mapping[str, bytes],
    before: Seals,
    opened: Mapping[str, bytes] | None,
    certificate: Certificate | None,
    key: bytes,
) -> Seals:
    """Seal what has to be sealed, and keep the rest.

    ``opened`` is what the Secret in the cluster has, ``None`` where that is not known. What differs there
    from what is wanted is sealed anew, so that the controller writes the Secret again. Without a
    ``certificate`` nothing can be sealed: raises ``MissingError`` where something has to be.
    """
    digests = {
        name: digest(key, place.namespace, place.name, name, content)
        for name, content in contents.items()
    }
    whole = (
        before.scope != place.scope
        or (certificate is not None and before.certificate != certificate.fingerprint)
        or bool((opened or {}).keys() - contents.keys())
    )
    kept = {
        name: before.values[name]
        for name, content in contents.items()
        if not whole
        and name in before.values
        and before.digests.get(name) == digests[name]
        and (opened is None or opened.get(name) == content)
    }
    anew = contents.keys() - kept.keys()
    if anew and certificate is None:
        raise MissingError(
            "no_certificate",
            f"there is no certificate to seal {', '.join(sorted(anew))} against",
            "The controller does not run while the cluster stands by: give the certificate as a file, as "
            "kubeseal --fetch-cert wrote it",
        )
    bound_to = label(place.scope, place.namespace, place.name)
    made = {name: seal(certificate, contents[name], bound_to) for name in anew if certificate}
    return Seals(
        values={name: kept.get(name) or made[name] for name in contents},
        certificate=certificate.fingerprint if certificate else before.certificate,
        scope=place.scope,
        digests=digests,
    )


def changed(
    place: Place,
    contents: Mapping[str, bytes],
    before: Seals,
    opened: Mapping[str, bytes] | None,
    key: bytes,
) -> set[str]:
    """Keys whose value becomes another one for who reads the Secret; none where it is new."""
    if opened is not None:
        return differing(opened, contents)
    if not before.values:
        return set()
    return {
        name
        for name in before.values.keys() | contents.keys()
        if name not in contents
        or before.digests.get(name)
        != digest(key, place.namespace, place.name, name, contents[name])
    }


def differing(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> set[str]:
    """Keys that are in one alone, or with another value in each."""
    return {
        name
        for name in before.keys() | after.keys()
        if name not in before or name not in after or before[name] != after[name]
    }
