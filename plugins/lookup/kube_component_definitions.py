# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Components with their definitions from the catalogue."""

from __future__ import annotations

DOCUMENTATION = r"""
name: kube_component_definitions
short_description: Components with their definitions from the catalogue
version_added: 0.1.0
author:
  - groundwork.platform maintainers (@groundwork)
description:
  - Returns components as M(groundwork.platform.kube_components) takes them. One whose name (or C(definition)) the
    catalogue has gets all that its definition says, with its own words over it. Mappings are merged key by key; all
    else replaces.
  - Where the catalogue has a template of that name as well, it is rendered with the component as the variable
    C(component), and its objects are applied with the others.
  - A definition's relative paths start beside the catalogue's folder, those of a component where Ansible looks for
    files.
options:
  _terms:
    description: A list of components.
    type: list
    elements: dict
    required: true
  definitions:
    description: Folders of definitions, C(NAME.yml). The first that has a name counts.
    type: list
    elements: path
    required: true
  templates:
    description: Folders of templates, C(NAME.yml.j2). The first that has a name counts.
    type: list
    elements: path
    required: true
"""

EXAMPLES = r"""
- name: Show what a component would be
  ansible.builtin.debug:
    msg: >-
      {{ lookup('groundwork.platform.kube_component_definitions', [{'name': 'cert-manager'}],
                definitions=[role_path ~ '/files/catalogue'], templates=[role_path ~ '/templates/catalogue']) }}
"""

RETURN = r"""
_raw:
  description: The components.
  type: list
  elements: dict
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase
from ansible_collections.groundwork.platform.plugins.module_utils.components.merge import merged
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.yaml_text import documents


class LookupModule(LookupBase):
    """Reads the catalogue on the controller."""

    def run(
        self, terms: list[Any], variables: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> list[dict[str, Any]]:
        """Return the components of all terms."""
        self.set_options(var_options=variables, direct=kwargs)
        components = [entry for term in terms for entry in term]
        return [self._complete(entry, variables or {}) for entry in components]

    def _complete(self, own: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        name = own.get("definition") or own["name"]
        file = self._first("definitions", f"{name}.yml")
        definition = self._placed(_definition(file), variables, file.parents[1]) if file else {}
        found = merged(definition, self._placed(own, variables))
        template = self._first("templates", f"{name}.yml.j2")
        if template and found.get("enabled", True):
            rendered = self._rendered(template, found, variables)
            found["manifests"] = [*_listed(found.get("manifests")), rendered]
        elif not template and found.get("settings") and (file or found.get("source")):
            raise AnsibleLookupError(
                f"{own['name']}: settings are for the template of a definition, and {name} has none. "
                "What a chart takes are its values."
            )
        found.pop("settings", None)
        return found

    def _first(self, option: str, name: str) -> Path | None:
        """The first file of a name in the folders of an option."""
        files = [Path(folder, name) for folder in self.get_option(option)]
        return next(filter(Path.is_file, files), None)

    def _rendered(
        self, template: Path, found: Mapping[str, Any], variables: Mapping[str, Any]
    ) -> str:
        lookup = lookup_loader.get(
            "ansible.builtin.template", loader=self._loader, templar=self._templar
        )
        given = {"component": {"namespace": "default", "settings": {}, **found}}
        try:
            (text,) = lookup.run([str(template)], dict(variables), template_vars=given)
        except AnsibleError as error:
            raise AnsibleLookupError(f"{found['name']}: {error}") from error
        return str(text)

    def _placed(
        self, entry: Mapping[str, Any], variables: Mapping[str, Any], root: Path | None = None
    ) -> dict[str, Any]:
        """The entry with the paths of its source made absolute, below ``root`` or where Ansible looks for files."""
        if not isinstance(entry.get("source"), Mapping):
            return dict(entry)
        source = dict(entry["source"])

        def place(path: str) -> str:
            if path.startswith(("https://", "~")) or Path(path).is_absolute():
                return path
            if root:
                return str(root / path)
            return (
                self.find_file_in_search_path(variables, "files", path, ignore_missing=True) or path
            )

        for key in ("path", "kustomize"):
            if source.get(key):
                source[key] = place(str(source[key]))
        if source.get("manifests"):
            source["manifests"] = [place(str(path)) for path in source["manifests"]]
        return {**entry, "source": source}


def _definition(file: Path) -> dict[str, Any]:
    try:
        found = [value for value, _line in documents(file.read_text(encoding="utf-8"), str(file))]
    except KubeError as error:
        raise AnsibleLookupError(str(error)) from error
    if len(found) != 1 or not isinstance(found[0], dict):
        raise AnsibleLookupError(f"{file}: a definition is one mapping.")
    return found[0]


def _listed(manifests: Any) -> list[Any]:
    if manifests is None:
        return []
    return list(manifests) if isinstance(manifests, list) else [manifests]
