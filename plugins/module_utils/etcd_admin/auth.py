# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Users, their prefixes, and authentication itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.etcd.gateway import encode
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.client import (
    EtcdCallError,
    EtcdCluster,
)
from ansible_collections.groundwork.platform.plugins.module_utils.etcd_admin.model import (
    RefusedError,
)

Permission = tuple[str, str, str]


@dataclass(frozen=True)
class User:
    """A user that may read and write below one prefix. Its role has its name."""

    name: str
    password: str
    prefix: str
    present: bool = True


def range_end(prefix: str) -> bytes:
    """The first key after all that begin with ``prefix``: its last byte that can be raised, raised."""
    raw = bytearray(prefix.encode("utf-8"))
    while raw and raw[-1] == 0xFF:
        raw.pop()
    if not raw:
        return b"\x00"
    raw[-1] += 1
    return bytes(raw)


def permission(prefix: str) -> Permission:
    """READWRITE on a prefix, as the gateway writes it."""
    return "READWRITE", encode(prefix), base64.b64encode(range_end(prefix)).decode("ascii")


class Authentication:
    """Brings users and authentication to what is wanted, and remembers what that took."""

    def __init__(self, etcd: EtcdCluster, check_mode: bool) -> None:
        self._etcd = etcd
        self._check_mode = check_mode
        self.steps: list[str] = []

    def log_in(self, password: str, previous: str) -> bool:
        """Find the password that root has; return whether authentication is on.

        Raises ``RefusedError`` where neither is taken.
        """
        self._etcd.become("", "")
        try:
            if self._etcd.accepts("root", password):
                self._etcd.become("root", password)
                return True
            if previous and self._etcd.accepts("root", previous):
                self._etcd.become("root", previous)
                self._change("change root's password", "/v3/auth/user/changepw", "root", password)
                if not self._check_mode:
                    self._etcd.become("root", password)
                return True
        except EtcdCallError as error:
            if "authentication is not enabled" in error.words:
                return False
            raise
        raise RefusedError(
            "wrong_password",
            "Authentication is on and root's password is another one. Give the one that is in force as "
            "etcd_root_password_previous; the wanted one is then set.",
        )

    def ensure(self, root_password: str, previous: str, users: Sequence[User]) -> None:
        """Make it so. A run that was cut short is continued by the next one."""
        enabled = self.log_in(root_password, previous)
        known = self._list("/v3/auth/user/list", "users")
        roles = self._list("/v3/auth/role/list", "roles")
        if not enabled:
            self._ensure_root(root_password, known, roles)
        for user in users:
            if user.present:
                self._ensure_role(user, roles)
                self._ensure_user(user, known, enabled)
            else:
                self._ensure_absent(user, known, roles)
        if not enabled:
            self._do("enable authentication", "/v3/auth/enable", {})

    def _ensure_root(self, password: str, known: Sequence[str], roles: Sequence[str]) -> None:
        if "root" not in roles:
            self._do("add role root", "/v3/auth/role/add", {"name": "root"})
        if "root" not in known:
            self._change("add user root", "/v3/auth/user/add", "root", password)
        else:
            # While authentication is off nobody can tell which password it has.
            self._change("set root's password", "/v3/auth/user/changepw", "root", password)
        self._ensure_granted("root", known)

    def _ensure_user(self, user: User, known: Sequence[str], enabled: bool) -> None:
        if user.name not in known:
            self._change(f"add user {user.name}", "/v3/auth/user/add", user.name, user.password)
        elif not enabled or not self._etcd.accepts(user.name, user.password):
            said = f"change the password of {user.name}"
            self._change(said, "/v3/auth/user/changepw", user.name, user.password)
        self._ensure_granted(user.name, known)

    def _ensure_granted(self, name: str, known: Sequence[str]) -> None:
        """The user has the role of its name and no other."""
        held: list[str] = []
        if name in known:
            held = list(self._etcd.call("/v3/auth/user/get", {"name": name}).get("roles") or [])
        if name not in held:
            self._do(f"grant role {name}", "/v3/auth/user/grant", {"user": name, "role": name})
        for role in held:
            if role != name:
                body = {"name": name, "role": role}
                self._do(f"revoke role {role} of {name}", "/v3/auth/user/revoke", body)

    def _ensure_role(self, user: User, roles: Sequence[str]) -> None:
        held: set[Permission] = set()
        if user.name in roles:
            document = self._etcd.call("/v3/auth/role/get", {"role": user.name})
            held = {_permission(item) for item in document.get("perm") or []}
        else:
            self._do(f"add role {user.name}", "/v3/auth/role/add", {"name": user.name})
        wanted = permission(user.prefix)
        for kind, key, end in sorted(held - {wanted}):
            if (key, end) != wanted[1:]:
                body = {"role": user.name, "key": key, "range_end": end}
                self._do(f"revoke {kind} of {user.name}", "/v3/auth/role/revoke", body)
        if wanted not in held:
            kind, key, end = wanted
            perm = {"permType": kind, "key": key, "range_end": end}
            said = f"grant {user.name} read and write below {user.prefix}"
            self._do(said, "/v3/auth/role/grant", {"name": user.name, "perm": perm})

    def _ensure_absent(self, user: User, known: Sequence[str], roles: Sequence[str]) -> None:
        if user.name in known:
            self._do(f"delete user {user.name}", "/v3/auth/user/delete", {"name": user.name})
        if user.name in roles:
            self._do(f"delete role {user.name}", "/v3/auth/role/delete", {"role": user.name})

    def _list(self, path: str, field: str) -> list[str]:
        return [str(item) for item in self._etcd.call(path).get(field) or []]

    def _change(self, said: str, path: str, name: str, password: str) -> None:
        self._do(said, path, {"name": name, "password": password})

    def _do(self, said: str, path: str, body: Mapping[str, Any]) -> None:
        self.steps.append(said)
        if not self._check_mode:
            self._etcd.call(path, body)


def _permission(item: Mapping[str, Any]) -> Permission:
    """The gateway leaves out READ, its zero."""
    return (
        str(item.get("permType") or "READ"),
        str(item.get("key") or ""),
        str(item.get("range_end") or ""),
    )


def ensure(etcd: EtcdCluster, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """What the module ``etcd_auth`` does."""
    users = [
        User(u["name"], u["password"] or "", u["prefix"] or "", u["state"] == "present")
        for u in params["users"]
    ]
    work = Authentication(etcd, check_mode)
    work.ensure(params["root_password"], params["root_password_previous"] or "", users)
    return {"changed": bool(work.steps), "steps": work.steps}
