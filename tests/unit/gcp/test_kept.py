"""What an update leaves as it is: exclusions, flags, addresses and marks that are not declared, members of others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import GcpError

from tests.unit.gcp.test_handlers import brought, pool
from tests.unit.gcp.test_plan import INSTANCE, NETWORK, SUBNETWORK, URL, live_instance
from tests.unit.gcp.world import PROJECT, REGION, a_cloud, handlers

FREEZE = {"maintenanceExclusions": {"end-of-year": {"startTime": "2026-12-15T00:00:00Z"}}}


@pytest.mark.parametrize(
    "before", ["recurringWindow", "dailyMaintenanceWindow"], ids=["same", "another"]
)
def test_exclusions_of_maintenance_stay(before):
    text = f"""
- type: container.clusters
  name: c
  location: {REGION}
  body:
    nodePools: [{{name: p}}]
    maintenancePolicy: {{window: {{recurringWindow: {{recurrence: FREQ=DAILY}}}}}}
"""
    old = {"recurrence": "FREQ=WEEKLY"} if before == "recurringWindow" else {"startTime": "01:00"}
    live = {"maintenancePolicy": {"resourceVersion": "7", "window": {**FREEZE, before: old}}}
    (verb, body), *more = brought(text, live, "c")
    assert (verb.rpartition(".")[2], more) == ("setMaintenancePolicy", [])
    window = {**FREEZE, "recurringWindow": {"recurrence": "FREQ=DAILY"}}
    assert body == {"maintenancePolicy": {"resourceVersion": "7", "window": window}}


def test_a_zone_of_a_pool_that_has_another_size_is_found():
    zones = ("a", "b")
    managers = f"projects/{PROJECT}/zones/{REGION}-%s/instanceGroupManagers/p"
    groups = f"{URL}/zones/{REGION}-%s/instanceGroups/p"
    link = f"projects/{PROJECT}/locations/{REGION}/clusters/c/nodePools/p"
    there: dict[str, Any] = {link: {"instanceGroupUrls": [groups % zone for zone in zones]}}
    there.update(
        {managers % zone: {"targetSize": size} for zone, size in zip(zones, (3, 1), strict=True)}
    )
    cloud, _client = a_cloud(there)
    own = handlers(cloud, pool("{initialNodeCount: 3}"))[0]
    live = asyncio.run(own.read())
    assert live is not None
    assert [(each.before, each.after) for each in own.compare(live)] == [(1, 3)]


def test_a_rule_that_allows_becomes_no_rule_that_denies():
    text = "- {type: compute.firewalls, name: f, body: {network: n, denied: [{IPProtocol: tcp}]}}"
    own = handlers(a_cloud()[0], text)[0]
    live = {"network": f"{URL}/global/networks/n", "allowed": [{"IPProtocol": "tcp"}]}
    assert {own.verdict(change, live) for change in own.compare(live)} == {"replace"}


def test_a_mask_unsets_what_is_declared_so():
    text = "- {type: secretmanager.secrets, name: s, body: {replication: {automatic: {}}, labels: {a: null}}}"
    live = {"replication": {"automatic": {}}, "labels": {"a": "b", "theirs": "x"}}
    assert brought(text, live, "s") == [
        ("secretmanager.projects.secrets.patch", {"labels": {"theirs": "x"}})
    ]


def test_a_secret_is_not_made_anew_for_where_it_is_kept():
    """Google cannot change that, and what the secret holds would be lost."""
    replicas = "[{location: here}, {location: there}]"
    text = f"""
- type: secretmanager.secrets
  name: s
  body: {{replication: {{userManaged: {{replicas: {replicas}}}}}, labels: {{a: b}}}}
"""
    own = handlers(a_cloud()[0], text)[0]
    live = {"replication": {"userManaged": {"replicas": [{"location": "here"}]}}}
    assert [each.field for each in own.compare({**live, "labels": {"a": "c"}})] == ["labels.a"]
    # It is sent where the secret is made.
    assert "replication" in own.resource.body


def test_all_labels_are_unset_but_for_the_mark():
    text = "- {type: compute.addresses, name: a, body: {labels: null}}"
    live = {"labels": {"a": "b", "groundwork-owner": "net"}, "labelFingerprint": "f="}
    labels = {"labels": {"groundwork-owner": "net"}, "labelFingerprint": "f="}
    assert brought(text, live, "a") == [("compute.addresses.setLabels", labels)]


def test_another_address_keeps_what_others_set():
    access = "name: main}, accessConfigs: [{natIP: 203.0.113.9}]"
    text = NETWORK + SUBNETWORK + INSTANCE.replace("name: main}", access)
    live = live_instance()
    before = {"name": "nat", "natIP": "203.0.113.8", "networkTier": "STANDARD"}
    live["networkInterfaces"][0]["accessConfigs"] = [before]
    calls = dict(brought(text.replace("{boot: true}, {source: data}", "{boot: true}"), live, "db"))
    added = calls["compute.instances.addAccessConfig"]
    assert added == {**before, "natIP": "203.0.113.9", "type": "ONE_TO_ONE_NAT"}


def test_members_of_all_pages_are_found():
    text = (
        "- {type: compute.instanceGroups, name: g, zone: asia-southeast1-a, body: {instances: []}}"
    )
    link = f"projects/{PROJECT}/zones/asia-southeast1-a/instanceGroups/g"
    cloud, client = a_cloud({link: {"size": 2}})
    plain = client.call
    pages: dict[str | None, dict[str, Any]] = {
        None: {"items": [{"instance": "a"}], "nextPageToken": "2"},
        "2": {"items": [{"instance": "b"}]},
    }

    async def call(verb: Any, places: Any, body: Any = None, query: Any = None) -> dict[str, Any]:
        if verb.id.endswith("listInstances"):
            return pages[(query or {}).get("pageToken")]
        return await plain(verb, places, body, query)

    client.call = call  # type: ignore[method-assign]
    live = asyncio.run(handlers(cloud, text)[0].read())
    assert live is not None
    assert live["instances"] == ["a", "b"]


def test_one_bad_member_spoils_its_own_binding_only():
    binding = """
- type: iam.bindings
  name: {name}
  body: {{resource: {{type: secretmanager.secrets, name: s}}, role: roles/viewer, members: ['user:{name}@x.example']}}
"""
    cloud, _client = a_cloud()
    own = handlers(cloud, "".join(binding.format(name=name) for name in ("good", "bad", "fine")))
    written: list[str] = []

    async def send(_method: str, url: str, body: Any = None, *_more: Any) -> dict[str, Any]:
        if url.endswith(":setIamPolicy"):
            members = [each for one in body["policy"]["bindings"] for each in one["members"]]
            if any("bad" in each for each in members):
                raise GcpError("invalid", "no such user", status=400)
            written.extend(members)
        return {}

    cloud.client.send = send  # type: ignore[method-assign,assignment]

    async def go() -> list[Any]:
        return await asyncio.gather(*(each.create() for each in own), return_exceptions=True)

    found = asyncio.run(go())
    assert [type(each) for each in found] == [type(None), GcpError, type(None)]
    assert {"user:good@x.example", "user:fine@x.example"} <= set(written)


def test_the_mark_of_an_account_stays_when_its_description_changes():
    text = "- {type: iam.serviceAccounts, name: deploy, body: {description: new}}"
    ((_verb, body),) = brought(text, {"description": "old [groundwork-owner=net]"}, "deploy")
    assert body["serviceAccount"] == {"description": "new [groundwork-owner=net]"}


def test_what_a_peering_exchanges_otherwise_stays():
    text = "- {type: compute.networkPeerings, name: hub, body: {network: a, peerNetwork: b, exportCustomRoutes: true}}"
    live = {"network": f"{URL}/global/networks/b", "importCustomRoutes": True, "state": "ACTIVE"}
    ((_verb, body),) = brought(text, live, "hub")
    peering = body["networkPeering"]
    assert (peering["exportCustomRoutes"], peering["importCustomRoutes"]) == (True, True)
    assert "state" not in peering
