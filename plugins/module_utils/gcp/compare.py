# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is declared against what Google has: only declared fields, and only differences that mean something."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.meaning import (
    equal,
    short,
    unmarked,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Output
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.owners import LABEL
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.rules import (
    KEYED,
    ORDERED,
    SHARED,
    Rule,
)

#: Fields whose values are secrets: that they differ is told, not how.
SECRET = frozenset(("privateKey", "rawKey", "password", "sharedSecret", "oauth2ClientSecret"))
#: The rule of a security policy that Google makes itself.
_DEFAULT_PRIORITY = 2147483647

_NOTHING: tuple[Any, ...] = (None, "", [], {}, False, 0, "0")
#: What is left in a mapping where all is unset.
_KEPT = frozenset(("fingerprint", "kind", LABEL))


@dataclass(frozen=True)
class Change:
    """A field that is not as declared. ``plain`` is its path without numbers and keys."""

    field: str
    before: Any
    after: Any
    plain: str = ""

    @property
    def top(self) -> str:
        """The field of the body that it is in."""
        return re.split(r"[.\[]", self.plain or self.field, maxsplit=1)[0]


def changes(wanted: Mapping[str, Any], live: Mapping[str, Any], rule: Rule) -> list[Change]:
    """All declared fields that differ."""
    return list(_Comparison(rule).mapping(wanted, live, "", ""))


class _Comparison:
    def __init__(self, rule: Rule) -> None:
        self._rule = rule

    def mapping(
        self, wanted: Mapping[str, Any], live: Mapping[str, Any], path: str, plain: str
    ) -> Iterator[Change]:
        for name, value in wanted.items():
            below = f"{path}.{name}" if path else name
            plain_below = f"{plain}.{name}" if plain else name
            if plain_below in self._rule.create_only or _kept_back(name, live):
                continue
            yield from self.value(value, live.get(name), below, plain_below)

    def value(self, wanted: Any, live: Any, path: str, plain: str) -> Iterator[Change]:
        name = plain.rpartition(".")[2].replace("[]", "")
        if wanted is None:
            live = unmarked(live) if name == "description" and isinstance(live, str) else live
            if not _unset(live) or (live == "" and _shared(plain.rpartition(".")[0])):
                yield _change(path, live, None, plain)
        elif live is None and self._rule.omits and wanted in (0, "0"):
            return
        elif isinstance(wanted, Mapping):
            if not wanted and live is None:
                yield _change(path, None, {}, plain)
            yield from self.mapping(wanted, live if isinstance(live, Mapping) else {}, path, plain)
        elif isinstance(wanted, (list, tuple)):
            yield from self._list(wanted, live or [], path, plain, name)
        elif not equal(wanted, live, name):
            yield _change(path, live, wanted, plain)

    def _list(
        self, wanted: Sequence[Any], live: Sequence[Any], path: str, plain: str, name: str
    ) -> Iterator[Change]:
        if not any(isinstance(item, Mapping) for item in (*wanted, *live)):
            if not _same_texts(wanted, live, name):
                yield _change(path, list(live), list(wanted), plain)
            return
        key = key_field(self._rule, name)
        if key is None:
            if not self._same_items(wanted, live, plain):
                yield _change(path, list(live), list(wanted), plain)
        elif key:
            yield from self._keyed(wanted, live, path, plain, key)
        else:
            yield from self._by_place(wanted, live, path, plain)

    def _keyed(
        self, wanted: Sequence[Any], live: Sequence[Any], path: str, plain: str, key: str
    ) -> Iterator[Change]:
        left = list(live)
        for item in wanted:
            twin = next((each for each in left if _same_key(item, each, key)), None)
            where = f"{path}[{short(item.get(key))}]"
            away = _shared(plain) and _away(item)
            if twin is None:
                if not away:
                    yield _change(where, None, item, plain + "[]")
                continue
            left.remove(twin)
            if away:
                yield _change(where, twin, None, plain + "[]")
                continue
            yield from self.mapping(item, twin, where, plain + "[]")
        for each in left:
            if not _others(each, plain, key):
                yield _change(f"{path}[{short(each.get(key))}]", each, None, plain + "[]")

    def _by_place(
        self, wanted: Sequence[Any], live: Sequence[Any], path: str, plain: str
    ) -> Iterator[Change]:
        for number in range(max(len(wanted), len(live))):
            where = f"{path}[{number}]"
            if number >= len(live):
                yield _change(where, None, wanted[number], plain + "[]")
            elif number >= len(wanted):
                yield _change(where, live[number], None, plain + "[]")
            else:
                yield from self.value(wanted[number], live[number], where, plain + "[]")

    def _same_items(self, wanted: Sequence[Any], live: Sequence[Any], plain: str) -> bool:
        """Whether each declared item has a twin, in any order, and nothing is left over."""
        left = list(live)
        for item in wanted:
            twin = self.twin(item, left, plain)
            if twin is None:
                return False
            left.remove(twin)
        return not left

    def twin(self, item: Any, live: Sequence[Any], plain: str) -> Any:
        """What is as an item of a list without keys is declared, or nothing."""
        return next(
            (
                each
                for each in live
                if not list(self.value(item, each, "", plain + "[]")) and _no_more(item, each)
            ),
            None,
        )


def key_field(rule: Rule, name: str) -> str | None:
    """What tells the items of a list apart: a field, their place (empty), or nothing."""
    return rule.keys.get(name, KEYED.get(name))


def overlay(wanted: Any, live: Any, rule: Rule, plain: str = "") -> Any:
    """The whole value that should be there: what is live, with all that is declared in it."""
    if isinstance(wanted, Mapping):
        base = dict(live) if isinstance(live, Mapping) else {}
        for name, value in wanted.items():
            below = f"{plain}.{name}" if plain else name
            base[name] = overlay(value, base.get(name), rule, below)
        return base
    if not isinstance(wanted, (list, tuple)):
        return wanted
    key = key_field(rule, plain.rpartition(".")[2].replace("[]", ""))
    if not any(isinstance(item, Mapping) for item in wanted):
        return list(wanted)
    live = list(live or ())
    found = []
    for number, item in enumerate(wanted):
        if key is None:
            twin = _Comparison(rule).twin(item, live, plain)
        elif key:
            twin = next((each for each in live if _same_key(item, each, key)), None)
        else:
            twin = live[number] if number < len(live) else None
        found.append(overlay(item, twin, rule, plain + "[]"))
    if key and _shared(plain):
        found = [item for item in found if item.get("value", "") is not None]
        found += [each for each in live if not any(_same_key(item, each, key) for item in wanted)]
    return found


def _change(path: str, before: Any, after: Any, plain: str) -> Change:
    if plain.rpartition(".")[2] in SECRET:
        return Change(path, "(secret)", "(another secret)", plain)
    return Change(path, before, _told(after), plain)


def _told(value: Any) -> Any:
    if isinstance(value, Output):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _told(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_told(part) for part in value]
    return value


def _same_texts(wanted: Sequence[Any], live: Sequence[Any], name: str) -> bool:
    if len(wanted) != len(live):
        return False
    if name in ORDERED:
        return all(equal(one, other, name) for one, other in zip(wanted, live))
    left = list(live)
    for item in wanted:
        twin = next((each for each in left if equal(item, each, name)), None)
        if twin is None:
            return False
        left.remove(twin)
    return True


def _same_key(item: Mapping[str, Any], other: Mapping[str, Any], key: str) -> bool:
    return equal(item.get(key), other.get(key))


def _no_more(item: Any, live: Any) -> bool:
    """Lists of what an item does not say (its ports) make it another one."""
    if not isinstance(item, Mapping) or not isinstance(live, Mapping):
        return True
    return all(not isinstance(live[name], list) or name in item for name in live)


def _unset(live: Any) -> bool:
    return live in _NOTHING or (isinstance(live, Mapping) and live.keys() <= _KEPT)


def _away(item: Mapping[str, Any]) -> bool:
    """Whether an item of a list that others write to as well is declared not to be there."""
    return item.get("value", "") is None


def _kept_back(name: str, live: Mapping[str, Any]) -> bool:
    """Whether it is a secret that Google does not give back, so that nobody can compare it."""
    if name not in SECRET or not live:
        return False
    value = live.get(name)
    return value is None or set(str(value)) == {"*"}


def _shared(plain: str) -> bool:
    return any(plain == each or plain.endswith(f".{each}") for each in SHARED)


def _others(item: Mapping[str, Any], plain: str, key: str) -> bool:
    """Whether an item that is not declared is none of ours."""
    return _shared(plain) or (key == "priority" and item.get(key) == _DEFAULT_PRIORITY)
