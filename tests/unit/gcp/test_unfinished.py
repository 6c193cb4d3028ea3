"""What is still under way before a plan is made."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.unfinished import (
    Unfinished,
    unfinished,
    wait_for,
)

from tests.unit.gcp.world import PROJECT, a_cloud, resources

DECLARED = """
- {type: compute.networks, name: n, body: {autoCreateSubnetworks: false}}
- {type: compute.disks, name: d, zone: asia-southeast1-a, body: {sizeGb: "10"}}
"""
DISK = f"projects/{PROJECT}/zones/asia-southeast1-a/disks/d"


def operation(verb: str, link: str) -> dict[str, Any]:
    return {
        "kind": "compute#operation",
        "operationType": verb,
        "status": "RUNNING",
        "targetLink": f"https://www.googleapis.com/compute/v1/{link}",
    }


def looked(*operations: dict[str, Any]) -> tuple[Cloud, list[Unfinished]]:
    """A cloud in which these go on, and what is found of them."""
    scopes = {f"zones/{number}": {"operations": [one]} for number, one in enumerate(operations)}
    listed = {"items": {**scopes, "global": {"warning": {"code": "NO_RESULTS_ON_PAGE"}}}}
    cloud, _client = a_cloud({f"projects/{PROJECT}/aggregated/operations": listed})
    found, unseen = asyncio.run(unfinished(cloud, resources(DECLARED)))
    assert not unseen
    return cloud, found


def waited_for(error: GcpError | None) -> list[str]:
    """What is told while it is waited for a deletion that ends so."""
    cloud, found = looked(operation("delete", f"projects/{PROJECT}/global/networks/n"))
    told: list[str] = []

    async def finish(_operation: Any, _resource: Any) -> None:
        told.append("waited")
        if error:
            raise error

    cloud.operations.finish = finish  # type: ignore[assignment, method-assign]
    asyncio.run(wait_for(cloud, found, lambda name, text: told.append(f"{name}: {text}")))
    return told


@pytest.mark.parametrize("error", [None, GcpError("operation_failed", "not so")])
def test_what_is_done_to_declared_resources_is_waited_for_however_it_ends(
    error: GcpError | None,
) -> None:
    assert waited_for(error) == [
        "compute.networks/n: waits for the delete that is under way",
        "waited",
    ]


def test_what_does_not_end_keeps_the_plan_from_being_made() -> None:
    with pytest.raises(GcpError, match=r"compute.networks/n: the delete .* not done") as raised:
        waited_for(GcpError("timeout", "it is not done after 5 s"))
    assert raised.value.reason == "timeout"


def test_snapshots_and_others_resources_are_left_alone() -> None:
    theirs = operation("delete", f"projects/{PROJECT}/global/networks/another")
    ours = operation("resizeDisk", DISK)
    _cloud, found = looked(operation("createSnapshot", DISK), theirs, ours)
    assert [(each.verb, each.resource.key) for each in found] == [
        ("resizeDisk", "compute.disks/asia-southeast1-a/d")
    ]


@pytest.mark.parametrize(
    "error, words",
    [
        (GcpError("not_found", "nothing", "notFound", 404), []),
        (GcpError("service_disabled", "compute is off", "accessNotConfigured", 403), []),
        (
            GcpError("permission_denied", "you lack it", "forbidden", 403),
            [f"Whether something is still under way in {PROJECT} cannot be seen: you lack it"],
        ),
    ],
)
def test_who_may_not_see_is_told_so(error: GcpError, words: list[str]) -> None:
    cloud, client = a_cloud()

    async def send(*_args: Any, **_options: Any) -> dict[str, Any]:
        raise error

    client.send = send  # type: ignore[method-assign]
    assert asyncio.run(unfinished(cloud, resources(DECLARED))) == ([], words)
