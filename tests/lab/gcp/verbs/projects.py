"""Projects in the two forms of the resource manager, and the services that are enabled in them."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from tests.lab.gcp import crud, lists
from tests.lab.gcp.clock import fingerprint, zulu
from tests.lab.gcp.errors import ApiError, malformed, stale
from tests.lab.gcp.fields import masked, merge
from tests.lab.gcp.links import last
from tests.lab.gcp.operations import Hold
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs import services
from tests.lab.gcp.verbs.registry import handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
_ID = r"[a-z][-a-z0-9]{4,28}[a-z0-9]"
_COLLECTION = "cloudresourcemanager/projects"


def _v1(body: Body) -> Body:
    kind, _, number = body.get("parent", "organizations/1").partition("/")
    shown = {
        "projectId": body["projectId"],
        "projectNumber": last(body["name"]),
        "name": body.get("displayName", body["projectId"]),
        "lifecycleState": body["state"],
        "createTime": body["createTime"],
        "parent": {"type": kind.removesuffix("s"), "id": number},
    }
    return shown | ({"labels": body["labels"]} if body.get("labels") else {})


def _from_v1(given: Body) -> Body:
    body: Body = {name: given[name] for name in ("projectId", "labels") if name in given}
    if "name" in given:
        body["displayName"] = given["name"]
    if given.get("parent"):
        body["parent"] = f"{given['parent']['type']}s/{given['parent']['id']}"
    return body


def _shown(call: Call, body: Body) -> Body:
    return _v1(body) if call.api.version == "v1" else body


def _project(emulator: Emulator, call: Call) -> Record:
    name = last(call.key)
    known = emulator.store.get(call.key)
    if known is None and not name.isdigit() and not re.fullmatch(_ID, name):
        raise ApiError(400, "invalid", f"Project id '{name}' is not valid.", "INVALID_ARGUMENT")
    return known or services.project(emulator, name)


@handles("cloudresourcemanager.projects.get")
async def get(emulator: Emulator, call: Call) -> Body:
    """Give a project."""
    return _shown(call, _project(emulator, call).body)


@handles("cloudresourcemanager.projects.list", "cloudresourcemanager.projects.search")
async def listed(emulator: Emulator, call: Call) -> Body:
    """List all projects that there are."""
    found = emulator.store.of_type("cloudresourcemanager.projects")
    items = [("", _shown(call, record.body)) for record in found]
    shown, token = lists.page(call, items)
    return {**lists.frame(call, token), "projects": [body for _, body in shown]}


@handles("cloudresourcemanager.projects.create")
async def create(emulator: Emulator, call: Call) -> Body:
    """Make a project; no service but the basic ones is enabled in it."""
    given = _from_v1(call.body) if call.api.version == "v1" else dict(call.body)
    name = str(given.get("projectId", ""))
    if not re.fullmatch(_ID, name):
        words = "project_id must be 6 to 30 lowercase letters, digits, or hyphens."
        raise malformed("project_id", f"field [project_id] has issue [{words}]")
    key = f"{_COLLECTION}/{name}"
    if emulator.store.get(key):
        words = "Requested entity already exists"
        raise ApiError(409, "alreadyExists", words, "ALREADY_EXISTS")
    body: Body = {
        "parent": "organizations/1",
        "displayName": name,
        **given,
        "name": f"projects/{services.number_of(name)}",
        "state": "ACTIVE",
        "createTime": zulu(),
        "updateTime": zulu(),
    }
    body["etag"] = fingerprint(body)
    record = Record(key, "cloudresourcemanager.projects", name, "global", name, body, ready=False)
    record.secret["services"] = dict.fromkeys(services.BASIC, True)
    emulator.store.add(record, _COLLECTION)

    async def work(hold: Hold) -> Body:
        try:
            await hold.begin()
            await emulator.backend.created(record.resource())
            await hold.end()
        except BaseException:
            emulator.store.remove(record)
            raise
        record.ready = True
        emulator.store.dirty = True
        kind = f"type.googleapis.com/google.cloud.resourcemanager.{call.api.version}.Project"
        return {"@type": kind, **_shown(call, body)}

    return await emulator.finish(call, record, work)


@handles("cloudresourcemanager.projects.patch", "cloudresourcemanager.projects.update")
async def patch(emulator: Emulator, call: Call) -> Body:
    """Change name, labels or parent."""
    record = _project(emulator, call)
    given = _from_v1(call.body) if call.api.version == "v1" else dict(call.body)
    mask = call.query.get("updateMask")
    new = masked(record.body, given, mask) if mask else merge(record.body, given)
    if new["projectId"] != record.body["projectId"]:
        raise malformed("project_id", "The project id cannot be changed.")

    async def work(hold: Hold) -> Body:
        await hold.begin()
        await hold.end()
        emulator.store.replace(record, new)
        return _shown(call, new)

    return await emulator.finish(call, record, work, lambda: _shown(call, record.body))


@handles("cloudresourcemanager.projects.delete", "cloudresourcemanager.projects.undelete")
async def delete(emulator: Emulator, call: Call) -> Body:
    """Mark a project for deletion, or take that back."""
    record = crud.find(emulator, call.key)
    state = "DELETE_REQUESTED" if call.method.name == "delete" else "ACTIVE"

    async def work(hold: Hold) -> Body:
        await hold.begin()
        await hold.end()
        emulator.store.replace(record, {**record.body, "state": state})
        return {}

    return await emulator.finish(call, record, work, dict)


# -- services
def _service(emulator: Emulator, project: str, service: str) -> Body:
    number = services.number_of(services.project(emulator, project).name)
    state = "ENABLED" if services.enabled(emulator, project, service) else "DISABLED"
    return {
        "name": f"projects/{number}/services/{service}",
        "config": {"name": service},
        "state": state,
        "parent": f"projects/{number}",
    }


@handles("serviceusage.services.get")
async def get_service(emulator: Emulator, call: Call) -> Body:
    """Tell whether a service is enabled."""
    return _service(emulator, call.project, last(call.key))


@handles("serviceusage.services.list")
async def list_services(emulator: Emulator, call: Call) -> Body:
    """List services; Google's filter has the form ``state:ENABLED``."""
    states = services.project(emulator, call.project).secret.get("services", {})
    names = {*services.KNOWN, *states}
    items = [("", _service(emulator, call.project, name)) for name in sorted(names)]
    shown, token = lists.page(call, items)
    return {**lists.frame(call, token), "services": [body for _, body in shown]}


@handles("serviceusage.services.batchGet")
async def batch_get(emulator: Emulator, call: Call) -> Body:
    """Tell of several services; ``names`` is repeated in the query."""
    names = call.many("names")
    return {"services": [_service(emulator, call.project, last(name)) for name in names]}


@handles(
    "serviceusage.services.enable",
    "serviceusage.services.disable",
    "serviceusage.services.batchEnable",
)
async def switch(emulator: Emulator, call: Call) -> Body:
    """Enable or disable services by an operation."""
    names = call.body.get("serviceIds") or [last(call.key)]
    record = services.project(emulator, call.project)
    wanted = call.method.name != "disable"
    for name in names:
        if not name.endswith(".googleapis.com"):
            words = f"Not found or permission denied for service(s): {name}."
            raise ApiError(403, "forbidden", words, "PERMISSION_DENIED")

    async def work(hold: Hold) -> Body:
        await hold.begin()
        await hold.end()
        services.set_states(emulator, record, names, wanted)
        shown = [_service(emulator, record.name, name) for name in names]
        return {"services": shown} if call.method.name == "batchEnable" else {"service": shown[0]}

    target = Record(call.key, "serviceusage.services", record.name, "global", names[0], {})
    return await emulator.finish(call, target, work)


# -- compute's view of a project
@handles("compute.projects.get")
async def compute_project(emulator: Emulator, call: Call) -> Body:
    """Give what compute knows of a project."""
    record = services.project(emulator, call.path["project"])
    items = record.secret.get("metadata", [])
    metadata = {"kind": "compute#metadata", "fingerprint": fingerprint(items)}
    return {
        "kind": "compute#project",
        "id": services.number_of(record.name),
        "name": record.name,
        "creationTimestamp": record.body["createTime"],
        "selfLink": f"https://www.googleapis.com/compute/v1/projects/{record.name}",
        "commonInstanceMetadata": metadata | ({"items": items} if items else {}),
        "defaultNetworkTier": "PREMIUM",
        "xpnProjectStatus": "UNSPECIFIED_XPN_PROJECT_STATUS",
    }


@handles("compute.projects.setCommonInstanceMetadata")
async def set_metadata(emulator: Emulator, call: Call) -> Body:
    """Replace what all instances of a project are told; the fingerprint has to be current."""
    record = services.project(emulator, call.path["project"])
    held = record.secret.get("metadata", [])
    if call.body.get("fingerprint") not in (None, fingerprint(held)):
        raise stale()
    items = copy.deepcopy(call.body.get("items", []))

    async def work(hold: Hold) -> None:
        await hold.begin()
        before = record.resource()
        record.secret["metadata"] = items
        emulator.store.dirty = True
        after = record.resource()
        await emulator.backend.changed(before, after, "compute.projects.setCommonInstanceMetadata")
        await hold.end()

    target = Record(
        f"compute/projects/{record.name}", "compute.projects", record.name, "global", "", {}
    )
    return await emulator.finish(call, target, work)
