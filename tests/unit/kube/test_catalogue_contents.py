"""What particular components of the catalogue must do."""

from __future__ import annotations

from typing import Any

import yaml

from tests.unit.kube.catalogue import definitions, objects, pods, render, values


def named(component: str, kind: str, **settings: Any) -> dict[str, dict[str, Any]]:
    """Objects of a kind, by name."""
    return {
        found["metadata"]["name"]: found
        for found in objects(render(component, **settings))
        if found["kind"] == kind
    }


def test_connections_that_last_are_under_no_rate_limit() -> None:
    used = {
        name: [entry["name"] for entry in route["spec"]["routes"][0]["middlewares"]]
        for name, route in named("traefik", "IngressRoute").items()
    }
    assert used.pop("signal-websocket") == ["security-headers"]
    assert used
    every = ["rate-limit", "circuit-breaker", "security-headers"]
    assert all(middlewares == every for middlewares in used.values())


def test_the_backups_are_the_two_that_were_asked_for() -> None:
    full = {
        "schedule": "0 2 * * *",
        "template": {
            "ttl": "720h",
            "includedNamespaces": [
                *("nx-backend", "nx-app", "nx-persistent", "nx-broker", "nx-search", "nx-internal")
            ],
            "snapshotVolumes": True,
            "defaultVolumesToFsBackup": True,
        },
    }
    configuration = {
        "schedule": "0 * * * *",
        "template": {
            "ttl": "168h",
            "includedNamespaces": ["nx-backend", "nx-app", "nx-internal"],
            "snapshotVolumes": False,
            "includedResources": [
                *("deployments", "services", "configmaps", "secrets", "ingresses", "ingressroutes")
            ],
        },
    }
    schedules = named("velero", "Schedule")
    assert {name: found["spec"] for name, found in schedules.items()} == {
        "nx-daily-full": full,
        "nx-hourly-config": configuration,
    }

    assert definitions()["velero"]["namespace"] == "nx-internal"


def test_postgresql_is_found_under_its_names() -> None:
    (cluster,) = named("postgresql", "Cluster").values()
    services = cluster["spec"]["managed"]["services"]["additional"]
    assert {
        found["serviceTemplate"]["metadata"]["name"]: found["selectorType"] for found in services
    } == {"nx-postgresql-primary": "rw", "nx-postgresql-replica": "ro"}
    assert "synchronous" not in next(iter(named("postgresql-replicated", "Cluster").values()))


def test_kongs_administration_is_open_with_a_database_only() -> None:
    def listens(**settings: Any) -> str:
        ((_name, pod),) = pods(list(named("kong", "Deployment", **settings).values()))
        environment = {entry["name"]: entry.get("value") for entry in pod["containers"][0]["env"]}
        return str(environment["KONG_ADMIN_LISTEN"])

    assert listens() == "127.0.0.1:8001"
    assert "kong-kong-admin" not in named("kong", "Service")
    assert listens(mode="database") == "0.0.0.0:8001"
    (policy,) = named("kong", "NetworkPolicy", mode="database").values()
    assert {"from": [{"podSelector": {}}], "ports": [{"port": "admin"}]} in policy["spec"][
        "ingress"
    ]


def test_another_configuration_gives_another_job() -> None:
    one = set(named("kong", "Job", mode="database"))
    other = set(named("kong", "Job", mode="database", config={"services": []}))
    assert len(one) == len(other) == 1
    assert one.isdisjoint(other)


def test_each_broker_votes_and_topics_survive_one_of_them() -> None:
    for replicas, copies, enough in ((1, 1, 1), (3, 3, 2), (5, 3, 2)):
        (config,) = named("kafka", "ConfigMap", replicas=replicas).values()
        lines = config["data"]["server.properties"].splitlines()
        found = dict(line.split("=", 1) for line in lines if line)
        assert len(found["controller.quorum.voters"].split(",")) == replicas
        assert found["default.replication.factor"] == str(copies)
        assert found["min.insync.replicas"] == str(enough)


def test_a_dollar_reaches_prometheus_and_the_collector_alike() -> None:
    (config,) = named("otel-collector", "ConfigMap").values()
    written = config["data"]["config.yaml"]
    # The collector takes $ for a variable of its own.
    assert set(values(yaml.safe_load(written), "replacement")) == {"$$1:$$2"}
    assert "traces" not in yaml.safe_load(written)["service"]["pipelines"]
    (prometheus,) = (
        found["data"]["prometheus.yml"] for found in named("prometheus", "ConfigMap").values()
    )
    assert set(values(yaml.safe_load(prometheus), "replacement")) == {"$1:$2"}


def test_terraform_runs_as_the_deployer_of_the_workflow() -> None:
    (config,) = named("atlantis", "ConfigMap").values()
    repos = yaml.safe_load(config["data"]["repos.yaml"])
    deployers = definitions()["atlantis"]["settings"]["deployers"]
    for name, account in deployers.items():
        for stage in ("plan", "apply"):
            first = repos["workflows"][name][stage]["steps"][0]["env"]
            assert first == {"name": "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT", "value": account}
    assert repos["repos"][0]["allowed_workflows"] == ["dev", "prod"]


def test_readers_of_portainer_see_no_secrets_and_change_nothing() -> None:
    roles = named("portainer", "ClusterRole")
    for name, role in roles.items():
        for rule in role["rules"]:
            assert "secrets" not in rule["resources"], name
    for rule in roles["portainer-read-only"]["rules"]:
        assert set(rule["verbs"]) <= {"get", "list", "watch"}
