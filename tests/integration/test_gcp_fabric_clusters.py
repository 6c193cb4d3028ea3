"""A cluster of the emulator: its API answers with Google's token, its nodes follow the pool's size."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.gcp import Emulator
from tests.integration.labs import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.kube, pytest.mark.slow]
LAB = "t-fabric-kube"
REGION = "asia-southeast1"
CLUSTERS = f"container.googleapis.com/v1/projects/demo/locations/{REGION}/clusters"
COMPUTE = "compute.googleapis.com/compute/v1/projects/demo"


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    purge = [sys.executable, "-m", "tests.lab.gcp.fabric", LAB, "--state", str(tmp_path), "purge"]
    subprocess.run(purge, cwd=ROOT, check=True, capture_output=True)
    try:
        with Emulator(tmp_path, ("--fabric", LAB)) as running:
            yield running
    finally:
        subprocess.run(purge, cwd=ROOT, check=True, capture_output=True)


def do(emulator: Emulator, method: str, url: str, body: Any = None) -> dict[str, Any]:
    """Ask, and wait for the operation."""
    answer = emulator.call(method, url, body)
    assert answer.status == 200, answer.message
    found: dict[str, Any] = answer.body
    while found.get("operationType") and found["status"] != "DONE":
        time.sleep(0.2)
        found = emulator.call("GET", found["selfLink"]).body
    assert not found.get("error"), found["error"]
    return found


def declare(emulator: Emulator) -> dict[str, Any]:
    """A private cluster whose pool has no nodes."""
    do(
        emulator,
        "POST",
        f"{COMPUTE}/global/networks",
        {"name": "n", "autoCreateSubnetworks": False},
    )
    ranges = {"pods": "10.232.0.0/16", "services": "10.233.0.0/20"}
    subnetwork = {
        "name": "main",
        "network": "projects/demo/global/networks/n",
        "ipCidrRange": "10.231.0.0/24",
        "secondaryIpRanges": [
            {"rangeName": name, "ipCidrRange": cidr} for name, cidr in ranges.items()
        ],
    }
    do(emulator, "POST", f"{COMPUTE}/regions/{REGION}/subnetworks", subnetwork)
    cluster = {
        "name": "failover",
        "network": "n",
        "subnetwork": "main",
        "privateClusterConfig": {
            "enablePrivateNodes": True,
            "enablePrivateEndpoint": True,
            "masterIpv4CidrBlock": "172.31.231.0/28",
        },
        "ipAllocationPolicy": {
            "useIpAliases": True,
            "clusterSecondaryRangeName": "pods",
            "servicesSecondaryRangeName": "services",
        },
        "nodePools": [{"name": "primary", "initialNodeCount": 0}],
    }
    do(emulator, "POST", CLUSTERS, {"cluster": cluster})
    return do(emulator, "GET", f"{CLUSTERS}/failover")


def nodes(cluster: dict[str, Any], token: str) -> list[str]:
    """Nodes that are ready, as a client of the cluster's endpoint sees them."""
    authority = base64.b64decode(cluster["masterAuth"]["clusterCaCertificate"]).decode()
    request = urllib.request.Request(
        f"https://{cluster['endpoint']}/api/v1/nodes", headers={"Authorization": f"Bearer {token}"}
    )
    trust = ssl.create_default_context(cadata=authority)
    with urllib.request.urlopen(request, timeout=10, context=trust) as answer:
        found = json.loads(answer.read())["items"]
    return sorted(
        one["metadata"]["name"]
        for one in found
        if {"Ready": "True"}.items()
        <= {c["type"]: c["status"] for c in one["status"]["conditions"]}.items()
    )


def test_a_cluster_answers_and_its_nodes_follow_the_pool(emulator):
    token = emulator.environment["GCP_ACCESS_TOKEN"]
    cluster = declare(emulator)
    assert cluster["endpoint"] == "172.31.231.2"
    assert nodes(cluster, token) == []
    with pytest.raises(urllib.error.HTTPError, match="401"):
        nodes(cluster, "ya29.nobody")
    size = f"{CLUSTERS}/failover/nodePools/primary:setSize"
    # A node in each of three zones.
    do(emulator, "POST", size, {"nodeCount": 1})
    assert nodes(cluster, token) == [f"failover-primary-{number}" for number in (1, 2, 3)]
    do(emulator, "POST", size, {"nodeCount": 0})
    assert nodes(cluster, token) == []
    do(emulator, "DELETE", f"{CLUSTERS}/failover")
    listed = subprocess.run(
        ["podman", "ps", "-a", "-q", "--filter", f"label=groundwork.lab={LAB}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout == ""
