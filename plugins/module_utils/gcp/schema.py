# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A declared body against the schema of its type: what is wrong with it, before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import Problem
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Output
from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean

Schemas = Mapping[str, Any]

_WHOLE = re.compile(r"[+-]?\d+\Z")
_OUTPUT_ONLY = re.compile(r"\[?\s*output[ -]only", re.IGNORECASE)
_ANY: Mapping[str, Any] = {"type": "any"}
_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


def resolve(schemas: Schemas, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that one refers to."""
    while "$ref" in schema:
        schema = schemas[schema["$ref"]]
    return schema


def properties(schemas: Schemas, name: str) -> Mapping[str, Any]:
    """The fields of a schema by name."""
    found: Mapping[str, Any] = schemas.get(name, {}).get("properties", {})
    return found


def output_only(schema: Mapping[str, Any]) -> bool:
    """Whether only Google sets the field."""
    return bool(
        schema.get("readOnly") or _OUTPUT_ONLY.match(schema.get("description", "").lstrip())
    )


def child(path: str, name: str) -> str:
    """The path of a field below another."""
    return f"{path}.{name}" if path else name


def problems(
    value: Any, schemas: Schemas, schema: Mapping[str, Any], where: str, settable: frozenset[str]
) -> Iterator[Problem]:
    """All that is wrong with a body. ``settable`` are fields that a verb of their own sets, though they are output."""
    yield from _Check(schemas, where, settable).value(value, schema, "", "")


class _Check:
    def __init__(self, schemas: Schemas, where: str, settable: frozenset[str]) -> None:
        self._schemas = schemas
        self._where = where
        self._settable = settable

    def value(
        self, value: Any, schema: Mapping[str, Any], path: str, plain: str
    ) -> Iterator[Problem]:
        """``path`` tells people which item it is, ``plain`` is the same without numbers."""
        schema = resolve(self._schemas, schema)
        kind = schema.get("type", "object" if "properties" in schema else "any")
        if value is None or isinstance(value, Output) or kind == "any" or plain in self._settable:
            return
        if kind == "object":
            yield from self._object(value, schema, path, plain)
        elif kind == "array":
            yield from self._array(value, schema, path, plain)
        else:
            yield from self._scalar(value, schema, kind, path)

    def _object(
        self, value: Any, schema: Mapping[str, Any], path: str, plain: str
    ) -> Iterator[Problem]:
        if not isinstance(value, Mapping):
            yield self._wrong_type(value, "object", path)
            return
        fields = schema.get("properties", {})
        more = schema.get("additionalProperties")
        for name, part in value.items():
            below, plain_below = child(path, str(name)), child(plain, str(name))
            if name in fields:
                if output_only(fields[name]) and plain_below not in self._settable:
                    yield Problem(
                        "output_only",
                        f"{self._where}: {below} is set by Google alone; leave it out.",
                    )
                    continue
                yield from self.value(part, fields[name], below, plain_below)
            elif more is not None:
                yield from self.value(part, more, below, plain_below)
            else:
                yield Problem(
                    "unknown_field",
                    f"{self._where}: {below} is no field of it: {did_you_mean(str(name), fields)}"
                    f"{_known(fields)}.",
                )

    def _array(
        self, value: Any, schema: Mapping[str, Any], path: str, plain: str
    ) -> Iterator[Problem]:
        if not isinstance(value, (list, tuple)):
            yield self._wrong_type(value, "array", path)
            return
        for number, item in enumerate(value):
            if item is None:
                yield self._wrong_type(item, "object", f"{path}[{number}]")
                continue
            yield from self.value(
                item, schema.get("items", _ANY), f"{path}[{number}]", f"{plain}[]"
            )

    def _scalar(
        self, value: Any, schema: Mapping[str, Any], kind: str, path: str
    ) -> Iterator[Problem]:
        if not _fits(value, kind, schema.get("format", "")):
            yield self._wrong_type(value, kind, path, schema.get("format", ""))
        elif schema.get("enum") and value not in schema["enum"]:
            yield Problem(
                "bad_enum",
                f"{self._where}: {path} is {value!r}: "
                f"{did_you_mean(str(value).upper(), schema['enum'])}it may be {', '.join(schema['enum'])}.",
            )
        elif schema.get("pattern") and not re.fullmatch(schema["pattern"], str(value)):
            yield Problem(
                "bad_name" if path.endswith("name") else "bad_pattern",
                f"{self._where}: {path} is {value!r}, which does not match Google's pattern {schema['pattern']}.",
            )

    def _wrong_type(self, value: Any, kind: str, path: str, form: str = "") -> Problem:
        words = "a whole number" if form.endswith("int64") else _WORDS.get(kind, kind)
        return Problem(
            "wrong_type",
            f"{self._where}: {path} has to be {words}, not {_told(value)}.",
        )


def _fits(value: Any, kind: str, form: str) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind == "integer" or form in ("int64", "uint64"):
        return isinstance(value, int) or (
            isinstance(value, str) and _WHOLE.match(value) is not None
        )
    if kind == "number":
        return isinstance(value, (int, float))
    return isinstance(value, str)


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if value is None:
        return "nothing"
    # What stands in the wrong place may be a secret, so of texts only the kind is told.
    return "a text" if isinstance(value, str) else f"{value!r}".lower()


def _known(fields: Mapping[str, Any]) -> str:
    names = sorted(name for name, each in fields.items() if not output_only(each))
    return f"it has {', '.join(names[:25])}{', …' if len(names) > 25 else ''}"
