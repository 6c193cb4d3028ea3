# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What has gone over a tunnel and what is confirmed: a new connection goes on where the old one ended."""

from __future__ import annotations

from collections import deque

from ansible_collections.groundwork.platform.plugins.module_utils.gcp.iap.frames import DATA_MAX

#: Bytes after which what was received is confirmed; each single frame would cost more than it brings.
ACK_AFTER = 2 * DATA_MAX


class AckError(ValueError):
    """The other side confirms what was never sent, or less than it has confirmed before."""


class Ledger:
    """Counts bytes in both directions since the session began; keeps what was sent until it is confirmed."""

    def __init__(self) -> None:
        self._kept: deque[bytes] = deque()
        self.sent = 0
        self.confirmed = 0
        self.received = 0
        self._acked = 0

    @property
    def unconfirmed(self) -> int:
        """Bytes that were sent and may have to be sent again."""
        return self.sent - self.confirmed

    def send(self, data: bytes) -> None:
        """Note data before it goes out: its confirmation may come before sending returns."""
        self._kept.append(data)
        self.sent += len(data)

    def confirm(self, number: int) -> None:
        """Let go of what the other side has, counted from the session's begin. Raises ``AckError``."""
        if not self.confirmed <= number <= self.sent:
            raise AckError(
                f"The relay confirms {number} bytes; {self.sent} were sent, {self.confirmed} confirmed before."
            )
        gone = number - self.confirmed
        self.confirmed = number
        while gone:
            first = self._kept.popleft()
            if len(first) > gone:
                # A confirmation may end within a frame.
                self._kept.appendleft(first[gone:])
                break
            gone -= len(first)

    def again(self) -> list[bytes]:
        """What has to be sent on a new connection."""
        return list(self._kept)

    def receive(self, data: bytes) -> None:
        """Note data that came."""
        self.received += len(data)

    def due(self) -> int | None:
        """Bytes to confirm now, if enough have come."""
        if self.received - self._acked < ACK_AFTER:
            return None
        self._acked = self.received
        return self.received
