"""Partial responses: the query parameter ``fields``."""

from __future__ import annotations

import re
from typing import Any

Body = dict[str, Any]
_WORD = re.compile(r"[(),/]|[^(),/]+")


def partial(body: Any, mask: str) -> Any:
    """Give the part of a response that a mask names: ``items(name,disks/source),id``."""
    return _cut(body, _tree(mask))


def _tree(mask: str) -> Body:
    """Read a mask: names lead to what is wanted below them, {} is all."""
    root: Body = {}
    current, base, stack = root, root, []
    for word in _WORD.findall(mask):
        if word == "(":
            stack.append(base)
            base = current
        elif word == ")":
            base = stack.pop() if stack else root
        elif word == ",":
            current = base
        elif word != "/":
            current = current.setdefault(word.strip(), {})
    return root


def _cut(body: Any, tree: Body) -> Any:
    if not tree or "*" in tree:
        return body
    if isinstance(body, list):
        return [_cut(entry, tree) for entry in body]
    if not isinstance(body, dict):
        return body
    return {name: _cut(body[name], below) for name, below in tree.items() if name in body}
