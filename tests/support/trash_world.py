"""An archive with every kind of frame that can be deleted, for tests of the trash."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import insert, text

from app.context import Factory
from app.core.identity import SYSTEM
from app.core.paging import Window
from app.db.engine import Sessions, transaction
from app.db.tables import ImportedFrameRow
from app.frames.announced import AnnouncedThumbnail, AnnouncedVersion
from app.frames.trash import RemovedState
from app.ingest.announcing import Posted
from app.ingest.models import ArrivalState, NewArrival, Outcome, Source
from tests.support.archive import NOW
from tests.support.fits_files import make_fits, source_table
from tests.support.serving import Served, as_user

TABLES = (
    "arrivals", "files", "frame_headers", "frame_links", "frame_versions", "frames",
    "header_values", "imported_frames", "stored_thumbnails",
)  # fmt: skip
"""All tables that tell of a frame."""


@dataclass(frozen=True)
class Kinds:
    """Numbers of frames, one of each kind."""

    versions: int
    packed: int
    announced: int
    posted: int

    @property
    def numbers(self) -> tuple[int, ...]:
        """All of them."""
        return (self.versions, self.packed, self.announced, self.posted)


async def upload(archive: Factory, path: Path, owner_id: int | None = None) -> int:
    """Send a file in; give the number of the frame that it became."""
    _, outcome = await archive.ingest.take_in(_sent(archive, path, owner_id))
    assert isinstance(outcome, Outcome), outcome
    assert outcome.state is ArrivalState.FILED
    return outcome.frame_id


def _sent(archive: Factory, path: Path, owner_id: int | None) -> NewArrival:
    held, content = archive.spool.new_path(), path.read_bytes()
    held.write_bytes(content)
    return NewArrival(Source.UPLOAD, path.name, len(content), held_path=held, owner_id=owner_id)


async def every_kind(archive: Factory, folder: Path, owner_id: int | None = None) -> Kinds:
    """File a frame of each kind; some name each other."""
    first = make_fits(folder / "a.fits", wcs=True, hdus=[source_table()], L1IDBIAS="packed")
    number = await upload(archive, first, owner_id)
    again = make_fits(
        folder / "n" / "a.fits", wcs=True, hdus=[source_table()], AIRMASS=1.25, L1IDBIAS="packed"
    )
    assert await upload(archive, again, owner_id) == number
    packed = await upload(archive, make_fits(folder / "packed.fits", shape=(200, 200)))
    (version,) = (await archive.frames.get(packed, SYSTEM)).versions
    await archive.packing.pack(version.id)
    await _import_note(archive.sessions, packed)
    announced = await archive.announcing.announce(_announced(), SYSTEM)
    await archive.announcing.announce_thumbnail(_picture(archive), _announced(), SYSTEM)
    facts = {"observed_at": NOW, "ra_deg": -0.0, "dec_deg": -0.0, "airmass": 0.1 + 0.2}
    posted = await archive.announcing.announce(Posted("c", {"OBJECT": "M1"}, facts, ()), SYSTEM)
    return Kinds(number, packed, announced, posted)


async def _import_note(sessions: Sessions, frame_id: int) -> None:
    note = {"source": "elsewhere", "source_key": "7", "fingerprint": "x", "frame_id": frame_id}
    async with transaction(sessions) as session:
        await session.execute(insert(ImportedFrameRow).values(**note))


def _announced() -> Posted:
    version = AnnouncedVersion("0" * 32, "0" * 32, ".fits", ("tst/cam/20260102/raw/b.fits",))
    return Posted("b", {"OBJECT": "M67"}, {"observed_at": NOW}, (version,), ("a", "later"))


def _picture(archive: Factory) -> AnnouncedThumbnail:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG")
    path = archive.settings.filestore / "tst" / "t.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(buffer.getvalue())
    md5 = hashlib.md5(buffer.getvalue(), usedforsecurity=False).hexdigest()
    return AnnouncedThumbnail("t", "small", AnnouncedVersion(md5, md5, ".jpg", ("tst/t.jpg",)))


async def rows(sessions: Sessions) -> dict[str, list[str]]:
    """Read all rows that tell of frames, every value as PostgreSQL writes it."""
    async with transaction(sessions) as session:
        return {
            name: sorted((await session.execute(text(f"SELECT t::text FROM {name} t"))).scalars())  # noqa: S608  # constants
            for name in TABLES
        }


async def stored(archive: Factory) -> dict[str, bytes]:
    """Read all stored files."""
    found = [key async for key in archive.store.iter_keys()]
    return {key: archive.store.path(key).read_bytes() for key in found}


async def trashed(archive: Factory) -> list[str]:
    """List the places of the trash."""
    return [place async for place in archive.store.trash.iter_places()]


async def told(api: Served, token: str, kinds: Kinds) -> dict[str, Any]:
    """Ask every mount for all that it says of the frames."""
    paths = [
        "/frames/", "/pyobs/frames/", "/archive/frames/?start=2026-01-01&end=2027-01-01",
        "/archive/versions/", "/archive/thumbnails/", "/frames/?header.AIRMASS=1.25",
        "/frames/?header.OBJECT=M1&with_versions=false", "/aggregate/",
    ]  # fmt: skip
    for number in kinds.numbers:
        paths += [
            f"{mount}/frames/{number}/{what}"
            for mount in ("", "/pyobs", "/archive")
            for what in ("", "related/", "headers/")
        ]
    for number in (kinds.versions, kinds.packed):
        paths += [f"{mount}/frames/{number}/download/" for mount in ("", "/pyobs", "/archive")]
        paths += [f"/frames/{number}/preview/", f"/thumbnails/{number}/"]
    paths.append(f"/frames/{kinds.versions}/catalog/")
    answers = [await api.client.get(path, headers=as_user(token)) for path in paths]
    return {
        path: (answer.status_code, answer.content if answer.is_success else b"")
        for path, answer in zip(paths, answers, strict=True)
    }


async def state_of(archive: Factory, removal_id: int) -> RemovedState:
    """Tell what became of a deletion."""
    page = await archive.restoration.list(SYSTEM, Window(limit=1000))
    (state,) = [each.state for each in page.items if each.id == removal_id]
    return state
