"""velero_backup and velero_restore against a real Velero: what is in a namespace, gone and brought back."""

from __future__ import annotations

import base64
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.integration.kube_api import direct, free_port
from tests.integration.kube_world import nodes, run_pod
from tests.integration.labs import ROOT
from tests.integration.velero import NAMESPACE, Velero, installed, velero_running

# Velero is compiled for these alone.
pytestmark = [pytest.mark.kube, pytest.mark.slow]

CATALOGUE = "roles/kube_components/files/catalogue/velero.yml"

PAYMENTS = """
apiVersion: v1
kind: Namespace
metadata: {name: pay-app, labels: {team: payments}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: pay-app}
data: {limit: "100"}
---
apiVersion: v1
kind: Secret
metadata: {name: web, namespace: pay-app}
stringData: {password: s3cret-of-the-shop}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: pay-app}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""

# Nobody can save the files of its volume, as there is no node agent.
VOLUME = """
apiVersion: v1
kind: Namespace
metadata: {name: pay-volume}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: ledger, namespace: pay-volume}
---
apiVersion: v1
kind: Pod
metadata: {name: ledger, namespace: pay-volume}
spec:
  serviceAccountName: ledger
  containers: [{name: c, image: i, volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, emptyDir: {}}]
"""


@pytest.fixture(scope="module")
def velero(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Velero]:
    """A Velero with a default place, a namespace to save, and a backup of it."""
    with velero_running(tmp_path_factory.mktemp("velero")) as server:
        server.kube.apply(PAYMENTS)
        server.backup("kept", includedNamespaces=["pay-app"])
        yield server


def held(velero: Velero, namespace: str) -> tuple[str, str, int]:
    """What is in the objects of a namespace."""
    get = velero.kube.get
    return (
        get("configmap", "web", "-n", namespace)["data"]["limit"],
        base64.b64decode(get("secret", "web", "-n", namespace)["data"]["password"]).decode(),
        get("service", "web", "-n", namespace)["spec"]["ports"][0]["port"],
    )


WHOLE = ("100", "s3cret-of-the-shop", 80)


def change(velero: Velero) -> None:
    """Change one object of those that were saved."""
    patch = ("-p", '{"data": {"limit": "7"}}')
    velero.kube.kubectl("patch", "configmap", "web", "-n", "pay-app", *patch)


def test_a_namespace_is_backed_up_lost_and_brought_back(velero: Velero) -> None:
    velero.succeed("velero_backup", "--check", velero_name="tried")
    assert "tried" not in velero.names("backup")
    # Without velero_namespaces it is what the inventory has switched on.
    saved = velero.succeed("velero_backup", velero_name="before-change")
    assert saved.changed == 1
    assert "Backup before-change of cluster-main:" in saved.text
    assert "objects, 0 errors, 0 warnings" in saved.text
    assert "objects of pay-app, until" in saved.text
    taken = velero.refuse("velero_backup", velero_name="before-change")
    assert "name_taken: cluster-main has a backup before-change (Completed)" in taken

    wanted = {"velero_backup": "before-change"}
    assert "objects_exist: cluster-main has 3" in velero.refuse("velero_restore", **wanted)
    velero.kube.kubectl("delete", "namespace", "pay-app")
    velero.succeed("velero_restore", "--check", **wanted)
    assert not velero.names("restore")

    done = velero.succeed("velero_restore", velero_name="first", **wanted)
    assert done.changed == 1
    assert "objects of backup before-change are there" in done.text
    assert "s3cret-of-the-shop" not in done.output
    assert held(velero, "pay-app") == WHOLE
    labels = velero.kube.get("namespace", "pay-app")["metadata"]["labels"]
    assert labels["team"] == "payments"
    # Again it is refused, by what is there as by its name.
    assert "objects_exist:" in velero.refuse("velero_restore", **wanted)
    assert "name_taken:" in velero.refuse("velero_restore", velero_name="first", **wanted)


def test_velero_info_tells_what_velero_has_and_what_is_there(velero: Velero) -> None:
    given: dict[str, Any] = {"kubeconfig": str(velero.kube.kubeconfig), "namespace": NAMESPACE}
    pinned = yaml.safe_load((ROOT / CATALOGUE).read_text())["settings"]["image"]
    assert direct("velero_info", **given)["version"] == pinned.rpartition(":")[2]
    assert direct("velero_info", backup="lost", **given)["exists"] is False

    into = {"pay-app": "pay-nowhere"}
    for mapping, there in (({}, True), (into, False)):
        kept = direct(
            "velero_info", backup="kept", details=True, namespace_mapping=mapping, **given
        )
        objects = {entry["kind"]: entry for entry in kept["objects"] if entry["name"] == "web"}
        assert {kind: entry["there"] for kind, entry in objects.items() if entry["lasting"]} == {
            "ConfigMap": there,
            "Secret": there,
            "Service": there,
        }
    # Those that asked are gone.
    assert not velero.names("downloadrequest")
    assert not velero.names("serverstatusrequest")


def test_it_is_restored_beside_what_is_there(velero: Velero) -> None:
    change(velero)
    velero.succeed("velero_restore", velero_backup="kept", velero_mapping="pay-app=pay-tried")
    assert held(velero, "pay-tried") == WHOLE
    assert held(velero, "pay-app") == ("7", *WHOLE[1:])
    again = {"velero_backup": "kept", "velero_mapping": "pay-app=pay-tried"}
    assert "ConfigMap web in pay-tried" in velero.refuse("velero_restore", **again)


def test_what_is_there_is_left_or_overwritten_as_told(velero: Velero) -> None:
    change(velero)
    velero.kube.kubectl("delete", "secret", "web", "-n", "pay-app")
    left = velero.succeed("velero_restore", velero_backup="kept", velero_existing="leave")
    assert 'could not restore, ConfigMap "web" already exists' in left.text
    assert held(velero, "pay-app") == ("7", *WHOLE[1:])
    velero.succeed("velero_restore", velero_backup="kept", velero_existing="update")
    assert held(velero, "pay-app") == WHOLE


def test_the_last_good_backup_of_a_schedule_is_restored(velero: Velero) -> None:
    velero.cli(
        "schedule", "create", "daily", "--schedule=0 2 1 1 *", "--include-namespaces=pay-app"
    )
    none = velero.refuse("velero_restore", velero_schedule="daily")
    assert "no_backup: schedule daily in cluster-main has no Completed backup among 0" in none
    for name in ("daily-1", "daily-2"):
        # Times of backups are whole seconds.
        time.sleep(1.1)
        velero.cli("backup", "create", name, "--from-schedule=daily", "--wait")
    done = velero.succeed(
        "velero_restore", velero_schedule="daily", velero_mapping="pay-app=pay-daily"
    )
    assert "objects of backup daily-2 are there" in done.text
    assert held(velero, "pay-daily") == WHOLE


@pytest.mark.parametrize(
    "asked, said",
    [
        ({}, "bad_request: say which backup"),
        ({"velero_backup": "kept", "velero_schedule": "daily"}, "not both"),
        ({"velero_backup": "kept", "velero_existing": "yes"}, "bad_request: velero_existing is"),
        ({"velero_backup": "kept", "velero_mapping": "pay-app"}, "velero_mapping is OLD=NEW"),
        ({"velero_backup": "kept", "velero_mapping": "a=c,b=c"}, "velero_mapping is OLD=NEW"),
        ({"velero_backup": "lost"}, "no_backup: cluster-main has no backup lost. It has"),
        (
            {"velero_backup": "kept", "velero_namespaces": "pay-app,other"},
            "no_namespace: backup kept has nothing of other",
        ),
        (
            {"velero_backup": "kept", "velero_mapping": "other=new"},
            "no_namespace: backup kept has nothing of other",
        ),
    ],
)
def test_a_restore_of_what_cannot_be_is_refused(
    velero: Velero, asked: dict[str, str], said: str
) -> None:
    assert said in velero.refuse("velero_restore", **asked)


def test_velero_itself_restores_nothing_and_says_completed(velero: Velero) -> None:
    # What the playbook's own look at the backup is for.
    only = ("--include-namespaces=other", "--wait")
    velero.cli("restore", "create", "nothing", "--from-backup=kept", *only)
    assert velero.phase("restore", "nothing") == "Completed"


def test_a_backup_that_is_not_good_is_not_restored(velero: Velero) -> None:
    velero.backup("bad", includedNamespaces=["pay-app"], excludedNamespaces=["pay-app"])
    refused = velero.refuse("velero_restore", velero_backup="bad")
    assert "not_whole: backup bad in cluster-main is FailedValidation" in refused
    assert "Invalid included/excluded namespace lists" in refused
    velero.backup("old", includedNamespaces=["pay-app"], ttl="1s")
    time.sleep(2)
    assert "expired: backup old" in velero.refuse("velero_restore", velero_backup="old")


def test_a_backup_of_what_is_not_there_is_refused(velero: Velero) -> None:
    # What the playbook's own look is for.
    velero.backup("misspelt", includedNamespaces=["pay-misspelt"])
    assert velero.phase("backup", "misspelt") == "PartiallyFailed"
    asked = {"velero_namespaces": "pay-app,pay-misspelt"}
    assert "pay-misspelt is not in cluster-main" in velero.refuse("velero_backup", **asked)
    asked = {"velero_location": "elsewhere"}
    refused = velero.refuse("velero_backup", **asked)
    assert "location_unusable: the BackupStorageLocation elsewhere" in refused
    velero.location("away", free_port())
    velero.kube.await_(lambda: velero.phase("backupstoragelocation", "away") == "Unavailable")
    refused = velero.refuse("velero_backup", velero_location="away")
    assert "is Unavailable (" in refused
    assert "connection refused" in refused


def test_a_store_that_is_lost_fails_the_backup_in_veleros_words(velero: Velero) -> None:
    port = free_port()
    with velero.store(port):
        velero.location("doomed", port, frequency="1h")
        velero.kube.await_(lambda: velero.phase("backupstoragelocation", "doomed") == "Available")
        velero.backup("unreachable", includedNamespaces=["pay-app"], storageLocation="doomed")
    # Velero looks again in an hour only.
    asked = {"velero_name": "lost", "velero_location": "doomed"}
    done = velero.playbook("velero_backup", **asked)
    assert done.returncode == 2
    assert "velero_failed: Backup lost of cluster-main is Failed" in done.text
    assert "connection refused" in done.text
    assert "not_whole: backup lost" in velero.refuse("velero_restore", velero_backup="lost")
    unread = velero.refuse("velero_restore", velero_backup="unreachable")
    assert "unreadable: the contents of backup unreachable" in unread


def test_a_backup_that_takes_long_is_told_of_and_awaited_again(velero: Velero) -> None:
    port = free_port()
    asked = {"velero_name": "slow", "velero_location": "slow"}
    with velero.store(port) as store:
        velero.location("slow", port, frequency="1h")
        velero.kube.await_(lambda: velero.phase("backupstoragelocation", "slow") == "Available")
        store.send_signal(signal.SIGSTOP)
        try:
            given_up = velero.playbook("velero_backup", velero_timeout="8", **asked)
            going_on = threading.Timer(20, store.send_signal, [signal.SIGCONT])
            going_on.start()
            done = velero.playbook("velero_backup", **asked)
            going_on.join()
        finally:
            store.send_signal(signal.SIGCONT)
        assert given_up.returncode == 2
        assert (
            "velero_timeout: Backup slow of cluster-main is InProgress after 8 s" in given_up.text
        )
        assert "the same command with -e velero_name=slow waits again" in given_up.text
        assert done.returncode == 0, done.output
        assert done.changed == 0
        assert "Backup slow of cluster-main: InProgress," in done.text
        assert "slow of cluster-main holds" in done.text


def test_a_backup_that_is_not_whole_says_what_is_missing(velero: Velero) -> None:
    velero.kube.apply(VOLUME)
    asked = {"velero_namespaces": "pay-volume", "velero_name": "partial"}
    with nodes(velero.kube) as node:
        node("node-1", ready=True)
        run_pod(velero.kube, "pay-volume", "ledger", ready=True, on="node-1")
        done = velero.playbook("velero_backup", **asked)
    assert done.returncode == 2
    assert "velero_failed: Backup partial of cluster-main is PartiallyFailed" in done.text
    assert "daemonset pod not found in running state in node node-1" in done.text
    into = {"velero_mapping": "pay-volume=pay-volume-tried"}
    refused = velero.refuse("velero_restore", velero_backup="partial", **into)
    assert "-e velero_partial=true restores what is in it" in refused
    velero.succeed("velero_restore", velero_backup="partial", velero_partial="true", **into)


def test_a_velero_that_does_not_answer_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    with installed(tmp_path_factory.mktemp("stopped")) as velero:
        for playbook in ("velero_backup", "velero_restore"):
            done = velero.playbook(playbook, velero_backup="kept")
            assert done.returncode == 2
            assert "Velero in namespace nx-internal has not answered within 30 s" in done.text
        assert not velero.names("serverstatusrequest")
        velero.kube.kubectl("delete", "crd", "serverstatusrequests.velero.io")
        assert "The cluster has no Velero" in velero.playbook("velero_backup").text
