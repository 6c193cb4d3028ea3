"""What is refused before anything is asked, and what the options become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.health.model import (
    Pace,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.parse import (
    KINDS,
    RefusedError,
    read,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.web import Http
from ansible_collections.groundwork.platform.plugins.modules import health_check

from tests.unit.health.samples import options

URL = "http://h/health"


def check(name: str = "a", **given: Any) -> dict[str, Any]:
    return {"name": name, **(given or {"http": {"url": URL}})}


def refused(*checks: dict[str, Any], **more: Any) -> RefusedError:
    with pytest.raises(RefusedError) as error:
        read(options(checks=list(checks), **more))
    return error.value


def test_the_examples_are_accepted() -> None:
    for task in yaml.safe_load(health_check.EXAMPLES):
        given = task["groundwork.platform.health_check"]
        given.get("defaults", {}).pop("ca_cert", None)
        checks, plan = read(options(**given))
        assert len(checks) == len(given["checks"])
        assert plan.window == given.get("for", 0)


def test_a_check_says_its_pace_or_takes_the_defaults() -> None:
    checks, plan = read(
        options(
            checks=[check(), check("b", timeout=9, retries=0, http={"url": URL})],
            defaults={"retries": 7, "interval": 0.5},
        )
    )
    assert checks[0].pace == Pace(5.0, 7, 0.5, 1)
    assert checks[1].pace == Pace(9.0, 0, 0.5, 1)
    assert plan.budget.checks.allowed(2) == 0


@pytest.mark.parametrize(
    "kind, given, words",
    [
        ("http", {"url": "http:///health"}, "has no host; write it as http://HOST/path"),
        ("http", {"url": "https://:8443/"}, "has no host"),
        ("http", {"url": "10.0.0.1:80/health"}, "has to begin with http:// or https://"),
        ("http", {"url": "http://h:99999/"}, "Port out of range"),
        ("http", {"url": "http://h:0/"}, "port 0"),
        ("http", {"url": "http://[::1/"}, "url"),
        ("http", {"url": "http://u:p@h/"}, "give user and password as username and password"),
        ("http", {"url": URL, "status": [99]}, "status 99 is none of HTTP's"),
        ("http", {"url": URL, "json": {"a[": 1}}, "is no JMESPath expression"),
        ("http", {"url": URL, "text": "("}, "is no regular expression"),
        ("http", {"url": URL, "response_headers": {"a": "("}}, "response_headers.a"),
        ("http", {"url": URL, "certificate_days": 14}, "no certificate without TLS"),
        ("http", {"url": "https://h", "certificate_days": -1}, "below 0"),
        (
            "http",
            {"url": "https://h", "certificate_days": 1, "validate_certs": False},
            "name its CA",
        ),
        (
            "http",
            {"url": "https://h", "ca_cert": "/nowhere/ca.crt"},
            "/nowhere/ca.crt cannot be read",
        ),
        ("tcp", {"host": "", "port": 1}, "host is empty"),
        ("tcp", {"host": "http://h", "port": 1}, "without scheme and path"),
        ("tcp", {"host": "h", "port": 70000}, "port 70000"),
        ("banner", {"host": "h", "port": 1, "expect": ".*"}, "fits no answer as well; use tcp"),
        ("banner", {"host": "h", "port": 1, "expect": "x", "send_hex": "zz"}, "send_hex"),
        ("dns", {"name": ".", "servers": ["10.0.0.1"]}, "name is empty"),
        ("dns", {"name": "a", "servers": ["ns1"]}, "'ns1' is no address and no whole name"),
        ("dns", {"name": "a", "servers": ["ns1.example.org/x"]}, "is no address and no whole name"),
        ("postgresql", {"host": "h", "user": "u", "expect": "1"}, "expect needs a query"),
        ("postgresql", {"host": "h", "user": "u", "maximum_lag": -1}, "below 0"),
        ("kubernetes", {"kind": "Deployment", "name": "a", "endpoints": 1}, "only a Service"),
        ("patroni", {"members": []}, "members is empty"),
        ("patroni", {"members": ["10.0.0.1"]}, "members '10.0.0.1' has to begin with"),
        ("etcd", {"endpoints": ["https://"]}, "has no host"),
        ("promql", {"url": URL, "query": " "}, "query is empty"),
        ("promql", {"url": URL, "query": "a", "minimum": 2, "maximum": 1}, "above maximum"),
        ("promql", {"url": URL, "query": "a", "minimum": 2, "empty": True}, "none can lie"),
    ],
)
def test_a_check_that_cannot_be_meant_is_refused(
    kind: str, given: dict[str, Any], words: str
) -> None:
    error = refused(check("the-check", **{kind: given}))
    assert error.reason == "bad_check"
    assert str(error).startswith("the-check: ")
    assert words in str(error)
    assert "u:p" not in str(error)


@pytest.mark.parametrize(
    "more, reason, words",
    [
        ({"budget": {"checks": "2"}}, "bad_budget", "2 may fail, and there are only 1 checks"),
        ({"budget": {"checks": "200%"}}, "bad_budget", "more than all"),
        ({"budget": {"attempts": "some"}}, "bad_budget", "neither a whole number nor"),
        ({"budget": {"latency": {"p95": 0}}}, "bad_budget", "budget.latency.p95"),
        ({"for": -1}, "bad_option", "for -1 s"),
        ({"concurrency": 0}, "bad_option", "concurrency 0"),
        ({"defaults": {"interval": 0}}, "bad_check", "interval 0 s is below 0.05 s"),
        ({"defaults": {"timeout": 0}}, "bad_check", "timeout 0 s is below"),
        ({"defaults": {"successes": 0}}, "bad_check", "successes 0 is below 1"),
        ({"defaults": {"retries": -1}}, "bad_check", "retries -1 is below 0"),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused(
    more: dict[str, Any], reason: str, words: str
) -> None:
    error = refused(check(), **more)
    assert error.reason == reason
    assert words in str(error)


def test_all_that_is_wrong_is_told_at_once() -> None:
    error = refused(
        check("a"), check("a"), check("b", http={"url": "ftp://h"}), budget={"checks": "9"}
    )
    assert str(error).startswith("3 problems, and nothing was asked:\n1. a is the name of 2 checks")
    assert error.reason == "twice"
    assert refused().reason == "no_check"


def test_tls_is_that_of_the_defaults_where_a_check_says_nothing(tmp_path: Path) -> None:
    ca, own = tmp_path / "ca", tmp_path / "own"
    for file in (ca, own):
        file.touch()
    given = [
        check("a", http={"url": "https://h"}),
        check("b", http={"url": "https://h", "ca_cert": str(own), "validate_certs": True}),
    ]
    checks, _plan = read(
        options(checks=given, defaults={"ca_cert": str(ca), "validate_certs": False})
    )
    first, second = (one.question for one in checks)
    assert isinstance(first, Http)
    assert isinstance(second, Http)
    assert (first.tls.ca_cert, first.tls.validate_certs) == (str(ca), False)
    assert (second.tls.ca_cert, second.tls.validate_certs) == (str(own), True)


def test_no_secret_is_shown() -> None:
    given = [
        check(
            "a",
            http={
                "url": "https://h/?token=hush",
                "username": "u",
                "password": "hush",
                "headers": {"X": "hush"},
            },
        ),
        check("b", postgresql={"host": "h", "user": "u", "password": "hush"}),
        check("c", etcd={"endpoints": ["https://h"], "username": "root", "password": "hush"}),
    ]
    for one in read(options(checks=given))[0]:
        assert "hush" not in one.question.target
        if one.kind != "http":
            assert "hush" not in repr(one)


def test_the_documentation_has_every_kind() -> None:
    documented = yaml.safe_load(health_check.DOCUMENTATION)["options"]["checks"]["suboptions"]
    assert set(documented) == {"name", "timeout", "retries", "interval", "successes", *KINDS}
