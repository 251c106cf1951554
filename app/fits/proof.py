"""Proof that a packed file says the same as its original, HDU by HDU."""

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from app.fits.decoding import LIBRARY_ERRORS, brief, quiet
from app.fits.layout import Unit, raw_cards, units_of
from app.fits.unpack import image_cards

CHANGED_CARDS = {
    "SIMPLE": "a compressed image is an extension, and its header says how it began",
    "XTENSION": "the same",
    "BITPIX": "kept as ZBITPIX while the table has its own",
    "NAXIS": "kept as ZNAXIS, and NAXISn as ZNAXISn",
    "EXTEND": "kept as ZEXTEND; astropy shows it behind the other cards",
    "PCOUNT": "kept as ZPCOUNT; astropy gives every extension one",
    "GCOUNT": "kept as ZGCOUNT; astropy gives every extension one",
    "BSCALE": "kept as it is; astropy shows it without its comment behind the other cards",
    "BZERO": "kept as it is; astropy shows it without its comment behind the other cards",
    "CHECKSUM": "kept as ZHECKSUM; astropy shows it behind the other cards",
    "DATASUM": "kept as ZDATASUM; astropy shows it behind the other cards",
}
"""Cards that may stand elsewhere in a packed header, with the reason; values stay equal."""

_DEFAULTS = {"PCOUNT": 0, "GCOUNT": 1, "BSCALE": 1, "BZERO": 0}
_NOT_COMPARED = frozenset({"SIMPLE", "XTENSION"})
_SCALING = ("BSCALE", "BZERO", "BLANK")
_ADDED = (b"PCOUNT", b"GCOUNT")
"""Mandatory in an extension; unpacking adds them where the original had none."""
_SLAB_PX = 4 << 20
_COPY_BYTES = 1 << 20


def prove_equal(original: Path, packed: Path) -> str | None:
    """Compare a packed file with its original as astropy shows them.

    Parameters
    ----------
    original
        The plain file.
    packed
        What `app.fits.pack.pack` made of it.

    Returns
    -------
    str or None
        The first difference; None if there is none: every pixel equal bit for bit, stored and
        scaled, every card equal and in order except `CHANGED_CARDS`, whose values are equal, and
        every other HDU equal byte for byte.
    """
    with quiet():
        try:
            return next(_differences(original, packed), None)
        except LIBRARY_ERRORS as error:
            return f"the comparison failed: {brief(error)}"


def _differences(original: Path, packed: Path) -> Iterator[str]:
    first, second = units_of(original), units_of(packed)
    moved = 1 if first and first[0].image else 0
    if len(second) != len(first) + moved:
        yield f"{len(second)} HDUs instead of {len(first) + moved}"
        return
    if moved and second[0].end_at != second[0].data_at:
        yield "the primary HDU in front of a moved image is not empty"
    for index, unit in enumerate(first):
        place = index + moved
        if unit.image is None:
            different = _other_bytes(original, unit, packed, second[place])
        else:
            different = _image_difference(original, index, packed, place)
            different = different or _way_back(original, unit, packed, second[place])
        if different:
            yield f"HDU {index}: {different}"


def _other_bytes(original: Path, unit: Unit, packed: Path, other: Unit) -> str | None:
    if unit.end_at - unit.header_at != other.end_at - other.header_at:
        return "its size differs"
    with original.open("rb") as first, packed.open("rb") as second:
        first.seek(unit.header_at)
        second.seek(other.header_at)
        left_bytes = unit.end_at - unit.header_at
        while left_bytes > 0:
            count = min(left_bytes, _COPY_BYTES)
            if first.read(count) != second.read(count):
                return "its bytes differ"
            left_bytes -= count
    return None


def _way_back(original: Path, unit: Unit, packed: Path, other: Unit) -> str | None:
    """Compare the cards with those that unpacking would give, whatever astropy shows of them."""
    before = Counter(raw_cards(original, unit))
    after = Counter(image_cards(raw_cards(packed, other)))
    lost = [*(before - after)]
    if lost:
        return f"card {lost[0].rstrip()!r} would be lost"
    added = [card for card in after - before if not card.startswith(_ADDED)]
    return f"card {added[0].rstrip()!r} would be added" if added else None


def _image_difference(original: Path, index: int, packed: Path, place: int) -> str | None:
    with (
        fits.open(original, do_not_scale_image_data=True) as first,
        fits.open(packed, do_not_scale_image_data=True) as second,
    ):
        hdu, other = first[index], second[place]
        scaled = any(keyword in hdu.header for keyword in _SCALING)
        different = _card_difference(hdu.header, other.header) or _pixel_difference(hdu, other)
    if different or not scaled:
        return different
    with fits.open(original) as first, fits.open(packed) as second:
        different = _pixel_difference(first[index], second[place])
    return different and f"scaled, {different}"


def _card_difference(header: fits.Header, other: fits.Header) -> str | None:
    for keyword in _changed(header) - _NOT_COMPARED:
        default = _DEFAULTS.get(keyword)
        if header.get(keyword, default) != other.get(keyword, default):
            return f"{keyword} = {other.get(keyword)!r} instead of {header.get(keyword)!r}"
    first, second = _unchanged_images(header), _unchanged_images(other)
    for image, other_image in zip(first, second, strict=False):
        if image != other_image:
            return f"card {other_image.rstrip()!r} instead of {image.rstrip()!r}"
    if len(first) != len(second):
        return f"{len(second)} cards instead of {len(first)}"
    return None


def _changed(header: fits.Header) -> set[str]:
    axes = {f"NAXIS{n}" for n in range(1, header["NAXIS"] + 1)}
    return axes | {keyword for keyword in CHANGED_CARDS if keyword in header}


def _unchanged_images(header: fits.Header) -> list[str]:
    changed = _changed(header) | CHANGED_CARDS.keys()
    return [card.image for card in header.cards if card.keyword not in changed]


def _pixel_difference(hdu: Any, other: Any) -> str | None:  # noqa: ANN401  # astropy's images
    if tuple(hdu.shape) != tuple(other.shape):
        return f"shape {tuple(other.shape)} instead of {tuple(hdu.shape)}"
    for part in _slabs(tuple(hdu.shape)):
        stored, restored = np.asarray(hdu.section[part]), np.asarray(other.section[part])
        if stored.dtype.newbyteorder("=") != restored.dtype.newbyteorder("="):
            return f"pixels of type {restored.dtype} instead of {stored.dtype}"
        if _bits(stored) != _bits(restored):
            return f"pixels differ in {part}"
    return None


def _slabs(shape: tuple[int, ...]) -> Iterator[slice]:
    """Cut the slowest axis into pieces of at most `_SLAB_PX`, or single steps of it."""
    step = max(1, _SLAB_PX // math.prod(shape[1:])) if len(shape) > 1 else shape[0]
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))


def _bits(pixels: NDArray[Any]) -> bytes:
    return pixels.astype(pixels.dtype.newbyteorder(">"), copy=False).tobytes()
