"""The ingest rules of the LCO archive, ARC-80 to ARC-87, through the real ingest."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from astropy.io import fits
from sqlalchemy.ext.asyncio import AsyncEngine

from app.accounts.proposals import ProposalTag
from app.context import Factory
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.db.engine import Sessions
from app.frames.models import Frame
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits, make_header, ramp, source_table, wcs_header
from tests.support.ingesting import NEVER, file_away, filed, refused

pytestmark = pytest.mark.asyncio

NAME = "coj1m011-fa12-20261118-0042-e00.fits"
SHOT = datetime(2026, 11, 18, 14, 4, 5, 678_000, tzinfo=UTC)
CARDS: dict[str, Any] = {
    "PROPID": "LCO2026B-001",
    "DATE_OBS": "2026-11-18T14:04:05.678",
    "DAY_OBS": "20261118",
    "INSTRUME": "fa12",
    "SITEID": "coj",
    "TELID": "1m0a",
    "OBSTYPE": "EXPOSE",
    "BLKUID": 123456,
    "IMAGETYP": None,
    "RLEVEL": 0,
}

Archive = Callable[..., Factory]


@pytest_asyncio.fixture
async def archive_of(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Archive:
    """Give an archive by the rules of LCO."""

    def make(**settings: object) -> Factory:
        given = {"ingest_rules": "lco", **settings}
        return an_archive(settings_in(tmp_path, **given), committed_sessions, engine, offload)

    return make


def a_file(archive: Factory, name: str = NAME, **cards: Any) -> Path:  # noqa: ANN401  # cards
    options = {key: cards.pop(key) for key in ("shape", "wcs", "hdus", "dtype") if key in cards}
    return make_fits(archive.settings.inbox / name, **options, **{**CARDS, **cards})


def key_of(frame: Frame) -> str:
    assert frame.current is not None
    assert frame.current.stored is not None
    return frame.current.stored.key


async def test_arc_80_a_header_with_all_that_is_required_is_filed(archive_of: Archive) -> None:
    archive = archive_of()
    frame = await filed(archive, a_file(archive))
    facts = frame.facts
    assert (facts.proposal, facts.instrument, facts.site) == ("LCO2026B-001", "fa12", "coj")
    assert (facts.telescope, facts.block_id, facts.observation_type) == ("1m0a", 123456, "EXPOSE")
    assert (facts.observed_at, facts.day_obs) == (SHOT, date(2026, 11, 18))


async def test_arc_80_what_is_missing_is_named(archive_of: Archive) -> None:
    archive = archive_of()
    reason = await refused(archive, a_file(archive, PROPID=None, BLKUID=None, SITEID=None))
    assert "no usable PROPID, SITEID, BLKUID" in reason
    without_date = a_file(archive, "b-e00.fits", DATE_OBS="soon", OBJECT="other")
    assert "no usable DATE-OBS" in await refused(archive, without_date)


async def test_arc_80_two_incomplete_headers_are_not_one_complete(archive_of: Archive) -> None:
    archive = archive_of()
    science = fits.ImageHDU(ramp((8, 6)), make_header(SITEID=None, BLKUID=1), name="SCI")
    path = a_file(archive, shape=(), hdus=[science], BLKUID=None)
    assert "BLKUID" in await refused(archive, path)


async def test_arc_80_the_first_complete_header_counts(archive_of: Archive) -> None:
    archive = archive_of()
    science = fits.ImageHDU(ramp((8, 6)), make_header(OBJECT="of science"), name="SCI")
    path = a_file(archive, shape=(), hdus=[science], OBJECT="of primary")
    assert (await filed(archive, path)).facts.object_name == "of primary"
    complete = fits.ImageHDU(
        ramp((8, 6)),
        make_header(**{**CARDS, "OBJECT": "complete"}),
        name="SCI",
    )
    path = a_file(archive, "b-e00.fits", shape=(), hdus=[complete], BLKUID=None, OBJECT="half")
    assert (await filed(archive, path)).facts.object_name == "complete"


async def test_arc_80_an_empty_day_is_the_local_night(archive_of: Archive) -> None:
    archive = archive_of()
    path = a_file(archive, DAY_OBS="", DATE_OBS="2026-11-19T08:00:00", LONGITUD=-156.26)
    frame = await filed(archive, path)
    assert frame.facts.day_obs == frame.facts.night == date(2026, 11, 18)
    assert key_of(frame).startswith("coj/fa12/20261118/")


@pytest.mark.parametrize("word", ["N/A", "n/a", "UNSPECIFIED", "Unknown"])
async def test_arc_81_null_values_are_empty(archive_of: Archive, word: str) -> None:
    archive = archive_of()
    path = a_file(archive, PROPID=word, OBJECT=word, FILTER=word, REQNUM=word, BLKUID=word)
    facts = (await filed(archive, path)).facts
    assert (facts.proposal, facts.object_name, facts.filter_name) == (None, None, None)
    assert (facts.request_id, facts.request_text, facts.block_id) == (None, None, None)


async def test_arc_81_none_is_null_for_integers_only(archive_of: Archive) -> None:
    archive = archive_of()
    path = a_file(archive, REQNUM="NONE", BLKUID="None", OBJECT="NONE")
    facts = (await filed(archive, path)).facts
    assert (facts.request_id, facts.request_text, facts.block_id) == (None, None, None)
    assert facts.object_name == "NONE"


async def test_arc_82_the_name_is_cut_at_the_first_dot(archive_of: Archive) -> None:
    archive = archive_of()
    frame = await filed(archive, a_file(archive, "a-e00.v1.fits", shape=(200, 200)))
    assert frame.basename == "a-e00"
    assert frame.current is not None
    assert (frame.current.extension, frame.filename) == (".v1.fits", "a-e00.v1.fits")
    await archive.packing.pack(frame.current.id)
    frame = await archive.frames.get(frame.id, SYSTEM)
    assert frame.filename == "a-e00.fits.fz"
    assert key_of(frame).endswith("/raw/a-e00.fits.fz")
    packed = await filed(archive, a_file(archive, "b-e00.fits.fz", OBJECT="other"))
    assert (packed.basename, packed.filename) == ("b-e00", "b-e00.fits.fz")


@pytest.mark.parametrize("name", ["coj1m011-fa12-20261118-0042-l00.fits", "tstnrs01-x-e00.fits"])
async def test_arc_82_some_names_are_ignored_but_not_silently(
    archive_of: Archive, name: str
) -> None:
    archive = archive_of()
    reason = await refused(archive, a_file(archive, name))
    assert "not filed by these rules" in reason


@pytest.mark.parametrize(
    ("name", "level", "expected"),
    [
        ("coj1m011-fa12-20261118-0042-e91.fits", 0, 91),
        ("coj1m011-fa12-20261118-0042-e91.fits", None, 91),
        ("coj1m011-fa12-20261118-0042-e91_cat.fits", None, 91),
        ("coj1m011-fa12-20261118-0042-e91.fits", 11, 11),
        ("coj1m011-fa12-20261118-0042-e00.fits", None, 0),
        ("light.fits", None, 0),
    ],
)
async def test_arc_83_the_name_says_the_level(
    archive_of: Archive, name: str, level: int | None, expected: int
) -> None:
    archive = archive_of()
    assert (await filed(archive, a_file(archive, name, RLEVEL=level))).facts.reduction_level == (
        expected
    )


@pytest.mark.parametrize(
    ("part", "given", "expected"),
    [
        ("fa12-20261118-0042-b00", None, "BIAS"),
        ("fa12-20261118-0042-d00", "UNKNOWN", "DARK"),
        ("fa12-20261118-0042-f00", "", "SKYFLAT"),
        ("ef01-20261118-0042-g00", None, "GUIDE"),
        ("fa12-20261118-0042-s00", None, "STANDARD"),
        ("en06-20261118-0042-w00", None, "LAMPFLAT"),
        ("fa12-20261118-0042-x00", None, "EXPERIMENTAL"),
        ("en06-20261118-0042-a00", None, "ARC"),
        ("fa12-20261118-0042-e00", None, "EXPOSE"),
        ("en06-20261118-0042-e00", None, "SPECTRUM"),
        ("fa12-20261118-0042-b00", "DARK", "DARK"),
    ],
)
async def test_arc_83_the_name_says_the_type(
    archive_of: Archive, part: str, given: str | None, expected: str
) -> None:
    archive = archive_of()
    path = a_file(archive, f"coj1m011-{part}.fits", OBSTYPE=given)
    assert (await filed(archive, path)).facts.observation_type == expected


@pytest.mark.parametrize("name", ["image.fits", "coj1m011-fa12-20261118-0042-z00.fits"])
async def test_arc_83_an_unknown_type_is_refused(archive_of: Archive, name: str) -> None:
    archive = archive_of()
    assert "OBSTYPE" in await refused(archive, a_file(archive, name, OBSTYPE="UNKNOWN"))


async def test_arc_83_a_catalogue_belongs_to_its_frame(archive_of: Archive) -> None:
    archive = archive_of()
    image = await filed(archive, a_file(archive, "coj1m011-fa12-20261118-0042-e91.fits"))
    name = "coj1m011-fa12-20261118-0042-e91_cat.fits"
    catalog = await filed(archive, a_file(archive, name, shape=(), hdus=[source_table()]))
    assert catalog.facts.observation_type == "CATALOG"
    assert catalog.related == (image.id,)


@pytest.mark.parametrize(
    ("name", "cards", "delay"),
    [
        ("a-e00.fits", {}, timedelta(days=365)),
        ("a-e00.fits", {"OBSTYPE": "LAMPFLAT"}, timedelta(days=365)),
        ("a-e00.fits", {"OBSTYPE": "MYSTERY"}, timedelta(days=365)),
        ("a-e00.fits", {"PROPID": "N/A"}, timedelta(days=365)),
        ("a-e00.fits", {"OBSTYPE": "BIAS"}, timedelta()),
        ("a-e00.fits", {"OBSTYPE": "DARK", "PROPID": "N/A"}, timedelta()),
        ("a-e00.fits", {"OBSTYPE": "SKYFLAT"}, timedelta()),
        ("a-e00.fits", {"OBSTYPE": "EXPERIMENTAL"}, timedelta()),
        ("a-e00.fits", {"PROPID": "LCOEPO2026"}, timedelta()),
        ("a-e00.fits", {"PROPID": "calibrate"}, timedelta()),
        ("a-e00.fits", {"PROPID": "photometric standards"}, timedelta()),
        ("a-e00.fits", {"PROPID": "pointing"}, timedelta()),
        ("a-e00.fits", {"PROPID": "LCOEngineering"}, NEVER),
        ("a-t00.fits", {}, NEVER),
        ("a-x00.fits", {}, NEVER),
        ("a-x00.fits", {"OBSTYPE": "EXPERIMENTAL"}, timedelta()),
    ],
)
async def test_arc_84_public_dates(
    archive_of: Archive, name: str, cards: dict[str, str], delay: timedelta
) -> None:
    archive = archive_of()
    facts = (await filed(archive, a_file(archive, name, **cards))).facts
    assert facts.public_at == SHOT + delay
    assert not facts.is_internal


@pytest.mark.parametrize(
    ("tags", "cards", "delay"),
    [
        ((ProposalTag.PRIVATE,), {"OBSTYPE": "BIAS"}, NEVER),
        ((ProposalTag.INTERNAL,), {"PROPID": "LCOEPO2026"}, NEVER),
        ((ProposalTag.PUBLIC,), {}, timedelta()),
        ((ProposalTag.PUBLIC,), {"PROPID": "LCOEngineering"}, timedelta()),
        ((ProposalTag.PUBLIC, ProposalTag.PRIVATE), {}, NEVER),
        ((), {}, timedelta(days=365)),
    ],
)
async def test_arc_84_tags_of_the_proposal(
    archive_of: Archive,
    tags: tuple[ProposalTag, ...],
    cards: dict[str, str],
    delay: timedelta,
) -> None:
    archive = archive_of()
    proposal = cards.get("PROPID", CARDS["PROPID"])
    await archive.proposals.replace_tags(proposal, tags)
    await archive.proposals.replace_tags("another", [ProposalTag.PRIVATE])
    facts = (await filed(archive, a_file(archive, **cards))).facts
    assert facts.public_at == SHOT + delay


async def test_arc_84_the_header_decides_first(archive_of: Archive) -> None:
    archive = archive_of()
    path = a_file(archive, PROPID="LCOEngineering", L1PUBDAT="2027-01-02T03:04:05")
    facts = (await filed(archive, path)).facts
    assert facts.public_at == datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)


async def test_arc_84_the_proprietary_time_is_a_setting(archive_of: Archive) -> None:
    archive = archive_of(proprietary_days=180)
    facts = (await filed(archive, a_file(archive))).facts
    assert facts.public_at == SHOT + timedelta(days=180)


async def test_arc_84_the_rules_are_a_setting(archive_of: Archive, tmp_path: Path) -> None:
    file = tmp_path / "public.toml"
    file.write_text('[[rule]]\nproposal_contains = ["LCO2026B"]\npublic = 30\n')
    archive = archive_of(public_date_rules=file)
    assert (await filed(archive, a_file(archive))).facts.public_at == SHOT + timedelta(days=30)


async def test_arc_85_a_radius_is_a_box(archive_of: Archive) -> None:
    archive = archive_of()
    path = a_file(archive, wcs=True, RADIUS=600.0, RA="08:00:00", DEC="60:00:00")
    area = (await filed(archive, path)).facts.area_deg
    assert area is not None
    corners = np.array(area)
    assert corners.shape == (4, 2)
    assert corners[:, 0].mean() == pytest.approx(120.0, abs=1e-6)
    half_height = 10 / 60
    assert np.ptp(corners[:, 1]) == pytest.approx(2 * half_height, rel=1e-2)
    # The box is as wide as it is high on the sky: the source forgets the cosine.
    assert np.ptp(corners[:, 0]) == pytest.approx(4 * half_height, rel=1e-2)


async def test_arc_85_else_the_corners_by_the_wcs(archive_of: Archive) -> None:
    archive = archive_of()
    area = (await filed(archive, a_file(archive, wcs=(120.0, 60.0)))).facts.area_deg
    assert area is not None
    corners = np.array(area)
    # The outer edges of the corner pixels: half a pixel beyond their centres.
    assert np.ptp(corners[:, 1]) == pytest.approx(32 / 3600, rel=1e-3)


async def test_arc_85_a_cube_has_no_area(archive_of: Archive) -> None:
    archive = archive_of()
    header = wcs_header((8, 6), 10.0, 20.0)
    cube = fits.ImageHDU(ramp((3, 8, 6)), header, name="SCI")
    frame = await filed(archive, a_file(archive, shape=(), hdus=[cube]))
    assert frame.facts.area_deg is None
    assert (await filed(archive, a_file(archive, "b-e00.fits"))).facts.area_deg is None


async def test_arc_86_related_frames_lose_their_extensions(archive_of: Archive) -> None:
    archive = archive_of()
    others = [
        await filed(archive, a_file(archive, f"{name}.fits", OBJECT=name))
        for name in ("bias-b91", "dark-d91", "flat-f91", "bpm-91", "arc-a91", "raw-e00")
    ]
    keywords = ("L1IDBIAS", "L1IDDARK", "L1IDFLAT", "L1IDMASK", "L1IDARC", "TARFILE")
    values = [f"{frame.basename}.v1.fits.fz" for frame in others]
    links = dict(zip(keywords, values, strict=True))
    frame = await filed(archive, a_file(archive, "x-e91.fits", L1RAW="raw-e00", **links))
    assert set(frame.related) == {frame.id for frame in others}


async def test_arc_86_other_keywords_name_nothing(archive_of: Archive) -> None:
    archive = archive_of()
    await filed(archive, a_file(archive, "raw-e00.fits"))
    frame = await filed(archive, a_file(archive, "x-e91.fits", L1RAW="raw-e00", L1AVG1="raw-e00"))
    assert frame.related == ()


@pytest.mark.parametrize(
    ("name", "cards", "folder"),
    [
        ("a-e00.fits", {}, "coj/fa12/20261118/raw"),
        ("a-e91.fits", {}, "coj/fa12/20261118/processed"),
        ("a-e00.fits", {"DAY_OBS": "2026-11-18"}, "coj/fa12/20261118/raw"),
        ("bpm-91.fits", {"OBSTYPE": "BPM"}, "coj/fa12/20261118/bpm"),
    ],
)
async def test_arc_87_the_storage_path(
    archive_of: Archive, name: str, cards: dict[str, str], folder: str
) -> None:
    archive = archive_of()
    frame = await filed(archive, a_file(archive, name, **cards))
    assert key_of(frame) == f"{folder}/{name}"


async def test_arc_87_a_path_formatter_wins(archive_of: Archive) -> None:
    archive = archive_of(path_formatter="{SITEID}", required_keywords="DATE-OBS")
    frame = await filed(archive, a_file(archive, PROPID=None, BLKUID=None))
    assert key_of(frame) == f"coj/{NAME}"
    arrival = await file_away(archive, a_file(archive, "c-e00.fits", DATE_OBS=None))
    assert arrival.reason is not None
    assert "DATE-OBS" in arrival.reason
