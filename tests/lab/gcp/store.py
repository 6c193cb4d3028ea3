"""The books: every resource by its key, who refers to whom, and a file that survives a restart.

A key is ``<api>/<path below the version>``: compute/projects/p/global/networks/platform.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.gcp.backend import Resource
from tests.lab.gcp.links import link_of, parse

Body = dict[str, Any]


@dataclass(slots=True)
class Record:
    """A resource in the books. `body` is replaced, never changed in place."""

    key: str
    type: str
    project: str
    location: str
    name: str
    body: Body
    #: False while the operation that makes it runs.
    ready: bool = True
    #: True while the operation that deletes it runs.
    going: bool = False
    refs: frozenset[str] = frozenset()
    #: The body as it is sent, once it has been checked against the schema.
    sent: bytes | None = None
    #: What is kept beside the body and never shown: payloads, keys.
    secret: Body = field(default_factory=dict)

    def resource(self) -> Resource:
        """Give what a backend sees."""
        body = copy.deepcopy(self.body)
        # What clients ask by verbs of its own: members of a group, metadata of a project.
        if "instances" in self.secret:
            body["instances"] = [link_of(key) for key in self.secret["instances"]]
        if "metadata" in self.secret:
            body["commonInstanceMetadata"] = {"items": copy.deepcopy(self.secret["metadata"])}
        return Resource(self.type, self.project, self.location, self.name, body, link_of(self.key))


class Store:
    """All records; references are followed in both directions."""

    def __init__(self, path: Path | None, find_refs: Callable[[str, Body], frozenset[str]]) -> None:
        self.path = path
        self.find_refs = find_refs
        self.records: dict[str, Record] = {}
        self.collections: dict[str, dict[str, Record]] = {}
        self.types: dict[str, dict[str, Record]] = {}
        self.users: dict[str, set[str]] = {}
        self.policies: dict[str, Body] = {}
        self.facts: Body = {}
        self.dirty = False

    # -- reading
    def get(self, key: str) -> Record | None:
        """Find a record by its key."""
        return self.records.get(key)

    def below(self, collection: str) -> list[Record]:
        """All records of a collection, in the order of their names."""
        found = self.collections.get(collection, {})
        return [found[name] for name in sorted(found)]

    def of_type(self, type_: str, project: str | None = None) -> Iterator[Record]:
        """All records of a type, of one project or of all."""
        for record in list(self.types.get(type_, {}).values()):
            if project is None or record.project == project:
                yield record

    def users_of(self, key: str) -> list[Record]:
        """Who refers to it."""
        return [self.records[user] for user in sorted(self.users.get(key, ()))]

    # -- writing
    def add(self, record: Record, collection: str) -> None:
        """Enter a record."""
        self.records[record.key] = record
        self.collections.setdefault(collection, {})[record.key] = record
        self.types.setdefault(record.type, {})[record.key] = record
        self._refer(record)

    def replace(self, record: Record, body: Body) -> None:
        """Give a record another body."""
        record.body = body
        record.sent = None
        self._refer(record)

    def remove(self, record: Record) -> None:
        """Strike a record out."""
        self.records.pop(record.key, None)
        for group in (self.collections, self.types):
            for name in [name for name, held in group.items() if record.key in held]:
                del group[name][record.key]
                if not group[name]:
                    del group[name]
        self._unrefer(record)
        self.policies.pop(record.key, None)
        self.dirty = True

    def _refer(self, record: Record) -> None:
        self._unrefer(record)
        record.refs = self.find_refs(record.type, record.body)
        for key in record.refs:
            self.users.setdefault(key, set()).add(record.key)
        self.dirty = True

    def _unrefer(self, record: Record) -> None:
        for key in record.refs:
            self.users.get(key, set()).discard(record.key)
        record.refs = frozenset()

    # -- file
    def save(self) -> None:
        """Write what changed, whole and at once."""
        if self.path is None or not self.dirty:
            return
        self.dirty = False
        kept = [
            {"collection": name, **_plain(record)}
            for name, held in self.collections.items()
            for record in held.values()
        ]
        content = {"records": kept, "policies": self.policies, "facts": self.facts}
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps(content), encoding="utf-8")
        os.replace(beside, self.path)

    def load(self) -> None:
        """Read what was saved; what was not complete then is struck out."""
        if self.path is None or not self.path.exists():
            return
        content = json.loads(self.path.read_text(encoding="utf-8"))
        self.policies = content["policies"]
        self.facts = content["facts"]
        for entry in content["records"]:
            collection = entry.pop("collection")
            if entry.pop("ready"):
                self.add(Record(**entry), collection)


def _plain(record: Record) -> Body:
    names = ("key", "type", "project", "location", "name", "body", "ready", "secret")
    return {name: getattr(record, name) for name in names}


class Books:
    """The store as a backend's `World`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def get(self, link: str) -> Resource | None:
        """See `World.get`."""
        record = self.store.get(parse(link) or link)
        return record.resource() if record else None

    def list(self, type: str, project: str | None = None) -> list[Resource]:  # noqa: A002
        """See `World.list`."""
        return [record.resource() for record in self.store.of_type(type, project)]

    def update(self, link: str, fields: dict[str, Any]) -> None:
        """See `World.update`."""
        record = self.store.get(parse(link) or link)
        if record:
            self.store.replace(record, {**record.body, **copy.deepcopy(fields)})
