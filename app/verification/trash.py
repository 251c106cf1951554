"""The files of deleted frames, and the rows that name them."""

import asyncio

from app.db.engine import Sessions, transaction
from app.storage.errors import InvalidKeyError, MissingFileError
from app.storage.protocol import Store
from app.verification.models import Finding, FindingKind, Phase, Step, Wish
from app.verification.store import TrashRows

_BATCH = 100


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
        places = [place async for place in self._store.trash.iter_places()]
        if not places:
            return ()
        unknown = set(places) - await self._known()
        if unknown:
            await asyncio.sleep(wish.pause_s)
            unknown -= await self._known()
        return tuple(
            Finding(
                FindingKind.TRASH_UNKNOWN,
                place,
                "no deleted frame has its files here; look at them, then remove them by hand",
            )
            for place in sorted(unknown)
        )

    async def _known(self) -> frozenset[str]:
        async with transaction(self._sessions) as session:
            return await TrashRows(session).list_places()

    def _is_there(self, key: str, place: str) -> bool:
        try:
            self._store.trash.path(key, place)
        except (MissingFileError, InvalidKeyError):
            return False
        return True
