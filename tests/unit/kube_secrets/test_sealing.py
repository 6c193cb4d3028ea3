"""Sealing: the bytes that kubeseal writes, and what stays as it is."""

from __future__ import annotations

import base64
import struct
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.secret import SEALED_WITH
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    MissingError,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.sealed import (
    Place,
    Seals,
    changed,
    reseal,
    seals_of,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.sealing import (
    Certificate,
    digest,
    label,
    read_certificate,
    seal,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEY = b"key of the digests"
PLACE = Place("nx-backend", "app", "strict")
VALUES = {"A": b"Gehe1m", "B": b"b"}


@cache
def _keys() -> list[rsa.RSAPrivateKey]:
    return [rsa.generate_private_key(65537, 2048) for _number in range(2)]


def private_key(number: int = 0) -> rsa.RSAPrivateKey:
    """The cluster's key (0), and another one."""
    return _keys()[number]


def pem(key: Any, days: int = 1) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sealed-secret")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=9))
        .not_valid_after(NOW + timedelta(days=days))
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def certificate(number: int = 0) -> Certificate:
    return read_certificate(pem(private_key(number)), "cert.pem", NOW)


def opened(sealed: str, bound_to: bytes, key: rsa.RSAPrivateKey | None = None) -> bytes:
    """What the controller does (pkg/crypto, HybridDecrypt), with the libraries alone."""
    raw = base64.b64decode(sealed)
    (length,) = struct.unpack(">H", raw[:2])
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), bound_to)
    session_key = (key or private_key()).decrypt(raw[2 : 2 + length], oaep)
    assert len(session_key) == 32
    return AESGCM(session_key).decrypt(bytes(12), raw[2 + length :], None)


@pytest.mark.parametrize("content", [b"Gehe1m", b"\0\xff" * 5000, "Mật khẩu".encode()])
def test_what_is_sealed_can_be_opened_with_the_private_key(content: bytes) -> None:
    sealed = seal(certificate(), content, b"ns/name")
    assert opened(sealed, b"ns/name") == content


def test_the_layout_is_that_of_kubeseal() -> None:
    raw = base64.b64decode(seal(certificate(), b"Gehe1m", b"ns/name"))
    # Length of the wrapped session key, the key, the value, the tag of 16 bytes.
    assert raw[:2] == struct.pack(">H", 256)
    assert len(raw) == 2 + 256 + len(b"Gehe1m") + 16


@pytest.mark.parametrize(
    "scope,expected",
    [("strict", b"ns/app"), ("namespace-wide", b"ns"), ("cluster-wide", b"")],
)
def test_a_sealed_value_is_bound_to_its_place_by_scope(scope: str, expected: bytes) -> None:
    assert label(scope, "ns", "app") == expected
    sealed = seal(certificate(), b"x", label(scope, "ns", "app"))
    assert opened(sealed, expected) == b"x"
    with pytest.raises(ValueError, match=r".*"):
        opened(sealed, b"other/place")


def test_a_certificate_that_is_none_is_refused() -> None:
    for content, words in (
        (b"no certificate", "no certificate in PEM form"),
        (pem(private_key(), days=-1), "ended on 2026-11-21"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "its key is not RSA"),
    ):
        with pytest.raises(MissingError, match=words) as refused:
            read_certificate(content, "cert.pem", NOW)
        assert refused.value.reason == "bad_certificate"
        assert "cert.pem" in refused.value.what


def test_a_digest_tells_place_and_value_apart_and_needs_the_key() -> None:
    first = digest(KEY, "ns", "app", "A", b"Gehe1m")
    assert first == digest(KEY, "ns", "app", "A", b"Gehe1m")
    others = {
        digest(b"other", "ns", "app", "A", b"Gehe1m"),
        digest(KEY, "ns2", "app", "A", b"Gehe1m"),
        digest(KEY, "ns", "app2", "A", b"Gehe1m"),
        digest(KEY, "ns", "app", "B", b"Gehe1m"),
        digest(KEY, "ns", "app", "A", b"gehe1m"),
        first,
    }
    assert len(others) == 6


def sealed_before(**more: Any) -> Seals:
    given: dict[str, Any] = {"before": Seals(), "opened": None, "certificate": certificate()}
    return reseal(PLACE, VALUES, key=KEY, **{**given, **more})


def anew(before: Seals, after: Seals) -> set[str]:
    return {key for key, value in after.values.items() if before.values.get(key) != value}


def test_what_is_unchanged_stays_byte_for_byte() -> None:
    before = sealed_before()
    assert opened(before.values["A"], b"nx-backend/app") == b"Gehe1m"
    assert sealed_before(before=before) == before
    assert sealed_before(before=before, opened=VALUES) == before
    # The cluster may not be asked for its certificate while it stands by.
    assert sealed_before(before=before, certificate=None) == before


def test_it_can_be_read_back_from_the_object() -> None:
    before = sealed_before()
    body = {
        "metadata": {"annotations": {SEALED_WITH: before.annotation()}},
        "spec": {"encryptedData": dict(before.values)},
    }
    assert seals_of(body) == before
    for text in ("{", "[]", '{"scope": 1}'):
        body["metadata"] = {"annotations": {SEALED_WITH: text}}
        assert seals_of(body) == Seals()
    assert seals_of({"metadata": {}, "spec": {"encryptedData": {"A": "x"}}}) == Seals()
    assert seals_of(None) == Seals()


def test_only_a_value_that_changed_is_sealed_anew() -> None:
    before = sealed_before()
    # Told by the Secret that was opened, or where that is not known, by the digests.
    for there in (VALUES, None):
        after = reseal(PLACE, {**VALUES, "A": b"An0ther"}, before, there, certificate(), KEY)
        assert anew(before, after) == {"A"}
        assert opened(after.values["A"], b"nx-backend/app") == b"An0ther"


def test_scope_and_certificate_seal_all_anew() -> None:
    before = sealed_before()
    wide = Place(PLACE.namespace, PLACE.name, "cluster-wide")
    assert anew(before, reseal(wide, VALUES, before, None, certificate(), KEY)) == {"A", "B"}
    after = sealed_before(before=before, certificate=certificate(1))
    assert anew(before, after) == {"A", "B"}
    assert opened(after.values["A"], b"nx-backend/app", private_key(1)) == b"Gehe1m"


def test_what_somebody_edited_in_the_opened_secret_is_sealed_anew() -> None:
    before = sealed_before()
    edited = sealed_before(before=before, opened={**VALUES, "A": b"by hand"})
    assert anew(before, edited) == {"A"}
    more = sealed_before(before=before, opened={**VALUES, "C": b"by hand"})
    assert anew(before, more) == {"A", "B"}


def test_without_a_certificate_nothing_is_sealed() -> None:
    with pytest.raises(MissingError, match="no certificate to seal A, B against"):
        sealed_before(certificate=None)


def test_keys_that_become_others() -> None:
    before = sealed_before()
    wanted = {"A": b"An0ther", "C": b"c"}
    assert changed(PLACE, wanted, before, VALUES, KEY) == {"A", "B", "C"}
    # The same by the digests alone, where the Secret cannot be read.
    assert changed(PLACE, wanted, before, None, KEY) == {"A", "B", "C"}
    assert changed(PLACE, VALUES, before, None, KEY) == set()
    # What is new restarts nothing.
    assert changed(PLACE, VALUES, Seals(), None, KEY) == set()
    # A new certificate is no new value.
    after = sealed_before(before=before, certificate=certificate(1))
    assert changed(PLACE, VALUES, after, VALUES, KEY) == set()
