"""The synthetic frames: valid files, true WCS, relations that resolve, and the promised variety."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from app.fits.simulate import SampleFrame, sample_frames, write_samples

LAST_NIGHT = date(2026, 11, 18)
# fmt: off
REQUIRED = {
    "SITEID", "TELID", "INSTRUME", "OBSTYPE", "IMAGETYP", "DATE-OBS", "DAY-OBS", "UTSTART",
    "EXPTIME", "FILTER", "OBJECT", "TEL-ALT", "TEL-AZ", "TEL-FOCU", "SUNALT", "MOONALT",
    "MOONFRAC", "MOONDIST", "AIRMASS", "XBINNING", "YBINNING", "PROPID", "REQNUM", "OBSNUM",
    "BLKUID", "RLEVEL", "GAIN", "RDNOISE", "SATURATE", "MJD-OBS", "LONGITUD", "LATITUDE",
    "HEIGHT", "FNAME", "CHECKSUM", "DATASUM",
}
# fmt: on
POSITION = ("RA", "DEC", "TEL-RA", "TEL-DEC", "RADESYS", "EQUINOX")
RELATIONS = ("L1RAW", "L1BIAS", "L1DARK", "L1FLAT")


@pytest.fixture(scope="module")
def frames() -> list[SampleFrame]:
    return list(sample_frames(24, last_night=LAST_NIGHT))


@pytest.fixture(scope="module")
def headers(frames: list[SampleFrame]) -> dict[str, fits.Header]:
    return {frame.name.removesuffix(".fits"): science_header(frame) for frame in frames}


@contextmanager
def opened(frame: SampleFrame) -> Iterator[fits.HDUList]:
    with fits.open(BytesIO(frame.content), checksum=True) as hdus:
        yield hdus


def science_header(frame: SampleFrame) -> fits.Header:
    with opened(frame) as hdus:
        return hdus["SCI" if "SCI" in hdus else 0].header


def test_frames_are_valid_and_their_checksums_hold(frames: list[SampleFrame]) -> None:
    for frame in frames:
        with opened(frame) as hdus:
            hdus.verify("exception")
            assert [hdu.name for hdu in hdus] in (["PRIMARY"], ["PRIMARY", "SCI", "CAT"])
            assert all(hdu.verify_checksum() == hdu.verify_datasum() == 1 for hdu in hdus)


def test_headers_are_complete(headers: dict[str, fits.Header]) -> None:
    for name, header in headers.items():
        assert not REQUIRED - set(header), name
        has_sky = header["OBSTYPE"] in {"SKYFLAT", "EXPOSE"}
        assert all((key in header) is has_sky for key in POSITION), name
        assert header["FNAME"] == f"{name}.fits"


def test_the_default_count_shows_everything(headers: dict[str, fits.Header]) -> None:
    kinds = Counter((header["OBSTYPE"], header["RLEVEL"]) for header in headers.values())
    assert kinds["BIAS", 0] >= 2
    assert kinds["DARK", 0] >= 2
    assert kinds["SKYFLAT", 0] >= 2
    assert kinds["EXPOSE", 91] >= 4
    raws = [h for h in headers.values() if (h["OBSTYPE"], h["RLEVEL"]) == ("EXPOSE", 0)]
    assert len({header["FILTER"] for header in raws}) >= 3
    for key, least in {"SITEID": 2, "TELID": 2, "DAY-OBS": 2, "OBJECT": 4}.items():
        assert len({header[key] for header in headers.values()}) >= least, key


def test_science_is_public_and_proprietary(headers: dict[str, fits.Header]) -> None:
    dates = {header["L1PUBDAT"] for header in headers.values() if "L1PUBDAT" in header}
    assert min(dates) < LAST_NIGHT.isoformat() < max(dates)


@pytest.mark.parametrize("count", [1, 5, 24, 60])
def test_relations_resolve_to_frames_that_came_before(count: int) -> None:
    known: set[str] = set()
    for frame in sample_frames(count, last_night=LAST_NIGHT):
        header = science_header(frame)
        if header["RLEVEL"]:
            assert {header[key] for key in RELATIONS} <= known
            assert header["L1IDBIAS"] == f"{header['L1BIAS']}.fits"
        known.add(frame.name.removesuffix(".fits"))
    assert len(known) == count


def test_a_flat_has_the_filter_of_its_science(headers: dict[str, fits.Header]) -> None:
    reduced = [header for header in headers.values() if header["RLEVEL"]]
    for header in reduced:
        for key in ("L1RAW", "L1FLAT"):
            assert headers[header[key]]["FILTER"] == header["FILTER"]


def test_wcs_puts_the_stars_where_the_catalogue_says(frames: list[SampleFrame]) -> None:
    reduced = [frame for frame in frames if frame.name.endswith("-e91.fits")]
    for frame in reduced:
        with opened(frame) as hdus:
            image, sources = hdus["SCI"].data, hdus["CAT"].data
            wcs = WCS(hdus["SCI"].header)
        assert list(sources["flux"]) == sorted(sources["flux"], reverse=True)
        x_px, y_px = wcs.wcs_world2pix(sources["ra"], sources["dec"], 1)
        assert np.allclose(x_px, sources["x"], atol=1e-6)
        assert np.allclose(y_px, sources["y"], atol=1e-6)
        column, row = int(np.rint(x_px[0])) - 1, int(np.rint(y_px[0])) - 1
        around = image[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
        assert image[row, column] > 0.6 * around.max()
        assert image[row, column] > np.median(image) + 50 * np.std(image[image < np.median(image)])


def test_the_fields_straddle_ra_0_and_lie_at_the_pole(frames: list[SampleFrame]) -> None:
    corners = {}
    for frame in frames:
        header = science_header(frame)
        if header["OBSTYPE"] == "EXPOSE":
            corners[header["OBJECT"]] = WCS(header).calc_footprint()
    ra_deg = corners["Equinox Field"][:, 0]
    assert ra_deg.min() < 1
    assert ra_deg.max() > 359
    assert max(np.abs(corner[:, 1]).max() for corner in corners.values()) > 89


def test_raw_frames_are_unsigned_and_saturate(frames: list[SampleFrame]) -> None:
    brightest = 0
    for frame in frames:
        with opened(frame) as hdus:
            if len(hdus) == 1:
                assert hdus[0].data.dtype == np.uint16
                brightest = max(brightest, int(hdus[0].data.max()))
            else:
                assert hdus["SCI"].data.dtype == np.dtype(">f4")
                assert np.isfinite(hdus["SCI"].data).all()
    assert brightest == 65535


def test_times_are_of_the_night(headers: dict[str, fits.Header]) -> None:
    for header in headers.values():
        start = datetime.fromisoformat(header["DATE-OBS"])
        local = start + timedelta(hours=header["LONGITUD"] / 15)
        night = datetime.strptime(header["DAY-OBS"], "%Y%m%d")  # noqa: DTZ007  # a local date
        assert timedelta(hours=12) <= local - night < timedelta(hours=36)
        days = (start - datetime(1858, 11, 17)) / timedelta(days=1)  # noqa: DTZ001  # as DATE-OBS
        assert header["MJD-OBS"] == pytest.approx(days, abs=2e-8)
        assert header["DATE-OBS"].endswith(header["UTSTART"])


def test_the_sky_is_dark_and_the_target_is_up(headers: dict[str, fits.Header]) -> None:
    science = [header for header in headers.values() if header["OBSTYPE"] == "EXPOSE"]
    for header in science:
        assert header["SUNALT"] < -15
        assert header["TEL-ALT"] > 25
        zenith_deg = 90 - header["TEL-ALT"]
        assert header["AIRMASS"] == pytest.approx(1 / np.cos(np.radians(zenith_deg)), rel=0.01)
        assert 0 <= header["MOONFRAC"] <= 1


def test_a_frame_depends_on_seed_and_night_alone(frames: list[SampleFrame]) -> None:
    assert list(sample_frames(10, last_night=LAST_NIGHT)) == frames[:10]
    one = next(sample_frames(1, last_night=LAST_NIGHT, seed=7))
    assert one.name == frames[0].name
    assert one.content != frames[0].content


def test_the_first_two_dozen_are_small(frames: list[SampleFrame]) -> None:
    assert sum(len(frame.content) for frame in frames) < 20_000_000


def test_written_files_appear_complete_and_in_order(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    written = write_samples(inbox, 3, last_night=LAST_NIGHT)
    assert sorted(inbox.iterdir()) == sorted(written)
    expected = [frame.content for frame in sample_frames(3, last_night=LAST_NIGHT)]
    assert [path.read_bytes() for path in written] == expected
    assert all(a.stat().st_mtime_ns <= b.stat().st_mtime_ns for a, b in pairwise(written))


def test_no_frames_are_no_frames(tmp_path: Path) -> None:
    assert write_samples(tmp_path, 0, last_night=LAST_NIGHT) == []
