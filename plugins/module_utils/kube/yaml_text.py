# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""YAML as Kubernetes reads it, and no guess where readers differ.

Kubernetes turns YAML into JSON (sigs.k8s.io/yaml), where dates, ``1:30`` and ``1e3`` are not what
PyYAML makes of them. Where an unquoted word means different things to different readers (``N``,
``y``, a key ``no``), it is refused: the writer has to put it into quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

IMPORT_ERROR: Exception | None = None
_Base: Any = object
_DumperBase: Any = object
try:
    import yaml

    # PyYAML may come without libyaml.
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    _DumperBase = yaml.SafeDumper
except ImportError as error:  # told by the module, with the way to get it
    IMPORT_ERROR = error

#: True or false for some readers of YAML 1.1, words for others. As keys, the others are no better.
_AMBIGUOUS = frozenset("yYnN")
_WORDS = re.compile(r"(?i)yes|no|on|off|true|false")

#: Tags of a scalar without quotes and without a tag of its own, and of the key that merges another mapping.
_PLAIN = "groundwork.platform:plain"
_MERGE = "tag:yaml.org,2002:merge"

_BOOL = re.compile(
    r"(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$"
)
_INT = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F_]+|0b[01_]+|0o?[0-7_]+|[0-9][0-9_]*)$")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")


class _Loader(_Base):
    """A loader with Kubernetes' own idea of plain scalars, that finds no key twice."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


def _plain(_loader: _Loader, node: yaml.ScalarNode) -> Any:
    text = str(node.value)
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in _AMBIGUOUS:
        raise yaml.MarkedYAMLError(problem=_quote(text), problem_mark=node.start_mark)
    if _BOOL.match(text):
        return text.lower() in ("yes", "true", "on")
    if _INT.match(text):
        return _integer(text)
    if _FLOAT.match(text):
        return float(text)
    return text


def _integer(text: str) -> int:
    digits = text.replace("_", "").lower()
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    if digits != "0" and digits.startswith("0") and digits[1].isdigit():
        return sign * int(digits, 8) if set(digits) <= set("01234567") else sign * int(digits)
    return sign * int(digits, 0)


def _quote(text: str) -> str:
    return (
        f"{text} without quotes is a word to some readers of YAML and true or false to others; "
        f'write "{text}"'
    )


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    _refuse_twins(node)
    loader.flatten_mapping(node)
    # What is merged comes first, and gives way to the mapping's own.
    return {
        _key(key_node): loader.construct_object(value_node, deep=True)
        for key_node, value_node in node.value
    }


def _refuse_twins(node: yaml.MappingNode) -> None:
    seen = set()
    for key_node, _value in node.value:
        key = _key(key_node)
        if key in seen:
            raise yaml.MarkedYAMLError(
                problem=f"the key {key} is there twice", problem_mark=key_node.start_mark
            )
        seen.add(key)


def _key(node: yaml.Node) -> str:
    """A key is text: a number becomes it as it is written, an ambiguous word is refused."""
    if not isinstance(node, yaml.ScalarNode):
        raise yaml.MarkedYAMLError(
            problem="a key is a list or a mapping", problem_mark=node.start_mark
        )
    text = str(node.value)
    if node.tag == _PLAIN and (text in _AMBIGUOUS or _WORDS.fullmatch(text)):
        raise yaml.MarkedYAMLError(problem=_quote(text), problem_mark=node.start_mark)
    return text


if IMPORT_ERROR is None:
    _Loader.add_constructor(_PLAIN, _plain)
    _Loader.add_constructor(_MERGE, lambda _loader, node: node.value)
    _Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
    _Loader.add_implicit_resolver(_MERGE, re.compile(r"<<$"), ["<"])
    _Loader.add_implicit_resolver(_PLAIN, re.compile(""), None)


def documents(text: str, source: str) -> Iterator[tuple[Any, int]]:
    """Yield each document of ``text`` that is not empty, with the line on which it begins.

    ``source`` names the text in messages. Raises ``KubeError`` (``malformed_yaml``) with file and line.
    """
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            line = node.start_mark.line + 1
            value = loader.construct_document(node)
            if value is not None:
                yield value, line
    except yaml.YAMLError as error:
        raise KubeError("malformed_yaml", _where(error, source)) from error
    finally:
        loader.dispose()


class _Dumper(_DumperBase):
    """A dumper that writes a text of several lines as such."""


def _written(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


if IMPORT_ERROR is None:
    _Dumper.add_representer(str, _written)


def dump(value: Mapping[str, Any]) -> str:
    """Write an object down, its keys in their order, for people."""
    return str(yaml.dump(dict(value), Dumper=_Dumper, sort_keys=True, allow_unicode=True))


def _where(error: yaml.YAMLError, source: str) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f"{source}: {error}"
    mark = error.problem_mark
    parts = [error.problem or "", error.context or ""]
    return (
        f"{source}:{mark.line + 1}:{mark.column + 1}: {'; '.join(part for part in parts if part)}."
    )
