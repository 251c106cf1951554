"""The spellings that observatories and camera software use, as plain tables.

A rule is ``KEYWORD``, ``KEYWORD/PARTNER`` or either with a unit, ``KEYWORD [unit]``. Within a
concept the first rule that yields a usable value counts. HIERARCH keywords are written without
that word. To teach the archive a new spelling, add it here or in the file of KEYWORDS_FILE.
"""

from app.fits.models import ObservationType

CONCEPTS: dict[str, tuple[str, ...]] = {
    "site": ("SITEID", "SITE", "SITENAME", "OBSERVAT", "DTSITE"),
    "telescope": (
        "TELID",
        "TELESCOP",
        "TELNAME",
        "ESO TEL NAME",
        "ESO TEL ID",
        "DTTELESC",
        "OBSERVAT",
    ),
    "instrument": ("INSTRUME", "ESO INS ID", "CAMERA", "CAMNAME", "DETNAM", "DETECTOR"),
    "type": (
        "OBSTYPE",
        "IMAGETYP",
        "IMAGETYPE",
        "IMGTYPE",
        "OBS_TYPE",
        "EXPTYPE",
        "DATA-TYP",
        "PICTTYPE",
        "FRAME",
        "ESO DPR TYPE",
        "ESO DPR CATG",
        "ESO GEN EXPO TYPE",
    ),
    "filter": (
        "FILTER",
        "FILTERS",
        "FILTNAM1",
        "FILTNAM2",
        "FILTER1",
        "FILTER2",
        "FILTER3",
        "FILTER4",
        "FILTER01",
        "FILTER02",
        "INSFILTE",
        "ESO INS FILT1 NAME",
        "ESO INS FILT2 NAME",
        "ESO INS OPTI-7 NAME",
        "FILTERID",
        "BAND",
        "PUPIL",
        "WAVELNTH",
    ),
    "exposure": (
        "EXPTIME",
        "EXP_TIME",
        "EXP-TIME",
        "EFFEXPTM",
        "TEXPTIME",
        "EXPOSURE",
        "EXPOSURETIME",
        "ITIME",
        "ELAPTIME",
        "ONTIME",
        "ESO DET WIN1 UIT1",
        "ESO DET DIT",
    ),
    "date": (
        "DATE-OBS",
        "DATE_OBS",
        "DATEOBS",
        "DATE-BEG",
        "DATE-STA",
        "UTC-BEG",
        "MJD-OBS [mjd]",
        "MJD_OBS [mjd]",
        "MJD-BEG [mjd]",
        "MJD-STR [mjd]",
        "MJDSTART [mjd]",
        "EXPSTART [mjd]",
        "MJDATE [mjd]",
        "JD-OBS [jd]",
        "JD [jd]",
        "TAI-BEG [tai]",
        "TAI [tai]",
        "MJD [mjd]",
        "UNIXTIME [unix]",
    ),
    "time": (
        "TIME-OBS",
        "TIME_OBS",
        "TIME-BEG",
        "UT-STR",
        "UTSTART",
        "UTC-STR",
        "UTC-OBS",
        "UT-OBS",
        "UT-TIME",
        "UT",
        "UTC",
        "UTIME",
        "TAIHMS",
    ),
    "time_scale": ("TIMESYS",),
    "night": ("DAY-OBS", "DAY_OBS", "DAYOBS"),
    "object": (
        "OBJECT",
        "OBJNAME",
        "TARGNAME",
        "TARGET",
        "TARGPROP",
        "FIELD",
        "ESO OBS TARG NAME",
        "TITLE",
    ),
    "position": (
        "TEL-RA/TEL-DEC",
        "RA/DEC",
        "TELRA/TELDEC",
        "RA_TEL/DEC_TEL",
        "RA-MNT/DEC-MNT [deg]",
        "RA_PNT/DEC_PNT [deg]",
        "RA_DEG/DEC_DEG [deg]",
        "RADEG/DECDEG [deg]",
        "RA-D/DEC-D [deg]",
        "RA_NOM/DEC_NOM [deg]",
        "OBJCTRA/OBJCTDEC",
        "OBJRA/OBJDEC",
        "RA_TARG/DEC_TARG [deg]",
        "TARG_RA/TARG_DEC [deg]",
        "RA_OBJ/DEC_OBJ [deg]",
        "CAT-RA/CAT-DEC",
        "RA2000/DEC2000",
        "CENTRA/CENTDEC",
        "ALPHA/DELTA",
    ),
    "reference_frame": ("RADESYS", "RADECSYS"),
    "equinox": ("EQUINOX", "EPOCH"),
    "binning": (
        "XBINNING/YBINNING",
        "CCDSUM",
        "BINNING",
        "CCDXBIN/CCDYBIN",
        "CCDBIN1/CCDBIN2",
        "BINAXIS1/BINAXIS2",
        "BIN-FCT1/BIN-FCT2",
        "XBIN/YBIN",
        "BINX/BINY",
        "ESO DET WIN1 BINX/ESO DET WIN1 BINY",
        "COLBIN/ROWBIN",
    ),
    "proposal": (
        "PROPID",
        "PROP_ID",
        "PROPOSID",
        "PROPOSAL",
        "PROGID",
        "PROG_ID",
        "GEMPRGID",
        "ESO OBS PROG ID",
    ),
    "request": ("REQNUM",),
    "observation": ("OBSNUM", "OBS_ID", "OBSID", "OBS-ID"),
    "block": ("BLKUID", "ESO OBS ID"),
    "user": ("USERID",),
    "level": ("RLEVEL",),
    "airmass": ("AIRMASS", "ESO TEL AIRM START", "SECZ"),
    "public_date": ("L1PUBDAT",),
    "telescope_altitude": ("TEL-ALT",),
    "telescope_azimuth": ("TEL-AZ",),
    "focus": ("TEL-FOCU",),
    "sun_altitude": ("SUNALT",),
    "sun_distance": ("SUNDIST",),
    "moon_altitude": ("MOONALT",),
    "moon_fraction": ("MOONFRAC",),
    "moon_distance": ("MOONDIST",),
    "data_mean": ("DATAMEAN",),
    "longitude": (
        "LONGITUD",
        "LONG-OBS",
        "SITELONG",
        "SITELON",
        "GEOLON",
        "OBS-LONG",
        "ESO TEL GEOLON",
        "ESO TEL LON",
    ),
    "own_name": ("FNAME", "FILENAME"),
    "related": (
        "L1AVG*",
        "L1BIAS",
        "L1DARK",
        "L1FLAT",
        "L1RAW",
        "L1IDBIAS",
        "L1IDDARK",
        "L1IDFLAT",
        "L1IDSHUT",
        "L1IDMASK",
        "L1IDFRNG",
        "L1IDCAT",
        "L1IDARC",
        "L1ID1D",
        "L1ID2D",
        "L1IDSUM",
        "TARFILE",
        "ORIGNAME",
        "ARCFILE",
        "FLATFILE",
        "GUIDETAR",
    ),
}
"""Concept -> rules, in the order in which they are tried. A star stands for any ending."""

MEANINGS: dict[str, str] = {
    "site": "Where the telescope stands.",
    "telescope": "Which telescope. ORIGIN is not looked at: it is often the software.",
    "instrument": "Which instrument or camera.",
    "type": "Image type; normalised by the table of image types, the original is kept.",
    "filter": "Filter. Empty wheel positions count only where no keyword names a filter.",
    "exposure": "Exposure time [s]; minutes, days and milliseconds where the comment says so.",
    "date": "Start of the exposure, UTC.",
    "time": "Time of day of dates that have none.",
    "time_scale": "Time scale of the dates, where their comment does not say it; else UTC.",
    "night": "Local date of the evening.",
    "object": "Target.",
    "position": "Pointing [deg], ICRS: decimal or sexagesimal, hours or degrees.",
    "reference_frame": "Reference frame of the pointing; ICRS if not said.",
    "equinox": "Equinox of the pointing; without a reference frame, before 1984 FK4, else FK5.",
    "binning": "Binning of both axes.",
    "proposal": "Proposal or programme.",
    "request": "Request number.",
    "observation": "Observation number.",
    "block": "Observing block.",
    "user": "Who submitted the request.",
    "level": "Reduction level; 0 is raw.",
    "airmass": "Airmass at the start.",
    "public_date": "When the frame becomes public, UTC.",
    "telescope_altitude": "Altitude of the telescope [deg].",
    "telescope_azimuth": "Azimuth of the telescope [deg].",
    "focus": "Focus position.",
    "sun_altitude": "Altitude of the Sun [deg].",
    "sun_distance": "Distance to the Sun [deg].",
    "moon_altitude": "Altitude of the Moon [deg].",
    "moon_fraction": "Illuminated fraction of the Moon, 0 to 1.",
    "moon_distance": "Distance to the Moon [deg].",
    "data_mean": "Mean of the pixel values.",
    "longitude": "Longitude of the telescope [deg], for the night; its sign is checked.",
    "own_name": "The name of the file itself, which is not related to itself.",
    "related": "Frames that this one was made from or belongs to.",
}

_WORDS_OF_TYPES: dict[ObservationType, str] = {
    ObservationType.BIAS: "bias, bias frame, master bias, zero, zero frame, offset",
    ObservationType.DARK: "dark, dark frame, master dark, dark current",
    ObservationType.SKYFLAT: "sky flat, flat, flat frame, flat field, master flat, twilight flat,"
    " twilight, dusk flat, dawn flat, flat sky, flat twilight, sflat, flat off",
    ObservationType.LAMPFLAT: "lamp flat, dome flat, internal flat, flat lamp, flat dome, dflat,"
    " flat on, led flat",
    ObservationType.ARC: "arc, arc frame, comp, comparison, wave, wave arc, lamp wave, lamp arc",
    ObservationType.EXPOSE: "expose, object, light, light frame, master light, science, sci,"
    " target, ext, imaging, acquisition, acquire, acq, sky, obj, survey, integration,"
    " repeat expose",
    ObservationType.SPECTRUM: "spectrum, spectroscopy, spectroscopic, object spectrum,"
    " repeat spectrum, nres spectrum, repeat nres spectrum",
    ObservationType.STANDARD: "standard, std, standard star, std flux, photometric standard",
    ObservationType.GUIDE: "guide, guiding, guider, autoguide",
    ObservationType.TRAILED: "trailed, trail",
    ObservationType.BPM: "bpm, bad pixel mask, badpix",
    ObservationType.CATALOG: "catalog, catalogue",
    ObservationType.EXPERIMENTAL: "experimental, focus, test, engineering, other, pointing,"
    " tricolor, auto focus",
}


def squeezed(text: str) -> str:
    """Reduce a word to what is compared.

    Parameters
    ----------
    text
        As it stands in a header or table.

    Returns
    -------
    str
        Its letters and digits, lower case: ``Light Frame``, ``LIGHT-FRAME`` and ``lightframe``
        are the same.
    """
    return "".join(character for character in text.casefold() if character.isalnum())


IMAGE_TYPES: dict[str, ObservationType] = {
    squeezed(word): kind for kind, words in _WORDS_OF_TYPES.items() for word in words.split(",")
}
"""Squeezed word -> type."""

NULL_WORDS = (
    "",
    "N/A",
    "NA",
    "NAN",
    "NONE",
    "NULL",
    "UNKNOWN",
    "UNSPECIFIED",
    "UNDEFINED",
    "INDEF",
    "NOT SET",
    "NOTPRESENT",
    "NOT PRESENT",
    "NO VALUE",
    "-",
    "--",
    "?",
    "???",
)
"""Words that mean that nothing is said; case does not count."""

RAW_TYPE_KEYWORDS = frozenset({"IMAGETYP", "IMAGETYPE"})
"""Whose text is kept as it is beside the normalised type."""

PURE_TYPE_KEYWORDS = frozenset({"IMAGETYP", "IMAGETYPE", "OBSTYPE"})
"""Hold nothing but image types: a word there that no table knows is an EXPERIMENTAL frame. Other
keywords of the concept, such as FRAME, have other uses, too, and must hold a known word."""

CLEAR_WORDS = ("CLEAR", "AIR", "OPEN", "EMPTY", "FREE", "NO FILTER", "OUT", "BLANK", "HOLE")
"""Words for a wheel position without a filter; also with a short ending, as in CLEAR2L, open2-8."""
