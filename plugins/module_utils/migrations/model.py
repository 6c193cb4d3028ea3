# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Migrations of a release, and the rollouts that others wait for, as they are described."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Annotation of a Job: the digest of what it was made of.
DEFINITION = "groundwork.platform/definition"
#: Label of a Job: the service whose migration it is. One list and one watch find all of them.
SERVICE = "groundwork.platform/migration"
EXPAND, CONTRACT = "expand", "contract"

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Gate:
    """What has to hold before something begins; one of a Deployment's rollout, a Service's page, a TCP port.

    A page is asked through the API server, so it needs no way into the cluster.
    """

    rollout: str = ""
    service: str = ""
    tcp: str = ""
    namespace: str = ""
    port: int = 80
    path: str = "/"
    timeout: float = 300.0

    def __str__(self) -> str:
        if self.rollout:
            return f"rollout of {self.rollout}"
        return f"{self.service}:{self.port}{self.path}" if self.service else f"port {self.tcp}"


@dataclass(frozen=True)
class Consumer:
    """Who uses what a contract migration takes away, and from which version on it does without."""

    deployment: str
    namespace: str = ""
    at_least: str = ""
    versions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Migration:
    """One migration: the Job that it is, and what comes before. Times are seconds."""

    service: str
    version: str
    job: Body
    needs: tuple[str, ...] = ()
    gates: tuple[Gate, ...] = ()
    phase: str = EXPAND
    consumers: tuple[Consumer, ...] = ()

    @property
    def name(self) -> str:
        """Name of the Job."""
        return str(self.job["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Namespace of the Job."""
        return str(self.job["metadata"]["namespace"])

    @property
    def checksum(self) -> str:
        """Digest of the Job's spec, SHA-256 in hexadecimal."""
        return checksum(self.job["spec"])

    @property
    def deadline(self) -> float | None:
        """Seconds after which the Job gives up by itself."""
        found = self.job["spec"].get("activeDeadlineSeconds")
        return None if found is None else float(found)


@dataclass(frozen=True)
class Rollout:
    """A service that others wait for: its objects, and the Deployment that has to be up."""

    service: str
    deployment: str
    namespace: str
    needs: tuple[str, ...] = ()
    manifests: tuple[Any, ...] = ()
    timeout: float = 300.0


def checksum(spec: Body) -> str:
    """Digest of a specification, whatever the order of its keys."""
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def history_key(service: str, version: str) -> str:
    """Key of a migration in the history."""
    return f"{service}.{version}"


def in_words(names: Sequence[str]) -> str:
    """Names for a sentence."""
    return ", ".join(names)
