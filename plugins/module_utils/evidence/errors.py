# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why no report can be made."""

from __future__ import annotations


class EvidenceError(Exception):
    """A reason code (lower case, underscores) and a sentence that names the way out."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
