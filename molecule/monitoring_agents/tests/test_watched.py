"""What a real Prometheus gets from the exporters, and whether rules and dashboard ask for things that exist."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://watcher"]
FILES = Path(__file__).resolve().parents[3] / "roles/monitoring_agents/files"
DASHBOARD = json.loads((FILES / "grafana/database.json").read_text())
METRIC = re.compile(r"\b((?:pg|patroni|etcd|node|haproxy|groundwork)_[a-z0-9_]+)\b(?!\s*[=!])")
# etcd with one member has no peers.
NOT_HERE = {"etcd_network_peer_round_trip_time_seconds_bucket"}


def ask(host: Host, path: str, **parameters: str) -> Any:
    program = (
        "import sys, json, urllib.parse as p, urllib.request as r;"
        "u = 'http://127.0.0.1:9090/api/v1/' + sys.argv[1] + '?' + p.urlencode(json.loads(sys.argv[2]));"
        "print(r.urlopen(u).read().decode())"
    )
    answer = json.loads(
        host.check_output("python3 -c %s %s %s", program, path, json.dumps(parameters))
    )
    assert answer["status"] == "success", answer
    return answer["data"]


def expressions() -> list[str]:
    found = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
    return found + [annotation["expr"] for annotation in DASHBOARD["annotations"]["list"]]


@pytest.fixture(scope="module")
def scraped(host: Host) -> set[str]:
    """Names of metrics, when every target was asked at least once."""
    for _ in range(40):
        targets = ask(host, "targets", state="active")["activeTargets"]
        if targets and all(target["health"] == "up" for target in targets):
            break
        time.sleep(1)
    bad = {t["scrapeUrl"]: t["lastError"] for t in targets if t["health"] != "up"}
    assert not bad
    assert {target["labels"]["job"] for target in targets} == {
        "node",
        "postgresql",
        "patroni",
        "etcd",
        "haproxy",
    }
    return set(ask(host, "label/__name__/values"))


def test_metrics_of_rules_exist(host: Host, scraped: set[str]) -> None:
    groups = ask(host, "rules")["groups"]
    queries = "\n".join(rule["query"] for group in groups for rule in group["rules"])
    assert set(METRIC.findall(queries)) - scraped == set()


def test_metrics_of_the_dashboard_exist(scraped: set[str]) -> None:
    assert set(METRIC.findall("\n".join(expressions()))) - scraped - NOT_HERE == set()


@pytest.mark.usefixtures("scraped")
@pytest.mark.parametrize("expression", expressions())
def test_dashboard_expression_is_valid(host: Host, expression: str) -> None:
    ask(host, "query", query=expression.replace("$__rate_interval", "1m").replace("$scope", ".*"))


def test_dashboard_is_whole() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert {panel["title"] for panel in panels if panel["type"] == "row"} >= {
        "Database",
        "Replication",
        "etcd",
    }
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        if panel["type"] != "row":
            assert panel["description"]
            assert panel["datasource"]["uid"] == "${datasource}"


@pytest.mark.usefixtures("scraped")
def test_rules_are_evaluated_without_errors(host: Host) -> None:
    groups = ask(host, "rules")["groups"]
    assert len(groups) == len(list(FILES.glob("prometheus/*.rules.yml")))
    for group in groups:
        for rule in group["rules"]:
            assert rule["health"] != "err", rule
            assert {"summary", "description", "runbook"} <= set(rule["annotations"]), rule["name"]
            assert rule["labels"]["severity"] in ("critical", "warning")


@pytest.mark.usefixtures("scraped")
def test_the_exporter_sees_what_a_monitor_may_see(host: Host) -> None:
    """pg_monitor reads the settings of all and the state of other users' sessions."""
    failed = ask(host, "query", query="pg_scrape_collector_success == 0 or pg_up == 0")["result"]
    assert failed == []
    sizes = ask(host, "query", query='pg_database_size_bytes{datname="postgres"} > 0')["result"]
    assert len(sizes) == 2
