"""The way in: SSH to lab hosts by tunnels of the emulator's IAP, and control planes by the bastion's proxy."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.gcp import Emulator
from tests.integration.iap_world import (
    PROGRAM,
    WHERE,
    instance,
    let_in,
    listening,
    network,
)
from tests.integration.labs import Lab, Run, run

pytestmark = [pytest.mark.lab, pytest.mark.slow]

HOSTS = """
all:
  children:
    bastion:
      vars:
        gcp_bastion_proxy_ranges: ["10.{{ lab_octet }}.1.32/28"]
        # The emulator's relay runs on this machine.
        gcp_bastion_proxy_clients: ["10.{{ lab_octet }}.1.1/32"]
      hosts: {bastion-1: {}}
    lab:
      vars: {region: main, lab_attached: [main]}
      hosts:
        bastion-1: {lab_id: 11}
        # Plays a control plane, and one that is none.
        plane-1: {lab_id: 40}
        other-1: {lab_id: 60}
"""
PLAY = """
- hosts: bastion
  become: true
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: groundwork.platform.gcp_bastion, tasks_from: proxy}
"""
#: Says in plain text that it was reached; what goes through a tunnel is not the proxy's concern.
PLANE = "python3 -m http.server 443 --directory /srv"


class Site:
    def __init__(self, lab: Lab, gcp: Emulator, play: Path) -> None:
        self.lab, self.gcp, self.play = lab, gcp, play
        address = lab.run("plane-1", "hostname -I").split()[0]
        self.prefix = address.rpartition(".")[0]

    def apply(self, *arguments: str) -> Run:
        return self.lab.playbook(str(self.play), *arguments)


@pytest.fixture(scope="module")
def site(
    make_lab: Callable[..., Lab], emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Site:
    play = tmp_path_factory.mktemp("play") / "proxy.yml"
    play.write_text(PLAY, encoding="utf-8")
    site = Site(make_lab("t-iap", HOSTS), emulator, play)
    network(emulator, f"{site.prefix}.0/24")
    instance(emulator, "bastion-1", f"{site.prefix}.11", "bastion", "ssh")
    let_in(emulator, "allow-iap-ssh", 22, "ssh")
    let_in(emulator, "allow-iap-proxy", 8888, "bastion")
    for host in ("plane-1", "other-1"):
        site.lab.run(
            host, f"echo reached > /srv/index.html; systemd-run --quiet --unit plane {PLANE}"
        )
    return site


def test_check_mode_on_a_bare_host_then_applied_once(site: Site):
    checked = site.apply("--check", "--diff")
    assert checked.returncode == 0, checked.failures
    assert not site.lab.run("bastion-1", "ls /etc/tinyproxy 2>/dev/null || true")
    first = site.apply()
    assert (first.returncode, first.changed > 0) == (0, True), first.failures
    for arguments in ([], ["--check", "--diff"]):
        again = site.apply(*arguments)
        assert (again.returncode, again.changed) == (0, 0), again.failures


def test_ansible_goes_by_iap(site: Site, tmp_path: Path):
    """As an inventory says it: no address, the instance's name as the host."""
    lab = site.lab
    command = " ".join([*PROGRAM, "stdio", *WHERE, "%h", "%p"])
    variables = {
        "ansible_host": "bastion-1",
        "ansible_user": "ops",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_private_key_file": str(lab.state / "ssh/id_ed25519"),
        "ansible_ssh_common_args": (
            f'-o ProxyCommand="{command}" -o StrictHostKeyChecking=accept-new'
            f" -o UserKnownHostsFile={tmp_path}/known_hosts -o IdentitiesOnly=yes"
        ),
    }
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"bastion-1": variables}}}))
    asked = ["ansible", "-i", str(inventory), "all", "-b", "-m", "command", "-a", "hostname"]
    reached: dict[str, Any] = dict(site.gcp.environment)
    done = run(asked, **reached)
    assert done.returncode == 0
    assert "bastion-1" in done.output.split("\n")[1]
    # Large enough for many frames and confirmations in both directions.
    (tmp_path / "large").write_bytes(bytes(range(256)) * 12000)
    copied = [
        "ansible",
        "-i",
        str(inventory),
        "all",
        "-m",
        "copy",
        "-a",
        f"src={tmp_path}/large dest=/tmp/",
    ]
    assert run(copied, **reached).returncode == 0


def through_proxy(local: int, host: str, port: int) -> tuple[int, str]:
    """What a client with `proxy-url: http://127.0.0.1:LOCAL` gets."""
    connection = http.client.HTTPConnection("127.0.0.1", local, timeout=30)
    connection.set_tunnel(host, port)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status, answer.read().decode().strip()
    except OSError as error:
        return 0, str(error)
    finally:
        connection.close()


def test_control_planes_are_reached_and_nothing_else(site: Site):
    with listening(site.gcp, "bastion-1", 8888) as local:
        assert through_proxy(local, f"{site.prefix}.40", 443) == (200, "reached")
        status, words = through_proxy(local, f"{site.prefix}.60", 443)
        assert (status, "403" in words) == (0, True), words
        status, words = through_proxy(local, f"{site.prefix}.40", 22)
        assert (status, "403" in words) == (0, True), words
        # Neither by a name that leads there, nor without a tunnel.
        status, words = through_proxy(local, "plane-1", 443)
        assert (status, "403" in words) == (0, True), words
        plain = http.client.HTTPConnection("127.0.0.1", local, timeout=30)
        plain.request("GET", f"http://{site.prefix}.60:443/")
        assert plain.getresponse().status == 403


def test_the_proxy_is_for_tunnels_of_iap(site: Site):
    wanted = f"CONNECT {site.prefix}.40:443 HTTP/1.0"
    asked = (
        f"exec 3<>/dev/tcp/{site.prefix}.11/8888; printf '{wanted}\\r\\n\\r\\n' >&3; head -1 <&3"
    )
    assert "403" in site.lab.run("other-1", f'timeout 5 bash -c "{asked}"')
