"""References: that they lead to something, and who is in use by whom."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from tests.lab.gcp import catalogue
from tests.lab.gcp.errors import ApiError, invalid
from tests.lab.gcp.fields import each
from tests.lab.gcp.links import last, link_of, location_of, parse, path_of, region_of
from tests.lab.gcp.store import Record, Store
from tests.lab.gcp.tables import REFERENCES

Body = dict[str, Any]


def find_refs(type_: str, body: Body) -> frozenset[str]:
    """Give the keys of what must not be deleted as long as a resource is there."""
    found = set()
    for path, kinds in REFERENCES.get(type_, {}).items():
        if kinds.startswith("~"):
            continue
        for holder, name, _ in each(body, path):
            key = parse(str(holder[name]))
            if key and not catalogue.exists(key):
                found.add(key)
    return frozenset(found)


class References:
    """Resolves the reference fields of a body."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def resolve(self, type_: str, body: Body, project: str, location: str) -> None:
        """Complete every reference of a body, in place; refuse what leads nowhere."""
        for path, kinds in REFERENCES.get(type_, {}).items():
            for holder, name, where in each(body, path):
                value = holder[name]
                if not value or _is_address(value):
                    continue
                words = kinds.lstrip("~").split(" ")
                key = self.key(value, words, where, project, location)
                holder[name] = link_of(key)

    def key(self, value: Any, kinds: list[str], where: str, project: str, location: str) -> str:
        """Give the key of what a reference means; refuse what leads nowhere."""
        key = parse(str(value), "compute", project, location)
        if key is None or key.split("/")[-2] not in (*kinds, "family"):
            raise invalid(where, value, "The URL is malformed.")
        key = self._latest(key, where)
        found = self.store.get(key)
        kind = _singular(kinds[0])
        if found is None and not catalogue.exists(key):
            words = f"The referenced {kind} resource cannot be found."
            raise invalid(where, path_of(key), words)
        _same_place(key, where, location)
        if found and (not found.ready or found.going):
            path = path_of(key)
            raise ApiError(400, "resourceNotReady", f"The resource '{path}' is not ready")
        return key

    def _latest(self, key: str, where: str) -> str:
        """Turn an image family into its newest image."""
        if "/images/family/" not in key:
            return key
        family, project = last(key), key.split("/")[2]
        own = [
            record
            for record in self.store.of_type("compute.images", project)
            if record.body.get("family") == family and record.ready
        ]
        if own:
            return max(own, key=lambda record: str(record.body["creationTimestamp"])).key
        public = catalogue.image_of_family(project, family)
        if public is None:
            words = "The referenced image resource cannot be found."
            raise invalid(where, path_of(key), words)
        return public

    def refuse_in_use(self, record: Record) -> None:
        """Refuse a deletion as long as somebody refers to the resource."""
        users = [user for user in self.store.users_of(record.key) if user.key != record.key]
        users = [user for user in users if not user.secret.get("automatic")]
        if not users:
            return
        kind = _singular(record.key.split("/")[-2])
        raise ApiError(
            400,
            "resourceInUseByAnotherResource",
            f"The {kind} resource '{path_of(record.key)}' is already being used by"
            f" '{path_of(users[0].key)}'",
        )


def _is_address(value: Any) -> bool:
    try:
        ipaddress.ip_address(str(value))
    except ValueError:
        return False
    return True


def _singular(collection: str) -> str:
    if collection.endswith("ies"):
        return collection[:-3] + "y"
    if collection.endswith("Proxies"):
        return collection[:-3] + "y"
    return collection[:-1] if collection.endswith("s") else collection


def _same_place(key: str, where: str, location: str) -> None:
    """Refuse what is in another zone or region than the resource itself."""
    there = location_of(key)
    if "global" in (location, there) or there == location:
        return
    if region_of(there) == region_of(location) and (there, location) != (location, there):
        zonal_both = all(re.search(r"-[a-z]$", place) for place in (there, location))
        if not zonal_both:
            return
    raise invalid(where, path_of(key), f"It is in '{there}' and cannot be used in '{location}'.")
