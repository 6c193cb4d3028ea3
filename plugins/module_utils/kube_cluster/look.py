# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is asked of a cluster: lists of a few kinds, all in flight at once over one connection pool."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Answer, Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import Connection
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

Body = Mapping[str, Any]

#: Requests in flight.
CONCURRENCY = 16


@dataclass(frozen=True)
class Listing:
    """Objects of one kind. One that is not ``built_in`` may not be served at all."""

    plural: str
    api_version: str
    kind: str
    namespaced: bool = True
    built_in: bool = True
    selector: str = ""

    def path(self, place: str = "") -> str:
        """Where the objects are; ``place`` is a namespace, or the name of the one namespace that is meant."""
        path = (
            f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        )
        if place and self.namespaced:
            path += f"/namespaces/{quote(place, safe='')}"
        path += f"/{self.plural}"
        return f"{path}/{quote(place, safe='')}" if place and not self.namespaced else path


NODES = Listing("nodes", "v1", "Node", namespaced=False)
NAMESPACES = Listing("namespaces", "v1", "Namespace", namespaced=False)
QUOTAS = Listing("resourcequotas", "v1", "ResourceQuota")
DEPLOYMENTS = Listing("deployments", "apps/v1", "Deployment")
STATEFUL_SETS = Listing("statefulsets", "apps/v1", "StatefulSet")
DAEMON_SETS = Listing("daemonsets", "apps/v1", "DaemonSet")
JOBS = Listing("jobs", "batch/v1", "Job")
PODS = Listing("pods", "v1", "Pod")
# What a quota or a policy refuses stands in no status but a Deployment's.
EVENTS = Listing("events", "v1", "Event", selector="type=Warning,reason=FailedCreate")
SERVICES = Listing("services", "v1", "Service")
ENDPOINTS = Listing("endpointslices", "discovery.k8s.io/v1", "EndpointSlice")
INGRESSES = Listing("ingresses", "networking.k8s.io/v1", "Ingress")
GATEWAYS = Listing("gateways", "gateway.networking.k8s.io/v1", "Gateway", built_in=False)
ROUTES = Listing("httproutes", "gateway.networking.k8s.io/v1", "HTTPRoute", built_in=False)
SECRETS = Listing("secrets", "v1", "Secret", selector="type=kubernetes.io/tls")
CERTIFICATES = Listing("certificates", "cert-manager.io/v1", "Certificate", built_in=False)

RUNNING = (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS)
#: What each part of the answer is made of.
PARTS: Mapping[str, tuple[Listing, ...]] = {
    "nodes": (NODES,),
    "namespaces": (NAMESPACES,),
    "quotas": (QUOTAS,),
    "workloads": (*RUNNING, JOBS, PODS, EVENTS),
    "services": (SERVICES, ENDPOINTS, *RUNNING, PODS),
    "ingresses": (INGRESSES, GATEWAYS, ROUTES),
    "certificates": (SECRETS, CERTIFICATES),
}


@dataclass(frozen=True)
class Question:
    """What to ask for: parts (keys of ``PARTS``), in the ``namespaces`` or, where these are none, in all."""

    parts: Collection[str] = tuple(PARTS)
    namespaces: Sequence[str] = ()
    #: Seconds for one request.
    timeout: float = 30.0


@dataclass(frozen=True)
class Unread:
    """What could not be read: ``place`` is a namespace, empty for all of them."""

    resource: str
    place: str
    message: str
    forbidden: bool = True


@dataclass(frozen=True)
class Look:
    """What a cluster answered: objects by plural, and what it did not tell."""

    objects: Mapping[str, Sequence[Body]]
    unread: Sequence[Unread] = ()
    version: str = ""
    #: The certificate of the API server (DER), ``None`` where none was seen.
    certificate: bytes | None = None

    def of(self, listing: Listing) -> Sequence[Body]:
        """The objects of a kind that could be read."""
        return self.objects.get(listing.plural, ())

    def knows(self, listing: Listing, namespace: str) -> bool:
        """Whether the objects of a kind in a namespace could be read."""
        return not any(
            unread.resource == listing.plural and unread.place in ("", namespace)
            for unread in self.unread
        )


async def look(client: Client, connection: Connection, question: Question) -> Look:
    """Ask for all lists of the parts at once.

    Raises ``KubeError``: ``forbidden`` where nothing at all may be read, those of the client.
    """
    listings = dict.fromkeys(listing for part in sorted(question.parts) for listing in PARTS[part])
    questions = [
        (listing, place) for listing in listings for place in _places(listing, question.namespaces)
    ]
    asks_api = "certificates" in question.parts
    (version, certificate), answers = await asyncio.gather(
        asyncio.gather(
            client.get("/version"),
            _certificate(connection, question.timeout) if asks_api else _nothing(),
        ),
        asyncio.gather(*(_ask(client, listing, place) for listing, place in questions)),
    )
    objects: dict[str, list[Body]] = {listing.plural: [] for listing in listings}
    unread: list[Unread] = []
    for (listing, place), answer in zip(questions, answers):
        if answer.ok and not isinstance(answer.body, dict):
            raise KubeError(
                "failed",
                f"{connection.url} does not answer as a Kubernetes API does: {answer.message}",
            )
        if answer.ok:
            objects[listing.plural] += _bodies(listing, answer)
        elif answer.status != 404 or (listing.built_in and listing is not NAMESPACES):
            unread.append(Unread(listing.plural, place, answer.message, answer.status == 403))
    if unread and not any(answer.ok for answer in answers):
        raise _refusal(unread)
    if isinstance(certificate, Unread):
        unread.append(certificate)
        certificate = None
    told = version.body.get("gitVersion", "") if version.ok else ""
    return Look(objects, unread, str(told), certificate)


def _places(listing: Listing, namespaces: Sequence[str]) -> Sequence[str]:
    return namespaces if namespaces and (listing.namespaced or listing is NAMESPACES) else ("",)


async def _ask(client: Client, listing: Listing, place: str) -> Answer:
    query = {"fieldSelector": listing.selector} if listing.selector else {}
    answer = await client.get(listing.path(place), **query)
    if answer.status == 403 and not listing.built_in:
        # Who may not list a kind is not told that nobody serves it. Everybody may ask for its group.
        group = await client.get(f"/apis/{listing.api_version}")
        return group if group.status == 404 else answer
    return answer


async def _nothing() -> None:
    return None


def _bodies(listing: Listing, answer: Answer) -> Iterator[Body]:
    """The objects of an answer, each with its kind, which the items of a list leave out."""
    found = answer.body["items"] or () if "items" in answer.body else (answer.body,)
    for body in found:
        named = {**body, "apiVersion": listing.api_version, "kind": listing.kind}
        yield _without_key(named) if listing is SECRETS else named


def _without_key(body: Body) -> Body:
    """Of a Secret, where it is and its certificates: the key goes no further than this."""
    metadata = {name: body["metadata"][name] for name in ("name", "namespace")}
    certificates = str((body.get("data") or {}).get("tls.crt") or "")
    return {"kind": body["kind"], "metadata": metadata, "certificates": certificates}


def pem(body: Body) -> bytes:
    """The certificates of a Secret as ``look`` returns it. Raises ``ValueError``."""
    return base64.b64decode(body["certificates"])


def _refusal(unread: Sequence[Unread]) -> KubeError:
    reason = "forbidden" if any(entry.forbidden for entry in unread) else "failed"
    return KubeError(
        reason,
        f"The API tells nothing of what was asked for: {unread[0].message}. "
        "Name an account that may read it, or ask for less (gather, namespaces).",
    )


async def _certificate(connection: Connection, timeout: float) -> bytes | Unread | None:
    """The certificate that the API server shows, over a connection of its own: the client shows none."""
    place = urlsplit(connection.url)
    if connection.tls is None:
        return None
    name = "certificate of the API server"
    if connection.proxy:
        return Unread(name, "", "it is reached through a proxy", forbidden=False)
    try:
        _reader, writer = await asyncio.wait_for(
            asyncio.open_connection(
                place.hostname,
                place.port or 443,
                ssl=connection.tls,
                server_hostname=connection.server_name or place.hostname,
            ),
            timeout,
        )
    except (OSError, ssl.SSLError, asyncio.TimeoutError) as error:
        return Unread(name, "", str(error) or f"no answer within {timeout:g} s", forbidden=False)
    try:
        shown: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return shown
    finally:
        writer.close()
