"""health_check against real servers on loopback: HTTP with TLS, PostgreSQL, Redis, DNS, and what is dead."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.health_servers import (
    Authority,
    Service,
    name_server,
    redis_pair,
    silent,
    speaking,
)
from tests.integration.kube_api import direct, free_port
from tests.integration.labs import run
from tests.integration.local_postgresql import PASSWORD, LocalPostgresql

Checks = list[dict[str, Any]]


def ask(checks: Checks, **options: Any) -> dict[str, Any]:
    """Ask once, with little patience; a failure is returned like any result."""
    defaults = {"timeout": 2, "interval": 0.1, **options.pop("defaults", {})}
    return direct("health_check", checks=checks, defaults=defaults, **options)


def reasons(found: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["reason"] for entry in found["checks"]}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def service() -> Iterator[Service]:
    with closing(Service()) as served:
        yield served


@pytest.fixture(scope="module")
def server() -> Iterator[LocalPostgresql]:
    postgres = LocalPostgresql()
    try:
        postgres.create()
        postgres.start()
        yield postgres
    finally:
        postgres.remove()


def test_http_is_judged_by_status_body_and_headers(service: Service) -> None:
    service.answer = lambda path: {
        "/moved": (302, ""),
        "/broken": (503, {"status": "down"}),
        "/text": (200, "all is well"),
    }.get(
        path.partition("?")[0],
        (200, {"status": "ok", "parts": [{"state": "up"}, {"state": "down"}]}),
    )

    def http(name: str, path: str = "/", **more: Any) -> dict[str, Any]:
        return {"name": name, "http": {"url": service.url + path, **more}}

    login = {"username": "me", "password": "hush-hush", "headers": {"X-Tenant": "a"}}
    found = ask(
        [
            http("good", "/health?key=hush-hush", json={"status": "ok"}, text="parts", **login),
            http("version", response_headers={"x-version": r"^1\."}),
            http("other version", response_headers={"x-version": "^2"}),
            http("parts", json={"parts[?state!='up'] | length(@)": 0}),
            http("no json", "/text", json={"a": 1}),
            http("broken", "/broken"),
            http("as broken as meant", "/broken", status=[503], json={"status": "down"}),
            http("moved", "/moved"),
            http("followed", "/moved", follow_redirects=True),
        ]
    )
    assert reasons(found) == {
        "other version": "header",
        "parts": "body",
        "no json": "body",
        "broken": "status",
        "moved": "status",
        "good": "",
        "version": "",
        "as broken as meant": "",
        "followed": "",
    }
    assert found["failing"] == list(reasons(found))[:5]
    assert found["msg"].startswith(
        "5 of 9 checks failed, none may:\n1. other version (GET http://127."
    )
    assert "status 503 instead of 2xx" in found["msg"]
    assert "hush" not in json.dumps(found)
    asked = dict(service.asked)["/health?key=hush-hush"]
    assert (asked["Authorization"], asked["X-Tenant"]) == ("Basic bWU6aHVzaC1odXNo", "a")


def test_tls_is_verified_and_an_expired_certificate_is_told(authority: Authority) -> None:
    days = {"good": 100.0, "expired": -1.0, "soon": 5.0}
    served = {name: Service(authority.server(name, left)) for name, left in days.items()}
    ca = {"ca_cert": str(authority.ca)}

    def https(name: str, to: str, host: str = "127.0.0.1", **more: Any) -> dict[str, Any]:
        return {"name": name, "http": {"url": f"https://{host}:{served[to].port}/", **more}}

    try:
        found = ask(
            [
                https("good", "good", certificate_days=14, **ca),
                https("expired", "expired", **ca),
                https("soon", "soon", certificate_days=14, **ca),
                https("unknown CA", "good"),
                https("another name", "good", host="localhost", **ca),
                https("by its Host", "good", host="localhost", headers={"Host": "127.0.0.1"}, **ca),
                https("not verified", "expired", validate_certs=False),
                {
                    "name": "tcp",
                    "tcp": {
                        "host": "127.0.0.1",
                        "port": served["soon"].port,
                        "tls": True,
                        "certificate_days": 3,
                        **ca,
                    },
                },
                {
                    "name": "no TLS spoken",
                    "http": {"url": f"http://127.0.0.1:{served['good'].port}/"},
                },
            ]
        )
    finally:
        for one in served.values():
            one.close()
    assert reasons(found) == {
        "expired": "certificate_expired",
        "soon": "certificate_ends",
        "unknown CA": "tls",
        "another name": "tls",
        "no TLS spoken": "closed",
        "good": "",
        "by its Host": "",
        "not verified": "",
        "tcp": "",
    }
    assert "certificate has expired. Renew the certificate." in found["msg"]
    facts = {entry["name"]: entry["facts"] for entry in found["checks"]}
    assert 99 < facts["good"]["certificate_days"] < 101


def test_what_is_dead_or_slow_holds_up_nobody(service: Service) -> None:
    dead = free_port()
    with silent() as port:
        found = ask(
            [
                {"name": "good", "http": {"url": service.url}},
                {"name": "silent", "http": {"url": f"http://127.0.0.1:{port}"}},
                {"name": "dead", "http": {"url": f"http://127.0.0.1:{dead}"}},
                {"name": "unknown", "tcp": {"host": "no-such-host.invalid", "port": 80}},
                {"name": "open", "tcp": {"host": "127.0.0.1", "port": port}},
                {
                    "name": "says nothing",
                    "banner": {"host": "127.0.0.1", "port": port, "expect": "x"},
                },
                {"name": "db", "postgresql": {"host": "127.0.0.1", "port": port, "user": "u"}},
                {"name": "redis", "redis": {"host": "127.0.0.1", "port": dead}},
                {"name": "patroni", "patroni": {"members": [f"http://127.0.0.1:{dead}"]}},
                {"name": "etcd", "etcd": {"endpoints": [f"http://127.0.0.1:{dead}"]}},
                {"name": "values", "promql": {"url": f"http://127.0.0.1:{port}", "query": "up"}},
            ],
            defaults={"timeout": 1},
            budget={"checks": "9"},
        )
    assert "msg" not in found
    assert found["seconds"] < 2.5
    assert reasons(found) == {
        "silent": "timeout",
        "dead": "refused",
        "unknown": "name",
        "says nothing": "timeout",
        "db": "timeout",
        "redis": "refused",
        "patroni": "unreachable",
        "etcd": "no_quorum",
        "values": "timeout",
        "good": "",
        "open": "",
    }


def test_it_is_asked_until_it_is_well(service: Service) -> None:
    service.answer = lambda _path: (200 if len(service.asked) > 3 else 503, "")
    check = {"name": "late", "http": {"url": service.url}}
    found = ask([{**check, "retries": 5, "successes": 2}], check=True)
    assert found["healthy"]
    assert found["changed"] is False
    assert (found["checks"][0]["attempts"], found["checks"][0]["failed_attempts"]) == (5, 3)


def test_a_window_tells_what_failed_and_when(service: Service) -> None:
    """One of some twenty answers goes wrong: within one budget, and the end of the window under another."""
    service.answer = lambda _path: (500 if len(service.asked) == 6 else 200, "")
    checks: Checks = [{"name": "web", "http": {"url": service.url}}]
    found = ask(checks, **{"for": 2}, budget={"attempts": "10%"})
    [entry] = found["checks"]
    assert found["healthy"]
    assert (entry["attempts_in_window"], entry["failures_in_window"]) == (20, 1)
    assert entry["failures"][0]["reason"] == "status"
    assert 0.3 < entry["failures"][0]["after"] < 2
    assert 1.9 < found["watched"] < 5
    service.asked.clear()
    found = ask(checks, **{"for": 20})
    assert found["reason"] == "unhealthy"
    assert found["watched"] < 10
    assert "1 of 200 attempts of the window failed" in found["msg"]


def test_slow_answers_break_a_budget_of_their_own(service: Service) -> None:
    service.pause = 0.3
    checks: Checks = [{"name": "web", "http": {"url": service.url}}]
    assert ask(checks, budget={"latency": {"p95": 1500}})["healthy"]
    found = ask(checks, budget={"latency": {"p95": 200}})
    assert found["reason"] == "slow"
    assert "the budget is 200 ms; slowest: web (3" in found["msg"]


def test_postgresql_by_role_lag_and_query(server: LocalPostgresql) -> None:
    server.sql("CREATE TABLE IF NOT EXISTS kept (n int)")

    def check(name: str, **more: Any) -> dict[str, Any]:
        place = {
            "host": "localhost",
            "port": server.port,
            "user": "probe",
            "ca_cert": str(server.ca),
        }
        return {"name": name, "postgresql": {**place, "password": PASSWORD, **more}}

    found = ask(
        [
            check("primary", role="primary", maximum_lag=1, query="SELECT 6 * 7", expect="42"),
            check("standby", role="standby"),
            check("value", query="SELECT count(*) FROM pg_database", expect="0"),
            check("write", query="INSERT INTO kept VALUES (1) RETURNING n"),
            check("password", password="wrong-one"),
            check("unknown CA", ca_cert="/etc/ssl/certs/ca-certificates.crt"),
            check("not verified", ca_cert=None, validate_certs=False),
            check("slow", query="SELECT pg_sleep(30)"),
        ]
    )
    assert reasons(found) == {
        "standby": "role",
        "value": "query",
        "write": "query",
        "password": "authentication",
        "unknown CA": "tls",
        "slow": "timeout",
        "primary": "",
        "not verified": "",
    }
    assert found["seconds"] < 3.5
    facts = {entry["name"]: entry["facts"] for entry in found["checks"]}
    assert facts["primary"] == {"role": "primary", "lag": 0, "value": "42"}
    assert "read-only transaction" in found["msg"]
    assert "wrong-one" not in json.dumps(found)
    assert server.sql("SELECT count(*) FROM kept") == "0"


def test_redis_by_role_and_password(tmp_path: Path) -> None:
    with redis_pair(tmp_path, "hush-hush") as (primary, replica):

        def check(name: str, port: int, **more: Any) -> dict[str, Any]:
            return {
                "name": name,
                "redis": {"host": "127.0.0.1", "port": port, "password": "hush-hush", **more},
            }

        linked = ask(
            [check("primary", primary, role="primary"), check("replica", replica, role="replica")],
            defaults={"retries": 80},
        )
        assert linked["healthy"], linked["msg"]
        found = ask(
            [
                check("role", replica, role="primary"),
                check("password", primary, password="hush-wrong"),
                {"name": "none", "redis": {"host": "127.0.0.1", "port": primary}},
            ]
        )
    assert reasons(found) == {
        "role": "role",
        "password": "authentication",
        "none": "authentication",
    }
    assert "hush" not in json.dumps(found)


def test_banners_and_bytes() -> None:
    def greet(connection: socket.socket) -> None:
        connection.sendall(b"220 mail.example.org")
        connection.sendall(b" ESMTP\r\n")

    def kafka(connection: socket.socket) -> None:
        """The beginning of the answer to a question for the versions of its API: length, its number, no error."""
        asked = connection.recv(100)
        if asked == bytes.fromhex("0000000a001200000000002affff"):
            connection.sendall(bytes.fromhex("000000060000002a0000"))

    kafka_check = {
        "send_hex": "0000000a 00120000 0000002a ffff",
        "expect": r"\x00\x00\x00\x2a\x00\x00",
    }
    with speaking(greet) as smtp, speaking(kafka) as broker:
        found = ask(
            [
                {
                    "name": "smtp",
                    "banner": {"host": "127.0.0.1", "port": smtp, "expect": "^220 .*ESMTP"},
                },
                {"name": "kafka", "banner": {"host": "127.0.0.1", "port": broker, **kafka_check}},
                {"name": "other", "banner": {"host": "127.0.0.1", "port": smtp, "expect": "^SSH-"}},
                {
                    "name": "mute",
                    "banner": {"host": "127.0.0.1", "port": broker, "send": "x", "expect": "x"},
                },
                {"name": "redis", "redis": {"host": "127.0.0.1", "port": smtp}},
            ]
        )
    assert reasons(found) == {
        "other": "answer",
        "mute": "closed",
        "redis": "answer",
        "smtp": "",
        "kafka": "",
    }
    assert "it answered '220 mail.example.org ESMTP\\r\\n'" in found["msg"]


def test_dns_by_records() -> None:
    with name_server(
        {
            ("api.example.org", "A"): ["192.0.2.10", "192.0.2.11"],
            ("www.example.org", "CNAME"): ["api.example.org."],
        }
    ) as port:

        def check(name: str, of: str = "api.example.org", **more: Any) -> dict[str, Any]:
            return {
                "name": name,
                "dns": {"name": of, "servers": ["127.0.0.1"], "port": port, **more},
            }

        found = ask(
            [
                check("any"),
                check("both", records=["192.0.2.11", "192.0.2.10"]),
                check("alias", "www.example.org", type="CNAME", records=["api.example.org"]),
                check("moved", records=["192.0.2.10"]),
                check("unknown", "nowhere.example.org"),
                check("type", type="MX"),
                check("from a cache", authoritative=True),
                check("no such server", servers=["ns1.nowhere.invalid"]),
                {
                    "name": "no server",
                    "dns": {"name": "a", "servers": ["127.0.0.1"], "port": free_port()},
                },
            ]
        )
    assert reasons(found) == {
        "moved": "records",
        "unknown": "name",
        "type": "records",
        "from a cache": "not_authoritative",
        "no such server": "name",
        "no server": "timeout",
        "any": "",
        "both": "",
        "alias": "",
    }


def test_promql_by_value(service: Service) -> None:
    """What Prometheus' API answers, as its documentation has it."""
    series = [
        {"metric": {"__name__": "up", "job": "a"}, "value": [1.5, "1"]},
        {"metric": {"__name__": "up", "job": "b"}, "value": [1.5, "0"]},
    ]

    def answer(path: str) -> tuple[int, Any]:
        if "wrong" in path:
            return 400, {"status": "error", "errorType": "bad_data", "error": "parse error"}
        found = [] if "absent" in path else series
        return 200, {"status": "success", "data": {"resultType": "vector", "result": found}}

    service.answer = answer

    def check(name: str, query: str, **more: Any) -> dict[str, Any]:
        return {
            "name": name,
            "promql": {"url": f"{service.url}/prometheus/", "query": query, **more},
        }

    found = ask(
        [
            check("bounds", 'up{job=~"a|b"}', minimum=0, maximum=1),
            check("down", "up", minimum=1),
            check("no value", "absent"),
            check("no alert", "absent", empty=True),
            check("wrong", "wrong"),
        ]
    )
    assert reasons(found) == {
        "down": "value",
        "no value": "no_value",
        "wrong": "query",
        "bounds": "",
        "no alert": "",
    }
    assert 'up{job="b"} is 0, expected at least 1' in found["msg"]
    paths = [path for path, _headers in service.asked]
    assert "/prometheus/api/v1/query?query=up%7Bjob%3D~%22a%7Cb%22%7D" in [
        p.replace("{", "%7B").replace("}", "%7D") for p in paths
    ]


def test_bad_input_asks_nobody(service: Service) -> None:
    good = {"name": "good", "http": {"url": service.url}}
    found = ask([good, {"name": "bad", "http": {"url": "https:///health"}}], budget={"checks": "3"})
    assert found["reason"] == "bad_check"
    assert found["msg"].splitlines() == [
        "2 problems, and nothing was asked:",
        "1. bad: url 'https:///health' has no host; write it as https://HOST/path.",
        "2. budget.checks: 3 may fail, and there are only 2 checks. Lower it, or write a percentage.",
    ]
    found = ask([{"name": "two", "http": {"url": service.url}, "tcp": {"host": "h", "port": 1}}])
    assert "mutually exclusive" in found["msg"]
    assert "one of the following is required" in ask([{"name": "none"}])["msg"]
    assert service.asked == []


def test_the_playbook_shows_a_table_for_each_host_and_fails(
    service: Service, tmp_path: Path
) -> None:
    service.answer = lambda path: (503 if path == "/bad" else 200, "")
    good, bad = (
        [{"name": name, "http": {"url": f"{service.url}/{name}"}}] for name in ("good", "bad")
    )
    hosts: dict[str, Any] = {
        "web-1": {"health_checks": good},
        "web-2": {"health_checks": bad},
        "idle": {},
    }
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    command = ["ansible-playbook", "-i", str(inventory), "playbooks/health.yml"]
    done = run(command)
    assert done.returncode == 2
    assert "web-2: 1 of 1 checks failed" in done.text
    assert "GET http://127.0.0.1" in done.text
    assert done.recap["web-1"].failed == 0
    assert done.recap["web-2"].failed == 1
    done = run([*command, "--check", "--limit", "web-1", "-e", "health_for=1"])
    assert done.returncode == 0
    assert "of them watched" in done.text
    assert done.changed == 0
    done = run([*command, "--limit", "idle"])
    assert done.returncode == 2
    assert "No host here has health_checks" in done.text
