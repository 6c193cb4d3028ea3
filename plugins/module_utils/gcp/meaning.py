# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When two plain values mean the same, though they are not written alike."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.model import Output, tail

#: Words that some APIs give back in other letters: locations of buckets in capitals.
_ANY_CASE = frozenset(("IPProtocol", "ipProtocol", "location"))

_MARK = re.compile(r"\s*\[groundwork-owner=[^\]]*\]\Z")
_SECONDS = re.compile(r"\d+(?:\.\d+)?s\Z")
_PORTS = re.compile(r"\d+-\d+\Z")


def equal(wanted: Any, live: Any, name: str = "") -> bool:
    """Whether two plain values mean the same."""
    if isinstance(wanted, Output):
        return False
    if name == "description" and isinstance(live, str):
        live = unmarked(live)
    if isinstance(wanted, bool) or isinstance(live, bool):
        return wanted is live or (not wanted and live in (None, ""))
    if isinstance(wanted, (int, float)) and live is None:
        return False
    return wanted == live or _plain(wanted, name) == _plain(live, name) or _same_link(wanted, live)


def unmarked(description: str) -> str:
    """A description without the owner's mark."""
    return _MARK.sub("", description)


def short(value: Any) -> str:
    """The end of a link, or the value."""
    return str(value).rstrip("/").rpartition("/")[2]


def _plain(value: Any, name: str) -> str:
    """A value as it is compared: numbers, ports, durations and ranges have more than one form."""
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if name in _ANY_CASE:
        return text.lower()
    if name in ("portRange", "ports") and not _PORTS.match(text):
        return f"{text}-{text}"
    if _SECONDS.match(text):
        return f"{float(text[:-1])}s"
    if name.lower().endswith(("range", "ranges", "cidr", "cidrblock")):
        return _range(text)
    return text


def _range(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return text


def _same_link(wanted: Any, live: Any) -> bool:
    if not (isinstance(wanted, str) and isinstance(live, str)) or "/" not in wanted:
        return False
    ours, theirs = tail(wanted), tail(live)
    if ours == theirs:
        return True
    # Some APIs give a name back where they took a link.
    return ours.startswith("projects/") and "/" not in theirs and short(ours) == theirs
