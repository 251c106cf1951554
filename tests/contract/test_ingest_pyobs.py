"""The ingest rules of pyobs-archive, PYO-50 one to eight, through the real ingest; SHR-5."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from astropy.io import fits
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.errors import InvalidError
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.db.engine import Sessions
from app.frames.models import Frame
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits, make_header, ramp
from tests.support.ingesting import file_away, filed, refused
from tests.support.serving import served

pytestmark = pytest.mark.asyncio

CARDS: dict[str, Any] = {"FNAME": "tst-cam1-20261118-0042-e00.fits.gz"}
BASENAME = "tst-cam1-20261118-0042-e00"

Archive = Callable[..., Factory]


@pytest_asyncio.fixture
async def archive_of(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Archive:
    """Give an archive by the rules of pyobs."""

    def make(**settings: object) -> Factory:
        given = {"ingest_rules": "pyobs", **settings}
        return an_archive(settings_in(tmp_path, **given), committed_sessions, engine, offload)

    return make


def a_file(archive: Factory, name: str = "sent.fits", **cards: Any) -> Path:  # noqa: ANN401  # cards
    options = {key: cards.pop(key) for key in ("shape", "wcs", "hdus", "dtype") if key in cards}
    return make_fits(archive.settings.inbox / name, **options, **{**CARDS, **cards})


def key_of(frame: Frame) -> str:
    assert frame.current is not None
    assert frame.current.stored is not None
    return frame.current.stored.key


@pytest.mark.parametrize(
    "keyword",
    ["DATE-OBS", "DAY-OBS", "SITEID", "TELID", "INSTRUME", "IMAGETYP", "EXPTIME", "FNAME"],
)
async def test_pyo_50_rule_1_a_missing_keyword_is_named(archive_of: Archive, keyword: str) -> None:
    archive = archive_of()
    without: dict[str, Any] = {keyword.replace("-", "_"): None}
    path = a_file(archive, **without)
    reason = await refused(archive, path)
    assert reason.startswith(f"the science header has no usable {keyword}: complete")
    assert list(archive.settings.archive_dir.rglob("*.fits*")) == []


async def test_pyo_50_rule_1_values_must_be_readable(archive_of: Archive) -> None:
    archive = archive_of()
    path = a_file(archive, DATE_OBS="yesterday", EXPTIME="long")
    assert "no usable DATE-OBS, EXPTIME:" in await refused(archive, path)
    table = a_file(archive, "table.fits", shape=())
    assert "NAXIS1, NAXIS2" in await refused(archive, table)


async def test_pyo_50_rule_1_the_hdu_named_sci_counts(archive_of: Archive) -> None:
    archive = archive_of()
    other = fits.ImageHDU(ramp((8, 6)), make_header(OBJECT="other"))
    science = fits.ImageHDU(ramp((9, 7)), make_header(OBJECT="science", **CARDS), name="SCI")
    path = archive.settings.inbox / "sent.fits"
    fits.HDUList([fits.PrimaryHDU(), other, science]).writeto(path)
    frame = await filed(archive, path)
    assert frame.basename == BASENAME
    assert (frame.facts.object_name, frame.facts.width_px) == ("science", 7)
    lacking = fits.ImageHDU(ramp((9, 7)), make_header(SITEID=None, **CARDS), name="SCI")
    path = a_file(archive, "second.fits", shape=(), hdus=[lacking])
    assert "no usable SITEID" in await refused(archive, path)


async def test_pyo_50_rule_1_the_first_image_does_without_sci(archive_of: Archive) -> None:
    archive = archive_of()
    packed = fits.CompImageHDU(ramp((8, 6)), make_header(**CARDS))
    path = archive.settings.inbox / "sent.fits.fz"
    fits.HDUList([fits.PrimaryHDU(), packed]).writeto(path)
    frame = await filed(archive, path)
    assert (frame.facts.width_px, frame.facts.height_px) == (6, 8)
    assert frame.filename == f"{BASENAME}.fits.fz"


async def test_pyo_50_rule_2_fname_names_the_frame(archive_of: Archive) -> None:
    archive = archive_of()
    frame = await filed(archive, a_file(archive, "file"))
    assert frame.basename == BASENAME
    assert frame.filename == f"{BASENAME}.fits"
    # A file that is filed under another name than it has is still found by both dialects.
    named = await archive.frames.get_by_name(BASENAME, SYSTEM)
    assert named.id == frame.id


@pytest.mark.parametrize("name", [".", "..", ".fits", " ", "a/b.fits", "../a.fits", "a\\b.fits"])
async def test_pyo_50_rule_2_a_name_must_be_one(archive_of: Archive, name: str) -> None:
    archive = archive_of()
    assert "FNAME" in await refused(archive, a_file(archive, FNAME=name))


async def test_pyo_50_rule_2_a_formatter_wins(archive_of: Archive) -> None:
    template = "{SITEID}-{DATE-OBS|date:}-{DATE-OBS|time:}{FILTER|filter}"
    archive = archive_of(filename_formatter=template)
    frame = await filed(archive, a_file(archive, FNAME=None))
    assert frame.basename == "tst-20261119-030405_V"


async def test_pyo_50_rule_3_the_path(archive_of: Archive) -> None:
    archive = archive_of()
    frame = await filed(archive, a_file(archive))
    assert key_of(frame) == f"tst/2026-11-18/{BASENAME}.fits"
    odd = a_file(archive, "odd.fits", SITEID="../..", DAY_OBS="2026-11-18", FNAME="odd")
    arrival = await file_away(archive, odd)
    stored = [path for path in archive.settings.data_dir.rglob("odd*") if path.suffix == ".fits"]
    root = archive.settings.archive_dir
    assert all(path.is_relative_to(root) for path in stored), (arrival, stored)
    assert not (root.parent.parent / "2026-11-18").exists()


async def test_pyo_50_rule_3_a_path_formatter(archive_of: Archive) -> None:
    archive = archive_of(path_formatter="{TELID|lower}/{DAY-OBS|date:/}/{IMAGETYP}")
    assert key_of(await filed(archive, a_file(archive))).startswith("1m0a/2026/11/18/object/")


async def test_pyo_50_rule_4_the_same_name_keeps_its_number(archive_of: Archive) -> None:
    archive = archive_of()
    first = await filed(archive, a_file(archive, OBJECT="one"))
    again = await filed(archive, a_file(archive, "other.fits", OBJECT="two"))
    assert again.id == first.id
    assert again.facts.object_name == "two"
    assert len(again.versions) == 2


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32"])
async def test_pyo_50_rule_5_packed_without_loss(archive_of: Archive, dtype: str) -> None:
    archive = archive_of(pack="now")
    path = a_file(archive, shape=(200, 180), dtype=dtype)
    original = shutil.copy(path, archive.settings.data_dir / "kept.fits")
    frame = await filed(archive, path)
    assert frame.filename == f"{BASENAME}.fits.fz"
    stored = archive.settings.archive_dir / key_of(frame)
    assert np.array_equal(fits.getdata(stored), fits.getdata(original))
    assert fits.getheader(stored, 1)["FNAME"] == CARDS["FNAME"]


async def test_pyo_50_rule_6_defaults(archive_of: Archive) -> None:
    archive = archive_of()
    facts = (await filed(archive, a_file(archive))).facts
    assert (facts.x_binning, facts.y_binning, facts.reduction_level) == (1, 1, 0)
    half = await filed(archive, a_file(archive, "b.fits", FNAME="b", XBINNING=2))
    assert (half.facts.x_binning, half.facts.y_binning) == (1, 1)
    both = a_file(archive, "c.fits", FNAME="c", XBINNING=2, YBINNING=3, RLEVEL=1)
    facts = (await filed(archive, both)).facts
    assert (facts.x_binning, facts.y_binning, facts.reduction_level) == (2, 3, 1)


async def test_pyo_50_rule_7_copied_headers(archive_of: Archive) -> None:
    archive = archive_of()
    numbers: dict[str, Any] = {
        "TEL_ALT": 61.5, "TEL_AZ": 120.25, "TEL_FOCU": 41.2, "SUNALT": -33.0, "SUNDIST": 101.0,
        "MOONALT": 12.0, "MOONDIST": 45.0, "MOONFRAC": 0.25, "DATAMEAN": 1234.5,
    }  # fmt: skip
    path = a_file(archive, TEL_RA=84.25, TEL_DEC=-5.5, REQNUM=42, OBSNUM="007", wcs=True, **numbers)
    facts = (await filed(archive, path)).facts
    assert (facts.site, facts.telescope, facts.instrument) == ("tst", "1m0a", "cam1")
    assert (facts.image_type_raw, facts.object_name, facts.filter_name) == ("object", "M67", "V")
    assert (facts.ra_deg, facts.dec_deg) == (84.25, -5.5)
    assert (facts.request_text, facts.observation_text) == ("42", "007")
    assert [
        facts.telescope_altitude_deg, facts.telescope_azimuth_deg, facts.focus,
        facts.sun_altitude_deg, facts.sun_distance_deg, facts.moon_altitude_deg,
        facts.moon_distance_deg, facts.moon_fraction, facts.data_mean,
    ] == list(numbers.values())  # fmt: skip


async def test_pyo_50_rule_7_long_values_are_kept(archive_of: Archive) -> None:
    archive = archive_of()
    name = "a" * 60
    frame = await filed(archive, a_file(archive, TELID="t" * 30, SITEID="s" * 30, FNAME=name))
    assert (frame.basename, frame.facts.telescope) == (name, "t" * 30)


async def test_pyo_50_rule_8_related_one_way(archive_of: Archive) -> None:
    archive = archive_of()
    names = ("raw", "bias", "dark", "flat", "avg1", "avg2")
    others = [await filed(archive, a_file(archive, f"{n}.fits", FNAME=n, OBJECT=n)) for n in names]
    links = {
        "L1RAW": "raw", "L1BIAS": "bias", "L1DARK": "dark", "L1FLAT": "flat",
        "L1AVG": "avg1", "L1AVG002": "avg2", "L1IDBIAS": "stray", "ORIGNAME": "stray",
    }  # fmt: skip
    await filed(archive, a_file(archive, "stray.fits", FNAME="stray", OBJECT="stray"))
    frame = await filed(archive, a_file(archive, L1AVG003="nobody", **links))
    assert set(frame.named) == {other.id for other in others}
    assert (await archive.frames.get(others[0].id, SYSTEM)).named == ()


async def test_pyo_50_rule_8_a_new_set_replaces_the_old_one(archive_of: Archive) -> None:
    archive = archive_of()
    for name in ("one", "two"):
        await filed(archive, a_file(archive, f"{name}.fits", FNAME=name, OBJECT=name))
    await filed(archive, a_file(archive, L1BIAS="one"))
    frame = await filed(archive, a_file(archive, L1BIAS="two"))
    assert frame.named == ((await archive.frames.get_by_name("two", SYSTEM)).id,)


@pytest.mark.parametrize(
    ("template", "gives"),
    [
        ("{OBJECT}", "M67"),
        ("{OBJECT|lower}", "m67"),
        ("{DATE-OBS|date}", "2026-11-19"),
        ("{DATE-OBS|date:}", "20261119"),
        ("{DATE-OBS|date:_}", "2026_11_19"),
        ("{DATE-OBS|time}", "03-04-05"),
        ("{DATE-OBS|time:}", "030405"),
        ("{FRAMENUM|string:04d}", "0042"),
        ("{EXPTIME|string:%.2f}", "12.50"),
        ("a{FILTER|filter}", "a_V"),
        ("a{FILTER|filter:OBSTYPE}", "a"),
        ("a{FILTER|filter:IMAGETYP:-}", "a-V"),
        ("{site}-{night}-{type}", "tst-2026-11-18-EXPOSE"),
        ("{PROPID|default:none}", "none"),
    ],
)
async def test_pyo_50_formatters(archive_of: Archive, template: str, gives: str) -> None:
    archive = archive_of(filename_formatter=template)
    frame = await filed(archive, a_file(archive, FRAMENUM=42, OBSTYPE="dark"))
    assert frame.basename == gives


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{SITEID", "column 1"),
        ("{SITEID|nothing}", "column 9: found the function 'nothing'"),
        ("{SITEID}-{DATE-OBS|date:/}", "column 25"),
        ("{SITEID|string:04q}", "column 16"),
        ("{siteid}", "column 2"),
        ("a/{SITEID}", "column 2"),
    ],
)
async def test_pyo_50_a_wrong_formatter_stops_the_start(
    archive_of: Archive, template: str, fault: str
) -> None:
    archive = archive_of(filename_formatter=template)
    with pytest.raises(InvalidError) as caught:
        _ = archive.rules
    assert fault in caught.value.message


async def test_pyo_50_a_missing_keyword_of_a_formatter_is_an_error(archive_of: Archive) -> None:
    archive = archive_of(filename_formatter="{PROPID}")
    assert "'PROPID'" in await refused(archive, a_file(archive))


async def test_pyo_50_neither_proposal_nor_public_date_is_internal(archive_of: Archive) -> None:
    archive = archive_of()
    facts = (await filed(archive, a_file(archive))).facts
    assert (facts.is_internal, facts.public_at) == (True, None)
    named = a_file(archive, "b.fits", FNAME="b", PROPID="ours")
    facts = (await filed(archive, named)).facts
    assert facts.is_internal is False
    assert facts.public_at is not None
    dated = a_file(archive, "c.fits", FNAME="c", L1PUBDAT="2027-01-01")
    assert (await filed(archive, dated)).facts.is_internal is False


@pytest.mark.parametrize(
    ("day_obs", "night"),
    [("2026-11-18", date(2026, 11, 18)), ("20261118", date(2026, 11, 18)), (None, None)],
)
async def test_shr_5_the_nights_agree(
    archive_of: Archive, day_obs: str | None, night: date | None
) -> None:
    archive = archive_of(ingest_rules="any")
    path = a_file(archive, DAY_OBS=day_obs, DATE_OBS="2026-11-19T08:00:00", LONGITUD=-156.26)
    frame = await filed(archive, path)
    assert frame.facts.night == frame.facts.day_obs == (night or date(2026, 11, 18))
    async with served(archive) as site:
        token = await site.a_user("vera")
        item = (await site.get(f"/frames/{frame.id}/", token)).json()
        listed = (await site.get("/frames/", token, night="2026-11-18")).json()
    assert item["night"] == item["DAY_OBS"] == item["observation_day"] == "2026-11-18"
    assert [each["id"] for each in listed["results"]] == [frame.id]
    assert frame.current is not None
    assert frame.current.repairs == ()


async def test_shr_5_a_night_that_disagrees_is_kept_and_said(
    archive_of: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = archive_of()
    path = a_file(archive, DAY_OBS="2026-11-19", DATE_OBS="2026-11-19T08:00:00", LONGITUD=-156.26)
    frame = await filed(archive, path)
    assert frame.facts.night == frame.facts.day_obs == date(2026, 11, 19)
    assert "night disagrees" in capsys.readouterr().out
    assert frame.current is not None
    assert frame.current.repairs == (
        "DAY-OBS is 2026-11-19, but from local noon to noon the night is 2026-11-18",
    )
