# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""In which order kinds are applied, as Helm installs them (pkg/release/util/kind_sorter.go), in waves.

Within a wave all requests are in flight together, so a wave holds kinds that do not need each other.
"""

from __future__ import annotations

from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key, Kind

_WAVES = (
    (
        "CustomResourceDefinition",
        "Namespace",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "IngressClass",
    ),
    (
        "ClusterRole",
        "ConfigMap",
        "LimitRange",
        "NetworkPolicy",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "ResourceQuota",
        "Role",
        "Secret",
        "ServiceAccount",
    ),
    ("ClusterRoleBinding", "RoleBinding", "Service"),
    ("DaemonSet", "Deployment", "Pod", "ReplicaSet", "ReplicationController", "StatefulSet"),
    ("CronJob", "HorizontalPodAutoscaler", "Ingress", "Job"),
    ("APIService",),
    # From here on every write may pass them.
    (
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    ),
)
_NUMBERS = {kind: number for number, kinds in enumerate(_WAVES) for kind in kinds}
#: Kinds that somebody else defined come last, as Helm has it.
_LAST = len(_WAVES)

_BUILT_IN_GROUPS = frozenset(("", "apps", "autoscaling", "batch", "extensions", "policy"))


def built_in(group: str) -> bool:
    """Whether Kubernetes itself serves the group; those that it added later end in ``.k8s.io``.

    That suffix is also kept by projects of Kubernetes' own that come as CRDs (Gateway API), which
    is why ``wave`` looks at the kind as well.
    """
    return group in _BUILT_IN_GROUPS or group.endswith(".k8s.io")


def wave(kind: Kind | Key) -> int:
    """Return the number of a kind's wave, from 0."""
    name = kind.name if isinstance(kind, Kind) else kind.kind
    return _NUMBERS.get(name, _LAST) if built_in(kind.group) else _LAST
