# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Change one value in the text of a YAML file, and not a character beside it: comments and layout are people's own."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

IMPORT_ERROR: Exception | None = None
_Base: Any = object
try:
    import yaml

    # Not libyaml's loader: its marks count other characters where a text is not ASCII.
    _Base = yaml.SafeLoader
except ImportError as error:  # told by the module, with the way to get it
    IMPORT_ERROR = error

#: What every reader of YAML takes for a text without quotes: a word that begins with a letter, three numbers and more.
_PLAIN = re.compile(r"[A-Za-z][\w.+-]*|v?\d+\.\d+\.\d+(?:[-+.][\w.+-]*)?", re.ASCII)
#: Words that some readers take for true, false or nothing.
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
#: What makes an event of a reader.
_PARTS = ("anchor", "tag", "value")
_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True)
class Scalar:
    """A value at ``text[start:end]``; ``value`` is it without quotes, ``raw`` as written, ``place`` for people."""

    start: int
    end: int
    value: str
    raw: str
    style: str
    place: str


class _Loader(_Base):
    """Remembers which nodes have an anchor: a change there is a change in several places."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.anchored: dict[int, str] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        anchor = getattr(self.peek_event(), "anchor", None)
        node = super().compose_node(parent, index)
        if anchor:
            self.anchored[id(node)] = str(anchor)
        return node


def find_value(text: str, key: str, where: str) -> Scalar:
    r"""Find the value at a dotted path, such as ``services.sale.image.tag``; ``\.`` is a dot within a key.

    A number chooses from a list, from 0. ``where`` names the file in errors. Raises ``KubeError``: ``malformed_yaml``,
    ``no_such_key``, ``ambiguous_key``, ``shared_value``, ``no_value``.
    """
    loader, node = _composed(text, where)
    seen: list[str] = []
    for step in (part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", key)):
        node = _below(node, step, ".".join(seen), where)
        seen.append(step)
        _refuse_shared(loader, node, ".".join(seen), where)
    return _scalar(text, node, key, where)


def find_image_tag(text: str, image: str, where: str) -> Scalar:
    """Find ``newTag`` of an image in a kustomization, by the image's ``name``. Raises what ``find_value`` does."""
    loader, root = _composed(text, where)
    images = _below(root, "images", "", where)
    entries = images.value if isinstance(images, yaml.SequenceNode) else []
    found = [entry for entry in entries if _name(entry) == image]
    place = f"images[name={image}]"
    if len(found) != 1:
        many = "several entries" if found else "no entry"
        names = ", ".join(filter(None, map(_name, entries))) or "none"
        raise KubeError(
            "ambiguous_key" if found else "no_such_key",
            f"{where}: images has {many} with the name {image}; it has {names}. Give the name that the manifests use.",
        )
    if any(key.value == "digest" for key, _value in found[0].value):
        raise KubeError(
            "no_such_key",
            f"{where}: {place} has a digest, which counts before any tag. Remove it where a tag is to be released.",
        )
    node = _below(found[0], "newTag", place, where)
    for part in (images, found[0], node):
        _refuse_shared(loader, part, place, where)
    return _scalar(text, node, f"{place}.newTag", where)


def replaced(text: str, scalar: Scalar, value: str, where: str) -> str:
    """Return the text with another value, in the quotes of the old one, or in new ones where it needs them.

    Raises ``KubeError``: ``bad_value``; ``malformed_yaml`` where anything else would change with it.
    """
    if not value or not value.isprintable():
        raise KubeError("bad_value", f"{value!r} for {scalar.place} is no text of one line.")
    return written(text, scalar, _quoted(value, scalar.style), where)


def written(text: str, scalar: Scalar, raw: str, where: str) -> str:
    """Return the text with a value as it is to be written, quotes included; for one that was there before.

    Raises ``KubeError`` (``malformed_yaml``) where anything else would change with it.
    """
    empty = scalar.start == scalar.end and raw
    changed = f"{text[: scalar.start]}{' ' if empty else ''}{raw}{text[scalar.end :]}"
    before, after = _events(text, where), _events(changed, where)
    places = {old[0] for old, new in zip(before, after) if old[1:] != new[1:]}
    if len(before) != len(after) or not places <= {scalar.start}:
        raise KubeError(
            "malformed_yaml",
            f"{where}: {scalar.place} cannot be changed alone as it is written. Write it as key: value on a line.",
        )
    return changed


def _composed(text: str, where: str) -> tuple[_Loader, Any]:
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
    except yaml.YAMLError as error:
        several = "expected a single document" in str(error)
        way_out = "Name a file with one document." if several else "Correct it in Git first."
        words = " ".join(str(error).split())
        raise KubeError("malformed_yaml", f"{where}: {words}. {way_out}") from None
    if not isinstance(root, yaml.MappingNode):
        raise KubeError("malformed_yaml", f"{where} holds no mapping, so it has no keys.")
    return loader, root


def _below(node: Any, step: str, seen: str, where: str) -> Any:
    """The value of one key."""
    at = f"{where}{_line(node)}"
    if isinstance(node, yaml.SequenceNode):
        if step.isdigit() and int(step) < len(node.value):
            return node.value[int(step)]
        raise KubeError(
            "no_such_key",
            f"{at}: {seen} is a list of {len(node.value)}, and {step} is no place in it. Count from 0.",
        )
    if not isinstance(node, yaml.MappingNode):
        raise KubeError("no_such_key", f"{at}: {seen} is a value and has no key {step}.")
    found = [value for key, value in node.value if key.value == step]
    if len(found) == 1:
        return found[0]
    whole = seen or "the file"
    if found:
        raise KubeError(
            "ambiguous_key", f"{at}: {whole} has the key {step} {len(found)} times. Remove one."
        )
    known = ", ".join(_names(node)) or "none"
    raise KubeError("no_such_key", f"{at}: {whole} has no key {step}; it has {known}.")


def _names(node: Any) -> list[str]:
    return [str(key.value) for key, _value in node.value if isinstance(key, yaml.ScalarNode)]


def _name(entry: Any) -> str:
    if not isinstance(entry, yaml.MappingNode):
        return ""
    return next((str(value.value) for key, value in entry.value if key.value == "name"), "")


def _refuse_shared(loader: _Loader, node: Any, place: str, where: str) -> None:
    anchor = loader.anchored.get(id(node))
    if anchor:
        raise KubeError(
            "shared_value",
            f"{where}{_line(node)}: {place} has the anchor &{anchor}, so that a change would reach other places, too. "
            "Write the value out where it is used.",
        )


def _scalar(text: str, node: Any, place: str, where: str) -> Scalar:
    at = f"{where}{_line(node)}: {place}"
    if not isinstance(node, yaml.ScalarNode):
        kind = "list" if isinstance(node, yaml.SequenceNode) else "mapping"
        raise KubeError("no_value", f"{at} is a {kind}. Name the key of a single value.")
    start, end = node.start_mark.index, node.end_mark.index
    raw = text[start:end]
    if node.style in ("|", ">") or raw.startswith("!"):
        raise KubeError(
            "no_value", f"{at} is a block or has a tag of its own. Write it as key: value."
        )
    value = "" if node.tag == _NULL else str(node.value)
    return Scalar(start, end, value, raw, node.style or "", place)


def _quoted(value: str, style: str) -> str:
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    if not style and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def _events(text: str, where: str) -> Sequence[tuple[Any, ...]]:
    """All that a reader finds, in order, each with its place first; not what aliases stand for: it may be millions."""
    try:
        return [
            (_at(event), type(event), *(getattr(event, name, None) for name in _PARTS))
            for event in yaml.parse(text, Loader=yaml.SafeLoader)
        ]
    except yaml.YAMLError as error:
        words = " ".join(str(error).split())
        raise KubeError(
            "malformed_yaml", f"{where} would not be YAML after the change: {words}."
        ) from None


def _at(event: Any) -> int:
    return int(event.start_mark.index)


def _line(node: Any) -> str:
    return f":{node.start_mark.line + 1}"
