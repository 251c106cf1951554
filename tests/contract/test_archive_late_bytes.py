"""Bytes that come after they were announced are there for whoever asks first, at every door."""

import io
import zipfile
from pathlib import Path

import pytest

from tests.support.fits_files import make_fits, source_table
from tests.support.lco import Lco
from tests.support.lco_ingester import FOLDER, a_version, posted, put
from tests.support.serving import as_user

pytestmark = pytest.mark.asyncio

ZIPS = ("/frames/zip/", "/archive/frames/zip/", "/pyobs/frames/zip/")
FILES = (
    "/frames/{id}/download/",
    "/frames/{id}/preview/",
    "/frames/{id}/catalog/",
    "/archive/frame-funpack/{id}/funpack/",
    "/archive/frame-catalog/{id}/catalog/",
    "/pyobs/frames/{id}/download/",
    "/pyobs/frames/{id}/preview/",
    "/pyobs/frames/{id}/catalog/",
)


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    """Give the bytes of a FITS file with an image and a catalogue."""
    return make_fits(tmp_path / "made.fits", hdus=[source_table()]).read_bytes()


async def late(lco: Lco, content: bytes) -> tuple[int, str]:
    """Announce a frame, and let its bytes come; give its number, and a superuser's token."""
    token = await lco.served.a_user("root", is_superuser=True)
    change = {"version_set": [a_version(content)], "reduction_level": 91}
    item = await posted(lco, token, **change)
    put(lco, f"{FOLDER}/processed/a.fits", content)
    return item["id"], token


@pytest.mark.parametrize("path", FILES)
async def test_arc_87_files_of_late_bytes(lco: Lco, content: bytes, path: str) -> None:
    number, token = await late(lco, content)
    answer = await lco.client.get(path.format(id=number), headers=as_user(token))
    assert (answer.status_code, bool(answer.content)) == (200, True), answer.text


@pytest.mark.parametrize("wish", [{}, {"uncompress": True}, {"catalog_only": True}])
@pytest.mark.parametrize("path", ZIPS)
async def test_arc_60_87_zips_of_late_bytes(
    lco: Lco, content: bytes, path: str, wish: dict[str, bool]
) -> None:
    number, token = await late(lco, content)
    body = {"frame_ids": [number], **wish}
    answer = await lco.client.post(path, json=body, headers=as_user(token))
    assert answer.status_code == 200, answer.text
    (member,) = zipfile.ZipFile(io.BytesIO(answer.content)).infolist()
    assert member.file_size > 0
