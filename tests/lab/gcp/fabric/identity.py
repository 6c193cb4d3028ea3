"""Whose an access token is: asked by API servers of clusters, answered by asking the emulator."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.lab.gcp.fabric import sockets
from tests.lab.gcp.fabric.kubernetes import TOKENS_PORT
from tests.lab.gcp.fabric.plan import METADATA

#: Any request that needs a token and nothing else.
_QUESTION = "https://cloudresourcemanager.googleapis.com/v1/projects?pageSize=1"


class Identities:
    """Stands in networks and reviews tokens there, as Kubernetes' webhook has it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._runners: dict[str, web.AppRunner] = {}

    async def follow(self, spaces: Mapping[str, str]) -> None:
        """Stand in these networks (key → namespace)."""
        for network in set(self._runners) - set(spaces):
            await self._runners.pop(network).cleanup()
        for network, namespace in spaces.items():
            if network not in self._runners:
                application = web.Application()
                application.router.add_post("/", self._review)
                runner = self._runners[network] = web.AppRunner(application)
                await runner.setup()
                made = sockets.make(namespace)
                made.bind((METADATA, TOKENS_PORT))
                await web.SockSite(runner, made).start()

    async def close(self) -> None:
        """Answer nobody any more."""
        await self.follow({})

    async def _review(self, request: web.Request) -> web.Response:
        asked = await request.json()
        status: dict[str, Any] = {"authenticated": False}
        if await self._good(asked.get("spec", {}).get("token", "")):
            # Who may use a cluster is the books' matter (roles/container.*), which the API server
            # does not know: whoever has a token is an administrator.
            user = {"username": "google-account", "groups": ["system:masters"]}
            status = {"authenticated": True, "user": user}
        kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
        return web.json_response({**kind, "status": status})

    async def _good(self, token: str) -> bool:
        """Whether the emulator takes a token."""
        reach = json.loads((self.directory / "environment.json").read_text(encoding="utf-8"))
        trust = ssl.create_default_context(cafile=reach["SSL_CERT_FILE"])
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession() as session,
            session.get(
                _QUESTION, headers=headers, proxy=reach["HTTPS_PROXY"], ssl=trust
            ) as answer,
        ):
            return answer.status != 401
