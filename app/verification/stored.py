"""Read every stored file of the catalogue again, and tell what is wrong with it."""

import errno
import time
from dataclasses import dataclass

import structlog

from app.core.clock import Clock
from app.db.engine import Sessions, Transaction, transaction
from app.frames.registry import FrameRegistry
from app.storage.errors import (
    InvalidKeyError,
    MissingFileError,
    NotAFileError,
    StorageUnavailableError,
)
from app.storage.protocol import Store
from app.verification.models import (
    CatalogueFile,
    Damage,
    Finding,
    FindingKind,
    Phase,
    Step,
    Wish,
)
from app.verification.reading import Pace, read_again
from app.verification.repair import Mend, Mender
from app.verification.store import FileStore

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_BATCH = 50
_LONGEST_STEP_S = 2.0
_LOOKS = 3
_FEW = 10
_SAMPLE = 50


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a stored file.

    Attributes
    ----------
    damage
        Which kind.
    detail
        One sentence for a person.
    """

    damage: Damage
    detail: str


class StoredCheck:
    """Reads stored files by number; see `Check`.

    What it says of a file is noted in its row, whether it mends or not: from then on a damaged file
    is not served.

    Parameters
    ----------
    sessions, store, clock
        Of the process.
    mender
        Takes good copies from elsewhere.
    bytes_per_s
        How fast to read where the wish does not say it [byte/s]; 0 for no limit.
    """

    phase = Phase.FILES

    def __init__(
        self, *, sessions: Sessions, store: Store, clock: Clock, mender: Mender, bytes_per_s: int
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._clock = clock
        self._mender = mender
        self._bytes_per_s = bytes_per_s

    async def step(self, place: str | None, wish: Wish) -> Step:
        """Read the next files, for a moment; see `Check.step`."""
        rate = self._bytes_per_s if wish.bytes_per_s is None else wish.bytes_per_s
        pace, end_s = Pace(rate), time.monotonic() + _LONGEST_STEP_S
        async with transaction(self._sessions) as session:
            files = await FileStore(session).list_files(int(place or 0), _BATCH)
        findings: list[Finding] = []
        sound: list[CatalogueFile] = []
        size_bytes = 0
        done = 0
        for file in files:
            if done and time.monotonic() > end_s:
                break
            finding = await self._look(file, pace, sound, wish)
            findings += [] if finding is None else [finding]
            size_bytes += file.size_bytes
            done += 1
        await self._keep_sound(sound)
        goes_on = str(files[done - 1].id) if files else None
        return Step(tuple(findings), goes_on, files_read=done, bytes_read=size_bytes)

    async def _look(
        self, file: CatalogueFile, pace: Pace, sound: list[CatalogueFile], wish: Wish
    ) -> Finding | None:
        """Read a file; again where it was packed, removed or mended while it was being read."""
        for _ in range(_LOOKS):
            flaw = await self._flaw(file, pace)
            if flaw is None:
                sound.append(file)
                return None
            if flaw.damage is Damage.MISSING:
                await self._demand_disk()
            async with transaction(self._sessions) as session:
                files = FileStore(session)
                is_so = await self._is_still_so(session, file, flaw)
                is_so = is_so and await files.mark(file, flaw.damage, self._clock())
                now = await files.find(file.id)
            if is_so:
                return await self._finding(file, flaw, wish)
            if now is None:
                return None
            file = now
        return None

    async def _is_still_so(self, session: Transaction, file: CatalogueFile, flaw: Flaw) -> bool:
        """Tell a file that is missing from one that was out of sight, and is in its place again."""
        await FrameRegistry(session).lock_key(file.key)
        return flaw.damage is not Damage.MISSING or not await self._is_there(file.key)

    async def _is_there(self, key: str) -> bool:
        try:
            return await self._store.exists(key)
        except InvalidKeyError:
            return False

    async def _flaw(self, file: CatalogueFile, pace: Pace) -> Flaw | None:
        """Compare a file with the catalogue.

        Raises
        ------
        StorageUnavailableError
            If the whole disk refuses.
        """
        try:
            seen = await read_again(self._store.path(file.key), file.key, pace)
        except (MissingFileError, InvalidKeyError):
            return Flaw(Damage.MISSING, "the file is not in the archive's folder")
        except NotAFileError:
            return Flaw(Damage.ALTERED, "something else than a file lies in its place")
        except StorageUnavailableError as error:
            if not isinstance(error.__cause__, OSError) or error.__cause__.errno != errno.EIO:
                raise
            return Flaw(Damage.UNREADABLE, "the disk cannot read it any more")
        if seen.size_bytes != file.size_bytes:
            return Flaw(
                Damage.ALTERED,
                f"it has {seen.size_bytes} bytes, the catalogue says {file.size_bytes}",
            )
        if seen.sha256 != file.sha256:
            return Flaw(
                Damage.ALTERED,
                f"its SHA-256 is {seen.sha256}, the catalogue says {file.sha256}",
            )
        return None

    async def _demand_disk(self) -> None:
        """Refuse to call files missing where hardly any is there that should be.

        A few may have come in while the disk was away, so that its folder is not empty.

        Raises
        ------
        StorageUnavailableError
            If so, and if there should be more than a few files.
        """
        async with transaction(self._sessions) as session:
            keys = await FileStore(session).list_spread(_SAMPLE)
        there = sum([await self._is_there(key) for key in keys])
        if len(keys) > _FEW and there <= len(keys) // 10:
            raise StorageUnavailableError(
                f"of {len(keys)} files, old and new, {there} are in the archive's folder: is its"
                " disk mounted? Nothing was marked as missing; if they are lost, copy them back"
                " from a backup"
            )

    async def _finding(self, file: CatalogueFile, flaw: Flaw, wish: Wish) -> Finding:
        mend = await self._mender.mend(file, flaw.damage) if wish.mends else Mend()
        log.warning(
            "stored file is damaged", key=file.key, damage=flaw.damage.value, mended=mend.done
        )
        return Finding(
            kind=FindingKind(flaw.damage.value),
            name=file.key,
            detail="; ".join(filter(None, (flaw.detail, mend.remark))),
            frame_id=file.frame_id,
            mended=mend.done,
        )

    async def _keep_sound(self, sound: list[CatalogueFile]) -> None:
        if not sound:
            return
        if any(file.damage is not None for file in sound):
            await self._mender.forget()
        async with transaction(self._sessions) as session:
            await FileStore(session).keep_sound(sound, self._clock())
