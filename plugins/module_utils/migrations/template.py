# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A migration's Job out of a service's description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import (
    DEFINITION,
    SERVICE,
    checksum,
)

#: Names of pods are labels, too.
LONGEST_NAME = 63

Body = dict[str, Any]


def job(given: Mapping[str, Any], version: str, namespace: str) -> Body:
    """The Job of a service's migration, whole: with name, labels and digest.

    ``given`` is a service of the module's options. Raises ``KubeError`` (``bad_name``).
    """
    found = _taken(given["job"]) if given.get("job") else _made(given, version)
    metadata = found["metadata"]
    metadata.setdefault("namespace", namespace)
    metadata["labels"] = {**(metadata.get("labels") or {}), SERVICE: given["name"]}
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        DEFINITION: checksum(found["spec"]),
    }
    name = metadata.get("name") or ""
    if len(name) > LONGEST_NAME:
        raise KubeError(
            "bad_name",
            f"{given['name']}: the Job's name {name} has {len(name)} characters, and pods take {LONGEST_NAME}. "
            "Shorten the version.",
        )
    return found


def command(given: Mapping[str, Any], version: str) -> Body:
    """What a migration is that is a command on a host, in the shape of a Job."""
    return {
        "metadata": {"name": f"{given['name']}-migrate-{version}", "namespace": ""},
        "spec": {
            "command": given["command"],
            "environment": {
                name: str(value) for name, value in (given["environment"] or {}).items()
            },
            "backoffLimit": given["backoff_limit"],
            "activeDeadlineSeconds": given["deadline"],
        },
    }


def _taken(given: Mapping[str, Any]) -> Body:
    if given.get("kind") != "Job" or not (given.get("metadata") or {}).get("name"):
        raise KubeError("bad_job", f"job: a Job with a name, not {given.get('kind') or 'that'}.")
    return {**given, "metadata": dict(given["metadata"])}


def _made(given: Mapping[str, Any], version: str) -> Body:
    # Two services of one application bring the same tables.
    service = given.get("app") or given["name"]
    labels = {
        "app.kubernetes.io/name": service,
        "app.kubernetes.io/component": "migration",
        "app.kubernetes.io/version": version,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"{given['prefix']}{service}-migrate-{version}", "labels": labels},
        "spec": {
            "backoffLimit": given["backoff_limit"],
            "activeDeadlineSeconds": given["deadline"],
            "template": {"metadata": {"labels": labels}, "spec": _pod(given)},
        },
    }


def _pod(given: Mapping[str, Any]) -> Body:
    container = {
        "name": "migrate",
        "image": given["image"],
        "command": given["command"],
        "envFrom": given["env_from"],
        "env": [
            {"name": name, "value": str(value)}
            for name, value in (given["environment"] or {}).items()
        ],
        "resources": given["resources"],
        "imagePullPolicy": given["pull_policy"],
        "securityContext": given["security"],
    }
    pod = {
        "restartPolicy": "OnFailure",
        "nodeSelector": given["node_selector"],
        "imagePullSecrets": [{"name": name} for name in given["pull_secrets"] or ()],
        "serviceAccountName": given["service_account"],
        "automountServiceAccountToken": False,
        "initContainers": [_waiter(entry, given) for entry in given["wait_for"] or ()],
        "containers": [_filled(container)],
    }
    return {**_filled(pod), "restartPolicy": "OnFailure", "automountServiceAccountToken": False}


def _waiter(entry: Mapping[str, Any], given: Mapping[str, Any]) -> Body:
    """An init container that holds the migration back until something answers."""
    return _filled(
        {
            "name": entry["name"],
            "image": entry["image"],
            "command": entry["command"],
            "resources": given["resources"],
            "imagePullPolicy": given["pull_policy"],
            "securityContext": given["security"],
        }
    )


def _filled(body: Mapping[str, Any]) -> Body:
    """What has a value: the API would default the rest, and the digest must not know it."""
    return {key: value for key, value in body.items() if value not in (None, [], {}, "")}
