"""Figures of kube_apply beside kubectl and kubernetes.core, written to artifacts/bench/kubernetes.json.

Whole commands against one API server, each way in its turn in every round, so that what else the
machine does meets all of them. Nothing but the counts fails the run: a target that was missed is
said in the table and in the file. BENCH_RUNS sets the number of rounds (3).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.commands import Done, timed
from tests.bench.measures import Measure, Measures
from tests.integration.kube_api import Api, api, process
from tests.integration.labs import ROOT, environment, run

pytestmark = pytest.mark.kube

RUNS = int(os.environ.get("BENCH_RUNS", "3"))
OUTPUT = ROOT / "artifacts/bench/kubernetes.json"
#: 300 objects, 10 in each namespace.
NAMESPACES = 30
#: What a loop over all of them would take is estimated from so many objects.
SAMPLE = 20
#: Numbers of objects for which time and memory are compared.
SIZES = (500, 1000, 2500, 5000)
#: Whether the objects are there already.
STEPS = {"create": False, "again": True}
#: On all namespaces of the bench.
LABEL = "groundwork.platform/bench=yes"

Objects = list[dict[str, Any]]


def objects(prefix: str, namespaces: int) -> Objects:
    """What a namespace of a platform begins with, 10 objects each."""
    return [
        entry
        for number in range(namespaces)
        for entry in _namespace(f"{prefix}-{number:03}", number)
    ]


def _namespace(name: str, number: int) -> Iterator[dict[str, Any]]:
    rbac = "rbac.authorization.k8s.io"
    operators = {"apiGroup": rbac, "kind": "Group", "name": "operators"}
    everyone: dict[str, Any] = {"podSelector": {}}
    dns = {
        "to": [
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
        ],
        "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")],
    }
    limits = {"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m"}}
    rules = [{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]}]
    listed: list[tuple[str, str, str, dict[str, Any]]] = [
        (
            "v1",
            "ResourceQuota",
            "compute",
            {"spec": {"hard": {"pods": "40", "requests.cpu": "20"}}},
        ),
        ("v1", "LimitRange", "defaults", {"spec": {"limits": [limits]}}),
        ("v1", "ServiceAccount", "app", {"automountServiceAccountToken": False}),
        (f"{rbac}/v1", "Role", "reader", {"rules": rules}),
        (
            f"{rbac}/v1",
            "RoleBinding",
            "reader",
            {
                "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "reader"},
                "subjects": [operators],
            },
        ),
        (
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "default-deny",
            {"spec": {**everyone, "policyTypes": ["Ingress", "Egress"]}},
        ),
        (
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "dns",
            {"spec": {**everyone, "policyTypes": ["Egress"], "egress": [dns]}},
        ),
        ("v1", "ConfigMap", "settings", {"data": {f"KEY_{n}": f"{n} {number}" for n in range(10)}}),
        ("v1", "Secret", "credentials", {"data": {"user": "YXBw", "password": "aHVudGVyMg=="}}),
    ]
    label, value = LABEL.split("=")
    labels = {label: value, "pod-security.kubernetes.io/enforce": "restricted"}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    for version, kind, own_name, body in listed:
        metadata = {"name": own_name, "namespace": name}
        yield {"apiVersion": version, "kind": kind, "metadata": metadata, **body}


@pytest.fixture(scope="module")
def measures() -> Iterator[Measures]:
    """Measures of the whole file; printed at its end, also when a test has failed."""
    found = Measures(OUTPUT)
    yield found
    found.show()


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[Api]:
    """An API of the test's own."""
    with api(tmp_path) as served:
        yield served


def module(kube: Api, wanted: Objects) -> tuple[Done, dict[str, int]]:
    """The module's process alone, as Ansible starts it; return what it counted as well."""
    arguments = {"kubeconfig": str(kube.kubeconfig), "manifests": wanted}
    done = timed(*process("kube_apply"), json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    return done, json.loads(done.output)["counts"]


def applied_by_module(kube: Api, wanted: Objects, _folder: Path, again: bool) -> float:
    done, counts = module(kube, wanted)
    assert counts["unchanged" if again else "created"] == len(wanted)
    return done.seconds


def applied_by_kubectl(*flags: str) -> Callable[[Api, Objects, Path, bool], float]:
    def apply(kube: Api, wanted: Objects, folder: Path, _again: bool) -> float:
        file = folder / "objects.json"
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": wanted}))
        command = [str(kube.program), "kubectl", f"--kubeconfig={kube.kubeconfig}", "apply"]
        command += ["--server-side", *flags, f"--filename={file}"]
        return timed(command, environment()).seconds

    return apply


def applied_by_playbook(tag: str) -> Callable[[Api, Objects, Path, bool], float]:
    def apply(kube: Api, wanted: Objects, folder: Path, again: bool) -> float:
        file = folder / "variables.json"
        file.write_text(json.dumps({"kubeconfig": str(kube.kubeconfig), "objects": wanted}))
        playbook = "tests/bench/kubernetes.yml"
        done = run(["ansible-playbook", playbook, f"--tags={tag}", f"--extra-vars=@{file}"])
        assert done.returncode == 0, done.failures
        assert done.changed == (0 if again or tag == NOTHING else 1)
        return done.seconds

    return apply


#: A tag that no task has: what Ansible takes before and after any task.
NOTHING = "nothing"
WAYS = {
    "module": applied_by_module,
    "kubectl": applied_by_kubectl("--validate=false"),
    "kubectl-validating": applied_by_kubectl(),
    "playbook": applied_by_playbook("kube_apply"),
    "list-task": applied_by_playbook("list"),
    "empty-playbook": applied_by_playbook(NOTHING),
}


def test_three_hundred_objects(kube: Api, tmp_path: Path, measures: Measures) -> None:
    """On create and again with no change; each way in namespaces of its own."""
    seconds: dict[str, list[float]] = {}
    for number in range(RUNS):
        # Nobody is always the first.
        turn = number % len(WAYS)
        for way in (*list(WAYS)[turn:], *list(WAYS)[:turn]):
            wanted = objects(f"{way}-{number}", NAMESPACES)
            for step, again in STEPS.items():
                took = WAYS[way](kube, wanted, tmp_path, again)
                seconds.setdefault(f"{way}/{step}", []).append(took)
        kube.kubectl("delete", "namespace", "--selector", LABEL)
    for name, values in seconds.items():
        measures.add(f"kubernetes/{name}", Measure([round(value, 2) for value in values]))
    for step in STEPS:
        for way, rival in (("module", "kubectl"), ("playbook", "list-task")):
            pairs = zip(seconds[f"{way}/{step}"], seconds[f"{rival}/{step}"], strict=True)
            ratios = [round(ours / theirs, 3) for ours, theirs in pairs]
            measures.add(f"kubernetes/{way}-to-{rival}/{step}", Measure(ratios))


def test_a_thousand_objects(kube: Api, tmp_path: Path, measures: Measures) -> None:
    """The same beside one list task, where Ansible's own start weighs less."""
    for step, again in STEPS.items():
        seconds = {
            way: WAYS[way](kube, objects(way, 100), tmp_path, again)
            for way in ("playbook", "list-task")
        }
        ratio = round(seconds["playbook"] / seconds["list-task"], 3)
        for way, took in seconds.items():
            measures.add(f"kubernetes/1000-objects/{way}/{step}", Measure([round(took, 2)]))
        measures.add(f"kubernetes/1000-objects/playbook-to-list-task/{step}", Measure([ratio]))


def test_a_loop_is_estimated(kube: Api, tmp_path: Path, measures: Measures) -> None:
    """A task for each object takes minutes: a sample is scaled up."""
    wanted = objects("loop", SAMPLE // 10)
    for step, again in STEPS.items():
        start = applied_by_playbook(NOTHING)(kube, wanted, tmp_path, again)
        took = applied_by_playbook("loop")(kube, wanted, tmp_path, again)
        scaled = start + (took - start) * NAMESPACES * 10 / SAMPLE
        name = f"kubernetes/loop-estimated-from-{SAMPLE}/{step}"
        measures.add(name, Measure([round(scaled, 1)]))


def test_what_changed_is_told_truly(kube: Api) -> None:
    """An edited object, a missing one and a hundred that are as they should be."""
    wanted = objects("edited", 10)
    module(kube, wanted)
    wanted[1]["spec"]["hard"]["pods"] = "41"
    kube.kubectl("delete", "configmap", "settings", "-n", "edited-003")
    _done, counts = module(kube, wanted)
    assert (counts["created"], counts["updated"], counts["unchanged"]) == (1, 1, 98)


def test_thousands(kube: Api, measures: Measures) -> None:
    """Milliseconds for one object, and megabytes, as the number of objects grows."""
    each: dict[str, dict[int, float]] = {step: {} for step in STEPS}
    for size in SIZES:
        wanted = objects(f"size-{size}", size // 10)
        for step, again in STEPS.items():
            done, counts = module(kube, wanted)
            assert counts["unchanged" if again else "created"] == size
            each[step][size] = done.seconds * 1000 / size
            name = f"kubernetes/{size}-objects"
            measures.add(f"{name}/{step}", Measure([round(done.seconds, 2)]))
            measures.add(f"{name}/{step}-ms-each", Measure([round(each[step][size], 3)]))
            measures.add(f"{name}/{step}-megabytes", Measure([round(done.megabytes)]))
    for step, times in each.items():
        ratio = round(times[SIZES[-1]] / times[SIZES[0]], 3)
        measures.add(f"kubernetes/each-of-{SIZES[-1]}-to-{SIZES[0]}/{step}", Measure([ratio]))
