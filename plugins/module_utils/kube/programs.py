# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Programs that make manifests: what they print, and what they say where they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ansible.module_utils.common.process import get_bin_path
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

#: Seconds within which a program has to be done, a chart's download included.
PATIENCE = 300.0


def find(*names: str) -> str | None:
    """The path of the first program that is there; a name may be a path itself."""
    for name in names:
        try:
            return str(get_bin_path(name))
        except ValueError:
            continue
    return None


async def kustomized(folder: str) -> str:
    """What kustomize makes of a folder. Raises ``KubeError``: ``missing_program``, ``not_rendered``."""
    kustomize, kubectl = find("kustomize"), find("kubectl")
    if kustomize:
        return await output([kustomize, "build", folder])
    if kubectl:
        return await output([kubectl, "kustomize", folder])
    raise KubeError(
        "missing_program", "kustomize needs the program kustomize or kubectl; neither is there."
    )


async def output(command: Sequence[str], data: str = "") -> str:
    """Run a program and return what it printed; ``data`` is its standard input.

    Raises ``KubeError`` (``not_rendered``) with the program's own words.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        printed, errors = await asyncio.wait_for(process.communicate(data.encode()), PATIENCE)
    except asyncio.TimeoutError:
        raise KubeError(
            "not_rendered", f"{' '.join(command)}: not done after {PATIENCE:g} s."
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        told = errors.decode(errors="replace").strip() or f"it ended with {process.returncode}"
        raise KubeError("not_rendered", f"{' '.join(command)}: {told}")
    return printed.decode(errors="replace")
