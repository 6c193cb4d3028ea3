"""The tables against Google's definitions: each field that they name is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.kinds import (
    _RULES,
    kind_of,
    rule_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import (
    BINDINGS,
    PEERINGS,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.schema import resolve

from tests.unit.gcp.world import DEFINITIONS

TYPES = sorted(_RULES.keys() - {BINDINGS, PEERINGS})


def fields(type_name: str) -> Iterator[str]:
    """All paths of the rule of a type that Google's schema should have."""
    rule = rule_of(type_name)
    own = {*rule.settable, rule.below[0]}
    for required in rule.required:
        yield from (name for name in required.split("|") if name not in own)
    for paths in (rule.mutable or (), rule.immutable, rule.create_only, rule.references):
        yield from (path for path in paths if path.partition("[")[0] not in own)


def has(schemas: Mapping[str, Any], schema: Mapping[str, Any], path: str) -> bool:
    for name in path.split("."):
        known = resolve(schemas, schema).get("properties", {})
        if name.removesuffix("[]") not in known:
            return False
        schema = known[name.removesuffix("[]")]
        if name.endswith("[]"):
            schema = resolve(schemas, schema).get("items", {})
    return True


@pytest.mark.parametrize("type_name", TYPES)
def test_fields_of_the_tables_are_googles(type_name):
    kind = kind_of(DEFINITIONS, type_name)
    assert kind is not None, "no such type"
    schemas = DEFINITIONS.schemas(kind.api)
    missing = [path for path in fields(type_name) if not has(schemas, schemas[kind.schema], path)]
    assert missing == []
    for target in {each for types in rule_of(type_name).references.values() for each in types}:
        assert DEFINITIONS.kind(target) is not None, target
