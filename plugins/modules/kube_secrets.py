#!/usr/bin/python
# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets of a Kubernetes cluster, from their sources into one of three forms."""

from __future__ import annotations

DOCUMENTATION = r"""
module: kube_secrets
short_description: Secrets of a Kubernetes cluster, from their sources into one of three forms
version_added: 0.1.0
description:
  - Takes values from the description itself (Ansible Vault), the environment or Google Secret Manager, or makes them
    once and keeps them, and writes them as Secrets, as SealedSecrets or as SecretProviderClasses.
  - Restarts what uses a value that changed, each workload once, and waits until it runs.
  - Refuses before the first change where anything is missing, and names all of it at once. A value is never shown.
author:
  - groundwork.platform maintainers (@groundwork)
extends_documentation_fragment:
  - groundwork.platform.kube
attributes:
  check_mode:
    description: >-
      The API itself tries each object (dry run). One whose namespace is still to come (O(expected_namespaces)) is
      tried in the namespace C(default), one whose kind does not exist yet is shown as it is written. New values are
      made up for it and not kept.
    support: full
  diff_mode:
    description: One diff for each object that changes. Values are hidden; which of them differ can be seen.
    support: full
  platform:
    description: Hosts with Python 3.9 or later.
    support: full
    platforms: posix
options:
  secrets:
    description:
      - Secrets, each with C(name), C(namespaces) and C(data).
      - >-
        C(data) gives each key one source. C({value: text}) is the text itself, C({base64: text}) what it stands for,
        C({env: NAME}) a variable of the environment in which the module runs,
        C({secret_manager: projects/p/secrets/s/versions/v}) a version in Google Secret Manager (C(latest) without a
        version).
      - >-
        C({generate: {length: 32, characters: ..., version: 1, name: ...}}) makes a value once and keeps it below
        O(state_dir). Another C(version) is another value. Keys that give the same C(name) share one.
      - C(registry) in place of C(data) has C(server), C(username) and C(password) (both with a source) and makes the
        value that C(imagePullSecrets) reads.
      - C(type) is C(Opaque) unless given. C(form) and C(scope) stand above O(form) and O(scope). C(labels) and
        C(annotations) are those of the Secret. C(sync) asks the CSI driver for a Secret of the same name, which it
        makes while a pod mounts it.
      - C(restart) lists what restarts when a value changes, as C(Deployment/name), in place of what is found; an
        empty list restarts nothing.
    type: raw
  registries:
    description:
      - Credentials of image registries. Each has C(name), C(server), C(username), C(password) and, unless
        O(application_namespaces) is meant, C(namespaces). C(form) and C(scope) may be given as in O(secrets).
      - They are written as Secrets where O(form) is V(csi), as the kubelet reads nothing else.
    type: raw
  application_namespaces:
    description: Namespaces of registries that name none.
    type: list
    elements: str
    default: []
  form:
    description: What is written.
    type: str
    choices: [secret, sealed, csi]
    default: secret
  state_dir:
    description:
      - Folder in which generated values are kept, and the key of the digests of sealed ones, on the host that runs
        the module. Only its owner may read it.
      - It is one for all clusters of an environment, which makes their values the same. Back it up.
    type: path
    required: true
  digest_key:
    description: Key of the digests of sealed values, for controllers that keep no folder.
    type: str
  certificate:
    description:
      - File with the certificate to seal against, as C(kubeseal --fetch-cert) writes it. Without it the controller in
        the cluster is asked.
      - Needed while a cluster stands by and something new has to be sealed, as no controller runs there.
    type: path
  controller_namespace:
    description: Namespace of the sealed-secrets controller.
    type: str
    default: kube-system
  controller_name:
    description: Service of the sealed-secrets controller.
    type: str
    default: sealed-secrets-controller
  scope:
    description: Where a sealed value may be opened, in kubeseal's words.
    type: str
    choices: [strict, namespace-wide, cluster-wide]
    default: strict
  files_dir:
    description: >-
      Folder into which SealedSecrets and SecretProviderClasses are written as well, for Git, as
      C(namespace/name.yaml). It is of one cluster.
    type: path
  git_only:
    description: >-
      Write SealedSecrets and SecretProviderClasses into O(files_dir) alone, for who applies them from Git, such as
      Argo CD.
    type: bool
    default: false
  csi_provider:
    description: Provider of the secrets-store CSI driver, V(gke) for the one that GKE brings along.
    type: str
    choices: [gcp, gke]
    default: gcp
  google_endpoint:
    description: Where Secret Manager is, if not at Google's public address.
    type: str
  google_credentials:
    description: Key file of a service account. Without it, google-auth finds credentials as Google's tools do.
    type: path
  google_token:
    description: Access token, in place of credentials.
    type: str
  restart:
    description: Restart what uses a value that changed.
    type: bool
    default: true
  standby:
    description: >-
      The cluster's node pools are at 0. All objects are written; nothing is restarted, and nothing is waited for.
    type: bool
    default: false
  force_conflicts:
    description:
      - Write over values that another manager has set to something else, such as a person by hand. Otherwise such a
        secret fails, with manager and key.
      - Hand a Secret that was not made here over to the sealed-secrets controller.
    type: bool
    default: false
  replace:
    description: >-
      Delete and make anew what has another value in a field that cannot be changed, which is the type of a Secret.
    type: bool
    default: false
  inventory:
    description: >-
      Value of the label C(groundwork.platform/inventory) on all objects, which tells O(prune) what belongs together.
    type: str
    default: secrets
  prune:
    description: >-
      Delete secrets of the O(inventory) that nobody describes any more, once all others are as they should be.
    type: bool
    default: false
  expected_namespaces:
    description: Namespaces that an earlier task makes. In check mode they may be missing.
    type: list
    elements: str
    default: []
  field_manager:
    description: Name under which the cluster keeps which fields are managed from here.
    type: str
    default: groundwork
  wait_timeout:
    description: >-
      Seconds in which sealed values have to be opened, and as many in which what was restarted has to be ready.
    type: float
    default: 300.0
  concurrency:
    description: Requests in flight.
    type: int
    default: 16
notes:
  - Keys that are not described are removed from a secret.
requirements:
  - cryptography >= 38 (Python library, for sealed ones)
  - google-auth >= 2 (Python library, for Google Secret Manager without O(google_token))
seealso:
  - module: groundwork.platform.kube_apply
"""

EXAMPLES = r"""
- name: Bring the secrets of an application to what is described
  groundwork.platform.kube_secrets:
    context: main
    state_dir: ~/.local/state/groundwork/staging
    secrets:
      - name: nx-shared-secret
        namespaces: [nx-backend]
        data:
          DB_PASSWORD: {value: "{{ vault_db_password }}"}
          API_KEY: {env: NX_API_KEY}
          JWT_SECRET: {generate: {length: 48}}
          PARTNER: {secret_manager: projects/shop/secrets/partner/versions/3}
    registries:
      - name: bcr-registry
        namespaces: [nx-backend, nx-app, nx-internal]
        server: bcr.example.com
        username: {value: deploy}
        password: {env: NX_REGISTRY_PASSWORD}

- name: Seal them, and write them for Git
  groundwork.platform.kube_secrets:
    context: production
    state_dir: ~/.local/state/groundwork/production
    form: sealed
    files_dir: gitops/clusters/production
    secrets: "{{ secrets }}"
"""

RETURN = r"""
changes:
  description: What becomes of objects, keys and workloads, a line each.
  returned: where the API was reached
  type: list
  elements: str
  sample:
    - "Secret nx-shared-secret in nx-backend: updated (DB_PASSWORD changed)"
    - "Deployment nx-identity in nx-backend: restarted for nx-shared-secret"
counts:
  description: How many objects were created, updated, unchanged, replaced, pruned, failed and skipped.
  returned: where the API was reached
  type: dict
  sample: {created: 0, updated: 1, unchanged: 3, replaced: 0, pruned: 0, failed: 0, skipped: 0}
results:
  description: >-
    Each object, as M(groundwork.platform.kube_apply) returns it, and C(keys) with what becomes of those that do not
    stay as they are (V(added), V(changed), V(removed), V(sealed anew)).
  returned: where the API was reached
  type: list
  elements: dict
  sample:
    - kind: Secret
      group: ""
      namespace: nx-backend
      name: nx-shared-secret
      action: updated
      source: nx-shared-secret (secrets, item 1)
      keys: {DB_PASSWORD: changed}
restarted:
  description: What was restarted and for which secrets. C(held) says why its pods do not follow by themselves.
  returned: where the API was reached
  type: list
  elements: dict
  sample: [{kind: Deployment, namespace: nx-backend, name: nx-identity, secrets: [nx-shared-secret]}]
files:
  description: Files for Git that were written.
  returned: where the API was reached
  type: list
  elements: str
  sample: [gitops/clusters/production/nx-backend/nx-shared-secret.yaml]
generated:
  description: Files in which new values are kept.
  returned: where the API was reached
  type: list
  elements: str
  sample: [/srv/state/generated/nx-shared-secret/JWT_SECRET.1]
problems:
  description: Why nothing was done, one by one, with C(reason), C(where), C(what), C(why) and C(way_out).
  returned: where secrets were refused
  type: list
  elements: dict
  sample:
    - reason: missing_value
      where: nx-shared-secret (secrets, item 1), key API_KEY
      what: the environment variable NX_API_KEY is not set
      why: A secret without one of its values is not written
      way_out: Export it where Ansible is started
reason:
  description:
    - Why nothing was done. Where problems have different reasons it is V(refused).
    - One of V(malformed_secret), V(twice), V(shared_value), V(missing_value), V(values_differ), V(value_lost),
      V(owned_elsewhere), V(owned), V(not_handed_over), V(no_namespace), V(namespace_terminating), V(unknown_kind),
      V(no_certificate), V(bad_certificate), V(no_google_credentials), V(unauthorized), V(forbidden), V(unreachable),
      V(no_such_workload), V(bad_state), V(bad_files_dir), V(no_configuration), V(bad_configuration), V(too_old),
      V(missing_library), V(failed), V(refused).
  returned: where nothing was done
  type: str
  sample: missing_value
"""

from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    KubeModule,
    argument_spec,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.bulk import (
    OPTIONS,
    apply_all,
)


def main() -> None:
    """Write secrets."""
    apply_all(
        KubeModule(
            argument_spec=argument_spec(**OPTIONS),
            supports_check_mode=True,
            required_if=[("git_only", True, ("files_dir",))],
        )
    )


if __name__ == "__main__":
    main()
