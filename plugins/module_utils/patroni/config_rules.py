# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules of our own for Patroni's configuration, complete or dynamic.

``patroni --validate-config`` (4.0.7) refuses ``synchronous_mode: quorum``, busy ports and an
unreachable etcd, and accepts timings that break Patroni's own rule, unknown keys, wrong parameter
names and bad lines of pg_hba; these rules do the opposite, without a connection to anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.config_keys import (
    dig,
    dynamic_key_problems,
    key_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.dynamic_rules import (
    dynamic_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.member_rules import (
    hba_problems,
    member_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.parameter_rules import (
    parameter_problems,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.problem import Problem


def config_problems(
    config: Mapping[str, Any], major: int | None, eligible_replicas: int | None = None
) -> list[Problem]:
    """Return what is wrong with a complete configuration (``patroni.yml`` as a mapping).

    :param major: PostgreSQL's major version; None takes what any known one takes.
    :param eligible_replicas: replicas that may be synchronous; None if unknown.
    :raises ValueError: for a major version that is not known.
    """
    found = key_problems(config)
    found += member_problems(config)
    dynamic = dig(config, "bootstrap", "dcs")
    if isinstance(dynamic, Mapping):
        found += _dynamic_values(dynamic, "bootstrap.dcs", major, eligible_replicas)
    local = dig(config, "postgresql", "parameters")
    if isinstance(local, Mapping):
        # Patroni sets cluster_name to the scope; saying the same does no harm.
        said = {k: v for k, v in local.items() if (k, v) != ("cluster_name", config.get("scope"))}
        found += parameter_problems(said, "postgresql.parameters", major, local=True)
    return found


def dynamic_config_problems(
    dynamic: Mapping[str, Any], major: int | None, eligible_replicas: int | None = None
) -> list[Problem]:
    """Return what is wrong with a dynamic configuration (what ``PATCH /config`` takes).

    A value of None removes a key and is left out of account.

    :raises ValueError: for a major version that is not known.
    """
    given = _without_none(dynamic)
    found = dynamic_key_problems(given, ())
    return found + _dynamic_values(given, "", major, eligible_replicas)


def _dynamic_values(
    dynamic: Mapping[str, Any], path: str, major: int | None, eligible_replicas: int | None
) -> list[Problem]:
    prefix = f"{path}." if path else ""
    found = dynamic_problems(dynamic, path or "dynamic configuration", eligible_replicas)
    shared = dig(dynamic, "postgresql", "parameters")
    if isinstance(shared, Mapping):
        where = f"{prefix}postgresql.parameters"
        found += parameter_problems(shared, where, major, local=False)
    return found + hba_problems(dig(dynamic, "postgresql", "pg_hba"), f"{prefix}postgresql.pg_hba")


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(inner) for key, inner in value.items() if inner is not None}
    return value
