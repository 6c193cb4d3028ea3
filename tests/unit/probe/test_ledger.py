from __future__ import annotations

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.probe.errors import ProbeError
from ansible_collections.groundwork.platform.plugins.module_utils.probe.ledger import (
    MOST_KEYS,
    compare,
    is_permanent,
    persist,
)
from ansible_collections.groundwork.platform.plugins.module_utils.probe.link import (
    LinkError,
    connect_code,
)


def test_missing_present_and_doubled_are_told_apart() -> None:
    found = compare(["a", "b", "c", "c"], ["b", "c", "c", "d"])
    assert found.acknowledged == 3
    assert found.rows == 4
    assert found.missing == ("a",)
    assert found.unacknowledged_present == ("d",)
    assert found.duplicates == ("c",)


def test_counts_are_complete_where_names_are_cut() -> None:
    result = compare((str(number) for number in range(MOST_KEYS + 5)), []).as_result()
    assert result["missing"] == MOST_KEYS + 5
    assert len(result["missing_keys"]) == MOST_KEYS


@pytest.mark.parametrize(
    "code, permanent",
    [
        ("authentication", True),
        ("28000", True),
        ("42501", True),
        ("refused", False),
        ("25006", False),  # still a replica: the promotion may be under way
        ("57P03", False),
        ("timeout", False),
    ],
)
def test_only_refusals_of_a_server_that_is_well_are_final(code: str, permanent: bool) -> None:
    assert is_permanent(LinkError("statement", code, "")) is permanent


def test_failure_that_heals_is_tried_again() -> None:
    failures = [LinkError("connect", "refused", "no")] * 2

    def action() -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert persist(action, 5, "read", "verification_failed") == "done"


def test_failure_that_stays_is_reported_with_its_words() -> None:
    def action() -> str:
        raise LinkError("connect", "refused", "Connection refused")

    with pytest.raises(
        ProbeError, match=r"Failed to read t within .*: Connection refused"
    ) as failed:
        persist(action, 0.1, "read t", "verification_failed")
    assert failed.value.reason == "verification_failed"


@pytest.mark.parametrize(
    "message, code",
    [
        (
            'connection to server at "lb" (10.0.0.1), port 5000 failed: Connection refused',
            "refused",
        ),
        ("server closed the connection unexpectedly", "closed"),
        ('FATAL:  password authentication failed for user "probe"', "authentication"),
        ("SSL error: certificate verify failed", "certificate"),
        ("FATAL:  the database system is starting up", "starting_up"),
        ("something else", "failed"),
    ],
)
def test_connection_failures_are_countable(message: str, code: str) -> None:
    assert connect_code(message) == code
