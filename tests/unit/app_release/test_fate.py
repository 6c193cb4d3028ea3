"""What a run does about a service, out of its revisions."""

from __future__ import annotations

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.app_release import records
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.fate import (
    BRING,
    BRING_BACK,
    KEEP,
    Fate,
    decide,
    rolled_back_to,
)
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.model import Target
from ansible_collections.groundwork.platform.plugins.module_utils.app_release.records import (
    FAILED,
    GOOD,
    ROLLED_BACK,
    ROLLING_BACK,
    RUNNING,
    Kept,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

from tests.unit.app_release.samples import kept, service, target

#: What runs and nobody has recorded.
LIVE = Target("0", image="r/sale:0", template={"spec": {"containers": []}})


def decided(version: str, *known: Kept, holds: bool = True, live: Target | None = LIVE) -> Fate:
    return decide(service(version), known, holds, live, "jane", "")


def back(fate: Fate) -> str | None:
    return fate.back.version if fate.back else None


@pytest.mark.parametrize(
    "states, version, action, number, goes_back_to",
    [
        # What is on record as good and is there is left alone; what is not there is brought again.
        ([GOOD], "1", KEEP, 1, None),
        ([GOOD, GOOD], "2", KEEP, 2, "1"),
        ([GOOD, ROLLED_BACK], "1", KEEP, 1, None),
        ([GOOD, ROLLED_BACK, ROLLED_BACK], "1", KEEP, 1, None),
        # What is new gets the next number, and returns to the last good one.
        ([], "1", BRING, 1, "0"),
        ([GOOD], "2", BRING, 2, "1"),
        ([GOOD, GOOD], "3", BRING, 3, "2"),
        ([GOOD, ROLLED_BACK], "3", BRING, 3, "1"),
        ([GOOD, ROLLED_BACK], "2", BRING, 3, "1"),
        ([GOOD, FAILED], "2", BRING, 3, "1"),
        ([GOOD, FAILED], "1", BRING, 3, None),
        ([GOOD, GOOD, FAILED], "2", BRING, 4, "1"),
        # A run that was cut short is taken up under its number; another version gets one of its own.
        ([RUNNING], "1", BRING, 1, None),
        ([GOOD, RUNNING], "2", BRING, 2, "1"),
        ([GOOD, RUNNING], "3", BRING, 3, "1"),
        # A rollback that was cut short is ended, whatever comes next, and goes where it went.
        ([GOOD, ROLLING_BACK], "2", BRING_BACK, 2, "1"),
        ([GOOD, ROLLING_BACK], "3", BRING_BACK, 2, "1"),
        ([GOOD, ROLLING_BACK], "1", BRING_BACK, 2, "1"),
        ([GOOD, GOOD, ROLLING_BACK], "2", BRING_BACK, 3, "2"),
        # Half of a version that nobody has seen well is no way back.
        ([RUNNING], "2", BRING, 2, None),
        ([FAILED], "2", BRING, 2, None),
        ([ROLLING_BACK], "2", BRING, 2, None),
        # After the first release was undone, what ran before is there again.
        ([ROLLED_BACK], "2", BRING, 2, "0"),
    ],
)
def test_what_is_done(
    states: list[str], version: str, action: str, number: int, goes_back_to: str | None
) -> None:
    known = [kept(each, str(each), state) for each, state in enumerate(states, 1)]
    fate = decided(version, *known)
    assert (fate.action, fate.kept.revision.number) == (action, number)
    assert back(fate) == goes_back_to


def test_what_is_not_there_as_it_was_good_is_brought_again() -> None:
    fate = decided("1", kept(1, "1"), holds=False)
    assert (fate.action, fate.kept.revision.number) == (BRING, 2)


def test_a_run_that_is_taken_up_says_so() -> None:
    assert decided("2", kept(1, "1"), kept(2, "2", RUNNING)).why == "a run of it was cut short"
    assert decided("2", kept(1, "1")).why == ""


def test_what_ran_before_the_first_release_is_kept_for_those_who_take_it_up() -> None:
    first = decided("1")
    assert first.kept.back == first.back == LIVE
    for state in (RUNNING, ROLLING_BACK):
        again = decided("1", records.ended(first.kept, state), live=target("1"))
        assert again.back == LIVE
        assert again.kept.back == LIVE
    other = decided("2", records.ended(first.kept, ROLLING_BACK), live=target("1"))
    assert (other.action, other.back) == (BRING_BACK, LIVE)
    later = decided("2", records.ended(first.kept, RUNNING), live=target("1"))
    assert (later.action, later.back) == (BRING, LIVE)


def test_what_git_had_before_the_first_release_is_kept_as_well() -> None:
    had = Target("0")
    first = decided("1", live=had)
    assert first.kept.back == had
    again = decided("1", records.ended(first.kept, ROLLING_BACK), live=Target("1"))
    assert (again.action, again.back) == (BRING_BACK, had)
    # What has a record of its own is found there.
    assert decided("2", kept(1, "1")).kept.back is None


def test_a_rollback_that_is_ended_is_that_of_the_revision_on_record() -> None:
    record = kept(2, "2", ROLLING_BACK, reason="it was slow")
    assert decided("3", kept(1, "1"), record).kept is record


def test_the_record_has_who_released_and_from_what_it_returned() -> None:
    fate = decide(service("1"), [kept(1, "1"), kept(2, "2")], False, None, "jane", "2 (revision 2)")
    record = fate.kept.revision
    assert (record.by, record.rollback_of, record.state) == ("jane", "2 (revision 2)", RUNNING)
    assert record.began.endswith("Z")


@pytest.mark.parametrize(
    "states, number, version, of",
    [
        ([GOOD, GOOD], None, "1", "2 (revision 2)"),
        ([GOOD, GOOD, GOOD], 1, "1", "3 (revision 3)"),
        # What was undone does not run any more.
        ([GOOD, GOOD, ROLLED_BACK], None, "1", "2 (revision 2)"),
        # What failed or was left half way runs, so the last good one is meant.
        ([GOOD, FAILED], None, "1", "2 (revision 2)"),
        ([GOOD, GOOD, RUNNING], None, "2", "3 (revision 3)"),
        ([GOOD, ROLLED_BACK], 2, "2", "1 (revision 1)"),
        # What was cut short while it returned by itself goes on to where it went.
        ([GOOD, ROLLING_BACK], None, "1", "2 (revision 2)"),
        ([GOOD, GOOD, ROLLING_BACK], None, "2", "3 (revision 3)"),
    ],
)
def test_where_a_rollback_goes(
    states: list[str], number: int | None, version: str, of: str
) -> None:
    known = [kept(each, str(each), state) for each, state in enumerate(states, 1)]
    meant, returned = rolled_back_to(service(""), known, number)
    assert (meant.target.version, returned) == (version, of)
    assert meant.canary is None


@pytest.mark.parametrize("state", [RUNNING, FAILED])
def test_a_rollback_that_did_not_get_there_goes_on_and_not_forth_to_what_it_left(
    state: str,
) -> None:
    known = [kept(1, "1"), kept(2, "2"), kept(3, "1", state, rollback_of="2 (revision 2)")]
    meant, left = rolled_back_to(service(""), known, None)
    assert (meant.target.version, left) == ("1", "2 (revision 2)")
    again = decide(meant, known, True, LIVE, "jane", left)
    assert again.kept.revision.rollback_of == "2 (revision 2)"
    # Another one may be named all the same, and what was left stays left.
    known.insert(0, kept(0, "0"))
    named, left = rolled_back_to(service(""), known, 0)
    assert (named.target.version, left) == ("0", "2 (revision 2)")


def test_a_rollback_ends_what_was_cut_short_on_its_way_back() -> None:
    known = [kept(1, "1"), kept(2, "2", ROLLING_BACK)]
    meant, left = rolled_back_to(service(""), known, None)
    fate = decide(meant, known, False, LIVE, "jane", left)
    assert (fate.action, back(fate), fate.kept) == (BRING_BACK, "1", known[1])
    # The first release of all returns to what ran before it.
    first = kept(1, "1", ROLLING_BACK, back=LIVE)
    assert rolled_back_to(service(""), [first], None)[0].target == LIVE
    with pytest.raises(KubeError, match="no good revision before"):
        rolled_back_to(service(""), [kept(1, "1", ROLLING_BACK)], None)


def test_what_somebody_left_is_no_way_back() -> None:
    """Twice back is further back, and not forth again."""
    known = [kept(1, "1"), kept(2, "2"), kept(3, "3")]
    known.append(kept(4, "2", rollback_of="3 (revision 3)"))
    meant, _of = rolled_back_to(service(""), known, None)
    assert meant.target.version == "1"
    assert back(decided("4", *known)) == "2"
    # Unless it is named, or was released again.
    assert rolled_back_to(service(""), known, 3)[0].target.version == "3"
    known += [kept(5, "3"), kept(6, "4")]
    assert back(decided("5", *known[:5])) == "3"


@pytest.mark.parametrize(
    "states, number, words",
    [
        ([], None, "no good revision before what runs on record. There are none"),
        ([GOOD], None, "There are 1 (1, good)"),
        ([ROLLED_BACK, GOOD], None, "1 (1, rolled_back), 2 (2, good)"),
        ([GOOD], 7, "no revision 7"),
    ],
)
def test_a_rollback_to_nowhere_is_refused(
    states: list[str], number: int | None, words: str
) -> None:
    known = [kept(each, str(each), state) for each, state in enumerate(states, 1)]
    with pytest.raises(KubeError) as refused:
        rolled_back_to(service(""), known, number)
    assert refused.value.reason == "no_revision"
    assert words in str(refused.value)
