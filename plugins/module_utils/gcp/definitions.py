# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Google's own definitions of its APIs: which types there are, where they are served, what they are made of.

They are the discovery documents that google-api-python-client carries. Only those that are asked for are read, and the
library itself is not imported, as that takes longer than a whole run.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean

#: The version of each API.
VERSIONS: Mapping[str, str] = {
    "cloudresourcemanager": "v3",
    "cloudscheduler": "v1",
    "compute": "v1",
    "container": "v1",
    "dns": "v1",
    "iam": "v1",
    "iamcredentials": "v1",
    "run": "v2",
    "secretmanager": "v1",
    "serviceusage": "v1",
    "storage": "v1",
}
#: What is declared as a resource and served by methods of another one.
VIRTUAL: Mapping[str, str] = {
    "compute.networkPeerings": "compute.networks",
    "iam.bindings": "",
}
GLOBAL, REGION, ZONE, LOCATION = "global", "region", "zone", "location"

_PROJECT = frozenset(("project", "projectsId", "projectId"))
_LOCATION = {"region": REGION, "zone": ZONE, "location": LOCATION, "locationsId": LOCATION}
_PARAMETER = re.compile(r"\{\+?(\w+)\}")
_VERSION = re.compile(r"^(?:[a-z]+/)?v\d+\w*/")


@dataclass(frozen=True)
class Verb:
    """A method of an API. ``path`` has the places project, location, parent, name and rrtype."""

    id: str
    method: str
    url: str
    query: frozenset[str]


@dataclass(frozen=True)
class Kind:
    """A type of resource. ``item`` is its link without host and version, with places as in ``Verb``."""

    type: str
    scope: str
    item: str
    schema: str
    verbs: Mapping[str, Verb]
    patterns: Mapping[str, str] = field(default_factory=dict)

    @property
    def api(self) -> str:
        """The API's name."""
        return self.type.partition(".")[0]

    @property
    def create(self) -> Verb | None:
        """What makes one."""
        return self.verbs.get("insert") or self.verbs.get("create")

    @property
    def nested(self) -> bool:
        """Whether it stands below another resource."""
        return "{parent}" in self.item

    def link(
        self, project: str, location: str, name: str, parent: str = "", rrtype: str = ""
    ) -> str:
        """The link of one, without host and version."""
        return self.item.format(
            project=project, location=location, name=name, parent=parent, rrtype=rrtype
        )


class Definitions:
    """All types, read when they are asked for. Raises ``GcpError`` (``missing_library``)."""

    def __init__(self) -> None:
        self._folder = _folder()
        self._documents: dict[str, dict[str, Any]] = {}
        self._kinds: dict[str, Kind | None] = {}

    def document(self, api: str) -> dict[str, Any]:
        """The discovery document of an API. Raises ``KeyError`` for an API that is not served here."""
        if api not in self._documents:
            path = self._folder / f"{api}.{VERSIONS[api]}.json"
            self._documents[api] = json.loads(path.read_bytes())
        return self._documents[api]

    def base(self, api: str) -> str:
        """Where links of an API begin, with its version."""
        document = self.document(api)
        # Where the service has no path of its own, the version stands in each method's: dns/v1/, v1/.
        _path, methods = next(collections(document))
        first = next(iter(methods.values()))
        version = _VERSION.match(first.get("flatPath", first["path"]))
        return str(
            document["rootUrl"] + (document["servicePath"] or (version[0] if version else ""))
        )

    def schemas(self, api: str) -> Mapping[str, Any]:
        """The schemas of an API by name."""
        schemas: Mapping[str, Any] = self.document(api)["schemas"]
        return schemas

    def kind(self, type_name: str, with_location: bool = False) -> Kind | None:
        """The type of that name, or nothing. Some are served with a location and without: without is the default."""
        key = f"{type_name}@" if with_location else type_name
        if key not in self._kinds:
            self._kinds[key] = self._find(type_name, with_location)
        return self._kinds[key]

    def unknown(self, type_name: str) -> str:
        """What is wrong with a type that is not there, in words."""
        api, _dot, _collection = type_name.partition(".")
        if api not in VERSIONS:
            hint = did_you_mean(api, VERSIONS)
            return f"{type_name} is of no API that is known here: {hint}({', '.join(VERSIONS)})"
        known = [name for name in VIRTUAL if name.startswith(f"{api}.")]
        known += [f"{api}.{path[-1]}" for path, _methods in collections(self.document(api))]
        hint = did_you_mean(type_name, known)
        return f"{type_name} is no type of {api}: {hint}types have Google's own names"

    def _find(self, type_name: str, with_location: bool) -> Kind | None:
        api, _dot, collection = type_name.partition(".")
        if api not in VERSIONS:
            return None
        found = [
            (path, methods)
            for path, methods in collections(self.document(api))
            if path[-1] == collection and "get" in methods and "zones" not in path
        ]
        if not found:
            return None
        found.sort(key=lambda each: _preference(each[0], each[1], with_location))
        return _kind(type_name, self.document(api), found[0][1])


def _preference(
    path: tuple[str, ...], methods: Mapping[str, Any], with_location: bool
) -> tuple[bool, bool, bool, int]:
    """The first of the collections of one name is the one that is meant."""
    return (
        not methods.keys() & {"insert", "create", "enable"},
        ("locations" in path) != with_location,
        "organizations" in path,
        len(path),
    )


def collections(
    document: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Each collection of an API as (names from the outermost, methods)."""
    for name, each in document.get("resources", {}).items():
        if "methods" in each:
            yield (*above, name), each["methods"]
        yield from collections(each, (*above, name))


def _kind(type_name: str, document: Mapping[str, Any], methods: Mapping[str, Any]) -> Kind:
    get = methods["get"]
    path = get.get("flatPath", get["path"])
    places = _places(type_name, path)
    scope = next(
        (_LOCATION[name] for name in _PARAMETER.findall(path) if name in _LOCATION), GLOBAL
    )
    base = document["rootUrl"] + document["servicePath"]
    return Kind(
        type_name,
        scope,
        _VERSION.sub("", _placed(path, places)),
        get.get("response", {}).get("$ref", ""),
        {name: _verb(base, places, method) for name, method in methods.items()},
        {
            places[name]: parameter["pattern"]
            for name, parameter in get.get("parameters", {}).items()
            if name in places and "pattern" in parameter
        },
    )


def _verb(base: str, places: Mapping[str, str], method: Mapping[str, Any]) -> Verb:
    return Verb(
        method["id"],
        method["httpMethod"],
        base + _placed(method.get("flatPath", method["path"]), places),
        frozenset(
            name
            for name, parameter in method.get("parameters", {}).items()
            if parameter["location"] == "query"
        ),
    )


def _places(type_name: str, path: str) -> dict[str, str]:
    """Which parameter of the path is what."""
    names = _PARAMETER.findall(path)
    if (
        type_name == "serviceusage.services"
    ):  # projects/NUMBER/services/NAME: also the first word is a parameter
        return {names[0]: "projects", names[1]: "project", names[2]: "name"}
    if type_name == "cloudresourcemanager.projects":
        return {names[-1]: "name"}
    if type_name == "dns.resourceRecordSets":
        return {"project": "project", "managedZone": "parent", "name": "name", "type": "rrtype"}
    places = {}
    for name in names[:-1]:
        places[name] = (
            "project" if name in _PROJECT else "location" if name in _LOCATION else "parent"
        )
    return {**places, names[-1]: "name"}


def _placed(path: str, places: Mapping[str, str]) -> str:
    if "projects" in places.values():
        path = path.replace(f"{{{next(iter(places))}}}", "projects")
    # Some methods of a type name it otherwise: setLabels has {resource}.
    return _PARAMETER.sub(lambda match: f"{{{places.get(match.group(1), 'name')}}}", path)


def _folder() -> Path:
    found = importlib.util.find_spec("googleapiclient")
    folders = list(found.submodule_search_locations or ()) if found else []
    folder = Path(folders[0], "discovery_cache", "documents") if folders else None
    if folder is None or not folder.is_dir():
        raise GcpError(
            "missing_library",
            "Google's definitions of its APIs are not there: they come with google-api-python-client "
            "(pip install google-api-python-client).",
        )
    return folder
