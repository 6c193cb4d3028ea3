# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of app_release, as its DOCUMENTATION has them."""

from __future__ import annotations

from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    RELEASE,
    ROLLBACK,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.way_back import (
    ALL,
    NOTHING,
    WITH_NEEDS,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.arguments import LATENCY
from ansible_collections.groundwork.platform.plugins.module_utils.kube.arguments import (
    access_options,
    argument_spec,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.entry import (
    service_options,
)
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.order import ORDERS

Options = dict[str, dict[str, Any]]

_TEXT: dict[str, Any] = {"type": "str"}
_TEXTS: dict[str, Any] = {"type": "list", "elements": "str"}
_NUMBER: dict[str, Any] = {"type": "float"}
_WHOLE: dict[str, Any] = {"type": "int"}


def soak_options() -> Options:
    """Options of a window; what a service does not say is the run's."""
    return {
        "seconds": _NUMBER,
        "interval": _NUMBER,
        "failed_requests": _TEXT,
        "minimum_requests": _WHOLE,
        "latency": LATENCY,
        "unready": _WHOLE,
        "restarts": _WHOLE,
    }


def migration_options() -> Options:
    """Options of a service's migration: those of ordered_migrations but what the service says itself."""
    own = {"name", "rollout", "namespace"}
    return {key: option for key, option in service_options().items() if key not in own}


def _chart() -> Options:
    return {
        "chart": {"type": "str", "required": True},
        "repository": _TEXT,
        "version": _TEXT,
        "values": {"type": "dict", "default": {}},
    }


def _metrics() -> Options:
    return {
        "port": {"type": "str", "required": True},
        "path": {"type": "str", "default": "/metrics"},
        "requests": {"type": "str", "default": "http_requests_total"},
        "status_label": {"type": "str", "default": "status"},
        "duration": {"type": "str", "default": "http_request_duration_seconds"},
    }


def _git() -> Options:
    return {
        "repository": {"type": "str", "required": True},
        "branch": {"type": "str", "default": "main"},
        "path": {"type": "str", "required": True},
        "kind": {"type": "str", "choices": ["values", "kustomize"], "default": "values"},
        "key": {"type": "str", "required": True, "no_log": False},
        "key_file": {"type": "path", "no_log": False},
        "token_file": {"type": "path", "no_log": False},
        "user": {"type": "str", "default": "git"},
        "author": _TEXT,
    }


def _policy() -> Options:
    return {
        "registries": _TEXTS,
        "digest": {"type": "bool", "default": False},
        "moving": {"type": "list", "elements": "str", "default": ["latest"]},
        "ask": {"type": "bool", "default": False},
        "ca_cert": {"type": "path"},
    }


def _service() -> Options:
    return {
        "name": {"type": "str", "required": True},
        "version": _TEXT,
        "namespace": _TEXT,
        "deployment": _TEXT,
        "container": _TEXT,
        "image": _TEXT,
        "needs": _TEXTS,
        "manifests": {"type": "list", "elements": "raw"},
        "helm": {"type": "dict", "options": _chart()},
        "kustomize": {"type": "path"},
        "timeout": {"type": "float", "default": 300.0},
        "health": {"type": "list", "elements": "dict"},
        "soak": {"type": "dict", "options": soak_options()},
        "metrics": {"type": "dict", "options": _metrics()},
        "canary": {
            "type": "dict",
            "options": {
                "seconds": {"type": "float", "default": 30.0},
                "replicas": {"type": "int", "default": 1},
                "weight": {"type": "int", "default": 0},
            },
        },
        "migration": {"type": "dict"},
        "application": _TEXT,
        "git": {"type": "dict", "options": _git()},
    }


def options() -> Options:
    """All options of the module."""
    return argument_spec(
        services={"type": "list", "elements": "dict", "required": True, "options": _service()},
        operation={"type": "str", "default": RELEASE, "choices": [RELEASE, ROLLBACK]},
        version=_TEXT,
        revision=_WHOLE,
        namespace={"type": "str", "default": "nx-backend"},
        prefix={"type": "str", "default": "nx-"},
        order={"type": "str", "default": "needs", "choices": list(ORDERS)},
        soak={"type": "dict", "options": soak_options()},
        health_defaults={"type": "dict"},
        health_budget={"type": "dict"},
        rollback={"type": "str", "default": ALL, "choices": [ALL, WITH_NEEDS, NOTHING]},
        image_policy={"type": "dict", "options": _policy()},
        force_conflicts={"type": "bool", "default": False},
        allow_degraded={"type": "bool", "default": False},
        promoted_from={
            "type": "dict",
            "options": {
                **access_options(),
                "name": {"type": "str", "default": "the earlier environment"},
                "namespace": {"type": "raw"},
                "soak": {"type": "float", "default": 0.0},
            },
        },
        argocd_namespace={"type": "str", "default": "argocd"},
        helm={"type": "str", "default": "helm"},
        retry_failed={"type": "bool", "default": False},
        rerun_changed={"type": "bool", "default": False},
        other_run={"type": "str", "default": "wait", "choices": ["refuse", "wait"]},
        patience={"type": "float", "default": 600.0},
        by=_TEXT,
        parallel={"type": "int", "default": 64},
        concurrency={"type": "int", "default": 16},
        progress_file={"type": "path"},
    )
