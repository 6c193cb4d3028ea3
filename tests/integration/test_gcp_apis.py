"""The emulator's APIs beside compute: clusters, names, secrets, buckets, accounts, projects, jobs."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.gcp import Answer, Emulator
from tests.lab.gcp.discovery import Method, load

Body = dict[str, Any]
REGION = "asia-southeast1"
DNS, SECRETS = "dns.googleapis.com/dns/v1/projects", "secretmanager.googleapis.com/v1/projects"
CLUSTERS = "container.googleapis.com/v1/projects"
STORAGE, IAM = "storage.googleapis.com/storage/v1/b", "iam.googleapis.com/v1/projects"
PROJECTS = "cloudresourcemanager.googleapis.com"


def good(answer: Answer) -> Body:
    """Give the body of an answer that has to be good."""
    assert answer.status in (200, 204), answer.body
    assert "error" not in (answer.body or {}), answer.body
    found: Body = answer.body
    return found


def refused(answer: Answer, code: int, words: str) -> None:
    """The answer is a refusal."""
    assert answer.status == code, answer.body
    assert words in answer.message


# -- clusters
@pytest.fixture
def cluster(gcp: Emulator, request: pytest.FixtureRequest) -> str:
    """A private cluster with one pool; its URL."""
    project = f"c-{request.node.name.removeprefix('test_').replace('_', '-')}"[:28].rstrip("-")
    secondary = [
        {"rangeName": "pods", "ipCidrRange": "10.64.0.0/14"},
        {"rangeName": "services", "ipCidrRange": "10.24.0.0/20"},
    ]
    parts: list[tuple[str, Body]] = [
        ("global/networks", {"name": "platform", "autoCreateSubnetworks": False}),
        (
            f"regions/{REGION}/subnetworks",
            {
                "name": "main",
                "network": "global/networks/platform",
                "ipCidrRange": "10.20.0.0/20",
                "secondaryIpRanges": secondary,
            },
        ),
    ]
    for path, body in parts:
        good(gcp.compute("POST", f"{project}/{path}", body))
    body = {
        "name": "main",
        "network": "platform",
        "subnetwork": "main",
        "releaseChannel": {"channel": "REGULAR"},
        "networkConfig": {"datapathProvider": "ADVANCED_DATAPATH"},
        "ipAllocationPolicy": {
            "useIpAliases": True,
            "clusterSecondaryRangeName": "pods",
            "servicesSecondaryRangeName": "services",
        },
        "privateClusterConfig": {
            "enablePrivateNodes": True,
            "enablePrivateEndpoint": True,
            "masterIpv4CidrBlock": "172.16.0.0/28",
        },
        "nodePools": [{"name": "system", "initialNodeCount": 1}],
    }
    url = f"{CLUSTERS}/{project}/locations/{REGION}/clusters"
    made = good(gcp.call("POST", url, {"cluster": body}))
    assert (made["status"], made["operationType"]) == ("DONE", "CREATE_CLUSTER")
    found = good(gcp.call("GET", made["selfLink"]))
    assert found["name"] == made["name"]
    return f"{url}/main"


def test_a_cluster_is_complete(gcp: Emulator, cluster: str) -> None:
    made = good(gcp.call("GET", cluster))
    assert (made["status"], made["endpoint"], made["currentNodeCount"]) == (
        "RUNNING",
        "172.16.0.2",
        3,
    )
    assert made["clusterIpv4Cidr"] == "10.64.0.0/14"
    assert made["locations"] == [f"{REGION}-{letter}" for letter in "abc"]
    assert [pool["name"] for pool in made["nodePools"]] == ["system"]
    network = gcp.compute("DELETE", cluster.split("/")[3] + f"/regions/{REGION}/subnetworks/main")
    refused(network, 400, "already being used by")


def test_of_a_private_cluster_only_global_access_changes(gcp: Emulator, cluster: str) -> None:
    def sent(**fields: Any) -> Answer:
        update = {"update": {"desiredPrivateClusterConfig": fields}}
        return gcp.call("PUT", cluster, update)

    refused(sent(masterIpv4CidrBlock="172.16.0.16/28"), 400, "master_global_access_config")
    good(sent(masterGlobalAccessConfig={"enabled": True}))
    held = good(gcp.call("GET", cluster))["privateClusterConfig"]
    assert held["masterGlobalAccessConfig"] == {"enabled": True}
    assert held["masterIpv4CidrBlock"] == "172.16.0.0/28"


def test_node_pools_change_their_size(gcp: Emulator, cluster: str) -> None:
    pool = {"name": "work", "initialNodeCount": 1, "config": {"machineType": "n2-standard-4"}}
    good(gcp.call("POST", f"{cluster}/nodePools", {"nodePool": pool}))
    url = f"{cluster}/nodePools/work"
    good(gcp.call("POST", f"{url}:setSize", {"nodeCount": 2}))
    made = good(gcp.call("GET", url))
    assert made["initialNodeCount"] == 2
    manager = good(gcp.call("GET", made["instanceGroupUrls"][0]))
    assert manager["targetSize"] == 2
    bounds = {"enabled": True, "minNodeCount": 3, "maxNodeCount": 9}
    good(gcp.call("POST", f"{url}:setAutoscaling", {"autoscaling": bounds}))
    assert good(gcp.call("GET", url))["initialNodeCount"] == 2, "nothing is scaled without load"
    wrong = {"autoscaling": bounds | {"maxNodeCount": 1}}
    refused(gcp.call("POST", f"{url}:setAutoscaling", wrong), 400, "must not be smaller")
    labels = {"labels": {"labels": {"pool": "work"}}, "machineType": "n2-standard-8"}
    good(gcp.call("PUT", url, labels))
    config = good(gcp.call("GET", url))["config"]
    assert (config["labels"], config["machineType"]) == ({"pool": "work"}, "n2-standard-8")
    good(gcp.call("DELETE", url))
    assert gcp.call("GET", made["instanceGroupUrls"][0]).status == 404


def test_clusters_change_one_thing_at_a_time(gcp: Emulator, cluster: str) -> None:
    channel = {"desiredReleaseChannel": {"channel": "STABLE"}}
    good(gcp.call("PUT", cluster, {"update": channel}))
    assert good(gcp.call("GET", cluster))["releaseChannel"] == {"channel": "STABLE"}
    two = channel | {"desiredShieldedNodes": {"enabled": True}}
    refused(gcp.call("PUT", cluster, {"update": two}), 400, "Exactly one update")
    refused(gcp.call("PUT", cluster, {"update": {"desiredThing": 1}}), 400, "Unknown name")
    good(gcp.call("DELETE", cluster))
    assert gcp.call("GET", cluster).status == 404


# -- names
def test_zones_and_records(gcp: Emulator) -> None:
    zones = f"{DNS}/p-dns/managedZones"
    zone = {"name": "air", "dnsName": "air.test.", "description": "Public names"}
    made = good(gcp.call("POST", zones, zone))
    assert len(made["nameServers"]) == 4
    sets = f"{zones}/air/rrsets"
    kinds = [entry["type"] for entry in good(gcp.call("GET", sets))["rrsets"]]
    assert kinds == ["NS", "SOA"]
    record = {"name": "api.air.test.", "type": "A", "ttl": 60, "rrdatas": ["203.0.113.9"]}
    good(gcp.call("POST", sets, record))
    refused(gcp.call("POST", sets, record), 409, "already exists")
    good(gcp.call("PATCH", f"{sets}/api.air.test./A", record | {"ttl": 30}))
    change = {"deletions": [record], "additions": [record | {"rrdatas": ["203.0.113.10"]}]}
    changes = f"{zones}/air/changes"
    refused(gcp.call("POST", changes, change), 412, "Precondition not met")
    change["deletions"] = [record | {"ttl": 30}]
    begun = good(gcp.call("POST", changes, change))
    assert begun["status"] == "pending"
    assert good(gcp.call("GET", f"{changes}/{begun['id']}"))["status"] == "done"
    found = good(gcp.call("GET", sets, name="api.air.test.", type="A"))["rrsets"]
    assert found[0]["rrdatas"] == ["203.0.113.10"]
    refused(gcp.call("POST", sets, record | {"name": "other.test."}), 400, "entity.rrset.name")
    refused(
        gcp.call("POST", sets, record | {"name": "b.air.test.", "rrdatas": ["x"]}), 400, "rrdata"
    )
    refused(gcp.call("DELETE", f"{zones}/air"), 400, "contains one or more")
    good(gcp.call("DELETE", f"{sets}/api.air.test./A"))
    assert gcp.call("DELETE", f"{zones}/air").status == 204


# -- secrets
def test_secrets_have_versions(gcp: Emulator) -> None:
    secrets = f"{SECRETS}/p-secrets/secrets"
    good(gcp.call("POST", secrets, {"replication": {"automatic": {}}}, secretId="password"))
    refused(gcp.call("GET", f"{secrets}/other"), 404, "Secret [projects/p-secrets/secrets/other]")
    for text in ("one", "two"):
        data = base64.b64encode(text.encode()).decode()
        good(gcp.call("POST", f"{secrets}/password:addVersion", {"payload": {"data": data}}))
    latest = good(gcp.call("GET", f"{secrets}/password/versions/latest:access"))
    assert base64.b64decode(latest["payload"]["data"]) == b"two"
    good(gcp.call("POST", f"{secrets}/password/versions/2:disable", {}))
    refused(gcp.call("GET", f"{secrets}/password/versions/2:access"), 400, "DISABLED state")
    assert good(gcp.call("GET", f"{secrets}/password/versions/latest"))["name"].endswith("/1")
    good(gcp.call("POST", f"{secrets}/password/versions/1:destroy", {}))
    states = good(gcp.call("GET", f"{secrets}/password/versions"))["versions"]
    assert [entry["state"] for entry in states] == ["DESTROYED", "DISABLED"]
    labels = {"labels": {"a": "b"}}
    good(gcp.call("PATCH", f"{secrets}/password", labels, updateMask="labels"))
    assert good(gcp.call("GET", f"{secrets}/password"))["labels"] == {"a": "b"}


# -- buckets
def test_buckets_and_objects(gcp: Emulator) -> None:
    bucket = {"name": "p-storage-backups", "location": "asia-southeast1"}
    made = good(gcp.call("POST", STORAGE, bucket, project="p-storage"))
    assert (made["location"], made["locationType"]) == ("ASIA-SOUTHEAST1", "region")
    twice = gcp.call("POST", STORAGE, bucket, project="p-storage")
    refused(twice, 409, "you already own it")
    assert twice.reason == "conflict"
    refused(gcp.call("POST", STORAGE, bucket, project="p-other"), 409, "is not available")
    url = f"{STORAGE}/p-storage-backups"
    lifecycle = {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 30}}]}
    good(gcp.call("PATCH", url, {"lifecycle": lifecycle, "labels": {"a": "b"}}))
    upload = "storage.googleapis.com/upload/storage/v1/b/p-storage-backups/o"
    stored = gcp.call("POST", upload, b"text", content="text/plain", uploadType="media", name="a/b")
    assert (good(stored)["size"], stored.body["contentType"]) == ("4", "text/plain")
    parts = "application/json", '{"name": "c"}', "text/html", "<p>"
    lines = ["--x", f"Content-Type: {parts[0]}", "", parts[1], "--x", f"Content-Type: {parts[2]}"]
    whole = "\r\n".join([*lines, "", parts[3], "--x--", ""]).encode()
    several = "multipart/related; boundary=x"
    stored = gcp.call("POST", upload, whole, content=several, uploadType="multipart")
    assert (good(stored)["name"], stored.body["size"]) == ("c", "3")
    assert gcp.call("DELETE", f"{url}/o/c").status == 204
    read = gcp.call("GET", f"{url}/o/a%2Fb", alt="media")
    assert (read.status, read.raw) == (200, b"text")
    listed = good(gcp.call("GET", f"{url}/o", delimiter="/"))
    assert listed["prefixes"] == ["a/"]
    refused(gcp.call("DELETE", url), 409, "not empty")
    assert gcp.call("DELETE", f"{url}/o/a%2Fb").status == 204
    policy = {"bindings": [{"role": "roles/storage.objectViewer", "members": ["allUsers"]}]}
    held = good(gcp.call("PUT", f"{url}/iam", policy))
    assert good(gcp.call("GET", f"{url}/iam"))["bindings"] == held["bindings"]
    assert gcp.call("DELETE", url).status == 204


# -- accounts
def test_accounts_keys_and_roles(gcp: Emulator) -> None:
    accounts = f"{IAM}/p-accounts/serviceAccounts"
    body = {"accountId": "deployer", "serviceAccount": {"displayName": "Deployer"}}
    email = good(gcp.call("POST", accounts, body))["email"]
    assert email == "deployer@p-accounts.iam.gserviceaccount.com"
    refused(gcp.call("POST", accounts, body), 409, "already exists")
    refused(gcp.call("POST", accounts, {"accountId": "no"}), 400, "account ID")
    patch = {"serviceAccount": {"displayName": "D"}, "updateMask": "displayName"}
    good(gcp.call("PATCH", f"{accounts}/{email}", patch))
    found = good(gcp.call("GET", f"{IAM}/-/serviceAccounts/{email}"))
    assert found["displayName"] == "D"
    role = {"roleId": "dbBackup", "role": {"title": "Backup", "includedPermissions": ["a.b.c"]}}
    good(gcp.call("POST", f"{IAM}/p-accounts/roles", role))
    good(gcp.call("PATCH", f"{IAM}/p-accounts/roles/dbBackup", {"title": "B"}, updateMask="title"))
    made = good(gcp.call("GET", f"{IAM}/p-accounts/roles/dbBackup"))
    assert (made["title"], made["includedPermissions"]) == ("B", ["a.b.c"])
    good(gcp.call("POST", f"{accounts}/{email}:disable", {}))
    scope = {"scope": ["https://www.googleapis.com/auth/cloud-platform"]}
    token = f"iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{email}"
    refused(gcp.call("POST", f"{token}:generateAccessToken", scope), 403, "disabled")
    good(gcp.call("DELETE", f"{accounts}/{email}"))


def test_policies_have_etags(gcp: Emulator) -> None:
    url = f"{PROJECTS}/v1/projects/p-policies"
    empty = good(gcp.call("POST", f"{url}:getIamPolicy", {}))
    member = "serviceAccount:deployer@p-policies.iam.gserviceaccount.com"
    bindings = [{"role": "roles/viewer", "members": [member]}]
    policy = {"policy": {"bindings": bindings, "etag": empty["etag"]}}
    good(gcp.call("POST", f"{url}:setIamPolicy", policy))
    refused(gcp.call("POST", f"{url}:setIamPolicy", policy), 409, "concurrent policy changes")
    v3 = good(gcp.call("POST", f"{PROJECTS}/v3/projects/p-policies:getIamPolicy", {}))
    assert v3["bindings"] == bindings
    wrong = {"policy": {"bindings": [{"role": "roles/viewer", "members": ["somebody"]}]}}
    refused(gcp.call("POST", f"{url}:setIamPolicy", wrong), 400, "Invalid member")
    condition = {"title": "until", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}
    given = {"bindings": [bindings[0] | {"condition": condition}], "version": 1}
    refused(gcp.call("POST", f"{url}:setIamPolicy", {"policy": given}), 400, "version 3")


def test_permissions_have_googles_names(gcp: Emulator) -> None:
    url = "iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@p-names.iam.gserviceaccount.com"
    scope = {"scope": ["https://www.googleapis.com/auth/cloud-platform"]}
    rule = {"match": {"method": "iamcredentials.*"}, "effect": {"permission": True}}
    with gcp.faults(rule):
        answer = gcp.call("POST", f"{url}:generateAccessToken", scope)
    refused(answer, 403, "Permission 'iam.serviceAccounts.getAccessToken' denied")
    details = answer.body["error"]["details"][0]
    assert details["reason"] == "IAM_PERMISSION_DENIED"


def test_members_have_to_exist(gcp: Emulator) -> None:
    good(gcp.call("POST", f"{PROJECTS}/v3/projects", {"projectId": "project-members"}))
    services = "serviceusage.googleapis.com/v1/projects/project-members/services"
    good(gcp.call("POST", f"{services}/iam.googleapis.com:enable", {}))
    url = f"{PROJECTS}/v3/projects/project-members:setIamPolicy"
    email = "deployer@project-members.iam.gserviceaccount.com"
    policy = {"bindings": [{"role": "roles/viewer", "members": [f"serviceAccount:{email}"]}]}
    refused(
        gcp.call("POST", url, {"policy": policy}), 400, f"Service account {email} does not exist."
    )
    accounts = f"{IAM}/project-members/serviceAccounts"
    good(gcp.call("POST", accounts, {"accountId": "deployer"}))
    good(gcp.call("POST", url, {"policy": policy}))
    member = "serviceAccount:project-members.svc.id.goog[velero/velero]"
    binding = {"role": "roles/iam.workloadIdentityUser", "members": [member]}
    workload = gcp.call(
        "POST", f"{accounts}/{email}:setIamPolicy", {"policy": {"bindings": [binding]}}
    )
    refused(workload, 400, "Identity Pool does not exist")


# -- projects
def test_services_of_a_new_project_are_off(gcp: Emulator) -> None:
    body = {"projectId": "project-new", "displayName": "New", "parent": "folders/12"}
    made = good(gcp.call("POST", f"{PROJECTS}/v3/projects", body))
    assert good(gcp.call("GET", f"{PROJECTS}/v3/{made['name']}"))["done"]
    v1 = good(gcp.call("GET", f"{PROJECTS}/v1/projects/project-new"))
    assert (v1["lifecycleState"], v1["parent"]) == ("ACTIVE", {"type": "folder", "id": "12"})
    off = gcp.compute("GET", "project-new/global/networks")
    refused(off, 403, "compute.googleapis.com has not been used in project")
    assert off.reason == "accessNotConfigured"
    services = "serviceusage.googleapis.com/v1/projects/project-new/services"
    state = good(gcp.call("GET", f"{services}/compute.googleapis.com"))["state"]
    assert state == "DISABLED"
    good(gcp.call("POST", f"{services}:batchEnable", {"serviceIds": ["compute.googleapis.com"]}))
    good(gcp.compute("GET", "project-new/global/networks"))
    good(gcp.call("POST", f"{services}/compute.googleapis.com:disable", {}))
    assert gcp.compute("GET", "project-new/global/networks").status == 403


# -- jobs
def test_jobs_run(gcp: Emulator) -> None:
    jobs = f"run.googleapis.com/v2/projects/p-jobs/locations/{REGION}/jobs"
    image = "asia-southeast1-docker.pkg.dev/p-jobs/tools/snapshot:1"
    body = {"template": {"template": {"containers": [{"image": image}]}}}
    good(gcp.call("POST", jobs, body, jobId="snapshot"))
    done = good(gcp.call("POST", f"{jobs}/snapshot:run", {}))
    assert done["response"]["succeededCount"] == 1
    schedules = f"cloudscheduler.googleapis.com/v1/projects/p-jobs/locations/{REGION}/jobs"
    name = f"projects/p-jobs/locations/{REGION}/jobs/quarterly"
    who = "starter@p-jobs.iam.gserviceaccount.com"
    target: dict[str, Any] = {
        "uri": f"https://{jobs}/snapshot:run",
        "httpMethod": "POST",
        "oauthToken": {"serviceAccountEmail": who},
    }
    job = {
        "name": name,
        "schedule": "*/15 * * * *",
        "timeZone": "Asia/Jakarta",
        "httpTarget": target,
    }
    for wrong in ({"schedule": "often"}, {"schedule": "60 * * * *"}, {"timeZone": "Asia/Java"}):
        refused(gcp.call("POST", schedules, job | wrong), 400, "Schedule or time zone is invalid")
    good(gcp.call("POST", schedules, job))
    ran = good(gcp.call("POST", f"{schedules}/quarterly:run", {}))
    assert (ran["status"], "lastAttemptTime" in ran) == ({}, True)
    executions = good(gcp.call("GET", f"{jobs}/snapshot/executions"))["executions"]
    assert sorted(each["creator"] == who for each in executions) == [False, True]
    good(gcp.call("POST", f"{schedules}/quarterly:pause", {}))
    assert good(gcp.call("GET", f"{schedules}/quarterly"))["state"] == "PAUSED"
    # Without a token, or to somewhere else, it cannot be started; the job says why.
    for changed, code in (
        ({"uri": target["uri"]}, 16),
        ({"uri": "https://example.org/hook"}, 12),
        ({**target, "uri": target["uri"].replace("snapshot:", "other:")}, 5),
    ):
        sent = {"httpTarget": changed}
        good(gcp.call("PATCH", f"{schedules}/quarterly", sent, updateMask="httpTarget"))
        ran = good(gcp.call("POST", f"{schedules}/quarterly:run", {}))
        assert ran["status"]["code"] == code
    good(gcp.call("DELETE", f"{schedules}/quarterly"))
    good(gcp.call("DELETE", f"{jobs}/snapshot"))


# -- credentials, by Google's own library
_WHO = """
import json, sys
import google.auth, google.auth.transport.requests
from google.auth import impersonated_credentials
scopes = ["https://www.googleapis.com/auth/cloud-platform"]
credentials, _ = google.auth.default(scopes=scopes)
if len(sys.argv) > 1:
    credentials = impersonated_credentials.Credentials(
        source_credentials=credentials, target_principal=sys.argv[1], target_scopes=scopes
    )
session = google.auth.transport.requests.AuthorizedSession(credentials)
answer = session.get("https://compute.googleapis.com/compute/v1/projects/p-who/global/networks")
assert answer.status_code == 200, answer.text
"""


@pytest.mark.parametrize("kind", ["key", "machine", "federation", "impersonation"])
def test_credentials_of_all_kinds(gcp: Emulator, tmp_path: Path, kind: str) -> None:
    variables = dict(gcp.variables)
    arguments: list[str] = []
    email = "tester@p-who.iam.gserviceaccount.com"
    expected = email
    if kind == "key":
        accounts = f"{IAM}/p-who/serviceAccounts"
        good(gcp.call("POST", accounts, {"accountId": "tester"}))
        made = good(gcp.call("POST", f"{accounts}/{email}/keys", {}))
        file = tmp_path / "key.json"
        file.write_bytes(base64.b64decode(made["privateKeyData"]))
        variables["GOOGLE_APPLICATION_CREDENTIALS"] = str(file)
    elif kind == "federation":
        token = tmp_path / "token"
        token.write_text("a token of another issuer")
        pool = (
            "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/providers/ci"
        )
        config = {
            "type": "external_account",
            "audience": pool,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": {"file": str(token)},
        }
        file = tmp_path / "federation.json"
        file.write_text(json.dumps(config))
        variables["GOOGLE_APPLICATION_CREDENTIALS"] = str(file)
        expected = f"principal:{pool}"
    elif kind == "impersonation":
        arguments, expected = [email], email
    else:
        expected = "emulator@project-0-devops.iam.gserviceaccount.com"
    variables |= {"HOME": str(tmp_path), "CLOUDSDK_CONFIG": str(tmp_path)}
    command = [sys.executable, "-W", "ignore", "-c", _WHO, *arguments]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    asked = [one for one in gcp.requests() if one["method"] == "compute.networks.list"]
    assert asked[-1]["user"] == expected


# -- everything
_APIS: tuple[str, ...] = (
    "compute.v1",
    "container.v1",
    "dns.v1",
    "secretmanager.v1",
    "storage.v1",
    "iam.v1",
)
_APIS += ("iamcredentials.v1", "cloudresourcemanager.v1", "cloudresourcemanager.v3")
_APIS += ("serviceusage.v1", "run.v2", "cloudscheduler.v1")
_PLACES = {
    "zone": f"{REGION}-a",
    "region": REGION,
    "locationsId": REGION,
    "v1Id": "projects",
    **dict.fromkeys(("project", "projectId", "projectsId", "v1Id1"), "p-everything"),
}


def _minimal(method: Method) -> tuple[str, Body | None, dict[str, str]]:
    """The path, the body and the query of a call that says as little as it can."""
    path = "/".join(method.segments)
    path = re.sub(r"\{(\w+)\}", lambda found: _PLACES.get(found[1], "one"), path)
    body = None
    if method.request:
        known = method.api.schemas[method.request].get("properties", {})
        body = {"name": "one"} if "name" in known else {}
    query = {}
    for name, schema in method.parameters.items():
        if schema["location"] == "query" and (schema.get("required") or name.endswith("Id")):
            values = {"integer": "1", "boolean": "true"}
            query[name] = values.get(schema.get("type", ""), "one")
    query.pop("requestId", None)
    return path, body, query


@pytest.fixture(scope="module")
def untidy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator that may be asked for anything."""
    with Emulator(tmp_path_factory.mktemp("untidy")) as running:
        yield running


@pytest.mark.parametrize("name", _APIS)
def test_every_method_has_an_answer(untidy: Emulator, name: str) -> None:
    api = load(*name.split("."))
    assert api is not None
    for method in api.methods.values():
        path, body, query = _minimal(method)
        answer = untidy.call(method.http, f"{api.name}.googleapis.com/{path}", body, **query)
        assert answer.status in (200, 204, 400, 403, 404, 409, 412, 501), answer.body
    assert not untidy.broken()
