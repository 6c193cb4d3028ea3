"""Verbs that set a field: one table, one handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.lab.gcp import crud
from tests.lab.gcp.errors import ApiError, invalid, stale
from tests.lab.gcp.fields import without_nulls
from tests.lab.gcp.links import last
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs.registry import handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]

#: Verb → the field that the field of the same name in the request sets.
_FIELDS = {
    "setUrlMap": "urlMap",
    "setSslCertificates": "sslCertificates",
    "setSslPolicy": "sslPolicy",
    "setQuicOverride": "quicOverride",
    "setCertificateMap": "certificateMap",
    "setProxyHeader": "proxyHeader",
    "setTarget": "target",
    "setMachineType": "machineType",
    "setMinCpuPlatform": "minCpuPlatform",
    "setSecurityPolicy": "securityPolicy",
    "setEdgeSecurityPolicy": "edgeSecurityPolicy",
}
_OF = {
    "setBackendService": "service",
}
#: Verb → the field that the whole request is.
_WHOLE = {
    "setScheduling": "scheduling",
    "updateShieldedInstanceConfig": "shieldedInstanceConfig",
    "updateDisplayDevice": "displayDevice",
}
#: What can only be set while the instance is stopped.
_STOPPED = {
    "setMachineType",
    "setMinCpuPlatform",
    "updateShieldedInstanceConfig",
    "setServiceAccount",
}


def refuse_running(record: Record, verb: str) -> None:
    """Refuse what needs a stopped instance."""
    if verb in _STOPPED and record.body.get("status") != "TERMINATED":
        words = f"Instance is in {record.body.get('status')} state; it must be stopped for {verb}."
        raise ApiError(400, "invalid", words)


@handles(*(f"*.{verb}" for verb in _FIELDS), *(f"*.{verb}" for verb in _OF))
async def set_field(emulator: Emulator, call: Call) -> Body:
    """Set one field; an empty value removes it."""
    verb = call.method.name
    field = _FIELDS.get(verb) or _OF[verb]
    record = crud.find(emulator, call.key)
    refuse_running(record, verb)
    value = call.body.get(field)

    def change(body: Body) -> Body:
        kept = {name: entry for name, entry in body.items() if name != field}
        return kept if value in (None, "", []) else {**kept, field: value}

    return await crud.mutate(emulator, call, record, change)


@handles(*(f"*.{verb}" for verb in _WHOLE))
async def set_whole(emulator: Emulator, call: Call) -> Body:
    """Merge the request into one field."""
    field = _WHOLE[call.method.name]
    record = crud.find(emulator, call.key)
    refuse_running(record, call.method.name)

    def change(body: Body) -> Body:
        return {**body, field: {**body.get(field, {}), **without_nulls(call.body)}}

    return await crud.mutate(emulator, call, record, change)


@handles("*.setLabels")
async def set_labels(emulator: Emulator, call: Call) -> Body:
    """Replace all labels; the fingerprint has to be the current one."""
    record = crud.find(emulator, call.key)
    held = record.body.get("labelFingerprint")
    if call.body.get("labelFingerprint") != held:
        raise stale("Labels fingerprint either invalid or resource labels have changed")
    labels = call.body.get("labels", {})

    def change(body: Body) -> Body:
        kept = {name: entry for name, entry in body.items() if name != "labels"}
        return {**kept, "labels": dict(labels)} if labels else kept

    return await crud.mutate(emulator, call, record, change)


@handles("compute.instances.setTags", "compute.instances.setMetadata")
async def set_listed(emulator: Emulator, call: Call) -> Body:
    """Replace tags or metadata; the fingerprint has to be the current one."""
    field = {"setTags": "tags", "setMetadata": "metadata"}[call.method.name]
    record = crud.find(emulator, call.key)
    held = record.body.get(field, {}).get("fingerprint")
    if call.body.get("fingerprint") != held:
        raise stale("Supplied fingerprint does not match current metadata fingerprint.")
    given = without_nulls(call.body)
    if field == "metadata":
        keys = [entry.get("key") for entry in given.get("items", [])]
        if len(set(keys)) < len(keys):
            raise invalid("metadata.items", keys, "Duplicate keys are not allowed.")
        given["kind"] = "compute#metadata"

    def change(body: Body) -> Body:
        return {**body, field: dict(given)}

    return await crud.mutate(emulator, call, record, change)


@handles("*.addResourcePolicies", "*.removeResourcePolicies")
async def resource_policies(emulator: Emulator, call: Call) -> Body:
    """Attach or detach policies (snapshot schedules)."""
    record = crud.find(emulator, call.key)
    given = call.body.get("resourcePolicies", [])
    adding = call.method.name == "addResourcePolicies"
    held = {last(link) for link in record.body.get("resourcePolicies", [])}
    if adding and record.type.endswith("isks") and len(held | {last(link) for link in given}) > 10:
        raise invalid("resourcePolicies", given, "At most 10 policies can be attached.")
    missing = {last(link) for link in given} - held
    if not adding and missing:
        raise invalid("resourcePolicies", sorted(missing), "They are not attached.")

    def change(body: Body) -> Body:
        names = {last(link) for link in given}
        kept = [link for link in body.get("resourcePolicies", []) if last(link) not in names]
        links = kept + (list(given) if adding else [])
        body = {name: value for name, value in body.items() if name != "resourcePolicies"}
        return body | ({"resourcePolicies": links} if links else {})

    return await crud.mutate(emulator, call, record, change)
