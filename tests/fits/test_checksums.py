"""CHECKSUM and DATASUM: what astropy writes is valid, what changed since is not."""

import gzip
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import ArchiveError
from app.fits.checksums import MAX_FLAWS, WordSum
from app.fits.keywords import BUILT_IN
from app.fits.models import Checksums, ChecksumState
from app.fits.read import read_file
from tests.support.fits_files import make_header, ramp, source_table
from tests.support.raw_cards import NO_DATA, array_hdu, header_only, raw_header, write

ABSENT = Checksums()
VALID = Checksums(ChecksumState.VALID)


def summed(*, packed: bool = False) -> bytes:
    """Make a file of three HDUs whose sums are right."""
    first = fits.PrimaryHDU(None if packed else ramp((30, 20)), make_header())
    image = fits.CompImageHDU(ramp((40, 30), "int16"), name="SCI") if packed else None
    buffer = io.BytesIO()
    hdus = [first, *([image] if image else []), source_table(5)]
    fits.HDUList(hdus).writeto(buffer, checksum=True)
    return buffer.getvalue()


def checked(folder: Path, data: bytes) -> Checksums:
    return read_file(write(folder / "a.fits", data), BUILT_IN).checksums


def invalid(*flaws: str) -> Checksums:
    return Checksums(ChecksumState.INVALID, flaws)


@pytest.mark.parametrize("packed", [False, True])
def test_what_astropy_sums_up_is_valid(tmp_path: Path, *, packed: bool) -> None:
    data = summed(packed=packed)
    assert checked(tmp_path, data) == VALID
    assert checked(tmp_path, gzip.compress(data)) == VALID


def test_without_sums(tmp_path: Path) -> None:
    assert checked(tmp_path, array_hdu()) == ABSENT


def test_one_pixel_changed(tmp_path: Path) -> None:
    data = bytearray(summed())
    data[2880] ^= 1
    assert checked(tmp_path, bytes(data)) == invalid("HDU 0: DATASUM", "HDU 0: CHECKSUM")


def test_a_header_that_was_changed_leaves_the_data_sound(tmp_path: Path) -> None:
    data = summed().replace(b"M67     '", b"M68     '")
    assert checked(tmp_path, data) == invalid("HDU 0: CHECKSUM")


def test_the_place_of_a_flaw_is_named(tmp_path: Path) -> None:
    data = summed()
    assert checked(tmp_path, data[:-2880] + b"\1" * 2880) == invalid(
        "HDU 1: DATASUM", "HDU 1: CHECKSUM"
    )


def test_data_that_are_cut_off_do_not_agree(tmp_path: Path) -> None:
    assert checked(tmp_path, array_hdu("DATASUM = '2172748161'", shape=(4,))) == VALID
    cut = array_hdu("DATASUM = '2172748161'", shape=(4,))[: 2880 + 3]
    assert checked(tmp_path, cut) == invalid("HDU 0: DATASUM")


@pytest.mark.parametrize(
    "card",
    ["DATASUM = '        '", "DATASUM =", "CHECKSUM= ''", "CHECKSUM= '0000000000000000'"],
)
def test_undefined_sums_are_none(tmp_path: Path, card: str) -> None:
    assert checked(tmp_path, array_hdu(card)) == ABSENT


@pytest.mark.parametrize("card", ["DATASUM = '0'", "DATASUM = '  0000000000 '", "DATASUM = 0"])
def test_no_data_sum_to_nothing(tmp_path: Path, card: str) -> None:
    assert checked(tmp_path, header_only(card)) == VALID


@pytest.mark.parametrize(
    "card",
    [
        "DATASUM = '-1'",
        "DATASUM = 'ten'",
        "DATASUM = '\u0661'",
        "DATASUM = 1E99",
        "DATASUM = T",
        f"DATASUM = '{'9' * 60}'",
    ],
)
def test_sums_that_are_none_are_wrong(tmp_path: Path, card: str) -> None:
    assert checked(tmp_path, header_only(card)) == invalid("HDU 0: DATASUM")


def test_flaws_are_bounded(tmp_path: Path) -> None:
    extension = array_hdu("DATASUM = '1'", shape=(0,), extension="IMAGE")
    found = checked(tmp_path, raw_header([*NO_DATA]) + extension * 100)
    assert len(found.flaws) == MAX_FLAWS + 1
    assert found.flaws[-1] == "… and 50 more"


@settings(max_examples=100)
@given(st.binary(max_size=3000), st.lists(st.integers(0, 3000), max_size=5))
def test_pieces_sum_up_to_the_whole(data: bytes, cuts: list[int]) -> None:
    pieces, whole = WordSum(), WordSum()
    whole.add(data)
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), 3000], strict=True):
        pieces.add(data[start:end])
    assert pieces.value == whole.value
    total = sum(np.frombuffer(data + bytes(-len(data) % 4), ">u4").tolist())
    assert whole.value % (2**32 - 1) == total % (2**32 - 1)


def test_the_sum_of_a_great_file(tmp_path: Path) -> None:
    shape = (1024, 1024, 16)
    header = raw_header(
        ["SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 3"]
        + [f"NAXIS{n + 1}  = {length}" for n, length in enumerate(shape)]
        + ["DATASUM = '4294967295'"]
    )
    path = tmp_path / "a.fits"
    with path.open("wb") as file:
        file.write(header)
        for _ in range(16):
            file.write(b"\xff" * 2**20)
        file.write(bytes(-(16 << 20) % 2880))
    assert read_file(path, BUILT_IN).checksums == VALID


def test_real_files_as_astropy_sees_them(real_files: list[Path]) -> None:
    """astropy sums up without the header's own spacing, so that only data sums are compared."""
    compared = 0
    for path in real_files:
        if path.stat().st_size > 20 << 20 or path.suffix in {".bz2", ".Z"}:
            continue
        try:
            found = read_file(path, BUILT_IN)
        except ArchiveError:
            continue
        if found.checksums.state is ChecksumState.ABSENT:
            continue
        compared += 1
        assert _wrong_data(path) == {
            flaw for flaw in found.checksums.flaws if flaw.endswith("DATASUM")
        }, path
    assert compared >= 10


def _wrong_data(path: Path) -> set[str]:
    with (
        warnings.catch_warnings(action="ignore"),
        fits.open(path, disable_image_compression=True, checksum=False, memmap=False) as hdus,
    ):
        return {
            f"HDU {index}: DATASUM"
            for index, hdu in enumerate(hdus)
            if str(hdu.header.get("DATASUM", "")).strip() and not _data_agree(hdu)
        }


def _data_agree(hdu: fits.PrimaryHDU) -> bool:
    place = hdu.fileinfo()
    words = np.frombuffer(_raw(place), np.uint8)
    return int(hdu._compute_checksum(words)) == int(hdu.header["DATASUM"])


def _raw(place: dict[str, object]) -> bytes:
    file = place["file"]
    file.seek(place["datLoc"])  # type: ignore[attr-defined]  # astropy's own file object
    return bytes(file.read(place["datSpan"]))  # type: ignore[attr-defined]  # likewise
