"""The catalogue: files, frames, their versions, headers and relations."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.sky import Box
from app.db.sky import Cube
from app.db.tables.base import Base, archive_ids


class FileRow(Base):
    """One stored file: where its bytes are, and what proves them whole.

    Damage is what a verification found wrong with the bytes; NULL: nothing.
    """

    __tablename__ = "files"
    __table_args__ = (CheckConstraint("size_bytes >= 0", name="size_not_negative"),)

    id: Mapped[int] = mapped_column(archive_ids, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    size_bytes: Mapped[int]
    md5: Mapped[str] = mapped_column(index=True)
    sha256: Mapped[str] = mapped_column(index=True)
    crc32: Mapped[int]
    content_type: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    verified_at: Mapped[datetime | None]
    damage: Mapped[str | None]
    damaged_at: Mapped[datetime | None]


class FrameRow(Base):
    """The catalogue entry of a frame. NULL means that the header does not say it.

    The posted header is what a client said of a frame that had no version; the form is that of
    `FrameHeaderRow`. It is shown until there is a version, which has a header of its own.
    """

    __tablename__ = "frames"
    __table_args__ = (
        Index("ix_frames_observed_at_id", text("observed_at DESC NULLS LAST"), text("id DESC")),
        Index("ix_frames_position", text("cube(cube(cube(x), y), z)"), postgresql_using="gist"),
        Index("ix_frames_area_box", "area_box", postgresql_using="gist"),
        CheckConstraint("(area IS NULL) = (area_box IS NULL)", name="area_with_box"),
        CheckConstraint(
            "(ra_deg IS NULL) = (dec_deg IS NULL) AND (ra_deg IS NULL) = (x IS NULL)",
            name="whole_position",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    basename: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    site: Mapped[str | None] = mapped_column(index=True)
    telescope: Mapped[str | None] = mapped_column(index=True)
    instrument: Mapped[str | None] = mapped_column(index=True)
    observation_type: Mapped[str | None] = mapped_column(index=True)
    image_type_raw: Mapped[str | None]
    filter_name: Mapped[str | None] = mapped_column(index=True)
    exposure_s: Mapped[float | None]
    observed_at: Mapped[datetime | None]
    day_obs: Mapped[date | None] = mapped_column(index=True)
    night: Mapped[date | None] = mapped_column(index=True)
    object_name: Mapped[str | None] = mapped_column(index=True)
    proposal: Mapped[str | None] = mapped_column(index=True)
    request_text: Mapped[str | None] = mapped_column(index=True)
    request_id: Mapped[int | None] = mapped_column(index=True)
    observation_text: Mapped[str | None] = mapped_column(index=True)
    block_id: Mapped[int | None] = mapped_column(index=True)
    submitter: Mapped[str | None]
    reduction_level: Mapped[int] = mapped_column(Integer())
    width_px: Mapped[int | None]
    height_px: Mapped[int | None]
    x_binning: Mapped[int | None] = mapped_column(Integer())
    y_binning: Mapped[int | None] = mapped_column(Integer())
    airmass: Mapped[float | None]
    telescope_altitude_deg: Mapped[float | None]
    telescope_azimuth_deg: Mapped[float | None]
    focus: Mapped[float | None]
    sun_altitude_deg: Mapped[float | None]
    sun_distance_deg: Mapped[float | None]
    moon_altitude_deg: Mapped[float | None]
    moon_fraction: Mapped[float | None]
    moon_distance_deg: Mapped[float | None]
    data_mean: Mapped[float | None]

    ra_deg: Mapped[float | None]
    dec_deg: Mapped[float | None]
    x: Mapped[float | None]
    y: Mapped[float | None]
    z: Mapped[float | None]
    area: Mapped[list[float] | None] = mapped_column(ARRAY(Double()))
    area_box: Mapped[Box | None] = mapped_column(Cube())

    public_at: Mapped[datetime | None] = mapped_column(index=True)
    is_internal: Mapped[bool] = mapped_column(server_default=text("false"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    has_catalog: Mapped[bool] = mapped_column(server_default=text("false"))
    has_versions: Mapped[bool] = mapped_column(server_default=text("false"))
    posted_header: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))


class FrameVersionRow(Base):
    """One state of a frame's bytes. What was received stays known when the file is packed.

    A version that a client announced has an MD5, and no file until its bytes turn up. The FITS
    checksum is what CHECKSUM and DATASUM of the bytes as received said of them.
    """

    __tablename__ = "frame_versions"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    frame_id: Mapped[int] = mapped_column(ForeignKey("frames.id", ondelete="CASCADE"), index=True)
    file_id: Mapped[int | None] = mapped_column(ForeignKey("files.id"), unique=True)
    key: Mapped[str] = mapped_column(unique=True)
    extension: Mapped[str]
    received_name: Mapped[str]
    received_size_bytes: Mapped[int | None]
    received_md5: Mapped[str] = mapped_column(unique=True)
    received_sha256: Mapped[str | None] = mapped_column(unique=True)
    expected_keys: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    repairs: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    fits_checksum: Mapped[str | None]
    checksum_flaws: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    science_hdu: Mapped[int | None] = mapped_column(Integer())
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class FrameHeaderRow(Base):
    """The header cards of every HDU of a version."""

    __tablename__ = "frame_headers"

    version_id: Mapped[int] = mapped_column(
        ForeignKey("frame_versions.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    hdus: Mapped[list[Any]]


class StoredThumbnailRow(Base):
    """A picture of a frame that a client made and announced; its bytes may turn up later."""

    __tablename__ = "stored_thumbnails"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    frame_id: Mapped[int] = mapped_column(ForeignKey("frames.id", ondelete="CASCADE"), index=True)
    file_id: Mapped[int | None] = mapped_column(ForeignKey("files.id"), unique=True)
    size: Mapped[str]
    basename: Mapped[str] = mapped_column(unique=True)
    extension: Mapped[str]
    key: Mapped[str]
    md5: Mapped[str]
    expected_keys: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class FrameLinkRow(Base):
    """A frame names another one, which may not have arrived yet: reading resolves the basename."""

    __tablename__ = "frame_links"

    frame_id: Mapped[int] = mapped_column(
        BigInteger(), ForeignKey("frames.id", ondelete="CASCADE"), primary_key=True
    )
    basename: Mapped[str] = mapped_column(primary_key=True, index=True)
