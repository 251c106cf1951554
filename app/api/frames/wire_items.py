"""The item of a frame: its documented shape, and what writes it.

It is that of the LCO archive with both of its sets of names (contract: LCO archive §2). The strict
dialect shows it as it is, the root adds members of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from app.api.validation import Given
from app.frames.links import LinkSigner
from app.frames.models import Frame, FrameFacts, Version

Members = dict[str, Any]
"""A frame as it is written: plain values by name."""


class VersionOut(BaseModel):
    """A stored state of a frame."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    """Number of the version."""
    key: str
    """Up to 32 characters, unique."""
    md5: str
    """Of the stored bytes; of a version whose bytes are not here, as it was announced."""
    extension: str
    """What follows the basename in the file name."""
    url: str
    """Absolute link that needs no token, for a while."""
    created: datetime
    """When the version was filed, UTC."""


class StoredVersionOut(VersionOut):
    """A stored state of a frame, and whether its bytes are whole."""

    damage: Literal["missing", "altered", "unreadable"] | None
    """What a verification found wrong with the stored bytes, which are not served until they are
    mended; null: nothing."""
    verified_at: datetime | None
    """When the stored bytes were found to be what was stored, UTC; null: not yet."""


class AreaOut(BaseModel):
    """The sky area of a frame: GeoJSON (RFC 7946), longitude = right ascension, 0 to 360."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: Literal["Polygon"]
    """Always `Polygon`."""
    coordinates: list[list[tuple[float, float]]]
    """One closed ring of right ascension and declination [deg], ICRS."""


class ItemOut(BaseModel):
    """A frame. Members in capitals are the same values under the names of FITS."""

    model_config = ConfigDict(use_attribute_docstrings=True)

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
    observation_id: int | None
    """Number of the observation block."""
    BLKUID: int | None
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
    thumbnails: list[dict[str, Any]] = []
    """Stored thumbnails, if they are asked for."""


class ShownIn(BaseModel):
    """What the items of a list hold."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    include_related_frames: Given[str] = None
    """`false`: without `related_frames`."""
    include_thumbnails: Given[str] = None
    """`true`: with `thumbnails`."""
    force_count: Given[str] = None
    """Accepted; the count is exact anyway."""


@dataclass(frozen=True, slots=True)
class FrameView:
    """Writes frames.

    Attributes
    ----------
    http_root
        Public URL of the mount, without a final slash.
    links
        Signs the links.
    picture_root
        Public URL of the mount that has the thumbnails, likewise.
    with_related, with_thumbnails
        Whether the items have these members.
    pictures
        Thumbnails by number of the frame; see `app.api.frames.pictures.pictured`.
    signs
        Whether links open what they lead to. Only for frames that the caller sees.
    """

    http_root: str
    links: LinkSigner
    picture_root: str = ""
    with_related: bool = True
    with_thumbnails: bool = False
    pictures: Mapping[int, Sequence[Members]] = field(default_factory=dict)
    signs: bool = True

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
        return replace(
            self,
            with_related=(wish.include_related_frames or "").strip().lower() != "false",
            with_thumbnails=(wish.include_thumbnails or "").strip().lower() == "true",
        )

    def strict_item(self, frame: Frame) -> Members:
        """Write a frame as the LCO archive does.

        Parameters
        ----------
        frame
            One that the caller sees.

        Returns
        -------
        dict
            Members of `app.api.archive.wire.FrameOut`.
        """
        members = {"id": frame.id, "basename": frame.basename, **_facts(frame.facts)}
        versions = [self.version(frame.id, version) for version in frame.versions]
        members["version_set"] = versions
        members["url"] = versions[0]["url"] if versions else None
        members["filename"] = frame.filename
        if self.with_related:
            members["related_frames"] = frame.related
        if self.with_thumbnails:
            members["thumbnails"] = self.pictures.get(frame.id, ())
        return members

    def item(self, frame: Frame) -> Members:
        """Write a frame as the root does.

        Parameters
        ----------
        frame
            One that the caller sees.

        Returns
        -------
        dict
            Members of `app.api.frames.wire.FrameOut`.
        """
        facts = frame.facts
        request = facts.request_text if facts.request_id is None else facts.request_id
        stored = frame.current.stored if frame.current else None
        members = self.strict_item(frame)
        members["version_set"] = [
            written | _soundness(version)
            for written, version in zip(members["version_set"], frame.versions, strict=True)
        ]
        checksums = frame.current.checksums if frame.current else None
        return members | {
            "night": facts.night,
            "IMAGETYP": facts.image_type_raw or "",
            "OBSNUM": facts.observation_text,
            "binning": f"{facts.x_binning or 1}x{facts.y_binning or 1}",
            "request_id": request,
            "REQNUM": request,
            "size_bytes": stored and stored.size_bytes,
            "md5": frame.current and frame.current.md5,
            "sha256": stored and stored.sha256,
            "fits_checksum": checksums and checksums.state,
        }

    def version(self, frame_id: int, version: Version) -> Members:
        """Write a version.

        Parameters
        ----------
        frame_id
            Number of its frame.
        version
            The version.

        Returns
        -------
        dict
            Members of `VersionOut`.
        """
        key = version.key
        query = self.links.sign(frame_id, key) if self.signs else f"version={quote(key, safe='')}"
        return {
            "id": version.id,
            "key": version.key,
            "md5": version.md5,
            "extension": version.extension,
            "url": f"{self.http_root}/frames/{frame_id}/download/?{query}",
            "created": version.created_at,
        }


def _soundness(version: Version) -> Members:
    """Say whether the stored bytes of a version are whole."""
    stored = version.stored
    return {"damage": stored and stored.damage, "verified_at": stored and stored.verified_at}


def _facts(facts: FrameFacts) -> Members:
    """Give what the catalogue says of a frame, under both names."""
    ring = facts.area_deg
    proposal, instrument = facts.proposal or "", facts.instrument or ""
    target, filter_name = facts.object_name or "", facts.filter_name or ""
    site, telescope = facts.site or "", facts.telescope or ""
    kind = facts.observation_type or ""
    return {
        "observation_date": facts.observed_at,
        "DATE_OBS": facts.observed_at,
        "observation_day": facts.day_obs,
        "DAY_OBS": facts.day_obs,
        "proposal_id": proposal,
        "PROPID": proposal,
        "instrument_id": instrument,
        "INSTRUME": instrument,
        "target_name": target,
        "OBJECT": target,
        "reduction_level": facts.reduction_level,
        "RLEVEL": facts.reduction_level,
        "site_id": site,
        "SITEID": site,
        "telescope_id": telescope,
        "TELID": telescope,
        "exposure_time": facts.exposure_s,
        "EXPTIME": facts.exposure_s,
        "primary_optical_element": filter_name,
        "FILTER": filter_name,
        "public_date": facts.public_at,
        "L1PUBDAT": facts.public_at,
        "configuration_type": kind,
        "OBSTYPE": kind,
        "observation_id": facts.block_id,
        "BLKUID": facts.block_id,
        "request_id": facts.request_id,
        "REQNUM": facts.request_id,
        "area": None if ring is None else {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
    }
