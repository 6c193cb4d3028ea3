"""Frames of the IAP tunnel, against bytes that were written down by hand."""

from __future__ import annotations

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.iap.frames import (
    ACK,
    CONNECT_SUCCESS_SID,
    DATA,
    DATA_MAX,
    RECONNECT_SUCCESS_ACK,
    Frame,
    FrameError,
    decode,
    encode,
    pieces,
)

KNOWN = [
    (Frame(DATA, b"SSH-2.0"), "0004 00000007 5353482d322e30"),
    (Frame(ACK, number=32768), "0007 0000000000008000"),
    (Frame(CONNECT_SUCCESS_SID, b"a1"), "0001 00000002 6131"),
    (Frame(RECONNECT_SUCCESS_ACK, number=2**40 + 1), "0002 0000010000000001"),
]


@pytest.mark.parametrize("frame, written", KNOWN)
def test_frames_are_these_bytes(frame: Frame, written: str) -> None:
    assert encode(frame) == bytes.fromhex(written)
    assert decode(bytes.fromhex(written)) == frame
    # What follows a frame is passed over.
    assert decode(bytes.fromhex(written) + b"more") == frame


@pytest.mark.parametrize("message", [b"", b"\0", b"\0\4\0\0", b"\0\4\0\0\0\5abcd", b"\0\7\0\0"])
def test_what_is_cut_off_is_no_frame(message: bytes) -> None:
    with pytest.raises(FrameError):
        decode(message)


def test_unknown_tags_are_read_and_not_written() -> None:
    assert decode(b"\0\x0alast words") == Frame(10)
    with pytest.raises(FrameError):
        encode(Frame(10))


def test_data_is_cut_into_what_frames_take() -> None:
    data = bytes(range(256)) * 200
    cut = list(pieces(data))
    assert [len(piece) for piece in cut] == [DATA_MAX, DATA_MAX, DATA_MAX, 51200 - 3 * DATA_MAX]
    assert b"".join(cut) == data
    with pytest.raises(FrameError):
        encode(Frame(DATA, data))
