# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Numbers as people read them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

UNKNOWN = "\u2013"
THIN_SPACE = "\u202f"
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def seconds(value: float | None) -> str:
    """Three figures where they matter: 0.042 s, 0.50 s, 6.98 s, 26.5 s, 320 s."""
    if value is None:
        return UNKNOWN
    size = abs(value)
    digits = 3 if 0 < size < 0.1 else 2 if size < 10 else 1 if size < 100 else 0
    return f"{value:.{digits}f}{THIN_SPACE}s"


def count(value: float | None) -> str:
    """Whole numbers in groups of three."""
    return UNKNOWN if value is None else f"{value:,.0f}".replace(",", THIN_SPACE)


def size(value: float | None) -> str:
    """Bytes in binary units."""
    if value is None:
        return UNKNOWN
    unit = 0
    while value >= 1024 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.{1 if unit else 0}f}{THIN_SPACE}{UNITS[unit]}"


def share(value: float | None) -> str:
    """Percent; small shares keep their figures."""
    if value is None:
        return UNKNOWN
    percent = value * 100
    digits = 0 if percent >= 10 else 1 if percent >= 1 else 2
    return f"{percent:.{digits}f}{THIN_SPACE}%"


def moment(value: float | None) -> str:
    """Epoch seconds as UTC, to the millisecond."""
    if value is None:
        return UNKNOWN
    text = datetime.fromtimestamp(value, timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")
    return f"{text[:-3]} UTC"


def measured(value: float | None, unit: str) -> str:
    """A value of a check in its unit."""
    if unit == "s":
        return seconds(value)
    return UNKNOWN if value is None else f"{count(value)} {unit[:-1] if value == 1 else unit}"


def words(name: Any) -> str:
    """A name such as first_write as words."""
    return str(name).replace("_", " ")


def label(key: str) -> str:
    """A key of the report as a reader's words."""
    name = words(key)
    return name.replace("rto seconds", "RTO").replace("rpo ", "RPO in ").replace(" seconds", "")
