"""Plan observing sessions: one camera, one night, calibrations first."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from app.fits.models import ObservationType
from app.fits.simulate.ephemeris import Circumstances, altitudes_deg, night_of, on_sky, over_horizon
from app.fits.simulate.observatory import CAMERAS, TARGETS, Camera, Site, Target

_LOWEST_DEG = 27.0
_ARCHIVED_DAYS = 380  # older than a year, so that these frames are public
_PARKED_DEG = (45.0, 0.0)  # altitude, azimuth
_EVENLY_LIT_DEG = (75.0, 90.0)  # opposite to the set Sun the twilight has the least gradient
_LETTERS = {
    ObservationType.BIAS: "b",
    ObservationType.DARK: "d",
    ObservationType.SKYFLAT: "f",
    ObservationType.EXPOSE: "e",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One exposure; of a calibration if it is not an `Exposure`.

    Attributes
    ----------
    camera, night, number
        Camera, local noon-to-noon date, and running number of the night: together unique.
    kind
        BIAS, DARK, SKYFLAT or EXPOSE.
    start
        Aware, UTC.
    exposure_s
        Exposure time [s].
    filter_name
        Filter in the beam; for bias and dark the one that happened to be there.
    circumstances
        Pointing, Sun and Moon at the start.
    """

    camera: Camera
    night: date
    number: int
    kind: ObservationType
    start: datetime
    exposure_s: float
    filter_name: str
    circumstances: Circumstances

    def basename(self, level: int = 0) -> str:
        """Name the frame: site and telescope, instrument, night, number, type and level.

        Parameters
        ----------
        level
            Reduction level; 0 is raw.

        Returns
        -------
        str
            Without extension.
        """
        camera = self.camera
        telescope = camera.telescope.replace("-", "")
        return (
            f"{camera.site.code}{telescope}-{camera.instrument}-{self.night:%Y%m%d}"
            f"-{self.number:04d}-{_LETTERS[self.kind]}{level:02d}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure(Shot):
    """An exposure of the sky at night.

    Attributes
    ----------
    target
        The field that it looks at.
    """

    target: Target


@dataclass(frozen=True, slots=True)
class Session:
    """What one camera does in one night.

    Attributes
    ----------
    bias, dark
        Calibrations of the afternoon.
    flats, science
        A twilight flat and an exposure of a target for each filter, in the same order.
    """

    bias: Shot
    dark: Shot
    flats: tuple[Shot, ...]
    science: tuple[Exposure, ...]


def sessions(last_night: date) -> Iterator[Session]:
    """Plan sessions without end, in turn of a recent night and of one more than a year ago.

    Parameters
    ----------
    last_night
        Local date of the newest session.

    Yields
    ------
    Session
        Cameras follow each other; fields seldom seen come first.
    """
    seen: Counter[str] = Counter()
    index = 0
    while True:
        age_days = index + (_ARCHIVED_DAYS if index % 2 else 0)
        yield _session(CAMERAS[index % len(CAMERAS)], last_night - timedelta(days=age_days), seen)
        index += 1


def _session(camera: Camera, night: date, seen: Counter[str]) -> Session:
    """Plan the afternoon, the evening twilight and the exposures spread over the dark hours."""
    moments = night_of(camera.site, night)
    dark_hours = moments.dawn - moments.dusk
    count = len(camera.filters)
    flats = [
        _flat(camera, night, n, moments.flats_at + timedelta(minutes=3 * n)) for n in range(count)
    ]
    science = [
        _exposure(camera, night, n, moments.dusk + dark_hours * (n + 1) / (count + 1), seen)
        for n in range(count)
    ]
    bias, dark = _closed(camera, night, moments.flats_at - timedelta(hours=1.5))
    return Session(bias, dark, tuple(flats), tuple(science))


def _closed(camera: Camera, night: date, start: datetime) -> tuple[Shot, Shot]:
    """Take a bias and a dark, with the shutter closed and the telescope parked."""
    bias = Shot(
        camera=camera,
        night=night,
        number=1,
        kind=ObservationType.BIAS,
        start=start,
        exposure_s=0.0,
        filter_name=camera.filters[0],
        circumstances=over_horizon(camera.site, start, *_PARKED_DEG),
    )
    later = start + timedelta(minutes=4)
    return bias, replace(
        bias,
        number=2,
        kind=ObservationType.DARK,
        start=later,
        exposure_s=300.0,
        circumstances=over_horizon(camera.site, later, *_PARKED_DEG),
    )


def _flat(camera: Camera, night: date, n: int, start: datetime) -> Shot:
    """Expose the twilight sky in the n-th filter; the sky fades from flat to flat."""
    return Shot(
        camera=camera,
        night=night,
        number=3 + n,
        kind=ObservationType.SKYFLAT,
        start=start,
        exposure_s=4.0 + 2.5 * n,
        filter_name=camera.filters[n],
        circumstances=over_horizon(camera.site, start, *_EVENLY_LIT_DEG),
    )


def _exposure(camera: Camera, night: date, n: int, start: datetime, seen: Counter[str]) -> Exposure:
    """Expose, in the n-th filter, the field that is up and was seen least."""
    target = _choose(camera.site, start, seen)
    seen[target.name] += 1
    return Exposure(
        camera=camera,
        night=night,
        number=3 + len(camera.filters) + n,
        kind=ObservationType.EXPOSE,
        start=start,
        exposure_s=60.0 if camera.aperture_m >= 1 else 180.0,
        filter_name=camera.filters[n],
        circumstances=on_sky(camera.site, start, target.ra_deg, target.dec_deg),
        target=target,
    )


def _choose(site: Site, moment: datetime, seen: Counter[str]) -> Target:
    heights_deg = altitudes_deg(site, moment, TARGETS)
    up = [target for target, alt in zip(TARGETS, heights_deg, strict=True) if alt > _LOWEST_DEG]
    return min(up, key=lambda target: seen[target.name])
