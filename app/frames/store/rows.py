"""Rows → models, and back."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.orm import Bundle, InstrumentedAttribute

from app.core.sky import position_deg, unit_vector
from app.core.sky_polygon import polygon_of, polygon_of_flat
from app.db.tables import FileRow, FrameRow, FrameVersionRow
from app.fits.models import Checksums, ChecksumState
from app.frames.models import FrameFacts, HeaderOfHdu, ReceivedFile, StoredFile, Version

_PLACES = ("area_deg",)
PLAIN_FACTS = tuple(f.name for f in fields(FrameFacts) if f.name not in _PLACES)
"""Facts that are columns of the same name."""

_COLUMNS: list[InstrumentedAttribute[Any]] = [
    getattr(FrameRow, name) for name in ("id", "basename", "area", *PLAIN_FACTS)
]
FRAMES: Select[Any] = select(*_COLUMNS)
"""What `facts_of` reads. Columns, since making objects of rows takes longer than fetching them."""

VERSIONS: Select[Any] = select(
    Bundle("version", *FrameVersionRow.__mapper__.column_attrs),
    Bundle("file", *FileRow.__mapper__.column_attrs),
).join_from(FrameVersionRow, FileRow, FileRow.id == FrameVersionRow.file_id, isouter=True)  # type: ignore[assignment]  # bundles have no type of their own
"""What `version_of` joins, likewise; without bytes the file's half is all None."""


def facts_of(row: Sequence[Any]) -> FrameFacts:
    """Read the facts of a row of `FRAMES`."""
    _, _, flat, *plain = row
    area = None
    if flat is not None:
        area = tuple(position_deg(vertex) for vertex in polygon_of_flat(flat).vertices)
    return FrameFacts(**dict(zip(PLAIN_FACTS, plain, strict=True)), area_deg=area)


def columns_of(facts: FrameFacts) -> dict[str, Any]:
    """Give the columns that hold the facts."""
    values: dict[str, Any] = {name: getattr(facts, name) for name in PLAIN_FACTS}
    x, y, z = None, None, None
    if facts.ra_deg is not None and facts.dec_deg is not None:
        x, y, z = unit_vector(facts.ra_deg, facts.dec_deg)
    values |= {"x": x, "y": y, "z": z, "area": None, "area_box": None}
    if facts.area_deg is not None:
        polygon = polygon_of(facts.area_deg)
        values |= {"area": polygon.flat(), "area_box": polygon.box()}
    return values


def version_of(row: Row[Any], file: Row[Any]) -> Version:
    """Join the halves of a row of `VERSIONS`."""
    return Version(
        id=row.id,
        frame_id=row.frame_id,
        key=row.key,
        name=file.name or row.received_name,
        extension=row.extension,
        announced_md5=row.received_md5,
        stored=None if file.id is None else stored_of(file, row.extension),
        received=_received_of(row),
        expected_keys=tuple(row.expected_keys),
        repairs=tuple(row.repairs),
        checksums=_checksums_of(row),
        science_hdu=row.science_hdu,
        created_at=row.created_at,
    )


def checksum_columns(checksums: Checksums | None) -> dict[str, Any]:
    """Give the columns that hold what the checksums inside a file say."""
    if checksums is None:
        return {"fits_checksum": None, "checksum_flaws": []}
    return {"fits_checksum": checksums.state, "checksum_flaws": list(checksums.flaws)}


def _checksums_of(row: Row[Any]) -> Checksums | None:
    if row.fits_checksum is None:
        return None
    return Checksums(ChecksumState(row.fits_checksum), tuple(row.checksum_flaws))


def version_time(frame_id: int, now: datetime) -> ColumnElement[datetime]:
    """Give the time of a new version: now, but never before that of an older one.

    Whoever adds a version told the time before it waited for the name, and clocks of several
    machines differ; times shall tell the same order as numbers.
    """
    latest = select(func.max(FrameVersionRow.created_at))
    latest = latest.where(FrameVersionRow.frame_id == frame_id)
    return func.greatest(now, latest.scalar_subquery())


def stored_of(file: Row[Any], extension: str) -> StoredFile:
    """Read the columns of a stored file."""
    return StoredFile(
        key=file.key,
        name=file.name,
        extension=extension,
        content_type=file.content_type,
        size_bytes=file.size_bytes,
        md5=file.md5,
        sha256=file.sha256,
        crc32=file.crc32,
        damage=file.damage,
        verified_at=file.verified_at,
    )


def _received_of(row: Row[Any]) -> ReceivedFile | None:
    if row.received_sha256 is None:
        return None
    return ReceivedFile(
        name=row.received_name,
        size_bytes=row.received_size_bytes,
        md5=row.received_md5,
        sha256=row.received_sha256,
    )


def file_columns(stored: StoredFile) -> dict[str, Any]:
    """Give the columns of a stored file; the extension belongs to the version."""
    columns = asdict(stored)
    del columns["extension"]
    return columns


def header_json(hdus: tuple[HeaderOfHdu, ...]) -> list[Any]:
    """Give the JSON form of the headers of a file."""
    return [
        {
            "index": hdu.index,
            "name": hdu.name,
            "kind": hdu.kind,
            "cards": [list(card) for card in hdu.cards],
        }
        for hdu in hdus
    ]


def headers_of(document: list[Any]) -> tuple[HeaderOfHdu, ...]:
    """Read the JSON form of the headers of a file."""
    return tuple(
        HeaderOfHdu(
            index=hdu["index"],
            name=hdu["name"],
            kind=hdu["kind"],
            cards=tuple((card[0], card[1], card[2]) for card in hdu["cards"]),
        )
        for hdu in document
    )
