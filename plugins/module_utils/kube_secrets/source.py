# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read where a value comes from: ``{env: NAME}``, ``{value: ...}`` and so on."""

from __future__ import annotations

import base64
import re
import string
from collections.abc import Callable
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    Environment,
    Generated,
    Given,
    Source,
    Stored,
)

_STORED = re.compile(
    r"projects/[^/\s]+/(locations/[^/\s]+/)?secrets/[^/\s]+(?P<version>/versions/[^/\s]+)?"
)
_GENERATED_NAME = re.compile(r"[A-Za-z0-9][-._A-Za-z0-9]{0,127}")
#: Folder of values with a name of their own; no Secret can be called so.
SHARED = "_shared"
SHORTEST, LONGEST = 8, 4096
_GENERATE = ("name", "length", "characters", "version")


class MalformedError(Exception):
    """A source that is not understood; never holds a value."""

    def __init__(self, what: str, way_out: str) -> None:
        super().__init__(what)
        self.way_out = way_out


def read_source(given: Any, secret: str, key: str) -> Source:
    """Read the source of a key of a secret. Raises ``MalformedError``."""
    if not isinstance(given, dict) or len(given) != 1 or next(iter(given)) not in _READERS:
        raise MalformedError(
            "a value has one source", f"Write {{<source>: ...}} with one of {', '.join(_READERS)}"
        )
    ((kind, detail),) = given.items()
    return _READERS[kind](detail, secret, key)


def _value(detail: Any, _secret: str, _key: str) -> Source:
    # A number may have been another text before YAML read it: 0123 is 83.
    if not isinstance(detail, str):
        raise MalformedError(
            f"its value is no text but {type(detail).__name__}",
            "Write it in quotes, or put it through the filter string or to_json",
        )
    return Given(detail.encode())


def _base64(detail: Any, _secret: str, _key: str) -> Source:
    try:
        return Given(base64.b64decode("".join(str(detail).split()), validate=True))
    except ValueError:
        raise MalformedError(
            "its value is no base64", "Put it through the filter b64encode"
        ) from None


def _environment(detail: Any, _secret: str, _key: str) -> Source:
    if not isinstance(detail, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", detail):
        raise MalformedError("env names no variable", "Name a variable of the environment")
    return Environment(detail)


def _stored(detail: Any, _secret: str, _key: str) -> Source:
    match = _STORED.fullmatch(detail) if isinstance(detail, str) else None
    if match is None:
        raise MalformedError(
            "secret_manager names no secret",
            "Write projects/<project>/secrets/<secret>/versions/<version>",
        )
    return Stored(match[0] if match["version"] else f"{match[0]}/versions/latest")


def _generate(detail: Any, secret: str, key: str) -> Source:
    given = detail or {}
    if not isinstance(given, dict) or not set(given) <= set(_GENERATE):
        raise MalformedError(
            "generate is no mapping of what it knows", f"Known are {', '.join(_GENERATE)}"
        )
    name = given.get("name")
    source = Generated(
        folder=SHARED if name is not None else secret,
        name=key if name is None else name,
        length=given.get("length", 32),
        characters=given.get("characters", string.ascii_letters + string.digits),
        version=given.get("version", 1),
    )
    _check_generated(source)
    return source


def _check_generated(source: Generated) -> None:
    if not isinstance(source.name, str) or not (
        source.folder != SHARED or _GENERATED_NAME.fullmatch(source.name)
    ):
        raise MalformedError("generate.name is no name", "Use letters, digits, -, _ and .")
    if not _is_number(source.length) or not SHORTEST <= source.length <= LONGEST:
        raise MalformedError("generate.length is out of range", f"Choose {SHORTEST} to {LONGEST}")
    if not _is_number(source.version) or source.version < 1:
        raise MalformedError("generate.version is no number from 1", "Count it up for a new value")
    if not isinstance(source.characters, str) or len(set(source.characters)) < 10:
        raise MalformedError(
            "generate.characters are fewer than 10", "List the characters to choose from"
        )


def _is_number(value: object) -> bool:
    """Whether it is a whole number; to Python, true is one."""
    return isinstance(value, int) and not isinstance(value, bool)


_READERS: dict[str, Callable[[Any, str, str], Source]] = {
    "value": _value,
    "base64": _base64,
    "env": _environment,
    "generate": _generate,
    "secret_manager": _stored,
}
