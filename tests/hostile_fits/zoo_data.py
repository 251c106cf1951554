"""Hostile data: bombs, tiles and tables that lie."""

import bz2
import gzip
import io
from collections.abc import Iterator
from typing import Final

import numpy as np
from astropy.io import fits

from tests.hostile_fits.zoo_headers import OBSERVED, Specimen, behind, one
from tests.support.fits_files import make_header, ramp
from tests.support.raw_cards import array_hdu, padded, raw_header

_MEMBER_BYTES: Final = 10_000_000
_CODES: Final = ("RICE_1", "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1")


def zeros_behind(start: bytes, size_bytes: int) -> Iterator[bytes]:
    """Compress what begins so and goes on with zeros, a gzip member for every 10 MB."""
    yield gzip.compress(start)
    member = gzip.compress(bytes(_MEMBER_BYTES))
    for _ in range(size_bytes // _MEMBER_BYTES):
        yield member


def bombs(size_bytes: int) -> dict[str, Specimen]:
    """Give small files that unpack to this much."""
    cards = ["SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 100000"]
    declared = raw_header([*cards, f"NAXIS2  = {size_bytes // 100_000}", *OBSERVED])
    hidden = array_hdu(*OBSERVED)
    return {
        "gzip bomb behind an image": lambda: zeros_behind(hidden, size_bytes),
        "gzip bomb as an image": lambda: zeros_behind(declared, size_bytes),
    }


def packed(code: str = "RICE_1", *, kind: str = "int16") -> bytes:
    """Make a file whose second HDU is a compressed image of 40 x 30 pixels."""
    image = fits.CompImageHDU(
        ramp((30, 40), kind) % 200, make_header(), name="SCI", compression_type=code,
        tile_shape=(8, 40),
    )  # fmt: skip
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(buffer)
    return buffer.getvalue()


def lying(code: str = "RICE_1", **cards: str) -> Specimen:
    """Change cards of the table around a compressed image."""
    data = packed(code)
    for keyword, value in cards.items():
        start = data.index(f"{keyword:8}=".encode(), 2880)
        data = data[:start] + f"{keyword:8}= {value}".encode().ljust(80) + data[start + 80 :]
    return one(data)


def spoiled(code: str, where: str) -> Specimen:
    """Spoil descriptors or heap of a compressed image."""
    data = bytearray(packed(code))
    start = data.index(b"XTENSION")
    end = data.index(b"END".ljust(80), start)
    table = end - (end - start) % 2880 + 2880
    if where == "descriptors out of the heap":
        data[table : table + 32] = np.array([0x7FFFFFFF] * 8, ">i4").tobytes()
    elif where == "negative descriptors":
        data[table : table + 32] = np.array([-1] * 8, ">i4").tobytes()
    elif where == "empty descriptors":
        data[table : table + 32] = bytes(32)
    else:
        length = len(data) - table - 32
        data[table + 32 :] = (b"\xff" if where == "heap of ones" else b"\xa5\x00\x7f")[:1] * length
    return one(bytes(data))


def table(form: str, *cards: str, row_bytes: int = 8, rows: int = 1) -> Specimen:
    """Give a binary table CAT of one column of this form."""
    return behind(
        "XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 2", f"NAXIS1  = {row_bytes}",
        f"NAXIS2  = {rows}", "PCOUNT  = 0", "GCOUNT  = 1", "TFIELDS = 1", f"TFORM1  = {form}",
        "TTYPE1  = 'x'", "EXTNAME = 'CAT'", *cards, data=bytes(2880),
    )  # fmt: skip


def _ascii(*cards: str) -> Specimen:
    return behind(
        "XTENSION= 'TABLE'", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 10", "NAXIS2  = 3",
        "PCOUNT  = 0", "GCOUNT  = 1", "TFIELDS = 1", *cards, data=b"1234567890" * 3,
    )  # fmt: skip


WRAPPED: Final[dict[str, Specimen]] = {
    "gzip cut off": one(gzip.compress(array_hdu(*OBSERVED))[:-12]),
    "gzip with a wrong sum": one(gzip.compress(array_hdu(*OBSERVED))[:-8] + b"\1" * 8),
    "gzip in gzip": one(gzip.compress(gzip.compress(array_hdu(*OBSERVED)))),
    "gzip in bzip2": one(bz2.compress(gzip.compress(array_hdu(*OBSERVED)))),
    "gzip of nothing": one(gzip.compress(b"")),
    "gzip magic alone": one(b"\x1f\x8b"),
    "bzip2 cut off": one(bz2.compress(array_hdu(*OBSERVED))[:-9]),
    "two gzip members": one(gzip.compress(array_hdu(*OBSERVED)) + gzip.compress(bytes(2880))),
    "gzip and rubbish": one(gzip.compress(array_hdu(*OBSERVED)) + b"rubbish" * 100),
}

TILES: Final[dict[str, Specimen]] = {
    **{
        f"{code}: {where}": spoiled(code, where)
        for code in _CODES
        for where in (
            "descriptors out of the heap",
            "negative descriptors",
            "empty descriptors",
            "heap of ones",
            "heap of rubbish",
        )
    },
    **{
        f"{keyword} = {value}": lying(**{keyword: value})
        for keyword, value in (
            ("ZNAXIS1", "1000000000"),
            ("ZNAXIS2", "1000000000"),
            ("ZNAXIS1", "-1"),
            ("ZNAXIS1", "0"),
            ("ZNAXIS", "999"),
            ("ZNAXIS", "1000000000"),
            ("ZNAXIS", "0"),
            ("ZTILE1", "1000000000"),
            ("ZTILE1", "0"),
            ("ZTILE1", "-1"),
            ("ZTILE2", "7"),
            ("ZBITPIX", "64"),
            ("ZBITPIX", "-64"),
            ("ZBITPIX", "7"),
            ("ZBITPIX", "'x'"),
            ("ZCMPTYPE", "'UNKNOWN'"),
            ("ZCMPTYPE", "'PLIO_1'"),
            ("ZCMPTYPE", "'HCOMPRESS_1'"),
            ("ZVAL1", "0"),
            ("ZVAL1", "1000000000"),
            ("ZVAL2", "3"),
            ("PCOUNT", "0"),
            ("PCOUNT", "9223372036854775807"),
            ("TFIELDS", "1000000000"),
            ("TFIELDS", "0"),
            ("TFORM1", "'1PB(999999999)'"),
            ("TFORM1", "'1QB'"),
            ("TFORM1", "'8A'"),
            ("NAXIS2", "1000000000"),
            ("NAXIS1", "0"),
        )
    },
}

TABLES: Final[dict[str, Specimen]] = {
    **{
        f"TFORM1 = {form}": table(form)
        for form in (
            "'1PB(999999999)'",
            "'1QB(9223372036854775807)'",
            "'999999999999A'",
            "'2147483647D'",
            "'-1J'",
            "'0D'",
            "''",
            "'ZZZ'",
            "5",
            "'1PP'",
            "'99999999999X'",
            "'\u00e9'",
        )
    },
    "TDIM that lies": table("'4I'", "TDIM1   = '(999999,999999)'"),
    "TDIM negative": table("'4I'", "TDIM1   = '(-1,-4)'"),
    "TDIM of nothing": table("'4I'", "TDIM1   = '()'"),
    "TFIELDS of 10^9": table("'1D'", "TFIELDS = 1000000000"),
    "TNULL and scale": table(
        "'1J'", "TNULL1  = 1E99", "TSCAL1  = NaN", "TZERO1  = 'x'", row_bytes=4
    ),
    "THEAP out of the file": table("'1PJ'", "THEAP   = 9223372036854775807"),
    "a long column name": table("'1D'", f"TTYPE1  = '{'n' * 60}&'", f"CONTINUE  '{'n' * 60}'"),
    "two columns of one name": table("'1E'", "TFIELDS = 2", "TFORM2  = '1E'", "TTYPE2  = 'x'"),
    "rows without bytes": table("'1D'", row_bytes=0, rows=1_000_000_000),
    "more rows than bytes": table("'1D'", rows=1_000_000_000),
    "ASCII table: TBCOL out of the row": _ascii("TFORM1  = 'F8.3'", "TBCOL1  = 999999999"),
    "ASCII table: TBCOL negative": _ascii("TFORM1  = 'I4'", "TBCOL1  = -3"),
    "ASCII table: no number": _ascii("TFORM1  = 'F8.3'", "TBCOL1  = 1", "TNULL1  = 'x'"),
    "ASCII table: wide": _ascii("TFORM1  = 'A999999999'", "TBCOL1  = 1"),
    "image of a text": one(
        raw_header(["SIMPLE  = T", "BITPIX  = -64", "NAXIS   = 1", "NAXIS1  = 400", *OBSERVED])
        + padded(b"\x7f\xf0\0\0\0\0\0\1" * 400)
    ),
    "BZERO and BSCALE of nothing": one(
        array_hdu("BZERO   = NaN", "BSCALE  = 1E308", "BLANK   = 1E9", *OBSERVED)
    ),
    "BSCALE as text": one(array_hdu("BZERO   = '{}'", "BSCALE  = 'x'", "BLANK   = 'y'", *OBSERVED)),
}
