# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How to reach a cluster: kubeconfig, in-cluster account or values, by Kubernetes' own client library."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

IMPORT_ERROR: Exception | None = None
try:
    from kubernetes.client.configuration import Configuration
    from kubernetes.config import load_incluster_config, load_kube_config
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.kube_config import KubeConfigMerger
except ImportError as error:  # told by the module, with the way to get it
    IMPORT_ERROR = error

_STANDARD = os.path.expanduser("~/.kube/config")


@dataclass(frozen=True)
class Access:
    """Where the API is and who asks. Values that are given stand above those of the kubeconfig."""

    kubeconfig: str | None = None
    context: str | None = None
    host: str | None = None
    token: str | None = field(default=None, repr=False)
    ca_cert: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    impersonate_user: str | None = None

    @property
    def file(self) -> str | None:
        """The kubeconfig that is named here or by the environment; several as ``KUBECONFIG`` joins them."""
        return self.kubeconfig or os.environ.get("KUBECONFIG")

    @property
    def configured(self) -> bool:
        """Whether a kubeconfig or a pod's account is read at all."""
        return self.host is None or self.kubeconfig is not None or self.context is not None

    @property
    def in_cluster(self) -> bool:
        """Whether a pod's account stands in for a kubeconfig that is not there."""
        return (
            not self.file
            and not os.path.exists(_STANDARD)
            and "KUBERNETES_SERVICE_HOST" in os.environ
        )


@dataclass(frozen=True)
class Connection:
    """A resolved ``Access``: base URL, TLS and, asked anew for each request, the authorization header."""

    url: str
    tls: ssl.SSLContext | None
    server_name: str | None
    proxy: str | None
    configuration: Any = field(repr=False)
    impersonate_user: str | None = None

    def headers(self) -> dict[str, str]:
        """Headers that say who asks. An exec plugin's or a file's token that has ended is renewed here."""
        settings = self.configuration
        found = {}
        bearer = settings.get_api_key_with_prefix(
            "BearerToken"
        ) or settings.get_api_key_with_prefix("authorization")
        if bearer:
            found["Authorization"] = bearer
        elif settings.username:
            found["Authorization"] = settings.get_basic_auth_token()
        if self.impersonate_user:
            found["Impersonate-User"] = self.impersonate_user
        return found


def connect(access: Access) -> Connection:
    """Resolve what is known about a cluster.

    Raises ``KubeError``: ``no_configuration`` where neither values, a kubeconfig nor an in-cluster
    account say where the API is, ``bad_configuration`` where they cannot be read.
    """
    settings = _settings(access)
    url = str(settings.host).rstrip("/")
    return Connection(
        url=url,
        tls=_tls(settings) if url.startswith("https") else None,
        server_name=getattr(settings, "tls_server_name", None),
        proxy=settings.proxy,
        configuration=settings,
        impersonate_user=access.impersonate_user,
    )


def context_namespace(access: Access) -> str:
    """The namespace of the kubeconfig's context, ``default`` where it has none.

    For an ``Access`` that ``connect`` has resolved.
    """
    if not access.configured or access.in_cluster:
        return "default"
    merged = KubeConfigMerger(access.file or _STANDARD).config  # type: ignore[no-untyped-call]
    name = access.context or merged["current-context"]
    return str(merged["contexts"].get_with_name(name)["context"].safe_get("namespace") or "default")


def _settings(access: Access) -> Any:
    settings = Configuration()
    if access.configured:
        _load(access, settings)
    if access.host:
        settings.host = access.host
    if access.token:
        settings.api_key = {"authorization": f"Bearer {access.token}"}
        settings.api_key_prefix = {}
        settings.refresh_api_key_hook = None
    if access.ca_cert:
        settings.ssl_ca_cert = access.ca_cert
    if access.client_cert:
        settings.cert_file, settings.key_file = access.client_cert, access.client_key
    return settings


def _load(access: Access, settings: Any) -> None:
    """Read the kubeconfig, or where there is none and a pod's account is there, that one."""
    try:
        if access.in_cluster:
            load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
        else:
            load_kube_config(  # type: ignore[no-untyped-call]
                config_file=access.file, context=access.context, client_configuration=settings
            )
    except ConfigException as error:
        named = access.file or _STANDARD
        missing = not any(map(os.path.exists, named.split(os.pathsep)))
        raise KubeError(
            "no_configuration" if missing else "bad_configuration",
            f"{named}: {error}. Name a kubeconfig, or host and token.",
        ) from error
    except (OSError, ValueError) as error:
        raise KubeError("bad_configuration", f"{access.file or _STANDARD}: {error}.") from error


def _tls(settings: Any) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ssl_ca_cert)
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except (OSError, ssl.SSLError) as error:
        names = [settings.ssl_ca_cert, settings.cert_file, settings.key_file]
        raise KubeError(
            "bad_configuration", f"{', '.join(filter(None, names))} cannot be read: {error}."
        ) from error
    if not settings.verify_ssl:
        # The kubeconfig says insecure-skip-tls-verify: its writer's decision.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
