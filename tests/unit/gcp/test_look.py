"""What cannot be read, and what that means."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import (
    GcpError,
    RefusedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.look import look

from tests.unit.gcp.world import a_cloud, handlers

NETWORK = "- {type: compute.networks, name: n, body: {autoCreateSubnetworks: false}, state: %s}\n"
SERVICE = "- {type: serviceusage.services, name: compute.googleapis.com}\n"
OFF = GcpError("service_disabled", "It is disabled.", "accessNotConfigured", 403)
DENIED = GcpError("permission_denied", "No.", "forbidden", 403)


def seen(text: str, error: GcpError) -> dict[str, Any]:
    cloud, client = a_cloud()
    plain = client.send

    async def send(method: str, url: str, *more: Any, **options: Any) -> dict[str, Any]:
        if url.endswith("/networks/n"):
            raise error
        return await plain(method, url, *more, **options)

    client.send = send  # type: ignore[method-assign]
    return dict(asyncio.run(look(handlers(cloud, text), settle=False)))


def test_what_is_to_be_absent_is_so_where_its_api_is_off():
    assert seen(NETWORK % "absent", OFF) == {"compute.networks/n": None}


@pytest.mark.parametrize("state, error", [("present", OFF), ("absent", DENIED)])
def test_what_else_cannot_be_read_is_refused(state, error):
    with pytest.raises(RefusedError) as refused:
        seen(NETWORK % state, error)
    assert [each.reason for each in refused.value.problems] == [error.reason]


def test_what_comes_with_its_api_is_not_there_yet():
    assert seen(SERVICE + NETWORK % "present", OFF)["compute.networks/n"] is None
