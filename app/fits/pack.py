"""Lossless packing: every uncompressed image of a file becomes a tile-compressed one.

Source: FITS standard 4.0, section 10 (tiled image compression). Integers are coded by RICE_1,
64-bit integers and floats by GZIP_2 without quantisation, so that NaN payloads survive, too;
cfitsio replaces those, hence astropy does it. The cards of an image are carried over byte for
byte; where the table around the compressed image needs a keyword for itself, the image's card is
kept under the name that section 10.1 gives it.
"""

import errno
import re
import tempfile
from pathlib import Path
from typing import IO, Final

from astropy.io import fits

from app.core.errors import UnavailableError
from app.fits.container import opened
from app.fits.counts import check_counts
from app.fits.decoding import LIBRARY_ERRORS, brief, plain_file, quiet
from app.fits.errors import NotFitsError, UnreadableError
from app.fits.layout import PlainImage, Unit, header_bytes, raw_cards, stored_pixels, units_of
from app.fits.models import Container
from app.fits.proof import prove_equal
from app.fits.results import PackResult

MAX_IMAGE_BYTES: Final = 512 << 20
"""Larger images stay as they are [byte]: packing takes several times their size in memory."""

_SMALLEST_TILE_PX = 4096
_RICE_BITPIX = (8, 16, 32)
_REFUSALS: tuple[type[Exception], ...] = (*LIBRARY_ERRORS, NotFitsError, UnreadableError)
_DISK_REFUSES = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_NULL_PRIMARY = [
    b"SIMPLE  =                    T / conforms to the FITS standard".ljust(80),
    b"BITPIX  =                    8 / no data".ljust(80),
    b"NAXIS   =                    0 / no data".ljust(80),
    b"EXTEND  =                    T / the image is in the first extension".ljust(80),
]
_SIMPLE = b"SIMPLE  "
_TABLE_NEEDS = re.compile(rb"(?:SIMPLE|BITPIX|NAXIS\d*|EXTEND|BLOCKED|PCOUNT|GCOUNT) *$")
_TABLE_NEEDS_OF_8 = {b"XTENSION": b"ZTENSION", b"CHECKSUM": b"ZHECKSUM", b"DATASUM ": b"ZDATASUM"}
_GIVEN_BY_THE_IMAGE = re.compile(
    rb"(?:ZTENSION|ZSIMPLE|ZBITPIX|ZNAXIS\d*|ZPCOUNT|ZGCOUNT|EXTNAME) *$"
)


def pack(source: Path, target: Path, *, must_shrink: bool = True) -> PackResult:
    """Pack a file losslessly, and prove it.

    A primary image becomes the first extension behind an empty primary HDU, so that the index of
    every HDU then grows by one. Tables, empty HDUs and compressed images are copied byte for byte.

    Parameters
    ----------
    source
        The original, which is only read.
    target
        The packed file; only ever written whole and proven.
    must_shrink
        Whether a file that would not become smaller stays as it is.

    Returns
    -------
    PackResult
        Not packed where there is nothing to pack, where the file is damaged, where it does not
        shrink though it must, or where it cannot be proven equal; the reason says which.

    Raises
    ------
    UnavailableError
        If the disk refuses.
    """
    with quiet(), tempfile.TemporaryDirectory(dir=target.parent, prefix=".pack-") as folder:
        draft = Path(folder) / "packed.fits"
        try:
            reason = _write(source, draft)
            reason = reason or _reason_against(source, draft, must_shrink=must_shrink)
        except _REFUSALS as error:
            if isinstance(error, OSError) and error.errno in _DISK_REFUSES:
                raise UnavailableError(f"the disk refused to pack: {error.strerror}") from error
            reason = f"the file is damaged or not understood: {brief(error)}"
        if reason is not None:
            return PackResult(packed=False, reason=reason, size_bytes=source.stat().st_size)
        draft.replace(target)
    return PackResult(packed=True, reason=None, size_bytes=target.stat().st_size)


def pack_copy(source: Path, target: Path, scratch: Path) -> PackResult:
    """Pack a file for a client that wants it packed, whether it shrinks or not.

    Parameters
    ----------
    source
        The file as archived, also gzipped or bzipped.
    target
        The packed file; only ever written whole and proven.
    scratch
        Folder for a decompressed copy.

    Returns
    -------
    PackResult
        As of `pack`.

    Raises
    ------
    NotFitsError
        If the file is none.
    TooLargeError
        If it would grow too large when it is decompressed.
    UnavailableError
        If the disk refuses.
    """  # the functions below raise them
    with plain_file(source, scratch) as plain:
        return pack(plain, target, must_shrink=False)


def _write(source: Path, draft: Path) -> str | None:
    """Write the packed file; returns why not, if there is nothing to be packed."""
    with opened(source) as (container, content):
        if container is not Container.PLAIN:
            return f"the file is compressed by {container} as a whole"
        check_counts(content)
    units = units_of(source)
    if reason := _reason_to_stay(source, units):
        return reason
    with source.open("rb") as original, draft.open("wb") as packed:
        if units[0].image:
            packed.write(header_bytes(_NULL_PRIMARY))
        for unit in units:
            if unit.image is None:
                _copy(original, unit.header_at, unit.end_at, packed)
            else:
                _write_compressed(source, unit, unit.image, packed)
    return None


def _reason_to_stay(source: Path, units: list[Unit]) -> str | None:
    if any(unit.groups for unit in units):
        return "the file holds random groups, which are not packed"
    images = [unit for unit in units if unit.image]
    if not images:
        return "the file holds no uncompressed image"
    if units[-1].end_at != source.stat().st_size:
        return "the file is cut off, or has bytes behind its last HDU"
    largest_bytes = max(unit.data_bytes for unit in images)
    if largest_bytes > MAX_IMAGE_BYTES:
        return (
            f"an image of {largest_bytes} bytes is too large; at most {MAX_IMAGE_BYTES} are packed"
        )
    return None


def _reason_against(source: Path, draft: Path, *, must_shrink: bool) -> str | None:
    if must_shrink and draft.stat().st_size >= source.stat().st_size:
        return "the file does not shrink"
    difference = prove_equal(source, draft)
    return difference and f"the packed file is not proven equal: {difference}"


def _write_compressed(source: Path, unit: Unit, image: PlainImage, packed: IO[bytes]) -> None:
    pixels = stored_pixels(source, image, unit.data_at)
    compressed = fits.CompImageHDU(
        pixels.astype(pixels.dtype.newbyteorder("=")),
        compression_type="RICE_1" if image.bitpix in _RICE_BITPIX else "GZIP_2",
        tile_shape=_tile_shape(image.shape),
        quantize_level=0,
    )
    with tempfile.NamedTemporaryFile(dir=Path(packed.name).parent, suffix=".fits") as file:
        compressed.writeto(file)
        file.flush()
        table = units_of(Path(file.name))[1]
        tiling = [card for card in raw_cards(Path(file.name), table) if not _is_of_image(card)]
        is_primary = unit.header_at == 0
        moved = [_moved(card, is_primary=is_primary) for card in raw_cards(source, unit)]
        packed.write(header_bytes([*tiling, *moved]))
        _copy(file, table.data_at, table.end_at, packed)


def _tile_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return tiles of whole rows, which previews can skip; of several where rows are short."""
    if len(shape) == 1:
        return shape
    rows = max(1, min(shape[-2], _SMALLEST_TILE_PX // shape[-1]))
    return (*[1] * (len(shape) - 2), rows, shape[-1])


def _is_of_image(card: bytes) -> bool:
    return _GIVEN_BY_THE_IMAGE.match(card[:8]) is not None


def _moved(card: bytes, *, is_primary: bool) -> bytes:
    """Return a card of the image under the name that it has in the header of the table."""
    keyword = card[:8]
    if keyword == _SIMPLE and not is_primary:
        # copied from some primary header; as ZSIMPLE it would say that this one is primary
        return card
    if keyword in _TABLE_NEEDS_OF_8:
        return _TABLE_NEEDS_OF_8[keyword] + card[8:]
    if _TABLE_NEEDS.match(keyword):
        return (b"Z" + keyword.rstrip()).ljust(8) + card[8:]
    return card


def _copy(source: IO[bytes], start: int, end: int, target: IO[bytes]) -> None:
    source.seek(start)
    left_bytes = end - start
    while left_bytes > 0:
        chunk = source.read(min(left_bytes, 1 << 20))
        if not chunk:
            raise EOFError("the file ends inside an HDU")
        target.write(chunk)
        left_bytes -= len(chunk)
