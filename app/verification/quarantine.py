"""Files in quarantine, the rows that name them, and files that nobody goes on with."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from app.ingest.leftovers import Leftovers
from app.ingest.models import Arrival, ArrivalState
from app.ingest.spool import note_of, remove_held
from app.storage.digests import digest_file
from app.storage.volumes import PROBE
from app.verification.audit import Audit
from app.verification.folders import FolderCheck, is_odd
from app.verification.models import Finding, FindingKind, Phase, Step, Wish

_NUMBERED: Final = re.compile(r"\d{8,}-(.+)")
_STRAY: Final = (
    "found in quarantine without a row that names it: send it in again from here, or give it up"
)
_GIVEN_UP: Final = "its file is no longer in quarantine"


class QuarantineCheck(FolderCheck):
    """Goes through the quarantine by name; see `FolderCheck`."""

    phase = Phase.QUARANTINE

    @override
    async def _look(self, path: Path, holder: Arrival | None, wish: Wish) -> Finding | None:
        if holder is not None and _is_awaited(holder):
            return None
        if _is_note(path) or path.name.startswith(PROBE):
            return await self._look_at_note(path, wish)
        if await asyncio.to_thread(is_odd, path):
            detail = "no file that the archive made; remove it by hand"
            return Finding(FindingKind.STRAY, path.name, detail)
        sha256 = (await asyncio.to_thread(digest_file, path)).sha256
        if await self._twins.is_filed(sha256) or (
            holder is None and await self._leftovers.is_kept(sha256)
        ):
            detail = "its bytes are filed, or in quarantine under another name"
            if wish.mends:
                await asyncio.to_thread(remove_held, path)
            return await self._finding(FindingKind.SETTLED_COPY, path, detail, "removed", wish)
        mended = ""
        if wish.mends:
            arrival = await self._leftovers.adopt(path, _name_of(path), sha256, _STRAY)
            mended = f"listed as arrival {arrival.id}"
        return await self._finding(FindingKind.STRAY, path, _STRAY, mended, wish)

    async def _look_at_note(self, path: Path, wish: Wish) -> Finding | None:
        """Look at a note, needed as long as its file is there, or at half of one."""
        file = path.with_name(path.name.removesuffix(".json"))
        if not path.name.startswith(".") and await asyncio.to_thread(file.exists):
            return None
        if wish.mends:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        detail = "a note in quarantine without its file, or what a disk was tried by"
        return await self._finding(FindingKind.STRAY, path, detail, "removed", wish)

    async def _finding(
        self, kind: FindingKind, path: Path, detail: str, mended: str, wish: Wish
    ) -> Finding:
        if wish.mends:
            await self._audit.note(mended, path.name, detail)
        return Finding(kind, path.name, detail, mended=mended if wish.mends else None)


class ArrivalCheck:
    """Goes through the rows of files that came in; see `Check`.

    Parameters
    ----------
    audit
        Hears what is done.
    leftovers
        Knows them.
    """

    phase = Phase.ARRIVALS

    def __init__(self, *, audit: Audit, leftovers: Leftovers) -> None:
        self._audit = audit
        self._leftovers = leftovers

    async def step(self, place: str | None, wish: Wish) -> Step:
        """Look at the stuck ones first, then at the quarantined ones; see `Check.step`."""
        if place is None:
            stuck = await self._leftovers.stuck()
            return Step(tuple([await self._wake(arrival, wish) for arrival in stuck]), "0")
        kept = await self._leftovers.kept(int(place))
        found = [await self._look(arrival, wish) for arrival in kept]
        findings = tuple(finding for finding in found if finding is not None)
        return Step(findings, str(kept[-1].id) if kept else None)

    async def _wake(self, arrival: Arrival, wish: Wish) -> Finding:
        name = f"arrival {arrival.id}"
        detail = f"{arrival.filename} is on its way, and no job waits for it"
        mended = None
        if wish.mends:
            await self._leftovers.wake(arrival.id)
            mended = "a worker goes on with it"
            await self._audit.note("wake", name, detail)
        return Finding(FindingKind.STUCK, name, detail, mended=mended)

    async def _look(self, arrival: Arrival, wish: Wish) -> Finding | None:
        path = arrival.held_path
        if path is not None and await asyncio.to_thread(path.is_file):
            return None
        name = f"arrival {arrival.id}"
        detail = f"{arrival.filename}: {_GIVEN_UP}, where it was for: {arrival.reason}"
        mended = None
        if wish.mends:
            if not await self._leftovers.give_up(arrival.id, detail):
                return None
            mended = "marked as discarded"
            await self._audit.note("give up", name, detail)
        return Finding(FindingKind.LOST_QUARANTINED, name, detail, mended=mended)


def _is_awaited(holder: Arrival) -> bool:
    return holder.state.is_open or holder.state is ArrivalState.QUARANTINED


def _is_note(path: Path) -> bool:
    """Tell a note, or half of one, from a file that came in under such a name."""
    return path.name.endswith(".json") and (
        path.name.startswith(".") or "quarantined_at" in _read_note(path)
    )


def _read_note(path: Path) -> dict[str, Any]:
    """Read a note; empty for what is none."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return note if isinstance(note, dict) else {}


def _name_of(path: Path) -> str:
    """Give the name under which a file came, as its note or its own name says."""
    numbered = _NUMBERED.fullmatch(path.name)
    plain = numbered.group(1) if numbered else path.name
    return str(_read_note(note_of(path)).get("filename") or plain)
