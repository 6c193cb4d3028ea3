# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules for the lines of pg_hba.conf.

Source: PostgreSQL's manual, "The pg_hba.conf File". One wrong line keeps PostgreSQL from
starting, and on a reload it keeps the old rules, with no more than a log line.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.problem import (
    words,
)

_TYPES = ("local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc")
_INCLUDES = ("include", "include_if_exists", "include_dir")
_METHODS = words(
    """
    trust reject scram-sha-256 md5 password gss sspi ident peer ldap radius cert pam bsd oauth
    """
)
_TOKEN = re.compile(r'(?:"[^"]*"|[^\s",#])+(?:,(?:"[^"]*"|[^\s",#])+)*|"[^"]*"')
_HOST_NAME = re.compile(r"^\.?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$")


@dataclass(frozen=True)
class HbaLine:
    """A line that was read: address and netmask are empty on a ``local`` line."""

    kind: str
    database: str
    user: str
    address: str
    netmask: str
    method: str
    options: tuple[str, ...]

    @property
    def local_only(self) -> bool:
        """The line speaks of connections that do not leave the host."""
        if self.kind == "local":
            return True
        try:
            return _network(self.address, self.netmask).is_loopback
        except ValueError:
            return self.address == "localhost"


def parse_line(text: str) -> HbaLine | None:
    """Return the line read, None for an empty one, a comment or an include.

    :raises ValueError: with what is wrong.
    """
    tokens = _tokens(text)
    if not tokens:
        return None
    kind = tokens[0]
    if kind in _INCLUDES:
        if len(tokens) != 2:
            raise ValueError(f"{kind} takes one path")
        return None
    if kind not in _TYPES:
        raise ValueError(f"unknown connection type {kind!r}")
    least = 4 if kind == "local" else 5
    if len(tokens) < least:
        raise ValueError(f"a {kind} line has at least {least} fields, this one {len(tokens)}")
    rest = tokens[3:]
    address = netmask = ""
    if kind != "local":
        address, rest = rest[0], rest[1:]
        if _is_address(address) and "/" not in address:
            netmask, rest = rest[0], rest[1:]
        _check_address(address, netmask)
    if not rest:
        raise ValueError("no authentication method")
    line = HbaLine(kind, tokens[1], tokens[2], address, netmask, rest[0], tuple(rest[1:]))
    _check_method(line)
    return line


def _tokens(text: str) -> list[str]:
    tokens = []
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
        elif text[position] == "#":
            break
        else:
            match = _TOKEN.match(text, position)
            if not match:
                raise ValueError(f"cannot be read from {text[position:]!r} on")
            tokens.append(match.group())
            position = match.end()
    return tokens


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _network(address: str, netmask: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(f"{address}/{netmask}" if netmask else address, strict=False)


def _check_address(address: str, netmask: str) -> None:
    plain = address.strip('"')
    if plain in ("all", "samehost", "samenet"):
        return
    if netmask:
        try:
            _network(address, netmask)
        except ValueError as error:
            raise ValueError(
                f"{address} is neither a network with its prefix length nor followed by a netmask"
            ) from error
    elif "/" in plain or re.fullmatch(r"[0-9.:/]+", plain):
        try:
            _network(plain, "")
        except ValueError as error:
            raise ValueError(f"{plain} is not a network") from error
    elif not _HOST_NAME.match(plain):
        raise ValueError(f"{plain!r} is neither an address nor a host name")


def _check_method(line: HbaLine) -> None:
    if line.method not in _METHODS:
        raise ValueError(f"unknown authentication method {line.method!r}")
    if line.method == "peer" and line.kind != "local":
        raise ValueError("peer works on local lines only")
    if line.method in ("ident", "gss", "sspi") and line.kind == "local" and line.method != "ident":
        raise ValueError(f"{line.method} does not work on local lines")
    if line.method == "cert" and line.kind != "hostssl":
        raise ValueError("cert works on hostssl lines only")
    for option in line.options:
        name, equals, value = option.partition("=")
        if not equals or not name or not value:
            raise ValueError(f"option {option!r} is not name=value")
        if name == "clientcert" and (
            line.kind != "hostssl" or value not in ("verify-ca", "verify-full")
        ):
            raise ValueError("clientcert is verify-ca or verify-full, on hostssl lines")
