# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets: as they are sent, and as they may be shown."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

#: A copy of the whole object, values included, that ``kubectl apply`` leaves.
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
#: On a secret whose new values have not reached all that use it yet; gone when they have.
RESTART_DUE = "groundwork.platform/restart-due"
#: On a SealedSecret: what its values were sealed with.
SEALED_WITH = "groundwork.platform/sealed-with"
#: Annotations that say nothing of what an object is for.
NOTES = frozenset((LAST_APPLIED, RESTART_DUE, SEALED_WITH))
HIDDEN = "(hidden)"
HIDDEN_BEFORE = "(hidden, the old value)"
HIDDEN_AFTER = "(hidden, the new value)"

#: Mappings whose values are not shown. Sealed ones could be, but nobody can read them.
_HIDDEN = {
    ("v1", "Secret"): (("data",), ("stringData",)),
    ("bitnami.com/v1alpha1", "SealedSecret"): (("spec", "encryptedData"),),
}


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
    there = before or after or {}
    for path in _HIDDEN.get((there.get("apiVersion", ""), there.get("kind", "")), ()):
        before, after = (
            _hide(before, after, path, HIDDEN_BEFORE),
            _hide(after, before, path, HIDDEN_AFTER),
        )
    return before, after


def _hide(
    body: Mapping[str, Any] | None,
    other: Mapping[str, Any] | None,
    path: tuple[str, ...],
    differs: str,
) -> Mapping[str, Any] | None:
    if body is None or not isinstance(body.get(path[0]), dict):
        return body
    inner, there = body[path[0]], (other or {}).get(path[0]) or {}
    if len(path) > 1:
        return {**body, path[0]: _hide(inner, there, path[1:], differs)}
    hidden = {
        key: differs if key in there and there[key] != value else HIDDEN
        for key, value in inner.items()
    }
    return {**body, path[0]: hidden}
