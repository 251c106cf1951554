"""An existing pyobs-archive comes in: users with their tokens, frames with their numbers."""

import asyncio
from collections.abc import AsyncIterator, Container, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.accounts.adoption import AccountAdopter
from app.accounts.proposals import ProposalService
from app.core.clock import Clock
from app.core.errors import ArchiveError, FullError, InvalidError, UnavailableError
from app.db.engine import Sessions, transaction
from app.imports.models import Fate, LostFileError, Result, Tell, failed
from app.imports.pyobs_database import Tables
from app.imports.pyobs_rows import (
    OldFrame,
    OldProject,
    accounts_of,
    count_frames,
    frames_of,
    projects_of,
)
from app.imports.store import Imported, ImportStore
from app.imports.workers import work_through
from app.ingest.adopting import Adopted, Adopter, Adoption
from app.ingest.publicity import Publicity
from app.ingest.spool import PRIVATE, Spool
from app.storage.digests import Digests, copy_with_digests, digest_file
from app.storage.errors import StorageUnavailableError, translated
from app.storage.names import linked
from app.storage.protocol import check_key

_EXTENSIONS = (".fits.fz", ".fits", ".fits.gz")
"""How the file of a frame may end; pyobs-archive itself writes the first one alone."""


class Transfer(StrEnum):
    """How files get into this archive, where they do not lie below its root already."""

    COPY = "copy"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class PyobsOptions:
    """What an import of a pyobs-archive shall do.

    Attributes
    ----------
    source
        Name of the database, by which later runs know it again.
    root
        Folder of its files (ARCHIVE_ROOT).
    transfer
        How files get in.
    by_project
        Whether frames are seen by the members of their project alone, as with
        PROJECT_ACCESS_CONTROL; else by every user.
    replace_tokens
        Whether tokens of users who are here already make way.
    reserve
        How many numbers above the greatest one are left free, for frames that come later.
    dry
        Whether to say only what would happen.
    """

    source: str
    root: Path
    transfer: Transfer = Transfer.COPY
    by_project: bool = False
    replace_tokens: bool = False
    reserve: int = 0
    dry: bool = False


class PyobsImport:
    """Imports a pyobs-archive, which is only read; safe to be repeated.

    Parameters
    ----------
    sessions, clock, adopter, proposals, users, spool
        Of the process.
    archive_root
        Folder of the filed frames of this archive.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        clock: Clock,
        adopter: Adopter,
        proposals: ProposalService,
        users: AccountAdopter,
        spool: Spool,
        archive_root: Path,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._adopter = adopter
        self._proposals = proposals
        self._users = users
        self._spool = spool
        self._archive_root = archive_root.resolve()

    async def import_users(self, tables: Tables, options: PyobsOptions, tell: Tell) -> None:
        """Import all users, and the projects that they are members of.

        Parameters
        ----------
        tables
            Of the pyobs-archive.
        options
            What to do.
        tell
            Hears of every user.
        """
        missing: set[str] = set()
        for account in await accounts_of(tables, tell):
            what = f"user {account.username}"
            try:
                adopted = await self._users.adopt(
                    account, replace_token=options.replace_tokens, dry=options.dry
                )
            except InvalidError as error:
                missing.add(account.username)
                tell(failed(what, error))
                continue
            if adopted.troubles:
                tell(Result(what, Fate.FAILED, "Token not taken over", adopted.troubles[0]))
            else:
                is_changed = adopted.is_new or adopted.is_token_new
                tell(Result(what, _fate(options, is_changed), "", "; ".join(adopted.remarks)))
        if not options.dry:
            await self._import_projects(await projects_of(tables), missing, tell)

    async def import_frames(
        self,
        tables: Tables,
        options: PyobsOptions,
        *,
        concurrency: int,
        stop: asyncio.Event,
        tell: Tell,
    ) -> None:
        """Import all frames, by id.

        Parameters
        ----------
        tables
            Of the pyobs-archive.
        options
            What to do.
        concurrency
            How many files are under way at once.
        stop
            Once set, no further frame is taken.
        tell
            Hears of every frame.

        Raises
        ------
        InvalidError
            If the folder of the files is not there.
        UnavailableError
            If something that every frame needs is away; frames under way were finished.
        """
        if not options.root.is_dir():
            raise InvalidError(
                f"there is no folder {str(options.root)!r}: name the ARCHIVE_ROOT of the"
                " pyobs-archive",
                field="root",
            )
        _, greatest = await count_frames(tables)
        if not options.dry:
            await self._adopter.reserve_numbers(greatest + options.reserve)
        projects = await projects_of(tables)
        public = frozenset(project.code for project in projects if project.is_public)
        async for page in frames_of(tables, tell):
            imported = await self._imported(options.source, page)

            async def take(frame: OldFrame, known: dict[str, Imported] = imported) -> None:
                before = known.get(str(frame.id))
                publicity = _publicity(frame, options, public)
                tell(await self._import_frame(frame, before, publicity, options))

            await work_through(page, take, concurrency=concurrency, stop=stop)
            if stop.is_set():
                return

    async def _import_projects(
        self, projects: Iterable[OldProject], missing: Container[str], tell: Tell
    ) -> None:
        """Make proposals of projects; members who are not here may share a name with others."""
        known = {proposal.id for proposal in await self._proposals.list()}
        for project in projects:
            try:
                if project.code not in known:
                    await self._proposals.create(project.code, project.name)
                for member in project.members:
                    if member not in missing:
                        await self._proposals.add_member(project.code, member)
            except InvalidError as error:
                tell(failed(f"project {project.code}", error))

    async def _imported(self, source: str, page: list[OldFrame]) -> dict[str, Imported]:
        async with transaction(self._sessions) as session:
            return await ImportStore(session).find(source, [str(frame.id) for frame in page])

    async def _import_frame(
        self,
        frame: OldFrame,
        before: Imported | None,
        publicity: Publicity,
        options: PyobsOptions,
    ) -> Result:
        """Import one frame, unless exactly its file was imported before.

        Raises
        ------
        UnavailableError
            If something that every frame needs is away.
        """
        what = f"frame {frame.id} {frame.basename}"
        try:
            return await self._take(what, frame, before, publicity, options)
        except UnavailableError as error:
            if isinstance(error, FullError) or not isinstance(error, StorageUnavailableError):
                raise
            return failed(what, error)
        except ArchiveError as error:
            return failed(what, error)

    async def _take(
        self,
        what: str,
        frame: OldFrame,
        before: Imported | None,
        publicity: Publicity,
        options: PyobsOptions,
    ) -> Result:
        """Import one frame.

        Raises
        ------
        LostFileError
            If its file is nowhere.
        """
        if before is not None and before.frame_id is None:
            return Result(what, Fate.REMOVED)
        try:
            file, extension = await asyncio.to_thread(_find_file, options.root, frame)
        except LostFileError:
            if before is None or self._holds(options.root):
                raise
            return Result(what, Fate.KNOWN)  # its copy is here
        fingerprint = await asyncio.to_thread(_fingerprint, file)
        if before is not None and before.fingerprint == fingerprint:
            return Result(what, Fate.KNOWN)
        if options.dry:
            await self._adopter.check_number(frame.basename, frame.id)
            return Result(what, Fate.PLANNED)
        async with self._brought(file, options.transfer) as (copy, key, digests):
            adoption = Adoption(
                file=copy,
                digests=digests,
                basename=frame.basename,
                extension=extension,
                publicity=publicity,
                folder=frame.folder or None,
                key=key,
                frame_id=frame.id,
                gaps=frame.facts,
                certain=_certain(frame, options),
                related=frame.related,
            )
            frame_id, adopted = await self._adopter.adopt(adoption)
        await self._remember(options.source, frame, Imported(fingerprint, frame_id))
        return Result(what, _FATES[adopted])

    @asynccontextmanager
    async def _brought(
        self, file: Path, transfer: Transfer
    ) -> AsyncIterator[tuple[Path, str | None, Digests]]:
        """Give a private copy of a file, or the file and its key where it lies in the archive."""
        resolved = await asyncio.to_thread(file.resolve)
        if self._holds(resolved):
            key = resolved.relative_to(self._archive_root).as_posix()
            yield resolved, key, await asyncio.to_thread(digest_file, resolved)
            return
        copy = self._spool.new_path(PRIVATE)
        try:
            yield copy, None, await asyncio.to_thread(_bring, resolved, copy, transfer)
        finally:
            copy.unlink(missing_ok=True)

    def _holds(self, path: Path) -> bool:
        """Tell whether a file or folder lies in this archive."""
        return path.resolve().is_relative_to(self._archive_root)

    async def _remember(self, source: str, frame: OldFrame, imported: Imported) -> None:
        async with transaction(self._sessions) as session:
            await ImportStore(session).put(source, str(frame.id), imported, self._clock())


_FATES = {
    Adopted.NEW: Fate.IMPORTED,
    Adopted.NEW_VERSION: Fate.NEW_VERSION,
    Adopted.KNOWN: Fate.KNOWN,
}


def _find_file(root: Path, frame: OldFrame) -> tuple[Path, str]:
    """Find the file of a frame, and its extension.

    Raises
    ------
    LostFileError
        If there is none.
    """
    for extension in _EXTENSIONS:
        key = "/".join(part for part in (frame.folder, frame.basename + extension) if part)
        file = root / check_key(key)
        with translated(file.name):
            if file.is_file():
                return file, extension
    raise LostFileError(
        f"there is no file {frame.folder}/{frame.basename}{_EXTENSIONS[0]} below the root of the"
        " pyobs-archive"
    )


def _fingerprint(file: Path) -> str:
    """Tell a file from later ones of its name: size [byte] and time of the last change [ns]."""
    with translated(file.name):
        stat = file.stat()
    return f"{stat.st_size}:{stat.st_mtime_ns}"


def _bring(file: Path, copy: Path, transfer: Transfer) -> Digests:
    """Link a file into the spool where that is wanted and possible; else copy it."""
    if transfer is Transfer.LINK:
        with translated(file.name):
            if linked(file, copy):
                return digest_file(copy)
    return copy_with_digests(file, copy)


def _publicity(frame: OldFrame, options: PyobsOptions, public: frozenset[str]) -> Publicity:
    """Say who may see a frame: every user, or with access by project those of its project."""
    return Publicity(None, is_internal=not options.by_project or frame.project in public)


def _certain(frame: OldFrame, options: PyobsOptions) -> dict[str, object]:
    certain: dict[str, object] = {}
    if frame.night is not None:
        certain["night"] = frame.night
    if options.by_project and frame.project is not None:
        certain["proposal"] = frame.project
    return certain


def _fate(options: PyobsOptions, is_changed: bool) -> Fate:  # noqa: FBT001  # a state, no switch
    if not is_changed:
        return Fate.KNOWN
    return Fate.PLANNED if options.dry else Fate.IMPORTED
