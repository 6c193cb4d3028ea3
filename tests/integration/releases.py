"""Releases of examples/payments by app_release, and payments that go on meanwhile."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from examples.payments.render import load, migration_of, objects, service_of
from tests.integration.example import Example
from tests.integration.gateway import Answer, Edge
from tests.integration.kube_api import direct, process

HOST = "pay.lab.test"
MAP = load("services.yml")
#: Who calls whom: a service comes when those are up that it calls.
CALLS = {
    "commerce": ["identity"],
    "sale": ["identity"],
    "finance": ["identity"],
    "inventory": ["identity"],
    "pricing": ["identity"],
    "ledger": ["identity"],
    "signal": ["identity"],
    "payment-worker": ["payment-api"],
    "payment-api": ["commerce", "sale", "finance", "inventory", "pricing", "ledger"],
    "client": ["payment-api", "signal"],
}
Body = dict[str, Any]


class Releases:
    """Runs the module for services of the example."""

    def __init__(self, example: Example) -> None:
        self.example = example

    def service(self, name: str, version: str, *, migrate: bool = False, **more: Any) -> Body:
        """A service as the module takes it; ``faults`` break this version of it."""
        faults = more.pop("faults", "")
        own: Body = {"env": [{"name": "FAULTS", "value": faults}]} if faults else {}
        about = {"version": version, "settings": self.example.settings}
        entry = service_of(name, **own)
        health = f"/v1/api/{entry['app']}/health"
        place = {"namespace": entry["namespace"], "name": entry["deployment"], "port": "3000"}
        described: Body = {
            "name": name,
            "version": version,
            "namespace": entry["namespace"],
            "manifests": objects("service.yml.j2", service=entry, **about),
            "needs": CALLS.get(name, []),
            "health": [{"http": {"service": {**place, "path": health}}}],
            "metrics": {"port": "3000"},
            **more,
        }
        if migrate:
            made = objects("migration.yml.j2", service=migration_of(entry["app"]), **about)
            needs = MAP["migrations"][entry["app"]]["needs"]
            described["migration"] = {"job": made[0], "needs": [_owner(need) for need in needs]}
        return described

    def everything(self, version: str) -> list[Body]:
        """All services with their migrations."""
        first = {"payment-worker"}
        return [
            self.service(
                name,
                version,
                migrate=MAP["services"][name].get("stored", True) and name not in first,
            )
            for name in MAP["services"]
        ]

    def run(self, *services: Body, check: bool = False, **options: Any) -> Body:
        """Run the module; a failure is returned like any result."""
        return direct("app_release", check=check, **self._options(services, options))

    def begin(self, *services: Body, **options: Any) -> subprocess.Popen[str]:
        """Begin to run the module."""
        command, variables = process("app_release")
        begun = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables
        )
        assert begun.stdin
        begun.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": self._options(services, options)}))
        begun.stdin.close()
        return begun

    def _options(self, services: tuple[Body, ...], options: Body) -> Body:
        names = {entry["name"] for entry in services}
        return {
            "kubeconfig": str(self.example.cluster.kubeconfig),
            # What is not in the run is there.
            "services": [
                {**entry, "needs": [need for need in entry.get("needs", ()) if need in names]}
                for entry in services
            ],
            "soak": {"seconds": 5},
            **options,
        }


def _owner(app: str) -> str:
    """What a migration waits for: identity has to be up, of others the migration has to have finished."""
    return {"payment": "payment-api", "identity": "identity rollout"}.get(app, app)


def states(result: Body) -> dict[str, str]:
    """States by name."""
    return {entry["name"]: entry["state"] for entry in result["services"]}


def one(result: Body, name: str) -> Body:
    """One service of a result."""
    (found,) = [entry for entry in result["services"] if entry["name"] == name]
    return dict(found)


def pay(edge: Edge, example: Example, key: str) -> Answer:
    """The synthetic payment, by the frontend."""
    asked = {
        "person": "probe",
        "password": example.secret("nx-identity-secret", "IDENTITY_PASSWORD"),
        "sku": "coffee",
        "quantity": 1,
    }
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    return edge.send("POST", "/pay", HOST, json.dumps(asked), headers)


@dataclass
class Stream:
    """Payments one after the other: the seconds after which each was sent, and its status."""

    sent: list[tuple[float, int]] = field(default_factory=list)

    @property
    def failed(self) -> list[tuple[float, int]]:
        """Those that were not acknowledged."""
        return [each for each in self.sent if each[1] != 201]


@contextmanager
def paying(send: Callable[[str], Answer]) -> Iterator[Stream]:
    """Send payments until the block ends; each has a key of its own."""
    stream, done, began = Stream(), threading.Event(), time.monotonic()

    def work() -> None:
        while not done.is_set():
            at = time.monotonic() - began
            try:
                status = send(str(uuid.uuid4())).status
            except OSError:
                status = 0
            stream.sent.append((at, status))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield stream
    finally:
        done.set()
        thread.join()
