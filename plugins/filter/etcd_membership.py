# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters around etcd; each is described in the YAML file of its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.plan import (
    Host,
    make_plan,
)


def etcd_membership_plan(
    cluster: Mapping[str, Any], hosts: Sequence[Mapping[str, Any]], remove: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what makes the hosts the cluster's members; see etcd_membership_plan.yml."""
    known = [
        Host(h["name"], h["peer_url"], h.get("has_data"), h.get("bootstrapping")) for h in hosts
    ]
    return make_plan(cluster, known, list(remove)).to_dict()


class FilterModule:
    """Filters for the role etcd."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"etcd_membership_plan": etcd_membership_plan}
