"""Times, numbers and fingerprints as Google writes them."""

from __future__ import annotations

import base64
import datetime
import hashlib
import itertools
import json
import random
from typing import Any

_PACIFIC = datetime.timezone(datetime.timedelta(hours=-8))
_numbers = itertools.count(random.SystemRandom().randrange(10**18, 8 * 10**18))


def now() -> str:
    """The time in compute's form: 2026-01-31T03:04:05.678-08:00."""
    return datetime.datetime.now(_PACIFIC).isoformat(timespec="milliseconds")


def zulu(later: float = 0.0) -> str:
    """The time of newer APIs, in UTC: 2026-01-31T11:04:05.678901Z; `later` in seconds."""
    when = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=later)
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def number() -> str:
    """A number that no other resource has."""
    return str(next(_numbers))


def fingerprint(content: Any) -> str:
    """A hash of contents, eight bytes in base64."""
    text = json.dumps(content, sort_keys=True).encode()
    return base64.b64encode(hashlib.sha256(text).digest()[:8]).decode()
