"""The vault: what copies into it, what deletes there, and that neither can do the other's work."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_footprint.vault import (
    vault_problems,
)

from tests.unit.gcp_data.google import check_bodies
from tests.unit.gcp_roles.roles import Refused, Resource, declare, environment, granted, of

VAULT = "project-0-vault"
GIVEN = {
    "project": VAULT,
    "account": "snapshot-keeper",
    "sources": ["project-1-dev-payments"],
    "bucket": "project-0-vault-databases",
    "location": "asia-southeast2",
    "keep_days": 35,
}


def account(name: str) -> str:
    return f"serviceAccount:{name}@{VAULT}.iam.gserviceaccount.com"


def there() -> list[Resource]:
    """What is declared in the vault."""
    return [each for each in environment("hub") if each.get("project") == VAULT]


def granted_in_the_vault(who: str) -> dict[str, str]:
    """Permissions that an account of the vault has in its project, each with the condition."""
    bindings = [each["body"] for each in of(there(), "iam.bindings").values()]
    roles = {
        f"projects/{VAULT}/roles/{name}": each["body"]
        for name, each in of(there(), "iam.roles").items()
    }
    found = granted(account(who), {VAULT: bindings}, roles)
    return {name.partition(" ")[2]: condition for name, condition in found.items()}


def settings(job: str) -> dict[str, str]:
    task = of(there(), "run.jobs")[job]["body"]["template"]["template"]
    return {each["name"]: each["value"] for each in task["containers"][0]["env"]}


def test_google_takes_every_body() -> None:
    check_bodies(
        each for each in there() if each["type"] not in ("storage.buckets", "serviceusage.services")
    )


def test_who_copies_can_delete_nothing_anywhere() -> None:
    keeper = granted_in_the_vault("snapshot-keeper")
    assert "compute.snapshots.create" in keeper
    reader = of(environment("staging"), "iam.roles")["groundworkSnapshotReader"]["body"]
    for permission in (*keeper, *reader["includedPermissions"]):
        assert "delete" not in permission
        assert "setIam" not in permission
    for inventory in ("staging", "production"):
        binding = of(environment(inventory), "iam.bindings")["snapshot-readers"]["body"]
        assert binding["members"] == [account("snapshot-keeper")]


def test_who_deletes_sees_no_environment_and_deletes_copies_alone() -> None:
    cleaner = granted_in_the_vault("vault-cleaner")
    assert set(cleaner) == {
        "compute.snapshots.delete",
        "compute.snapshots.get",
        "compute.snapshots.list",
    }
    begin = f'resource.name.startsWith("projects/{VAULT}/global/snapshots/vault-")'
    assert cleaner["compute.snapshots.delete"] == begin
    for inventory in ("staging", "production"):
        assert "vault-cleaner" not in str(environment(inventory))


def test_what_starts_a_job_may_start_it_and_nothing_else() -> None:
    for job in ("vault-snapshots", "vault-cleaner"):
        who = account(f"{job}-start")
        (binding,) = [
            each["body"]
            for each in of(there(), "iam.bindings").values()
            if who in each["body"]["members"]
        ]
        assert binding["resource"] == {
            "type": "run.jobs",
            "name": job,
            "location": "asia-southeast2",
        }
        assert binding["role"] == "roles/run.invoker"
        schedule = of(there(), "cloudscheduler.jobs")[f"{job}-start"]["body"]["httpTarget"]
        assert schedule["oauthToken"]["serviceAccountEmail"] == f"{job}-start"
        assert schedule["uri"].endswith(f"/{VAULT}/locations/asia-southeast2/jobs/{job}:run")
    # Nobody may act as an account of the vault.
    assert "serviceAccountTokenCreator" not in str(there())


def test_the_copier_copies_and_the_cleaner_cleans() -> None:
    copier, cleaner = settings("vault-snapshots"), settings("vault-cleaner")
    assert (copier["MODE"], cleaner["MODE"]) == ("take", "clean")
    assert copier["SOURCES"] == "project-1-dev-payments,project-1-prod-payments"
    assert "SOURCES" not in cleaner
    assert copier["LOCATION"] == "asia-southeast2"
    assert cleaner["KEEP_HOURS"] == str(35 * 24)
    assert cleaner["KEEP_ALL_HOURS"] == "48"
    assert copier["PREFIX"] == cleaner["PREFIX"] == "vault-"
    tasks = {
        name: job["body"]["template"]["template"]["serviceAccount"]
        for name, job in of(there(), "run.jobs").items()
    }
    assert tasks == {"vault-snapshots": "snapshot-keeper", "vault-cleaner": "vault-cleaner"}


def test_both_jobs_run_an_image_of_the_vaults_own() -> None:
    images = {
        job["body"]["template"]["template"]["containers"][0]["image"]
        for job in of(there(), "run.jobs").values()
    }
    (image,) = images
    # Cloud Run takes images of no other registry of one's own.
    assert image.startswith(f"asia-southeast2-docker.pkg.dev/{VAULT}/")


def test_the_apis_that_jobs_need_are_enabled() -> None:
    apis = {each["type"].partition(".")[0] for each in there()} - {"serviceusage"}
    services = {name.partition(".")[0] for name in of(there(), "serviceusage.services")}
    assert apis | {"compute"} <= services


def test_the_bucket_keeps_what_is_in_it() -> None:
    bucket = of(there(), "storage.buckets")["project-0-vault-databases"]["body"]
    assert bucket["retentionPolicy"]["retentionPeriod"] == str(35 * 86400)
    assert bucket["iamConfiguration"]["publicAccessPrevention"] == "enforced"


def test_a_vault_without_sources_is_a_bucket_and_nobody_is_in_it() -> None:
    bare = {**GIVEN, "sources": None, "writers": None}
    del bare["account"]
    found = declare("hub", ["gcp_security"], {"gcp_security_vault": bare})
    assert {each["type"] for each in found if each.get("project") == VAULT} == {"storage.buckets"}


def test_copies_may_be_left_to_a_persons_hand() -> None:
    vault = {**GIVEN, "clean_schedule": ""}
    found = declare("hub", ["gcp_security"], {"gcp_security_vault": vault})
    assert set(of(found, "run.jobs")) == {"vault-snapshots"}
    assert "compute.snapshots.delete" not in str(found)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"source": ["p-1"]}, "unknown_field: gcp_security_vault.source: did you mean sources?"),
        ({"keep_days": None}, "missing_field: gcp_security_vault.keep_days"),
        ({"account": None}, "missing_field: gcp_security_vault.account"),
        ({"sources": [VAULT]}, "the vault is none of its own sources"),
        ({"location": "asia"}, "'asia' is no region"),
        ({"account": "vault-cleaner"}, "who copies has to be another than who deletes"),
        ({"account": "vault-cleaner-start"}, "and than those who start jobs"),
        ({"account": "vault-snapshots-start"}, "and than those who start jobs"),
        ({"account": "keeper-1@p-1"}, "'keeper-1@p-1' is no name of a account"),
        ({"keep_days": "35"}, "gcp_security_vault.keep_days: '35' is no whole number of days"),
        ({"keep_days": True}, "gcp_security_vault.keep_days: True is no whole number of days"),
        ({"keep_days": 35.5}, "gcp_security_vault.keep_days: 35.5 is no whole number of days"),
    ],
)
def test_what_cannot_be_is_said(changes: dict[str, Any], said: str) -> None:
    assert vault_problems(GIVEN) == []
    (found,) = vault_problems({**GIVEN, **changes})
    assert said in found


def test_the_role_refuses_it() -> None:
    with pytest.raises(Refused, match=r"bad_name.*gcp_security_vault\.sources"):
        declare("hub", ["gcp_security"], {"gcp_security_vault": {**GIVEN, "sources": ["P"]}})
