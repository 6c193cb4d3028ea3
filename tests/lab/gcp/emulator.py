"""The emulator: from a request to its answer."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import time
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.lab.gcp import catalogue, crud, lists, verbs
from tests.lab.gcp.backend import Backend, BackendError
from tests.lab.gcp.call import Call, keys, long_values
from tests.lab.gcp.clock import number
from tests.lab.gcp.discovery import Api, Method, api_of
from tests.lab.gcp.errors import ApiError, malformed
from tests.lab.gcp.faults import Faults
from tests.lab.gcp.links import location_of, path_of, project_of
from tests.lab.gcp.operations import Hold, Operation, Operations, Work
from tests.lab.gcp.partial import partial
from tests.lab.gcp.references import References, find_refs
from tests.lab.gcp.shapes import new_name, show
from tests.lab.gcp.store import Books, Record, Store
from tests.lab.gcp.tokens import Tokens
from tests.lab.gcp.validate import Checker, parameters

Body = dict[str, Any]
Handler = Callable[["Emulator", Call], Awaitable[Any]]

_PLAIN: dict[str, Handler] = {
    "insert": crud.insert,
    "create": crud.insert,
    "patch": crud.patch,
    "update": crud.patch,
    "delete": crud.delete,
    "list": lists.plain,
    "aggregatedList": lists.aggregated,
}


class Emulator:
    """All state, and `handle`, which answers requests to Google's hosts."""

    def __init__(self, directory: Path, token: str, speed: float) -> None:
        self.directory = directory
        self.store = Store(directory / "state.json", find_refs)
        self.store.load()
        self.world = Books(self.store)
        self.backend: Backend
        self.operations = Operations(speed)
        self.operations.load(self.store.facts.get("operations", []))
        self.references = References(self.store)
        self.faults = Faults()
        self.tokens = Tokens(token)
        self.unimplemented: dict[str, int] = {}
        self.broken: list[str] = []
        self.external = ipaddress.IPv4Network("203.0.113.0/24")
        self.log: deque[Body] = deque(maxlen=50000)

    def save(self) -> None:
        """Write what survives a restart."""
        if self.store.dirty:
            self.store.facts["operations"] = self.operations.dump()
            self.store.save()

    # -- requests
    async def handle(self, request: web.BaseRequest, host: str) -> web.Response:
        """Answer a request to one of Google's hosts."""
        path, _, _ = request.raw_path.partition("?")
        path = path.lstrip("/")
        begin = time.monotonic()
        api = api_of(host, path)
        entry: Body = {"method": f"{request.method} {host}/{path}", "time": time.time()}
        self.log.append(entry)
        try:
            if api is None:
                raise ApiError(404, "notFound", f"The requested URL /{path} was not found.")
            answer = await self._answer(request, api, path, entry)
            status = 204 if answer is None else 200
        except ApiError as error:
            name = api.name if api else ""
            status, answer = error.code, json.dumps(error.body(name)).encode()
            entry["error"] = error.message
        except Exception:
            words = traceback.format_exc()
            self.broken.append(f"{request.method} {host}/{path}: {words}")
            status, answer = 500, json.dumps({"error": {"code": 500, "message": words}}).encode()
        entry["status"] = status
        entry["seconds"] = round(time.monotonic() - begin, 6)
        if isinstance(answer, web.Response):
            return answer
        headers = {"Content-Type": "application/json; charset=UTF-8"}
        return web.Response(status=status, body=answer or b"", headers=headers)

    async def _answer(
        self, request: web.BaseRequest, api: Api, path: str, entry: Body
    ) -> bytes | web.Response | None:
        call = await self._call(request, api, path, entry)
        method = call.method
        delay = self.faults.before(method.id, call.type, _target(call), call.project)
        if delay:
            await asyncio.sleep(delay)
        self._check(call)
        handler = verbs.find(method) or self._plain(method)
        if handler is None:
            self.unimplemented[method.id] = self.unimplemented.get(method.id, 0) + 1
            words = f"The emulator does not play {method.id}."
            raise ApiError(501, "notImplemented", words, "UNIMPLEMENTED")
        verbs.services.require(self, call)
        answer = self.repeated(call) or await handler(self, call)
        if isinstance(answer, (bytes, web.Response)) or answer is None:
            return answer
        if method.response is None:
            return None
        return self._sent(call, answer)

    def _plain(self, method: Method) -> Handler | None:
        return _get if method.name == "get" else _PLAIN.get(method.name)

    async def _call(self, request: web.BaseRequest, api: Api, path: str, entry: Body) -> Call:
        upload = path.startswith("upload/")
        segments = path.removeprefix("upload/").removeprefix("download/").split("/")
        found = api.find(request.method, segments)
        if found is None:
            raise ApiError(404, "notFound", f"The requested URL /{path} was not found.")
        method, values = found
        key, collection = keys(method, values)
        entry |= {"method": method.id, "type": method.collection, "path": path_of(key)}
        self._expire(method, key)
        user = verbs.principal(self, request, method)
        entry["user"] = user
        raw = await request.read()
        body: Any = {}
        if raw and not upload:
            body = _json(raw)
        pairs = list(request.query.items())
        query = dict(pairs)
        values = long_values(method, "/".join(segments), values)
        headers = {name.lower(): value for name, value in request.headers.items()}
        return Call(method, values, query, body, raw, headers, user, key, collection, pairs)

    def _expire(self, method: Method, key: str) -> None:
        rule = self.faults.of(method.id, where=path_of(key), having={"expire_tokens"})
        if rule:
            rule.use()
            self.tokens.expire()

    def _check(self, call: Call) -> None:
        parameters(call.api, call.method.parameters, call.path, call.query)
        zone_or_region(call)
        if call.method.request and not call.query.get("uploadType"):
            call.body = Checker(call.api).body(call.method.request, call.body)

    def _sent(self, call: Call, answer: Body) -> bytes:
        try:
            Checker(call.api, outgoing=True).body(str(call.method.response), answer)
        except ApiError as error:
            words = f"{call.method.id}: the emulator's response breaks the schema: {error.message}"
            self.broken.append(words)
            raise ApiError(500, "internalError", words, "INTERNAL") from error
        mask = call.query.get("fields")
        return json.dumps(partial(answer, mask) if mask else answer).encode()

    # -- what handlers need
    def schema(self, call: Call) -> str:
        """Give the schema of the resource that a call is about."""
        return self.schema_of(call.api, call.type)

    def schema_of(self, api: Api, type_: str) -> str:
        """Give the schema of a type's resources."""
        return verbs.schema_of(api, type_)

    def answer(self, record: Record) -> Body:
        """Give a record's body as clients see it."""
        return verbs.shown(self, record)

    def wildcard(self, key: str) -> str | list[Record]:
        """Find the records of a collection whose project or location is ``-``."""
        words = key.split("/")
        if "-" not in words:
            return key
        found = []
        for name in sorted(self.store.collections):
            others = name.split("/")
            if len(others) == len(words) and all(
                word in ("-", other) for word, other in zip(words, others, strict=True)
            ):
                found += self.store.below(name)
        return found

    def require_parent(self, call: Call) -> None:
        """Refuse a collection below a resource that is not there."""
        parent = crud.child_of(call.collection)
        if parent and "-" not in parent.split("/"):
            crud.find(self, parent)

    async def finish(
        self,
        call: Call,
        record: Record,
        work: Work,
        answer: Callable[[], Body] | None = None,
    ) -> Body:
        """Let work be done by an operation where the method has one, at once where it has not."""
        if not is_operation(call.method):
            return await self._at_once(record, work, answer)
        again = self.operations.requests.get((call.method.id, call.query.get("requestId", "")))
        if again:
            return show(again)
        made = self.operation(call, record)
        if call.query.get("requestId"):
            self.operations.requests[call.method.id, call.query["requestId"]] = made
        verb = f"{record.type}.{call.method.name}"
        fault = self.faults.operation(call.method.id, record.type, path_of(record.key))
        await self.operations.start(made, self.operations.delay(verb), work, fault)
        return show(made)

    def operation(self, call: Call, record: Record) -> Operation:
        """Make the operation of a call, not started yet."""
        return Operation(
            name=new_name(call.api.name, number()),
            api=call.api.name,
            method=f"{record.type}.{call.method.name}",
            target=record.key,
            target_id=str(record.body.get("id", number())),
            project=project_of(record.key),
            location=location_of(record.key),
            user=call.user,
            schema=str(call.method.response),
        )

    async def _at_once(self, record: Record, work: Work, answer: Callable[[], Body] | None) -> Body:
        try:
            await work(Hold())
        except BackendError as error:
            raise ApiError(500, "backendError", error.message, "INTERNAL") from error
        return answer() if answer else self.answer(record)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Let the backend finish something that no operation waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self.operations.tasks.add(task)
        task.add_done_callback(self.operations.tasks.discard)

    def repeated(self, call: Call) -> Body | None:
        """Give the operation that a repeated request (requestId) has already."""
        made = self.operations.requests.get((call.method.id, call.query.get("requestId", "")))
        return show(made) if made else None


def _target(call: Call) -> str:
    """Give the path of what a call is about; of a creation, of what is to be there."""
    if call.method.name not in ("insert", "create") or not isinstance(call.body, dict):
        return call.where
    name = crud.parts(call)[0]
    return f"{call.where}/{name}" if name else call.where


def is_operation(method: Method) -> bool:
    """Whether a method answers with an operation."""
    return bool(method.response) and str(method.response).endswith("Operation")


async def _get(emulator: Emulator, call: Call) -> Body:
    record = emulator.store.get(call.key)
    if record is None and call.api.name == "compute":
        listed = catalogue.get(call.key)
        if listed:
            return listed
    return emulator.answer(record or crud.find(emulator, call.key))


def zone_or_region(call: Call) -> None:
    """Refuse a place that Google has not."""
    if call.api.name != "compute":
        return
    for name, known in (("zone", catalogue.ZONES), ("region", catalogue.REGIONS)):
        value = call.path.get(name)
        if value is not None and value not in known and call.type != f"compute.{name}s":
            words = f"Invalid value for field '{name}': '{value}'. Unknown {name}."
            raise ApiError(400, "invalid", words)


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError as error:
        raise malformed("", f"Invalid JSON payload received. {error}") from error
