"""Header cards of synthetic frames, in the manner of the LCO and pyobs archives."""

from datetime import datetime, timedelta

from astropy import units as u
from astropy.coordinates import Angle
from astropy.wcs import WCS

from app.fits.models import ObservationType
from app.fits.simulate.plan import Exposure, Session, Shot

Value = str | int | float
Card = tuple[str, Value, str]

_MJD_EPOCH = datetime.fromisoformat("1858-11-17T00:00:00+00:00")
_IMAGE_TYPES = {
    ObservationType.BIAS: "bias",
    ObservationType.DARK: "dark",
    ObservationType.SKYFLAT: "skyflat",
    ObservationType.EXPOSE: "object",
}


def frame_cards(shot: Shot, level: int) -> list[Card]:
    """Write the cards that raw and reduced frames share.

    Parameters
    ----------
    shot
        The exposure.
    level
        Reduction level; 0 is raw.

    Returns
    -------
    list of (keyword, value, comment)
        Without the WCS and without those that describe the data array.
    """
    return [
        ("ORIGIN", "Skyshelf sample", "Synthetic frame; no telescope saw this"),
        ("FNAME", f"{shot.basename(level)}.fits", "Name of this file"),
        ("ORIGNAME", f"{shot.basename()}.fits", "Name of the raw frame"),
        ("RLEVEL", level, "Reduction level, 0 is raw"),
        *_site_cards(shot),
        *_observation_cards(shot),
        *_time_cards(shot),
        *_program_cards(shot),
        *_pointing_cards(shot),
        *_sky_cards(shot),
    ]


def detector_cards(shot: Shot, level: int) -> list[Card]:
    """Describe the pixels of a frame.

    Parameters
    ----------
    shot
        The exposure.
    level
        Reduction level; above 0 pixels are electrons.

    Returns
    -------
    list of (keyword, value, comment)
        Gain, noise, saturation, binning and sections.
    """
    camera = shot.camera
    gain = 1.0 if level else camera.gain_e_per_adu
    saturation = round(camera.saturation_adu * camera.gain_e_per_adu / gain)
    section = f"[1:{camera.width_px},1:{camera.height_px}]"
    return [
        ("BUNIT", "electron" if level else "adu", "Unit of the pixels"),
        ("GAIN", gain, "[electrons/count] Pixel gain"),
        ("RDNOISE", camera.read_noise_e, "[electrons/pixel] Read noise"),
        ("SATURATE", saturation, "[count] Saturation level"),
        ("XBINNING", camera.binning, "Binning in x"),
        ("YBINNING", camera.binning, "Binning in y"),
        ("CCDSUM", f"{camera.binning} {camera.binning}", "On-chip summing"),
        ("PIXSCALE", camera.scale_arcsec, "[arcsec/pixel] Pixel scale"),
        ("DATASEC", section, "[binned pixel] Data section"),
        ("TRIMSEC", section, "[binned pixel] Section of useful data"),
        ("CCDATEMP", -95.0, "[deg C] Temperature of the detector"),
    ]


def reduction_cards(session: Session, shot: Exposure, flat: Shot) -> list[Card]:
    """Relate a reduced frame to its raw frame and calibrations.

    Parameters
    ----------
    session
        Where bias and dark come from.
    shot
        The exposure that was reduced.
    flat
        The flat field of its filter.

    Returns
    -------
    list of (keyword, value, comment)
        L1 keywords of pyobs (basenames) and of LCO (file names).
    """
    bias, dark = session.bias.basename(), session.dark.basename()
    return [
        ("L1RAW", shot.basename(), "Raw frame"),
        ("L1BIAS", bias, "Bias frame"),
        ("L1DARK", dark, "Dark frame"),
        ("L1FLAT", flat.basename(), "Flat field"),
        ("L1IDBIAS", f"{bias}.fits", "ID of the bias frame"),
        ("L1IDDARK", f"{dark}.fits", "ID of the dark frame"),
        ("L1IDFLAT", f"{flat.basename()}.fits", "ID of the flat field"),
        ("L1STATBI", 1, "Bias was corrected"),
        ("L1STATDA", 1, "Dark current was corrected"),
        ("L1STATFL", 1, "Flat field was corrected"),
        ("L1PUBDAT", _iso(shot.start + _proprietary(shot)), "[UTC] Date the frame becomes public"),
    ]


def wcs_cards(wcs: WCS) -> list[Card]:
    """Write a celestial WCS with a CD matrix, which all readers understand.

    Parameters
    ----------
    wcs
        A plain projection, in degrees.

    Returns
    -------
    list of (keyword, value, comment)
        FITS standard 4.0, section 8.
    """
    axes = (1, 2)
    (ra_deg, dec_deg), (x, y), matrix = wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cd
    return [
        ("WCSAXES", 2, "Number of WCS axes"),
        *((f"CTYPE{n}", wcs.wcs.ctype[n - 1], "Gnomonic projection") for n in axes),
        *((f"CUNIT{n}", "deg", "Unit of the axis") for n in axes),
        ("CRVAL1", float(ra_deg), "[deg] Right ascension of the reference pixel"),
        ("CRVAL2", float(dec_deg), "[deg] Declination of the reference pixel"),
        ("CRPIX1", float(x), "[pixel] Reference pixel"),
        ("CRPIX2", float(y), "[pixel] Reference pixel"),
        *((f"CD{i}_{j}", float(matrix[i - 1, j - 1]), "[deg/pixel]") for i in axes for j in axes),
    ]


def _site_cards(shot: Shot) -> list[Card]:
    camera, site = shot.camera, shot.camera.site
    return [
        ("SITEID", site.code, "ID code of the site"),
        ("SITE", site.name, "Name of the site"),
        ("ENCID", camera.enclosure, "ID code of the enclosure"),
        ("TELID", camera.telescope_code, "ID code of the telescope"),
        ("TELESCOP", camera.telescope, "Name of the telescope"),
        ("INSTRUME", camera.instrument, "Instrument used"),
        ("LATITUDE", site.latitude_deg, "[deg North] Telescope latitude"),
        ("LONGITUD", site.longitude_deg, "[deg East] Telescope longitude"),
        ("HEIGHT", site.height_m, "[m] Altitude above the ellipsoid"),
    ]


def _observation_cards(shot: Shot) -> list[Card]:
    return [
        ("OBSTYPE", shot.kind.value, "Observation type"),
        ("IMAGETYP", _IMAGE_TYPES[shot.kind], "Image type"),
        ("OBJECT", shot.target.name if isinstance(shot, Exposure) else "N/A", "Name of the target"),
        ("EXPTIME", shot.exposure_s, "[s] Exposure length"),
        ("FILTER", shot.filter_name, "Filter used"),
        ("FRAMENUM", shot.number, "Running number of the night"),
    ]


def _time_cards(shot: Shot) -> list[Card]:
    stop = shot.start + timedelta(seconds=shot.exposure_s)
    mjd_day = (shot.start - _MJD_EPOCH) / timedelta(days=1)
    return [
        ("TIMESYS", "UTC", "Time system used"),
        ("DATE", _iso(stop + timedelta(seconds=20)), "[UTC] Date of file creation"),
        ("DATE-OBS", _iso(shot.start), "[UTC] Start of the exposure"),
        ("DAY-OBS", f"{shot.night:%Y%m%d}", "Local date at the start of the night"),
        ("UTSTART", _iso(shot.start)[11:], "[UTC] Start of the exposure"),
        ("UTSTOP", _iso(stop)[11:], "[UTC] End of the exposure"),
        ("MJD-OBS", round(mjd_day, 8), "[UTC days] Start of the exposure"),
    ]


def _program_cards(shot: Shot) -> list[Card]:
    """Give a number to the block of a night and to each request; calibrations have none."""
    block = shot.night.toordinal() * 10 + int(shot.camera.instrument[-1])
    proposal = "calibrate"
    request: Value = "N/A"
    observation: Value = "N/A"
    if isinstance(shot, Exposure):
        proposal = shot.target.proposal
        request, observation = block * 10 + shot.number, shot.number
    return [
        ("PROPID", proposal, "Proposal ID"),
        ("USERID", "sample", "User ID"),
        ("BLKUID", block, "Block ID"),
        ("REQNUM", request, "Request number"),
        ("OBSNUM", observation, "Number within the request"),
    ]


def _pointing_cards(shot: Shot) -> list[Card]:
    """Point; a closed telescope sees no position of the sky."""
    sky = shot.circumstances
    cards: list[Card] = [
        ("TEL-ALT", round(sky.altitude_deg, 5), "[deg] Altitude of the telescope"),
        ("TEL-AZ", round(sky.azimuth_deg, 5), "[deg] Azimuth, north over east"),
        ("TEL-FOCU", 11.2 + round(0.01 * shot.number, 2), "[mm] Focus position"),
        ("AIRMASS", round(sky.airmass, 5), "Airmass at the start"),
    ]
    if shot.kind in {ObservationType.BIAS, ObservationType.DARK}:
        return cards
    hours = Angle(sky.ra_deg, u.deg)
    right_ascension = hours.to_string(u.hourangle, sep=":", precision=3, pad=True)
    declination = Angle(sky.dec_deg, u.deg).to_string(
        sep=":", precision=2, pad=True, alwayssign=True
    )
    return [
        ("RA", right_ascension, "[HH:MM:SS.sss] Pointing, right ascension"),
        ("DEC", declination, "[sDD:MM:SS.ss] Pointing, declination"),
        ("RADESYS", "ICRS", "Coordinate system"),
        ("EQUINOX", 2000.0, "[yr] Equinox of the coordinates"),
        ("TEL-RA", round(sky.ra_deg, 7), "[deg] Pointing, right ascension"),
        ("TEL-DEC", round(sky.dec_deg, 7), "[deg] Pointing, declination"),
        *cards,
    ]


def _sky_cards(shot: Shot) -> list[Card]:
    sky = shot.circumstances
    return [
        ("SUNALT", round(sky.sun_altitude_deg, 4), "[deg] Altitude of the Sun"),
        ("SUNDIST", round(sky.sun_distance_deg, 4), "[deg] Distance to the Sun"),
        ("MOONALT", round(sky.moon_altitude_deg, 4), "[deg] Altitude of the Moon"),
        ("MOONDIST", round(sky.moon_distance_deg, 4), "[deg] Distance to the Moon"),
        ("MOONFRAC", round(sky.moon_fraction, 4), "[(0-1)] Illuminated fraction of the Moon"),
    ]


def _proprietary(shot: Exposure) -> timedelta:
    """Keep science for a year, but standard fields not at all."""
    return timedelta(days=0 if shot.target.proposal == "standard" else 365)


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")
