"""Operations in the form of each API."""

from __future__ import annotations

from typing import Any

from tests.lab.gcp.clock import now
from tests.lab.gcp.links import last, link_of, location_of
from tests.lab.gcp.operations import Operation

Body = dict[str, Any]
_RPC = {400: 9, 403: 7, 404: 5, 409: 6, 500: 13, 503: 14}


def collection_of(target: str) -> str:
    """Give the compute path where a target's operations are: …/zones/z, …/regions/r, …/global."""
    words = target.split("/")
    project = "/".join(words[1:3])
    if len(words) > 4 and words[3] in ("zones", "regions"):
        return f"{project}/{words[3]}/{words[4]}"
    return f"{project}/global"


def show(made: Operation) -> Body:
    """Write an operation as its API does."""
    writers = {"compute": _compute, "container": _container, "dns": _dns}
    if made.schema != "Operation":
        return _long_running(made)
    return writers.get(made.api, _long_running)(made)


def _compute(made: Operation) -> Body:
    scope = collection_of(made.target)
    body: Body = {
        "kind": "compute#operation",
        "id": made.id,
        "name": made.name,
        "operationType": _verb(made.method),
        "targetLink": link_of(made.target),
        "targetId": made.target_id,
        "status": made.status,
        "user": made.user,
        "progress": {"PENDING": 0, "RUNNING": 50, "DONE": 100}[made.status],
        "insertTime": made.inserted,
        "selfLink": link_of(f"compute/{scope}/operations/{made.name}"),
    }
    word = scope.split("/")[2]
    if word in ("zones", "regions"):
        body[word[:-1]] = link_of(f"compute/{scope}")
    body |= {"startTime": made.started} if made.started else {}
    body |= {"endTime": made.ended} if made.ended else {}
    if made.error:
        body["error"] = {"errors": [made.error]}
        body["httpErrorStatusCode"] = made.http
        body["httpErrorMessage"] = {403: "FORBIDDEN", 404: "NOT FOUND"}.get(
            made.http, "BAD REQUEST"
        )
    return body


def _verb(method: str) -> str:
    verb = method.rpartition(".")[2]
    return {"createSnapshot": "createSnapshot", "resize": "resizeDisk"}.get(verb, verb)


_CONTAINER_TYPES = {
    "container.clusters.create": "CREATE_CLUSTER",
    "container.clusters.delete": "DELETE_CLUSTER",
    "container.clusters.update": "UPDATE_CLUSTER",
    "container.clusters.setResourceLabels": "SET_LABELS",
    "container.clusters.updateMaster": "UPGRADE_MASTER",
    "container.nodePools.create": "CREATE_NODE_POOL",
    "container.nodePools.delete": "DELETE_NODE_POOL",
    "container.nodePools.setSize": "SET_NODE_POOL_SIZE",
    "container.nodePools.setManagement": "SET_NODE_POOL_MANAGEMENT",
    "container.nodePools.update": "UPGRADE_NODES",
}


def _container(made: Operation) -> Body:
    location = location_of(made.target)
    scope = "/".join(made.target.split("/")[1:5])
    body: Body = {
        "name": made.name,
        "operationType": _CONTAINER_TYPES.get(made.method, "UPDATE_CLUSTER"),
        "status": made.status,
        "startTime": made.started or made.inserted,
        "targetLink": link_of(made.target),
        "selfLink": f"https://container.googleapis.com/v1/{scope}/operations/{made.name}",
        "zone": location,
        "location": location,
    }
    body |= {"endTime": made.ended} if made.ended else {}
    if made.error:
        body["error"] = {"code": _RPC.get(made.http, 9), "message": made.error["message"]}
        body["statusMessage"] = made.error["message"]
    return body


def _dns(made: Operation) -> Body:
    return {
        "kind": "dns#operation",
        "id": made.name,
        "startTime": made.started or made.inserted,
        "status": "done" if made.done else "pending",
        "type": made.method.rpartition(".")[2],
        "user": made.user,
    }


def _long_running(made: Operation) -> Body:
    body: Body = {"name": long_name(made)}
    if made.done:
        body["done"] = True
        if made.error:
            body["error"] = {"code": _RPC.get(made.http, 9), "message": made.error["message"]}
        else:
            body["response"] = made.response or {}
    return body


def long_name(made: Operation) -> str:
    """Give the name of a long-running operation as clients ask for it."""
    if made.location != "global" and made.project:
        return f"projects/{made.project}/locations/{made.location}/operations/{made.name}"
    prefix = {"cloudresourcemanager": "cp.", "serviceusage": "acat.p2-"}.get(made.api, "")
    return f"operations/{prefix}{made.name}"


def new_name(api: str, number: str) -> str:
    """Give a new operation's name."""
    return (
        number if api not in ("compute", "container") else f"operation-{now_stamp()}-{number[-8:]}"
    )


def now_stamp() -> str:
    """A number of the time, for names."""
    return "".join(letter for letter in now() if letter.isdigit())[:17]


def short(name: str) -> str:
    """Give an operation's own name of what a client asks for."""
    return last(name).removeprefix("cp.").removeprefix("acat.p2-")
