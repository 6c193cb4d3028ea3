# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service's window and its canary, from options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    Canary,
    Soak,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import Share
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

Params = Mapping[str, Any]


def soak(name: str, run: Params | None, own: Params | None) -> Soak:
    """A service's window: its own options above the run's, above the defaults. Raises ``KubeError`` (``bad_soak``)."""
    given = {
        key: value
        for options in (run or {}, own or {})
        for key, value in options.items()
        if value is not None
    }
    try:
        if "failed_requests" in given:
            given["failed_requests"] = Share.of(given["failed_requests"])
        if "latency" in given:
            given["latency"] = {
                key: value for key, value in given["latency"].items() if value is not None
            }
        found = Soak(**given)
        if found.seconds < 0 or found.interval < 0.1:
            raise ValueError(
                f"seconds {found.seconds:g} and interval {found.interval:g}: at least 0 and 0.1"
            )
        if min(found.minimum_requests, found.unready, found.restarts) < 0:
            raise ValueError("minimum_requests, unready and restarts are numbers from 0 on")
        if any(limit <= 0 for limit in found.latency.values()):
            raise ValueError("latency has a time in which nothing answers")
        if found.interval > found.seconds > 0:
            raise ValueError(
                f"interval {found.interval:g} s is longer than the window of {found.seconds:g} s"
            )
    except ValueError as error:
        raise KubeError("bad_soak", f"{name}: soak: {error}.") from error
    return found


def canary(name: str, given: Params) -> Canary | None:
    """A service's canary. Raises ``KubeError`` (``bad_canary``, ``no_canary``)."""
    if not given["canary"]:
        return None
    found = Canary(**given["canary"])
    if not 0 <= found.weight < 100 or found.replicas < 1 or found.seconds <= 0:
        raise KubeError(
            "bad_canary",
            f"{name}: a canary has a weight from 0 to 99, at least one replica and a time above 0; it has "
            f"{found.weight}, {found.replicas} and {found.seconds:g}.",
        )
    if given["git"]:
        raise KubeError("no_canary", f"{name}: Argo CD brings it, and would not bring a canary.")
    if found.weight and not (given["manifests"] or given["helm"] or given["kustomize"]):
        raise KubeError(
            "no_canary",
            f"{name}: a canary by weight is made of its manifests, and there are none. Leave weight out to have it "
            "take its share of the pods.",
        )
    return found
