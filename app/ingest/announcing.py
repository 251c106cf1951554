"""Frames that a client describes, and whose bytes it puts into the archive itself.

So works the ingester of the LCO archive (contract §7): it stores the file where its own path rule
says, and posts the metadata. Bytes that are there are looked at and become the version's file;
others may turn up later.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from app.accounts.tags import AccountRegistry
from app.core.clock import Clock
from app.core.identity import SYSTEM, Caller
from app.core.offload import Offload, Task
from app.core.sky import Vector, normalized, position_deg, unit_vector
from app.db.engine import Sessions, transaction
from app.fits.keywords import KeywordMap
from app.fits.models import (
    Container,
    Footprint,
    Hdu,
    HduKind,
    HeaderCard,
    HeaderValue,
    Metadata,
    ObservationType,
    Reading,
)
from app.frames.announced import (
    AnnouncedThumbnail,
    AnnouncedVersion,
    Announcement,
    Deposit,
    StoredThumbnail,
)
from app.frames.announcements import AnnouncementRegistry
from app.frames.models import FrameFacts, HeaderOfHdu, Version
from app.frames.registry import FrameRegistry
from app.frames.service import FrameService
from app.frames.thumbnails import ThumbnailRecordService
from app.ingest.deposits import Deposits
from app.ingest.facts import facts_of, pyobs_type
from app.ingest.publicity import Publicity
from app.ingest.rules import Rules

log = structlog.get_logger(__name__)

READ_CARDS: Final = Task[[tuple[HeaderCard, ...], KeywordMap], Metadata](
    "app.fits.posted:read_cards"
)

_KNOWN_TYPES: Final = {str(each): each for each in ObservationType}

_OF_METADATA: Final = frozenset(
    {
        "site", "telescope", "instrument", "filter_name", "exposure_s", "observed_at", "day_obs",
        "object_name", "proposal", "reduction_level",
    }
)  # fmt: skip
"""What a client says that other facts follow from."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A frame as a client describes it.

    Attributes
    ----------
    basename
        Of the frame.
    header
        Keyword -> value.
    given
        Attributes of `FrameFacts` that the client decides; others follow from the header.
    versions
        New ones.
    related
        Basenames of frames that this one names.
    """

    basename: str
    header: Mapping[str, HeaderValue]
    given: Mapping[str, Any]
    versions: tuple[AnnouncedVersion, ...] = ()
    related: tuple[str, ...] = ()


class AnnouncingService:
    """Takes what clients announce.

    Parameters
    ----------
    sessions, offload, clock
        Of the process.
    rules
        Of this archive.
    deposits
        Looks for the bytes.
    frames, thumbnails
        The catalogue.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        offload: Offload,
        clock: Clock,
        rules: Rules,
        deposits: Deposits,
        frames: FrameService,
        thumbnails: ThumbnailRecordService,
    ) -> None:
        self._sessions = sessions
        self._offload = offload
        self._clock = clock
        self._rules = rules
        self._deposits = deposits
        self._frames = frames
        self._thumbnails = thumbnails

    async def announce(self, posted: Posted, caller: Caller) -> int:
        """Add a frame, or change what is known of it, and add its versions (ARC-70 to 73).

        Parameters
        ----------
        posted
            What the client says.
        caller
            Who says it.

        Returns
        -------
        int
            Number of the frame.

        Raises
        ------
        KnownVersionError
            If one of the versions is in the archive already.
        OtherBytesError
            If other bytes than those announced lie where they should.
        """
        async with transaction(self._sessions) as session:
            await AnnouncementRegistry(session).refuse_known(posted.versions)
        announcement = await self._announcement(posted, caller)
        async with AsyncExitStack() as undo:
            for version in posted.versions:
                deposit = await self._deposit(posted.basename, version, announcement.header, undo)
                with_bytes = (*announcement.versions, (version, deposit))
                announcement = replace(announcement, versions=with_bytes)
            async with transaction(self._sessions) as session:
                frame_id = await AnnouncementRegistry(session).announce(announcement, self._clock())
            undo.pop_all()
        log.info("frame announced", frame_id=frame_id, versions=len(posted.versions))
        return frame_id

    async def announce_thumbnail(
        self, thumbnail: AnnouncedThumbnail, posted: Posted, caller: Caller
    ) -> int:
        """Add a picture of a frame, or replace the one of its basename (ARC-75).

        Parameters
        ----------
        thumbnail
            What the client says of the picture.
        posted
            What it says of the frame, which is added where it is not known.
        caller
            Who says it.

        Returns
        -------
        int
            Number of the thumbnail.

        Raises
        ------
        OtherBytesError
            If other bytes than those announced lie where they should.
        """
        frame = await self._announcement(posted, caller)
        async with AsyncExitStack() as undo:
            found = await self._deposits.find_file(
                thumbnail.basename, thumbnail.version, is_strict=True
            )
            undo.push_async_callback(self._deposits.give_back, found)
            thumbnail = replace(thumbnail, stored=None if found is None else found.stored)
            async with transaction(self._sessions) as session:
                thumbnail_id = await AnnouncementRegistry(session).announce_thumbnail(
                    thumbnail, frame, self._clock()
                )
            undo.pop_all()
        return thumbnail_id

    async def fetch(self, version: Version) -> Version:
        """Look once more for the bytes of a version that was announced.

        Parameters
        ----------
        version
            Of a frame that the caller sees.

        Returns
        -------
        Version
            With its file, if that is here by now.
        """
        if version.stored is not None or not version.expected_keys:
            return version
        announced = AnnouncedVersion(
            version.key, version.announced_md5, version.extension, version.expected_keys
        )
        basename = version.name.removesuffix(version.extension)
        found = await self._deposits.find_file(basename, announced)
        if found is None:
            return version
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self._deposits.give_back, found)
            hdus = await self._frames.headers(version)
            deposit = await self._deposits.read(found, hdus[version.science_hdu or 0])
            async with transaction(self._sessions) as session:
                await AnnouncementRegistry(session).attach(version.id, deposit, self._clock())
                version = await FrameRegistry(session).version(version.id)
            if version.stored == found.stored:
                undo.pop_all()
        return version

    async def fetch_thumbnail(self, thumbnail: StoredThumbnail) -> StoredThumbnail:
        """Look once more for the bytes of a picture that was announced.

        Parameters
        ----------
        thumbnail
            Of a frame that the caller sees.

        Returns
        -------
        StoredThumbnail
            With its file, if that is here by now.
        """
        if thumbnail.stored is not None or not thumbnail.expected_keys:
            return thumbnail
        version = AnnouncedVersion(
            thumbnail.key, thumbnail.md5, thumbnail.extension, thumbnail.expected_keys
        )
        found = await self._deposits.find_file(thumbnail.basename, version)
        if found is None:
            return thumbnail
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self._deposits.give_back, found)
            async with transaction(self._sessions) as session:
                registry = AnnouncementRegistry(session)
                is_used = await registry.attach_thumbnail(thumbnail.id, found.stored, self._clock())
            if is_used:
                undo.pop_all()
        return await self._thumbnails.get(thumbnail.id, SYSTEM)

    async def _deposit(
        self, basename: str, version: AnnouncedVersion, header: HeaderOfHdu, undo: AsyncExitStack
    ) -> Deposit | None:
        """Look for the bytes of a version that is being announced."""
        found = await self._deposits.find_file(basename, version, is_strict=True)
        if found is None:
            return None
        undo.push_async_callback(self._deposits.give_back, found)
        return await self._deposits.read(found, header)

    async def _announcement(self, posted: Posted, caller: Caller) -> Announcement:
        cards = tuple(HeaderCard(keyword, value) for keyword, value in posted.header.items())
        metadata = await self._offload.call(READ_CARDS, cards, self._rules.keywords)
        decided = {name: value for name, value in posted.given.items() if name in _OF_METADATA}
        if "observation_type" in posted.given:
            decided["observation_type"] = _KNOWN_TYPES.get(posted.given["observation_type"])
        metadata = replace(metadata, **decided)
        return Announcement(
            basename=posted.basename,
            facts=await self._facts(posted, metadata, cards),
            header=HeaderOfHdu(
                0,
                "",
                HduKind.IMAGE,
                tuple((card.keyword, card.value, card.comment) for card in cards),
            ),
            related=tuple(name for name in posted.related if name and name != posted.basename),
            owner_id=caller.user_id,
        )

    async def _facts(
        self, posted: Posted, metadata: Metadata, cards: tuple[HeaderCard, ...]
    ) -> FrameFacts:
        """Tell what the catalogue says: what the client decides, over what its header says."""
        given = dict(posted.given)
        area_deg = given.pop("area_deg", None)
        shape = _shape(posted.header)
        hdu = Hdu(0, "", HduKind.IMAGE, shape=shape, bitpix=8, cards=cards)
        footprint = None if area_deg is None else _footprint(area_deg)
        reading = Reading(Container.PLAIN, (hdu,), 0, metadata, footprint, ())
        publicity = await self._publicity(posted, metadata)
        facts = facts_of(reading, publicity, default_site=self._rules.naming.default_site)
        derived: dict[str, Any] = {
            "night": given.get("day_obs") or facts.night,
            "image_type_raw": facts.image_type_raw or pyobs_type(given.get("observation_type")),
        }
        return replace(facts, **derived, **given)

    async def _publicity(self, posted: Posted, metadata: Metadata) -> Publicity:
        """Decide who may see a frame, where the client does not."""
        if "public_at" in posted.given:
            return Publicity(posted.given["public_at"])
        tags: frozenset[str] = frozenset()
        dates = self._rules.public_dates
        if metadata.proposal is not None and dates.asks_for_tags:
            async with transaction(self._sessions) as session:
                tags = await AccountRegistry(session).tags_of(metadata.proposal)
        return dates.publicity(metadata, posted.basename, tags)


def _shape(header: Mapping[str, HeaderValue]) -> tuple[int, ...]:
    """Give the axes of the image, as its header tells them; those of a packed one come first."""
    for prefix in ("ZNAXIS", "NAXIS"):
        axes = [header.get(f"{prefix}{number}") for number in (1, 2)]
        lengths = [axis for axis in axes if isinstance(axis, int) and axis > 0]
        if len(lengths) == len(axes):
            return tuple(lengths)
    return ()


def _footprint(area_deg: tuple[tuple[float, float], ...]) -> Footprint:
    """Give an area its centre: the direction of the mean of its vertices."""
    vertices = [unit_vector(*vertex) for vertex in area_deg]
    mean = normalized(Vector(*(sum(axis) for axis in zip(*vertices, strict=True))))
    ra_deg, dec_deg = position_deg(mean)
    return Footprint(area_deg, ra_deg, dec_deg, 0.0)
