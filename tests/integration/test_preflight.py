"""Bad inventories, given to the real playbooks: one clear message, and no host is spoken to.

Nothing listens at the addresses of these inventories, so no lab is needed.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.labs import ROOT, Run, run

Inventory = dict[str, Any]
SECRETS = {
    "patroni_superuser_password": "kept-superuser",
    "patroni_replication_password": "kept-replication",
    "patroni_rewind_password": "kept-rewind",
    "patroni_rest_password": "kept-rest",
    "patroni_etcd_password": "kept-etcd",
    "etcd_root_password": "kept-root",
}
PLAYBOOKS = sorted(
    path.stem
    for path in (ROOT / "playbooks").glob("*.yml")
    if "tasks/preflight.yml" in path.read_text(encoding="utf-8")
)
# TEST-NET-1 (RFC 5737): routed nowhere.
HOSTS = {
    name: {
        "private_address": f"192.0.2.{number}",
        "ansible_host": f"192.0.2.{number}",
        "zone": zone,
    }
    for number, (name, zone) in enumerate((("db-1", "a"), ("db-2", "b"), ("db-3", "c")), 1)
}


def group(*names: str) -> dict[str, dict[str, Any]]:
    return {name: {} for name in names}


def good() -> Inventory:
    return {
        "all": {
            "vars": {
                "region": "main",
                "rto_preset": "fast",
                "durability_preset": "sync",
                **SECRETS,
            },
            "hosts": copy.deepcopy(HOSTS),
            "children": {
                "pg_payments": {
                    "hosts": group(*HOSTS),
                    "vars": {
                        "patroni_scope": "payments",
                        "etcd_group": "etcd_main",
                        "postgresql_major": 17,
                    },
                },
                "etcd_main": {"hosts": group(*HOSTS)},
                "postgresql": {"children": {"pg_payments": {}}},
            },
        }
    }


def everywhere(**values: Any) -> Callable[[Inventory], None]:
    return lambda inventory: inventory["all"]["vars"].update(values)


def of_the_cluster(**values: Any) -> Callable[[Inventory], None]:
    return lambda inventory: inventory["all"]["children"]["pg_payments"]["vars"].update(values)


def at(host: str, **values: Any) -> Callable[[Inventory], None]:
    return lambda inventory: inventory["all"]["hosts"][host].update(values)


def without(variable: str) -> Callable[[Inventory], None]:
    return lambda inventory: inventory["all"]["vars"].pop(variable)


def etcd_of_two(inventory: Inventory) -> None:
    del inventory["all"]["children"]["etcd_main"]["hosts"]["db-3"]


def one_member_alone(inventory: Inventory) -> None:
    for host in ("db-2", "db-3"):
        del inventory["all"]["children"]["pg_payments"]["hosts"][host]


def another_cluster(**values: Any) -> Callable[[Inventory], None]:
    """A second cluster beside the first; it is sound but for the values given."""

    def change(inventory: Inventory) -> None:
        children = inventory["all"]["children"]
        names = [f"books-{number}" for number in (1, 2, 3)]
        for number, name in enumerate(names, 11):
            address = f"192.0.2.{number}"
            inventory["all"]["hosts"][name] = {"private_address": address, "zone": "a"}
        names += values.pop("with_member", "").split()
        children["pg_ledger"] = {
            "hosts": group(*names),
            "vars": {"patroni_scope": "ledger", "etcd_group": "etcd_main", "postgresql_major": 17}
            | values,
        }
        children["postgresql"]["children"]["pg_ledger"] = {}

    return change


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., Run]:
    """Run a playbook on the good inventory after a change to it."""

    def run_on(change: Callable[[Inventory], Any], playbook: str = "site", *options: str) -> Run:
        inventory = good()
        change(inventory)
        hosts = tmp_path / "broken" / "hosts.yml"
        hosts.parent.mkdir()
        hosts.write_text(yaml.safe_dump(inventory), encoding="utf-8")
        command = ["ansible-playbook", "-i", str(hosts.parent), f"playbooks/{playbook}.yml"]
        return run([*command, *options], timeout=120)

    return run_on


def refused_before_any_connection(run: Run, *words: str) -> None:
    assert run.returncode == 2
    said = re.sub(r"\s+", " ", run.output)
    for word in words:
        assert word in said
    # Only the controller took part; nothing was changed, nothing tried.
    assert set(run.recap) == {"localhost"}
    assert (run.changed, run.recap["localhost"].unreachable) == (0, 0)
    assert not [secret for secret in SECRETS.values() if secret in run.output]


BAD: dict[str, tuple[Callable[[Inventory], Any], tuple[str, ...]]] = {
    "even number of etcd members": (
        etcd_of_two,
        ("[etcd_size]", "etcd_main: has 2 members", "make them 1, 3 or 5"),
    ),
    "timings that break Patroni's rule": (
        of_the_cluster(patroni_timings={"ttl": 20, "loop_wait": 10, "retry_timeout": 10}),
        ("[timing_rule]", "pg_payments", "loop_wait + 2 * retry_timeout <= ttl"),
    ),
    "more synchronous replicas than there are": (
        one_member_alone,
        ("[sync_count_impossible]", "pg_payments", "async for a single member"),
    ),
    "two clusters with one scope": (
        another_cluster(patroni_scope="payments"),
        ("[duplicate_scope]", "share the patroni_scope payments", "pg_ledger, pg_payments"),
    ),
    "two members with one name": (
        another_cluster(with_member="db-1"),
        ("[duplicate_member_name]", "db-1 (pg_ledger), db-1 (pg_payments)"),
    ),
    "two hosts with one address": (
        at("db-2", private_address="192.0.2.1"),
        ("[duplicate_address]", "db-1, db-2", "share the address 192.0.2.1"),
    ),
    "a secret that is missing": (
        without("patroni_rest_password"),
        ("[missing_secret]", "patroni_rest_password: not set", "from a vault"),
    ),
    "etcd's secret that is missing": (
        without("etcd_root_password"),
        ("[missing_secret]", "etcd_root_password: not set"),
    ),
    "a secret that nobody filled in": (
        everywhere(patroni_superuser_password="changeme"),
        ("[missing_secret]", "patroni_superuser_password: a placeholder"),
    ),
    "a secret whose source fails": (
        everywhere(patroni_rewind_password="{{ nowhere.at_all }}"),
        ("[missing_secret]", "patroni_rewind_password: not set"),
    ),
    "a major version that nobody knows": (
        of_the_cluster(postgresql_major=14),
        ("[unknown_major]", "postgresql_major is 14", "15, 16, 17, 18"),
    ),
    "a preset with a slip": (
        everywhere(rto_preset="fats"),
        ("[unknown_preset]", "did you mean fast?"),
    ),
    "a host in the wrong region": (
        at("db-3", region="failover"),
        ("[wrong_region]", "db-3: stands in region failover", "patroni_region"),
    ),
    "a host without a zone": (
        lambda inventory: inventory["all"]["hosts"]["db-3"].pop("zone"),
        ("[no_zone]", "db-3: zone is not set"),
    ),
    "members that disagree": (
        at("db-2", postgresql_major=16),
        (
            "[members_disagree]",
            "postgresql_major differs between members (17: db-1, db-3; 16: db-2)",
        ),
    ),
    "no etcd": (
        of_the_cluster(etcd_group="etcd_mian"),
        ("[no_etcd]", "etcd_group etcd_mian has no hosts"),
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_inventory_is_refused(play: Callable[..., Run], what: str) -> None:
    change, words = BAD[what]
    refused_before_any_connection(play(change), *words)


def test_all_problems_are_told_at_once(play: Callable[..., Run]) -> None:
    def change(inventory: Inventory) -> None:
        etcd_of_two(inventory)
        without("patroni_rest_password")(inventory)

    refused_before_any_connection(play(change), "2 problems:", "[etcd_size]", "[missing_secret]")


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_every_database_playbook_starts_with_it(play: Callable[..., Run], playbook: str) -> None:
    refused_before_any_connection(play(etcd_of_two, playbook), "[etcd_size]")


def test_check_mode_is_refused_alike(play: Callable[..., Run]) -> None:
    refused_before_any_connection(play(etcd_of_two, "site", "--check"), "[etcd_size]")


def test_cluster_that_does_not_exist(play: Callable[..., Run]) -> None:
    run = play(everywhere(), "db_status", "-e", "databases=paymnets")
    refused_before_any_connection(run, "[unknown_database]", "did you mean payments?")


@pytest.mark.parametrize("playbook", ["db_switchover", "db_failover"])
def test_candidate_that_is_not_a_member(play: Callable[..., Run], playbook: str) -> None:
    # The inventory itself passes: what is refused is the candidate alone.
    run = play(everywhere(), playbook, "-e", "databases=payments candidate=db-9")
    refused_before_any_connection(run, "candidate=db-9", "members: db-1, db-2, db-3")
    assert "problem" not in run.output.split("Refuse a candidate")[1]


@pytest.mark.parametrize("environment", ["staging", "production"])
@pytest.mark.parametrize(
    "playbook,words",
    [
        # It would begin with provisioning.
        ("site.yml", "no_credentials: {environment} is in Google Cloud"),
        ("play-db-failover.yml", "{environment}: no host is in a group pg_<scope>"),
    ],
)
def test_environment_without_hosts_says_what_is_missing(
    environment: str, playbook: str, words: str
) -> None:
    result = run(["ansible-playbook", playbook, "-i", environment], timeout=120, GCP_AUTH_KIND="")
    refused_before_any_connection(result, words.format(environment=environment))
