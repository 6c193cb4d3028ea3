# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What comes from elsewhere: fetched once where its name says an exact version."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Callable

from ansible.module_utils.urls import open_url
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

#: Seconds within which a URL has to answer.
PATIENCE = 60
_VERSION = r"v?\d+\.\d+\.\d+(?:[-+][-+.\w]+)?"


def is_exact(version: str) -> bool:
    """Whether a version is one, which never changes, and no range or channel."""
    return re.fullmatch(_VERSION, version) is not None


async def text_of(url: str, cache: str) -> str:
    """What a URL has. Raises ``KubeError`` (``not_rendered``)."""
    if not re.search(rf"/{_VERSION}/", url):
        return await asyncio.to_thread(_download, url)

    async def fetch(folder: str) -> None:
        text = await asyncio.to_thread(_download, url)
        Path(folder, "text").write_text(text, encoding="utf-8")

    return (await kept(cache, [url], fetch)).read_text(encoding="utf-8")


async def kept(cache: str, names: Sequence[str], fetch: Callable[[str], Awaitable[None]]) -> Path:
    """The file that goes by some names in the cache; ``fetch`` puts it into a folder where it is not there yet."""
    folder = Path(cache, hashlib.sha256("\n".join(names).encode()).hexdigest()[:16])
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
            os.mkdir(f"{fresh}/new")
            await fetch(f"{fresh}/new")
            try:
                os.rename(f"{fresh}/new", folder)
            except OSError:  # somebody else has fetched it meanwhile
                if not folder.is_dir():
                    raise
    return next(folder.iterdir())


def _download(url: str) -> str:
    try:
        with open_url(url, timeout=PATIENCE) as answer:
            return str(answer.read().decode("utf-8"))
    except (OSError, ValueError) as error:
        raise KubeError("not_rendered", f"{url}: {error}.") from error
