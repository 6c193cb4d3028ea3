# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Types and their rules, with those that Google serves as methods of another type."""

from __future__ import annotations

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import (
    GLOBAL,
    Definitions,
    Kind,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import (
    BINDINGS,
    PEERINGS,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.rules import Rule
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.rules_balancing import (
    BALANCING,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.rules_compute import COMPUTE
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.rules_more import MORE
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.rules_plain import (
    PLAIN,
    UNKNOWN,
)

_RULES = {**PLAIN, **COMPUTE, **BALANCING, **MORE}


def kind_of(definitions: Definitions, type_name: str, with_location: bool = False) -> Kind | None:
    """The type of that name, or nothing."""
    if type_name == PEERINGS:
        networks = definitions.kind("compute.networks")
        item = "projects/{project}/global/networks/{parent}/peerings/{name}"
        return networks and Kind(PEERINGS, GLOBAL, item, "NetworkPeering", networks.verbs)
    if type_name == BINDINGS:
        return Kind(BINDINGS, GLOBAL, "projects/{project}/bindings/{name}", "", {})
    kind = definitions.kind(type_name, with_location)
    if kind is None or not (kind.create or "enable" in kind.verbs):
        return None
    return kind


def rule_of(type_name: str) -> Rule:
    """What is special with a type."""
    return _RULES.get(type_name, UNKNOWN)
