# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets as they are described: where each value comes from, and in which form it goes into a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Union

from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import Kind

SECRET, SEALED, CSI = "secret", "sealed", "csi"

#: The kind that is written, by form.
KINDS = {
    SECRET: Kind("v1", "Secret"),
    SEALED: Kind("bitnami.com/v1alpha1", "SealedSecret"),
    CSI: Kind("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass"),
}

#: Who may open a sealed value, in kubeseal's words, and the annotation that says so.
SCOPES = {
    "strict": "",
    "namespace-wide": "sealedsecrets.bitnami.com/namespace-wide",
    "cluster-wide": "sealedsecrets.bitnami.com/cluster-wide",
}

REGISTRY_TYPE = "kubernetes.io/dockerconfigjson"
REGISTRY_KEY = ".dockerconfigjson"
#: Keys that the API asks of a type.
NEEDED_KEYS = {
    REGISTRY_TYPE: (REGISTRY_KEY,),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


@dataclass(frozen=True)
class Given:
    """A value that stands in the description, out of Ansible Vault or any other variable."""

    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Environment:
    """A variable of the environment in which the module runs."""

    name: str


@dataclass(frozen=True)
class Stored:
    """A version of a secret in Google Secret Manager, by its full resource name."""

    resource: str


@dataclass(frozen=True)
class Generated:
    """A value that is made once and kept, told apart by ``folder`` and ``name``; a new ``version`` is a new value."""

    folder: str
    name: str
    length: int
    characters: str
    version: int


@dataclass(frozen=True)
class Registry:
    """Credentials of an image registry, which become one value in the form that the kubelet reads."""

    server: str
    username: Source
    password: Source
    email: str = ""


Source = Union[Given, Environment, Stored, Generated, Registry]


class Workload(NamedTuple):
    """What a restart restarts, in one namespace."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, eq=False)
class Described:
    """One secret, wanted in one or more namespaces.

    ``restart`` names what restarts when a value changes, ``None`` what is found to use it. ``sync`` asks
    the CSI driver for a Secret as well. ``place`` says where it is described.
    """

    place: str
    name: str
    namespaces: tuple[str, ...]
    form: str
    type: str
    data: Mapping[str, Source]
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    scope: str = "strict"
    restart: tuple[Workload, ...] | None = None
    sync: bool = False

    def where(self, key: str = "") -> str:
        """The secret, and one of its keys, for a message."""
        return f"{self.name} ({self.place})" + (f", key {key}" if key else "")


class MissingError(Exception):
    """A source that gives no value: ``reason`` is a code, ``what`` and ``way_out`` are sentences without the value."""

    def __init__(self, reason: str, what: str, way_out: str) -> None:
        super().__init__(what)
        self.reason = reason
        self.what = what
        self.way_out = way_out
