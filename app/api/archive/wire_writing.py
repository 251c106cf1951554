"""What an ingester posts: frames, versions, thumbnails. Contract: LCO archive §7."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.archive.wire_writing_fields import (
    Area,
    ConfigurationType,
    Extension,
    FileName,
    Level,
    MaybeType,
    Md5,
    Plain,
    Printable,
)
from app.api.validation import BigInt, DateParam, Number, UtcDatetime
from app.fits.models import HeaderValue
from app.frames.announced import AnnouncedThumbnail, AnnouncedVersion
from app.ingest.announcing import Posted
from app.ingest.lco_paths import LcoPlace

_ATTRIBUTES: Final = {
    "observation_date": "observed_at",
    "observation_day": "day_obs",
    "proposal_id": "proposal",
    "instrument_id": "instrument",
    "target_name": "object_name",
    "reduction_level": "reduction_level",
    "site_id": "site",
    "telescope_id": "telescope",
    "exposure_time": "exposure_s",
    "primary_optical_element": "filter_name",
    "public_date": "public_at",
    "configuration_type": "observation_type",
    "observation_id": "block_id",
    "request_id": "request_id",
    "area": "area_deg",
}
"""Field of a body -> attribute of `FrameFacts`."""


class VersionIn(BaseModel):
    """Bytes that were stored."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    md5: Md5
    """Of the bytes; unique."""
    key: Printable
    """Name that the file store gave them; unique."""
    extension: Extension
    """What follows the basename in the file name."""


class DescriptionIn(BaseModel):
    """What the posts of frames and of thumbnails have in common."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    observation_date: UtcDatetime | None = None
    """Start of the exposure, UTC."""
    proposal_id: Plain = ""
    instrument_id: Plain = ""
    target_name: Plain = ""
    reduction_level: Level = 0
    site_id: Plain = ""
    telescope_id: Plain = ""
    exposure_time: Number | None = None
    """Exposure time [s]."""
    primary_optical_element: Plain = ""
    public_date: UtcDatetime | None = None
    """From when on everybody sees the frame; null: never by itself; absent: by the rules here."""
    observation_id: BigInt | None = None
    request_id: BigInt | None = None

    def facts(self) -> dict[str, Any]:
        """Give what the client says of the frame.

        Returns
        -------
        dict
            Attributes of `FrameFacts`; what is not sent is left out, empty text is None.
        """
        facts: dict[str, Any] = {}
        for field, attribute in _ATTRIBUTES.items():
            if field in self.model_fields_set:
                facts[attribute] = getattr(self, field) or None
        if "exposure_s" in facts:
            facts["exposure_s"] = self.exposure_time
        facts["reduction_level"] = self.reduction_level
        if "request_id" in facts:
            facts["request_text"] = None if self.request_id is None else str(self.request_id)
        return facts


class FrameIn(DescriptionIn):
    """A frame that an ingester announces."""

    basename: FileName
    """Without extension; a known frame is changed."""
    version_set: list[VersionIn]
    """New versions."""
    headers: dict[str, Any]
    """Keyword -> value."""
    area: Area
    """Sky area, ICRS."""
    related_frame_filenames: list[Plain]
    """Basenames of frames that this one was made from or belongs to."""
    configuration_type: ConfigurationType
    """Class of the frame."""
    observation_day: DateParam
    """Night, `YYYY-MM-DD` or `YYYYMMDD`."""

    def posted(self, raw: Mapping[str, Any]) -> Posted:
        """Give what the archive shall know.

        Parameters
        ----------
        raw
            The body as it was sent, which says how the client writes the day in paths.

        Returns
        -------
        Posted
            For the ingest.
        """
        place = _place(self, raw, self.observation_day, self.configuration_type)
        versions = tuple(
            AnnouncedVersion(
                each.key, each.md5, each.extension, place.frame_keys(self.basename, each.extension)
            )
            for each in self.version_set
        )
        return Posted(
            basename=self.basename,
            header=_header(self.headers),
            given=self.facts(),
            versions=versions,
            related=_names(self.related_frame_filenames),
        )


class ThumbnailIn(DescriptionIn):
    """A picture of a frame that an ingester announces."""

    basename: FileName
    """Of the picture, without extension; a known one is replaced."""
    frame_basename: FileName
    """Of the frame; it is added, without a version, where it is not known."""
    size: Literal["small", "medium", "large"]
    version_set: Annotated[list[VersionIn], Field(min_length=1)]
    """One version."""
    headers: dict[str, Any] = {}
    """Keyword -> value."""
    area: Area = None
    """Sky area, ICRS."""
    related_frame_filenames: list[Plain] = []
    configuration_type: MaybeType = ""
    """Class of the frame."""
    observation_day: DateParam | None = None
    """Night, `YYYY-MM-DD` or `YYYYMMDD`."""

    def posted(self) -> Posted:
        """Give what is said of the frame.

        Returns
        -------
        Posted
            For the ingest.
        """
        return Posted(
            basename=self.frame_basename,
            header=_header(self.headers),
            given=self.facts(),
            related=_names(self.related_frame_filenames),
        )

    def thumbnail(self, raw: Mapping[str, Any]) -> AnnouncedThumbnail:
        """Give what is said of the picture.

        Parameters
        ----------
        raw
            The body as it was sent, which says how the client writes the day in paths.

        Returns
        -------
        AnnouncedThumbnail
            Of the first version.
        """
        place = _place(self, raw, self.observation_day, self.configuration_type)
        first = self.version_set[0]
        keys = place.thumbnail_keys(self.basename, first.extension)
        return AnnouncedThumbnail(
            basename=self.basename,
            size=self.size,
            version=AnnouncedVersion(first.key, first.md5, first.extension, keys),
        )


def _place(
    body: DescriptionIn, raw: Mapping[str, Any], day: date | None, configuration_type: str
) -> LcoPlace:
    return LcoPlace(
        site=body.site_id,
        instrument=body.instrument_id,
        day_text=str(raw.get("observation_day") or ""),
        day=day,
        is_raw=body.reduction_level == 0,
        configuration_type=configuration_type,
    )


def _names(basenames: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in basenames if name))


def _header(headers: Mapping[str, Any]) -> dict[str, HeaderValue]:
    return {_storable(keyword): _value(value) for keyword, value in headers.items()}


def _value(value: object) -> HeaderValue:
    """Make a value of JSON one of a card: text that the database holds, or a finite number."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case str():
            return _storable(value)
        case _:
            return _storable(json.dumps(value))


def _storable(text: str) -> str:
    """Replace what the database cannot hold."""
    cleaned = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return cleaned.encode("utf-8", "replace").decode()
