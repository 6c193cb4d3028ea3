"""Requests and responses against the schemas of the discovery documents."""

from __future__ import annotations

import base64
import binascii
import re
from functools import cache, lru_cache
from typing import Any

from tests.lab.gcp.discovery import Api, Schema
from tests.lab.gcp.errors import ApiError, invalid, malformed

_WORDS = {
    "string": "TYPE_STRING",
    "integer": "TYPE_INT32",
    "number": "TYPE_FLOAT",
    "boolean": "TYPE_BOOL",
}
_LIMITS = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
#: The front end's name of the body in its messages.
_ROOT = {"compute": "resource", "dns": "", "storage": ""}


@cache
def pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern of a document, which has to match the whole value."""
    return re.compile(text)


class Checker:
    """Checks values of one API; the first problem is raised."""

    def __init__(self, api: Api, outgoing: bool = False) -> None:
        self.api = api
        self.outgoing = outgoing
        # Storage ignores fields of requests that it does not know.
        self.strict = outgoing or api.name != "storage"

    def body(self, name: str, value: Any) -> dict[str, Any]:
        """Check a whole body against a schema by its name; give it with numbers as numbers.

        Google takes numbers as text and gives 64 bits as text.
        """
        if not isinstance(value, dict):
            raise malformed("", "Invalid JSON payload received. Unexpected token.")
        return self._properties(self.api.schemas[name], value, "")

    def _at(self, where: str) -> str:
        root = _ROOT.get(self.api.name, "")
        return ".".join(part for part in (root, snake(where)) if part)

    def _properties(self, schema: Schema, value: dict[str, Any], where: str) -> dict[str, Any]:
        known = schema.get("properties", {})
        extra = schema.get("additionalProperties")
        found = {}
        for given, entry in value.items():
            key = given if self.outgoing or given in known else _known_as(given, known)
            inner = f"{where}.{key}" if where else key
            if key in known:
                found[key] = self.check(known[key], entry, inner)
            elif extra is not None:
                found[key] = self.check(extra, entry, inner)
            elif schema.get("type") != "any" and self.strict:
                raise self._unknown(key, where)
        return found

    def _unknown(self, key: str, where: str) -> ApiError:
        at = self._at(where)
        place = f" at '{at}'" if at else ""
        words = f'Invalid JSON payload received. Unknown name "{key}"{place}: Cannot find field.'
        return malformed(at, words)

    def _wrong(self, word: str, value: Any, where: str) -> ApiError:
        at = self._at(where)
        shown = f'"{value}"' if isinstance(value, str) else str(value).lower()
        return malformed(at, f"Invalid value at '{at}' ({word}), {shown}")

    def check(self, schema: Schema, value: Any, where: str) -> Any:
        """Check one value; give it as it is kept."""
        if value is None:
            if self.outgoing:
                raise self._wrong("null is never sent", value, where)
            return None
        if "$ref" in schema:
            schema = self.api.schemas[schema["$ref"]]
        kind = schema.get("type", "object")
        if kind == "object":
            if not isinstance(value, dict):
                raise self._wrong(schema.get("id", "TYPE_MESSAGE"), value, where)
            return self._properties(schema, value, where)
        if kind == "array":
            return self._items(schema, value, where)
        return value if kind == "any" else self._scalar(schema, kind, value, where)

    def _items(self, schema: Schema, value: Any, where: str) -> list[Any]:
        if not isinstance(value, list):
            # Google's front end takes one value for a list of one; nobody should rely on it.
            raise self._wrong(f"type.googleapis.com/{schema.get('id', 'list')}", value, where)
        items = schema["items"]
        return [self.check(items, entry, f"{where}[{index}]") for index, entry in enumerate(value)]

    def _scalar(self, schema: Schema, kind: str, value: Any, where: str) -> Any:
        if not _fits(kind, schema.get("format", ""), value):
            raise self._wrong(_WORDS.get(kind, kind), value, where)
        if "enum" in schema and value not in schema["enum"]:
            raise self._wrong(f"enum {where.rpartition('.')[2]}", value, where)
        if "pattern" in schema and not self.outgoing and isinstance(value, str):
            expected = schema["pattern"]
            if value and not pattern(expected).fullmatch(value):
                raise invalid(where, value, f"Must be a match of regex '{expected}'")
        return _kept(kind, value)


def _kept(kind: str, value: Any) -> Any:
    """Numbers of 32 bits are kept as numbers, those of 64 bits (strings to the schema) as text."""
    if kind == "integer":
        return int(value)
    if kind == "number" and isinstance(value, str):
        return float(value)
    return str(value) if kind == "string" else value


def _fits(kind: str, form: str, value: Any) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "integer":
        return _is_whole(value) and _within(form or "int32", int(value))
    if kind == "number":
        return _is_number(value)
    if form in ("int64", "uint64"):
        return _is_whole(value) and _within(form, int(value))
    if not isinstance(value, str):
        return False
    return form != "byte" or _is_base64(value)


def _is_whole(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"-?\d+", value) is not None
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    """Numbers may come as text in the JSON of protocol buffers, and google.cloud sends them so."""
    if isinstance(value, str):
        return re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", value) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _within(form: str, value: int) -> bool:
    low, high = _LIMITS.get(form, _LIMITS["int64"])
    return low <= value <= high


def _is_base64(value: str) -> bool:
    try:
        base64.b64decode(
            value.replace("-", "+").replace("_", "/") + "=" * (-len(value) % 4), validate=True
        )
    except (binascii.Error, ValueError):
        return False
    return True


def _known_as(name: str, known: dict[str, Schema]) -> str:
    """Google's parser takes the names of protocol buffers, too: start_time is startTime (google.cloud sends it)."""
    head, *tail = name.split("_")
    camel = head + "".join(word.capitalize() for word in tail)
    return camel if camel in known else name


@lru_cache(maxsize=4096)
def snake(name: str) -> str:
    """Write a field as the front end's messages do: autoCreateSubnetworks → auto_create_…."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), name)


def parameters(
    api: Api, known: dict[str, Schema], path: dict[str, str], query: dict[str, str]
) -> None:
    """Check path and query parameters of a method: unknown, wrong type, wrong pattern."""
    for name, value in query.items():
        schema = known.get(name) or api.common.get(name)
        if schema is None:
            words = f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.'
            raise malformed("", f"{words} Field '{name}' could not be found in request message.")
        _parameter(name, schema, value)
    for name, value in path.items():
        if name in known:
            _parameter(name, known[name], value)
    for name, schema in known.items():
        if schema.get("required") and schema["location"] == "query" and name not in query:
            raise ApiError(400, "required", f"Required parameter: {name}")


def _parameter(name: str, schema: Schema, value: str) -> None:
    kind = schema.get("type", "string")
    wrong = kind == "boolean" and value not in ("true", "false", "True", "False", "")
    wrong = wrong or (kind == "integer" and not _is_whole(value))
    if wrong or ("enum" in schema and value not in schema["enum"]):
        raise malformed(name, f"Invalid value at '{name}' ({_WORDS.get(kind, kind)}), \"{value}\"")
    if "pattern" in schema and not pattern(schema["pattern"]).fullmatch(value):
        words = f"Invalid value for field '{name}': '{value}'. Must be a match of regex"
        raise ApiError(400, "invalid", f"{words} '{schema['pattern']}'")
