"""Tells the archive of the files that the inbox gives."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import structlog

from app.core.errors import UnavailableError
from app.ingest.models import ArrivalBusyError, NewArrival, Source
from app.ingest.service import IngestService
from app.ingest.spool import display_name, identity_of
from worker.inbox import Arrived, Inbox

log = structlog.get_logger(__name__)

_PAUSE_S = 2.0


class Watching:
    """Announces every complete file; what cannot be announced stays there for a later sweep.

    Parameters
    ----------
    inbox
        Gives the files.
    ingest
        Takes them.
    """

    def __init__(self, inbox: Inbox, ingest: IngestService) -> None:
        self._inbox = inbox
        self._ingest = ingest
        self._is_waiting = False

    async def run(self) -> None:
        """Announce files for ever."""
        async for arrived in self._inbox.arrivals():
            for path in await self._announce(arrived):
                self._inbox.forget(path)

    async def _announce(self, arrived: Sequence[Arrived]) -> list[Path]:
        """Announce files, all in one transaction; give those to be looked at again later."""
        paths = [each.path for each in arrived]
        try:
            taken = await self._announce_all(arrived)
        except UnavailableError as error:
            if not self._is_waiting:
                log.warning("inbox waits", reason=error.message)
            self._is_waiting = True
            await asyncio.sleep(_PAUSE_S)
            return paths
        except ArrivalBusyError:  # by another worker at the same inbox
            if len(arrived) == 1:
                return paths
            return [path for each in arrived for path in await self._announce([each])]
        except Exception:  # one file must not stop the others
            if len(arrived) == 1:
                log.exception("file cannot be announced", file=display_name(paths[0]))
                return paths
            return [path for each in arrived for path in await self._announce([each])]
        if self._is_waiting:
            log.info("inbox goes on")
        self._is_waiting = False
        return [path for path in paths if path not in taken]

    async def _announce_all(self, arrived: Sequence[Arrived]) -> set[Path | None]:
        """Announce files; give the paths of those that are on their way."""
        found = await asyncio.to_thread(lambda: [_new_arrival(each) for each in arrived])
        new = [each for each in found if each is not None]
        later = await self._ingest.announce_all(new)
        return {each.source_path for each in new} - {each.source_path for each in later}


def _new_arrival(arrived: Arrived) -> NewArrival | None:
    """Describe a file; None where it is not the one any more that was complete."""
    try:
        identity = identity_of(arrived.path)
    except FileNotFoundError:
        return None
    complete = (arrived.inode, arrived.size_bytes, arrived.modified_ns)
    if not identity.startswith(":".join(map(str, complete))):
        return None
    return NewArrival(
        source=Source.INBOX,
        filename=display_name(arrived.path),
        size_bytes=arrived.size_bytes,
        source_path=arrived.path,
        source_identity=identity,
    )
