"""Whether a registry has an image: names taken apart, logins, and a registry's answers."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import Service
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.preflight import HUB
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.registry import (
    Name,
    Registries,
    logins,
    parse,
    problems,
    pulled,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Answer, Client

from tests.unit.app_release.samples import Body, deployment, service

DIGEST = f"sha256:{'0' * 64}"
BASIC = f"Basic {base64.b64encode(b'jane:secret').decode()}"


@pytest.mark.parametrize(
    "image, registry, repository, reference",
    [
        ("sale", HUB, "library/sale", "latest"),
        ("acme/sale:1", HUB, "acme/sale", "1"),
        ("reg.test/sale:1", "reg.test", "sale", "1"),
        ("reg.test:5000/nx/sale", "reg.test:5000", "nx/sale", "latest"),
        ("localhost/sale:1", "localhost", "sale", "1"),
        (f"reg.test:5000/nx/sale:1@{DIGEST}", "reg.test:5000", "nx/sale", DIGEST),
    ],
)
def test_names_are_taken_apart(image: str, registry: str, repository: str, reference: str) -> None:
    assert Name.of(image) == Name(registry, repository, reference)


def test_only_this_machine_is_asked_without_tls() -> None:
    assert Name.of("localhost:5000/a:1").url == "http://localhost:5000/v2/a/manifests/1"
    assert Name.of("127.0.0.1:5000/a:1").url.startswith("http://")
    assert Name.of("reg.test/a:1").url == "https://reg.test/v2/a/manifests/1"
    assert Name.of("a:1").url == f"https://registry-1.{HUB}/v2/library/a/manifests/1"


def test_logins_are_by_registry() -> None:
    auths = {
        f"https://index.{HUB}/v1/": {"auth": "aaa"},
        "reg.test:5000": {"username": "jane", "password": "secret"},
    }
    assert parse(json.dumps({"auths": auths})) == {
        HUB: "Basic aaa",
        "reg.test:5000": BASIC,
    }
    assert parse("{}") == {}


def test_what_is_never_pulled_is_not_asked_for() -> None:
    both = {
        "containers": [
            {"name": "a", "image": "r/a:1", "imagePullPolicy": "Never"},
            {"name": "b", "image": "r/b:1"},
        ]
    }
    assert pulled(service("2", deployment(pod=both))) == {"r/b:1"}


class Api:
    """Has Secrets and ServiceAccounts."""

    def __init__(self, **found: Body) -> None:
        self.found = found

    async def get(self, path: str) -> Answer:
        body = self.found.get("_".join(path.split("/")[-2:]))
        return Answer(200, body) if body else Answer(404, {})


def login(name: str) -> Body:
    return {"data": {".dockerconfigjson": base64.b64encode(name.encode()).decode()}}


def account(name: str) -> Body:
    return {"imagePullSecrets": [{"name": name}]}


MADE = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sale"}, **account("c")}


@pytest.mark.parametrize(
    "meant, found",
    [
        (service("2", deployment(pod=account("a"))), ["a"]),
        # Where a pod names none, it gets those of its ServiceAccount.
        (service("2", deployment()), ["b"]),
        (service("2", deployment(pod={"serviceAccountName": "sale"})), ["a"]),
        (service("2", deployment(pod={"serviceAccountName": "sale"}), MADE), ["c"]),
        (service("2", deployment(pod={"serviceAccountName": "none"})), []),
        # An image alone comes with what its Deployment has.
        (service("2", live=deployment(pod=account("c"))), ["c"]),
        (service("2", live=deployment()), ["b"]),
        (service("2", deployment(pod=account("gone"))), []),
    ],
)
def test_logins_are_those_that_the_pods_get(meant: Service, found: list[str]) -> None:
    api = Api(
        secrets_a=login("a"),
        secrets_b=login("b"),
        secrets_c=login("c"),
        serviceaccounts_default=account("b"),
        serviceaccounts_sale=account("a"),
    )
    assert asyncio.run(logins(cast(Client, api), [meant])) == found


Handler = Callable[[web.Request], Awaitable[web.Response]]


def asked(handler: Handler, image: str = "nx/sale:1", login: bool = True) -> str:
    """Why a registry of one's own does not give an image."""

    async def go() -> str:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        place = f"127.0.0.1:{runner.addresses[0][1]}"
        auths = {place: {"auth": BASIC.partition(" ")[2]}} if login else {}
        async with aiohttp.ClientSession() as session:
            registries = Registries(session, None, [json.dumps({"auths": auths})])
            try:
                return (await registries.missing(f"{place}/{image}")).replace(place, "REG")
            finally:
                await runner.cleanup()

    return asyncio.run(go())


def answering(status: int) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        assert request.path == "/v2/nx/sale/manifests/1"
        return web.Response(status=status)

    return handle


@pytest.mark.parametrize(
    "status, login, why",
    [
        (200, True, ""),
        (404, True, "REG has no nx/sale with 1"),
        (401, True, "REG does not let it be pulled with its pull secret (status 401)"),
        (403, False, "without a login, and no pull secret has one for it (status 403)"),
        (500, True, "REG answers with status 500"),
    ],
)
def test_what_a_registry_says(status: int, login: bool, why: str) -> None:
    found = asked(answering(status), login=login)
    assert why in found
    assert bool(found) is bool(why)


def test_a_token_is_fetched_where_the_registry_says() -> None:
    seen: list[tuple[str, str]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append((request.path, request.headers.get("Authorization", "")))
        if request.path == "/token":
            assert dict(request.query) == {"service": "reg", "scope": "repository:nx/sale:pull"}
            return web.json_response({"token": "abc"})
        if request.headers.get("Authorization") == "Bearer abc":
            return web.Response()
        realm = f'Bearer realm="http://{request.host}/token",service="reg"'
        return web.Response(status=401, headers={"WWW-Authenticate": realm})

    assert asked(handle) == ""
    assert seen == [
        ("/v2/nx/sale/manifests/1", BASIC),
        ("/token", BASIC),
        ("/v2/nx/sale/manifests/1", "Bearer abc"),
    ]


def test_who_does_not_answer_or_hangs_up_is_named() -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport
        request.transport.abort()
        return web.Response()

    assert asked(hang_up).startswith("REG could not be asked (")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"

        async def go() -> Any:
            async with aiohttp.ClientSession() as session:
                meant = service("2", deployment(f"{place}/sale:1"))
                return await problems(Registries(session, None, []), [meant])

        [found] = asyncio.run(go())
    assert found.reason == "image_absent"
    assert f"sale: image {place}/sale:1 cannot be pulled: {place} could not be asked" in str(found)
