"""Whether bytes that lie somewhere are safe in the archive, too."""

from app.db.engine import Sessions, transaction
from app.storage.protocol import Store
from app.verification.store import FileStore


class Twins:
    """Looks for bytes in the archive.

    Parameters
    ----------
    sessions, store
        Of the process.
    """

    def __init__(self, *, sessions: Sessions, store: Store) -> None:
        self._sessions = sessions
        self._store = store

    async def is_filed(self, sha256: str) -> bool:
        """Tell whether a frame was received with these bytes, and its file is here.

        Parameters
        ----------
        sha256
            Of the bytes.

        Returns
        -------
        bool
            False also where the stored file is missing or damaged.
        """
        async with transaction(self._sessions) as session:
            keys = await FileStore(session).list_sound_keys(sha256)
        for key in keys:
            if await self._store.exists(key):
                return True
        return False
