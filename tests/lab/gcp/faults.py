"""Faults by rules: which methods, which resources, and what happens to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.lab.gcp.errors import ApiError
from tests.lab.gcp.operations import Fault

Body = dict[str, Any]


@dataclass
class Rule:
    """One rule; `count` is how often it still applies, None for ever."""

    method: str
    name: str
    effect: Body
    count: int | None = None
    struck: int = field(default=0)

    def matches(self, method: str, where: str) -> bool:
        """Whether it is about a call."""
        if self.count is not None and self.count <= 0:
            return False
        named = fnmatchcase(where, self.name) or fnmatchcase(where.rpartition("/")[2], self.name)
        return fnmatchcase(method, self.method) and named

    def use(self) -> None:
        """Note that it struck."""
        self.struck += 1
        if self.count is not None:
            self.count -= 1


_EFFECTS = {
    "status",
    "reason",
    "message",
    "permission",
    "quota",
    "operation_error",
    "operation_seconds",
    "operation_stuck",
    "storm",
    "expire_tokens",
    "delay",
}


class Faults:
    """All rules, in the order in which they were given."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def add(self, given: Body) -> Rule:
        """Enter a rule; one that nobody understands is refused."""
        match, effect = given.get("match", {}), given.get("effect", {})
        unknown = set(given) - {"match", "effect", "count"} | set(match) - {"method", "name"}
        unknown |= set(effect) - _EFFECTS
        if unknown or not effect:
            raise ValueError(f"rule with unknown keys {sorted(unknown)} or without effect: {given}")
        count = given.get("count")
        storm = effect.get("storm")
        if isinstance(storm, dict):
            count = storm.get("count", count)
        method = match.get("method", "*")
        rule = Rule(method, match.get("name", "*"), effect, count)
        self.rules.append(rule)
        return rule

    def of(self, *ids: str, where: str, having: set[str]) -> Rule | None:
        """Find the rule for a call, by any of its method's names, that has one of some effects."""
        for rule in self.rules:
            if having & set(rule.effect) and any(rule.matches(name, where) for name in ids):
                return rule
        return None

    def before(self, method: str, type_: str, where: str, project: str) -> float:
        """Refuse a call that a rule is about; returns the seconds that it has to wait."""
        ids = (method, f"{type_}.{method.rpartition('.')[2]}")
        rule = self.of(*ids, where=where, having=_EFFECTS - _OPERATION - {"expire_tokens"})
        if rule is None:
            return 0.0
        rule.use()
        error = _refusal(rule.effect, ids[1], where, project)
        if error:
            raise error
        return float(rule.effect.get("delay", 0.0))

    def operation(self, method: str, type_: str, where: str) -> Fault | None:
        """Give what is to befall an operation."""
        ids = (method, f"{type_}.{method.rpartition('.')[2]}")
        rule = self.of(*ids, where=where, having=_OPERATION)
        if rule is None:
            return None
        rule.use()
        effect = rule.effect
        given = effect.get("operation_error")
        error = None
        if given:
            given = given if isinstance(given, dict) else {"message": given}
            code = given.get("code", "INTERNAL_ERROR")
            error = (code, given.get("message", "Internal error. Please try again."))
        seconds = float(effect.get("operation_seconds", 0.0))
        return Fault(error, seconds, bool(effect.get("operation_stuck")))


_OPERATION = {"operation_error", "operation_seconds", "operation_stuck"}


def _refusal(effect: Body, method: str, where: str, project: str) -> ApiError | None:
    if effect.get("quota"):
        quota = effect["quota"] if isinstance(effect["quota"], str) else "CPUS"
        words = effect.get(
            "message", f"Quota '{quota}' exceeded.  Limit: 24.0 in project {project}."
        )
        return ApiError(403, "quotaExceeded", words)
    if effect.get("permission"):
        given = effect["permission"]
        permission = given if isinstance(given, str) else permission_of(method)
        return denied(permission, where)
    storm = effect.get("storm")
    if storm:
        status = storm.get("status", 503) if isinstance(storm, dict) else 503
        words = "The service is currently unavailable."
        reasons = {429: "rateLimitExceeded", 500: "internalError"}
        return ApiError(status, reasons.get(status, "backendError"), words)
    if "status" in effect:
        reason = effect.get("reason", "backendError")
        return ApiError(int(effect["status"]), reason, effect.get("message", "Injected fault."))
    return None


#: Permissions that are not named like their method.
_NAMED = {
    "iamcredentials.serviceAccounts.generateAccessToken": "iam.serviceAccounts.getAccessToken"
}


def permission_of(method: str) -> str:
    if method in _NAMED:
        return _NAMED[method]
    method = method.replace("cloudresourcemanager.", "resourcemanager.")
    verb = {"insert": "create", "patch": "update", "aggregatedList": "list"}
    head, _, last = method.rpartition(".")
    return f"{head}.{verb.get(last, last)}"


def denied(permission: str, where: str) -> ApiError:
    """The caller lacks a permission."""
    details = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "IAM_PERMISSION_DENIED",
            "domain": permission.partition(".")[0] + ".googleapis.com",
            "metadata": {"permission": permission, "resource": where},
        }
    ]
    if permission.startswith("compute."):
        return ApiError(403, "forbidden", f"Required '{permission}' permission for '{where}'")
    words = f"Permission '{permission}' denied on resource '//{where}' (or it may not exist)."
    return ApiError(403, "forbidden", words, "PERMISSION_DENIED", details)
