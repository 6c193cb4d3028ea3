"""Links to resources in all their spellings, and the keys that stand for them."""

from __future__ import annotations

import re

_HOST = re.compile(r"^(?:https?:)?//([\w.-]+)/(.*)$")
_SERVICE = re.compile(r"^(compute|dns|storage)/\w+/(.*)$")
_VERSION = re.compile(r"^v\d+\w*/(.*)$")
#: How references to resources of these APIs are written: a whole URL, or a name with slashes.
_URLS = {
    "compute": "https://www.googleapis.com/compute/v1/",
    "container": "https://container.googleapis.com/v1/",
    "dns": "https://dns.googleapis.com/dns/v1/",
    "storage": "https://www.googleapis.com/storage/v1/",
}


def link_of(key: str) -> str:
    """Give the link that other resources store."""
    api, _, path = key.partition("/")
    return _URLS.get(api, "") + path


def parse(link: str, api: str = "compute", project: str = "", location: str = "") -> str | None:
    """Give the key of a link; None where it is none.

    Relative ones (``global/networks/x``, ``regions/r/…``) need the project of the resource that
    has them; a path without a host belongs to `api`.
    """
    found = _HOST.match(link)
    path = link
    if found:
        host, path = found[1], found[2]
        service = _SERVICE.match(path)
        if service:
            api, path = service[1], service[2]
        else:
            api = host.partition(".")[0].rpartition("-")[2]
            versioned = _VERSION.match(path)
            path = versioned[1] if versioned else path
    path = path.strip("/")
    if path.startswith(("projects/", "b/")) or (api not in _URLS and "/" in path):
        return f"{api}/{path}"
    if not project:
        return None
    if path.startswith(("global/", "regions/", "zones/")):
        return f"{api}/projects/{project}/{path}"
    if path.count("/") == 1 and location and api == "compute":
        place = "zones" if re.search(r"-[a-z]$", location) else "regions"
        return f"{api}/projects/{project}/{place}/{location}/{path}"
    return None


def last(link: str) -> str:
    """Give the last word of a link."""
    return link.rstrip("/").rpartition("/")[2]


def path_of(key: str) -> str:
    """Give the path as error messages have it: projects/p/global/networks/x."""
    return key.partition("/")[2]


def project_of(key: str) -> str:
    """Give the project of a key, "" where it has none."""
    words = key.split("/")
    return words[2] if len(words) > 2 and words[1] == "projects" else ""


def location_of(key: str) -> str:
    """Give the zone, region or location of a key; ``global`` where it has none."""
    words = key.split("/")
    if len(words) > 4 and words[3] in ("zones", "regions", "locations"):
        return words[4]
    return "global"


def region_of(location: str) -> str:
    """Give the region of a zone (a region is its own)."""
    return re.sub(r"-[a-z]$", "", location)
