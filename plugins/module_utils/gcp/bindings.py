# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who may do what with a resource: bindings as they are declared, and policies with them and without."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import Problem
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import (
    Reference,
    account_email,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.references import Found

#: The field in which the type of the resource stands.
TYPE = "resourceType"
_ACCOUNT = "serviceAccount:"
_WORKLOAD = re.compile(r"serviceAccount:([^\[]+)\.svc\.id\.goog\[")
_ROLE = re.compile(r"(?:(?:projects|organizations)/[^/]+/)?roles/[\w.]+")
_MEMBER = re.compile(
    r"allUsers|allAuthenticatedUsers|(?:deleted:)?(?:user|group|serviceAccount|domain|principal|principalSet|"
    r"projectOwner|projectEditor|projectViewer):\S+"
)
_CONDITION = frozenset(("title", "description", "expression", "location"))


def shaped(body: Mapping[str, Any]) -> dict[str, Any]:
    """A declared binding with the type of its resource beside it."""
    resource = body.get("resource")
    kind = resource.get("type") if isinstance(resource, Mapping) else None
    return {**body, TYPE: str(kind or "")}


def named(found: Found, project: str) -> None:
    """Write members as Google does, and note which accounts they are."""
    members = found.body.get("members")
    if not isinstance(members, list):
        return
    found.body["members"] = [_member(str(each), project) for each in members]
    found.references += [
        Reference("members[]", _account_link(each), "")
        for each in found.body["members"]
        if each.startswith(_ACCOUNT) and each.endswith(".iam.gserviceaccount.com")
    ]


def identity_pool(member: str) -> str:
    """The project whose clusters' identity pool a Kubernetes account is of, or nothing."""
    found = _WORKLOAD.match(member)
    return found[1] if found else ""


def _account_link(member: str) -> str:
    email = member[len(_ACCOUNT) :]
    return f"projects/{email.partition('@')[2].partition('.')[0]}/serviceAccounts/{email}"


def _member(text: str, project: str) -> str:
    if ":" not in text and "@" in text:
        return _ACCOUNT + text
    bare = text[len(_ACCOUNT) :]
    if text.startswith(_ACCOUNT) and "@" not in bare and "." not in bare:
        return _ACCOUNT + account_email(bare, project)
    return text


def problems(where: str, body: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with a declared binding."""
    for name in sorted(body.keys() - {"resource", "role", "members", "condition", TYPE}):
        words = "it has resource, role, members, condition"
        yield Problem("unknown_field", f"{where}: {name} is no field of it: {words}.")
    if body.get("resource") and not body[TYPE]:
        words = "resource has to be a mapping with type and name"
        yield Problem("wrong_type", f"{where}: {words}.")
    if body.get("role") and not _ROLE.fullmatch(str(body["role"])):
        words = f"role is {body['role']!r}; roles begin with roles/ or projects/NAME/roles/"
        yield Problem("bad_pattern", f"{where}: {words}.")
    members = body.get("members")
    if members is not None and not isinstance(members, list):
        yield Problem("wrong_type", f"{where}: members has to be a list, not a text.")
        members = ()
    for member in members or ():
        if not _MEMBER.fullmatch(member):
            words = f"member {member!r} is none of user:, group:, serviceAccount:, domain:, principal:, allUsers"
            yield Problem("bad_pattern", f"{where}: {words}.")
    condition = body.get("condition")
    if condition is not None and not (
        isinstance(condition, Mapping)
        and condition.keys() <= _CONDITION
        and condition.keys() >= {"title", "expression"}
    ):
        yield Problem(
            "unknown_field", f"{where}: a condition has title, expression and perhaps description."
        )


def missing(policy: Mapping[str, Any], body: Mapping[str, Any]) -> list[str]:
    """Members that do not have the role yet, in their order."""
    having = members_of(policy, body)
    return [member for member in body["members"] if member not in having]


def present(policy: Mapping[str, Any], body: Mapping[str, Any]) -> list[str]:
    """Declared members that have the role, in their order."""
    having = members_of(policy, body)
    return [member for member in body["members"] if member in having]


def members_of(policy: Mapping[str, Any], body: Mapping[str, Any]) -> set[str]:
    """All members that have the role under the condition."""
    return {
        member
        for binding in policy.get("bindings", ())
        if _same(binding, body)
        for member in binding.get("members", ())
    }


def with_members(policy: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The policy with the declared members in it."""
    added = missing(policy, body)
    bindings = [dict(each) for each in policy.get("bindings", ())]
    for binding in bindings:
        if added and _same(binding, body):
            binding["members"] = [*binding.get("members", ()), *added]
            break
    else:
        if added:
            new = {"role": body["role"], "members": added}
            bindings.append({**new, **_condition(body)})
    return _versioned({**policy, "bindings": bindings})


def without_members(policy: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The policy without the declared members in it."""
    bindings = []
    for binding in policy.get("bindings", ()):
        left = list(binding.get("members", ()))
        if _same(binding, body):
            left = [member for member in left if member not in body["members"]]
        if left:
            bindings.append({**binding, "members": left})
    return _versioned({**policy, "bindings": bindings})


def _condition(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"condition": body["condition"]} if body.get("condition") else {}


def _same(binding: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    def bare(condition: Mapping[str, Any] | None) -> dict[str, Any]:
        return {key: value for key, value in (condition or {}).items() if value}

    return bool(
        binding.get("role") == body.get("role")
        and bare(binding.get("condition")) == bare(body.get("condition"))
    )


def _versioned(policy: dict[str, Any]) -> dict[str, Any]:
    """Policies with conditions are of version 3, others need not be."""
    bindings: Sequence[Mapping[str, Any]] = policy["bindings"]
    conditional = any(each.get("condition") for each in bindings)
    return {**policy, "version": 3} if conditional else policy
