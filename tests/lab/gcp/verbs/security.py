"""Security policies, snapshot schedules, certificates."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from tests.lab.gcp import crud
from tests.lab.gcp.defaults import CHANGED, PREPARE, hook
from tests.lab.gcp.errors import ApiError, invalid, required
from tests.lab.gcp.fields import masked, merge, setter, without_nulls
from tests.lab.gcp.store import Record
from tests.lab.gcp.verbs.registry import handles

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
_DEFAULT_PRIORITY = 2147483647


@hook(PREPARE, "compute.securityPolicies")
def prepare_policy(_: Emulator, __: Call, record: Record) -> None:
    """Every policy ends with a default rule."""
    body = record.body
    setter(body, {"type": "CLOUD_ARMOR"})
    rules = body.setdefault("rules", [])
    if not any(rule.get("priority") == _DEFAULT_PRIORITY for rule in rules):
        rules.append(
            {
                "kind": "compute#securityPolicyRule",
                "priority": _DEFAULT_PRIORITY,
                "action": "allow",
                "description": "default rule",
                "match": {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}},
                "preview": False,
            }
        )
    _check_rules(rules)


def _check_rules(rules: list[Body]) -> None:
    priorities = [rule.get("priority") for rule in rules]
    for index, rule in enumerate(rules):
        for name in ("action", "match"):
            if not rule.get(name):
                raise required(f"rules[{index}].{name}")
        if rule.get("priority") is None:
            raise required(f"rules[{index}].priority")
        rule.setdefault("preview", False)
        rule.setdefault("kind", "compute#securityPolicyRule")
    if len(set(priorities)) < len(priorities):
        raise invalid("rules", priorities, "Every rule needs a priority of its own.")
    rules.sort(key=lambda rule: int(rule["priority"]))


@hook(CHANGED, "compute.securityPolicies")
def change_policy(_: Emulator, __: Call, ___: Record, body: Body) -> None:
    """Check the rules as at creation."""
    _check_rules(body.get("rules", []))


def _rule(record: Record, call: Call) -> Body:
    priority = int(call.query.get("priority", "0"))
    for rule in record.body["rules"]:
        if rule["priority"] == priority:
            return dict(rule)
    words = f"There is no rule with priority {priority} in '{record.name}'."
    raise ApiError(400, "invalid", f"Invalid value for field 'priority': '{priority}'. {words}")


@handles("compute.securityPolicies.getRule")
async def get_rule(emulator: Emulator, call: Call) -> Body:
    """Give a rule by its priority."""
    return _rule(crud.find(emulator, call.key), call)


@handles("compute.securityPolicies.addRule")
async def add_rule(emulator: Emulator, call: Call) -> Body:
    """Add a rule."""
    record = crud.find(emulator, call.key)
    given = copy.deepcopy(without_nulls(call.body))

    def change(body: Body) -> Body:
        return {**body, "rules": [*body["rules"], dict(given)]}

    return await crud.mutate(emulator, call, record, change)


@handles("compute.securityPolicies.patchRule")
async def patch_rule(emulator: Emulator, call: Call) -> Body:
    """Change a rule."""
    record = crud.find(emulator, call.key)
    held = _rule(record, call)
    mask = call.query.get("updateMask")
    wanted = masked(held, call.body, mask) if mask else merge(held, call.body)

    def change(body: Body) -> Body:
        others = [rule for rule in body["rules"] if rule["priority"] != held["priority"]]
        return {**body, "rules": [*others, wanted]}

    return await crud.mutate(emulator, call, record, change)


@handles("compute.securityPolicies.removeRule")
async def remove_rule(emulator: Emulator, call: Call) -> Body:
    """Remove a rule; the default one stays."""
    record = crud.find(emulator, call.key)
    held = _rule(record, call)
    if held["priority"] == _DEFAULT_PRIORITY:
        raise ApiError(400, "invalid", "Cannot remove the default rule.")

    def change(body: Body) -> Body:
        others = [rule for rule in body["rules"] if rule["priority"] != held["priority"]]
        return {**body, "rules": others}

    return await crud.mutate(emulator, call, record, change)


# -- resource policies and certificates
@hook(PREPARE, "compute.resourcePolicies")
def prepare_schedule(_: Emulator, __: Call, record: Record) -> None:
    """A policy is ready at once; Google's snapshot schedules go no finer than an hour."""
    body = record.body
    schedule = body.get("snapshotSchedulePolicy", {}).get("schedule", {})
    cycle = schedule.get("hourlySchedule", {})
    if cycle and int(cycle.get("hoursInCycle", 0)) < 1:
        where = "snapshotSchedulePolicy.schedule.hourlySchedule.hoursInCycle"
        raise invalid(where, cycle.get("hoursInCycle"), "Must be at least 1.")
    body["status"] = "READY"


@hook(PREPARE, "compute.sslCertificates", "compute.regionSslCertificates")
def prepare_certificate(_: Emulator, __: Call, record: Record) -> None:
    """The private key is never shown again."""
    body = record.body
    body.pop("privateKey", None)
    if body.get("managed"):
        body["type"] = "MANAGED"
        domains = body["managed"].get("domains", [])
        status = dict.fromkeys(domains, "ACTIVE")
        body["managed"] = {**body["managed"], "status": "ACTIVE", "domainStatus": status}
    else:
        setter(body, {"type": "SELF_MANAGED"})
