import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from app.fits import hdus as walk
from app.fits.container import ByteSource
from app.fits.errors import UnreadableError
from app.fits.hdus import read_hdus, science_index
from app.fits.models import Hdu, HduKind
from app.fits.repairs import Repairs
from tests.support.raw_cards import NO_DATA, SIMPLE, array_hdu, header_only, raw_header


def read(data: bytes) -> tuple[tuple[Hdu, ...], tuple[str, ...]]:
    repairs = Repairs()
    return read_hdus(ByteSource(io.BytesIO(data), len(data)), repairs), repairs.sentences()


def saved(*hdus: object) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits.HDUList(list(hdus)).writeto(buffer)
    return buffer.getvalue()


def test_kinds_and_shapes() -> None:
    table = fits.BinTableHDU(np.zeros(5, dtype=[("x", "f8")]), name="cat")
    data = saved(
        fits.PrimaryHDU(),
        fits.ImageHDU(np.zeros((3, 4), "i2"), name="Sci"),
        fits.CompImageHDU(np.zeros((30, 40), "f4"), name="packed"),
        table,
        fits.ImageHDU(),
    )
    found, repairs = read(data)
    assert [(hdu.name, hdu.kind, hdu.shape, hdu.bitpix) for hdu in found] == [
        ("", HduKind.EMPTY, (), 8),
        ("SCI", HduKind.IMAGE, (4, 3), 16),
        ("PACKED", HduKind.COMPRESSED_IMAGE, (40, 30), -32),
        ("CAT", HduKind.TABLE, (8, 5), 8),
        ("", HduKind.EMPTY, (), 8),
    ]
    assert repairs == ()


def test_random_groups_and_other_extensions() -> None:
    groups = raw_header([
        SIMPLE, "BITPIX  = 8", "NAXIS   = 3", "NAXIS1  = 0", "NAXIS2  = 5", "NAXIS3  = 2",
        "GROUPS  = T", "PCOUNT  = 1", "GCOUNT  = 7",
    ])  # fmt: skip
    data = groups + bytes(7 * 11).ljust(2880, b"\0") + array_hdu(extension="FOREIGN")
    found, repairs = read(data)
    assert [hdu.kind for hdu in found] == [HduKind.GROUPS, HduKind.OTHER]
    assert science_index(found) is None
    assert repairs == ()


def test_compressed_cards_are_those_of_the_image() -> None:
    header = fits.Header([("OBJECT", "M31"), ("GAIN", 1.5), ("HISTORY", "made")])
    hdu = fits.CompImageHDU(
        np.arange(1200, dtype="i2").reshape(30, 40), header, tile_shape=(10, 40)
    )
    data = saved(fits.PrimaryHDU(), hdu)
    found, _ = read(data)
    with fits.open(io.BytesIO(data)) as file:
        expected = [(card.keyword, card.value) for card in file[1].header.cards]
    mine = [(card.keyword, card.value) for card in found[1].cards]
    assert sorted(map(str, mine)) == sorted(map(str, expected))
    assert [keyword for keyword, _ in mine][:5] == [
        "XTENSION",
        "BITPIX",
        "NAXIS",
        "NAXIS1",
        "NAXIS2",
    ]


def test_compressed_primary_names() -> None:
    cards = [
        "ZIMAGE  = T", "ZSIMPLE = T", "ZBITPIX = 16", "ZNAXIS  = 1", "ZNAXIS1 = 9", "ZEXTEND = T",
        "ZCMPTYPE= 'RICE_1'", "ZTILE1  = 9", "TFIELDS = 1", "TTYPE1  = 'COMPRESSED_DATA'",
        "TFORM1  = '1PB(3)'", "EXTNAME = 'COMPRESSED_IMAGE'", "OBJECT  = 'M31'",
    ]  # fmt: skip
    found, _ = read(header_only() + array_hdu(*cards, extension="BINTABLE"))
    assert found[1].name == ""
    assert [(card.keyword, card.value) for card in found[1].cards] == [
        ("SIMPLE", True),
        ("BITPIX", 16),
        ("NAXIS", 1),
        ("NAXIS1", 9),
        ("EXTEND", True),
        ("OBJECT", "M31"),
    ]


def test_damaged_compression_keywords_leave_a_table() -> None:
    found, repairs = read(header_only() + array_hdu("ZIMAGE  = T", extension="BINTABLE"))
    assert found[1].kind is HduKind.TABLE
    assert "ZBITPIX is missing" in repairs[0]


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["", "SCI", "SCI"], 1), (["", "", "SCI"], 2), (["", "ERR", "DQ"], 1), (["ERR"], 0)],
)
def test_science(names: list[str], expected: int) -> None:
    first, *others = names
    data = array_hdu(f"EXTNAME = '{first}'") if first else header_only()
    data += b"".join(array_hdu(f"EXTNAME = '{name}'", extension="IMAGE") for name in others)
    assert science_index(read(data)[0]) == expected


def test_science_has_data() -> None:
    empty = array_hdu("EXTNAME = 'SCI'", shape=(), extension="IMAGE")
    found, _ = read(header_only() + empty + array_hdu("EXTNAME = 'X'", extension="IMAGE"))
    assert science_index(found) == 2
    assert science_index(read(header_only())[0]) is None


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        (["BITPIX  = 12", "NAXIS   = 0"], "BITPIX is 12, it must be one of"),
        (["BITPIX  = 8", "NAXIS   = -1"], "NAXIS is -1"),
        (["BITPIX  = 8", "NAXIS   = 10000"], "NAXIS is 10000"),
        (["BITPIX  = 8", "NAXIS   = 1", "NAXIS1  = -5"], "NAXIS1 is -5"),
        (["BITPIX  = 8", "NAXIS   = 'two'"], "NAXIS is 'two', it must be a whole number"),
        (["NAXIS   = 0"], "BITPIX is missing"),
        (["BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 5"], "NAXIS2 is missing"),
    ],
)
def test_impossible_structure(cards: list[str], words: str) -> None:
    with pytest.raises(UnreadableError) as error:
        read(raw_header([SIMPLE, *cards]))
    assert words in error.value.message


@pytest.mark.parametrize("axis", ["1000000000", "99999999999999999999999999999", "9E30"])
def test_lying_sizes_cost_nothing(axis: str) -> None:
    cards = [SIMPLE, "BITPIX  = -64", "NAXIS   = 2", f"NAXIS1  = {axis}", f"NAXIS2  = {axis}"]
    found, repairs = read(raw_header(cards) + bytes(100))
    assert len(found) == 1
    assert "are cut off: 100 of" in repairs[0]


def test_damage_behind_the_first_data_keeps_what_came_before() -> None:
    bad = raw_header(["XTENSION= 'IMAGE   '", "BITPIX  = 12", "NAXIS   = 0"])
    found, repairs = read(array_hdu() + bad + array_hdu(extension="IMAGE"))
    assert len(found) == 1
    assert "BITPIX is 12" in repairs[0]
    assert "left out" in repairs[0]


def test_damage_before_any_data_is_no_frame() -> None:
    with pytest.raises(UnreadableError, match="file ends inside the header of HDU 1"):
        read(header_only() + array_hdu("OBJECT  = 'M31'", extension="IMAGE")[:400])


def test_cut_data_are_said_by_name_and_size() -> None:
    data = array_hdu(shape=(100, 100))[: 2880 + 4000]
    assert read(data)[1] == ("the data of HDU 0 are cut off: 4000 of 10000 bytes are there",)


def test_missing_padding_is_said() -> None:
    data = array_hdu(shape=(100, 100))[: 2880 + 10_000]
    assert read(data)[1] == ("HDU 0: the last block is not filled up to 2880 bytes",)


def test_missing_end() -> None:
    found, repairs = read(array_hdu("OBJECT  = 'M31'", end=False))
    assert found[0].cards[-1].value == "M31"
    assert "END card is missing" in repairs[0]


def test_what_follows_the_last_hdu() -> None:
    assert read(header_only() + bytes(2880))[1] == ()
    assert "bytes that are not FITS" in read(header_only() + b"junk" * 720)[1][0]


def test_number_of_hdus_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MAX_HDUS", 5)
    found, repairs = read(header_only() + array_hdu(extension="IMAGE") * 8)
    assert len(found) == 5
    assert "more than 5 HDUs" in repairs[0]


def test_simple_false_is_said() -> None:
    _, repairs = read(raw_header(["SIMPLE  = F", *NO_DATA[1:]]))
    assert "does not conform" in repairs[0]


def test_contradicting_duplicates_are_said() -> None:
    data = header_only(
        "OBJECT  = 'M31'", "OBJECT  = 'M33'", "GAIN    = 1", "GAIN    = 1",
        "DP1     = 'NAXES: 2'", "DP1     = 'AXIS.1: 1'", "COMMENT a", "COMMENT b",
    )  # fmt: skip
    assert read(data)[1] == (
        "HDU 0: OBJECT is given more than once with different values; the first, 'M31', was used",
    )


def test_agrees_with_astropy_on_a_file_of_many(tmp_path: Path) -> None:
    path = tmp_path / "many.fits"
    header = fits.Header()
    for i in range(300):
        header[f"KEY{i}"] = (i * 1.1, "a comment")
    fits.HDUList(
        [fits.PrimaryHDU(np.ones((7, 5))), fits.ImageHDU(np.ones((2, 2)), header)]
    ).writeto(path)
    found, _ = read(path.read_bytes())
    with fits.open(path) as file:
        for hdu, theirs in zip(found, file, strict=True):
            expected = [(card.keyword, card.value, card.comment) for card in theirs.header.cards]
            assert [(card.keyword, card.value, card.comment) for card in hdu.cards] == expected
