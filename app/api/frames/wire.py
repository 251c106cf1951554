"""Shapes of the frames area: the item, the list, the aggregate, what became of an upload.

An item is that of the LCO archive with both of its sets of names, and the members that pyobs has
besides. Contract: shared model §6, LCO archive §2.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from app.api.frames import examples
from app.api.frames.wire_items import ItemOut, StoredVersionOut
from app.api.validation import Given, LaxBool, RowId, Text
from app.frames.models import Facets
from app.ingest.models import ArrivalState


def _config(example: dict[str, Any] | None = None) -> ConfigDict:
    extra: dict[str, Any] = {} if example is None else {"examples": [example]}
    return ConfigDict(use_attribute_docstrings=True, json_schema_extra=extra)


class FrameOut(ItemOut):
    """A frame. Members in capitals are the same values under the names of FITS."""

    model_config = _config(examples.FRAME)

    version_set: list[StoredVersionOut]  # type: ignore[assignment]  # more members, never less
    """States of its bytes, newest first."""
    night: date | None
    """Night from local noon to local noon."""
    IMAGETYP: str
    """Image type as the header gives it."""
    request_id: int | str | None
    """Request; a number where it is one."""
    REQNUM: int | str | None
    OBSNUM: str | None
    """Observation, as text."""
    binning: str
    """Binning, `2x2`."""
    size_bytes: int | None
    """Size of the newest version [byte]; null where its bytes are not here."""
    md5: str | None
    """MD5 of the newest version."""
    sha256: str | None
    """SHA-256 of the newest version, likewise; also the entity tag of its download."""
    fits_checksum: str | None
    """What CHECKSUM and DATASUM said of the newest version as it was received: `valid`, `invalid`
    or `absent`; null where nobody looked. `headers/` has the flaws."""


class FrameListOut(BaseModel):
    """A page of frames."""

    model_config = _config(examples.FRAMES)

    count: int
    """Exact number of matches."""
    next: str | None
    """URL of the next page."""
    previous: str | None
    """URL of the previous page."""
    results: list[FrameOut]
    """The frames of this page."""
    count_estimated: Literal[False]
    """Always false."""


class AggregateOut(BaseModel):
    """The distinct values within a selection, each list sorted."""

    model_config = _config(examples.AGGREGATE)

    sites: list[str]
    telescopes: list[str]
    instruments: list[str]
    filters: list[str]
    binnings: list[str]
    imagetypes: list[str]
    """Image types as the headers give them."""
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
            instruments=list(facets.instruments),
            filters=list(facets.filters),
            binnings=list(facets.binnings),
            imagetypes=list(facets.image_types),
            obstypes=list(facets.observation_types),
            proposals=list(facets.proposals),
            generated_at=now,
        )


class ZipIn(BaseModel):
    """Which frames a zip shall hold."""

    model_config = _config()

    frame_ids: Annotated[frozenset[RowId], Field(examples=[[41, 42]])]
    """Numbers of frames; in forms repeated, as `frame_ids` or `frame_ids[]`."""
    auth_token: Given[Text] = None
    """A token, for pages that cannot send a header; it decides before the header."""
    uncompress: Given[LaxBool] = None
    """Whether `.fits.fz` files become `.fits`; for at most 10 frames."""
    catalog_only: Given[LaxBool] = None
    """Whether reduced frames (level 91, EXPOSE) become their source catalogues."""


class UploadOut(BaseModel):
    """What became of one file of an upload."""

    model_config = _config()

    filename: str
    """As it was sent, without folders."""
    state: ArrivalState
    """`filed`, `duplicate` (its bytes were in the archive), `quarantined` (see `reason`), or
    `waiting` (something is away; it is filed later)."""
    frame_id: int | None
    """The frame that it became, or is a duplicate of."""
    reason: str | None
    """Why it could not be filed."""


class CreatedOut(BaseModel):
    """What became of an upload."""

    model_config = _config(examples.CREATED)

    created: int
    """Number of files that are frames now; duplicates count."""
    filenames: list[str]
    """Basenames of these frames."""
    errors: list[str] = []
    """Why others are not; only where there are such."""
    results: list[UploadOut]
    """Each file, in the order of the upload."""
