# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cluster in standby: its node pools are at 0, and it gets every manifest all the same.

What is set here belongs to the manager that applies it. Once the manifests are applied without
standby it is no part of them any more, so the API server removes it, and the field has its default
(or the manifest's own value) again: no other way back is needed.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key, Manifest

_SUSPENDED = frozenset((("batch", "CronJob"), ("batch", "Job")))
_WEBHOOKS = frozenset(
    ("admissionregistration.k8s.io", f"{prefix}WebhookConfiguration")
    for prefix in ("Mutating", "Validating")
)
#: All that these need is done by the control plane.
_NODELESS = frozenset((("apiextensions.k8s.io", "CustomResourceDefinition"), ("", "Namespace")))
#: Where nobody answers, the default of 10 s a call would be a standstill, ignored or not.
_IGNORED = {"failurePolicy": "Ignore", "timeoutSeconds": 1}


def resting(manifest: Manifest) -> Manifest:
    """The manifest as a cluster in standby gets it.

    Jobs and CronJobs are suspended, all of them: none can run, and each would begin with the first
    node that comes, before anybody has decided that this cluster takes over. Webhooks do not block.
    What is malformed is left as it is, for the API to refuse.
    """
    body, key = manifest.body, manifest.key
    spec, webhooks = body.get("spec"), body.get("webhooks")
    if key[:2] in _SUSPENDED and isinstance(spec, dict):
        return Manifest({**body, "spec": {**spec, "suspend": True}}, manifest.source)
    if blocks(key) and isinstance(webhooks, list):
        return Manifest({**body, "webhooks": list(map(_ignored, webhooks))}, manifest.source)
    return manifest


def blocks(key: Key) -> bool:
    """Whether an object of this kind, with nobody behind it, can stop the writes of others."""
    return key[:2] in _WEBHOOKS


def needs_nodes(key: Key) -> bool:
    """Whether an object may become ready only with a node; of most kinds nobody can say for certain."""
    return key[:2] not in _NODELESS


def _ignored(webhook: Any) -> Any:
    return {**webhook, **_IGNORED} if isinstance(webhook, dict) else webhook
