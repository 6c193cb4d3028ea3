# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The value of each key, out of its source."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Union

from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    CSI,
    Described,
    Environment,
    Generated,
    Given,
    MissingError,
    Registry,
    Source,
    Stored,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.problem import Problem

#: What stands in templates and examples in place of a value.
_PLACEHOLDER = re.compile(
    rb"\s*(<[\w .-]+>|change[-_ ]?me|replace[-_ ]?me|todo|tbd|fixme|placeholder)\s*", re.IGNORECASE
)

Value = Union[bytes, MissingError]


@dataclass(frozen=True)
class Known:
    """What the sources have: the environment, versions of Secret Manager, generated values."""

    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    stored: Mapping[str, Value] = field(default_factory=dict, repr=False)
    generated: Mapping[Generated, Value] = field(default_factory=dict, repr=False)


def sources(found: Iterable[Described]) -> Iterator[Source]:
    """All sources whose values have to be known, those of a registry's parts included."""
    for described in found:
        if described.form == CSI:
            continue
        for source in described.data.values():
            yield source
            if isinstance(source, Registry):
                yield from (source.username, source.password)


def content(source: Source, known: Known) -> bytes:
    """The value of a source. Raises ``MissingError`` where there is none, or one that is none."""
    if isinstance(source, Registry):
        return _registry(source, known)
    value = _look_up(source, known)
    if isinstance(value, MissingError):
        raise value
    if not value.strip():
        raise MissingError(
            "missing_value", f"{_words(source)} is empty", "Set it, or leave the key out"
        )
    if _PLACEHOLDER.fullmatch(value):
        raise MissingError(
            "missing_value", f"{_words(source)} is a placeholder", "Set the value itself"
        )
    return value


def contents(described: Described, known: Known) -> tuple[dict[str, bytes], list[Problem]]:
    """All values of a secret, and what is missing; none where they stay in their store."""
    found: dict[str, bytes] = {}
    problems = []
    for key, source in described.data.items() if described.form != CSI else ():
        try:
            found[key] = content(source, known)
        except MissingError as error:
            problems.append(problem(described, key, error))
    return found, problems


def problem(described: Described, key: str, error: MissingError) -> Problem:
    """What is missing, as a problem of a key."""
    return Problem(
        error.reason,
        described.where(key),
        error.what,
        "A secret without one of its values is not written",
        error.way_out,
    )


def _look_up(source: Given | Environment | Stored | Generated, known: Known) -> Value:
    if isinstance(source, Given):
        return source.content
    if isinstance(source, Stored):
        return known.stored[source.resource]
    if isinstance(source, Generated):
        return known.generated[source]
    text = known.environment.get(source.name)
    if text is None:
        return MissingError(
            "missing_value",
            f"{_words(source)} is not set",
            "Export it where Ansible is started; with a remote host or become, set it on the task",
        )
    # What is no UTF-8 comes back as the bytes that it was.
    return text.encode("utf-8", "surrogateescape")


def _words(source: Source) -> str:
    if isinstance(source, Environment):
        return f"the environment variable {source.name}"
    if isinstance(source, Stored):
        return f"{source.resource} in Secret Manager"
    if isinstance(source, Generated):
        return f"the generated value {source.name}"
    return "its value"


def _registry(source: Registry, known: Known) -> bytes:
    """What ``kubectl create secret docker-registry`` writes."""
    parts = {}
    for name, part in (("username", source.username), ("password", source.password)):
        try:
            parts[name] = content(part, known).decode()
        except MissingError as error:
            raise MissingError(error.reason, f"{name}: {error.what}", error.way_out) from None
        except UnicodeDecodeError:
            raise MissingError("missing_value", f"{name} is no text", "Give it as UTF-8") from None
    if source.email:
        parts["email"] = source.email
    pair = f"{parts['username']}:{parts['password']}"
    parts["auth"] = base64.b64encode(pair.encode()).decode()
    return json.dumps({"auths": {source.server: parts}}, sort_keys=True).encode()
