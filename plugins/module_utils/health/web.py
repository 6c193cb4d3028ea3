# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""HTTP: an address, or a service that the Kubernetes API asks from inside the cluster."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from ansible_collections.groundwork.platform.plugins.module_utils.health import rules
from ansible_collections.groundwork.platform.plugins.module_utils.health.certificate import (
    days_left,
    judge_days,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.failure import (
    FailedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import Facts
from ansible_collections.groundwork.platform.plugins.module_utils.health.world import (
    Tls,
    World,
)

IMPORT_ERROR: Exception | None = None
try:
    import jmespath
except ImportError as error:  # told by the module, with the way to get it
    IMPORT_ERROR = error

#: Bytes of an answer that are looked at.
LONGEST = 2**20
#: Kubernetes' words for why a Service was not asked.
_API_REASONS = {"NotFound": "not_found", "Forbidden": "forbidden"}


@dataclass(frozen=True)
class Expected:
    """What an answer has to be: its status (any 2xx where none is named), fields of its JSON, its text, headers."""

    status: tuple[int, ...] = ()
    json: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Expected:
        """Read the options. Raises ``ValueError``."""
        statuses = tuple(given["status"] or ())
        for status in statuses:
            if not 100 <= status <= 599:
                raise ValueError(f"status {status} is none of HTTP's (100 to 599)")
        for expression in given["json"] or {}:
            if IMPORT_ERROR is None:
                _compiled(expression)
        for name, wanted in (given["response_headers"] or {}).items():
            rules.pattern(str(wanted), f"response_headers.{name}")
        return cls(
            statuses,
            given["json"] or {},
            rules.pattern(given["text"] or "", "text"),
            {name: str(wanted) for name, wanted in (given["response_headers"] or {}).items()},
        )

    @property
    def needs_body(self) -> bool:
        """Whether the body is looked at."""
        return bool(self.json or self.text)


def _compiled(expression: str) -> Any:
    try:
        return jmespath.compile(expression)
    except jmespath.exceptions.JMESPathError as error:
        said = str(error).splitlines()[0]
        raise ValueError(f"json: {expression!r} is no JMESPath expression: {said}") from error


def judge_answer(
    expected: Expected, status: int, headers: Mapping[str, str], body: str | None
) -> None:
    """Raise ``FailedError`` where an answer is not as expected. Header names are in any case."""
    good = status in expected.status if expected.status else 200 <= status <= 299
    if not good:
        wanted = " or ".join(map(str, expected.status)) or "2xx"
        raise FailedError("status", f"status {status} instead of {wanted}")
    lower = {name.lower(): value for name, value in headers.items()}
    for name, wanted in expected.headers.items():
        found = lower.get(name.lower())
        if found is None or not re.search(wanted, found):
            seen = "is missing" if found is None else f"is {_short(found)}"
            raise FailedError("header", f"the header {name} {seen}, expected {wanted}")
    if expected.needs_body:
        _judge_body(expected, body or "")


def _judge_body(expected: Expected, body: str) -> None:
    if expected.text and not re.search(expected.text, body):
        raise FailedError("body", f"the body has no {expected.text!r}; it begins {_short(body)}")
    if not expected.json:
        return
    try:
        document = json.loads(body)
    except ValueError as error:
        raise FailedError("body", f"the body is no JSON; it begins {_short(body)}") from error
    for expression, wanted in expected.json.items():
        try:
            found = _compiled(expression).search(document)
        except jmespath.exceptions.JMESPathError as error:
            raise FailedError("body", f"{expression} fails on the body: {error}") from error
        if found != wanted:
            raise FailedError(
                "body",
                f"{expression} is {_short(json.dumps(found))}, expected {json.dumps(wanted)}",
            )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 120 else line[:117] + "..."


@dataclass(frozen=True)
class Http:
    """A request to an address."""

    url: str
    expected: Expected = field(default_factory=Expected)
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: str | None = None
    user: tuple[str, str] | None = field(default=None, repr=False)
    tls: Tls = field(default_factory=Tls)
    certificate_days: int | None = None
    follow_redirects: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Http | Inside:
        """Read the options. Raises ``ValueError``."""
        expected = Expected.of(given)
        if given["service"]:
            return Inside.of(given["service"], expected)
        address = rules.url(given["url"])
        tls = rules.tls(given, defaults)
        encrypted = address.startswith("https")
        return cls(
            url=address,
            expected=expected,
            method=given["method"],
            headers={name: str(value) for name, value in (given["headers"] or {}).items()},
            body=given["body"],
            user=(given["username"], given["password"] or "") if given["username"] else None,
            tls=tls,
            certificate_days=rules.days(given["certificate_days"], tls, encrypted),
            follow_redirects=given["follow_redirects"],
        )

    @property
    def target(self) -> str:
        """Method and address, without the query: a token may stand there."""
        return f"{self.method} {urlsplit(self.url)._replace(query='', fragment='').geturl()}"

    async def ask(self, world: World, _timeout: float, /) -> Facts:
        """Send the request, and look at the certificate where its days count."""
        facts: dict[str, Any] = {}
        parts = urlsplit(self.url)
        if self.certificate_days is not None:
            port = parts.port or 443
            found = await days_left(world, str(parts.hostname), port, self.tls)
            facts["certificate_days"] = round(found, 1)
            judge_days(found, self.certificate_days)
        async with self._sent(world) as answer:
            body = await _text(answer) if self.expected.needs_body else None
            facts["status"] = answer.status
            judge_answer(self.expected, answer.status, answer.headers, body)
        return facts

    async def text(self, world: World, query: Mapping[str, str]) -> tuple[int, str]:
        """Status and body, whatever they are."""
        async with self._sent(world, query) as answer:
            return answer.status, await _text(answer)

    def _sent(self, world: World, query: Mapping[str, str] | None = None) -> Any:
        encrypted = self.url.startswith("https") or self.follow_redirects
        return world.session.request(
            self.method,
            self.url,
            params=query,
            headers={**self.headers, **self._authorization()},
            data=None if self.body is None else self.body.encode(),
            ssl=world.tls(self.tls) if encrypted else True,
            allow_redirects=self.follow_redirects,
            **self._name(),
        )

    def _name(self) -> dict[str, Any]:
        """The name that TLS asks for: that of a ``Host`` header, as behind an address there may be many hosts."""
        if not self.url.startswith("https"):
            return {}
        hosts = [value for key, value in self.headers.items() if key.lower() == "host"]
        # Older clients do not know the option, so it is given where it is needed alone.
        return {"server_hostname": hosts[0].partition(":")[0]} if hosts else {}

    def _authorization(self) -> dict[str, str]:
        if self.user is None:
            return {}
        pair = base64.b64encode(":".join(self.user).encode()).decode()
        return {"Authorization": f"Basic {pair}"}


async def _text(answer: Any) -> str:
    """The body, as far as it is looked at."""
    data = b""
    while len(data) < LONGEST:
        part = await answer.content.read(LONGEST - len(data))
        if not part:
            break
        data += part
    return data.decode("utf-8", "replace")


@dataclass(frozen=True)
class Inside:
    """A request that the API server sends to a Service's endpoint, over the cluster's own network."""

    namespace: str
    name: str
    port: str
    path: str = "/"
    scheme: str = "http"
    expected: Expected = field(default_factory=Expected)

    @classmethod
    def of(cls, given: Mapping[str, Any], expected: Expected) -> Inside:
        """Read the options. Raises ``ValueError``."""
        if expected.headers:
            raise ValueError("response_headers: the API does not hand them on from a service")
        own = {name: given[name] for name in ("namespace", "name", "port", "scheme")}
        return cls(**own, path="/" + given["path"].lstrip("/"), expected=expected)

    @property
    def target(self) -> str:
        """The Service, as DNS of the cluster has it."""
        path = self.path.partition("?")[0]
        return f"GET {self.scheme}://{self.name}.{self.namespace}:{self.port}{path} (inside the cluster)"

    async def ask(self, world: World, _timeout: float, /) -> Facts:
        """Send the request through the API."""
        client, _catalogue = await world.cluster()
        scheme = "https:" if self.scheme == "https" else ""
        service = quote(f"{scheme}{self.name}:{self.port}", safe=":")
        path, _mark, query = self.path.partition("?")
        answer = await client.send(
            "GET",
            f"/api/v1/namespaces/{quote(self.namespace, safe='')}/services/{service}/proxy{path}"
            + (f"?{query}" if query else ""),
            accept="*/*",
        )
        if isinstance(answer.body, dict) and answer.body.get("kind") == "Status":
            # The API's own answer: no such Service, no endpoint, or none that it reaches.
            reason = _API_REASONS.get(answer.reason, "unavailable")
            raise FailedError(reason, f"the API says: {answer.message}")
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        judge_answer(self.expected, answer.status, {}, text)
        return {"status": answer.status}
