# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates: whose they are and how many days they have left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.kube.readiness import waits_for
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.look import (
    CERTIFICATES,
    SECRETS,
    Look,
    pem,
)

IMPORT_ERROR: Exception | None = None
try:
    from cryptography import x509
except ImportError as error:  # told by the module, with the way to get it
    IMPORT_ERROR = error

Body = Mapping[str, Any]

API_SERVER = "APIServer"


def certificates(look: Look, now: datetime) -> list[dict[str, Any]]:
    """The first certificate of each TLS Secret, what cert-manager keeps, and the API server's own."""
    found = [_secret(body, now) for body in look.of(SECRETS)]
    found += [_kept(body, now) for body in look.of(CERTIFICATES)]
    if look.certificate is not None:
        read = _read(x509.load_der_x509_certificate, look.certificate, now)
        found.append({"kind": API_SERVER, "namespace": "", "name": "", **read})
    return sorted(found, key=lambda entry: (entry["namespace"], entry["kind"], entry["name"]))


def _secret(body: Body, now: datetime) -> dict[str, Any]:
    metadata = body["metadata"]
    place = {"kind": "Secret", "namespace": metadata["namespace"], "name": metadata["name"]}
    try:
        text = pem(body)
    except ValueError:
        text = b""
    # The leaf stands first; what follows are those that signed it.
    return {**place, **_read(x509.load_pem_x509_certificate, text, now)}


def _read(load: Any, data: bytes, now: datetime) -> dict[str, Any]:
    try:
        found = load(data)
        names = _names(found)
        subject = found.subject.rfc4514_string() or ", ".join(names)
        return {
            "subject": subject,
            "names": names,
            "reason": "",
            **_days(found.not_valid_after_utc, now),
        }
    except ValueError:
        reason = "it holds no certificate that can be read"
        return {"subject": "", "names": [], "reason": reason, "not_after": None, "days_left": None}


def _names(certificate: Any) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    # A certificate can be good with extensions that are against the standard: the sealing keys of sealed-secrets are.
    except (x509.ExtensionNotFound, ValueError):
        return []
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return [*names.get_values_for_type(x509.DNSName), *addresses]


def _kept(body: Body, now: datetime) -> dict[str, Any]:
    """A Certificate of cert-manager; ``secret`` is where it stands."""
    spec, until = body.get("spec") or {}, (body.get("status") or {}).get("notAfter")
    end = datetime.fromisoformat(until.replace("Z", "+00:00")) if until else None
    return {
        "kind": "Certificate",
        "namespace": body["metadata"]["namespace"],
        "name": body["metadata"]["name"],
        "subject": spec.get("commonName", ""),
        "names": [*(spec.get("dnsNames") or ()), *(spec.get("ipAddresses") or ())],
        "secret": spec.get("secretName", ""),
        "reason": waits_for(body, "Ready"),
        **_days(end, now),
    }


def _days(end: datetime | None, now: datetime) -> dict[str, Any]:
    """Whole days that are left, negative where it has ended."""
    if end is None:
        return {"not_after": None, "days_left": None}
    shown = end.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"not_after": shown, "days_left": (end - now).days}
