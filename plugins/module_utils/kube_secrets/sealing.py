# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Seal values as kubeseal does, so that the sealed-secrets controller opens them.

The bytes are those of ``HybridEncrypt`` (bitnami-labs/sealed-secrets, pkg/crypto/crypto.go): two bytes
of length, the session key under RSA-OAEP with SHA-256 and the scope's label, the value under AES-256-GCM
with a nonce of zeros. The session key is used for one value alone, which is what makes that nonce sound.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    MissingError,
)

IMPORT_ERROR: Exception | None = None
try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.serialization import Encoding
except ImportError as error:  # told by the module, with the way to get it
    IMPORT_ERROR = error

_SESSION_KEY_BITS = 256
_NONCE = bytes(12)


@dataclass(frozen=True)
class Certificate:
    """What values are sealed against. ``fingerprint`` is the SHA-256 of the certificate, in hexadecimal digits."""

    fingerprint: str
    public_key: Any


def read_certificate(pem: bytes, source: str, now: datetime | None = None) -> Certificate:
    """Read the first certificate of a PEM text; ``source`` names it in messages.

    Raises ``MissingError`` (``bad_certificate``) where there is none, it has ended, or its key is not RSA.
    """
    try:
        found = x509.load_pem_x509_certificate(pem)
        public_key = found.public_key()
    except ValueError as error:
        raise _bad(source, "no certificate in PEM form") from error
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise _bad(source, "its key is not RSA")
    end = _end(found)
    if end < (now or datetime.now(timezone.utc)):
        raise _bad(
            source, f"it ended on {end:%Y-%m-%d}, and kubeseal would not seal with it either"
        )
    der = found.public_bytes(Encoding.DER)
    return Certificate(hashlib.sha256(der).hexdigest(), public_key)


def _end(found: Any) -> datetime:
    """Versions of cryptography before 42 know the time without its zone only."""
    if hasattr(found, "not_valid_after_utc"):
        end: datetime = found.not_valid_after_utc
        return end
    return found.not_valid_after.replace(tzinfo=timezone.utc)


def _bad(source: str, what: str) -> MissingError:
    return MissingError(
        "bad_certificate",
        f"{source}: {what}",
        "Take the one of the cluster, which kubeseal --fetch-cert shows",
    )


def label(scope: str, namespace: str, name: str) -> bytes:
    """What binds a sealed value to its place, by scope."""
    return {
        "strict": f"{namespace}/{name}",
        "namespace-wide": namespace,
        "cluster-wide": "",
    }[scope].encode()


def seal(certificate: Certificate, content: bytes, bound_to: bytes) -> str:
    """Return a value as it stands in ``encryptedData``. ``bound_to`` is its ``label``."""
    session_key = AESGCM.generate_key(_SESSION_KEY_BITS)
    wrapped = certificate.public_key.encrypt(
        session_key,
        padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), bound_to or None),
    )
    sealed = AESGCM(session_key).encrypt(_NONCE, content, None)
    return base64.b64encode(struct.pack(">H", len(wrapped)) + wrapped + sealed).decode()


def digest(key: bytes, namespace: str, name: str, entry: str, content: bytes) -> str:
    """A keyed digest of a value at its place: equal values of two places cannot be told to be equal."""
    place = "\0".join((namespace, name, entry)).encode()
    return hmac.new(key, place + b"\0" + content, hashlib.sha256).hexdigest()


def throwaway() -> Certificate:
    """What check mode tries sealing with where the cluster's own certificate cannot be had."""
    return Certificate("", rsa.generate_private_key(65537, 2048).public_key())
