"""Reaching into bodies by paths: ``network``, ``disks[].source``, ``config.serviceAccount``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Body = dict[str, Any]


def each(body: Any, path: str, where: str = "") -> Iterator[tuple[Body, str, str]]:
    """Find where a path leads: the holding dict, its key, and the place for messages.

    The path of a list of plain values ends with []: its holder is the list, wrapped.
    """
    head, _, rest = path.partition(".")
    name, many = head.removesuffix("[]"), head.endswith("[]")
    if not isinstance(body, dict) or body.get(name) is None:
        return
    place = f"{where}.{name}" if where else name
    if not many:
        if rest:
            yield from each(body[name], rest, place)
        else:
            yield body, name, place
        return
    for index, entry in enumerate(body[name]):
        if rest:
            yield from each(entry, rest, f"{place}[{index}]")
        else:
            holder = _Slot(body[name], index)
            yield holder, "value", f"{place}[{index}]"


class _Slot(dict[str, Any]):
    """One place of a list, as a dict with the key ``value``."""

    def __init__(self, items: list[Any], index: int) -> None:
        super().__init__(value=items[index])
        self.items_ = items
        self.index = index

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self.items_[self.index] = value


def has(body: Any, path: str) -> bool:
    """Whether a path leads to a value that is not empty text."""
    return any(holder[key] not in ("", None) for holder, key, _ in each(body, path))


def merge(old: Any, new: Any) -> Any:
    """Merge as JSON merge patch does: dicts merge, null removes, all else replaces."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    merged = dict(old)
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = merge(merged.get(key, {}), value)
        else:
            merged[key] = value
    return merged


def without_nulls(value: Any) -> Any:
    """Leave out what is null, on every level."""
    if isinstance(value, dict):
        return {key: without_nulls(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list):
        return [without_nulls(entry) for entry in value]
    return value


def camel(name: str) -> str:
    """Turn a path of an update mask into the body's spelling: ip_range → ipRange."""
    first, *others = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in others)


def masked(old: Body, new: Body, mask: str) -> Body:
    """Replace only what an update mask names."""
    result = dict(old)
    for path in mask.split(","):
        words = [camel(word) for word in path.strip().split(".") if word]
        if words == ["*"]:
            return {**old, **new}
        _take(result, new, words)
    return result


def _take(target: Body, source: Any, words: list[str]) -> None:
    head, *rest = words
    given = source.get(head) if isinstance(source, dict) else None
    if not rest:
        if given is None:
            target.pop(head, None)
        else:
            target[head] = given
        return
    inner = dict(target.get(head) or {})
    _take(inner, given, rest)
    target[head] = inner


def setter(body: Body, defaults: dict[str, Any]) -> None:
    """Fill in what is not there; a callable default is asked for its value."""
    for key, value in defaults.items():
        if body.get(key) is None:
            body[key] = value() if isinstance(value, Callable) else value  # type: ignore[arg-type]
