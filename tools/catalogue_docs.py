"""Write the table in docs/catalogue.md from the definitions of role kube_components."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/catalogue.md"
DEFINITIONS = ROOT / "roles/kube_components/files/catalogue"

#: Below it stands what is made here.
_TABLE = "| component | what it is |"


def page() -> str:
    """The page with the table as it should be."""
    above = PAGE.read_text(encoding="utf-8").partition(_TABLE)[0]
    rows = [
        _row(path.stem, yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in sorted(DEFINITIONS.glob("*.yml"))
    ]
    head = [f"{_TABLE} source | version | tried | notes |\n", "|---|---|---|---|---|---|\n"]
    return above + "".join([*head, *rows])


def _row(name: str, definition: dict[str, Any]) -> str:
    source, version = _source(definition)
    cells = [f"`{name}`", definition["description"], source, version, definition["tried"]]
    return f"| {' | '.join([*cells, definition['notes']])} |\n"


def _source(definition: dict[str, Any]) -> tuple[str, str]:
    """Where a component comes from, and at which version; one that nobody could check has a question mark."""
    source = definition["source"]
    if "chart" in source:
        version = source["version"] + ("" if definition["pinned"] else " (?)")
        where = source.get("repository", source["chart"])
        return f"chart `{source['chart'].rpartition('/')[2]}` of {where}", version
    if "manifests" in source:
        place = source["manifests"][0]
        parts = place.split("/")
        version = next(part for part in parts if part.lstrip("v")[:1].isdigit())
        project = "/".join(parts[3:5])
        return f"manifests of {project}", version + ("" if definition["pinned"] else " (?)")
    image = definition["settings"].get("image", "")
    return "the role's own", image.rpartition(":")[2] if image else ""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
