"""Bytes that the archive has lost come in again, and take the place of the lost file."""

from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.db.engine import Sessions
from app.frames.models import Frame
from app.frames.versions import DamagedFileError
from app.ingest.models import ArrivalState
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits
from tests.support.frames import stored_in
from tests.support.ingesting import file_away, filed
from tests.support.verifying import MENDING, audit_lines, flip_a_bit, found_by, put

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    return an_archive(settings_in(tmp_path), committed_sessions, engine, offload)


async def again(archive: Factory, frame: Frame, content: bytes) -> Frame:
    """Drop the same bytes under another name; give the frame as it is then."""
    arrival = await file_away(archive, put(archive.settings.inbox / "again.fits", content))
    assert (arrival.state, arrival.frame_id) == (ArrivalState.DUPLICATE, frame.id)
    return await archive.frames.get(frame.id, SYSTEM)


async def a_filed_one(archive: Factory, *, packed: bool) -> tuple[Frame, bytes]:
    path = make_fits(archive.settings.inbox / "a.fits", shape=(256, 256))
    content = path.read_bytes()
    frame = await filed(archive, path)
    if packed:
        assert frame.current is not None
        await archive.packing.pack(frame.current.id)
        await archive.packing.remove(stored_in(frame.current).key)
        frame = await archive.frames.get(frame.id, SYSTEM)
        assert stored_in(frame.current).name == "a.fits.fz"
    return frame, content


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("is_gone", [False, True], ids=["altered", "missing"])
async def test_a_lost_file_is_restored_by_the_same_bytes(
    archive: Factory, *, packed: bool, is_gone: bool
) -> None:
    frame, content = await a_filed_one(archive, packed=packed)
    lost = archive.store.path(stored_in(frame.current).key)
    flip_a_bit(lost)
    rotten = lost.read_bytes()
    if is_gone:
        lost.unlink()
    else:
        (finding,) = await found_by(archive, MENDING)
        assert finding.mended is None
    frame = await again(archive, frame, content)
    stored = stored_in(frame.current)
    assert stored.name == "a.fits"
    assert archive.store.path(stored.key).read_bytes() == content
    assert await found_by(archive, MENDING) == ()
    assert [action for action, _, _ in await audit_lines(archive)] == ["repair file"]
    if not is_gone:
        (aside,) = (p for p in archive.settings.archive_dir.glob(".damaged/**/*") if p.is_file())
        assert aside.read_bytes() == rotten
    if packed:
        assert frame.current is not None
        await archive.packing.pack(frame.current.id)
        packed_again = await archive.frames.get(frame.id, SYSTEM)
        assert stored_in(packed_again.current).name == "a.fits.fz"
        headers = await archive.frames.headers(frame.current)
        assert headers


async def test_the_packed_file_itself_is_taken_as_well(archive: Factory) -> None:
    frame, _ = await a_filed_one(archive, packed=True)
    lost = archive.store.path(stored_in(frame.current).key)
    content = lost.read_bytes()
    lost.unlink()
    frame = await again(archive, frame, content)
    assert stored_in(frame.current).name == "a.fits.fz"
    assert lost.read_bytes() == content


async def test_other_frames_and_sound_files_are_left_alone(archive: Factory) -> None:
    frame, content = await a_filed_one(archive, packed=False)
    path = archive.store.path(stored_in(frame.current).key)
    inode = path.stat().st_ino
    await again(archive, frame, content)
    assert path.stat().st_ino == inode
    assert await audit_lines(archive) == []


async def test_a_rotten_original_is_never_packed_as_sound(archive: Factory) -> None:
    frame, _ = await a_filed_one(archive, packed=False)
    assert frame.current is not None
    stored = stored_in(frame.current)
    flip_a_bit(archive.store.path(stored.key), -3000)
    with pytest.raises(DamagedFileError):
        await archive.packing.pack(frame.current.id)
    assert stored_in((await archive.frames.get(frame.id, SYSTEM)).current) == stored
