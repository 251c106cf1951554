"""What follows from a header and an area as clients post them."""

from collections.abc import Mapping

from app.core.sky import Vector, normalized, position_deg, unit_vector
from app.fits.models import Footprint, HeaderValue


def shape_of(header: Mapping[str, HeaderValue]) -> tuple[int, ...]:
    """Give the axes of the image, as its header tells them; those of a packed one come first.

    Parameters
    ----------
    header
        Keyword -> value.

    Returns
    -------
    tuple of int
        Width and height [pixel]; empty where they are not told.
    """
    for prefix in ("ZNAXIS", "NAXIS"):
        axes = [header.get(f"{prefix}{number}") for number in (1, 2)]
        lengths = [axis for axis in axes if isinstance(axis, int) and axis > 0]
        if len(lengths) == len(axes):
            return tuple(lengths)
    return ()


def footprint_of(area_deg: tuple[tuple[float, float], ...]) -> Footprint:
    """Give an area its centre: the direction of the mean of its vertices.

    Parameters
    ----------
    area_deg
        ``(n, 2)`` vertices [deg], ICRS, not closed.

    Returns
    -------
    Footprint
        With a centre.
    """
    vertices = [unit_vector(*vertex) for vertex in area_deg]
    mean = normalized(Vector(*(sum(axis) for axis in zip(*vertices, strict=True))))
    ra_deg, dec_deg = position_deg(mean)
    return Footprint(area_deg, ra_deg, dec_deg, 0.0)
