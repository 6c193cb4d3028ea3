"""Releases of what a real Argo CD brings: by a commit, or under its sync that is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
import yaml

from tests.integration.argocd_shop import FILES, POLICY, Shop
from tests.integration.kube_api import direct
from tests.integration.releases import one, states

# Argo CD is compiled for these alone.
pytestmark = [pytest.mark.kube, pytest.mark.slow]

#: There are no nodes, and a Deployment of no pods is up.
NONE = {
    **FILES,
    "apps/sale/values.yaml": FILES["apps/sale/values.yaml"].replace("replicas: 1", "replicas: 0"),
}


@contextmanager
def answering(well: Callable[[], bool]) -> Iterator[str]:
    """A page that is well as long as something holds."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if well() else 503)
            self.end_headers()

        def log_message(self, *_said: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def still(shop: Shop) -> Shop:
    """A shop whose Deployment has no pods."""
    shop.repository.push("apps/sale/values.yaml", NONE["apps/sale/values.yaml"])
    shop.make()
    shop.looks()
    return shop


def released(shop: Shop, version: str, **more: Any) -> dict[str, Any]:
    service = {
        "name": "sale",
        "version": version,
        "namespace": shop.name,
        "deployment": "sale",
        "application": shop.name,
        **more,
    }
    return direct(
        "app_release",
        kubeconfig=str(shop.argocd.kube.kubeconfig),
        services=[service],
        namespace=shop.name,
        soak={"seconds": 0},
        by="the tests",
        # Argo CD has made what a direct release takes over.
        force_conflicts=True,
    )


def committed(shop: Shop) -> dict[str, Any]:
    return {
        "repository": shop.repository.url,
        "path": "apps/sale/values.yaml",
        "key": "image.tag",
        "author": "Release <release@example.com>",
    }


def test_a_version_is_committed_and_one_that_is_not_well_is_set_back_by_a_commit(
    still: Shop,
) -> None:
    with answering(lambda: still.tag() != "2.0") as page:
        own = {"git": committed(still), "health": [{"http": {"url": page}, "interval": 0.5}]}
        done = released(still, "1.1", **own)
        assert states(done) == {"sale": "released"}, done["msg"]
        assert "1.0 → 1.1" in one(done, "sale")["changes"][0]
        assert still.tag() == "1.1"
        assert states(released(still, "1.1", **own)) == {"sale": "current"}
        bad = released(still, "2.0", **own)
    assert (bad["reason"], states(bad)) == ("unhealthy", {"sale": "rolled_back"}), bad["msg"]
    assert still.tag() == "1.1"
    # What Argo CD heals now is the rollback.
    still.stays("1.1", 4)
    assert still.is_healed()


def test_a_direct_release_stays_while_the_sync_is_held_and_until_git_agrees(still: Shop) -> None:
    [deployment] = yaml.safe_load_all(
        FILES["apps/sale/templates/sale.yaml"]
        .replace("{{ .Values.replicas }}", "0")
        .replace("{{ .Values.image.tag }}", "1.5")
    )
    assert (
        released(still, "1.5", manifests=[deployment], application=None)["reason"]
        == "owned_elsewhere"
    )
    done = released(still, "1.5", manifests=[deployment])
    assert not done.get("failed"), done["msg"]
    assert states(done) == {"sale": "released"}
    assert "stays held" in done["notes"][0]
    # Without the hold it would be 1.0 again after two seconds.
    still.stays("1.5", 6)
    still.commit("1.5")
    again = released(still, "1.5", manifests=[deployment])
    assert states(again) == {"sale": "current"}, again
    assert "notes" not in again
    assert still.argocd.policy(still.name) == POLICY
