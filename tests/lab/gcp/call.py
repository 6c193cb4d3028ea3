"""One request, as far as it is understood before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.lab.gcp.discovery import Api, Method
from tests.lab.gcp.links import location_of, path_of, project_of

Body = dict[str, Any]
_COLLECTION_VERBS = {"insert", "create", "list", "upload"}
#: Parameters that say where, not what.
_PLACES = {"project", "projectId", "projectsId", "zone", "region", "locationsId", "location"}


@dataclass
class Call:
    """A method with its values. `key` is the resource (or, of insert and list, the collection)."""

    method: Method
    path: dict[str, str]
    query: dict[str, str]
    body: Body
    raw: bytes
    headers: dict[str, str]
    user: str
    key: str
    #: The key of the collection that the resource is in.
    collection: str
    #: The query with repeated parameters, as it came.
    pairs: list[tuple[str, str]]

    @property
    def api(self) -> Api:
        """The API that the method is of."""
        return self.method.api

    @property
    def type(self) -> str:
        """The type of what it is about, e.g. compute.instances."""
        return self.method.collection

    @property
    def project(self) -> str:
        """The project, "" where the path names none."""
        return project_of(self.key) or self.query.get("project", "")

    @property
    def location(self) -> str:
        """The zone, region or location; ``global`` where there is none."""
        return location_of(self.key)

    def many(self, name: str) -> list[str]:
        """Give all values of a repeated query parameter."""
        return [value for key, value in self.pairs if key == name]

    @property
    def where(self) -> str:
        """The path, as error messages have it."""
        return path_of(self.key)


def keys(method: Method, values: dict[str, str]) -> tuple[str, str]:
    """Give the key that a path is about, and the key of its collection."""
    words = _words(method)
    places = [at for at, word in enumerate(words) if word.startswith("{")]
    if words and words[-1].startswith("{"):
        literal = max(at for at, word in enumerate(words) if not word.startswith("{"))
        return _filled(method, words, values), _filled(method, words[: literal + 1], values)
    end = len(words)
    if method.name not in _COLLECTION_VERBS and places and not _is_place(words[places[-1]]):
        end = places[-1] + 1
        words = words[:end]
        return _filled(method, words, values), _filled(method, words[:-1], values)
    key = _filled(method, words, values)
    return key, key


def _words(method: Method) -> list[str]:
    drop = 2 if method.segments[0] in ("compute", "dns", "storage") else 1
    words = list(method.segments[drop:])
    if words:
        words[-1] = words[-1].partition(":")[0]
    return words


def _is_place(word: str) -> bool:
    return word.strip("{}") in _PLACES


def _filled(method: Method, words: list[str], values: dict[str, str]) -> str:
    filled = [values[word.strip("{}")] if word.startswith("{") else word for word in words]
    if method.api.name == "container" and len(filled) > 2 and filled[2] == "zones":
        # The deprecated forms by zone mean the same clusters.
        filled[2] = "locations"
    api = "iam" if method.api.name == "iamcredentials" else method.api.name
    return "/".join([api, *filled])


def long_values(method: Method, path: str, values: dict[str, str]) -> dict[str, str]:
    """Give the values of parameters as the method names them ({+name} has slashes)."""
    if method.long_parameters is None:
        return values
    found = method.long_parameters.fullmatch(path)
    return found.groupdict() if found else values
