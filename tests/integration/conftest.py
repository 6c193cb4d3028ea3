from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.argocd import ArgoCD, argocd_running
from tests.integration.argocd_shop import Shop, a_shop
from tests.integration.gcp import Emulator
from tests.integration.kube_api import Api, api, direct
from tests.integration.kube_world import Node, Put, nodes, putting
from tests.integration.labs import ROOT, Lab


@pytest.fixture(scope="module")
def make_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Lab]]:
    """Boot labs that are removed at the end of the test file: `make_lab("t-name", inventory)`.

    `inventory` is a folder (default: inventories/lab) or the text of a hosts.yml, which then gets
    the group variables of inventories/lab beside it. `kubernetes` brings its clusters up, too.
    """
    with ExitStack() as stack:

        def make(
            name: str,
            inventory: Path | str = ROOT / "inventories/lab",
            kubernetes: bool = False,
        ) -> Lab:
            if isinstance(inventory, str):
                folder = tmp_path_factory.mktemp(name)
                (folder / "hosts.yml").write_text(inventory, encoding="utf-8")
                shutil.copytree(ROOT / "inventories/lab/group_vars", folder / "group_vars")
                inventory = folder
            lab = Lab(name, inventory, kubernetes=kubernetes)
            stack.callback(lab.down)
            lab.down()
            lab.up()
            return lab

        yield make


@pytest.fixture(scope="session")
def kube(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A Kubernetes API without nodes, for all tests."""
    with api(tmp_path_factory.mktemp("kube")) as served:
        yield served


@pytest.fixture
def put(kube: Api) -> Iterator[Put]:
    """Apply manifests that go with the test."""
    with putting(kube) as put_there:
        yield put_there


@pytest.fixture
def node(kube: Api) -> Iterator[Node]:
    """Make nodes that go with the test."""
    with nodes(kube) as make:
        yield make


@pytest.fixture
def apply(kube: Api) -> Callable[..., dict[str, Any]]:
    """Run kube_apply; a failure is returned like any result."""

    def run(manifests: Any, **options: Any) -> dict[str, Any]:
        given = {"kubeconfig": str(kube.kubeconfig), "manifests": manifests, **options}
        return direct("kube_apply", **given)

    return run


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    """A name of the test's own; the namespace is not made."""
    return str(request.node.name).partition("[")[0].removeprefix("test_").replace("_", "-")[:60]


@pytest.fixture(scope="session")
def argocd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArgoCD]:
    """An Argo CD in a cluster of its own."""
    with argocd_running(tmp_path_factory.mktemp("argocd")) as server:
        yield server


@pytest.fixture
def shop(argocd: ArgoCD, tmp_path: Path, namespace: str) -> Iterator[Shop]:
    """An application that Argo CD brings from a repository of its own."""
    with a_shop(argocd, tmp_path, namespace) as made:
        yield made


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator of Google Cloud for a test file; its operations take no time."""
    with Emulator(tmp_path_factory.mktemp("gcp")) as running:
        yield running


@pytest.fixture
def gcp(emulator: Emulator) -> Iterator[Emulator]:
    """The file's emulator; a test that asks it for something it does not play fails."""
    yield emulator
    emulator.complain()
