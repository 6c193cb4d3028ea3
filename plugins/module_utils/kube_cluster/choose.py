# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubernetes clusters of an inventory, for playbooks that work on one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean

GROUP = "kube_clusters"
PREFIX = "cluster-"


def chosen_clusters(groups: Mapping[str, Sequence[str]], clusters: str = "") -> list[str]:
    """Return the hosts of the clusters named in ``clusters`` (comma-separated), or of all.

    A cluster is named by its inventory host, with or without ``cluster-`` before it.

    :raises ValueError: when there are none, or a name is unknown; the message lists those there are.
    """
    known = list(groups.get(GROUP, ()))
    if not known:
        raise ValueError(
            f"the inventory has no Kubernetes cluster: give its group {GROUP} a host for each"
        )
    names = [name.strip() for name in clusters.split(",") if name.strip()]
    if not names:
        return known
    wanted = [name if name in known else PREFIX + name for name in names]
    missing = [name for name, host in zip(names, wanted) if host not in known]
    if missing:
        hints = "".join(
            did_you_mean(name, [*known, *(host.removeprefix(PREFIX) for host in known)])
            for name in missing
        )
        raise ValueError(
            f"no such Kubernetes cluster: {', '.join(missing)} ({hints}group {GROUP}: {', '.join(known)})"
        )
    return list(dict.fromkeys(wanted))
