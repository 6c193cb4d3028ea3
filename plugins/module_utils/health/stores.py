# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Patroni and etcd: asked as their own modules ask, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.client import (
    EtcdCallError,
    EtcdCluster,
)
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.info import holds
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.model import (
    RefusedError as EtcdRefusedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.model import (
    problems as etcd_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health import rules
from ansible_collections.groundwork.platform.plugins.module_utils.health.failure import (
    FailedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import Facts
from ansible_collections.groundwork.platform.plugins.module_utils.health.world import (
    Tls,
    World,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.client import (
    PatroniClient,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.health import (
    Expectation,
    problems,
    unmet,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.model import (
    ClusterState,
    RefusedError,
)


@dataclass(frozen=True)
class Patroni:
    """A cluster that has to be as expected."""

    members: tuple[str, ...]
    expected: Expectation
    tls: Tls = field(default_factory=Tls)

    @classmethod
    def of(cls, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Patroni:
        """Read the options. Raises ``ValueError``."""
        if not given["members"]:
            raise ValueError("members is empty")
        expected = Expectation(
            conditions=tuple(given["wait_for"]),
            leader_is=given["leader_is"],
            maximum_lag=given["maximum_lag"],
        )
        members = tuple(rules.url(member, "members") for member in given["members"])
        return cls(members, expected, rules.tls(given, defaults))

    @property
    def target(self) -> str:
        """Who is asked."""
        return f"patroni {', '.join(self.members)}"

    async def ask(self, world: World, timeout: float, /) -> Facts:
        """Look at the cluster once."""
        # Threads that wait for lost members end before the attempt does.
        return await world.in_thread(self._look, timeout * 0.8)

    def _look(self, timeout: float) -> Facts:
        try:
            state = PatroniClient(self.tls.client(timeout), self.members).observe(within=timeout)
        except RefusedError as error:
            raise FailedError(error.reason, error.message) from error
        return judge_patroni(state, self.expected)


def judge_patroni(state: ClusterState, expected: Expectation) -> dict[str, Any]:
    """Leader and members. Raises ``FailedError``: the first problem's reason, or ``unmet``, and all in words."""
    missing = unmet(state, expected)
    if missing:
        found = problems(state, expected.maximum_lag) if "healthy" in expected.conditions else []
        words = [item.message.rstrip(".") for item in found]
        raise FailedError(found[0].reason if found else "unmet", "; ".join(words or missing))
    leader = state.leader
    return {"leader": leader.name if leader else None, "members": len(state.members)}


@dataclass(frozen=True)
class Etcd:
    """A cluster that has to serve: ``all`` members, or a ``quorum``."""

    endpoints: tuple[str, ...]
    expect: str = "all"
    username: str = ""
    password: str = field(default="", repr=False)
    tls: Tls = field(default_factory=Tls)

    @classmethod
    def of(cls, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Etcd:
        """Read the options. Raises ``ValueError``."""
        if not given["endpoints"]:
            raise ValueError("endpoints is empty")
        return cls(
            tuple(rules.url(endpoint, "endpoints") for endpoint in given["endpoints"]),
            given["expect"],
            given["username"] or "",
            given["password"] or "",
            rules.tls(given, defaults),
        )

    @property
    def target(self) -> str:
        """Who is asked."""
        return f"etcd {', '.join(self.endpoints)}"

    async def ask(self, world: World, timeout: float, /) -> Facts:
        """Look at the cluster once."""
        return await world.in_thread(self._look, timeout * 0.4)

    def _look(self, timeout: float) -> Facts:
        """A look is two rounds of requests at most: one to log in, one to ask."""
        etcd = EtcdCluster(
            self.tls.client(timeout), self.endpoints, self.username, (self.password,)
        )
        try:
            cluster = etcd.observe()
        except EtcdRefusedError as error:
            raise FailedError("authentication", error.message) from error
        except EtcdCallError as error:
            raise FailedError("failed", str(error)) from error
        if not holds(cluster, self.expect, ""):
            causes = [f"{a.endpoint}: {a.cause}" for a in cluster.answers if a.cause]
            reason = "not_healthy" if cluster.has_quorum else "no_quorum"
            raise FailedError(reason, "; ".join(etcd_problems(cluster) + causes))
        return {"leader": cluster.leader, "members": len(cluster.members)}
