"""Clusters of container.v1 on hosts of the lab, brought up by role `lab_kubernetes`."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.lab.gcp.backend import Resource
from tests.lab.gcp.fabric import kernel, names
from tests.lab.gcp.fabric.clusters import Cluster, cluster, pools
from tests.lab.gcp.fabric.image import cache
from tests.lab.gcp.fabric.instances import Instances
from tests.lab.gcp.fabric.plan import METADATA, TUNNEL
from tests.lab.gcp.fabric.way import way

_ROOT = Path(__file__).resolve().parents[4]
_PLAYBOOK = Path(__file__).parent / "cluster.yml"
#: Where the fabric tells the API server whose a token is.
TOKENS_PORT = 6442
_REDIRECT = """
table ip endpoint
delete table ip endpoint
table ip endpoint {
  chain arriving {
    type nat hook prerouting priority dstnat
    fib daddr type local tcp dport 443 redirect to :6443
  }
}
"""


class Kubernetes:
    """The clusters of a lab; their hosts are among those of its instances."""

    def __init__(
        self, folder: Path, instances: Instances, settle: Callable[[], Awaitable[None]]
    ) -> None:
        self.folder = folder / "clusters"
        self.instances = instances
        self.settle = settle
        # Two cores are shared by all: a cluster comes up faster than two at once.
        self._turn = asyncio.Lock()

    async def create(self, resource: Resource) -> dict[str, Any]:
        """Bring a cluster up; return its endpoint and its authority."""
        found = cluster(resource)
        runs_pods = any(one["count"] for one in self._pools(resource).values())
        self._describe(found, resource, runs_pods)
        script = "cat /etc/kubernetes/pki/ca.crt"
        try:
            await self.boot(found)
            async with self._turn:
                await self._play(found)
            authority = await self.instances.hosts.run(found.host, script)
        except BaseException:
            await self.remove(resource)
            raise
        encoded = base64.b64encode(authority.encode()).decode()
        return {"endpoint": found.endpoint, "masterAuth": {"clusterCaCertificate": encoded}}

    async def boot(self, found: Cluster) -> None:
        """Make or start the host of a cluster."""
        hosts = self.instances.hosts
        folder = hosts.write_files(found.host, found.endpoint, f"{found.host}.lab.internal")
        (folder / "tokens.yml").write_text(json.dumps(_webhook()), encoding="utf-8")
        (folder / "no.list").write_text("", encoding="utf-8")
        process = await hosts.prepare(found.host, _options(folder, self._runs_pods(found)))
        self.instances.processes[found.key] = process
        await self.settle()
        await kernel.nft(names.process_namespace(process), _REDIRECT)
        await hosts.start(found.host)

    async def scale(self, resource: Resource) -> None:
        """Bring a cluster's nodes to what its pools say."""
        found = cluster(resource)
        if found.key in self.instances.processes:
            async with self._turn:
                if self._describe(found, resource, self._runs_pods(found)):
                    await self._play(found, "--extra-vars", "fabric_tasks=scale_pools")

    async def remove(self, resource: Resource) -> None:
        """Remove a cluster's host."""
        found = cluster(resource)
        self.instances.processes.pop(found.key, None)
        await self.instances.hosts.remove(found.host)
        self._inventory(found).unlink(missing_ok=True)

    def _pools(self, resource: Resource) -> dict[str, dict[str, Any]]:
        below = f"{names.key(resource.link)}/nodePools/"
        listed = self.instances.books.list("container.nodePools", resource.project)
        return pools([one for one in listed if names.key(one.link).startswith(below)])

    def _inventory(self, found: Cluster) -> Path:
        return self.folder / f"{found.project}.{found.location}.{found.name}.json"

    def _runs_pods(self, found: Cluster) -> bool:
        written = json.loads(self._inventory(found).read_text(encoding="utf-8"))
        (host,) = written["lab_kubernetes"]["hosts"].values()
        return bool(host["lab_kubernetes_node"])

    def _describe(self, found: Cluster, resource: Resource, runs_pods: bool) -> bool:
        """Write the inventory that the role is played with; say whether it is another one."""
        wanted = self._pools(resource)
        host = {
            "ansible_connection": "containers.podman.podman",
            "ansible_host": names.container(self.instances.hosts.lab, found.host),
            "ansible_python_interpreter": "/usr/bin/python3",
            "private_address": found.endpoint,
            "lab_kubernetes_cluster": found.name,
            "lab_kubernetes_node": runs_pods,
            "lab_kubernetes_pool": next((name for name in wanted if wanted[name]["count"]), "none"),
            # Who runs pods stands for all nodes; pods that only seem to run would be worse.
            "lab_kubernetes_pools": {} if runs_pods else wanted,
            "lab_kubernetes_pod_cidr": str(found.pods),
            "lab_kubernetes_service_cidr": str(found.services),
            # Alias ranges: the network knows them, and Google's agent masquerades to the world alone.
            "lab_kubernetes_routed_ranges": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"],
            "lab_kubernetes_kubeconfig": str(self.folder / f"{found.name}.kubeconfig"),
            # Google's API server has no PodNodeSelector.
            "lab_kubernetes_admission_plugins": ["NodeRestriction"],
            "lab_kubernetes_apiserver_arguments": [
                "--authentication-token-webhook-config-file=/etc/google-tokens.yml",
                "--authentication-token-webhook-version=v1",
            ],
        }
        shared = {
            "lab_name": self.instances.hosts.lab,
            # Defaults of ranges that are all given here.
            "lab_octet": 0,
            "lab_state_dir": str(self.folder),
            "lab_cache_dir": str(cache()),
        }
        local = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
        }
        inventory = {
            "all": {"vars": shared, "hosts": {"localhost": local}},
            "lab_kubernetes": {"hosts": {f"gke-{found.name}": host}},
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        path, text = self._inventory(found), json.dumps(inventory)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return False
        path.write_text(text, encoding="utf-8")
        return True

    async def _play(self, found: Cluster, *options: str) -> None:
        """Play the role; its log lies beside the inventory."""
        program = Path(sys.executable).parent / "ansible-playbook"
        command = [str(program), "-i", str(self._inventory(found)), str(_PLAYBOOK), *options]
        log = self._inventory(found).with_suffix(".log")
        space = names.network_namespace(self.instances.hosts.lab, found.network)
        async with way(space, TUNNEL) as proxy:
            if await _run(command, log, proxy):
                words = log.read_text(encoding="utf-8", errors="replace")[-1500:]
                raise kernel.CommandError(f"the cluster {found.name} did not come up: {words}")


async def _run(command: list[str], log: Path, proxy: str) -> int:
    """Run Ansible; what it asks by HTTPS goes by the proxy."""
    variables = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    variables |= {"ANSIBLE_CONFIG": str(_ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    for name, value in (("https_proxy", proxy), ("no_proxy", "")):
        variables |= {name: value, name.upper(): value}
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=_ROOT,
            env=variables,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        return await process.wait()


def _options(folder: Path, runs_pods: bool) -> tuple[str, ...]:
    """What the host of a cluster is made with besides."""
    options = (
        *("--volume", f"{cache()}/kube:/opt/groundwork-kube:ro"),
        *("--volume", f"{folder}/tokens.yml:/etc/google-tokens.yml:ro"),
    )
    if not runs_pods:
        return options
    # A node runs containers inside of its own. All its packages are on disk: it may be private.
    return (
        *options,
        *("--privileged", "--cgroupns", "private"),
        *("--volume", "/var/lib/containerd", "--volume", "/var/lib/kubelet"),
        *("--volume", f"{folder}/no.list:/etc/apt/sources.list.d/debian.list:ro"),
    )


def _webhook() -> dict[str, Any]:
    """How the API server asks whose a token is."""
    server = f"http://{METADATA}:{TOKENS_PORT}/"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "google", "cluster": {"server": server}}],
        "users": [{"name": "apiserver", "user": {}}],
        "contexts": [{"name": "google", "context": {"cluster": "google", "user": "apiserver"}}],
        "current-context": "google",
    }
