"""What has to be sent again, and when to confirm."""

from __future__ import annotations

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.gcp.iap.ledger import (
    ACK_AFTER,
    AckError,
    Ledger,
)


def a_ledger() -> Ledger:
    ledger = Ledger()
    for data in (b"abcd", b"efgh", b"ij"):
        ledger.send(data)
    return ledger


@pytest.mark.parametrize(
    "confirmed, again",
    [
        (0, b"abcdefghij"),
        (4, b"efghij"),
        (6, b"ghij"),
        (10, b""),
    ],
)
def test_only_what_is_not_confirmed_is_sent_again(confirmed: int, again: bytes) -> None:
    ledger = a_ledger()
    ledger.confirm(confirmed)
    assert b"".join(ledger.again()) == again
    assert ledger.unconfirmed == len(again)
    # Again and again, in steps.
    ledger.confirm(10)
    assert ledger.again() == []


def test_confirmations_go_forward_and_not_beyond_what_was_sent() -> None:
    ledger = a_ledger()
    with pytest.raises(AckError, match="confirms 11 bytes; 10 were sent, 0 confirmed before"):
        ledger.confirm(11)
    ledger.confirm(5)
    with pytest.raises(AckError):
        ledger.confirm(4)


def test_what_came_is_confirmed_after_two_frames_worth() -> None:
    ledger = Ledger()
    ledger.receive(b"x" * (ACK_AFTER - 1))
    assert ledger.due() is None
    ledger.receive(b"yz")
    assert ledger.due() == ACK_AFTER + 1
    assert ledger.due() is None
    ledger.receive(b"x" * ACK_AFTER)
    assert ledger.due() == 2 * ACK_AFTER + 1
