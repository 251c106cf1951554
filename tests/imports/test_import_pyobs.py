"""An existing pyobs-archive comes in, from a database with its published schema."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.cli.imports_run import pyobs_import
from app.context import Factory
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.db.engine import Sessions
from app.frames.models import Frame, FrameQuery
from app.imports.models import Fate, Result
from app.imports.pyobs import PyobsOptions, Transfer
from app.imports.pyobs_database import opened_tables, source_name
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits
from tests.support.pyobs_archive import RELEASES, PyobsArchive, packed_file, token_of

pytestmark = pytest.mark.asyncio

Run = Callable[..., "asyncio.Future[list[Result]]"]


@pytest_asyncio.fixture
async def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    return an_archive(settings_in(tmp_path), committed_sessions, engine, offload)


async def run(archive: Factory, url: str, root: Path, **options: object) -> list[Result]:
    """Import once; tell what became of each."""
    results: list[Result] = []
    chosen = PyobsOptions(source_name(url), root, **options)  # type: ignore[arg-type]
    importer = pyobs_import(archive)
    async with opened_tables(url) as tables:
        await importer.import_users(tables, chosen, results.append)
        await importer.import_frames(
            tables, chosen, concurrency=2, stop=asyncio.Event(), tell=results.append
        )
    return results


def fates(results: list[Result]) -> dict[str, Fate]:
    return {result.what: result.fate for result in results}


async def frame(archive: Factory, number: int) -> Frame:
    return await archive.frames.get(number, SYSTEM)


def stored(archive: Factory, frame: Frame) -> Path:
    assert frame.current is not None
    assert frame.current.stored is not None
    return archive.store.path(frame.current.stored.key)


def tree(root: Path) -> dict[str, tuple[str, int]]:
    """What lies below a folder: digests and times of change."""
    return {
        path.relative_to(root).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in root.rglob("*")
        if path.is_file()
    }


def an_old_archive(root: Path, release: str = "2.0.0") -> PyobsArchive:
    """Three users and three frames, one of which names the other two."""
    old = PyobsArchive(root, release)
    old.user(1, "admin", is_superuser=True, is_staff=True)
    old.user(2, "pyobs", is_staff=True, email="")
    old.user(5, "anna", is_active=False, token="")
    old.frame(7, "bias-1", IMAGETYP="bias", FILTER=None)
    old.frame(9, "flat-1", IMAGETYP="skyflat")
    old.frame(4711, "science-1", night="2026-11-17")
    old.related(4711, 7)
    old.related(4711, 9)
    return old


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("release", RELEASES)
async def test_ids_tokens_users_and_files_are_kept(
    archive: Factory, tmp_path: Path, database_url: str, kind: str, release: str
) -> None:
    old = an_old_archive(tmp_path / "old", release)
    if kind == "sqlite":
        url = old.write_sqlite(tmp_path / "db.sqlite3")
    else:
        url = await old.write_postgresql(database_url, "pyobs_old")
    before = tree(old.root)
    results = await run(archive, url, old.root)
    assert set(fates(results).values()) == {Fate.IMPORTED}
    assert len(results) == 6
    assert tree(old.root) == before
    await assert_frames(archive, old)
    await assert_users(archive)


async def assert_frames(archive: Factory, old: PyobsArchive) -> None:
    page = await archive.frames.search(FrameQuery(), SYSTEM)
    names = {7: "bias-1", 9: "flat-1", 4711: "science-1"}
    assert {frame.id: frame.basename for frame in page.items} == names
    science = await frame(archive, 4711)
    assert science.related == (7, 9)
    facts = science.facts
    assert (facts.is_internal, facts.public_at) == (True, None)
    assert str(facts.night) == "2026-11-17"
    assert facts.telescope_altitude_deg == 55.5
    assert facts.request_text == "4711"
    key = "tst/2026-11-18/science-1.fits.fz"
    assert stored(archive, science) == archive.settings.archive_dir / key
    assert stored(archive, science).read_bytes() == (old.root / key).read_bytes()
    assert not stored(archive, science).samefile(old.root / key)
    assert list(archive.settings.spool_dir.iterdir()) == []


async def assert_users(archive: Factory) -> None:
    users = {user.username: user for user in await archive.accounts.list_users()}
    assert users["admin"].is_superuser
    assert (users["pyobs"].is_staff, users["pyobs"].is_superuser) == (True, False)
    assert users["pyobs"].email is None
    assert not users["anna"].is_active
    caller = await archive.accounts.caller_for_token(token_of("pyobs"))
    assert caller.username == "pyobs"
    for name in ("admin", "ADMIN"):  # the second time by the hash that the first one left
        assert await archive.accounts.log_in(name, "admin has a password") == token_of("admin")


async def test_a_second_run_takes_what_is_new_and_nothing_else(
    archive: Factory, tmp_path: Path
) -> None:
    old = an_old_archive(tmp_path / "old")
    url = old.write_sqlite(tmp_path / "db.sqlite3")
    await run(archive, url, old.root)
    old.frame(4712, "science-2")
    old.user(6, "bert")
    old.write_sqlite(tmp_path / "db.sqlite3")
    results = await run(archive, url, old.root)
    assert {what: fate for what, fate in fates(results).items() if fate is not Fate.KNOWN} == {
        "user bert": Fate.IMPORTED,
        "frame 4712 science-2": Fate.IMPORTED,
    }
    assert len(results) == 8
    assert len((await frame(archive, 9)).versions) == 1


async def test_new_frames_get_numbers_above_the_imported_ones(
    archive: Factory, tmp_path: Path
) -> None:
    old = an_old_archive(tmp_path / "old")
    url = old.write_sqlite(tmp_path / "db.sqlite3")
    await run(archive, url, old.root, reserve=100)
    make_fits(tmp_path / "new.fits")
    from tests.ingest.test_ingest import dropped  # noqa: PLC0415  # the shape of an arrival

    _, outcome = await archive.ingest.take_in(dropped(tmp_path / "new.fits"))
    assert getattr(outcome, "frame_id", 0) == 4812


async def test_files_below_the_archive_root_stay_where_they_are(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    root = tmp_path / "old"
    old = an_old_archive(root)
    settings = settings_in(tmp_path, archive_root=root)
    archive = an_archive(settings, committed_sessions, engine, offload)
    before = tree(root)
    url = old.write_sqlite(tmp_path / "db.sqlite3")
    results = await run(archive, url, root)
    assert set(fates(results).values()) == {Fate.IMPORTED}
    assert tree(root) == before
    assert stored(archive, await frame(archive, 7)) == root / "tst/2026-11-18/bias-1.fits.fz"
    assert await archive.jobs.count() == 0
    packed_file(root / "tst/2026-11-18/bias-1.fits.fz", OBJECT="somebody wrote here")
    again = await run(archive, url, root)
    (failure,) = [result for result in again if result.fate is Fate.FAILED]
    assert failure.what == "frame 7 bias-1"
    assert "has changed since" in failure.reason


async def test_files_can_be_linked(archive: Factory, tmp_path: Path) -> None:
    old = an_old_archive(tmp_path / "old")
    url = old.write_sqlite(tmp_path / "db.sqlite3")
    await run(archive, url, old.root, transfer=Transfer.LINK)
    source = old.root / "tst/2026-11-18/bias-1.fits.fz"
    assert stored(archive, await frame(archive, 7)).samefile(source)


async def test_a_file_that_was_replaced_is_a_new_version(archive: Factory, tmp_path: Path) -> None:
    old = an_old_archive(tmp_path / "old")
    url = old.write_sqlite(tmp_path / "db.sqlite3")
    await run(archive, url, old.root)
    packed_file(old.root / "tst/2026-11-18/bias-1.fits.fz", OBJECT="reduced anew")
    results = await run(archive, url, old.root)
    assert fates(results)["frame 7 bias-1"] is Fate.NEW_VERSION
    assert len((await frame(archive, 7)).versions) == 2


async def test_what_cannot_be_imported_is_named_and_the_rest_goes_on(
    archive: Factory, tmp_path: Path
) -> None:
    old = an_old_archive(tmp_path / "old")
    old.frame(4712, "lost", with_file=False)
    old.frame(4713, "noise").write_bytes(b"no FITS at all" * 1000)
    old.frame(4714, "outside", path="../elsewhere", with_file=False)
    old.user(8, "no good", token="0" * 40)
    old.user(9, "odd", token="short" * 3)
    url = old.write_sqlite(tmp_path / "db.sqlite3")
    results = await run(archive, url, old.root)
    failures = {r.what: r.title for r in results if r.fate is Fate.FAILED}
    assert failures.keys() == {
        "frame 4712 lost",
        "frame 4713 noise",
        "frame 4714 outside",
        "user no good",
        "user odd",
    }
    assert failures["frame 4712 lost"] == "File missing"
    assert all(result.reason for result in results if result.fate is Fate.FAILED)
    assert len(results) == 11
    packed_file(old.root / "tst/2026-11-18/lost.fits.fz")
    again = fates(await run(archive, url, old.root))
    assert again["frame 4712 lost"] is Fate.IMPORTED


async def test_a_number_that_is_taken_is_refused(archive: Factory, tmp_path: Path) -> None:
    from tests.support.frames import a_frame  # noqa: PLC0415  # needed here alone

    made = await a_frame(archive.sessions, "mine")
    other = await a_frame(archive.sessions, "science-1")
    old = PyobsArchive(tmp_path / "old")
    old.frame(made.id, "theirs")
    old.frame(4711, "science-1")
    url = old.write_sqlite(tmp_path / "db.sqlite3")
    results = await run(archive, url, old.root)
    reasons = {result.what: result.reason for result in results}
    assert "mine has it" in reasons[f"frame {made.id} theirs"]
    assert f"is frame {other.id} in this archive" in reasons["frame 4711 science-1"]
    assert {result.title for result in results} == {"Number taken"}


async def test_a_frame_that_was_removed_here_stays_away(archive: Factory, tmp_path: Path) -> None:
    old = an_old_archive(tmp_path / "old")
    url = old.write_sqlite(tmp_path / "db.sqlite3")
    await run(archive, url, old.root)
    await archive.removal.remove(7, SYSTEM)
    results = await run(archive, url, old.root)
    assert fates(results)["frame 7 bias-1"] is Fate.REMOVED


async def test_a_dry_run_changes_nothing(archive: Factory, tmp_path: Path) -> None:
    old = an_old_archive(tmp_path / "old")
    old.frame(4712, "lost", with_file=False)
    url = old.write_sqlite(tmp_path / "db.sqlite3")
    results = await run(archive, url, old.root, dry=True)
    assert fates(results).pop("frame 4712 lost") is Fate.FAILED
    assert {result.fate for result in results} == {Fate.PLANNED, Fate.FAILED}
    assert await archive.accounts.list_users() == ()
    assert (await archive.frames.search(FrameQuery(), SYSTEM)).count == 0


async def test_access_by_project(archive: Factory, tmp_path: Path) -> None:
    old = PyobsArchive(tmp_path / "old")
    for number, name in enumerate(["anna", "bert"], 1):
        old.user(number, name)
    old.project("open", public=True)
    old.project("secret", public=False, members=(1,))
    old.frame(1, "of-all", PROJECT="open")
    old.frame(2, "of-anna", PROJECT="secret")
    old.frame(3, "of-nobody")
    url = old.write_sqlite(tmp_path / "db.sqlite3")
    await run(archive, url, old.root, by_project=True)

    async def seen_by(name: str) -> set[int]:
        caller = await archive.accounts.caller_for_token(token_of(name))
        return {f.id for f in (await archive.frames.search(FrameQuery(), caller)).items}

    assert await seen_by("anna") == {1, 2}
    assert await seen_by("bert") == {1}


async def test_an_interrupted_run_goes_on(archive: Factory, tmp_path: Path) -> None:
    old = an_old_archive(tmp_path / "old")
    url = old.write_sqlite(tmp_path / "db.sqlite3")
    stop = asyncio.Event()
    results: list[Result] = []

    def tell(result: Result) -> None:
        results.append(result)
        stop.set()

    async with opened_tables(url) as tables:
        options = PyobsOptions(source_name(url), old.root)
        await pyobs_import(archive).import_frames(
            tables, options, concurrency=1, stop=stop, tell=tell
        )
    assert len(results) == 1
    again = await run(archive, url, old.root)
    assert [r.fate for r in again if r.what.startswith("frame")] == [
        Fate.KNOWN,
        Fate.IMPORTED,
        Fate.IMPORTED,
    ]


async def test_a_copy_is_enough_where_the_old_file_is_gone(
    archive: Factory, tmp_path: Path
) -> None:
    old = an_old_archive(tmp_path / "old")
    url = old.write_sqlite(tmp_path / "db.sqlite3")
    await run(archive, url, old.root)
    (old.root / "tst/2026-11-18/bias-1.fits.fz").unlink()
    assert set(fates(await run(archive, url, old.root)).values()) == {Fate.KNOWN}


async def test_nobody_becomes_a_member_in_place_of_somebody_else(
    archive: Factory, tmp_path: Path
) -> None:
    old = PyobsArchive(tmp_path / "old")
    old.root.mkdir()
    old.user(1, "anna")
    old.user(2, "Anna", email="")
    old.user(3, "no good")
    old.project("secret", public=False, members=(2, 3))
    old.project(" odd ", public=False)
    url = old.write_sqlite(tmp_path / "db.sqlite3")
    results = fates(await run(archive, url, old.root))
    assert results == {
        "user anna": Fate.IMPORTED,
        "user Anna": Fate.FAILED,
        "user no good": Fate.FAILED,
        "project  odd ": Fate.FAILED,
    }
    (proposal,) = await archive.proposals.list()
    assert (proposal.id, proposal.members) == ("secret", ())
