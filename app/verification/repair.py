"""Good copies take the place of damaged files."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from app.audit.log import AuditLog
from app.core.clock import Clock
from app.core.errors import ArchiveError
from app.core.identity import SYSTEM
from app.db.engine import Sessions, transaction
from app.frames.registry import FrameRegistry
from app.ingest.placing import holds
from app.ingest.spool import PRIVATE, Spool
from app.storage.digests import copy_with_digests
from app.storage.errors import StorageUnavailableError
from app.storage.protocol import Staged, Store, check_key
from app.verification.models import CatalogueFile, Damage
from app.verification.store import FileStore

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Mend:
    """What an attempt at a damaged file led to.

    Attributes
    ----------
    done
        What was done; None: the file is still damaged.
    remark
        Why nothing was done; empty where there is nothing to say.
    """

    done: str | None = None
    remark: str = ""


class Mender:
    """Takes good copies from a second store. Damaged bytes are set aside, never destroyed.

    Parameters
    ----------
    sessions, store, spool, clock
        Of the process.
    second
        Folder of the second store, which has the same keys and is only read; None: there is none.
    forget
        Lets go of what was made of damaged bytes, such as previews; blocks.
    """

    def __init__(
        self,
        *,
        sessions: Sessions,
        store: Store,
        spool: Spool,
        clock: Clock,
        second: Path | None,
        forget: Callable[[], None],
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._spool = spool
        self._clock = clock
        self._second = second
        self._forget = forget

    async def mend(self, file: CatalogueFile, damage: Damage) -> Mend:
        """Put a good copy into the place of a damaged file, if there is one.

        Parameters
        ----------
        file
            As the catalogue has it.
        damage
            What is wrong with it.

        Returns
        -------
        Mend
            What became of it; whatever the disks refuse is a remark.
        """
        if self._second is None:
            return Mend(remark="no second store is configured (SKYSHELF_SECOND_STORE_DIR)")
        if not await asyncio.to_thread(self._second.is_dir):
            return Mend(remark="the folder SKYSHELF_SECOND_STORE_DIR is not there: mount it")
        copy = self._spool.new_path(PRIVATE)
        try:
            source = self._second / check_key(file.key)
            digests = await asyncio.to_thread(copy_with_digests, source, copy)
            if digests.sha256 != file.sha256:
                return Mend(remark="the copy in the second store has other bytes")
            return await self._replace(file, damage, copy)
        except ArchiveError as error:
            log.warning("not mended", key=file.key, reason=error.message)
            return Mend(remark=f"the second store was of no use: {error.message}")
        finally:
            await asyncio.to_thread(copy.unlink, missing_ok=True)

    async def forget(self) -> None:
        """Let go of what may have been made of damaged bytes, before a file is called whole.

        From then on nothing would tell that this is still to be done.
        """
        await asyncio.to_thread(self._forget)

    async def _replace(self, file: CatalogueFile, damage: Damage, copy: Path) -> Mend:
        staged = await self._store.stage(copy, file.key, adopt=True)
        try:
            await self.forget()
            async with transaction(self._sessions) as session:
                await FrameRegistry(session).lock_key(file.key)
                files = FileStore(session)
                if not await files.lock_same(file):
                    return Mend(done="the file was replaced or removed meanwhile")
                aside = await self._swap(file, damage, staged)
                await files.keep_sound([file], self._clock())
                await AuditLog(session).add(
                    who=SYSTEM,
                    action="repair file",
                    subject=f"file {file.key}",
                    reason=damage.value,
                    details={"from": "second store", "set_aside": aside},
                )
        finally:
            staged.discard()
        return Mend(done="a good copy was taken from the second store")

    async def _swap(self, file: CatalogueFile, damage: Damage, staged: Staged) -> str | None:
        """Move the damaged bytes away and make the good ones visible.

        Raises
        ------
        StorageUnavailableError
            If those are not what lies there then.
        """
        aside = None if damage is Damage.MISSING else await self._store.set_aside(file.key)
        await asyncio.to_thread(staged.commit)
        if not await holds(self._store, file.key, file.sha256):
            raise StorageUnavailableError(f"{file.key!r} does not hold what was written to it")
        return aside
