"""Buckets and small objects."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from email import policy
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.lab.gcp import crud, lists
from tests.lab.gcp.clock import number, zulu
from tests.lab.gcp.defaults import CHANGED, DELETABLE, PREPARE, hook
from tests.lab.gcp.errors import ApiError
from tests.lab.gcp.fields import setter
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs.registry import handles
from tests.lab.gcp.verbs.secrets import crc32c
from tests.lab.gcp.verbs.services import number_of

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")


@hook(PREPARE, "storage.buckets")
def prepare(_: Emulator, call: Call, record: Record) -> None:
    """Fill in a bucket; its name is the world's."""
    body = record.body
    if not _BUCKET.fullmatch(record.name):
        raise ApiError(400, "invalid", f"Invalid bucket name: '{record.name}'")
    project = call.query["project"]
    record.project = project
    body["location"] = str(body.get("location", "US")).upper()
    several = body["location"] in ("US", "EU", "ASIA")
    setter(
        body,
        {
            "id": record.name,
            "projectNumber": number_of(project),
            "storageClass": "STANDARD",
            "locationType": "multi-region" if several else "region",
            "timeCreated": zulu(),
            "updated": zulu(),
            "metageneration": "1",
            "rpo": "DEFAULT",
        },
    )
    uniform = body.get("iamConfiguration", {}).get("uniformBucketLevelAccess", {})
    body["iamConfiguration"] = {
        "publicAccessPrevention": "inherited",
        "bucketPolicyOnly": {"enabled": uniform.get("enabled", False)},
        **body.get("iamConfiguration", {}),
        "uniformBucketLevelAccess": {"enabled": False, **uniform},
    }


@hook(CHANGED, "storage.buckets")
def change(_: Emulator, __: Call, record: Record, body: Body) -> None:
    """Locations are written in capitals; every change counts."""
    body["location"] = str(body.get("location", record.body["location"])).upper()
    body["updated"] = zulu()
    body["metageneration"] = str(int(record.body["metageneration"]) + 1)


@handles("storage.buckets.list")
async def list_buckets(emulator: Emulator, call: Call) -> Body:
    """List a project's buckets."""
    project, prefix = call.query["project"], call.query.get("prefix", "")
    items = [
        ("", record.body)
        for record in emulator.store.of_type("storage.buckets", project)
        if record.name.startswith(prefix)
    ]
    shown, token = lists.page(call, items)
    bodies = [body for _, body in shown]
    return {"kind": "storage#buckets", **_more(token), **({"items": bodies} if bodies else {})}


def _more(token: str) -> Body:
    return {"nextPageToken": token} if token else {}


@hook(DELETABLE, "storage.buckets")
def deletable(emulator: Emulator, _: Call, record: Record) -> None:
    """Refuse a bucket with objects."""
    if emulator.store.below(f"{record.key}/o"):
        raise ApiError(409, "conflict", "The bucket you tried to delete is not empty.")


# -- objects
@handles("storage.objects.insert")
async def upload(emulator: Emulator, call: Call) -> Body:
    """Take an object: as media, or as a multipart of metadata and media."""
    bucket = crud.find(emulator, f"storage/b/{call.path['bucket']}")
    kind = call.query.get("uploadType", "")
    about: Body = {}
    data, content = call.raw, call.headers.get("content-type", "application/octet-stream")
    if kind == "multipart":
        about, data, content = _multipart(call)
    elif kind != "media":
        raise ApiError(
            501, "notImplemented", f"The emulator does not play uploads of type '{kind}'."
        )
    name = call.query.get("name") or about.get("name")
    if not name:
        raise ApiError(400, "required", "Required object name was not specified.")
    return _store(emulator, bucket, str(name), data, {"contentType": content, **about})


def _multipart(call: Call) -> tuple[Body, bytes, str]:
    head = f"Content-Type: {call.headers.get('content-type', '')}\r\n\r\n".encode()
    whole = BytesParser(policy=policy.HTTP).parsebytes(head + call.raw)
    parts = list(whole.iter_parts())
    if len(parts) != 2:
        raise ApiError(400, "badRequest", "Malformed multipart body.")
    about, data = [bytes(part.get_payload(decode=True) or b"") for part in parts]
    return json.loads(about), data, parts[1].get_content_type()


def _store(emulator: Emulator, bucket: Record, name: str, data: bytes, about: Body) -> Body:
    collection = f"{bucket.key}/o"
    key = f"{collection}/{name}"
    old = emulator.store.get(key)
    generation = number()
    quoted = name.replace("/", "%2F")
    link = f"https://www.googleapis.com/storage/v1/b/{bucket.name}/o/{quoted}"
    body: Body = {
        **about,
        "kind": "storage#object",
        "id": f"{bucket.name}/{name}/{generation}",
        "selfLink": link,
        "mediaLink": f"https://storage.googleapis.com/download/storage/v1/b/{bucket.name}/o/{quoted}"
        f"?generation={generation}&alt=media",
        "name": name,
        "bucket": bucket.name,
        "generation": generation,
        "metageneration": "1",
        "size": str(len(data)),
        "md5Hash": base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode(),
        "crc32c": base64.b64encode(crc32c(data).to_bytes(4, "big")).decode(),
        "storageClass": about.get("storageClass", "STANDARD"),
        "timeCreated": zulu(),
        "updated": zulu(),
    }
    body["etag"] = base64.b64encode(generation.encode()).decode()
    if old:
        emulator.store.remove(old)
    record = Record(key, "storage.objects", bucket.project, "global", name, body)
    record.secret["data"] = base64.b64encode(data).decode()
    emulator.store.add(record, collection)
    return body


def _object(emulator: Emulator, call: Call) -> Record:
    found = emulator.store.get(call.key)
    if found is None:
        crud.find(emulator, f"storage/b/{call.path['bucket']}")
        words = f"No such object: {call.path['bucket']}/{call.path['object']}"
        raise ApiError(404, "notFound", words)
    return found


@handles("storage.objects.get")
async def get_object(emulator: Emulator, call: Call) -> Any:
    """Give an object, or with alt=media its content."""
    record = _object(emulator, call)
    if call.query.get("alt") != "media":
        return record.body
    data = base64.b64decode(record.secret["data"])
    content = record.body.get("contentType", "application/octet-stream")
    return web.Response(body=data, headers={"Content-Type": content})


@handles("storage.objects.delete")
async def delete_object(emulator: Emulator, call: Call) -> None:
    """Delete an object."""
    emulator.store.remove(_object(emulator, call))


@handles("storage.objects.list")
async def list_objects(emulator: Emulator, call: Call) -> Body:
    """List objects; with a delimiter, what is below others shows as prefixes."""
    bucket = crud.find(emulator, f"storage/b/{call.path['bucket']}")
    prefix, delimiter = call.query.get("prefix", ""), call.query.get("delimiter", "")
    items, prefixes = [], set()
    for record in emulator.store.below(f"{bucket.key}/o"):
        if not record.name.startswith(prefix):
            continue
        rest = record.name[len(prefix) :]
        if delimiter and delimiter in rest:
            prefixes.add(prefix + rest.partition(delimiter)[0] + delimiter)
        else:
            items.append(("", record.body))
    shown, token = lists.page(call, items)
    bodies = [body for _, body in shown]
    more = {"prefixes": sorted(prefixes)} if prefixes else {}
    return {
        "kind": "storage#objects",
        **_more(token),
        **more,
        **({"items": bodies} if bodies else {}),
    }
