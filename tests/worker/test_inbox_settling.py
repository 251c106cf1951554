"""The rule of completeness and the memory, without a disk or a clock."""

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.inbox_looks import Fingerprint, Look, is_ignored
from worker.inbox_settling import OPEN_PATIENCE, Settling, Sign, Taken

PATH = Path("/inbox/a.fits")
SETTLE_S = 2.0
WALL_S = 1_800_000_000.0


def look(size_bytes: int = 10, *, age_s: float = 1000, links: int = 1) -> Look:
    return Look(Fingerprint(7, int((WALL_S - age_s) * 1e9), size_bytes, 0), links=links)


def judge(settling: Settling, now_s: float, seen: Look) -> bool:
    """Look now, as the inbox does: only if the file is due."""
    due = settling.due(now_s, 10)
    assert due in ([], [PATH])
    return bool(due) and settling.judge(PATH, seen, now_s=now_s, wall_s=WALL_S + now_s)


def rest_s(sign: Sign, seen: Look) -> float:
    """Give how long a file that does not change has to rest [s]."""
    settling = Settling(SETTLE_S)
    settling.note(PATH, sign, 0)
    for tenth in range(1000):
        if judge(settling, tenth / 10, seen):
            return tenth / 10
    pytest.fail("never taken")


@pytest.mark.parametrize(
    ("sign", "seen", "expected_s"),
    [
        (Sign.RENAMED, look(), 0),
        (Sign.RENAMED, look(0), SETTLE_S),
        (Sign.CLOSED, look(), SETTLE_S),
        (Sign.CLOSED, look(age_s=0), SETTLE_S),
        (Sign.SEEN, look(), SETTLE_S),
        (Sign.SEEN, look(age_s=-1), 3.0),
        (Sign.SEEN, look(age_s=-1e6), SETTLE_S),
        (Sign.CREATED, look(), OPEN_PATIENCE * SETTLE_S),
        (Sign.CREATED, look(links=2), SETTLE_S),
    ],
)
def test_how_long_files_rest(sign: Sign, seen: Look, expected_s: float) -> None:
    assert rest_s(sign, seen) == pytest.approx(expected_s, abs=0.11)


def test_a_change_begins_the_rest_anew() -> None:
    settling = Settling(SETTLE_S)
    settling.note(PATH, Sign.CLOSED, 0)
    assert not judge(settling, 0, look(10))
    assert not judge(settling, 2, look(20))
    assert not judge(settling, 3.9, look(20))
    assert judge(settling, 4, look(20))
    assert not len(settling)


def test_a_notice_begins_the_rest_anew() -> None:
    settling = Settling(SETTLE_S)
    settling.note(PATH, Sign.CLOSED, 0)
    assert not judge(settling, 0, look())
    settling.note(PATH, Sign.CLOSED, 1.5)
    assert not judge(settling, 1.5, look())
    assert not judge(settling, 2, look())
    assert judge(settling, 3.5, look())


def test_a_close_ends_the_patience_with_an_open_file() -> None:
    settling = Settling(SETTLE_S)
    settling.note(PATH, Sign.CREATED, 0)
    assert not judge(settling, 0, look())
    settling.note(PATH, Sign.CLOSED, 10)
    assert not judge(settling, 10, look())
    assert judge(settling, 12, look())


def test_doubt_ends_the_patience_at_the_next_look() -> None:
    settling = Settling(SETTLE_S)
    settling.note(PATH, Sign.CREATED, 0)
    assert not judge(settling, 0, look())
    settling.doubt(1)
    assert not judge(settling, 1, look())
    assert judge(settling, 3, look())


def test_files_that_wait_no_more_take_no_room() -> None:
    settling = Settling(SETTLE_S)
    settling.note(PATH, Sign.CLOSED, 0)
    for number in range(5000):
        gone = PATH.with_name(str(number))
        settling.note(gone, Sign.CREATED, number)
        settling.drop(gone)
    assert len(settling._dues) < 1100
    assert settling.due(1e9, 10_000) == [PATH]


def test_what_is_dropped_is_never_due() -> None:
    settling = Settling(SETTLE_S)
    settling.note(PATH, Sign.CLOSED, 0)
    settling.drop(PATH)
    settling.drop(PATH)
    assert settling.due(1e9, 10) == []
    assert settling.next_due_s() is None


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(1, 5))
def test_everything_becomes_due_once_and_in_order(times: list[int], limit: int) -> None:
    settling = Settling(SETTLE_S)
    paths = [Path(f"/inbox/{number}") for number in range(len(times))]
    for path, now_s in zip(paths, times, strict=True):
        settling.note(path, Sign.CLOSED, now_s)
    found = []
    while due := settling.due(1000, limit):
        assert len(due) <= limit
        found += due
    assert sorted(found) == sorted(paths)
    assert [times[paths.index(path)] for path in found] == sorted(times)


@pytest.mark.parametrize(
    "name", [".a", "a.part", "a.TMP", "a.Partial", "a.crdownload", "a~", "a.swp"]
)
def test_ignored_names(name: str) -> None:
    assert is_ignored(name)


@pytest.mark.parametrize("name", ["a.fits", "part", "a.part.fits", "a.tmp1", "~a.fits", "A.FZ"])
def test_names_that_are_taken(name: str) -> None:
    assert not is_ignored(name)


def test_memory_knows_exactly_what_was_taken() -> None:
    taken = Taken()
    taken.add(PATH, look(10).fingerprint)
    assert taken.has(PATH, look(10).fingerprint)
    assert not taken.has(PATH, look(11).fingerprint)
    assert not taken.has(PATH.with_name("b"), look(10).fingerprint)
    taken.forget(PATH)
    taken.forget(PATH)
    assert not taken.has(PATH, look(10).fingerprint)


def test_memory_is_small_however_many_files_lie_there() -> None:
    files = 10_000
    paths = [PATH.with_name(f"{number}.fits") for number in range(files)]
    taken = Taken()
    tracemalloc.start()
    try:
        for number, path in enumerate(paths):
            taken.add(path, Fingerprint(number, 10**18 + number, number, 10**18 + number))
        used_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(taken) == files
    assert used_bytes / files < 200


def test_memory_outlives_a_listing_that_fails_and_what_is_taken_meanwhile() -> None:
    taken, folder = Taken(), PATH.parent
    taken.add(PATH, look(10).fingerprint)
    taken.begin_listing(folder)
    taken.add(PATH.with_name("b"), look(10).fingerprint)
    taken.begin_listing(folder)  # the first one failed
    taken.add(PATH, look(11).fingerprint)
    taken.keep_names(folder, ["a.fits", "b"])
    taken.end_listing(folder)
    assert taken.has(PATH, look(11).fingerprint)
    assert not taken.has(PATH, look(10).fingerprint)
    assert taken.has(PATH.with_name("b"), look(10).fingerprint)
    assert len(taken) == 2
    taken.begin_listing(folder)
    taken.forget(PATH)
    taken.end_listing(folder)
    assert not len(taken)
    assert not taken._folders


def test_memory_lets_go_of_what_vanished() -> None:
    taken = Taken()
    for name in ("a", "b", "gone/c", "gone/deep/d", "locked/e", "locked/deep/f"):
        taken.add(Path("/inbox") / name, look().fingerprint)
    taken.begin_listing(Path("/inbox"))
    taken.keep_names(Path("/inbox"), ["b", "new"])
    assert len(taken) == 6
    taken.end_listing(Path("/inbox"))
    assert len(taken) == 5
    taken.keep_folders({Path("/inbox")}, unreadable={Path("/inbox/locked")})
    kept = ("b", "locked/e", "locked/deep/f")
    assert all(taken.has(Path("/inbox") / name, look().fingerprint) for name in kept)
    assert len(taken) == 3
    taken.keep_folders(set(), unreadable={Path("/inbox")})
    assert len(taken) == 3
