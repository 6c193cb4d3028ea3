"""examples/payments on the lab's real cluster, its database behind the lab's balancer."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from examples.payments.render import Object, load, migration_of, objects, service_of
from tests.integration.kube_api import direct
from tests.integration.labs import Lab
from tests.integration.real_cluster import Cluster

#: Not long, and not so short that a slow machine fails.
_PATIENCE = 240


class Example:
    """The example in the cluster ``main`` of a lab."""

    def __init__(self, lab: Lab, cluster: Cluster, database: str) -> None:
        self.cluster = cluster
        settings = load("lab.yml")
        authority = Path(lab.state, "ca/ca.crt").read_text()
        known = {"host": database, "authority": authority}
        self.settings = settings | {"database": settings["database"] | known}

    def apply(self, manifests: list[Object], **options: Any) -> Object:
        """Bring objects, and wait for them."""
        given = {"wait": True, "wait_timeout": _PATIENCE, **options}
        kubeconfig = str(self.cluster.kubeconfig)
        done = direct("kube_apply", kubeconfig=kubeconfig, manifests=manifests, **given)
        assert not done.get("failed"), done["msg"]
        return done

    def share(self) -> None:
        """What all services share."""
        self.apply(objects("shared.yml.j2", settings=self.settings))

    def migrate(self, name: str, version: str = "1") -> None:
        """Run a migration to its end."""
        about = {"version": version, "settings": self.settings}
        self.apply(objects("migration.yml.j2", service=migration_of(name), **about))

    def deploy(self, *names: str, version: str = "1", wait: bool = True, **more: Any) -> Object:
        """Bring services, by default until they are ready."""
        about = {"version": version, "settings": self.settings}
        made = [
            entry
            for name in names
            for entry in objects("service.yml.j2", service=service_of(name, **more), **about)
        ]
        return self.apply(made, wait=wait)

    def secret(self, name: str, key: str) -> str:
        """A value of a Secret in nx-backend."""
        found = json.loads(self.cluster.do("get", "secret", name, "-n", "nx-backend", "-o", "json"))
        return base64.b64decode(found["data"][key]).decode()

    def ask(self, service: str, path: str) -> Object:
        """Ask a service from within its own pod, as no path leads to it from outside."""
        script = (
            "import sys, urllib.request as r;"
            "print(r.urlopen('http://127.0.0.1:3000' + sys.argv[1]).read().decode())"
        )
        place = f"deploy/{service_of(service)['deployment']}"
        given = ("exec", "-n", "nx-backend", place, "--", "python3", "-c", script, path)
        return dict(json.loads(self.cluster.do(*given)))
