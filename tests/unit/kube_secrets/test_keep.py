"""What is generated once: where it is kept, and which value counts."""

from __future__ import annotations

import string
import threading
from pathlib import Path

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.generated import (
    Generation,
    Seen,
    decide,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.keep import (
    Keep,
    make,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    Generated,
    MissingError,
)

SOURCE = Generated("app", "JWT", 48, string.ascii_letters, 1)


def test_a_value_is_made_of_its_characters() -> None:
    made = {make(SOURCE) for _number in range(20)}
    assert len(made) == 20
    assert {len(value) for value in made} == {48}
    assert set(b"".join(made).decode()) <= set(string.ascii_letters)


def test_runs_for_two_clusters_at_once_give_both_one_value(tmp_path: Path) -> None:
    one, other = (Generation(Keep(str(tmp_path), check=False), {}) for _cluster in range(2))
    made, late = one.values([SOURCE]), other.values([SOURCE])
    assert made != late
    assert one.save(made) == made
    assert other.save(late) == made


def test_a_value_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    keep = Keep(str(tmp_path / "new" / "state"), check=False)
    assert keep.read(SOURCE) is None
    assert keep.save(SOURCE, b"first") == b"first"
    # Somebody else, who began at the same time, gets the one that was first.
    assert Keep(str(tmp_path / "new" / "state"), check=False).save(SOURCE, b"second") == b"first"
    assert keep.read(SOURCE) == b"first"
    file = keep.file(SOURCE)
    assert keep.written == [str(file)]
    assert file.stat().st_mode & 0o777 == 0o600
    for folder in (file.parent, file.parent.parent, tmp_path / "new" / "state"):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["JWT.1"]


def test_of_many_at_once_one_is_first(tmp_path: Path) -> None:
    got: list[bytes] = []
    barrier = threading.Barrier(8)

    def save(number: int) -> None:
        barrier.wait()
        got.append(Keep(str(tmp_path), check=False).save(SOURCE, str(number).encode()))

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(got)) == 1
    assert len(got) == 8


def test_check_mode_keeps_nothing(tmp_path: Path) -> None:
    keep = Keep(str(tmp_path / "state"), check=True)
    assert keep.save(SOURCE, b"x") == b"x"
    assert len(keep.digest_key()) == 32
    assert len(keep.written) == 2
    assert not (tmp_path / "state").exists()


def test_the_key_of_the_digests_stays(tmp_path: Path) -> None:
    key = Keep(str(tmp_path), check=False).digest_key()
    again = Keep(str(tmp_path), check=False)
    assert again.digest_key() == key
    assert again.written == []


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KubeError, match=r"Generated values are kept there") as refused:
        Keep(str(tmp_path / "file"), check=False).save(SOURCE, b"x")
    assert refused.value.reason == "bad_state"
    keep = Keep(str(tmp_path), check=False)
    keep.save(SOURCE, b"x")
    keep.file(SOURCE).write_bytes(b"")
    with pytest.raises(KubeError, match=r"is empty. Bring it back from a backup"):
        keep.read(SOURCE)


def seen(content: bytes | None, where: str = "the Secret a/app") -> Seen:
    return Seen(where, content)


@pytest.mark.parametrize(
    "kept,there,value",
    [
        (None, [], None),
        (b"kept", [], b"kept"),
        (b"kept", [seen(b"kept"), seen(b"kept")], b"kept"),
        # Sealed, and not opened yet: what is kept counts.
        (b"kept", [seen(None)], b"kept"),
        # The folder is new: what the cluster has counts.
        (None, [seen(b"there"), seen(b"there"), seen(None)], b"there"),
    ],
)
def test_which_value_counts(kept: bytes | None, there: list[Seen], value: bytes | None) -> None:
    assert decide(kept, "/state/JWT.1", there) == value


@pytest.mark.parametrize(
    "kept,there,reason,words",
    [
        (b"kept", [seen(b"there")], "values_differ", "/state/JWT.1 and the Secret a/app have"),
        (
            None,
            [seen(b"one"), seen(b"other", "the Secret b/app")],
            "values_differ",
            "the Secret a/app and the Secret b/app have",
        ),
        (None, [seen(None, "the SealedSecret a/app")], "value_lost", "/state/JWT.1, where it was"),
    ],
)
def test_what_only_a_person_can_decide_is_refused(
    kept: bytes | None, there: list[Seen], reason: str, words: str
) -> None:
    with pytest.raises(MissingError) as refused:
        decide(kept, "/state/JWT.1", there)
    assert refused.value.reason == reason
    assert words in refused.value.what
    for value in ("kept", "one", "other"):
        assert value not in refused.value.what.replace("where it was kept", "").split()
