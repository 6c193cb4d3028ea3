# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets: as they are sent, and as they may be shown."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

#: A copy of the whole object, values included, that ``kubectl apply`` leaves.
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
HIDDEN = "(hidden)"
HIDDEN_BEFORE = "(hidden, the old value)"
HIDDEN_AFTER = "(hidden, the new value)"


def is_secret(body: Mapping[str, Any]) -> bool:
    """Whether the values of an object are not to be shown."""
    return body.get("kind") == "Secret" and body.get("apiVersion") == "v1"


def encoded(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A Secret with ``stringData`` turned into ``data``, where it stands above a key of the same name.

    The API takes ``stringData`` over into ``data``, but under ownership of nobody: a key that is
    dropped from it would stay, and a value that somebody edited would be overwritten without a word.
    """
    if not is_secret(body) or "stringData" not in body:
        return body
    texts = body["stringData"] or {}
    data = {key: base64.b64encode(str(text).encode()).decode() for key, text in texts.items()}
    rest = {key: value for key, value in body.items() if key != "stringData"}
    return {**rest, "data": {**(body.get("data") or {}), **data}}


def masked(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """Both states of an object without a secret's values; which of them differ can still be seen."""
    if not is_secret(before or after or {}):
        return before, after
    return _hide(before, after, HIDDEN_BEFORE), _hide(after, before, HIDDEN_AFTER)


def _hide(
    body: Mapping[str, Any] | None, other: Mapping[str, Any] | None, differs: str
) -> Mapping[str, Any] | None:
    if body is None:
        return None
    found = dict(body)
    for field in ("data", "stringData"):
        if isinstance(body.get(field), dict):
            there = (other or {}).get(field) or {}
            found[field] = {
                key: differs if key in there and there[key] != value else HIDDEN
                for key, value in body[field].items()
            }
    return found
