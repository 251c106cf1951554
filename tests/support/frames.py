"""Register frames in the catalogue without reading files, for tests."""

import hashlib
import itertools
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from app.core.night import night_of
from app.db.engine import Sessions, transaction
from app.frames.models import FrameFacts, HeaderOfHdu, ReceivedFile, StoredFile, Version
from app.frames.registration import NewVersion, Registered
from app.frames.registry import FrameRegistry
from app.frames.versions import stored_file
from app.storage.protocol import Store

PAST = datetime(2020, 1, 1, tzinfo=UTC)
FUTURE = datetime(2099, 1, 1, tzinfo=UTC)
OBSERVED = datetime(2026, 11, 18, 22, 30, 15, 250_000, tzinfo=UTC)

DEFAULTS = FrameFacts(
    site="tst",
    telescope="1m0a",
    instrument="cam1",
    observation_type="EXPOSE",
    image_type_raw="object",
    filter_name="V",
    exposure_s=60.0,
    observed_at=OBSERVED,
    object_name="M67",
    reduction_level=0,
    width_px=24,
    height_px=32,
    x_binning=1,
    y_binning=1,
    public_at=PAST,
)

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Made:
    """A frame that a test made, and the bytes of its version."""

    id: int
    basename: str
    content: bytes
    version_id: int


async def a_frame(  # noqa: PLR0913  # all but the first have defaults
    sessions: Sessions,
    basename: str | None = None,
    *,
    content: bytes | None = None,
    received: bytes | None = None,
    store: Store | None = None,
    extension: str = ".fits",
    hdus: Sequence[HeaderOfHdu] = (),
    science_hdu: int | None = 0,
    related: Sequence[str] = (),
    owner_id: int | None = None,
    now: datetime = PAST,
    **facts: object,
) -> Made:
    """Register a frame, or a new version of a known basename.

    Parameters
    ----------
    sessions
        Where to.
    basename
        None for a new one.
    content
        Bytes of the version; None for some that are unique.
    received
        Bytes as they came, where they were packed since; None for the same.
    store
        Where the bytes are put; None: the catalogue knows them, and they are nowhere.
    extension, hdus, science_hdu, related, owner_id
        Of the version.
    now
        When it is filed.
    **facts
        Attributes of `FrameFacts`, over `DEFAULTS`. The night and the day of observation follow
        from ``observed_at`` unless they are given.
    """
    number = next(_numbers)
    basename = basename or f"frame-{number:05d}"
    content = content if content is not None else f"{basename} {number}".encode()
    key = f"made/{number:05d}/{basename}{extension}"
    if store is not None:
        await _put(store, key, content)
    new = NewVersion(
        basename=basename,
        stored=_stored(key, basename, extension, content),
        received=_received(basename + extension, received or content),
        facts=_facts(facts),
        hdus=tuple(hdus) or (a_header(),),
        science_hdu=science_hdu,
        related=tuple(related),
        repairs=(),
        owner_id=owner_id,
    )
    registered = await _register(sessions, new, now)
    return Made(registered.frame_id, basename, content, registered.version_id)


def stored_in(version: Version | None) -> StoredFile:
    """Give the file of a version that is here."""
    assert version is not None
    return stored_file(version)


def received_as(version: Version | None) -> ReceivedFile:
    """Give the file that a version came as."""
    assert version is not None
    assert version.received is not None
    return version.received


def a_header(index: int = 0, name: str = "", kind: str = "image", **cards: object) -> HeaderOfHdu:
    """Make the header of an HDU; ``_`` in a keyword stands for ``-``."""
    given: dict[str, object] = (
        {"SIMPLE": True, "OBJECT": "M67"} if index == 0 else {"XTENSION": "IMAGE"}
    )
    given |= {key.replace("_", "-"): value for key, value in cards.items()}
    return HeaderOfHdu(index, name, kind, tuple((key, value, "") for key, value in given.items()))


def _facts(given: dict[str, Any]) -> FrameFacts:
    facts = replace(DEFAULTS, **given)
    night: date | None = facts.night
    if night is None and facts.observed_at is not None and "night" not in given:
        night = night_of(facts.observed_at, None)
    day_obs = facts.day_obs if "day_obs" in given else night
    return replace(facts, night=night, day_obs=day_obs)


def _stored(key: str, basename: str, extension: str, content: bytes) -> StoredFile:
    return StoredFile(
        key=key,
        name=basename + extension,
        extension=extension,
        content_type="image/fits",
        size_bytes=len(content),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(content).hexdigest(),
        crc32=zlib.crc32(content),
    )


def _received(name: str, content: bytes) -> ReceivedFile:
    return ReceivedFile(
        name=name,
        size_bytes=len(content),
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(content).hexdigest(),
    )


async def _put(store: Store, key: str, content: bytes) -> None:
    """Write bytes as the ingest does."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "content"
        source.write_bytes(content)
        staged = await store.stage(source, key)
        staged.commit()


async def _register(sessions: Sessions, new: NewVersion, now: datetime) -> Registered:
    async with transaction(sessions) as session:
        return await FrameRegistry(session).register(new, now)
