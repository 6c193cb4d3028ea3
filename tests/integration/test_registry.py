"""Whether an image is there, asked of a real registry."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

import aiohttp
import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.preflight import HUB
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.registry import (
    Name,
    Registries,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from tests.integration.kube_api import free_port
from tests.integration.registry import PASSWORD, USER, Registry, serving


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serving(tmp_path_factory.mktemp("registry")) as found:
        yield found


def missing(image: str, *logins: str) -> str:
    async def ask() -> str:
        async with aiohttp.ClientSession() as session:
            return await Registries(session, None, logins).missing(image)

    return asyncio.run(ask())


def test_an_image_is_found_by_tag_and_by_digest(registry: Registry) -> None:
    digest = registry.push("nx-sale", "4f2a91c")
    for name in ("nx-sale:4f2a91c", f"nx-sale@{digest}", f"nx-sale:other@{digest}"):
        assert missing(f"{registry.host}/{name}", registry.login) == ""
    told = missing(f"{registry.host}/nx-sale:1b22c90", registry.login)
    assert told == f"{registry.host} has no nx-sale with 1b22c90"


def test_a_login_that_is_missing_or_wrong_is_told_without_its_password(registry: Registry) -> None:
    image = f"{registry.host}/nx-sale:4f2a91c"
    assert "no pull secret has one for it (status 401)" in missing(image)
    wrong = json.dumps({"auths": {registry.host: {"username": USER, "password": "mistyped"}}})
    told = missing(image, wrong)
    assert "with its pull secret (status 401)" in told
    assert "mistyped" not in told


def test_a_registry_that_does_not_answer_is_told() -> None:
    told = missing(f"localhost:{free_port()}/nx-sale:1")
    assert "could not be asked" in told


@pytest.mark.parametrize(
    "image, registry, repository, reference",
    [
        ("alpine", HUB, "library/alpine", "latest"),
        ("bana/sale:1", HUB, "bana/sale", "1"),
        ("bcr.bana.com.vn/nx-sale:4f2a91c", "bcr.bana.com.vn", "nx-sale", "4f2a91c"),
        ("localhost/lab/payments:1", "localhost", "lab/payments", "1"),
        ("host:5000/a/b@sha256:ab", "host:5000", "a/b", "sha256:ab"),
    ],
)
def test_names_are_taken_apart(image: str, registry: str, repository: str, reference: str) -> None:
    assert Name.of(image) == Name(registry, repository, reference)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_args: object) -> None:
        """Say nothing."""


class Issuer:
    """Issues tokens as registries of GitLab and others want them; ``asked`` are the queries that it was sent."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.asked: list[str] = []
        self._key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")])
        now = datetime.now(UTC)
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(self._key, hashes.SHA256())
        )
        self.bundle = folder / "issuer.crt"
        self.bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        self._server = make_server("127.0.0.1", self.port, self._answer, handler_class=_Quiet)
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: dict[str, object], start: object) -> list[bytes]:
        self.asked.append(str(environ["QUERY_STRING"]))
        known = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        good = environ.get("HTTP_AUTHORIZATION") == f"Basic {known}"
        start("200 OK" if good else "401 Unauthorized", [("Content-Type", "application/json")])  # type: ignore[operator]
        return [json.dumps({"token": self._token() if good else ""}).encode()]

    def _token(self) -> str:
        certificate = self._certificate.public_bytes(serialization.Encoding.DER)
        header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(certificate).decode()]}
        now = int(time.time())
        access = [{"type": "repository", "name": "nx-sale", "actions": ["pull"]}]
        claims = {"iss": "issuer", "sub": USER, "aud": "registry", "access": access}
        times = {"exp": now + 60, "nbf": now - 10, "iat": now, "jti": "1"}
        signed = b".".join(_base64(json.dumps(part).encode()) for part in (header, claims | times))
        signature = self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return b".".join((signed, _base64(signature))).decode()


def _base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[Issuer]:
    found = Issuer(tmp_path)
    yield found
    found.close()


def test_a_registry_that_wants_a_token_is_given_one(issuer: Issuer, tmp_path: Path) -> None:
    token = {
        "realm": f"http://127.0.0.1:{issuer.port}/token",
        "service": "registry",
        "issuer": "issuer",
        "rootcertbundle": str(issuer.bundle),
    }
    with serving(tmp_path, {"token": token}) as registry:
        image = f"{registry.host}/nx-sale:1"
        assert missing(image, registry.login) == f"{registry.host} has no nx-sale with 1"
        assert "scope=repository%3Anx-sale%3Apull" in issuer.asked[0].replace(":", "%3A")
        assert "(status 401)" in missing(image)
