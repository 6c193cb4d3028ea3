"""Create, read, change and delete: any collection of any API."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.lab.gcp import defaults, dress, tables
from tests.lab.gcp.backend import BackendError
from tests.lab.gcp.call import Call
from tests.lab.gcp.errors import ApiError, exists, invalid, not_found, required, stale
from tests.lab.gcp.fields import has, masked, merge, without_nulls
from tests.lab.gcp.links import last, location_of, path_of
from tests.lab.gcp.operations import Hold
from tests.lab.gcp.store import Record
from tests.lab.gcp.validate import pattern

if TYPE_CHECKING:
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
Change = Callable[[Body], Body]
#: Types whose names are free of RFC 1035, or checked elsewhere.
_NAME = r"(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)"


def find(emulator: Emulator, key: str) -> Record:
    """Find a record; 404 where there is none, or it is not there yet."""
    record = emulator.store.get(key)
    if record is None:
        raise missing(key)
    return record


def missing(key: str) -> ApiError:
    """There is no such resource, in the words of its API."""
    api, path = key.split("/", 1)
    words = {
        "container": f"Not found: {path}.",
        "secretmanager": f"Secret [{path}] not found.",
        "iam": f"Unknown service account {last(path)}",
        "dns": f"The 'parameters.{last(path.rpartition('/')[0])}' resource named '{last(path)}' does not exist.",
        "storage": "The specified bucket does not exist.",
        "run": f"Resource '{last(path)}' of kind 'JOB' in region '{location_of(key)}' does not exist.",
    }
    if api == "compute":
        return not_found(path)
    return ApiError(404, "notFound", words.get(api, f"Resource '{path}' was not found"))


def taken(call: Call, held: Record) -> ApiError:
    """The name is taken; names of buckets are the world's."""
    if held.type != "storage.buckets":
        return exists(path_of(held.key))
    words = "The requested bucket name is not available. The bucket namespace is shared by all users of the system."
    if held.project == call.query.get("project"):
        words = "Your previous request to create the named bucket succeeded and you already own it."
    return ApiError(409, "conflict", words)


def ready(record: Record) -> None:
    """Refuse what is being made or deleted."""
    if not record.ready or record.going:
        words = f"The resource '{path_of(record.key)}' is not ready"
        raise ApiError(400, "resourceNotReady", words)


# -- create
async def insert(emulator: Emulator, call: Call) -> Body:
    """Create a resource of any collection."""
    name, body = parts(call)
    schema = emulator.schema(call)
    body = without_nulls(copy.deepcopy(body))
    dress.strip_output(call.api, schema, body)
    key = f"{call.collection}/{name}"
    if not name:
        raise required("name")
    if call.type.startswith("compute.") and not pattern(_NAME).fullmatch(name):
        raise invalid("name", name, f"Must be a match of regex '{_NAME}'")
    check_required(call.type, body)
    held = emulator.store.get(key)
    if held:
        raise taken(call, held)
    record = Record(key, call.type, call.project, location_of(key), name, body, ready=False)
    emulator.references.resolve(call.type, body, record.project, record.location)
    dress.newborn(call.api, schema, key, name, body)
    defaults.prepare(emulator, call, record)
    dress.touch(call.api, schema, body)
    return await create(emulator, call, record)


async def create(
    emulator: Emulator, call: Call, record: Record, collection: str | None = None
) -> Body:
    """Enter a complete record and let it become real."""
    emulator.store.add(record, collection or call.collection)

    async def work(hold: Hold) -> Body | None:
        try:
            await hold.begin()
            await defaults.before(emulator, record)
            extra = await emulator.backend.created(record.resource())
            await hold.end()
        except BaseException:
            discard(emulator, record)
            raise
        record.ready = True
        body = {**record.body, **extra}
        defaults.completed(emulator, record, body)
        dress.touch(call.api, emulator.schema_of(call.api, record.type), body)
        emulator.store.replace(record, body)
        defaults.settled(emulator, record)
        return emulator.answer(record)

    return await emulator.finish(call, record, work)


def discard(emulator: Emulator, record: Record) -> None:
    """Strike out what could not be made, and what was planned together with it."""
    for key in record.secret.get("made_with", []):
        planned = emulator.store.get(key)
        if planned:
            emulator.store.remove(planned)
    emulator.store.remove(record)


def parts(call: Call) -> tuple[str, Body]:
    """Give the name and the resource that a creation is about."""
    wrapped = tables.CONTAINER_FIELDS.get(call.type)
    if wrapped:
        inner = call.body.get(wrapped)
        inner = inner if isinstance(inner, dict) else {}
        return str(inner.get("name") or ""), inner
    known = call.method.parameters
    ids = [name for name in known if name.endswith("Id") and known[name]["location"] == "query"]
    ids = [name for name in ids if name not in ("requestId",)]
    if ids and call.api.name not in ("compute", "dns", "storage"):
        return call.query.get(ids[0], ""), call.body
    return last(str(call.body.get("name") or "")), call.body


def check_required(type_: str, body: Body) -> None:
    """Refuse a body that lacks what it needs."""
    for paths in tables.REQUIRED.get(type_, ()):
        if not any(has(body, path) for path in paths.split("|")):
            raise required(paths.split("|")[0])


# -- change
async def patch(emulator: Emulator, call: Call) -> Body:
    """Merge (PATCH) or replace (PUT) a resource."""
    record = find(emulator, call.key)
    schema = emulator.schema(call)
    given = copy.deepcopy(call.body)
    check_fingerprint(call, record, given)
    dress.strip_output(call.api, schema, given)
    mask = call.query.get("updateMask", "")

    def change(old: Body) -> Body:
        if mask:
            return masked(old, given, mask)
        if call.method.http == "PUT":
            kept = {name: old[name] for name in _kept(call, schema, old) if name in old}
            return {**without_nulls(given), **kept}
        return merge(old, given)

    return await mutate(emulator, call, record, change)


def _kept(call: Call, schema: str, old: Body) -> set[str]:
    known = dress.properties(call.api, schema)
    output = {name for name, entry in known.items() if entry.get("readOnly")}
    return {*output, "id", "selfLink", "kind", "name", "creationTimestamp", "region"} & set(old)


def check_fingerprint(call: Call, record: Record, given: Body) -> None:
    """Refuse a change that was made from an older state."""
    for field in ("fingerprint", "etag"):
        held = record.body.get(field)
        sent = given.pop(field, None)
        needed = f"{call.type}.{call.method.name}" in tables.FINGERPRINT_NEEDED
        if field == "fingerprint" and held and needed and not sent:
            raise stale("Required field 'resource.fingerprint' not specified")
        if held and sent and sent != held:
            if call.api.name == "compute":
                raise stale("Supplied fingerprint does not match current metadata fingerprint.")
            words = "The etag provided does not match the current etag of the resource."
            raise ApiError(409, "conflict", words, "ABORTED")


async def mutate(
    emulator: Emulator,
    call: Call,
    record: Record,
    change: Change,
    answer: Callable[[], Body] | None = None,
) -> Body:
    """Bring a change about: `change` makes the new body of the one that is current then."""
    ready(record)
    schema = emulator.schema_of(call.api, record.type)

    def changed() -> Body:
        body: Body = change(copy.deepcopy(record.body))
        emulator.references.resolve(record.type, body, record.project, record.location)
        defaults.changed(emulator, call, record, body)
        dress.touch(call.api, schema, body)
        return body

    body = changed()
    if call.method.name in ("patch", "update"):
        _refuse_immutable(record, body)

    async def work(hold: Hold) -> Body | None:
        await hold.begin()
        before = record.resource()
        after = Record(
            record.key, record.type, record.project, record.location, record.name, body
        ).resource()
        extra = await emulator.backend.changed(before, after, f"{record.type}.{call.method.name}")
        await hold.end()
        final = {**changed(), **extra}
        emulator.store.replace(record, final)
        defaults.settled(emulator, record)
        return emulator.answer(record)

    return await emulator.finish(call, record, work, answer)


def _refuse_immutable(record: Record, body: Body) -> None:
    for name in tables.immutable(record.type):
        old, new = record.body.get(name), body.get(name)
        if old != new and not (old in (None, "", [], False) and new in (None, "", [], False)):
            raise invalid(name, new, f"Field '{name}' cannot be changed after creation.")


# -- delete
async def delete(emulator: Emulator, call: Call) -> Body:
    """Delete a resource that nobody uses."""
    record = find(emulator, call.key)
    ready(record)
    defaults.deletable(emulator, call, record)
    emulator.references.refuse_in_use(record)
    record.going = True
    before = record.body
    if record.type in tables.GOING:
        emulator.store.replace(record, {**before, "status": tables.GOING[record.type]})

    async def work(hold: Hold) -> Body | None:
        try:
            await hold.begin()
            await emulator.backend.deleted(record.resource())
            await hold.end()
        except BackendError:
            record.going = False
            emulator.store.replace(record, before)
            raise
        defaults.deleted(emulator, record)
        emulator.store.remove(record)
        defaults.settled(emulator, record)
        return {}

    return await emulator.finish(call, record, work, dict)


def child_of(key: str) -> str:
    """Give the key of the resource that a collection is below; "" for a place or project."""
    parent = key.rpartition("/")[0]
    words = parent.split("/")
    if len(words) <= 3 or words[-2] in ("zones", "regions", "locations") or words[-1] == "global":
        return ""
    return parent
