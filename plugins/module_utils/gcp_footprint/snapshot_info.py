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


def tell(module: AnsibleModule) -> None:
    """Ask, and end the module with what is there."""
    params = module.params
    if client.IMPORT_ERROR is not None:
        module.fail_json(
            msg=f"aiohttp is not there ({client.IMPORT_ERROR}); install it (pip install aiohttp).",
            reason="missing_library",
        )
    try:
        items = asyncio.run(_listed(account(params), params["project"], params["cluster"]))
    except GcpError as error:
        module.fail_json(
            msg=f"Snapshots of {params['project']} cannot be listed: {error}", reason=error.reason
        )
    found = snapshots.read(items, datetime.now(timezone.utc))
    newest = snapshots.newest(found, params["disks"])
    module.exit_json(changed=False, snapshots=found, disks=newest, lines=snapshots.lines(newest))


async def _listed(caller: Account, project: str, cluster: str) -> list[dict[str, Any]]:
    label = f"labels.groundwork_cluster={cluster}" if cluster else "labels.groundwork_cluster:*"
    async with client.Client(Tokens(caller), concurrency=1) as google:
        return [
            item
            async for page in google.pages(_URL.format(project), {"filter": label})
            for item in page.get("items") or ()
        ]
