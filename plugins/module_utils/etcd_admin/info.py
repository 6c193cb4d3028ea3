# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looks at a cluster and waits for it."""

from __future__ import annotations

from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.client import (
    EtcdCluster,
)
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.model import (
    Cluster,
    RefusedError,
    describe,
    problems,
    survives_without,
)

#: What can be waited for; see the module ``etcd_cluster_info``.
WANTED = ("nothing", "quorum", "member", "all", "spare")


def holds(cluster: Cluster, wanted: str, name: str) -> bool:
    """Whether the cluster is as wanted."""
    if wanted in ("all", "spare"):
        return not problems(cluster)
    if wanted == "member":
        member = cluster.find(name)
        return member is not None and member.id in cluster.serving
    return wanted == "nothing" or cluster.has_quorum


def cluster_info(etcd: EtcdCluster, wanted: str, name: str, timeout: float) -> dict[str, Any]:
    """Return the cluster's state once it is as wanted.

    Raises ``RefusedError`` where it is not in ``timeout`` seconds.
    """
    cluster = etcd.wait(lambda look: holds(look, wanted, name), timeout)
    if not holds(cluster, wanted, name):
        _judge(cluster, wanted, name, timeout)
    return {"changed": False, **describe(cluster)}


def _judge(cluster: Cluster, wanted: str, name: str, timeout: float) -> None:
    causes = [f"{a.endpoint}: {a.cause}" for a in cluster.answers if a.cause]
    said = "; ".join(problems(cluster) + causes)
    if wanted != "spare":
        what = f"member {name}" if wanted == "member" else "the cluster"
        raise RefusedError("not_healthy", f"After {timeout:g} s {what} is not well: {said}.")
    if not survives_without(cluster, name):
        raise RefusedError(
            "quorum_at_risk",
            f"{name} is not restarted: without it no quorum would be left ({said}). Bring the other "
            "members back first; a re-run then goes on here.",
        )
