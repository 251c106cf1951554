"""Names and shapes of the LCO thumbnail service."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from starlette.responses import Response

from app.api.problem_forms import LenientJSON, Problem
from app.api.validation import Given, Text
from app.previews.thumbnail_models import (
    DEFAULT_BOX_PX,
    DEFAULT_CAP_PX,
    DEFAULT_PERCENTILE,
    DEFAULT_QUALITY,
    ThumbnailSpec,
)

NOT_FOUND = "Not found"
CHANNELS_NOT_FOUND = "RVB frames not found"
_CHANNEL_MISSING = "urn:skyshelf:problem:channel-missing"


def _whole(default: int, highest: int) -> Any:  # noqa: ANN401  # a type
    limits = {"minimum": 1, "maximum": highest, "default": default}
    return WithJsonSchema({"type": "integer", **limits})


class ThumbnailIn(BaseModel):
    """What a thumbnail shall look like; empty values stand for the defaults."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    width: Annotated[Given[Text], _whole(DEFAULT_BOX_PX, DEFAULT_CAP_PX)] = None
    """Width of the box that the picture fits in [pixel]."""
    height: Annotated[Given[Text], _whole(DEFAULT_BOX_PX, DEFAULT_CAP_PX)] = None
    """Height of that box [pixel]."""
    label: Annotated[Given[Text], Field(examples=["M67"])] = None
    """Text in the lower left corner."""
    color: Annotated[Given[Text], WithJsonSchema({"type": "boolean", "default": False})] = None
    """Whether the picture is composed of the request's frames in R (or rp), V and B."""
    median: Annotated[Given[Text], WithJsonSchema({"type": "boolean", "default": False})] = None
    """Whether the median becomes black, and `percentile` white."""
    percentile: Annotated[
        Given[Text],
        WithJsonSchema(
            {"type": "number", "minimum": 0, "maximum": 100, "default": DEFAULT_PERCENTILE}
        ),
    ] = None
    """What becomes white, with `median`."""
    quality: Annotated[Given[Text], _whole(DEFAULT_QUALITY, 100)] = None
    """Of the JPEG."""

    def spec(self, *, cap_px: int) -> ThumbnailSpec:
        """Read the wish.

        Parameters
        ----------
        cap_px
            Largest width and height [pixel].

        Returns
        -------
        ThumbnailSpec
            With defaults for what is not given.

        Raises
        ------
        InvalidError
            If a value is not allowed; names the parameter (THU-10).
        """  # parse raises it
        given = {name: value for name, value in self.model_dump().items() if value is not None}
        return ThumbnailSpec.parse(given, cap_px=cap_px)


class AskedIn(ThumbnailIn):
    """A thumbnail, and how it is wanted."""

    image: Given[Text] = None
    """Any value: answer 302 with the picture's URL as Location."""


class PictureIn(ThumbnailIn):
    """What a signed link carries."""

    of: Text = ""
    """Versions, as `<frame>.<version>`, separated by commas."""
    expires: Text = ""
    """When the link lapses [s since 1970, UTC]."""
    signature: Text = ""
    """Over all of it."""


class ThumbnailOut(BaseModel):
    """Where the picture is (THU-20)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    url: str
    """Of the picture; absolute, needs no token, works for a while."""
    propid: str
    """Proposal of the frame; empty for none."""


class MessageOut(BaseModel):
    """What went wrong."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    message: str
    """One of the texts that clients know."""
    reason: str | None = None
    """More about it, where there is more."""


def write_message(problem: Problem) -> Response:
    """Write ``{"message": …}``, the form of the LCO thumbnail service (THU §5).

    Parameters
    ----------
    problem
        What went wrong.

    Returns
    -------
    Response
        The answer.
    """
    return LenientJSON({"message": _message(problem)}, problem.status, problem.headers)


def _message(problem: Problem) -> str:
    """Give the text that clients know."""
    if problem.kind == _CHANNEL_MISSING:
        return CHANNELS_NOT_FOUND
    return NOT_FOUND if problem.status == 404 else problem.detail
