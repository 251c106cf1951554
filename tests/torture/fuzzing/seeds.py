"""Files to begin with: made ones, and small real ones where they lie beside the repository."""

import bz2
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from astropy.io import fits

from app.fits.blocks import BLOCK_BYTES
from tests.support.fits_files import make_header, ramp, source_table, wcs_header
from tests.support.raw_cards import array_hdu, header_only, raw_header

REAL_FILES: Final = Path(__file__).parents[4] / "shared" / "fits"
MAX_SEED_BYTES: Final = 60_000
_TYPES: Final = ("uint8", "int16", "uint16", "int32", "int64", "float32", "float64")
_CODES: Final = ("RICE_1", "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1", "NOCOMPRESS")
_PROJECTIONS: Final = ("TAN", "SIN", "ZPN", "TPV", "CAR", "AIT", "TAN-SIP", "CSC")


def made_seeds() -> list[bytes]:
    """Make small files of every kind that the archive reads."""
    plain = _file(fits.PrimaryHDU(ramp((24, 32), "uint16"), _observed()))
    return [
        plain,
        gzip.compress(plain),
        bz2.compress(plain),
        *(_file(fits.PrimaryHDU(ramp((6, 7), kind), make_header())) for kind in _TYPES),
        *(_packed(code) for code in _CODES),
        *(_projected(projection) for projection in _PROJECTIONS),
        _file(fits.PrimaryHDU(), fits.ImageHDU(ramp((2, 8, 9)), name="SCI"), source_table()),
        _file(fits.PrimaryHDU(ramp((300,), "float32"), make_header())),
        _file(fits.PrimaryHDU(), _variable_table(), _ascii_table()),
        _groups(),
        header_only(*_odd_cards()),
        array_hdu(shape=(5, 4)) + array_hdu(shape=(3, 3, 2), extension="IMAGE"),
        raw_header(["SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 999"], end=False),
    ]


def real_seeds() -> Iterator[bytes]:
    """Give the small real files, and the headers of large ones."""
    if not REAL_FILES.is_dir():
        return
    for path in sorted(REAL_FILES.rglob("*")):
        if not path.is_file() or path.suffix in {".md", ".tsv"}:
            continue
        with path.open("rb") as file:
            data = file.read(MAX_SEED_BYTES + 1)
        if len(data) <= MAX_SEED_BYTES:
            yield data
        elif data.startswith(b"SIMPLE"):
            yield data[: data.find(b"END".ljust(77)) // BLOCK_BYTES * BLOCK_BYTES + 2 * BLOCK_BYTES]


def write_seeds(folder: Path) -> None:
    """Write all seeds into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate((*made_seeds(), *real_seeds())):
        (folder / f"seed-{number:04}").write_bytes(data)


def _file(*hdus: fits.PrimaryHDU | fits.ImageHDU | fits.BinTableHDU) -> bytes:
    buffer = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(buffer, checksum=len(hdus) > 1)
    return buffer.getvalue()


def _observed() -> fits.Header:
    header = make_header(
        OBSTYPE="EXPOSE", PROPID="2026B-001", REQNUM="17", OBSNUM=3, BLKUID=9, RLEVEL=0,
        L1PUBDAT="2027-11-19T03:04:05", CCDSUM="2 2", AIRMASS=1.2, RA="08:51:18", DEC="+11:48:50",
        LONGITUD=-110.9, MJD_OBS=61363.1, USERID="ann", L1IDBIAS="bias-1.fits",
        TRIMSEC="[1:20,1:9]", FILENAME="tst1m0-cam1-20261119-0001-e00.fits", MOONFRAC=0.3,
        FOCPOSN=1.5,
    )  # fmt: skip
    header.update(wcs_header((24, 32), 132.8, 11.8))
    return header


def _packed(code: str) -> bytes:
    pixels = ramp((40, 30), "int16") % 200
    image = fits.CompImageHDU(
        pixels, _observed(), name="SCI", compression_type=code, tile_shape=(8, 30)
    )
    return _file(fits.PrimaryHDU(), image, source_table())


def _projected(projection: str) -> bytes:
    header = make_header()
    header.update(wcs_header((80, 100), 10.0, -20.0))
    for axis, name in ((1, "RA---"), (2, "DEC--")):
        header[f"CTYPE{axis}"] = f"{name}{projection}"
    if projection == "TAN-SIP":
        header.update({"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-6, "B_0_2": 2e-6})
    if projection in {"ZPN", "TPV"}:
        header.update({"PV2_1": 1.0, "PV2_3": 0.1})
    return raw_header([card.image for card in fits.PrimaryHDU(ramp((8, 10)), header).header.cards])


def _variable_table() -> fits.BinTableHDU:
    rows = np.empty(3, dtype=object)
    rows[:] = [np.arange(n, dtype=np.int32) for n in (2, 0, 5)]
    columns = [
        fits.Column("part", "PJ()", array=rows),
        fits.Column("name", "6A", array=["a", "bb", "ccc"]),
        fits.Column("pair", "4I", dim="(2,2)", array=np.arange(12).reshape(3, 2, 2)),
        fits.Column("flag", "3X", array=np.zeros((3, 3), bool)),
    ]
    return fits.BinTableHDU.from_columns(columns, name="CAT")


def _ascii_table() -> fits.TableHDU:
    columns = [fits.Column("x", "F8.3", array=[1.5, 2.5]), fits.Column("n", "A5", array=["a", "b"])]
    return fits.TableHDU.from_columns(columns, name="ASCII")


def _groups() -> bytes:
    cards = ["SIMPLE  = T", "BITPIX  = -32", "NAXIS   = 3", "NAXIS1  = 0", "NAXIS2  = 4"]
    cards += ["NAXIS3  = 3", "GROUPS  = T", "PCOUNT  = 1", "GCOUNT  = 2"]
    return raw_header(cards) + bytes(BLOCK_BYTES)


def _odd_cards() -> tuple[str, ...]:
    return (
        "OBJECT  = 'a long&'", "CONTINUE  ' text&'", "CONTINUE  ' ends'",
        "HIERARCH ESO DET ID = 'chip 1' / named", "DATE-OBS= '2026-11-20T01:02:03'",
        "EXPTIME = 1.5D1 / [s] time", "DP1     = 'AXIS.1: 2'", "COMMENT x", "",
        "FILTER  = 'Bessel V'",
    )  # fmt: skip
