# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module ``gcp_snapshot_info``: asks Google for snapshots."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.groundwork.platform.plugins.module_utils.gcp import client
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.arguments import account
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.credentials import (
    Account,
    Tokens,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint import snapshots

_URL = "https://compute.googleapis.com/compute/v1/projects/{}/global/snapshots"
_DISKS = "https://compute.googleapis.com/compute/v1/projects/{}/aggregated/disks"


def tell(module: AnsibleModule) -> None:
    """Ask, and end the module with what is there."""
    params = module.params
    if client.IMPORT_ERROR is not None:
        module.fail_json(
            msg=f"aiohttp is not there ({client.IMPORT_ERROR}); install it (pip install aiohttp).",
            reason="missing_library",
        )
    try:
        items, disks = asyncio.run(
            _listed(account(params), params["project"], params["cluster"], params["host"])
        )
    except GcpError as error:
        module.fail_json(
            msg=f"Snapshots of {params['project']} cannot be listed: {error}", reason=error.reason
        )
    now = datetime.now(timezone.utc)
    found = snapshots.read(items, now)
    newest = snapshots.newest(found, params["disks"])
    module.exit_json(
        changed=False,
        snapshots=found,
        disks=newest,
        restored=snapshots.made(disks, now),
        lines=snapshots.lines(newest),
    )


async def _listed(
    caller: Account, project: str, cluster: str, host: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Snapshots of a cluster or of all, and disks of a host where one is given."""
    label = f"labels.groundwork_cluster={cluster}" if cluster else "labels.groundwork_cluster:*"
    async with client.Client(Tokens(caller), concurrency=1) as google:
        taken = [
            item
            async for page in google.pages(_URL.format(project), {"filter": label})
            for item in page.get("items") or ()
        ]
        if not host:
            return taken, []
        label = f"labels.groundwork_host={host}"
        disks = [
            item
            async for page in google.pages(_DISKS.format(project), {"filter": label})
            for place in (page.get("items") or {}).values()
            for item in place.get("disks") or ()
        ]
        return taken, disks
