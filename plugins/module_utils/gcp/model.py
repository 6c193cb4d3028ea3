# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Resources as they are declared, with all that they name found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import Kind
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.rules import Rule

ACCOUNTS = "iam.serviceAccounts"
BINDINGS = "iam.bindings"
CLUSTERS = "container.clusters"
INSTANCES = "compute.instances"
PEERINGS = "compute.networkPeerings"
PROJECTS = "cloudresourcemanager.projects"
RECORDS = "dns.resourceRecordSets"
SECRETS = "secretmanager.secrets"
SERVICES = "serviceusage.services"

_HOST = re.compile(r"^(?:https?:)?//[^/]+/")
_VERSION = re.compile(r"^(?:[a-z]+/)?(?:v\d+\w*|alpha|beta)/")


@dataclass(frozen=True)
class Output:
    """What stands in place of a value that another resource tells: ``link`` says which, ``name`` is the field."""

    link: str
    name: str

    def __str__(self) -> str:
        return f"({self.name} of {self.link}, known after it is there)"


@dataclass(frozen=True)
class Reference:
    """A field that names another resource. ``elsewhere`` tells where one of that name is declared that does not fit."""

    path: str
    link: str
    type: str = ""
    elsewhere: str = ""


@dataclass(frozen=True)
class Payload:
    """What a secret holds: a value, or that one of so many characters is made up once."""

    value: str | None = None
    length: int = 0

    def __repr__(self) -> str:
        return "Payload(…)"


@dataclass(frozen=True)
class Resource:
    """One declared resource. ``location`` is a region, a zone or a location; ``parent`` what it stands below.

    ``wishes`` are needs as they were given, ``needs`` the keys of all others that have to be there before.
    ``references`` are all that its body names, ``external`` those of them that nobody declares.
    """

    key: str
    kind: Kind
    rule: Rule
    name: str
    project: str
    location: str = ""
    parent: str = ""
    rrtype: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    present: bool = True
    payload: Payload | None = None
    wishes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    external: tuple[Reference, ...] = ()

    @property
    def type(self) -> str:
        """Google's name of its type."""
        return self.kind.type

    @property
    def link(self) -> str:
        """Its link without host and version."""
        return self.kind.link(
            self.project, self.location, served_name(self), self.parent, self.rrtype
        )


def key_of(resource: Resource) -> str:
    """The key of a resource in results, without a project."""
    parts = (resource.type, resource.location, resource.parent, resource.name, resource.rrtype)
    return "/".join(part for part in parts if part)


def served_name(resource: Resource) -> str:
    """The name under which the API serves it: of an account its address."""
    if resource.type == ACCOUNTS:
        return account_email(resource.name, resource.project)
    return resource.name


def account_email(name: str, project: str) -> str:
    """The address of a service account of a project."""
    return name if "@" in name else f"{name}@{project}.iam.gserviceaccount.com"


def tail(link: str, project: str = "") -> str:
    """A link without host and version, so that two links to the same thing are equal."""
    bare = _VERSION.sub("", _HOST.sub("", link.strip()))
    if project and bare.startswith(("global/", "regions/", "zones/")):
        bare = f"projects/{project}/{bare}"
    return bare


def region_of(location: str) -> str:
    """The region of a zone, or the region itself."""
    head, _dash, last = location.rpartition("-")
    return head if len(last) == 1 and last.isalpha() and head else location
