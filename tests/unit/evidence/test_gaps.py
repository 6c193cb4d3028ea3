from __future__ import annotations

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.attempts import (
    Attempt,
    parse_attempts,
)
from ansible_collections.groundwork.platform.plugins.module_utils.evidence.gaps import (
    Gap,
    find_gaps,
    histogram,
    interruption,
    lsn_to_bytes,
    outage_seconds,
    percentile,
    summarize,
)

LINE = (
    '{"key":"a-1","attempt":1,"due":1.0,"begun":1.0,"sent":1.0,"done":1.5,"ok":true,"lsn":"0/1"}\n'
)


def attempt(key: str, done: float, ok: bool = True) -> Attempt:
    error = None if ok else "closed"
    return Attempt(key, 1, done, done, done, done, ok, phase="connect", error=error)


def test_gaps_come_longest_first_whatever_the_order_of_acknowledgements() -> None:
    assert find_gaps([3.0, 1.0, 1.5]) == [Gap(1.5, 3.0, 1.5), Gap(1.0, 1.5, 0.5)]


def test_open_gap_reaches_to_the_end_of_the_probe() -> None:
    assert find_gaps([1.0], until=6.0) == [Gap(1.0, None, 5.0)]
    assert find_gaps([], until=6.0) == []


def test_interruption_ignores_what_had_ended_before_the_event() -> None:
    gaps = find_gaps([0.0, 9.0, 9.1, 12.0, 12.1])
    assert interruption(gaps, since=9.05) == Gap(9.1, 12.0, 2.9)
    assert interruption(gaps) == Gap(0.0, 9.0, 9.0)


def test_event_inside_the_gap_counts_all_of_it() -> None:
    assert interruption([Gap(1.0, 8.0, 7.0)], since=5.0) == Gap(1.0, 8.0, 7.0)


def test_ordinary_end_of_a_probe_is_no_interruption_but_a_long_silence_is() -> None:
    assert interruption(find_gaps([1.0, 1.1], until=1.9)) == Gap(1.0, 1.1, 0.1)
    assert interruption(find_gaps([1.0, 1.1], until=4.0)) == Gap(1.1, None, 2.9)


def test_outage_is_the_sum_of_noticeable_gaps() -> None:
    assert outage_seconds(find_gaps([0.0, 0.2, 2.2, 2.4, 3.4]), since=None) == 3.0


@pytest.mark.parametrize("share, expected", [(0.5, 2), (0.75, 3), (0.99, 4), (1.0, 4)])
def test_percentile_is_by_nearest_rank(share: float, expected: float) -> None:
    assert percentile([4, 1, 3, 2], share) == expected
    assert percentile([], share) is None


def test_histogram_counts_both_kinds_and_widens_for_long_runs() -> None:
    found = histogram([attempt("a", 0.05), attempt("b", 0.25, ok=False)], 0.0, 0.3)
    assert found["acknowledged"] == [1, 0, 0]
    assert found["failed"] == [0, 0, 1]
    long = histogram([attempt("a", 7199.0)], 0.0, 7200.0)
    assert len(long["acknowledged"]) <= 12_000
    assert sum(long["acknowledged"]) == 1


def test_summary_tells_unacknowledged_keys_from_failed_attempts() -> None:
    found = summarize([attempt("a", 1, ok=False), attempt("a", 2), attempt("b", 3, ok=False)], 0, 4)
    assert (found["attempts"], found["acknowledged"], found["failed_attempts"]) == (3, 1, 2)
    assert found["unacknowledged"] == 1
    assert found["errors"] == {"connect:closed": 2}


def test_torn_last_line_is_dropped_and_damage_elsewhere_is_refused() -> None:
    assert len(list(parse_attempts([LINE, LINE[:30]]))) == 1
    with pytest.raises(ValueError, match="line 1"):
        list(parse_attempts([LINE[:30] + "\n", LINE]))


def test_lsn_is_a_number_of_bytes() -> None:
    assert lsn_to_bytes("1/10") == (1 << 32) + 16
    with pytest.raises(ValueError, match="not a WAL position"):
        lsn_to_bytes("16")
