# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Read the description of secrets, and say all that is wrong with it at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    CSI,
    KINDS,
    NEEDED_KEYS,
    REGISTRY_KEY,
    REGISTRY_TYPE,
    SCOPES,
    SECRET,
    Described,
    Generated,
    Registry,
    Source,
    Stored,
    Workload,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.source import (
    MalformedError,
    read_source,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.problem import Problem
from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean

_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
#: What the API takes as a key of a Secret.
_KEY = re.compile(r"(?!\.{1,2}\Z)(?!\.\.)[-._a-zA-Z0-9]{1,253}")
_WORKLOAD = re.compile(r"(Deployment|StatefulSet|DaemonSet)/([a-z0-9][-.a-z0-9]*)")
_FIELDS = (
    "name", "namespaces", "form", "type", "data", "registry", "labels", "annotations", "scope",
    "restart", "sync",
)  # fmt: skip
_REGISTRY_FIELDS = ("server", "username", "password", "email")
_WHY = "A description that is not understood as a whole is not applied in part"


@dataclass(frozen=True)
class Defaults:
    """What holds where a secret says nothing; ``namespaces`` are those of registries alone."""

    form: str = SECRET
    scope: str = "strict"
    namespaces: tuple[str, ...] = ()


def describe(
    secrets: Any, registries: Any, defaults: Defaults
) -> tuple[list[Described], list[Problem]]:
    """Read both lists of the module.

    A secret that something is wrong with is in no namespace: of it, only the values are looked for.
    """
    problems: list[Problem] = []
    found = []
    for place, entry in [*_entries("secrets", secrets), *_entries("registries", registries)]:
        reader = _Reader(entry, place, defaults, problems)
        described = reader.read()
        if described:
            found.append(described)
    return found, problems + list(_twins(found)) + list(_shared_by_chance(found))


def _entries(option: str, given: Any) -> Iterator[tuple[str, Any]]:
    """Each entry and its place; an entry of registries is turned into one of secrets."""
    entries = given if isinstance(given, list) else [given] if given else []
    for number, entry in enumerate(entries, start=1):
        place = f"{option}, item {number}"
        if option == "registries" and isinstance(entry, dict):
            registry = {name: entry[name] for name in _REGISTRY_FIELDS if name in entry}
            rest = {name: value for name, value in entry.items() if name not in _REGISTRY_FIELDS}
            yield place, {**rest, "registry": registry}
        else:
            yield place, entry


class _Reader:
    """One entry; each problem is noted and reading goes on."""

    def __init__(self, entry: Any, place: str, defaults: Defaults, problems: list[Problem]) -> None:
        self._entry: dict[str, Any] = entry if isinstance(entry, dict) else {}
        name = self._entry.get("name")
        self._where = f"{name} ({place})" if isinstance(name, str) and name else place
        self._place = place
        self._defaults = defaults
        self._problems = problems
        self._whole = isinstance(entry, dict)
        if not self._whole:
            self._wrong("an entry is a mapping with name, namespaces and data", "Write it as one")

    def read(self) -> Described | None:
        """The secret, ``None`` where nothing is known of it."""
        if not self._whole:
            return None
        self._check_fields(self._entry, _FIELDS)
        described = Described(
            place=self._place,
            name=self._name(),
            namespaces=self._namespaces(),
            form=self._form(),
            type=self._type(),
            data=self._data(),
            labels=self._texts("labels"),
            annotations=self._texts("annotations"),
            scope=self._choice("scope", SCOPES, self._defaults.scope),
            restart=self._restart(),
            sync=self._flag("sync"),
        )
        self._check_form(described)
        return described if self._whole else replace(described, namespaces=())

    def _wrong(self, what: str, way_out: str, key: str = "") -> None:
        self._whole = False
        where = f"{self._where}, key {key}" if key else self._where
        self._problems.append(Problem("malformed_secret", where, what, _WHY, way_out))

    def _check_fields(self, given: Mapping[str, Any], known: Iterable[str]) -> None:
        for name in given:
            if name not in known:
                hint = did_you_mean(str(name), known)
                self._wrong(f"nothing is called {name}", f"{hint}Known are {', '.join(known)}")

    def _name(self) -> str:
        name = self._entry.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            self._wrong(
                "its name is missing or none that Kubernetes takes",
                "Use lower case letters, digits, - and .",
            )
        return str(name)

    def _namespaces(self) -> tuple[str, ...]:
        given = self._entry.get("namespaces")
        if given is None and "registry" in self._entry:
            given = list(self._defaults.namespaces)
        names = [given] if isinstance(given, str) else given
        if not isinstance(names, list) or not names:
            self._wrong("no namespaces", "List the namespaces that need it")
            return ()
        for name in names:
            if not isinstance(name, str) or not _LABEL.fullmatch(name):
                self._wrong(
                    f"{name!r} is no name of a namespace", "Use lower case letters, digits and -"
                )
        return tuple(dict.fromkeys(map(str, names)))

    def _choice(self, field: str, choices: Iterable[str], default: str) -> str:
        value = self._entry.get(field) or default
        if value not in choices:
            self._wrong(f"its {field} is {value!r}", f"Choose {', '.join(choices)}")
        return str(value)

    def _form(self) -> str:
        default = self._defaults.form
        # A registry's credentials are no file of a pod: the kubelet reads a Secret.
        if "registry" in self._entry and default == CSI:
            default = SECRET
        return self._choice("form", KINDS, default)

    def _type(self) -> str:
        default = REGISTRY_TYPE if "registry" in self._entry else "Opaque"
        value = self._entry.get("type") or default
        if not isinstance(value, str):
            self._wrong("its type is no text", "Write it in quotes")
        return str(value)

    def _flag(self, field: str) -> bool:
        value = self._entry.get(field, False)
        if not isinstance(value, bool):
            self._wrong(f"{field} is neither true nor false", "Choose one")
        return value is True

    def _texts(self, field: str) -> dict[str, str]:
        given = self._entry.get(field) or {}
        if not isinstance(given, dict) or not all(isinstance(v, str) for v in given.values()):
            self._wrong(f"{field} are no mapping of texts", "Write their values in quotes")
            return {}
        return {str(name): value for name, value in given.items()}

    def _data(self) -> dict[str, Source]:
        given = self._entry.get("data") or {}
        if not isinstance(given, dict):
            self._wrong("data is no mapping", "Give each key its source: KEY: {env: NAME}")
            return {}
        found: dict[str, Source] = {}
        for key, source in given.items():
            if not isinstance(key, str) or not _KEY.fullmatch(key):
                self._wrong(
                    f"{key!r} is no key of a Secret",
                    "Use letters, digits, -, _ and ., and quotes where YAML reads a word as something else",
                )
                continue
            self._add(found, key, source)
        if "registry" in self._entry:
            self._add_registry(found)
        if not found and self._whole:
            self._wrong("it has no data", "Give it at least one key")
        return found

    def _add(self, found: dict[str, Source], key: str, given: Any) -> None:
        try:
            found[key] = read_source(given, str(self._entry.get("name")), key)
        except MalformedError as error:
            self._wrong(str(error), error.way_out, key)

    def _add_registry(self, found: dict[str, Source]) -> None:
        given = self._entry["registry"]
        if not isinstance(given, dict):
            self._wrong("registry is no mapping", "Give it server, username and password")
            return
        self._check_fields(given, _REGISTRY_FIELDS)
        parts: dict[str, Source] = {}
        for name in ("username", "password"):
            self._add(parts, name, given.get(name))
        server, email = given.get("server"), given.get("email", "")
        if not isinstance(server, str) or not server or not isinstance(email, str):
            self._wrong("registry has no server", "Name its host, as images do")
        elif len(parts) == 2:
            found[REGISTRY_KEY] = Registry(server, parts["username"], parts["password"], email)

    def _restart(self) -> tuple[Workload, ...] | None:
        given = self._entry.get("restart")
        if given is None:
            return None
        found = []
        for name in given if isinstance(given, list) else [given]:
            match = _WORKLOAD.fullmatch(name) if isinstance(name, str) else None
            if match is None:
                self._wrong(
                    f"restart names {name!r}",
                    "Write Deployment/name, StatefulSet/name or DaemonSet/name; an empty list restarts nothing",
                )
            else:
                found.append(Workload(match[1], match[2]))
        return tuple(found)

    def _check_form(self, described: Described) -> None:
        missing = [key for key in NEEDED_KEYS.get(described.type, ()) if key not in described.data]
        if missing and self._whole:
            self._wrong(
                f"type {described.type} needs {' and '.join(missing)}", "Add what is missing"
            )
        if described.form == CSI:
            for key, source in described.data.items():
                if not isinstance(source, Stored):
                    self._wrong(
                        "form csi reads Google Secret Manager alone",
                        "Give it secret_manager, or the secret another form",
                        key,
                    )


def _twins(found: Iterable[Described]) -> Iterator[Problem]:
    seen: dict[tuple[str, str], Described] = {}
    for described in found:
        for namespace in described.namespaces:
            other = seen.setdefault((namespace, described.name), described)
            if other is not described:
                yield Problem(
                    "twice",
                    described.where(),
                    f"namespace {namespace} has it from {other.place} already",
                    "Each would undo the other",
                    "Describe it once, with all its keys",
                )


def _shared_by_chance(found: Iterable[Described]) -> Iterator[Problem]:
    """Values that are generated under one name are one value, which has to be meant."""
    seen: dict[tuple[str, str], tuple[Described, Generated]] = {}
    for described in found:
        for key, source in described.data.items():
            if not isinstance(source, Generated):
                continue
            name = (source.folder, source.name)
            other, first = seen.setdefault(name, (described, source))
            if other is described:
                continue
            if source != first or source.folder == described.name:
                yield Problem(
                    "shared_value",
                    described.where(key),
                    f"{other.place} generates a value under the same name"
                    + ("" if source == first else " and in another way"),
                    "Both would be one value",
                    "If that is meant, give both the same generate.name, length, characters and version; if not, "
                    "names of their own",
                )
