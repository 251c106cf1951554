"""What an observatory that runs pyobs does: upload, list options and frames, fetch them back."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from pyobs.robotic.utils.archive.pyobs_archive import PyobsArchive
from pyobs.vfs import ArchiveFile


async def upload(url: str, token: str, files: list[Path]) -> None:
    """Write files into the archive, one by one."""
    for file in files:
        async with ArchiveFile(file.name, url, "w", token) as target:
            await target.write(file.read_bytes())


async def fetch(url: str, token: str, site: str) -> dict[str, object]:
    """List what the archive has of a site, and fetch all of it."""
    archive = PyobsArchive(url=url, token=token)
    options = await archive.list_options(site=site)
    infos = await archive.list_frames(site=site)
    images = await archive.download_frames(infos)
    headers = await archive.download_headers(infos)
    return {
        "options": options,
        "names": [info.filename for info in infos],
        "binnings": [info.binning for info in infos],
        "sums": [float(image.data.sum()) for image in images],
        "objects": [header["OBJECT"] for header in headers],
    }


async def main() -> None:
    """Upload files, and say what came back."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("site")
    parser.add_argument("files", nargs="*", type=Path)
    given = parser.parse_args()
    await upload(given.url, given.token, given.files)
    sys.stdout.write(json.dumps(await fetch(given.url, given.token, given.site)))


asyncio.run(main())
