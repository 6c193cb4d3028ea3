# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the discovery documents do not say of a type: its shape, in tables of ``rules_compute`` and ``rules_more``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Fields of paths without numbers, such as ``backends[].group``.
Paths = frozenset[str]
NONE: Paths = frozenset()

#: Lists of objects whose items are told apart by a field, wherever they stand.
KEYED: Mapping[str, str] = {
    "accessConfigs": "",
    "env": "name",
    "backends": "group",
    "hostRules": "",
    "items": "key",
    "namedPorts": "name",
    "nats": "name",
    "networkInterfaces": "",
    "pathMatchers": "name",
    "rules": "priority",
    "secondaryIpRanges": "rangeName",
    "volumes": "name",
}
#: Lists of texts whose order means something, wherever they stand; all others are sets.
ORDERED: Paths = frozenset(("args", "command", "sslCertificates", "resolveOrder"))
#: Mappings and keyed lists that others write to as well: only what is declared is compared, the rest stays.
SHARED: Paths = frozenset(("labels", "resourceLabels", "annotations", "metadata.items"))


@dataclass(frozen=True)
class Rule:
    """What is special with a type.

    ``required``: fields without which it cannot be made; ``a|b`` is one of them.
    ``mutable``: fields that can be changed, where the others cannot; ``None`` where all but ``immutable`` can.
    ``create_only``: fields that count only when it is made, and are not compared.
    ``references``: field to the types that it may name. ``outputs``: field to what stands there of the resource that is
    named (its address, its e-mail). ``settable``: fields that Google calls output and a verb sets.
    ``below``: the option or field that names the resource that it stands below, and its type.
    ``lost``: what goes with it. ``protected``: whether its deletion has to be allowed. ``brief``: whether it holds
    nothing, so that it is deleted and made again without being asked for.
    ``keys``: keyed lists of its own. ``restarts``: fields for which an instance is stopped. ``omits``: whether its API
    leaves numbers out that are zero.
    """

    required: tuple[str, ...] = ()
    mutable: Paths | None = None
    immutable: Paths = NONE
    create_only: Paths = NONE
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    settable: Paths = NONE
    below: tuple[str, str] = ("", "")
    lost: str = ""
    protected: bool = False
    brief: bool = False
    keys: Mapping[str, str] = field(default_factory=dict)
    restarts: Paths = NONE
    omits: bool = False
