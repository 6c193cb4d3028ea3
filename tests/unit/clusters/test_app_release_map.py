"""The service map: what the role app_release makes of it, and what the inventories say."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.service_map import (
    run_services,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

from examples.payments.render import load, service_of
from tests.unit.clusters.test_inventories import ROOT, clusters

Body = dict[str, Any]
MAP: Body = {
    "identity": {"repository": "r/nx-identity", "migration": {}},
    "sale": {"repository": "r/nx-sale", "migration": {"needs": ["identity"]}},
    "payment-api": {
        "app": "payment",
        "repository": "r/nx-payment",
        "needs": ["sale"],
        "sensitive": True,
        "migration": {"needs": ["sale rollout"]},
    },
    "client": {"namespace": "nx-app", "image": "r/nx-client:7", "health": []},
}
DEFAULTS = {"needs": ["identity"]}
#: Seed 001's services, and the namespaces that they are in.
BACKEND = {
    "identity",
    "commerce",
    "sale",
    "finance",
    "inventory",
    "ledger",
    "pricing",
    "payment-api",
    "payment-worker",
    "signal",
}
FRONTEND = {"client", "bo", "wiki", "sale-renderer"}


def calls(services: Body | None = None, **options: Any) -> dict[str, Body]:
    """What the module takes, by name."""
    given = {"defaults": DEFAULTS, "version": "4f2a91c", **options}
    return {
        entry["call"]["name"]: entry["call"] for entry in run_services(services or MAP, **given)
    }


def refused(services: Body | None = None, **options: Any) -> KubeError:
    with pytest.raises(KubeError) as caught:
        calls(services, **options)
    return caught.value


def test_a_service_has_names_an_image_and_seed_001s_health_path() -> None:
    made = calls()["payment-api"]
    assert (made["namespace"], made["deployment"]) == ("nx-backend", "nx-payment-api")
    assert (made["version"], made["image"]) == ("4f2a91c", "r/nx-payment:4f2a91c")
    (check,) = made["health"]
    assert check["http"]["service"] == {
        "namespace": "nx-backend",
        "name": "nx-payment-api",
        "port": "3000",
        "path": "/v1/api/payment/health",
    }
    assert calls()["client"]["image"] == "r/nx-client:7"
    assert calls()["client"]["health"] == []


def test_needs_that_are_not_in_the_run_are_there_and_nobody_waits_for_itself() -> None:
    whole = calls()
    assert whole["identity"]["needs"] == []
    assert whole["payment-api"]["needs"] == ["sale"]
    assert whole["payment-api"]["migration"]["needs"] == ["sale rollout"]
    alone = calls(only=["payment-api"])
    assert list(alone) == ["payment-api"]
    assert alone["payment-api"]["needs"] == []
    assert alone["payment-api"]["migration"]["needs"] == []


def test_a_gate_of_the_defaults_does_not_hold_the_service_that_it_waits_for() -> None:
    made = calls(migration_defaults={"gates": [{"rollout": "nx-identity"}], "command": ["go"]})
    assert made["identity"]["migration"]["gates"] == []
    assert made["sale"]["migration"]["gates"] == [{"rollout": "nx-identity"}]
    assert "migration" not in made["client"]


def test_a_migration_is_made_of_a_template_or_of_a_command_with_the_services_image() -> None:
    by_template = run_services(MAP, version="2", template="s.j2", migration_template="m.j2")
    assert [entry["migration_template"] for entry in by_template] == ["m.j2", "m.j2", "m.j2", ""]
    assert {entry["template"] for entry in by_template} == {"s.j2"}
    assert "image" not in by_template[0]["call"]
    env = [{"configMapRef": {"name": "nx-{app}-config"}}]
    made = calls(migration_template="m.j2", migration_defaults={"command": ["go"], "env_from": env})
    migration = made["payment-api"]["migration"]
    assert migration["image"] == "r/nx-payment:4f2a91c"
    assert migration["env_from"] == [{"configMapRef": {"name": "nx-payment-config"}}]


def test_what_is_sensitive_has_a_canary_however_it_is_brought() -> None:
    canary = {"weight": 10, "seconds": 60}
    assert calls(canary=canary, template="s.j2")["payment-api"]["canary"] == canary
    assert "canary" not in calls(canary=canary, template="s.j2")["sale"]
    # By an image alone there is no route that could send it a part.
    assert calls(canary=canary)["payment-api"]["canary"] == {"replicas": 1, "seconds": 60}
    for way, has in (
        ({"helm": {"chart": "c"}}, True),
        ({"kustomize": "k"}, True),
        ({"git": {"path": "a"}}, False),
    ):
        own = {"sale": {**way, "image": "r/sale:1", "sensitive": True}}
        assert ("canary" in calls(own, canary=canary, defaults={})["sale"]) is has
    assert "canary" not in calls(canary={})["payment-api"]


@pytest.mark.parametrize("inventory", ["staging", "production"])
def test_the_payment_api_of_each_environment_has_a_canary(inventory: str) -> None:
    group = yaml.safe_load(
        (ROOT / "inventories" / inventory / "group_vars/kube_clusters.yml").read_text()
    )
    own = yaml.safe_load((ROOT / "roles/app_release/defaults/main.yml").read_text())
    canary = group.get("app_release_canary", own["app_release_canary"])
    made = calls(group["app_release_services"], canary=canary, defaults={})
    assert [name for name, call in made.items() if "canary" in call] == ["payment-api"]


def test_other_ways_take_no_template() -> None:
    chart = {"chart": "charts/sale"}
    services = {"sale": {"helm": chart}, "bo": {"kustomize": "k8s/bo", "image": "r/nx-bo:1"}}
    made = run_services(services, version="1", template="s.j2")
    assert [entry["template"] for entry in made] == ["", ""]
    assert made[0]["call"]["helm"] == chart
    assert made[1]["call"]["image"] == "r/nx-bo:1"


def test_mistakes_are_told_with_a_way_out() -> None:
    unknown = refused(only=["payment-ap"])
    assert unknown.reason == "unknown_service"
    assert "did you mean payment-api?" in str(unknown)
    need = refused({"sale": {"image": "r/sale:1", "needs": ["identiy"]}, "identity": {}})
    assert need.reason == "unknown_need"
    assert "did you mean identity?" in str(need)
    assert refused(version="").reason == "no_version"
    assert refused({"sale": {"needs": []}}).reason == "no_image"
    # What goes back needs neither.
    back = calls({"sale": {}}, version="", operation="rollback", defaults={})
    assert set(back["sale"]) == {"name", "namespace", "deployment", "health"}


@pytest.mark.parametrize("inventory", ["staging", "production"])
def test_environments_have_seed_001s_map(inventory: str) -> None:
    # The file itself: ansible-inventory sorts names, and playbooks keep the order in which they stand.
    text = (ROOT / "inventories" / inventory / "group_vars/kube_clusters.yml").read_text()
    variables = yaml.safe_load(text)
    made = {
        entry["call"]["name"]: entry
        for entry in run_services(
            variables["app_release_services"],
            defaults=variables["app_release_service_defaults"],
            migration_defaults=variables["app_release_migration_defaults"],
            version="4f2a91c",
        )
    }
    assert set(made) == BACKEND | FRONTEND
    for name, entry in made.items():
        call = entry["call"]
        image = "payment" if name.startswith("payment-") else name
        assert call["image"] == f"bcr.bana.com.vn/nx-{image}:4f2a91c"
        assert call["deployment"] == f"nx-{name}"
        assert call["namespace"] == ("nx-app" if name in FRONTEND else "nx-backend")
        needs = [] if name == "identity" or name in FRONTEND else ["identity"]
        assert call["needs"] == (["payment-api"] if name == "payment-worker" else needs)
    # What deploy-production.sh asks at its end.
    asked = {name for name, entry in made.items() if entry["checks"]}
    assert asked == BACKEND - {"payment-worker"}
    # The order in which staging migrates, one after the other.
    migrated = [name for name, entry in made.items() if "migration" in entry["call"]]
    order = ["identity", "commerce", "sale", "finance", "inventory", "pricing", "payment-api"]
    assert migrated == order
    assert variables["app_release_order"] == {"staging": "chain", "production": "first"}[inventory]
    # The Jobs are the seed's: named by the application, and only identity's own waits for no identity.
    for name in migrated:
        migration = made[name]["call"]["migration"]
        assert migration["app"] == name.removesuffix("-api")
        waits = [each["name"] for each in migration["wait_for"]]
        assert waits == ["wait-for-identity", "wait-for-db"][name == "identity" :]


def test_production_takes_what_staging_has_watched_long_enough() -> None:
    asked = clusters("production")["cluster-main"]["app_release_promoted_from"]
    assert asked["context"] == "staging-main"
    watched = clusters("staging")["cluster-main"]["app_release_soak"]["seconds"]
    assert asked["soak"] <= watched
    assert clusters("production")["cluster-hub"]["app_release_services"] == {}


def test_the_example_is_what_its_own_map_says() -> None:
    known = load("services.yml")
    made = run_services(known["services"], defaults=known["defaults"], version="1", template="s.j2")
    for entry in made:
        service = entry["service"]
        wanted = service_of(service["name"])
        assert {key: service[key] for key in wanted} == wanted
    migrations = {
        entry["service"]["app"]: entry["call"]["migration"]["needs"]
        for entry in made
        if "migration" in entry["call"]
    }
    assert migrations == {name: entry["needs"] for name, entry in known["migrations"].items()}
