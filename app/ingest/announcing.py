"""Frames that a client describes, and whose bytes it puts into a file store of its own.

So works the ingester of the LCO archive (contract §7): it stores the file where its own path rule
says, and posts the metadata. Bytes that are there are copied into the archive; others may turn up
later.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import structlog

from app.accounts.registry import AccountRegistry
from app.core.clock import Clock
from app.core.faults import FaultPoint, reach
from app.core.identity import SYSTEM, Caller
from app.core.offload import Offload, Task
from app.db.engine import Sessions, transaction
from app.db.violations import DuplicateBytesError, DuplicateNameError
from app.fits.keywords import KeywordMap
from app.fits.models import (
    Container,
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
    StoredThumbnail,
)
from app.frames.announcements import AnnouncementRegistry
from app.frames.models import Frame, FrameFacts, HeaderOfHdu, SameNameConflictError, Version
from app.frames.registry import FrameRegistry
from app.frames.service import FrameService
from app.frames.thumbnails import ThumbnailRecordService
from app.ingest.deposits import Brought, Deposits
from app.ingest.facts import facts_of, pyobs_type
from app.ingest.placing import remove_later
from app.ingest.posted_facts import footprint_of, shape_of
from app.ingest.publicity import Publicity
from app.ingest.rules import Rules
from app.jobs.service import JobQueue
from app.storage.errors import OccupiedError

log = structlog.get_logger(__name__)

T = TypeVar("T")

_ATTEMPTS = 5

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
    sessions, offload, clock, queue
        Of the process.
    rules
        Of this archive.
    deposits
        Brings the bytes.
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
        queue: JobQueue,
        deposits: Deposits,
        frames: FrameService,
        thumbnails: ThumbnailRecordService,
    ) -> None:
        self._sessions = sessions
        self._offload = offload
        self._clock = clock
        self._rules = rules
        self._queue = queue
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
        frame_id = await _insisting(lambda: self._announce(announcement, posted.versions))
        log.info("frame announced", frame_id=frame_id, versions=len(posted.versions))
        return frame_id

    async def _announce(
        self, announcement: Announcement, versions: tuple[AnnouncedVersion, ...]
    ) -> int:
        """Bring what is there of the bytes; make rows and bytes visible together."""
        basename = announcement.basename
        async with AsyncExitStack() as held:
            brought: list[Brought] = []
            for place, version in enumerate(versions):
                found = await held.enter_async_context(
                    self._deposits.bring(basename, version, place=place, is_strict=True)
                )
                deposit = None
                if found is not None:
                    brought.append(found)
                    deposit = await self._deposits.read(found, announcement.header)
                with_bytes = (*announcement.versions, (version, deposit))
                announcement = replace(announcement, versions=with_bytes)
            async with transaction(self._sessions) as session:
                frame_id = await AnnouncementRegistry(session).announce(announcement, self._clock())
                for each in brought:
                    await self._deposits.place(each)
            reach(FaultPoint.COMMITTED)
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
        return await _insisting(lambda: self._announce_thumbnail(thumbnail, frame))

    async def _announce_thumbnail(self, thumbnail: AnnouncedThumbnail, frame: Announcement) -> int:
        """Bring the picture if it is there; the one that it replaces goes a while later."""
        now = self._clock()
        bringing = self._deposits.bring(thumbnail.basename, thumbnail.version, is_strict=True)
        async with bringing as brought:
            stored = None if brought is None else brought.stored
            thumbnail = replace(thumbnail, stored=stored)
            async with transaction(self._sessions) as session:
                registry = AnnouncementRegistry(session)
                put = await registry.announce_thumbnail(thumbnail, frame, now)
                if put.replaced_key is not None:
                    await remove_later(session, self._queue, put.replaced_key, now)
                if brought is not None and put.is_stored:
                    await self._deposits.place(brought)
        return put.id

    async def with_bytes(self, frame: Frame) -> Frame:
        """Look once more for the bytes of the newest version of a frame.

        Parameters
        ----------
        frame
            One that the caller sees.

        Returns
        -------
        Frame
            With the file and with what it says, if that is here by now.
        """
        if frame.current is None or (await self.fetch(frame.current)) == frame.current:
            return frame
        now = await self._frames.get(frame.id, SYSTEM)
        return replace(frame, facts=now.facts, versions=now.versions)

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
        return await _insisting(lambda: self._fetch(version))

    async def _fetch(self, version: Version) -> Version:
        announced = AnnouncedVersion(
            version.key, version.announced_md5, version.extension, version.expected_keys
        )
        basename = version.name.removesuffix(version.extension)
        async with self._deposits.bring(basename, announced) as brought:
            if brought is None:
                return version
            hdus = await self._frames.headers(version)
            deposit = await self._deposits.read(brought, hdus[version.science_hdu or 0])
            async with transaction(self._sessions) as session:
                registry = AnnouncementRegistry(session)
                if await registry.attach(version.id, basename, deposit, self._clock()):
                    await self._deposits.place(brought)
                return await FrameRegistry(session).version(version.id)

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
        await _insisting(lambda: self._fetch_thumbnail(thumbnail))
        return await self._thumbnails.get(thumbnail.id, SYSTEM)

    async def _fetch_thumbnail(self, thumbnail: StoredThumbnail) -> None:
        version = AnnouncedVersion(
            thumbnail.key, thumbnail.md5, thumbnail.extension, thumbnail.expected_keys
        )
        async with self._deposits.bring(thumbnail.basename, version) as brought:
            if brought is None:
                return
            async with transaction(self._sessions) as session:
                registry = AnnouncementRegistry(session)
                if await registry.attach_thumbnail(thumbnail, brought.stored, self._clock()):
                    await self._deposits.place(brought)

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
        shape = shape_of(posted.header)
        hdu = Hdu(0, "", HduKind.IMAGE, shape=shape, bitpix=8, cards=cards)
        footprint = None if area_deg is None else footprint_of(area_deg)
        reading = Reading(Container.PLAIN, (hdu,), 0, metadata, footprint, ())
        publicity = await self._publicity(posted, metadata)
        facts = facts_of(
            reading,
            publicity,
            default_site=self._rules.naming.default_site,
            center_is_pointing=self._rules.center_is_pointing,
        )
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


async def _insisting(work: Callable[[], Awaitable[T]]) -> T:
    """Place bytes; where somebody takes the place meanwhile, again at another one.

    Raises
    ------
    SameNameConflictError
        If that happens again and again.
    """
    for _ in range(_ATTEMPTS):
        try:
            return await work()
        except (OccupiedError, DuplicateNameError, DuplicateBytesError) as error:
            log.info("place taken meanwhile", reason=error.message)
    raise SameNameConflictError("the place of the announced file is taken again and again")
