"""How a cluster is reached: what a kubeconfig means, beside what Kubernetes' own library makes of it."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.kube.connection import (
    Access,
    connect,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube.kubeconfig import read
from kubernetes.client import Configuration
from kubernetes.config import load_kube_config

URL = "https://127.0.0.1:6443"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the machine's own counts."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "https_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate and its key."""
    folder = tmp_path_factory.mktemp("pair")
    subject = ["-subj", "/CN=admin", "-keyout", "c.key", "-out", "c.crt"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


def written(folder: Path, user: dict[str, Any], **cluster: Any) -> str:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": URL, **cluster}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "main",
    }
    file = folder / "config"
    file.write_text(yaml.safe_dump(config))
    return str(file)


def authorization(settings: Any) -> str | None:
    found: str | None = settings.get_api_key_with_prefix("BearerToken")
    return found


@pytest.mark.parametrize(
    "user,cluster",
    [
        ({"token": "t0ken"}, {}),
        ({"tokenFile": "token"}, {}),
        ({"username": "me", "password": "pass:word"}, {"insecure-skip-tls-verify": True}),
        ({}, {"tls-server-name": "kube.example.org", "proxy-url": "http://proxy:3128"}),
        ({"token": "t", "username": "me", "password": "p"}, {"server": f"{URL}/prefix/"}),
        ({}, {"server": "http://127.0.0.1:8001"}),
    ],
)
def test_what_is_written_down_means_what_the_library_says(
    tmp_path: Path, user: dict[str, Any], cluster: dict[str, Any]
) -> None:
    (tmp_path / "token").write_text("fr0mfile")
    file = written(tmp_path, user, **cluster)
    settings = Configuration()
    load_kube_config(config_file=file, client_configuration=settings)
    found = connect(Access(kubeconfig=file))
    assert found.url == settings.host
    assert found.headers().get("Authorization") == authorization(settings)
    assert found.server_name == settings.tls_server_name
    assert found.proxy == settings.proxy
    assert (found.tls is None) == found.url.startswith("http:")
    if found.tls:
        assert (found.tls.verify_mode == ssl.CERT_REQUIRED) == settings.verify_ssl


def test_the_library_is_not_even_imported_for_it(tmp_path: Path) -> None:
    file = written(tmp_path, {"token": "t"})
    module = "ansible_collections.groundwork.platform.plugins.module_utils.kube.connection"
    script = (
        f"import sys, {module} as it; it.connect(it.Access(kubeconfig={file!r})); "
        "print('kubernetes' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


@pytest.mark.parametrize("inline", [True, False])
def test_certificates_are_files_beside_the_kubeconfig_or_inline(
    tmp_path: Path, pair: Path, inline: bool
) -> None:
    def named(field: str, name: str) -> dict[str, str]:
        if inline:
            return {f"{field}-data": base64.b64encode((pair / name).read_bytes()).decode()}
        return {field: os.path.relpath(pair / name, tmp_path)}

    user = {**named("client-certificate", "c.crt"), **named("client-key", "c.key")}
    found = connect(
        Access(
            kubeconfig=written(tmp_path, user, **named("certificate-authority", "c.crt")),
        )
    )
    assert found.tls
    # The authority of the kubeconfig alone.
    assert [ca["subject"] for ca in found.tls.get_ca_certs()] == [((("commonName", "admin"),),)]


def test_of_several_files_the_first_counts(tmp_path: Path) -> None:
    files = []
    for name, server in (("first", URL), ("second", "https://other:6443")):
        (tmp_path / name).mkdir()
        files.append(written(tmp_path / name, {"token": name}, server=server))
    extra = yaml.safe_load(Path(files[1]).read_text())
    extra["contexts"][0] |= {"name": "more", "context": {"cluster": "c", "namespace": "apps"}}
    Path(files[1]).write_text(yaml.safe_dump(extra))
    joined = os.pathsep.join([str(tmp_path / "nothing"), *files])
    assert (read(joined, None).cluster["server"], read(joined, None).user) == (
        URL,
        {"token": "first"},
    )
    assert read(joined, None).namespace == "default"
    assert read(joined, "more").namespace == "apps"
    assert read(joined, "more").cluster["server"] == URL


def test_what_is_given_stands_above_the_kubeconfig(tmp_path: Path) -> None:
    file = written(tmp_path, {"token": "a"})
    found = connect(
        Access(kubeconfig=file, host="https://there:1/", token="b", impersonate_user="other")
    )
    assert found.url == "https://there:1"
    assert found.headers() == {"Authorization": "Bearer b", "Impersonate-User": "other"}


def test_the_environments_proxy_is_used_but_where_it_says_not_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    assert connect(Access(host=URL)).proxy == "http://proxy:3128"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert connect(Access(host=URL)).proxy is None


def plugin(folder: Path, script: str) -> str:
    program = folder / "plugin"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    version = "client.authentication.k8s.io/v1"
    return written(
        folder,
        {"exec": {"apiVersion": version, "command": str(program), "interactiveMode": "Never"}},
    )


def test_a_plugin_is_asked_by_the_library(tmp_path: Path) -> None:
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "pl0gin"},
    }
    file = plugin(tmp_path, f"echo '{json.dumps(credential)}'")
    assert connect(Access(kubeconfig=file)).headers() == {"Authorization": "Bearer pl0gin"}
    # Who gives a token needs no plugin.
    file = plugin(tmp_path, "exit 1")
    assert connect(Access(kubeconfig=file, token="t")).headers() == {"Authorization": "Bearer t"}


def test_a_plugin_that_fails_is_an_error_and_not_nobody(tmp_path: Path) -> None:
    with pytest.raises(KubeError, match="gave neither token nor certificate") as caught:
        connect(Access(kubeconfig=plugin(tmp_path, "exit 1")))
    assert caught.value.reason == "bad_configuration"


def test_without_a_kubeconfig_a_pods_account_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(KubeError, match="The account of this pod: ") as caught:
        connect(Access())
    assert caught.value.reason == "no_configuration"
    # A kubeconfig that is named and not there is a mistake.
    with pytest.raises(KubeError, match="/nowhere is not there"):
        connect(Access(kubeconfig="/nowhere"))


@pytest.mark.parametrize(
    "text,reason,message",
    [
        (None, "no_configuration", "is not there. Name a kubeconfig, or host and token."),
        ("a: [", "bad_configuration", "config:2:1: did not find"),
        ("- a", "bad_configuration", "is no kubeconfig: that is one mapping."),
        ("contexts: []", "bad_configuration", "names no current context. Name another kubeconfig."),
        (
            "{current-context: a, contexts: [{name: b}, {name: c}]}",
            "bad_configuration",
            "has no context a. Name one of b, c.",
        ),
        ("contexts: [a]", "bad_configuration", "contexts has an entry that is no mapping."),
        (
            "{current-context: a, contexts: [{name: a, context: {cluster: x}}]}",
            "bad_configuration",
            "the context a means the cluster x, which has no server there.",
        ),
        (
            "{current-context: a, contexts: [{name: a, context: {cluster: x, user: y1}}],"
            " clusters: [{name: x, cluster: {server: s}}]}",
            "bad_configuration",
            "the context a means the user y1, who is not there.",
        ),
        (
            "{current-context: a, contexts: [{name: a, context: {cluster: x, user: z}}],"
            " users: [{name: z, user: {tokenFile: gone}}],"
            " clusters: [{name: x, cluster: {server: s}}]}",
            "bad_configuration",
            "No such file or directory",
        ),
        (
            "{current-context: a, contexts: [{name: a, context: {cluster: x}}],"
            " clusters: [{name: x, cluster: {server: 'https://s', certificate-authority-data: eA==}}]}",
            "bad_configuration",
            "The certificate in the kubeconfig cannot be read",
        ),
    ],
)
def test_what_is_wrong_is_said_with_the_way_out(
    tmp_path: Path, text: str | None, reason: str, message: str
) -> None:
    file = tmp_path / "config"
    if text is not None:
        file.write_text(text)
    with pytest.raises(KubeError) as caught:
        connect(Access(kubeconfig=str(file)))
    assert caught.value.reason == reason
    assert message in str(caught.value)
