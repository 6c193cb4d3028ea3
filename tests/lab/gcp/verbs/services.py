"""Projects, and which of Google's APIs are enabled in them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from tests.lab.gcp.clock import zulu
from tests.lab.gcp.errors import ApiError
from tests.lab.gcp.links import last, project_of
from tests.lab.gcp.store import Record

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
#: What answers without being enabled in a project.
_FREE = {"cloudresourcemanager", "serviceusage", "storage", "iamcredentials", "sts", "oauth2"}
#: What is enabled in every new project.
BASIC = ("cloudapis.googleapis.com", "storage.googleapis.com", "logging.googleapis.com")
KNOWN = tuple(
    f"{name}.googleapis.com"
    for name in (
        *("cloudresourcemanager", "cloudscheduler", "compute", "container", "dns", "iam"),
        *("iamcredentials", "iap", "logging", "monitoring", "run", "secretmanager"),
        *("servicenetworking", "serviceusage", "storage", "sts"),
    )
)
#: Enabling one enables these, too.
_NEEDS = {"container.googleapis.com": ("compute.googleapis.com", "iam.googleapis.com")}
#: Public projects that images come from.
_PUBLIC = {"debian-cloud", "ubuntu-os-cloud", "cos-cloud"}


def number_of(project: str) -> str:
    """Give a project's number."""
    return str(100_000_000_000 + zlib.crc32(project.encode()))


def project(emulator: Emulator, name: str) -> Record:
    """Find a project. One that nobody created is there, with all services enabled."""
    name = _by_number(emulator, name)
    key = f"cloudresourcemanager/projects/{name}"
    found = emulator.store.get(key)
    if found is not None:
        return found
    body: Body = {
        "name": f"projects/{number_of(name)}",
        "projectId": name,
        "displayName": name,
        "state": "ACTIVE",
        "createTime": zulu(),
        "etag": "W/emulator",
        "parent": "organizations/1",
    }
    record = Record(key, "cloudresourcemanager.projects", name, "global", name, body)
    record.secret["implicit"] = True
    emulator.store.add(record, "cloudresourcemanager/projects")
    return record


def _by_number(emulator: Emulator, name: str) -> str:
    if not name.isdigit():
        return name
    for record in emulator.store.of_type("cloudresourcemanager.projects"):
        if number_of(record.name) == name:
            return record.name
    raise ApiError(403, "forbidden", "The caller does not have permission", "PERMISSION_DENIED")


def enabled(emulator: Emulator, name: str, service: str) -> bool:
    """Whether a service (compute.googleapis.com) is enabled in a project."""
    record = project(emulator, name)
    states: Body = record.secret.get("services", {})
    return bool(states.get(service, record.secret.get("implicit", False)))


def set_states(emulator: Emulator, record: Record, names: list[str], wanted: bool) -> None:
    """Enable or disable services."""
    states = dict(record.secret.get("services", {}))
    for name in names:
        states[name] = wanted
        for needed in _NEEDS.get(name, ()) if wanted else ():
            states[needed] = True
    record.secret["services"] = states
    emulator.store.dirty = True


def require(emulator: Emulator, call: Call) -> None:
    """Refuse a call to a service that is not enabled in the project."""
    name = call.project
    if not name or name in ("-", *_PUBLIC) or call.api.name in _FREE:
        return
    service = f"{call.api.name}.googleapis.com"
    if enabled(emulator, name, service):
        return
    number = number_of(name)
    words = (
        f"{service} has not been used in project {number} before or it is disabled. Enable it by"
        f" visiting https://console.developers.google.com/apis/api/{service}/overview"
        f"?project={number} then retry."
    )
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "SERVICE_DISABLED",
        "domain": "googleapis.com",
        "metadata": {"service": service, "consumer": f"projects/{number}"},
    }
    raise ApiError(403, "accessNotConfigured", words, "PERMISSION_DENIED", [info])


def account_key(emulator: Emulator, key: str) -> str:
    """Complete the key of a service account: by its number, in project ``-``."""
    if not key.startswith("iam/projects/") or "/serviceAccounts/" not in key:
        return key
    rest = key.partition("/serviceAccounts/")[2]
    email, slash, below = rest.partition("/")
    if "@" in email and project_of(key) != "-":
        return key
    for record in emulator.store.of_type("iam.serviceAccounts"):
        if email in (record.name, record.body.get("uniqueId")):
            return f"{record.key}{slash}{below}"
    return (
        key
        if "@" not in email
        else f"iam/projects/{_project_of(email)}/serviceAccounts/{last(rest)}"
    )


def _project_of(email: str) -> str:
    return email.partition("@")[2].removesuffix(".iam.gserviceaccount.com")
