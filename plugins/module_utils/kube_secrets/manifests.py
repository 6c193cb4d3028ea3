# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The objects that are written, from what is described and its values."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.secret import SEALED_WITH
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    KINDS,
    SCOPES,
    Described,
    Generated,
    Stored,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.sealed import Seals

#: Annotation with the versions of generated values, where they are not 1.
GENERATED = "groundwork.platform/generated"


def secret(described: Described, namespace: str, contents: Mapping[str, bytes]) -> dict[str, Any]:
    """A Secret."""
    body = bare(described, namespace)
    data = {name: base64.b64encode(content).decode() for name, content in contents.items()}
    return {**body, "type": described.type, "data": data}


def sealed_secret(described: Described, namespace: str, seals: Seals) -> dict[str, Any]:
    """A SealedSecret, whose template gives the Secret its type, labels and annotations."""
    body = skeleton(described, namespace)
    scope = {SCOPES[described.scope]: "true"} if SCOPES[described.scope] else {}
    inner = _metadata(described)
    annotations = {**inner.get("annotations", {}), **scope}
    template = {
        **body["metadata"],
        **inner,
        **({"annotations": annotations} if annotations else {}),
    }
    body["metadata"]["annotations"] = {**annotations, SEALED_WITH: seals.annotation()}
    spec = {
        "encryptedData": dict(seals.values),
        "template": {"metadata": template, "type": described.type},
    }
    return {**body, "spec": spec}


def provider_class(described: Described, namespace: str, provider: str) -> dict[str, Any]:
    """A SecretProviderClass: names of secrets and no value."""
    objects = [
        {"resourceName": source.resource, "path": key}
        for key, source in sorted(described.data.items())
        if isinstance(source, Stored)
    ]
    spec: dict[str, Any] = {
        "provider": provider,
        # The provider reads YAML here, and JSON is YAML.
        "parameters": {"secrets": json.dumps(objects, indent=2)},
    }
    if described.sync:
        data = [{"objectName": key, "key": key} for key in sorted(described.data)]
        synced: dict[str, Any] = {
            "secretName": described.name,
            "type": described.type,
            "data": data,
        }
        if described.labels:
            synced["labels"] = dict(described.labels)
        spec["secretObjects"] = [synced]
    return {**skeleton(described, namespace), "spec": spec}


def bare(described: Described, namespace: str) -> dict[str, Any]:
    """The object that a form writes, without what is in it: kind, name, labels, annotations."""
    body = skeleton(described, namespace)
    body["metadata"].update(_metadata(described))
    return body


def skeleton(described: Described, namespace: str) -> dict[str, Any]:
    """Kind and name of the object that a form writes."""
    kind = KINDS[described.form]
    metadata = {"name": described.name, "namespace": namespace}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}


def stored_names(body: Mapping[str, Any] | None) -> dict[str, bytes]:
    """What a SecretProviderClass mounts, by path; nothing where it cannot be read."""
    parameters = ((body or {}).get("spec") or {}).get("parameters") or {}
    try:
        objects = json.loads(parameters.get("secrets", "[]"))
        return {item["path"]: str(item["resourceName"]).encode() for item in objects}
    except (ValueError, KeyError, TypeError):
        return {}


def contents_of(body: Mapping[str, Any] | None) -> dict[str, bytes] | None:
    """The values of a Secret, ``None`` where it is not there."""
    if body is None:
        return None
    return {name: base64.b64decode(text) for name, text in (body.get("data") or {}).items()}


def generated_versions(body: Mapping[str, Any] | None) -> dict[str, int]:
    """Versions of generated values that an object names."""
    annotations = ((body or {}).get("metadata") or {}).get("annotations") or {}
    try:
        return {str(key): int(number) for key, number in json.loads(annotations[GENERATED]).items()}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _metadata(described: Described) -> dict[str, Any]:
    """Labels and annotations of the Secret, where there are some."""
    versions = {
        key: source.version
        for key, source in described.data.items()
        if isinstance(source, Generated) and source.version != 1
    }
    annotations = dict(described.annotations)
    if versions:
        annotations[GENERATED] = json.dumps(versions, sort_keys=True)
    found: dict[str, Any] = {}
    if described.labels:
        found["labels"] = dict(described.labels)
    if annotations:
        found["annotations"] = annotations
    return found
