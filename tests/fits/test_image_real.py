"""Pictures, sky areas and packing of real files: a value or an ArchiveError, never a surprise."""

import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from app.core.errors import ArchiveError
from app.fits.decoding import quiet
from app.fits.footprint import measure
from app.fits.models import Hdu, HduKind, HeaderCard
from app.fits.pack import pack
from app.fits.proof import CHANGED_CARDS
from app.previews.models import PreviewSpec
from app.previews.render import render

REAL = Path(__file__).resolve().parents[3] / "shared" / "fits"
FILES = sorted(path for path in REAL.glob("*/*") if path.is_file())

if not FILES:
    pytest.skip("the real files of ../shared/fits are not here", allow_module_level=True)

every_file = pytest.mark.parametrize(
    "path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}"
)


@every_file
def test_a_picture_or_an_archive_error(path: Path, tmp_path: Path) -> None:
    try:
        data = render(path, PreviewSpec(width_px=200), scratch=tmp_path)
    except ArchiveError:
        return
    picture = Image.open(io.BytesIO(data))
    picture.load()
    assert picture.width == 200


@every_file
def test_packed_and_shown_equal_or_kept_with_a_reason(path: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed.fits.fz"
    result = pack(path, packed)
    assert result.packed is packed.exists()
    assert result.packed is (result.reason is None)
    if result.packed:
        assert packed.stat().st_size == result.size_bytes < path.stat().st_size
        with quiet(), fits.open(path) as before, fits.open(packed) as after:
            moved = len(after) - len(before)
            assert moved in (0, 1)
            for index, hdu in enumerate(before):
                assert_equal(hdu, after[index + moved])


def assert_equal(hdu: fits.ImageHDU, other: fits.ImageHDU) -> None:
    assert [c.image for c in hdu.header.cards if not is_changed(c.keyword)] == [
        c.image for c in other.header.cards if not is_changed(c.keyword)
    ]
    if hdu.is_image and hdu.data is not None:
        restored = other.data.astype(hdu.data.dtype, copy=False)
        assert restored.tobytes() == hdu.data.tobytes()
        assert np.shape(hdu.data) == np.shape(restored)


def is_changed(keyword: str) -> bool:
    return keyword in CHANGED_CARDS or keyword.startswith("NAXIS")


@every_file
def test_a_sky_area_or_none_or_an_archive_error(path: Path) -> None:
    for hdu in images_of(path):
        try:
            footprint = measure(hdu, path)
        except ArchiveError:
            continue
        if footprint is not None:
            assert 4 <= len(footprint.vertices_deg) <= 128
            assert 0 < footprint.radius_deg < 90
            assert np.isfinite(footprint.vertices_deg).all()


def images_of(path: Path) -> list[Hdu]:
    """Every image of a file, by astropy; nothing where astropy refuses the file."""
    try:
        with quiet(), fits.open(path, ignore_missing_end=True) as hdus:
            return [as_model(index, hdu) for index, hdu in enumerate(hdus) if hdu.is_image]
    except (OSError, ImportError):
        return []


def as_model(index: int, hdu: fits.ImageHDU) -> Hdu:
    cards = []
    for card in hdu.header.cards:
        try:
            value = card.value
        except (fits.VerifyError, ValueError):
            continue
        usable = value if isinstance(value, str | int | float) else None
        cards.append(HeaderCard(card.keyword.upper(), usable))
    return Hdu(index, hdu.name, HduKind.IMAGE, tuple(reversed(hdu.shape)), -32, tuple(cards))
