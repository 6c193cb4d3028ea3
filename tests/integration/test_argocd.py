"""Releases beside a real Argo CD whose sync is held meanwhile: no self-heal undoes a release or a rollback."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from typing import Any

import pytest
import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.argocd_state import (
    HELD,
    Application,
    Held,
)

from tests.integration.argocd import NAMESPACE
from tests.integration.argocd_shop import LOOK, POLICY, SECOND_WAVE, Shop, refusal
from tests.integration.labs import ROOT, environment

# Argo CD is compiled for these alone.
pytestmark = [pytest.mark.kube, pytest.mark.slow]


def test_without_a_hold_a_release_is_undone(shop: Shop) -> None:
    # What all this is for.
    shop.make()
    assert shop.is_healed()


def test_a_held_sync_undoes_nothing_and_comes_back_when_git_agrees(shop: Shop) -> None:
    shop.make()
    before = shop.argocd.get(shop.name)
    assert shop.examine() == Held(POLICY, "")
    assert shop.argocd.get(shop.name) == before
    assert shop.hold() == Held(POLICY, "release-1")
    assert shop.examine() == Held(POLICY, "", taken_over="release-1")
    assert shop.argocd.policy(shop.name) is None
    shop.set_image("1.1")
    shop.stays("1.1")
    why = shop.release()
    assert f"The sync of Application {shop.name} in argocd stays held: Git says otherwise" in why
    assert f"Deployment {shop.name}/sale is OutOfSync" in why
    assert shop.argocd.policy(shop.name) is None
    shop.stays("1.1", 4)
    shop.commit("1.1")
    assert shop.release() == ""
    assert shop.argocd.policy(shop.name) == POLICY
    assert HELD not in shop.argocd.get(shop.name)["metadata"]["annotations"]
    shop.stays("1.1", 4)
    assert shop.is_healed()


def test_a_rollback_to_what_git_says_gives_the_sync_back(shop: Shop) -> None:
    shop.make()
    shop.hold()
    shop.set_image("1.1")
    shop.stays("1.1", 3)
    shop.set_image("1.0")
    assert shop.release() == ""
    shop.stays("1.0", 4)
    assert shop.is_healed()


def test_the_command_that_is_told_gives_the_sync_back(shop: Shop) -> None:
    shop.make()
    shop.hold()
    shop.set_image("1.1")
    command = shlex.split(shop.release().partition("does: kubectl ")[2])
    shop.argocd.kube.kubectl(*command)
    assert shop.argocd.policy(shop.name) == POLICY
    shop.argocd.kube.await_(lambda: shop.tag() == "1.0")
    assert shop.release() == ""


def test_a_hold_whose_run_was_killed_is_taken_up(shop: Shop) -> None:
    shop.make()
    script = f"""
import asyncio
from ansible_collections.groundwork.platform.plugins.module_utils.gitops import argocd, argocd_state
from ansible_collections.groundwork.platform.plugins.module_utils.kube.client import Client
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import Access, connect
async def main():
    async with Client(connect(Access(kubeconfig={str(shop.argocd.kube.kubeconfig)!r})), 4, 30) as client:
        await argocd.hold(client, argocd_state.Application({shop.name!r}), "killed")
        await asyncio.sleep(600)
asyncio.run(main())
"""
    variables = environment(PYTHONPATH=str(ROOT / ".ansible/collections"))
    run = subprocess.Popen([sys.executable, "-c", script], env=variables)
    try:
        shop.argocd.kube.await_(lambda: shop.argocd.policy(shop.name) is None)
    finally:
        run.kill()
        run.wait()
    shop.set_image("1.1")
    shop.stays("1.1", 4)
    assert shop.hold("release-2") == Held(POLICY, "release-2", taken_over="killed")
    assert shop.hold("release-2") == Held(POLICY, "release-2", taken_over="release-2")
    shop.stays("1.1", 4)
    shop.commit("1.1")
    assert shop.release() == ""
    assert shop.argocd.policy(shop.name) == POLICY


def test_a_sync_that_begins_at_the_same_moment_has_ended_when_it_is_held(shop: Shop) -> None:
    shop.make()
    for round_ in range(6):
        # A commit that Argo CD finds just now.
        shop.commit(f"2.{round_}")
        shop.argocd.patch(shop.name, LOOK)
        time.sleep(0.03 * round_)
        shop.hold(f"release-{round_}")
        shop.set_image("released")
        shop.stays("released", 2.5)
        shop.set_image(f"2.{round_}")
        assert shop.release() == ""


def test_what_does_not_sync_on_its_own_is_not_held(shop: Shop) -> None:
    shop.make(syncPolicy={"syncOptions": ["CreateNamespace=true"]})
    before = shop.argocd.get(shop.name)["spec"]
    assert shop.hold() == Held(None, "release-1")
    assert shop.release() == ""
    assert shop.argocd.get(shop.name)["spec"] == before
    shop.argocd.patch(shop.name, '{"spec":{"syncPolicy":{"automated":{"enabled":false}}}}')
    assert shop.hold() == Held(None, "release-1")
    assert shop.argocd.policy(shop.name) == {"enabled": False}


def test_a_sync_that_is_going_on_is_waited_for_and_then_refused(shop: Shop) -> None:
    shop.repository.push("apps/sale/templates/after.yaml", SECOND_WAVE)
    body = shop.argocd.body(shop.name, shop.repository.url, shop.name)
    shop.argocd.kube.apply(yaml.safe_dump(body))
    shop.argocd.kube.await_(lambda: shop.phase() == "Running")
    refused = refusal(lambda: shop.hold(patience=4))
    assert refused.reason == "busy"
    assert "a sync that Argo CD itself began at" in str(refused)
    assert "waiting for healthy state of apps/Deployment/sale" in str(refused)
    # Nothing has been released, so nothing is held.
    assert shop.argocd.policy(shop.name) == POLICY
    shop.argocd.kube.kubectl("scale", "deployment/sale", "--replicas=0", "-n", shop.name)
    assert shop.hold().policy == POLICY


def test_an_argo_cd_that_does_not_look_is_told(shop: Shop) -> None:
    shop.argocd.kube.kubectl("create", "namespace", "not-watched")
    body = shop.argocd.body(shop.name, shop.repository.url, shop.name)
    body["metadata"]["namespace"] = "not-watched"
    shop.argocd.kube.apply(yaml.safe_dump(body))
    shop.application = Application(shop.name, "not-watched")
    refused = refusal(lambda: shop.hold(patience=3))
    assert refused.reason == "argocd_silent"
    assert "has not looked at it within 3 s" in str(refused)
    found = shop.argocd.kube.get("application.argoproj.io", shop.name, "-n", "not-watched")
    assert found["spec"]["syncPolicy"]["automated"] == POLICY
    assert HELD not in found["metadata"]["annotations"]


def test_an_application_that_is_not_there_is_told(shop: Shop) -> None:
    for call in (shop.hold, shop.release, lambda: shop.synced("0" * 40)):
        refused = refusal(call)
        assert refused.reason == "no_application"
        assert "kubectl get applications -A" in str(refused)


def test_what_an_application_set_would_set_back_is_refused(shop: Shop) -> None:
    template = shop.argocd.body(shop.name, shop.repository.url, shop.name)
    spec: dict[str, Any] = {
        "generators": [{"list": {"elements": [{"name": shop.name}]}}],
        "template": {"metadata": {"name": "{{name}}"}, "spec": template["spec"]},
    }
    set_body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": "shops", "namespace": NAMESPACE},
    }
    shop.argocd.kube.apply(yaml.safe_dump({**set_body, "spec": spec}))
    applications = ("application.argoproj.io", "-n", NAMESPACE)
    shop.argocd.kube.await_(lambda: bool(shop.argocd.kube.get(*applications)["items"]))
    shop.argocd.kube.await_(lambda: shop.argocd.status(shop.name) == "Synced")
    refused = refusal(shop.hold)
    assert str(refusal(shop.examine)) == str(refused)
    assert refused.reason == "owned_application"
    assert "is generated by ApplicationSet shops, which would set its sync back at once" in str(
        refused
    )
    # It really would.
    shop.argocd.patch(shop.name, '{"spec":{"syncPolicy":{"automated":null}}}')
    shop.argocd.kube.await_(lambda: shop.argocd.policy(shop.name) == POLICY)
    # The way out that the message names.
    leave = {
        "ignoreApplicationDifferences": [{"jsonPointers": ["/spec/syncPolicy"]}],
        "preservedFields": {"annotations": [HELD]},
    }
    shop.argocd.kube.apply(yaml.safe_dump({**set_body, "spec": {**spec, **leave}}))
    assert shop.hold().policy == POLICY
    # Another change of the set reaches the Application, and the hold stays.
    spec["template"]["spec"]["info"] = [{"name": "more", "value": "x"}]
    shop.argocd.kube.apply(yaml.safe_dump({**set_body, "spec": {**spec, **leave}}))
    shop.argocd.kube.await_(lambda: "info" in shop.argocd.get(shop.name)["spec"])
    assert shop.argocd.policy(shop.name) is None
    shop.set_image("1.1")
    shop.stays("1.1", 4)
    shop.commit("1.1")
    assert shop.release() == ""
    assert shop.argocd.policy(shop.name) == POLICY


def test_what_another_application_would_set_back_is_refused(shop: Shop) -> None:
    child = shop.argocd.body(shop.name, shop.repository.url, shop.name)
    shop.repository.push("all/sale.yaml", yaml.safe_dump(child))
    source = {"repoURL": shop.repository.url, "path": "all", "targetRevision": "main"}
    shop.argocd.make("all-shops", shop.repository.url, NAMESPACE, source=source)
    shop.argocd.kube.await_(lambda: shop.argocd.status(shop.name) == "Synced")
    refused = refusal(shop.hold)
    assert refused.reason == "owned_application"
    assert "is a resource of Application all-shops in argocd, which syncs on its own" in str(
        refused
    )
    # It really would.
    shop.argocd.patch(shop.name, '{"spec":{"syncPolicy":{"automated":null}}}')
    shop.argocd.kube.await_(lambda: shop.argocd.policy(shop.name) == POLICY)
    # The way out that the message names.
    pointers = {"jsonPointers": ["/spec/syncPolicy/automated"]}
    change = {
        "spec": {
            "ignoreDifferences": [{"group": "argoproj.io", "kind": "Application", **pointers}],
            "syncPolicy": {"syncOptions": ["RespectIgnoreDifferences=true"]},
        }
    }
    shop.argocd.patch("all-shops", json.dumps(change))
    assert shop.hold().policy == POLICY
    # A sync of the other one for another reason leaves the hold.
    child["spec"]["info"] = [{"name": "more", "value": "x"}]
    shop.repository.push("all/sale.yaml", yaml.safe_dump(child))
    shop.argocd.patch("all-shops", LOOK)
    shop.argocd.kube.await_(lambda: "info" in shop.argocd.get(shop.name)["spec"])
    assert shop.argocd.policy(shop.name) is None
    assert shop.release() == ""
    assert shop.argocd.policy(shop.name) == POLICY
