# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What all handlers share: requests, operations, definitions, and what other resources tell."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import Definitions
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Output
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.operations import Operations


@dataclass
class Cloud:
    """Google Cloud as one run sees it.

    ``outputs`` are resources as Google tells them, by link. ``timeout`` is in seconds. ``shared`` is what handlers of
    several resources share: a policy, a queue.
    """

    client: Client
    operations: Operations
    definitions: Definitions
    timeout: float
    outputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    def lock(self, name: str) -> asyncio.Lock:
        """The lock of what takes one change at a time."""
        return self._locks.setdefault(name, asyncio.Lock())

    def known(self, value: Any) -> Any:
        """A body with what other resources tell in its place, as far as it is known."""
        if isinstance(value, Output):
            told = self.outputs.get(value.link, {}).get(value.name)
            return value if told is None else told
        if isinstance(value, Mapping):
            return {name: self.known(part) for name, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.known(part) for part in value]
        return value
