"""The files of deleted frames, and the rows that name them."""

import asyncio

from app.db.engine import Sessions, transaction
from app.storage.errors import InvalidKeyError, MissingFileError
from app.storage.protocol import Store
from app.verification.models import Finding, FindingKind, Phase, Step, Wish
from app.verification.store import TrashRows

_BATCH = 100
_UNKNOWN = "no deleted frame has its files here; look at them, then remove them by hand"
_ENDED = "the frame was brought back, or is to be gone for ever: the next daily job removes this"


class TrashCheck:
    """Compares the trash with the deleted frames; see `Check`.

    It names only: what lies in the trash is there to be brought back, and is removed by its expiry.

    Parameters
    ----------
    sessions, store
        Of the process.
    """

    phase = Phase.TRASH

    def __init__(self, *, sessions: Sessions, store: Store) -> None:
        self._sessions = sessions
        self._store = store

    async def step(self, place: str | None, wish: Wish) -> Step:
        """Look at the places first, then at the deleted frames by number; see `Check.step`."""
        if place is None:
            return Step(await self._unknown_places(wish), "0")
        async with transaction(self._sessions) as session:
            trashed = await TrashRows(session).list_kept(int(place), _BATCH)
        findings = [
            Finding(
                FindingKind.TRASH_MISSING,
                f"{removed.place}/{key}",
                f"the frame was deleted, and its file is not in the trash: {removed.basename}"
                " cannot be brought back without it",
                removed.frame_id,
            )
            for removed in trashed
            for key in removed.keys
            if not await asyncio.to_thread(self._is_there, key, removed.place)
        ]
        return Step(tuple(findings), str(trashed[-1].id) if trashed else None)

    async def _unknown_places(self, wish: Wish) -> tuple[Finding, ...]:
        places = await self._needless_places()
        if places:
            # A frame that is brought back or purged keeps its files a moment longer than its rows.
            await asyncio.sleep(wish.pause_s)
            places &= await self._needless_places()
        async with transaction(self._sessions) as session:
            ended = await TrashRows(session).list_places(is_kept=False)
        return tuple(
            Finding(FindingKind.TRASH_UNKNOWN, place, _ENDED if place in ended else _UNKNOWN)
            for place in sorted(places)
        )

    async def _needless_places(self) -> set[str]:
        """List the places of the trash that no deletion needs."""
        places = {place async for place in self._store.trash.iter_places()}
        async with transaction(self._sessions) as session:
            return places - await TrashRows(session).list_places(is_kept=True)

    def _is_there(self, key: str, place: str) -> bool:
        try:
            self._store.trash.path(key, place)
        except (MissingFileError, InvalidKeyError):
            return False
        return True
