# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is, or would be, another value in an object: field by field, in words, with who had set it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.diff import visible

#: Fields that are named of one object, and characters that are shown of one value.
MOST = 20
LONGEST = 60
#: Characters before the place where two long values part.
_LEAD = 15
_ABSENT: Any = object()

#: What managers own at some place, as the API server keeps it: pairs of name and ``fieldsV1``.
_Owned = Sequence[tuple[str, Mapping[str, Any]]]


def changes(before: Mapping[str, Any], after: Mapping[str, Any], manager: str) -> list[str]:
    """Each field whose value differs: ``path: before → after (by who set it)``, at most ``MOST``.

    Both are whole objects, their ``managedFields`` included. ``manager`` is not named, as its fields
    differ because its manifest does. Of Secrets no value is shown.
    """
    shown_before, shown_after = visible(before, after)
    owned = [*_owned(before), *(("", fields) for _name, fields in _owned(after))]
    found = [
        f"{path}: {_pair(old, new)}{_by(names - {manager, ''})}"
        for path, old, new, names in _walk("", shown_before, shown_after, owned)
    ]
    if not found:
        return ["no value, only who manages its fields"]
    more = len(found) - MOST
    return [*found[:MOST], f"and {more} more"] if more > 0 else found


def _owned(body: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    entries = body["metadata"].get("managedFields") or ()
    return [
        (str(entry.get("manager", "unknown")), entry.get("fieldsV1") or {}) for entry in entries
    ]


def _walk(
    path: str, old: Any, new: Any, owned: _Owned
) -> Iterator[tuple[str, Any, Any, frozenset[str]]]:
    """Yield the deepest places that differ, with who owns them."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            inner = f"{path}.{name}" if path else name
            yield from _walk(
                inner, old.get(name, _ABSENT), new.get(name, _ABSENT), _below(owned, f"f:{name}")
            )
        return
    if old == new and type(old) is type(new):
        return
    tokens = _item_tokens(owned)
    if tokens and isinstance(old, list) and isinstance(new, list):
        for token in tokens:
            keys = json.loads(token[2:])
            place = ",".join(f"{name}={value}" for name, value in keys.items())
            yield from _walk(
                f"{path}[{place}]", _item(keys, old), _item(keys, new), _below(owned, token)
            )
        return
    yield path, old, new, frozenset(name for name, _fields in owned)


def _below(owned: _Owned, token: str) -> _Owned:
    """What managers own one step deeper; a field that is owned as a whole is owned below as well."""
    return [
        (name, fields.get(token, {})) for name, fields in owned if token in fields or not fields
    ]


def _item_tokens(owned: _Owned) -> list[str]:
    """Keys of the items of a list whose items are told apart."""
    return sorted({token for _name, fields in owned for token in fields if token.startswith("k:")})


def _item(keys: Mapping[str, Any], items: Sequence[Any]) -> Any:
    for item in items:
        if isinstance(item, dict) and all(item.get(key) == value for key, value in keys.items()):
            return item
    return _ABSENT


def _by(names: frozenset[str]) -> str:
    return f" (by {', '.join(sorted(names))})" if names else ""


def _pair(old: Any, new: Any) -> str:
    """Both values. Of long ones that part which differs."""
    plain = all(value is _ABSENT or _readable(value) for value in (old, new))
    texts = [_text(value, plain) for value in (old, new)]
    if max(map(len, texts)) <= LONGEST:
        return " → ".join(texts)
    same = next(
        (place for place, pair in enumerate(zip(*texts)) if pair[0] != pair[1]),
        min(map(len, texts)),
    )
    start = max(0, same - _LEAD)
    return " → ".join(_cut(text, start) for text in texts)


def _cut(text: str, start: int) -> str:
    end = start + LONGEST
    return f"{'…' if start else ''}{text[start:end]}{'…' if len(text) > end else ''}"


def _readable(value: Any) -> bool:
    """Whether a text can stand without quotes."""
    return isinstance(value, str) and bool(value) and value.isprintable()


def _text(value: Any, plain: bool) -> str:
    if value is _ABSENT:
        return "(none)"
    return str(value) if plain else json.dumps(value, ensure_ascii=False, sort_keys=True)
