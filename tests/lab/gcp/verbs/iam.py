"""IAM policies of any resource, in the three forms that Google's APIs have."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from tests.lab.gcp import crud
from tests.lab.gcp.clock import fingerprint
from tests.lab.gcp.errors import ApiError
from tests.lab.gcp.verbs import services
from tests.lab.gcp.verbs.registry import handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
_EMPTY = {"version": 1, "etag": "ACAB"}
_PREFIXES = ("user:", "serviceAccount:", "group:", "domain:", "principal:", "principalSet:")
_WORDS = ("allUsers", "allAuthenticatedUsers")
_MORE = ("projectOwner:", "projectEditor:", "projectViewer:", "deleted:")


def _held(emulator: Emulator, call: Call) -> tuple[str, Body]:
    key = services.account_key(emulator, call.key)
    if not key.startswith("cloudresourcemanager/"):
        crud.find(emulator, key)
    else:
        services.project(emulator, key.rpartition("/")[2])
    return key, emulator.store.policies.get(key, dict(_EMPTY))


@handles("*.getIamPolicy")
async def get_policy(emulator: Emulator, call: Call) -> Body:
    """Give the policy; bindings with conditions only where version 3 is asked for."""
    _, policy = _held(emulator, call)
    return copy.deepcopy(policy) | _kind(call)


def _kind(call: Call) -> Body:
    known = call.api.schemas["Policy"]["properties"] if call.api.name == "storage" else {}
    return {"kind": "storage#policy"} if "kind" in known else {}


@handles("*.setIamPolicy")
async def set_policy(emulator: Emulator, call: Call) -> Body:
    """Replace the policy, unless somebody else changed it in between."""
    key, held = _held(emulator, call)
    given = call.body if call.api.name == "storage" else call.body.get("policy")
    if given is None:
        given = {name: call.body[name] for name in ("bindings", "etag") if name in call.body}
    if given.get("etag") and given["etag"] != held["etag"]:
        words = "There were concurrent policy changes. Please retry the whole read-modify-write"
        raise ApiError(409, "conflict", words + " with exponential backoff.", "ABORTED")
    bindings = [binding for binding in given.get("bindings", []) if binding.get("members")]
    for binding in bindings:
        _check(binding)
        for member in binding["members"]:
            _must_exist(emulator, member)
    conditional = any("condition" in binding for binding in bindings)
    if conditional and given.get("version", 1) < 3:
        words = "Conditional bindings need a policy of version 3."
        raise ApiError(400, "invalid", words, "INVALID_ARGUMENT")
    policy: Body = {"version": given.get("version", 1), "bindings": bindings}
    policy["etag"] = fingerprint([policy, held["etag"]])
    emulator.store.policies[key] = policy
    emulator.store.dirty = True
    return copy.deepcopy(policy) | _kind(call)


def _check(binding: Body) -> None:
    role = str(binding.get("role", ""))
    if not role.startswith(("roles/", "projects/", "organizations/")):
        words = f"Role ({role}) does not exist in the resource's hierarchy."
        raise ApiError(400, "invalid", words, "INVALID_ARGUMENT")
    for member in binding["members"]:
        if not (member in _WORDS or member.startswith((*_PREFIXES, *_MORE))):
            words = f"Invalid member: {member}. Members must be of the form <type>:<value>."
            raise ApiError(400, "invalid", words, "INVALID_ARGUMENT")


_ACCOUNT = re.compile(r"serviceAccount:([^@]+@([^@]+)\.iam\.gserviceaccount\.com)")
_WORKLOAD = re.compile(r"serviceAccount:([^\[]+)\.svc\.id\.goog\[")


def _must_exist(emulator: Emulator, member: str) -> None:
    """Refuse members that are not there, in projects of which everything is known."""
    account = _ACCOUNT.fullmatch(member)
    if account and _created(emulator, account[2]):
        key = f"iam/projects/{account[2]}/serviceAccounts/{account[1]}"
        if emulator.store.get(key) is None:
            words = f"Service account {account[1]} does not exist."
            raise ApiError(400, "invalid", words, "INVALID_ARGUMENT")
    workload = _WORKLOAD.match(member)
    if workload and _created(emulator, workload[1]):
        pool = f"{workload[1]}.svc.id.goog"
        clusters = emulator.store.of_type("container.clusters", workload[1])
        pools = [
            held.body.get("workloadIdentityConfig", {}).get("workloadPool") for held in clusters
        ]
        if pool not in pools:
            words = (
                f"Identity Pool does not exist ({pool}). Please check that you specified a valid"
            )
            raise ApiError(400, "invalid", f"{words} resource name.", "INVALID_ARGUMENT")


def _created(emulator: Emulator, project: str) -> bool:
    record = emulator.store.get(f"cloudresourcemanager/projects/{project}")
    return record is not None and not record.secret.get("implicit")


@handles("*.testIamPermissions")
async def permissions(emulator: Emulator, call: Call) -> Body:
    """Everything is permitted here, except what a rule of faults forbids."""
    _held(emulator, call)
    asked = call.body.get("permissions", call.query.get("permissions", []))
    return {"permissions": [asked] if isinstance(asked, str) else asked}
