# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What goes wrong before a gate can judge, as reasons that a playbook can ask for."""

from __future__ import annotations


class GateError(Exception):
    """Nothing was judged: ``reason`` is a code, the message says what is wrong and the way out."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
