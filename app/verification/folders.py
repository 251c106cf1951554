"""Flat folders whose files arrivals name: the spool and the quarantine."""

import asyncio
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Sequence
from pathlib import Path

from app.ingest.leftovers import Leftovers
from app.ingest.models import Arrival
from app.storage.errors import MissingFileError
from app.storage.walking import changed_s
from app.verification.audit import Audit
from app.verification.models import Finding, Step, Wish
from app.verification.twins import Twins

_BATCH = 100


class FolderCheck(ABC):
    """Goes through a folder by name, past what was touched of late; see `Check`.

    Parameters
    ----------
    audit
        Hears what is done.
    folder
        Spool or quarantine.
    leftovers, twins
        Whose a file is, and whether its bytes are kept elsewhere.
    """

    def __init__(
        self,
        *,
        audit: Audit,
        folder: Path,
        leftovers: Leftovers,
        twins: Twins,
    ) -> None:
        self._audit = audit
        self._folder = folder
        self._leftovers = leftovers
        self._twins = twins

    async def step(self, place: str | None, wish: Wish) -> Step:
        """Look at the next files; see `Check.step`."""
        paths = await asyncio.to_thread(_entries_after, self._folder, place)
        old = [path for path in paths if await asyncio.to_thread(is_old, path, wish.grace_s)]
        held = await self._leftovers.holders(old)
        found = [await _unless_gone(self._look(path, held.get(path), wish)) for path in old]
        findings = tuple(finding for finding in found if finding is not None)
        return Step(findings, paths[-1].name if paths else None)

    @abstractmethod
    async def _look(self, path: Path, holder: Arrival | None, wish: Wish) -> Finding | None:
        """Look at a file and at the arrival that names it; None where all is well."""


async def _unless_gone(look: Awaitable[Finding | None]) -> Finding | None:
    """Look at a file that somebody may remove meanwhile; None also where it is gone."""
    try:
        return await look
    except MissingFileError:
        return None


def _entries_after(folder: Path, place: str | None) -> Sequence[Path]:
    """List the next entries by name: those behind the last one that was looked at."""
    names = sorted(path.name for path in folder.iterdir())
    return [folder / name for name in names if place is None or name > place][:_BATCH]


def is_old(path: Path, grace_s: float) -> bool:
    """Tell whether nobody has touched a file for a while. Blocks.

    Parameters
    ----------
    path
        The file, or folder.
    grace_s
        For how long [s].

    Returns
    -------
    bool
        False for one that is gone.
    """
    return changed_s(path) <= time.time() - grace_s and os.path.lexists(path)  # noqa: TID251  # Path.exists follows links before Python 3.12


def is_odd(path: Path) -> bool:
    """Tell what the archive never makes in these folders. Blocks.

    Parameters
    ----------
    path
        In spool or quarantine.

    Returns
    -------
    bool
        True for a link, a folder, a pipe or a device.
    """
    return path.is_symlink() or not path.is_file()
