"""release_gate and port_pool_check as modules: run for real, on what Trivy wrote and against a real API server."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.kube_api import NOBODY, Api, direct, module
from tests.integration.kube_world import Put, place
from tests.integration.labs import ROOT

#: Written by Trivy; tests/unit/release/gate.py says how.
REPORTS = ROOT / "tests/unit/release/reports"
COMMIT = "4f1c9a70b2d35e6884aa0c1d2e3f405162738495"


def gate(branch: str, name: str = "nx-sale", **options: Any) -> dict[str, Any]:
    report = str(REPORTS / f"{name}.json")
    return direct("release_gate", branch=branch, commit=COMMIT, report_file=report, **options)


@pytest.mark.parametrize("check", [False, True])
def test_an_open_gate(check: bool) -> None:
    found = gate("main", "nx-identity", version="1.4.0", check=check)
    assert not found.get("failed")
    assert (found["allowed"], found["changed"]) == (True, False)
    assert found["tags"] == ["4f1c9a70", "latest", "v1.4.0"]
    assert found["deploy_tag"] == "4f1c9a70"


@pytest.mark.parametrize("check", [False, True])
def test_a_closed_gate_fails_with_its_reasons(check: bool) -> None:
    found = gate("develop", check=check)
    assert (found["failed"], found["reason"]) == (True, "gate_closed")
    assert found["msg"].startswith(
        "The gate is closed for nx-sale.tar (develop at 4f1c9a70): CRITICAL fails on every branch"
    )
    assert "HIGH fails on develop, and there are 4: HIGH DS002" in found["msg"]
    assert (found["tags"], found["deploy_tag"]) == ([], "")


def test_a_closed_gate_that_is_not_enforced() -> None:
    found = gate("develop", enforce=False)
    assert not found.get("failed")
    assert (found["allowed"], found["tags"]) == (False, [])


@pytest.mark.parametrize(
    "options,reason",
    [
        ({"branch": "maim"}, "bad_branch"),
        ({"commit": "latest"}, "bad_commit"),
        ({"deploy": "latest"}, "bad_tag"),
        ({"version": "one"}, "bad_version"),
        ({"today": "now"}, "bad_date"),
        ({"report_file": "/nowhere.json"}, "bad_report"),
    ],
)
def test_bad_input_has_a_reason(options: dict[str, Any], reason: str) -> None:
    given = {"branch": "main", "commit": COMMIT, "report_file": str(REPORTS / "nx-identity.json")}
    found = direct("release_gate", **{**given, **options})
    assert (found["failed"], found["reason"]) == (True, reason)


def test_by_ansible_with_the_report_as_data_and_a_day_without_quotes(tmp_path: Path) -> None:
    book = tmp_path / "gate.yml"
    book.write_text(f"""
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - groundwork.platform.release_gate:
        branch: feature/refund
        commit: {COMMIT}
        report: "{{{{ lookup('ansible.builtin.file', '{REPORTS}/nx-sale.json') }}}}"
        today: 2026-11-22
        exceptions:
          - {{id: CVE-2026-10001, reason: Not reachable., until: 2026-12-01}}
          - {{id: aws-access-key-id, reason: A key of nobody., until: 2026-11-21}}
""")
    done = subprocess.run(
        ["ansible-playbook", "-v", str(book)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stdout + done.stderr
    printed = " ".join((done.stdout + done.stderr).split())
    assert "there are 1: CRITICAL aws-access-key-id in /app/settings.sh" in printed
    assert "ended on 2026-11-21 and counts no more (A key of nobody.)" in printed
    assert "CVE-2026-10001 ends on 2026-12-01, in 9 days" in printed


def test_the_report_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_INJECT_INVOCATION", "true")
    text = (REPORTS / "nx-identity.json").read_text(encoding="utf-8")
    shown = module(
        "release_gate",
        "-vvv",
        callback="default",
        branch="develop",
        commit=COMMIT,
        report=text,
    )
    assert "allowed: true" in shown
    assert "report: (not shown)" in shown
    assert "DiffIDs" not in shown


def test_a_pool_without_a_cluster() -> None:
    free = direct("port_pool_check", pool={"start": 6300, "end": 6399})
    assert (free["conflicts"], free["changed"], free.get("failed")) == ([], False, None)
    assert free["looked_at"]["host_port"] == 0

    refused = direct("port_pool_check", pool={"start": 30500, "end": 30599}, check=True)
    assert (refused["failed"], refused["reason"]) == (True, "conflicts")
    assert "30500-30599 and the cluster's NodePort range (30000-32767) share" in refused["msg"]
    assert refused["msg"].endswith("Free are 29900-29999, as many.")

    told = direct("port_pool_check", pool={"start": 30500, "end": 30599}, enforce=False)
    assert (told.get("failed"), len(told["conflicts"])) == (None, 1)


@pytest.mark.parametrize("start,end", [(6400, 6300), (6400, 6399), (65000, 65536), (0, 0)])
def test_a_pool_that_is_none(start: int, end: int) -> None:
    found = direct("port_pool_check", pool={"start": start, "end": end})
    assert (found["failed"], found["reason"]) == (True, "bad_pool")


WORLD = """
apiVersion: v1
kind: Pod
metadata: {{name: proxy, namespace: {namespace}}}
spec:
  hostNetwork: true
  containers: [{{name: proxy, image: i, ports: [{{containerPort: 21379}}]}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: cache, namespace: {namespace}}}
spec:
  containers:
    - {{name: redis, image: i, ports: [{{containerPort: 6379, hostPort: 21380}}, {{containerPort: 21381}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: cache, namespace: {namespace}}}
spec:
  type: NodePort
  ports: [{{name: a, port: 21382, nodePort: 30379}}, {{name: b, port: 21383, protocol: UDP}}]
"""


@pytest.mark.kube
@pytest.mark.slow
def test_a_cluster_is_asked_for_its_ports(kube: Api, put: Put, namespace: str) -> None:
    put(place(namespace) + WORLD.format(namespace=namespace))
    access: dict[str, Any] = {"kubeconfig": str(kube.kubeconfig)}
    pool = {"name": "staging", "start": 21300, "end": 21399}
    found = direct("port_pool_check", pool=pool, **access)
    assert (found["failed"], found["reason"]) == (True, "conflicts")
    held = {(one["kind"], one["held_by"], one["range"]) for one in found["conflicts"]}
    assert held == {
        ("host_port", f"host port of pod {namespace}/proxy, container proxy", "21379"),
        ("host_port", f"host port of pod {namespace}/cache, container redis", "21380"),
        ("service_port", f"port of Service {namespace}/cache", "21382"),
    }
    assert found["free"] == {"start": 21279, "end": 21378, "size": 100}

    proposed = {"start": found["free"]["start"], "end": found["free"]["end"]}
    assert direct("port_pool_check", pool=proposed, **access)["conflicts"] == []
    # A NodePort is told beside the range that it comes from.
    among = direct("port_pool_check", pool={"start": 30300, "end": 30399}, **access)
    assert {one["kind"] for one in among["conflicts"]} == {"node_port", "node_port_range"}
    # The API's range is not the one that is said.
    wrong = direct("port_pool_check", pool=proposed, node_port_range="31000-32767", **access)
    assert f"NodePort of Service {namespace}/cache is 30379, outside" in wrong["notes"][0]
    # Who is told not to ask does not.
    assert direct("port_pool_check", pool=pool, cluster=False, **access)["conflicts"] == []


@pytest.mark.kube
@pytest.mark.slow
def test_ports_that_may_not_be_listed_are_not_free(kube: Api) -> None:
    account: dict[str, Any] = {"host": kube.url, "ca_cert": str(kube.ca_cert), "api_key": NOBODY}
    found = direct("port_pool_check", pool={"start": 21300, "end": 21399}, **account)
    assert (found["failed"], found["reason"]) == (True, "forbidden")
    assert "their ports are not known" in found["msg"]
