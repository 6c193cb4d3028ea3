# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a service map, as inventories have it, to the services of one run. No manifests: those are rendered later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean

Body = dict[str, Any]

RELEASE, ROLLBACK = "release", "rollback"
#: Where services answer and under which path, by seed 001's rule.
PORT, PATH = "3000", "/v1/api/{app}/health"
#: What of an entry the module takes as it stands.
_PASSED = ("container", "timeout", "soak", "metrics", "application")
#: Ways by which a service is brought that take no template; ``image`` alone is the last.
_WAYS = ("helm", "kustomize", "git")


def run_services(
    services: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    migration_defaults: Mapping[str, Any] | None = None,
    only: Sequence[str] = (),
    version: str = "",
    prefix: str = "nx-",
    namespace: str = "nx-backend",
    template: str = "",
    migration_template: str = "",
    canary: Mapping[str, Any] | None = None,
    operation: str = RELEASE,
) -> list[Body]:
    """The services of a run in the order of the map, all of them where ``only`` is empty.

    Each has ``call`` (what the module takes), ``service`` (what templates see), ``template``,
    ``migration_template`` and ``checks`` (its health checks under names of their own).
    Raises ``KubeError`` (``unknown_service``, ``unknown_need``, ``no_version``, ``no_image``).
    """
    names = list(services)
    _refuse_unknown(only, names)
    chosen = [name for name in names if name in only or not only]
    entries = {
        name: _entry(name, services[name] or {}, defaults or {}, version, prefix, namespace)
        for name in chosen
    }
    found = []
    for name, entry in entries.items():
        call: Body = {"name": name, "namespace": entry["namespace"]}
        call["deployment"] = entry["deployment"]
        call["health"] = _health(entry)
        call |= {key: entry[key] for key in _PASSED if entry.get(key)}
        own: Body = {"call": call, "service": entry, "checks": _named(name, call["health"])}
        if operation == RELEASE:
            call["version"] = _versioned(entry)
            call["needs"] = _needs(name, entry.get("needs") or (), chosen, names)
            own["template"] = _deliver(call, entry, template)
            own["migration_template"] = _migrate(
                call, entry, migration_defaults or {}, migration_template, chosen, names
            )
            own_canary = entry.get("canary") or _canary(call, entry, canary or {}, own["template"])
            if own_canary:
                call["canary"] = own_canary
        found.append(own)
    return found


def _refuse_unknown(only: Iterable[str], names: Sequence[str]) -> None:
    unknown = [name for name in only if name not in names]
    if unknown:
        hint = did_you_mean(unknown[0], names)
        raise KubeError(
            "unknown_service",
            f"{', '.join(unknown)}: no such service in app_release_services{f': {hint}'.rstrip() if hint else '.'} "
            f"There are {', '.join(names) or 'none'}.",
        )


def _entry(
    name: str,
    own: Mapping[str, Any],
    defaults: Mapping[str, Any],
    version: str,
    prefix: str,
    namespace: str,
) -> Body:
    """A service with its defaults, names, version and image."""
    entry: Body = {"namespace": namespace, **defaults, **own, "name": name}
    entry["app"] = entry.get("app") or name
    entry["deployment"] = entry.get("deployment") or f"{prefix}{name}"
    entry["version"] = str(entry.get("version") or version or "")
    if not entry.get("image") and entry.get("repository"):
        entry["image"] = f"{entry['repository']}:{entry['version']}"
    return entry


def _versioned(entry: Body) -> str:
    if not entry["version"]:
        raise KubeError(
            "no_version",
            f"{entry['name']}: of which version? Give app_release_version, or the service a version of its own.",
        )
    return str(entry["version"])


def _needs(
    name: str, needs: Iterable[str], chosen: Sequence[str], names: Sequence[str]
) -> list[str]:
    """Needs that are in the run; what is in the map alone is there. Defaults may name the service itself."""
    found = []
    for need in needs:
        service = need.removesuffix(" rollout")
        if service not in names:
            hint = did_you_mean(service, names)
            raise KubeError(
                "unknown_need",
                f"{name} needs {service}, which is not in app_release_services{f': {hint}'.rstrip() if hint else '.'}",
            )
        if service in chosen and service != name:
            found.append(need)
    return found


def _health(entry: Body) -> list[Body]:
    """Its own checks or, by default, the one path that it answers under."""
    given = entry.get("health")
    if given is not None:
        return list(given)
    path = str(entry.get("health_path") or PATH).replace("{app}", entry["app"])
    place = {
        "namespace": entry["namespace"],
        "name": entry["deployment"],
        "port": str(entry.get("port") or PORT),
        "path": path,
    }
    return [{"name": "health", "http": {"service": place}}]


def _named(name: str, checks: Sequence[Mapping[str, Any]]) -> list[Body]:
    """Checks under names that tell whose they are, as the module names them."""
    return [
        {**check, "name": f"{name} {check.get('name') or number}"}
        for number, check in enumerate(checks, start=1)
    ]


def _deliver(call: Body, entry: Body, template: str) -> str:
    """Say how the service is brought; return the template of its objects, where it is by one."""
    ways = [way for way in _WAYS if entry.get(way)]
    call |= {way: entry[way] for way in ways}
    own = str(entry.get("template", template) or "")
    if own and not ways:
        return own
    if not ways or ways == ["kustomize"]:
        # Alone it is set in the Deployment; with an overlay it stands in for the same image there.
        if not entry.get("image"):
            raise KubeError(
                "no_image",
                f"{entry['name']}: with what is it brought? Give template, helm, kustomize, git, image or repository.",
            )
        call["image"] = entry["image"]
    return ""


def _canary(call: Body, entry: Body, canary: Mapping[str, Any], template: str) -> Body:
    """The canary of a service that is sensitive; none where there may be none."""
    if not entry.get("sensitive") or not canary or "git" in call:
        return {}
    if template or "helm" in call or "kustomize" in call:
        return dict(canary)
    # There is no HTTPRoute that could send it a part; its pods take their share.
    return {"replicas": 1, **{key: value for key, value in canary.items() if key != "weight"}}


def _migrate(
    call: Body,
    entry: Body,
    defaults: Mapping[str, Any],
    template: str,
    chosen: Sequence[str],
    names: Sequence[str],
) -> str:
    """Add its migration; return the template of the Job, where it is made by one."""
    if entry.get("migration") is None:
        return ""
    migration = _filled({**defaults, **entry["migration"]}, entry["app"])
    own = str(migration.pop("template", template) or "")
    needs = _needs(f"The migration of {call['name']}", migration.get("needs") or (), chosen, names)
    migration["needs"] = [need for need in needs if need.removesuffix(" rollout") != call["name"]]
    # A gate among the defaults that waits for the service itself would wait for ever.
    migration["gates"] = [
        gate for gate in migration.get("gates") or () if gate.get("rollout") != entry["deployment"]
    ]
    call["migration"] = migration
    if migration.get("job") or migration.get("command"):
        own = ""
    if not own and not migration.get("job"):
        migration.setdefault("image", entry.get("image"))
        migration.setdefault("app", entry["app"])
    return own


def _filled(value: Any, app: str) -> Any:
    """The same with the application's name for ``{app}`` in all texts."""
    if isinstance(value, Mapping):
        return {key: _filled(item, app) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, app) for item in value]
    return value.replace("{app}", app) if isinstance(value, str) else value
