"""The catalogue of role kube_components: its definitions, and what its templates make of their settings."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROLE = Path(__file__).resolve().parents[3] / "roles/kube_components"
TEMPLATES = ROLE / "templates/catalogue"
DASHBOARDS = ROLE / "files/dashboards"

Definition = dict[str, Any]
Objects = list[dict[str, Any]]


@cache
def definitions() -> dict[str, Definition]:
    """All definitions, by name."""
    files = sorted((ROLE / "files/catalogue").glob("*.yml"))
    return {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}


@cache
def templates() -> dict[str, Path]:
    """The templates that components have, by name."""
    suffix = ".yml.j2"
    return {path.name.removesuffix(suffix): path for path in sorted(TEMPLATES.glob(f"*{suffix}"))}


def render(name: str, **settings: Any) -> str:
    """What a component's template makes of its settings; empty where it has no template."""
    if name not in templates():
        return ""
    return _rendered([_component(name, settings)])[0] if settings else _all("")[name]


def mirrored(name: str, registry: str) -> str:
    """The same with all images from a mirror."""
    return _all(registry)[name]


def objects(text: str) -> Objects:
    """The objects of a manifest's text."""
    return [found for found in yaml.safe_load_all(text) if found]


def pods(manifests: Objects) -> Iterator[tuple[str, dict[str, Any]]]:
    """What each workload's pods are to be, with the workload's kind and name."""
    for manifest in manifests:
        pod = manifest.get("spec", {}).get("template", {}).get("spec", {})
        if "containers" in pod and manifest["kind"] != "Pooler":
            yield f"{manifest['kind']} {manifest['metadata']['name']}", pod


def values(within: Any, key: str) -> Iterator[Any]:
    """Every value of a key, however deep."""
    if isinstance(within, dict):
        for name, value in within.items():
            if name == key:
                yield value
            yield from values(value, key)
    elif isinstance(within, list):
        for value in within:
            yield from values(value, key)


@cache
def _all(registry: str) -> dict[str, str]:
    """All templates at once: to start Ansible takes longer than to render them."""
    components = [_component(name, {"registry": registry}) for name in templates()]
    return dict(zip(templates(), _rendered(components), strict=True))


def _component(name: str, settings: dict[str, Any]) -> Definition:
    definition = definitions()[name]
    return {"name": name, **definition, "settings": {**definition["settings"], **settings}}


def _rendered(components: list[Definition]) -> list[str]:
    # Ansible's loader of plugins takes over how a process imports collections, so it has one of its own.
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps(components),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def _render_here(components: list[Definition]) -> list[str]:
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader
    from ansible.template import Templar, trust_as_template

    init_plugin_loader()
    rendered = []
    for component in components:
        path = TEMPLATES / f"{component['name']}.yml.j2"
        variables = {"component": component, "role_path": str(ROLE), "path": str(path)}
        templar = Templar(DataLoader(), variables=variables)
        lookup = trust_as_template("{{ lookup('ansible.builtin.template', path) }}")
        rendered.append(str(templar.template(lookup)))
    return rendered


if __name__ == "__main__":
    print(json.dumps(_render_here(json.load(sys.stdin))))
