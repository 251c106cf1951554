"""Shapes of the LCO archive (contract: LCO archive §2, §5, §6)."""

from datetime import datetime
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict

from app.api.frames import examples
from app.api.frames.wire_headers import Scalar
from app.api.frames.wire_items import ItemOut
from app.frames.models import Facets

_OF_THE_ROOT: Final = ("night", "IMAGETYP", "OBSNUM", "binning", "size_bytes", "md5", "sha256")
_EXAMPLE: Final = {
    name: value for name, value in examples.FRAME.items() if name not in _OF_THE_ROOT
}


def _config(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(use_attribute_docstrings=True, json_schema_extra={"examples": [example]})


class FrameOut(ItemOut):
    """A frame. Members in capitals are the same values under the names of FITS."""

    model_config = _config(_EXAMPLE)

    request_id: int | None
    """Number of the request."""
    REQNUM: int | None


class FrameListOut(BaseModel):
    """A page of frames."""

    model_config = _config(examples.FRAMES | {"results": [_EXAMPLE]})

    count: int
    """Exact number of matches; absent with `pagination_style=cursor`."""
    next: str | None
    """URL of the next page."""
    previous: str | None
    """URL of the previous page."""
    results: list[FrameOut]
    """The frames of this page."""
    count_estimated: bool
    """Always false; absent with `pagination_style=cursor`."""


class HeadersOut(BaseModel):
    """The header of a frame."""

    model_config = _config({"data": examples.HEADERS["data"]})

    data: dict[str, Scalar]
    """Values by keyword; keywords with a hyphen also with an underscore."""


class AggregateOut(BaseModel):
    """The distinct values within a selection, each list sorted."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    sites: list[str]
    telescopes: list[str]
    filters: list[str]
    instruments: list[str]
    obstypes: list[str]
    """Classes of image types."""
    proposals: list[str]
    generated_at: datetime
    """When, UTC."""

    @classmethod
    def of(cls, facets: Facets, now: datetime) -> Self:
        """Give the wire form."""
        return cls(
            sites=list(facets.sites),
            telescopes=list(facets.telescopes),
            filters=list(facets.filters),
            instruments=list(facets.instruments),
            obstypes=list(facets.observation_types),
            proposals=list(facets.proposals),
            generated_at=now,
        )
