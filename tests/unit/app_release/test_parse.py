"""From options to services: what they mean, and what is refused before the cluster is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.groundwork.platform.plugins.module_utils.app_release import parse
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.arguments import (
    options,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import (
    Canary,
    Metrics,
    Service,
    Soak,
)
from ansible_collections.groundwork.platform.plugins.module_utils.health.budget import Share
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.migrations.order import graph

from tests.unit.app_release.samples import Body, deployment, front

HTTP = {"http": {"url": "https://sale.test/health"}}
SIDE = {"containers": [{"name": "proxy", "image": "r/proxy:1"}, {"name": "app", "image": "r/a:1"}]}


def params(*services: Body, **given: Any) -> dict[str, Any]:
    """Parameters as Ansible hands them over: out of JSON, so that no two of them are one object."""
    whole = {"services": list(services), "version": "2", "namespace": "nx", **given}
    wanted = json.loads(json.dumps(whole))
    found = ArgumentSpecValidator(options()).validate(wanted)
    assert not found.error_messages, found.error_messages
    return dict(found.validated_parameters)


def read(*services: Body, **given: Any) -> list[Service]:
    return parse.read(params(*services, **given))[0]


def refusal(*services: Body, **given: Any) -> KubeError:
    with pytest.raises(KubeError) as refused:
        parse.read(params(*services, **given))
    return refused.value


def sale(**more: Any) -> Body:
    return {"name": "sale", "manifests": [deployment(), front()], **more}


def test_what_a_service_does_not_say_is_the_runs() -> None:
    [one] = read(sale())
    assert (one.namespace, one.deployment, one.target.version) == ("nx", "nx-sale", "2")
    assert one.target.image == "r/sale:1"
    assert (one.soak, one.canary, one.metrics) == (Soak(), None, None)
    own = {"namespace": "ny", "deployment": "shop", "version": "7"}
    [other] = read({"name": "sale", "image": "r/sale:7", **own})
    assert (other.namespace, other.deployment, other.target.version) == ("ny", "shop", "7")
    assert other.target.manifests == ()


def test_manifests_are_objects_and_text() -> None:
    text = json.dumps(front())
    [one] = read(sale(manifests=[deployment(), f"---\n{text}\n"]))
    assert [each.kind.name for each in one.target.manifests] == ["Deployment", "Service"]


def test_the_image_of_the_named_container_is_the_version() -> None:
    [one] = read(sale(manifests=[deployment(pod=SIDE)], container="app"))
    assert one.target.image == "r/a:1"
    [first] = read(sale(manifests=[deployment(pod=SIDE)]))
    assert first.target.image == "r/proxy:1"


@pytest.mark.parametrize(
    "given, reason, words",
    [
        (
            sale(manifests=[front()]),
            "no_deployment",
            "no Deployment nx-sale in nx among its manifests (none)",
        ),
        (
            sale(manifests=[deployment(name="nx-sales")]),
            "no_deployment",
            "(Deployment.apps nx-sales)",
        ),
        (
            sale(manifests=[{**deployment(), "metadata": {"name": "nx-sale", "namespace": "ny"}}]),
            "no_deployment",
            "(Deployment.apps nx-sale in ny)",
        ),
        (sale(container="ap"), "no_container", "no container ap; it has app"),
        (sale(image="r/sale:9"), "two_ways", "image is r/sale:9, and its objects run r/sale:1"),
        (sale(kustomize="overlay"), "two_ways", "manifests and kustomize"),
        ({"name": "sale"}, "nothing_to_bring", "Give manifests, helm, kustomize, git, or an image"),
        ({"name": "Sale", "image": "r/sale:1"}, "bad_name", "'Sale' names no service"),
        ({"name": "s" * 51, "image": "r/sale:1"}, "bad_name", "at most 50"),
        (sale(manifests=[{"kind": "Deployment"}]), "malformed_manifest", "no apiVersion"),
        (sale(canary={"weight": 100}), "bad_canary", "a weight from 0 to 99"),
        (sale(canary={"replicas": 0}), "bad_canary", "at least one replica"),
        (sale(canary={"seconds": 0}), "bad_canary", "a time above 0"),
        (
            {"name": "sale", "image": "r/sale:1", "canary": {"weight": 5}},
            "no_canary",
            "made of its manifests, and there are none. Leave weight out",
        ),
        (
            {
                "name": "sale",
                "git": {"repository": "https://git.test/shop", "path": "a.yaml", "key": "tag"},
                "application": "shop",
                "canary": {},
            },
            "no_canary",
            "Argo CD brings it",
        ),
        (sale(needs=["identty"]), "unknown_need", "sale needs identty, which is not there"),
        (sale(soak={"seconds": -1}), "bad_soak", "at least 0 and 0.1"),
        (sale(soak={"interval": 0.01}), "bad_soak", "at least 0 and 0.1"),
        (sale(soak={"seconds": 5, "interval": 6}), "bad_soak", "longer than the window of 5 s"),
        (sale(soak={"failed_requests": "few"}), "bad_soak", "neither a whole number nor a percent"),
        (sale(soak={"failed_requests": "101%"}), "bad_soak", "more than all"),
        (sale(soak={"restarts": -1}), "bad_soak", "numbers from 0 on"),
        (sale(soak={"latency": {"p95": 0}}), "bad_soak", "a time in which nothing answers"),
        (sale(health=[{"http": {"url": "https:///x"}}]), "bad_check", "has no host"),
        (sale(health=[{"https": {}}]), "bad_check", "https"),
        (sale(health=[{}]), "bad_check", "http"),
        (
            sale(health=[{"name": "a", **HTTP}, {"name": "a", **HTTP}]),
            "twice",
            "sale a is the name",
        ),
        (sale(migration={"image": "r/m:1", "comand": ["x"]}), "bad_migration", "comand"),
        (sale(migration={"image": "r/m:1"}), "no_command", "with which command"),
    ],
)
def test_what_cannot_be_meant_is_refused(given: Body, reason: str, words: str) -> None:
    found = refusal(given)
    assert (found.reason, words in str(found)) == (reason, True), str(found)


def test_a_version_has_to_be_named() -> None:
    found = refusal(sale(), version=None)
    assert found.reason == "no_version"
    assert "sale: of which version?" in str(found)


def test_a_budget_above_the_number_of_checks_is_refused() -> None:
    found = refusal(sale(health=[HTTP]), health_budget={"checks": "2"})
    assert found.reason == "bad_budget"
    assert "2 may fail, and there are only 1 checks" in str(found)


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = refusal(sale(container="x"), {"name": "api"}, {"name": "api", "needs": ["none"]})
    for words in ("1. sale:", "no container x", "2. api:", "api is there twice"):
        assert words in str(found)


def test_a_hint_names_what_may_have_been_meant() -> None:
    found = refusal(sale(name="identity", deployment="nx-sale"), sale(needs=["identty"]))
    assert str(found).endswith("which is not there: did you mean identity?.")


def test_a_cycle_is_told_as_a_path() -> None:
    given = [
        {"name": name, "image": f"r/{name}:1", "needs": [need]}
        for name, need in (("a", "b"), ("b", "c"), ("c", "a"))
    ]
    services, migrations, _budget = parse.read(params(*given))
    with pytest.raises(KubeError, match="a rollout → b rollout → c rollout → a rollout") as refused:
        graph(migrations, [each.rollout for each in services])
    assert refused.value.reason == "cycle"


def test_a_services_own_window_stands_above_the_runs() -> None:
    own = {"failed_requests": "3", "latency": {"p95": 500}}
    [one] = read(sale(soak=own), soak={"seconds": 5, "failed_requests": "2%", "unready": 2})
    assert one.soak == Soak(5, failed_requests=Share(3), latency={"p95": 500}, unready=2)


def test_health_checks_are_named_after_their_service() -> None:
    named = {"name": "login", **HTTP, "retries": 2}
    services, _migrations, budget = parse.read(
        params(
            sale(health=[HTTP, named]),
            sale(name="api", deployment="nx-sale", health=[HTTP]),
            health_defaults={"timeout": 2},
            health_budget={"checks": "1"},
        )
    )
    assert [[each.name for each in one.checks] for one in services] == [
        ["sale 1", "sale login"],
        ["api 1"],
    ]
    assert services[0].checks[1].pace.retries == 2
    assert {each.pace.timeout for one in services for each in one.checks} == {2}
    assert budget.checks == Share(1)


def test_metrics_and_canaries() -> None:
    [one] = read(sale(metrics={"port": "9090", "status_label": "code"}, canary={"weight": 10}))
    assert one.metrics == Metrics("9090", status="code")
    assert one.canary == Canary(30.0, 1, 10)


def test_a_migration_gets_what_its_service_says_and_a_rollback_has_none() -> None:
    migration = {"image": "r/m:1", "command": ["migrate"]}
    given = sale(version="9", namespace="ny", migration=migration)
    _services, [found], _budget = parse.read(params(given))
    assert (found.service, found.version, found.namespace) == ("sale", "9", "ny")
    assert parse.read(params(given, operation="rollback"))[1] == []


def test_a_rollback_needs_neither_version_nor_objects() -> None:
    [one] = read({"name": "sale"}, operation="rollback", version=None)
    assert one.target.manifests == ()


@pytest.mark.parametrize(
    "image, becomes",
    [
        ("reg.test:5000/nx/sale:9", "reg.test:5000/nx/sale:9"),
        ("reg.test:5000/nx/sale@sha256:00", "reg.test:5000/nx/sale@sha256:00"),
    ],
)
def test_an_overlay_gets_the_image_of_this_release(
    monkeypatch: pytest.MonkeyPatch, image: str, becomes: str
) -> None:
    first = {"initContainers": [{"name": "wait", "image": "busybox:1"}]}
    body = deployment("reg.test:5000/nx/sale:base", pod=first)
    service = {**front(), "spec": {"image": "reg.test:5000/nx/sale:base"}}

    async def kustomized(folder: str) -> str:
        assert folder.endswith("overlay")
        return f"{json.dumps(body)}\n---\n{json.dumps(service)}\n"

    monkeypatch.setattr(parse, "kustomized", kustomized)
    [one] = read({"name": "sale", "kustomize": "overlay", "image": image})
    pod = one.target.deployments[0]["spec"]["template"]["spec"]
    assert one.target.image == pod["containers"][0]["image"] == becomes
    assert pod["initContainers"][0]["image"] == "busybox:1"
    assert one.target.manifests[1].body["spec"]["image"] == "reg.test:5000/nx/sale:base"
    # An image that none of its objects has would go unseen.
    found = refusal({"name": "sale", "kustomize": "overlay", "image": "reg.test:5000/sale:9"})
    assert found.reason == "two_ways"


def test_a_chart_is_rendered_with_its_values_from_standard_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Values may hold secrets, and the arguments of a process are for everybody."""
    calls: list[tuple[list[str], str]] = []

    async def output(command: list[str], data: str = "") -> str:
        calls.append((command, data))
        return json.dumps(deployment())

    monkeypatch.setattr(parse, "output", output)
    chart = {"chart": "acme/sale", "repository": "https://charts.test", "version": "3"}
    [one] = read({"name": "sale", "helm": {**chart, "values": {"password": "secret"}}}, helm="/h")
    assert one.target.image == "r/sale:1"
    [(command, data)] = calls
    assert command[:4] == ["/h", "template", "sale", "acme/sale"]
    for words in ("--namespace nx", "--repo https://charts.test", "--version 3", "--values -"):
        assert words in " ".join(command)
    assert "--skip-tests" in command
    assert "secret" not in " ".join(command)
    assert json.loads(data) == {"password": "secret"}
