"""app_scale: what another tool keeps is refused, and a number that was set back is told."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ARGO = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:nx/nx-sale"}
HELM = {"meta.helm.sh/release-name": "sale"}
HPA = {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "nx-sale", "annotations": ARGO}}

Body = dict[str, Any]


def deployment(replicas: int = 1, **annotations: str) -> Body:
    managers = [{"manager": name} for name in ("groundwork", "argocd-controller")]
    metadata = {"name": "nx-sale", "annotations": annotations, "managedFields": managers}
    return {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": replicas}}


def run(tmp_path: Path, task: str, **variables: Any) -> str:
    """Run one task of the playbook; return why it failed, empty where it did not."""
    scale = yaml.safe_load((ROOT / "playbooks/app_scale.yml").read_text())
    looks = yaml.safe_load((ROOT / "playbooks/tasks/app_look_scaling.yml").read_text())
    every = [*looks, *(one for play in scale for one in play["tasks"])]
    tasks = [one for one in every if one["name"] == task]
    given = {"app_name": "sale", "app_release_services": {"sale": {}}, **variables}
    play = {"hosts": "localhost", "gather_facts": False, "vars": given, "tasks": tasks}
    book = tmp_path / "book.yml"
    book.write_text(yaml.safe_dump([play]))
    command = ["ansible-playbook", "--inventory", "localhost,", str(book)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert len(tasks) == 1
    assert "ok=1" in done.stdout or "failed=1" in done.stdout, done.stdout + done.stderr
    return " ".join(done.stdout.split()) if done.returncode else ""


@pytest.mark.parametrize(
    "asked, annotations, scaler, told",
    [
        ({"replicas": "3"}, ARGO, {}, ["Deployment nx-sale is kept by Argo CD", "3 replicas back"]),
        ({"maximum": "3"}, {}, HPA, ["HorizontalPodAutoscaler nx-sale is kept", "bounds back"]),
        ({"replicas": "3"}, HELM, {}, []),
        ({"replicas": "3"}, {}, HPA, []),
    ],
)
def test_what_another_tool_would_set_back_is_refused(
    tmp_path: Path, asked: Body, annotations: Body, scaler: Body, told: list[str]
) -> None:
    said = run(
        tmp_path,
        "Refuse what another tool would set back",
        app_deployments={"sale": deployment(**annotations)},
        app_scaler=scaler,
        **asked,
    )
    assert bool(said) == bool(told)
    assert all(words in said for words in told), said


@pytest.mark.parametrize("there, told", [(3, False), (1, True)])
def test_a_number_that_was_set_back_is_told(tmp_path: Path, there: int, told: bool) -> None:
    said = run(
        tmp_path,
        "Nobody has set it back",
        app_deployments={"sale": deployment()},
        app_scaled={"resources": [json.loads(json.dumps(deployment(there)))]},
        replicas="3",
    )
    assert ("set_back: Deployment nx-sale" in said) is told
    assert ("groundwork, argocd-controller" in said) is told
