# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A kubeconfig: which cluster, user and namespace a context means.

Kubernetes' Python library reads it as well, and takes longer to be imported than a run over 300
unchanged objects does. It is asked only where credentials have to be got; see ``connection``.
The rules are those of kubectl
(https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.yaml_text import documents

#: Fields that name files, relative to the kubeconfig's own folder.
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


@dataclass(frozen=True)
class Context:
    """What a context means: sections of the kubeconfig, the files that they name as absolute paths."""

    name: str
    namespace: str
    cluster: Mapping[str, Any]
    user: Mapping[str, Any] = field(repr=False)


def read(files: str, name: str | None) -> Context:
    """Read the context of a name, or the current one, from files that are joined as in ``KUBECONFIG``.

    Of an entry that several files have, the first counts. Raises ``KubeError``: ``no_configuration``
    where none of the files is there, ``bad_configuration``.
    """
    paths = [os.path.expanduser(path) for path in files.split(os.pathsep) if path]
    contents = [(path, _content(path)) for path in paths if os.path.exists(path)]
    if not contents:
        raise KubeError(
            "no_configuration", f"{files} is not there. Name a kubeconfig, or host and token."
        )
    contexts = _named(contents, "contexts", "context")
    current = (content.get("current-context") for _path, content in contents)
    chosen = name or next(filter(None, current), None)
    if chosen not in contexts:
        problem = f"has no context {chosen}" if chosen else "names no current context"
        choice = f"one of {', '.join(map(str, contexts))}" if contexts else "another kubeconfig"
        raise KubeError("bad_configuration", f"{files} {problem}. Name {choice}.")
    context = contexts[chosen]
    cluster = _named(contents, "clusters", "cluster").get(context.get("cluster"), {})
    user = _named(contents, "users", "user").get(context.get("user"))
    if not cluster.get("server"):
        _refuse(files, chosen, f"cluster {context.get('cluster')}, which has no server there")
    if user is None and context.get("user"):
        _refuse(files, chosen, f"user {context['user']}, who is not there")
    return Context(str(chosen), str(context.get("namespace") or "default"), cluster, user or {})


def _refuse(files: str, chosen: Any, what: str) -> NoReturn:
    raise KubeError("bad_configuration", f"{files}: the context {chosen} means the {what}.")


def _content(path: str) -> Mapping[str, Any]:
    try:
        text = Path(path).read_text(encoding="utf-8")
        found = [value for value, _line in documents(text, path)]
    except KubeError as error:
        raise KubeError("bad_configuration", str(error)) from error
    except (OSError, ValueError) as error:
        raise KubeError("bad_configuration", f"{path} cannot be read: {error}.") from error
    if len(found) != 1 or not isinstance(found[0], dict):
        raise KubeError("bad_configuration", f"{path} is no kubeconfig: that is one mapping.")
    return found[0]


def _named(
    contents: list[tuple[str, Mapping[str, Any]]], section: str, inner: str
) -> dict[Any, dict[str, Any]]:
    """The entries of a section by their names."""
    found: dict[Any, dict[str, Any]] = {}
    for path, content in contents:
        for entry in content.get(section) or ():
            if not isinstance(entry, dict) or not isinstance(entry.get(inner) or {}, dict):
                raise KubeError(
                    "bad_configuration", f"{path}: {section} has an entry that is no mapping."
                )
            found.setdefault(entry.get("name"), dict(_placed(path, entry.get(inner) or {})))
    return found


def _placed(path: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    folder = os.path.dirname(os.path.abspath(path))
    for key, value in entry.items():
        yield key, os.path.join(folder, value) if key in _FILES and value else value
