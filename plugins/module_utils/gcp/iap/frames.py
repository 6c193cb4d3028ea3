# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Frames of Google's IAP TCP forwarding ("SSH Relay v4"): a tag of two bytes and what belongs to it, all big-endian.

======================= ====== ==========================================
CONNECT_SUCCESS_SID     0x0001 u32 length, the session's id
RECONNECT_SUCCESS_ACK   0x0002 u64 bytes that the relay has received
DATA                    0x0004 u32 length (at most 16384), bytes
ACK                     0x0007 u64 bytes that the sender has received
======================= ====== ==========================================
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

SUBPROTOCOL = "relay.tunnel.cloudproxy.app"
CONNECT_SUCCESS_SID = 0x0001
RECONNECT_SUCCESS_ACK = 0x0002
DATA = 0x0004
ACK = 0x0007
#: The most bytes in a frame of data.
DATA_MAX = 16384

_WITH_BYTES = frozenset((CONNECT_SUCCESS_SID, DATA))
_WITH_NUMBER = frozenset((RECONNECT_SUCCESS_ACK, ACK))


@dataclass(frozen=True)
class Frame:
    """A frame: ``data`` of a session's id and of data, ``number`` of the two others; unknown tags have neither."""

    tag: int
    data: bytes = b""
    number: int = 0


class FrameError(ValueError):
    """Bytes that are no frame."""


def encode(frame: Frame) -> bytes:
    """The bytes of a frame. Raises ``FrameError`` for more data than a frame takes, and for unknown tags."""
    if frame.tag in _WITH_NUMBER:
        return struct.pack(">HQ", frame.tag, frame.number)
    if frame.tag not in _WITH_BYTES:
        raise FrameError(f"There is no frame with the tag {frame.tag:#06x}.")
    if len(frame.data) > DATA_MAX:
        raise FrameError(f"A frame takes {DATA_MAX} bytes, not {len(frame.data)}.")
    return struct.pack(">HI", frame.tag, len(frame.data)) + frame.data


def decode(message: bytes) -> Frame:
    """The frame that a message holds; what follows it is passed over, as Google's own clients do.

    Raises ``FrameError`` where bytes are missing.
    """
    if len(message) < 2:
        raise FrameError(f"A message of {len(message)} bytes has no tag.")
    (tag,) = struct.unpack_from(">H", message)
    if tag in _WITH_NUMBER:
        if len(message) < 10:
            raise FrameError(f"The frame {tag:#06x} has {len(message)} bytes, not 10.")
        return Frame(tag, number=struct.unpack_from(">Q", message, 2)[0])
    if tag not in _WITH_BYTES:
        return Frame(tag)
    if len(message) < 6:
        raise FrameError(f"The frame {tag:#06x} ends before its length.")
    (length,) = struct.unpack_from(">I", message, 2)
    if len(message) < 6 + length:
        raise FrameError(f"The frame {tag:#06x} has {len(message) - 6} bytes of {length}.")
    return Frame(tag, data=message[6 : 6 + length])


def pieces(data: bytes) -> Iterator[bytes]:
    """Cut bytes into what frames take."""
    for begin in range(0, len(data), DATA_MAX):
        yield data[begin : begin + DATA_MAX]
