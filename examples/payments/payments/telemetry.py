"""Structured logs, W3C trace context, and spans by OTLP over HTTP as JSON.

Debian packages no OpenTelemetry for Python, so the three parts that are needed stand here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import sys
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import aiohttp

_PARENT = re.compile(r"^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}$")
_MOST_SPANS = 2048
log = logging.getLogger("payments")


@dataclass
class Span:
    """A piece of work; kind is OTLP's (1 internal, 2 server, 3 client)."""

    name: str
    trace: str
    parent: str
    kind: int
    id: str = field(default_factory=lambda: os.urandom(8).hex())
    begun: int = field(default_factory=time.time_ns)
    attributes: dict[str, str | int] = field(default_factory=dict)
    failed: bool = False

    def header(self) -> str:
        """The value of traceparent for who is called."""
        return f"00-{self.trace}-{self.id}-01"


_current: ContextVar[Span | None] = ContextVar("span", default=None)


def current() -> Span | None:
    """The span of the work at hand."""
    return _current.get()


class Tracer:
    """Keeps spans until they are sent; without an endpoint none is kept."""

    def __init__(self, service: str, version: str, endpoint: str) -> None:
        self._endpoint = endpoint
        self._done: list[tuple[Span, int]] = []
        self._resource = {"service.name": service, "service.version": version}

    @contextlib.contextmanager
    def span(self, name: str, kind: int = 1, traceparent: str = "") -> Iterator[Span]:
        """A span below the caller's, or below the one at hand."""
        above, said = current(), _PARENT.match(traceparent)
        if said:
            span = Span(name, said[1], said[2], kind)
        elif above:
            span = Span(name, above.trace, above.id, kind)
        else:
            span = Span(name, os.urandom(16).hex(), "", kind)
        token = _current.set(span)
        try:
            yield span
        except BaseException:
            span.failed = True
            raise
        finally:
            _current.reset(token)
            if self._endpoint and len(self._done) < _MOST_SPANS:
                self._done.append((span, time.time_ns()))

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Send what has been kept, every two seconds, until cancelled."""
        while self._endpoint:
            await asyncio.sleep(2)
            await self.flush(session)

    async def flush(self, session: aiohttp.ClientSession) -> None:
        """Send what has been kept; a collector that is away costs spans, never a payment."""
        if not self._done:
            return
        done, self._done = self._done, []
        try:
            async with session.post(f"{self._endpoint}/v1/traces", json=self.export(done)) as sent:
                sent.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("spans were not sent", extra={"spans": len(done), "error": repr(error)})

    def export(self, done: list[tuple[Span, int]]) -> dict[str, Any]:
        """An ExportTraceServiceRequest in OTLP's JSON form."""
        spans = [
            {
                "traceId": span.trace,
                "spanId": span.id,
                "parentSpanId": span.parent,
                "name": span.name,
                "kind": span.kind,
                "startTimeUnixNano": str(span.begun),
                "endTimeUnixNano": str(ended),
                "attributes": _attributes(span.attributes),
                "status": {"code": 2 if span.failed else 0},
            }
            for span, ended in done
        ]
        scope = {"scope": {"name": "payments"}, "spans": spans}
        resource = {"attributes": _attributes(dict(self._resource))}
        return {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}


def _attributes(given: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value},
        }
        for key, value in given.items()
    ]


class _Lines(logging.Formatter):
    """One JSON object a line."""

    _usual = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def __init__(self, service: str, version: str) -> None:
        super().__init__()
        self._always = {"service": service, "version": version}

    def format(self, record: logging.LogRecord) -> str:
        moment = time.gmtime(record.created)
        line: dict[str, Any] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', moment)}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            **self._always,
            "message": record.getMessage(),
        }
        if span := current():
            line |= {"trace_id": span.trace, "span_id": span.id}
        line |= {key: value for key, value in vars(record).items() if key not in self._usual}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up_logs(service: str, version: str, level: str) -> None:
    """All logs as JSON on standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Lines(service, version))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Its own line for each request would be a second one.
    logging.getLogger("aiohttp.access").disabled = True
