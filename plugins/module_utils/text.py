# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Texts for people: aligned tables, hints at what was meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows as lines whose columns stand below each other; all rows are equally long."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    ]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint at the known name closest to a mistyped one, or an empty string."""
    close = get_close_matches(name, sorted(known), n=1, cutoff=0.75)
    return f"did you mean {close[0]}? " if close else ""
