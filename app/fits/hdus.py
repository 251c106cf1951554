"""Walks through the HDUs of a file without ever holding their data."""

from collections.abc import Iterable

from app.fits.blocks import BLOCK_BYTES, CARD_BYTES, HeaderReader, RawHeader
from app.fits.cards import parse_cards
from app.fits.checksums import ChecksumCheck, WordSum, is_stated
from app.fits.container import ByteSource
from app.fits.errors import UnreadableError
from app.fits.header import (
    Header,
    Structure,
    image_structure,
    index_cards,
    is_true,
    kind_of,
    note_duplicates,
    structure_of,
    text_of,
)
from app.fits.models import Hdu, HduKind, HeaderCard
from app.fits.repairs import Repairs
from app.fits.unpacked import image_cards

MAX_HDUS = 20_000
"""More than any real file has (mosaics reach some hundreds); bounds time and memory."""

SCIENCE_NAME = "SCI"
IMAGES = frozenset({HduKind.IMAGE, HduKind.COMPRESSED_IMAGE})


def read_hdus(
    source: ByteSource, repairs: Repairs, checksums: ChecksumCheck | None = None
) -> tuple[Hdu, ...]:
    """Read every HDU, passing over the data; those whose sum is stated are summed up.

    Damage in a header ends the reading there, since nobody can tell where the next HDU begins.
    What was read up to there is kept and the rest is reported; where nothing that holds data was
    read yet, the file is unreadable. Data that are cut off are reported, too.

    Parameters
    ----------
    source
        Stands at the first byte.
    repairs
        Takes what was wrong.
    checksums
        Takes what CHECKSUM and DATASUM say; None where nobody asks.

    Returns
    -------
    tuple of Hdu
        At least one.

    Raises
    ------
    UnreadableError
        If no HDU with data comes before one whose header cannot be read.
    """
    reader, check = HeaderReader(source), checksums or ChecksumCheck()
    hdus = [_read_hdu(reader.read(), 0, source, repairs, check)]
    while _next_begins(source, len(hdus), repairs):
        try:
            hdus.append(_read_hdu(reader.read(), len(hdus), source, repairs, check))
        except UnreadableError as error:
            if all(hdu.kind is HduKind.EMPTY for hdu in hdus):
                raise
            repairs.add(f"{error.message}; this HDU and what follows were left out")
            break
    return tuple(hdus)


def science_index(hdus: Iterable[Hdu]) -> int | None:
    """Find the science HDU.

    Parameters
    ----------
    hdus
        Of one file.

    Returns
    -------
    int or None
        The first image with data that is named SCI, else the first image with data, else None.
    """
    images = [hdu for hdu in hdus if hdu.kind in IMAGES and hdu.shape and all(hdu.shape)]
    named = [hdu for hdu in images if hdu.name == SCIENCE_NAME]
    return next((hdu.index for hdu in (*named, *images)), None)


def _next_begins(source: ByteSource, index: int, repairs: Repairs) -> bool:
    """Whether an extension follows; anything else after the last HDU is no part of the file."""
    start = source.read(CARD_BYTES)
    source.unread(start)
    if index < MAX_HDUS and start[:8].upper() == b"XTENSION":
        return True
    if start.strip(b" \0"):
        what = f"more than {MAX_HDUS} HDUs" if index >= MAX_HDUS else "bytes that are not FITS"
        repairs.add(f"after HDU {index - 1} there are {what}; they were left out")
    return False


def _read_hdu(
    raw: RawHeader, index: int, source: ByteSource, repairs: Repairs, checksums: ChecksumCheck
) -> Hdu:
    if raw.cut_off:
        raise UnreadableError(
            f"the file ends inside the header of HDU {index}, after {len(raw.cards)} cards:"
            " it was cut off; send it again"
        )
    cards = parse_cards(raw.cards, index, repairs)
    header = index_cards(cards)
    structure = structure_of(header, index)
    if not raw.has_end:
        repairs.add(f"HDU {index}: the END card is missing; the header ends where the data begin")
    if index == 0 and not is_true(header, "SIMPLE"):
        repairs.add(
            "SIMPLE is not T: the file says itself that it does not conform to the standard"
        )
    words = WordSum() if is_stated(header) else None
    _pass_data(structure.data_bytes, index, source, repairs, words)
    if words is not None:
        checksums.compare(header, index, raw.word_sum, words.value)
    return _hdu(index, cards, header, structure, repairs)


def _pass_data(
    size_bytes: int, index: int, source: ByteSource, repairs: Repairs, words: WordSum | None
) -> None:
    seen = None if words is None else words.add
    there = source.skip(size_bytes, seen)
    if there < size_bytes:
        repairs.add(f"the data of HDU {index} are cut off: {there} of {size_bytes} bytes are there")
        return
    padding = -size_bytes % BLOCK_BYTES
    if source.skip(padding, seen) < padding:
        repairs.add(f"HDU {index}: the last block is not filled up to {BLOCK_BYTES} bytes")


def _hdu(
    index: int,
    cards: tuple[HeaderCard, ...],
    header: Header,
    structure: Structure,
    repairs: Repairs,
) -> Hdu:
    kind, shape, bitpix = kind_of(header, structure.shape), structure.shape, structure.bitpix
    if kind is HduKind.COMPRESSED_IMAGE:
        try:
            bitpix, shape = image_structure(header, index)
            cards = image_cards(cards)
        except UnreadableError as error:
            kind = HduKind.TABLE
            repairs.add(f"{error.message}; the compressed image was read as a table")
    note_duplicates(cards, index, repairs)
    name = text_of(index_cards(cards), "EXTNAME").upper()
    return Hdu(index, name, kind, shape, bitpix, cards)
