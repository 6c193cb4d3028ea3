"""A Google Cloud in memory for unit tests: what is read is given, what is written is noted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.cloud import Cloud
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.declared import (
    Defaults,
    parse,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import (
    Definitions,
    Verb,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.base import Handler
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.handlers.registry import (
    handler_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Resource

PROJECT = "project-1-dev-payments"
REGION = "asia-southeast1"
DEFINITIONS = Definitions()


def resources(text: str) -> list[Resource]:
    return parse(DEFINITIONS, yaml.safe_load(text), Defaults(PROJECT, REGION))


class FakeClient:
    """Answers GETs from ``there`` (link to body) and notes all else as (method id, body)."""

    def __init__(self, there: Mapping[str, Any] | None = None) -> None:
        self.there = dict(there or {})
        self.calls: list[tuple[str, Any]] = []
        self.failures: dict[str, list[GcpError]] = {}
        self.spreading: dict[str, float] = {}

    def spreads(self, project: str, seconds: float) -> None:
        self.spreading[project] = seconds

    async def call(
        self, verb: Verb, places: Mapping[str, str], body: Any = None, query: Any = None
    ) -> dict[str, Any]:
        url = verb.url.format(**places)
        if verb.method == "GET":
            return await self.send("GET", url)
        self.calls.append((verb.id, body if body is not None else dict(query or {})))
        if self.failures.get(verb.id):
            raise self.failures[verb.id].pop(0)
        return {}

    async def pages(self, url: str, _query: Any = None) -> AsyncIterator[dict[str, Any]]:
        yield await self.send("GET", url)

    async def send(self, method: str, url: str, *_args: Any, **_options: Any) -> dict[str, Any]:
        link = url.partition("/v1/")[2] or url
        if method != "GET":
            self.calls.append((url, _args[0] if _args else None))
            return {}
        if link not in self.there:
            raise GcpError("not_found", "nothing", "notFound", 404)
        return self.there[link]


class FakeOperations:
    async def finish(self, _answer: Any, _resource: Resource) -> None:
        return


def a_cloud(there: Mapping[str, Any] | None = None) -> tuple[Cloud, FakeClient]:
    client = FakeClient(there)
    cloud = Cloud(client, FakeOperations(), DEFINITIONS, 5.0)  # type: ignore[arg-type]
    return cloud, client


def handlers(cloud: Cloud, text: str) -> list[Handler]:
    return [handler_of(cloud, each) for each in resources(text)]
