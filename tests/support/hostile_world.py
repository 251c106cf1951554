"""A small archive with a frame of every kind and a caller of every kind, for hostile requests."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.io import fits
from sqlalchemy import update

from app.context import Factory
from app.core.errors import ArchiveError
from app.db.engine import transaction
from app.db.tables import FileRow, FrameRow, StoredThumbnailRow
from app.db.tables.base import archive_ids
from app.ingest.models import NewArrival, Source
from tests.support.frames import FUTURE, OBSERVED, PAST, Made, a_frame, a_header

PASSWORD = "a horse, a battery & a staple"  # noqa: S105  # of test users
CALLERS = ("nobody", "user", "staff", "superuser")


@dataclass
class World:
    """What there is to be asked for: frames by kind, tokens by caller."""

    archive: Factory
    frames: dict[str, Made]
    bare_id: int
    tokens: dict[str, str]
    thumbnail_id: int
    arrival_id: int

    @property
    def frame_ids(self) -> list[int]:
        """Numbers of all frames."""
        return [made.id for made in self.frames.values()] + [self.bare_id]

    async def renew_tokens(self) -> None:
        """Give everybody a token again, whatever was revoked."""
        for name in CALLERS[1:]:
            user = await self.archive.accounts.get_user(name)
            self.tokens[name] = await self.archive.accounts.token_of(user)

    async def a_doomed_frame(self) -> int:
        """Add a frame that may be deleted."""
        return (await a_frame(self.archive.sessions, store=self.archive.store)).id


def fits_file(name: str, *, is_packed: bool = False) -> bytes:
    """Write a small FITS file with a picture and a catalogue that no other equals."""
    pixels = np.arange(32 * 24, dtype="i2").reshape(32, 24)
    header = fits.Header([("OBJECT", name[:60])])
    sources = fits.BinTableHDU.from_columns([fits.Column("X", "E", array=[1.0])], name="CAT")
    first = [fits.PrimaryHDU(pixels, header)]
    if is_packed:
        first = [fits.PrimaryHDU(None, header), fits.CompImageHDU(pixels)]
    buffer = io.BytesIO()
    fits.HDUList([*first, sources]).writeto(buffer)
    return buffer.getvalue()


async def a_hostile_world(archive: Factory) -> World:
    """Put frames and users into an empty archive."""
    tokens = {}
    for name in CALLERS[1:]:
        user = await archive.accounts.create_user(
            name, PASSWORD, is_staff=name == "staff", is_superuser=name == "superuser"
        )
        tokens[name] = await archive.accounts.token_of(user)
    await archive.proposals.add_member("P1", "user")
    frames = await _frames(archive)
    bare_id = await _bare(archive)
    thumbnail_id = await _thumbnail(archive, frames["public"].id)
    return World(archive, frames, bare_id, tokens, thumbnail_id, await _arrival(archive))


async def _frames(archive: Factory) -> dict[str, Made]:
    """File a frame of every kind that has bytes."""
    kinds: dict[str, dict[str, Any]] = {
        "public": {"related": ["hostile-packed"]},
        "proprietary": {"public_at": FUTURE, "proposal": "P1"},
        "internal": {"public_at": None, "is_internal": True},
        "dateless": {"observed_at": None},
        "versions": {},
        "packed": {"extension": ".fits.fz"},
        "missing": {"store": None},
        "damaged": {},
    }
    made = {name: await _a_frame(archive, name, **wish) for name, wish in kinds.items()}
    made["versions"] = await _a_frame(archive, "versions", content=fits_file("again"))
    await _damage(archive, made["damaged"])
    return made


async def _a_frame(archive: Factory, name: str, **wish: Any) -> Made:  # noqa: ANN401  # of a_frame
    given = {
        "store": archive.store,
        "content": fits_file(name, is_packed="extension" in wish),
        "hdus": [a_header(OBJECT=name), a_header(1, "CAT", "table")],
        "has_catalog": True,
        "ra_deg": 132.8,
        "dec_deg": 11.8,
        **wish,
    }
    return await a_frame(archive.sessions, f"hostile-{name}", **given)


async def _damage(archive: Factory, made: Made) -> None:
    """Note what a verification found."""
    async with transaction(archive.sessions) as session:
        changed = update(FileRow).where(FileRow.key.contains(made.basename))
        await session.execute(changed.values(damage="altered", damaged_at=PAST))


async def _bare(archive: Factory) -> int:
    """Add a frame of which a client announced everything but a version."""
    async with transaction(archive.sessions) as session:
        number = await session.scalar(archive_ids)
        session.add(
            FrameRow(
                id=number,
                basename="hostile-bare",
                reduction_level=0,
                observed_at=OBSERVED,
                public_at=PAST,
            )
        )
    assert isinstance(number, int)
    return number


async def _thumbnail(archive: Factory, frame_id: int) -> int:
    async with transaction(archive.sessions) as session:
        texts = dict.fromkeys(("basename", "key", "md5"), "hostile-thumbnail")
        row = StoredThumbnailRow(frame_id=frame_id, size="small", extension=".jpg", **texts)
        session.add(row)
        await session.flush()
        return row.id


async def _arrival(archive: Factory) -> int:
    """Leave something in quarantine."""
    path = archive.spool.new_path()
    path.write_bytes(b"no FITS file")
    new = NewArrival(
        source=Source.UPLOAD,
        filename="no.fits",
        size_bytes=12,
        held_path=path,
        owner_id=None,
    )
    arrival, outcome = await archive.ingest.take_in(new)
    assert isinstance(outcome, ArchiveError)
    return arrival.id
