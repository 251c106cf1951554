"""Files in the archive's folder that the catalogue does not know."""

import asyncio
from contextlib import aclosing
from urllib.parse import quote, unquote

from app.db.engine import Sessions, transaction
from app.frames.registry import FrameRegistry
from app.ingest.models import REMOVE_JOB
from app.storage.errors import InvalidKeyError
from app.storage.protocol import Store, check_key
from app.verification.models import Finding, FindingKind, Phase, Step, Wish
from app.verification.store import FileStore, TrashRows

_BATCH = 1000


class KeyCheck:
    """Goes through the archive's folder; see `Check`.

    An unknown file is named and never touched: it may be all that is left of a frame, and `skyshelf
    reindex` makes frames of such files.

    Parameters
    ----------
    sessions, store
        Of the process.
    """

    phase = Phase.KEYS

    def __init__(self, *, sessions: Sessions, store: Store) -> None:
        self._sessions = sessions
        self._store = store

    async def step(self, place: str | None, wish: Wish) -> Step:
        """Look at the next files; see `Check.step`."""
        keys = await self._next_keys(_decoded(place))
        unknown = await self._unknown(keys)
        if unknown:
            # A frame that is being deleted loses its rows a moment before its files.
            await asyncio.sleep(wish.pause_s)
        found = [key for key in unknown if await self._is_unknown(key)]
        findings = tuple(_finding(key) for key in found)
        return Step(findings, _encoded(keys[-1]) if keys else None)

    async def _next_keys(self, after: str) -> list[str]:
        keys: list[str] = []
        async with aclosing(self._store.iter_keys(after)) as walk:  # type: ignore[type-var]  # a generator
            async for key in walk:
                keys.append(key)
                if len(keys) == _BATCH:
                    break
        return keys

    async def _unknown(self, keys: list[str]) -> list[str]:
        safe = [key for key in keys if _is_safe(key)]
        async with transaction(self._sessions) as session:
            known = await FileStore(session).list_known(safe)
        return [key for key in keys if key not in known]

    async def _is_unknown(self, key: str) -> bool:
        """Ask again, while nobody adds or removes a file of this key."""
        if not _is_safe(key):
            return True
        async with transaction(self._sessions) as session:
            registry, files = FrameRegistry(session), FileStore(session)
            await registry.lock_key(key)
            if await registry.is_stored(key) or await files.list_awaited(REMOVE_JOB, [key]):
                return False
            if await TrashRows(session).is_moving(key):
                return False
            return await self._store.exists(key)


def _finding(key: str) -> Finding:
    return Finding(
        kind=FindingKind.UNKNOWN,
        name=key if _is_safe(key) else _encoded(key),
        detail="no row names this file; it stays: skyshelf reindex makes a frame of new bytes,"
        " else remove it by hand",
    )


def _is_safe(key: str) -> bool:
    try:
        check_key(key)
    except InvalidKeyError:
        return False
    return True


def _encoded(key: str) -> str:
    """Write a key as text that the database takes, whatever bytes it is made of."""
    return quote(key, safe="/ ", errors="surrogateescape")


def _decoded(place: str | None) -> str:
    return unquote(place or "", errors="surrogateescape")
