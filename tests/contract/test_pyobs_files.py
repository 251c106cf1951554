"""Pictures, downloads and catalogues, with real bytes."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from tests.support.fits_files import make_fits, make_header, source_table
from tests.support.frames import Made
from tests.support.pyobs import Pyobs

pytestmark = pytest.mark.asyncio


async def an_image(pyobs: Pyobs, pixels: Any, **wish: Any) -> Made:  # noqa: ANN401  # of numpy, of a_frame
    """Register a frame of these pixels, with the cards of `trimsec`."""
    header = make_header(TRIMSEC=wish.pop("trimsec", None))
    buffer = io.BytesIO()
    fits.PrimaryHDU(pixels, header).writeto(buffer)
    return await pyobs.a_file(f"image-{len(buffer.getvalue())}", buffer.getvalue(), **wish)


async def picture(pyobs: Pyobs, made: Made) -> Any:  # noqa: ANN401  # of numpy
    answer = await pyobs.get(f"frames/{made.id}/preview/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    image = Image.open(io.BytesIO(answer.content))
    assert (image.format, image.mode, image.width) == ("PNG", "L", 200)
    return np.asarray(image)


async def test_pyo_33_size_and_shades(pyobs: Pyobs) -> None:
    ramp = np.tile(np.arange(400, dtype=np.int16), (100, 1))
    shown = await picture(pyobs, await an_image(pyobs, ramp))
    assert shown.shape == (50, 200)
    row = shown[25].astype(int)
    assert np.all(np.diff(row) >= 0)  # black is low
    assert (row[0], row[-1]) == (0, 255)
    assert 0.04 < np.mean(row == 0) < 0.07
    assert 0.04 < np.mean(row == 255) < 0.07
    tall = await picture(pyobs, await an_image(pyobs, ramp.T.copy()))
    assert tall.shape == (800, 200)


async def test_pyo_33_trimsec_is_applied(pyobs: Pyobs) -> None:
    pixels = np.full((60, 120), 30_000, np.int16)
    pixels[10:50, 20:120] = np.tile(np.arange(100, dtype=np.int16), (40, 1))
    made = await an_image(pyobs, pixels, trimsec="[21:120,11:50]")
    shown = await picture(pyobs, made)
    assert shown.shape == (80, 200)
    assert (shown[40, 0], shown[40, -1]) == (0, 255)
    assert np.all(np.diff(shown[40].astype(int)) >= 0)


@pytest.mark.parametrize("section", ["[0:0,0:0]", "[500:900,1:2]", "all", "[a:b,c:d]", "[9:1,1:9]"])
async def test_pyo_33_a_trimsec_that_is_none_counts_not(pyobs: Pyobs, section: str) -> None:
    pixels = np.tile(np.arange(40, dtype=np.int16), (20, 1))
    assert (await picture(pyobs, await an_image(pyobs, pixels, trimsec=section))).shape == (
        100,
        200,
    )


async def test_pyo_33_a_constant_image(pyobs: Pyobs) -> None:
    shown = await picture(pyobs, await an_image(pyobs, np.full((30, 40), 7, np.uint16)))
    assert (shown.shape, len(np.unique(shown))) == ((150, 200), 1)


def names(headers: Any) -> dict[str, str]:  # noqa: ANN401  # of httpx
    return {name: headers[name] for name in ("content-type", "content-disposition", "set-cookie")}


def expected(filename: str) -> dict[str, str]:
    return {
        "content-type": "image/fits",
        "content-disposition": f"attachment; filename={filename}",
        "set-cookie": "fileDownload=true; Path=/",
    }


async def test_pyo_34_what_is_stored_packed_comes_as_it_is(pyobs: Pyobs) -> None:
    made = await pyobs.a_file("tst-1", b"packed bytes", extension=".fits.fz")
    answer = await pyobs.get(f"frames/{made.id}/download/")
    assert (answer.status_code, answer.content) == (200, b"packed bytes")
    assert names(answer.headers) == expected("tst-1.fits.fz")
    part = {"Range": "bytes=7-", "Authorization": f"Token {pyobs.user}"}
    rest = await pyobs.client.get(f"/pyobs/frames/{made.id}/download", headers=part)
    assert (rest.status_code, rest.content) == (206, b"bytes")


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
async def test_pyo_34_what_is_not_is_packed_on_the_way(
    pyobs: Pyobs, tmp_path: Path, dtype: str, suffix: str
) -> None:
    path = make_fits(tmp_path / f"made.fits{suffix}", dtype=dtype, hdus=[source_table()])
    made = await pyobs.a_file("tst-1", path.read_bytes(), extension=f".fits{suffix}")
    url = f"frames/{made.id}/download/"
    head = await pyobs.client.head(
        f"/pyobs/{url}", headers={"Authorization": f"Token {pyobs.user}"}
    )
    for _ in range(2):  # made, then from the cache
        answer = await pyobs.get(url)
        assert answer.status_code == 200
        assert names(answer.headers) == names(head.headers) == expected("tst-1.fits.fz")
        assert int(head.headers["content-length"]) == len(answer.content)
        with fits.open(io.BytesIO(answer.content)) as packed, fits.open(path) as original:
            assert isinstance(packed[1], fits.CompImageHDU)
            assert packed[1].header["OBJECT"] == "M67"
            np.testing.assert_array_equal(packed[1].data, original[0].data)
            assert packed["CAT"].data["x"].tolist() == original["CAT"].data["x"].tolist()


async def test_pyo_34_what_holds_no_image_keeps_its_name(pyobs: Pyobs, tmp_path: Path) -> None:
    table = make_fits(tmp_path / "made.fits", shape=(), hdus=[source_table()]).read_bytes()
    for name, content in {"table": table, "text": b"no FITS at all" * 300}.items():
        made = await pyobs.a_file(name, content)
        for _ in range(2):
            answer = await pyobs.get(f"frames/{made.id}/download/")
            assert (answer.status_code, answer.content) == (200, content)
            assert names(answer.headers) == expected(f"{name}.fits")


async def test_pyo_35_the_catalogue(pyobs: Pyobs, tmp_path: Path) -> None:
    content = make_fits(tmp_path / "made.fits", hdus=[source_table(4)]).read_bytes()
    made = await pyobs.a_file("tst-1", content, has_catalog=True)
    answer = await pyobs.get(f"frames/{made.id}/catalog/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/comma-separated-values"
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert (rows[0], len(rows)) == (["x", "y", "flux"], 5)
    assert [float(value) for value in rows[1]] == [1.0, 1.0, 1000.0]


async def test_pyo_35_no_catalogue(pyobs: Pyobs) -> None:
    made = await pyobs.a_file("tst-1", b"bytes")
    answer = await pyobs.get(f"frames/{made.id}/catalog/")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/comma-separated-values"


@pytest.mark.parametrize("has_catalog", [True, False])
async def test_pyo_37_a_row_without_its_file(pyobs: Pyobs, has_catalog: bool) -> None:  # noqa: FBT001  # parametrised
    made = await pyobs.a_file("gone", b"bytes", has_catalog=has_catalog)
    for path in pyobs.archive.settings.archive_dir.rglob("gone*"):
        path.unlink()
    for part in ("preview", "headers", "download", "catalog"):
        answer = await pyobs.get(f"frames/{made.id}/{part}/")
        assert (answer.status_code, answer.json()) == (404, {"detail": "File not found."}), part
    assert (await pyobs.get(f"frames/{made.id}/")).status_code == 200
