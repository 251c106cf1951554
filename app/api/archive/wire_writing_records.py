"""Shapes of versions and stored thumbnails, and of pages of them. Contract: LCO archive §7."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.frames.wire_items import VersionOut
from app.api.validation import BigInt, Given, Text
from app.frames.announced import ThumbnailQuery

ThumbnailSize = Literal["small", "medium", "large"]


class PageIn(BaseModel):
    """Which part of a list is wanted."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    limit: Annotated[Given[str], Field(examples=["50"])] = None
    """Most items in the answer: 100 when absent, not positive or no number; at most 1000."""
    offset: Given[str] = None
    """Items to pass over; 0 when absent, negative or no number."""


class VersionsIn(PageIn):
    """Which versions are wanted."""

    md5: Annotated[Given[Text], Field(examples=["9e107d9d372bb6826bd81d3542a419d6"])] = None
    """Of the bytes as they were announced, as they came, or as they are stored."""


class ThumbnailsIn(PageIn):
    """Which thumbnails are wanted."""

    frame_basename: Given[Text] = None
    """Of the frame, exactly."""
    proposal_id: Given[Text] = None
    """Of the frame, exactly."""
    observation_id: Given[BigInt] = None
    """Of the frame."""
    request_id: Given[BigInt] = None
    """Of the frame."""
    size: Given[ThumbnailSize] = None
    """Of the picture."""

    def query(self) -> ThumbnailQuery:
        """Give what the catalogue is asked.

        Returns
        -------
        ThumbnailQuery
            Without the window.
        """
        return ThumbnailQuery(
            frame_basename=self.frame_basename,
            proposal=self.proposal_id,
            block_id=self.observation_id,
            request_id=self.request_id,
            size=self.size,
        )


class VersionListOut(BaseModel):
    """A page of versions."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    count: int
    """Exact number of matches."""
    next: str | None
    """URL of the next page."""
    previous: str | None
    """URL of the previous page."""
    results: list[VersionOut]
    """The versions of this page, by number."""


class ThumbnailOut(BaseModel):
    """A picture of a frame that an ingester posted."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    """Number of the picture."""
    frame: int
    """Number of the frame."""
    size: ThumbnailSize
    """How large it is."""
    basename: str
    """Name, unique, without extension."""
    extension: str
    """What follows the basename in the file name."""
    key: str
    """Name that the file store of the ingester gave the bytes."""
    url: str
    """Absolute link that needs no token, for a while."""


class ThumbnailListOut(BaseModel):
    """A page of thumbnails."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    count: int
    """Exact number of matches."""
    next: str | None
    """URL of the next page."""
    previous: str | None
    """URL of the previous page."""
    results: list[ThumbnailOut]
    """The thumbnails of this page, by number."""
