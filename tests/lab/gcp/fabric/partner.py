"""Partners: hosts that stand outside, with an address of the internet and no part in any project."""

from __future__ import annotations

from tests.lab.gcp.fabric import internet, kernel, names
from tests.lab.gcp.fabric.image import Image


async def partner(lab: str, name: str, address: str) -> None:
    """Boot a partner of a lab, at an address of 203.0.113.0/24 that nobody else has.

    It is a plain host: what it is to serve is up to who makes it (`podman exec <lab>-<name>`).

    Raises:
        CommandError: podman or the kernel refused, say because of the name.
    """
    image = Image.of_role()
    await image.make()
    await internet.make(lab)
    container = names.container(lab, name)
    await kernel.run(
        *("podman", "--runtime", "runc", "create", "--systemd=always", "--network", "none"),
        *("--name", container, "--hostname", name, "--label", f"groundwork.lab={lab}"),
        *("--cap-add", "NET_ADMIN,NET_RAW,SYS_ADMIN", "--ulimit", "nofile=20000:20000"),
        *("--ulimit", "nproc=4096:4096", image.name, "/sbin/init"),
    )
    await kernel.run("podman", "init", container)
    state = await kernel.run("podman", "inspect", "--format", "{{.State.Pid}}", container)
    await internet.add_partner(lab, int(state), name, address)
    await kernel.run("podman", "start", container)
