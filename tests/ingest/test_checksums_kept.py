"""What CHECKSUM and DATASUM say of a file is kept, whichever way it comes in."""

from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from astropy.io import fits
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from app.context import Factory
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.db.engine import Sessions
from app.fits.models import Checksums, ChecksumState
from app.frames.models import Frame, Version
from app.ingest.adopting import Adopter, Adoption
from app.ingest.models import Outcome, Source
from app.ingest.publicity import Publicity
from app.storage.digests import digest_file
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits, make_header, ramp
from tests.support.ingesting import dropped, filed
from tests.support.serving import Served, as_user, served

pytestmark = pytest.mark.asyncio

WRONG = Checksums(ChecksumState.INVALID, ("HDU 0: DATASUM", "HDU 0: CHECKSUM"))


def summed(path: Path, *, is_wrong: bool = False) -> Path:
    """Write a file with sums, of which all or none are right."""
    image = fits.PrimaryHDU(ramp((200, 200)), make_header())
    image.writeto(path, checksum=True)
    if is_wrong:
        data = bytearray(path.read_bytes())
        data[2880] ^= 1
        path.write_bytes(data)
    return path


def current(frame: Frame) -> Version:
    assert frame.current is not None
    return frame.current


@pytest_asyncio.fixture
async def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    settings = settings_in(tmp_path, pack="now")
    return an_archive(settings, committed_sessions, engine, offload)


async def header_of(opened: Served, frame_id: int) -> dict[str, object]:
    token = await opened.a_user("root", is_superuser=True)
    answer = await opened.client.get(f"/frames/{frame_id}/headers/", headers=as_user(token))
    listed = await opened.client.get(f"/frames/{frame_id}/", headers=as_user(token))
    shown = answer.json()
    assert listed.json()["fits_checksum"] == shown["fits_checksum"]
    return {key: shown[key] for key in ("fits_checksum", "checksum_flaws")}


async def test_a_sound_file_of_the_inbox(archive: Factory) -> None:
    """Also where it was packed at once: what was received is what is recorded."""
    frame = await filed(archive, summed(archive.settings.inbox / "a.fits"))
    assert current(frame).extension == ".fits.fz"
    assert current(frame).checksums == Checksums(ChecksumState.VALID)
    async with served(archive) as opened:
        assert await header_of(opened, frame.id) == {"fits_checksum": "valid", "checksum_flaws": []}


async def test_a_wrong_file_is_filed_and_told(archive: Factory) -> None:
    with capture_logs() as logs:
        frame = await filed(archive, summed(archive.settings.inbox / "a.fits", is_wrong=True))
    assert current(frame).checksums == WRONG
    (told,) = [entry for entry in logs if entry["event"] == "wrong FITS checksum"]
    assert told["log_level"] == "warning"
    assert (told["file"], told["flaws"]) == ("a.fits", WRONG.flaws)
    async with served(archive) as opened:
        assert await header_of(opened, frame.id) == {
            "fits_checksum": "invalid",
            "checksum_flaws": list(WRONG.flaws),
        }


async def test_a_file_without_sums(archive: Factory) -> None:
    frame = await filed(archive, make_fits(archive.settings.inbox / "a.fits"))
    assert current(frame).checksums == Checksums()


async def test_a_wrong_file_of_an_upload(archive: Factory, tmp_path: Path) -> None:
    path = summed(tmp_path / "a.fits", is_wrong=True)
    async with served(archive) as opened:
        token = await opened.a_user("root", is_superuser=True)
        answer = await opened.client.post(
            "/frames/create/", files={path.name: path.read_bytes()}, headers=as_user(token)
        )
    (result,) = answer.json()["results"]
    frame = await archive.frames.get(result["frame_id"], SYSTEM)
    assert current(frame).checksums == WRONG


async def test_a_wrong_file_of_a_bulk_import(archive: Factory, tmp_path: Path) -> None:
    path = summed(tmp_path / "a.fits", is_wrong=True)
    _, outcome = await archive.ingest.take_in(replace(dropped(path), source=Source.BULK))
    assert isinstance(outcome, Outcome)
    assert outcome.frame_id is not None
    frame = await archive.frames.get(outcome.frame_id, SYSTEM)
    assert current(frame).checksums == WRONG


async def test_packing_later_keeps_what_was_received(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> None:
    archive = an_archive(settings_in(tmp_path, pack="later"), committed_sessions, engine, offload)
    frame = await filed(archive, summed(archive.settings.inbox / "a.fits", is_wrong=True))
    await archive.packing.pack(current(frame).id)
    packed = current(await archive.frames.get(frame.id, SYSTEM))
    assert packed.extension == ".fits.fz"
    assert packed.checksums == WRONG


async def test_a_wrong_file_of_another_archive(archive: Factory, tmp_path: Path) -> None:
    path = summed(tmp_path / "a.fits", is_wrong=True)
    adopter = Adopter(
        sessions=archive.sessions,
        store=archive.store,
        offload=archive.offload,
        queue=archive.jobs,
        clock=archive.clock,
        rules=archive.rules,
    )
    frame_id, _ = await adopter.adopt(
        Adoption(path, digest_file(path), "a", ".fits", Publicity(None), folder="there")
    )
    assert current(await archive.frames.get(frame_id, SYSTEM)).checksums == WRONG
