# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a registry has an image, asked before anything is changed, with the pull secrets that the pods have.

By the OCI distribution specification's ``HEAD /v2/NAME/manifests/REFERENCE``; a registry that wants a token says where
to get it (https://distribution.github.io/distribution/spec/auth/token/).
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import ssl
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import Service
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.preflight import (
    HUB,
    images,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

# A library that is missing is told by the module, with the way to get it.
with suppress(ImportError):
    import aiohttp

Body = Mapping[str, Any]

#: What a registry may answer with: an image, or an index of images for several platforms.
_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
#: Where names without a registry are, and where its API is.
_HUB_API = f"registry-1.{HUB}"
#: Seconds for an answer.
_PATIENCE = 15.0
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Name:
    """An image's name, taken apart; ``reference`` is its digest or tag."""

    registry: str
    repository: str
    reference: str

    @classmethod
    def of(cls, image: str) -> Name:
        """Take a name apart, as container runtimes do."""
        name, _at, digest = image.partition("@")
        first, slash, rest = name.partition("/")
        own = bool(slash) and ("." in first or ":" in first or first == "localhost")
        registry, path = (first, rest) if own else (HUB, name)
        place, slash, last = path.rpartition("/")
        last, _colon, tag = last.partition(":")
        repository = f"{place}{slash}{last}"
        if registry == HUB and "/" not in repository:
            repository = f"library/{repository}"
        return cls(registry, repository, digest or tag or "latest")

    @property
    def url(self) -> str:
        """Where its manifest is. This machine's own registries speak without TLS, as runtimes have it."""
        host = _HUB_API if self.registry == HUB else self.registry
        bare = host.rpartition(":")[0] or host
        scheme = "http" if bare == "localhost" or bare.startswith("127.") else "https"
        return f"{scheme}://{host}/v2/{self.repository}/manifests/{self.reference}"


class Registries:
    """Asks registries. ``logins`` are the values of Secrets of type dockerconfigjson, as JSON."""

    def __init__(
        self, session: aiohttp.ClientSession, tls: ssl.SSLContext | None, logins: Iterable[str]
    ) -> None:
        self._session = session
        self._tls = tls
        self._logins = dict(pair for text in logins for pair in parse(text).items())

    async def missing(self, image: str) -> str:
        """Why an image cannot be pulled, or an empty text."""
        name = Name.of(image)
        try:
            status, challenge = await self._ask(name, self._basic(name.registry))
            if status == 401 and challenge.lower().startswith("bearer"):
                token = await self._token(challenge, name)
                status, _challenge = await self._ask(name, f"Bearer {token}")
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError, ValueError) as error:
            return f"{name.registry} could not be asked ({str(error) or 'no answer in time'})"
        if 200 <= status < 300:
            return ""
        if status in (401, 403):
            who = (
                "with its pull secret"
                if self._basic(name.registry)
                else "without a login, and no pull secret has one for it"
            )
            return f"{name.registry} does not let it be pulled {who} (status {status})"
        if status == 404:
            return f"{name.registry} has no {name.repository} with {name.reference}"
        return f"{name.registry} answers with status {status}"

    def _basic(self, registry: str) -> str:
        return self._logins.get(registry, "")

    async def _ask(self, name: Name, authorization: str) -> tuple[int, str]:
        headers = {"Accept": _ACCEPT, **({"Authorization": authorization} if authorization else {})}
        async with self._session.head(
            name.url, headers=headers, ssl=self._tls or True, timeout=_timeout()
        ) as answer:
            return answer.status, answer.headers.get("WWW-Authenticate", "")

    async def _token(self, challenge: str, name: Name) -> str:
        said = dict(_CHALLENGE.findall(challenge))
        query = {key: said[key] for key in ("service", "scope") if key in said}
        query.setdefault("scope", f"repository:{name.repository}:pull")
        basic = self._basic(name.registry)
        headers = {"Authorization": basic} if basic else {}
        async with self._session.get(
            said.get("realm", ""),
            params=query,
            headers=headers,
            ssl=self._tls or True,
            timeout=_timeout(),
        ) as answer:
            body = await answer.json(content_type=None) if answer.status == 200 else {}
        return str(body.get("token") or body.get("access_token") or "")


def parse(text: str) -> dict[str, str]:
    """Authorization headers by registry, of one ``.dockerconfigjson``. Raises ``ValueError``."""
    found = {}
    for place, entry in (json.loads(text).get("auths") or {}).items():
        registry = place.partition("://")[2] or place
        registry = registry.partition("/")[0].replace(f"index.{HUB}", HUB)
        pair = (
            entry.get("auth")
            or base64.b64encode(
                f"{entry.get('username', '')}:{entry.get('password', '')}".encode()
            ).decode()
        )
        found[registry] = f"Basic {pair}"
    return found


async def logins(client: Client, services: Sequence[Service]) -> list[str]:
    """The pull secrets that the pods of services get. Raises ``KubeError`` (``failed``)."""
    pods = [
        (service, body["spec"]["template"]["spec"])
        for service in services
        for body in service.deployments
    ]
    named = await asyncio.gather(*(_pull_secrets(client, *each) for each in pods))
    names = {
        (service.namespace, each["name"])
        for (service, _pod), secrets in zip(pods, named)
        for each in secrets
    }
    found = []
    for namespace, name in sorted(names):
        body = await _object(client, namespace, "secrets", name)
        data = (body.get("data") or {}).get(".dockerconfigjson", "")
        if data:
            found.append(base64.b64decode(data).decode())
    return found


async def _pull_secrets(client: Client, service: Service, pod: Body) -> Sequence[Body]:
    """Those that a pod names or, where it names none, those of its ServiceAccount, as the API's admission has it."""
    own: Sequence[Body] = pod.get("imagePullSecrets") or ()
    if own:
        return own
    name = pod.get("serviceAccountName") or "default"
    for each in service.target.manifests:
        if each.key.kind == "ServiceAccount" and each.name == name:
            return each.body.get("imagePullSecrets") or ()
    account = await _object(client, service.namespace, "serviceaccounts", name)
    return account.get("imagePullSecrets") or ()


async def _object(client: Client, namespace: str, plural: str, name: str) -> Body:
    """An object, an empty one where it is not there: the kubelet goes on without it, too."""
    answer = await client.get(f"/api/v1/namespaces/{namespace}/{plural}/{name}")
    if answer.status == 404:
        return {}
    if not answer.ok:
        raise KubeError("failed", f"{plural} {name} in {namespace}: {answer.message}.")
    found: Body = answer.body
    return found


def pulled(service: Service) -> set[str]:
    """Images of a service that a node pulls."""
    return {image for image, policy in images(service) if policy != "Never"}


async def problems(registries: Registries, services: Iterable[Service]) -> list[KubeError]:
    """Images that cannot be pulled, each asked for once."""
    owners: dict[str, str] = {}
    for service in services:
        for image in sorted(pulled(service)):
            owners.setdefault(image, service.name)
    answers = await asyncio.gather(*map(registries.missing, owners))
    return [
        KubeError("image_absent", f"{owner}: image {image} cannot be pulled: {why}.")
        for (image, owner), why in zip(owners.items(), answers)
        if why
    ]


def _timeout() -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=_PATIENCE)
