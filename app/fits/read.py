"""Reads one FITS file at ingest: the door through which every header comes. Runs in a child."""

import warnings
from pathlib import Path

from app.fits.checksums import ChecksumCheck
from app.fits.container import opened
from app.fits.footprint import measure
from app.fits.hdus import read_hdus, science_index
from app.fits.keywords import KeywordMap
from app.fits.metadata import read_metadata
from app.fits.models import Footprint, Hdu, Reading
from app.fits.repairs import Repairs
from app.fits.results import FootprintError


def read_file(path: Path | str, keyword_map: KeywordMap) -> Reading:
    """Read headers, metadata and sky area of a file, in bounded memory and without trust.

    Damage does not mean rejection: what can be read truthfully is returned, and `Reading.repairs`
    says what was wrong. A plain file whose data or later HDUs are cut off is read as far as it
    goes. A gzip or bzip2 file is read to its end, where its checksum stands; a wrong one is an
    error, since then nothing in it can be trusted.

    Parameters
    ----------
    path
        The file. Its name says nothing: wrapping and format are told by the content.
    keyword_map
        Which keyword says what.

    Returns
    -------
    Reading
        All that the catalogue needs; text in it is printable and holds no NUL.

    Raises
    ------
    NotFitsError
        If the file is something else, or in a wrapping that is not supported.
    UnreadableError
        If it is FITS, but too damaged.
    UnavailableError
        If the file cannot be opened.
    """
    repairs, checksums = Repairs(), ChecksumCheck()
    with opened(Path(path)) as (container, source):
        hdus = read_hdus(source, repairs, checksums)
        source.drain()
    index = science_index(hdus)
    science = None if index is None else hdus[index]
    with warnings.catch_warnings(action="ignore"):
        # What astropy warns of is either repaired here and said, or of no consequence.
        footprint = _footprint(science, Path(path), repairs)
        metadata = read_metadata(hdus, science, footprint, keyword_map, repairs)
    outcome = checksums.outcome()
    return Reading(container, hdus, index, metadata, footprint, repairs.sentences(), outcome)


def _footprint(science: Hdu | None, path: Path, repairs: Repairs) -> Footprint | None:
    if science is None:
        return None
    try:
        return measure(science, path)
    except FootprintError as error:
        repairs.add(f"no sky area: {error.message}")
        return None
