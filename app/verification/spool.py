"""What dead processes left in the spool and beside the archived files."""

import asyncio
import shutil
from pathlib import Path

from typing_extensions import override

from app.ingest.models import Arrival
from app.ingest.spool import PRIVATE
from app.storage.digests import digest_file
from app.storage.protocol import Store
from app.storage.volumes import PROBE
from app.verification.audit import Audit
from app.verification.folders import FolderCheck, is_odd
from app.verification.models import Finding, FindingKind, Phase, Step, Wish

_FOLDERS = (".packing-", ".pack-")
_SEND_AGAIN = (
    "found in the spool without an arrival: an upload whose sender got no answer, and which may be"
    " incomplete; send it in again from here, or give it up"
)


class StagedCheck:
    """Files that were being placed when a process died; see `Check`.

    Parameters
    ----------
    store
        Of the process.
    audit
        Hears what is removed.
    """

    phase = Phase.STAGED

    def __init__(self, *, store: Store, audit: Audit) -> None:
        self._store = store
        self._audit = audit

    async def step(self, place: str | None, wish: Wish) -> Step:
        """Look for all of them; see `Check.step`."""
        del place  # there are few: a crash leaves at most one a worker
        names = await self._store.stale_staged(wish.grace_s)
        return Step(tuple([await self._finding(name, wish) for name in names]))

    async def _finding(self, name: str, wish: Wish) -> Finding:
        if wish.mends:
            await self._store.remove_staged(name)
            await self._audit.note("remove", name, "left where a process died while it placed it")
        return Finding(
            FindingKind.STAGED,
            name,
            "a process died while it placed this file; its bytes are in the inbox, the spool or"
            " the archive",
            mended="removed" if wish.mends else None,
        )


class SpoolCheck(FolderCheck):
    """Goes through the spool by name; see `FolderCheck`."""

    phase = Phase.SPOOL

    @override
    async def _look(self, path: Path, holder: Arrival | None, wish: Wish) -> Finding | None:
        if holder is not None and holder.state.is_open:
            return None
        kind, detail = await asyncio.to_thread(_kind_of, path)
        if kind is FindingKind.PRIVATE_COPY:
            mended = None
            if wish.mends:
                await asyncio.to_thread(_remove, path)
                mended = "removed"
        elif kind is FindingKind.STRAY:
            mended = None
        else:
            kind, detail, mended = await self._look_at_upload(path, wish)
        if mended is not None:
            await self._audit.note(mended, path.name, detail)
        return Finding(kind, path.name, detail, mended=mended)

    async def _look_at_upload(self, path: Path, wish: Wish) -> tuple[FindingKind, str, str | None]:
        """Tell what a file is that perhaps nobody else has, and give it an owner."""
        sha256 = (await asyncio.to_thread(digest_file, path)).sha256
        if await self._twins.is_filed(sha256) or await self._leftovers.is_kept(sha256):
            if wish.mends:
                await asyncio.to_thread(_remove, path)
            detail = "its bytes are filed, or in quarantine"
            return FindingKind.SETTLED_COPY, detail, "removed" if wish.mends else None
        mended = None
        if wish.mends:
            name = f"recovered-{path.name[:8]}.fits"
            arrival = await self._leftovers.adopt(path, name, sha256, _SEND_AGAIN)
            mended = f"put into quarantine as arrival {arrival.id}"
        return FindingKind.UPLOAD, _SEND_AGAIN, mended


def _kind_of(path: Path) -> tuple[FindingKind, str]:
    name = path.name
    if path.is_dir() and name.startswith(_FOLDERS):
        return FindingKind.PRIVATE_COPY, "a child process died while it packed here"
    if name.startswith("import-") and name.endswith(".part"):
        return (
            FindingKind.PRIVATE_COPY,
            "half a download of an import; a next run begins it anew",
        )
    if name.startswith(PROBE):
        return FindingKind.PRIVATE_COPY, "a disk was tried by this file"
    if name.startswith(PRIVATE) or name.endswith(".packed"):
        return FindingKind.PRIVATE_COPY, "a copy of bytes that are kept elsewhere"
    if is_odd(path):
        return FindingKind.STRAY, "no file that the archive made; remove it by hand"
    return FindingKind.UPLOAD, _SEND_AGAIN


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
