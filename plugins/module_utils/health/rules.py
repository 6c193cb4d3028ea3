# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the options of a check may be. Each raises ``ValueError`` with what is wrong and the way out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.groundwork.platform.plugins.module_utils.health.world import Tls

TLS_OPTIONS = ("ca_cert", "client_cert", "client_key", "validate_certs")


def url(given: str, what: str = "url") -> str:
    """An address of HTTP with a host."""
    try:
        parts = urlsplit(given)
        number = parts.port
    except ValueError as error:
        raise ValueError(f"{what} {given!r}: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"{what} {given!r} has to begin with http:// or https://")
    if not parts.hostname:
        raise ValueError(f"{what} {given!r} has no host; write it as {parts.scheme}://HOST/path")
    if parts.username or parts.password:
        raise ValueError(f"{what}: give user and password as username and password, not within it")
    if number == 0:
        raise ValueError(f"{what} {given!r} has port 0")
    return given


def host(given: str) -> str:
    """A name or an address."""
    name = given.strip()
    if not name:
        raise ValueError("host is empty")
    if "/" in name or " " in name:
        raise ValueError(f"host {given!r} is a name or an address, without scheme and path")
    return name


def port(given: int) -> int:
    """A port of TCP or UDP."""
    if not 0 < given < 65536:
        raise ValueError(f"port {given} is not between 1 and 65535")
    return given


def place(address: str, number: int) -> str:
    """Host and port as people write them."""
    return f"[{address}]:{number}" if ":" in address else f"{address}:{number}"


def pattern(given: str, what: str) -> str:
    """A regular expression."""
    try:
        re.compile(given)
    except re.error as error:
        raise ValueError(f"{what}: {given!r} is no regular expression: {error}") from error
    return given


def tls(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Tls:
    """A check's TLS options, with the defaults of all checks where it says nothing. The files have to be there."""
    settings: dict[str, Any] = {
        name: given[name] if given.get(name) is not None else defaults.get(name)
        for name in TLS_OPTIONS
    }
    if given.get("client_cert") and not given.get("client_key"):
        # The key of another certificate would not fit; both may stand in one file.
        settings["client_key"] = None
    settings["validate_certs"] = settings["validate_certs"] is not False
    for name in TLS_OPTIONS[:3]:
        if settings[name]:
            _readable(settings[name], name)
    return Tls(**settings)


def days(given: int | None, checked: Tls, encrypted: bool) -> int | None:
    """Days that a certificate has to have left."""
    if given is None:
        return None
    if given < 0:
        raise ValueError(f"certificate_days {given} is below 0")
    if not encrypted:
        raise ValueError("certificate_days: there is no certificate without TLS")
    if not checked.validate_certs:
        raise ValueError(
            "certificate_days: a certificate that is not verified says nothing; name its CA (ca_cert)"
        )
    return given


def _readable(path: str, what: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise ValueError(f"{what}: {path} cannot be read: {error.strerror}") from error
