"""Service accounts, their keys, custom roles; tokens in the name of an account."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.lab.gcp import crud
from tests.lab.gcp.clock import fingerprint, number, zulu
from tests.lab.gcp.errors import ApiError, malformed
from tests.lab.gcp.fields import masked
from tests.lab.gcp.links import last, path_of
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs import services
from tests.lab.gcp.verbs.registry import handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
_ID = r"[a-z]([-a-z0-9]{4,28}[a-z0-9])"
_ROLE = r"[a-zA-Z0-9_\.]{3,64}"


def _account(emulator: Emulator, call: Call) -> Record:
    key = services.account_key(emulator, call.key.partition("/keys")[0])
    found = emulator.store.get(key)
    if found is None:
        words = f"Unknown service account {last(key)}."
        raise ApiError(404, "notFound", words, "NOT_FOUND")
    return found


@handles("iam.serviceAccounts.create")
async def create(emulator: Emulator, call: Call) -> Body:
    """Make a service account."""
    name = str(call.body.get("accountId", ""))
    if not re.fullmatch(_ID, name):
        words = f"Invalid account ID '{name}': it must match {_ID}, 6 to 30 characters."
        raise malformed("account_id", words)
    project = call.project
    email = f"{name}@{project}.iam.gserviceaccount.com"
    key = f"{call.collection}/{email}"
    if emulator.store.get(key):
        words = f"Service account {name} already exists within project projects/{project}."
        raise ApiError(409, "alreadyExists", words, "ALREADY_EXISTS")
    given = call.body.get("serviceAccount") or {}
    body: Body = {
        "name": path_of(key),
        "projectId": project,
        "uniqueId": "1" + number()[:20],
        "email": email,
        "oauth2ClientId": "1" + number()[:20],
    }
    body |= {field: given[field] for field in ("displayName", "description") if given.get(field)}
    body["etag"] = fingerprint(body)
    record = Record(key, "iam.serviceAccounts", project, "global", email, body)
    emulator.store.add(record, call.collection)
    await emulator.backend.created(record.resource())
    return body


@handles("iam.serviceAccounts.get")
async def get(emulator: Emulator, call: Call) -> Body:
    """Find a service account by e-mail or number, in its project or in ``-``."""
    return _account(emulator, call).body


@handles("iam.serviceAccounts.patch")
async def patch(emulator: Emulator, call: Call) -> Body:
    """Change what the mask names."""
    record = _account(emulator, call)
    given = call.body.get("serviceAccount") or {}
    body = masked(record.body, given, call.body.get("updateMask", ""))
    body["etag"] = fingerprint({**body, "etag": ""})
    emulator.store.replace(record, body)
    return body


@handles("iam.serviceAccounts.update")
async def update(emulator: Emulator, call: Call) -> Body:
    """Replace display name and description."""
    record = _account(emulator, call)
    given = {name: call.body.get(name) for name in ("displayName", "description")}
    body = {**record.body, **{name: value for name, value in given.items() if value is not None}}
    emulator.store.replace(record, body)
    return body


@handles("iam.serviceAccounts.delete")
async def delete(emulator: Emulator, call: Call) -> Body:
    """Delete an account and its keys."""
    record = _account(emulator, call)
    for held in emulator.store.below(f"{record.key}/keys"):
        emulator.store.remove(held)
    await emulator.backend.deleted(record.resource())
    emulator.store.remove(record)
    return {}


@handles("iam.serviceAccounts.enable", "iam.serviceAccounts.disable")
async def switch(emulator: Emulator, call: Call) -> Body:
    """Enable or disable an account."""
    record = _account(emulator, call)
    body = {name: value for name, value in record.body.items() if name != "disabled"}
    if call.method.name == "disable":
        body["disabled"] = True
    emulator.store.replace(record, body)
    return {}


# -- keys
@handles("iam.serviceAccountKeys.create")
async def create_key(emulator: Emulator, call: Call) -> Body:
    """Make a key; the private part is shown once."""
    account = _account(emulator, call)
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    name = hashlib.sha256(pem.encode()).hexdigest()[:40]
    content = {
        "type": "service_account",
        "project_id": account.project,
        "private_key_id": name,
        "private_key": pem,
        "client_email": account.name,
        "client_id": account.body["uniqueId"],
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com",
    }
    key = f"{account.key}/keys/{name}"
    body: Body = {
        "name": path_of(key),
        "validAfterTime": zulu(),
        "validBeforeTime": "9999-12-31T23:59:59Z",
        "keyAlgorithm": "KEY_ALG_RSA_2048",
        "keyOrigin": "GOOGLE_PROVIDED",
        "keyType": "USER_MANAGED",
    }
    record = Record(key, "iam.serviceAccountKeys", account.project, "global", name, body)
    emulator.store.add(record, f"{account.key}/keys")
    data = base64.b64encode(json.dumps(content).encode()).decode()
    return {**body, "privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE", "privateKeyData": data}


@handles("iam.serviceAccountKeys.list")
async def list_keys(emulator: Emulator, call: Call) -> Body:
    """List an account's keys."""
    account = _account(emulator, call)
    return {"keys": [record.body for record in emulator.store.below(f"{account.key}/keys")]}


# -- roles
@handles("iam.roles.create")
async def create_role(emulator: Emulator, call: Call) -> Body:
    """Make a custom role."""
    name = str(call.body.get("roleId", ""))
    if not re.fullmatch(_ROLE, name):
        raise malformed("role_id", f"The role_id '{name}' must match {_ROLE}.")
    key = f"{call.collection}/{name}"
    if emulator.store.get(key):
        words = f"A role named {name} in {path_of(call.collection)} already exists."
        raise ApiError(409, "alreadyExists", words, "ALREADY_EXISTS")
    body = {"stage": "GA", **copy.deepcopy(call.body.get("role") or {}), "name": path_of(key)}
    body["etag"] = fingerprint(body)
    record = Record(key, "iam.roles", call.project, "global", name, body)
    emulator.store.add(record, call.collection)
    return body


@handles("iam.roles.get")
async def get_role(emulator: Emulator, call: Call) -> Body:
    """Give a role; the predefined ones are all there, without their permissions."""
    if call.key.startswith("iam/roles/"):
        name = last(call.key)
        return {"name": f"roles/{name}", "title": name, "stage": "GA", "etag": "AA=="}
    return crud.find(emulator, call.key).body


# -- tokens
@handles("iamcredentials.serviceAccounts.generateAccessToken")
async def impersonate(emulator: Emulator, call: Call) -> Body:
    """Give a token of an account; one that is there must not be disabled."""
    email = last(call.key)
    key = services.account_key(emulator, call.key)
    record = emulator.store.get(key)
    if record and record.body.get("disabled"):
        raise ApiError(
            403, "forbidden", f"Service account {email} is disabled.", "PERMISSION_DENIED"
        )
    if not call.body.get("scope"):
        raise malformed("scope", "A scope is required.")
    lifetime = float(str(call.body.get("lifetime", "3600s")).rstrip("s"))
    if not 0 < lifetime <= 43200:
        raise malformed("lifetime", "The lifetime must be at most 43200s.")
    until = zulu(lifetime)[:19] + "Z"
    return {"accessToken": emulator.tokens.issue(email, lifetime), "expireTime": until}


@handles("*.getAllowedLocations")
async def allowed_locations(_: Emulator, __: Call) -> Body:
    """Credentials may be used from everywhere; google-auth asks for it by itself."""
    return {"locations": [], "encodedLocations": "0x0"}
