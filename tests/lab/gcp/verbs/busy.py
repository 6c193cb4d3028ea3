"""Operations that are in each other's way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab.gcp.errors import precondition

if TYPE_CHECKING:
    from tests.lab.gcp.emulator import Emulator


def busy(emulator: Emulator, cluster: str, target: str) -> None:
    """Refuse while an operation runs that is in the way.

    One on the cluster is in the way of all, one on a node pool of those on the cluster and on
    the same pool.
    """
    for made in emulator.operations.of_api("container"):
        if made.done or not (made.target + "/").startswith(cluster + "/"):
            continue
        if cluster in (made.target, target) or made.target == target:
            words = f"Cluster is running incompatible operation {made.name}."
            raise precondition(words)
