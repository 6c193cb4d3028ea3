# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Namespaces from one description: the objects that each of them begins with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.flows import policies
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import INVENTORY_LABEL

Body = dict[str, Any]

#: Inventory that the role applies them under.
OURS = "namespaces"
#: Name of what a namespace has one of.
NAME = "groundwork"
#: ClusterRoles that a namespace's ``access`` binds. ``admin`` and ``view`` are Kubernetes' own.
ROLES = {"admin": "admin", "operator": "groundwork-operator", "read_only": "view"}
#: Parts of a description that another tool may own instead.
PARTS = ("quota", "limits", "network_policies", "access", "service_accounts")
_KEYS = frozenset(
    (
        *PARTS,
        "enabled",
        "labels",
        "annotations",
        "pod_security",
        "mesh",
        "pool",
        "deny",
        "allow",
        "pull_secret",
        "owners",
    )
) - {"network_policies"}


def cluster_objects(
    namespaces: Mapping[str, Mapping[str, Any]],
    priority_classes: Mapping[str, Mapping[str, Any]],
    cluster: Mapping[str, Any],
    present: Mapping[str, Mapping[str, str]],
) -> list[Body]:
    """Return all objects of a cluster's namespaces, and what they share.

    ``present`` are the labels of the namespaces that are in the cluster. One that is switched off (``enabled``) is not
    made; where it is present it stays as described all the same, since without its policies it would be open.
    Raises ``KubeError`` (``bad_namespace``, ``namespace_not_described``).
    """
    forgotten = sorted(
        name
        for name, labels in present.items()
        if labels.get(INVENTORY_LABEL) == OURS and name not in namespaces
    )
    if forgotten:
        raise KubeError(
            "namespace_not_described",
            f"{', '.join(forgotten)} was made from this description and is no longer in it: its quota and network "
            "policies would go, and what runs there would be open. Describe it with enabled: false to keep it as it "
            "is, or delete the namespace first (kubectl delete namespace).",
        )
    made = [operator_role(), *map(_priority_class, priority_classes.items())]
    for name, description in namespaces.items():
        if not isinstance(description, Mapping):
            raise KubeError(
                "bad_namespace", f"namespace {name}: a mapping is needed, not {description!r}."
            )
        objects = namespace_objects(name, description, cluster)
        if description.get("enabled", True) or name in present:
            made += objects
    return made


def namespace_objects(
    name: str, description: Mapping[str, Any], cluster: Mapping[str, Any]
) -> list[Body]:
    """Return all objects of one namespace.

    ``cluster`` says what flows need to know of it; see ``flows.policies``. Raises ``KubeError``
    (``bad_namespace``) that names the namespace and the part.
    """
    _check(name, description)
    owners = description.get("owners") or {}
    made: list[Body] = [_namespace(name, description)]
    for part, objects in (
        ("quota", _quota(name, description)),
        ("limits", _limits(name, description)),
        ("service_accounts", _service_accounts(name, description)),
        ("access", _access(name, description)),
        ("network_policies", _policies(name, description, cluster)),
    ):
        if owners.get(part, NAME) == NAME:
            made += objects
    return made


def _check(name: str, description: Mapping[str, Any]) -> None:
    unknown = sorted(description.keys() - _KEYS)
    if unknown:
        raise KubeError(
            "bad_namespace",
            f"namespace {name}: nobody knows {', '.join(unknown)}; there are {', '.join(sorted(_KEYS))}.",
        )
    others = sorted((description.get("owners") or {}).keys() - set(PARTS))
    if others:
        raise KubeError(
            "bad_namespace",
            f"namespace {name}: owners names {', '.join(others)}; parts are {', '.join(PARTS)}.",
        )


def _object(api: str, kind: str, name: str, namespace: str, **body: Any) -> Body:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        **body,
    }


def _namespace(name: str, description: Mapping[str, Any]) -> Body:
    labels = dict(description.get("labels") or {})
    security = description.get("pod_security", "restricted")
    modes = (
        security
        if isinstance(security, Mapping)
        else dict.fromkeys(("enforce", "warn", "audit"), security)
    )
    labels.update({f"pod-security.kubernetes.io/{mode}": level for mode, level in modes.items()})
    if description.get("mesh"):
        labels["istio.io/dataplane-mode"] = "ambient"
    annotations = dict(description.get("annotations") or {})
    if description.get("pool"):
        labels["groundwork.platform/pool"] = description["pool"]
        # For clusters whose admission has PodNodeSelector; others read the label in their workloads' templates.
        annotations["scheduler.alpha.kubernetes.io/node-selector"] = (
            f"node.kubernetes.io/pool={description['pool']}"
        )
    metadata: Body = {"name": name}
    if labels:
        metadata["labels"] = labels
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _quota(name: str, description: Mapping[str, Any]) -> Iterator[Body]:
    hard = description.get("quota")
    if hard:
        texts = {key: str(value) for key, value in hard.items()}
        yield _object("v1", "ResourceQuota", NAME, name, spec={"hard": texts})


def _limits(name: str, description: Mapping[str, Any]) -> Iterator[Body]:
    limits = description.get("limits")
    if limits:
        words = {
            "default_request": "defaultRequest",
            "max_limit_request_ratio": "maxLimitRequestRatio",
        }
        entry = {
            words.get(key, key): {resource: str(amount) for resource, amount in value.items()}
            for key, value in limits.items()
        }
        yield _object(
            "v1", "LimitRange", NAME, name, spec={"limits": [{"type": "Container", **entry}]}
        )


def _service_accounts(name: str, description: Mapping[str, Any]) -> Iterator[Body]:
    """The accounts that are named, and the default one: no token in pods that did not ask for one."""
    secret = description.get("pull_secret")
    pulling = {"imagePullSecrets": [{"name": secret}]} if secret else {}
    named: Sequence[Any] = description.get("service_accounts") or ()
    for entry in ({"name": "default"}, *named):
        account: Mapping[str, Any] = {"name": entry} if isinstance(entry, str) else entry
        body = _object(
            "v1",
            "ServiceAccount",
            account["name"],
            name,
            automountServiceAccountToken=bool(account.get("token", False)),
            **pulling,
        )
        if account.get("annotations"):
            body["metadata"]["annotations"] = dict(account["annotations"])
        yield body


def _access(name: str, description: Mapping[str, Any]) -> Iterator[Body]:
    for role, people in (description.get("access") or {}).items():
        if role not in ROLES:
            raise KubeError(
                "bad_namespace",
                f"namespace {name}: access has no {role}; there are {', '.join(ROLES)}.",
            )
        if people:
            yield _object(
                "rbac.authorization.k8s.io/v1",
                "RoleBinding",
                f"{NAME}-{role.replace('_', '-')}",
                name,
                roleRef={
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": ROLES[role],
                },
                subjects=[_subject(name, person) for person in people],
            )


def _subject(namespace: str, person: str) -> Body:
    """``group:NAME``, ``user:NAME`` or ``serviceaccount:NAMESPACE/NAME``."""
    kind, _colon, rest = person.partition(":")
    if kind in ("group", "user") and rest:
        return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind.capitalize(), "name": rest}
    place, _slash, account = rest.partition("/")
    if kind == "serviceaccount" and account:
        return {"kind": "ServiceAccount", "namespace": place, "name": account}
    raise KubeError(
        "bad_namespace",
        f"namespace {namespace}: {person} is nobody; write group:NAME, user:NAME or serviceaccount:NAMESPACE/NAME.",
    )


def _policies(
    name: str, description: Mapping[str, Any], cluster: Mapping[str, Any]
) -> Iterator[Body]:
    if description.get("deny", True):
        for title, spec in policies(name, description.get("allow") or (), cluster):
            yield _object("networking.k8s.io/v1", "NetworkPolicy", title, name, spec=spec)


def _priority_class(entry: tuple[str, Mapping[str, Any]]) -> Body:
    name, description = entry
    unknown = sorted(description.keys() - {"value", "description", "default", "preemption"})
    if unknown or not isinstance(description.get("value"), int):
        raise KubeError(
            "bad_namespace",
            f"priority class {name}: value (a whole number) is needed; description, default and preemption may be "
            f"there; this is {dict(description)}.",
        )
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": description["value"],
        "globalDefault": bool(description.get("default", False)),
        "description": description.get("description", ""),
        "preemptionPolicy": "PreemptLowerPriority"
        if description.get("preemption", True)
        else "Never",
    }


def operator_role() -> Body:
    """The ClusterRole of who deploys, scales, reads logs and restarts, and sees no secret."""
    change = ["create", "delete", "get", "list", "patch", "update", "watch"]
    look = ["get", "list", "watch"]
    rules = [
        (["apps"], ["deployments", "statefulsets", "daemonsets"], change),
        (["apps"], ["deployments/scale", "statefulsets/scale"], ["get", "patch", "update"]),
        (["apps"], ["replicasets", "controllerrevisions"], look),
        (["batch"], ["jobs", "cronjobs"], change),
        (["autoscaling"], ["horizontalpodautoscalers"], change),
        ([""], ["configmaps", "services"], change),
        # A pod that is deleted comes back: that is how one is restarted.
        ([""], ["pods"], ["delete", *look]),
        ([""], ["pods/log", "pods/status", "events", "endpoints", "persistentvolumeclaims"], look),
        ([""], ["resourcequotas", "limitranges"], look),
        (["networking.k8s.io"], ["ingresses", "networkpolicies"], look),
    ]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": ROLES["operator"]},
        "rules": [
            {"apiGroups": groups, "resources": resources, "verbs": verbs}
            for groups, resources, verbs in rules
        ],
    }
