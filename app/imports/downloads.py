"""Files of another archive, fetched so that a broken transfer goes on where it broke."""

import asyncio
import re
from pathlib import Path

import httpx

from app.core.errors import InvalidError, UnavailableError
from app.imports.lco_client import LcoClient
from app.imports.lco_items import RemoteVersion
from app.storage.digests import Digests, digest_file
from app.storage.errors import translated

_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")
_WHOLE_TRIES = 2


class CorruptedError(InvalidError):
    """What the other archive sends is not what it says it is."""

    title = "Wrong checksum"


class Downloads:
    """Fetches files into a folder; what arrived of one stays there for the next run.

    Parameters
    ----------
    client
        Speaks to the other archive.
    folder
        For the files while they are under way.
    """

    def __init__(self, client: LcoClient, folder: Path) -> None:
        self._client = client
        self._folder = folder

    async def fetch(self, version: RemoteVersion) -> tuple[Path, Digests]:
        """Fetch a file.

        Parameters
        ----------
        version
            Which.

        Returns
        -------
        Path
            The file; whoever needs it no longer removes it.
        Digests
            Of its bytes.

        Raises
        ------
        CorruptedError
            If its MD5 is another one, twice.
        UnavailableError
            If the other archive sends nothing, again and again.
        """
        target = self._folder / f"import-{version.md5}.part"
        sent = ""
        for _ in range(_WHOLE_TRIES):
            await self._complete(version.url, target)
            digests = await asyncio.to_thread(digest_file, target)
            if digests.md5 == version.md5:
                return target, digests
            sent = digests.md5
            target.unlink()  # half of it may be of another file
        raise CorruptedError(
            f"the other archive sends a file of MD5 {sent} where it announces {version.md5}"
        )

    async def _complete(self, url: str, target: Path) -> None:
        """Fetch what is missing of a file.

        Raises
        ------
        UnavailableError
            If nothing more arrives.
        """
        patience = self._client.patience
        while True:
            size_bytes = _size_bytes(target)
            try:
                async with self._client.stream(url, start=size_bytes) as response:
                    await _write(response, target, size_bytes)
            except UnavailableError as error:
                if _size_bytes(target) > size_bytes:
                    patience.progressed()
                if not await patience.wait(error.retry_after_s):
                    raise
            else:
                return


async def _write(response: httpx.Response, target: Path, size_bytes: int) -> None:
    """Write what is sent: behind what is there if it continues that, else from the beginning.

    Raises
    ------
    UnavailableError
        If it is neither.
    """
    if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        return  # all of it is there, or it is another file: its checksum tells
    told = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    goes_on = response.status_code == httpx.codes.PARTIAL_CONTENT
    if goes_on and (told is None or int(told[1]) != size_bytes):
        raise UnavailableError("the other archive sends another part of the file than asked for")
    with translated(target.name), target.open("ab" if goes_on else "wb") as file:
        # As it arrives: blocks of a fixed size would be lost, as far as they came, with the line.
        async for block in response.aiter_raw():
            await asyncio.to_thread(file.write, block)


def _size_bytes(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
