# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the options that the Kubernetes modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """How a cluster's API is reached (``ACCESS`` without a time-out); ``WRITING`` is how objects are written."""

    # How a cluster is reached, for modules that have a time-out of their own.
    ACCESS = r"""
options:
  kubeconfig:
    description:
      - File that says where the API is and who asks.
      - The default is C(KUBECONFIG) of the environment, then C(~/.kube/config), then the account of the pod that runs
        the module.
    type: path
  context:
    description: Context of the kubeconfig, instead of its current one.
    type: str
  host:
    description: URL of the API. With it no kubeconfig is read unless one is named.
    type: str
  api_key:
    description: Bearer token.
    type: str
  ca_cert:
    description: CA file that the API's certificate is verified with.
    type: path
  client_cert:
    description: Client certificate.
    type: path
  client_key:
    description: Key of O(client_cert).
    type: path
  impersonate_user:
    description: User whose rights are used.
    type: str
"""

    # ansible-test reads literals only, so this is ACCESS once more.
    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - File that says where the API is and who asks.
      - The default is C(KUBECONFIG) of the environment, then C(~/.kube/config), then the account of the pod that runs
        the module.
    type: path
  context:
    description: Context of the kubeconfig, instead of its current one.
    type: str
  host:
    description: URL of the API. With it no kubeconfig is read unless one is named.
    type: str
  api_key:
    description: Bearer token.
    type: str
  ca_cert:
    description: CA file that the API's certificate is verified with.
    type: path
  client_cert:
    description: Client certificate.
    type: path
  client_key:
    description: Key of O(client_cert).
    type: path
  impersonate_user:
    description: User whose rights are used.
    type: str
  timeout:
    description: Seconds for one request. An API that does not answer is tried again a few times.
    type: float
    default: 30.0
requirements:
  - aiohttp >= 3.9 (Python library)
  - >-
    kubernetes >= 31 (Python library), where the kubeconfig's user has an exec plugin or identity provider, or a
    pod's account is used
"""

    # How objects are written, for modules that apply manifests.
    WRITING = r"""
options:
  field_manager:
    description: Name under which the cluster keeps which fields are managed from here.
    type: str
    default: groundwork
  force_conflicts:
    description: >-
      Take fields over that another manager has set to something else. Otherwise such an object fails, with
      manager and field.
    type: bool
    default: false
  exclusive:
    description:
      - Remove entries that somebody added to the data of a ConfigMap or Secret or to the limits of a ResourceQuota.
        Server-side apply leaves them alone.
      - They are always told as C(drift) of the object.
    type: bool
    default: false
  replace:
    description: >-
      Delete and make anew what has another value in a field that cannot be changed. Otherwise such an object
      fails.
    type: bool
    default: false
  prune_kinds:
    description: >-
      Kinds that O(prune) would leave alone, as with them goes what no manifest can bring back, and that it may
      delete all the same.
    type: list
    elements: str
    choices: [CustomResourceDefinition, Namespace, PersistentVolume, PersistentVolumeClaim]
    default: []
  concurrency:
    description: Requests in flight.
    type: int
    default: 16
"""
