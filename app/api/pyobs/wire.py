"""Shapes of pyobs-archive: FrameInfo, the list, the aggregate, what became of an upload.

Contract: pyobs §2, "FrameInfo". A page has up to 1000 frames: the models describe the answers, and
plain dicts make them, since to validate what comes out of the catalogue costs more than to write
it. A test holds both equal.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json
from starlette.responses import Response

from app.api.frames.wire_headers import headers_out
from app.frames.models import Facets, Frame, HeaderOfHdu, Version

SCIENCE: Final = "SCI"
"""EXTNAME of the HDU whose header is shown."""

_WITHOUT_SKY: Final = frozenset({"bias", "dark"})
"""Image types that have neither filter nor target, whatever the header says."""

_FRAME: Final[dict[str, Any]] = {
    "id": 42,
    "basename": "tlv1m0-cam1-20261119-0042-e00",
    "SITEID": "tlv",
    "TELID": "1m0a",
    "INSTRUME": "cam1",
    "RLEVEL": 0,
    "DATE_OBS": "2026-11-19T18:30:12.250Z",
    "FILTER": "V",
    "OBJECT": "M 67",
    "EXPTIME": 60.0,
    "REQNUM": "1234",
    "OBSNUM": "17",
    "OBSTYPE": "object",
    "binning": "1x1",
    "related_frames": [40, 41],
    "url": "frames/42/download/",
}


class FrameInfo(BaseModel):
    """A frame."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [_FRAME], "required": list(_FRAME)},
    )

    id: int
    """Number of the frame."""
    basename: str
    """Name, unique, without extension."""
    SITEID: str
    """Site; empty if unknown."""
    TELID: str
    """Telescope; empty if unknown."""
    INSTRUME: str
    """Instrument; empty if unknown."""
    RLEVEL: int
    """0 is raw."""
    DATE_OBS: str | None
    """Start of the exposure, UTC, to the millisecond; null only where a single frame was asked
    for whose header does not say it."""
    FILTER: str | None
    """Filter; null for none, and for bias and dark."""
    OBJECT: str | None
    """Target; null for none, and for bias and dark."""
    EXPTIME: float | None
    """Exposure time [s]; null if unknown."""
    REQNUM: str | None
    """Request, as text."""
    OBSNUM: str | None
    """Observation, as text."""
    OBSTYPE: str
    """Image type as the header gives it (IMAGETYP); empty if unknown."""
    binning: str
    """Binning, `2x2`."""
    related_frames: list[int]
    """Numbers of the frames that this one names in its header."""
    url: str
    """Of the file, relative to the base URL."""


class FrameListOut(BaseModel):
    """A page of frames."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    count: int
    """Exact number of matches, not of the frames here."""
    results: list[FrameInfo]
    """The frames of this page."""


class AggregateOut(BaseModel):
    """The distinct values within a selection, each list sorted."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    imagetypes: list[str]
    sites: list[str]
    telescopes: list[str]
    instruments: list[str]
    filters: list[str]
    """With `None` where a frame has no filter."""
    binnings: list[str]

    @classmethod
    def of(cls, facets: Facets, *, with_none: bool) -> "AggregateOut":
        """Give the wire form.

        Parameters
        ----------
        facets
            The values.
        with_none
            Whether a frame of the selection has no filter.

        Returns
        -------
        AggregateOut
            Sorted lists.
        """
        filters = {*facets.filters, *(["None"] if with_none else [])}
        return cls(
            imagetypes=list(facets.image_types),
            sites=list(facets.sites),
            telescopes=list(facets.telescopes),
            instruments=list(facets.instruments),
            filters=sorted(filters),
            binnings=list(facets.binnings),
        )


class CardOut(BaseModel):
    """A header card."""

    key: str
    value: bool | int | float | str | None


class HeadersOut(BaseModel):
    """The cards of the science HDU, sorted by keyword; undefined values are null."""

    results: list[CardOut]


class CreatedOut(BaseModel):
    """What became of an upload (PYO-50)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    created: Annotated[int, Field(examples=[1])]
    """Number of files that are frames now."""
    filenames: list[str]
    """Basenames of these frames."""
    errors: list[str] = []
    """Why others are not, each text once; only where there are such."""


def science_headers(hdus: Sequence[HeaderOfHdu], version: Version) -> HeadersOut:
    """Write the header of the science HDU (PYO-32).

    Parameters
    ----------
    hdus
        Of the file.
    version
        The file.

    Returns
    -------
    HeadersOut
        The cards of the HDU named SCI. Where no HDU has that name, those of the science HDU over
        those of the primary one: there the header of the frame is in two places.
    """
    named = next((hdu.index for hdu in hdus if hdu.name.upper() == SCIENCE), None)
    shown = headers_out(hdus, version, ext=None if named is None else str(named))
    return HeadersOut(results=[CardOut(key=card.key, value=card.value) for card in shown.results])


def frame_info(frame: Frame) -> dict[str, Any]:
    """Write a frame.

    Parameters
    ----------
    frame
        One that the caller sees.

    Returns
    -------
    dict
        As of `FrameInfo`.
    """
    facts = frame.facts
    kind = facts.image_type_raw or ""
    has_sky = kind.lower() not in _WITHOUT_SKY
    return {
        "id": frame.id,
        "basename": frame.basename,
        "SITEID": facts.site or "",
        "TELID": facts.telescope or "",
        "INSTRUME": facts.instrument or "",
        "RLEVEL": facts.reduction_level,
        "DATE_OBS": facts.observed_at and moment_text(facts.observed_at),
        "FILTER": facts.filter_name if has_sky else None,
        "OBJECT": facts.object_name if has_sky else None,
        "EXPTIME": facts.exposure_s,
        "REQNUM": facts.request_text,
        "OBSNUM": facts.observation_text,
        "OBSTYPE": kind,
        "binning": f"{facts.x_binning or 1}x{facts.y_binning or 1}",
        "related_frames": frame.named,
        "url": f"frames/{frame.id}/download/",
    }


def moment_text(moment: datetime) -> str:
    """Write a moment to the millisecond, which is left out where it is zero.

    Parameters
    ----------
    moment
        Aware.

    Returns
    -------
    str
        UTC, ``2026-11-19T18:30:12.250Z``; digits below a millisecond are cut.
    """
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return f"{text.removesuffix('.000')}Z"


def frame_list(count: int, items: Sequence[Mapping[str, Any]]) -> Response:
    """Answer with a page of frames.

    Parameters
    ----------
    count
        Number of matches.
    items
        The frames of this page, as `frame_info` writes them.

    Returns
    -------
    Response
        As of `FrameListOut`.
    """
    return json_answer({"count": count, "results": items})


def json_answer(content: object) -> Response:
    """Answer with JSON.

    Parameters
    ----------
    content
        Dicts, lists and scalars.

    Returns
    -------
    Response
        Numbers that JSON does not know are null.
    """
    return Response(to_json(content, inf_nan_mode="null"), media_type="application/json")
