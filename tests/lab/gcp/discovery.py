"""Google's own definitions of its APIs: which URL is which method, with which schemas.

The documents ship with google-api-python-client; they are loaded when a host is first asked for.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

Schema = dict[str, Any]
_FOLDER = Path("discovery_cache/documents")
#: Documents by host and the beginnings of their paths where these do not say the version.
_PREFIXES = re.compile(r"^(?:upload/|download/|resumable/upload/)?(compute|dns|storage)/(\w+)/")
_VERSION = re.compile(r"^(v\d+\w*)/")


@dataclass(frozen=True, eq=False)
class Method:
    """One method of an API."""

    api: Api
    id: str
    http: str
    path: str
    #: Segments from the version (or service path) on, e.g. ("projects", "{project}", "global").
    segments: tuple[str, ...]
    parameters: dict[str, Schema]
    request: str | None
    response: str | None

    @cached_property
    def name(self) -> str:
        """The last part of the id: insert, get, setLabels."""
        return self.id.rpartition(".")[2]

    @cached_property
    def collection(self) -> str:
        """The type that the method belongs to: compute.instances, container.nodePools."""
        parts = self.id.split(".")[1:-1]
        return type_name(self.api.name, parts)

    @cached_property
    def long_parameters(self) -> re.Pattern[str] | None:
        """What finds the values of parameters with slashes ({+name}) in the path."""
        if "{+" not in self.path:
            return None
        parts = re.split(r"(\{\+?\w+\})", self.path)
        pattern = "".join(
            f"(?P<{part.strip('{+}')}>.+)" if part.startswith("{") else re.escape(part)
            for part in parts
        )
        return re.compile(pattern)


#: Names of collections below others, where the last word alone would be ambiguous.
_TYPES = {
    ("iam", "keys"): "iam.serviceAccountKeys",
    ("storage", "objects"): "storage.objects",
}


def type_name(api: str, parts: list[str]) -> str:
    """Name a type as the rest of the emulator does."""
    last = parts[-1] if parts else ""
    return _TYPES.get((api, last), f"{api}.{last}")


@dataclass
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    parameters: dict[str, _Node] = field(default_factory=dict)
    methods: dict[str, Method] = field(default_factory=dict)


@dataclass(eq=False)
class Api:
    """One version of one API."""

    name: str
    version: str
    schemas: dict[str, Schema]
    common: dict[str, Schema]
    base: str
    methods: dict[str, Method] = field(default_factory=dict)
    tree: _Node = field(default_factory=_Node)

    def add(self, method: Method) -> None:
        """Make a method reachable."""
        self.methods[method.id] = method
        node = self.tree
        for segment in method.segments:
            if "{" not in segment:
                node = node.literals.setdefault(segment, _Node())
                continue
            suffix = segment.partition(":")[2]
            node = node.parameters.setdefault(suffix, _Node())
        node.methods.setdefault(method.http, method)

    def find(self, http: str, segments: list[str]) -> tuple[Method, dict[str, str]] | None:
        """Find the method of a path; None where there is none."""
        for node, values in _walk(self.tree, segments, 0, []):
            method = node.methods.get(http)
            if method:
                names = [word.partition(":")[0] for word in method.segments if "{" in word]
                return method, dict(zip((name.strip("{}") for name in names), values, strict=True))
        return None


def _walk(
    node: _Node, segments: list[str], at: int, values: list[str]
) -> Iterator[tuple[_Node, list[str]]]:
    """Find the ends of a path: literal words first, then parameters. Values are in their order."""
    if at == len(segments):
        yield node, values
        return
    segment = segments[at]
    literal = node.literals.get(segment)
    if literal:
        yield from _walk(literal, segments, at + 1, values)
    for suffix, below in node.parameters.items():
        if suffix and segment.endswith(":" + suffix):
            value = unquote(segment[: -len(suffix) - 1])
            yield from _walk(below, segments, at + 1, [*values, value])
    plain = node.parameters.get("")
    if plain and segment:
        yield from _walk(plain, segments, at + 1, [*values, unquote(segment)])


def _methods(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from resource.get("methods", {}).values()
    for below in resource.get("resources", {}).values():
        yield from _methods(below)


@cache
def load(name: str, version: str) -> Api | None:
    """Load a document; None where Google's client does not carry it."""
    spec = importlib.util.find_spec("googleapiclient")
    if spec is None or spec.origin is None:
        raise RuntimeError("google-api-python-client is not installed: no discovery documents")
    path = Path(spec.origin).parent / _FOLDER / f"{name}.{version}.json"
    if not path.is_file():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    base = document["servicePath"] or ""
    api = Api(name, version, document["schemas"], document.get("parameters", {}), base)
    for raw in _methods(document):
        api.add(_method(api, raw))
    return api


def _method(api: Api, raw: dict[str, Any]) -> Method:
    flat = raw.get("flatPath") or raw["path"]
    segments = (api.base + flat).split("/")
    return Method(
        api=api,
        id=raw["id"],
        http=raw["httpMethod"],
        path=api.base + raw["path"],
        segments=tuple(segments),
        parameters=raw.get("parameters", {}),
        request=raw.get("request", {}).get("$ref"),
        response=raw.get("response", {}).get("$ref"),
    )


def api_of(host: str, path: str) -> Api | None:
    """Find the API that a URL belongs to; `path` without its leading slash."""
    found = _PREFIXES.match(path)
    if found:
        return load(found[1], found[2])
    version = _VERSION.match(path)
    if not version or not host.endswith(".googleapis.com"):
        return None
    service = host.removesuffix(".googleapis.com")
    # Some services have regional hosts: asia-southeast1-run, secretmanager.asia-southeast1.rep.
    service = service.partition(".")[0] if ".rep" in service else service.rpartition("-")[2]
    return load(service, version[1])
