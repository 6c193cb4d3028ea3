# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Network policies from named flows: all is denied but what is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

Spec = dict[str, Any]

#: Port of ztunnel's tunnels (HBONE), https://istio.io/latest/docs/ambient/usage/networkpolicy/.
HBONE = 15008
#: As who kubelet's probes come where ambient mesh has changed their sender (the same page).
PROBES_IN_MESH = "169.254.7.127/32"


def policies(
    namespace: str, allow: Sequence[str | Mapping[str, Any]], cluster: Mapping[str, Any]
) -> Iterator[tuple[str, Spec]]:
    """Yield names and specifications: first that all is denied, then each flow.

    A flow is ``dns``, ``ztunnel``, ``kubelet``, ``namespace`` (pods of the namespace among themselves)
    or a mapping with ``name`` and ``from`` or ``to``: peers as ``{namespace: NAME, pods: LABELS}`` or
    ``{cidr: CIDR, except: [CIDR]}``, with ``ports`` (numbers, or ``53/UDP``) and ``pods`` (labels of
    the pods that it is about, by default all).

    ``cluster`` has ``dns_namespace``, ``dns_labels`` and ``node_cidrs``. Raises ``KubeError`` (``bad_namespace``).
    """
    yield "default-deny", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for flow in allow:
        if isinstance(flow, str):
            yield f"allow-{flow}", _known(namespace, flow, cluster)
        else:
            yield f"allow-{_name(namespace, flow)}", _described(namespace, flow)


def _known(namespace: str, flow: str, cluster: Mapping[str, Any]) -> Spec:
    if flow == "dns":
        peer = _pods(cluster["dns_namespace"], cluster["dns_labels"])
        return _spec({}, egress=[{"to": [peer], "ports": _ports(["53/UDP", "53/TCP"])}])
    if flow == "ztunnel":
        tunnels = _ports([HBONE])
        return _spec({}, ingress=[{"ports": tunnels}], egress=[{"ports": tunnels}])
    if flow == "kubelet":
        nodes = [*cluster["node_cidrs"], PROBES_IN_MESH]
        return _spec({}, ingress=[{"from": [{"ipBlock": {"cidr": cidr}} for cidr in nodes]}])
    if flow == "namespace":
        inside: list[Spec] = [{"podSelector": {}}]
        return _spec({}, ingress=[{"from": inside}], egress=[{"to": inside}])
    raise KubeError(
        "bad_namespace",
        f"namespace {namespace}: {flow} is no flow; there are dns, kubelet, namespace, ztunnel, and mappings.",
    )


def _name(namespace: str, flow: Mapping[str, Any]) -> str:
    directions = [key for key in ("from", "to") if key in flow]
    unknown = sorted(flow.keys() - {"name", "from", "to", "ports", "pods"})
    if not flow.get("name") or len(directions) != 1 or unknown:
        raise KubeError(
            "bad_namespace",
            f"namespace {namespace}: a flow has a name, either from or to, and may have ports and pods; this is "
            f"{dict(flow)}.",
        )
    return str(flow["name"])


def _described(namespace: str, flow: Mapping[str, Any]) -> Spec:
    ports = {"ports": _ports(flow["ports"])} if flow.get("ports") else {}
    about = flow.get("pods") or {}
    direction = "from" if "from" in flow else "to"
    peers = flow[direction] if isinstance(flow[direction], list) else [flow[direction]]
    rule = {direction: [_peer(namespace, peer) for peer in peers], **ports}
    return _spec(about, ingress=[rule]) if direction == "from" else _spec(about, egress=[rule])


def _peer(namespace: str, peer: Mapping[str, Any]) -> Spec:
    if "cidr" in peer:
        block: Spec = {"cidr": peer["cidr"]}
        if peer.get("except"):
            block["except"] = list(peer["except"])
        return {"ipBlock": block}
    return _pods(peer.get("namespace", namespace), peer.get("pods") or {})


def _pods(namespace: str, labels: Mapping[str, str]) -> Spec:
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": {"matchLabels": dict(labels)} if labels else {},
    }


def _ports(ports: Sequence[int | str]) -> list[Spec]:
    """Numbers are TCP; ``53/UDP`` names its protocol."""
    found = []
    for port in ports:
        number, _slash, protocol = str(port).partition("/")
        found.append(
            {"port": int(number) if number.isdigit() else number, "protocol": protocol or "TCP"}
        )
    return found


def _spec(about: Mapping[str, str], **rules: list[Spec]) -> Spec:
    """A policy of the pods with these labels; only the directions with rules are restricted by it."""
    return {
        "podSelector": {"matchLabels": dict(about)} if about else {},
        "policyTypes": [direction.capitalize() for direction in rules],
        **rules,
    }
