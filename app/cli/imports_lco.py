"""One run of an import from an archive of the LCO dialect."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from app.core.errors import InvalidError
from app.imports.downloads import Downloads
from app.imports.lco import CONCURRENCY, LcoImport, LcoOptions
from app.imports.lco_client import LcoClient
from app.imports.lco_items import moment_of
from app.imports.lco_metadata import MetadataImport
from app.settings import Settings

from .imports_run import Run, adopter, run_import

if TYPE_CHECKING:
    from app.context import Factory

_TIMEOUT_S = 60.0
_OURS = {"limit", "offset", "ordering", "pagination_style", "start"}
"""Parameters that the import itself sets."""


def mount_of(url: str) -> str:
    """Check the URL of an archive.

    Parameters
    ----------
    url
        As the person typed it, with or without ``frames/``.

    Returns
    -------
    str
        Below which ``frames/`` is, with a final slash.

    Raises
    ------
    InvalidError
        If it is no HTTP address.
    """
    mount = url.partition("?")[0].rstrip("/").removesuffix("/frames") + "/"
    if not mount.startswith(("http://", "https://")) or "@" in mount:
        raise InvalidError(
            "the other archive is named by http://host/path or https://host/path, without a"
            " password",
            field="url",
        )
    return mount


def chosen_filters(words: Sequence[str], since: str | None) -> dict[str, str]:
    """Read which frames are wanted.

    Parameters
    ----------
    words
        ``KEY=VALUE``.
    since
        Start of the exposure, ISO 8601; None for all.

    Returns
    -------
    dict
        Query parameters.

    Raises
    ------
    InvalidError
        If a word is no filter, or the time no time.
    """
    filters = dict(_filter(word) for word in words)
    if since is not None:
        try:
            filters["start"] = f"{moment_of(since):%Y-%m-%dT%H:%M:%S.%f}"
        except ValueError as error:
            raise InvalidError(
                f"--since {since!r} is no time: 2026-11-20 or 2026-11-20T21:30:00 is one",
                field="since",
            ) from error
    return filters


def _filter(word: str) -> tuple[str, str]:
    key, sign, value = word.partition("=")
    if not (key and sign) or key in _OURS:
        raise InvalidError(
            f"{word!r} is no filter: KEY=VALUE is one, such as SITEID=tst; times are given by"
            " --since and end=TIME",
            field="filter",
        )
    return key, value


def run_lco(
    settings: Settings, mount: str, options: LcoOptions, *, token: str | None, report: Path | None
) -> int:
    """Import and say what became of it.

    Parameters
    ----------
    settings
        Of this process.
    mount
        As `mount_of` gives it.
    options
        What to do.
    token
        For what is not public; None for none.
    report
        Where to write a JSON report; None for none.

    Returns
    -------
    int
        Exit code.
    """

    async def work(archive: "Factory", run: Run, stop: asyncio.Event) -> None:
        limits = httpx.Limits(max_connections=2 * CONCURRENCY)
        async with httpx.AsyncClient(
            base_url=mount, timeout=_TIMEOUT_S, limits=limits, follow_redirects=True
        ) as http:
            client = LcoClient(http, token=token)
            run.bar.expect(await client.count(options.filters))
            await lco_import(archive, client).import_frames(options, stop=stop, tell=run.tell)

    return run_import(settings, work, report)


def lco_import(archive: "Factory", client: LcoClient) -> LcoImport:
    """Make the import from an archive of the LCO dialect.

    Parameters
    ----------
    archive
        The archive that it goes into.
    client
        Speaks to the other one.

    Returns
    -------
    LcoImport
        Ready.
    """
    return LcoImport(
        sessions=archive.sessions,
        clock=archive.clock,
        adopter=adopter(archive),
        client=client,
        downloads=Downloads(client, archive.settings.spool_dir),
        metadata=MetadataImport(client, archive.announcing),
    )
