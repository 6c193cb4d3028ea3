from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.declared import (
    Defaults,
    parse,
)
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.definitions import Definitions
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.errors import RefusedError
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Output, Resource

PROJECT = "project-1-dev-payments"
REGION = "asia-southeast1"
NETWORK = "{type: compute.networks, name: platform, body: {autoCreateSubnetworks: false}}"


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    return Definitions()


def declared(definitions: Definitions, *texts: str) -> dict[str, Resource]:
    given = [yaml.safe_load(text) for text in texts]
    return {each.key: each for each in parse(definitions, given, Defaults(PROJECT, REGION))}


def refused(definitions: Definitions, *texts: str) -> list[tuple[str, str]]:
    with pytest.raises(RefusedError) as caught:
        declared(definitions, *texts)
    return [(problem.reason, problem.message) for problem in caught.value.problems]


def test_short_names_become_links_and_give_the_order(definitions):
    found = declared(
        definitions,
        "{type: compute.subnetworks, name: main, body: {network: platform, ipCidrRange: 10.0.0.0/20}}",
        NETWORK,
    )
    subnetwork = found[f"compute.subnetworks/{REGION}/main"]
    assert subnetwork.body["network"] == f"projects/{PROJECT}/global/networks/platform"
    assert subnetwork.needs == ("compute.networks/platform",)
    assert subnetwork.link == f"projects/{PROJECT}/regions/{REGION}/subnetworks/main"


def test_links_and_mappings_name_other_projects(definitions):
    found = declared(
        definitions,
        NETWORK,
        """{type: compute.networkPeerings, name: hub, body: {network: platform,
            peerNetwork: {type: compute.networks, name: hub, project: project-0-devops}}}""",
        """{type: compute.networkPeerings, name: other, body: {network: platform,
            peerNetwork: 'https://www.googleapis.com/compute/v1/projects/p-2/global/networks/n'}}""",
    )
    peers = [each.body["peerNetwork"] for key, each in found.items() if "Peerings" in key]
    assert peers == [
        "projects/project-0-devops/global/networks/hub",
        "projects/p-2/global/networks/n",
    ]
    assert found["compute.networkPeerings/platform/hub"].needs == ("compute.networks/platform",)


def test_keys_tell_the_project_where_there_are_several(definitions):
    found = declared(
        definitions,
        NETWORK,
        "{type: compute.networks, name: hub, project: project-0-devops, body: {autoCreateSubnetworks: false}}",
    )
    assert list(found) == [
        f"{PROJECT}:compute.networks/platform",
        "project-0-devops:compute.networks/hub",
    ]


def test_an_address_is_taken_from_the_resource_that_has_it(definitions):
    found = declared(
        definitions,
        "{type: compute.addresses, name: nat-1}",
        """{type: compute.instances, name: nat-1, zone: asia-southeast1-a, body: {machineType: e2-small,
            disks: [{boot: true}], networkInterfaces: [{accessConfigs: [{natIP: nat-1}]}]}}""",
        "{type: dns.managedZones, name: z, body: {dnsName: a.example.}}",
        """{type: dns.resourceRecordSets, name: nat.a.example., body: {managedZone: z, type: A,
            rrdatas: [{type: compute.addresses, name: nat-1}]}}""",
        """{type: dns.resourceRecordSets, name: txt.a.example., body: {managedZone: z, type: TXT,
            rrdatas: [nat-1]}}""",
    )
    address = Output(f"projects/{PROJECT}/regions/{REGION}/addresses/nat-1", "address")
    instance = found["compute.instances/asia-southeast1-a/nat-1"]
    assert instance.body["networkInterfaces"][0]["accessConfigs"][0]["natIP"] == address
    record = found["dns.resourceRecordSets/z/nat.a.example./A"]
    assert record.body["rrdatas"] == [address]
    assert set(record.needs) == {f"compute.addresses/{REGION}/nat-1", "dns.managedZones/z"}
    assert found["dns.resourceRecordSets/z/txt.a.example./TXT"].body["rrdatas"] == ["nat-1"]


def test_images_machine_types_and_accounts_have_short_names(definitions):
    found = declared(
        definitions,
        """{type: compute.instances, name: db-1, zone: asia-southeast1-a, body: {machineType: n2-standard-4,
            disks: [{boot: true, initializeParams: {sourceImage: debian-cloud/debian-13}}],
            networkInterfaces: [{network: default}], serviceAccounts: [{email: db, scopes: [cloud-platform]}]}}""",
    )
    body = found["compute.instances/asia-southeast1-a/db-1"].body
    assert (
        body["machineType"]
        == f"projects/{PROJECT}/zones/asia-southeast1-a/machineTypes/n2-standard-4"
    )
    image = body["disks"][0]["initializeParams"]["sourceImage"]
    assert image == "projects/debian-cloud/global/images/family/debian-13"
    assert body["serviceAccounts"][0]["email"] == f"db@{PROJECT}.iam.gserviceaccount.com"


def test_what_is_of_a_project_needs_the_project_and_its_api(definitions):
    found = declared(
        definitions,
        f"{{type: cloudresourcemanager.projects, name: {PROJECT}, body: {{parent: folders/1}}}}",
        "{type: serviceusage.services, name: compute.googleapis.com}",
        NETWORK,
    )
    assert set(found["compute.networks/platform"].needs) == {
        f"cloudresourcemanager.projects/{PROJECT}",
        "serviceusage.services/compute.googleapis.com",
    }


@pytest.mark.parametrize(
    "text, reason, words",
    [
        ("{type: compute.network, name: a}", "unknown_type", "did you mean compute.networks?"),
        ("{type: comput.networks, name: a}", "unknown_type", "did you mean compute?"),
        (
            "{type: compute.networks, name: a, body: {autoCreateSubnetworks: false, routingConfg: {}}}",
            "unknown_field",
            "did you mean routingConfig?",
        ),
        (
            "{type: compute.networks, name: a, body: {autoCreateSubnetworks: 'no'}}",
            "wrong_type",
            "autoCreateSubnetworks has to be true or false, not a text",
        ),
        (
            "{type: compute.networks, name: a, "
            "body: {autoCreateSubnetworks: false, routingConfig: {routingMode: Globl}}}",
            "bad_enum",
            "did you mean GLOBAL?",
        ),
        (
            "{type: compute.networks, name: A_b, body: {autoCreateSubnetworks: false}}",
            "bad_name",
            "capital letters",
        ),
        ("{type: compute.networks, name: a}", "missing_field", "autoCreateSubnetworks is missing"),
        (
            "{type: compute.networks, name: a, body: {autoCreateSubnetworks: false, selfLink: x}}",
            "output_only",
            "set by Google alone",
        ),
        ("{type: compute.disks, name: a, body: {sizeGb: 10}}", "missing_location", "Give its zone"),
        (
            "{type: compute.disks, name: a, region: us-east1, zone: us-west1-a, body: {sizeGb: 10}}",
            "zone_outside_region",
            "us-west1-a is not in region us-east1",
        ),
        (
            "{type: compute.backendServices, name: a, region: us-east1, body: {loadBalancingScheme: INTERNAL}}",
            "unknown_field",
            "the regional ones are compute.regionBackendServices",
        ),
        (
            "{type: compute.subnetworks, name: a, body: {network: n, ipCidrRange: 10.0.0.1/20}}",
            "bad_range",
            "10.0.0.0/20 is meant",
        ),
        (
            "{type: dns.resourceRecordSets, name: a.example, body: {managedZone: z, type: A, rrdatas: [1.2.3.4]}}",
            "bad_name",
            "ends with a dot",
        ),
        (
            "{type: compute.addresses, name: a, body: {labels: {Team: x}}}",
            "bad_pattern",
            "label Team",
        ),
        (
            "{type: compute.networks, name: a, body: {autoCreateSubnetworks: false}, payload: {value: x}}",
            "unknown_field",
            "only secrets",
        ),
        (
            "{type: iam.bindings, name: a, "
            "body: {resource: {type: storage.buckets, name: b}, role: viewer, members: ['user:a@b.c']}}",
            "bad_pattern",
            "roles begin with roles/",
        ),
        (
            "{type: compute.routes, name: r, body: {network: n, destRange: 10.0.0.0/8, nextHopInstance: vm}}",
            "unknown_reference",
            "say where it is",
        ),
        (
            "{type: compute.networks, name: a, body: {autoCreateSubnetworks: false}, needs: [compute.networks/b]}",
            "unknown_reference",
            "not declared",
        ),
    ],
)
def test_bad_declarations_are_told(definitions, text, reason, words):
    found = refused(definitions, text)
    assert [each for each, _message in found] == [reason]
    assert words in found[0][1]


def test_all_that_is_wrong_is_told_at_once(definitions):
    found = refused(
        definitions,
        "{type: compute.networks, name: a, body: {nonsense: 1}}",
        "{type: compute.disks, name: b}",
        "{type: nothing.at, name: c}",
    )
    assert {reason for reason, _message in found} == {
        "unknown_field",
        "missing_field",
        "missing_location",
        "unknown_type",
    }


def test_a_value_of_the_wrong_type_is_not_repeated(definitions):
    text = "{type: compute.networks, name: a, body: {autoCreateSubnetworks: hunter2}}"
    assert "hunter2" not in refused(definitions, text)[0][1]


def test_twice_and_cycles_are_told_in_the_words_of_the_scheduler(definitions):
    network = "{type: compute.networks, name: %s, body: {autoCreateSubnetworks: false}, needs: [compute.networks/%s]}"
    twice = refused(definitions, NETWORK, NETWORK)
    assert twice == [("twice", "compute.networks/platform is there twice.")]
    (found,) = refused(definitions, network % ("a", "b"), network % ("b", "a"))
    assert found[0] == "cycle"
    assert "compute.networks/a → compute.networks/b → compute.networks/a" in found[1]


@pytest.mark.parametrize(
    "other, peered",
    [
        (
            "{type: compute.subnetworks, name: b, body: {network: platform, ipCidrRange: 10.20.8.0/21}}",
            False,
        ),
        (
            """{type: compute.subnetworks, name: b, body: {network: platform, ipCidrRange: 10.90.0.0/20,
                secondaryIpRanges: [{rangeName: pods, ipCidrRange: 10.16.0.0/12}]}}""",
            False,
        ),
        (
            "{type: compute.subnetworks, name: b, body: {network: hub, ipCidrRange: 10.20.0.0/16}}",
            True,
        ),
    ],
)
def test_ranges_do_not_overlap(definitions, other, peered):
    main = (
        "{type: compute.subnetworks, name: a, body: {network: platform, ipCidrRange: 10.20.0.0/20}}"
    )
    hub = "{type: compute.networks, name: hub, body: {autoCreateSubnetworks: false}}"
    peering = (
        "{type: compute.networkPeerings, name: p, body: {network: platform, peerNetwork: hub}}"
    )
    (found,) = refused(definitions, NETWORK, hub, main, other, *([peering] if peered else []))
    assert found[0] == "overlap"
    assert f"compute.subnetworks/{REGION}/a" in found[1]
    assert ("peered" in found[1]) is peered


def test_ranges_of_networks_that_are_not_peered_may_overlap(definitions):
    declared(
        definitions,
        "{type: compute.networks, name: hub, body: {autoCreateSubnetworks: false}}",
        NETWORK,
        "{type: compute.subnetworks, name: a, body: {network: platform, ipCidrRange: 10.20.0.0/20}}",
        "{type: compute.subnetworks, name: b, body: {network: hub, ipCidrRange: 10.20.0.0/20}}",
    )


def test_what_is_declared_absent_cannot_be_used(definitions):
    found = refused(
        definitions,
        "{type: compute.networks, name: platform, state: absent}",
        "{type: compute.subnetworks, name: a, body: {network: platform, ipCidrRange: 10.20.0.0/20}}",
    )
    assert found[0][0] == "unknown_reference"
    assert "declared absent" in found[0][1]


def test_an_instance_cannot_have_a_subnetwork_of_another_region(definitions):
    found = refused(
        definitions,
        NETWORK,
        "{type: compute.subnetworks, name: dr, region: asia-southeast2, "
        "body: {network: platform, ipCidrRange: 10.20.0.0/20}}",
        """{type: compute.instances, name: db, zone: asia-southeast1-a, body: {machineType: e2-small,
            disks: [{boot: true}], networkInterfaces: [{subnetwork:
            {type: compute.subnetworks, name: dr, region: asia-southeast2}}]}}""",
    )
    assert [reason for reason, _message in found] == ["zone_outside_region"]


def test_a_name_that_is_not_declared_is_looked_for_where_the_resource_is(definitions):
    rule = "{type: compute.%s, name: a, body: {IPAddress: web, target: t}}"
    found = declared(definitions, rule % "globalForwardingRules", rule % "forwardingRules")
    links = [each.external[0].link for each in found.values()]
    assert links == [
        f"projects/{PROJECT}/global/addresses/web",
        f"projects/{PROJECT}/regions/{REGION}/addresses/web",
    ]


def test_a_name_in_two_places_has_to_be_told_apart(definitions):
    group = "{type: compute.instanceGroups, name: db, zone: asia-southeast1-%s}"
    service = """{type: compute.regionBackendServices, name: db, body: {loadBalancingScheme: INTERNAL,
        backends: [{group: db}]}}"""
    found = refused(definitions, group % "a", group % "b", service)
    assert found[0][0] == "ambiguous_reference"
    found = declared(definitions, group % "a", service)  # type: ignore[assignment]
    service_body: Any = found[f"compute.regionBackendServices/{REGION}/db"].body  # type: ignore[call-overload]
    assert service_body["backends"][0]["group"].endswith(
        "zones/asia-southeast1-a/instanceGroups/db"
    )
