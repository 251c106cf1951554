"""What fuzzing found: headers that keep libraries busy, and cards that packing would lose."""

import io
from pathlib import Path

import pytest
from astropy.io import fits

from app.core.errors import ArchiveError, TooLargeError
from app.fits.container import ByteSource
from app.fits.counts import check_counts
from app.fits.errors import UnreadableError
from app.fits.image import read_plane
from app.fits.keywords import BUILT_IN
from app.fits.pack import pack
from app.fits.read import read_file
from app.fits.table import write_catalog_csv
from app.fits.unpack import unpack
from tests.support.fits_files import make_fits, make_header, ramp
from tests.support.raw_cards import SIMPLE, array_hdu, padded, raw_header, write

EXTENSION = ("XTENSION= 'IMAGE'", "BITPIX  = 8")


def check(data: bytes) -> None:
    check_counts(ByteSource(io.BytesIO(data), len(data)))


def with_image(folder: Path, *cards: tuple[str, object]) -> Path:
    """Write an image extension that has these cards, too."""
    image = fits.ImageHDU(ramp((20, 30)), make_header(), name="SCI")
    for keyword, value in cards:
        image.header[keyword] = value
    path = folder / "a.fits"
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path)
    return path


@pytest.mark.parametrize(
    "cards",
    [
        (*EXTENSION, "NAXIS   = 1000000000"),
        (*EXTENSION, "NAXIS   = 1", "NAXIS1  = 1", "NAXIS   = 1000000000"),
        (*EXTENSION, "naxis   = 1000000000"),
        ("XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 0", "TFIELDS = 1000000000"),
        ("XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 0", "ZNAXIS  = 1E9"),
    ],
)
@pytest.mark.parametrize(
    "before",
    [
        array_hdu(),
        raw_header([SIMPLE, "BITPIX  = 180", "NAXIS   = 0"]),
        raw_header([SIMPLE, "BITPIX  = 24", "NAXIS   = 1", "NAXIS1  = 3000"]) + bytes(11520),
    ],
)
def test_counts_beyond_the_standard_are_refused(before: bytes, cards: tuple[str, ...]) -> None:
    with pytest.raises(UnreadableError, match=r"HDU 1: \w+ is .*, it must be 0 to 999"):
        check(before + raw_header(cards))


def test_counts_of_sound_files_are_not(tmp_path: Path) -> None:
    check(make_fits(tmp_path / "a.fits").read_bytes())
    check(array_hdu(shape=(2,) * 5) + array_hdu(extension="IMAGE") + b"rubbish")
    check(array_hdu()[:100])
    check(b"")


def test_a_picture_of_an_absurd_file_is_refused_at_once(tmp_path: Path) -> None:
    absurd = raw_header([*EXTENSION, "NAXIS   = 1000000000", "PCOUNT  = 0", "GCOUNT  = 1"])
    path = write(tmp_path / "a.fits", array_hdu() + absurd)
    with pytest.raises(UnreadableError, match="NAXIS is 1000000000"):
        read_plane(path, width_px=10)
    result = pack(path, tmp_path / "a.fits.fz")
    assert not result.packed
    assert "NAXIS is 1000000000" in str(result.reason)


def test_a_second_simple_is_no_crash(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits", raw_header([SIMPLE, "BITPIX  = 8", "NAXIS   = 0"]) * 2)
    with pytest.raises(ArchiveError):
        read_plane(path, width_px=10)


def test_a_long_name_of_a_column_is_no_crash(tmp_path: Path) -> None:
    cards = ["XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 8", "NAXIS2  = 1"]
    cards += ["PCOUNT  = 0", "GCOUNT  = 1", "TFIELDS = 1", "TFORM1  = '1D'", "EXTNAME = 'CAT'"]
    cards += [f"TTYPE1  = '{'n' * 60}&'", f"CONTINUE  '{'n' * 60}'"]
    path = write(tmp_path / "a.fits", array_hdu() + raw_header(cards) + padded(bytes(8)))
    with pytest.raises(UnreadableError, match="Column name"):
        write_catalog_csv(path, tmp_path / "a.csv")


def test_a_simple_card_in_an_extension_comes_back(tmp_path: Path) -> None:
    """As ZSIMPLE it would say that the extension was primary."""
    path, packed, again = with_image(tmp_path, ("SIMPLE", True)), tmp_path / "p", tmp_path / "b"
    assert pack(path, packed, must_shrink=False).packed
    unpack(packed, again)
    assert len(fits.info(again, output=False)) == 2
    cards = [card.keyword for card in read_file(packed, BUILT_IN).hdus[1].cards]
    assert cards[:3] == ["XTENSION", "BITPIX", "NAXIS"]
    assert "SIMPLE" in cards


@pytest.mark.parametrize(
    ("keyword", "value"), [("TZERO0", -64), ("TTYPE7", "x"), ("ZQUANTIZ", "x")]
)
def test_an_image_with_cards_of_a_table_stays_as_it_is(
    tmp_path: Path, keyword: str, value: object
) -> None:
    """Unpacking would take them for those of the table around the compressed image."""
    result = pack(with_image(tmp_path, (keyword, value)), tmp_path / "packed", must_shrink=False)
    assert not result.packed
    assert "not proven equal" in str(result.reason)


def test_a_primary_hdu_goes_only_for_an_image_that_was_one(tmp_path: Path) -> None:
    path, packed, again = tmp_path / "a.fits", tmp_path / "p", tmp_path / "b"
    table = fits.BinTableHDU.from_columns([fits.Column("x", "D", array=[1.0])])
    table.header["ZSIMPLE"] = True
    fits.HDUList([fits.PrimaryHDU(), table, fits.ImageHDU(ramp((20, 30)))]).writeto(path)
    assert pack(path, packed, must_shrink=False).packed
    unpack(packed, again)
    assert again.read_bytes()[:6] == b"SIMPLE"
    assert again.stat().st_size == path.stat().st_size


def test_an_image_that_would_fill_the_disk_is_not_unpacked(tmp_path: Path) -> None:
    packed = tmp_path / "a.fits.fz"
    assert pack(with_image(tmp_path), packed, must_shrink=False).packed
    data = packed.read_bytes()
    for axis in (1, 2):
        at = data.index(f"ZNAXIS{axis} ".encode())
        data = data[:at] + f"ZNAXIS{axis} = 100000".encode().ljust(80) + data[at + 80 :]
    packed.write_bytes(data)
    with pytest.raises(TooLargeError, match="when unpacked"):
        unpack(packed, tmp_path / "b.fits")
