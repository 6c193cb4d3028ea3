"""What the roles gcp_* declare for an inventory."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[3]
PLAYBOOK = Path(__file__).with_name("declare.yml")
ROLES = ("gcp_projects", "gcp_network", "gcp_nat_gateway", "gcp_security", "gcp_dns")
REGION = "asia-southeast1"
PROJECTS = {
    "hub": "project-0-devops",
    "staging": "project-1-dev-payments",
    "production": "project-1-prod-payments",
}

Resource = dict[str, Any]


class Refused(Exception):  # noqa: N818 - a refusal is what is looked for
    """What a role says instead of declaring something."""


@cache
def _renderer() -> tuple[IO[str], IO[str]]:
    """The process that renders: where cases go in, and where answers come out."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("renderer.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    atexit.register(process.kill)
    assert process.stdin
    assert process.stdout
    return process.stdin, process.stdout


def declare(
    inventory: str, roles: Iterable[str] = ROLES, changes: Mapping[str, Any] | None = None
) -> list[Resource]:
    """Resources that roles declare; `changes` are variables over the inventory's. Raises `Refused`."""
    case = {"inventory": inventory, "roles": list(roles), "changes": changes or {}}
    found = json.loads(_rendered(json.dumps(case)))
    if "problems" in found:
        raise Refused("\n".join(found["problems"]))
    resources: list[Resource] = found["resources"]
    return resources


@cache
def _rendered(case: str) -> str:
    """What the renderer answers to a case; each is rendered once."""
    into, out_of = _renderer()
    into.write(case + "\n")
    into.flush()
    answer = out_of.readline()
    assert answer, "the renderer ended; its message is above"
    return answer


@cache
def environment(inventory: str) -> tuple[Resource, ...]:
    """Everything that an inventory declares; not to be changed."""
    return tuple(declare(inventory))


def granted(
    who: str, policies: Mapping[str, Iterable[Resource]], roles: Mapping[str, Resource]
) -> dict[str, str]:
    """What roles of one's own let a member do, and on which condition, as ``{"PROJECT PERMISSION": condition}``.

    ``policies`` are bindings by project, ``roles`` bodies by their full names.
    """
    return {
        f"{project} {permission}": binding.get("condition", {}).get("expression", "")
        for project, bindings in policies.items()
        for binding in bindings
        if who in binding["members"] and binding["role"] in roles
        for permission in roles[binding["role"]]["includedPermissions"]
    }


def of(resources: Iterable[Resource], kind: str) -> dict[str, Resource]:
    """Resources of a type by name."""
    return {each["name"]: each for each in resources if each["type"] == kind}
