"""The source catalogue of a frame: the binary table named CAT that pipelines append."""

import csv
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.io import fits

from app.fits.decoding import LIBRARY_ERRORS, brief, plain_file, quiet
from app.fits.errors import UnreadableError

CATALOG_NAME: Final = "CAT"
SCIENCE_NAME: Final = "SCI"

_ROWS_AT_ONCE = 1000
_OF_THE_DATA = ("BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM")


def write_catalog_csv(source: Path, target: Path, *, scratch: Path | None = None) -> bool:
    """Write the catalogue of a file as CSV (RFC 4180): a line of column names, a line a row.

    Vectors are flat JSON arrays; texts are stripped; what is not finite, or null by TNULLn, is
    empty, in vectors null.

    Parameters
    ----------
    source
        The FITS file, also gzipped or bzipped.
    target
        The CSV file, UTF-8; not made where there is no catalogue.
    scratch
        Folder for a decompressed copy. None: the system's.

    Returns
    -------
    bool
        Whether there is a catalogue.

    Raises
    ------
    NotFitsError
        If it is not FITS.
    UnreadableError
        If the table cannot be read.
    """  # opening raises them
    with _opened(source, scratch) as hdus:
        catalog = _catalog(hdus)
        if catalog is None:
            return False
        with target.open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(catalog.columns.names)
            lines.writerows(_rows(catalog))
    return True


def write_catalog_fits(source: Path, target: Path, *, scratch: Path | None = None) -> bool:
    """Write the catalogue of a file as FITS: a primary HDU with the science header, the table.

    Parameters
    ----------
    source
        The FITS file, also gzipped or bzipped.
    target
        The new file, replaced if it is there; not made where there is no catalogue.
    scratch
        Folder for a decompressed copy. None: the system's.

    Returns
    -------
    bool
        Whether there is a catalogue.

    Raises
    ------
    NotFitsError
        If it is not FITS.
    UnreadableError
        If the table cannot be read.
    """  # opening raises them
    with _opened(source, scratch) as hdus:
        catalog = _catalog(hdus)
        if catalog is None:
            return False
        primary = fits.PrimaryHDU(header=_science_header(hdus))
        fits.HDUList([primary, catalog]).writeto(
            target, overwrite=True, output_verify="silentfix+ignore"
        )
    return True


@contextmanager
def _opened(source: Path, scratch: Path | None) -> Iterator[fits.HDUList]:
    with plain_file(source, scratch) as plain, quiet():
        try:
            with fits.open(plain) as hdus:
                yield hdus
        except LIBRARY_ERRORS as error:
            reason = f"the catalogue cannot be read: {brief(error)}"
            raise UnreadableError(reason) from error


def _catalog(hdus: fits.HDUList) -> fits.BinTableHDU | None:
    tables = (hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU))
    return next((hdu for hdu in tables if hdu.name.upper() == CATALOG_NAME), None)


def _science_header(hdus: fits.HDUList) -> fits.Header:
    """Return the header of the HDU named SCI, else of the primary, without what is the data's."""
    named = (hdu for hdu in hdus if hdu.name.upper() == SCIENCE_NAME)
    header = next(named, hdus[0]).header.copy(strip=True)
    for keyword in _OF_THE_DATA:
        header.remove(keyword, ignore_missing=True, remove_all=True)
    return header


def _rows(catalog: fits.BinTableHDU) -> Iterator[list[Any]]:
    nulls = [column.null for column in catalog.columns]
    for start in range(0, len(catalog.data), _ROWS_AT_ONCE):
        part = catalog.data[start : start + _ROWS_AT_ONCE]
        columns = [part.field(index).tolist() for index in range(len(nulls))]
        for row in zip(*columns, strict=True):
            yield [_cell(value, null) for value, null in zip(row, nulls, strict=True)]


def _cell(value: Any, null: int | None) -> Any:  # noqa: ANN401  # any column type
    """Return a value for CSV."""
    if isinstance(value, list | np.ndarray):
        items = np.ravel(np.asarray(value)).tolist()
        return json.dumps([_plain(item, null) for item in items], allow_nan=False)
    plain = _plain(value, null)
    return "" if plain is None else plain


def _plain(item: Any, null: int | None) -> Any:  # noqa: ANN401  # any column type
    """Return a number, a text or a truth value; None for what is none."""
    if isinstance(item, bytes):
        item = item.decode("ascii", errors="replace")
    if isinstance(item, str):
        return item.strip(" \0")
    if isinstance(item, complex):
        return str(item)
    if isinstance(item, float) and not math.isfinite(item):
        return None
    return None if null is not None and item == null else item
