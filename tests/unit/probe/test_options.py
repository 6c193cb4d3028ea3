from __future__ import annotations

import inspect
from typing import Any

import pytest
import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.evidence import (
    arguments as evidence,
)
from ansible_collections.groundwork.platform.plugins.module_utils.probe import (
    arguments,
    control,
    link,
    program,
)
from ansible_collections.groundwork.platform.plugins.module_utils.probe.errors import ProbeError
from ansible_collections.groundwork.platform.plugins.module_utils.probe.runner import Options
from ansible_collections.groundwork.platform.plugins.modules import drill_report, transaction_probe


def options(**changes: Any) -> Options:
    given = {name: spec.get("default") for name, spec in arguments.ARGUMENTS.items()}
    given.update(id="drill-1", login_host="lb", ca_cert="/ca.crt", duration=60)
    return Options.of({**given, **changes})


@pytest.mark.parametrize(
    "changes, word",
    [
        ({"id": "../x"}, "id"),
        ({"id": ""}, "id"),
        ({"table": "t; DROP TABLE x"}, "table"),
        ({"table": "a.b.c"}, "table"),
        ({"rate": 0}, "rate"),
        ({"workers": 0}, "workers"),
        ({"backlog": 0}, "backlog"),
        ({"duration": 90_000}, "duration"),
        ({"retry_pause": 0}, "retry_pause"),
        ({"ca_cert": None}, "ca_cert"),
        ({"state": "stopped", "login_host": None}, "login_host"),
    ],
)
def test_bad_option_is_named(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(ProbeError, match=word) as refused:
        options(**changes)
    assert refused.value.reason == "bad_option"


def test_good_options_pass() -> None:
    assert options(table="meter.payments").settings()["connection"]["sslmode"] == "verify-full"
    assert options(state="absent", login_host=None, ca_cert=None).login_host is None


@pytest.mark.parametrize("module", [link, program])
def test_program_needs_nothing_of_ansible(module: Any) -> None:
    source = control.source_of(module).decode()
    assert source == inspect.getsource(module)
    assert "import ansible" not in source
    assert "from ansible" not in source


def documented(options: dict[str, Any]) -> dict[str, Any]:
    kept = ("type", "required", "choices", "default", "elements")
    found = {}
    for name, option in options.items():
        found[name] = {key: option[key] for key in kept if key in option}
        if "suboptions" in option:
            found[name]["options"] = documented(option["suboptions"])
    return found


def without(spec: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, option in spec.items():
        found[name] = {key: value for key, value in option.items() if key != "no_log"}
        if "options" in option:
            found[name]["options"] = without(option["options"])
    return found


@pytest.mark.parametrize(
    "module, spec",
    [(transaction_probe, arguments.ARGUMENTS), (drill_report, evidence.ARGUMENTS)],
)
def test_documentation_is_the_argument_spec(module: Any, spec: dict[str, Any]) -> None:
    assert documented(yaml.safe_load(module.DOCUMENTATION)["options"]) == without(spec)
    assert isinstance(yaml.safe_load(module.RETURN), dict)
    assert isinstance(yaml.safe_load(module.EXAMPLES), list)
