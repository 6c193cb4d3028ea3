# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many days the certificate of a server has left."""

from __future__ import annotations

import asyncio
import ssl
import time

from ansible_collections.groundwork.platform.plugins.module_utils.health.failure import (
    ENDS,
    FailedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.world import (
    Tls,
    World,
)

DAY = 86400.0


def left(certificate: dict[str, object], now: float) -> float:
    """Days until a verified certificate, as Python's ssl shows it, ends."""
    return (ssl.cert_time_to_seconds(str(certificate["notAfter"])) - now) / DAY


def judge_days(found: float, wanted: int) -> None:
    """Raise ``FailedError`` where fewer days are left than wanted."""
    if found < wanted:
        raise FailedError(
            ENDS, f"its certificate ends in {found:.1f} days, and should have {wanted} left"
        )


async def days_left(world: World, host: str, port: int, tls: Tls) -> float:
    """Days, seen over a connection of its own: aiohttp may have given its own back already."""
    _reader, writer = await asyncio.open_connection(host, port, ssl=world.tls(tls))
    try:
        return left(writer.get_extra_info("ssl_object").getpeercert(), time.time())
    finally:
        writer.close()
