"""The trash against its rows, and walks that go on where they stopped."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.context import Factory
from app.core.faults import FaultPoint, arm, disarm
from app.core.identity import SYSTEM
from app.storage.walking import files_below
from app.verification.models import FindingKind
from tests.support.frames import a_frame
from tests.support.verifying import MENDING, found_by, put


@pytest.mark.asyncio
async def test_files_of_deleted_frames_are_no_finding(live: Factory) -> None:
    made = await a_frame(live.sessions, store=live.store)
    await live.removal.remove(made.id, SYSTEM)
    assert await found_by(live, MENDING) == ()


@pytest.mark.asyncio
async def test_trash_and_rows_that_do_not_fit_are_named(live: Factory) -> None:
    made = await a_frame(live.sessions, store=live.store)
    await live.removal.remove(made.id, SYSTEM)
    (path,) = (each for each in live.settings.archive_dir.glob(".trash/**/*") if each.is_file())
    path.unlink()
    put(live.settings.archive_dir / ".trash" / "77-20200101T000000000000" / "a.fits", b"x")
    findings = await found_by(live, MENDING)
    assert {(each.kind, each.mended) for each in findings} == {
        (FindingKind.TRASH_MISSING, None),
        (FindingKind.TRASH_UNKNOWN, None),
    }
    (missing,) = (each for each in findings if each.kind is FindingKind.TRASH_MISSING)
    assert (missing.frame_id, made.basename in missing.name) == (made.id, True)


@pytest.mark.asyncio
async def test_what_a_purge_left_is_named_until_it_goes(live: Factory) -> None:
    made = await a_frame(live.sessions, store=live.store)
    await live.removal.remove(made.id, SYSTEM)
    arm(FaultPoint.PURGE_COMMITTED, _die)
    try:
        with pytest.raises(Death):
            await live.purging.empty(SYSTEM, only_expired=False)
    finally:
        disarm()
    (finding,) = await found_by(live, MENDING)
    assert (finding.kind, finding.mended) == (FindingKind.TRASH_UNKNOWN, None)
    assert "daily job" in finding.detail
    await live.trash_files.sweep()
    assert await found_by(live, MENDING) == ()


class Death(BaseException):
    """Nothing that the code foresees, as a kill is not."""


def _die() -> None:
    raise Death


NAMES = st.lists(
    st.lists(st.sampled_from(["a", "b", "a.b", "a-b", "é", "z"]), min_size=1, max_size=3),
    min_size=1,
    max_size=12,
)


@given(NAMES, st.integers(0, 11))
def test_a_walk_goes_on_behind_any_of_its_files(
    tmp_path_factory: pytest.TempPathFactory, names: list[list[str]], number: int
) -> None:
    root = tmp_path_factory.mktemp("walk")
    for parts in names:
        path = root.joinpath(*(f"{part}d" for part in parts[:-1]), f"{parts[-1]}f")
        put(path, b"")
    put(root / ".hidden" / "f", b"")
    whole = [path.relative_to(root).parts for path in files_below(root)]
    assert whole == sorted(set(whole))
    place = whole[number % len(whole)]
    rest = [path.relative_to(root).parts for path in files_below(root, place)]
    assert rest == whole[whole.index(place) + 1 :]
    (root.joinpath(*place)).unlink()
    assert [path.relative_to(root).parts for path in files_below(root, place)] == rest


@pytest.mark.asyncio
async def test_keys_go_on_behind_a_key(live: Factory, tmp_path: Path) -> None:
    for key in ("a/b.fits", "a/c.fits", "b.fits", "a.fits"):
        (await live.store.stage(put(tmp_path / "x", b"x"), key)).commit()
    keys = [key async for key in live.store.iter_keys()]
    assert keys == ["a/b.fits", "a/c.fits", "a.fits", "b.fits"]
    assert [key async for key in live.store.iter_keys("a/c.fits")] == ["a.fits", "b.fits"]
    aside = await live.store.set_aside("b.fits")
    assert aside.startswith(".damaged/b.fits.")
    assert [key async for key in live.store.iter_keys("a/c.fits")] == ["a.fits"]
