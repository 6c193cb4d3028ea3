"""The example's manifests: objects of (service, version, settings).

    python examples/payments/render.py [--settings FILE] [--version V] [--only SERVICE] [--migrations | --shared]

    python examples/payments/render.py [--settings FILE] [--version V] [--only SERVICE] [--migrations|--shared]
`service`, `version` and `settings`, so ansible.builtin.template makes the same of them.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import jinja2
import yaml

HERE = Path(__file__).parent
Object = dict[str, Any]


def load(name: str | Path) -> Object:
    """A file of data."""
    return dict(yaml.safe_load((HERE / name).read_text(encoding="utf-8")))


def service_of(name: str, image_tag: str = "1", **more: Any) -> Object:
    """What the service map says of a service, with its defaults and names."""
    services = load("services.yml")
    entry = {**services["defaults"], **services["services"][name], "name": name, **more}
    entry.setdefault("deployment", f"nx-{name}")
    entry.setdefault("image", f"{entry['repository']}:{image_tag}")
    return entry


def migration_of(name: str, **more: Any) -> Object:
    """The service whose tables a migration brings."""
    return service_of("payment-api" if name == "payment" else name, **more)


def objects(template: str, **values: Any) -> list[Object]:
    """The objects of one template."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "manifests"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["to_json"] = json.dumps
    text = environment.get_template(template).render(**values)
    return [made for made in yaml.safe_load_all(text) if made]


def everything(settings: Object, version: str, **more: Any) -> dict[str, list[Object]]:
    """All objects, by part: shared, migrations, services."""
    known = load("services.yml")
    about = {"settings": settings, "version": version}
    return {
        "shared": objects("shared.yml.j2", **about),
        "migrations": [
            made
            for name in known["migrations"]
            for made in objects("migration.yml.j2", service=migration_of(name, **more), **about)
        ],
        "services": [
            made
            for name in known["services"]
            for made in objects("service.yml.j2", service=service_of(name, **more), **about)
        ],
    }


def main() -> None:
    """Print them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--settings", type=Path, default=HERE / "lab.yml")
    parser.add_argument("--version", default="1")
    parser.add_argument("--only", help="one service")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--migrations", action="store_true")
    part.add_argument("--shared", action="store_true")
    given = parser.parse_args()
    settings = load(given.settings.resolve())
    wanted = "migrations" if given.migrations else "shared" if given.shared else "services"
    if given.only and wanted != "shared":
        make = migration_of if given.migrations else service_of
        template = f"{wanted.removesuffix('s')}.yml.j2"
        found = objects(
            template, service=make(given.only), version=given.version, settings=settings
        )
    else:
        found = everything(settings, given.version)[wanted]
    yaml.safe_dump_all(found, sys.stdout, sort_keys=False)


if __name__ == "__main__":
    main()
