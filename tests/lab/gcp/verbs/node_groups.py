"""Instance group managers of node pools: they tell a pool's size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.lab.gcp.links import link_of, parse
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs.networks import automatic

if TYPE_CHECKING:
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]


def size(record: Record) -> int:
    """Give the number of nodes in all zones."""
    return int(record.body.get("initialNodeCount", 0)) * len(record.body["locations"])


def make_groups(emulator: Emulator, record: Record) -> None:
    """Let the pool's instance group managers tell its size."""
    count = int(record.body.get("initialNodeCount", 0))
    links = set(record.body["instanceGroupUrls"])
    for held in emulator.store.of_type("compute.instanceGroupManagers", record.project):
        if held.secret.get("pool") == record.key and link_of(held.key) not in links:
            emulator.store.remove(held)
    for link in links:
        key = parse(link) or ""
        found = emulator.store.get(key)
        body: Body = {"targetSize": count, "baseInstanceName": key.rpartition("/")[2][:-4]}
        if found:
            emulator.store.replace(found, {**found.body, **body})
            continue
        made = automatic(emulator, "compute.instanceGroupManagers", key, body)
        made.secret["pool"] = record.key


def drop_groups(emulator: Emulator, record: Record) -> None:
    """The managers go with the pool."""
    for held in list(emulator.store.of_type("compute.instanceGroupManagers", record.project)):
        if held.secret.get("pool") == record.key:
            emulator.store.remove(held)
