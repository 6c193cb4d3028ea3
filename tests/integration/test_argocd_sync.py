"""Releases by Git beside a real Argo CD: a commit is awaited until it is in the cluster, and so is its undoing."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path

import pytest
import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.gitops.git import (
    Commit,
    contains,
)

from tests.integration.argocd import NAMESPACE
from tests.integration.argocd_shop import FILES, POLICY, SECOND_WAVE, Shop, refusal
from tests.unit.gitops.git_server import PASSWORD, USER, serving

# Argo CD is compiled for these alone.
pytestmark = [pytest.mark.kube, pytest.mark.slow]

KUSTOMIZATION = "overlay/kustomization.yaml"


def test_a_commit_is_synced_and_its_undoing_too(shop: Shop) -> None:
    shop.make()
    done = shop.commit("1.1")
    took = shop.synced(done.after)
    print(f"synced after {took:.1f} s: {shop.told}")
    assert shop.tag() == "1.1"
    assert shop.told[-1] == f"synced to {done.after[:8]}"
    # It was asked at once for a look at Git, and had seen nothing older since.
    assert not any("Argo CD sees" in text for text in shop.told)
    # Once more, where there is nothing to wait for.
    assert shop.synced(done.after) < took + 5
    assert shop.is_healed()
    back = shop.undo(done)
    shop.synced(back.after, instead_of=done.after)
    assert shop.tag() == "1.0"
    shop.stays("1.0", 4)
    assert shop.is_healed()


def test_a_commit_that_cannot_be_rendered_is_told_in_argo_cds_words(shop: Shop) -> None:
    shop.make()
    broken = '{{ fail "the port of the shop is missing" }}'
    revision = shop.repository.push("apps/sale/templates/broken.yaml", broken)
    began = time.monotonic()
    refused = refusal(lambda: shop.synced(revision))
    print(f"told after {time.monotonic() - began:.1f} s: {refused}")
    assert refused.reason == "sync_failed"
    assert "ComparisonError" in str(refused)
    assert "the port of the shop is missing" in str(refused)
    assert time.monotonic() - began < 45
    # A rollback gets through.
    mended = shop.repository.push("apps/sale/templates/broken.yaml", "")
    shop.synced(mended)


def test_a_commit_that_the_cluster_refuses_is_told_and_undone_before_its_retries_end(
    shop: Shop,
) -> None:
    shop.make()
    done = shop.commit("-1", key="replicas")
    began = time.monotonic()
    refused = refusal(lambda: shop.synced(done.after))
    told = time.monotonic() - began
    assert refused.reason == "sync_failed"
    assert "must be greater than or equal to 0" in str(refused)
    # Argo CD itself tries it five times more, for minutes.
    state = shop.argocd.get(shop.name)["status"]["operationState"]
    assert (state["phase"], state["retryCount"]) == ("Running", 1)
    back = shop.undo(done, key="replicas")
    took = shop.synced(back.after)
    print(f"told after {told:.1f} s, undone in {took:.1f} s: {refused}; {shop.told}")
    assert any("is ended" in text for text in shop.told)
    shop.set_image("by-hand")
    shop.argocd.kube.await_(lambda: shop.tag() == "1.0")


def test_a_sync_that_waits_for_pods_for_ever_makes_room_for_its_undoing(shop: Shop) -> None:
    shop.commit("0", key="replicas")
    shop.repository.push("apps/sale/templates/after.yaml", SECOND_WAVE)
    shop.make()
    done = shop.commit("1", key="replicas")
    late = refusal(lambda: shop.synced(done.after, timeout=15))
    assert late.reason == "not_synced"
    assert "waiting for healthy state of apps/Deployment/sale" in str(late)
    back = shop.undo(done, key="replicas")
    # Without saying so, nobody's sync is ended.
    assert refusal(lambda: shop.synced(back.after, timeout=8)).reason == "not_synced"
    shop.synced(back.after, instead_of=done.after)
    assert any(f"the sync to {done.after[:8]} is ended" in text for text in shop.told)


def test_what_failed_before_is_tried_again(shop: Shop) -> None:
    policy = {"automated": POLICY, "retry": {"limit": 0}, "syncOptions": ["CreateNamespace=true"]}
    shop.make(syncPolicy=policy)
    quota = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "after"}}
    text = yaml.safe_dump(
        {**quota, "spec": {"limits": [{"type": "Nonsense/x", "max": {"cpu": "x"}}]}}
    )
    revision = shop.repository.push("apps/sale/templates/after.yaml", text)
    first = refusal(lambda: shop.synced(revision))
    assert first.reason == "sync_failed"
    began = shop.argocd.get(shop.name)["status"]["operationState"]["startedAt"]
    time.sleep(1.1)
    assert refusal(lambda: shop.synced(revision)).reason == "sync_failed"
    assert shop.argocd.get(shop.name)["status"]["operationState"]["startedAt"] > began


def test_where_nothing_syncs_on_its_own_a_sync_is_asked_for(shop: Shop) -> None:
    shop.make(syncPolicy={"syncOptions": ["CreateNamespace=true"]})
    done = shop.commit("1.1")
    shop.synced(done.after)
    assert shop.tag() == "1.1"
    assert "Argo CD does not sync this on its own: it is asked for a sync" in shop.told
    state = shop.argocd.get(shop.name)["status"]["operationState"]
    assert state["operation"]["initiatedBy"] == {"username": "groundwork.platform"}
    back = shop.undo(done)
    shop.synced(back.after)
    assert shop.tag() == "1.0"


def test_a_later_commit_that_contains_the_wanted_one_will_do(shop: Shop) -> None:
    shop.make()
    done = shop.commit("1.1")
    later = shop.repository.push("others.txt", "x")
    assert refusal(lambda: shop.synced(done.after, timeout=12)).reason == "not_synced"
    assert f"Argo CD sees {later[:8]}, not {done.after[:8]}" in shop.told
    shop.synced(done.after, contains=partial(contains, shop.source(), done.after))
    assert shop.tag() == "1.1"


def test_releases_that_push_at_the_same_time_are_all_synced(shop: Shop) -> None:
    shop.make()
    done: dict[str, Commit] = {}

    def run(key: str, value: str) -> None:
        done[key] = shop.commit(value, key=key)

    threads = [
        threading.Thread(target=run, args=each)
        for each in (("image.tag", "1.1"), ("replicas", "3"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in done.values():
        shop.synced(each.after, contains=partial(contains, shop.source(), each.after))
    assert shop.tag() == "1.1"
    assert shop.argocd.kube.get("deployment", "sale", "-n", shop.name)["spec"]["replicas"] == 3
    assert len(shop.repository.log()) == 3


def test_an_image_of_a_kustomization_is_synced(shop: Shop) -> None:
    tag = "images:\n- name: registry.example/sale\n  newTag: '1.0'\n"
    shop.repository.push(KUSTOMIZATION, f"resources: [sale.yaml]\n{tag}")
    text = FILES["apps/sale/templates/sale.yaml"].replace("{{ .Values.replicas }}", "1")
    shop.repository.push("overlay/sale.yaml", text.replace(":{{ .Values.image.tag }}", ""))
    source = {"repoURL": shop.repository.url, "path": "overlay", "targetRevision": "main"}
    shop.make(source=source)
    assert shop.tag() == "1.0"
    image = {"path": KUSTOMIZATION, "kind": "kustomize", "key": "registry.example/sale"}
    done = shop.commit("1.1", **image)
    shop.synced(done.after)
    assert shop.tag() == "1.1"
    shop.synced(shop.undo(done, **image).after)
    assert shop.tag() == "1.0"


def test_several_sources(shop: Shop) -> None:
    values = {"repoURL": shop.repository.url, "targetRevision": "main", "ref": "values"}
    chart = {
        "repoURL": shop.repository.url,
        "path": "apps/sale",
        "targetRevision": "main",
        "helm": {"valueFiles": ["$values/apps/sale/values.yaml"]},
    }
    body = shop.argocd.body(shop.name, shop.repository.url, shop.name)
    del body["spec"]["source"]
    body["spec"]["sources"] = [chart, values]
    shop.argocd.kube.apply(yaml.safe_dump(body))
    shop.argocd.kube.await_(lambda: shop.argocd.status(shop.name) == "Synced")
    done = shop.commit("1.1")
    shop.synced(done.after)
    assert shop.tag() == "1.1"
    shop.argocd.patch(shop.name, '{"spec":{"syncPolicy":{"automated":null}}}')
    shop.synced(shop.undo(done).after)
    assert shop.tag() == "1.0"


def test_a_repository_behind_a_password(shop: Shop, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(PASSWORD)
    with serving(shop.repository.bare) as server:
        access = {"type": "git", "url": server.url, "username": USER, "password": PASSWORD}
        metadata = {"name": "forge", "namespace": NAMESPACE}
        labels = {"argocd.argoproj.io/secret-type": "repository"}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {**metadata, "labels": labels}}
        shop.argocd.kube.apply(yaml.safe_dump({**secret, "stringData": access}))
        shop.argocd.make(shop.name, server.url, shop.name)
        given = {"repository": server.url, "token_file": str(token), "user": USER}
        done = shop.commit("1.1", **given)
        shop.synced(done.after, contains=partial(contains, shop.source(**given), done.after))
        assert shop.tag() == "1.1"
        shop.synced(shop.undo(done, **given).after)
        assert shop.tag() == "1.0"
        shop.argocd.kube.kubectl("delete", "application.argoproj.io", "--all", "-n", NAMESPACE)
