"""A kubelet that runs nothing: pods begin and end as their commands say, in a cluster without nodes."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.error import HTTPError

from tests.integration.kube_api import ADMIN, Api

Body = dict[str, Any]
#: Seconds between two looks.
LOOK = 0.1
_SLEEP, _EXIT = re.compile(r"sleep (\d+)"), re.compile(r"exit (\d+)")


class Pods:
    """Pods whose command is ``sleep N`` end after N seconds, well or with ``exit N``; other pods are ready at once.

    An image called ``nowhere`` cannot be pulled. While ``held`` has a namespace and a migration's service, its pods do
    not end.
    """

    def __init__(self, kube: Api, prefix: str) -> None:
        self.held: set[tuple[str, str]] = set()
        self._kube, self._prefix = kube, prefix
        self._tls = ssl.create_default_context(cafile=str(kube.ca_cert))
        self._tls.check_hostname = False
        self._since: dict[str, float] = {}
        self._ended: set[str] = set()

    def run(self, end: threading.Event) -> None:
        while not end.wait(LOOK):
            for pod in self._ask("GET", "/api/v1/pods")["items"]:
                if pod["metadata"]["namespace"].startswith(self._prefix):
                    # Somebody may delete a pod meanwhile.
                    with suppress(HTTPError):
                        self._look(pod)

    def _look(self, pod: Body) -> None:
        uid, labels = pod["metadata"]["uid"], pod["metadata"]["labels"]
        service = labels.get("app.kubernetes.io/name", "")
        if uid in self._ended:
            return
        if uid not in self._since:
            self._since[uid] = time.monotonic()
            if pod["spec"]["containers"][0]["image"] == "nowhere":
                waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling nowhere"}
                self._say(pod, "Pending", {"waiting": waiting})
            else:
                self._say(pod, "Running", {"running": {}})
        elif (
            "batch.kubernetes.io/job-name" in labels
            and (pod["metadata"]["namespace"], service) not in self.held
        ):
            script = " ".join(pod["spec"]["containers"][0]["command"])
            slept, left = _SLEEP.search(script), _EXIT.search(script)
            if time.monotonic() - self._since[uid] >= float(slept[1] if slept else 0):
                code = int(left[1]) if left else 0
                self._ended.add(uid)
                ended = {"exitCode": code, "reason": "Error" if code else "Completed"}
                self._say(pod, "Failed" if code else "Succeeded", {"terminated": ended})

    def _say(self, pod: Body, phase: str, state: Body) -> None:
        ready = phase == "Running"
        name = pod["spec"]["containers"][0]["name"]
        container = {"name": name, "image": "i", "imageID": "", "restartCount": 0}
        status = {
            "phase": phase,
            "conditions": [
                {"type": kind, "status": str(ready)} for kind in ("Ready", "ContainersReady")
            ],
            "containerStatuses": [{**container, "ready": ready, "state": state}],
        }
        where = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        self._ask("PATCH", f"{where}/status", {"status": status})

    def _ask(self, method: str, path: str, body: Body | None = None) -> Body:
        request = urllib.request.Request(
            self._kube.url + path,
            method=method,
            data=json.dumps(body).encode() if body else None,
            headers={
                "Authorization": f"Bearer {ADMIN}",
                "Content-Type": "application/merge-patch+json",
            },
        )
        with urllib.request.urlopen(request, context=self._tls) as answer:
            return dict(json.load(answer))


@contextmanager
def simulated(kube: Api, prefix: str) -> Iterator[Pods]:
    """Run the pods of all namespaces whose name begins so, until the block ends."""
    pods, end = Pods(kube, prefix), threading.Event()
    thread = threading.Thread(target=pods.run, args=[end])
    thread.start()
    try:
        yield pods
    finally:
        end.set()
        thread.join()
