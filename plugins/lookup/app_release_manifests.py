# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Services of a release with their manifests."""

from __future__ import annotations

DOCUMENTATION = r"""
name: app_release_manifests
short_description: Services of a release with their manifests
version_added: 0.1.0
author:
  - groundwork.platform maintainers (@groundwork)
description:
  - Renders the templates of services that the filter P(groundwork.platform.release_services#filter) has chosen, and
    returns the services as M(groundwork.platform.app_release) takes them.
  - A template sees C(service) (what the service map says of it, with names, version and image), C(version) and
    C(settings). That of a migration gives one Job.
options:
  _terms:
    description: A list of services, as the filter returns them.
    type: list
    elements: dict
    required: true
  settings:
    description: What templates see as C(settings).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show what would be applied
  ansible.builtin.debug:
    msg: >-
      {{ query('groundwork.platform.app_release_manifests',
               app_release_services | groundwork.platform.release_services(version='1', template='service.yml.j2')) }}
"""

RETURN = r"""
_raw:
  description: The services.
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.yaml_text import documents


class LookupModule(LookupBase):
    """Renders templates on the controller."""

    def run(
        self, terms: list[Any], variables: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> list[dict[str, Any]]:
        """Return the services of all terms."""
        self.set_options(var_options=variables, direct=kwargs)
        return [self._complete(entry, variables or {}) for term in terms for entry in term]

    def _complete(self, entry: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        call = dict(entry["call"])
        if entry.get("template"):
            call["manifests"] = [self._rendered(entry["template"], entry, variables)]
        if entry.get("migration_template"):
            text = self._rendered(entry["migration_template"], entry, variables)
            job = _only(text, f"{call['name']}: {entry['migration_template']}")
            call["migration"] = {**call["migration"], "job": job}
        return call

    def _rendered(
        self, template: str, entry: Mapping[str, Any], variables: Mapping[str, Any]
    ) -> str:
        service = entry["service"]
        lookup = lookup_loader.get(
            "ansible.builtin.template", loader=self._loader, templar=self._templar
        )
        given = {
            "service": service,
            "version": service["version"],
            "settings": self.get_option("settings"),
        }
        try:
            (text,) = lookup.run([template], dict(variables), template_vars=given)
        except AnsibleError as error:
            raise AnsibleLookupError(f"{service['name']}: {error}") from error
        return str(text)


def _only(text: str, source: str) -> dict[str, Any]:
    """The one object of a migration's template."""
    try:
        found = [value for value, _line in documents(text, source) if value]
    except KubeError as error:
        raise AnsibleLookupError(str(error)) from error
    if len(found) != 1 or not isinstance(found[0], dict):
        raise AnsibleLookupError(f"{source}: a migration is one Job, not {len(found)} objects.")
    return found[0]
