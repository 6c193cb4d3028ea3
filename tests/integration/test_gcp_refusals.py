"""Bad input and faults: one clear message each, before any change where it can be known before."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.integration.gcp import Emulator
from tests.integration.gcp_world import Result, acting, manage

NETWORK = "{type: compute.networks, name: %s, body: {autoCreateSubnetworks: false}}"
SUBNETWORK = "{type: compute.subnetworks, name: %s, body: {network: %s, ipCidrRange: 10.20.0.0/20}}"
DISK = "{type: compute.disks, name: %s, zone: asia-southeast1-a, body: {sizeGb: %d}}"


def run(gcp: Emulator, *texts: str, check: bool = False, **options: Any) -> Result:
    return manage(gcp, [yaml.safe_load(text) for text in texts], check, **options)


def refused(gcp: Emulator, *texts: str, **options: Any) -> Result:
    """The refusal; nothing was written for it."""
    gcp.control("requests", "DELETE")
    result = run(gcp, *texts, **options)
    assert result["failed"]
    assert "Nothing was changed." in result["msg"]
    written = [
        each["method"]
        for each in gcp.requests()
        if each["method"].rpartition(".")[2] not in ("get", "list", "aggregatedList")
    ]
    assert written == []
    return result


def test_overlapping_ranges_of_what_is_declared(gcp: Emulator):
    one, two = SUBNETWORK % ("a", "n"), SUBNETWORK % ("b", "n")
    result = refused(gcp, NETWORK % "n", one, two)
    assert result["reason"] == "overlap"
    assert "10.20.0.0/20 overlaps 10.20.0.0/20" in result["msg"]


def test_overlapping_ranges_of_what_is_there(gcp: Emulator):
    run(gcp, NETWORK % "overlap", SUBNETWORK % ("there", "overlap"))
    wider = (SUBNETWORK % ("new", "overlap")).replace("/20", "/16")
    result = refused(gcp, NETWORK % "overlap", wider)
    assert result["reason"] == "overlap"
    assert "regions/asia-southeast1/subnetworks/there" in result["msg"]


def test_a_zone_outside_the_region(gcp: Emulator):
    result = refused(
        gcp,
        """{type: compute.disks, name: d, region: asia-southeast1, zone: asia-southeast2-a,
            body: {sizeGb: 10}}""",
    )
    assert result["reason"] == "zone_outside_region"


def test_a_reference_to_nothing(gcp: Emulator):
    text = SUBNETWORK % ("a", "nowhere")
    result = refused(gcp, text)
    assert result["reason"] == "unknown_reference"
    assert "there is no projects/project-1-dev-payments/global/networks/nowhere" in result["msg"]
    planned = run(gcp, text, check=True)
    assert not planned.get("failed")
    assert "nowhere" in str(planned["warnings"])


def test_a_cycle(gcp: Emulator):
    one = (NETWORK % "a")[:-1] + ", needs: [compute.networks/b]}"
    two = (NETWORK % "b")[:-1] + ", needs: [compute.networks/a]}"
    result = refused(gcp, one, two)
    assert result["reason"] == "cycle"
    assert "→" in result["msg"]


def test_a_name_that_breaks_the_pattern(gcp: Emulator):
    result = refused(gcp, NETWORK % "Platform_1")
    assert result["reason"] == "bad_name"
    assert "capital letters are not allowed" in result["msg"]


def test_a_replacement_that_would_lose_data(gcp: Emulator):
    run(gcp, DISK % ("data", 100))
    result = refused(gcp, DISK % ("data", 50))
    assert result["reason"] == "needs_replace"
    assert "(lost: the data of the disk)" in result["msg"]
    key = "compute.disks/asia-southeast1-a/data"
    assert f"allow_replace: [{key}]" in result["msg"]
    assert acting(result) == {key: "refused"}
    result = run(gcp, DISK % ("data", 50), allow_replace=[key])
    assert result["resources"][key]["sizeGb"] == "50"


def test_data_is_not_deleted_without_being_allowed(gcp: Emulator):
    run(gcp, DISK % ("kept", 10))
    result = refused(gcp, DISK % ("kept", 10), state="absent")
    assert result["reason"] == "protected"
    result = run(gcp, DISK % ("kept", 10), state="absent", allow_delete=["compute.disks"])
    assert result["changed"]


@pytest.mark.parametrize(
    "effect, reason, words",
    [
        ({"quota": "NETWORKS"}, "quota_exceeded", ["Quota 'NETWORKS' exceeded", "higher quota"]),
        (
            {"permission": "compute.networks.create"},
            "permission_denied",
            ["compute.networks.create", "role with this permission"],
        ),
    ],
)
def test_what_google_refuses_is_told_with_the_way_out(
    gcp: Emulator, effect: dict[str, Any], reason: str, words: list[str]
):
    name = reason.replace("_", "-")
    rule = {"match": {"method": "compute.networks.insert"}, "effect": effect}
    check = f"type: compute.healthChecks, name: {name}"
    other = f"{{{check}, body: {{type: TCP, tcpHealthCheck: {{port: 1}}}}}}"
    with gcp.faults(rule):
        result = run(gcp, NETWORK % name, SUBNETWORK % (name, name), other)
    assert result["failed"]
    assert result["reason"] == reason
    assert result["msg"].startswith("1 failed, 1 were changed; 1 were left out")
    for each in [f"compute.networks/{name} was not created", *words]:
        assert each in result["msg"]
    states = {each["key"].partition(".")[2].partition("/")[0]: each["state"] for each in result["results"]}  # fmt: skip
    assert states == {"networks": "failed", "subnetworks": "skipped", "healthChecks": "done"}
    again = run(gcp, NETWORK % name, SUBNETWORK % (name, name), other)
    assert set(acting(again).values()) == {"create"}
    assert len(acting(again)) == 2


def test_an_operation_that_fails_late(gcp: Emulator):
    rule = {
        "match": {"method": "compute.networks.insert"},
        "effect": {
            "operation_seconds": 2,
            "operation_error": {"code": "INTERNAL_ERROR", "message": "Internal error. Retry."},
        },
        "count": 1,
    }
    with gcp.faults(rule):
        result = run(gcp, NETWORK % "late")
    assert (result["failed"], result["reason"]) == (True, "operation_failed")
    assert "compute.networks/late was not created: Internal error. Retry." in result["msg"]
    assert result["results"][0]["seconds"] >= 2
    assert run(gcp, NETWORK % "late")["changed"]


def test_an_operation_that_does_not_end(gcp: Emulator):
    rule = {
        "match": {"method": "compute.networks.insert"},
        "effect": {"operation_seconds": 6},
        "count": 1,
    }
    with gcp.faults(rule):
        result = run(gcp, NETWORK % "slow", timeout=1.0)
        assert result["reason"] == "timeout"
        assert "Google goes on with it" in result["msg"]
    again = run(gcp, NETWORK % "slow")
    assert not again.get("failed"), again["msg"]
    assert not run(gcp, NETWORK % "slow")["changed"]


def test_a_storm_of_503(gcp: Emulator):
    with gcp.faults({"effect": {"storm": {"status": 503, "count": 12}}}):
        result = run(gcp, *(NETWORK % f"storm-{number}" for number in range(4)))
    assert not result.get("failed"), result["msg"]
    assert len(acting(result)) == 4
    assert not run(gcp, *(NETWORK % f"storm-{number}" for number in range(4)))["changed"]


def test_a_token_that_expires(gcp: Emulator):
    rule = {
        "match": {"method": "compute.subnetworks.insert"},
        "effect": {"expire_tokens": True},
        "count": 1,
    }
    with gcp.faults(rule):
        result = run(
            gcp, NETWORK % "token", SUBNETWORK % ("token", "token"), auth_kind="machineaccount"
        )
    assert not result.get("failed"), result["msg"]
    assert len(acting(result)) == 2


def test_a_token_that_cannot_be_renewed(gcp: Emulator):
    result = run(gcp, NETWORK % "token", auth_kind="accesstoken", access_token="ya29.old")
    assert (result["failed"], result["reason"]) == (True, "unauthorized")
    assert "log in again" in result["msg"]
    assert "ya29.old" not in str(result)


def test_an_account_is_acted_as(gcp: Emulator):
    account = "deployer@project-0-devops.iam.gserviceaccount.com"
    gcp.control("requests", "DELETE")
    result = run(gcp, NETWORK % "acted", impersonate_service_account=[account])
    assert not result.get("failed"), result["msg"]
    users = {each["user"] for each in gcp.requests() if each["method"].startswith("compute.")}
    assert users == {account}


def test_an_api_that_nobody_reaches(gcp: Emulator):
    proxy = gcp.environment["HTTPS_PROXY"]
    for name in ("HTTPS_PROXY", "https_proxy"):
        gcp.environment[name] = "http://127.0.0.1:9"
    try:
        result = run(gcp, NETWORK % "far")
    finally:
        for name in ("HTTPS_PROXY", "https_proxy"):
            gcp.environment[name] = proxy
    assert (result["failed"], result["reason"]) == (True, "unreachable")


def test_a_replacement_that_ends_half_way_is_told_and_made_good(gcp: Emulator):
    check = "{type: compute.healthChecks, name: half, body: {type: TCP, tcpHealthCheck: {port: 1}}}"
    route = (
        "{type: compute.routes, name: half, body: {network: half, destRange: 198.51.100.0/24, "
        "priority: %d, nextHopGateway: global/gateways/default-internet-gateway}}"
    )
    made = run(gcp, NETWORK % "half", route % 900)
    assert not made.get("failed"), made["msg"]
    rule = {"match": {"method": "compute.routes.insert"}, "effect": {"quota": "ROUTES"}}
    with gcp.faults(rule):
        result = run(gcp, NETWORK % "half", route % 800, check)
    assert (result["failed"], result["changed"]) == (True, True)
    assert "compute.routes/half is deleted and not made again" in result["msg"]
    again = run(gcp, NETWORK % "half", route % 800, check)
    assert acting(again) == {"compute.routes/half": "create"}
    assert not again.get("failed"), again["msg"]


def test_a_bucket_of_another_project_is_left_alone(gcp: Emulator):
    bucket = "{type: storage.buckets, name: airpay-theirs, body: {location: asia-southeast1}}"
    made = run(gcp, bucket)
    assert not made.get("failed"), made["msg"]
    again = run(gcp, bucket)
    assert not again.get("failed"), again["msg"]
    assert not again["changed"]
    result = refused(gcp, bucket, project="project-0-devops", state="absent", allow_delete=["all"])
    assert result["reason"] == "already_exists"
    assert "taken by a bucket of project" in result["msg"]


def test_an_insertion_that_is_sent_again_finds_its_own_bucket(gcp: Emulator):
    """Google had made it, and its first answer was lost."""
    bucket = "{type: storage.buckets, name: airpay-twice, body: {location: asia-southeast1}}"
    gone = {"status": 404, "reason": "notFound", "message": "The specified bucket does not exist."}
    rule = {"match": {"method": "storage.buckets.get", "name": "airpay-twice"}, "effect": gone}
    assert run(gcp, bucket)["changed"]
    with gcp.faults({**rule, "count": 1}):
        result = run(gcp, bucket)
    assert not result.get("failed"), result["msg"]
    assert acting(result) == {"storage.buckets/airpay-twice": "create"}
