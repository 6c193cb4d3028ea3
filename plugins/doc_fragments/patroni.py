# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options that all modules for Patroni clusters share."""

from __future__ import annotations


class ModuleDocFragment:
    """C(groundwork.platform.patroni) for connections, C(groundwork.platform.patroni.waiting) for watching."""

    DOCUMENTATION = r"""
options:
  members:
    description:
      - Base URLs of members' REST APIs, for instance V(https://10.0.0.1:8008).
      - One that can be reached is enough. The others are discovered.
    type: list
    elements: str
    required: true
  ca_cert:
    description: CA certificates that the members' certificates are checked against, by default the system's.
    type: path
  client_cert:
    description: Client certificate (PEM) to present.
    type: path
  client_key:
    description: Key of O(client_cert), where it is not in the same file.
    type: path
  username:
    description: User of the REST API's unsafe calls (C(restapi.authentication)).
    type: str
  password:
    description: Password of O(username).
    type: str
  timeout:
    description: Seconds that a single request may take.
    type: float
    default: 3.0
notes:
  - Needs nothing but Python's standard library on the host it runs on, which may be any that reaches the members, such
    as a database host or the controller.
  - A failure that is a refusal has RV(ignore:refused=true). RV(ignore:reason) is a stable code for either kind.
"""

    WAITING = r"""
options:
  wait_timeout:
    description: Seconds to watch the cluster until it is where it was asked to be.
    type: float
    default: 60.0
  poll_interval:
    description: Seconds between two looks at the cluster.
    type: float
    default: 0.2
"""
