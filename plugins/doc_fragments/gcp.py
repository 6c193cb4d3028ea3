# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the options by which Google Cloud is called."""

from __future__ import annotations


class ModuleDocFragment:
    """Who calls: the names are those of the modules of google.cloud."""

    DOCUMENTATION = r"""
options:
  auth_kind:
    description:
      - Who calls.
      - V(application) is what C(gcloud auth application-default login) left, or what the file in
        C(GOOGLE_APPLICATION_CREDENTIALS) says, workload identity included.
      - V(serviceaccount) is O(service_account_file) or O(service_account_contents), V(machineaccount) the account of
        the machine that the module runs on, V(accesstoken) is O(access_token).
      - The default is C(GCP_AUTH_KIND) of the environment where it is set.
    type: str
    choices: [application, serviceaccount, machineaccount, accesstoken]
    default: application
  service_account_file:
    description: File with a service account's key. The default is C(GCP_SERVICE_ACCOUNT_FILE) of the environment.
    type: path
  service_account_contents:
    description: The same as text. The default is C(GCP_SERVICE_ACCOUNT_CONTENTS) of the environment.
    type: jsonarg
  service_account_email:
    description:
      - Which of the machine's accounts is meant with V(machineaccount).
      - The default is C(GCP_SERVICE_ACCOUNT_EMAIL) of the environment, then the machine's own.
    type: str
  access_token:
    description:
      - Token. It cannot be renewed, so a run that takes longer than it holds ends with V(unauthorized).
      - The default is C(GCP_ACCESS_TOKEN) of the environment.
    type: str
  impersonate_service_account:
    description:
      - Service account that is acted as. Who calls needs C(roles/iam.serviceAccountTokenCreator) on it.
      - Of a list the last is acted as, by way of those before it.
    type: list
    elements: str
    default: []
  scopes:
    description: What tokens are for. The default is C(GCP_SCOPES) of the environment where it is set.
    type: list
    elements: str
    default: ["https://www.googleapis.com/auth/cloud-platform"]
  quota_project:
    description: Project whose quota for requests is used, where it is not that of the account.
    type: str
requirements:
  - aiohttp >= 3.10 (Python library)
  - google-api-python-client >= 2.100 (Python library), for the definitions of the APIs that it carries
  - google-auth >= 2.20 and requests (Python libraries), unless O(auth_kind=accesstoken) without impersonation
"""
