"""Write docs/catalogue.md from the definitions of role kube_components."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/catalogue.md"
DEFINITIONS = ROOT / "roles/kube_components/files/catalogue"

_HEAD = """\
# The catalogue of components
`roles/kube_components/files/catalogue/<name>.yml` says what a component is, `templates/catalogue/<name>.yml.j2` what it brings besides its
source. An inventory names a component and says what is different; mappings are merged key by key, all else replaces:

```yaml
kube_components:
  - {name: cert-manager}
  - name: cert-manager-issuers
    settings: {email: platform@example.com}
  - name: ingress-nginx
    values: {controller: {replicaCount: 1}}
```

`settings` are the template's parameters, `values` the chart's. Passwords are never among them: a setting that ends in `secret` names a Secret
that has to be there (role `kube_secrets`). `kube_components_registry` names a mirror that takes the place of the registries of all images
in templates; a setting `registry` does so for one component.

How far a component was **tried**:

| tried | what that says |
|---|---|
| applied | its chart was rendered or its manifests read, and an API server with the definitions (CRDs) of that version took every object; a second time nothing changed. Programs did not run |
| rendered | its own objects were made from their settings; the definitions of their kinds were not to be had |
| not | its chart or manifest was not to be had where this was written: look at version and values before you rely on them |

`tests/integration/test_catalogue.py` tries this again, and fails where a definition says something else. Images were never pulled.

| component | what it is | source | version | tried | notes |
|---|---|---|---|---|---|
"""


def page() -> str:
    """The page's text."""
    paths = sorted(DEFINITIONS.glob("*.yml"))
    return _HEAD + "".join(
        _row(path.stem, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in paths
    )


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
