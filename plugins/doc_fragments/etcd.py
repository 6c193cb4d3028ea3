# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options that all modules for etcd share."""

from __future__ import annotations


class ModuleDocFragment:
    """C(groundwork.platform.etcd)."""

    DOCUMENTATION = r"""
options:
  endpoints:
    description: Client URLs of all members, for instance V(https://10.0.0.1:2379). Each is asked for itself.
    type: list
    elements: str
    required: true
  ca_cert:
    description: CA certificates that the members' certificates are checked against, by default the system's.
    type: path
  client_cert:
    description: Client certificate (PEM) to present, where the cluster demands one.
    type: path
  client_key:
    description: Key of O(client_cert).
    type: path
  root_password:
    description: Password of etcd's user C(root). Not needed while authentication is off.
    type: str
  root_password_previous:
    description: Password that C(root) may still have, tried where O(root_password) is not taken.
    type: str
  timeout:
    description: Seconds that a single request may take.
    type: float
    default: 3.0
notes:
  - Speaks to etcd's JSON gateway (etcd 3.4 or newer with C(enable-grpc-gateway)) with Python's standard library alone,
    from any host that reaches the members.
  - A failure that is a refusal has RV(ignore:refused=true). RV(ignore:reason) is a stable code for either kind.
"""
