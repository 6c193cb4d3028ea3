"""What is there without anybody having made it: regions, zones, machine types, public images."""

from __future__ import annotations

import re
import zlib
from typing import Any

from tests.lab.gcp.links import link_of, region_of

Body = dict[str, Any]

REGIONS = (
    *("africa-south1", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2"),
    *("asia-northeast3", "asia-south1", "asia-south2", "asia-southeast1", "asia-southeast2"),
    *("australia-southeast1", "europe-central2", "europe-north1", "europe-southwest1"),
    *("europe-west1", "europe-west2", "europe-west3", "europe-west4", "europe-west6"),
    *("me-central1", "me-west1", "northamerica-northeast1", "southamerica-east1"),
    *("us-central1", "us-east1", "us-east4", "us-east5", "us-south1", "us-west1", "us-west2"),
)
ZONES = tuple(f"{region}-{letter}" for region in REGIONS for letter in "abc")

_FAMILIES = ("e2", "n1", "n2", "n2d", "n4", "c3", "c3d", "t2d")
_CORES = (1, 2, 4, 8, 16, 32, 48, 64, 80, 96)
_GIB = {"standard": 4.0, "highmem": 8.0, "highcpu": 1.0}
_SHARED = {"e2-micro": (2, 1024), "e2-small": (2, 2048), "e2-medium": (2, 4096)}
_SHARED |= {"f1-micro": (1, 614), "g1-small": (1, 1740)}


def _machine_types() -> dict[str, tuple[int, int]]:
    made = dict(_SHARED)
    for family in _FAMILIES:
        for shape, gib in _GIB.items():
            for cores in _CORES:
                made[f"{family}-{shape}-{cores}"] = (cores, int(cores * gib * 1024))
    return made


MACHINE_TYPES = _machine_types()
_CUSTOM = re.compile(r"^(?:(?:n1|n2|n2d|n4|e2)-)?custom-(\d+)-(\d+)(?:-ext)?$")

DISK_TYPES = {
    "pd-standard": "Standard Persistent Disk",
    "pd-balanced": "Balanced Persistent Disk",
    "pd-ssd": "SSD Persistent Disk",
    "pd-extreme": "Extreme Persistent Disk",
    "hyperdisk-balanced": "Hyperdisk Balanced",
    "hyperdisk-extreme": "Hyperdisk Extreme",
    "hyperdisk-throughput": "Hyperdisk Throughput",
    "local-ssd": "Local SSD",
}

#: Public images: project → name → (family, size in GB, description).
_IMAGES = {
    "debian-cloud": {
        "debian-12-bookworm-v20260915": ("debian-12", 10, "Debian 12 (bookworm)"),
        "debian-13-trixie-v20260915": ("debian-13", 10, "Debian 13 (trixie)"),
        "debian-13-trixie-v20261110": ("debian-13", 10, "Debian 13 (trixie)"),
        "debian-12-bookworm-v20261110": ("debian-12", 10, "Debian 12 (bookworm)"),
    },
    "ubuntu-os-cloud": {
        "ubuntu-2404-noble-amd64-v20261105": ("ubuntu-2404-lts-amd64", 10, "Ubuntu 24.04 LTS"),
    },
    "cos-cloud": {"cos-121-18867-90-38": ("cos-stable", 10, "Container-Optimized OS")},
}
_PROJECT = re.compile(r"^compute/projects/([^/]+)/(.+)$")


def _number(text: str) -> str:
    return str(10**15 + zlib.crc32(text.encode()))


def _base(key: str, kind: str, **more: Any) -> Body:
    return {
        "kind": f"compute#{kind}",
        "id": _number(key),
        "creationTimestamp": "2026-01-15T00:00:00.000-08:00",
        "name": key.rpartition("/")[2],
        "selfLink": link_of(key),
        **more,
    }


def image_of_family(project: str, family: str) -> str | None:
    """Give the key of a public family's newest image."""
    names = [name for name, entry in _IMAGES.get(project, {}).items() if entry[0] == family]
    newest = max(names, key=lambda name: name.rpartition("-v")[2], default=None)
    return f"compute/projects/{project}/global/images/{newest}" if newest else None


def _image(key: str, project: str, name: str) -> Body | None:
    if name not in _IMAGES.get(project, {}):
        return None
    family, size, description = _IMAGES[project][name]
    return _base(
        key,
        "image",
        family=family,
        description=description,
        diskSizeGb=str(size),
        status="READY",
        sourceType="RAW",
        architecture="X86_64",
        archiveSizeBytes="1073741824",
    )


def machine(name: str) -> tuple[int, int] | None:
    """Give cores and MiB of a machine type; None where there is no such type."""
    custom = _CUSTOM.match(name)
    if custom:
        return int(custom[1]), int(custom[2])
    return MACHINE_TYPES.get(name)


def _machine_type(key: str, zone: str, name: str) -> Body | None:
    shape = machine(name)
    if shape is None or zone not in ZONES:
        return None
    words = f"{shape[0]} vCPUs, {shape[1] / 1024:g} GB RAM"
    return _base(
        key,
        "machineType",
        zone=zone,
        guestCpus=shape[0],
        memoryMb=shape[1],
        description=words,
        isSharedCpu=name in _SHARED,
        maximumPersistentDisks=128,
        maximumPersistentDisksSizeGb="263168",
    )


def _disk_type(key: str, place: str, name: str) -> Body | None:
    if name not in DISK_TYPES or region_of(place) not in REGIONS:
        return None
    where = "zone" if place in ZONES else "region"
    parent = key.rpartition("/diskTypes/")[0]
    return _base(
        key,
        "diskType",
        description=DISK_TYPES[name],
        validDiskSize="10GB-65536GB",
        defaultDiskSizeGb="100",
        **{where: link_of(parent)},
    )


def _region(key: str, name: str) -> Body | None:
    if name not in REGIONS:
        return None
    root = key.partition("/regions/")[0]
    zones = [link_of(f"{root}/zones/{name}-{letter}") for letter in "abc"]
    quotas = [
        {"metric": metric, "limit": limit, "usage": 0.0}
        for metric, limit in {"CPUS": 500.0, "STATIC_ADDRESSES": 64.0, "INSTANCES": 1000.0}.items()
    ]
    return _base(key, "region", description=name, status="UP", zones=zones, quotas=quotas)


def _zone(key: str, name: str) -> Body | None:
    if name not in ZONES:
        return None
    root = key.partition("/zones/")[0]
    region = link_of(f"{root}/regions/{region_of(name)}")
    return _base(key, "zone", description=name, status="UP", region=region)


def get(key: str) -> Body | None:
    """Give what is there without having been made; None where it is not."""
    found = _PROJECT.match(key)
    if not found:
        return None
    words = found[2].split("/")
    if words[:2] == ["global", "images"] and len(words) == 3:
        return _image(key, found[1], words[2])
    if words[0] in ("zones", "regions") and len(words) == 2:
        return _zone(key, words[1]) if words[0] == "zones" else _region(key, words[1])
    if len(words) == 4 and words[2] == "machineTypes":
        return _machine_type(key, words[1], words[3])
    if len(words) == 4 and words[2] == "diskTypes":
        return _disk_type(key, words[1], words[3])
    return None


def exists(key: str) -> bool:
    """Whether it is there without having been made."""
    return key.endswith("/global/gateways/default-internet-gateway") or get(key) is not None


def names(collection: str) -> list[str]:
    """Give the names of a collection of such things, e.g. compute/projects/p/zones."""
    found = _PROJECT.match(collection)
    if not found:
        return []
    words = found[2].split("/")
    by_last = {
        "zones": list(ZONES),
        "regions": list(REGIONS),
        "machineTypes": sorted(MACHINE_TYPES),
        "diskTypes": sorted(DISK_TYPES),
        "images": sorted(_IMAGES.get(found[1], {})),
    }
    return by_last.get(words[-1], [])
