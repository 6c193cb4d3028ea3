"""The image of a host: the same that role `lab` makes, by the same recipe and under the same tag."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.lab.gcp.fabric import kernel

_ROLE = Path(__file__).resolve().parents[4] / "roles/lab"


def cache() -> Path:
    """Where labs keep what outlives them (``lab_cache_dir``)."""
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "groundwork"


@dataclass(frozen=True)
class Image:
    """The image's name, its packages on disk, and what it is made of."""

    name: str
    packages: Path
    release: str
    user: str
    cached: tuple[str, ...]

    @classmethod
    def of_role(cls) -> Image:
        """Name the image after the recipe, as the role does."""
        defaults = yaml.safe_load((_ROLE / "defaults/main.yml").read_text(encoding="utf-8"))
        release, user = defaults["lab_release"], defaults["lab_user"]
        cached = tuple(defaults["lab_cached_packages"])
        recipe = (_ROLE / "files/build-image").read_text(encoding="utf-8").rstrip()
        text = recipe + release + user + " ".join(cached)
        tag = f"{release}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        return cls(
            f"localhost/groundwork-lab:{tag}", cache() / "packages" / tag, release, user, cached
        )

    async def make(self) -> None:
        """Build the image where it is missing (two minutes, once)."""
        there = await kernel.run("podman", "images", "--quiet", self.name)
        if there.strip() and (self.packages / "Packages").exists():
            return
        await kernel.run(
            str(_ROLE / "files/build-image"),
            *(self.release, await _mirror(), self.name, str(self.packages), self.user),
            *self.cached,
        )


async def _mirror() -> str:
    said = await kernel.run(
        *("apt-get", "indextargets", "--format", "$(REPO_URI)"),
        *("Component: main", "Identifier: Packages"),
    )
    found = [line for line in said.split() if line.rstrip("/").endswith("/debian")]
    if not found:
        raise kernel.CommandError("no Debian mirror was found in the apt sources of this machine")
    return found[0]
