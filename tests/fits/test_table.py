"""Catalogues: every kind of column as CSV, and as FITS behind the science header."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from app.core.errors import ArchiveError
from app.fits import table as table_module
from app.fits.table import write_catalog_csv, write_catalog_fits


def a_catalog(rows: int = 3) -> fits.BinTableHDU:
    number = np.arange(rows)
    columns = [
        fits.Column("id", "J", array=number, null=2),
        fits.Column("flux", "D", array=np.where(number == 1, np.nan, number * 0.1), unit="adu"),
        fits.Column("name", "10A", array=[f" s, {n}  " for n in number]),
        fits.Column("good", "L", array=number % 2 == 0),
        fits.Column("xy", "2E", array=np.stack([number, np.full(rows, np.inf)], axis=1)),
        fits.Column("u", "I", array=(number + 40_000).astype("u2"), bzero=32768),
        fits.Column("parts", "PJ()", array=np.array([np.arange(n % 3) for n in number], object)),
    ]
    return fits.BinTableHDU.from_columns(columns, name="CAT")


def a_file(path: Path, catalog: fits.BinTableHDU | None = None) -> Path:
    science = fits.ImageHDU(np.ones((4, 4), "u2"), name="SCI")
    science.header["OBJECT"] = ("M67", "what")
    science.header["COMMENT"] = "kept"
    hdus = [fits.PrimaryHDU(header=fits.Header([("OBJECT", "other")])), science]
    fits.HDUList([*hdus, *([catalog] if catalog else [])]).writeto(path)
    return path


def lines_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")))


def test_every_kind_of_column_is_written(tmp_path: Path) -> None:
    assert write_catalog_csv(a_file(tmp_path / "a.fits", a_catalog()), tmp_path / "a.csv") is True
    first, second, third = lines_of(tmp_path / "a.csv")
    assert first == {
        "id": "0",
        "flux": "0.0",
        "name": "s, 0",
        "good": "True",
        "xy": "[0.0, null]",
        "u": "40000",
        "parts": "[]",
    }
    assert (second["flux"], second["good"], second["parts"]) == ("", "False", "[0]")
    assert (third["id"], json.loads(third["parts"])) == ("", [0, 1])


def test_long_catalogues_are_written_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_module, "_ROWS_AT_ONCE", 7)
    write_catalog_csv(a_file(tmp_path / "a.fits", a_catalog(50)), tmp_path / "a.csv")
    assert [line["u"] for line in lines_of(tmp_path / "a.csv")] == [
        str(40_000 + n) for n in range(50)
    ]


def test_an_empty_catalogue_has_its_header_line(tmp_path: Path) -> None:
    assert write_catalog_csv(a_file(tmp_path / "a.fits", a_catalog(0)), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().startswith("id,flux,")
    assert lines_of(tmp_path / "a.csv") == []


@pytest.mark.parametrize("write", [write_catalog_csv, write_catalog_fits])
def test_without_a_table_named_cat_nothing_is_written(
    tmp_path: Path, write: Callable[..., Any]
) -> None:
    other = a_catalog()
    other.name = "GTI"
    assert write(a_file(tmp_path / "a.fits", other), tmp_path / "b") is False
    assert not (tmp_path / "b").exists()


def test_the_fits_catalogue_has_the_science_header_and_the_same_table(tmp_path: Path) -> None:
    original = a_file(tmp_path / "a.fits", a_catalog())
    assert write_catalog_fits(original, tmp_path / "b.fits") is True
    with fits.open(tmp_path / "b.fits") as hdus, fits.open(original) as before:
        assert [hdu.name for hdu in hdus] == ["SCI", "CAT"]
        assert hdus[0].data is None
        assert hdus[0].header["OBJECT"] == "M67"
        assert hdus[0].header.comments["OBJECT"] == "what"
        assert list(hdus[0].header["COMMENT"]) == ["kept"]
        assert "BZERO" not in hdus[0].header
        assert repr(hdus[1].header) == repr(before["CAT"].header)
        assert bytes(hdus[1].data.tobytes()) == bytes(before["CAT"].data.tobytes())
    assert len(Table.read(tmp_path / "b.fits", hdu=1)) == 3


def test_the_science_header_may_be_that_of_a_compressed_image(tmp_path: Path) -> None:
    science = fits.CompImageHDU(np.ones((9, 9), "i2"), fits.Header([("OBJECT", "M1")]), name="SCI")
    fits.HDUList([fits.PrimaryHDU(), science, a_catalog()]).writeto(tmp_path / "a.fits.fz")
    assert write_catalog_fits(tmp_path / "a.fits.fz", tmp_path / "b.fits")
    header = fits.getheader(tmp_path / "b.fits")
    assert (header["OBJECT"], header["NAXIS"]) == ("M1", 0)
    assert not [key for key in header if key.startswith(("Z", "TTYPE", "NAXIS1"))]


def test_gzipped_files_are_read(tmp_path: Path) -> None:
    data = a_file(tmp_path / "a.fits", a_catalog()).read_bytes()
    (tmp_path / "a.gz").write_bytes(gzip.compress(data))
    assert write_catalog_csv(tmp_path / "a.gz", tmp_path / "a.csv", scratch=tmp_path)
    assert len(lines_of(tmp_path / "a.csv")) == 3


def test_a_damaged_table_is_an_archive_error(tmp_path: Path) -> None:
    data = a_file(tmp_path / "a.fits", a_catalog(5000)).read_bytes()
    (tmp_path / "b.fits").write_bytes(data[:-100_000])
    with pytest.raises(ArchiveError):
        write_catalog_csv(tmp_path / "b.fits", tmp_path / "b.csv")
