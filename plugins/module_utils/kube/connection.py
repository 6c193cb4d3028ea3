# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How to reach a cluster: kubeconfig, in-cluster account or values.

Credentials that have to be got (an exec plugin, an identity provider, a pod's account) are the
matter of Kubernetes' own Python library; those that are written down are read here.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ansible_collections.groundwork.platform.plugins.module_utils.kube import kubeconfig
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

_STANDARD = "~/.kube/config"
#: What a user of a kubeconfig has where the credentials have to be got.
_DYNAMIC = ("auth-provider", "exec")


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
    def files(self) -> str:
        """The kubeconfig; several as ``KUBECONFIG`` joins them."""
        return self.kubeconfig or os.environ.get("KUBECONFIG") or os.path.expanduser(_STANDARD)

    @property
    def in_cluster(self) -> bool:
        """Whether a pod's account stands in for a kubeconfig: nobody names one, and the usual one is not there."""
        return (
            "KUBERNETES_SERVICE_HOST" in os.environ
            and not (self.kubeconfig or os.environ.get("KUBECONFIG"))
            and not os.path.exists(self.files)
        )


@dataclass(frozen=True)
class Connection:
    """A resolved ``Access``: base URL, TLS and, asked anew for each request, the authorization header.

    ``namespace`` is that of the kubeconfig's context.
    """

    url: str
    tls: ssl.SSLContext | None
    server_name: str | None
    proxy: str | None
    namespace: str
    authorization: Callable[[], str | None] = field(repr=False)
    impersonate_user: str | None

    def headers(self) -> dict[str, str]:
        """Headers that say who asks. An exec plugin's or an account's token that has ended is renewed here."""
        found = {}
        bearer = self.authorization()
        if bearer:
            found["Authorization"] = bearer
        if self.impersonate_user:
            found["Impersonate-User"] = self.impersonate_user
        return found


@dataclass(frozen=True)
class _Known:
    """What is known before any of it is tried. Certificates and keys are names of files, or PEM as bytes."""

    url: str
    ca: str | bytes | None = None
    cert: str | bytes | None = None
    key: str | bytes | None = field(default=None, repr=False)
    verify: bool = True
    server_name: str | None = None
    proxy: str | None = None
    namespace: str = "default"
    authorization: Callable[[], str | None] = field(default=lambda: None, repr=False)


def connect(access: Access) -> Connection:
    """Resolve what is known about a cluster.

    Raises ``KubeError``: ``no_configuration`` where neither values, a kubeconfig nor an in-cluster
    account say where the API is, ``bad_configuration`` where they cannot be read, ``missing_library``.
    """
    known = replace(_known(access), **_given(access))
    url = known.url.rstrip("/")
    return Connection(
        url=url,
        tls=_tls(known) if url.startswith("https") else None,
        server_name=known.server_name,
        proxy=known.proxy or _proxy(url),
        namespace=known.namespace,
        authorization=known.authorization,
        impersonate_user=access.impersonate_user,
    )


def _known(access: Access) -> _Known:
    if access.host and not access.kubeconfig and not access.context:
        return _Known(access.host)
    if access.in_cluster:
        return _account()
    context = kubeconfig.read(access.files, access.context)
    known = _written(context, access.files)
    got = not access.token and any(word in context.user for word in _DYNAMIC)
    return _got(known, context, access.files) if got else known


def _given(access: Access) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if access.host:
        given["url"] = access.host
    if access.token:
        given["authorization"] = lambda: f"Bearer {access.token}"
    if access.ca_cert:
        given["ca"] = access.ca_cert
    if access.client_cert:
        given.update(cert=access.client_cert, key=access.client_key)
    return given


def _written(context: kubeconfig.Context, files: str) -> _Known:
    """What stands in a kubeconfig."""
    cluster, user = context.cluster, context.user
    try:
        header = _header(user)
        return _Known(
            url=str(cluster["server"]),
            ca=_file_or_data(cluster, "certificate-authority"),
            cert=_file_or_data(user, "client-certificate"),
            key=_file_or_data(user, "client-key"),
            # Its writer's decision.
            verify=not cluster.get("insecure-skip-tls-verify"),
            server_name=cluster.get("tls-server-name"),
            proxy=cluster.get("proxy-url"),
            namespace=context.namespace,
            authorization=lambda: header,
        )
    except (OSError, ValueError) as error:
        raise KubeError(
            "bad_configuration", f"{files}, context {context.name}: {error}."
        ) from error


def _header(user: Mapping[str, Any]) -> str | None:
    """The authorization header of a user whose token or password is written down."""
    if user.get("tokenFile"):
        return f"Bearer {Path(user['tokenFile']).read_text(encoding='utf-8').strip()}"
    if user.get("token"):
        return f"Bearer {user['token']}"
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password', '')}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"
    return None


def _file_or_data(section: Mapping[str, Any], name: str) -> str | bytes | None:
    data = section.get(f"{name}-data")
    return base64.b64decode(data) if data else section.get(name)


def _got(known: _Known, context: kubeconfig.Context, files: str) -> _Known:
    """Credentials that a plugin or an identity provider gives."""
    library = _library(f"the user of the context {context.name} gets its credentials elsewhere")
    settings = library.client.Configuration()
    try:
        library.config.load_kube_config(
            config_file=files, context=context.name, client_configuration=settings
        )
    except (OSError, ValueError, library.config.ConfigException) as error:
        raise KubeError(
            "bad_configuration", f"{files}, context {context.name}: {error}."
        ) from error
    if not _bearer(settings) and not settings.cert_file:
        # The library writes a plugin's failure to its log and goes on as nobody.
        raise KubeError(
            "bad_configuration",
            f"{files}, context {context.name}: the user's plugin or identity provider gave neither token nor "
            "certificate. kubectl --context shows what it says.",
        )
    return replace(
        known,
        cert=settings.cert_file,
        key=settings.key_file,
        authorization=lambda: _bearer(settings),
    )


def _account() -> _Known:
    """The account of the pod that this runs in."""
    library = _library("the account of this pod is to be used")
    settings = library.client.Configuration()
    try:
        library.config.load_incluster_config(client_configuration=settings)
    except library.config.ConfigException as error:
        raise KubeError("no_configuration", f"The account of this pod: {error}.") from error
    return _Known(
        url=settings.host, ca=settings.ssl_ca_cert, authorization=lambda: _bearer(settings)
    )


def _library(need: str) -> Any:
    """Kubernetes' own library; it takes a third of the module's time where it is imported."""
    try:
        import kubernetes
    except ImportError as error:
        raise KubeError(
            "missing_library",
            f"The Python library kubernetes is missing ({error}), and {need}. Install it for this Python, or give "
            "host and api_key.",
        ) from error
    return kubernetes


def _bearer(settings: Any) -> str | None:
    """The header as the library has it, renewed where it has ended."""
    found = settings.get_api_key_with_prefix("BearerToken")
    return found or settings.get_api_key_with_prefix("authorization")


def _proxy(url: str) -> str | None:
    """What the environment says (``https_proxy``, ``no_proxy``)."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


def _tls(known: _Known) -> ssl.SSLContext:
    try:
        if isinstance(known.ca, bytes):
            context = ssl.create_default_context(cadata=known.ca.decode())
        else:
            context = ssl.create_default_context(cafile=known.ca)
        if known.cert:
            with _as_file(known.cert) as cert, _as_file(known.key) as key:
                context.load_cert_chain(str(cert), key)
    except (OSError, ValueError) as error:
        files = [name for name in (known.ca, known.cert, known.key) if isinstance(name, str)]
        raise KubeError(
            "bad_configuration",
            f"{', '.join(files) or 'The certificate in the kubeconfig'} cannot be read: {error}.",
        ) from error
    if not known.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def _as_file(given: str | bytes | None) -> Iterator[str | None]:
    """The name of a file; what is no file yet is one for as long as it is read, for its owner alone."""
    if not isinstance(given, bytes):
        yield given
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(given)
        file.flush()
        yield file.name
