# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a version's pods answered, out of their own metrics: how many requests, how many of them failed, how fast.

Metrics are read through the API server, so neither a way into the cluster nor a Prometheus is needed. The counters of
a new pod begin at 0: all that it answered since its start counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    Breach,
    Metrics,
    Soak,
    Traffic,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import PERCENTILES
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.readiness import condition

IMPORT_ERROR: Exception | None = None
try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError as error:  # told by the module, with the way to get it
    IMPORT_ERROR = error

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Sample:
    """One pod's counters: requests, those of status 5xx, and how many took at most so many seconds."""

    requests: float = 0
    failed: float = 0
    buckets: Mapping[float, float] = field(default_factory=dict)


def read(text: str, metrics: Metrics) -> Sample:
    """Read a page of metrics. Raises ``ValueError`` where it is none, or lacks the counter."""
    requests = failed = 0.0
    buckets: dict[float, float] = {}
    known = False
    for family in text_string_to_metric_families(text):
        known = known or metrics.requests in (family.name, f"{family.name}_total")
        for name, labels, value in (
            (each.name, each.labels, each.value) for each in family.samples
        ):
            if name == metrics.requests:
                requests += value
                failed += value if labels.get(metrics.status, "").startswith("5") else 0
            elif name == f"{metrics.duration}_bucket":
                bound = float(labels.get("le", "none"))
                buckets[bound] = buckets.get(bound, 0) + value
    if not known:
        raise ValueError(f"there is no {metrics.requests} among its metrics")
    if not isfinite(requests):
        raise ValueError(f"{metrics.requests} is no number")
    return Sample(requests, failed, buckets)


def together(samples: Iterable[Sample]) -> Traffic:
    """All pods as one."""
    samples = list(samples)
    buckets: dict[float, float] = {}
    for sample in samples:
        for bound, count in sample.buckets.items():
            buckets[bound] = buckets.get(bound, 0) + count
    latency = {
        name: round(found * 1000, 1)
        for name, percent in PERCENTILES.items()
        if (found := quantile(buckets, percent / 100)) is not None
    }
    requests = sum(int(sample.requests) for sample in samples)
    return Traffic(requests, sum(int(sample.failed) for sample in samples), latency)


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """Seconds below which a share of all lies, as Prometheus' histogram_quantile takes it: even within a bucket.

    What lies beyond the last bound is told as that bound. (prometheus/promql/quantile.go, bucketQuantile)
    """
    bounds = sorted(buckets)
    if not bounds or not buckets[bounds[-1]]:
        return None
    rank, below, before = share * buckets[bounds[-1]], 0.0, 0.0
    for bound in bounds:
        count = buckets[bound]
        if count >= rank:
            if bound == inf:
                return below
            inside = count - before
            return below + (bound - below) * ((rank - before) / inside if inside else 1.0)
        below, before = bound, count
    return below


def breach(service: str, traffic: Traffic, soak: Soak, ended: bool = False) -> Breach | None:
    """Why a version that answered so cannot stay.

    Few requests say little about a share while others may come; once the window has ``ended`` they are all there is.
    """
    share, enough = soak.failed_requests, traffic.requests >= soak.minimum_requests
    if traffic.failed > share.allowed(traffic.requests) and (enough or ended or not share.percent):
        percent = 100 * traffic.failed / max(1, traffic.requests)
        return Breach(
            service,
            "failed_requests",
            f"{traffic.failed} of {traffic.requests} requests failed with status 5xx ({percent:.1f}%), and {share} may",
        )
    for name, limit in soak.latency.items():
        found = traffic.latency.get(name)
        if enough and found is not None and found > limit:
            return Breach(
                service,
                "slow",
                f"{name} of {traffic.requests} requests is {found:g} ms, and may be {limit:g} ms",
            )
    return None


def is_ready(pod: Body) -> bool:
    """Whether a pod is ready."""
    return (condition(pod, "Ready") or {}).get("status") == "True"


class Meter:
    """Reads the metrics of one service's pods; a pod that went keeps what it had, as does a container that is new."""

    def __init__(self, client: Client, metrics: Metrics) -> None:
        self._client = client
        self._metrics = metrics
        self._samples: dict[str, Sample] = {}
        self._before: list[Sample] = []
        self.trouble = ""

    @property
    def traffic(self) -> Traffic:
        """All that was read so far."""
        return together((*self._before, *self._samples.values()))

    @property
    def measured(self) -> bool:
        """Whether a pod has told anything yet."""
        return bool(self._samples)

    def unread(self, pods: Sequence[Body]) -> list[str]:
        """Names of pods that are ready and have told nothing yet."""
        return [
            pod["metadata"]["name"]
            for pod in pods
            if pod["metadata"]["uid"] not in self._samples and is_ready(pod)
        ]

    async def look(self, pods: Sequence[Body]) -> Traffic:
        """Read all pods once. What cannot be read is kept as ``trouble``."""
        await asyncio.gather(*map(self._one, pods))
        return self.traffic

    async def _one(self, pod: Body) -> None:
        metadata, metrics = pod["metadata"], self._metrics
        place = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}:{metrics.port}/proxy"
        try:
            answer = await self._client.send("GET", f"{place}{metrics.path}", accept="*/*", tries=1)
            if not answer.ok:
                self.trouble = f"status {answer.status}: {answer.message[:200]}"
                return
            self._take(metadata["uid"], read(str(answer.body), metrics))
        except (KubeError, ValueError) as error:
            self.trouble = str(error)

    def _take(self, uid: str, sample: Sample) -> None:
        last = self._samples.get(uid)
        if last and sample.requests < last.requests:
            # Its container was begun anew, and with it its counters.
            self._before.append(last)
        self._samples[uid] = sample
