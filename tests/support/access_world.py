"""A random world for the test of the access model: frames, people, and the rule in five lines."""

import io
import random
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from astropy.io import fits

from app.context import Factory
from app.core.clock import system_clock
from app.db.engine import transaction
from app.db.tables import FrameRow, StoredThumbnailRow
from app.db.tables.base import archive_ids
from app.settings import InternalFrames
from tests.support.frames import FUTURE, OBSERVED, PAST, a_frame, a_header

PROPOSALS = ("P1", "P2", "P3")
SITES = ("aaa", "bbb", "ccc")


@dataclass(frozen=True)
class Person:
    """Somebody who asks."""

    name: str
    token: str | None = None
    id: int | None = None
    is_staff: bool = False
    is_superuser: bool = False
    is_active: bool = True
    proposals: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Subject:
    """A frame that may be seen or not.

    `has_file`: its bytes are here, so that it stands in lists. `has_date`: strict mounts list it.
    `is_known`: more than its name is known. `names`: numbers of the frames in its header.
    `thumbnail_id`: of the posted thumbnail.
    """

    id: int
    basename: str
    site: str
    filter_name: str
    public_at: datetime | None
    is_internal: bool
    proposal: str | None
    owner_id: int | None
    has_file: bool
    has_date: bool
    names: frozenset[int]
    thumbnail_id: int | None = None

    @property
    def is_known(self) -> bool:
        """Whether more is known than the name."""
        return self.has_file or self.has_date


@dataclass(frozen=True)
class World:
    """Everything that was drawn."""

    people: tuple[Person, ...]
    frames: tuple[Subject, ...]
    internal: InternalFrames

    def sees(self, person: Person, frame: Subject) -> bool:
        """The rule: shared model §4, ARC-3."""
        anybody = frame.public_at is not None and frame.public_at <= system_clock()
        mine = person.id is not None and frame.owner_id == person.id
        member = frame.proposal in person.proposals
        inside = {"public": True, "users": person.id is not None, "staff": person.is_staff}
        house = frame.is_internal and inside[self.internal]
        return person.is_superuser or anybody or mine or member or house

    def related(self, frame: Subject) -> frozenset[int]:
        """Numbers of the frames that a frame names or that name it."""
        return frame.names | {each.id for each in self.frames if frame.id in each.names}


async def a_world(archive: Factory, seed: int, *, frames: int) -> World:
    """Draw people and frames, and put them into an archive."""
    rng = random.Random(seed)  # noqa: S311  # a test, to be repeated
    people = await _people(archive, rng)
    owners = [each.id for each in people] + [None] * 6
    drawn: list[Subject] = []
    for number in range(frames):
        wish = _draw(rng, number, owners)
        names = frozenset(each.id for each in rng.sample(drawn, min(len(drawn), 2)))
        kind = rng.choices(["file", "dateless", "announced", "name"], [12, 1, 1, 1])[0]
        drawn.append(await _put(archive, wish, kind, names, drawn))
    return World(people, tuple(drawn), archive.settings.internal_frames)


async def _people(archive: Factory, rng: random.Random) -> tuple[Person, ...]:
    """Make somebody of each kind; members have one to three proposals."""
    made = [Person("anonymous")]
    for name in ("plain", "member", "other", "staff", "super", "off"):
        user = await archive.accounts.create_user(
            name, "horse", is_staff=name == "staff", is_superuser=name in {"super", "off"}
        )
        some = rng.sample(PROPOSALS, rng.randint(1, 2)) if name in {"member", "other"} else []
        for proposal in some:
            await archive.proposals.add_member(proposal, name)
        token = await archive.accounts.token_of(user)
        staff = user.is_staff or user.is_superuser
        member = frozenset(some)
        made.append(Person(name, token, user.id, staff, user.is_superuser, name != "off", member))
    await archive.accounts.set_active("off", is_active=False)
    return tuple(made)


def _draw(rng: random.Random, number: int, owners: list[int | None]) -> dict[str, object]:
    """Draw what decides who sees a frame; its filter is its own, and tells it in aggregates."""
    proposal = rng.choice([*PROPOSALS, None])
    return {
        "basename": f"w{number:03d}",
        "site": rng.choice(SITES),
        "filter_name": f"F{number:03d}",
        "proposal": proposal,
        "public_at": rng.choice([PAST, FUTURE, FUTURE, None]),
        "is_internal": proposal is None and rng.random() < 0.6,
        "owner_id": rng.choice(owners),
    }


async def _put(
    archive: Factory,
    wish: dict[str, object],
    kind: str,
    names: frozenset[int],
    known: list[Subject],
) -> Subject:
    """Put a frame into the archive: a file, one without a date, facts only, or a name only."""
    has_file, has_date = kind in {"file", "dateless"}, kind in {"file", "announced"}
    if kind == "name":
        wish |= {"proposal": None, "public_at": None, "is_internal": False, "owner_id": None}
    observed_at = OBSERVED if has_date else None
    if has_file:
        related = [each.basename for each in known if each.id in names]
        content = _fits_file(str(wish["basename"]))
        made = await a_frame(
            archive.sessions,
            store=archive.store,
            content=content,
            related=related,
            hdus=[a_header(OBJECT=wish["basename"]), a_header(1, "CAT", "table")],
            has_catalog=True,
            observed_at=observed_at,
            **wish,  # type: ignore[arg-type]  # of a_frame
        )
        frame_id = made.id
        wish = wish | {"thumbnail_id": await _put_thumbnail(archive, frame_id)}
    else:
        names = frozenset()
        frame_id = await _put_row(archive, wish | {"observed_at": observed_at})
    return Subject(frame_id, has_file=has_file, has_date=has_date, names=names, **wish)  # type: ignore[arg-type]


async def _put_row(archive: Factory, wish: dict[str, object]) -> int:
    """Add a frame without any version."""
    async with transaction(archive.sessions) as session:
        number = await session.scalar(archive_ids)
        session.add(FrameRow(id=number, reduction_level=0, **wish))
    assert isinstance(number, int)
    return number


async def _put_thumbnail(archive: Factory, frame_id: int) -> int:
    """Add a thumbnail that a client posted."""
    async with transaction(archive.sessions) as session:
        name = f"thumbnail-{frame_id}"
        texts = dict.fromkeys(("basename", "key", "md5"), name)
        row = StoredThumbnailRow(frame_id=frame_id, size="small", extension=".jpg", **texts)
        session.add(row)
        await session.flush()
        return row.id


def _fits_file(basename: str) -> bytes:
    """Write a small FITS file with a catalogue that no other equals."""
    pixels = np.arange(64, dtype="i2").reshape(8, 8)
    sources = fits.BinTableHDU.from_columns([fits.Column("X", "E", array=[1.0])], name="CAT")
    buffer = io.BytesIO()
    header = fits.Header([("OBJECT", basename)])
    fits.HDUList([fits.PrimaryHDU(pixels, header), sources]).writeto(buffer)
    return buffer.getvalue()
