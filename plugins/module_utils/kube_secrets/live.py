# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a cluster has already of the secrets that are wanted, and to whom it belongs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Answer, Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.discovery import (
    Catalogue,
    Resource,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Key
from ansible_collections.groundwork.platform.plugins.module_utils.kube.plan import (
    INVENTORY_LABEL,
    NAMESPACE,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    CSI,
    KINDS,
    SEALED,
    SECRET,
    Described,
    MissingError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.sealing import (
    Certificate,
    read_certificate,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.problem import Problem

#: The sealed-secrets controller takes over a Secret that carries one of these.
MANAGED = "sealedsecrets.bitnami.com/managed"
_TAKEN_OVER = (MANAGED, "sealedsecrets.bitnami.com/patch")

#: Kinds that this collection writes; each cluster serves Secrets.
_SECRETS = Resource(KINDS[SECRET], "secrets", True, frozenset(("get", "patch")))
_NAMESPACES = Resource(NAMESPACE, "namespaces", False, frozenset(("get",)))


@dataclass(frozen=True, eq=False)
class Target:
    """A described secret in one of its namespaces."""

    described: Described
    namespace: str

    @property
    def key(self) -> Key:
        """The object that is written."""
        kind = KINDS[self.described.form]
        return Key(kind.group, kind.name, self.namespace, self.described.name)

    @property
    def secret_key(self) -> Key:
        """The Secret that pods read, whoever writes it."""
        return Key("", KINDS[SECRET].name, self.namespace, self.described.name)

    @property
    def where(self) -> str:
        """Namespace and name, for messages."""
        return f"{self.namespace}/{self.described.name}"


@dataclass(frozen=True)
class Live:
    """What is there: the object of the wanted form, the Secret, and the file for Git.

    ``readable`` is false where the Secret may not be read.
    """

    own: Mapping[str, Any] | None = None
    secret: Mapping[str, Any] | None = None
    filed: Mapping[str, Any] | None = None
    readable: bool = True


async def look(client: Client, catalogue: Catalogue, target: Target) -> Live:
    """Read what is there of one secret. Raises those of the client, and ``forbidden``."""
    form, name = target.described.form, target.described.name
    resource = catalogue.get(KINDS[form])
    paths = [] if form == CSI else [_SECRETS.path(target.namespace, name)]
    if form != SECRET and resource:
        paths.append(resource.path(target.namespace, name))
    answers = await asyncio.gather(*map(client.get, paths))
    own = _body(answers[-1], target) if form != SECRET and resource else None
    if form == CSI:
        return Live(own, readable=False)
    if form == SEALED and answers[0].status == 403:
        return Live(own, readable=False)
    secret = _body(answers[0], target)
    return Live(secret if form == SECRET else own, secret)


def _body(answer: Answer, target: Target) -> Mapping[str, Any] | None:
    if answer.status == 404:
        return None
    if not answer.ok:
        reason = "forbidden" if answer.status == 403 else "failed"
        raise KubeError(reason, f"reading {target.where}: {answer.message}. Nothing was changed.")
    body: Mapping[str, Any] = answer.body
    return body


async def phases(client: Client, names: Iterable[str]) -> Mapping[str, str] | None:
    """Phases of namespaces that are there, ``None`` where they may not be read. Raises those of the client."""
    names = sorted(set(names))
    answers = await asyncio.gather(*(client.get(_NAMESPACES.path(name=name)) for name in names))
    if any(answer.status == 403 for answer in answers):
        return None
    return {
        name: answer.body["status"]["phase"] for name, answer in zip(names, answers) if answer.ok
    }


def owner(body: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What controls an object."""
    for reference in ((body or {}).get("metadata") or {}).get("ownerReferences") or ():
        if reference.get("controller"):
            found: Mapping[str, Any] = reference
            return found
    return None


def hands_over(target: Target, live: Live) -> bool:
    """Whether a Secret is there that the sealed-secrets controller would not touch yet."""
    if target.described.form != SEALED or live.secret is None or owner(live.secret):
        return False
    annotations = live.secret["metadata"].get("annotations") or {}
    return not any(annotations.get(name) == "true" for name in _TAKEN_OVER)


def belongs_to_others(
    targets: Iterable[tuple[Target, Live]], inventory: str, force: bool
) -> list[Problem]:
    """Secrets that somebody else writes, and would write back."""
    problems = []
    for target, live in targets:
        holder = owner(live.secret)
        theirs = holder and not (
            target.described.form == SEALED
            and (holder["kind"], holder["name"]) == (KINDS[SEALED].name, target.described.name)
        )
        if holder and theirs:
            problems.append(_owned(target, holder))
        elif hands_over(target, live) and not force:
            labels = (live.secret or {})["metadata"].get("labels") or {}
            if labels.get(INVENTORY_LABEL) != inventory:
                problems.append(_not_handed_over(target))
        elif target.described.form == SEALED and live.secret:
            problems += _of_another_type(target, live.secret)
    return problems


def _owned(target: Target, holder: Mapping[str, Any]) -> Problem:
    kind, name = holder["kind"], holder["name"]
    ways = {
        KINDS[
            SEALED
        ].name: f"kubectl delete sealedsecret {name} -n {target.namespace} --cascade=orphan leaves the "
        "Secret and frees it"
    }
    return Problem(
        "owned",
        target.described.where(),
        f"the Secret {target.where} belongs to the {kind} {name}",
        "Each would undo the other, and the Secret goes when that one goes",
        ways.get(kind, f"Leave the secret to the {kind}, or remove that first"),
    )


def _of_another_type(target: Target, secret: Mapping[str, Any]) -> Iterator[Problem]:
    """The controller cannot change a type, and would say so at each run."""
    if secret["type"] != target.described.type:
        # The controller would bring back a Secret that is deleted alone, as it was.
        kind = "sealedsecret" if owner(secret) else "secret"
        yield Problem(
            "immutable",
            target.described.where(),
            f"the Secret {target.where} has the type {secret['type']} and shall have {target.described.type}",
            "The type of a Secret cannot be changed",
            f"kubectl delete {kind} {target.described.name} -n {target.namespace}; the next run makes the Secret anew",
        )


def _not_handed_over(target: Target) -> Problem:
    return Problem(
        "not_handed_over",
        target.described.where(),
        f"the Secret {target.where} is there and was not made here",
        "The sealed-secrets controller leaves alone what is not its own",
        "Set force_conflicts to hand the Secret over to it, or remove the Secret",
    )


async def fetch_certificate(client: Client, namespace: str, name: str) -> Certificate:
    """Ask the sealed-secrets controller for its certificate, by the API's proxy, as kubeseal does.

    Raises ``MissingError``: ``no_certificate``, ``bad_certificate``.
    """
    service = await client.get(f"/api/v1/namespaces/{namespace}/services/{name}")
    if not service.ok:
        raise _no_certificate(f"its Service: {service.message}", namespace, name)
    port = service.body["spec"]["ports"][0]
    path = f"/api/v1/namespaces/{namespace}/services/http:{name}:{port.get('name') or port['port']}"
    answer = await client.get(f"{path}/proxy/v1/cert.pem", accept="application/x-pem-file, */*")
    if not answer.ok or not isinstance(answer.body, str):
        raise _no_certificate(f"status {answer.status}: {answer.message}", namespace, name)
    return read_certificate(answer.body.encode(), f"of {namespace}/{name}")


def _no_certificate(what: str, namespace: str, name: str) -> MissingError:
    return MissingError(
        "no_certificate",
        f"the sealed-secrets controller {namespace}/{name} does not give it ({what})",
        "Install the controller, name it as it is called, or give the certificate as a file",
    )
