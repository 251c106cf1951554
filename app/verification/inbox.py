"""Files in the inbox that are kept elsewhere already."""

import asyncio
from contextlib import suppress
from itertools import islice
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

from app.ingest.models import NewArrival, Source
from app.ingest.service import IngestService
from app.ingest.spool import display_name, identity_of
from app.storage.walking import files_below
from app.verification.audit import Audit
from app.verification.folders import is_old
from app.verification.models import Finding, FindingKind, Phase, Step, Wish

_BATCH = 1000


class InboxCheck:
    """Goes through the inbox; see `Check`.

    Parameters
    ----------
    folder
        The inbox; it may be away.
    audit
        Hears what is removed.
    ingest
        Knows what was settled.
    """

    phase = Phase.INBOX

    def __init__(self, *, folder: Path, audit: Audit, ingest: IngestService) -> None:
        self._folder = folder.absolute()
        self._audit = audit
        self._ingest = ingest

    async def step(self, place: str | None, wish: Wish) -> Step:
        """Look at the next files; see `Check.step`."""
        paths = await asyncio.to_thread(self._next, place)
        old = [path for path in paths if await asyncio.to_thread(is_old, path, wish.grace_s)]
        settled = [path for path in old if await self._is_settled(path)]
        if settled:
            await asyncio.sleep(wish.pause_s)  # the worker removes a file just after it is filed
        found = [await self._finding(path, wish) for path in settled]
        findings = tuple(finding for finding in found if finding is not None)
        return Step(findings, _place_of(self._folder, paths[-1]) if paths else None)

    def _next(self, place: str | None) -> list[Path]:
        if not self._folder.is_dir():
            return []
        after = unquote_to_bytes(place or "").decode("utf-8", "surrogateescape")
        walk = files_below(self._folder, after.split("/") if after else ())
        return list(islice(walk, _BATCH))

    async def _is_settled(self, path: Path) -> bool:
        new = await asyncio.to_thread(_described, path)
        return new is not None and await self._ingest.was_settled(new)

    async def _finding(self, path: Path, wish: Wish) -> Finding | None:
        new = await asyncio.to_thread(_described, path)
        if new is None or not await self._ingest.was_settled(new):
            return None
        name, detail = _place_of(self._folder, path), "it is filed, or in quarantine"
        if wish.mends:
            await self._ingest.announce(new)  # which removes what was settled
        is_gone = not await asyncio.to_thread(path.exists)
        mended = "removed" if wish.mends and is_gone else None
        if mended:
            await self._audit.note(mended, name, detail)
        return Finding(FindingKind.SETTLED_SOURCE, name, detail, mended=mended)


def _described(path: Path) -> NewArrival | None:
    """Describe a file; None where it is gone."""
    with suppress(FileNotFoundError):
        return NewArrival(
            source=Source.INBOX,
            filename=display_name(path),
            size_bytes=path.lstat().st_size,
            source_path=path,
            source_identity=identity_of(path),
        )
    return None


def _place_of(folder: Path, path: Path) -> str:
    """Write a path as text that the database takes, whatever bytes its names are made of."""
    relative = path.relative_to(folder).as_posix()
    return quote_from_bytes(relative.encode("utf-8", "surrogateescape"), safe="/ ")
