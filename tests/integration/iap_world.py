"""Instances of an emulator that answer somewhere real, and the tunnel's program against it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.integration.gcp import Emulator
from tests.integration.labs import ROOT

PROJECT, REGION, ZONE = "project-1-dev-payments", "asia-southeast1", "asia-southeast1-a"
PROGRAM = [sys.executable, str(ROOT / "playbooks/files/iap_tunnel")]
WHERE = ["--project", PROJECT, "--zone", ZONE]


def make(gcp: Emulator, path: str, **body: Any) -> None:
    """Create a resource of compute in the project."""
    answer = gcp.compute("POST", f"{PROJECT}/{path}", body)
    assert answer.status == 200, answer.body


def network(gcp: Emulator, cidr: str) -> None:
    """A network with a subnetwork that has a range of this machine's."""
    make(gcp, "global/networks", name="platform", autoCreateSubnetworks=False)
    link = f"projects/{PROJECT}/global/networks/platform"
    make(gcp, f"regions/{REGION}/subnetworks", name="main", network=link, ipCidrRange=cidr)


def instance(gcp: Emulator, name: str, address: str, *tags: str) -> None:
    """An instance with an address at which something answers."""
    subnetwork = f"projects/{PROJECT}/regions/{REGION}/subnetworks/main"
    image = "projects/debian-cloud/global/images/family/debian-13"
    make(
        gcp,
        f"zones/{ZONE}/instances",
        name=name,
        machineType=f"zones/{ZONE}/machineTypes/e2-small",
        tags={"items": list(tags)},
        disks=[{"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": image}}],
        networkInterfaces=[{"subnetwork": subnetwork, "networkIP": address}],
    )


def let_in(gcp: Emulator, name: str, port: int, tag: str) -> None:
    """A rule that lets IAP in to a port."""
    make(
        gcp,
        "global/firewalls",
        name=name,
        network=f"projects/{PROJECT}/global/networks/platform",
        sourceRanges=["35.235.240.0/20"],
        targetTags=[tag],
        allowed=[{"IPProtocol": "tcp", "ports": [str(port)]}],
    )


@contextmanager
def listening(gcp: Emulator, instance_: str, port: int) -> Iterator[int]:
    """The program as a local port that leads to an instance's."""
    command = [*PROGRAM, "listen", *WHERE, "--local", "0", instance_, str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=gcp.variables) as run:
        assert run.stderr
        try:
            yield int(run.stderr.readline().rsplit(":", 1)[1])
        finally:
            run.terminate()
