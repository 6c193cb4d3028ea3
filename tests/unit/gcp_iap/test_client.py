from __future__ import annotations

import asyncio

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.iap.client import (
    Usage,
    over_port,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.iap.tunnel import Tunnel


def test_only_what_nobody_uses_is_idle():
    now = [10.0]
    usage = Usage(lambda: now[0])
    now[0] = 13.0
    assert usage.idle == 3.0
    with usage:
        now[0] = 20.0
        with usage:
            now[0] = 30.0
        assert usage.idle == 0.0
    assert usage.idle == 0.0
    now[0] = 31.5
    assert usage.idle == 1.5


def test_a_port_that_nobody_uses_is_given_up():
    async def nobody() -> Tunnel:
        raise AssertionError

    told: list[str] = []
    asyncio.run(asyncio.wait_for(over_port(nobody, "127.0.0.1", 0, told.append, idle=0.01), 30))
    assert told[0].startswith("listening on 127.0.0.1:")
