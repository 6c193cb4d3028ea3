"""What every resource gets from the server: number, link, times, fingerprints, etag."""

from __future__ import annotations

from typing import Any

from tests.lab.gcp.clock import fingerprint, now, number, zulu
from tests.lab.gcp.discovery import Api, Schema
from tests.lab.gcp.links import link_of, location_of, path_of

Body = dict[str, Any]
_NESTED = {"metadata": "items", "tags": "items"}


def properties(api: Api, schema: str) -> dict[str, Schema]:
    """Give the properties of a schema by its name."""
    found = api.schemas.get(schema, {}).get("properties", {})
    return dict(found)


def strip_output(api: Api, schema: str, body: Body) -> None:
    """Drop what only the server sets, as it does itself; on top level."""
    known = properties(api, schema)
    for name in [name for name in body if known.get(name, {"readOnly": True}).get("readOnly")]:
        del body[name]


def newborn(api: Api, schema: str, key: str, name: str, body: Body) -> None:
    """Give a new resource what it keeps for life, as far as its schema knows it."""
    known = properties(api, schema)
    if "name" in known:
        body["name"] = (
            name if api.name in ("compute", "dns", "storage", "container") else path_of(key)
        )
    if "kind" in known and known["kind"].get("default"):
        body["kind"] = known["kind"]["default"]
    if "id" in known and known["id"].get("format") == "uint64":
        body["id"] = number()
    if "selfLink" in known:
        body["selfLink"] = link_of(key)
    for field in ("creationTimestamp", "createTime", "updateTime", "creationTime"):
        if field in known:
            body[field] = now() if field == "creationTimestamp" else zulu()
    _place(known, key, body)


def _place(known: dict[str, Schema], key: str, body: Body) -> None:
    words = key.split("/")
    if len(words) > 5 and words[3] in ("zones", "regions") and words[3][:-1] in known:
        body[words[3][:-1]] = link_of("/".join(words[:5]))
    elif "location" in known and words[0] == "container":
        body["location"] = location_of(key)


def touch(api: Api, schema: str, body: Body) -> None:
    """Renew fingerprints, etag and time of the last change."""
    known = properties(api, schema)
    if "labelFingerprint" in known:
        body["labelFingerprint"] = fingerprint(body.get("labels", {}))
    for field, items in _NESTED.items():
        held = body.get(field)
        if isinstance(held, dict) and field in known and "$ref" in known[field]:
            inner = properties(api, known[field]["$ref"])
            if "fingerprint" in inner:
                held["fingerprint"] = fingerprint(held.get(items, []))
    volatile = ("fingerprint", "etag", "updateTime")
    content = {name: value for name, value in body.items() if name not in volatile}
    if known.get("fingerprint", {}).get("format") == "byte":
        body["fingerprint"] = fingerprint(content)
    if "etag" in known:
        body["etag"] = fingerprint(content)
    if "updateTime" in known:
        body["updateTime"] = zulu()
