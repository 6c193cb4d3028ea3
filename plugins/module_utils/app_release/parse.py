# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From options to services and migrations; all that is wrong is told at once, before the cluster is asked."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.arguments import (
    migration_options,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    Metrics,
    Service,
    Target,
    image_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.window import (
    canary,
    soak,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.git import GitSource
from ansible_collections.groundwork.platform.plugins.module_utils.health import arguments as health
from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import Budget
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import Check
from ansible_collections.groundwork.platform.plugins.module_utils.health.parse import (
    RefusedError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.parse import (
    read as read_health,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.manifest import (
    Manifest,
    from_text,
    from_value,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.programs import (
    kustomized,
    output,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.entry import migrations
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.model import Migration
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.order import ordered
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.run import refuse
from ansible_collections.groundwork.platform.plugins.module_utils.text import did_you_mean

Params = Mapping[str, Any]

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,48}[a-z0-9])?")


def read(params: Params) -> tuple[list[Service], list[Migration], Budget]:
    """Services, their migrations, and what health checks may do wrong. Raises ``KubeError``."""
    problems: list[KubeError] = []
    services: list[Service] = []
    budget, checks, unasked = _health(params)
    problems += unasked
    for given in params["services"]:
        try:
            services.append(_service(given, params, checks.get(given["name"], ())))
        except KubeError as error:
            problems.append(error)
    problems += _wrong_names([given["name"] for given in params["services"]], services)
    refuse(problems)
    return services, _migrations(params, services), budget


def _service(given: Params, params: Params, checks: Sequence[Check]) -> Service:
    name = given["name"]
    version = given["version"] or params["version"] or ""
    namespace = given["namespace"] or params["namespace"]
    deployment = given["deployment"] or f"{params['prefix']}{name}"
    manifests = tuple(_manifests(given, params, namespace))
    target = Target(version, manifests, given["image"] or "")
    if manifests:
        own = _image(name, (namespace, deployment), given["container"] or "", target)
        if target.image not in ("", own):
            raise KubeError(
                "two_ways",
                f"{name}: image is {target.image}, and its objects run {own}. Leave image out, or name the same.",
            )
        target = replace(target, image=own)
    if params["operation"] == "release":
        _check_target(name, target, given)
    return Service(
        name,
        namespace,
        deployment,
        target,
        given["container"] or "",
        tuple(given["needs"] or ()),
        given["timeout"],
        tuple(checks),
        soak(name, params["soak"], given["soak"]),
        _metrics(given["metrics"]),
        canary(name, given),
        GitSource(**given["git"]) if given["git"] else None,
        given["application"] or "",
    )


def _check_target(name: str, target: Target, given: Params) -> None:
    if not target.version:
        raise KubeError(
            "no_version", f"{name}: of which version? Give version, here or for all services."
        )
    if not (target.manifests or target.image or given["git"]):
        raise KubeError(
            "nothing_to_bring",
            f"{name}: with what is it brought? Give manifests, helm, kustomize, git, or an image alone.",
        )


def _image(name: str, place: tuple[str, str], container: str, target: Target) -> str:
    """The image that a service's own Deployment runs."""
    namespace, deployment = place
    for body in target.deployments:
        metadata = body["metadata"]
        if metadata["name"] == deployment and metadata.get("namespace") in (None, "", namespace):
            template = body["spec"]["template"]
            names = [each["name"] for each in template["spec"]["containers"]]
            if container and container not in names:
                raise KubeError(
                    "no_container",
                    f"{name}: Deployment {deployment} has no container {container}; it has {', '.join(names)}.",
                )
            return image_of(template, container)
    there = ", ".join(str(each.key) for each in target.manifests if each.key.kind == "Deployment")
    raise KubeError(
        "no_deployment",
        f"{name}: there is no Deployment {deployment} in {namespace} among its manifests ({there or 'none'}).",
    )


def _manifests(given: Params, params: Params, namespace: str) -> Iterator[Manifest]:
    """A service's objects, each in its namespace."""
    if given["git"] and not given["application"]:
        raise KubeError(
            "no_application",
            f"{given['name']}: which Application of Argo CD brings what is committed? Give application.",
        )
    ways = [way for way in ("manifests", "helm", "kustomize", "git") if given[way]]
    if len(ways) > 1:
        raise KubeError(
            "two_ways",
            f"{given['name']}: it is brought by {' and '.join(ways)}; leave one of them.",
        )
    for number, entry in enumerate(given["manifests"] or (), start=1):
        source = f"{given['name']}: manifests, item {number}"
        yield from from_text(entry, source) if isinstance(entry, str) else from_value(entry, source)
    if given["helm"]:
        rendered = asyncio.run(output(*_helm(given, params["helm"], namespace)))
        yield from from_text(rendered, f"{given['name']}, rendered")
    if given["kustomize"]:
        rendered = asyncio.run(kustomized(given["kustomize"]))
        for each in from_text(rendered, f"{given['name']}, kustomize"):
            yield _with_image(each, given["image"])


def _helm(given: Params, program: str, namespace: str) -> tuple[list[str], str]:
    """The command that renders a chart, and its values, which may hold secrets, as its input."""
    chart = given["helm"]
    command = [program, "template", given["name"], chart["chart"], "--namespace", namespace]
    # A chart's tests are pods that Helm runs when it is asked to.
    command += ["--skip-tests"]
    command += ["--repo", chart["repository"]] if chart["repository"] else []
    command += ["--version", chart["version"]] if chart["version"] else []
    return [*command, "--values", "-"], json.dumps(chart["values"])


def _with_image(manifest: Manifest, image: str | None) -> Manifest:
    """An overlay's object with the image of this release wherever it has the same one by another tag."""
    if not image or manifest.key.kind not in ("Deployment", "Job", "CronJob", "StatefulSet"):
        return manifest
    return Manifest(_imaged(manifest.body, image), manifest.source)


def _imaged(value: Any, image: str) -> Any:
    if isinstance(value, Mapping):
        return {
            key: image
            if key == "image" and isinstance(item, str) and _repository(item) == _repository(image)
            else _imaged(item, image)
            for key, item in value.items()
        }
    return [_imaged(item, image) for item in value] if isinstance(value, list) else value


def _repository(image: str) -> str:
    """An image's name without tag and digest."""
    name = image.partition("@")[0]
    place, slash, last = name.rpartition("/")
    return f"{place}{slash}{last.partition(':')[0]}"


def _metrics(given: Params | None) -> Metrics | None:
    if not given:
        return None
    return Metrics(
        given["port"], given["path"], given["requests"], given["status_label"], given["duration"]
    )


def _health(params: Params) -> tuple[Budget, dict[str, list[Check]], list[KubeError]]:
    """All health checks by service, each under a name that begins with the service's, and their budget."""
    owners: dict[str, str] = {}
    wanted: list[dict[str, Any]] = []
    for given in params["services"]:
        for number, check in enumerate(given["health"] or (), start=1):
            name = f"{given['name']} {check.get('name') or number}"
            owners[name] = given["name"]
            wanted.append({**check, "name": name})
    if not wanted:
        return Budget(), {}, []
    whole = health.argument_spec()
    spec = {key: whole[key] for key in ("checks", "defaults", "budget")}
    options = {"defaults": params["health_defaults"], "budget": params["health_budget"]}
    result = ArgumentSpecValidator(spec).validate(
        {"checks": wanted, **{key: value or {} for key, value in options.items()}}
    )
    if result.error_messages:
        said = "; ".join(result.error_messages)
        return Budget(), {}, [KubeError("bad_check", f"health: {said}.")]
    try:
        found, plan = read_health({**result.validated_parameters, "concurrency": 1, "for": 0.0})
    except RefusedError as error:
        return Budget(), {}, [KubeError(error.reason, f"health: {error}")]
    checks: dict[str, list[Check]] = {}
    for check in found:
        checks.setdefault(owners[check.name], []).append(check)
    return plan.budget, checks, []


def _wrong_names(names: Sequence[str], services: Sequence[Service]) -> Iterator[KubeError]:
    for name in dict.fromkeys(names):
        if not _NAME.fullmatch(name):
            yield KubeError(
                "bad_name",
                f"{name!r} names no service: small letters, digits and - in between, at most 50, as Secrets and labels "
                "are named after it.",
            )
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield KubeError("twice", f"{name} is there twice.")
    for service in services:
        for need in service.needs:
            if need not in names:
                hint = did_you_mean(need, names)
                yield KubeError(
                    "unknown_need",
                    f"{service.name} needs {need}, which is not there{f': {hint}'.rstrip() if hint else ''}.",
                )


def _migrations(params: Params, services: Sequence[Service]) -> list[Migration]:
    """The migrations of a release; a rollback has none: schemas grow and never go back with a version."""
    if params["operation"] != "release":
        return []
    wanted = [_migration(given) for given in params["services"] if given["migration"] is not None]
    found = list(migrations({**params, "services": wanted, "target": "job"}))
    return ordered(found, [service.rollout for service in services], params["order"])


def _migration(given: Params) -> dict[str, Any]:
    """A service's migration as ordered_migrations takes it. Raises ``KubeError`` (``bad_migration``)."""
    result = ArgumentSpecValidator(migration_options()).validate(given["migration"])
    if result.error_messages:
        said = "; ".join(result.error_messages)
        raise KubeError("bad_migration", f"{given['name']}: migration: {said}.")
    options = dict(result.validated_parameters)
    return {
        **options,
        "name": given["name"],
        "version": options["version"] or given["version"],
        "namespace": given["namespace"],
        "rollout": None,
    }
