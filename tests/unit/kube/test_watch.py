"""A watch that breaks, and answers that are none of the API's: who follows goes on, who waits looks again."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from aiohttp import web
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import Connection
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import Resource
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.follow import follow
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import (
    Kind,
    from_value,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import Item
from ansible_collections.groundwork.platform.plugins.module_utils.kube.wait import until_ready

Body = dict[str, Any]
Value = TypeVar("Value")
Handler = Callable[[Any], Awaitable[web.StreamResponse]]

PATH = "/apis/apps/v1/namespaces/n/deployments"
UNAUTHORIZED = {"kind": "Status", "reason": "Unauthorized", "message": "Unauthorized"}


def deployment(ready: int) -> Body:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a", "namespace": "n", "uid": "1", "generation": 1},
        "spec": {"replicas": 1, "selector": {}, "template": {}},
        "status": {
            "observedGeneration": 1,
            "replicas": ready,
            "updatedReplicas": ready,
            "readyReplicas": ready,
            "availableReplicas": ready,
        },
    }


class Api:
    """Deployments as a list, whose n-th answer ``lists`` gives; watches are answered by ``watched``."""

    def __init__(self, watched: web.Response, *lists: Body | int) -> None:
        self._watched = watched
        self._lists = list(lists)
        self.looks = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            status, text = self._watched.status, self._watched.text
            return web.Response(status=status, text=text)
        found = self._lists[min(self.looks, len(self._lists) - 1)]
        self.looks += 1
        if isinstance(found, int):
            return web.Response(status=found, text="not now")
        return web.json_response({"items": [found], "metadata": {"resourceVersion": "1"}})


def asked(handler: Handler, work: Callable[[Client], Awaitable[Value]]) -> Value:
    """Do something with a client of an API."""

    async def run() -> Value:
        runner = web.ServerRunner(web.Server(handler))
        await runner.setup()
        listening = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(runner, listening).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        connection = Connection(url, None, None, None, "n", lambda: None, None)
        try:
            async with Client(connection, 4, 5, tries=1) as client:
                return await asyncio.wait_for(_awaited(work(client)), 20)
        finally:
            await runner.cleanup()

    return asyncio.run(run())


async def _awaited(work: Awaitable[Value]) -> Value:
    return await work


PLAIN = [
    web.Response(status=429, text="Too many requests, please try again later.\n"),
    web.Response(status=500, text="This request caused apiserver to panic.\n"),
    web.Response(status=503, text="<html>no backend</html>"),
    web.Response(status=410, text=json.dumps({"kind": "Status", "reason": "Expired"})),
    web.Response(status=403, text=json.dumps({"kind": "Status", "reason": "Forbidden"})),
    web.Response(status=200, text='{"type": "MODIFIED", "obj\n'),
]


@pytest.mark.parametrize("answer", PLAIN, ids=lambda answer: f"{answer.status}")
def test_who_follows_looks_again_where_a_watch_is_no_watch(answer: web.Response) -> None:
    api = Api(answer, deployment(0), deployment(1))

    async def work(client: Client) -> None:
        ready = asyncio.Event()
        following = asyncio.ensure_future(
            follow(
                client, PATH, lambda body: ready.set() if body["status"]["readyReplicas"] else None
            )
        )
        done, _left = await asyncio.wait(
            {following, asyncio.ensure_future(ready.wait())}, return_when=asyncio.FIRST_COMPLETED
        )
        assert following not in done
        following.cancel()

    asked(api, work)


@pytest.mark.parametrize("answer", PLAIN, ids=lambda answer: f"{answer.status}")
def test_who_waits_looks_again_until_its_time_is_over(answer: web.Response) -> None:
    api = Api(answer, deployment(0), 503, deployment(1))
    assert asked(api, lambda client: until_ready(client, [item()], {}, 10)) == {}
    assert api.looks == 3


def test_an_api_that_stays_away_is_told_when_the_time_is_over() -> None:
    api = Api(PLAIN[0], deployment(0), 503)
    with pytest.raises(KubeError, match="not now"):
        asked(api, lambda client: until_ready(client, [item()], {}, 1))


def test_an_api_that_was_never_there_is_told_at_once() -> None:
    api = Api(PLAIN[0], 503)
    with pytest.raises(KubeError, match="not now"):
        asked(api, lambda client: until_ready(client, [item()], {}, 60))
    assert api.looks == 1


def test_a_watch_of_somebody_unknown_says_so() -> None:
    async def work(client: Client) -> None:
        async for _event in client.watch(PATH, 5):
            pass

    with pytest.raises(KubeError, match="Log in again") as told:
        asked(Api(web.Response(status=401, text=json.dumps(UNAUTHORIZED))), work)
    assert told.value.reason == "unauthorized"


@pytest.mark.parametrize(
    "path, body, raises",
    [
        (f"{PATH}/proxy", UNAUTHORIZED, True),
        ("/api/v1/namespaces/n/services/a:80/proxy/", UNAUTHORIZED, True),
        ("/api/v1/namespaces/n/services/a:80/proxy/", {"error": "who are you?"}, False),
        ("/api/v1/namespaces/n/pods", {}, True),
    ],
)
def test_a_service_may_know_nobody(path: str, body: Body, raises: bool) -> None:
    """What a service answers through the API says nothing of who asks the API."""

    async def handler(_request: web.Request) -> web.Response:
        return web.json_response(body, status=401)

    if raises:
        with pytest.raises(KubeError, match="Log in again"):
            asked(handler, lambda client: client.get(path))
    else:
        assert asked(handler, lambda client: client.get(path)).status == 401


def item() -> Item:
    (manifest,) = from_value(deployment(0), "test")
    resource = Resource(Kind("apps/v1", "Deployment"), "deployments", True, frozenset())
    return Item(manifest, resource)
