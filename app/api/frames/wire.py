"""Shapes of the frames area: the item, the list, the aggregate, what became of an upload.

An item is that of the LCO archive with both of its sets of names, and the members that pyobs has
besides. Contract: shared model §6, LCO archive §2.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from app.api.frames import examples
from app.api.validation import Given, RowId, Text
from app.frames.links import LinkSigner
from app.frames.models import Facets, Frame, FrameFacts, Version
from app.ingest.models import ArrivalState


def _config(example: dict[str, Any] | None = None) -> ConfigDict:
    extra: dict[str, Any] = {} if example is None else {"examples": [example]}
    return ConfigDict(use_attribute_docstrings=True, json_schema_extra=extra)


class VersionOut(BaseModel):
    """A stored state of a frame."""

    model_config = _config()

    id: int
    """Number of the version."""
    key: str
    """32 hexadecimal digits, unique."""
    md5: str
    """Of the stored bytes; of a version whose bytes are not here, as it was announced."""
    extension: str
    """What follows the basename in the file name."""
    url: str
    """Absolute link that needs no token, for a while."""
    created: datetime
    """When the version was filed, UTC."""


class AreaOut(BaseModel):
    """The sky area of a frame: GeoJSON (RFC 7946), longitude = right ascension, 0 to 360."""

    model_config = _config()

    type: Literal["Polygon"]
    """Always `Polygon`."""
    coordinates: list[list[tuple[float, float]]]
    """One closed ring of right ascension and declination [deg], ICRS."""


class FrameOut(BaseModel):
    """A frame. Members in capitals are the same values under the names of FITS."""

    model_config = _config(examples.FRAME)

    id: int
    """Number of the frame."""
    basename: str
    """Name, unique, without extension."""
    observation_date: datetime | None
    """Start of the exposure, UTC."""
    DATE_OBS: datetime | None
    observation_day: date | None
    """DAY-OBS of the header, else the night."""
    DAY_OBS: date | None
    night: date | None
    """Night from local noon to local noon."""
    proposal_id: str
    """Proposal; empty for none."""
    PROPID: str
    instrument_id: str
    """Instrument; empty if unknown."""
    INSTRUME: str
    target_name: str
    """Target; empty for none."""
    OBJECT: str
    reduction_level: int
    """0 is raw."""
    RLEVEL: int
    site_id: str
    """Site; empty if unknown."""
    SITEID: str
    telescope_id: str
    """Telescope; empty if unknown."""
    TELID: str
    exposure_time: float | None
    """Exposure time [s]."""
    EXPTIME: float | None
    primary_optical_element: str
    """Filter; empty for none."""
    FILTER: str
    public_date: datetime | None
    """From when on everybody sees the frame, UTC; null: not by itself."""
    L1PUBDAT: datetime | None
    configuration_type: str
    """Class of the image type, upper case; empty if unknown."""
    OBSTYPE: str
    IMAGETYP: str
    """Image type as the header gives it."""
    observation_id: int | None
    """Number of the observation block."""
    BLKUID: int | None
    request_id: int | str | None
    """Request; a number where it is one."""
    REQNUM: int | str | None
    OBSNUM: str | None
    """Observation, as text."""
    binning: str
    """Binning, `2x2`."""
    area: AreaOut | None
    """Sky area; null if unknown."""
    related_frames: list[int] = []
    """Numbers of the frames that this one names or that name it."""
    version_set: list[VersionOut]
    """States of its bytes, newest first."""
    url: str | None
    """Absolute link to the newest version; needs no token, for a while."""
    filename: str | None
    """File name of the newest version."""
    size_bytes: int | None
    """Size of the newest version [byte]; null where its bytes are not here."""
    md5: str | None
    """MD5 of the newest version."""
    sha256: str | None
    """SHA-256 of the newest version, likewise; also the entity tag of its download."""
    thumbnails: list[dict[str, Any]] = []
    """Stored thumbnails, if they are asked for."""


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


class ShownIn(BaseModel):
    """What the items of a list hold."""

    model_config = _config()

    include_related_frames: Given[str] = None
    """`false`: without `related_frames`."""
    include_thumbnails: Given[str] = None
    """`true`: with `thumbnails`."""
    force_count: Given[str] = None
    """Accepted; the count is exact anyway."""


class ZipIn(BaseModel):
    """Which frames a zip shall hold."""

    model_config = _config()

    frame_ids: Annotated[frozenset[RowId], Field(examples=[[41, 42]])]
    """Numbers of frames; in forms repeated, as `frame_ids` or `frame_ids[]`."""
    auth_token: Given[Text] = None
    """A token, for pages that cannot send a header; it decides before the header."""


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


_CAPITALS: Final = {
    "observation_date": "DATE_OBS",
    "observation_day": "DAY_OBS",
    "proposal_id": "PROPID",
    "instrument_id": "INSTRUME",
    "target_name": "OBJECT",
    "reduction_level": "RLEVEL",
    "site_id": "SITEID",
    "telescope_id": "TELID",
    "exposure_time": "EXPTIME",
    "primary_optical_element": "FILTER",
    "public_date": "L1PUBDAT",
    "configuration_type": "OBSTYPE",
    "observation_id": "BLKUID",
    "request_id": "REQNUM",
}
"""Members that stand in an item under two names."""


@dataclass(frozen=True, slots=True)
class FrameView:
    """Writes frames.

    Attributes
    ----------
    http_root
        Public URL of the service.
    links
        Signs the links.
    with_related, with_thumbnails
        Whether the items have these members.
    """

    http_root: str
    links: LinkSigner
    with_related: bool = True
    with_thumbnails: bool = False

    def showing(self, wish: ShownIn) -> "FrameView":
        """Give the view that a client asks for.

        Parameters
        ----------
        wish
            Its parameters; case does not count, and what is no clear yes or no is ignored.

        Returns
        -------
        FrameView
            With or without the optional members.
        """
        return FrameView(
            http_root=self.http_root,
            links=self.links,
            with_related=(wish.include_related_frames or "").strip().lower() != "false",
            with_thumbnails=(wish.include_thumbnails or "").strip().lower() == "true",
        )

    def item(self, frame: Frame) -> FrameOut:
        """Write a frame.

        Parameters
        ----------
        frame
            One that the caller sees.

        Returns
        -------
        FrameOut
            Members that are not asked for are not set.
        """
        values = {"id": frame.id, "basename": frame.basename, **_facts(frame.facts)}
        values |= {capital: values[name] for name, capital in _CAPITALS.items()}
        values |= self._files(frame)
        if self.with_related:
            values["related_frames"] = list(frame.related)
        if self.with_thumbnails:
            values["thumbnails"] = []
        return FrameOut.model_validate(values)

    def _files(self, frame: Frame) -> dict[str, Any]:
        versions = [self._version(frame.id, version) for version in frame.versions]
        stored = frame.current.stored if frame.current else None
        return {
            "version_set": versions,
            "url": versions[0].url if versions else None,
            "filename": frame.filename,
            "size_bytes": stored and stored.size_bytes,
            "md5": frame.current and frame.current.md5,
            "sha256": stored and stored.sha256,
        }

    def _version(self, frame_id: int, version: Version) -> VersionOut:
        signature = self.links.sign(frame_id, version.key)
        return VersionOut(
            id=version.id,
            key=version.key,
            md5=version.md5,
            extension=version.extension,
            url=f"{self.http_root}/frames/{frame_id}/download/?{signature}",
            created=version.created_at,
        )


def _facts(facts: FrameFacts) -> dict[str, Any]:
    """Give what the catalogue says of a frame, under the names in lower case."""
    ring = facts.area_deg
    return {
        "observation_date": facts.observed_at,
        "observation_day": facts.day_obs,
        "night": facts.night,
        "proposal_id": facts.proposal or "",
        "instrument_id": facts.instrument or "",
        "target_name": facts.object_name or "",
        "reduction_level": facts.reduction_level,
        "site_id": facts.site or "",
        "telescope_id": facts.telescope or "",
        "exposure_time": facts.exposure_s,
        "primary_optical_element": facts.filter_name or "",
        "public_date": facts.public_at,
        "configuration_type": facts.observation_type or "",
        "IMAGETYP": facts.image_type_raw or "",
        "observation_id": facts.block_id,
        "request_id": facts.request_text if facts.request_id is None else facts.request_id,
        "OBSNUM": facts.observation_text,
        "binning": f"{facts.x_binning or 1}x{facts.y_binning or 1}",
        "area": None if ring is None else AreaOut(type="Polygon", coordinates=[[*ring, ring[0]]]),
    }
