"""An archive of the LCO dialect comes in by its API: metadata and files."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core.clock import Clock
from app.core.errors import ArchiveError, InvalidError, NotFoundError, UnavailableError
from app.db.engine import Sessions, transaction
from app.imports.downloads import Downloads
from app.imports.lco_client import LcoClient
from app.imports.lco_items import RemoteFrame, RemoteVersion, frame_of
from app.imports.lco_metadata import MetadataImport
from app.imports.models import Fate, Result, Tell, failed
from app.imports.store import Imported, ImportStore
from app.imports.workers import work_through
from app.ingest.adopting import Adopted, Adopter, Adoption

CONCURRENCY = 4
"""How many files are fetched at once: the other archive has users too."""

_MAX_IN_A_ROW = 8
"""So many frames in a row that cannot be fetched mean that the other archive is away."""


@dataclass(frozen=True, slots=True)
class LcoOptions:
    """What an import from an archive of the LCO dialect shall do.

    Attributes
    ----------
    source
        Name of that archive, by which later runs know it again.
    filters
        Query parameters of the dialect: only these frames.
    keep_ids
        Whether frames must have the numbers that they have there.
    metadata_only
        Whether files are left where they are.
    dry
        Whether to say only what would happen.
    """

    source: str
    filters: Mapping[str, str] = field(default_factory=dict)
    keep_ids: bool = False
    metadata_only: bool = False
    dry: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the versions of a page, by MD5."""

    imported: Mapping[str, Imported]
    has_bytes: Mapping[str, bool]

    def fate(self, version: RemoteVersion, *, metadata_only: bool) -> Fate | None:
        """Tell what became of a version before; None: nothing."""
        before = self.imported.get(version.md5)
        if before is not None and before.frame_id is None:
            return Fate.REMOVED
        is_enough = self.has_bytes.get(version.md5, False) or metadata_only
        return Fate.KNOWN if version.md5 in self.has_bytes and is_enough else None


class LcoImport:
    """Imports from an archive of the LCO dialect; safe to be repeated.

    Parameters
    ----------
    sessions, clock, adopter
        Of the process.
    client
        Speaks to the other archive.
    downloads
        Fetches its files.
    metadata
        Files what it knows of frames, without the files.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        clock: Clock,
        adopter: Adopter,
        client: LcoClient,
        downloads: Downloads,
        metadata: MetadataImport,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._adopter = adopter
        self._client = client
        self._downloads = downloads
        self._metadata = metadata
        self._troubles_in_a_row = 0

    async def import_frames(self, options: LcoOptions, *, stop: asyncio.Event, tell: Tell) -> None:
        """Import all frames that the other archive shows, the oldest first.

        Parameters
        ----------
        options
            What to do.
        stop
            Once set, no further frame is taken.
        tell
            Hears of every frame.

        Raises
        ------
        InvalidError
            If the wishes contradict each other.
        UnavailableError
            If one of both archives is away; frames under way were finished.
        """
        if options.keep_ids and options.metadata_only:
            raise InvalidError("numbers can be kept only of frames whose files are imported too")
        if options.keep_ids and not options.dry:
            await self._adopter.reserve_numbers(await self._client.greatest_id())
        async for items in self._client.pages(options.filters):
            frames = [frame for item in items if (frame := _read(item, tell)) is not None]
            known = await self._known(options.source, frames)

            async def take(frame: RemoteFrame, known: _Known = known) -> None:
                tell(await self._import_frame(frame, known, options))

            await work_through(frames, take, concurrency=CONCURRENCY, stop=stop)
            if stop.is_set():
                return

    async def _known(self, source: str, frames: list[RemoteFrame]) -> _Known:
        md5s = [version.md5 for frame in frames for version in frame.versions]
        async with transaction(self._sessions) as session:
            store = ImportStore(session)
            return _Known(await store.find(source, md5s), await store.find_md5s(md5s))

    async def _import_frame(self, frame: RemoteFrame, known: _Known, options: LcoOptions) -> Result:
        """Import the versions of a frame that are not here, the oldest first.

        Raises
        ------
        _OtherAwayError
            If the other archive seems to be away.
        UnavailableError
            If this archive is.
        """
        what = f"frame {frame.id} {frame.basename}"
        try:
            result = Result(what, await self._take(frame, known, options))
        except _OtherAwayError as error:
            self._troubles_in_a_row += 1
            if self._troubles_in_a_row >= _MAX_IN_A_ROW:
                raise
            return failed(what, error)
        except UnavailableError:
            raise
        except ArchiveError as error:
            return failed(what, error)
        self._troubles_in_a_row = 0
        return result

    async def _take(self, frame: RemoteFrame, known: _Known, options: LcoOptions) -> Fate:
        """Import a frame; no newer version of it without the older ones.

        Raises
        ------
        NotFoundError
            If the other archive has no file of it.
        """
        if not frame.versions:
            raise NotFoundError("the other archive has no file of it")
        metadata_only = options.metadata_only
        fates = [known.fate(each, metadata_only=metadata_only) for each in frame.versions]
        if all(fate is not None for fate in fates):
            return Fate.REMOVED if Fate.REMOVED in fates else Fate.KNOWN
        if options.dry:
            if options.keep_ids:
                await self._adopter.check_number(frame.basename, frame.id)
            return Fate.PLANNED
        missing = [v for v, fate in zip(frame.versions, fates, strict=True) if fate is None]
        if metadata_only:
            frame_id = await self._metadata.add(frame, missing)
            await self._remember(options, missing, frame_id)
            return Fate.IMPORTED
        became = [await self._adopt(frame, version, options) for version in missing]
        return next(fate for adopted, fate in _FATES.items() if adopted in became)

    async def _adopt(
        self, frame: RemoteFrame, version: RemoteVersion, options: LcoOptions
    ) -> Adopted:
        """Fetch and file a version.

        Raises
        ------
        _OtherAwayError
            If the other archive does not send it.
        UnavailableError
            If this archive is away.
        ArchiveError
            If it cannot be filed.
        """
        try:
            file, digests = await self._downloads.fetch(version)
        except UnavailableError as error:
            raise _OtherAwayError(error.message) from error
        adoption = Adoption(
            file=file,
            digests=digests,
            basename=frame.basename,
            extension=version.extension,
            publicity=frame.publicity,
            frame_id=frame.id if options.keep_ids else None,
            gaps=frame.gaps,
            certain=frame.certain,
        )
        try:
            frame_id, adopted = await self._adopter.adopt(adoption)
        except UnavailableError:
            raise
        except ArchiveError:
            file.unlink()  # fetching it again would not mend it
            raise
        await self._remember(options, [version], frame_id)
        file.unlink(missing_ok=True)
        return adopted

    async def _remember(
        self, options: LcoOptions, versions: list[RemoteVersion], frame_id: int
    ) -> None:
        async with transaction(self._sessions) as session:
            store = ImportStore(session)
            for version in versions:
                imported = Imported(version.md5, frame_id)
                await store.put(options.source, version.md5, imported, self._clock())


_FATES = {
    Adopted.NEW: Fate.IMPORTED,
    Adopted.NEW_VERSION: Fate.NEW_VERSION,
    Adopted.KNOWN: Fate.KNOWN,
}
"""What a frame is, by the first of these that one of its versions was."""


class _OtherAwayError(UnavailableError):
    """The other archive does not answer, or not this time."""

    title = "Not fetched"


def _read(item: Any, tell: Tell) -> RemoteFrame | None:  # noqa: ANN401  # JSON
    """Read an item; say so where it is none."""
    try:
        return frame_of(item)
    except ArchiveError as error:
        tell(failed(str(item)[:60], error))
        return None
