"""A reading → what the catalogue says of the frame."""

from app.fits.keyword_tables import RAW_TYPE_KEYWORDS
from app.fits.models import HduKind, Metadata, ObservationType, Reading
from app.frames.models import FrameFacts, HeaderOfHdu
from app.ingest.publicity import Publicity

_SAME = (
    "telescope", "instrument", "filter_name", "exposure_s", "observed_at",
    "night", "object_name", "proposal", "reduction_level", "x_binning", "y_binning", "airmass",
    "telescope_altitude_deg", "telescope_azimuth_deg", "focus", "sun_altitude_deg",
    "sun_distance_deg", "moon_altitude_deg", "moon_fraction", "moon_distance_deg", "data_mean",
)  # fmt: skip
_MAX_INTEGER = 2**63 - 1
_CATALOG = "CAT"


def facts_of(
    reading: Reading,
    publicity: Publicity,
    *,
    default_site: str,
    center_is_pointing: bool = False,
) -> FrameFacts:
    """Tell what the catalogue says of a frame.

    Parameters
    ----------
    reading
        What the file says.
    publicity
        Who may see it.
    default_site
        Site of frames whose header names none.
    center_is_pointing
        Whether the pointing is the centre, also where there is a footprint.

    Returns
    -------
    FrameFacts
        The frame's centre is that of its footprint, else the pointing.
    """
    metadata, footprint = reading.metadata, reading.footprint
    width_px, height_px = _size(reading)
    center = (metadata.ra_deg, metadata.dec_deg)
    if footprint is not None and not (center_is_pointing and metadata.ra_deg is not None):
        center = (footprint.center_ra_deg, footprint.center_dec_deg)
    return FrameFacts(
        **{name: getattr(metadata, name) for name in _SAME},
        site=metadata.site or default_site,
        observation_type=metadata.observation_type,
        image_type_raw=_type_text(metadata),
        day_obs=metadata.day_obs or metadata.night,
        request_text=metadata.request_id,
        request_id=_number(metadata.request_id),
        observation_text=metadata.observation_id,
        block_id=_number(metadata.block_id),
        submitter=metadata.user_id,
        width_px=width_px,
        height_px=height_px,
        ra_deg=center[0],
        dec_deg=center[1],
        area_deg=None if footprint is None else footprint.vertices_deg,
        public_at=publicity.public_at,
        is_internal=publicity.is_internal,
        has_catalog=has_catalog(reading),
    )


def headers_of(reading: Reading) -> tuple[HeaderOfHdu, ...]:
    """Give the header cards of every HDU as values that JSON holds.

    Parameters
    ----------
    reading
        What the file says.

    Returns
    -------
    tuple of HeaderOfHdu
        In the order of the file.
    """
    return tuple(
        HeaderOfHdu(
            index=hdu.index,
            name=hdu.name,
            kind=hdu.kind,
            cards=tuple((card.keyword, card.value, card.comment) for card in hdu.cards),
        )
        for hdu in reading.hdus
    )


def has_catalog(reading: Reading) -> bool:
    """Tell whether a file holds a source catalogue.

    Parameters
    ----------
    reading
        What the file says.

    Returns
    -------
    bool
        True if one of its HDUs is a table of that name.
    """
    return any(hdu.kind is HduKind.TABLE and hdu.name == _CATALOG for hdu in reading.hdus)


def pyobs_type(kind: str | None) -> str | None:
    """Word a class of LCO as pyobs words image types.

    Parameters
    ----------
    kind
        OBSTYPE of LCO; None for none.

    Returns
    -------
    str or None
        IMAGETYP of pyobs: ``object`` for ``EXPOSE``, else lower case.
    """
    if kind is None:
        return None
    return "object" if kind == ObservationType.EXPOSE else kind.lower()


def _size(reading: Reading) -> tuple[int | None, int | None]:
    """Give width and height of the science image [pixel]."""
    science = reading.science
    if science is None or not science.shape:
        return None, None
    axes = [axis if axis <= _MAX_INTEGER else None for axis in science.shape[:2]]
    return axes[0], (axes[1] if len(axes) > 1 else 1)


def _type_text(metadata: Metadata) -> str | None:
    """Give the image type as the header words it, and a class of LCO as pyobs words it.

    Contract: shared model §3, mapping rules.
    """
    text, kind = metadata.image_type_raw, metadata.observation_type
    if kind is None or text != kind or metadata.sources.get("type") in RAW_TYPE_KEYWORDS:
        return text
    return pyobs_type(kind)


def _number(text: str | None) -> int | None:
    """Read an identifier as a number, where it is one that the database holds."""
    if text is None or not (text.isascii() and text.isdecimal()):
        return None
    return number if (number := int(text)) <= _MAX_INTEGER else None
