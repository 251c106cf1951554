"""What every decoder of untrusted files needs: a plain file, no warnings, known errors.

Only child processes import the decoders, see `app.core.offload`.
"""

import re
import struct
import tempfile
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from astropy import log
from astropy.coordinates import ConvertError
from astropy.io.fits.hdu.base import InvalidHDUException
from astropy.io.fits.hdu.compressed._compression import CfitsioException
from astropy.io.fits.verify import VerifyError
from astropy.time import ScaleValueError
from astropy.units import UnitsError
from fitsio.fits_exceptions import FITSFormatError

from app.core.errors import TooLargeError
from app.fits.container import CHUNK_BYTES, ByteSource, opened
from app.fits.counts import check_counts
from app.fits.models import Container

LIBRARY_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    AssertionError,  # astropy on names of columns
    ImportError,  # astropy on a container that it has an optional package for
    struct.error,
    CfitsioException,
    zlib.error,
    VerifyError,
    InvalidHDUException,
    FITSFormatError,
    UnitsError,
    ConvertError,
    ScaleValueError,
)
"""What astropy and cfitsio are known to raise on damaged files."""

MAX_COPY_BYTES = 4 << 30
"""How much a compressed file may grow to on disk, for a picture or a table [byte]."""

_PATH = re.compile(r"(?<![\w.])/[\w.+~-]+(/[\w.+~-]+)+")

log.setLevel("ERROR")  # astropy also remarks on headers there, past `warnings`


@contextmanager
def quiet() -> Iterator[None]:
    """Silence libraries inside the block.

    Their warnings speak of headers that real telescopes write; ingest reports those as repairs,
    and here nobody could act on them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def brief(error: BaseException) -> str:
    """Say a library's error in one short line.

    Parameters
    ----------
    error
        What was raised.

    Returns
    -------
    str
        Its first line without paths of this server, at most 200 characters; the name of its
        class where it says nothing.
    """
    lines = str(error).strip().splitlines()
    return _PATH.sub("the file", lines[0])[:200] if lines else type(error).__name__


@contextmanager
def plain_file(path: Path, scratch: Path | None) -> Iterator[Path]:
    """Give a file that every library opens: not wrapped, and under a harmless name.

    cfitsio evaluates brackets and more in file names, and those come from outside.

    Parameters
    ----------
    path
        The file as archived, also gzipped or bzipped.
    scratch
        Folder for a decompressed copy, which lives as long as the block. None: the system's.

    Yields
    ------
    Path
        A link to ``path`` where it is not wrapped, else the copy.

    Raises
    ------
    NotFitsError
        If it is not FITS.
    TooLargeError
        If it would grow above `MAX_COPY_BYTES`.
    UnreadableError
        If it cannot be decompressed, or claims more axes or columns than FITS allows.
    """  # the copying raises them
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        plain = Path(folder) / "image.fits"
        with opened(path) as (container, source):
            if container is Container.PLAIN:
                plain.symlink_to(path.resolve())
            else:
                with plain.open("wb") as copy:
                    _copy(source, copy)
        with opened(plain) as (_, source):
            check_counts(source)
        yield plain


def _copy(source: ByteSource, copy: IO[bytes]) -> None:
    while chunk := source.read(CHUNK_BYTES):
        if copy.tell() + len(chunk) > MAX_COPY_BYTES:
            raise TooLargeError(f"the file grows above {MAX_COPY_BYTES >> 30} GiB when unpacked")
        copy.write(chunk)
