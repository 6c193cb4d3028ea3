# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Values of secrets in Google's Secret Manager."""

from __future__ import annotations

DOCUMENTATION = r"""
name: gcp_secret
short_description: Values of secrets in Google's Secret Manager
version_added: 0.1.0
author:
  - groundwork.platform maintainers (@groundwork)
description:
  - Returns the latest version of each secret, all of them by one round of requests. Neither tokens nor values are
    written to a log, however verbose it is.
  - Acts as the other parts for Google Cloud do, with the same variables of the environment and the inventory.
options:
  _terms:
    description: Names of secrets, or full names of versions (C(projects/P/secrets/S/versions/V)).
    type: list
    elements: str
    required: true
  project:
    description: Project of the secrets.
    type: str
    vars: [{name: gcp_project}]
  impersonate_service_account:
    description: Account to act as.
    type: str
    default: ""
    vars: [{name: gcp_impersonate_service_account}]
  auth_kind:
    description: Kind of credentials.
    type: str
    choices: [application, serviceaccount, machineaccount, accesstoken]
    default: application
    env: [{name: GCP_AUTH_KIND}]
  service_account_file:
    description: Key file of a service account.
    type: path
    env: [{name: GCP_SERVICE_ACCOUNT_FILE}]
  service_account_contents:
    description: What would be in that file.
    type: str
    env: [{name: GCP_SERVICE_ACCOUNT_CONTENTS}]
  access_token:
    description: Token, for V(accesstoken).
    type: str
    env: [{name: GCP_ACCESS_TOKEN}]
requirements:
  - google-auth
"""

EXAMPLES = r"""
- name: Passwords of a cluster, in its group's variables
  ansible.builtin.set_fact:
    patroni_rest_password: "{{ lookup('groundwork.platform.gcp_secret', 'payments-patroni-rest') }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description: Values, in the order of the names.
  type: list
  elements: str
"""

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.credentials import (
    Account,
    Tokens,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    MissingError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.secret_manager import (
    Access,
    fetch,
)

#: What this process has read. Ansible asks for a variable's value again at each use of it.
_READ: dict[tuple[int, str], str] = {}


class LookupModule(LookupBase):
    """Asks Secret Manager."""

    def run(
        self, terms: list[Any], variables: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> list[str]:
        """Return the values; Ansible's own errors say what is missing, and how to get it."""
        self.set_options(var_options=variables, direct=kwargs)
        names = [self._full(str(term)) for term in terms]
        # A process that was forked from this one asks for itself: what it would inherit may have been changed since.
        missing = [name for name in names if (os.getpid(), name) not in _READ]
        if missing:
            self._read(missing)
        return [_READ[os.getpid(), name] for name in names]

    def _full(self, term: str) -> str:
        if term.startswith("projects/"):
            return term
        project = self.get_option("project")
        if not project:
            raise AnsibleLookupError(
                f"gcp_secret: no project for {term}. Give project, or set gcp_project in the inventory."
            )
        return f"projects/{project}/secrets/{term}/versions/latest"

    def _read(self, names: list[str]) -> None:
        account = Account(
            kind=self.get_option("auth_kind"),
            file=self.get_option("service_account_file"),
            contents=self.get_option("service_account_contents"),
            token=self.get_option("access_token"),
            impersonate=tuple(filter(None, [self.get_option("impersonate_service_account")])),
        )
        try:
            token = asyncio.run(Tokens(account).get())
            found = fetch(names, Access(token=token))
        except (GcpError, MissingError) as error:
            raise AnsibleLookupError(f"gcp_secret: {error}") from error
        for name, value in found.items():
            if isinstance(value, MissingError):
                raise AnsibleLookupError(f"gcp_secret: {value}")
            _READ[os.getpid(), name] = value.decode()
