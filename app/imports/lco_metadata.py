"""Metadata of another archive's frames, without the files: those may come later."""

from typing import Any

from app.core.identity import SYSTEM
from app.fits.safe_names import basename_of
from app.frames.announced import AnnouncedVersion
from app.imports.lco_client import LcoClient
from app.imports.lco_items import NotLcoError, RemoteFrame, RemoteVersion
from app.ingest.announcing import AnnouncingService, Posted

_COMMENTARY = {"", "COMMENT", "HISTORY"}

Header = dict[str, str | int | float | bool | None]


class MetadataImport:
    """Files what another archive knows of frames.

    Parameters
    ----------
    client
        Speaks to the other archive.
    announcing
        Takes descriptions of frames.
    """

    def __init__(self, client: LcoClient, announcing: AnnouncingService) -> None:
        self._client = client
        self._announcing = announcing

    async def add(self, frame: RemoteFrame, versions: list[RemoteVersion]) -> int:
        """File what is known of a frame.

        Parameters
        ----------
        frame
            Of the other archive.
        versions
            Those that are not known here, the oldest first.

        Returns
        -------
        int
            Number of the frame here.

        Raises
        ------
        NotLcoError
            If the other archive does not speak the dialect.
        ArchiveError
            If it does not give the header, or this one does not take it.
        """  # whatever client and service raise
        header = header_of(await self._client.get(f"frames/{frame.id}/headers/", {}))
        given = {**frame.gaps, **frame.certain, "public_at": frame.publicity.public_at}
        given["is_internal"] = frame.publicity.is_internal
        given.pop("night", None)  # follows from the day
        if frame.area_deg is not None:
            given["area_deg"] = frame.area_deg
        posted = Posted(
            basename=frame.basename,
            header=header,
            given=given,
            versions=tuple(AnnouncedVersion(v.md5, v.md5, v.extension) for v in versions),
            related=await self._related(frame, header),
        )
        return await self._announcing.announce(posted, SYSTEM)

    async def _related(self, frame: RemoteFrame, header: Header) -> tuple[str, ...]:
        """Give the frames that the header names; the dialect tells no direction.

        Raises
        ------
        NotLcoError
            If the other archive does not list them.
        """
        if not frame.has_related:
            return ()
        items = await self._client.get(f"frames/{frame.id}/related/", {})
        if not isinstance(items, list):
            raise NotLcoError(f"the other archive does not list the relations of {frame.id}")
        named = {basename_of(value)[0] for value in header.values() if isinstance(value, str)}
        names = (str(item.get("basename")) for item in items if isinstance(item, dict))
        return tuple(name for name in names if name in named)


def header_of(document: Any) -> Header:  # noqa: ANN401  # JSON
    """Read a header as the dialect gives it.

    Parameters
    ----------
    document
        ``{"data": {keyword: value}}``.

    Returns
    -------
    dict
        Keyword -> value; without the copies whose hyphens are underscores.

    Raises
    ------
    NotLcoError
        If it is something else.
    """
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        raise NotLcoError("the other archive does not give headers as the LCO dialect does")
    copies = {key.replace("-", "_") for key in data if "-" in key}
    return {
        key: value if isinstance(value, str | int | float | bool | None) else str(value)
        for key, value in data.items()
        if key not in copies and key not in _COMMENTARY
    }
