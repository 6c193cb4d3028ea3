"""app_release on an API without nodes: pods are ready, or are not, by the image that they run."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.integration.kube_api import ADMIN, Api, direct, process

Body = dict[str, Any]
MERGE = "application/merge-patch+json"


class World:
    """One namespace, and releases in it.

    Pods whose image is in ``broken`` never become ready: they wait in vain for a reason or, without one, are silent.
    """

    def __init__(self, kube: Api, namespace: str) -> None:
        self.kube, self.namespace = kube, namespace
        self.broken: dict[str, str] = {}
        self._tls = ssl.create_default_context(cafile=str(kube.ca_cert))

    def ask(self, method: str, path: str, body: Body | None = None, kind: str = MERGE) -> Body:
        """One request to the API."""
        request = urllib.request.Request(
            self.kube.url + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {ADMIN}", "Content-Type": kind},
            method=method,
        )
        with urllib.request.urlopen(request, context=self._tls) as answer:
            found: Body = json.loads(answer.read())
            return found

    def items(self, kind: str, api: str = "/api/v1") -> list[Body]:
        """All objects of a kind in the namespace."""
        return list(self.ask("GET", f"{api}/namespaces/{self.namespace}/{kind}")["items"])

    def deployment(self, name: str) -> Body:
        """A Deployment as it is."""
        return self.ask("GET", f"/apis/apps/v1/namespaces/{self.namespace}/deployments/nx-{name}")

    def image(self, name: str) -> str:
        """What a Deployment runs."""
        return str(self.deployment(name)["spec"]["template"]["spec"]["containers"][0]["image"])

    def set_deployment(self, name: str, spec: Body) -> None:
        """Change a Deployment as somebody beside the release does it."""
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/nx-{name}?fieldManager=jane"
        self.ask("PATCH", path, {"spec": spec}, kind="application/strategic-merge-patch+json")

    def set_image(self, name: str, image: str) -> None:
        """What ``kubectl set image`` does."""
        container = {"name": "c", "image": image}
        self.set_deployment(name, {"template": {"spec": {"containers": [container]}}})

    def releases(self) -> dict[str, str]:
        """States of all revisions by their Secrets' names."""
        found = {}
        for secret in self.items("secrets"):
            if secret["metadata"]["name"].startswith("release-"):
                record = json.loads(base64.b64decode(secret["data"]["record"]))
                found[secret["metadata"]["name"]] = record["state"]
        return found

    def restate(self, name: str, state: str) -> None:
        """Have a revision on record as something else, as a run that was killed leaves it."""
        path = f"/api/v1/namespaces/{self.namespace}/secrets/{name}"
        record = json.loads(base64.b64decode(self.ask("GET", path)["data"]["record"]))
        text = json.dumps({**record, "state": state}).encode()
        self.ask("PATCH", path, {"data": {"record": base64.b64encode(text).decode()}})

    def run(self, *services: Body, check: bool = False, **options: Any) -> Body:
        """Release; a failure is returned like any result."""
        return direct("app_release", check=check, **self._options(services, options))

    @contextmanager
    def begun(self, *services: Body, **options: Any) -> Iterator[subprocess.Popen[str]]:
        """A release that is at work; in the end it is killed, and its Lease has passed."""
        command, variables = process("app_release")
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables
        ) as begun:
            assert begun.stdin
            begun.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": self._options(services, options)}))
            begun.stdin.close()
            yield begun
            begun.kill()
        leases = f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases"
        self.ask("DELETE", f"{leases}/groundwork-migrations")

    def _options(self, services: tuple[Body, ...], options: Body) -> Body:
        return {
            "kubeconfig": str(self.kube.kubeconfig),
            "namespace": self.namespace,
            "services": list(services),
            "soak": {"seconds": 0},
            **options,
        }

    def kubelet(self, done: threading.Event) -> None:
        """Have pods run until the world ends."""
        while not done.wait(0.1):
            for pod in self.items("pods"):
                image = pod["spec"]["containers"][0]["image"]
                wanted = _status(image, self.broken.get(image))
                there = pod.get("status") or {}
                if any(there.get(key) != value for key, value in wanted.items()):
                    self._say(pod, wanted)

    def _say(self, pod: Body, status: Body) -> None:
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}/status"
        try:
            self.ask("PATCH", path, {"status": status})
        except OSError:  # it went meanwhile
            return


def _status(image: str, reason: str | None) -> Body:
    """What a kubelet says of a pod: it runs, waits for a reason, or is not ready without one."""
    container = {"name": "c", "image": image, "imageID": "", "ready": False, "restartCount": 0}
    waiting = {"state": {"waiting": {"reason": reason, "message": "told by the test"}}}
    return {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": str(reason is None)}],
        **({"containerStatuses": [{**container, **waiting}]} if reason else {}),
    }


@contextmanager
def world(kube: Api, namespace: str) -> Iterator[World]:
    """A namespace with a kubelet, which goes in the end."""
    made = World(kube, namespace)
    made.ask(
        "POST", "/api/v1/namespaces", {"metadata": {"name": namespace}}, kind="application/json"
    )
    done = threading.Event()
    kubelet = threading.Thread(target=made.kubelet, args=(done,))
    kubelet.start()
    try:
        yield made
    finally:
        done.set()
        kubelet.join()
        made.ask("DELETE", f"/api/v1/namespaces/{namespace}")


def service(name: str, version: str, *more: Body, **spec: Any) -> Body:
    """A service of one Deployment; ``more`` are further objects, ``spec`` fields of the Deployment's."""
    labels = {"app": f"nx-{name}"}
    pod = {"containers": [{"name": "c", "image": f"registry.test/{name}:{version}"}]}
    template = {"metadata": {"labels": labels}, "spec": {**pod, **spec.pop("pod", {})}}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"nx-{name}"},
        "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
    }
    return {"name": name, "version": version, "manifests": [body, *more], "timeout": 20}


def states(result: Body) -> dict[str, str]:
    """States by name."""
    return {entry["name"]: entry["state"] for entry in result["services"]}


def until(good: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not good():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.1)
