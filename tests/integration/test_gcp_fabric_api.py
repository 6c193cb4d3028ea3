"""The emulator with its fabric: what Google's API is asked for becomes real, and outlives a restart."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.gcp import Emulator
from tests.integration.gcp_fabric import until
from tests.integration.labs import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.slow]
LAB = "t-fabric-api"
PROJECT = "projects/demo"
REGION = "asia-southeast1"
ZONE = f"{REGION}-a"
BOOT = {
    "boot": True,
    "autoDelete": True,
    "initializeParams": {"sourceImage": "projects/debian-cloud/global/images/family/debian-13"},
}


class Client:
    """Asks compute, and waits for operations."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def __call__(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        asked = self.emulator.compute(method, f"demo/{path}", body if method != "GET" else None)
        answer: dict[str, Any] = asked.body
        assert asked.status == 200, asked.message
        while answer.get("kind") == "compute#operation" and answer["status"] != "DONE":
            time.sleep(0.1)
            answer = self.emulator.call("GET", answer["selfLink"]).body
        assert "error" not in answer, answer
        return answer


@contextmanager
def emulator(state: Path) -> Iterator[Client]:
    with Emulator(state, ("--fabric", LAB)) as running:
        yield Client(running)


def fabric(state: Path, action: str) -> dict[str, list[str]]:
    command = [sys.executable, "-m", "tests.lab.gcp.fabric", LAB, "--state", str(state), action]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found: dict[str, list[str]] = json.loads(done.stdout)
    assert done.returncode == bool(any(found.values()))
    return found


def run(host: str, script: str) -> str:
    command = ["podman", "exec", f"{LAB}-{host}", "sh", "-ec", script]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    fabric(tmp_path, "purge")
    yield tmp_path
    print((tmp_path / "log").read_text(encoding="utf-8")[-3000:])
    fabric(tmp_path, "purge")


def machine(call: Client, name: str, *disks: dict[str, Any], **more: Any) -> dict[str, Any]:
    leg = {"subnetwork": f"{PROJECT}/regions/{REGION}/subnetworks/main"}
    call(
        "POST",
        f"zones/{ZONE}/instances",
        name=name,
        machineType=f"zones/{ZONE}/machineTypes/e2-small",
        networkInterfaces=[leg],
        disks=[BOOT, *disks],
        **more,
    )
    return call("GET", f"zones/{ZONE}/instances/{name}")


def declare(call: Client) -> None:
    """A network, and a balancer of two members; the second one has no service."""
    network = {"network": f"{PROJECT}/global/networks/platform"}
    call("POST", "global/networks", name="platform", autoCreateSubnetworks=False)
    call(
        "POST", f"regions/{REGION}/subnetworks", name="main", ipCidrRange="10.221.0.0/24", **network
    )
    allowed = {
        "sourceRanges": ["10.221.0.0/24", "35.191.0.0/16", "35.235.240.0/20"],
        "allowed": [{"IPProtocol": "all"}],
    }
    call("POST", "global/firewalls", name="inside", **allowed, **network)
    call("POST", f"zones/{ZONE}/disks", name="data", sizeGb="10")
    data = {"source": f"{PROJECT}/zones/{ZONE}/disks/data", "deviceName": "data"}
    machine(call, "one", data)
    machine(call, "two")
    call("POST", f"zones/{ZONE}/instanceGroups", name="group", **network)
    links = [{"instance": f"{PROJECT}/zones/{ZONE}/instances/{name}"} for name in ("one", "two")]
    call("POST", f"zones/{ZONE}/instanceGroups/group/addInstances", instances=links)
    times = {"checkIntervalSec": 1, "timeoutSec": 1, "unhealthyThreshold": 2, "healthyThreshold": 2}
    check = {"name": "check", "type": "TCP", "tcpHealthCheck": {"port": 7000}, **times}
    call("POST", f"regions/{REGION}/healthChecks", **check)
    call(
        "POST",
        f"regions/{REGION}/backendServices",
        name="service",
        loadBalancingScheme="INTERNAL",
        protocol="TCP",
        healthChecks=[f"{PROJECT}/regions/{REGION}/healthChecks/check"],
        backends=[{"group": f"{PROJECT}/zones/{ZONE}/instanceGroups/group"}],
    )
    call(
        "POST",
        f"regions/{REGION}/forwardingRules",
        name="rule",
        loadBalancingScheme="INTERNAL",
        IPProtocol="TCP",
        ports=["7000"],
        backendService=f"{PROJECT}/regions/{REGION}/backendServices/service",
        subnetwork=f"{PROJECT}/regions/{REGION}/subnetworks/main",
        **network,
    )


def banner(call: Client, host: str) -> str:
    """What an instance's SSH server says through a tunnel of IAP."""
    command = [sys.executable, "playbooks/files/iap_tunnel", "stdio", "--project", "demo"]
    tunnel = subprocess.Popen(
        [*command, "--zone", ZONE, host, "22"],
        cwd=ROOT,
        env=call.emulator.variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert tunnel.stdout
    try:
        return tunnel.stdout.readline()
    finally:
        tunnel.terminate()
        tunnel.wait()


def health(call: Client) -> dict[str, str]:
    group = f"{PROJECT}/zones/{ZONE}/instanceGroups/group"
    asked = call("POST", f"regions/{REGION}/backendServices/service/getHealth", group=group)
    return {one["instance"].rpartition("/")[2]: one["healthState"] for one in asked["healthStatus"]}


def test_resources_are_real_and_outlive_a_restart(state):
    with emulator(state) as call:
        declare(call)
        serve = "cd /tmp; systemd-run --quiet --unit serve python3 -m http.server 7000"
        until(lambda: run("one", "systemctl is-system-running || true") in ("running", "degraded"))
        run("one", serve)
        until(lambda: health(call) == {"one": "HEALTHY", "two": "UNHEALTHY"})
        get = "python3 -c \"import urllib.request as u; u.urlopen('http://10.221.0.2:7000', timeout=3)\""
        run("two", get)
        assert banner(call, "one").startswith("SSH-2.0-")
        born = run("one", "cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1")

    # The emulator is off: the hosts stay, and it finds them again.
    with emulator(state) as call:
        assert run("one", "cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1") == born
        until(lambda: health(call) == {"one": "HEALTHY", "two": "UNHEALTHY"})
        run("two", get)
        call("POST", f"zones/{ZONE}/instances/two/stop")
        subprocess.run(["podman", "kill", f"{LAB}-one"], check=True, capture_output=True)
        path = f"zones/{ZONE}/instances/one"
        until(lambda: call("GET", path)["status"] == "TERMINATED")

    # Whoever is to run runs again; who was stopped stays so.
    with emulator(state) as call:
        states = {
            one["name"]: one["status"] for one in call("GET", f"zones/{ZONE}/instances")["items"]
        }
        assert states == {"one": "TERMINATED", "two": "TERMINATED"}
        call("POST", f"{path}/start")
        assert run("one", "ls /dev/disk/by-id") == "google-data"
        call("DELETE", f"regions/{REGION}/forwardingRules/rule")
        call("DELETE", f"regions/{REGION}/backendServices/service")
        call("DELETE", f"zones/{ZONE}/instanceGroups/group")
        for name in ("one", "two"):
            call("DELETE", f"zones/{ZONE}/instances/{name}")
        call("DELETE", f"zones/{ZONE}/disks/data")
        assert fabric(state, "show")["containers"] == []
        assert fabric(state, "show")["loops"] == []
        assert not list((state / "fabric/disks").iterdir())
        call("DELETE", f"regions/{REGION}/subnetworks/main")
        call("DELETE", "global/firewalls/inside")
        for route in call("GET", "global/routes").get("items", []):
            call("DELETE", f"global/routes/{route['name']}")
        call("DELETE", "global/networks/platform")
        until(lambda: not any(fabric(state, "show").values()))
