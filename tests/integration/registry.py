"""A container registry of one's own on loopback: Debian's docker-registry, with users."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.kube_api import free_port, running

USER, PASSWORD = "puller", "a-registry-password"
#: The password as htpasswd -B makes it: a registry takes bcrypt alone.
_HASHED = "$2y$05$GmTVuMtrFKSTo9PkUSAPB.2l.8h4DzXDY.BHPTJAxVKdswA1v4Hla"
_MEDIA = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Registry:
    """Where it listens; who may ask is ``USER``."""

    port: int

    @property
    def host(self) -> str:
        """Its name in images."""
        return f"localhost:{self.port}"

    @property
    def login(self) -> str:
        """What a pull secret has for it."""
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return json.dumps({"auths": {self.host: {"auth": pair}}})

    def push(self, repository: str, tag: str) -> str:
        """Put an empty image there; return its digest."""
        config = self._blob(repository, b"{}")
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MEDIA,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": config,
                "size": 2,
            },
            "layers": [],
        }
        body = json.dumps(manifest).encode()
        path = f"/v2/{repository}/manifests/{tag}"
        self._send("PUT", path, body, _MEDIA)
        return f"sha256:{hashlib.sha256(body).hexdigest()}"

    def _blob(self, repository: str, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        place = self._send("POST", f"/v2/{repository}/blobs/uploads/", b"", "text/plain")
        path = place.partition(self.host)[2]
        self._send("PUT", f"{path}&digest={digest}", content, "application/octet-stream")
        return digest

    def _send(self, method: str, path: str, body: bytes, kind: str) -> str:
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {pair}", "Content-Type": kind, "Host": self.host}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        said = answer.read().decode()
        assert answer.status in (201, 202), (method, path, answer.status, said)
        connection.close()
        return answer.headers.get("Location", "")


def _program() -> Path:
    """Debian's program without its package: that would start one for the whole machine."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "groundwork/docker-registry"
    found = folder / "usr/bin/docker-registry"
    if not found.exists():
        folder.mkdir(parents=True, exist_ok=True)
        download = ["apt-get", "download", "docker-registry"]
        if subprocess.run(download, cwd=folder, check=False).returncode != 0:
            # A machine that is new knows of no packages yet.
            subprocess.run(["apt-get", "update", "--quiet"], check=True)
            subprocess.run(download, cwd=folder, check=True)
        (package,) = folder.glob("docker-registry_*.deb")
        subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
    return found


@contextmanager
def serving(folder: Path, auth: dict[str, Any] | None = None) -> Iterator[Registry]:
    """Run a registry until the block ends; without ``auth`` it asks for user and password."""
    port = free_port()
    (folder / "htpasswd").write_text(f"{USER}:{_HASHED}\n")
    own = {"htpasswd": {"realm": "lab", "path": str(folder / "htpasswd")}}
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}},
        "http": {"addr": f"127.0.0.1:{port}"},
        "auth": auth or own,
    }
    (folder / "config.yml").write_text(json.dumps(settings))
    command = [str(_program()), "serve", str(folder / "config.yml")]
    with running(folder / "registry.log", command):
        found = Registry(port)
        deadline = time.monotonic() + 20
        while True:
            try:
                http.client.HTTPConnection("127.0.0.1", port, timeout=2).request("GET", "/v2/")
                break
            except OSError:
                assert time.monotonic() < deadline, (folder / "registry.log").read_text()
                time.sleep(0.1)
        yield found
